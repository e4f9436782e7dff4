//! What the liveness net says, per detector: genuine photographs, and simulated re-captures, which
//! are no real attacks. Each test prints its figures:
//! `cargo test --release --test it liveness -- --nocapture`.

use std::path::{Path, PathBuf};

use muster::capture::video::{VideoOptions, VideoSource};
use muster::capture::{CaptureSource, RgbPicture, picture};
use muster::face::Liveness;
use muster::identify::interval::{CONFIDENCE_95, clopper_pearson};
use muster::inference::{FaceAnalyser, Pipeline, PipelineOptions};

use crate::recapture::{Medium, recapture};
use crate::support::{faces, largest, options, pipeline, sorted};

/// A collage of portraits: no scene that a camera saw, so that its faces are counted apart.
const COLLAGE: &str = "bald_guys.jpg";

/// Genuine faces by what the net said of them.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    pictures: usize,
    no_face: usize,
    not_measurable: usize,
    measured: usize,
    under: usize,
}

impl Counts {
    /// Takes the largest face of `picture` in, or all.
    fn take(&mut self, pipeline: &mut Pipeline, picture: &RgbPicture, all: bool) {
        self.pictures += 1;
        let threshold = pipeline.facts().liveness.unwrap().threshold;
        let analysis = pipeline.analyse(picture).unwrap();
        let faces: Vec<_> =
            if all { analysis.faces.iter().collect() } else { largest(&analysis).into_iter().collect() };
        self.no_face += usize::from(faces.is_empty());
        for probe in faces.iter().filter_map(|face| face.probe.as_ref().ok()) {
            match probe.liveness {
                Liveness::Score(score) => {
                    self.measured += 1;
                    self.under += usize::from(score < threshold);
                }
                _ => self.not_measurable += 1,
            }
        }
    }

    fn print(&self, what: &str) {
        let (least, most) = clopper_pearson(self.under as u64, self.measured as u64, CONFIDENCE_95);
        println!(
            "{what}: {} of {} measured under the threshold (BPCER {:.1} to {:.1} %); {} not measurable, {} \
             pictures of {} without a face",
            self.under,
            self.measured,
            least * 100.0,
            most * 100.0,
            self.not_measurable,
            self.no_face,
            self.pictures
        );
    }
}

fn stills(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in sorted(folder) {
        match path.is_dir() {
            true => all.extend(stills(&path)),
            false if picture::read(&path).is_ok() => all.push(path),
            false => {}
        }
    }
    all
}

/// Every frame of the clip: each is counted, though frames that follow each other are not independent.
fn clip(pipeline: &mut Pipeline, path: &Path) -> Counts {
    let mut source = VideoSource::open(path, chrono::DateTime::UNIX_EPOCH, VideoOptions::default()).unwrap();
    let mut counts = Counts::default();
    while let Some(frame) = source.next_frame().unwrap() {
        counts.take(pipeline, &frame.picture, false);
    }
    counts
}

fn genuine(pack: &str, most_under: usize) {
    let Some(people) = faces("people") else { return };
    let mut pipeline = pipeline(pack);
    let mut under = 0;
    for (name, folder) in [
        ("lfw10", people.join("lfw10")),
        ("johns", people.join("johns")),
        ("bbt", people.join("bbt")),
        ("portraits", people.join("../portraits")),
        ("groups", people.join("../groups")),
    ] {
        let mut counts = Counts::default();
        for path in stills(&folder).iter().filter(|path| !path.ends_with(COLLAGE)) {
            counts.take(&mut pipeline, &picture::read(path).unwrap(), name == "groups");
        }
        counts.print(&format!("{pack}, {name}"));
        under += counts.under;
    }
    let mut counts = Counts::default();
    counts.take(&mut pipeline, &picture::read(&people.join("../groups").join(COLLAGE)).unwrap(), true);
    counts.print(&format!("{pack}, the collage, whose faces are pictures beside pictures"));
    let counts = clip(&mut pipeline, &people.join("../video/short_hamilton_clip.mp4"));
    counts.print(&format!("{pack}, every frame of the clip"));
    under += counts.under;
    assert!(under <= most_under, "{pack}: {under} genuine faces under the threshold");
}

