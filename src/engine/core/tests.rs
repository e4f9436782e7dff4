//! The whole engine with its threads, over a store in memory and nets that read the answer from
//! the picture: pixel 0 of a frame names who is in it (0 for nobody).

mod access;
mod approvals;
mod beginning;
mod challenge;
mod disk;
mod door;
mod enrolling;
mod erasing;
mod hosting;
mod inbox;
mod operator_keys;
mod privacy;
mod register;
mod scenario;
mod session_views;
mod sources;
mod spaces;
mod stand_ins;
mod storing;
mod threshold;
mod together;

use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::attendance::PresenceState;
use crate::capture::Pace;
use crate::engine::command::{
    Command, CommandError, EnrolmentSource, EnrolmentTarget, PictureBytes, Reply, Shot,
};
use crate::engine::event::{EngineEvent, LogEntry};
use crate::engine::state::{
    DiskState, InferenceStatus, LiveState, PreviewRequest, Recorded, SourceState, TrackVerdict,
};
use crate::engine::{EngineHandle, EngineParts, RunningEngine, SourceParts, opened, start};
use crate::inference::InferenceError;
use crate::ledger::{Actor, ClockState, EntryKind, Sequence};
use crate::store::Store;
use stand_ins::*;

// -- what it must do ----------------------------------------------------------------------------

#[test]
fn a_passage_is_recorded_and_shown_after_it_is_on_disk() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    first.stop();

    let (engine, handle, events) = watching(&store, visit(&[1], 5));
    let seen = until_ended(&events);
    let entries: Vec<&LogEntry> = seen
        .iter()
        .filter_map(|event| match event {
            EngineEvent::Entry(entry) if entry.kind == EntryKind::Passage => Some(entry),
            _ => None,
        })
        .collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].name.as_ref().unwrap().as_str(), "Ana");
    assert_eq!(entries[0].state, Some(PresenceState::Present));
    let row = &handle.snapshot().roster.rows[0];
    assert_eq!((row.person, row.presence.unwrap().state), (ana, PresenceState::Present));
    engine.stop();
    let kinds = [EntryKind::Enrolled, EntryKind::Started, EntryKind::Passage, EntryKind::Stopped];
    assert_eq!(store.kinds(), kinds);
    let evidence = store.entries()[2].parts.evidence.clone().unwrap();
    assert_eq!((evidence.candidates[0].person, evidence.frames), (ana, 3));
    assert_eq!(store.entries()[2].head.clock, ClockState::Recording);
    store.verify().unwrap();
}

#[test]
fn a_stranger_is_logged_without_a_record_and_a_blank_frame_ends_nothing() {
    let store = SharedStore::new();
    let frames = vec![vec![9], vec![], vec![9], vec![], vec![9], vec![9]];
    let (engine, _handle, events) = watching(&store, frames);
    until_ended(&events);
    engine.stop();
    assert_eq!(store.count(EntryKind::Unidentified), 1);
    let entry = store.entries().into_iter().find(|e| e.head.kind == EntryKind::Unidentified).unwrap();
    assert_eq!(entry.parts.record, None);
}

#[test]
fn two_tracks_within_the_debounce_are_one_record() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    enrol(&handle, "Ana", &[1]).unwrap();
    first.stop();
    let mut frames = visit(&[1], 5);
    frames.extend(visit(&[1], 5));
    // More than a minute of nobody, then a new passage.
    frames.extend(vec![vec![]; 620]);
    frames.extend(visit(&[1], 5));
    let (engine, _handle, events) = watching(&store, frames);
    let decided = |event: &&EngineEvent| matches!(event, EngineEvent::Decided { .. });
    assert_eq!(until_ended(&events).iter().filter(decided).count(), 3);
    engine.stop();
    assert_eq!(store.count(EntryKind::Passage), 2);
}

