//! Subcommands on an engine that is there already: from the palette of a screen, and through the gate.

use std::path::Path;

use chrono::Utc;
use crossbeam_channel::Receiver;

use crate::config::Effective;
use crate::engine::EngineHandle;

use super::args::{Command, RosterCommand};
use super::exit::{CliError, Exit};
use super::operators::OperatorsArgs;
use super::output::Output;
use super::{
    approvals, check_in, consent, correct, enroll, export_person, hooks, inbox, keys, log, mark, operators,
    report, retention, roster, session, store, threshold, why,
};

/// The engine, and what a subcommand finds around it.
pub(super) struct Around<'a> {
    /// The engine.
    pub(super) handle: &'a EngineHandle,
    /// How things are shown.
    pub(super) effective: &'a Effective,
    /// What the words about a threshold reckon with.
    pub(super) threshold: &'a dyn Fn() -> Result<threshold::Site, CliError>,
    /// Whether the output takes colours.
    pub(super) colours: bool,
    /// Receives where somebody ends it.
    pub(super) stopped: &'a Receiver<()>,
}

/// Does what `command` says; none where it is one that needs more than an engine.
pub(super) fn run(
    around: &Around<'_>,
    command: &Command,
    ask: &mut dyn FnMut(&str) -> Option<bool>,
    out: &mut Output<'_>,
) -> Option<Result<Exit, CliError>> {
    let Around { handle, effective, stopped, .. } = *around;
    let calendar = || report::Calendar::of(effective, Utc::now());
    let zone = effective.attendance.zone.value;
    let mut ask = |question: &str| ask(question);
    Some(match command {
        Command::CheckIn(args) => check_in::run_unseen(handle, args, &effective.attendance.badge(), out),
        Command::Roster(command) => roster::run(handle, command, &mut ask, out),
        Command::Session(command) => session::run(handle, command, &calendar(), out),
        Command::Mark(args) => mark::run(handle, args, out),
        Command::Correct(args) => correct::correct(handle, args, &calendar(), out),
        Command::Excuse(args) => correct::excuse(handle, args, &calendar(), out),
        Command::Times(args) => correct::times(handle, args, &calendar(), out),
        Command::Report(args) => {
            let site = report::Site::of(effective, Utc::now(), around.colours, stopped);
            report::run(handle, args, &site, out)
        }
        Command::Inbox(args) => inbox::run(handle, args, &zone, &mut ask, out),
        Command::Threshold(args) => match (around.threshold)() {
            Ok(site) => threshold::run(handle, args, &site, &calendar(), out),
            Err(error) => Err(error),
        },
        Command::Log(command) => log::run(handle, command, stopped, zone, out),
        Command::Store(args) => store::run(handle, args, effective, Utc::now(), out),
        Command::Hooks(hooks::HooksCommand::List) => {
            hooks::run(effective, handle, hooks::HooksCommand::List, out)
        }
        Command::Why(args) => why::run(handle, args, &zone, out),
        Command::Enroll(args) if args.source.is_none() => enroll::run(handle, args, stopped, &mut ask, out),
        Command::Operators(args) => operators::run(handle, args, out),
        Command::Approvals(args) => approvals::run(handle, args, &zone, out),
        Command::Consent(args) => consent::run(handle, args, &mut ask, out),
        Command::Retention(args) => retention::run(handle, args, &zone, out),
        Command::ExportPerson(args) => export_person::run(handle, args, out),
        Command::Keys(args) => keys::run(effective, args, out),
        _ => return None,
    })
}

/// Whether a command reads standard input, or writes what is no text to standard output.
pub(super) fn needs_a_stream(command: &Command) -> bool {
    let is_stream = |path: &Path| path == Path::new("-");
    match command {
        Command::Enroll(args) => args.images.iter().any(|path| is_stream(path)),
        Command::ExportPerson(args) => is_stream(&args.output),
        Command::Roster(RosterCommand::Import { file, .. }) => is_stream(file),
        Command::Operators(OperatorsArgs::Add { key, .. }) => key.as_deref().is_some_and(is_stream),
        _ => false,
    }
}
