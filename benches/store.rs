//! The store on disk: what a commit costs, what a day's report reads, what opening takes.
//!
//! `cargo bench --bench store`. The directory is TMPDIR's; a commit is two syncs of that disk, so
//! set TMPDIR to the disk whose figures are wanted.

use std::path::Path;

use chrono::{DateTime, TimeDelta};
use divan::{Bencher, counter::ItemsCount};
use muster::attendance::{PersonId, PresenceState};
use muster::face::{EmbeddingSpace, Liveness, Similarity};
use muster::identify::{Candidate, Threshold};
use muster::ledger::{
    Actor, ClockState, EntryDraft, EntryId, EntryKind, EvidencePart, Parts, RecordPart, Sequence, TerminalId,
};
use muster::store::crypt::source::KeySource;
use muster::store::redb::restore::{RestoreOrder, prepare};
use muster::store::{BackupOrder, ErasuresFrom, RedbStore, Store, Transaction};
use ulid::Ulid;

const ENTRIES: u64 = 100_000;
const ENTRIES_A_DAY: u64 = 1_000;
const PEOPLE: u64 = 500;

/// A passage as the engine records it, with its evidence.
fn passage(number: u64) -> EntryDraft {
    let person = PersonId(Ulid(u128::from(number % PEOPLE) << 80));
    let other = PersonId(Ulid(u128::from((number + 1) % PEOPLE) << 80));
    let milliseconds = number * 86_400_000 / ENTRIES_A_DAY;
    let candidate = |person, similarity| Candidate { person, similarity: Similarity(similarity) };
    EntryDraft {
        id: EntryId(Ulid(u128::from(number))),
        at: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds as i64),
        clock: ClockState::Synchronised,
        moment: None,
        kind: EntryKind::Passage,
        actor: Actor::Door,
        operator_key: None,
        parts: Parts {
            record: Some(RecordPart::new(person, Some(PresenceState::Present))),
            evidence: Some(EvidencePart {
                candidates: vec![candidate(person, 0.71), candidate(other, 0.12)],
                threshold: Threshold(Similarity(0.5)),
                frames: 5,
                detection_score: 0.98,
                liveness: Liveness::Score(0.9),
                space: EmbeddingSpace([3; 32]),
                pack: "default".to_owned(),
                details: None,
            }),
            ..Parts::default()
        },
        salts: [[number as u8; 16]; 3],
    }
}

fn append(store: &mut RedbStore, numbers: std::ops::Range<u64>) {
    let entries = numbers.map(passage).collect();
    store.commit(Transaction { changes: vec![], entries }).expect("the medium of a benchmark works");
}

fn open(directory: &Path) -> RedbStore {
    RedbStore::open(directory, TerminalId(Ulid(1)), &KeySource::File(directory.join("key")))
        .expect("the store of a benchmark opens")
}

fn filled() -> (tempfile::TempDir, RedbStore) {
    let directory = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
    let mut store = open(directory.path());
    (0..ENTRIES / 1000).for_each(|batch| append(&mut store, batch * 1000..(batch + 1) * 1000));
    (directory, store)
}

#[divan::bench(args = [1, 10, 100], sample_count = 50, sample_size = 1)]
fn append_in_one_commit(bencher: Bencher, batch: u64) {
    let directory = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
    let mut store = open(directory.path());
    let mut next = 0;
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        append(&mut store, next..next + batch);
        next += batch;
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn append_one_after_100_000(bencher: Bencher) {
    let (_directory, mut store) = filled();
    let mut next = ENTRIES;
    bencher.bench_local(|| {
        append(&mut store, next..next + 1);
        next += 1;
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn a_day_of_1000_among_100_000(bencher: Bencher) {
    let (_directory, store) = filled();
    let from = DateTime::UNIX_EPOCH + TimeDelta::days(50);
    bencher.bench_local(|| {
        let day = store.entries_between(from, from + TimeDelta::days(1)).expect("the store reads");
        assert_eq!(day.len() as u64, ENTRIES_A_DAY);
        day
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn the_last_100_of_100_000(bencher: Bencher) {
    let (_directory, store) = filled();
    bencher.bench_local(|| store.entries_before(Sequence(u64::MAX), 100).expect("the store reads"));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn open_with_100_000(bencher: Bencher) {
    let (directory, store) = filled();
    drop(store);
    bencher.bench_local(|| open(directory.path()));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn verify_100_000(bencher: Bencher) {
    let (directory, store) = filled();
    let size = directory.path().join("store.redb").metadata().map(|data| data.len()).unwrap_or(0);
    println!("the file has {} KiB", size / 1024);
    bencher.bench_local(|| store.verify().expect("the ledger verifies"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn back_up_100_000(bencher: Bencher) {
    let (_directory, store) = filled();
    let elsewhere = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
    let order = BackupOrder { to: elsewhere.path().join("backup"), replaces: true, at: DateTime::UNIX_EPOCH };
    bencher.bench_local(|| store.back_up(&order).expect("the backup is written"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn restore_100_000(bencher: Bencher) {
    let (directory, store) = filled();
    let elsewhere = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
    let to = elsewhere.path().join("backup");
    let order = BackupOrder { to: to.clone(), replaces: true, at: DateTime::UNIX_EPOCH };
    store.back_up(&order).expect("the backup is written");
    let key = KeySource::File(directory.path().join("key"));
    bencher.bench_local(|| {
        let empty = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
        let mut draft = |kind| EntryDraft { kind, parts: Parts::default(), ..passage(ENTRIES) };
        let order = RestoreOrder {
            backup: &to,
            backup_key: &key,
            erasures: ErasuresFrom::PresentOrNone,
            draft: &mut draft,
        };
        let prepared = prepare(empty.path(), &key, order).expect("the backup is sound");
        prepared.swap().expect("the medium of a benchmark works")
    });
}

fn main() {
    divan::main();
}
