//! How an engine is, for whoever watches over it: what it watches, what it decided last, and what needs attention.
//! Made from a snapshot and a few replies, and pure; nobody's name is in it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::LogEntry;
use super::state::{InferenceStatus, LiveState, SourceState, SourceStatus};
use crate::ledger::{ChainHead, ClockState, EntryKind, Sequence};
use crate::store::{DiskState, StoreFigures};

/// Entries that are looked through for the last decision.
pub const ENTRIES: usize = 256;

/// Under this share of the disk, or so many bytes, room is short.
const LEAST_SHARE: u64 = 50;
const LEAST_BYTES: u64 = 256 << 20;

/// Entries that say what was decided about somebody before a source.
const DECISIONS: [EntryKind; 4] =
    [EntryKind::Passage, EntryKind::Unidentified, EntryKind::Rejected, EntryKind::IdentifierRefused];

/// What a health is made of.
#[derive(Debug, Clone)]
pub struct HealthFacts<'a> {
    /// What is so at the moment; none where no engine runs that watches something.
    pub live: Option<&'a LiveState>,
    /// What the store says of itself, or why it says nothing.
    pub store: Result<StoreFigures, String>,
    /// The end of the ledger, where it was given.
    pub ledger: Option<ChainHead>,
    /// The last entries.
    pub entries: &'a [LogEntry],
    /// The room of the store's disk, where the system says.
    pub disk: Option<DiskRoom>,
    /// What the system says of its clock.
    pub clock: ClockState,
    /// Now.
    pub now: DateTime<Utc>,
}

/// How an engine is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// When it was so.
    pub at: DateTime<Utc>,
    /// Whether an engine runs that watches something.
    pub is_running: bool,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
    /// The nets; none where no engine runs.
    pub nets: Option<InferenceStatus>,
    /// The last decision, where there is one among the last entries.
    pub last_decision: Option<LastDecision>,
    /// What the store says of itself; none where it does not answer.
    pub store: Option<StoreFigures>,
    /// Why the last record could not be written; none while the store works.
    pub store_fault: Option<String>,
    /// Entries that wait for the store.
    pub queue: u32,
    /// Records for which there was no room to wait.
    pub not_recorded: u64,
    /// The state of its disk, where it takes nothing for that.
    pub disk_state: Option<DiskState>,
    /// The room of its disk.
    pub disk: Option<DiskRoom>,
    /// What the system says of its clock.
    pub clock: ClockState,
    /// The end of the ledger.
    pub ledger: Option<ChainHead>,
    /// What somebody should look at, each in a sentence; nothing where all is well.
    pub attention: Vec<String>,
}

/// What was decided last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDecision {
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of an entry came of it.
    pub kind: EntryKind,
    /// Which.
    pub sequence: Sequence,
}

/// The room of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskRoom {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl DiskRoom {
    /// Whether it is short: under 2 % or a quarter of a gigabyte, whichever is less on a small disk.
    pub fn is_short(&self) -> bool {
        self.free_bytes < (self.total_bytes / LEAST_SHARE).min(LEAST_BYTES)
    }
}

impl Health {
    /// What follows from `facts`.
    pub fn of(facts: &HealthFacts<'_>) -> Self {
        let nothing = LiveState::default();
        let live = facts.live.unwrap_or(&nothing);
        let last = facts.entries.iter().filter(|entry| DECISIONS.contains(&entry.kind));
        let last = last.max_by_key(|entry| entry.sequence);
        Self {
            at: facts.now,
            is_running: facts.live.is_some(),
            sources: live.sources.clone(),
            nets: facts.live.map(|live| live.inference.clone()),
            last_decision: last.map(|e| LastDecision { at: e.at, kind: e.kind, sequence: e.sequence }),
            store: facts.store.clone().ok(),
            store_fault: live.store_fault.clone(),
            queue: live.store_queue,
            not_recorded: live.not_recorded,
            disk_state: live.store_disk,
            disk: facts.disk,
            clock: facts.clock,
            ledger: facts.ledger,
            attention: attention(facts, live),
        }
    }

    /// Whether there is nothing that somebody should look at.
    pub fn is_well(&self) -> bool {
        self.attention.is_empty()
    }
}

/// What somebody should look at.
fn attention(facts: &HealthFacts<'_>, live: &LiveState) -> Vec<String> {
    let mut said: Vec<String> = live.sources.iter().filter_map(source_attention).collect();
    if let (Some(_), InferenceStatus::Unavailable { reason }) = (facts.live, &live.inference) {
        said.push(format!("nobody is recognised: {reason}"));
    }
    if let Some(fault) = &live.store_fault {
        said.push(format!("the store takes nothing, and {} entries wait: {fault}", live.store_queue));
    }
    if live.not_recorded > 0 {
        said.push(format!("{} records had no room to wait and are lost", live.not_recorded));
    }
    if let Err(reason) = &facts.store {
        said.push(format!("the store does not say how it is: {reason}"));
    }
    if let Some(disk) = facts.disk.filter(DiskRoom::is_short) {
        said.push(format!("the store's disk has {} MB left: make room on it", disk.free_bytes / 1_000_000));
    }
    if facts.clock == ClockState::Unsure {
        said.push("the clock cannot be right: set it, and look at `muster times`".to_owned());
    }
    said
}

