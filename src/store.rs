//! The store's port: people, templates and the ledger, in transactions that are durable when they
//! are acknowledged. It speaks of changes since a point, not of tables, so that a store shared by
//! several terminals can stand behind it too.

mod administration;
pub mod backup;
mod changes;
#[cfg(test)]
mod contract;
pub mod crypt;
pub mod decoding;
mod disk;
pub mod erasures;
pub mod memory;
mod records;
pub mod redb;
pub mod retention;
mod rows;

pub use administration::{
    BackupOnRecord, BackupOrder, Compacted, ErasedId, ErasuresFrom, Restored, StoreFigures,
};
pub use backup::BackupError;
pub use disk::DiskState;
pub use memory::MemoryStore;
pub use redb::RedbStore;
pub use retention::{Retained, RetentionStep};

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::{Operator, OperatorId};
use crate::attendance::{Person, PersonId, Stranger, StrangerId};
use crate::face::{EncodedCrop, Template, TemplateId};
use crate::ledger::{
    ChainFault, ChainHead, Entry, EntryDraft, SealError, Sequence, Sha256Digest, TerminalId,
};

/// A point in the store's stream of changes; 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangePoint(pub u64);

/// One thing that is different now. All changes after a point bring a replica up to date; as a
/// template can come before its person, they are one transaction there, and not many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A person is new or different.
    PersonPut(Person),
    /// A person is gone, with their name, their key and all that was sealed under it. An ordinary commit
    /// refuses it: see [`Store::erase`].
    PersonErased(PersonId),
    /// A template is new or different.
    TemplatePut(Template),
    /// A template is gone, its embedding with it, and its crop where it has one.
    TemplateRemoved(TemplateId),
    /// The picture that a template was made from, kept beside it. It goes with its template, and
    /// stays where the template is put anew. Not in the feed: see [`Store::crop`].
    CropPut {
        /// Whose it is.
        template: TemplateId,
        /// At most [`MAX_CROP_BYTES`].
        bytes: EncodedCrop,
    },
    /// The picture beside a template is gone; the template stays. Not in the feed.
    CropRemoved(TemplateId),
    /// An item of the inbox is new or different.
    StrangerPut(Stranger),
    /// An item of the inbox is gone, with all that it held.
    StrangerRemoved(StrangerId),
    /// An operator is new or different.
    OperatorPut(Operator),
    /// An operator is gone.
    OperatorRemoved(OperatorId),
    /// What follows the ledger under this name has come as far as this. Not in the feed: see
    /// [`Store::cursor`].
    CursorPut {
        /// What follows it: a hook, a webhook.
        name: String,
        /// The last entry that it is done with.
        sequence: Sequence,
    },
}

/// Bytes of a crop beside a template at most. A face of 480 by 480 pixels is under 700 KiB as PNG,
/// which does not compress it at worst, and about a tenth of that as JPEG.
pub const MAX_CROP_BYTES: usize = 1024 * 1024;

/// What one transaction writes: all of it or nothing. It is judged by what would hold after all of
/// it, so the order matters only where one thing is changed twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transaction {
    /// Applied in order.
    pub changes: Vec<Change>,
    /// Appended in order, in the same transaction.
    pub entries: Vec<EntryDraft>,
}

/// What was made durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// The point after the transaction's last change.
    pub point: ChangePoint,
    /// The entries with their place in the chain.
    pub entries: Vec<Entry>,
}

/// The changes after a point: each thing that is different once, as it is now, in the order of its
/// last change. What was put and later removed is missing where the point is 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// The point to ask from next time.
    pub point: ChangePoint,
    /// In order.
    pub changes: Vec<Change>,
}

