//! What kinds of entry there are.

use serde::{Deserialize, Serialize};

/// What kind of thing happened. The numbers are part of the hash and never change meaning.
///
/// A number that is not here cannot be read: there is no "other" kind. A new kind raises the
/// store's schema version, so that an older program says that the store is newer than itself, and
/// an unknown number in a store it does read is damage and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EntryKind {
    /// The engine started.
    Started = 1,
    /// The engine stopped in good order.
    Stopped = 2,
    /// Somebody was enrolled with a first template.
    Enrolled = 3,
    /// A further template was added for somebody.
    TemplateAdded = 4,
    /// An enrolment ended; the templates went at once.
    Removed = 5,
    /// A name was changed.
    Renamed = 6,
    /// Somebody was put on the roster without a picture.
    Imported = 7,
    /// Somebody enrolled was identified: the beginning of a passage.
    Passage = 8,
    /// Somebody came into view whom the gallery does not know.
    Unidentified = 9,
    /// An operator said that somebody is present or has left.
    Mark = 10,
    /// The roster left the store as a file.
    Exported = 11,
    /// The source stopped giving frames.
    SourceLost = 12,
    /// The source gives frames again.
    SourceRestored = 13,
    /// Somebody's face was refused as a presentation attack; nobody's attendance.
    Rejected = 14,
    /// A passage that an operator added later for a person who was a stranger at the time; its time
    /// is that of the passage.
    BackFilled = 15,
    /// A stranger's item was taken out of the inbox unseen or unwanted.
    StrangerDiscarded = 16,
    /// The templates moved to another embedding space.
    SpaceChanged = 17,
    /// A self-test of presentation-attack detection ended; the note holds its figures.
    PadTested = 18,
    /// Somebody was taken out of everything; what is left in its parts is the list of what went.
    Erased = 19,
    /// A session was opened; the facts say which.
    SessionOpened = 20,
    /// A session was closed; the facts say which. The standings of everybody expected come with it.
    SessionClosed = 21,
    /// How somebody stood at the end of a session.
    Standing = 22,
    /// Somebody was excused from sessions.
    Excused = 23,
    /// An operator corrected what an earlier entry says, struck it, or added what is missing.
    Corrected = 24,
    /// Somebody who was checked in at the end of a day did not check out; they are taken to have left when
    /// they were last seen.
    CheckOutForgotten = 25,
    /// The clock was set, or ran backwards; the facts say by how much.
    ClockChanged = 26,
    /// Somebody gave an identifier at the door and was refused.
    IdentifierRefused = 27,
    /// The configuration in force is another than at the last start; the facts say what changed.
    ConfigurationChanged = 28,
    /// The threshold in force is another than before; the facts say which.
    ThresholdChanged = 29,
    /// The store was backed up.
    BackedUp = 30,
    /// The store was restored from a backup.
    Restored = 31,
    /// The store's file was compacted.
    Compacted = 32,
    /// The store's key was changed.
    KeyChanged = 33,
    /// Somebody consented to be enrolled; the facts say to which text.
    Consented = 34,
    /// Somebody withdrew their consent.
    ConsentWithdrawn = 35,
    /// What was kept longer than the policy allows was deleted; the part says what.
    RetentionApplied = 36,
    /// Everything held about somebody was given to them.
    PersonExported = 37,
    /// Something about a person on the roster is different, besides their name.
    PersonChanged = 38,
    /// An operator was added, removed, or given another role.
    OperatorChanged = 39,
    /// An operator did something that changes no record: paused the source, left the kiosk view.
    OperatorActed = 40,
    /// Another system did not take a record after every try.
    DeliveryFailed = 41,
    /// Passages were not recorded, as the store took none and the queue was full; the note says how many.
    NotRecorded = 42,
    /// The source gives pictures that are of little use: too dark, frozen, too few; the note says which.
    SourceImpaired = 43,
}

impl EntryKind {
    /// All of them, by number.
    pub const ALL: [Self; 43] = [
        Self::Started,
        Self::Stopped,
        Self::Enrolled,
        Self::TemplateAdded,
        Self::Removed,
        Self::Renamed,
        Self::Imported,
        Self::Passage,
        Self::Unidentified,
        Self::Mark,
        Self::Exported,
        Self::SourceLost,
        Self::SourceRestored,
        Self::Rejected,
        Self::BackFilled,
        Self::StrangerDiscarded,
        Self::SpaceChanged,
        Self::PadTested,
        Self::Erased,
        Self::SessionOpened,
        Self::SessionClosed,
        Self::Standing,
        Self::Excused,
        Self::Corrected,
        Self::CheckOutForgotten,
        Self::ClockChanged,
        Self::IdentifierRefused,
        Self::ConfigurationChanged,
        Self::ThresholdChanged,
        Self::BackedUp,
        Self::Restored,
        Self::Compacted,
        Self::KeyChanged,
        Self::Consented,
        Self::ConsentWithdrawn,
        Self::RetentionApplied,
        Self::PersonExported,
        Self::PersonChanged,
        Self::OperatorChanged,
        Self::OperatorActed,
        Self::DeliveryFailed,
        Self::NotRecorded,
        Self::SourceImpaired,
    ];

    /// Those whose record says something of somebody's attendance.
    pub const ATTENDANCE: [Self; 7] = [
        Self::Passage,
        Self::Mark,
        Self::BackFilled,
        Self::Standing,
        Self::Excused,
        Self::Corrected,
        Self::CheckOutForgotten,
    ];

    /// Whether its record says something of somebody's attendance.
    pub fn is_attendance(self) -> bool {
        Self::ATTENDANCE.contains(&self)
    }

    /// What it is called in a list, in a word or three.
    pub fn words(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Enrolled => "enrolled",
            Self::TemplateAdded => "picture added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Imported => "imported",
            Self::Passage => "identified",
            Self::Unidentified => "unidentified",
            Self::Mark => "marked",
            Self::Exported => "exported",
            Self::SourceLost => "source lost",
            Self::SourceRestored => "source is back",
            Self::Rejected => "not live",
            Self::BackFilled => "added later",
            Self::StrangerDiscarded => "discarded",
            Self::SpaceChanged => "other net",
            Self::PadTested => "liveness test",
            Self::Erased => "erased",
            Self::SessionOpened => "session opened",
            Self::SessionClosed => "session closed",
            Self::Standing => "standing",
            Self::Excused => "excused",
            Self::Corrected => "corrected",
            Self::CheckOutForgotten => "no check-out",
            Self::ClockChanged => "clock changed",
            Self::IdentifierRefused => "refused",
            Self::ConfigurationChanged => "configured",
            Self::ThresholdChanged => "threshold",
            Self::BackedUp => "backed up",
            Self::Restored => "restored",
            Self::Compacted => "compacted",
            Self::KeyChanged => "other key",
            Self::Consented => "consented",
            Self::ConsentWithdrawn => "withdrew",
            Self::RetentionApplied => "retention",
            Self::PersonExported => "given out",
            Self::PersonChanged => "changed",
            Self::OperatorChanged => "operators",
            Self::OperatorActed => "operator",
            Self::DeliveryFailed => "not delivered",
            Self::NotRecorded => "not recorded",
            Self::SourceImpaired => "source impaired",
        }
    }
}
