//! The ONNX Runtime library: where it is found, what is checked before it is loaded, and loading it
//! once in the process.
//!
//! It is looked for in this order, and the first that is named is used, or is the error:
//!
//! 1. the path that the user gave on the command line;
//! 2. the path in the environment variable [`LIBRARY_VARIABLE`];
//! 3. `runtime/` in the models folder, where `muster setup` puts it with a `manifest.toml`.
//!
//! A shared library that was cut short kills the process with SIGBUS when it is mapped, so it is
//! checked first: against the manifest's size and SHA-256 in the models folder, and elsewhere, where
//! nothing is pinned, by whether all that its ELF headers speak of lies inside the file.

mod elf;
pub mod manifest;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::InferenceError;
use super::card::parse_sha256;
use crate::ledger::Sha256Digest;
use manifest::Manifest;

/// The environment variable that may name the library.
pub const LIBRARY_VARIABLE: &str = "MUSTER_ORT_LIB";

/// The oldest ONNX Runtime whose interface this program knows.
/// Follows the `api-24` feature of the `ort` dependency.
pub const OLDEST_VERSION: &str = "1.24";

const HINT: &str = "run `muster setup`, or name a libonnxruntime.so of your own in MUSTER_ORT_LIB";

/// Who named the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryOrigin {
    /// The command line.
    Flag,
    /// The environment variable.
    Environment,
    /// The models folder.
    ModelsFolder,
}

impl fmt::Display for LibraryOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flag => "the command line",
            Self::Environment => LIBRARY_VARIABLE,
            Self::ModelsFolder => "the models folder",
        })
    }
}

/// Where the library may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibrarySearch {
    /// As the command line names it.
    pub flag: Option<PathBuf>,
    /// As the environment names it.
    pub environment: Option<PathBuf>,
    /// The models folder.
    pub models_dir: PathBuf,
}

/// A library that was found and checked, and is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The file, absolute.
    pub path: PathBuf,
    /// Who named it.
    pub origin: LibraryOrigin,
    /// Its version, where a manifest says it.
    pub version: Option<String>,
    /// Its SHA-256, where a manifest says it.
    pub sha256: Option<Sha256Digest>,
}

impl LibrarySearch {
    /// What this process was given: `flag` from the command line, and its environment.
    pub fn from_process(flag: Option<PathBuf>, models_dir: PathBuf) -> Self {
        let environment = std::env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty());
        Self { flag, environment: environment.map(PathBuf::from), models_dir }
    }

    /// The library, checked.
    ///
    /// # Errors
    /// [`InferenceError::Missing`] where it is not there, [`InferenceError::Library`] where it must not be
    /// loaded.
    pub fn locate(&self) -> Result<Library, InferenceError> {
        let named = self
            .flag
            .as_ref()
            .map(|path| (path, LibraryOrigin::Flag))
            .or_else(|| self.environment.as_ref().map(|path| (path, LibraryOrigin::Environment)));
        match named {
            Some((path, origin)) => {
                let path = present(path, &format!("{origin} names it as the ONNX Runtime library"))?;
                elf::check(&path)?;
                Ok(Library { path, origin, version: None, sha256: None })
            }
            None => self.locate_in_models_dir(),
        }
    }

    fn locate_in_models_dir(&self) -> Result<Library, InferenceError> {
        let folder = self.models_dir.join(manifest::FOLDER);
        let manifest = Manifest::read(&folder)?;
        let path = present(&folder.join(&manifest.file), HINT)?;
        manifest.verify(&path)?;
        elf::check(&path)?;
        let sha256 = parse_sha256(&manifest.sha256);
        Ok(Library { path, origin: LibraryOrigin::ModelsFolder, version: Some(manifest.version), sha256 })
    }
}

/// `path` made absolute, so that no search path of the dynamic loader has a say.
fn present(path: &Path, hint: &str) -> Result<PathBuf, InferenceError> {
    match path.canonicalize() {
        Ok(absolute) if absolute.is_file() => Ok(absolute),
        Ok(_) => Err(refused(path, "it is no file", HINT)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(InferenceError::Missing { path: path.to_owned(), hint: hint.to_owned() })
        }
        Err(error) => Err(refused(path, &error.to_string(), HINT)),
    }
}

