//! `muster gate`: what sshd runs for an operator, and nothing else.
//!
//! It hosts no engine and opens no store, reads and writes no path, runs no program, and knows of its
//! environment only what is checked here. What may be asked is the grammar's ([`gate_grammar`]); what may be
//! done is the engine's, which looks the role up for every command.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;
use std::sync::Arc;

use clap::Args;
use ulid::Ulid;

use crate::access::{OperatorId, Role};
use crate::config::Effective;
use crate::engine::EngineHandle;
use crate::face::PicturePolicy;
use crate::link::client::{Attached, Staying, attach};
use crate::link::place;
use crate::link::protocol::Site;
use crate::tui::{self, Reporter, Runner, TuiOptions};

use super::args::Command;
use super::exit::{CliError, Exit};
use super::gate_grammar::{self, Asked, GateCommand};
use super::lines::Printed;
use super::log::LogCommand;
use super::on_engine::{self, Around, needs_a_stream};
use super::output::Output;
use super::{signals, status, threshold, wire};

/// What `gate --help` ends with.
pub const GATE_HELP: &str = "\
sshd runs it, by the line that `muster authorized-keys` gives; nobody needs to. What the client of ssh
asked for is in SSH_ORIGINAL_COMMAND: nothing for the screen, else a subcommand.";

/// The service's data directory: the gate attaches to its engine and to no other.
const DATA_DIR: &str = "/var/lib/muster";
/// What sshd puts there.
const ASKED: &str = "SSH_ORIGINAL_COMMAND";
/// The longest value of a variable, in bytes.
const LONGEST: usize = 64;

/// `gate`
#[derive(Debug, Clone, Args)]
pub struct GateArgs {
    /// Whom sshd recognised by their key
    #[arg(value_name = "OPERATOR_ID", value_parser = operator)]
    pub operator: OperatorId,
}

fn operator(text: &str) -> Result<OperatorId, String> {
    let expected = || "expected the id of an operator, as `muster operators list` shows it".to_owned();
    if text.len() != 26 {
        return Err(expected());
    }
    Ulid::from_string(text).map(OperatorId).map_err(|_| expected())
}

/// Whether a variable may come in: what the terminal is, and the language.
fn is_allowed(name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let is_language = name == "LANG" || name.starts_with("LC_");
    let is_plain = |bytes: &[u8], also: &[u8]| {
        (1..=LONGEST).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || also.contains(byte))
    };
    match name {
        ASKED => true,
        "TERM" => is_plain(value.as_bytes(), b"-+._"),
        _ => is_language && is_plain(name.as_bytes(), b"_") && is_plain(value.as_bytes(), b"-._@"),
    }
}

/// Starts this program again with an environment that holds nothing else, where it does now. So nothing that a
/// library looks up can come from the client, whatever sshd lets through.
fn clean_environment() -> Result<(), CliError> {
    let (allowed, others): (Vec<_>, Vec<_>) =
        std::env::vars_os().partition(|(name, value)| is_allowed(name, value));
    if others.is_empty() {
        return Ok(());
    }
    let mut again = process::Command::new("/proc/self/exe");
    again.arg0("muster").args(std::env::args_os().skip(1)).env_clear().envs(allowed);
    Err(CliError::missing(format_args!("the gate cannot be entered: {}", again.exec())))
}

/// Lets an operator do what they asked sshd for.
///
/// # Errors
/// [`CliError`]: no engine runs, it does not know the operator, what was asked for is refused.
pub fn run(args: &GateArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    clean_environment()?;
    let asked: OsString = std::env::var_os(ASKED).unwrap_or_default();
    let is_screen = asked.as_bytes().iter().all(u8::is_ascii_whitespace);
    if is_screen && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(CliError::usage(
            "the screen needs a terminal: say `ssh -t`, or ask for something (`help`)",
        ));
    }
    // Before anything is asked, so that a signal never finds the default action.
    let interrupts = if is_screen { None } else { Some(signals::interrupts().map_err(CliError::missing)?) };
    let staying = if is_screen { Staying::ComesBack } else { Staying::Once };
    let socket = place::of_service(Path::new(DATA_DIR));
    let attached = attach(&socket, Some(args.operator), staying).map_err(CliError::missing)?;
    let effective = Effective::of_site(&attached.site().configuration)?;
    let role = attached.handle().role().unwrap_or(Role::Observer);
    let asked = gate_grammar::parse(role, asked.as_bytes()).map_err(CliError::usage)?;
    match (asked, interrupts) {
        (Asked::Screen, _) => screen(&attached, &effective),
        (Asked::Help(text), _) => {
            out.line(text)?;
            Ok(Exit::Done)
        }
        (Asked::Command { command, json }, interrupts) => {
            let never = crossbeam_channel::never();
            let mut out = Output { out: out.out, err: out.err, json: json || out.json, progress: None };
            let reckoning = || reckoning(attached.site());
            let around = Around {
                handle: attached.handle(),
                effective: &effective,
                threshold: &reckoning,
                colours: io::stdout().is_terminal(),
                stopped: interrupts.as_ref().unwrap_or(&never),
            };
            perform(&around, &command, &mut out)
        }
    }
}

