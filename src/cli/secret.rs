//! Asking for what must not be shown.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::exit::CliError;

/// Whether there is a terminal to ask on.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A line of standard input of up to `characters`, without its end; `what` names it in messages.
///
/// # Errors
/// [`CliError`] of usage where it cannot be read.
pub fn read_line(what: &str, characters: usize) -> Result<Zeroizing<String>, CliError> {
    // Grown in one step, so that no copy of half a secret is left behind.
    let mut line = Zeroizing::new(String::with_capacity(4 * characters + 2));
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format_args!("{what} cannot be read: {error}")))?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

/// Puts a question on the terminal and reads a line without showing what is typed.
///
/// # Errors
/// As for [`read_line`].
pub fn ask(question: &str, what: &str, characters: usize) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| CliError::usage(format_args!("{what} cannot be asked for: {error}"));
    let mut stderr = io::stderr();
    // First, as it throws away what was typed before.
    let _silence = Silence::begin().map_err(failed)?;
    write!(stderr, "{question}").and_then(|()| stderr.flush()).map_err(failed)?;
    let line = read_line(what, characters);
    let _ = writeln!(stderr);
    line
}

/// Characters of the longest PIN.
const PIN_CHARACTERS: usize = 64;

/// The first line of standard input, as a PIN.
///
/// # Errors
/// [`CliError`] of usage where there is none that can be read.
pub fn from_input() -> Result<Zeroizing<String>, CliError> {
    read_line("the PIN", PIN_CHARACTERS)
}

/// Asks for a PIN on the terminal, without showing what is typed.
///
/// # Errors
/// [`CliError`] of usage where there is no terminal.
pub fn asked_once(question: &str) -> Result<Zeroizing<String>, CliError> {
    if !can_ask() {
        return Err(CliError::usage("there is no terminal to ask for the PIN on: give it with --stdin"));
    }
    ask(question, "the PIN", PIN_CHARACTERS)
}

/// Asks for a PIN twice on the terminal, without showing what is typed.
///
/// # Errors
/// [`CliError`] of usage where there is no terminal, or the two are not the same.
pub fn asked_twice(question: &str) -> Result<Zeroizing<String>, CliError> {
    if !can_ask() {
        return Err(CliError::usage("there is no terminal to ask for the PIN on: give it with --stdin"));
    }
    ask_twice(question, "the PIN", PIN_CHARACTERS)
}

/// As [`ask`], twice: what is set anew must not hold a slip of the finger.
///
/// # Errors
/// As for [`read_line`], and where the two differ.
pub fn ask_twice(question: &str, what: &str, characters: usize) -> Result<Zeroizing<String>, CliError> {
    let first = ask(question, what, characters)?;
    let second = ask("Once more: ", what, characters)?;
    if first != second {
        return Err(CliError::usage("the two were not the same; nothing was changed"));
    }
    Ok(first)
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
