//! Nets that are loaded while something else is done: opening a large store takes as long as loading them.

use std::thread::{self, JoinHandle};

use crate::config::Effective;
use crate::engine::LoadAnalyser;
use crate::inference::pipeline::{Pipeline, PipelineOptions};
use crate::inference::{FaceAnalyser, InferenceError};

use super::parts::pipeline_options;

/// Nets on their way. A process that ended while the runtime is being loaded would take it down under the thread
/// that loads it: whoever does not want them any more waits for that thread.
struct Early(Option<JoinHandle<Result<Pipeline, InferenceError>>>);

impl Early {
    /// Begins to load; where the system gives no thread for it, that is left to [`wait`](Self::wait).
    fn begin(options: PipelineOptions) -> Self {
        let named = thread::Builder::new().name("muster-nets".to_owned());
        Self(named.spawn(move || Pipeline::load(&options)).ok())
    }

    /// The nets; none where the thread could not start, or panicked.
    fn wait(mut self) -> Option<Result<Pipeline, InferenceError>> {
        self.0.take()?.join().ok()
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Loads the nets from now on, and gives them to the thread that will own them.
pub(in super::super) fn load_analyser(effective: &Effective) -> LoadAnalyser {
    let options = pipeline_options(effective);
    let early = Early::begin(options.clone());
    Box::new(move || {
        let loaded = early.wait().unwrap_or_else(|| Pipeline::load(&options));
        loaded.map(|pipeline| Box::new(pipeline) as Box<dyn FaceAnalyser>)
    })
}
