//! The rows of a gallery, in blocks of a fixed size: one more never moves those that are there, and what is
//! searched lies together.

use std::ops::Range;

use crate::attendance::PersonId;
use crate::face::TemplateId;

use super::kept::{self, Mark};
use super::scan::STRIDE;

/// High bytes of a chunk, about. Of 512 values a row, a chunk has 4096 rows.
const CHUNK_BYTES: usize = 1 << 21;
/// A chunk has so many rows at least, and at most.
const CHUNK_ROWS: Range<usize> = 64..4096;

/// See the module. A row is numbered; the last one takes the place of one that goes.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    dimension: usize,
    /// High bytes a row.
    stride: usize,
    chunk_rows: usize,
    /// All are full but the last, which has a row at least.
    chunks: Vec<Chunk>,
}

#[derive(Debug, Clone, Default)]
struct Chunk {
    high: Vec<i8>,
    low: Vec<i8>,
    marks: Vec<Mark>,
    owners: Vec<Owner>,
}

/// Whose a row is, and the template that it is where it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) person: PersonId,
    pub(super) template: TemplateId,
}

/// Some rows that lie together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// The number of the first.
    pub(super) first: usize,
    /// Their high bytes.
    pub(super) high: &'a [i8],
    pub(super) marks: &'a [Mark],
}

