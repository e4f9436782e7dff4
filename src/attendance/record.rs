//! What an attendance record says of a person.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a passage or a mark says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceState {
    /// The person is here.
    Present,
    /// The person has left.
    Left,
}

impl fmt::Display for PresenceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Present => "present",
            Self::Left => "left",
        })
    }
}

/// How somebody was known when a record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By their face.
    Face,
    /// By an identifier, typed or scanned.
    Identifier,
    /// By an identifier and a PIN.
    IdentifierAndPin,
    /// By an operator, who said so.
    Operator,
    /// By nobody: it follows from other records.
    Computed,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Face => "face",
            Self::Identifier => "identifier",
            Self::IdentifierAndPin => "identifier and PIN",
            Self::Operator => "operator",
            Self::Computed => "computed",
        })
    }
}

/// A person's presence on the current day, computed from the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The state that holds now.
    pub state: PresenceState,
    /// When that state began.
    pub since: DateTime<Utc>,
    /// The last record of the person on that day.
    pub last_record: DateTime<Utc>,
}

impl Presence {
    /// The presence after a further record of `state` at `at`, from the one `before` on the same
    /// day. A second record of the same state keeps the time the state began.
    pub fn after(before: Option<Presence>, state: PresenceState, at: DateTime<Utc>) -> Presence {
        match before {
            Some(held) if held.state == state => Presence { last_record: held.last_record.max(at), ..held },
            _ => Presence { state, since: at, last_record: at },
        }
    }
}
