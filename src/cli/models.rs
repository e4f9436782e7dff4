//! `muster models`: the nets: which there are, whether they are whole, bringing one, and using
//! another pack.

mod add;
mod list;
mod switch;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Effective, Environment, typed::PackName};

use super::exit::{CliError, Exit};
use super::output::Output;
use super::roster::Ask;

const AFTER_HELP: &str = "\
Examples:
  muster models list
  muster models verify
  muster models add yunet ~/Downloads/yunet_n_dynamic.onnx
  muster models add my-net.toml my-net.onnx
  muster models use yunet --dry-run

models/README.md says how a card is written, and models/examples has some to begin with.";

/// `models`
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = AFTER_HELP)]
pub enum ModelsCommand {
    /// The model cards and packs there are, what of them is in place, and what is used
    List,
    /// Check nets against their cards: size, SHA-256, tensors, and one run
    #[command(after_help = "Exits with 3 where something is wrong with a net that was named or is in use.")]
    Verify(VerifyArgs),
    /// Put a net that is in no package registry into the models folder, with its card
    #[command(after_help = ADD_HELP)]
    Add(AddArgs),
    /// Use another pack from now on
    #[command(after_help = USE_HELP)]
    Use(UseArgs),
}

const ADD_HELP: &str = "\
CARD is the name of a card that `muster models list` shows, or a card's file. A card of your own may
leave sha256 and size_bytes out: they are taken from FILE and written into the copy. What the card
does say, FILE must have. The net is loaded and run once before anything is put in place; both are
put in place, or neither.";

const USE_HELP: &str = "\
Writes models.pack into the configuration that is in use, or into the user's where there is none, and
leaves the rest of the file as it is. Where the pack has another embedding space, the templates that
are there cannot be searched any more: they are computed anew from the pictures kept at enrolment
([enrolment] keep_crops), and who has none is named and must be enrolled again.";

/// `models verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Cards or packs; all of them without it
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// `models add`
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// The name of a card, or a card's file
    #[arg(value_name = "CARD")]
    pub card: String,
    /// The net; several where the card names several, in its order
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// `models use`
#[derive(Debug, Clone, Args)]
pub struct UseArgs {
    /// The name of a pack
    #[arg(value_name = "PACK")]
    pub pack: PackName,
    /// Do not ask before templates are computed anew
    #[arg(long)]
    pub yes: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Does what `command` says; `ask` is asked before templates are replaced.
///
/// # Errors
/// [`CliError`]: a card, pack or file that cannot be used, a store or configuration that cannot be
/// written.
pub fn run(
    effective: &Effective,
    environment: &Environment,
    command: &ModelsCommand,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        ModelsCommand::List => list::run(effective, out),
        ModelsCommand::Verify(args) => verify::run(effective, args, out),
        ModelsCommand::Add(args) => add::run(effective, args, out),
        ModelsCommand::Use(args) => switch::run(effective, environment, args, ask, out),
    }
}

/// How many templates, in words.
fn templates(count: u32) -> String {
    if count == 1 { "1 template".to_owned() } else { format!("{count} templates") }
}
