//! The search against a plain scan in 32-bit floats over the rows as they are kept, on rows that are made to
//! lead a bound astray.

use proptest::prelude::*;
use ulid::Ulid;

use super::super::rows::{Owner, Rows};
use super::super::scan::Path;
use super::super::search::{Found, Trust, at_least, two_most_alike};
use crate::attendance::PersonId;
use crate::face::embedding::dot;
use crate::face::{Embedding, Similarity, TemplateId};
use crate::identify::{Candidate, Candidates};

const DIMENSIONS: [usize; 9] = [1, 2, 3, 31, 32, 33, 128, 512, 2048];

/// A generator with a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From -1 to 1.
    fn value(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.value()).collect()
    }
}

/// How rows are made.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Spread,
    NearlyOne,
    OneAndTheSame,
    OneHugeValue,
    MostlyZero,
    Orthogonal,
    LastBits,
    AllOfThem,
}

const KINDS: [Kind; 8] = [
    Kind::Spread,
    Kind::NearlyOne,
    Kind::OneAndTheSame,
    Kind::OneHugeValue,
    Kind::MostlyZero,
    Kind::Orthogonal,
    Kind::LastBits,
    Kind::AllOfThem,
];

/// A row of `kind` that goes with `base`, of which the probe is made.
fn row(kind: Kind, base: &[f32], random: &mut Random) -> Vec<f32> {
    let dimension = base.len();
    match kind {
        Kind::Spread => random.vector(dimension),
        Kind::NearlyOne => base.iter().map(|value| value + random.value() * 1e-4).collect(),
        Kind::OneAndTheSame => base.to_vec(),
        Kind::OneHugeValue => {
            let mut values: Vec<f32> =
                base.iter().map(|value| value * 1e-4 + random.value() * 1e-5).collect();
            values[random.below(dimension)] = 1.0;
            values
        }
        Kind::MostlyZero => {
            let mut values = vec![0.0; dimension];
            for _ in 0..=random.below(3) {
                values[random.below(dimension)] = random.value() + 1.5;
            }
            values
        }
        Kind::Orthogonal => {
            let values = random.vector(dimension);
            let along = dot(&values, base) / dot(base, base);
            let mut values: Vec<f32> =
                values.iter().zip(base).map(|(value, base)| value - along * base).collect();
            values[0] += 1e-6;
            values
        }
        Kind::LastBits => {
            let mut values = base.to_vec();
            let at = random.below(dimension);
            let moved = random.below(5) as u32;
            values[at] = f32::from_bits(values[at].to_bits().wrapping_add(moved));
            values
        }
        Kind::AllOfThem => {
            let kind = KINDS[random.below(KINDS.len() - 1)];
            row(kind, base, random)
        }
    }
}

fn unit(values: Vec<f32>) -> Vec<f32> {
    Embedding::normalised(values).map_or_else(|_| vec![1.0], |unit| unit.as_slice().to_vec())
}

