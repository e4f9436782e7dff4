//! Consent, retention, what is given to a person, and what the ledger notes of the engine itself.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::stand_ins::*;
use super::visit;
use crate::attendance::{PersonId, PresenceState};
use crate::engine::command::{Act, Command, CommandError, EnrolmentSource, EnrolmentTarget, Reply};
use crate::engine::command::{EnrolmentPictures, FaceChoice};
use crate::engine::consent::{ConsentCommand, ConsentError, ConsentGiven, ConsentPolicy, ConsentText};
use crate::engine::environment::Clock;
use crate::engine::inbox::InboxCommand;
use crate::engine::retention::{RetentionCommand, RetentionKind, RetentionPolicy, RetentionRow};
use crate::engine::{EngineHandle, EngineParts, RunningEngine, start};
use crate::ledger::{Actor, ClockState, EntryKind, Facts, PartKind, Sha256Digest};
use crate::store::{KeptRecords, Store};

const DIGEST: Sha256Digest = Sha256Digest([7; 32]);

fn asking(store: &SharedStore, required: bool) -> EngineParts {
    let mut parts = parts(store);
    let name = "consent.md, version 2026-01".to_owned();
    let text = Some(ConsentText { name, digest: DIGEST, body: "May we?".to_owned() });
    parts.settings.consent = ConsentPolicy { required, text };
    parts
}

fn run(parts: EngineParts) -> (RunningEngine, EngineHandle) {
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: OWNER });
    (engine, handle)
}

fn enrolment(name: &str, who: u8) -> Command {
    let target = EnrolmentTarget::New { name: name.parse().unwrap(), identifier: None };
    let pictures = vec![file(&[who])];
    let source =
        EnrolmentSource::Pictures(EnrolmentPictures { pictures, face: FaceChoice::Main, leave_out: false });
    Command::Enrol { target, source, anyway: true }
}

fn agreed(digest: Sha256Digest, command: Command) -> Command {
    Command::Consent(ConsentCommand::With { digest, command: Box::new(command) })
}

