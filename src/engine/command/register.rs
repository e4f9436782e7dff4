//! Commands about who belongs here and what is kept of them, and lists of people.

use serde::{Deserialize, Serialize};

use crate::attendance::import::{ImportRow, PersonChange, PlannedRow};
use crate::attendance::{Person, PersonId, PersonName, Pin, PinError};
use crate::ledger::ChangedValue;

/// What is asked about the people of the roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RegisterCommand {
    /// Changes what is kept of somebody. Who turns a face off loses its templates and pictures at once.
    Change {
        /// Whose.
        person: PersonId,
        /// What.
        change: PersonChange,
    },
    /// Sets somebody's PIN, or takes it away.
    SetPin {
        /// Whose.
        person: PersonId,
        /// Which; none for none.
        pin: Option<Pin>,
    },
    /// All that is kept of somebody besides pictures and records.
    Card(PersonId),
    /// Puts people on the roster and changes those who are there, all rows or none.
    Import {
        /// The rows.
        rows: Vec<ImportRow>,
        /// Say what would change, and change nothing.
        dry_run: bool,
    },
}

/// What is kept of somebody besides pictures and records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonCard {
    /// The person, without the hash of their PIN.
    pub person: Person,
    /// Whether there is a PIN.
    pub has_pin: bool,
    /// How many templates there are.
    pub templates: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RegisterReply {
    /// What was changed; nothing where it was so already.
    Changed {
        /// As they are now, without the hash of their PIN.
        person: Box<Person>,
        /// What is different.
        changes: Vec<ChangedValue>,
        /// Templates that went.
        templates_removed: u32,
    },
    /// The PIN was set or taken away.
    PinSet {
        /// Whether there was one before.
        was_set: bool,
    },
    /// A person.
    Card(Box<PersonCard>),
    /// What was changed, or would be. Where a row is refused, nothing was.
    Imported(Vec<PlannedRow>),
}

/// Why nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RegisterError {
    /// The PIN cannot be taken.
    #[error("{0}")]
    Pin(#[from] PinError),
    /// The person's face may not be used.
    #[error("{name} is not to be known by their face: allow it first with `muster roster set WHO --face on`")]
    FaceOff {
        /// Who.
        name: PersonName,
    },
}
