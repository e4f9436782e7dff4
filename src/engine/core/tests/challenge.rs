//! A challenge through the engine: a drawn head that does what the snapshot asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::stand_ins::{Fed, SharedStore, StillClock, engine, enrol, parts, wait_for};
use crate::capture::{CaptureSource, Pace};
use crate::engine::command::{ChallengeOrder, Command, CommandError, Reply};
use crate::engine::environment::Clock;
use crate::engine::event::EngineEvent;
use crate::engine::{EngineHandle, RunningEngine, SourceParts, start};
use crate::face::Landmarks68;
use crate::face::challenge::drawn::{AHEAD, Pose, of_head};
use crate::face::challenge::{ChallengeFailure, ChallengeOutcome, ChallengePrompt, ChallengeTask};
use crate::ledger::{Actor, ClockState, EntryKind};

/// How the stand-in's faces are held, by number.
const POSES: [(f32, f32); 10] = [
    (0.0, 1.0),
    (0.0, 0.25),
    (10.0, 1.0),
    (20.0, 1.0),
    (28.0, 1.0),
    (30.0, 1.0),
    (-10.0, 1.0),
    (-20.0, 1.0),
    (-28.0, 1.0),
    (-30.0, 1.0),
];

/// The landmarks of pose `number`, from 1; none for 0.
pub(super) fn landmarks_of(number: u8) -> Option<Box<Landmarks68>> {
    let (yaw, eyes) = *POSES.get(usize::from(number).checked_sub(1)?)?;
    Some(Box::new(of_head(Pose { yaw, eyes, ..AHEAD })))
}

/// Person `who` held at pose `number`.
fn held(who: u8, number: u8) -> Vec<u8> {
    vec![number << 4 | who]
}

pub(super) struct Door {
    /// Dropped first, so that the capture thread is free when the engine stops.
    frames: Sender<Vec<u8>>,
    _engine: RunningEngine,
    pub(super) handle: EngineHandle,
    events: Receiver<EngineEvent>,
    clock: Moved,
    seen: u64,
}

impl Door {
    pub(super) fn open(store: &SharedStore) -> Self {
        let (frames, fed) = unbounded();
        let clock = Moved::default();
        let mut all = parts(store);
        all.clock = Arc::new(clock.clone());
        let open = move || Ok(Box::new(Fed(fed.clone(), 0)) as Box<dyn CaptureSource>);
        all.sources = vec![SourceParts {
            role: Default::default(),
            name: "fed".to_owned(),
            pace: Pace::RealTime,
            open: Box::new(open),
        }];
        let engine = start(all).unwrap();
        let handle = engine.handle(Actor::Local { uid: 7 });
        let events = handle.subscribe(10_000);
        Self { _engine: engine, handle, events, frames, clock, seen: 0 }
    }

    /// Shows one frame and waits until it was looked at.
    pub(super) fn show(&mut self, people: Vec<u8>) {
        self.clock.0.fetch_add(100, Ordering::SeqCst);
        self.frames.send(people).unwrap();
        self.seen += 1;
        let (seen, handle) = (self.seen, &self.handle);
        wait_for(&self.events, || handle.snapshot().live.source().frames == seen);
    }

    fn prompt(&self) -> Option<ChallengePrompt> {
        self.handle.snapshot().live.challenge.as_ref().map(|view| view.prompt)
    }

    fn outcome(&self) -> Option<ChallengeOutcome> {
        self.handle.snapshot().live.challenge.as_ref().and_then(|view| view.outcome)
    }

    fn order(&self, order: ChallengeOrder) -> Result<Reply, CommandError> {
        self.handle.call(Command::Challenge(order))
    }

    /// Does as it is told, as person `who`, until the challenge ends.
    fn obey(&mut self, who: u8) -> ChallengeOutcome {
        for _ in 0..200 {
            let course: &[u8] = match self.prompt() {
                Some(ChallengePrompt::Do(ChallengeTask::Blink)) => &[1, 2, 2, 1],
                Some(ChallengePrompt::Do(ChallengeTask::TurnLeft)) => &[3, 4, 5, 6, 5, 4, 3],
                Some(ChallengePrompt::Do(ChallengeTask::TurnRight)) => &[7, 8, 9, 10, 9, 8, 7],
                _ => &[1],
            };
            for pose in course {
                self.show(held(who, *pose));
            }
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
        }
        panic!("it never ended");
    }
}

/// A clock that each frame moves on by a tenth of a second.
#[derive(Clone, Default)]
struct Moved(Arc<AtomicI64>);