#[test]
fn nobody_is_enrolled_without_consent_where_the_site_requires_it() {
    let store = SharedStore::new();
    let (engine, handle) = run(asking(&store, true));
    let missing = handle.call(enrolment("Ana", 1)).unwrap_err();
    assert!(matches!(missing, CommandError::Consent(ConsentError::Missing { digest: DIGEST, .. })));
    assert!(missing.to_string().contains("version 2026-01"), "{missing}");
    let other = handle.call(agreed(Sha256Digest([8; 32]), enrolment("Ana", 1)));
    assert_eq!(other, Err(ConsentError::OtherText.into()));
    assert_eq!(handle.call(agreed(DIGEST, Command::People)), Err(ConsentError::NoEnrolment.into()));
    assert!(store.entries().is_empty());
    let ana = person(handle.call(agreed(DIGEST, enrolment("Ana", 1))).unwrap());
    assert_eq!(store.kinds(), [EntryKind::Consented, EntryKind::Enrolled]);
    let Some(Facts::Consent { text, digest }) = store.entries()[0].parts.facts.clone() else { panic!() };
    assert_eq!((text.as_str(), digest), ("consent.md, version 2026-01", DIGEST));
    let Ok(Reply::People(people)) = handle.call(Command::People) else { panic!() };
    let consent = people[0].particulars.consent.clone().unwrap();
    assert_eq!((consent.digest, consent.asked_by), (DIGEST, Actor::Local { uid: OWNER }));
    // What is recorded holds for a further picture.
    enrol_as(&handle, EnrolmentTarget::Existing(ana), vec![file(&[1])]).unwrap();
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn consent_can_be_recorded_before_and_counts_for_the_inbox_too() {
    let store = SharedStore::new();
    let (engine, _handle, events) = watching(&store, visit(&[9], 5));
    super::until_ended(&events);
    engine.stop();
    let (engine, handle) = run(asking(&store, true));
    // Answered when the nets are there.
    handle.call(Command::Identify(file(&[1]))).unwrap();
    let stranger = handle.snapshot().inbox.rows[0].id;
    let name = "Eve".parse().unwrap();
    let enrol = Command::Inbox(InboxCommand::Enrol { stranger, name, identifier: None });
    let missing = handle.call(enrol.clone()).unwrap_err();
    assert!(matches!(missing, CommandError::Consent(ConsentError::Missing { .. })), "{missing}");
    handle.call(agreed(DIGEST, enrol)).unwrap();
    let rows = vec![crate::engine::command::ImportRow::new("Bo".parse().unwrap(), None)];
    handle
        .call(Command::Register(crate::engine::command::register::RegisterCommand::Import {
            rows,
            dry_run: false,
        }))
        .unwrap();
    let bo = handle.snapshot().roster.rows.iter().find(|row| row.templates == 0).unwrap().person;
    handle.call(enrolment("Bo", 2)).unwrap_err();
    let given = ConsentGiven { person: bo, digest: DIGEST };
    handle.call(Command::Consent(ConsentCommand::Record(given))).unwrap();
    assert_eq!(person(handle.call(enrolment("Bo", 2)).unwrap()), bo);
    assert_eq!(store.count(EntryKind::Consented), 2);
    engine.stop();
}

#[test]
fn without_a_text_or_a_rule_nothing_is_asked_and_nothing_can_be_recorded() {
    let store = SharedStore::new();
    let (engine, handle) = super::engine(&store);
    let ana = person(handle.call(enrolment("Ana", 1)).unwrap());
    let given = ConsentGiven { person: ana, digest: DIGEST };
    let refused = handle.call(Command::Consent(ConsentCommand::Record(given)));
    assert_eq!(refused, Err(ConsentError::NoText.into()));
    engine.stop();
}

#[test]
fn a_withdrawal_ends_the_enrolment_and_erases() {
    let store = SharedStore::new();
    let (engine, handle) = run(asking(&store, false));
    let ana = person(handle.call(agreed(DIGEST, enrolment("Ana", 1))).unwrap());
    let withdraw = ConsentCommand::Withdraw { person: ana, keeps: KeptRecords::None };
    let reply = handle.call(Command::Consent(withdraw)).unwrap();
    let Reply::Erased(certificate) = reply else { panic!("{reply:?}") };
    assert!(!certificate.found_again);
    let expected =
        [EntryKind::Consented, EntryKind::Enrolled, EntryKind::ConsentWithdrawn, EntryKind::Erased];
    assert_eq!(store.kinds(), expected);
    assert!(store.entries()[..3].iter().all(|entry| entry.parts.record.is_none()));
    assert!(handle.snapshot().roster.rows.is_empty());
    engine.stop();
    store.verify().unwrap();
}

/// A clock that a test sets.
#[derive(Clone)]
struct SetClock(Arc<Mutex<DateTime<Utc>>>);

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn state(&self) -> ClockState {
        ClockState::Synchronised
    }
}

fn after_days(store: &SharedStore, days: i64, policy: RetentionPolicy) -> EngineParts {
    let mut parts = parts(store);
    parts.clock = Arc::new(SetClock(Arc::new(Mutex::new(StillClock.now() + TimeDelta::days(days)))));
    parts.settings.retention = policy;
    parts
}

