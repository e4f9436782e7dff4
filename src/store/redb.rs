//! The store on disk: one redb file in the data directory, one transaction a commit.
//!
//! - **Durable**: each commit is synced before it is acknowledged, in redb's two phases: pages
//!   first, then the header that names them. So a crash at any moment leaves either the commit
//!   before or the whole commit, and a page that is damaged later is found on opening; with one
//!   phase redb would fall back to an older commit without a word. One bit escapes: the one in
//!   redb's header that says which of its two slots is the newer. Where it alone is flipped, in a
//!   file that was not closed in good order, the commit before is found in its place; only an end
//!   of the chain that was kept outside of the file can tell.
//! - **One process**: a second opener is told [`StoreError::Busy`].
//! - **After a failure of the medium** (a full disk) redb lets nothing through any more, so the
//!   database is opened again at once. Where the failed commit turns out to be whole on disk, it is
//!   reported as done: its pages were synced before the header that names them was written, and
//!   opening has written and synced that header anew. In every other case nothing of it is there.
//!   Where opening fails too, the next commit tries again.
//! - **Sealed**: names, templates, crops, items of the inbox and notes; see [`crypt`](super::crypt).
//! - **Upgrade**: a file of an older schema is raised into a new file, which is verified and takes its
//!   name; the old one is overwritten. From then on an older program says that it is newer.
//! - **Whole**: a backup is a snapshot of one read transaction; a restore puts a verified file in the place of
//!   this one ([`restore`]); a compaction and another store key are commits as any other.
//! - **Removal**: the rows of a removed template, its crop or an item of the inbox go at once. Their pages
//!   are free for the next commit to write over, but redb does not wipe them, so that sealed bytes can
//!   stay in the file until then. [`Store::erase`] destroys the keys that would open them.

mod copy;
mod erase;
mod fault;
mod feed;
mod open;
mod raise;
mod read;
mod records;
pub mod restore;
mod retain;
mod sealed;
mod tables;
#[cfg(test)]
mod tests;
mod walk;
mod whole;

use std::collections::VecDeque;
use std::ops::Bound;
use std::path::Path;

use chrono::{DateTime, Utc};
#[cfg(test)]
use redb::Durability;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use ulid::Ulid;

use crate::attendance::PersonId;
use crate::face::{EncodedCrop, Template, TemplateId};
use crate::ledger::{ChainHead, Entry, EntryDraft, Sealed, Sequence, Sha256Digest, TerminalId, seal};

use self::fault::{Fault, guarded, write_transaction};
use self::open::{DataFile, open_checked};
use self::read::EntryReader;
pub(in crate::store) use self::records::read_frame;
use self::tables::{
    BY_HELD_TIME, BY_PERSON, BY_TIME, CHANGE_POINT, CORRECTIONS, CROPS, CURSORS, HEADS, KEYS, META,
    TEMPLATES, TEMPLATES_OF, Tables, head_row, kept_end, meta,
};
use super::changes::stage;
use super::crypt::ring::{Ring, RingError};
use super::crypt::source::KeySource;
use super::crypt::vault::VaultFile;
use super::records::with_corrections;
use super::{
    BackupOnRecord, BackupOrder, Change, ChangePoint, Changes, Committed, Compacted, Erased, ErasedId,
    Erasure, Retained, RetentionStep, Store, StoreError, StoreFigures, Transaction, range_us,
};

/// The file's name in the data directory.
pub const FILE_NAME: &str = "store.redb";

/// So many transactions are kept at most because they may come again. The one that does is tried again within
/// seconds; what gets in between, and is in doubt too, are a few commands that do not.
const DOUBTS: usize = 8;

/// Where a database is opened, and opened again after a failure.
trait Medium: Send {
    /// The file, for messages.
    fn path(&self) -> &Path;
    fn open(&self) -> Result<Database, Fault>;
    /// How large the file is.
    fn bytes(&self) -> std::io::Result<u64>;
}

