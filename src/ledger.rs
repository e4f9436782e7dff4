//! The ledger: an append-only chain of entries. An entry is a head, kept for ever, and up to three
//! parts, each of which can be erased alone. Heads hold no person and parts no name.
//!
//! `hash(head) = SHA-256(previous hash, canonical bytes of the head)`, where the head holds of each
//! part only `SHA-256(salt, stored bytes)`. The salt lies with the part and goes with it, so that a
//! digest whose part was erased cannot be guessed back from the few values a part may hold.

//! Entries are written once and read by every later version of this program, so everything that is
//! stored has a layout of its own, apart from the types that the program works with: heads in
//! [`Head::canonical_bytes`], parts in [`Parts::store`]. Both begin with a version byte.

mod chain;
mod details;
mod digest;
mod entry;
mod erasure;
mod facts;
mod kind;
mod part;
mod record;
mod walk;

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

pub use chain::{ChainFault, ChainHead, ChainWalk, SealError, Sealed, genesis, seal};
pub use entry::{Actor, BootId, ClockState, Entry, EntryDraft, Head, HeadError, Moment, to_microsecond};
pub use erasure::{ErasedRun, ErasurePart};
pub use facts::{ChangedValue, Facts};
pub use kind::EntryKind;
pub use part::{EvidencePart, NotePart, PartError, PartKind, Parts, Salt, StoredPart, part_digest};
pub use record::{RecordDetails, RecordPart};
pub use walk::{HeadRow, PartRow, PartView, StoredHead, Stretch, join_stretches, verify_chain, walk_stretch};

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