impl Rows {
    pub(super) fn new(dimension: usize) -> Self {
        let stride = dimension.next_multiple_of(STRIDE).max(STRIDE);
        let chunk_rows = (CHUNK_BYTES / stride).clamp(CHUNK_ROWS.start, CHUNK_ROWS.end);
        Self { dimension, stride, chunk_rows, chunks: Vec::new() }
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.owners.len());
        self.chunks.len().saturating_sub(1) * self.chunk_rows + last
    }

    /// Appends a row; its number.
    pub(super) fn push(&mut self, owner: Owner, values: &[f32]) -> usize {
        let number = self.len();
        if self.chunks.last().is_none_or(|chunk| chunk.owners.len() == self.chunk_rows) {
            // The first grows with what comes, as most galleries are small; the others never move.
            let rows = if self.chunks.is_empty() { 0 } else { self.chunk_rows };
            self.chunks.push(Chunk {
                high: Vec::with_capacity(rows * self.stride),
                low: Vec::with_capacity(rows * self.dimension),
                marks: Vec::with_capacity(rows),
                owners: Vec::with_capacity(rows),
            });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            let mark = kept::keep(values, &mut chunk.high, &mut chunk.low);
            chunk.high.resize((chunk.owners.len() + 1) * self.stride, 0);
            chunk.marks.push(mark);
            chunk.owners.push(owner);
        }
        number
    }

    /// Keeps `values` in place of what row `number` has.
    pub(super) fn replace(&mut self, number: usize, owner: Owner, values: &[f32]) {
        let (mut high, mut low) = (Vec::with_capacity(self.stride), Vec::with_capacity(self.dimension));
        let mark = kept::keep(values, &mut high, &mut low);
        high.resize(self.stride, 0);
        let (stride, dimension) = (self.stride, self.dimension);
        let at = number % self.chunk_rows;
        let Some(chunk) = self.chunks.get_mut(number / self.chunk_rows) else { return };
        chunk.high[at * stride..][..stride].copy_from_slice(&high);
        chunk.low[at * dimension..][..dimension].copy_from_slice(&low);
        chunk.marks[at] = mark;
        chunk.owners[at] = owner;
    }

    /// Takes row `number` out; whose row has that number now, where it is another's.
    pub(super) fn swap_remove(&mut self, number: usize) -> Option<PersonId> {
        let (stride, dimension) = (self.stride, self.dimension);
        let last = self.chunks.last_mut()?;
        let left = last.owners.len() - 1;
        let high = last.high.split_off(left * stride);
        let low = last.low.split_off(left * dimension);
        let (mark, owner) = (last.marks.pop()?, last.owners.pop()?);
        if left == 0 {
            self.chunks.pop();
        }
        if number == self.len() {
            return None;
        }
        let at = number % self.chunk_rows;
        let chunk = self.chunks.get_mut(number / self.chunk_rows)?;
        chunk.high[at * stride..][..stride].copy_from_slice(&high);
        chunk.low[at * dimension..][..dimension].copy_from_slice(&low);
        chunk.marks[at] = mark;
        chunk.owners[at] = owner;
        Some(owner.person)
    }

    pub(super) fn owner(&self, number: usize) -> Option<Owner> {
        let chunk = self.chunks.get(number / self.chunk_rows)?;
        chunk.owners.get(number % self.chunk_rows).copied()
    }

    /// Whose the rows are, in the order of their numbers.
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> {
        self.chunks.iter().flat_map(|chunk| chunk.owners.iter().copied())
    }

    /// The values of row `number`, put into `into`; whose it is.
    pub(super) fn read(&self, number: usize, into: &mut Vec<f32>) -> Option<Owner> {
        let chunk = self.chunks.get(number / self.chunk_rows)?;
        let at = number % self.chunk_rows;
        let owner = chunk.owners.get(at)?;
        let high = &chunk.high[at * self.stride..][..self.stride];
        let low = &chunk.low[at * self.dimension..][..self.dimension];
        kept::values(chunk.marks[at].step, high, low, into);
        Some(*owner)
    }

    /// The rows of `range` that are there, in blocks of `most` at most.
    pub(super) fn blocks(&self, range: Range<usize>, most: usize) -> impl Iterator<Item = Block<'_>> {
        let end = range.end.min(self.len());
        let mut first = range.start;
        std::iter::from_fn(move || {
            let at = first % self.chunk_rows;
            let count = end.saturating_sub(first).min(self.chunk_rows - at).min(most);
            let chunk = self.chunks.get(first / self.chunk_rows).filter(|_| count > 0)?;
            let high = &chunk.high[at * self.stride..][..count * self.stride];
            let block = Block { first, high, marks: &chunk.marks[at..][..count] };
            first += count;
            Some(block)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    fn owner(number: usize) -> Owner {
        Owner { person: PersonId(Ulid(number as u128)), template: TemplateId(Ulid(number as u128 + 7)) }
    }

    fn row(number: usize) -> [f32; 3] {
        [number as f32, -1.0, 0.0]
    }

    #[test]
    fn rows_stay_where_they_are_while_others_come_and_go_over_several_chunks() {
        let mut rows = Rows::new(3);
        let count = CHUNK_ROWS.end * 2 + 5;
        (0..count).for_each(|number| assert_eq!(rows.push(owner(number), &row(number)), number));
        let mut expected: Vec<usize> = (0..count).collect();
        // The last, one in the middle, and all of the last chunk but one.
        for gone in [count - 1, CHUNK_ROWS.end, 3, 4, 5, 6] {
            let moved = rows.swap_remove(gone);
            expected.swap_remove(gone);
            assert_eq!(moved, expected.get(gone).map(|number| owner(*number).person), "{gone}");
        }
        rows.replace(8, owner(99_999), &row(99_999));
        expected[8] = 99_999;
        assert_eq!(rows.len(), expected.len());
        let mut values = Vec::new();
        for (at, number) in expected.iter().enumerate() {
            assert_eq!(rows.read(at, &mut values), Some(owner(*number)));
            assert!((values[0] - *number as f32).abs() <= *number as f32 / 32_000.0, "{values:?}");
        }
        assert_eq!(rows.read(expected.len(), &mut values), None);
        let owners: Vec<Owner> = rows.owners().collect();
        assert_eq!(owners, expected.iter().map(|number| owner(*number)).collect::<Vec<_>>());
    }

    #[test]
    fn blocks_cover_a_range_once_and_never_cross_a_chunk() {
        let mut rows = Rows::new(3);
        let count = CHUNK_ROWS.end + 100;
        (0..count).for_each(|number| assert_eq!(rows.push(owner(number), &row(number)), number));
        for (range, most) in
            [(0..count, 64), (0..usize::MAX, 4096), (5..4097, 100), (9..9, 4), (count..count + 3, 8)]
        {
            let mut next = range.start;
            for block in rows.blocks(range.clone(), most) {
                assert_eq!(block.first, next);
                assert!(block.marks.len() <= most && block.high.len() == block.marks.len() * rows.stride());
                assert_eq!(
                    block.first / CHUNK_ROWS.end,
                    (block.first + block.marks.len() - 1) / CHUNK_ROWS.end
                );
                next += block.marks.len();
            }
            assert_eq!(next, range.end.min(count).max(range.start));
        }
    }

    #[test]
    fn the_last_row_can_go_and_one_come_again() {
        let mut rows = Rows::new(0);
        rows.push(owner(1), &[]);
        assert_eq!(rows.swap_remove(0), None);
        assert_eq!((rows.len(), rows.swap_remove(0)), (0, None));
        assert_eq!(rows.push(owner(2), &[]), 0);
    }
}
