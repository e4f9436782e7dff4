//! The one place where adapters are put behind the engine's ports.

use crate::capture::SourceSpec;
use crate::config::{Effective, Environment};
use crate::engine::EngineHandle;

use super::args::{DemoArgs, ScreenArgs};
use super::doctor::Check;
use super::exit::{CliError, Exit};
use super::output::Output;

/// What a subcommand needs of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// People, templates and the ledger.
    Store,
    /// The store and the nets.
    Nets,
    /// The store, the nets and frames, at the pace that the source has: every frame of a recording,
    /// the newest of a camera.
    Frames(SourceSpec),
}

/// An engine in this process; stopped in good order when it is dropped.
pub struct Hosted {
    handle: EngineHandle,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Hosted {
    /// An engine behind `handle`, which `stop` ends and waits for.
    pub fn new(handle: EngineHandle, stop: impl FnOnce() + Send + 'static) -> Self {
        Self { handle, stop: Some(Box::new(stop)) }
    }

    /// What a shell holds of it.
    pub fn handle(&self) -> &EngineHandle {
        &self.handle
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

/// Opens the store and starts an engine with what `need` says.
///
/// # Errors
/// [`CliError`] of a missing part: the data directory is held by another process or cannot be
/// opened.
pub fn host(effective: &Effective, need: Need) -> Result<Hosted, CliError> {
    let _ = need;
    Err(CliError::missing(format_args!(
        "this build has no engine to open {} with",
        effective.data_dir.value.display()
    )))
}

/// Draws the screen until it is left.
///
/// # Errors
/// [`CliError`] as for [`host`], or where there is no terminal.
pub fn screen(effective: &Effective, args: &ScreenArgs) -> Result<Exit, CliError> {
    let _ = args;
    host(effective, Need::Frames(effective.source.value.clone())).map(|_| Exit::Done)
}

/// Runs the demo.
///
/// # Errors
/// [`CliError`] where something is missing.
pub fn demo(effective: &Effective, args: &DemoArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let _ = (args, out);
    host(effective, Need::Nets).map(|_| Exit::Done)
}

/// Whether the store opens and its ledger verifies.
pub fn probe_store(effective: &Effective) -> Vec<Check> {
    let path = effective.data_dir.value.display();
    vec![Check::fail("store", format!("this build has no store to open {path} with"), "use a whole build")]
}

/// The files of the pack: there, of the right size, with the right digest.
pub fn probe_models(effective: &Effective) -> Vec<Check> {
    let path = effective.models_dir.value.display();
    vec![Check::fail("models", format!("this build cannot read {path}"), "use a whole build")]
}

/// Where the runtime was found, and which version it is.
pub fn probe_runtime(effective: &Effective, environment: &Environment) -> Vec<Check> {
    let _ = environment;
    let path = effective.models_dir.value.display();
    vec![Check::fail("runtime", format!("this build cannot load one from {path}"), "use a whole build")]
}

/// What the nets really run on for the device that was asked for.
pub fn probe_provider(effective: &Effective) -> Vec<Check> {
    let device = effective.device.value;
    vec![Check::fail("provider", format!("this build cannot try {device}"), "use a whole build")]
}
