//! What the tests share: where nets and pictures are.

use std::path::{Path, PathBuf};

use muster::capture::picture;
use muster::inference::{
    AnalysedFace, DeviceChoice, FaceAnalyser, FrameAnalysis, Pack, Pipeline, PipelineOptions,
};

/// The models folder with the nets of every pack: `MUSTER_TEST_MODELS`, else `models/` of the checkout.
///
/// Fails the test where a file is missing, and says what to do.
pub fn models_dir() -> PathBuf {
    let named = std::env::var_os("MUSTER_TEST_MODELS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    for pack in Pack::names(&folder) {
        let pack = Pack::read(&folder, &pack).unwrap();
        for file in pack.files() {
            let path = folder.join(&file.name);
            assert!(path.is_file(), "{} is missing: run `make setup` first", path.display());
        }
    }
    let library = folder.join("runtime/manifest.toml");
    assert!(library.is_file(), "{} is missing: run `make setup` first", library.display());
    folder
}

/// The nets of `pack` on the CPU.
pub fn pipeline(pack: &str) -> Pipeline {
    Pipeline::load(&options(pack)).unwrap()
}

/// What [`pipeline`] is loaded from.
pub fn options(pack: &str) -> PipelineOptions {
    PipelineOptions {
        models_dir: models_dir(),
        pack: pack.to_owned(),
        library: None,
        device: DeviceChoice::Cpu,
    }
}

/// A folder of the pictures that the project is tried on and does not carry; `None`, and a line that
/// says so, where it is not there.
pub fn faces(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there", path.display());
    None
}

/// What is in `folder`, by name.
pub fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The faces of the picture at `path`.
pub fn analyse(pipeline: &mut Pipeline, path: &Path) -> FrameAnalysis {
    pipeline.analyse(&picture::read(path).unwrap()).unwrap()
}

/// The face with the largest box.
pub fn largest(analysis: &FrameAnalysis) -> Option<&AnalysedFace> {
    analysis.faces.iter().max_by(|a, b| a.detection.bounds.area().total_cmp(&b.detection.bounds.area()))
}
