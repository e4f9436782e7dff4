//! What an entry says besides whom it is about: in the place of the evidence, and erased with it where the
//! entry is about a person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::record::time;
use super::{ChainHead, Sequence, Sha256Digest};
use crate::attendance::session::{Session, SessionId, SessionRules};

/// What else is to be known of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// The session that was opened.
    Session(Session),
    /// The session that was closed.
    SessionClosed(SessionId),
    /// The clock was set.
    ClockStep {
        /// What it would have shown.
        expected: DateTime<Utc>,
        /// What it showed.
        found: DateTime<Utc>,
    },
    /// Values that are different now.
    Changes(Vec<ChangedValue>),
    /// The text that was consented to.
    Consent {
        /// Its name and version, as the configuration calls it.
        text: String,
        /// The SHA-256 of what was read.
        digest: Sha256Digest,
    },
    /// A backup that was written or read.
    Backup {
        /// The SHA-256 of the file.
        digest: Sha256Digest,
        /// Its size.
        bytes: u64,
        /// The end of the ledger that it holds.
        end: ChainHead,
    },
}

/// A value that is different now; or the same, where all of them are noted with one that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedValue {
    /// What it is called: `recognition.threshold`.
    pub key: String,
    /// What it was; none where there was none.
    pub before: Option<String>,
    /// What it is; none where there is none.
    pub after: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SessionV4 {
    id: [u8; 16],
    name: String,
    group: Option<String>,
    starts_at_us: i64,
    ends_at_us: Option<i64>,
    /// Early, grace, leaving early; in seconds.
    rules: [u32; 3],
    scheduled: bool,
}

/// postcard numbers the variants from 0 in this order.
#[derive(Serialize, Deserialize)]
pub(super) enum FactsV4 {
    Session(SessionV4),
    SessionClosed([u8; 16]),
    ClockStep([i64; 2]),
    Changes(Vec<(String, Option<String>, Option<String>)>),
    Consent(String, [u8; 32]),
    Backup([u8; 32], u64, u64, [u8; 32]),
}

impl From<&Session> for SessionV4 {
    fn from(session: &Session) -> Self {
        let SessionRules { early_seconds, grace_seconds, leaves_early_seconds } = session.rules;
        Self {
            id: session.id.0.to_bytes(),
            name: session.name.as_str().to_owned(),
            group: session.group.as_ref().map(|group| group.as_str().to_owned()),
            starts_at_us: session.starts_at.timestamp_micros(),
            ends_at_us: session.ends_at.map(|at| at.timestamp_micros()),
            rules: [early_seconds, grace_seconds, leaves_early_seconds],
            scheduled: session.is_scheduled,
        }
    }
}

impl SessionV4 {
    fn read(self) -> Result<Session, String> {
        let [early_seconds, grace_seconds, leaves_early_seconds] = self.rules;
        let group = self.group.map(|group| group.parse().map_err(|error| format!("{error}")));
        Ok(Session {
            id: SessionId(Ulid::from_bytes(self.id)),
            name: self.name.parse().map_err(|error| format!("{error}"))?,
            group: group.transpose()?,
            starts_at: time(self.starts_at_us)?,
            ends_at: self.ends_at_us.map(time).transpose()?,
            rules: SessionRules { early_seconds, grace_seconds, leaves_early_seconds },
            is_scheduled: self.scheduled,
        })
    }
}

impl From<&Facts> for FactsV4 {
    fn from(facts: &Facts) -> Self {
        match facts {
            Facts::Session(session) => Self::Session(SessionV4::from(session)),
            Facts::SessionClosed(id) => Self::SessionClosed(id.0.to_bytes()),
            Facts::ClockStep { expected, found } => {
                Self::ClockStep([expected, found].map(|at| at.timestamp_micros()))
            }
            Facts::Changes(changes) => {
                let change = |c: &ChangedValue| (c.key.clone(), c.before.clone(), c.after.clone());
                Self::Changes(changes.iter().map(change).collect())
            }
            Facts::Consent { text, digest } => Self::Consent(text.clone(), digest.0),
            Facts::Backup { digest, bytes, end } => {
                Self::Backup(digest.0, *bytes, end.sequence.0, end.hash.0)
            }
        }
    }
}