/// What an erasure leaves of somebody's attendance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptRecords {
    /// Nothing: the records go too.
    None,
    /// When somebody was there, under an id that nothing ties to a name or a face any more.
    Pseudonymous,
}

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who.
    pub person: PersonId,
    /// What stays of their attendance.
    pub keeps: KeptRecords,
    /// Items of the inbox that are of the person too.
    pub strangers: Vec<StrangerId>,
    /// The entry that says so, of the kind [`Erased`](crate::ledger::EntryKind::Erased). The store puts into
    /// it which parts of which entries went.
    pub entry: EntryDraft,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// The entry, and the point of the feed afterwards.
    pub committed: Committed,
    /// Templates that went.
    pub templates: Vec<TemplateId>,
    /// Crops beside them that went.
    pub crops: u32,
    /// Items of the inbox that went.
    pub strangers: Vec<StrangerId>,
    /// Parts of entries that went.
    pub parts: u64,
    /// The backups on record that may still hold the person, oldest first.
    pub backups: Vec<BackupOnRecord>,
    /// Why the old key could not be destroyed yet: it is tried again with every commit and at every
    /// opening, and until it is done, old pages may still be opened. None where it is gone.
    pub old_key_stays: Option<String>,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{path} is open in another muster; it lets one process in at a time")]
    Busy {
        /// The store's file.
        path: PathBuf,
    },
    /// It was written by a newer program.
    #[error(
        "{path} has schema version {found}, and this muster reads up to {supported}: use the newer muster that wrote it"
    )]
    Newer {
        /// The store's file.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What this program reads.
        supported: u32,
    },
    /// Its pages or its contents do not fit together.
    #[error("{path} is damaged ({detail}): keep a copy of it and restore the last good one")]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The keys do not open it, or cannot be had.
    #[error("the keys of the store, {path}: {detail}")]
    Keys {
        /// The file of wrapped keys.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The ledger's chain does not fit.
    #[error("the ledger does not verify: {0}")]
    Chain(#[from] ChainFault),
    /// The file system or the database said no while doing `step`.
    #[error("the store could not {step}: {detail}")]
    Failed {
        /// What it was doing, as a verb with its object.
        step: &'static str,
        /// What was said.
        detail: String,
    },
    /// A backup cannot be written or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The disk takes no writes while doing `step`.
    #[error("the store could not {step}: the {}: {}", state.words(), state.remedy())]
    Disk {
        /// What it was doing, as a verb with its object.
        step: &'static str,
        /// Why.
        state: DiskState,
    },
    /// A transaction that contradicts what is stored; nothing of it was written.
    #[error("the transaction was refused: {0}")]
    Refused(String),
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// The microseconds since 1970 of the stored times that lie in `from..until`, as a range of its
/// own; none where it is empty. Stored times are whole microseconds, so one lies at or after a
/// bound exactly if it lies at or after the bound rounded up.
fn range_us(from: DateTime<Utc>, until: DateTime<Utc>) -> Option<(i64, i64)> {
    let up = |at: DateTime<Utc>| {
        at.timestamp_micros() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1000))
    };
    let (from, until) = (up(from), up(until));
    (from < until).then_some((from, until))
}

/// An erasure is more than a change: it goes through [`Store::erase`].
fn refuse_erasure(transaction: &Transaction) -> Result<(), StoreError> {
    if transaction.changes.iter().any(|change| matches!(change, Change::PersonErased(_))) {
        return Err(StoreError::Refused("a person is erased by an erasure alone".to_owned()));
    }
    Ok(())
}

fn without_file() -> StoreError {
    StoreError::Refused("this store has no file of its own".to_owned())
}

/// Where people, templates and the ledger are kept. One owner at a time, on a thread of its own.
pub trait Store: Send {
    /// The machine whose chain this store appends to.
    fn terminal(&self) -> TerminalId;

    /// Writes all of `transaction` and makes it durable, or writes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a template of a person that is not there or whose enrolment has
    /// ended, a second active person with one identifier, an enrolment that ends while templates
    /// stay, a crop of a template that is not there, an empty crop or one of more than
    /// [`MAX_CROP_BYTES`], an item of the inbox past its limits ([`Stranger::check`]), and a time
    /// outside of the calendar; [`StoreError::Disk`] or [`StoreError::Failed`] where the medium fails.
    fn commit(&mut self, transaction: Transaction) -> Result<Committed, StoreError>;

    /// Takes a person out of everything: their row and key, templates, crops, the given items of the inbox,
    /// and their parts of the ledger: records (where none are kept), notes and evidence of the entries about them, and evidence of others that
    /// names them. Then destroys the key that could open what old copies hold of it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a person who is not there; otherwise as [`Store::commit`].
    fn erase(&mut self, erasure: Erasure) -> Result<Erased, StoreError>;

