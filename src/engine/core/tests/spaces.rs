//! Crops kept at enrolment, and templates that move to another embedding space by them. The nets here
//! find one bright box in a picture and tell people apart by its colour, so that what a crop still
//! shows is what decides.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::capture::{RgbPicture, picture};
use crate::engine::command::{EnrolmentPictures, FaceChoice, SpaceReport};
use crate::engine::core::crops::{CROP_SIDE, encoded_crop};
use crate::engine::environment::Entropy;
use crate::face::{Detection, Embedding, EmbeddingSpace, FivePoints, Liveness, Point, Probe, Quality, Rect};
use crate::identify::Rejection;
use crate::inference::{AnalyserFacts, FaceAnalyser, StageTimes};
use crate::store::{Change, ChangePoint};

/// Finds the smallest box of pixels above 100; red and blue are two people.
struct ColourAnalyser(AnalyserFacts);

impl FaceAnalyser for ColourAnalyser {
    fn facts(&self) -> &AnalyserFacts {
        &self.0
    }

    fn detect(&mut self, picture: &RgbPicture, _: &mut StageTimes) -> Result<Vec<Detection>, InferenceError> {
        let bright = |x: u32, y: u32| picture.pixel(x, y).into_iter().any(|value| value > 100);
        let all = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
        let found: Vec<(u32, u32)> = all.filter(|(x, y)| bright(*x, *y)).collect();
        let (Some(left), Some(right)) = (found.iter().map(|p| p.0).min(), found.iter().map(|p| p.0).max())
        else {
            return Ok(Vec::new());
        };
        let (top, bottom) = (found[0].1, found[found.len() - 1].1);
        let corner = |x: u32, y: u32| (x as f32, y as f32);
        let ((x, y), (right, bottom)) = (corner(left, top), corner(right + 1, bottom + 1));
        Ok(vec![Detection { bounds: Rect::from_corners(x, y, right, bottom), score: 0.9, points: None }])
    }

    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        _: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        let middle = detection.bounds.center();
        let [red, _, blue] = picture.pixel(middle.x as u32, middle.y as u32);
        let mut values = vec![0.01f32; 16];
        values[usize::from(blue > red)] = 1.0;
        Ok(Ok(Probe {
            bounds: detection.bounds,
            detection_score: detection.score,
            points: FivePoints::from_array([Point::default(); 5]),
            landmarks: None,
            quality: Quality::default(),
            embedding: Embedding::normalised(values).unwrap(),
            liveness: Liveness::NotRun,
        }))
    }
}

/// Random numbers that do not begin again with each engine, so that no id comes twice.
struct Rising;

impl Entropy for Rising {
    fn fill(&mut self, bytes: &mut [u8]) {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.fill(0);
        let end = bytes.len();
        bytes[end - 8..].copy_from_slice(&count);
    }
}

const SPACES: [EmbeddingSpace; 2] = [EmbeddingSpace([1; 32]), EmbeddingSpace([2; 32])];

fn engine_in(store: &SharedStore, space: EmbeddingSpace, keep_crops: bool) -> (RunningEngine, EngineHandle) {
    let mut parts = parts(store);
    parts.settings.keep_crops = keep_crops;
    parts.entropy = Box::new(Rising);
    let facts = AnalyserFacts { space, ..facts() };
    parts.load_analyser =
        Some(Box::new(move || Ok(Box::new(ColourAnalyser(facts)) as Box<dyn FaceAnalyser>)));
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    (engine, handle)
}

/// A box of 20 by 20 pixels in a dark picture of 100 by 80.
fn coloured(colour: [u8; 3], x: u32, y: u32) -> RgbPicture {
    let inside = |at: u32, from: u32| (from..from + 20).contains(&at);
    let pixel = |i: u32| if inside(i % 100, x) && inside(i / 100, y) { colour } else { [20, 20, 20] };
    RgbPicture::new(100, 80, (0..8000).flat_map(pixel).collect::<Vec<u8>>()).unwrap()
}

const RED: [u8; 3] = [230, 30, 30];
const BLUE: [u8; 3] = [30, 30, 230];

fn shown(colour: [u8; 3]) -> PictureBytes {
    let picture = coloured(colour, 60, 50);
    let mut bytes = b"P6 100 80 255\n".to_vec();
    bytes.extend_from_slice(picture.data());
    PictureBytes { label: "file.ppm".to_owned(), bytes }
}

fn enrolled(handle: &EngineHandle, name: &str, colour: [u8; 3]) -> crate::attendance::PersonId {
    let target = EnrolmentTarget::New { name: name.parse().unwrap(), identifier: None };
    let source = EnrolmentSource::Pictures(EnrolmentPictures {
        pictures: vec![shown(colour)],
        face: FaceChoice::Main,
        leave_out: false,
    });
    // The nets may still be loading.
    person(handle.call(Command::Enrol { target, source, anyway: true }).unwrap())
}

fn reembed(handle: &EngineHandle, dry_run: bool) -> SpaceReport {
    loop {
        match handle.call(Command::Reembed { dry_run }) {
            Ok(Reply::Reembedded(report)) => return report,
            Err(CommandError::NoInference { .. }) => std::thread::yield_now(),
            other => panic!("{other:?}"),
        }
    }
}

