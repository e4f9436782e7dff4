//! The runtime and single nets, for what looks at nets without an engine.

use std::path::Path;

use crate::config::Effective;
use crate::inference::net::Loader;
use crate::inference::runtime::{LibrarySearch, Runtime};
use crate::inference::{InferenceError, Pipeline, PipelineOptions};

use super::parts::pipeline_options;

/// The runtime that is configured, loaded.
///
/// # Errors
/// [`InferenceError`] where it is missing or cannot be loaded.
pub fn runtime(effective: &Effective) -> Result<Runtime, InferenceError> {
    let models_dir = effective.models_dir.value.clone();
    Runtime::open(&LibrarySearch::from_process(effective.onnxruntime.clone(), models_dir))
}

/// Loads the nets that are configured, as they are, on the thread that calls it. Without `beside` all of them stay
/// on that thread.
pub fn load_pipeline(
    effective: &Effective,
    beside: bool,
) -> impl FnOnce() -> Result<Pipeline, InferenceError> + Send + use<> {
    let options = PipelineOptions { beside, ..pipeline_options(effective) };
    move || Pipeline::load(&options)
}

/// Loads nets from `folder`, whatever device is configured: nets are checked on the CPU, which every
/// machine has.
pub fn cpu_loader(runtime: &Runtime, folder: &Path) -> Loader {
    Loader::cpu(runtime, folder)
}