impl Clock for Moved {
    fn now(&self) -> DateTime<Utc> {
        StillClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
    fn state(&self) -> ClockState {
        ClockState::Synchronised
    }
}

/// Everything but the engine's start.
fn written(store: &SharedStore) -> Vec<EntryKind> {
    // That an operator asked for it is on record; of whoever was asked, nothing is.
    let beside = [EntryKind::Started, EntryKind::Stopped, EntryKind::Enrolled, EntryKind::OperatorActed];
    store.kinds().into_iter().filter(|kind| !beside.contains(kind)).collect()
}

#[test]
fn who_does_as_told_passes_and_is_named() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    enrol(&handle, "Ana", &[1]).unwrap();
    first.stop();
    let mut door = Door::open(&store);
    door.show(held(1, 1));
    door.order(ChallengeOrder::Begin).unwrap();
    assert_eq!(door.prompt(), Some(ChallengePrompt::LookAhead));
    assert_eq!(door.obey(1), ChallengeOutcome::Passed);
    let view = door.handle.snapshot().live.challenge.clone().unwrap();
    assert_eq!(view.person.unwrap().as_str(), "Ana");
    // The passage is the track's, and the only one: the challenge wrote nothing of its own.
    assert!(written(&store).iter().all(|kind| *kind == EntryKind::Passage), "{:?}", written(&store));
    door.order(ChallengeOrder::Close).unwrap();
    assert_eq!(door.handle.snapshot().live.challenge, None);
}

#[test]
fn how_it_ended_is_an_event_said_once() {
    let store = SharedStore::new();
    let mut door = Door::open(&store);
    let events = door.handle.subscribe(10_000);
    door.show(held(2, 1));
    door.order(ChallengeOrder::Begin).unwrap();
    for _ in 0..9 {
        door.show(held(2, 1));
    }
    assert!(matches!(door.prompt(), Some(ChallengePrompt::Do(_))));
    // Somebody else steps in.
    door.show(held(3, 1));
    let failed = ChallengeOutcome::Failed(ChallengeFailure::FaceChanged);
    assert_eq!(door.outcome(), Some(failed));
    door.order(ChallengeOrder::Close).unwrap();
    let ended: Vec<EngineEvent> =
        events.try_iter().filter(|event| matches!(event, EngineEvent::ChallengeEnded { .. })).collect();
    assert_eq!(ended, [EngineEvent::ChallengeEnded { outcome: failed, person: None }]);
}

#[test]
fn closing_it_early_says_that_it_was_cancelled() {
    let store = SharedStore::new();
    let mut door = Door::open(&store);
    let events = door.handle.subscribe(10_000);
    door.show(held(2, 1));
    door.order(ChallengeOrder::Begin).unwrap();
    door.order(ChallengeOrder::Close).unwrap();
    let cancelled = ChallengeOutcome::Failed(ChallengeFailure::Cancelled);
    let ended = EngineEvent::ChallengeEnded { outcome: cancelled, person: None };
    assert_eq!(events.try_iter().filter(|event| *event == ended).count(), 1);
}

#[test]
fn without_landmarks_or_a_picture_it_says_why_not() {
    let store = SharedStore::new();
    let mut door = Door::open(&store);
    door.show(held(2, 0));
    door.order(ChallengeOrder::Begin).unwrap();
    door.show(held(2, 0));
    assert_eq!(door.outcome(), Some(ChallengeOutcome::Failed(ChallengeFailure::NoLandmarks)));

    let (_engine, handle) = engine(&store);
    wait_for(&handle.subscribe(16), || {
        matches!(handle.snapshot().live.inference, crate::engine::state::InferenceStatus::Ready { .. })
    });
    let refused = handle.call(Command::Challenge(ChallengeOrder::Begin)).unwrap_err();
    assert!(matches!(refused, CommandError::NoPicture { .. }), "{refused}");
    handle.call(Command::Challenge(ChallengeOrder::Close)).unwrap();
}

#[test]
fn a_self_test_is_noted_with_its_figures() {
    let store = SharedStore::new();
    let (_engine, handle) = engine(&store);
    let figures = "print: 0 of 20".to_owned();
    let Reply::Written(entry) = handle.call(Command::NotePadTest { figures: figures.clone() }).unwrap()
    else {
        panic!("not written")
    };
    assert_eq!((entry.kind, entry.note), (EntryKind::PadTested, Some(figures)));
    assert_eq!(written(&store), [EntryKind::PadTested]);
}
