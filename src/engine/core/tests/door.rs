//! In by an identifier, with and without a PIN, and how nobody finds out who exists.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::register::set_pin;
use super::stand_ins::*;
use super::{Actor, Command, CommandError, EntryKind, Store};
use crate::attendance::import::ImportRow;
use crate::attendance::{AttendanceRules, ClockMode, IdentifierUse, Method, PersonId, PresenceState};
use crate::engine::command::door::{DoorCommand, DoorError, DoorReply, TypedIdentifier, TypedPin};
use crate::engine::environment::Clock;
use crate::engine::{EngineHandle, EngineParts, Reply, RunningEngine, start};
use crate::ledger::ClockState;

/// A clock that the test moves.
#[derive(Clone)]
struct MovedClock(Arc<Mutex<DateTime<Utc>>>);

impl MovedClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(StillClock.now())))
    }

    fn go_on(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn state(&self) -> ClockState {
        ClockState::Synchronised
    }
}

fn rules(identifier: IdentifierUse) -> AttendanceRules {
    AttendanceRules { identifier, ..AttendanceRules::default() }
}

fn opened(store: &SharedStore, rules: AttendanceRules, clock: &MovedClock) -> (RunningEngine, EngineHandle) {
    let mut parts = EngineParts { clock: Arc::new(clock.clone()), ..parts(store) };
    parts.settings.rules = Arc::new(rules);
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    (engine, handle)
}

/// Ana is 7, and on the roster without a picture.
fn ana(handle: &EngineHandle) -> PersonId {
    let row = ImportRow::new("Ana".parse().unwrap(), Some("7".parse().unwrap()));
    super::register::import(handle, vec![row], false);
    handle.snapshot().roster.rows[0].person
}

fn comes(handle: &EngineHandle, identifier: &str, pin: Option<&str>) -> Result<DoorReply, CommandError> {
    let pin = pin.map(|pin| TypedPin(pin.to_owned().into()));
    let identifier = TypedIdentifier(identifier.to_owned());
    match handle.call(Command::Door(DoorCommand::CheckIn { identifier, pin }))? {
        Reply::Door(reply) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

fn is_recorded(reply: &DoorReply, expected: PresenceState) -> bool {
    matches!(reply, DoorReply::Recorded { state, again: false, .. } if *state == expected)
}

#[test]
fn an_identifier_alone_is_enough_where_the_site_says_so() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Identifier), &clock);
    let id = ana(&handle);
    assert!(is_recorded(&comes(&handle, " 7 ", None).unwrap(), PresenceState::Present));
    assert_eq!(handle.snapshot().roster.rows[0].presence.unwrap().state, PresenceState::Present);
    // Within the debounce it is the same passage.
    assert!(matches!(comes(&handle, "7", None), Ok(DoorReply::Recorded { again: true, .. })));
    assert_eq!(comes(&handle, "8", None), Ok(DoorReply::Refused));
    engine.stop();
    let entries = store.entries();
    let passage = entries.iter().find(|entry| entry.head.kind == EntryKind::Passage).unwrap();
    let record = passage.parts.record.as_ref().unwrap();
    assert_eq!((record.person, record.details.method), (id, Some(Method::Identifier)));
    assert!(passage.parts.evidence.is_none() && passage.head.actor == Actor::Door);
    assert_eq!((store.count(EntryKind::Passage), store.count(EntryKind::IdentifierRefused)), (1, 1));
    store.verify().unwrap();
}

#[test]
fn where_identifiers_are_off_nothing_is_asked() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    ana(&handle);
    assert_eq!(comes(&handle, "7", None), Err(DoorError::Off.into()));
    engine.stop();
    assert_eq!(store.count(EntryKind::IdentifierRefused), 0);
}