/// Rows whose owners come in no order.
fn rows(dimension: usize, values: impl Iterator<Item = Vec<f32>>) -> Rows {
    let mut rows = Rows::new(dimension);
    for (number, values) in values.enumerate() {
        let person = (number as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_003;
        let owner = Owner { person: PersonId(Ulid(person)), template: TemplateId(Ulid(number as u128)) };
        let mut values = values;
        values.resize(dimension, 0.0);
        rows.push(owner, &values);
    }
    rows
}

fn everybody(rows: &Rows, probe: &Embedding) -> Vec<Candidate> {
    let mut values = Vec::new();
    (0..rows.len())
        .map(|row| {
            let owner = rows.read(row, &mut values).unwrap();
            Candidate { person: owner.person, similarity: Similarity(dot(&values, probe.as_slice())) }
        })
        .collect()
}

/// The definition: every row is compared in 32-bit floats.
fn plain(rows: &Rows, probe: &Embedding) -> Candidates {
    let mut sorted = everybody(rows, probe);
    sorted.sort_by(|a, b| b.similarity.0.total_cmp(&a.similarity.0).then(a.person.cmp(&b.person)));
    Candidates { best: sorted.first().copied(), runner_up: sorted.get(1).copied() }
}

/// Both paths, alone and together, whole and in parts, give what the definition gives.
fn agrees(rows: &Rows, probes: &[Embedding], what: &str) {
    let wanted: Vec<Candidates> = probes.iter().map(|probe| plain(rows, probe)).collect();
    let together: Vec<&Embedding> = probes.iter().collect();
    for path in [Path::Portable, Path::best()] {
        let find = |range, probes: &[&Embedding]| two_most_alike(rows, range, probes, path, Trust::PROVEN);
        let found: Vec<Candidates> =
            find(0..rows.len(), &together).iter().map(|found| found.candidates).collect();
        assert_eq!(found, wanted, "{what}, {path:?}, together");
        for (probe, wanted) in probes.iter().zip(&wanted) {
            let found = find(0..rows.len(), &[probe]);
            assert_eq!(found[0].candidates, *wanted, "{what}, {path:?}, alone");
        }
        for parts in [2, 3, 7] {
            let mut merged = vec![Found::default(); probes.len()];
            for part in 0..parts {
                let range = rows.len() * part / parts..rows.len() * (part + 1) / parts;
                merged.iter_mut().zip(find(range, &together)).for_each(|(all, part)| all.merge(&part));
            }
            let merged: Vec<Candidates> = merged.iter().map(|found| found.candidates).collect();
            assert_eq!(merged, wanted, "{what}, {path:?}, {parts} parts");
        }
        for (probe, wanted) in probes.iter().zip(&wanted) {
            let Some(least) = wanted.runner_up.map(|runner_up| runner_up.similarity) else { continue };
            let mut expected = everybody(rows, probe);
            expected.retain(|candidate| candidate.similarity >= least);
            assert_eq!(at_least(rows, probe, least, path), expected, "{what}, {path:?}, at least");
        }
    }
}

/// Probes of `base`: itself, near it, away from it, and along one axis.
fn probes(base: &[f32], random: &mut Random) -> Vec<Embedding> {
    let mut axis = vec![0.0; base.len()];
    axis[random.below(base.len())] = 1.0;
    let made = [
        base.to_vec(),
        row(Kind::NearlyOne, base, random),
        base.iter().map(|value| -value).collect(),
        row(Kind::Orthogonal, base, random),
        row(Kind::Spread, base, random),
        axis,
    ];
    made.into_iter().filter_map(|values| Embedding::normalised(values).ok()).collect()
}

#[test]
fn the_search_is_a_plain_scan_in_every_dimension_and_on_rows_of_every_kind() {
    for dimension in DIMENSIONS {
        for (number, kind) in KINDS.into_iter().enumerate() {
            let mut random = Random((dimension * 10 + number) as u64);
            let mut base = random.vector(dimension);
            base[0] += 1.5;
            let base = unit(base);
            let count = if dimension > 500 { 25 } else { 70 };
            let rows = rows(dimension, (0..count).map(|_| unit(row(kind, &base, &mut random))));
            agrees(&rows, &probes(&base, &mut random), &format!("{dimension} values, {kind:?}"));
        }
    }
}

#[test]
fn thousands_of_rows_that_are_nearly_one_are_told_apart_across_chunks() {
    let mut random = Random(3);
    let base = unit(random.vector(33));
    for kind in [Kind::NearlyOne, Kind::OneAndTheSame, Kind::LastBits] {
        let rows = rows(33, (0..4_500).map(|_| unit(row(kind, &base, &mut random))));
        agrees(&rows, &probes(&base, &mut random)[..2], &format!("{kind:?}"));
    }
}

#[test]
fn no_row_and_one_row_give_nobody_and_one() {
    let probe = Embedding::normalised(vec![1.0, 2.0]).unwrap();
    agrees(&rows(2, std::iter::empty()), std::slice::from_ref(&probe), "nobody");
    agrees(&rows(2, std::iter::once(vec![0.6, 0.8])), std::slice::from_ref(&probe), "one");
    let other = Embedding::normalised(vec![1.0; 3]).unwrap();
    let rows = rows(2, std::iter::once(vec![0.6, 0.8]));
    let found = two_most_alike(&rows, 0..1, &[&other, &probe], Path::best(), Trust::PROVEN);
    assert_eq!(found[0], Found::default(), "a probe of another length is compared with nobody");
    assert!(found[1].candidates.best.is_some());
}

#[test]
fn what_is_no_embedding_is_still_compared_as_a_plain_scan_would() {
    let odd: Vec<Vec<f32>> = vec![
        vec![1e30, -1.0, 0.0],
        vec![f32::NAN, 0.5, 0.5],
        vec![f32::INFINITY, 0.0, 1.0],
        vec![0.0; 3],
        vec![3e6, 3e6, -1e-30],
        vec![1e-40, 1e-42, 0.0],
        vec![0.6, 0.8, 0.0],
        vec![0.6, 0.8, 0.0],
    ];
    let rows = rows(3, odd.into_iter());
    let raw = |text: &str| serde_json::from_str::<Embedding>(text).unwrap();
    let probes = [
        raw("[1e25, 0.0, -1.0]"),
        raw("[0.0, 0.0, 0.0]"),
        raw("[0.6, 0.8, 0.0]"),
        raw("[1e-42, 1e-38, 1e-45]"),
    ];
    agrees(&rows, &probes, "odd values");
}

/// Two rows whose high bytes say that they are nearer, and one that is nearest by its low bytes alone. The
/// bound holds with nothing to spare there, so that one of half its size must go wrong.
#[test]
fn a_bound_that_is_too_small_finds_the_wrong_people() {
    let dimension = 512;
    let numbers = |of: &dyn Fn(usize) -> i32| {
        let number = |at: usize| if at == 0 { 30_000 } else { of(at) };
        (0..dimension).map(|at| number(at) as f32 / 32_768.0).collect::<Vec<f32>>()
    };
    let coarse = numbers(&|at| if at % 2 == 0 { 11 * 256 - 128 } else { 10 * 256 - 128 });
    let fine = numbers(&|_| 10 * 256 + 127);
    let mut probe = vec![1.0; dimension];
    probe[0] = 0.0;
    let probe = Embedding::normalised(probe).unwrap();
    let rows = rows(dimension, [coarse.clone(), coarse, fine].into_iter());
    let find = |trust| two_most_alike(&rows, 0..3, &[&probe], Path::best(), trust)[0].candidates;
    let wanted = plain(&rows, &probe);
    assert_eq!(wanted.best.unwrap().person, rows.owner(2).unwrap().person);
    assert_eq!(find(Trust::PROVEN), wanted);
    assert_ne!(find(Trust(0.45)), wanted, "the test would not see a bound that is too small");
}

#[test]
fn few_rows_of_many_are_looked_at_exactly() {
    let mut random = Random(9);
    let rows = rows(128, (0..3_000).map(|_| unit(random.vector(128))));
    let mut near = Vec::new();
    rows.read(1_234, &mut near);
    let near: Vec<f32> = near.iter().map(|value| value + random.value() * 0.02).collect();
    let probe = Embedding::normalised(near).unwrap();
    let found = two_most_alike(&rows, 0..3_000, &[&probe], Path::best(), Trust::PROVEN)[0];
    assert_eq!(found.candidates.best.unwrap().person, rows.owner(1_234).unwrap().person);
    assert!(found.exact < 300, "{} of 3000 rows", found.exact);
}

proptest! {
    #[test]
    fn the_search_is_a_plain_scan(
        seed: u64,
        dimension in prop_oneof![Just(1usize), 2usize..70, Just(128), Just(256)],
        count in 0usize..120,
        kind in 0..KINDS.len(),
    ) {
        let mut random = Random(seed);
        let mut base = random.vector(dimension);
        base[0] += 1.5;
        let base = unit(base);
        let rows = rows(dimension, (0..count).map(|_| unit(row(KINDS[kind], &base, &mut random))));
        agrees(&rows, &probes(&base, &mut random), "made of a seed");
    }
}
