//! Corrections, operators and cursors.

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use super::super::{Change, ChangePoint, KeptRecords, Store, Transaction};
use super::{at_us, draft, entries, person};
use crate::access::{Operator, OperatorId, Role};
use crate::attendance::{PersonId, PresenceState};
use crate::ledger::{EntryDraft, EntryKind, Parts, RecordDetails, RecordPart, Sequence};

fn correction(number: u64, at: i64, corrects: Option<u64>, holds_at: i64) -> EntryDraft {
    let details = RecordDetails {
        corrects: corrects.map(Sequence),
        holds_at: Some(at_us(holds_at)),
        ..RecordDetails::default()
    };
    let record = RecordPart { details, ..RecordPart::new(PersonId(Ulid(1)), Some(PresenceState::Left)) };
    let parts = Parts { record: Some(record), ..Parts::default() };
    EntryDraft { kind: EntryKind::Corrected, parts, ..draft(number, at_us(at), None) }
}

pub(super) fn records_come_with_their_corrections(store: &mut impl Store) {
    let people = vec![Change::PersonPut(person(1, None))];
    let drafts = vec![
        draft(1, at_us(10), Some(1)),
        draft(2, at_us(1_000), Some(1)),
        // Written long after, about the first; then a correction of that; and one that adds something.
        correction(3, 2_000, Some(1), 500),
        correction(4, 3_000, Some(3), 700),
        correction(5, 4_000, None, 20),
        // Of an entry that there is not.
        correction(6, 5_000, Some(99), 30),
    ];
    store.commit(Transaction { changes: people, entries: drafts }).unwrap();
    let between = |store: &dyn Store, from, until| -> Vec<u64> {
        let found = store.records_between(at_us(from), at_us(until)).unwrap();
        found.iter().map(|entry| entry.head.sequence.0).collect()
    };
    // By the entry's own time, or by the time that a record speaks of; all of its corrections come along.
    assert_eq!(between(store, 0, 15), [1, 3, 4]);
    assert_eq!(between(store, 600, 800), [1, 3, 4]);
    assert_eq!(between(store, 15, 100), [5, 6]);
    assert_eq!(between(store, 1_000, 1_001), [2]);
    assert_eq!(between(store, 2_000, 2_001), [1, 3, 4]);
    assert_eq!(between(store, 60, 60), [0u64; 0]);
    let held = |from, until| -> Vec<u64> {
        let found = store.held_between(at_us(from), at_us(until)).unwrap();
        found.iter().map(|entry| entry.head.sequence.0).collect()
    };
    assert_eq!(held(0, 15), [0u64; 0]);
    assert_eq!((held(15, 600), held(700, 5_001)), (vec![1, 3, 4, 5, 6], vec![1, 3, 4]));
    let all = store.records_between(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).unwrap();
    assert_eq!(all, store.entries_since(Sequence(0), 99).unwrap());
}

pub(super) fn an_erasure_takes_corrections_with_it(store: &mut impl Store) {
    records_come_with_their_corrections(store);
    let entry =
        EntryDraft { kind: EntryKind::Erased, parts: Parts::default(), ..draft(7, at_us(6_000), None) };
    let (person, strangers) = (PersonId(Ulid(1)), Vec::new());
    store.erase(super::super::Erasure { person, keeps: KeptRecords::None, strangers, entry }).unwrap();
    // By the times that their records spoke of nothing is found any more.
    assert_eq!(store.records_between(at_us(500), at_us(900)).unwrap(), []);
    let first = store.records_between(at_us(10), at_us(11)).unwrap();
    assert_eq!(first.iter().map(|entry| entry.head.sequence.0).collect::<Vec<_>>(), [1]);
    store.verify().unwrap();
}

pub(super) fn operators_are_in_the_feed(store: &mut impl Store) {
    let operator = |id, name: &str, role| Operator {
        id: OperatorId(Ulid(id)),
        name: name.parse().unwrap(),
        role,
        uid: Some(1000),
        key: Some(include_str!("../../access/public_key/keys/ed25519.pub").trim_end().parse().unwrap()),
        added_at: at_us(5),
    };
    let commit = |store: &mut dyn Store, change| {
        store.commit(Transaction { changes: vec![change], entries: vec![] }).unwrap().point
    };
    let finer =
        Operator { added_at: at_us(5) + TimeDelta::nanoseconds(7), ..operator(1, "Ana", Role::Admin) };
    let first = commit(store, Change::OperatorPut(finer));
    commit(store, Change::OperatorPut(operator(2, "Bo", Role::Observer)));
    let bo = operator(2, "Bo", Role::Operator);
    commit(store, Change::OperatorPut(bo.clone()));
    let since = |store: &dyn Store, point| store.changes_since(point).unwrap().changes;
    let ana = operator(1, "Ana", Role::Admin);
    assert_eq!(
        since(store, ChangePoint(0)),
        [Change::OperatorPut(ana), Change::OperatorPut(bo.clone())],
        "each once, as it is now, and to the microsecond"
    );
    assert_eq!(since(store, first), [Change::OperatorPut(bo.clone())]);
    let point = commit(store, Change::OperatorRemoved(bo.id));
    assert_eq!(since(store, first), [Change::OperatorRemoved(bo.id)]);
    assert_eq!(since(store, ChangePoint(0)).len(), 1);
    // Nobody to be removed: nothing changes.
    assert_eq!(commit(store, Change::OperatorRemoved(bo.id)), point);
}

pub(super) fn cursors_are_kept_and_in_no_feed(store: &mut impl Store) {
    let put =
        |name: &str, sequence| Change::CursorPut { name: name.to_owned(), sequence: Sequence(sequence) };
    assert_eq!(store.cursor("hook").unwrap(), None);
    let before = store.commit(entries(vec![draft(1, at_us(1), None)])).unwrap().point;
    let changes = vec![put("hook", 1), put("other", 2), put("hook", 3)];
    let after = store.commit(Transaction { changes, entries: vec![] }).unwrap().point;
    assert!(after > before, "that the point moved tells that they were written");
    assert_eq!(store.cursor("hook").unwrap(), Some(Sequence(3)));
    assert_eq!(store.cursor("other").unwrap(), Some(Sequence(2)));
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes, []);
}
