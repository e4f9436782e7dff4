//! The inbox as shells see it: people whom the gallery does not know, and what can be done about
//! them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::stranger::StrangerTrack;
use crate::attendance::{Identifier, Person, PersonId, PersonName, StrangerId};
use crate::face::{EncodedCrop, QualityScore, Similarity};
use crate::ledger::Sequence;

use super::event::LogEntry;

/// A line of the inbox. It holds no picture: see [`InboxCommand::Show`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrangerRow {
    /// Names the item.
    pub id: StrangerId,
    /// Who it turned out to be, where somebody has said so; the item is then kept for its tracks alone.
    pub person: Option<(PersonId, PersonName)>,
    /// How often they came into view.
    pub track_count: u32,
    /// When, oldest first; the last of them where they are many.
    pub tracks: Vec<StrangerTrack>,
    /// The first time.
    pub first_seen: DateTime<Utc>,
    /// The last time.
    pub last_seen: DateTime<Utc>,
    /// The quality of the best sighting; none where somebody has said who it is.
    pub score: Option<QualityScore>,
    /// Why it cannot be enrolled, where it cannot.
    pub finding: Option<String>,
}

/// All items, the one last seen first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InboxState {
    /// The items.
    pub rows: Vec<StrangerRow>,
    /// Hours that an item is kept after its first track; 0 where there is no inbox.
    pub keep_hours: u32,
}

/// What can be done about an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InboxCommand {
    /// Gives its picture.
    Show(StrangerId),
    /// Enrols the stranger as a new person, with the item's picture.
    Enrol {
        /// Which item.
        stranger: StrangerId,
        /// What they are called.
        name: PersonName,
        /// What the site calls them by.
        identifier: Option<Identifier>,
    },
    /// Adds the item's picture to somebody as a template.
    Add {
        /// Which item.
        stranger: StrangerId,
        /// Whose.
        person: PersonId,
    },
    /// Takes the item out; nothing of it is kept.
    Discard(StrangerId),
    /// Writes tracks of a stranger who was enrolled since as passages of that person, marked as added
    /// later. Each track once; tracks within the debounce of each other, or of a passage on record,
    /// are one passage.
    BackFill {
        /// Whose.
        person: PersonId,
        /// The entries of the tracks; all that wait where none is named.
        sequences: Vec<Sequence>,
    },
}

/// An item with its picture; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StrangerPicture {
    /// The item.
    pub row: StrangerRow,
    /// The face as a PNG file.
    pub file: EncodedCrop,
    /// Red, green and blue of every pixel, rows from the top; `side` squared.
    pub rgb: Vec<u8>,
    /// Pixels in a row, and rows.
    pub side: u32,
    /// The most alike person of the roster; none while the nets are not there.
    pub alike: Option<AlikePerson>,
}

/// Somebody of the roster whom a stranger looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlikePerson {
    /// Who.
    pub name: PersonName,
    /// How alike.
    pub similarity: Similarity,
    /// Whether that is enough for an identification: the stranger is probably this person.
    pub reaches_threshold: bool,
}

impl std::fmt::Debug for StrangerPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StrangerPicture({}, {}x{})", self.row.id, self.side, self.side)
    }
}

/// What came of an [`InboxCommand`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InboxReply {
    /// The item with its picture.
    Shown(Box<StrangerPicture>),
    /// The person is on disk with one more template.
    Enrolled {
        /// Who.
        person: Person,
        /// Their tracks as a stranger, which can be back-filled.
        waiting: Vec<StrangerTrack>,
    },
    /// The item is gone; the entry says so.
    Discarded(LogEntry),
    /// What was written.
    BackFilled {
        /// The passages.
        entries: Vec<LogEntry>,
        /// Tracks that belong to one of them or to a passage on record, and have no entry of their own.
        joined: u32,
    },
}

/// Why an [`InboxCommand`] did nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum InboxError {
    /// There is no such item, or not any more.
    #[error("there is no such item in the inbox; it may have been discarded, or its time was up")]
    NoSuchItem,
    /// Somebody has said who it is.
    #[error("it is {name} by now: only its passages wait to be back-filled")]
    Known {
        /// Who.
        name: PersonName,
    },
    /// The picture is not good enough for a template.
    #[error(
        "its picture cannot be enrolled: {finding}; enrol from another photograph, or wait for a better sighting"
    )]
    TooPoor {
        /// What is wrong with it.
        finding: String,
    },
    /// The nets were changed since.
    #[error("its picture was taken with another embedding net than the one in use: discard it")]
    OtherSpace,
    /// There is nothing to back-fill.
    #[error("no passage of {name} waits to be back-filled")]
    NothingWaits {
        /// Whose.
        name: PersonName,
    },
    /// A track is not one of theirs, or was back-filled already.
    #[error(
        "entry {sequence} is no passage of {name} that waits to be back-filled; each can be back-filled once"
    )]
    NotWaiting {
        /// Which.
        sequence: Sequence,
        /// Whose.
        name: PersonName,
    },
}
