//! What a shell can ask of the engine, and what comes back.

use serde::{Deserialize, Serialize};

use crate::attendance::{Identifier, Person, PersonId, PersonName, PresenceState};
use crate::face::{EmbeddingSpace, Finding, FivePoints, Liveness, Quality, Rect};
use crate::identify::{Candidates, Identification, Threshold};
use crate::ledger::{Actor, ChainHead, Sequence};
use crate::store::KeptRecords;

use super::approvals::{ApprovalView, ApprovalsCommand};
use super::consent::{ConsentCommand, ConsentState};
use super::event::LogEntry;
use super::export::PersonExport;
use super::inbox::{InboxCommand, InboxReply};
use super::operators::{OperatorsCommand, OperatorsReply};
use super::retention::{RetentionCommand, RetentionRow};
use super::state::SourceIndex;

pub mod attendance;
pub mod door;
mod enrolling;
mod erasing;
mod error;
pub mod hooks;
pub mod ledger;
pub mod looking_up;
pub mod register;
mod storing;

use attendance::{AttendanceCommand, AttendanceReply};
use ledger::LedgerVerified;

pub use enrolling::{
    Alike, EnrolmentNotes, EnrolmentPictures, PictureNote, RefusedPicture, SelfTest, SelfTestOf, ShootingId,
};
pub use erasing::ErasureCertificate;
pub use error::CommandError;
pub use storing::{StoreCommand, StoreReply};

pub use crate::attendance::import::ImportRow;
use door::{DoorCommand, DoorReply};
use hooks::{HookCommand, HookReply};
use register::{RegisterCommand, RegisterReply};

/// Pairs a reply with its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// A command with who gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Comes back with the reply.
    pub request_id: RequestId,
    /// Who asks; written into every entry that follows from it.
    pub actor: Actor,
    /// What is asked.
    pub command: Command,
}

/// Encoded bytes of a picture file; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureBytes {
    /// The path as the user wrote it, for messages.
    pub label: String,
    /// JPEG, PNG, BMP, PNM or WebP.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for PictureBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PictureBytes({}, {} bytes)", self.label, self.bytes.len())
    }
}

/// Which face of a picture is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaceChoice {
    /// The largest, if the next one's side is under 0.6 of it; else the picture is refused.
    #[default]
    Main,
    /// The largest.
    Largest,
    /// The Nth from the left, from 1.
    Nth(u32),
}

/// Whether an enrolment makes a person or adds to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrolmentTarget {
    /// A new person. Refused where an active person has that name and no identifier tells them
    /// apart, or has that identifier.
    New {
        /// What they are called.
        name: PersonName,
        /// What the site calls them by.
        identifier: Option<Identifier>,
    },
    /// A person who is on the roster already: another template, or the first of an imported person.
    Existing(PersonId),
}

/// Names a shot that was taken from the live picture and waits for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShotId(pub u64);

/// Where the face to be enrolled comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EnrolmentSource {
    /// Picture files, each of which must give one face.
    Pictures(EnrolmentPictures),
    /// Shots from [`Command::TakeShot`], or taken by themselves, from [`Command::EndShooting`].
    Shots(Vec<ShotId>),
}

/// What is to happen to the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeOrder {
    /// A new one, in the place of one that runs.
    Begin,
    /// None any more.
    Close,
}

/// What is to happen to the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdOrder {
    /// This one holds from now on: above 0 and at most 1.
    Set(Threshold),
    /// What was set holds no more: the configuration's holds, or the one that is derived.
    Clear,
}

/// Something that changes no record and was done all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The kiosk view was left, with its PIN.
    KioskLeft,
}

