//! The gallery: putting people in, taking them out, and searching beside a plain scan in 32-bit floats.
//!
//! `cargo bench --bench gallery`; large galleries are for `muster bench gallery`.

use divan::{Bencher, black_box};
use muster::attendance::PersonId;
use muster::face::embedding::dot;
use muster::face::{Embedding, EmbeddingSpace, Similarity, Template, TemplateId};
use muster::identify::{Candidate, Candidates, Gallery};
use ulid::Ulid;

const SPACE: EmbeddingSpace = EmbeddingSpace([1; 32]);
const DIMENSION: usize = 512;
const SIZES: [u64; 3] = [100, 1_000, 10_000];

/// From a number, a direction; SplitMix64.
fn direction(number: u64) -> Embedding {
    let mut state = number << 32;
    let mut value = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 - (1u32 << 23) as f32
    };
    Embedding::normalised((0..DIMENSION).map(|_| value()).collect()).expect("it is not all zeros")
}

fn template(number: u64) -> Template {
    let id = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    Template {
        id: TemplateId(Ulid(id)),
        person: PersonId(Ulid(!id)),
        space: SPACE,
        embedding: direction(number),
    }
}

fn gallery(people: u64) -> Gallery {
    let mut gallery = Gallery::new(SPACE, DIMENSION);
    (0..people).for_each(|number| gallery.put(&template(number)));
    gallery
}

#[divan::bench(args = SIZES)]
fn search_one_probe(bencher: Bencher, people: u64) {
    let (gallery, probe) = (gallery(people), direction(u64::from(u32::MAX)));
    bencher.bench_local(|| gallery.search(black_box(&probe)));
}

#[divan::bench(args = SIZES)]
fn search_eight_probes(bencher: Bencher, people: u64) {
    let gallery = gallery(people);
    let probes: Vec<Embedding> = (0..8).map(|n| direction((1 << 20) + n)).collect();
    let probes: Vec<&Embedding> = probes.iter().collect();
    bencher.bench_local(|| gallery.search_all(black_box(&probes)));
}

/// What the search was before, and what it must agree with.
#[divan::bench(args = SIZES)]
fn plain_scan_one_probe(bencher: Bencher, people: u64) {
    let gallery = gallery(people);
    let (mut owners, mut values) = (Vec::new(), Vec::new());
    for (person, _, row) in gallery.templates() {
        owners.push(person);
        values.extend_from_slice(&row);
    }
    let probe = direction(u64::from(u32::MAX));
    bencher.bench_local(|| {
        let mut found = Candidates::default();
        let rows = values.chunks_exact(DIMENSION);
        for (person, row) in owners.iter().zip(rows) {
            let similarity = Similarity(dot(row, black_box(probe.as_slice())));
            found.offer(Candidate { person: *person, similarity });
        }
        found
    });
}

#[divan::bench(args = SIZES)]
fn enrol_and_erase_one(bencher: Bencher, people: u64) {
    let mut gallery = gallery(people);
    let one = template(people + 1);
    bencher.bench_local(|| {
        gallery.put(black_box(&one));
        gallery.remove_template(one.id);
    });
}

#[divan::bench(args = SIZES)]
fn a_second_template_and_back(bencher: Bencher, people: u64) {
    let mut gallery = gallery(people);
    let second = Template { person: template(7).person, ..template(people + 1) };
    bencher.bench_local(|| {
        gallery.put(black_box(&second));
        gallery.remove_template(second.id);
    });
}

fn main() {
    divan::main();
}