#[test]
fn liveness_of_genuine_faces_with_the_default_pack() {
    genuine("default", 7);
}

#[test]
fn liveness_of_genuine_faces_with_the_mtcnn_pack() {
    genuine("mtcnn", 7);
}

/// One presentation is one photograph on one medium, seen at three angles: the mean of its scores.
fn simulated(pack: &str) -> Vec<(Medium, Vec<Liveness>)> {
    let Some(portraits) = faces("portraits") else { return Vec::new() };
    let mut pipeline = pipeline(pack);
    let mut all: Vec<(Medium, Vec<Liveness>)> = Medium::ALL.map(|medium| (medium, Vec::new())).into();
    for path in stills(&portraits) {
        let photograph = picture::read(&path).unwrap();
        let analysis = pipeline.analyse(&photograph).unwrap();
        let Some(bounds) = largest(&analysis).map(|face| face.detection.bounds) else { continue };
        for (medium, outcomes) in &mut all {
            let mut scores = Vec::new();
            for yaw in [-15.0, 0.0, 15.0] {
                let scene = recapture(&photograph, &bounds, *medium, yaw);
                let seen = pipeline.analyse(&scene).unwrap();
                let probe = largest(&seen).and_then(|face| face.probe.as_ref().ok());
                scores.extend(probe.and_then(|probe| probe.liveness.score()));
            }
            let mean = scores.iter().sum::<f32>() / scores.len() as f32;
            outcomes.push(if scores.is_empty() { Liveness::NotMeasurable } else { Liveness::Score(mean) });
        }
    }
    all
}

/// Simulated presentations are no evidence about real ones; that they are told from genuine
/// photographs says only that crop, channel order and classes are as the net wants them.
#[test]
fn liveness_of_simulated_recaptures() {
    for pack in ["default", "mtcnn"] {
        for (medium, outcomes) in simulated(pack) {
            let measured: Vec<f32> = outcomes.iter().filter_map(|outcome| outcome.score()).collect();
            let accepted = measured.iter().filter(|score| **score >= 0.5).count();
            let (least, most) = clopper_pearson(accepted as u64, measured.len() as u64, CONFIDENCE_95);
            println!(
                "{pack}, simulated {medium:?}: {accepted} of {} accepted (APCER {:.1} to {:.1} %), {} not measurable; \
                 scores {measured:.2?}",
                measured.len(),
                least * 100.0,
                most * 100.0,
                outcomes.len() - measured.len()
            );
            assert!(measured.len() >= 12 && 2 * accepted < measured.len(), "{pack}, {medium:?}");
        }
    }
}

/// With liveness off the net is not loaded, so that a models folder may lack it.
#[test]
fn liveness_off_needs_no_liveness_net() {
    let folder = tempfile::tempdir().unwrap();
    let real = crate::support::models_dir().canonicalize().unwrap();
    for path in sorted(&real).iter().filter(|path| !path.ends_with("fr_liveness.onnx")) {
        std::os::unix::fs::symlink(path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let with =
        |liveness| PipelineOptions { models_dir: folder.path().to_owned(), liveness, ..options("default") };
    let error = Pipeline::load(&with(true)).err().unwrap().to_string();
    assert!(error.contains("fr_liveness.onnx is missing"), "{error}");
    let mut pipeline = Pipeline::load(&with(false)).unwrap();
    assert_eq!(pipeline.facts().liveness, None);
    let picture = picture::read(&crate::support::demo_picture("enrol/obama.jpg")).unwrap();
    let analysis = pipeline.analyse(&picture).unwrap();
    let probe = largest(&analysis).unwrap().probe.as_ref().unwrap().clone();
    assert_eq!(probe.liveness, Liveness::NotRun);
    assert_eq!(analysis.times.liveness.as_millis(), 0);
}