fn rows(handle: &EngineHandle, command: RetentionCommand) -> Vec<RetentionRow> {
    match handle.call(Command::Retention(command)).unwrap() {
        Reply::Retention(rows) => rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_old_is_deleted_by_kind_and_nothing_of_today() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let bo = person(enrol(&handle, "Bo", &[2]).unwrap());
    handle.call(Command::Mark { person: ana, state: PresenceState::Left, note: Some("x".into()) }).unwrap();
    handle.call(Command::Remove(bo)).unwrap();
    first.stop();
    let policy =
        RetentionPolicy { records_days: 10, notes_days: 5, left_people_days: 8, ..Default::default() };
    // On the fifth day the limit of five days is not passed yet: the day itself is whole.
    let (engine, handle) = run(after_days(&store, 5, policy));
    let shown = rows(&handle, RetentionCommand::Apply);
    assert!(shown.iter().all(|row| row.deleted == 0), "{shown:?}");
    engine.stop();
    let (engine, handle) = run(after_days(&store, 9, policy));
    let row = |rows: &[RetentionRow], kind| rows.iter().find(|row| row.kind == kind).cloned().unwrap();
    let shown = rows(&handle, RetentionCommand::Show);
    let notes = row(&shown, RetentionKind::Notes);
    assert_eq!((notes.held, notes.due, notes.days, notes.deleted), (1, 1, 5, 0));
    assert_eq!(row(&shown, RetentionKind::Records).due, 0);
    assert!(row(&shown, RetentionKind::Records).next_due > Some(StillClock.now() + TimeDelta::days(10)));
    assert_eq!((row(&shown, RetentionKind::LeftPeople).due, store.entries().len()), (1, 4));
    let done = rows(&handle, RetentionCommand::Apply);
    assert_eq!(row(&done, RetentionKind::Notes).deleted, 1);
    assert_eq!(row(&done, RetentionKind::LeftPeople).deleted, 1);
    let left = rows(&handle, RetentionCommand::Show);
    assert_eq!((row(&left, RetentionKind::Notes).held, row(&left, RetentionKind::LeftPeople).held), (0, 0));
    assert_eq!((store.count(EntryKind::RetentionApplied), store.count(EntryKind::Erased)), (1, 1));
    let mark = store.entries().into_iter().find(|entry| entry.head.kind == EntryKind::Mark).unwrap();
    assert!(mark.parts.note.is_none() && mark.parts.record.is_some());
    assert!(mark.head.part(PartKind::Note).is_some(), "the head still says that there was one");
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn everything_held_about_a_person_is_gathered_and_nobody_elses() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let bo = person(enrol(&handle, "Bo", &[2]).unwrap());
    handle.call(Command::Mark { person: ana, state: PresenceState::Left, note: Some("x".into()) }).unwrap();
    first.stop();
    let (engine, handle, events) = watching(&store, visit(&[1, 2], 5));
    super::until_ended(&events);
    let reply = handle.call(Command::ExportPerson(ana)).unwrap();
    let Reply::PersonExport(export) = reply else { panic!("{reply:?}") };
    assert_eq!((export.person.id, export.has_pin, export.templates.len()), (ana, false, 1));
    let kinds: Vec<EntryKind> = export.entries.iter().map(|entry| entry.head.kind).collect();
    assert_eq!(kinds, [EntryKind::Enrolled, EntryKind::Mark, EntryKind::Passage]);
    assert_eq!(export.candidacies.len(), 1, "in Bo's passage she was the runner-up");
    let said = serde_json::to_string(&export).unwrap();
    assert!(!said.contains(&bo.to_string()) && !said.contains("Bo"), "{said}");
    let noted = store.entries().into_iter().find(|entry| entry.head.kind == EntryKind::PersonExported);
    assert_eq!(noted.unwrap().head.sequence, export.noted);
    assert_eq!(handle.call(Command::ExportPerson(PersonId(ulid::Ulid(99)))), Err(CommandError::NoSuchPerson));
    engine.stop();
}

#[test]
fn a_configuration_is_noted_where_it_is_another_than_the_last() {
    let store = SharedStore::new();
    let configured = |values: &[(&str, &str)]| {
        let values: Vec<(String, String)> =
            values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (engine, _handle, events) =
            watching_with(&store, vec![vec![]], |settings| settings.configuration = values.clone());
        super::until_ended(&events);
        engine.stop();
        store.count(EntryKind::ConfigurationChanged)
    };
    let one = [("a.x", "1"), ("a.y", "2")];
    assert_eq!([configured(&one), configured(&one)], [1, 1]);
    assert_eq!(configured(&[("a.x", "1"), ("a.y", "3"), ("a.z", "4")]), 2);
    let entry = store.entries().into_iter().rev().find(|e| e.head.kind == EntryKind::ConfigurationChanged);
    let Some(Facts::Changes(values)) = entry.unwrap().parts.facts else { panic!() };
    let changed: Vec<_> = values
        .iter()
        .filter(|value| value.before != value.after)
        .map(|value| (value.key.as_str(), value.before.as_deref(), value.after.as_deref()))
        .collect();
    assert_eq!(changed, [("a.y", Some("2"), Some("3")), ("a.z", None, Some("4"))]);
    assert_eq!(values.len(), 3, "what stayed is in it too, so that it says all");
    store.verify().unwrap();
}

#[test]
fn what_an_operator_does_is_an_entry_also_where_it_changes_no_record() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    handle.call(Command::SetPaused(true)).unwrap();
    handle.call(Command::SetPaused(false)).unwrap();
    handle.call(Command::NoteAct(Act::KioskLeft)).unwrap();
    engine.stop();
    let acts: Vec<String> = store
        .entries()
        .into_iter()
        .filter_map(|entry| match (entry.head.kind, entry.head.actor, entry.parts.facts) {
            (EntryKind::OperatorActed, Actor::Local { uid: OWNER }, Some(Facts::Changes(values))) => {
                values[0].after.clone()
            }
            _ => None,
        })
        .collect();
    assert_eq!(acts, ["paused the source", "let the source go on", "left the kiosk view"]);
}
