//! Reading entries with their parts.

use redb::ReadTransaction;

use crate::ledger::{ChainFault, Entry, Head, PartKind, Parts, Sequence};
use crate::store::crypt::ring::Ring;

use super::tables::{HEADS, KEYS, PARTS, head_row};
use super::{Fault, sealed};

/// A sealed part that does not open does not have its digest either, as far as a walk can tell.
pub(super) fn unreadable_part(fault: Fault, sequence: u64, kind: u8) -> Fault {
    match (fault, PartKind::from_number(kind)) {
        (Fault::Damaged(_), Some(part)) => ChainFault::Part { sequence: Sequence(sequence), part }.into(),
        (fault, _) => fault,
    }
}

/// A head as a range of its table gives it.
type HeadRow =
    Result<(redb::AccessGuard<'static, u64>, redb::AccessGuard<'static, &'static [u8]>), redb::StorageError>;

/// Reads entries within one transaction.
pub(super) struct EntryReader<'a> {
    ring: &'a Ring,
    keys: redb::ReadOnlyTable<(u8, u128), &'static [u8]>,
    pub(super) heads: redb::ReadOnlyTable<u64, &'static [u8]>,
    parts: redb::ReadOnlyTable<(u64, u8), &'static [u8]>,
}

impl<'a> EntryReader<'a> {
    pub(super) fn open(transaction: &ReadTransaction, ring: &'a Ring) -> Result<Self, Fault> {
        Ok(Self {
            ring,
            keys: transaction.open_table(KEYS)?,
            heads: transaction.open_table(HEADS)?,
            parts: transaction.open_table(PARTS)?,
        })
    }

    pub(super) fn entry_at(&self, sequence: u64) -> Result<Entry, Fault> {
        let missing = || Fault::Damaged(format!("entry {sequence} has a time and no head"));
        let row = self.heads.get(sequence)?.ok_or_else(missing)?;
        self.entry(sequence, row.value())
    }

    pub(super) fn entries(&self, rows: impl Iterator<Item = HeadRow>) -> Result<Vec<Entry>, Fault> {
        rows.map(|row| {
            let (sequence, head) = row?;
            self.entry(sequence.value(), head.value())
        })
        .collect()
    }

    fn entry(&self, sequence: u64, row: &[u8]) -> Result<Entry, Fault> {
        let (_, bytes) = head_row(sequence, row)?;
        let head = Head::from_canonical_bytes(bytes).map_err(|fault| {
            Fault::Damaged(format!("the head of entry {sequence} cannot be read: {fault}"))
        })?;
        let mut parts = Parts::default();
        for row in self.parts.range((sequence, 0)..=(sequence, u8::MAX))? {
            let (key, row) = row?;
            let stored = sealed::part(&self.keys, self.ring, key.value(), row.value())?;
            parts.put(&stored).map_err(|fault| Fault::Damaged(format!("entry {sequence}: {fault}")))?;
        }
        Ok(Entry { head, parts })
    }
}