#[test]
fn a_pin_is_wanted_of_everybody_and_who_is_unknown_is_told_no_more_than_who_is_wrong() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Pin), &clock);
    let id = ana(&handle);
    set_pin(&handle, id, "2468").unwrap();
    for identifier in ["7", "8", "", "a\u{7}b"] {
        assert_eq!(comes(&handle, identifier, None), Ok(DoorReply::PinWanted), "{identifier:?}");
    }
    assert_eq!(comes(&handle, "7", Some("2469")), Ok(DoorReply::Refused));
    assert_eq!(comes(&handle, "7", Some("abc")), Ok(DoorReply::Refused));
    assert_eq!(comes(&handle, "8", Some("2468")), Ok(DoorReply::Refused));
    // A PIN alone is nobody, also where it is typed as an identifier.
    assert_eq!(comes(&handle, "", Some("2468")), Ok(DoorReply::Refused));
    assert_eq!(comes(&handle, "2468", Some("2468")), Ok(DoorReply::Refused));
    // Nobody's hash is of this PIN.
    assert_eq!(comes(&handle, "9", Some("0000")), Ok(DoorReply::Refused));
    assert!(is_recorded(&comes(&handle, "7", Some("2468")).unwrap(), PresenceState::Present));
    engine.stop();
    let entries = store.entries();
    let record = entries.last().unwrap().parts.record.clone().unwrap();
    assert_eq!(record.details.method, Some(Method::IdentifierAndPin));
    let said = format!("{entries:?}");
    assert!(!said.contains("2468") && !said.contains("2469"), "{said}");
    let refused: Vec<bool> = entries
        .iter()
        .filter(|entry| entry.head.kind == EntryKind::IdentifierRefused)
        .map(|entry| entry.parts.record.is_some())
        .collect();
    assert_eq!(refused, [true, true, false, false, false, false]);
    store.verify().unwrap();
}

#[test]
fn who_has_no_pin_is_refused_with_words_for_the_operator_alone() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Pin), &clock);
    ana(&handle);
    assert_eq!(comes(&handle, "7", Some("0000")), Ok(DoorReply::Refused));
    engine.stop();
    let note = store.entries().last().unwrap().parts.note.clone().unwrap();
    assert!(note.text.contains("muster roster pin"), "{}", note.text);
}

#[test]
fn wrong_tries_wait_longer_and_longer_and_a_restart_is_no_fresh_start() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (first, handle) = opened(&store, rules(IdentifierUse::Pin), &clock);
    let id = ana(&handle);
    set_pin(&handle, id, "2468").unwrap();
    for _ in 0..3 {
        assert_eq!(comes(&handle, "7", Some("1357")), Ok(DoorReply::Refused));
    }
    // Not even the right one, until the wait is over.
    assert_eq!(comes(&handle, "7", Some("2468")), Ok(DoorReply::Wait { seconds: 15 }));
    clock.go_on(5);
    first.stop();
    let (engine, handle) = opened(&store, rules(IdentifierUse::Pin), &clock);
    assert_eq!(comes(&handle, "7", Some("2468")), Ok(DoorReply::Wait { seconds: 10 }));
    assert_eq!(comes(&handle, "8", None), Ok(DoorReply::PinWanted), "others need not wait");
    clock.go_on(10);
    assert!(is_recorded(&comes(&handle, "7", Some("2468")).unwrap(), PresenceState::Present));
    assert_eq!(comes(&handle, "7", Some("1357")), Ok(DoorReply::Refused));
    assert_eq!(comes(&handle, "7", None), Ok(DoorReply::PinWanted), "being right forgot the tries before");
    engine.stop();
}

#[test]
fn a_passage_says_what_the_clock_says_and_a_full_disk_is_told() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let toggling = AttendanceRules { clock: ClockMode::Toggle, ..rules(IdentifierUse::Identifier) };
    let (engine, handle) = opened(&store, toggling, &clock);
    ana(&handle);
    assert!(is_recorded(&comes(&handle, "7", None).unwrap(), PresenceState::Present));
    clock.go_on(3600);
    assert!(is_recorded(&comes(&handle, "7", None).unwrap(), PresenceState::Left));
    clock.go_on(3600);
    store.fails.store(true, Ordering::SeqCst);
    assert!(matches!(comes(&handle, "7", None), Ok(DoorReply::NotSaved { .. })));
    store.fails.store(false, Ordering::SeqCst);
    engine.stop();
    assert_eq!(store.count(EntryKind::Passage), 3, "it is tried again");
    store.verify().unwrap();
}

