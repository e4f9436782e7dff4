//! The search: a coarse look at all rows with a bound on how far it is off, and an exact one at those that
//! may be among the two most alike.
//!
//! What is exact is the similarity of [`dot`]: the sum in 32-bit floats over the values as they are kept.
//! For a row `k = c + f`, of which the first look reads the coarse part `c`, and a probe `p`, of which it
//! takes the whole numbers `P` times a unit `t`,
//!
//! `dot(k, p) = c · tP  +  c · (p - tP)  +  f · p  +  what floats round`
//!
//! The first term is what the first look gives. By Cauchy and Schwarz the next two are at most
//! `|c| |p - tP|` and `|f| |p|`; the lengths are kept with each row and computed for each probe, rounded up.
//! Rounding is bounded for any order of the sum by `γ |k| |p|`, where `γ = n u / (1 - n u)` with
//! `u = 2^-24` and more operations `n` than a term goes through (Higham, Accuracy and Stability of Numerical
//! Algorithms, 3.1), and by something tiny where products underflow.
//!
//! So each row has an upper and a lower bound of its exact similarity. Once two rows have lower bounds of at
//! least `floor`, a row whose upper bound is below it is less alike than both, and cannot even be as alike.

use std::ops::Range;

use crate::face::embedding::dot;
use crate::face::{Embedding, Similarity};

use super::super::{Candidate, Candidates};
use super::kept::Mark;
use super::rows::{Block, Rows};
use super::scan::{self, Path, TOGETHER};

/// Rows that all probes are compared with before the next: of 512 values a row, half of a small second cache.
const BLOCK_ROWS: usize = 256;
/// Rows that wait for the exact look at most.
const WAITING: usize = 1024;
/// Beyond this length of a probe nothing is bounded, and every row is looked at exactly.
const LONGEST: f64 = 1_048_576.0;

/// What a search of some rows found for a probe. Those of several parts are one when they are merged.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Found {
    /// The two most alike people of these rows.
    pub candidates: Candidates,
    /// How many rows were looked at exactly.
    pub exact: usize,
}

impl Found {
    /// Takes in what was found in other rows.
    pub fn merge(&mut self, other: &Self) {
        let Candidates { best, runner_up } = other.candidates;
        best.into_iter().chain(runner_up).for_each(|candidate| self.candidates.offer(candidate));
        self.exact += other.exact;
    }
}

/// A probe as the first look takes it.
struct Probe<'a> {
    values: &'a [f32],
    /// Whole numbers, with zeros up to the length of a row; none where nothing can be bounded.
    numbers: Option<Vec<i16>>,
    /// What 256 times a row's number times one of the probe's stands for, apart from the row's step.
    unit: f64,
    /// By how much a row's `lost` counts.
    of_lost: f64,
    /// By how much a row's `reach` counts.
    of_reach: f64,
    /// What products that underflow lose.
    tiny: f64,
}

/// By how much the bounds are drawn in: 1 in all but the test that shows that they are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust(pub(super) f64);

impl Trust {
    pub(super) const PROVEN: Self = Self(1.0);
}

impl<'a> Probe<'a> {
    fn new(values: &'a [f32], stride: usize, trust: Trust) -> Self {
        let most = values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let operations = (values.len() + 64) as f64 * 2f64.powi(-24);
        // NaN is not among the values that pass.
        let is_bounded = length > 0.0 && length <= LONGEST && operations < 0.5;
        let largest = scan::most_of_a_probe(stride).filter(|_| is_bounded);
        let Some(largest) = largest else {
            return Self { values, numbers: None, unit: 0.0, of_lost: 0.0, of_reach: 0.0, tiny: 0.0 };
        };
        let unit = if most > 0.0 { f64::from(most) / f64::from(largest) } else { 1.0 };
        let mut numbers = Vec::with_capacity(stride);
        let mut off = 0.0;
        for value in values {
            let number = (f64::from(*value) / unit).round();
            off += (f64::from(*value) - number * unit).powi(2);
            // At most `largest` away from 0, as no value is further than `most`.
            numbers.push(number as i16);
        }
        numbers.resize(stride, 0);
        let rounding = operations / (1.0 - operations);
        // What the bounds themselves are rounded by, in 64-bit floats, is within the last terms.
        let of_lost = length * (1.0 + 1e-9);
        let of_reach = off.sqrt() * (1.0 + 1e-9) + length * (rounding + 1e-9);
        let tiny = (values.len() + 64) as f64 * 2f64.powi(-100);
        Self {
            values,
            numbers: Some(numbers),
            unit: 256.0 * unit,
            of_lost: of_lost * trust.0,
            of_reach: of_reach * trust.0,
            tiny,
        }
    }

