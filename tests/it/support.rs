//! What every whole-program test needs: the program with a home of its own, and the pictures.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The models folder: MUSTER_TEST_MODELS, or the checkout's.
pub fn models_dir() -> PathBuf {
    std::env::var_os("MUSTER_TEST_MODELS").map_or_else(|| root().join("models"), PathBuf::from)
}

/// A picture of the demo; `make setup` fetches them, so their absence is a failure.
pub fn demo_picture(name: &str) -> PathBuf {
    let path = root().join("data/demo").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// Pictures that are not part of the project and may be absent.
pub fn shared_faces() -> Option<PathBuf> {
    let path = root().join("../shared/faces");
    if path.is_dir() {
        return path.canonicalize().ok();
    }
    println!("SKIPPED: {} is absent, so nothing was checked with it", path.display());
    None
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.env_clear().envs(self.environment());
        command.arg("--data-dir").arg(self.data_dir());
        command.arg("--models-dir").arg(models_dir());
        command.args(arguments);
        command
    }

    /// Runs muster to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
        Finished::of(self.muster(arguments).output().expect("muster starts"))
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
