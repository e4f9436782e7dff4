//! Fills a new store with made-up people who have one template each, to measure the start of muster with.
//!
//! ```text
//! cargo run --release --example crowd -- DIR PEOPLE [PACK]
//! ```
//!
//! The store and its key, `DIR/key`, are made; the templates live in the space of the pack's embedding net.

use std::error::Error;
use std::path::Path;

use chrono::{DateTime, TimeDelta};
use muster::attendance::{Person, PersonId};
use muster::face::{Embedding, EmbeddingSpace, Template, TemplateId};
use muster::inference::{FaceAnalyser, Pipeline, PipelineOptions};
use muster::ledger::TerminalId;
use muster::store::crypt::source::KeySource;
use muster::store::{Change, RedbStore, Store, Transaction};
use ulid::Ulid;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// People that one commit writes.
const A_COMMIT: u64 = 2_000;

fn main() -> Outcome<()> {
    const USAGE: &str = "usage: crowd DIR PEOPLE [PACK]";
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or(USAGE)?;
    let people: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let pack = arguments.next().unwrap_or_else(|| "default".to_owned());
    let models_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let pipeline =
        Pipeline::load(&PipelineOptions { liveness: false, ..PipelineOptions::plain(models_dir, &pack) })?;
    let (space, dimension) = (pipeline.facts().space, pipeline.facts().dimension);
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    let key = KeySource::File(directory.join("key"));
    let mut store = RedbStore::open(directory, TerminalId(Ulid(1)), &key)?;
    for first in (0..people).step_by(A_COMMIT as usize) {
        let mut changes = Vec::new();
        for number in first..people.min(first + A_COMMIT) {
            changes.extend(somebody(number, space, dimension)?);
        }
        store.commit(Transaction { changes, entries: vec![] })?;
    }
    Ok(())
}

fn somebody(number: u64, space: EmbeddingSpace, dimension: usize) -> Outcome<[Change; 2]> {
    // SplitMix64.
    let mut state = number << 32;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    // Ids of one millisecond after the other, as they are drawn where people come one by one.
    let mut ulid = || Ulid(u128::from(1_700_000_000_000 + number) << 80 | u128::from(next()));
    let (person, id) = (PersonId(ulid()), TemplateId(ulid()));
    let values = (0..dimension).map(|_| (next() >> 40) as f32 - (1u32 << 23) as f32).collect();
    let created_at = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + number as i64);
    let named = Person::new(person, format!("Person {number:06}").parse()?, None, created_at);
    let embedding = Embedding::normalised(values)?;
    Ok([Change::PersonPut(named), Change::TemplatePut(Template { id, person, space, embedding })])
}
