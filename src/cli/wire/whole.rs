//! What is done with the store as a whole while no engine has it.

use std::path::Path;
use std::time::Duration;

use crate::config::Effective;
use crate::config::key_place::StoreKey;
use crate::engine::DataDirLock;
use crate::engine::environment::{Clock, Entropy, SystemClock, SystemEntropy, moment};
use crate::ledger::{Actor, ChangedValue, EntryDraft, EntryKind, Facts, Parts, Sequence};
use crate::store::redb::restore::{self, PreparedRestore, RestoreOrder};
use crate::store::{ErasedId, ErasuresFrom, Restored, Store, StoreError, erasures};

use super::super::exit::CliError;
use super::parts::{open_store, site_calendar};
use super::store_keys::{Asking, key_source, source_of};
use super::{PATIENCE, attach_error, holds_a_store, store_error};

fn lock(data_dir: &Path, patience: Duration) -> Result<DataDirLock, CliError> {
    DataDirLock::take(data_dir, patience).map_err(attach_error)
}

/// What the store says; of a backup, that it is no input that can be read.
fn fault(error: StoreError) -> CliError {
    match error {
        StoreError::Backup(error) => CliError::usage(error),
        error => store_error(error),
    }
}

/// An entry of whoever runs this process, without parts.
fn draft(effective: &Effective, kind: EntryKind) -> EntryDraft {
    let (clock, mut entropy) = (SystemClock, SystemEntropy);
    let at = clock.now();
    EntryDraft {
        id: crate::ledger::EntryId(entropy.ulid(at)),
        at,
        clock: clock.state(),
        moment: moment(&clock, &site_calendar(effective)),
        kind,
        actor: Actor::Local { uid: rustix::process::getuid().as_raw() },
        operator_key: None,
        parts: Parts::default(),
        salts: entropy.salts(),
    }
}

/// Where a restore is told who was erased.
#[derive(Debug, Clone, Copy)]
pub enum Listed<'a> {
    /// By the store that is there.
    Present,
    /// By a list, or by the store in another data directory.
    In(&'a Path),
    /// By nobody, where the store that is there cannot say.
    Nowhere,
}

/// A restore that waits for its word, and the data directory that nobody else may use until then.
pub struct Waiting {
    prepared: PreparedRestore,
    _lock: DataDirLock,
}

impl Waiting {
    /// What will have been done.
    pub fn restored(&self) -> &Restored {
        self.prepared.restored()
    }

    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] with what the store says; then nothing was changed.
    pub fn go(self) -> Result<Restored, CliError> {
        self.prepared.swap().map_err(store_error)
    }
}

/// Gets everything ready to put the store of `backup` in the place of the one that is configured.
///
/// # Errors
/// [`CliError`]: an engine has the store, or the backup cannot be restored. Nothing was changed.
pub fn prepare_restore(
    effective: &Effective,
    backup: &Path,
    backup_key: Option<&StoreKey>,
    listed: Listed<'_>,
) -> Result<Waiting, CliError> {
    let lock = lock(&effective.data_dir.value, PATIENCE)?;
    let store_key = key_source(effective)?;
    let backup_key = match backup_key {
        None => store_key.clone(),
        Some(key) => source_of(key, Asking::Known, "the backup")?,
    };
    let erasures = match listed {
        Listed::Present => ErasuresFrom::Present,
        Listed::Nowhere => ErasuresFrom::PresentOrNone,
        Listed::In(path) => ErasuresFrom::List(list_at(effective, path)?),
    };
    let mut draft = |kind| draft(effective, kind);
    let order = RestoreOrder { backup, backup_key: &backup_key, erasures, draft: &mut draft };
    let prepared = restore::prepare(lock.data_dir(), &store_key, order).map_err(fault)?;
    Ok(Waiting { prepared, _lock: lock })
}

/// Who was erased, by a list or by the store of a data directory that has the configured key.
fn list_at(effective: &Effective, path: &Path) -> Result<Vec<ErasedId>, CliError> {
    if !path.is_dir() {
        return erasures::read(path).map_err(CliError::usage);
    }
    if !holds_a_store(path) {
        return Err(CliError::usage(format_args!(
            "{} holds no store: name a data directory, or a file that `muster store erasures` wrote",
            path.display()
        )));
    }
    let lock = lock(path, Duration::ZERO)?;
    open_store(effective, &lock)?.erasures().map_err(store_error)
}

/// Puts the store under the key at `to`; the entry that says so.
///
/// # Errors
/// [`CliError`]: an engine has the store, there is no store or no such key.
pub fn change_key(effective: &Effective, to: &StoreKey) -> Result<Sequence, CliError> {
    let data_dir = &effective.data_dir.value;
    if !holds_a_store(data_dir) {
        return Err(CliError::negative(format_args!(
            "there is no store in {} yet: write the place of its key into the configuration",
            data_dir.display()
        )));
    }
    let lock = lock(data_dir, PATIENCE)?;
    let mut store = open_store(effective, &lock)?;
    let new = source_of(to, Asking::New, "the store")?;
    let changed = ChangedValue {
        key: "store.key".to_owned(),
        before: Some(effective.store_key.value.place.to_string()),
        after: Some(to.place.to_string()),
    };
    let facts = Some(Facts::Changes(vec![changed]));
    let draft = draft(effective, EntryKind::KeyChanged);
    let entry = EntryDraft { parts: Parts { facts, ..Parts::default() }, ..draft };
    let committed = store.change_store_key(&new, &entry).map_err(store_error)?;
    Ok(committed.entries.first().map_or(Sequence(0), |entry| entry.head.sequence))
}
