//! The runtime and single nets, for what looks at nets without an engine.

use std::path::Path;

use crate::config::Effective;
use crate::inference::InferenceError;
use crate::inference::net::Loader;
use crate::inference::runtime::{LibrarySearch, Runtime};

/// The runtime that is configured, loaded.
///
/// # Errors
/// [`InferenceError`] where it is missing or cannot be loaded.
pub fn runtime(effective: &Effective) -> Result<Runtime, InferenceError> {
    let models_dir = effective.models_dir.value.clone();
    Runtime::open(&LibrarySearch::from_process(effective.onnxruntime.clone(), models_dir))
}

/// Loads nets from `folder`, whatever device is configured: nets are checked on the CPU, which every
/// machine has.
pub fn cpu_loader(runtime: &Runtime, folder: &Path) -> Loader {
    Loader::cpu(runtime, folder)
}
