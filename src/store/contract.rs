//! What every store must do, run on each of them.

pub(super) mod beside;
mod records;
mod retention;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use ulid::Ulid;

use super::*;
use crate::attendance::PresenceState;
use crate::face::{Embedding, EmbeddingSpace, TemplateId};
use crate::ledger::{
    Actor, ClockState, EntryId, EntryKind, NotePart, PartKind, Parts, RecordPart, Sha256Digest,
};

pub(super) const TERMINAL: TerminalId = TerminalId(Ulid(0x7e));

/// Damages a store behind its back.
pub(super) trait Tamper: Store {
    fn change_head(&mut self, sequence: u64, change: impl FnOnce(&mut Vec<u8>));
    fn drop_head(&mut self, sequence: u64);
    fn change_part(&mut self, sequence: u64, kind: PartKind, change: impl FnOnce(&mut Vec<u8>));
    fn drop_part(&mut self, sequence: u64, kind: PartKind);
}

impl Tamper for MemoryStore {
    fn change_head(&mut self, sequence: u64, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.heads.get_mut(&sequence).unwrap().0);
    }

    fn drop_head(&mut self, sequence: u64) {
        self.heads.remove(&sequence).unwrap();
    }

    fn change_part(&mut self, sequence: u64, kind: PartKind, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.parts.get_mut(&(sequence, kind as u8)).unwrap().bytes);
    }

    fn drop_part(&mut self, sequence: u64, kind: PartKind) {
        self.parts.remove(&(sequence, kind as u8)).unwrap();
    }
}

pub(super) fn person(id: u128, identifier: Option<&str>) -> Person {
    Person {
        id: PersonId(Ulid(id)),
        name: format!("Person {id}").parse().unwrap(),
        identifier: identifier.map(|text| text.parse().unwrap()),
        created_at: DateTime::UNIX_EPOCH,
        removed_at: None,
        particulars: crate::attendance::Particulars::default(),
    }
}

pub(super) fn ended(person: &Person) -> Person {
    Person { removed_at: Some(DateTime::UNIX_EPOCH + TimeDelta::days(1)), ..person.clone() }
}

pub(super) fn template(id: u128, owner: u128) -> Template {
    Template {
        id: TemplateId(Ulid(id)),
        person: PersonId(Ulid(owner)),
        space: EmbeddingSpace([9; 32]),
        embedding: Embedding::normalised(vec![1.0, id as f32, -2.0]).unwrap(),
    }
}

pub(super) fn at_us(microseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(microseconds).unwrap()
}

/// An entry with a record about person `about` and a note.
pub(super) fn draft(number: u64, at: DateTime<Utc>, about: Option<u128>) -> EntryDraft {
    EntryDraft {
        id: EntryId(Ulid(u128::from(number))),
        at,
        clock: ClockState::Synchronised,
        moment: None,
        kind: EntryKind::Passage,
        actor: Actor::Door,
        operator_key: None,
        parts: Parts {
            record: about.map(|id| RecordPart::new(PersonId(Ulid(id)), Some(PresenceState::Present))),
            note: Some(NotePart { text: format!("note {number}") }),
            ..Parts::default()
        },
        salts: [[1; 16], [2; 16], number.to_be_bytes().repeat(2).try_into().unwrap()],
    }
}

fn changes(changes: Vec<Change>) -> Transaction {
    Transaction { changes, entries: vec![] }
}

pub(super) fn entries(entries: Vec<EntryDraft>) -> Transaction {
    Transaction { changes: vec![], entries }
}

/// What a replica ends up with.
type Gist = (BTreeMap<PersonId, Person>, BTreeMap<TemplateId, Template>, BTreeMap<StrangerId, Stranger>);

fn gist(store: &impl Store) -> Gist {
    let (mut people, mut templates, mut strangers) = Gist::default();
    for change in store.changes_since(ChangePoint(0)).unwrap().changes {
        match change {
            Change::PersonPut(person) => drop(people.insert(person.id, person)),
            Change::TemplatePut(template) => drop(templates.insert(template.id, template)),
            Change::StrangerPut(stranger) => drop(strangers.insert(stranger.id, stranger)),
            other => panic!("before the point 0 there was nothing: {other:?}"),
        }
    }
    (people, templates, strangers)
}

fn refusal(store: &mut impl Store, transaction: Transaction) -> String {
    let before =
        (gist(store), store.chain_head().unwrap(), store.changes_since(ChangePoint(0)).unwrap().point);
    let said = match store.commit(transaction) {
        Err(StoreError::Refused(said)) => said,
        other => panic!("not refused: {other:?}"),
    };
    let after =
        (gist(store), store.chain_head().unwrap(), store.changes_since(ChangePoint(0)).unwrap().point);
    assert_eq!(before, after, "something of a refused transaction was written");
    said
}

