//! Which parts of which entries an erasure took away: what makes their absence part of the record.

use serde::{Deserialize, Serialize};

use super::{PartKind, Sequence};

/// A run of entries that each lost the same parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedRun {
    /// The first of them.
    pub first: Sequence,
    /// How many there are, one after the other; at least 1.
    pub count: u64,
    /// The parts: 1 for the record, 2 for the evidence, 4 for the note, added up.
    pub kinds: u8,
}

/// The parts that went, in runs by sequence. Stored in the place of the evidence, and itself never erased.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErasurePart {
    /// In the order of their sequences, none twice.
    pub runs: Vec<ErasedRun>,
}

fn bit(kind: PartKind) -> u8 {
    1 << (kind as u8 - 1)
}

impl ErasurePart {
    /// The part for `parts`, in any order.
    pub fn of(parts: impl IntoIterator<Item = (Sequence, PartKind)>) -> Self {
        let mut by_entry = std::collections::BTreeMap::<Sequence, u8>::new();
        for (sequence, kind) in parts {
            *by_entry.entry(sequence).or_default() |= bit(kind);
        }
        let mut runs: Vec<ErasedRun> = Vec::new();
        for (sequence, kinds) in by_entry {
            match runs.last_mut() {
                Some(run) if run.kinds == kinds && run.first.0.checked_add(run.count) == Some(sequence.0) => {
                    run.count += 1;
                }
                _ => runs.push(ErasedRun { first: sequence, count: 1, kinds }),
            }
        }
        Self { runs }
    }

    /// How many parts it names.
    pub fn count(&self) -> u64 {
        let each = |run: &ErasedRun| run.count.saturating_mul(u64::from(run.kinds.count_ones()));
        self.runs.iter().map(each).fold(0, u64::saturating_add)
    }

    /// Whether it names the part `kind` of the entry `sequence`.
    pub fn names(&self, sequence: Sequence, kind: PartKind) -> bool {
        let after = self.runs.partition_point(|run| run.first <= sequence);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        run.is_some_and(|run| sequence.0 - run.first.0 < run.count && run.kinds & bit(kind) != 0)
    }

    /// Whether the runs are what [`ErasurePart::of`] could have made, and all before `entry`.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut next = 0;
        for run in &self.runs {
            let end = run.first.0.checked_add(run.count);
            let fits = run.first.0 >= next && run.count > 0 && (1..=7).contains(&run.kinds);
            next = end.filter(|_| fits).ok_or_else(|| format!("the run at entry {} is none", run.first))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_names_exactly_what_it_was_made_of(parts in proptest::collection::btree_set((0u64..40, 1u8..=3), 0..60)) {
            let kind = |number| PartKind::from_number(number).unwrap();
            let erasure = ErasurePart::of(parts.iter().rev().map(|(s, k)| (Sequence(*s), kind(*k))));
            prop_assert_eq!(erasure.count(), parts.len() as u64);
            prop_assert_eq!(erasure.check(), Ok(()));
            for sequence in 0..42 {
                for number in 1..=3 {
                    let named = erasure.names(Sequence(sequence), kind(number));
                    prop_assert_eq!(named, parts.contains(&(sequence, number)));
                }
            }
        }
    }

    #[test]
    fn runs_that_cannot_be_are_refused() {
        let run = |first, count, kinds| ErasedRun { first: Sequence(first), count, kinds };
        for runs in [
            vec![run(1, 0, 1)],
            vec![run(1, 1, 0)],
            vec![run(1, 1, 8)],
            vec![run(5, 2, 1), run(6, 1, 2)],
            vec![run(5, u64::MAX, 1)],
        ] {
            assert!(ErasurePart { runs: runs.clone() }.check().is_err(), "{runs:?}");
        }
    }
}
