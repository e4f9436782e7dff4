use chrono::DateTime;

use super::*;
use crate::cli::fake::ran;
use crate::engine::health::{DiskRoom, LastDecision};
use crate::inference::Provider;
use crate::ledger::{ChainHead, ClockState, EntryKind, Sequence, Sha256Digest};

pub(super) fn figures(end: ChainHead) -> StoreFigures {
    StoreFigures {
        file_bytes: 1_572_864,
        schema: 4,
        epoch: 1,
        is_under_passphrase: false,
        end,
        people: 12,
        templates: 24,
        crops: 0,
        strangers: 1,
        erased_people: 0,
        last_backup: None,
    }
}

/// An engine that watches the front door, and is well.
pub(super) fn health() -> Health {
    let end = ChainHead { sequence: Sequence(118), hash: Sha256Digest([0xab; 32]) };
    let at = |seconds: i64| DateTime::from_timestamp(1_772_434_800 + seconds, 0).unwrap();
    let source = SourceStatus {
        name: "front door".to_owned(),
        state: SourceState::Streaming,
        width: 640,
        height: 480,
        has_streamed: true,
        frames: 900,
        dropped: 3,
        frames_per_second: 15.0,
        ..SourceStatus::default()
    };
    Health {
        at: at(60),
        is_running: true,
        sources: vec![source],
        nets: Some(InferenceStatus::Ready { provider: Provider::Cpu, pack: "default".to_owned() }),
        last_decision: Some(LastDecision { at: at(7), kind: EntryKind::Passage, sequence: Sequence(117) }),
        store: Some(figures(end)),
        store_fault: None,
        queue: 0,
        not_recorded: 0,
        disk_state: None,
        disk: Some(DiskRoom { free_bytes: 20 << 30, total_bytes: 30 << 30 }),
        clock: ClockState::Synchronised,
        ledger: Some(end),
        attention: Vec::new(),
    }
}

fn utc() -> SiteZone {
    "UTC".parse().unwrap()
}

#[test]
fn all_of_it_is_said_in_lines_and_in_an_object() {
    let said = ran(false, |out| run(&health(), utc(), out));
    let expected = "\
engine      runs
source      front door: streaming, 640x480, 15.0 a second, 900 frames, 3 dropped
nets        default on CPU
decision    2026-03-02 07:00:07, identified, entry 117
store       1.6 MB, 12 people, 24 templates, never backed up
queue       0 entries wait for the store
disk        21.5 GB of 32.2 GB free
clock       synchronised
ledger      entry 118, abababababababababababababababababababababababababababababababab
attention   nothing
";
    assert_eq!((said.code, said.out.as_str()), (0, expected));
    let object: serde_json::Value =
        serde_json::from_str(&ran(true, |out| run(&health(), utc(), out)).out).unwrap();
    assert_eq!(
        (&object["kind"], &object["sources"][0]["frames"], &object["ledger"]["sequence"]),
        (&"status".into(), &900.into(), &118.into())
    );
    assert_eq!(
        (&object["attention"], &object["last_decision"]["kind"]),
        (&serde_json::json!([]), &"passage".into())
    );
}

#[test]
fn a_monitor_tells_well_from_attention_from_no_engine() {
    let mut health = health();
    health.attention.push("front door is lost: unplugged".to_owned());
    let said = ran(false, |out| run(&health, utc(), out));
    assert_eq!(said.code, 1);
    assert!(said.out.ends_with("attention   front door is lost: unplugged\n"), "{}", said.out);
    health.is_running = false;
    let said = ran(false, |out| run(&health, utc(), out));
    assert_eq!(said.code, 3);
    assert!(said.out.starts_with("engine      does not run"), "{}", said.out);
}