#[test]
fn a_second_person_never_overwrites_the_first() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let first = person(enrol(&handle, "Ana", &[1]).unwrap());
    let refused = enrol(&handle, "Ana", &[2]).unwrap_err();
    assert!(matches!(&refused, CommandError::NameTaken { people, .. } if *people == [first]));
    assert!(refused.to_string().contains("--id") && refused.to_string().contains("--add"));

    let other = EnrolmentTarget::New { name: "Ana".parse().unwrap(), identifier: Some("2".parse().unwrap()) };
    let second = person(enrol_as(&handle, other.clone(), vec![file(&[2])]).unwrap());
    assert_ne!(first, second);
    let taken = enrol_as(&handle, other, vec![file(&[3])]).unwrap_err();
    assert!(matches!(taken, CommandError::IdentifierTaken { .. }));
    let Reply::Identified(answer) = handle.call(Command::Identify(file(&[1, 0, 2]))).unwrap() else {
        panic!()
    };
    let named: Vec<_> = answer.faces.iter().map(|face| face.identification.person()).collect();
    assert_eq!(named, [Some(first), Some(second)]);
    engine.stop();
}

#[test]
fn a_refused_picture_never_half_enrols() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let broken = PictureBytes { label: "broken.jpg".to_owned(), bytes: vec![0xff, 0xd8, 1] };
    let target = || EnrolmentTarget::New { name: "Ana".parse().unwrap(), identifier: None };
    for bad in [file(&[]), file(&[1, 2]), broken] {
        let refused = enrol_as(&handle, target(), vec![file(&[1]), bad, file(&[1])]).unwrap_err();
        assert!(refused.to_string().contains("file.ppm") || refused.to_string().contains("broken.jpg"));
    }
    assert!(handle.snapshot().roster.rows.is_empty());
    assert_eq!(store.kinds(), []);
    let pictures = vec![file(&[1]), file(&[1])];
    assert!(matches!(enrol_as(&handle, target(), pictures), Ok(Reply::Enrolled { templates_added: 2, .. })));
    assert_eq!(handle.snapshot().roster.templates, 2);
    engine.stop();
}

#[test]
fn an_imported_person_gets_their_first_picture_by_name() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let row = |name: &str, id: Option<&str>| {
        crate::engine::command::ImportRow::new(name.parse().unwrap(), id.map(|id| id.parse().unwrap()))
    };
    let rows = vec![row("Ana", Some("1")), row("Bo", None), row("Bo", None)];
    register::import(&handle, rows, false);
    person(enrol(&handle, "Ana", &[1]).unwrap());
    assert_eq!(handle.snapshot().roster.rows.len(), 2);
    assert!(matches!(enrol(&handle, "Ana", &[2]), Err(CommandError::NameTaken { .. })));
    engine.stop();
}

#[test]
fn removal_takes_the_templates_at_once_and_keeps_the_records() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let state = PresenceState::Present;
    handle.call(Command::Mark { person: ana, state, note: Some("by hand".to_owned()) }).unwrap();
    assert!(handle.snapshot().roster.rows[0].presence.is_some());
    handle.call(Command::Remove(ana)).unwrap();
    let snapshot = handle.snapshot();
    assert!(snapshot.roster.rows.is_empty());
    assert_eq!(snapshot.roster.templates, 0);
    assert!(matches!(handle.call(Command::Remove(ana)), Err(CommandError::NoSuchPerson)));
    let log = handle.entries_since(Sequence(0), 10).unwrap();
    assert_eq!(log.len(), 3);
    assert!(log.iter().all(|entry| entry.name.as_ref().is_some_and(|name| name.as_str() == "Ana")));
    assert_eq!(log[1].note.as_deref(), Some("by hand"));
    assert_eq!(log[1].actor, Actor::Local { uid: 7 });
    // The name is free again, for another person.
    assert_ne!(person(enrol(&handle, "Ana", &[1]).unwrap()), ana);
    engine.stop();
}

