//! `muster kiosk-pin`: the PIN that the kiosk view is left with.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::kiosk::KioskPin;
use crate::config::{Effective, Environment, edit};
use crate::tui::kiosk::PIN_LIMIT;

use super::configuration::Configuration;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};

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
    let pin = if args.stdin { from_input()? } else { asked_for()? };
    let pin = KioskPin::hash(&pin, PIN_LIMIT).map_err(CliError::usage)?;
    let path = &configuration.path;
    let text = edit::with_kiosk_pin(&configuration.text, &pin, path).map_err(CliError::usage)?;
    configuration.stage(&text)?.commit()?;
    let file = path.display().to_string();
    let words = format!("the kiosk view can be left with the PIN: its hash is in {}", printable(&file));
    out.either(&Set { kind: "kiosk_pin", config: &file }, words)?;
    Ok(Exit::Done)
}

fn read_line() -> Result<Zeroizing<String>, CliError> {
    // Grown in one step, so that no copy of half a PIN is left behind.
    let mut line = Zeroizing::new(String::with_capacity(4 * PIN_LIMIT + 2));
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format_args!("the PIN cannot be read: {error}")))?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

fn from_input() -> Result<Zeroizing<String>, CliError> {
    read_line()
}

/// Asks twice on the terminal, without showing what is typed.
fn asked_for() -> Result<Zeroizing<String>, CliError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CliError::usage("there is no terminal to ask for the PIN on: give it with --stdin"));
    }
    let first = ask("New kiosk PIN: ")?;
    let second = ask("Once more: ")?;
    if first != second {
        return Err(CliError::usage("the two were not the same; nothing was changed"));
    }
    Ok(first)
}

fn ask(question: &str) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| CliError::usage(format_args!("the PIN cannot be asked for: {error}"));
    let mut stderr = io::stderr();
    write!(stderr, "{question}").and_then(|()| stderr.flush()).map_err(failed)?;
    let _silence = Silence::begin().map_err(failed)?;
    let line = read_line();
    let _ = writeln!(stderr);
    line
}

/// While it lives, the terminal does not show what is typed.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
