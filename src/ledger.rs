//! The ledger: an append-only chain of entries. An entry is a head, kept for ever, and up to three
//! parts, each of which can be erased alone. Heads hold no person and parts no name.
//!
//! `hash(head) = SHA-256(previous hash, canonical bytes of the head)`, where the head holds of each
//! part only `SHA-256(salt, stored bytes)`. The salt lies with the part and goes with it, so that a
//! digest whose part was erased cannot be guessed back from the few values a part may hold.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::attendance::{PersonId, PresenceState};
use crate::face::{EmbeddingSpace, Liveness};
use crate::identify::{Candidate, Threshold};

/// Names the machine that wrote an entry; each writes a chain of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TerminalId(pub Ulid);

/// Counts the entries of a terminal from 1, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The one after.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names an entry across terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub Ulid);

/// A SHA-256 digest. In text, hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Sha256Digest(pub [u8; 32]);

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of the clock that an entry's time was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ClockState {
    /// The system says that its clock is synchronised.
    Synchronised = 1,
    /// The system says that it is not, or does not say.
    Unsynchronised = 2,
    /// The time is that of a recording, not of this machine's clock.
    Recording = 3,
}

/// What kind of thing happened. The numbers are part of the hash and never change meaning.
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
}

/// Who caused an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The engine itself.
    System,
    /// A person with an account on the machine.
    Local {
        /// Their numeric user id.
        uid: u32,
    },
    /// An operator from the store's list, over SSH.
    Operator(Ulid),
    /// Whoever stood in front of the camera.
    Door,
}

/// Whom an entry is about. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPart {
    /// Who.
    pub person: PersonId,
    /// Whether they are here now; none for entries that do not say.
    pub state: Option<PresenceState>,
}

/// What a decision rested on. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidencePart {
    /// The most alike people, best first.
    pub candidates: Vec<Candidate>,
    /// The threshold in force.
    pub threshold: Threshold,
    /// How many frames were looked at.
    pub frames: u32,
    /// The detector's confidence in the best of them, 0 to 1.
    pub detection_score: f32,
    /// What the liveness net said.
    pub liveness: Liveness,
    /// The space the embeddings live in.
    pub space: EmbeddingSpace,
    /// The pack of nets that was used.
    pub pack: String,
}

/// What somebody wrote. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePart {
    /// The text.
    pub text: String,
}

/// The parts of an entry that are still there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// Whom it is about.
    pub record: Option<RecordPart>,
    /// What it rests on.
    pub evidence: Option<EvidencePart>,
    /// What somebody wrote.
    pub note: Option<NotePart>,
}

/// Which of the three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PartKind {
    /// [`RecordPart`]
    Record = 1,
    /// [`EvidencePart`]
    Evidence = 2,
    /// [`NotePart`]
    Note = 3,
}

impl PartKind {
    /// All of them, in the order in which a head holds their digests.
    pub const ALL: [PartKind; 3] = [PartKind::Record, PartKind::Evidence, PartKind::Note];
}

/// Sixteen random bytes that keep a part's digest from being guessed.
pub type Salt = [u8; 16];

/// The digest of a part as a head holds it: SHA-256 over the salt and the bytes as stored.
pub fn part_digest(salt: &Salt, stored: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::new().chain_update(salt).chain_update(stored).finalize().into())
}

/// The part of an entry that is hashed into the chain and kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The machine that wrote it.
    pub terminal: TerminalId,
    /// Its place in that machine's chain.
    pub sequence: Sequence,
    /// Its name across machines.
    pub id: EntryId,
    /// When it happened, to the microsecond.
    pub at: DateTime<Utc>,
    /// What is known of the clock.
    pub clock: ClockState,
    /// What happened.
    pub kind: EntryKind,
    /// Who caused it.
    pub actor: Actor,
    /// The digests of record, evidence and note, in that order.
    pub parts: [Option<Sha256Digest>; 3],
}

impl Head {
    /// The digest of the part `kind`, if the entry was written with one.
    pub fn part(&self, kind: PartKind) -> Option<Sha256Digest> {
        self.parts[kind as usize - 1]
    }