#[test]
fn a_full_disk_is_shown_and_nothing_seen_meanwhile_is_lost() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    first.stop();

    let (feed, fed) = bounded(1);
    let (engine, handle, events) = live(&store, fed);
    store.fails.store(true, Ordering::SeqCst);
    // A real-time source drops what comes too fast, so no fixed number of frames makes a decision.
    let is_decided = |live: &LiveState| {
        live.tracks
            .iter()
            .any(|track| matches!(track.verdict, TrackVerdict::Identified { recorded: Recorded::NotYet, .. }))
    };
    feed_until(&feed, &[1], || {
        let live = handle.snapshot().live;
        live.store_fault.is_some() && is_decided(&live)
    });
    let live = handle.snapshot().live;
    assert!(live.store_fault.as_ref().unwrap().contains("the disk is full"));
    assert_eq!((live.store_disk, live.not_recorded), (Some(DiskState::Full), 0));
    assert!(live.store_queue >= 1);
    let state = PresenceState::Left;
    let refused = handle.call(Command::Mark { person: ana, state, note: None }).unwrap_err();
    assert!(refused.to_string().starts_with("nothing was saved"));
    assert_eq!(store.count(EntryKind::Passage), 0);
    assert!(handle.snapshot().roster.rows[0].presence.is_none());

    store.fails.store(false, Ordering::SeqCst);
    wait_for(&events, || handle.snapshot().live.store_fault.is_none());
    wait_for(&events, || store.count(EntryKind::Passage) == 1);
    drop(feed);
    engine.stop();
    store.verify().unwrap();
}

/// An engine on a live source that the test feeds.
fn live(store: &SharedStore, fed: Receiver<Vec<u8>>) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    let mut all = parts(store);
    all.sources = vec![SourceParts {
        role: Default::default(),
        name: "fed".to_owned(),
        pace: Pace::RealTime,
        open: Box::new(move || Ok(Box::new(Fed(fed.clone(), 0)))),
    }];
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(10_000);
    (engine, handle, events)
}

fn feed_until(feed: &Sender<Vec<u8>>, people: &[u8], mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        feed.send(people.to_vec()).unwrap();
    }
}

#[test]
fn a_shot_of_the_live_picture_enrols_and_the_person_is_then_recognised() {
    let store = SharedStore::new();
    let (feed, fed) = bounded(1);
    let (engine, handle, events) = live(&store, fed);
    assert!(matches!(handle.call(Command::TakeShot), Err(CommandError::NoPicture { .. })));
    feed_until(&feed, &[3], || handle.snapshot().live.tracks.len() == 1);
    let Ok(Reply::Shot(Shot { id, crop, crop_side, .. })) = handle.call(Command::TakeShot) else { panic!() };
    assert_eq!(crop.len() as u32, crop_side * crop_side * 3);
    let target = EnrolmentTarget::New { name: "Cy".parse().unwrap(), identifier: None };
    let source = EnrolmentSource::Shots(vec![id]);
    let cy = person(handle.call(Command::Enrol { target, source, anyway: true }).unwrap());
    feed_until(&feed, &[3], || handle.snapshot().roster.rows[0].presence.is_some());
    assert_eq!(store.entries().last().unwrap().parts.record.as_ref().unwrap().person, cy);
    let alike = handle.call(Command::TakeShot);
    assert!(matches!(alike, Ok(Reply::Shot(shot)) if shot.alike.best.unwrap().person == cy));
    drop(events);
    drop(feed);
    engine.stop();
}

#[test]
fn a_lost_source_is_a_state_with_a_retry_and_an_entry_each_way() {
    let store = SharedStore::new();
    let (feed, fed) = bounded(1);
    let (engine, handle, events) = live(&store, fed);
    feed.send(vec![]).unwrap();
    wait_for(&events, || handle.snapshot().live.source().frames == 1);
    drop(feed);
    wait_for(&events, || matches!(handle.snapshot().live.source().state, SourceState::Lost { .. }));
    let live = handle.snapshot().live;
    let SourceState::Lost { reason, retry_at } = &live.source().state else { panic!() };
    assert!(reason.contains("plug it in") && retry_at.is_some());
    engine.stop();
    assert_eq!(store.count(EntryKind::SourceLost), 1);
}