/// What somebody at the door is told, once it has come.
fn at_the_door(handle: &EngineHandle, identifier: &str) -> crate::engine::handle::PendingReply {
    let identifier = TypedIdentifier(identifier.to_owned());
    handle.send(Command::Door(DoorCommand::CheckIn { identifier, pin: None }))
}

fn told(pending: crate::engine::handle::PendingReply) -> DoorReply {
    match pending.wait() {
        Ok(Reply::Door(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_comes_again_before_the_first_record_is_on_disk_is_told_no_more_than_is_so() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Identifier), &clock);
    ana(&handle);
    let held = store.hold();
    let (first, second) = (at_the_door(&handle, "7"), at_the_door(&handle, "7"));
    // Whatever was sent before has been looked at once this is answered.
    handle.call(Command::Spaces).unwrap();
    assert!(first.try_take().is_none() && second.try_take().is_none(), "nothing is on disk");
    drop(held);
    assert!(matches!(told(first), DoorReply::Recorded { again: false, .. }));
    assert!(matches!(told(second), DoorReply::Recorded { again: true, .. }));
    clock.go_on(3600);
    store.fails.store(true, Ordering::SeqCst);
    assert!(matches!(comes(&handle, "7", None), Ok(DoorReply::NotSaved { .. })));
    assert!(matches!(comes(&handle, "7", None), Ok(DoorReply::NotSaved { .. })), "nor the second time");
    store.fails.store(false, Ordering::SeqCst);
    engine.stop();
    assert_eq!(store.count(EntryKind::Passage), 2);
}

/// Ana, who is 7, and Ben, who is 8.
fn ana_and_ben(handle: &EngineHandle) -> PersonId {
    let id = ana(handle);
    let ben = ImportRow::new("Ben".parse().unwrap(), Some("8".parse().unwrap()));
    super::register::import(handle, vec![ben], false);
    id
}

fn erasure_of(person: PersonId) -> Command {
    Command::Erase { person, keeps: crate::store::KeptRecords::None }
}

fn passages_of(store: &SharedStore, person: PersonId) -> usize {
    let passages = store.entries().into_iter().filter(|entry| entry.head.kind == EntryKind::Passage);
    passages.filter(|entry| entry.parts.record.as_ref().is_some_and(|record| record.person == person)).count()
}

#[test]
fn what_is_queued_about_somebody_while_they_are_erased_is_not_written_and_others_lose_nothing() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Identifier), &clock);
    let id = ana_and_ben(&handle);
    let held = store.hold();
    let erased = handle.send(erasure_of(id));
    handle.call(Command::Spaces).unwrap();
    let (of_ana, of_ben) = (at_the_door(&handle, "7"), at_the_door(&handle, "8"));
    handle.call(Command::Spaces).unwrap();
    drop(held);
    assert!(matches!(erased.wait(), Ok(Reply::Erased(_))));
    assert!(matches!(told(of_ana), DoorReply::NotSaved { .. }));
    assert!(is_recorded(&told(of_ben), PresenceState::Present));
    engine.stop();
    assert_eq!((store.count(EntryKind::Passage), passages_of(&store, id)), (1, 0));
    store.verify().unwrap();
}

#[test]
fn an_erasure_that_fails_loses_nothing_of_what_waits() {
    let (store, clock) = (SharedStore::new(), MovedClock::new());
    let (engine, handle) = opened(&store, rules(IdentifierUse::Identifier), &clock);
    let id = ana_and_ben(&handle);
    store.fails_erasures.store(true, Ordering::SeqCst);
    let held = store.hold();
    // On its way before the erasure, which goes before what is queued behind it.
    let of_ben = at_the_door(&handle, "8");
    handle.call(Command::Spaces).unwrap();
    let erased = handle.send(erasure_of(id));
    let of_ana = at_the_door(&handle, "7");
    handle.call(Command::Spaces).unwrap();
    drop(held);
    assert!(matches!(erased.wait(), Err(CommandError::Store { .. })));
    assert!(is_recorded(&told(of_ben), PresenceState::Present));
    assert!(is_recorded(&told(of_ana), PresenceState::Present));
    engine.stop();
    assert_eq!(passages_of(&store, id), 1);
    store.verify().unwrap();
}