    /// The bytes that are hashed: a version byte, then every field in the order of the struct,
    /// numbers big-endian, times as microseconds since 1970, each variant by its number.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(192);
        bytes.push(1);
        bytes.extend(self.terminal.0.0.to_be_bytes());
        bytes.extend(self.sequence.0.to_be_bytes());
        bytes.extend(self.id.0.0.to_be_bytes());
        bytes.extend(self.at.timestamp_micros().to_be_bytes());
        bytes.push(self.clock as u8);
        bytes.push(self.kind as u8);
        match &self.actor {
            Actor::System => bytes.push(1),
            Actor::Local { uid } => {
                bytes.push(2);
                bytes.extend(uid.to_be_bytes());
            }
            Actor::Operator(id) => {
                bytes.push(3);
                bytes.extend(id.0.to_be_bytes());
            }
            Actor::Door => bytes.push(4),
        }
        for part in &self.parts {
            match part {
                None => bytes.push(0),
                Some(digest) => {
                    bytes.push(1);
                    bytes.extend(digest.0);
                }
            }
        }
        bytes
    }

    /// The hash of this head after the entry whose hash is `previous`. The first entry of a
    /// terminal follows [`genesis`].
    pub fn hash(&self, previous: &Sha256Digest) -> Sha256Digest {
        let digest = Sha256::new().chain_update(previous.0).chain_update(self.canonical_bytes());
        Sha256Digest(digest.finalize().into())
    }
}

/// What the first entry of `terminal` follows.
pub fn genesis(terminal: TerminalId) -> Sha256Digest {
    let digest = Sha256::new().chain_update(b"muster ledger 1").chain_update(terminal.0.0.to_be_bytes());
    Sha256Digest(digest.finalize().into())
}

/// The end of a chain: the last entry and its hash, or no entry and the genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// The last entry's sequence; 0 where there is none.
    pub sequence: Sequence,
    /// The last entry's hash.
    pub hash: Sha256Digest,
}

impl ChainHead {
    /// The end of an empty chain.
    pub fn empty(terminal: TerminalId) -> Self {
        Self { sequence: Sequence(0), hash: genesis(terminal) }
    }
}

/// An entry to be appended: all of it but its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryDraft {
    /// Its name across machines.
    pub id: EntryId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What is known of the clock.
    pub clock: ClockState,
    /// What happened.
    pub kind: EntryKind,
    /// Who caused it.
    pub actor: Actor,
    /// Its parts.
    pub parts: Parts,
    /// A salt for each part, in the order of [`PartKind::ALL`].
    pub salts: [Salt; 3],
}

/// An entry as it is read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What is kept for ever.
    pub head: Head,
    /// The parts that are still there.
    pub parts: Parts,
}

/// The first thing that does not fit when a chain is walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A head does not have the hash that was kept for it.
    #[error("entry {sequence} does not have the hash that was kept for it")]
    Hash {
        /// Where.
        sequence: Sequence,
    },
    /// The numbers do not go up by one.
    #[error("entry {expected} is missing; the next one found is {found}")]
    Gap {
        /// What should come.
        expected: Sequence,
        /// What came.
        found: Sequence,
    },
    /// An entry says that another machine wrote it.
    #[error("entry {sequence} was written by another terminal")]
    Terminal {
        /// Where.
        sequence: Sequence,
    },
    /// A part's stored bytes do not have the digest its head holds.
    #[error("the {part:?} part of entry {sequence} does not have the digest that its head holds")]
    Part {
        /// Where.
        sequence: Sequence,
        /// Which part.
        part: PartKind,
    },
    /// The chain ends before the kept end.
    #[error("the ledger ends at entry {found}, but entry {kept} was kept as its end")]
    End {
        /// The kept end.
        kept: Sequence,
        /// The last entry found.
        found: Sequence,
    },
}

/// Walks a chain: hand it every head in order, with the hash kept for it.
#[derive(Debug, Clone, Copy)]
pub struct ChainWalk {
    terminal: TerminalId,
    end: ChainHead,
}

impl ChainWalk {
    /// A walk from the genesis of `terminal`.
    pub fn new(terminal: TerminalId) -> Self {
        Self { terminal, end: ChainHead::empty(terminal) }
    }

    /// The next head and the hash that was kept for it.
    ///
    /// # Errors
    /// The fault, where it does not fit what came before.
    pub fn step(&mut self, head: &Head, kept: &Sha256Digest) -> Result<(), ChainFault> {
        let expected = self.end.sequence.next();
        if head.sequence != expected {
            return Err(ChainFault::Gap { expected, found: head.sequence });
        }
        if head.terminal != self.terminal {
            return Err(ChainFault::Terminal { sequence: head.sequence });
        }
        let hash = head.hash(&self.end.hash);
        if hash != *kept {
            return Err(ChainFault::Hash { sequence: head.sequence });
        }
        self.end = ChainHead { sequence: expected, hash };
        Ok(())
    }

    /// Where the walk has come to.
    pub fn end(&self) -> ChainHead {
        self.end
    }
}