fn who(handle: &EngineHandle, colour: [u8; 3]) -> Option<crate::attendance::PersonId> {
    let Reply::Identified(answer) = handle.call(Command::Identify(shown(colour))).unwrap() else { panic!() };
    answer.faces[0].identification.person()
}

fn crops(store: &SharedStore) -> usize {
    let changes = store.changes_since(ChangePoint(0)).unwrap().changes;
    let templates = changes.iter().filter_map(|change| match change {
        Change::TemplatePut(template) => Some(template.id),
        _ => None,
    });
    templates.filter(|id| store.crop(*id).unwrap().is_some()).count()
}

#[test]
fn a_crop_is_kept_only_where_the_site_wants_it_and_goes_with_the_person() {
    for keep in [false, true] {
        let store = SharedStore::new();
        let (engine, handle) = engine_in(&store, SPACES[0], keep);
        let ana = enrolled(&handle, "Ana", RED);
        assert_eq!(crops(&store), usize::from(keep));
        handle.call(Command::Remove(ana)).unwrap();
        assert_eq!(crops(&store), 0);
        engine.stop();
    }
}

#[test]
fn templates_with_a_crop_move_in_one_entry_and_others_are_named() {
    let store = SharedStore::new();
    let (engine, handle) = engine_in(&store, SPACES[0], true);
    let ana = enrolled(&handle, "Ana", RED);
    engine.stop();
    let (engine, handle) = engine_in(&store, SPACES[0], false);
    let bo = enrolled(&handle, "Bo", BLUE);
    engine.stop();

    let (engine, handle) = engine_in(&store, SPACES[1], false);
    let before = (store.changes_since(ChangePoint(0)).unwrap(), store.kinds());
    let planned = reembed(&handle, true);
    assert_eq!((store.changes_since(ChangePoint(0)).unwrap(), store.kinds()), before);
    assert_eq!(who(&handle, RED), None);
    let report = reembed(&handle, false);
    assert_eq!(report, planned);
    assert_eq!((report.there_already, report.recomputed, report.left), (0, 1, 1));
    let again: Vec<_> = report.enrol_again.iter().map(|person| person.id).collect();
    assert_eq!(again, [bo]);
    assert_eq!((who(&handle, RED), who(&handle, BLUE)), (Some(ana), None));
    assert_eq!(crops(&store), 1, "the crop stays for the next net");
    assert_eq!(store.count(EntryKind::SpaceChanged), 1);
    let note = store.entries().last().unwrap().parts.note.clone().unwrap().text;
    assert!(note.contains("1 templates computed anew") && !note.contains("Bo"), "{note}");
    let Reply::Spaces(spaces) = handle.call(Command::Spaces).unwrap() else { panic!() };
    let spaces: Vec<_> = spaces.iter().map(|count| (count.space, count.templates, count.people)).collect();
    assert_eq!(spaces, [(SPACES[0], 1, 1), (SPACES[1], 1, 1)]);
    engine.stop();
    store.verify().unwrap();
}

#[test]
fn with_nothing_to_move_nothing_is_written() {
    let store = SharedStore::new();
    let (engine, handle) = engine_in(&store, SPACES[0], true);
    enrolled(&handle, "Ana", RED);
    let report = reembed(&handle, false);
    assert_eq!((report.there_already, report.recomputed, report.left), (1, 0, 0));
    assert_eq!(store.count(EntryKind::SpaceChanged), 0);
    engine.stop();
}

#[test]
fn a_store_that_fails_moves_nothing() {
    let store = SharedStore::new();
    let (engine, handle) = engine_in(&store, SPACES[0], true);
    let ana = enrolled(&handle, "Ana", RED);
    engine.stop();
    let (engine, handle) = engine_in(&store, SPACES[1], true);
    assert_eq!(reembed(&handle, true).recomputed, 1);
    store.fails.store(true, Ordering::SeqCst);
    let failed = handle.call(Command::Reembed { dry_run: false }).unwrap_err();
    assert!(matches!(failed, CommandError::Store { .. }), "{failed}");
    assert_eq!(who(&handle, RED), None);
    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(reembed(&handle, false).recomputed, 1);
    assert_eq!(who(&handle, RED), Some(ana));
    engine.stop();
}

/// At the border the square is black outside, so that the face is in its middle all the same; a large
/// face is made smaller, a small one is not made larger.
#[test]
fn a_crop_shows_the_face_in_its_middle() {
    let decoded = |picture: &RgbPicture, bounds: Rect| {
        picture::decode(encoded_crop(picture, &bounds).unwrap().as_bytes(), "crop").unwrap()
    };
    let corner = decoded(&coloured(RED, 0, 0), Rect::new(0.0, 0.0, 20.0, 20.0));
    assert_eq!((corner.width(), corner.height()), (40, 40));
    assert!(corner.pixel(20, 20)[0] > 200 && corner.pixel(3, 3)[0] < 40, "{:?}", corner.pixel(3, 3));
    let large = RgbPicture::new(1000, 1000, vec![90u8; 3_000_000]).unwrap();
    assert_eq!(decoded(&large, Rect::new(100.0, 100.0, 700.0, 800.0)).width(), CROP_SIDE);
    assert!(encoded_crop(&large, &Rect::new(5000.0, 0.0, 10.0, 10.0)).is_none());
    assert!(encoded_crop(&large, &Rect::new(f32::NAN, 0.0, 10.0, 10.0)).is_none());
}
