//! What is done with the store as a whole: backups, compaction, its figures, another store key.

use std::io::Write;

use redb::{Database, ReadTransaction, ReadableTableMetadata, TableDefinition, TableError};

use crate::ledger::{EntryDraft, seal};
use crate::store::backup::header::Header;
use crate::store::backup::pieces::PieceWriter;
use crate::store::backup::{BackupError, StagedFile};
use crate::store::crypt::Key;
use crate::store::crypt::source::{KeySource, Making};
use crate::store::{
    BackupOnRecord, BackupOrder, ChangePoint, Committed, Compacted, ErasedId, StoreError, StoreFigures,
};

use super::tables::{CROPS, HEADS, META, PEOPLE, SCHEMA_VERSION, STRANGERS, TEMPLATES, Tables, kept_end};
use super::{Fault, Planned, RedbStore, copy, guarded, keys_error, records, write_transaction};

/// A backup of the last commit, whole and on disk.
pub(super) fn back_up(store: &RedbStore, order: &BackupOrder) -> Result<BackupOnRecord, StoreError> {
    if lies_in(&order.to, store.medium.path()) {
        return Err(BackupError::Beside { path: order.to.clone() }.into());
    }
    let mut staged = StagedFile::create(&order.to, order.replaces)?;
    let written = write_backup(store, order, &mut staged.file)?;
    staged.finish()?;
    Ok(written)
}

/// Writes the last commit to `out`; what goes wrong there is said of the backup's path, and not of the store.
pub(super) fn write_backup(
    store: &RedbStore,
    order: &BackupOrder,
    out: impl Write,
) -> Result<BackupOnRecord, StoreError> {
    store.read("write the backup", |transaction| {
        let key = Key::generate()?;
        let header = header(store, transaction, order, &key)?;
        let written = || {
            let mut pieces = PieceWriter::begin(out, &header.bytes(), key).map_err(Fault::Output)?;
            copy::dump(transaction, &mut pieces)?;
            Ok(pieces.finish()?)
        };
        let sum = written().map_err(|fault| match fault {
            Fault::Output(error) => {
                Fault::Said(StoreError::Backup(BackupError::io(&order.to, "written")(error)))
            }
            fault => fault,
        })?;
        Ok(BackupOnRecord { at: header.made_at, digest: sum.digest, bytes: sum.bytes, end: header.end })
    })
}

fn header(
    store: &RedbStore,
    transaction: &ReadTransaction,
    order: &BackupOrder,
    key: &Key,
) -> Result<Header, Fault> {
    let mut header = Header {
        schema: SCHEMA_VERSION,
        terminal: store.terminal,
        end: kept_end(&transaction.open_table(META)?)?,
        entries: transaction.open_table(HEADS)?.len()?,
        made_at: crate::ledger::to_microsecond(order.at).unwrap_or_default(),
        vault: store.ring.vault_bytes(),
        wrapped_key: Vec::new(),
    };
    header.wrapped_key = store.ring.wrap_backup_key(&header.place(), key)?;
    Ok(header)
}

/// Whether `path` would lie in the directory of `file`.
fn lies_in(path: &std::path::Path, file: &std::path::Path) -> bool {
    let folder = |path: &std::path::Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(std::path::Path::new(".")).canonicalize().ok()
    };
    match (folder(path), folder(file)) {
        (Some(of_backup), Some(of_store)) => of_backup.starts_with(of_store),
        _ => false,
    }
}

/// Gives the room back that rows left that are gone. What redb does for it are commits as any other, so that
/// a crash leaves all rows as they are.
pub(super) fn compact(store: &mut RedbStore) -> Result<Compacted, StoreError> {
    store.settle_doubt()?;
    let path = store.medium.path().to_owned();
    let fault = |error| Fault::io("look at", error).into_store_error("compact", &path);
    let before_bytes = store.medium.bytes().map_err(fault)?;
    let Some(database) = &mut store.database else {
        let detail = "it is closed".to_owned();
        return Err(StoreError::Failed { step: "compact", detail });
    };
    if let Err(fault) = guarded(|| Ok(database.compact()?)) {
        // As after a commit that failed: nothing goes through any more until it is opened again.
        store.database = None;
        let error = fault.into_store_error("compact", &path);
        store.ensure_open()?;
        return Err(error);
    }
    let after_bytes = store.medium.bytes().map_err(fault)?;
    Ok(Compacted { before_bytes, after_bytes })
}