fn new_store_is_empty(store: &mut impl Tamper) {
    assert_eq!(store.terminal(), TERMINAL);
    assert_eq!(store.chain_head().unwrap(), ChainHead::empty(TERMINAL));
    assert_eq!(store.verify().unwrap(), ChainHead::empty(TERMINAL));
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap(), Changes::default());
    assert_eq!(store.entries_since(Sequence(0), 9).unwrap(), []);
    assert_eq!(store.entries_before(Sequence(u64::MAX), 9).unwrap(), []);
    let nothing = store.commit(Transaction::default()).unwrap();
    assert_eq!(nothing, Committed { point: ChangePoint(0), entries: vec![] });
}

fn entries_are_read_back_in_every_way(store: &mut impl Tamper) {
    // The clock was set back before the third, and the last two share a time.
    let times = [10, 20, 15, 30, 30];
    let drafts: Vec<EntryDraft> =
        (1..=5).zip(times).map(|(n, us)| draft(n, at_us(us), (n % 2 == 1).then_some(7))).collect();
    let mut written = store.commit(entries(drafts[..2].to_vec())).unwrap().entries;
    written.extend(store.commit(entries(drafts[2..].to_vec())).unwrap().entries);
    for (entry, draft) in written.iter().zip(&drafts) {
        assert_eq!((entry.head.id, entry.head.at, &entry.parts), (draft.id, draft.at, &draft.parts));
    }
    let sequences =
        |entries: Vec<Entry>| entries.iter().map(|entry| entry.head.sequence.0).collect::<Vec<u64>>();
    assert_eq!(store.entries_since(Sequence(0), 100).unwrap(), written);
    assert_eq!(sequences(store.entries_since(Sequence(2), 2).unwrap()), [3, 4]);
    assert_eq!(sequences(store.entries_since(Sequence(4), 2).unwrap()), [5]);
    assert_eq!(store.entries_since(Sequence(5), 2).unwrap(), []);
    assert_eq!(store.entries_since(Sequence(0), 0).unwrap(), []);
    assert_eq!(store.entries_since(Sequence(u64::MAX), 2).unwrap(), []);
    assert_eq!(sequences(store.entries_before(Sequence(4), 2).unwrap()), [3, 2]);
    assert_eq!(sequences(store.entries_before(Sequence(u64::MAX), 1).unwrap()), [5]);
    assert_eq!(store.entries_before(Sequence(0), 2).unwrap(), []);
    let between = |from, until| sequences(store.entries_between(from, until).unwrap());
    assert_eq!(between(at_us(0), at_us(100)), [1, 3, 2, 4, 5]);
    assert_eq!(between(at_us(10), at_us(20)), [1, 3]);
    assert_eq!(between(at_us(11), at_us(21)), [3, 2]);
    assert_eq!(between(at_us(30), at_us(30)), [0u64; 0]);
    assert_eq!(between(at_us(31), at_us(5)), [0u64; 0]);
    assert_eq!(between(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC), [1, 3, 2, 4, 5]);
    // Bounds finer than a microsecond.
    let nanosecond = TimeDelta::nanoseconds(1);
    assert_eq!(between(at_us(10) + nanosecond, at_us(20) + nanosecond), [3, 2]);
    assert_eq!(between(at_us(10) - nanosecond, at_us(20) - nanosecond), [1, 3]);
    let of = |id| store.sequences_of(PersonId(Ulid(id))).unwrap();
    assert_eq!(of(7), [1, 3, 5].map(Sequence));
    assert_eq!((of(6), of(8)), (vec![], vec![]));
    assert_eq!(store.chain_head().unwrap(), store.verify().unwrap());
    assert_eq!(store.chain_head().unwrap().sequence, Sequence(5));
}

fn times_are_cut_to_the_microsecond(store: &mut impl Tamper) {
    let fine = DateTime::from_timestamp_nanos(1_234_567_891);
    let cut = DateTime::from_timestamp_nanos(1_234_567_000);
    let mut ana = ended(&person(1, None));
    (ana.created_at, ana.removed_at) = (fine, Some(fine));
    let both = Transaction { changes: vec![Change::PersonPut(ana)], entries: vec![draft(1, fine, None)] };
    assert_eq!(store.commit(both).unwrap().entries[0].head.at, cut);
    assert_eq!(store.entries_since(Sequence(0), 1).unwrap()[0].head.at, cut);
    let read = gist(store).0.remove(&PersonId(Ulid(1))).unwrap();
    assert_eq!((read.created_at, read.removed_at), (cut, Some(cut)));
    store.verify().unwrap();
}