fn source_attention(source: &SourceStatus) -> Option<String> {
    let name = &source.name;
    match (&source.state, &source.trouble) {
        (SourceState::Lost { reason, .. }, _) => Some(format!("{name} is lost: {reason}")),
        (SourceState::Paused, _) => Some(format!("{name} is paused, and nobody is recorded before it")),
        (SourceState::Streaming, Some(trouble)) => Some(format!("{name} is of little use: {trouble}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Provider;
    use crate::ledger::{Actor, RecordDetails, Sha256Digest};

    fn figures() -> StoreFigures {
        StoreFigures {
            file_bytes: 1_572_864,
            schema: 4,
            epoch: 1,
            is_under_passphrase: false,
            end: head(),
            people: 12,
            templates: 24,
            crops: 0,
            strangers: 1,
            erased_people: 0,
            last_backup: None,
        }
    }

    fn head() -> ChainHead {
        ChainHead { sequence: Sequence(118), hash: Sha256Digest([0xab; 32]) }
    }

    fn entry(sequence: u64, kind: EntryKind) -> LogEntry {
        LogEntry {
            operator_key: None,
            sequence: Sequence(sequence),
            at: DateTime::from_timestamp(1_772_434_800 + sequence as i64, 0).unwrap(),
            kind,
            actor: Actor::System,
            person: None,
            name: Some("Ana Adams".parse().unwrap()),
            state: None,
            similarity: None,
            best: Some("Bo Brown".parse().unwrap()),
            note: Some("a note".to_owned()),
            clock: ClockState::Synchronised,
            details: RecordDetails::default(),
            facts: None,
        }
    }

    fn live() -> LiveState {
        let source = SourceStatus {
            name: "front".to_owned(),
            state: SourceState::Streaming,
            frames: 900,
            ..SourceStatus::default()
        };
        let inference = InferenceStatus::Ready { provider: Provider::Cpu, pack: "default".to_owned() };
        LiveState { sources: vec![source], inference, ..LiveState::default() }
    }

    fn facts<'a>(live: &'a LiveState, entries: &'a [LogEntry]) -> HealthFacts<'a> {
        HealthFacts {
            live: Some(live),
            store: Ok(figures()),
            ledger: Some(head()),
            entries,
            disk: Some(DiskRoom { free_bytes: 20 << 30, total_bytes: 30 << 30 }),
            clock: ClockState::Synchronised,
            now: DateTime::from_timestamp(1_772_440_000, 0).unwrap(),
        }
    }

    #[test]
    fn an_engine_that_works_is_well_and_names_nobody() {
        let live = live();
        let entries =
            [entry(7, EntryKind::Passage), entry(9, EntryKind::Mark), entry(8, EntryKind::Unidentified)];
        let health = Health::of(&facts(&live, &entries));
        assert!(health.is_well() && health.is_running, "{health:?}");
        let last = health.last_decision.unwrap();
        assert_eq!((last.kind, last.sequence), (EntryKind::Unidentified, Sequence(8)));
        let text = serde_json::to_string(&health).unwrap();
        for word in ["Ana", "Bo", "note"] {
            assert!(!text.contains(word), "{text}");
        }
        assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), health);
    }

    #[test]
    fn whatever_keeps_people_from_being_recorded_needs_attention() {
        type Change<'a> = dyn Fn(&mut LiveState) + 'a;
        let change = |change: &Change<'_>| {
            let mut live = live();
            change(&mut live);
            Health::of(&facts(&live, &[])).attention
        };
        let lost = SourceState::Lost { reason: "unplugged".to_owned(), retry_at: None };
        let table: [(&Change<'_>, &str); 6] = [
            (&|live| live.sources[0].state = lost.clone(), "front is lost: unplugged"),
            (
                &|live| live.sources[0].state = SourceState::Paused,
                "front is paused, and nobody is recorded before it",
            ),
            (
                &|live| live.sources[0].trouble = Some("too dark".to_owned()),
                "front is of little use: too dark",
            ),
            (
                &|live| live.inference = InferenceStatus::Unavailable { reason: "no pack".to_owned() },
                "nobody is recognised: no pack",
            ),
            (
                &|live| (live.store_fault, live.store_queue) = (Some("disk is full".to_owned()), 3),
                "the store takes nothing, and 3 entries wait: disk is full",
            ),
            (&|live| live.not_recorded = 2, "2 records had no room to wait and are lost"),
        ];
        for (changed, expected) in table {
            assert_eq!(change(changed), [expected]);
        }
        // What passes by itself does not.
        assert!(change(&|live| live.inference = InferenceStatus::Loading).is_empty());
        assert!(change(&|live| live.sources[0].state = SourceState::Opening).is_empty());
    }

    #[test]
    fn a_full_disk_a_wrong_clock_and_a_store_that_is_silent_need_attention() {
        let live = live();
        let short = DiskRoom { free_bytes: 100 << 20, total_bytes: 30 << 30 };
        let of = |facts: HealthFacts<'_>| Health::of(&facts).attention;
        assert_eq!(
            of(HealthFacts { disk: Some(short), ..facts(&live, &[]) }),
            ["the store's disk has 104 MB left: make room on it"]
        );
        assert_eq!(of(HealthFacts { clock: ClockState::Unsure, ..facts(&live, &[]) }).len(), 1);
        assert!(of(HealthFacts { clock: ClockState::Unsynchronised, ..facts(&live, &[]) }).is_empty());
        let silent = Health::of(&HealthFacts { store: Err("no answer".to_owned()), ..facts(&live, &[]) });
        assert_eq!((silent.store, silent.attention.len()), (None, 1));
        // A small disk is not short for being small.
        assert!(!DiskRoom { free_bytes: 50 << 20, total_bytes: 100 << 20 }.is_short());
    }

    #[test]
    fn without_an_engine_that_watches_there_is_the_store_alone() {
        let health =
            Health::of(&HealthFacts { live: None, ..facts(&live(), &[entry(7, EntryKind::Passage)]) });
        assert!(!health.is_running && health.sources.is_empty() && health.nets.is_none());
        assert!(health.store.is_some() && health.last_decision.is_some());
    }
}
