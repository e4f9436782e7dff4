//! What every whole-program test needs: the program with a home of its own, and the pictures.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use muster::capture::picture;
use muster::inference::{AnalysedFace, FaceAnalyser, FrameAnalysis, Pack, Pipeline, PipelineOptions};
use serde_json::Value;
use tempfile::TempDir;

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The models folder with the nets of every pack that `muster setup` can fetch: `MUSTER_TEST_MODELS`,
/// else `models/` of the checkout.
///
/// Fails the test where a file is missing, and says what to do.
pub fn models_dir() -> PathBuf {
    let named = std::env::var_os("MUSTER_TEST_MODELS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    for pack in Pack::names(&folder) {
        let pack = Pack::read(&folder, &pack).unwrap();
        for file in pack.files().filter(|file| file.origin.is_some()) {
            let path = folder.join(&file.name);
            assert!(path.is_file(), "{} is missing: run `make setup` first", path.display());
        }
    }
    let library = folder.join("runtime/manifest.toml");
    assert!(library.is_file(), "{} is missing: run `make setup` first", library.display());
    folder
}

/// A picture of the demo; `make setup` fetches them, so their absence is a failure.
pub fn demo_picture(name: &str) -> PathBuf {
    let path = root().join("data/demo").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// The nets of `pack` on the CPU.
pub fn pipeline(pack: &str) -> Pipeline {
    Pipeline::load(&options(pack)).unwrap()
}

/// What [`pipeline`] is loaded from.
pub fn options(pack: &str) -> PipelineOptions {
    PipelineOptions::plain(models_dir(), pack)
}

/// A models folder of its own: links to the files of [`models_dir`], and folders of its own for cards
/// and packs, which are all built in.
pub fn own_models_dir() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(models_dir().canonicalize().unwrap()).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if name != "cards" && name != "packs" {
            std::os::unix::fs::symlink(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    copy
}

/// YuNet, which is in no registry and so may not be there; `None`, and a line that says so, where it
/// is not.
pub fn yunet_net() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models/yunet_n_dynamic.onnx");
    if path.is_file() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there", path.display());
    None
}

/// A models folder of its own with YuNet in it.
pub fn models_with_yunet() -> Option<TempDir> {
    let net = yunet_net()?;
    let folder = own_models_dir();
    // A checkout may have it already, as a link now.
    let place = folder.path().join("yunet_n_dynamic.onnx");
    let _ = std::fs::remove_file(&place);
    std::fs::copy(net, place).unwrap();
    Some(folder)
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

/// A home directory, empty but for what muster puts there.
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data dir")
    }

    /// The environment of a user who has nothing configured.
    pub fn environment(&self) -> Vec<(String, String)> {
        let at = |name: &str| self.path().join(name).display().to_string();
        let mut variables = vec![
            ("HOME".to_owned(), at("home")),
            ("XDG_CONFIG_HOME".to_owned(), at("config")),
            ("XDG_DATA_HOME".to_owned(), at("share")),
            ("XDG_STATE_HOME".to_owned(), at("state")),
            ("XDG_CACHE_HOME".to_owned(), at("cache")),
            ("XDG_RUNTIME_DIR".to_owned(), at("run")),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("TZ".to_owned(), "UTC".to_owned()),
            ("TERM".to_owned(), "xterm-256color".to_owned()),
            ("COLORTERM".to_owned(), "truecolor".to_owned()),
        ];
        variables.extend(std::env::var("PATH").map(|path| ("PATH".to_owned(), path)));
        variables
    }

    /// muster on this home's data directory.
    pub fn muster(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.muster_on(&models_dir(), arguments)
    }

    /// muster on this home's data directory, with the nets of another folder.
    pub fn muster_on(
        &self,
        models: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.env_clear().envs(self.environment());
        command.arg("--data-dir").arg(self.data_dir());
        command.arg("--models-dir").arg(models);
        command.args(arguments);
        command
    }

    /// Runs muster to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
        Finished::of(self.muster(arguments).output().expect("muster starts"))
    }

    /// Runs muster to its end, with `input` on its standard input.
    pub fn run_with(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &str) -> Finished {
        let mut command = self.muster(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("muster starts");
        // It may end before it has read anything.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        Finished::of(child.wait_with_output().expect("muster ends"))
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Itself, if it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON object on each line of the output.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}
