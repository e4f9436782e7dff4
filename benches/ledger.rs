//! The ledger as it grows: what appending to it costs, what a day's report reads, how fast it is walked.
//!
//! `cargo bench --bench ledger`, with MUSTER_BENCH_ENTRIES entries (1,000,000 without it). The store lies in
//! TMPDIR: a commit is two syncs of that disk. It is filled in big transactions, and measured at each power of ten with transactions as the engine makes them.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use muster::attendance::report::{Day, Listed, report};
use muster::attendance::statement::{Statement, held, presence_records};
use muster::attendance::{Method, PersonId, PresenceState};
use muster::face::quality::Quality;
use muster::face::{EmbeddingSpace, Liveness, QualityScore, Similarity};
use muster::identify::{Candidate, DecisionDetails, Threshold, ThresholdBasis, VoteCount};
use muster::ledger::{
    Actor, BootId, ClockState, EntryDraft, EntryId, EntryKind, EvidencePart, Moment, NotePart, Parts,
    RecordDetails, RecordPart, TerminalId,
};
use muster::store::crypt::source::KeySource;
use muster::store::{RedbStore, Store, Transaction};
use ulid::Ulid;

/// Without MUSTER_BENCH_ENTRIES.
const ENTRIES: u64 = 1_000_000;
const PEOPLE: u64 = 2_000;
/// Each passes in the morning, twice at noon and in the evening.
const ENTRIES_A_DAY: u64 = 4 * PEOPLE;
/// One entry of so many is a mark with a note, which is sealed.
const MARKS: u64 = 100;
/// Entries of a transaction while the store is only filled.
const FILLING: u64 = 20_000;
/// Entries of a transaction of the engine at most.
const BATCH: u64 = 64;
/// Transactions that are measured at each size.
const SAMPLES: u64 = 100;

fn person(number: u64) -> PersonId {
    PersonId(Ulid(u128::from(number % PEOPLE) << 80 | 1))
}

fn at(number: u64) -> DateTime<Utc> {
    let (day, within) = (number / ENTRIES_A_DAY, number % ENTRIES_A_DAY);
    DateTime::UNIX_EPOCH
        + TimeDelta::days(day as i64)
        + TimeDelta::milliseconds((within * 86_400_000 / ENTRIES_A_DAY) as i64)
}

/// What the engine keeps of a decision.
fn evidence(number: u64) -> EvidencePart {
    let candidate = |person, similarity| Candidate { person, similarity: Similarity(similarity) };
    EvidencePart {
        candidates: vec![candidate(person(number), 0.71), candidate(person(number + 1), 0.12)],
        threshold: Threshold(Similarity(0.5)),
        frames: 5,
        detection_score: 0.98,
        liveness: Liveness::Score(0.9),
        space: EmbeddingSpace([3; 32]),
        pack: "default".to_owned(),
        details: Some(DecisionDetails {
            basis: ThresholdBasis::Card,
            votes: VoteCount { best: 5, others: 0, nobody: 0 },
            margin: 0.59,
            shortfall: None,
            quality: Quality {
                inter_eye_distance_px: Some(64.0),
                sharpness: Some(0.7),
                ..Quality::default()
            },
            quality_score: QualityScore(0.8),
            liveness_frames: 5,
            liveness_threshold: Some(0.5),
            model: "arcface-r50".to_owned(),
            program: "0.1.0".to_owned(),
        }),
    }
}

fn details() -> RecordDetails {
    RecordDetails { method: Some(Method::Face), source: Some("door".to_owned()), ..RecordDetails::default() }
}

fn draft(number: u64) -> EntryDraft {
    let is_mark = number % MARKS == MARKS - 1;
    let state = if number.is_multiple_of(2) { PresenceState::Present } else { PresenceState::Left };
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    EntryDraft {
        id: EntryId(Ulid(u128::from(number))),
        at: at(number),
        clock: ClockState::Synchronised,
        moment: Some(Moment { boot: BootId([7; 16]), since_boot_us: number, utc_offset_seconds: 3600 }),
        kind: if is_mark { EntryKind::Mark } else { EntryKind::Passage },
        actor: if is_mark { Actor::Local { uid: 1000 } } else { Actor::Door },
        operator_key: None,
        parts: Parts {
            record: Some(RecordPart { details: details(), ..RecordPart::new(person(number), Some(state)) }),
            evidence: (!is_mark).then(|| evidence(number)),
            note: is_mark.then(|| NotePart { text: "forgot the badge".to_owned() }),
            ..Parts::default()
        },
        salts: [salt; 3],
    }
}

fn append(store: &mut RedbStore, numbers: std::ops::Range<u64>) -> Duration {
    let transaction = Transaction { changes: vec![], entries: numbers.map(draft).collect() };
    let begun = Instant::now();
    store.commit(transaction).expect("the medium of a benchmark works");
    begun.elapsed()
}