/// What a shell asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Enrols a person or adds templates. All pictures are good or nothing is written.
    Enrol {
        /// Whom.
        target: EnrolmentTarget,
        /// From what.
        source: EnrolmentSource,
        /// Also where a new person looks like somebody who is enrolled, or the pictures do not look
        /// like one person: somebody has seen to it.
        anyway: bool,
    },
    /// Takes the main face of the live picture for an enrolment prompt.
    TakeShot,
    /// Lets the live picture take shots by itself until there are as many as the settings want; how
    /// far it is stands in the snapshot. Ends the run that was on, if any.
    BeginShooting,
    /// Ends the run and gives its shots.
    EndShooting(ShootingId),
    /// Looks for somebody in the next frames of the live picture, and says how it went.
    SelfTest(SelfTestOf),
    /// Looks the faces of a picture up; writes nothing.
    Identify(PictureBytes),
    /// Says that somebody is present or has left.
    Mark {
        /// Who.
        person: PersonId,
        /// Which.
        state: PresenceState,
        /// Why, in the operator's words.
        note: Option<String>,
    },
    /// Ends an enrolment: the templates go at once, the records stay.
    Remove(PersonId),
    /// Takes a person out of everything: name, templates, crops, items of the inbox, and their parts of the
    /// ledger. Nothing brings them back.
    Erase {
        /// Who; also somebody whose enrolment has ended.
        person: PersonId,
        /// Whether their attendance stays, under an id that nothing names any more.
        keeps: KeptRecords,
    },
    /// Everybody the store knows, also those whose enrolment has ended.
    People,
    /// Changes a name.
    Rename {
        /// Whose.
        person: PersonId,
        /// To what.
        name: PersonName,
    },
    /// Something about who belongs here and what is kept of them.
    Register(RegisterCommand),
    /// Somebody comes in by an identifier.
    Door(DoorCommand),
    /// Something that the delivery of records needs.
    Hooks(HookCommand),
    /// Notes that the roster left the store as a file, and gives it.
    Export,
    /// Notes that something left the store.
    NoteExport {
        /// What, in words without a name.
        what: String,
    },
    /// Something about the store as a whole.
    Store(StoreCommand),
    /// The end of the ledger.
    LedgerHead,
    /// Walks the whole ledger.
    VerifyLedger {
        /// Ends that were kept, each of which must be an entry of it.
        kept: Vec<ChainHead>,
    },
    /// How many templates there are in each embedding space.
    Spaces,
    /// Computes anew, from the crops that were kept, every template that is not in the space of the
    /// nets that are loaded. Templates without a crop stay as they are.
    Reembed {
        /// Say what would be done, and write nothing.
        dry_run: bool,
    },
    /// Something about people whom the gallery does not know.
    Inbox(InboxCommand),
    /// Something about sessions, excuses, corrections or times.
    Attendance(AttendanceCommand),
    /// Begins a challenge on the live picture, or closes the one there is. How it goes is in the
    /// snapshot, how it ended an event; nothing is written.
    Challenge(ChallengeOrder),
    /// Notes in the ledger that presentation-attack detection was tested here, with the figures.
    NotePadTest {
        /// The figures, in words.
        figures: String,
    },
    /// Everything the ledger says of a person on the roster, and their face where it is kept.
    Person(PersonId),
    /// The entries of a day.
    Day {
        /// How many days ago; 0 for today.
        back: u32,
    },
    /// Stops taking frames, or goes on.
    SetPaused(bool),
    /// Looks at another source: its picture is shown, and people are enrolled before it.
    Look(SourceIndex),
    /// Notes in the ledger that somebody did something.
    NoteAct(Act),
    /// Something about operators.
    Operators(OperatorsCommand),
    /// A threshold that holds whatever the configuration and the gallery say.
    Threshold(ThresholdOrder),
    /// Something about what waits until another admin confirms it.
    Approvals(ApprovalsCommand),
    /// Something about consent.
    Consent(ConsentCommand),
    /// Something about how long things are kept.
    Retention(RetentionCommand),
    /// Everything that is held about somebody, also where their enrolment has ended; noted in the ledger.
    ExportPerson(PersonId),
    /// Ends the engine in good order: what was acknowledged is on disk before the reply comes.
    Shutdown,
}

/// A shot waiting for confirmation; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Shot {
    /// Names it.
    pub id: ShotId,
    /// The box in 0..1 of the frame it was taken from.
    pub bounds: Rect,
    /// The face, cut out: RGB, `crop_side` squared.
    pub crop: Vec<u8>,
    /// Side of the crop in pixels.
    pub crop_side: u32,
    /// The most alike people already enrolled.
    pub alike: Candidates,
    /// The threshold in force, above which the person is probably already enrolled.
    pub threshold: Threshold,
    /// The limits that it breaks, the worst first.
    pub findings: Vec<Finding>,
}

