//! What a walk of the ledger comes to.

use serde::{Deserialize, Serialize};

use crate::ledger::ChainHead;

/// A ledger that was walked and fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerVerified {
    /// Its end.
    pub end: ChainHead,
    /// How long the walk took, in microseconds.
    pub walked_us: u64,
    /// The first of the ends kept elsewhere that is no entry of it, by its place among them.
    pub unfit: Option<usize>,
}

impl LedgerVerified {
    /// Entries that were walked in a second.
    pub fn entries_a_second(&self) -> u64 {
        let walked_us = u128::from(self.walked_us.max(1));
        u64::try_from(u128::from(self.end.sequence.0) * 1_000_000 / walked_us).unwrap_or(u64::MAX)
    }
}