/// See the module.
pub struct RedbStore {
    medium: Box<dyn Medium>,
    ring: Ring,
    terminal: TerminalId,
    /// None after a failure that opening again has not cured yet.
    database: Option<Database>,
    /// A commit that failed and whose outcome could not be looked at yet, with what may come again of it.
    in_doubt: Option<(Option<Transaction>, Planned)>,
    /// Transactions that were reported as failed and turned out to be written, until they come again.
    written_after_all: VecDeque<(Transaction, Committed)>,
    /// What tests put in place of [`write_transaction`]'s durability.
    #[cfg(test)]
    durability: Durability,
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedbStore({})", self.medium.path().display())
    }
}

/// What is wrong with the keys whose file is `path`.
fn keys_error(error: RingError, path: &Path) -> StoreError {
    StoreError::Keys { path: path.to_owned(), detail: error.to_string() }
}

/// What a transaction comes to, and where the store stands once it is written.
#[derive(Debug)]
struct Planned {
    committed: Committed,
    end: ChainHead,
}

/// A commit that failed: what went wrong, and what was written, where it came as far as that.
type Attempt = Result<Planned, Box<(Fault, Option<Planned>)>>;

impl RedbStore {
    /// Opens the store in the data directory `directory`, or makes it there, directory included;
    /// a new one belongs to the terminal `new_terminal`, one that is there keeps its own. `keys` is where
    /// the store key lies; where the store is new, it may be made there.
    ///
    /// Every page is read and checked, which takes as long as reading the file. The ledger's
    /// chain is not walked: that is [`Store::verify`].
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Keys`], or
    /// [`StoreError::Failed`] where the file system says no.
    pub fn open(directory: &Path, new_terminal: TerminalId, keys: &KeySource) -> Result<Self, StoreError> {
        let vault = VaultFile::of(directory);
        let path = vault.path().to_owned();
        let ring = |making| {
            let opened = Ring::open(Box::new(vault.clone()), keys, making);
            opened.map_err(|error| keys_error(error, &path))
        };
        let (file, mut ring) = DataFile::find_or_make(directory, new_terminal, ring)?;
        let opened = match open_checked(&file, &mut ring) {
            Err(Fault::Older(found)) => {
                tracing::info!("the store's schema is raised from version {found}");
                guarded(|| raise::raise(&file, &ring)).and_then(|()| open_checked(&file, &mut ring))
            }
            opened => opened,
        };
        let (database, terminal) = opened.map_err(|fault| fault.into_store_error("open", file.path()))?;
        file.clean();
        Ok(Self::opened(Box::new(file), ring, terminal, database))
    }

    /// Opens a store that is there.
    fn on(medium: Box<dyn Medium>, mut ring: Ring) -> Result<Self, StoreError> {
        let opened = open_checked(&*medium, &mut ring);
        let (database, terminal) = opened.map_err(|fault| fault.into_store_error("open", medium.path()))?;
        Ok(Self::opened(medium, ring, terminal, database))
    }

    fn opened(medium: Box<dyn Medium>, ring: Ring, terminal: TerminalId, database: Database) -> Self {
        Self {
            medium,
            ring,
            terminal,
            database: Some(database),
            in_doubt: None,
            written_after_all: VecDeque::new(),
            #[cfg(test)]
            durability: Durability::Immediate,
        }
    }

    /// Puts the store under another store key, and all of it under a new epoch key; `entry` says so. A crash
    /// leaves both done or neither.
    ///
    /// # Errors
    /// [`StoreError::Keys`] where there is no such key, or what writing says.
    pub fn change_store_key(&mut self, to: &KeySource, entry: &EntryDraft) -> Result<Committed, StoreError> {
        whole::change_store_key(self, to, entry)
    }

    fn read<T>(
        &self,
        step: &'static str,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let Some(database) = &self.database else {
            let detail = "a write failed and the file could not be opened again since".to_owned();
            return Err(StoreError::Failed { step, detail });
        };
        guarded(|| work(&database.begin_read()?))
            .map_err(|fault| fault.into_store_error(step, self.medium.path()))
    }

    fn write(&self, database: &Database, transaction: &Transaction) -> Attempt {
        let prepare = || {
            #[cfg_attr(not(test), expect(unused_mut, reason = "tests alone change it"))]
            let mut write = write_transaction(database)?;
            #[cfg(test)]
            write.set_durability(self.durability)?;
            let planned = self.fill(&write, transaction)?;
            Ok((write, planned))
        };
        let (write, planned) = guarded(prepare).map_err(|fault| Box::new((fault, None)))?;
        match guarded(|| Ok(write.commit()?)) {
            Ok(()) => Ok(planned),
            Err(fault) => Err(Box::new((fault, Some(planned)))),
        }
    }

    fn fill(&self, write: &WriteTransaction, transaction: &Transaction) -> Result<Planned, Fault> {
        let mut tables = Tables::open(write, &self.ring)?;
        let staged = stage(&transaction.changes, &tables)?;
        let mut end = tables.kept_end()?;
        let mut sealed: Vec<Sealed> = Vec::with_capacity(transaction.entries.len());
        for draft in &transaction.entries {
            let next = seal(draft, self.terminal, &end).map_err(StoreError::from)?;
            end = next.end;
            sealed.push(next);
        }
        let point = ChangePoint(tables.apply(&staged)?);
        tables.append(&sealed)?;
        let entries = sealed.into_iter().map(|sealed| sealed.entry).collect();
        Ok(Planned { committed: Committed { point, entries }, end })
    }

    /// Opens the database again, where it is closed.
    fn ensure_open(&mut self) -> Result<(), StoreError> {
        if self.database.is_none() {
            let opened = open_checked(&*self.medium, &mut self.ring);
            let (database, terminal) =
                opened.map_err(|fault| fault.into_store_error("open", self.medium.path()))?;
            if terminal != self.terminal {
                let detail = format!("it belongs to terminal {} now", terminal.0);
                return Err(StoreError::Damaged { path: self.medium.path().to_owned(), detail });
            }
            self.database = Some(database);
        }
        Ok(())
    }

    /// Whether the store stands where `planned` would have brought it. The end's hash covers every
    /// entry up to it; a transaction without entries is told by its point.
    fn stands_at(&self, planned: &Planned) -> Result<bool, StoreError> {
        let (end, point) = self.read("look whether the last commit is there", |transaction| {
            let values = transaction.open_table(META)?;
            Ok((kept_end(&values)?, u64::from_be_bytes(meta(&values, CHANGE_POINT)?)))
        })?;
        Ok(end == planned.end && point == planned.committed.point.0)
    }

    /// Looks what became of a commit that failed and could not be looked at then. A transaction that is there is
    /// kept until it comes again.
    fn settle_doubt(&mut self) -> Result<(), StoreError> {
        self.ensure_open()?;
        let Some((tried, planned)) = self.in_doubt.take() else { return Ok(()) };
        match self.stands_at(&planned) {
            Ok(true) => {
                self.written_after_all.extend(tried.map(|tried| (tried, planned.committed)));
                if self.written_after_all.len() > DOUBTS {
                    self.written_after_all.pop_front();
                }
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                self.in_doubt = Some((tried, planned));
                Err(error)
            }
        }
    }

    /// What `transaction` came to, where it was reported as failed and written all the same. With entries, whose
    /// ids and salts are drawn anew, an equal one is the same one whatever was written since; without, only
    /// where nothing was.
    fn take_written(&mut self, transaction: &Transaction) -> Option<Committed> {
        let at = self.written_after_all.iter().position(|(tried, _)| tried == transaction);
        let written = at.and_then(|at| self.written_after_all.remove(at));
        self.written_after_all.retain(|(tried, _)| !tried.entries.is_empty());
        written.map(|(_, committed)| committed)
    }

    /// What is said of a transaction that came to `fault` before its commit, so that nothing of it is there.
    /// Where the medium failed, it closes and opens again, as redb lets nothing through any more; where that
    /// fails too, whatever comes next tries again.
    fn gave_up(&mut self, step: &'static str, fault: Fault) -> StoreError {
        let is_of_the_medium = !matches!(fault, Fault::Said(_) | Fault::Unwritable(_));
        let error = fault.into_store_error(step, self.medium.path());
        if is_of_the_medium {
            self.database = None;
            if let Err(error) = self.ensure_open() {
                tracing::warn!(%error, "the store could not be opened again yet");
            }
        }
        error
    }

    /// Closes, opens again, and finds out what became of the commit that failed while doing `step`; `transaction`
    /// is what its caller may try again.
    fn recover(
        &mut self,
        step: &'static str,
        fault: Fault,
        transaction: Option<Transaction>,
        planned: Planned,
    ) -> Result<Committed, StoreError> {
        let error = self.gave_up(step, fault);
        match self.ensure_open().and_then(|()| self.stands_at(&planned)) {
            Ok(true) => Ok(planned.committed),
            Ok(false) => Err(error),
            Err(_) => {
                self.database = None;
                self.in_doubt = Some((transaction, planned));
                Err(error)
            }
        }
    }

    /// The entries that `tables`, which are by time, have of a span, with their corrections.
    fn with_corrections(
        &self,
        tables: &[redb::TableDefinition<(i64, u64), ()>],
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Entry>, StoreError> {
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        self.read("read records", |transaction| {
            let reader = EntryReader::open(transaction, &self.ring)?;
            let mut begin: Vec<u64> = Vec::new();
            for table in tables {
                let table = transaction.open_table(*table)?;
                for row in table.range((from, 0)..(until, 0))? {
                    begin.push(row?.0.value().1);
                }
            }
            let corrections = transaction.open_table(CORRECTIONS)?;
            let corrections_of = |sequence| {
                let range = corrections.range((sequence, 0)..=(sequence, u64::MAX))?;
                range.map(|row| Ok(row?.0.value().1)).collect()
            };
            with_corrections(begin, |sequence| reader.entry_at(sequence), corrections_of)
        })
    }
}

impl Store for RedbStore {
    fn terminal(&self) -> TerminalId {
        self.terminal
    }

    fn commit(&mut self, transaction: Transaction) -> Result<Committed, StoreError> {
        super::refuse_erasure(&transaction)?;
        self.settle_doubt()?;
        if let Some(committed) = self.take_written(&transaction) {
            return Ok(committed);
        }
        let Some(database) = &self.database else {
            let detail = "it is closed".to_owned();
            return Err(StoreError::Failed { step: "write", detail });
        };
        match self.write(database, &transaction) {
            Ok(planned) => Ok(planned.committed),
            Err(failed) => {
                let (fault, planned) = *failed;
                match planned {
                    Some(planned) => self.recover("write", fault, Some(transaction), planned),
                    None => Err(self.gave_up("write", fault)),
                }
            }
        }
    }

    fn erase(&mut self, erasure: Erasure) -> Result<Erased, StoreError> {
        erase::erase(self, &erasure)
    }

    fn back_up(&self, order: &BackupOrder) -> Result<BackupOnRecord, StoreError> {
        whole::back_up(self, order)
    }

    fn compact(&mut self) -> Result<Compacted, StoreError> {
        whole::compact(self)
    }

    fn figures(&self) -> Result<StoreFigures, StoreError> {
        whole::figures(self)
    }

    fn erasures(&self) -> Result<Vec<ErasedId>, StoreError> {
        self.read("look at the erasures", records::erasures)
    }

    fn retain(&mut self, step: RetentionStep) -> Result<Retained, StoreError> {
        retain::retain(self, &step)
    }

    fn templates_held(&self, person: PersonId) -> Result<Vec<Template>, StoreError> {
        self.read("read the templates of a person", |transaction| {
            let keys = transaction.open_table(KEYS)?;
            let Some(key) = sealed::key_of(&keys, &self.ring, sealed::of_person(person))? else {
                return Ok(Vec::new());
            };
            let templates = transaction.open_table(TEMPLATES)?;
            let of_person = transaction.open_table(TEMPLATES_OF)?;
            let mut held = Vec::new();
            for row in of_person.range((person.0.0, 0)..=(person.0.0, u128::MAX))? {
                let id = TemplateId(Ulid(row?.0.value().1));
                let missing = || Fault::Damaged(format!("template {} has no row", id.0));
                let row = templates.get(id.0.0)?.ok_or_else(missing)?;
                held.push(sealed::template(&key, id, row.value())?);
            }
            Ok(held)
        })
    }

    fn changes_since(&self, point: ChangePoint) -> Result<Changes, StoreError> {
        self.read("read the changes", |transaction| feed::changes_since(transaction, &self.ring, point))
    }

    fn everything(&self, take: &mut dyn FnMut(Vec<Change>)) -> Result<(), StoreError> {
        self.read("read what is stored", |transaction| feed::everything(transaction, &self.ring, take))
    }

    fn crop(&self, template: TemplateId) -> Result<Option<EncodedCrop>, StoreError> {
        self.read("read the crop of a template", |transaction| {
            let Some(row) = transaction.open_table(CROPS)?.get(template.0.0)? else { return Ok(None) };
            let templates = transaction.open_table(TEMPLATES)?;
            let missing = || Fault::Damaged(format!("template {} has a crop and no row", template.0));
            let owner = templates.get(template.0.0)?.ok_or_else(missing)?;
            let owner = sealed::template_owner(template, owner.value())?;
            let keys = transaction.open_table(KEYS)?;
            let key = sealed::known_key(&keys, &self.ring, sealed::of_person(owner))?;
            sealed::crop(&key, template, row.value()).map(Some)
        })
    }

    fn entries_since(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.read("read entries", |transaction| {
            let reader = EntryReader::open(transaction, &self.ring)?;
            let later = reader.heads.range((Bound::Excluded(sequence.0), Bound::Unbounded))?;
            reader.entries(later.take(limit))
        })
    }

    fn entries_before(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.read("read entries", |transaction| {
            let reader = EntryReader::open(transaction, &self.ring)?;
            let earlier = reader.heads.range(..sequence.0)?.rev();
            reader.entries(earlier.take(limit))
        })
    }

    fn entries_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        self.read("read entries", |transaction| {
            let reader = EntryReader::open(transaction, &self.ring)?;
            let by_time = transaction.open_table(BY_TIME)?;
            let between = by_time.range((from, 0)..(until, 0))?;
            between.map(|row| reader.entry_at(row?.0.value().1)).collect()
        })
    }

    fn records_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        self.with_corrections(&[BY_TIME, BY_HELD_TIME], from, until)
    }

    fn held_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        self.with_corrections(&[BY_HELD_TIME], from, until)
    }

    fn cursor(&self, name: &str) -> Result<Option<Sequence>, StoreError> {
        self.read("read a cursor", |transaction| {
            let row = transaction.open_table(CURSORS)?.get(name)?;
            Ok(row.map(|row| Sequence(row.value())))
        })
    }

    fn sequences_of(&self, person: PersonId) -> Result<Vec<Sequence>, StoreError> {
        self.read("read the entries of a person", |transaction| {
            let by_person = transaction.open_table(BY_PERSON)?;
            let of_person = by_person.range((person.0.0, 0)..=(person.0.0, u64::MAX))?;
            of_person.map(|row| Ok(Sequence(row?.0.value().1))).collect()
        })
    }

    fn chain_head(&self) -> Result<ChainHead, StoreError> {
        self.read("read the ledger's end", |transaction| kept_end(&transaction.open_table(META)?))
    }

    fn hash_of(&self, sequence: Sequence) -> Result<Option<Sha256Digest>, StoreError> {
        self.read("read the hash of an entry", |transaction| {
            let row = transaction.open_table(HEADS)?.get(sequence.0)?;
            row.map(|row| Ok(head_row(sequence.0, row.value())?.0)).transpose()
        })
    }

    fn verify(&self) -> Result<ChainHead, StoreError> {
        self.read("verify the ledger", |transaction| walk::verify(transaction, &self.ring, self.terminal))
    }
}
