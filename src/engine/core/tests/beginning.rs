//! What an engine does while its store is still being opened and read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::disk::fed;
use super::*;
use crate::capture::{CaptureError, CaptureSource, Frame, FrameSequence, RgbPicture};
use crate::engine::environment::Clock;
use crate::face::{Detection, Probe, Rect};
use crate::identify::Rejection;
use crate::inference::{AnalyserFacts, FaceAnalyser, StageTimes};
use crate::store::StoreError;

/// A camera that shows nobody, and is open while there is one of what it holds.
struct Held(#[allow(dead_code, reason = "counted from outside")] Arc<()>, u64);

impl CaptureSource for Held {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        std::thread::sleep(Duration::from_millis(10));
        self.1 += 1;
        Ok(Some(Frame {
            sequence: FrameSequence(self.1),
            at: StillClock.now(),
            picture: picture(&[]),
            label: None,
        }))
    }
    fn is_live(&self) -> bool {
        true
    }
    fn nominal_fps(&self) -> f32 {
        30.0
    }
}

/// Counts the pictures that faces are looked for in, and the faces that all nets look at.
struct Counted(ReadingAnalyser, Arc<AtomicUsize>, Arc<AtomicUsize>);

impl FaceAnalyser for Counted {
    fn facts(&self) -> &AnalyserFacts {
        self.0.facts()
    }
    fn detect(&mut self, of: &RgbPicture, times: &mut StageTimes) -> Result<Vec<Detection>, InferenceError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.detect(of, times)
    }
    fn look_again(
        &mut self,
        of: &RgbPicture,
        region: &Rect,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        self.0.look_again(of, region, times)
    }
    fn probe(
        &mut self,
        of: &RgbPicture,
        detection: &Detection,
        times: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        self.2.fetch_add(1, Ordering::SeqCst);
        self.0.probe(of, detection, times)
    }
}

/// A camera's frames are followed before the gallery is complete, and nobody is decided about: not that
/// somebody whose template is yet to come is a stranger. Afterwards they are recognised in the same stay.
#[test]
fn frames_are_followed_and_nobody_is_decided_about_before_the_gallery_is_complete() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    enrol(&handle, "Ana", &[1]).unwrap();
    first.stop();
    let before = store.kinds();

    let (more, held_back) = bounded(0);
    *store.held_back.lock().unwrap() = Some(held_back);
    let looked_at = Arc::new(AtomicUsize::new(0));
    let looked_at_closely = Arc::new(AtomicUsize::new(0));
    let mut parts = parts(&store);
    let (counter, close) = (Arc::clone(&looked_at), Arc::clone(&looked_at_closely));
    parts.load_analyser = Some(Box::new(move || {
        Ok(Box::new(Counted(ReadingAnalyser::new(facts()), counter, close)) as Box<dyn FaceAnalyser>)
    }));
    let (open, is_open) = bounded::<()>(0);
    let whole = store.clone();
    parts.store = Box::new(move || {
        let _ = is_open.recv();
        Ok(Box::new(whole))
    });
    let (feed, frames) = bounded(1);
    let starting = std::thread::spawn(move || fed(parts, frames));
    let patience = Instant::now() + Duration::from_secs(60);
    // A frame is looked at when the one before was answered, so that most of these were taken in.
    let look_at = |so_many: usize, waits_for: &str| {
        while looked_at.load(Ordering::SeqCst) < so_many {
            assert!(Instant::now() < patience, "frames wait for {waits_for}");
            let _ = feed.send_timeout(vec![1], Duration::from_millis(20));
        }
    };
    look_at(20, "the store");
    drop(open);
    look_at(40, "the gallery");
    assert_eq!(looked_at_closely.load(Ordering::SeqCst), 1, "by all nets once, before anybody could say so");
    assert!(!starting.is_finished(), "whoever starts it waits until everything is read");
    assert_eq!(store.kinds(), before, "nothing is written");

    drop(more);
    let (engine, handle, _events) = starting.join().unwrap();
    while store.count(EntryKind::Passage) == 0 {
        assert!(Instant::now() < patience, "Ana is not recognised afterwards");
        let _ = feed.send_timeout(vec![1], Duration::from_millis(20));
    }
    assert!(matches!(handle.snapshot().live.inference, InferenceStatus::Ready { .. }));
    assert_eq!(handle.snapshot().roster.templates, 1);
    drop(feed);
    engine.stop();
    assert_eq!(store.count(EntryKind::Unidentified), 0);
}

#[test]
fn an_engine_whose_store_cannot_be_read_does_not_start() {
    let store = SharedStore::new();
    store.is_unreadable.store(true, Ordering::SeqCst);
    let error = start(parts(&store)).err().expect("the log cannot be read").to_string();
    assert!(error.contains("the disk is gone"), "{error}");
}

/// The sources are open by then: they are let go of.
#[test]
fn an_engine_whose_store_cannot_be_opened_does_not_start_and_leaves_no_source_open() {
    let mut parts = parts(&SharedStore::new());
    let (open, is_open) = bounded::<()>(0);
    let held = Arc::new(());
    let source = Arc::clone(&held);
    parts.sources = vec![SourceParts {
        role: Default::default(),
        name: "watched".to_owned(),
        pace: Pace::RealTime,
        open: Box::new(move || {
            let _ = open.try_send(());
            Ok(Box::new(Held(Arc::clone(&source), 0)))
        }),
    }];
    parts.store = Box::new(move || {
        let _ = is_open.recv_timeout(Duration::from_secs(60));
        Err(StoreError::Busy { path: "elsewhere".into() })
    });
    let error = start(parts).err().expect("another process has it").to_string();
    assert!(error.contains("elsewhere"), "{error}");
    assert_eq!(Arc::strong_count(&held), 1, "the source is open still");
}
