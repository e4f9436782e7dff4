//! Somebody is taken out of everything while the engine runs.

use std::sync::atomic::Ordering;

use super::stand_ins::*;
use super::{
    Actor, Command, CommandError, EngineEvent, EntryKind, Reply, Store, enrol, person, visit, watching,
};
use crate::attendance::PresenceState;
use crate::engine::command::ErasureCertificate;
use crate::engine::command::attendance::AttendanceCommand;
use crate::engine::environment::Clock;
use crate::engine::{EngineHandle, start};
use crate::store::KeptRecords;

fn erase(
    handle: &EngineHandle,
    person: crate::attendance::PersonId,
) -> Result<Box<ErasureCertificate>, CommandError> {
    match handle.call(Command::Erase { person, keeps: KeptRecords::None })? {
        Reply::Erased(certificate) => Ok(certificate),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_was_erased_is_nowhere_and_known_by_nothing() {
    let store = SharedStore::new();
    let (first, handle) = super::engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let ben = person(enrol(&handle, "Ben", &[2]).unwrap());
    first.stop();
    let (engine, handle, events) = watching(&store, visit(&[1, 2], 5));
    super::until_ended(&events);
    assert_eq!(store.count(EntryKind::Passage), 2);
    let certificate = erase(&handle, ana).unwrap();
    assert_eq!(certificate.person.name.as_str(), "Ana");
    assert_eq!((certificate.templates, certificate.found_again), (1, false));
    // Of her enrolment the record, of her passage record and evidence, of Ben's the evidence, which names
    // her as the runner-up.
    assert_eq!(certificate.parts, 4);
    let event = events.try_iter().find_map(|event| match event {
        EngineEvent::Entry(entry) if entry.kind == EntryKind::Erased => Some(entry),
        _ => None,
    });
    assert_eq!(event.unwrap().sequence, certificate.sequence);
    let rows = &handle.snapshot().roster.rows;
    assert_eq!(rows.iter().map(|row| row.person).collect::<Vec<_>>(), [ben]);
    let Ok(Reply::People(everybody)) = handle.call(Command::People) else { panic!() };
    assert_eq!(everybody.iter().map(|person| person.id).collect::<Vec<_>>(), [ben]);
    let Reply::Identified(answer) = handle.call(Command::Identify(file(&[1]))).unwrap() else { panic!() };
    assert_eq!(answer.faces[0].identification.person(), None);
    assert!(matches!(erase(&handle, ana), Err(CommandError::NoSuchPerson)));
    // The name and the identifier are free.
    enrol(&handle, "Ana", &[1]).unwrap();
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn who_left_before_can_be_erased_and_a_failing_store_erases_nobody() {
    let store = SharedStore::new();
    let engine = start(parts(&store)).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    handle.call(Command::Remove(ana)).unwrap();
    store.fails.store(true, Ordering::SeqCst);
    let refused = erase(&handle, ana).unwrap_err();
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    store.fails.store(false, Ordering::SeqCst);
    let Ok(Reply::People(everybody)) = handle.call(Command::People) else { panic!() };
    assert_eq!(everybody.len(), 1);
    let certificate = erase(&handle, ana).unwrap();
    assert_eq!((certificate.templates, certificate.parts), (0, 2), "two entries were about her");
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn an_item_of_the_inbox_that_looks_like_them_goes_with_them() {
    let store = SharedStore::new();
    let (engine, handle, events) = watching(&store, visit(&[1], 5));
    super::until_ended(&events);
    assert_eq!(handle.snapshot().inbox.rows.len(), 1);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let certificate = erase(&handle, ana).unwrap();
    assert_eq!(certificate.strangers, 1);
    assert_eq!(handle.snapshot().inbox.rows.len(), 0);
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn what_was_asked_about_somebody_before_they_were_erased_is_not_written_after_it() {
    let store = SharedStore::new();
    let (engine, handle) = super::engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let ben = person(enrol(&handle, "Ben", &[2]).unwrap());
    let held = store.hold();
    let state = PresenceState::Present;
    let marked = handle.send(Command::Mark { person: ben, state, note: None });
    handle.call(Command::Spaces).unwrap();
    let erased = handle.send(Command::Erase { person: ana, keeps: KeptRecords::None });
    let from = StillClock.now();
    let (until, reason) = (from + chrono::TimeDelta::hours(30), "away".to_owned());
    let excuse = AttendanceCommand::Excuse { person: ana, session: None, from, until, reason };
    let excused = handle.send(Command::Attendance(excuse));
    let exported = handle.send(Command::ExportPerson(ana));
    handle.call(Command::Spaces).unwrap();
    drop(held);
    assert!(marked.wait().is_ok() && erased.wait().is_ok());
    assert_eq!(excused.wait(), Err(CommandError::NoSuchPerson));
    assert_eq!(exported.wait(), Err(CommandError::NoSuchPerson));
    engine.stop();
    assert_eq!((store.count(EntryKind::Excused), store.count(EntryKind::PersonExported)), (0, 0));
    store.verify().unwrap();
}