    /// The least and the most that the exact similarity of a row can be.
    #[inline(always)]
    fn bounds(&self, mark: &Mark, product: i32) -> (f64, f64) {
        let near = f64::from(product) * (f64::from(mark.step) * self.unit);
        let off = f64::from(mark.lost) * self.of_lost + f64::from(mark.reach) * self.of_reach + self.tiny;
        (near - off, near + off)
    }
}

/// The two most alike of the rows that were looked at so far, and those that may yet be.
struct Pair<'a> {
    probe: Probe<'a>,
    /// The two largest lower bounds, the larger first.
    lower: [f64; 2],
    /// What a row's upper bound must reach.
    floor: f64,
    /// Rows, with their upper bounds.
    waiting: Vec<(usize, f64)>,
    found: Found,
}

impl<'a> Pair<'a> {
    fn new(probe: Probe<'a>) -> Self {
        let none = f64::NEG_INFINITY;
        Self { probe, lower: [none; 2], floor: none, waiting: Vec::new(), found: Found::default() }
    }

    /// Takes in the products of a block, of which `product` gives that of each row.
    #[inline(always)]
    fn take(&mut self, rows: &Rows, block: &Block<'_>, product: impl Fn(usize) -> i32) {
        for (at, mark) in block.marks.iter().enumerate() {
            let (least, most) = self.probe.bounds(mark, product(at));
            if most >= self.floor {
                self.note(rows, block.first + at, least, most);
            }
        }
    }

    fn note(&mut self, rows: &Rows, row: usize, least: f64, most: f64) {
        if least > self.lower[0] {
            self.lower = [least, self.lower[0]];
        } else if least > self.lower[1] {
            self.lower[1] = least;
        }
        self.floor = self.floor.max(self.lower[1]);
        self.waiting.push((row, most));
        if self.waiting.len() == WAITING {
            let floor = self.floor;
            self.waiting.retain(|(_, most)| *most >= floor);
            if self.waiting.len() > WAITING / 2 {
                self.settle(rows);
            }
        }
    }

    /// Looks exactly at the rows that wait.
    fn settle(&mut self, rows: &Rows) {
        let mut values = Vec::with_capacity(rows.dimension());
        for (row, most) in std::mem::take(&mut self.waiting) {
            if most >= self.floor {
                self.compare(rows, row, &mut values);
            }
        }
    }

    fn compare(&mut self, rows: &Rows, row: usize, values: &mut Vec<f32>) {
        let Some(candidate) = compare(rows, row, self.probe.values, values) else { return };
        self.found.exact += 1;
        self.found.candidates.offer(candidate);
        if let Some(runner_up) = self.found.candidates.runner_up {
            self.floor = self.floor.max(f64::from(runner_up.similarity.0));
        }
    }
}

/// The exact similarity of row `row`.
fn compare(rows: &Rows, row: usize, probe: &[f32], values: &mut Vec<f32>) -> Option<Candidate> {
    let owner = rows.read(row, values)?;
    Some(Candidate { person: owner.person, similarity: Similarity(dot(values, probe)) })
}

