//! The nets alone, for subcommands that look at pictures and need no store.

use crate::config::Effective;
use crate::config::typed::PackName;
use crate::inference::FaceAnalyser;
use crate::inference::pipeline::Pipeline;

use super::super::exit::CliError;
use super::parts::pipeline_options;

/// The nets of `pack`, or of the configured one, loaded.
///
/// # Errors
/// [`CliError`] of a missing part.
pub fn analyser(effective: &Effective, pack: Option<&PackName>) -> Result<Box<dyn FaceAnalyser>, CliError> {
    let mut options = pipeline_options(effective);
    if let Some(pack) = pack {
        options.pack = pack.to_string();
    }
    Ok(Box::new(Pipeline::load(&options).map_err(CliError::missing)?))
}
