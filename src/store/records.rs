//! The entries of a span of time together with their corrections.

use std::collections::BTreeMap;

use crate::ledger::Entry;

/// The entries `begin`, and with every one of them all that it corrects and that corrects it, over any
/// number of steps. `entry` reads one; `corrections` gives the entries that correct one.
pub(super) fn with_corrections<E>(
    begin: impl IntoIterator<Item = u64>,
    entry: impl Fn(u64) -> Result<Entry, E>,
    corrections: impl Fn(u64) -> Result<Vec<u64>, E>,
) -> Result<Vec<Entry>, E> {
    let mut found: BTreeMap<u64, Entry> = BTreeMap::new();
    let mut wanted: Vec<u64> = begin.into_iter().collect();
    while let Some(sequence) = wanted.pop() {
        if found.contains_key(&sequence) {
            continue;
        }
        let read = entry(sequence)?;
        // A correction of a later entry, or of none, is one of nothing.
        let corrected = read.parts.record.as_ref().and_then(|record| record.details.corrects);
        wanted.extend(corrected.map(|corrected| corrected.0).filter(|at| (1..sequence).contains(at)));
        wanted.extend(corrections(sequence)?);
        found.insert(sequence, read);
    }
    Ok(found.into_values().collect())
}
