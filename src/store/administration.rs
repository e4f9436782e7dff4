//! What is done with a store as a whole: backups, compaction, its figures, and who was erased.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::{PersonId, StrangerId};
use crate::ledger::{ChainHead, EntryDraft, Facts, NotePart, Parts, Sha256Digest};

use super::KeptRecords;

/// What a backup is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOrder {
    /// The file.
    pub to: PathBuf,
    /// Whether a file that is there is replaced.
    pub replaces: bool,
    /// What it says of when it was made.
    pub at: DateTime<Utc>,
}

/// A backup that was made of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOnRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// The SHA-256 of its file.
    pub digest: Sha256Digest,
    /// Bytes of its file.
    pub bytes: u64,
    /// Where its ledger ends.
    pub end: ChainHead,
}

impl BackupOnRecord {
    /// What an entry says of it.
    pub fn facts(&self) -> Facts {
        Facts::Backup { digest: self.digest, bytes: self.bytes, end: self.end }
    }
}

/// What was erased, by its id: it names nobody, and tells a restored backup what must not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasedId {
    /// A person, and what stayed of their attendance.
    Person {
        /// Who.
        id: PersonId,
        /// What stayed.
        keeps: KeptRecords,
    },
    /// An item of the inbox that went with a person.
    Stranger(StrangerId),
}

/// How large a store is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFigures {
    /// Bytes of its file.
    pub file_bytes: u64,
    /// The version of its schema.
    pub schema: u32,
    /// The epoch of its keys: one more than there were erasures and changes of the store key.
    pub epoch: u64,
    /// Whether its store key is made of a passphrase.
    pub is_under_passphrase: bool,
    /// The end of its ledger.
    pub end: ChainHead,
    /// People, also those whose enrolment has ended.
    pub people: u64,
    /// Templates.
    pub templates: u64,
    /// Crops beside them.
    pub crops: u64,
    /// Items of the inbox.
    pub strangers: u64,
    /// How many people were erased from it.
    pub erased_people: u64,
    /// The last backup on record.
    pub last_backup: Option<BackupOnRecord>,
}

/// What a compaction came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// Bytes of the file before.
    pub before_bytes: u64,
    /// Bytes of the file afterwards.
    pub after_bytes: u64,
}

/// Where the erasures come from that a restore does again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasuresFrom {
    /// The store that is replaced; refused where it cannot say.
    Present,
    /// This list, and the store that is replaced where it can say.
    List(Vec<ErasedId>),
    /// The store that is replaced, where it can say: somebody answers for it that there were no others.
    PresentOrNone,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub backup: BackupOnRecord,
    /// Where the ledger of the store ended that is gone; none where there was none that could be read.
    pub replaced: Option<ChainHead>,
    /// How many people were erased again.
    pub erased_again: u32,
    /// Items of the inbox that were left out.
    pub strangers_left_out: u32,
    /// The end of the ledger now.
    pub end: ChainHead,
    /// Why the key of the store that is gone could not be destroyed yet; none where it is.
    pub old_key_stays: Option<String>,
}

/// `draft` with facts and, where there is something to say, a note.
pub(super) fn with_facts(draft: EntryDraft, facts: Facts, note: Option<String>) -> EntryDraft {
    let note = note.map(|text| NotePart { text });
    EntryDraft { parts: Parts { facts: Some(facts), note, ..Parts::default() }, ..draft }
}
