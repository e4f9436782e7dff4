//! What the stages allocate once they have seen a picture of a size: nothing but what they hand on.
//!
//! Counted are allocations of this program on the thread that works. What ONNX Runtime itself takes is no
//! part of it; what its binding takes for a run is measured by running the nets alone, and taken off.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use chrono::{DateTime, TimeDelta};
use muster::capture::camera::{CameraMode, Encoding, FrameDecoder};
use muster::capture::{RgbPicture, picture};
use muster::face::{QualityScore, Rect};
use muster::inference::resample::{Patch, Scaler};
use muster::inference::{FaceAnalyser, Pipeline, PipelineOptions, StageTimes};
use muster::track::{Face, Follower, TrackSettings};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and is not the one that is looked at.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TIMES: u64 = 10;

/// Allocations of each of [`TIMES`] times, which all do the same.
fn each(mut work: impl FnMut()) -> u64 {
    for _ in 0..8 {
        work();
    }
    let before = COUNT.with(Cell::get);
    for _ in 0..TIMES {
        work();
    }
    let counted = COUNT.with(Cell::get) - before;
    assert_eq!(counted % TIMES, 0, "the same work allocates differently: {counted} in {TIMES} times");
    counted / TIMES
}

#[test]
fn the_counter_counts() {
    assert_eq!(each(|| drop(std::hint::black_box(Box::new(7)))), 1);
    assert_eq!(each(|| ()), 0);
}

#[test]
fn a_camera_s_pictures_are_decoded_into_memory_of_earlier_ones() {
    let yuyv = vec![90u8; 640 * 480 * 2];
    let mode = CameraMode { width: 640, height: 480, fps: 30, encoding: Encoding::Yuyv };
    let mut decoder = FrameDecoder::new(mode);
    assert_eq!(each(|| drop(decoder.decode(&yuyv).unwrap())), 0);
}

/// Lists of a few words each, as long as there are faces: which tracks there are, which may be which face's, and
/// what is answered.
#[test]
fn following_faces_takes_a_few_short_lists_a_frame_however_many_faces_there_are() {
    let counts = [0, 1, 8].map(|count| {
        let bounds = |number: usize| Rect::new(number as f32 * 90.0, 40.0, 60.0, 60.0);
        let face = |number| Face { bounds: bounds(number), embedding: None, quality: QualityScore(0.8) };
        let faces: Vec<Face> = (0..count).map(face).collect();
        let boxes: Vec<Rect> = faces.iter().map(|face| face.bounds).collect();
        let mut follower = Follower::new(TrackSettings::default());
        let mut at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        each(|| {
            at += TimeDelta::milliseconds(40);
            assert!(follower.missing(at, &boxes).is_empty());
            assert_eq!(follower.plan(at, &boxes).len(), count);
            assert!(follower.observe(at, &faces).ended.is_empty());
        })
    });
    println!("following 0, 1 and 8 faces allocates {counts:?} times a frame");
    assert_eq!(counts[0], 0, "nobody is followed");
    assert!(counts[1] <= 6 && counts[2] <= 9, "{counts:?}");
}

#[test]
fn the_nets_are_fed_and_read_without_memory_of_their_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (models_dir, photograph) = (root.join("models"), root.join("data/demo/enrol/obama.jpg"));
    if let Some(missing) =
        [models_dir.join("runtime/manifest.toml"), photograph.clone()].into_iter().find(|path| !path.exists())
    {
        println!("SKIPPED: {} is not there; `make setup` fetches it", missing.display());
        return;
    }
    let options = PipelineOptions::plain(models_dir, "default");
    let mut pipeline = Pipeline::load(&options).unwrap();
    let face = picture::read(&photograph).unwrap();
    let nobody = RgbPicture::new(640, 480, vec![120u8; 640 * 480 * 3]).unwrap();
    let times = &mut StageTimes::default();
    let detection = pipeline.detect(&face, times).unwrap()[0];
    pipeline.probe(&face, &detection, times).unwrap().unwrap();
    // What the binding to the runtime takes for a run of each net, by the net's file.
    let mut binding = std::collections::BTreeMap::new();
    for net in pipeline.nets() {
        if net.runs() > 0 {
            let name = net.name().to_owned();
            binding.insert(name, each(|| net.run(|_| Ok(())).unwrap()));
        }
    }
    let runs = |names: &[&str]| names.iter().map(|name| binding[*name]).sum::<u64>();

    // The library that scales pictures makes its table of weights anew for each, in small pieces. A scaler of
    // our own that keeps them was tried: the same pixels to the last bit, in three times the time.
    let scaled = |picture: &RgbPicture, width, height| {
        let (mut scaler, mut patch) = (Scaler::default(), Patch::of(320, 240));
        each(|| scaler.scale_into(picture.into(), width, height, &mut patch).unwrap())
    };
    let (scaled_nobody, scaled_face) = (scaled(&nobody, 320, 240), scaled(&face, 192, 240));
    println!("scaling allocates {scaled_nobody} and {scaled_face} times; the binding, a run: {binding:?}");
    let empty = each(|| assert!(pipeline.detect(&nobody, times).unwrap().is_empty()));
    assert_eq!(empty, runs(&["fr_detect.onnx"]) + scaled_nobody, "detection in an empty picture");
    // The list of faces.
    let seen = each(|| assert_eq!(pipeline.detect(&face, times).unwrap().len(), 1));
    assert_eq!(seen, runs(&["fr_detect.onnx"]) + scaled_face + 1, "detection of a face");
    // The landmarks and the embedding.
    let probed = each(|| drop(pipeline.probe(&face, &detection, times).unwrap().unwrap()));
    let all = runs(&["fr_landmark.onnx", "fr_liveness.onnx", "fr_feature.onnx"]);
    assert_eq!(probed, all + 2, "landmarks, alignment, quality, liveness and embedding of a face");
}