impl FactsV4 {
    pub(super) fn read(self) -> Result<Facts, String> {
        Ok(match self {
            Self::Session(session) => Facts::Session(session.read()?),
            Self::SessionClosed(id) => Facts::SessionClosed(SessionId(Ulid::from_bytes(id))),
            Self::ClockStep([expected, found]) => {
                Facts::ClockStep { expected: time(expected)?, found: time(found)? }
            }
            Self::Changes(changes) => {
                let change = |(key, before, after)| ChangedValue { key, before, after };
                Facts::Changes(changes.into_iter().map(change).collect())
            }
            Self::Consent(text, digest) => Facts::Consent { text, digest: Sha256Digest(digest) },
            Self::Backup(digest, bytes, sequence, hash) => Facts::Backup {
                digest: Sha256Digest(digest),
                bytes,
                end: ChainHead { sequence: Sequence(sequence), hash: Sha256Digest(hash) },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PartKind, Parts};
    use super::*;

    fn at(us: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(us).unwrap()
    }

    /// Each with its stored bytes. Frozen: what a ledger holds today must be read by every later version.
    fn all() -> Vec<(Facts, String)> {
        let session = Session {
            id: SessionId(Ulid(0x0304)),
            name: "3b maths".parse().unwrap(),
            group: Some("3b".parse().unwrap()),
            starts_at: at(1),
            ends_at: Some(at(-2)),
            rules: SessionRules { early_seconds: 1, grace_seconds: 300, leaves_early_seconds: 2 },
            is_scheduled: true,
        };
        let id = "00000000000000000000000000000304";
        let change = |key: &str, before: Option<&str>, after: Option<&str>| ChangedValue {
            key: key.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let digest = Sha256Digest([0xab; 32]);
        let end = ChainHead { sequence: Sequence(300), hash: Sha256Digest([0xcd; 32]) };
        let (ab, cd) = ("ab".repeat(32), "cd".repeat(32));
        vec![
            (Facts::Session(session), format!("0400{id}083362206d6174687301023362020103{}0201", "01ac02")),
            (Facts::SessionClosed(SessionId(Ulid(0x0304))), format!("0401{id}")),
            (Facts::ClockStep { expected: at(1), found: at(-1) }, "04020201".to_owned()),
            (
                Facts::Changes(vec![change("k", None, Some("v")), change("l", Some(""), None)]),
                "040302016b00010176016c010000".to_owned(),
            ),
            (Facts::Consent { text: "v1".to_owned(), digest }, format!("0404027631{ab}")),
            (Facts::Backup { digest, bytes: 300, end }, format!("0405{ab}ac02ac02{cd}")),
        ]
    }

    #[test]
    fn the_stored_bytes_are_frozen_and_read_back() {
        for (facts, expected) in all() {
            let parts = Parts { facts: Some(facts.clone()), ..Parts::default() };
            let stored = parts.store(&[[0; 16]; 3]).unwrap().remove(0);
            let hex: String = stored.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((stored.kind, hex), (PartKind::Evidence, expected), "{facts:?}");
            let mut read = Parts::default();
            read.put(&stored).unwrap();
            assert_eq!(read.facts, Some(facts));
        }
    }

    #[test]
    fn facts_and_evidence_do_not_lie_side_by_side() {
        let facts = Some(Facts::SessionClosed(SessionId(Ulid(1))));
        let erasure = Some(super::super::ErasurePart::default());
        assert!(Parts { facts, erasure, ..Parts::default() }.store(&[[0; 16]; 3]).is_err());
    }
}
