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
//! - **Removal**: the rows of a removed template, its crop or an item of the inbox go at once. Their pages
//!   are free for the next commit to write over, but redb does not wipe them, so that sealed bytes can
//!   stay in the file until then. [`Store::erase`] destroys the keys that would open them.

mod erase;
mod open;
mod raise;
mod read;
mod sealed;
mod tables;
#[cfg(test)]
mod tests;

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use chrono::{DateTime, Utc};
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};

use crate::attendance::PersonId;
use crate::face::{EncodedCrop, TemplateId};
use crate::ledger::{
    ChainFault, ChainHead, Entry, Sealed, Sequence, Sha256Digest, TerminalId, seal, verify_chain,
};

use self::open::{DataFile, open_checked};
use self::read::{EntryReader, unreadable_part};
use self::tables::{
    BY_HELD_TIME, BY_PERSON, BY_TIME, CHANGE_POINT, CORRECTIONS, CROPS, CURSORS, FEED, HEADS, KEYS, META,
    OPERATORS, PARTS, PEOPLE, STRANGERS, TEMPLATES, Tables, head_row, kept_end, meta, object,
};
use super::changes::{Object, stage};
use super::crypt::NoRandom;
use super::crypt::ring::{Ring, RingError, SITE};
use super::crypt::source::{KeySource, Making};
use super::crypt::vault::VaultFile;
use super::records::with_corrections;
use super::{
    Change, ChangePoint, Changes, Committed, Erased, Erasure, Store, StoreError, Transaction, range_us,
};

/// The file's name in the data directory.
pub const FILE_NAME: &str = "store.redb";

/// Where a database is opened, and opened again after a failure.
trait Medium: Send {
    /// The file, for messages.
    fn path(&self) -> &Path;
    fn open(&self) -> Result<Database, Fault>;
}

/// What goes wrong inside, before it is known what the store was doing.
#[derive(Debug)]
enum Fault {
    /// The file system or redb said no.
    Medium(String),
    /// What is stored cannot be.
    Damaged(String),
    /// What is to be stored has no stored form.
    Unwritable(String),
    /// Another process has the file.
    Busy,
    /// Its schema has this number, which is to be raised first.
    Older(u32),
    /// Already in the words of the port.
    Said(StoreError),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::Io(error) if !matches!(error.kind(), InvalidData | UnexpectedEof) => {
                Self::Medium(error.to_string())
            }
            error @ (redb::Error::Io(_)
            | redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableDoesNotExist(_)) => Self::Damaged(error.to_string()),
            error => Self::Medium(error.to_string()),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Said(error)
    }
}

impl From<NoRandom> for Fault {
    fn from(error: NoRandom) -> Self {
        Self::Medium(error.to_string())
    }
}

impl From<ChainFault> for Fault {
    fn from(fault: ChainFault) -> Self {
        Self::Said(fault.into())
    }
}

impl Fault {
    fn into_store_error(self, step: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Medium(detail) => StoreError::Failed { step, detail },
            Self::Damaged(detail) => StoreError::Damaged { path: path.to_owned(), detail },
            Self::Unwritable(detail) => StoreError::Refused(detail),
            Self::Busy => StoreError::Busy { path: path.to_owned() },
            Self::Older(found) => {
                let detail = format!("its schema has version {found} all at once");
                StoreError::Damaged { path: path.to_owned(), detail }
            }
            Self::Said(error) => error,
        }
    }
}

/// Runs `work` so that a panic inside redb, which a page that rots while the store is open can
/// cause, is damage reported and not the end of the thread. What `work` borrows is either dropped
/// by the unwinding (a transaction, which rolls back) or not touched again before it was opened anew.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Fault::Damaged(format!("the database gave up: {said}")))
    })
}