impl std::fmt::Debug for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shot({}, {}x{})", self.id.0, self.crop_side, self.crop_side)
    }
}

/// One face of [`Command::Identify`]. Also one that was rejected, of which only the detection is
/// known; no embedding leaves the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifiedFace {
    /// The face box in pixels of the picture.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub detection_score: f32,
    /// The five points in pixels of the picture, where they were found.
    pub points: Option<FivePoints>,
    /// What the presentation-attack net says; decides nothing.
    pub liveness: Liveness,
    /// How good the picture of this face is; none where it was not searched.
    pub quality: Option<Quality>,
    /// The limits that it breaks, the worst first.
    pub findings: Vec<Finding>,
    /// Who it is, or why it was not searched.
    pub identification: Identification,
    /// The most alike people.
    pub candidates: Candidates,
}

/// What was found in one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureAnswer {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From the left.
    pub faces: Vec<IdentifiedFace>,
    /// Milliseconds a stage, by the stage's name.
    pub timings_ms: Vec<(String, f32)>,
}

/// The templates of one embedding space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceCount {
    /// Which.
    pub space: EmbeddingSpace,
    /// How many templates.
    pub templates: u32,
    /// Of how many people.
    pub people: u32,
}

/// What moving to another embedding space did, or would do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SpaceReport {
    /// Templates that were in the space already.
    pub there_already: u32,
    /// Templates that were computed anew from their crops.
    pub recomputed: u32,
    /// Templates of other spaces that stay: no crop was kept, or the nets found no face in it.
    pub left: u32,
    /// People with templates of other spaces alone: they are not recognised until they are enrolled
    /// again. By name.
    pub enrol_again: Vec<Person>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The person is on disk with `templates_added` new templates.
    Enrolled {
        /// Who.
        person: Person,
        /// How many.
        templates_added: u32,
        /// What else there is to know.
        notes: EnrolmentNotes,
    },
    /// A shot was taken.
    Shot(Shot),
    /// Shots are being taken.
    Shooting(ShootingId),
    /// The shots of a run, in the order they were taken.
    Shots(Vec<Shot>),
    /// How the person was recognised.
    SelfTest(SelfTest),
    /// What was found.
    Identified(PictureAnswer),
    /// The entry that was written.
    Written(LogEntry),
    /// What came of a command about who belongs here.
    Register(RegisterReply),
    /// What is said at the door.
    Door(DoorReply),
    /// What the delivery of records asked.
    Hooks(HookReply),
    /// Everybody on the roster.
    Roster {
        /// By name.
        people: Vec<Person>,
        /// The entry that notes it.
        sequence: Sequence,
    },
    /// The end of the ledger.
    Ledger(ChainHead),
    /// The ledger was walked.
    Verified(LedgerVerified),
    /// Everybody, by name.
    People(Vec<Person>),
    /// Somebody was erased.
    Erased(Box<ErasureCertificate>),
    /// The spaces that templates live in, the largest first.
    Spaces(Vec<SpaceCount>),
    /// What was moved to the space of the nets that are loaded.
    Reembedded(SpaceReport),
    /// What came of a command about the store as a whole.
    Store(Box<StoreReply>),
    /// What came of a command about the inbox.
    Inbox(InboxReply),
    /// What came of a command about attendance.
    Attendance(AttendanceReply),
    /// What came of a command about operators.
    Operators(OperatorsReply),
    /// What waits until another admin confirms it, oldest first.
    Approvals(Vec<ApprovalView>),
    /// The text that people are asked about.
    ConsentText(Box<ConsentState>),
    /// How each kind of thing stands that is kept for a time.
    Retention(Vec<RetentionRow>),
    /// Everything that is held about somebody.
    PersonExport(Box<PersonExport>),
    /// What is known of a person.
    Person(Box<looking_up::PersonDetails>),
    /// A day.
    Day(Box<looking_up::DayLog>),
    /// Done; there is nothing more to say.
    Done,
}
