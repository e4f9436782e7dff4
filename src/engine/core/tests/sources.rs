//! Several sources at once, and pictures that are of little use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::stand_ins::{Fed, SharedStore, StillClock, enrol, parts, person, wait_for};
use crate::attendance::{ClockMode, PresenceState, SourceRole};
use crate::capture::{CaptureError, CaptureSource, Frame, FrameSequence, Pace, RgbPicture};
use crate::engine::command::Command;
use crate::engine::environment::Clock;
use crate::engine::event::EngineEvent;
use crate::engine::state::{LiveState, SourceIndex, SourceState};
use crate::engine::{CommandError, EngineHandle, RunningEngine, SourceParts, start};
use crate::ledger::{Actor, EntryKind};

/// An engine that watches two doors, and the hands that put people before them.
struct TwoDoors {
    store: SharedStore,
    engine: RunningEngine,
    handle: EngineHandle,
    events: Receiver<EngineEvent>,
    front: Sender<Vec<u8>>,
    yard: Sender<Vec<u8>>,
}

impl TwoDoors {
    fn new() -> Self {
        let store = SharedStore::new();
        let mut all = parts(&store);
        let mut rules = (*all.settings.rules).clone();
        rules.clock = ClockMode::InOut;
        all.settings.rules = Arc::new(rules);
        all.settings.debounce = chrono::TimeDelta::zero();
        let mut door = |name: &str, role| {
            let (feed, fed) = bounded(1);
            let open = move || Ok(Box::new(Fed(fed.clone(), 0)) as Box<dyn CaptureSource>);
            all.sources.push(SourceParts {
                name: name.to_owned(),
                role,
                pace: Pace::RealTime,
                open: Box::new(open),
            });
            feed
        };
        let (front, yard) = (door("front", SourceRole::In), door("yard", SourceRole::Out));
        let engine = start(all).unwrap();
        let handle = engine.handle(Actor::Local { uid: 7 });
        let events = handle.subscribe(10_000);
        Self { store, engine, handle, events, front, yard }
    }

    fn live(&self) -> Arc<LiveState> {
        self.handle.snapshot().live
    }

    /// Shows `people` at both doors until it is so.
    fn show(&self, at_front: &[u8], at_yard: &[u8], is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            self.front.send(at_front.to_vec()).unwrap();
            self.yard.send(at_yard.to_vec()).unwrap();
        }
    }

    fn passages(&self) -> Vec<(crate::attendance::PersonId, PresenceState, String)> {
        let entries = self.store.entries();
        let passages = entries.iter().filter(|entry| entry.head.kind == EntryKind::Passage);
        let record = passages.filter_map(|entry| entry.parts.record.as_ref());
        record
            .map(|record| (record.person, record.state.unwrap(), record.details.source.clone().unwrap()))
            .collect()
    }

    fn notes(&self, kind: EntryKind) -> Vec<String> {
        let entries = self.store.entries();
        let those = entries.iter().filter(|entry| entry.head.kind == kind);
        those.map(|entry| entry.parts.note.as_ref().unwrap().text.clone()).collect()
    }
}

#[test]
fn each_door_says_which_way_people_went_and_nets_gallery_and_ledger_are_one() {
    let doors = TwoDoors::new();
    let ana = person(enrol(&doors.handle, "Ana", &[1]).unwrap());
    let bo = person(enrol(&doors.handle, "Bo", &[2]).unwrap());
    // Ana comes in while Bo goes out; with one follower their tracks would be one person's that jumps.
    doors.show(&[1], &[2], |doors| doors.passages().len() == 2);
    let mut passages = doors.passages();
    passages.sort_by_key(|passage| passage.0);
    let mut expected =
        vec![(ana, PresenceState::Present, "front".to_owned()), (bo, PresenceState::Left, "yard".to_owned())];
    expected.sort_by_key(|passage| passage.0);
    assert_eq!(passages, expected);
    let live = doors.live();
    let counted: Vec<_> =
        live.sources.iter().map(|source| (source.name.as_str(), source.frames > 0)).collect();
    assert_eq!(counted, [("front", true), ("yard", true)]);
    doors.engine.stop();
}