#[test]
fn missing_nets_are_a_state_and_everything_else_works() {
    let store = SharedStore::new();
    let (feed, fed) = bounded(1);
    let mut all = parts(&store);
    all.load_analyser = Some(Box::new(|| {
        let hint = "run muster setup".to_owned();
        Err(InferenceError::Missing { path: "models/x.onnx".into(), hint })
    }));
    all.sources = vec![SourceParts {
        role: Default::default(),
        name: "fed".to_owned(),
        pace: Pace::RealTime,
        open: Box::new(move || Ok(Box::new(Fed(fed.clone(), 0)))),
    }];
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::System);
    handle.request_preview(Some(PreviewRequest { max_width: 16, max_height: 16, max_fps: 100.0 }));
    let is_lost = || matches!(&handle.snapshot().live.inference, InferenceStatus::Unavailable { reason } if reason.contains("muster setup"));
    feed_until(&feed, &[1], || handle.preview().is_some() && is_lost());
    assert_eq!(handle.preview().as_ref().as_ref().unwrap().width, 16);
    let refused = enrol(&handle, "Ana", &[1]).unwrap_err();
    assert!(
        matches!(&refused, CommandError::NoInference { reason } if reason.contains("models/x.onnx")),
        "{refused}"
    );
    assert!(matches!(handle.call(Command::TakeShot), Err(CommandError::NoInference { .. })));
    drop(feed);
    engine.stop();
}

#[test]
fn a_restart_knows_who_is_here_and_keeps_the_debounce() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    enrol(&handle, "Ana", &[1]).unwrap();
    first.stop();
    for _ in 0..2 {
        let (engine, handle, events) = watching(&store, visit(&[1], 5));
        until_ended(&events);
        assert!(handle.snapshot().roster.rows[0].presence.is_some());
        engine.stop();
    }
    assert_eq!(store.count(EntryKind::Passage), 1);
}

#[test]
fn a_slow_client_is_told_what_it_missed_and_holds_nobody_up() {
    let store = SharedStore::new();
    let (engine, handle, events) = watching(&store, [visit(&[1], 5), visit(&[2], 5)].concat());
    let slow = handle.subscribe(2);
    until_ended(&events);
    let first: Vec<EngineEvent> = slow.try_iter().collect();
    assert_eq!(first.len(), 2);
    engine.stop();
    let rest: Vec<EngineEvent> = slow.iter().collect();
    assert!(matches!(rest[0], EngineEvent::Lagged(missed) if missed > 0), "{rest:?}");
}

#[test]
fn a_handle_outlives_its_engine_and_says_so() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    engine.stop();
    assert!(matches!(handle.call(Command::Export), Err(CommandError::Stopped)));
    assert_eq!(handle.entries_since(Sequence(0), 10), Err(CommandError::Stopped));
}

#[test]
fn a_paused_source_takes_no_frames() {
    let store = SharedStore::new();
    let (feed, fed) = bounded(0);
    let (engine, handle, events) = live(&store, fed);
    feed.send(vec![]).unwrap();
    wait_for(&events, || handle.snapshot().live.source().frames == 1);
    handle.call(Command::SetPaused(true)).unwrap();
    feed.send(vec![]).unwrap();
    wait_for(&events, || handle.snapshot().live.source().state == SourceState::Paused);
    assert!(feed.try_send(vec![]).is_err());
    handle.call(Command::SetPaused(false)).unwrap();
    feed.send(vec![]).unwrap();
    wait_for(&events, || handle.snapshot().live.source().state == SourceState::Streaming);
    drop(feed);
    engine.stop();
}

#[test]
fn pictures_that_were_left_out_are_counted_when_the_source_has_ended() {
    let store = SharedStore::new();
    let (engine, handle, events) = watching_with_skipped(&store, visit(&[], 1), 3);
    until_ended(&events);
    assert_eq!(handle.snapshot().live.source().skipped, 3);
    engine.stop();
}
