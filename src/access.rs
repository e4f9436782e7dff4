//! Who may do what: roles, and the operators who have them.

mod deed;
mod key_line;
mod public_key;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::PersonName;

pub use deed::TwoPersonDeed;
pub use key_line::{PlainPath, SSH_ACCOUNT, key_line};
pub use public_key::{Fingerprint, KeyType, MAX_FILE_BYTES, MAX_LINE_BYTES, PublicKey, PublicKeyError};

/// What somebody may do. Each role may do what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees status, presence, log and report: no faces, similarities, crops or exports.
    Observer,
    /// Enrols, marks, corrects, opens and closes sessions, works the inbox, sees why and the preview,
    /// exports reports.
    Operator,
    /// The rest: erases, exports a person, sets threshold, models, operators and configuration, backs up.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Observer, Self::Operator, Self::Admin];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.to_string() == text);
        found.ok_or_else(|| {
            format!("`{}` is no role: expected observer, operator or admin", text.escape_debug())
        })
    }
}

/// Names an operator for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub Ulid);

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody who works with muster, by an account of this machine or a key over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Names them for ever.
    pub id: OperatorId,
    /// What they are called.
    pub name: PersonName,
    /// What they may do.
    pub role: Role,
    /// The account of this machine that they are, where they have one.
    pub uid: Option<u32>,
    /// The public key that they come with over SSH, where they have one. It stays theirs: another key is another
    /// operator, so that an operator's id says which key it was.
    pub key: Option<PublicKey>,
    /// When they were added.
    pub added_at: DateTime<Utc>,
}

impl Operator {
    /// What their key is known by.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.key.as_ref().map(PublicKey::fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written_and_each_may_more_than_the_last() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!(Role::Observer < Role::Operator && Role::Operator < Role::Admin);
        assert!("root".parse::<Role>().unwrap_err().contains("expected observer"));
    }
}