    /// Writes everything the last commit left into a file, sealed so that only the store key opens it, and
    /// makes it durable. It notes nothing: an entry of the kind
    /// [`BackedUp`](crate::ledger::EntryKind::BackedUp) puts the backup on record.
    ///
    /// # Errors
    /// [`StoreError::Backup`], or what reading says; [`StoreError::Refused`] where the store has no file.
    fn back_up(&self, _order: &BackupOrder) -> Result<BackupOnRecord, StoreError> {
        Err(without_file())
    }

    /// Gives the room back that is free in the store's file.
    ///
    /// # Errors
    /// What the medium says; the rows are as they were. [`StoreError::Refused`] where the store has no file.
    fn compact(&mut self) -> Result<Compacted, StoreError> {
        Err(without_file())
    }

    /// How large the store is, and what is in it.
    ///
    /// # Errors
    /// What reading says; [`StoreError::Refused`] where the store has no file.
    fn figures(&self) -> Result<StoreFigures, StoreError> {
        Err(without_file())
    }

    /// What was erased from the store, for a restore to erase again.
    ///
    /// # Errors
    /// What reading says; [`StoreError::Refused`] where the store has no file.
    fn erasures(&self) -> Result<Vec<ErasedId>, StoreError> {
        Err(without_file())
    }
    /// Looks at some of what is kept for a time, and deletes what of it is older than it may be, with an entry
    /// that names it. Unlike an erasure it destroys no key: what was sealed can be opened in old pages of the
    /// file until they are written over.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn retain(&mut self, step: RetentionStep) -> Result<Retained, StoreError>;

    /// The templates of `person`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn templates_held(&self, person: PersonId) -> Result<Vec<Template>, StoreError>;

    /// Everything that changed after `point`; from 0, all people, templates and items of the inbox
    /// there are. Crops are left out, so that nobody has to hold all of them at once: a change of a
    /// crop moves the point and gives no change.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn changes_since(&self, point: ChangePoint) -> Result<Changes, StoreError>;

    /// All that [`Store::changes_since`] gives from 0, given to `take` in parts, in order, so that nobody has to
    /// hold all of it at once. After an error, some of it was given.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn everything(&self, take: &mut dyn FnMut(Vec<Change>)) -> Result<(), StoreError> {
        take(self.changes_since(ChangePoint(0))?.changes);
        Ok(())
    }

    /// The crop beside `template`; none where none is kept or the template is not there.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn crop(&self, template: TemplateId) -> Result<Option<EncodedCrop>, StoreError>;

    /// Entries after `sequence`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn entries_since(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Entries before `sequence`, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn entries_before(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Entries whose time lies in `from..until`, oldest first; by sequence where times are equal.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn entries_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError>;

    /// The entries whose time lies in `from..until`, those whose record speaks of a time in it, and with
    /// every one of them all that it corrects and that corrects it, by sequence: what
    /// [`held`](crate::attendance::statement::held) needs.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn records_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError>;

    /// Those entries alone whose record speaks of a time in `from..until` that is not their own, such as
    /// excuses, with their corrections as there: a long look back costs little.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn held_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError>;

    /// How far what follows the ledger as `name` has come; none where it has not begun.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn cursor(&self, name: &str) -> Result<Option<Sequence>, StoreError>;

    /// The sequences of the entries whose record part is about `person`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn sequences_of(&self, person: PersonId) -> Result<Vec<Sequence>, StoreError>;

    /// The end of the chain.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn chain_head(&self) -> Result<ChainHead, StoreError>;

    /// The hash that is kept for the entry `sequence`; none where there is no such entry.
    ///
    /// # Errors
    /// [`StoreError`] where the medium fails or what is stored cannot be read.
    fn hash_of(&self, sequence: Sequence) -> Result<Option<Sha256Digest>, StoreError>;

    /// Walks the whole chain and every part that is there.
    ///
    /// # Errors
    /// [`StoreError::Chain`] with the first entry that does not fit, or what reading says.
    fn verify(&self) -> Result<ChainHead, StoreError>;
}