fn open(directory: &Path) -> RedbStore {
    RedbStore::open(directory, TerminalId(Ulid(1)), &KeySource::File(directory.join("key")))
        .expect("the store of a benchmark opens")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The store filled up to `until`, with what a transaction costs there.
fn fill(store: &mut RedbStore, next: &mut u64, until: u64) {
    while *next < until {
        let end = (*next + FILLING).min(until);
        append(store, *next..end);
        *next = end;
    }
}

/// What an entry costs in transactions of `batch` entries: the median.
fn cost(store: &mut RedbStore, next: &mut u64, batch: u64) -> Duration {
    let times = (0..SAMPLES).map(|_| {
        let begin = *next;
        *next += batch;
        append(store, begin..*next)
    });
    median(times.collect()) / batch as u32
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn a_day(store: &RedbStore, number: u64) {
    let from = DateTime::UNIX_EPOCH + TimeDelta::days((number / ENTRIES_A_DAY) as i64);
    let day = Day::of(from.date_naive(), &Utc, NaiveTime::MIN).expect("the day is in the calendar");
    let listed = || {
        (0..PEOPLE).map(|number| Listed {
            person: person(number),
            name: format!("Person {number}").parse().expect("a name"),
            identifier: None,
            is_active: true,
        })
    };
    let (mut reading, mut folding, mut found) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..11 {
        let begun = Instant::now();
        let entries = store.records_between(day.from, day.until).expect("the store reads");
        reading.push(begun.elapsed());
        let begun = Instant::now();
        let records = presence_records(&held(entries.iter().filter_map(Statement::of)));
        let rows = report(&day, records, listed());
        folding.push(begun.elapsed());
        found = (entries.len(), rows.len());
    }
    let (reading, folding) = (median(reading), median(folding));
    println!(
        "a day's report: {} entries to {} rows in {:.1} ms (reading {:.1} ms, folding {:.1} ms)",
        found.0,
        found.1,
        (reading + folding).as_secs_f64() * 1e3,
        reading.as_secs_f64() * 1e3,
        folding.as_secs_f64() * 1e3,
    );
}

/// What this process has used of the processors. On a machine that does other work it says more than the clock.
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or(0))
}

fn verify(store: &RedbStore) {
    for turn in ["first", "second", "third"] {
        let (begun, used) = (Instant::now(), processor_time());
        let end = store.verify().expect("the ledger verifies");
        let (took, used) = (begun.elapsed(), processor_time() - used);
        let rate = |time: Duration| end.sequence.0 as f64 / time.as_secs_f64();
        println!(
            "verify, the {turn} time: {} entries in {:.2} s, {:.0} a second; {:.2} s of processors, {:.0} a second of one",
            end.sequence,
            took.as_secs_f64(),
            rate(took),
            used.as_secs_f64(),
            rate(used),
        );
    }
}

fn main() {
    let wanted = std::env::var("MUSTER_BENCH_ENTRIES").ok();
    let total: u64 = match wanted.as_deref().map(str::parse) {
        None => ENTRIES,
        Some(Ok(number)) => number,
        Some(Err(_)) => {
            println!("MUSTER_BENCH_ENTRIES is no number: {}", wanted.unwrap_or_default());
            return;
        }
    };
    let directory = tempfile::tempdir().expect("a benchmark may write to TMPDIR");
    let mut store = open(directory.path());
    let (mut next, mut first) = (0, None);
    println!("{:>12}  {:>22}  {:>16}  {:>8}", "entries", "µs an entry (of 64)", "µs a single one", "ratio");
    let begun = Instant::now();
    let sizes = (4..).map(|power| 10u64.pow(power)).take_while(|size| *size < total).chain([total]);
    for size in sizes {
        fill(&mut store, &mut next, size);
        let of_64 = cost(&mut store, &mut next, BATCH);
        let single = cost(&mut store, &mut next, 1);
        let ratio = of_64.as_secs_f64() / first.get_or_insert(of_64).as_secs_f64();
        println!("{size:>12}  {:>22.1}  {:>16.1}  {ratio:>8.2}", micros(of_64), micros(single));
    }
    let bytes = directory.path().join("store.redb").metadata().map(|data| data.len()).unwrap_or(0);
    println!("filled in {:.0} s; the file has {} MiB", begun.elapsed().as_secs_f64(), bytes >> 20);
    a_day(&store, total / 2);
    verify(&store);
    drop(store);
    let begun = Instant::now();
    let store = open(directory.path());
    println!("opened, with every page checked, in {:.2} s", begun.elapsed().as_secs_f64());
    a_day(&store, total / 3);
}