/// What the words about a threshold reckon with, as the engine told it to who may know.
fn reckoning(site: &Site) -> Result<threshold::Site, CliError> {
    let told = site.recognition.as_ref();
    let told = told.ok_or_else(|| CliError::missing("the engine does not say how templates are compared"))?;
    let effective = Effective::of_site(&told.configuration)?;
    Ok(threshold::Site::with(told.facts, &effective))
}

fn perform(around: &Around<'_>, command: &GateCommand, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let Some(command) = command.command() else {
        let health = status::gather::health(around.handle, Path::new(DATA_DIR), true);
        return status::run(&health, around.effective.attendance.zone.value, out);
    };
    // There is nobody to ask: standard input is for what is given, and a script may be at the other end.
    let mut nobody = |_: &str| None;
    on_engine::run(around, &command, &mut nobody, out)
        .unwrap_or_else(|| Err(CliError::usage("this is done where the engine runs")))
}

/// The screen, as somebody else's guest: it keeps nothing, rings nothing, stops for nothing.
fn screen(attached: &Attached, effective: &Effective) -> Result<Exit, CliError> {
    let handle = attached.handle();
    let options = TuiOptions {
        title: attached.site().title.clone(),
        preview: handle.pictures() == PicturePolicy::Allowed,
        theme: Some(super::themes::theme_file(&effective.screen.theme.value)?),
        runner: runner(attached, effective),
        kept: None,
        zone: effective.attendance.zone.value,
        rollover: effective.attendance.day_rollover.value.0,
        suspends: false,
        ..TuiOptions::default()
    };
    wire::ended(tui::run(handle, &options), || wire::farewell(attached))
}

/// What the palette can run: the same as through ssh, but what takes standard input or is no text.
fn runner(attached: &Attached, effective: &Effective) -> Runner {
    let (effective, site) = (effective.clone(), attached.site().clone());
    let role = attached.handle().role().unwrap_or(Role::Observer);
    let run = move |handle: &EngineHandle, line: &str, reporter: &Reporter| {
        let (mut out, mut err) = (Printed::new(reporter), Vec::new());
        let ended = typed(handle, &effective, &site, line, reporter, &mut out, &mut err);
        out.ended(&err, ended)
    };
    Runner {
        subcommands: super::lines::offered(&gate_grammar::offered(role), |_| true),
        run: Some(Arc::new(run)),
    }
}

fn typed(
    handle: &EngineHandle,
    effective: &Effective,
    site: &Site,
    line: &str,
    reporter: &Reporter,
    out: &mut Printed<'_>,
    err: &mut Vec<u8>,
) -> Result<Exit, CliError> {
    let role = handle.role().unwrap_or(Role::Observer);
    let progress = |done, total| reporter.progress(done, total);
    match gate_grammar::parse(role, line.as_bytes()).map_err(CliError::usage)? {
        Asked::Screen => Ok(Exit::Done),
        Asked::Help(text) => {
            Output { out, err, json: false, progress: None }.line(text)?;
            Ok(Exit::Done)
        }
        Asked::Command { command, json } => {
            if let Some(command) = command.command()
                && (needs_a_stream(&command) || goes_on(&command))
            {
                return Err(CliError::usage("not on the screen: ask for it with ssh, without -t"));
            }
            let reckoning = || reckoning(site);
            let around = Around {
                handle,
                effective,
                threshold: &reckoning,
                colours: false,
                stopped: &reporter.stopped,
            };
            perform(&around, &command, &mut Output { out, err, json, progress: Some(&progress) })
        }
    }
}

/// Whether a command prints until it is interrupted, which the screen's own log does.
fn goes_on(command: &Command) -> bool {
    match command {
        Command::Log(LogCommand::Tail(args)) => args.follow,
        Command::Report(args) => args.follow,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_environment_only_the_terminal_and_the_language_come_in() {
        let table = [
            ("TERM", "xterm-256color", true),
            ("TERM", "tmux", true),
            ("TERM", "", false),
            ("TERM", "x;rm", false),
            ("TERM", "../../evil", false),
            ("TERM", "x\ny", false),
            ("LANG", "de_DE.UTF-8@euro", true),
            ("LC_TIME", "C", true),
            ("LC_EVIL=", "C", false),
            ("LC_X", "$(id)", false),
            ("LD_PRELOAD", "x.so", false),
            ("MUSTER_CONFIG", "x", false),
            ("PATH", "/bin", false),
            ("TMUX", "x", false),
            ("TZ", "UTC", false),
            ("HOME", "/", false),
            (ASKED, "report --json", true),
        ];
        for (name, value, expected) in table {
            assert_eq!(is_allowed(OsStr::new(name), OsStr::new(value)), expected, "{name}={value}");
        }
        assert!(!is_allowed(OsStr::new("TERM"), OsStr::new(&"x".repeat(LONGEST + 1))));
        assert!(!is_allowed(OsStr::from_bytes(b"LC_\xff"), OsStr::new("C")));
    }

    #[test]
    fn an_operator_is_a_whole_id() {
        assert!(operator("01ARZ3NDEKTSV4RRFFQ69G5FAV").is_ok());
        for wrong in ["", "01ARZ3", "01ARZ3NDEKTSV4RRFFQ69G5FAU!", "01ARZ3NDEKTSV4RRFFQ69G5FA ", "Front desk"]
        {
            assert!(operator(wrong).unwrap_err().contains("expected the id"), "{wrong}");
        }
    }
}