fn rows<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    table: TableDefinition<K, V>,
) -> Result<u64, Fault> {
    match from.open_table(table) {
        Ok(table) => Ok(table.len()?),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn figures(store: &RedbStore) -> Result<StoreFigures, StoreError> {
    store.read("look at the store", |transaction| {
        let is_person = |erased: &ErasedId| matches!(erased, ErasedId::Person { .. });
        let erased = records::erasures(transaction)?;
        Ok(StoreFigures {
            file_bytes: store.medium.bytes().map_err(|error| Fault::io("look at", error))?,
            schema: SCHEMA_VERSION,
            epoch: store.ring.epoch().0,
            is_under_passphrase: store.ring.derivation().costs.is_some(),
            end: kept_end(&transaction.open_table(META)?)?,
            people: rows(transaction, PEOPLE)?,
            templates: rows(transaction, TEMPLATES)?,
            crops: rows(transaction, CROPS)?,
            strangers: rows(transaction, STRANGERS)?,
            erased_people: erased.iter().filter(|erased| is_person(erased)).count() as u64,
            last_backup: records::backups(transaction)?.pop(),
        })
    })
}

/// Puts the store under another store key, and everything in it under a new epoch key, so that the old store
/// key with an old copy of the file of keys opens nothing of it. The database names the new epoch with the
/// same commit that writes the entry: before it the old store key opens the store, after it the new one.
pub(super) fn change_store_key(
    store: &mut RedbStore,
    to: &KeySource,
    entry: &EntryDraft,
) -> Result<Committed, StoreError> {
    store.settle_doubt()?;
    let path = store.medium.path().to_owned();
    let Some(database) = &store.database else {
        let detail = "it is closed".to_owned();
        return Err(StoreError::Failed { step: "change the key", detail });
    };
    let made = to.new_key(Making::Allowed).map_err(|error| keys_error(error.into(), &path))?;
    let (store_key, derivation) = made;
    let next = store.ring.prepare_under(store_key, derivation).map_err(|error| keys_error(error, &path))?;
    let prepared = guarded(|| {
        let transaction = write_transaction(database)?;
        let mut tables = Tables::open(&transaction, &store.ring)?;
        let sealed = seal(entry, store.terminal, &tables.kept_end()?).map_err(StoreError::from)?;
        tables.append(std::slice::from_ref(&sealed))?;
        tables.rewrap(&next)?;
        let point = ChangePoint(tables.point()?);
        drop(tables);
        let committed = Committed { point, entries: vec![sealed.entry] };
        Ok((transaction, Planned { committed, end: sealed.end }))
    });
    let (transaction, planned) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            // The new key is of no use; where it cannot be taken away now, the next opening does.
            let _ = store.ring.settle(store.ring.epoch());
            return Err(store.gave_up("change the key", fault));
        }
    };
    let committed = match guarded(|| Ok(transaction.commit()?)) {
        Ok(()) => planned.committed,
        Err(fault) => store.recover("change the key", fault, None, planned)?,
    };
    store.ring.settle(next.epoch()).map_err(|error| keys_error(error, &path))?;
    Ok(committed)
}

/// Opens every row there is: an error names the first that does not.
pub(super) fn open_everything(store: &RedbStore) -> Result<(), StoreError> {
    use crate::store::Store;
    let mut crops = Vec::new();
    store.read("look for the crops", |transaction| {
        copy::each(transaction, CROPS, |id, _| {
            crops.push(id);
            Ok(())
        })
    })?;
    store.changes_since(ChangePoint(0))?;
    for id in crops {
        store.crop(crate::face::TemplateId(ulid::Ulid(id)))?;
    }
    store.read("look at the backups and erasures", |transaction| {
        records::backups(transaction)?;
        records::erasures(transaction).map(drop)
    })
}

/// Closes a database in good order.
pub(super) fn close(database: Option<Database>) -> Result<(), Fault> {
    match database {
        Some(database) => Ok(database.close()?),
        None => Ok(()),
    }
}
