//! Who belongs here and what is kept of them: changes, PINs, and faces that may not be used.

use super::stand_ins::*;
use super::{Actor, Command, CommandError, EntryKind, Reply, Store, enrol, person, visit};
use crate::attendance::import::{ImportRow, PersonChange, PlannedRow, RowOutcome, Wanted};
use crate::attendance::{FaceUse, PersonId, PinError};
use crate::engine::EngineHandle;
use crate::engine::command::register::{PersonCard, RegisterCommand, RegisterError, RegisterReply};
use crate::ledger::Facts;

pub(super) fn register(
    handle: &EngineHandle,
    command: RegisterCommand,
) -> Result<RegisterReply, CommandError> {
    match handle.call(Command::Register(command))? {
        Reply::Register(reply) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

pub(super) fn import(handle: &EngineHandle, rows: Vec<ImportRow>, dry_run: bool) -> Vec<PlannedRow> {
    match register(handle, RegisterCommand::Import { rows, dry_run }) {
        Ok(RegisterReply::Imported(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

pub(super) fn change(handle: &EngineHandle, person: PersonId, change: PersonChange) -> RegisterReply {
    register(handle, RegisterCommand::Change { person, change }).unwrap()
}

pub(super) fn set_pin(
    handle: &EngineHandle,
    person: PersonId,
    pin: &str,
) -> Result<RegisterReply, CommandError> {
    register(handle, RegisterCommand::SetPin { person, pin: Some(pin.parse().unwrap()) })
}

fn card(handle: &EngineHandle, person: PersonId) -> PersonCard {
    match register(handle, RegisterCommand::Card(person)) {
        Ok(RegisterReply::Card(card)) => *card,
        other => panic!("{other:?}"),
    }
}

fn face(face: FaceUse) -> PersonChange {
    PersonChange { face: Some(face), ..PersonChange::default() }
}

#[test]
fn what_is_changed_is_said_and_on_record_and_an_address_only_as_set() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let wanted = PersonChange {
        identifier: Some("7".parse().unwrap()),
        into: ["4b".parse().unwrap(), "choir".parse().unwrap()].into(),
        email: Wanted::Put("ana@example.org".parse().unwrap()),
        ..PersonChange::default()
    };
    let RegisterReply::Changed { changes, .. } = change(&handle, ana, wanted.clone()) else { panic!() };
    let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["identifier", "groups", "email"]);
    let row = &handle.snapshot().roster.rows[0];
    assert_eq!((row.identifier.as_ref().unwrap().as_str(), row.groups.len()), ("7", 2));
    // The same again is no change and no entry.
    let RegisterReply::Changed { changes, .. } = change(&handle, ana, wanted) else { panic!() };
    assert!(changes.is_empty() && store.count(EntryKind::PersonChanged) == 1);
    let facts = format!("{:?}", store.entries()[1].parts.facts);
    assert!(facts.contains("4b; choir") && !facts.contains("ana@example.org"), "{facts}");
    let ben = person(enrol(&handle, "Ben", &[2]).unwrap());
    let taken = PersonChange { identifier: Some("7".parse().unwrap()), ..PersonChange::default() };
    let refused = register(&handle, RegisterCommand::Change { person: ben, change: taken });
    assert!(matches!(refused, Err(CommandError::IdentifierTaken { .. })));
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn a_pin_is_kept_as_a_hash_that_no_reply_and_no_entry_shows() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    for (pin, expected) in [("1234", PinError::InOrder), ("0000", PinError::OneDigit)] {
        let error = set_pin(&handle, ana, pin).unwrap_err();
        assert_eq!(error, RegisterError::Pin(expected).into());
    }
    assert!(!card(&handle, ana).has_pin);
    assert!(matches!(set_pin(&handle, ana, "2468"), Ok(RegisterReply::PinSet { was_set: false })));
    assert!(matches!(set_pin(&handle, ana, "8642"), Ok(RegisterReply::PinSet { was_set: true })));
    let shown = card(&handle, ana);
    assert!(shown.has_pin && shown.person.particulars.pin.is_none());
    let Ok(Reply::People(people)) = handle.call(Command::People) else { panic!() };
    let Ok(Reply::Roster { people: exported, .. }) = handle.call(Command::Export) else { panic!() };
    assert!(people.iter().chain(&exported).all(|person| person.particulars.pin.is_none()));
    let said = format!("{:?}", store.entries());
    assert!(!said.contains("2468") && !said.contains("8642") && !said.contains("argon2"), "{said}");
    let Some(Facts::Changes(changes)) = &store.entries()[1].parts.facts else { panic!() };
    assert_eq!((changes[0].key.as_str(), changes[0].after.as_deref()), ("pin", Some("set")));
    first.stop();
    // It outlives the engine, and goes when it is taken away.
    let (engine, handle) = engine(&store);
    assert!(card(&handle, ana).has_pin);
    register(&handle, RegisterCommand::SetPin { person: ana, pin: None }).unwrap();
    assert!(!card(&handle, ana).has_pin);
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn of_a_face_that_is_off_nothing_stays_and_nothing_is_taken() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let RegisterReply::Changed { templates_removed, .. } = change(&handle, ana, face(FaceUse::Off)) else {
        panic!()
    };
    assert_eq!((templates_removed, handle.snapshot().roster.templates), (1, 0));
    let refused = enrol_as(&handle, super::EnrolmentTarget::Existing(ana), vec![file(&[1])]).unwrap_err();
    assert!(matches!(refused, CommandError::Register(RegisterError::FaceOff { .. })), "{refused}");
    let refused = enrol(&handle, "Ana", &[1]).unwrap_err();
    assert!(refused.to_string().contains("--face on"), "{refused}");
    first.stop();
    let (engine, handle, events) = watching(&store, visit(&[1], 5));
    until_ended(&events);
    assert_eq!((store.count(EntryKind::Passage), store.count(EntryKind::Unidentified)), (0, 1));
    change(&handle, ana, face(FaceUse::On));
    enrol(&handle, "Ana", &[1]).unwrap();
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn a_list_is_taken_whole_or_not_at_all_and_a_dry_run_takes_nothing() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    enrol(&handle, "Ana", &[1]).unwrap();
    let row = |name: &str, id: Option<&str>| {
        ImportRow::new(name.parse().unwrap(), id.map(|id| id.parse().unwrap()))
    };
    let grouped = ImportRow { groups: Some(["4b".parse().unwrap()].into()), ..row("Ana", None) };
    let good = vec![grouped.clone(), row("Bo", Some("8"))];
    let before = store.entries().len();
    let planned = import(&handle, good.clone(), true);
    assert!(matches!(planned[0].outcome, RowOutcome::Changed(_)), "{planned:?}");
    assert_eq!(planned[1].outcome, RowOutcome::Added);
    let bad = vec![grouped.clone(), row("Cy", Some("9")), grouped];
    assert!(matches!(import(&handle, bad, false)[2].outcome, RowOutcome::Refused(_)));
    assert_eq!((store.entries().len(), handle.snapshot().roster.rows.len()), (before, 1));
    import(&handle, good, false);
    let roster = handle.snapshot().roster;
    assert_eq!((roster.rows.len(), roster.rows[0].groups.len(), roster.templates), (2, 1, 1));
    let kinds = store.kinds();
    assert_eq!(kinds[before..], [EntryKind::PersonChanged, EntryKind::Imported]);
    assert!(store.entries().iter().all(|entry| entry.head.actor == Actor::Local { uid: 7 }));
    engine.stop();
    store.verify().unwrap();
}
