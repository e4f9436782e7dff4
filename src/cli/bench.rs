//! `muster bench`: how fast this machine is at what muster does.

pub mod gallery;

use clap::Subcommand;

use super::exit::{CliError, Exit};
use super::output::Output;
use gallery::GalleryArgs;

/// `bench`
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// How long a search takes among so many people, and what they take in memory
    #[command(after_help = gallery::AFTER_HELP)]
    Gallery(GalleryArgs),
}

/// Does what `command` says.
///
/// # Errors
/// [`CliError`] with the status and the message that the process ends with.
pub fn run(command: &BenchCommand, out: &mut Output<'_>) -> Result<Exit, CliError> {
    match command {
        BenchCommand::Gallery(args) => gallery::run(args, out),
    }
}
