//! Whether the nets run, and on what.

use std::time::Duration;

use crate::engine::EngineHandle;
use crate::engine::state::InferenceStatus;
use crate::inference::Provider;

use super::exit::CliError;

/// The nets that run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What they really run on.
    pub provider: Provider,
    /// Which pack they are.
    pub pack: String,
}

impl Running {
    /// `cpu`, `cuda` or `tensorrt`, as `--device` says it.
    pub fn provider_name(&self) -> String {
        self.provider.to_string().to_lowercase()
    }
}

/// Waits until the nets are loaded, or cannot be.
///
/// # Errors
/// What is missing.
pub fn wait(handle: &EngineHandle) -> Result<Running, CliError> {
    // Subscribed before the first look, so that no change falls between the two.
    let events = handle.subscribe(16);
    loop {
        match &handle.snapshot().live.inference {
            InferenceStatus::Ready { provider, pack } => {
                return Ok(Running { provider: *provider, pack: pack.clone() });
            }
            InferenceStatus::Unavailable { reason } => return Err(CliError::missing(reason)),
            InferenceStatus::Loading => {}
        }
        // A stream that overflowed may have lost the change; look again all the same.
        if let Err(crossbeam_channel::RecvTimeoutError::Disconnected) =
            events.recv_timeout(Duration::from_millis(250))
        {
            return Err(CliError::missing("the engine stopped before the nets were loaded"));
        }
    }
}