/// A write transaction as the module's documentation promises it.
fn write_transaction(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// See the module.
pub struct RedbStore {
    medium: Box<dyn Medium>,
    ring: Ring,
    terminal: TerminalId,
    /// None after a failure that opening again has not cured yet.
    database: Option<Database>,
    /// A transaction whose commit failed and whose outcome could not be looked at yet.
    in_doubt: Option<(Transaction, Planned)>,
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
        Ok(Self { medium: Box::new(file), ring, terminal, database: Some(database), in_doubt: None })
    }

    #[cfg(test)]
    fn on(medium: Box<dyn Medium>, mut ring: Ring) -> Result<Self, StoreError> {
        let opened = open_checked(&*medium, &mut ring);
        let (database, terminal) = opened.map_err(|fault| fault.into_store_error("open", medium.path()))?;
        Ok(Self { medium, ring, terminal, database: Some(database), in_doubt: None })
    }

    /// Puts the store under another store key. What is stored is not written anew.
    ///
    /// # Errors
    /// [`StoreError::Keys`]; then either key may be the one that holds.
    pub fn change_store_key(&mut self, to: &KeySource) -> Result<(), StoreError> {
        let change = |ring: &mut Ring| ring.change_store_key(to.key(Making::Allowed)?);
        change(&mut self.ring).map_err(|error| keys_error(error, self.medium.path()))
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
            let write = write_transaction(database)?;
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

    /// Looks what became of a commit that failed and could not be looked at then; the transaction, and
    /// what it came to, where it is there.
    fn settle_doubt(&mut self) -> Result<Option<(Transaction, Committed)>, StoreError> {
        self.ensure_open()?;
        let Some((tried, planned)) = self.in_doubt.take() else { return Ok(None) };
        match self.stands_at(&planned) {
            Ok(true) => Ok(Some((tried, planned.committed))),
            Ok(false) => Ok(None),
            Err(error) => {
                self.in_doubt = Some((tried, planned));
                Err(error)
            }
        }
    }

    /// Closes, opens again, and finds out what became of the commit that failed.
    fn recover(
        &mut self,
        fault: Fault,
        transaction: Transaction,
        planned: Option<Planned>,
    ) -> Result<Committed, StoreError> {
        let error = fault.into_store_error("write", self.medium.path());
        self.database = None;
        let reopened = self.ensure_open();
        let Some(planned) = planned else { return Err(error) };
        match reopened.and_then(|()| self.stands_at(&planned)) {
            Ok(true) => Ok(planned.committed),
            Ok(false) => Err(error),
            Err(_) => {
                self.database = None;
                self.in_doubt = Some((transaction, planned));
                Err(error)
            }
        }
    }
}

impl Store for RedbStore {
    fn terminal(&self) -> TerminalId {
        self.terminal
    }

    fn commit(&mut self, transaction: Transaction) -> Result<Committed, StoreError> {
        super::refuse_erasure(&transaction)?;
        if let Some((tried, committed)) = self.settle_doubt()?
            // The caller tries the same again, and it was there all the time.
            && tried == transaction
        {
            return Ok(committed);
        }
        let Some(database) = &self.database else {
            let detail = "it is closed".to_owned();
            return Err(StoreError::Failed { step: "write", detail });
        };
        match self.write(database, &transaction) {
            Ok(planned) => Ok(planned.committed),
            Err(failed) => match *failed {
                (fault @ (Fault::Said(_) | Fault::Unwritable(_)), _) => {
                    Err(fault.into_store_error("write", self.medium.path()))
                }
                (fault, planned) => self.recover(fault, transaction, planned),
            },
        }
    }

    fn erase(&mut self, erasure: Erasure) -> Result<Erased, StoreError> {
        erase::erase(self, &erasure)
    }

    fn changes_since(&self, point: ChangePoint) -> Result<Changes, StoreError> {
        self.read("read the changes", |transaction| {
            let values = transaction.open_table(META)?;
            let feed = transaction.open_table(FEED)?;
            let people = transaction.open_table(PEOPLE)?;
            let templates = transaction.open_table(TEMPLATES)?;
            let strangers = transaction.open_table(STRANGERS)?;
            let operators = transaction.open_table(OPERATORS)?;
            let keys = transaction.open_table(KEYS)?;
            let key = |subject| sealed::known_key(&keys, &self.ring, subject);
            let from_nothing = point == ChangePoint::default();
            let mut changes = Vec::new();
            for row in feed.range((Bound::Excluded(point.0), Bound::Unbounded))? {
                let change = match object(row?.1.value())? {
                    Object::Person(id) => match people.get(id.0.0)? {
                        Some(row) => {
                            let key = key(sealed::of_person(id))?;
                            Change::PersonPut(sealed::person(&key, id, row.value())?)
                        }
                        None if from_nothing => continue,
                        None => Change::PersonErased(id),
                    },
                    Object::Template(id) => match templates.get(id.0.0)? {
                        Some(row) => {
                            let owner = sealed::template_owner(id, row.value())?;
                            let key = key(sealed::of_person(owner))?;
                            Change::TemplatePut(sealed::template(&key, id, row.value())?)
                        }
                        None if from_nothing => continue,
                        None => Change::TemplateRemoved(id),
                    },
                    Object::Stranger(id) => match strangers.get(id.0.0)? {
                        Some(row) => {
                            let key = key(sealed::of_stranger(id))?;
                            Change::StrangerPut(sealed::stranger(&key, id, row.value())?)
                        }
                        None if from_nothing => continue,
                        None => Change::StrangerRemoved(id),
                    },
                    Object::Operator(id) => match operators.get(id.0.0)? {
                        Some(row) => Change::OperatorPut(sealed::operator(&key(SITE)?, id, row.value())?),
                        None if from_nothing => continue,
                        None => Change::OperatorRemoved(id),
                    },
                };
                changes.push(change);
            }
            Ok(Changes { point: ChangePoint(u64::from_be_bytes(meta(&values, CHANGE_POINT)?)), changes })
        })
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
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        self.read("read records", |transaction| {
            let reader = EntryReader::open(transaction, &self.ring)?;
            let mut begin: Vec<u64> = Vec::new();
            for table in [BY_TIME, BY_HELD_TIME] {
                let table = transaction.open_table(table)?;
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
        self.read("verify the ledger", |transaction| {
            let kept = kept_end(&transaction.open_table(META)?)?;
            let heads = transaction.open_table(HEADS)?;
            let parts = transaction.open_table(PARTS)?;
            let keys = transaction.open_table(KEYS)?;
            let heads = heads.iter()?.map(|row| {
                let (sequence, row) = row?;
                let (hash, bytes) = head_row(sequence.value(), row.value())?;
                Ok((Sequence(sequence.value()), bytes.to_vec(), hash))
            });
            let parts = parts.iter()?.map(|row| {
                let (key, row) = row?;
                let (sequence, kind) = key.value();
                let part = sealed::part(&keys, &self.ring, (sequence, kind), row.value());
                Ok((Sequence(sequence), part.map_err(|fault| unreadable_part(fault, sequence, kind))?))
            });
            verify_chain(self.terminal, &kept, heads, parts)
        })
    }
}
