//! What is asked about the store as a whole.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ledger::{Sequence, TerminalId};
use crate::store::{BackupOnRecord, Compacted, ErasedId, StoreFigures};

/// What a shell asks about the store as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreCommand {
    /// Writes everything into one sealed file.
    BackUp {
        /// The file; an absolute path.
        to: PathBuf,
        /// Whether a file that is there is replaced.
        replaces: bool,
    },
    /// Gives back the room that is free in the store's file.
    Compact,
    /// How large the store is, and what is in it.
    Status,
    /// Who was erased, by ids that name nobody.
    Erasures,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreReply {
    /// The backup is whole and on disk.
    BackedUp {
        /// The backup.
        backup: BackupOnRecord,
        /// The entry that notes it.
        sequence: Sequence,
    },
    /// The room is given back.
    Compacted {
        /// How much.
        compacted: Compacted,
        /// The entry that notes it.
        sequence: Sequence,
    },
    /// The figures.
    Status(StoreFigures),
    /// Who was erased.
    Erasures {
        /// From whose store.
        terminal: TerminalId,
        /// By id.
        erased: Vec<ErasedId>,
    },
}