/// The two most alike rows of `range`, for each of `probes`.
pub(super) fn two_most_alike(
    rows: &Rows,
    range: Range<usize>,
    probes: &[&Embedding],
    path: Path,
    trust: Trust,
) -> Vec<Found> {
    let mut pairs: Vec<Option<Pair<'_>>> = Vec::with_capacity(probes.len());
    for probe in probes {
        let fits = probe.dimension() == rows.dimension();
        pairs.push(fits.then(|| Pair::new(Probe::new(probe.as_slice(), rows.stride(), trust))));
    }
    // Where nothing can be bounded, every row is looked at exactly.
    for pair in pairs.iter_mut().flatten().filter(|pair| pair.probe.numbers.is_none()) {
        let mut values = Vec::with_capacity(rows.dimension());
        (range.start..range.end.min(rows.len())).for_each(|row| pair.compare(rows, row, &mut values));
    }
    let mut bounded: Vec<&mut Pair<'_>> =
        pairs.iter_mut().flatten().filter(|pair| pair.probe.numbers.is_some()).collect();
    if !bounded.is_empty() {
        let mut products = Products::default();
        for block in rows.blocks(range, BLOCK_ROWS) {
            for group in bounded.chunks_mut(TOGETHER) {
                products.take(path, rows, &block, group);
            }
        }
        bounded.iter_mut().for_each(|pair| pair.settle(rows));
    }
    drop(bounded);
    pairs.into_iter().map(|pair| pair.map_or_else(Found::default, |pair| pair.found)).collect()
}

/// Where products are put.
struct Products {
    alone: [[i32; 1]; BLOCK_ROWS],
    together: [[i32; TOGETHER]; BLOCK_ROWS],
}

impl Default for Products {
    fn default() -> Self {
        Self { alone: [[0; 1]; BLOCK_ROWS], together: [[0; TOGETHER]; BLOCK_ROWS] }
    }
}

impl Products {
    fn take(&mut self, path: Path, rows: &Rows, block: &Block<'_>, group: &mut [&mut Pair<'_>]) {
        if let [a, b, c, d] = group {
            let all = [&*a, &*b, &*c, &*d].map(|pair| pair.probe.numbers.as_deref().unwrap_or_default());
            path.products(block.high, all, &mut self.together);
            for (at, pair) in group.iter_mut().enumerate() {
                pair.take(rows, block, |row| self.together[row][at]);
            }
            return;
        }
        for pair in group {
            let numbers = pair.probe.numbers.as_deref().unwrap_or_default();
            path.products(block.high, [numbers], &mut self.alone);
            pair.take(rows, block, |row| self.alone[row][0]);
        }
    }
}

/// All rows at least as alike as `least`, in the order of their numbers.
pub(super) fn at_least(rows: &Rows, probe: &Embedding, least: Similarity, path: Path) -> Vec<Candidate> {
    let probe = Probe::new(probe.as_slice(), rows.stride(), Trust::PROVEN);
    let mut values = Vec::with_capacity(rows.dimension());
    let mut found = Vec::new();
    let mut offer = |row| {
        let candidate = compare(rows, row, probe.values, &mut values);
        found.extend(candidate.filter(|candidate| candidate.similarity >= least));
    };
    let Some(numbers) = &probe.numbers else {
        (0..rows.len()).for_each(offer);
        return found;
    };
    let mut products = [[0; 1]; BLOCK_ROWS];
    for block in rows.blocks(0..rows.len(), BLOCK_ROWS) {
        path.products(block.high, [numbers], &mut products);
        for (at, (mark, [product])) in block.marks.iter().zip(products).enumerate() {
            if probe.bounds(mark, product).1 >= f64::from(least.0) {
                offer(block.first + at);
            }
        }
    }
    found
}

/// The exact similarity of row `row`.
pub(super) fn similarity(rows: &Rows, row: usize, probe: &Embedding) -> Option<Similarity> {
    let mut values = Vec::with_capacity(rows.dimension());
    compare(rows, row, probe.as_slice(), &mut values).map(|candidate| candidate.similarity)
}
