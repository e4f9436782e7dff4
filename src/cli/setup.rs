//! `muster setup`: fetches the runtime and the nets.

use std::path::Path;

use super::exit::{CliError, Exit};

/// `setup`
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SetupArgs {}

/// Fetches what is missing into `models_dir`.
///
/// # Errors
/// [`CliError`] where something cannot be fetched.
pub fn run(_args: &SetupArgs, _models_dir: &Path, _json: bool) -> Result<Exit, CliError> {
    Err(CliError::missing("this build cannot fetch anything"))
}
