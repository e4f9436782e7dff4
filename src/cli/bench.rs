//! `muster bench`: how fast this machine is at what muster does, in figures.

mod clients;
mod figures;
pub mod gallery;
mod noted;
mod object;
pub mod pipeline;

use clap::Subcommand;

use crate::capture::SourceSpec;
use crate::config::Effective;

use super::exit::{CliError, Exit};
use super::output::Output;
use gallery::GalleryArgs;
use pipeline::PipelineArgs;

/// `bench`
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// From a frame to a record on disk: what each step takes, and what the nets take of it
    #[command(after_help = pipeline::AFTER_HELP)]
    Pipeline(PipelineArgs),
    /// How long a search takes among so many people, and what they take in memory
    #[command(after_help = gallery::AFTER_HELP)]
    Gallery(GalleryArgs),
}

impl BenchCommand {
    /// The source that is measured, where there is one.
    pub fn source(&self) -> Option<SourceSpec> {
        match self {
            Self::Pipeline(args) => Some(args.source.clone()),
            Self::Gallery(_) => None,
        }
    }
}

/// Does what `command` says.
///
/// # Errors
/// [`CliError`] with the status and the message that the process ends with.
pub fn run(command: &BenchCommand, effective: &Effective, out: &mut Output<'_>) -> Result<Exit, CliError> {
    match command {
        BenchCommand::Pipeline(args) => pipeline::run(effective, args, out),
        BenchCommand::Gallery(args) => gallery::run(args, out),
    }
}
