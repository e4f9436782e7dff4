//! Putting the store of a backup in the place of the one that is there.
//!
//! 1. The whole file is read: every piece opens in its place.
//! 2. Its rows are written into a new file beside the store, with every key wrapped by an epoch key that is
//!    drawn for this and never leaves the memory. The chain is walked and every row opened.
//! 3. Everybody who was erased since is erased there as [`Store::erase`] does it, an entry each; what is
//!    known of erasures and backups is carried over, and an entry says what was restored.
//! 4. Every key is wrapped by the next epoch key of the store that is there; the new file takes its name; the
//!    epoch key of the old one is destroyed and its file overwritten.
//!
//! Before the new file has its name nothing was changed, and a crash leaves a file that the next opening takes
//! away. From then on the old one can be opened by no key that there is. In the new file old pages hold what
//! was sealed for the erased, under keys that lay in memory alone.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use redb::ReadableTable;
use ulid::Ulid;

use crate::attendance::{PersonId, StrangerId};
use crate::ledger::{ChainHead, EntryDraft, EntryKind, TerminalId};
use crate::store::administration::with_facts;
use crate::store::backup::BackupError;
use crate::store::backup::header::{Header, HeaderFault};
use crate::store::backup::pieces::{FileSum, PieceReader};
use crate::store::crypt::ring::{Ring, VolatileVault};
use crate::store::crypt::source::{KeySource, Making};
use crate::store::crypt::vault::{VaultFile, wipe};
use crate::store::crypt::{Key, NotOpened};
use crate::store::{
    BackupOnRecord, Change, ErasedId, Erasure, ErasuresFrom, KeptRecords, Restored, Store, StoreError,
    Transaction,
};

use super::copy::{self, LoadFault};
use super::open::{DataFile, half_made, initialise, new_database};
use super::tables::{PEOPLE, SCHEMA_VERSION, STRANGERS, Tables, VAULT};
use super::{FILE_NAME, Fault, RedbStore, guarded, keys_error, records, whole, write_transaction};

/// What is to be restored, and how.
pub struct RestoreOrder<'a> {
    /// The backup's file.
    pub backup: &'a Path,
    /// The store key that it was made under.
    pub backup_key: &'a KeySource,
    /// Where the erasures come from that are done again.
    pub erasures: ErasuresFrom,
    /// Drafts an entry, without parts.
    pub draft: &'a mut dyn FnMut(EntryKind) -> EntryDraft,
}

/// A restore that is ready and has changed nothing. Dropped, it leaves nothing behind.
pub struct PreparedRestore {
    /// The store as it will be, in a file of its own.
    store: RedbStore,
    /// Takes the new file away, unless it has got its name.
    half_made: HalfMade,
    directory: PathBuf,
    /// What the store that is replaced is under; none where it could not be read.
    ring: Option<Ring>,
    store_key: KeySource,
    restored: Restored,
}

struct HalfMade(PathBuf);