fn contradictions_are_refused_whole(store: &mut impl Tamper) {
    let ana = person(1, Some("A"));
    store
        .commit(changes(vec![Change::PersonPut(ana.clone()), Change::TemplatePut(template(10, 1))]))
        .unwrap();
    let with_entry = |changes| Transaction { changes, entries: vec![draft(1, at_us(1), None)] };
    let said = refusal(
        store,
        with_entry(vec![Change::PersonPut(person(2, None)), Change::TemplatePut(template(11, 3))]),
    );
    assert!(said.contains("who is not there"), "{said}");
    let said = refusal(store, with_entry(vec![Change::PersonPut(person(2, Some("A")))]));
    assert!(said.contains("identifier of person"), "{said}");
    assert!(!said.contains("Person"), "a name is in the message: {said}");
    let twice = vec![Change::PersonPut(person(2, Some("B"))), Change::PersonPut(person(3, Some("B")))];
    refusal(store, with_entry(twice));
    let said = refusal(store, with_entry(vec![Change::PersonPut(ended(&ana))]));
    assert!(said.contains("is not removed"), "{said}");
    let remove = vec![Change::PersonPut(ended(&ana)), Change::TemplateRemoved(TemplateId(Ulid(10)))];
    store.commit(changes(remove)).unwrap();
    let said = refusal(store, with_entry(vec![Change::TemplatePut(template(12, 1))]));
    assert!(said.contains("has ended"), "{said}");
    let mut late = draft(1, at_us(1), None);
    late.at = DateTime::<Utc>::MAX_UTC;
    // The end of the calendar itself can be told in microseconds.
    store.commit(entries(vec![late])).unwrap();
    store.verify().unwrap();
}

fn identifiers_are_unique_among_active_people_only(store: &mut impl Tamper) {
    let (ana, bo) = (person(1, Some("A")), person(2, Some("B")));
    store.commit(changes(vec![Change::PersonPut(ana.clone()), Change::PersonPut(bo.clone())])).unwrap();
    // Putting somebody again with what they have is no conflict.
    store.commit(changes(vec![Change::PersonPut(ana.clone())])).unwrap();
    // Swapped within one transaction.
    let swapped = vec![Change::PersonPut(person(1, Some("B"))), Change::PersonPut(person(2, Some("A")))];
    store.commit(changes(swapped)).unwrap();
    refusal(store, changes(vec![Change::PersonPut(person(3, Some("A")))]));
    // One whose enrolment ended gives it up, and cannot come back with it once it is taken.
    store.commit(changes(vec![Change::PersonPut(ended(&person(2, Some("A"))))])).unwrap();
    store.commit(changes(vec![Change::PersonPut(person(3, Some("A")))])).unwrap();
    refusal(store, changes(vec![Change::PersonPut(person(2, Some("A")))]));
    // Given up by having none.
    store.commit(changes(vec![Change::PersonPut(person(3, None))])).unwrap();
    store.commit(changes(vec![Change::PersonPut(person(2, Some("A")))])).unwrap();
}

fn the_feed_is_compacted(store: &mut impl Tamper) {
    let ana = person(1, None);
    let first = store.commit(changes(vec![Change::PersonPut(ana.clone())])).unwrap().point;
    store
        .commit(changes(vec![Change::TemplatePut(template(10, 1)), Change::TemplatePut(template(11, 1))]))
        .unwrap();
    let renamed = person(1, Some("7"));
    store.commit(changes(vec![Change::PersonPut(renamed.clone())])).unwrap();
    let now = |point| store.changes_since(point).unwrap().changes;
    // The person has one place in the feed, that of the last change.
    let expected = [
        Change::TemplatePut(template(10, 1)),
        Change::TemplatePut(template(11, 1)),
        Change::PersonPut(renamed),
    ];
    assert_eq!(now(ChangePoint(0)), expected);
    assert_eq!(now(first), expected);
    let gone = TemplateId(Ulid(10));
    let last = store.commit(changes(vec![Change::TemplateRemoved(gone)])).unwrap().point;
    let now = |point| store.changes_since(point).unwrap().changes;
    assert_eq!(now(ChangePoint(0)), expected[1..]);
    assert_eq!(now(first), [&expected[1..], &[Change::TemplateRemoved(gone)]].concat());
    assert_eq!(now(last), []);
    assert_eq!(now(ChangePoint(u64::MAX)), []);
    // Neither removing it again nor a template that comes and goes at once is a change.
    let flash = vec![
        Change::TemplateRemoved(gone),
        Change::TemplatePut(template(12, 1)),
        Change::TemplateRemoved(TemplateId(Ulid(12))),
    ];
    assert_eq!(store.commit(changes(flash)).unwrap().point, last);
}