/// The error for a library that must not be loaded.
fn refused(path: &Path, detail: &str, hint: &str) -> InferenceError {
    InferenceError::Library { path: path.to_owned(), detail: detail.to_owned(), hint: hint.to_owned() }
}

/// ONNX Runtime, loaded. Cheap to clone; there is one in a process.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    library: Library,
}

/// The one runtime of the process: ONNX Runtime cannot be unloaded, nor a second one be loaded.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Finds, checks and loads the library; where this process has already loaded the same file,
    /// gives that one.
    ///
    /// # Errors
    /// [`InferenceError::Missing`] and [`InferenceError::Library`] from the search;
    /// [`InferenceError::Library`] also where the file is no ONNX Runtime or is too old, and where another
    /// one is loaded already.
    pub fn open(search: &LibrarySearch) -> Result<Self, InferenceError> {
        let library = search.locate()?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return if runtime.library.path == library.path {
                Ok(runtime.clone())
            } else {
                let detail = format!("this process has loaded {} already", runtime.library.path.display());
                Err(refused(&library.path, &detail, "start muster again"))
            };
        }
        let runtime = Self { environment: load(&library.path)?, library };
        Ok(loaded.insert(runtime).clone())
    }

    /// The file that is loaded and who named it.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// What the library says of its own build.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

fn load(path: &Path) -> Result<Environment, InferenceError> {
    let builder = ort::init_from(path).map_err(|error| load_error(path, &error))?;
    let logger = |level, _category: &str, _id: &str, location: &str, message: &str| {
        log(level, location, message);
    };
    let environment = builder
        .with_name("muster")
        .with_telemetry(false)
        .with_logger(Arc::new(logger))
        .build()
        .map_err(|error| refused(path, error.message(), HINT))?;
    // Otherwise every message down to the finest is made and brought here to be thrown away.
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

fn load_error(path: &Path, error: &ort::LoadDynamicError) -> InferenceError {
    use ort::LoadDynamicError as E;
    let detail = match error {
        E::Dlopen { error, .. } => format!("the system cannot load it: {error}"),
        E::MissingApi { .. } => "it is a library, but not ONNX Runtime: it has no OrtGetApiBase".to_owned(),
        E::InvalidVersionString => "it does not say which version it is".to_owned(),
        E::BadVersion { version_str, .. } => {
            format!("it is ONNX Runtime {version_str}, and muster needs {OLDEST_VERSION} or newer")
        }
    };
    refused(path, &detail, HINT)
}

/// The runtime's own messages go where the program's go: never onto the terminal by themselves.
fn log(level: LogLevel, location: &str, message: &str) {
    match level {
        LogLevel::Verbose => tracing::trace!(target: "onnxruntime", location, "{message}"),
        LogLevel::Info => tracing::debug!(target: "onnxruntime", location, "{message}"),
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "onnxruntime", location, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(folder: &Path) -> LibrarySearch {
        LibrarySearch { flag: None, environment: None, models_dir: folder.to_owned() }
    }

    #[test]
    fn the_oldest_version_is_the_one_the_bindings_ask_for() {
        assert_eq!(OLDEST_VERSION, format!("1.{}", ort::MINOR_VERSION));
    }

    #[test]
    fn a_missing_library_says_where_it_was_sought_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = search(folder.path()).locate().unwrap_err().to_string();
        assert!(error.contains("manifest.toml is missing"), "{error}");
        assert!(error.contains("muster setup"), "{error}");
        let named = LibrarySearch { environment: Some("/nonexistent/x.so".into()), ..search(folder.path()) };
        let error = named.locate().unwrap_err().to_string();
        assert!(error.contains("/nonexistent/x.so is missing"), "{error}");
        assert!(error.contains(LIBRARY_VARIABLE), "{error}");
    }

    #[test]
    fn the_flag_wins_over_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let both = LibrarySearch {
            flag: Some("/nonexistent/flag.so".into()),
            environment: Some("/nonexistent/variable.so".into()),
            models_dir: folder.path().to_owned(),
        };
        assert!(both.locate().unwrap_err().to_string().contains("flag.so"));
    }

    #[test]
    fn a_folder_is_no_library() {
        let folder = tempfile::tempdir().unwrap();
        let named = LibrarySearch { flag: Some(folder.path().to_owned()), ..search(folder.path()) };
        assert!(named.locate().unwrap_err().to_string().contains("it is no file"));
    }
}
