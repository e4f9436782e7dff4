//! People whom the gallery does not know: from a track to an item, and from an item to a person.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::stand_ins::*;
use super::visit;
use crate::attendance::stranger::{Appearance, Standing, StrangerTrack};
use crate::attendance::{PresenceState, Stranger, StrangerId};
use crate::engine::command::{Command, CommandError, EnrolmentTarget, Reply};
use crate::engine::environment::Clock;
use crate::engine::inbox::{InboxCommand, InboxError, InboxReply, StrangerRow};
use crate::engine::{EngineHandle, RunningEngine, start};
use crate::face::{Embedding, EmbeddingSpace, Quality, QualityScore};
use crate::ledger::{Actor, ClockState, Entry, EntryKind, Sequence};
use crate::store::{Change, Store, Transaction};

/// A clock that a test sets.
#[derive(Clone)]
struct SetClock(Arc<Mutex<DateTime<Utc>>>);

impl SetClock {
    fn after(seconds: i64) -> Self {
        Self(Arc::new(Mutex::new(StillClock.now() + TimeDelta::seconds(seconds))))
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn state(&self) -> ClockState {
        ClockState::Synchronised
    }
}

/// An engine without a source, `seconds` after eight.
fn later(store: &SharedStore, seconds: i64, keep: TimeDelta) -> (RunningEngine, EngineHandle) {
    let mut parts = parts(store);
    parts.clock = Arc::new(SetClock::after(seconds));
    parts.settings.inbox_keep = keep;
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    (engine, handle)
}

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// The inbox once the engine has done what it began with.
fn rows(handle: &EngineHandle) -> Vec<StrangerRow> {
    handle.entries_since(Sequence(u64::MAX), 1).unwrap();
    handle.snapshot().inbox.rows.clone()
}

fn of_kind(store: &SharedStore, kind: EntryKind) -> Vec<Entry> {
    store.entries().into_iter().filter(|entry| entry.head.kind == kind).collect()
}

fn inbox(handle: &EngineHandle, command: InboxCommand) -> Result<InboxReply, InboxError> {
    match handle.call(Command::Inbox(command)) {
        Ok(Reply::Inbox(reply)) => Ok(reply),
        Err(CommandError::Inbox(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn enrol_item(handle: &EngineHandle, stranger: StrangerId, name: &str) -> Result<InboxReply, InboxError> {
    inbox(handle, InboxCommand::Enrol { stranger, name: name.parse().unwrap(), identifier: None })
}

/// The stranger `number` twice, more than a minute apart, and then `other` once.
fn two_visits(number: u8, other: u8) -> Vec<Vec<u8>> {
    let mut frames = visit(&[number], 5);
    frames.extend(vec![vec![]; 620]);
    frames.extend(visit(&[number], 5));
    frames.extend(visit(&[other], 5));
    frames
}

fn seen(store: &SharedStore, frames: Vec<Vec<u8>>) {
    let (engine, _handle, events) = watching(store, frames);
    until_ended(&events);
    engine.stop();
}

#[test]
fn a_stranger_seen_twice_is_one_item_that_is_enrolled_late_and_back_filled_once() {
    let store = SharedStore::new();
    seen(&store, two_visits(9, 3));
    let unidentified = of_kind(&store, EntryKind::Unidentified);
    assert_eq!(unidentified.len(), 3);

    // The inbox outlives the engine.
    let (engine, handle) = later(&store, 600, hours(8));
    let found = rows(&handle);
    let counts: Vec<u32> = found.iter().map(|row| row.track_count).collect();
    assert_eq!(counts, [1, 2], "the one last seen comes first");
    let item = &found[1];
    let times: Vec<_> = item.tracks.iter().map(|track| (track.sequence, track.at)).collect();
    let expected: Vec<_> =
        unidentified[..2].iter().map(|entry| (entry.head.sequence, entry.head.at)).collect();
    assert_eq!(times, expected);
    let Ok(InboxReply::Shown(shown)) = inbox(&handle, InboxCommand::Show(item.id)) else { panic!() };
    assert_eq!((shown.rgb.len(), shown.row.track_count), ((shown.side * shown.side * 3) as usize, 2));

    let Ok(InboxReply::Enrolled { person, waiting }) = enrol_item(&handle, item.id, "Eve") else { panic!() };
    assert_eq!(waiting, item.tracks);
    let after = rows(&handle);
    assert_eq!(after[1].person.as_ref().map(|(id, _)| *id), Some(person.id));
    assert_eq!(after[1].score, None, "nothing is left of what they looked like");
    let known = InboxError::Known { name: "Eve".parse().unwrap() };
    assert_eq!(enrol_item(&handle, item.id, "Eve"), Err(known.clone()));
    assert_eq!(inbox(&handle, InboxCommand::Show(item.id)), Err(known));
    // The template is one: the face is identified now.
    let Ok(Reply::Identified(answer)) = handle.call(Command::Identify(file(&[9]))) else { panic!() };
    assert_eq!(answer.faces[0].identification.person(), Some(person.id));

    let back_fill = |sequences| inbox(&handle, InboxCommand::BackFill { person: person.id, sequences });
    let wrong = back_fill(vec![unidentified[2].head.sequence]);
    assert!(matches!(wrong, Err(InboxError::NotWaiting { .. })), "{wrong:?}");
    let first = unidentified[0].head.sequence;
    let Ok(InboxReply::BackFilled { entries, joined: 0 }) = back_fill(vec![first]) else { panic!() };
    assert_eq!(entries.len(), 1);
    assert!(matches!(back_fill(vec![first]), Err(InboxError::NotWaiting { .. })));
    let Ok(InboxReply::BackFilled { entries, .. }) = back_fill(vec![]) else { panic!() };
    assert_eq!((entries.len(), entries[0].at), (1, unidentified[1].head.at));
    assert!(matches!(back_fill(vec![]), Err(InboxError::NothingWaits { .. })));
    assert_eq!(rows(&handle).len(), 1);

    let row = &handle.snapshot().roster.rows[0];
    let presence = row.presence.unwrap();
    assert_eq!((presence.state, presence.since), (PresenceState::Present, unidentified[0].head.at));
    engine.stop();
    let added = of_kind(&store, EntryKind::BackFilled);
    for (entry, original) in added.iter().zip(&unidentified) {
        assert_eq!((entry.head.at, entry.head.clock), (original.head.at, original.head.clock));
        assert_eq!(entry.head.actor, Actor::Local { uid: 7 });
        let note = entry.parts.note.as_ref().unwrap();
        assert_eq!(note.text, format!("added later for entry {}", original.head.sequence));
        assert_eq!(entry.parts.record.as_ref().unwrap().person, person.id);
    }
    assert_eq!(added.len(), 2);
    store.verify().unwrap();
}

#[test]
fn tracks_near_a_passage_on_record_are_no_passages_of_their_own() {
    let store = SharedStore::new();
    // Twice within the debounce.
    let mut frames = visit(&[9], 5);
    frames.extend(visit(&[9], 5));
    seen(&store, frames);
    let (engine, handle) = later(&store, 600, hours(8));
    let item = rows(&handle)[0].id;
    let Ok(InboxReply::Enrolled { person, waiting }) = enrol_item(&handle, item, "Eve") else { panic!() };
    assert_eq!(waiting.len(), 2);
    engine.stop();
    // The same again, now known: a passage at the same time is on record.
    seen(&store, visit(&[9], 5));
    let (engine, handle) = later(&store, 600, hours(8));
    let all = InboxCommand::BackFill { person: person.id, sequences: vec![] };
    let Ok(InboxReply::BackFilled { entries, joined: 2 }) = inbox(&handle, all) else { panic!() };
    assert_eq!(entries, []);
    assert!(rows(&handle).is_empty());
    engine.stop();
    assert_eq!((store.count(EntryKind::Passage), store.count(EntryKind::BackFilled)), (1, 0));
}

#[test]
fn a_back_fill_before_a_mark_changes_nothing_of_what_holds_now() {
    let store = SharedStore::new();
    seen(&store, visit(&[9], 5));
    let (engine, handle) = later(&store, 600, hours(8));
    let item = rows(&handle)[0].id;
    let Ok(InboxReply::Enrolled { person, .. }) = enrol_item(&handle, item, "Eve") else { panic!() };
    let state = PresenceState::Left;
    handle.call(Command::Mark { person: person.id, state, note: None }).unwrap();
    inbox(&handle, InboxCommand::BackFill { person: person.id, sequences: vec![] }).unwrap();
    // The records of the day are read again; the answer comes before that of a later question.
    handle.entries_since(Sequence(0), 1).unwrap();
    let presence = handle.snapshot().roster.rows[0].presence.unwrap();
    assert_eq!((presence.state, presence.since), (state, StillClock.now() + TimeDelta::seconds(600)));
    engine.stop();
    // And so it is after a restart.
    let (engine, handle) = later(&store, 700, hours(8));
    handle.entries_since(Sequence(0), 1).unwrap();
    assert_eq!(handle.snapshot().roster.rows[0].presence, Some(presence));
    engine.stop();
}

#[test]
fn whoever_is_enrolled_otherwise_leaves_the_inbox_with_their_passages_on_offer() {
    let store = SharedStore::new();
    seen(&store, two_visits(9, 3));
    let (engine, handle) = later(&store, 600, hours(8));
    let eve = person(enrol(&handle, "Eve", &[9]).unwrap());
    let found = rows(&handle);
    let people: Vec<_> = found.iter().map(|row| row.person.as_ref().map(|(id, _)| *id)).collect();
    assert_eq!(people, [None, Some(eve)]);
    let all = InboxCommand::BackFill { person: eve, sequences: vec![] };
    let Ok(InboxReply::BackFilled { entries, .. }) = inbox(&handle, all) else { panic!() };
    assert_eq!(entries.len(), 2);
    // Who leaves the roster leaves nothing to back-fill.
    let ana = person(enrol(&handle, "Ana", &[3]).unwrap());
    assert_eq!(rows(&handle).len(), 1);
    handle.call(Command::Remove(ana)).unwrap();
    assert!(rows(&handle).is_empty());
    engine.stop();
}

#[test]
fn an_item_is_added_to_a_person_or_discarded_with_an_entry() {
    let store = SharedStore::new();
    seen(&store, two_visits(9, 3));
    let (engine, handle) = later(&store, 600, hours(8));
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let found = rows(&handle);
    let add = InboxCommand::Add { stranger: found[1].id, person: ana };
    let Ok(InboxReply::Enrolled { person, waiting }) = inbox(&handle, add) else { panic!() };
    assert_eq!((person.id, waiting.len()), (ana, 2));
    assert_eq!(handle.snapshot().roster.rows[0].templates, 2);
    let discard = || inbox(&handle, InboxCommand::Discard(found[0].id));
    let Ok(InboxReply::Discarded(entry)) = discard() else { panic!() };
    assert_eq!((entry.kind, entry.person), (EntryKind::StrangerDiscarded, None));
    assert_eq!(discard(), Err(InboxError::NoSuchItem));
    engine.stop();
    assert_eq!(store.count(EntryKind::TemplateAdded), 1);
    let (engine, handle) = later(&store, 600, hours(8));
    assert_eq!(rows(&handle).len(), 1, "only the one that waits to be back-filled");
    engine.stop();
}

#[test]
fn a_taken_name_is_refused_and_the_item_stays() {
    let store = SharedStore::new();
    seen(&store, visit(&[9], 5));
    let (engine, handle) = later(&store, 600, hours(8));
    enrol(&handle, "Ana", &[1]).unwrap();
    let stranger = rows(&handle)[0].id;
    let Ok(InboxReply::Shown(shown)) = inbox(&handle, InboxCommand::Show(stranger)) else { panic!() };
    let alike = shown.alike.unwrap();
    assert_eq!((alike.name.as_str(), alike.reaches_threshold), ("Ana", false));
    let command = InboxCommand::Enrol { stranger, name: "Ana".parse().unwrap(), identifier: None };
    let refused = handle.call(Command::Inbox(command));
    assert!(matches!(refused, Err(CommandError::NameTaken { .. })), "{refused:?}");
    assert!(rows(&handle)[0].person.is_none());
    let target =
        EnrolmentTarget::New { name: "Ana".parse().unwrap(), identifier: Some("2".parse().unwrap()) };
    enrol_as(&handle, target, vec![file(&[9])]).unwrap();
    engine.stop();
}

#[test]
fn an_item_goes_when_its_time_is_up_also_while_nothing_ran() {
    let store = SharedStore::new();
    seen(&store, two_visits(9, 3));
    let (engine, handle) = later(&store, 3599, hours(1));
    assert_eq!(rows(&handle).len(), 2);
    engine.stop();
    // The first item was first seen at the beginning, the other a minute later.
    let (engine, handle) = later(&store, 3610, hours(1));
    let found = rows(&handle);
    assert_eq!(found.len(), 1);
    assert_eq!(inbox(&handle, InboxCommand::Show(found[0].id)).map(|_| ()), Ok(()));
    engine.stop();
    // It is gone from the store, not just from sight.
    let (engine, handle) = later(&store, 0, hours(1));
    assert_eq!(rows(&handle).len(), 1);
    engine.stop();
}

#[test]
fn an_item_goes_while_the_engine_runs() {
    let store = SharedStore::new();
    seen(&store, visit(&[9], 5));
    let clock = SetClock::after(10);
    let mut parts = parts(&store);
    parts.clock = Arc::new(clock.clone());
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(1000);
    assert_eq!(rows(&handle).len(), 1);
    *clock.0.lock().unwrap() += hours(8);
    wait_for(&events, || handle.snapshot().inbox.rows.is_empty());
    engine.stop();
    let changes = store.changes_since(crate::store::ChangePoint(0)).unwrap().changes;
    assert!(!changes.iter().any(|change| matches!(change, Change::StrangerPut(_))));
}

#[test]
fn no_hours_keep_nothing() {
    let store = SharedStore::new();
    seen(&store, visit(&[9], 5));
    // What is there goes too.
    let (engine, handle) = later(&store, 1, TimeDelta::zero());
    assert!(rows(&handle).is_empty());
    engine.stop();
    let held = |store: &SharedStore| {
        let changes = store.changes_since(crate::store::ChangePoint(0)).unwrap().changes;
        changes.iter().filter(|change| matches!(change, Change::StrangerPut(_))).count()
    };
    assert_eq!(held(&store), 0);
    let (engine, _handle, events) =
        watching_with(&store, visit(&[9], 5), |settings| settings.inbox_keep = TimeDelta::zero());
    until_ended(&events);
    engine.stop();
    assert_eq!((held(&store), store.count(EntryKind::Unidentified)), (0, 2));
}

/// An item made by hand, of the face 9.
fn item(quality: Quality, score: f32, space: EmbeddingSpace) -> Stranger {
    let at = StillClock.now();
    let mut values = vec![0.01f32; 16];
    values[9] = 1.0;
    Stranger {
        id: StrangerId(ulid::Ulid(5)),
        standing: Standing::Unknown(Appearance {
            space,
            embeddings: vec![Embedding::normalised(values).unwrap()],
            crop: crate::capture::encode::png(&picture(&[9])).unwrap(),
            quality,
            score: QualityScore(score),
        }),
        tracks: vec![StrangerTrack { sequence: Sequence(1), at, clock: ClockState::Recording }],
        track_count: 1,
        first_seen: at,
        last_seen: at,
    }
}

fn with_item(item: Stranger) -> (SharedStore, RunningEngine, EngineHandle) {
    let mut store = SharedStore::new();
    store.commit(Transaction { changes: vec![Change::StrangerPut(item)], entries: vec![] }).unwrap();
    let (engine, handle) = engine(&store);
    // The nets are there once a picture was looked at.
    handle.call(Command::Identify(file(&[1]))).unwrap();
    (store, engine, handle)
}

#[test]
fn a_poor_picture_is_shown_with_its_finding_and_not_enrolled() {
    let small = Quality { inter_eye_distance_px: Some(22.0), ..Quality::default() };
    let (_store, engine, handle) = with_item(item(small, 0.9, EmbeddingSpace([1; 32])));
    let found = rows(&handle);
    assert!(found[0].finding.as_ref().unwrap().contains("22 pixels"));
    let refused = enrol_item(&handle, found[0].id, "Eve");
    assert!(matches!(&refused, Err(InboxError::TooPoor { finding }) if finding.contains("22 pixels")));
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let refused = inbox(&handle, InboxCommand::Add { stranger: found[0].id, person: ana });
    assert!(matches!(refused, Err(InboxError::TooPoor { .. })));
    assert!(inbox(&handle, InboxCommand::Show(found[0].id)).is_ok());
    engine.stop();
}

#[test]
fn an_item_of_another_space_is_never_enrolled() {
    let (_store, engine, handle) = with_item(item(Quality::default(), 0.9, EmbeddingSpace([2; 32])));
    let id = rows(&handle)[0].id;
    assert_eq!(enrol_item(&handle, id, "Eve"), Err(InboxError::OtherSpace));
    person(enrol(&handle, "Eve", &[9]).unwrap());
    assert!(rows(&handle)[0].person.is_none(), "it was compared with another space's template");
    engine.stop();
}
