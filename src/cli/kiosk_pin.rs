//! `muster kiosk-pin`: the PIN that the kiosk view is left with.

use clap::Args;
use serde::Serialize;

use crate::config::kiosk::KioskPin;
use crate::config::{Effective, Environment, edit};
use crate::tui::kiosk::PIN_LIMIT;

use super::configuration::Configuration;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::secret;

/// What `kiosk-pin --help` ends with.
pub const KIOSK_PIN_HELP: &str = "\
The PIN is asked for twice and not shown; with --stdin it is the first line of standard input. Its Argon2id hash is
written into the configuration as [kiosk] pin. A kiosk view that is shown already keeps the old one until it is
started again.";

/// `kiosk-pin`
#[derive(Debug, Clone, Args)]
pub struct KioskPinArgs {
    /// Read the PIN from standard input
    #[arg(long)]
    pub stdin: bool,
}

#[derive(Serialize)]
struct Set<'a> {
    kind: &'static str,
    config: &'a str,
}

/// Asks for a PIN and writes its hash into the configuration.
///
/// # Errors
/// [`CliError`] for a PIN that cannot be taken, or a file that cannot be written.
pub fn run(
    effective: &Effective,
    environment: &Environment,
    args: &KioskPinArgs,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let configuration = Configuration::read(effective, environment)?;
    let pin = if args.stdin { secret::from_input()? } else { secret::asked_twice("New kiosk PIN: ")? };
    let pin = KioskPin::hash(&pin, PIN_LIMIT).map_err(CliError::usage)?;
    let path = &configuration.path;
    let text = edit::with_kiosk_pin(&configuration.text, &pin, path).map_err(CliError::usage)?;
    configuration.stage(&text)?.commit()?;
    let file = path.display().to_string();
    let words = format!("the kiosk view can be left with the PIN: its hash is in {}", printable(&file));
    out.either(&Set { kind: "kiosk_pin", config: &file }, words)?;
    Ok(Exit::Done)
}
