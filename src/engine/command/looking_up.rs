//! What a screen looks up: everything about one person, and a day.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::{Consent, Email, Person, PersonId};
use crate::engine::event::LogEntry;

/// Entries of a person that are given at most.
pub const PERSON_ENTRIES: usize = 200;

/// What is known of a person beyond their row of the roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonDetails {
    /// Who.
    pub person: PersonId,
    /// What is kept of them besides.
    pub facts: PersonFacts,
    /// What the ledger says of them, newest first, at most [`PERSON_ENTRIES`].
    pub entries: Vec<LogEntry>,
    /// Their face at the enrolment, where it is kept.
    pub face: Option<FacePicture>,
}

/// What is kept of a person besides their name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PersonFacts {
    /// Where mail reaches them.
    pub email: Option<Email>,
    /// Whether there is a PIN that they prove themselves with.
    pub has_pin: bool,
    /// What they agreed to.
    pub consent: Option<Consent>,
}

impl PersonFacts {
    /// What is kept of `person`.
    pub fn of(person: &Person) -> Self {
        let kept = &person.particulars;
        Self { email: kept.email.clone(), has_pin: kept.pin.is_some(), consent: kept.consent.clone() }
    }
}

/// A face; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacePicture {
    /// Pixels in a row, and rows.
    pub side: u32,
    /// Red, green and blue of every pixel, rows from the top.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for FacePicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FacePicture({0}x{0})", self.side)
    }
}

/// The entries of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayLog {
    /// Its date.
    pub date: NaiveDate,
    /// The first instant that belongs to it.
    pub from: DateTime<Utc>,
    /// The first instant that does not.
    pub until: DateTime<Utc>,
    /// Oldest first.
    pub entries: Vec<LogEntry>,
}
