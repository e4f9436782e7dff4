//! Walking the ledger: in stretches on several threads where there is much of it, and from its beginning
//! where there is little or something does not fit.

use std::num::NonZero;
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{AccessGuard, ReadOnlyTable, ReadTransaction};

use crate::ledger::{
    ChainHead, HeadRow, PartRow, PartView, Sequence, Sha256Digest, Stretch, TerminalId, join_stretches,
    verify_chain, walk_stretch,
};
use crate::store::crypt::ring::Ring;

use super::read::unreadable_part;
use super::tables::{HEADS, KEYS, META, PARTS, head_row, kept_end};
use super::{Fault, guarded, sealed};

/// Entries of a stretch: about 30 MiB of rows, so that the threads end at about the same time.
const STRETCH: u64 = 1 << 16;
/// Threads at most. The engine goes on recognising meanwhile.
const THREADS: usize = 4;

/// Walks the whole ledger of `terminal`.
///
/// # Errors
/// The first thing that does not fit, and what reading says.
pub(super) fn verify(
    transaction: &ReadTransaction,
    ring: &Ring,
    terminal: TerminalId,
) -> Result<ChainHead, Fault> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    Rows::open(transaction, ring, terminal)?.verify(STRETCH, threads)
}

/// The tables that a walk reads.
pub(super) struct Rows<'a> {
    terminal: TerminalId,
    ring: &'a Ring,
    kept: ChainHead,
    keys: ReadOnlyTable<(u8, u128), &'static [u8]>,
    heads: ReadOnlyTable<u64, &'static [u8]>,
    parts: ReadOnlyTable<(u64, u8), &'static [u8]>,
}

impl<'a> Rows<'a> {
    pub(super) fn open(
        transaction: &ReadTransaction,
        ring: &'a Ring,
        terminal: TerminalId,
    ) -> Result<Self, Fault> {
        Ok(Self {
            terminal,
            ring,
            kept: kept_end(&transaction.open_table(META)?)?,
            keys: transaction.open_table(KEYS)?,
            heads: transaction.open_table(HEADS)?,
            parts: transaction.open_table(PARTS)?,
        })
    }

    /// Walks them in stretches of so many entries on so many threads, or from the beginning.
    pub(super) fn verify(&self, stretch: u64, threads: usize) -> Result<ChainHead, Fault> {
        if threads > 1 && self.kept.sequence.0 > stretch {
            if let Some(end) = self.side_by_side(stretch, threads) {
                return Ok(end);
            }
            tracing::warn!("the ledger does not fit somewhere; it is walked from its beginning");
        }
        let everything = (Bound::Unbounded, Bound::Unbounded);
        verify_chain(self.terminal, &self.kept, self.heads(everything)?, self.parts(everything)?)
    }

    /// The end, where every stretch fits and they fit together.
    pub(super) fn side_by_side(&self, stretch: u64, threads: usize) -> Option<ChainHead> {
        let count = self.kept.sequence.0.div_ceil(stretch);
        let (next, walked) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                match guarded(|| self.stretch(number, number + 1 == count, stretch)) {
                    Ok(Some(stretch)) => {
                        if let Ok(mut walked) = walked.lock() {
                            walked.push((number, stretch));
                        }
                    }
                    // Nobody needs the others any more.
                    Ok(None) | Err(_) => next.store(count, Ordering::Relaxed),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Where there is no thread to be had, the others do its work.
                let _ = std::thread::Builder::new().name("walk".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
        let mut walked = walked.into_inner().ok()?;
        walked.sort_by_key(|(number, _)| *number);
        if walked.len() as u64 != count {
            return None;
        }
        let stretches: Vec<Stretch> = walked.into_iter().map(|(_, stretch)| stretch).collect();
        join_stretches(self.terminal, &self.kept, &stretches)
    }

    /// The entries after `number` stretches, `stretch` of them or, of the last, all; none where something
    /// does not fit.
    fn stretch(&self, number: u64, is_last: bool, stretch: u64) -> Result<Option<Stretch>, Fault> {
        let before = number * stretch;
        let begin = if before == 0 {
            ChainHead::empty(self.terminal)
        } else {
            let Some(row) = self.heads.get(before)? else { return Ok(None) };
            ChainHead { sequence: Sequence(before), hash: head_row(before, row.value())?.0 }
        };
        let from = if before == 0 { Bound::Unbounded } else { Bound::Excluded(before) };
        let until = if is_last { Bound::Unbounded } else { Bound::Included(before + stretch) };
        let (heads, parts) = (self.heads((from, until))?, self.parts((from, until))?);
        Ok(walk_stretch(self.terminal, begin, heads, parts))
    }

    fn heads(
        &self,
        range: (Bound<u64>, Bound<u64>),
    ) -> Result<impl Iterator<Item = Result<HeadItem, Fault>>, Fault> {
        Ok(self.heads.range(range)?.map(|row| {
            let (sequence, row) = row?;
            Ok(HeadItem { sequence: sequence.value(), row })
        }))
    }

    /// The parts of the entries of `range`.
    fn parts(
        &self,
        (from, until): (Bound<u64>, Bound<u64>),
    ) -> Result<impl Iterator<Item = Result<PartItem<'_>, Fault>>, Fault> {
        let range = (from.map(|sequence| (sequence, u8::MAX)), until.map(|sequence| (sequence, u8::MAX)));
        Ok(self.parts.range(range)?.map(|row| {
            let (key, row) = row?;
            Ok(PartItem { rows: self, key: key.value(), row })
        }))
    }
}

/// A row of HEADS.
struct HeadItem {
    sequence: u64,
    row: AccessGuard<'static, &'static [u8]>,
}

impl HeadRow<Fault> for HeadItem {
    fn sequence(&self) -> Sequence {
        Sequence(self.sequence)
    }

    fn read(&self) -> Result<(Sha256Digest, &[u8]), Fault> {
        head_row(self.sequence, self.row.value())
    }
}

/// A row of PARTS.
struct PartItem<'a> {
    rows: &'a Rows<'a>,
    key: (u64, u8),
    row: AccessGuard<'static, &'static [u8]>,
}

impl PartRow<Fault> for PartItem<'_> {
    fn sequence(&self) -> Sequence {
        Sequence(self.key.0)
    }

    fn read(&self) -> Result<PartView<'_>, Fault> {
        let (sequence, kind) = self.key;
        sealed::part_view(&self.rows.keys, self.rows.ring, self.key, self.row.value())
            .map_err(|fault| unreadable_part(fault, sequence, kind))
    }
}
