//! Each stage of the pipeline on a real picture: `cargo bench --bench stages`. It needs the nets in
//! `models/` (run `make setup`) and a picture with a face: MUSTER_BENCH_PICTURE, else a portrait from
//! the folder that the tests use.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends there")]

use std::path::{Path, PathBuf};

use divan::Bencher;
use muster::capture::{RgbPicture, picture};
use muster::face::Detection;
use muster::inference::detector::{self, Detector};
use muster::inference::embedder::Embedder;
use muster::inference::landmarks::Landmarker;
use muster::inference::net::Loader;
use muster::inference::pad::PadNet;
use muster::inference::runtime::{LibrarySearch, Runtime};
use muster::inference::{FaceAnalyser, Pack, Pipeline, PipelineOptions};

fn main() {
    let missing =
        [models_dir().join("runtime/manifest.toml"), picture_path()].into_iter().find(|path| !path.exists());
    match missing {
        Some(path) => println!("SKIPPED: {} is not there", path.display()),
        None => divan::main(),
    }
}

fn models_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn picture_path() -> PathBuf {
    std::env::var_os("MUSTER_BENCH_PICTURE").map(PathBuf::from).unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces/portraits/obama-720p.jpg")
    })
}

/// What a bench works on: the picture, its first face, and the nets of a pack.
struct Scene {
    picture: RgbPicture,
    face: Detection,
    pack: Pack,
    loader: Loader,
}

fn scene(pack: &str) -> Scene {
    let picture = picture::read(&picture_path()).unwrap();
    let models_dir = models_dir();
    let search = LibrarySearch::from_process(None, models_dir.clone());
    let loader = Loader::cpu(&Runtime::open(&search).unwrap(), &models_dir);
    let pack = Pack::read(&models_dir, pack).unwrap();
    let found = detector::open(&pack, &loader).unwrap().detect(&picture).unwrap();
    let face = *found.first().expect("the picture shows a face");
    Scene { picture, face, pack, loader }
}

#[divan::bench(args = ["default", "mtcnn"])]
fn detect(bencher: Bencher, pack: &str) {
    let scene = scene(pack);
    let mut detector: Box<dyn Detector> = detector::open(&scene.pack, &scene.loader).unwrap();
    bencher.bench_local(|| detector.detect(&scene.picture).unwrap());
}

#[divan::bench]
fn landmarks(bencher: Bencher) {
    let scene = scene("default");
    let mut net = Landmarker::open(scene.pack.landmarks.as_ref().unwrap(), &scene.loader).unwrap();
    bencher.bench_local(|| net.locate(&scene.picture, &scene.face.bounds).unwrap());
}

#[divan::bench]
fn align(bencher: Bencher) {
    let scene = scene("mtcnn");
    let mut net = Embedder::open(&scene.pack.embedding, &scene.loader).unwrap();
    let points = scene.face.points.unwrap();
    bencher.bench_local(|| net.align(&scene.picture, &points).unwrap());
}

#[divan::bench]
fn embed(bencher: Bencher) {
    let scene = scene("mtcnn");
    let mut net = Embedder::open(&scene.pack.embedding, &scene.loader).unwrap();
    assert!(net.align(&scene.picture, &scene.face.points.unwrap()).unwrap());
    bencher.bench_local(|| net.embed().unwrap());
}

#[divan::bench]
fn liveness(bencher: Bencher) {
    let scene = scene("default");
    let mut net = PadNet::open(scene.pack.liveness.as_ref().unwrap(), &scene.loader).unwrap();
    bencher.bench_local(|| net.measure(&scene.picture, &scene.face.bounds).unwrap());
}

#[divan::bench(args = ["default", "mtcnn"])]
fn whole_picture(bencher: Bencher, pack: &str) {
    let picture = picture::read(&picture_path()).unwrap();
    let options = PipelineOptions::plain(models_dir(), pack);
    let mut pipeline = Pipeline::load(&options).unwrap();
    bencher.bench_local(|| pipeline.analyse(&picture).unwrap());
}