/// `verdict_of` gives the verdict on a new store.
fn verify_finds_every_fault(verdict_of: impl Fn(Fault) -> ChainFault) {
    let sequence = Sequence(2);
    let part = PartKind::Note;
    for (fault, expected) in [
        (Fault::HeadByte, ChainFault::Hash { sequence }),
        (Fault::NoHead(2), ChainFault::Gap { expected: sequence, found: Sequence(3) }),
        (Fault::NoHead(1), ChainFault::Gap { expected: Sequence(1), found: sequence }),
        (Fault::PartByte, ChainFault::Part { sequence, part }),
        (Fault::NoPart, ChainFault::MissingPart { sequence, part }),
        (Fault::NoHead(3), ChainFault::End { kept: Sequence(3), found: sequence }),
    ] {
        assert_eq!(verdict_of(fault), expected, "{fault:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    HeadByte,
    NoHead(u64),
    PartByte,
    NoPart,
}

/// What `verify` says of three entries after a fault.
fn verdict(store: &mut impl Tamper, fault: Fault) -> ChainFault {
    store.commit(entries((1..=3).map(|n| draft(n, at_us(5), Some(1))).collect())).unwrap();
    store.verify().unwrap();
    match fault {
        Fault::HeadByte => store.change_head(2, |bytes| bytes[45] ^= 1),
        Fault::NoHead(sequence) => store.drop_head(sequence),
        Fault::PartByte => store.change_part(2, PartKind::Note, |bytes| bytes[3] ^= 1),
        Fault::NoPart => store.drop_part(2, PartKind::Note),
    }
    match store.verify() {
        Err(StoreError::Chain(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// One step of a random history: what is done to whom.
fn any_change() -> impl Strategy<Value = Change> {
    let (people, templates) = (0u128..5, 10u128..16);
    let identifier = prop::option::of("[AB]");
    prop_oneof![
        3 => (people.clone(), identifier.clone()).prop_map(|(id, i)| Change::PersonPut(person(id, i.as_deref()))),
        1 => (people.clone(), identifier).prop_map(|(id, i)| Change::PersonPut(ended(&person(id, i.as_deref())))),
        3 => (templates.clone(), people).prop_map(|(id, owner)| Change::TemplatePut(template(id, owner))),
        2 => templates.clone().prop_map(|id| Change::TemplateRemoved(TemplateId(Ulid(id)))),
        2 => (templates.clone(), any::<u8>()).prop_map(|(id, content)| beside::crop_put(id, content)),
        1 => templates.prop_map(|id| Change::CropRemoved(TemplateId(Ulid(id)))),
        2 => (0u128..3, any::<u8>()).prop_map(|(id, content)| Change::StrangerPut(beside::stranger(id, content))),
        1 => (0u128..3).prop_map(|id| Change::StrangerRemoved(StrangerId(Ulid(id)))),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<(Transaction, bool)>> {
    let entry = (0i64..50, prop::option::of(0u128..5)).prop_map(|(us, about)| draft(1, at_us(us), about));
    let transaction = (prop::collection::vec(any_change(), 0..4), prop::collection::vec(entry, 0..3))
        .prop_map(|(changes, entries)| Transaction { changes, entries });
    prop::collection::vec((transaction, any::<bool>()), 1..25)
}

/// Runs a random history on `store` and on the store in memory: both answer the same, and a
/// replica that asks for changes now and then ends up with the same people and templates.
fn replay(store: &mut impl Store, history: Vec<(Transaction, bool)>) -> Result<(), TestCaseError> {
    let mut model = MemoryStore::new(TERMINAL);
    let mut replica = MemoryStore::new(TerminalId(Ulid(1)));
    let mut point = ChangePoint(0);
    for (transaction, ask) in history {
        match (store.commit(transaction.clone()), model.commit(transaction)) {
            (Ok(committed), Ok(expected)) => prop_assert_eq!(committed, expected),
            (Err(StoreError::Refused(said)), Err(StoreError::Refused(expected))) => {
                prop_assert_eq!(said, expected);
            }
            other => prop_assert!(false, "one took it and one did not: {:?}", other),
        }
        let news = store.changes_since(point).unwrap();
        prop_assert_eq!(&news, &model.changes_since(point).unwrap());
        prop_assert_eq!(beside::crops(store), beside::crops(&model));
        if ask {
            replica.commit(changes(news.changes)).unwrap();
            point = news.point;
            prop_assert_eq!(gist(&replica), gist(store));
        }
    }
    let all = |store: &dyn Store| {
        let between = store.entries_between(at_us(10), at_us(40)).unwrap();
        let of: Vec<_> = (0..5).map(|id| store.sequences_of(PersonId(Ulid(id))).unwrap()).collect();
        let entries = store.entries_since(Sequence(0), 1000).unwrap();
        (entries, between, of, beside::crops(store), store.verify().unwrap())
    };
    prop_assert_eq!(all(store), all(&model));
    Ok(())
}

fn hash_of_a_known_ledger(store: &mut impl Store) -> Sha256Digest {
    store.commit(entries(vec![draft(1, at_us(1), Some(1)), draft(2, at_us(2), None)])).unwrap();
    store.chain_head().unwrap().hash
}

macro_rules! contract {
    ($name:ident, $make:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn new_store_is_empty() {
                super::new_store_is_empty(&mut $make.1);
            }

            #[test]
            fn entries_are_read_back_in_every_way() {
                super::entries_are_read_back_in_every_way(&mut $make.1);
            }

            #[test]
            fn times_are_cut_to_the_microsecond() {
                super::times_are_cut_to_the_microsecond(&mut $make.1);
            }

            #[test]
            fn contradictions_are_refused_whole() {
                super::contradictions_are_refused_whole(&mut $make.1);
            }

            #[test]
            fn identifiers_are_unique_among_active_people_only() {
                super::identifiers_are_unique_among_active_people_only(&mut $make.1);
            }

            #[test]
            fn the_feed_is_compacted() {
                super::the_feed_is_compacted(&mut $make.1);
            }

            #[test]
            fn crops_lie_beside_their_templates() {
                beside::crops_lie_beside_their_templates(&mut $make.1);
            }

            #[test]
            fn crops_that_cannot_be_are_refused() {
                beside::crops_that_cannot_be_are_refused(&mut $make.1);
            }

            #[test]
            fn items_of_the_inbox_are_in_the_feed() {
                beside::items_of_the_inbox_are_in_the_feed(&mut $make.1);
            }

            #[test]
            fn items_past_their_limits_are_refused() {
                beside::items_past_their_limits_are_refused(&mut $make.1);
            }

            #[test]
            fn records_come_with_their_corrections() {
                records::records_come_with_their_corrections(&mut $make.1);
            }

            #[test]
            fn an_erasure_takes_corrections_with_it() {
                records::an_erasure_takes_corrections_with_it(&mut $make.1);
            }

            #[test]
            fn operators_are_in_the_feed() {
                records::operators_are_in_the_feed(&mut $make.1);
            }

            #[test]
            fn cursors_are_kept_and_in_no_feed() {
                records::cursors_are_kept_and_in_no_feed(&mut $make.1);
            }

            #[test]
            fn what_is_old_goes_with_an_entry_that_names_it() {
                retention::what_is_old_goes_with_an_entry_that_names_it(&mut $make.1);
            }

            #[test]
            fn a_step_looks_at_a_few_and_the_next_goes_on() {
                retention::a_step_looks_at_a_few_and_the_next_goes_on(&mut $make.1);
            }

            #[test]
            fn old_crops_go_and_their_templates_stay() {
                retention::old_crops_go_and_their_templates_stay(&mut $make.1);
            }

            #[test]
            fn verify_finds_every_fault() {
                super::verify_finds_every_fault(|fault| verdict(&mut $make.1, fault));
            }

            /// Frozen: every store, today and later, comes to this hash. From another program
            /// (Python's hashlib) that follows the documented layouts.
            #[test]
            fn the_chain_of_a_known_ledger_is_frozen() {
                let hash = hash_of_a_known_ledger(&mut $make.1);
                assert_eq!(
                    hash.to_string(),
                    "11d6bac84bac5021654d46a62dba99d472a405c6983b39b7a536a81808b9a9ce"
                );
            }

            #[test]
            fn histories_are_answered_as_in_memory_and_bring_a_replica_along() {
                let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
                    cases: 24,
                    failure_persistence: None,
                    ..ProptestConfig::default()
                });
                runner.run(&any_history(), |history| replay(&mut $make.1, history)).unwrap();
            }
        }
    };
}

contract!(memory, ((), MemoryStore::new(TERMINAL)));
contract!(redb, {
    let directory = tempfile::tempdir().unwrap();
    let store =
        RedbStore::open(directory.path(), TERMINAL, &super::crypt::ring::testing::store_key()).unwrap();
    (directory, store)
});