impl Drop for HalfMade {
    fn drop(&mut self) {
        // After it got its name there is none any more.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The store that is replaced, as far as it can be read.
struct Present {
    ring: Option<Ring>,
    end: Option<ChainHead>,
    erased: Vec<ErasedId>,
    backups: Vec<BackupOnRecord>,
    /// Why it says nothing.
    unknown: Option<String>,
}

struct Opened {
    header: Header,
    ring: Ring,
    rows: PieceReader<BufReader<File>>,
}

fn open_backup(path: &Path, key: &KeySource) -> Result<Opened, BackupError> {
    let header_fault = |fault| BackupError::Header { path: path.to_owned(), fault };
    let key_fault = |detail: String| BackupError::Key { path: path.to_owned(), detail };
    let file = File::open(path).map_err(BackupError::io(path, "read"))?;
    let mut file = BufReader::new(file);
    let header = Header::read(&mut file).map_err(header_fault)?;
    if header.schema != SCHEMA_VERSION {
        let (found, supported) = (header.schema, SCHEMA_VERSION);
        let advice = if found > supported {
            "use the newer muster that made it"
        } else {
            "restore it with the muster that made it; this one then reads what that one left"
        };
        return Err(BackupError::Schema { path: path.to_owned(), found, supported, advice });
    }
    let vault = VolatileVault::of(header.vault.clone());
    let ring = Ring::open(Box::new(vault), key, Making::Refused);
    let ring = ring.map_err(|error| key_fault(error.to_string()))?;
    let opened = ring.unwrap_backup_key(&header.place(), &header.wrapped_key);
    let pieces_key = opened.map_err(|NotOpened| header_fault(HeaderFault::Sealed))?;
    let rows = PieceReader::new(file, &header.bytes(), pieces_key);
    Ok(Opened { header, ring, rows })
}

/// Reads the whole file.
fn check(path: &Path, key: &KeySource) -> Result<(Header, FileSum), BackupError> {
    let Opened { header, rows, .. } = open_backup(path, key)?;
    let sum = rows.finish().map_err(|fault| BackupError::Piece { path: path.to_owned(), fault })?;
    Ok((header, sum))
}

fn look_at_present(
    directory: &Path,
    store_key: &KeySource,
    backup: &Path,
    terminal: TerminalId,
) -> Result<Present, StoreError> {
    let exists = directory.join(FILE_NAME).exists();
    let unknown = if exists {
        match RedbStore::open(directory, terminal, store_key) {
            Ok(store) if store.terminal != terminal => {
                return Err(BackupError::terminal(backup, terminal, store.terminal).into());
            }
            Ok(store) => {
                let end = Some(store.chain_head()?);
                let (erased, backups) = store.read("look at the erasures", |transaction| {
                    Ok((records::erasures(transaction)?, records::backups(transaction)?))
                })?;
                let RedbStore { ring, database, .. } = store;
                let path = directory.join(FILE_NAME);
                whole::close(database).map_err(|fault| fault.into_store_error("close", &path))?;
                return Ok(Present { ring: Some(ring), end, erased, backups, unknown: None });
            }
            Err(error @ (StoreError::Damaged { .. } | StoreError::Chain(_))) => error.to_string(),
            Err(error) => return Err(error),
        }
    } else {
        "there is no store here that would be replaced".to_owned()
    };
    Ok(Present { ring: None, end: None, erased: Vec::new(), backups: Vec::new(), unknown: Some(unknown) })
}

/// Gets a restore into `directory` ready, whose store is or will be under `store_key`. The caller sees to it that
/// no other process uses the directory meanwhile.
///
/// # Errors
/// [`StoreError::Backup`] for a file that cannot be restored here, or what reading and writing say. Nothing is
/// changed in any case.
pub fn prepare(
    directory: &Path,
    store_key: &KeySource,
    order: RestoreOrder<'_>,
) -> Result<PreparedRestore, StoreError> {
    let RestoreOrder { backup, backup_key, erasures, draft } = order;
    let (header, sum) = check(backup, backup_key)?;
    let present = look_at_present(directory, store_key, backup, header.terminal)?;
    let erased = to_erase(&present, erasures)?;
    let path = half_made(directory).map_err(|fault| fault.into_store_error("restore", directory))?;
    let half_made = HalfMade(path);
    let mut store = load(backup, backup_key, &half_made.0, sum)?;
    let content =
        |error: StoreError| BackupError::Content { path: backup.to_owned(), detail: error.to_string() };
    let end = store.verify().map_err(content)?;
    whole::open_everything(&store).map_err(content)?;
    if end != header.end || end.sequence.0 != header.entries {
        let detail = "its ledger does not end where its header says".to_owned();
        return Err(BackupError::Content { path: backup.to_owned(), detail }.into());
    }
    let backup = BackupOnRecord { at: header.made_at, digest: sum.digest, bytes: sum.bytes, end };
    let mut restored = Restored {
        backup,
        replaced: present.end,
        erased_again: 0,
        strangers_left_out: 0,
        end,
        old_key_stays: None,
    };
    erase_again(&mut store, &erased, draft, &mut restored)?;
    let backups: Vec<BackupOnRecord> = present.backups.iter().copied().chain([backup]).collect();
    put_on_record(&store, &erased, &backups)?;
    let note = present.end.map(|end| {
        format!("in place of a store whose ledger ended at entry {}, hash {}", end.sequence, end.hash)
    });
    let entry = with_facts(draft(EntryKind::Restored), backup.facts(), note);
    store.commit(Transaction { changes: vec![], entries: vec![entry] })?;
    restored.end = store.chain_head()?;
    let (directory, store_key) = (directory.to_owned(), store_key.clone());
    Ok(PreparedRestore { store, half_made, directory, ring: present.ring, store_key, restored })
}

/// Who is to be erased, each once. Where two sources differ, nothing of the person stays.
fn to_erase(present: &Present, from: ErasuresFrom) -> Result<Vec<ErasedId>, BackupError> {
    let listed = match (from, &present.unknown) {
        (ErasuresFrom::Present, Some(why)) => return Err(BackupError::NoErasures { why: why.clone() }),
        (ErasuresFrom::Present, None) | (ErasuresFrom::PresentOrNone, _) => Vec::new(),
        (ErasuresFrom::List(listed), _) => listed,
    };
    let (mut people, mut strangers) = (BTreeMap::new(), Vec::new());
    for erased in present.erased.iter().copied().chain(listed) {
        match erased {
            ErasedId::Person { id, keeps } => {
                let kept = people.entry(id).or_insert(keeps);
                if keeps == KeptRecords::None {
                    *kept = keeps;
                }
            }
            ErasedId::Stranger(_) => strangers.push(erased),
        }
    }
    let people = people.into_iter().map(|(id, keeps)| ErasedId::Person { id, keeps });
    Ok(people.chain(strangers).collect())
}

/// Writes the rows of `backup` into a new file at `path`, and opens it under keys that lie in memory alone.
fn load(backup: &Path, key: &KeySource, path: &Path, sum: FileSum) -> Result<RedbStore, StoreError> {
    let fault = |fault: LoadFault| match fault {
        LoadFault::Piece(fault) => BackupError::Piece { path: backup.to_owned(), fault }.into(),
        LoadFault::Content(detail) => BackupError::Content { path: backup.to_owned(), detail }.into(),
        LoadFault::Store(fault) => fault.into_store_error("restore", path),
    };
    let store_fault = |found: Fault| fault(LoadFault::Store(found));
    let opened = open_backup(backup, key)?;
    let given = KeySource::Given(Key::generate().map_err(|error| store_fault(error.into()))?);
    let ring = Ring::open(Box::new(VolatileVault::default()), &given, Making::Allowed);
    let ring = ring.map_err(|error| keys_error(error, path))?;
    let Opened { header, ring: from, mut rows } = opened;
    let database = guarded(|| {
        let database = new_database(path)?;
        initialise(&database, header.terminal, &ring)?;
        Ok(database)
    });
    let database = database.map_err(store_fault)?;
    let loaded = guarded(|| Ok(copy::load(&mut rows, &database, &from, &ring))).map_err(store_fault)?;
    loaded.map_err(fault)?;
    let again = rows.finish().map_err(|found| fault(LoadFault::Piece(found)))?;
    if again != sum {
        return Err(fault(LoadFault::Content("it was changed while it was read".to_owned())));
    }
    whole::close(Some(database)).map_err(store_fault)?;
    RedbStore::on(Box::new(DataFile::at(path)), ring)
}

fn ids(
    store: &RedbStore,
    table: redb::TableDefinition<u128, &'static [u8]>,
) -> Result<Vec<u128>, StoreError> {
    store.read("look who is there", |transaction| {
        let table = transaction.open_table(table)?;
        table.iter()?.map(|row| Ok(row?.0.value())).collect()
    })
}

/// Erases whom the backup still holds. Of an item of the inbox nobody can say any more whether it shows one
/// of them, so that all go where there is one.
fn erase_again(
    store: &mut RedbStore,
    erased: &[ErasedId],
    draft: &mut dyn FnMut(EntryKind) -> EntryDraft,
    restored: &mut Restored,
) -> Result<(), StoreError> {
    let people = ids(store, PEOPLE)?;
    let mut strangers: Vec<StrangerId> =
        ids(store, STRANGERS)?.into_iter().map(|id| StrangerId(Ulid(id))).collect();
    let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    for erased in erased {
        match erased {
            ErasedId::Person { id: PersonId(id), keeps } if people.contains(&id.0) => {
                let strangers = std::mem::take(&mut strangers);
                restored.strangers_left_out += count(strangers.len());
                let entry = draft(EntryKind::Erased);
                store.erase(Erasure { person: PersonId(*id), keeps: *keeps, strangers, entry })?;
                restored.erased_again += 1;
            }
            ErasedId::Stranger(id) if strangers.contains(id) => {
                strangers.retain(|other| other != id);
                let changes = vec![Change::StrangerRemoved(*id)];
                store.commit(Transaction { changes, entries: vec![] })?;
                restored.strangers_left_out += 1;
            }
            ErasedId::Person { .. } | ErasedId::Stranger(_) => {}
        }
    }
    Ok(())
}

/// Carries over what was known of erasures and backups.
fn put_on_record(
    store: &RedbStore,
    erased: &[ErasedId],
    backups: &[BackupOnRecord],
) -> Result<(), StoreError> {
    store.change("restore", |tables| {
        erased.iter().try_for_each(|erased| tables.put_erased(erased))?;
        backups.iter().try_for_each(|backup| tables.put_backup(backup))
    })
}

impl RedbStore {
    /// One transaction besides those of the port.
    fn change(
        &self,
        step: &'static str,
        fill: impl FnOnce(&mut Tables<'_>) -> Result<(), Fault>,
    ) -> Result<(), StoreError> {
        let Some(database) = &self.database else {
            return Err(StoreError::Failed { step, detail: "it is closed".to_owned() });
        };
        let changed = guarded(|| {
            let transaction = write_transaction(database)?;
            fill(&mut Tables::open(&transaction, &self.ring)?)?;
            Ok(transaction.commit()?)
        });
        changed.map_err(|fault| fault.into_store_error(step, self.medium.path()))
    }
}

impl PreparedRestore {
    /// What will have been done.
    pub fn restored(&self) -> &Restored {
        &self.restored
    }

    /// Puts it in the place of the store that is there.
    ///
    /// # Errors
    /// What the file system says; then the store that was there is as it was.
    pub fn swap(self) -> Result<Restored, StoreError> {
        let Self { store, half_made, directory, ring, store_key, mut restored } = self;
        let path = directory.join(FILE_NAME);
        let mut ring = match ring {
            Some(ring) => ring,
            // Not before it is wanted: what is made here would be left behind.
            None => {
                let vault = VaultFile::of(&directory);
                let at = vault.path().to_owned();
                let opened = Ring::open(Box::new(vault), &store_key, Making::Allowed);
                opened.map_err(|error| keys_error(error, &at))?
            }
        };
        let io = |error| Fault::io("restore", error).into_store_error("restore", &path);
        let next = ring.prepare().map_err(|error| keys_error(error, &path))?;
        let swapped = store
            .change("restore", |tables| {
                tables.rewrap(&next)?;
                tables.meta.insert(VAULT, &next.vault().0[..])?;
                Ok(())
            })
            .and_then(|()| {
                let fault = |fault: Fault| fault.into_store_error("restore", &path);
                whole::close(store.database).map_err(fault)
            })
            .and_then(|()| {
                let old = OpenOptions::new().write(true).open(&path).ok();
                std::fs::rename(&half_made.0, &path).map_err(io)?;
                Ok(old)
            });
        let old = match swapped {
            Ok(old) => old,
            Err(error) => {
                // The new key is of no use; where it cannot be taken away now, the next opening does.
                let _ = ring.settle(ring.epoch());
                return Err(error);
            }
        };
        // It has its name: what fails from here on is only said, and done at the next opening.
        let destroyed = File::open(&directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| error.to_string())
            .and_then(|()| ring.settle(next.epoch()).map_err(|error| error.to_string()))
            .and_then(|()| old.map_or(Ok(()), |old| wipe(&old)).map_err(|error| error.to_string()));
        restored.old_key_stays = destroyed.err();
        Ok(restored)
    }
}
