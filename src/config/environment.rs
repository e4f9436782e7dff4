//! What a process is started with: variables, folders, who runs it. A value, so that a test can
//! say what it is.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The surroundings that the configuration is resolved in.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<OsString, OsString>,
    /// Where the process was started.
    pub current_dir: PathBuf,
    /// The program's own file, with links followed.
    pub executable: Option<PathBuf>,
    /// The root that `/etc` and `/var` are looked up under.
    pub system_root: PathBuf,
    /// Who runs it.
    pub uid: u32,
}

impl Environment {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            executable: std::env::current_exe().and_then(|path| path.canonicalize()).ok(),
            system_root: PathBuf::from("/"),
            uid: rustix::process::getuid().as_raw(),
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The user's home.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// A base directory of the XDG specification: the variable, which counts only if it is
    /// absolute, or `fallback` under the home.
    pub fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.home().map(|home| home.join(fallback)))
    }

    /// `path`, from where the process was started if it is relative.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.current_dir.join(path)
    }

    /// A place of the system, such as `var/lib/muster`.
    pub fn system(&self, path: &str) -> PathBuf {
        self.system_root.join(path)
    }

    /// Whether `path` is a folder that belongs to who runs this.
    pub fn owns_folder(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|facts| facts.is_dir() && facts.uid() == self.uid)
    }

    /// Whether `path` is a folder that belongs to who runs this or to root: one from which a
    /// library may be loaded.
    pub fn trusts_folder(&self, path: &Path) -> bool {
        std::fs::metadata(path)
            .is_ok_and(|facts| facts.is_dir() && (facts.uid() == self.uid || facts.uid() == 0))
    }
}
