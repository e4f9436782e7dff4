//! `[ledger]`, and how much waits for a store that takes nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::effective::{Setting, in_range};
use super::typed::StoreTable;
use super::values::Ranged;

/// Entries that wait for the store at most.
pub type QueueEntries = Ranged<100, 1_000_000>;
/// Minutes between two lines of the file of heads; 0 for none, up to a week.
pub type HeadMinutes = Ranged<0, 10_080>;

/// The keys of `[ledger]`.
pub(super) const LEDGER_KEYS: &[&str] = &["head_file", "head_minutes"];

/// `[ledger]` as it was typed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerTable {
    /// The file that the end of the ledger is written to again and again.
    pub head_file: Option<PathBuf>,
    /// How often.
    pub head_minutes: Option<HeadMinutes>,
}

/// What is used of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerSettings {
    /// The file that the end of the ledger is written to; none for none.
    pub head_file: Setting<Option<PathBuf>>,
    /// Minutes between two lines of it.
    pub head_minutes: Setting<HeadMinutes>,
    /// Entries that wait for the store at most.
    pub queue_entries: Setting<QueueEntries>,
}

const DEFAULT_HEAD_MINUTES: HeadMinutes = in_range(HeadMinutes::new(60));
/// A few megabytes.
const DEFAULT_QUEUE_ENTRIES: QueueEntries = in_range(QueueEntries::new(10_000));

impl LedgerSettings {
    /// From what was typed; `file_path` says what a path of the file means.
    pub(super) fn resolve(
        typed: &LedgerTable,
        store: &StoreTable,
        file_path: impl Fn(&Path) -> PathBuf,
    ) -> Self {
        let head_file = typed.head_file.as_deref().map(|path| Some(file_path(path)));
        Self {
            head_file: Setting::typed(head_file, None),
            head_minutes: Setting::typed(typed.head_minutes, DEFAULT_HEAD_MINUTES),
            queue_entries: Setting::typed(store.queue_entries, DEFAULT_QUEUE_ENTRIES),
        }
    }
}