#[test]
fn the_source_that_is_looked_at_gives_the_faces_and_the_shots() {
    let doors = TwoDoors::new();
    enrol(&doors.handle, "Ana", &[1]).unwrap();
    doors.show(&[1], &[], |doors| doors.live().tracks.len() == 1 && doors.live().sources[1].frames > 0);
    let ids = |doors: &TwoDoors| -> Vec<_> { doors.live().tracks.iter().map(|track| track.id).collect() };
    let at_front = ids(&doors);
    assert!(matches!(
        doors.handle.call(Command::Look(SourceIndex(2))),
        Err(CommandError::NoPicture { reason }) if reason.contains("no such source")
    ));
    doors.handle.call(Command::Look(SourceIndex(1))).unwrap();
    assert_eq!(doors.live().source().name, "yard");
    doors.show(&[1], &[3, 4], |doors| doors.live().tracks.len() == 2);
    // No two tracks of the engine have one number.
    assert!(ids(&doors).iter().all(|id| !at_front.contains(id)));
    assert_eq!(doors.live().sources.iter().map(|source| source.in_view).collect::<Vec<_>>(), [1, 2]);
    // Whoever is being enrolled stands before one source.
    doors.handle.call(Command::BeginShooting).unwrap();
    let refused = doors.handle.call(Command::Look(SourceIndex(0)));
    assert!(matches!(refused, Err(CommandError::NoPicture { reason }) if reason.contains("end that first")));
    doors.engine.stop();
}

#[test]
fn one_door_is_lost_and_the_other_goes_on() {
    let TwoDoors { store, engine, handle, events, front, yard } = TwoDoors::new();
    let is_lost = || {
        let live = handle.snapshot().live;
        live.sources.first().is_some_and(|front| matches!(front.state, SourceState::Lost { .. }))
    };
    front.send(vec![]).unwrap();
    yard.send(vec![]).unwrap();
    drop(front);
    wait_for(&events, is_lost);
    let bo = person(enrol(&handle, "Bo", &[2]).unwrap());
    while handle.snapshot().roster.rows[0].presence.is_none() {
        yard.send(vec![2]).unwrap();
    }
    let doors = TwoDoors { store, engine, handle, events, front: yard.clone(), yard };
    assert_eq!(doors.passages(), [(bo, PresenceState::Left, "yard".to_owned())]);
    assert_eq!(doors.notes(EntryKind::SourceLost).len(), 1);
    assert!(doors.notes(EntryKind::SourceLost)[0].starts_with("front: the cable was not found"));
    doors.engine.stop();
}

/// A camera whose pictures are as light as the test says.
struct Lit(Arc<AtomicU8>, u64);

impl CaptureSource for Lit {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        std::thread::sleep(Duration::from_millis(20));
        self.1 += 1;
        let (level, noise) = (self.0.load(Ordering::Relaxed), (self.1 % 3) as u8);
        let column = |x: usize| [level.saturating_add((x % 2) as u8 * (level / 2)).saturating_add(noise); 3];
        let data: Vec<u8> = (0..64 * 48).flat_map(column).collect();
        let at: DateTime<Utc> = StillClock.now();
        let picture = RgbPicture::new(64, 48, data).unwrap();
        Ok(Some(Frame { sequence: FrameSequence(self.1), at, picture, label: None }))
    }
    fn is_live(&self) -> bool {
        true
    }
    fn nominal_fps(&self) -> f32 {
        30.0
    }
}

#[test]
fn a_picture_of_little_use_is_a_state_with_a_reason_an_entry_and_a_way_back() {
    let store = SharedStore::new();
    let light = Arc::new(AtomicU8::new(12));
    let mut all = parts(&store);
    // Without nets: what is looked for needs none, and these pictures are none of theirs.
    all.load_analyser = None;
    let lamp = Arc::clone(&light);
    let open = move || Ok(Box::new(Lit(Arc::clone(&lamp), 0)) as Box<dyn CaptureSource>);
    let (name, role, pace) = ("hall".to_owned(), SourceRole::Both, Pace::RealTime);
    all.sources = vec![SourceParts { name, role, pace, open: Box::new(open) }];
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(100_000);
    let trouble = || handle.snapshot().live.source().trouble.clone();
    wait_for(&events, || trouble().is_some());
    assert!(trouble().unwrap().starts_with("covered?") || trouble().unwrap().starts_with("too dark: 1"));
    assert_eq!(handle.snapshot().live.source().state, SourceState::Streaming);
    light.store(120, Ordering::Relaxed);
    wait_for(&events, || trouble().is_none());
    engine.stop();
    let note = |kind| {
        let entries = store.entries();
        let entry = entries.iter().find(|entry| entry.head.kind == kind).unwrap();
        entry.parts.note.as_ref().unwrap().text.clone()
    };
    assert!(note(EntryKind::SourceImpaired).contains("of 255"));
    assert_eq!(note(EntryKind::SourceRestored), "its pictures are good again");
    assert_eq!(store.count(EntryKind::SourceImpaired), 1);
}
