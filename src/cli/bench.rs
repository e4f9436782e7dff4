//! `muster bench`: how fast this machine is with these nets, in figures.

mod figures;
mod noted;
mod object;
pub mod pipeline;

use clap::Subcommand;

use crate::capture::SourceSpec;

pub use pipeline::PipelineArgs;

/// `bench`
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// From a frame to a record on disk: what each step takes, and what the nets take of it
    #[command(after_help = pipeline::AFTER_HELP)]
    Pipeline(PipelineArgs),
}

impl BenchCommand {
    /// The source that is measured, where there is one.
    pub fn source(&self) -> Option<SourceSpec> {
        match self {
            Self::Pipeline(args) => Some(args.source.clone()),
        }
    }
}
