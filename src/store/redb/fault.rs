//! What goes wrong inside, and how the store speaks of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, Durability, WriteTransaction};

use crate::ledger::ChainFault;
use crate::store::crypt::NoRandom;
use crate::store::{DiskState, StoreError};

/// What goes wrong inside, before it is known what the store was doing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file system or redb said no.
    Medium(String),
    /// The disk takes no writes.
    Disk(DiskState),
    /// What is stored cannot be.
    Damaged(String),
    /// What is to be stored has no stored form.
    Unwritable(String),
    /// Another process has the file.
    Busy,
    /// Its schema has this number, which is to be raised first.
    Older(u32),
    /// The file that a backup is written to cannot be written: it is another file than the store's.
    Output(std::io::Error),
    /// Already in the words of the port.
    Said(StoreError),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::Io(error) if let Some(state) = DiskState::of(&error) => Self::Disk(state),
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
    pub(super) fn into_store_error(self, step: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Medium(detail) => StoreError::Failed { step, detail },
            Self::Output(error) => StoreError::Failed { step, detail: error.to_string() },
            Self::Disk(state) => StoreError::Disk { step, state },
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
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Fault::Damaged(format!("the database gave up: {said}")))
    })
}

/// A write transaction as the module's documentation promises it.
pub(super) fn write_transaction(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}
