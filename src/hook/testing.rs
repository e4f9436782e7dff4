//! What tests of hooks share.

use std::time::Duration;

use chrono::TimeDelta;
use ulid::Ulid;

use super::{Hook, Target, Wanted};
use crate::attendance::{PersonId, PresenceState};
use crate::engine::NamedEntry;
use crate::ledger::{
    Actor, ClockState, Entry, EntryId, EntryKind, Head, NotePart, Parts, RecordDetails, RecordPart, Sequence,
    TerminalId,
};

pub(super) fn hook() -> Hook {
    Hook {
        name: "payroll".to_owned(),
        target: Target::Program { program: "true".to_owned(), arguments: Vec::new() },
        wanted: Wanted { all: false, kinds: EntryKind::ATTENDANCE.to_vec() },
        names: false,
        timeout: Duration::from_secs(60),
        give_up_after: None,
    }
}

pub(super) fn entry(sequence: u64, kind: EntryKind, record: Option<RecordPart>) -> Entry {
    Entry {
        head: Head {
            terminal: TerminalId(Ulid(1)),
            sequence: Sequence(sequence),
            id: EntryId(Ulid(1000 + u128::from(sequence))),
            at: "2026-03-02T08:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()
                + TimeDelta::seconds(sequence as i64),
            clock: ClockState::Synchronised,
            moment: None,
            kind,
            actor: Actor::Door,
            operator_key: None,
            parts: [None; 3],
        },
        parts: Parts { record, note: Some(NotePart { text: "secret note".to_owned() }), ..Parts::default() },
    }
}

pub(super) fn passage(sequence: u64, name: &str) -> NamedEntry {
    let person = PersonId(Ulid(5));
    let details = RecordDetails { source: Some("yard".to_owned()), ..RecordDetails::default() };
    let record = RecordPart { details, ..RecordPart::new(person, Some(PresenceState::Present)) };
    let entry = entry(sequence, EntryKind::Passage, Some(record));
    NamedEntry::new(entry, |_| Some(name.parse().unwrap()))
}
