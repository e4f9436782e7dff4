//! The command line: what can be typed ([`args`]), one file a subcommand, and the one place where
//! adapters are put behind the engine's ports ([`wire`]).
//!
//! A subcommand is a function of an engine's handle, its arguments and an [`Output`]; it returns
//! an [`Exit`] or a [`CliError`], which has a status too. Nothing in it ends the process.

pub mod approvals;
pub mod args;
pub mod authorized_keys;
mod background;
pub mod bench;
pub mod cameras;
pub mod capture;
pub mod check_in;
pub mod compare;
pub mod completions;
pub mod config_command;
mod configuration;
pub mod consent;
pub mod correct;
pub mod demo;
pub mod doctor;
pub mod enroll;
pub mod erase;
pub mod eval;
pub mod exit;
pub mod export_person;
pub mod gate;
pub mod gate_grammar;
mod head_file;
pub mod hooks;
pub mod identify;
pub mod inbox;
pub mod keys;
pub mod kiosk_pin;
pub mod lines;
pub mod local_time;
pub mod log;
pub mod looking;
pub mod mark;
pub mod memory;
pub mod models;
pub mod nets;
mod on_engine;
pub mod operators;
pub mod output;
pub mod pad_test;
pub mod panics;
pub mod people;
pub mod pictures;
pub mod plain;
pub mod quality;
pub mod report;
pub mod retention;
pub mod roster;
pub mod roster_file;
pub mod roster_import;
pub mod roster_particulars;
pub mod secret;
pub mod serve;
pub mod service;
pub mod session;
pub mod setup;
pub mod signals;
mod sounds;
pub mod source;
pub mod status;
pub mod store;
pub mod take;
pub mod themes;
pub mod threshold;
pub mod why;
pub mod wire;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod testing;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use chrono::Utc;
use clap::Parser;
use crossbeam_channel::never;

use crate::capture::camera;
use crate::capture::{CameraAddress, SourceSpec};
use crate::config::effective::WatchedSource;
use crate::config::{Effective, Environment, Flags, SourceFlags};
use crate::diagnostics::{self, Terminal};

use args::{Cli, Command, RosterCommand};
use doctor::{Check, machine};
use exit::{CliError, Exit};
use models::ModelsCommand;
use output::Output;
use source::ViewArgs;
use store::StoreArgs;
use wire::Need;

/// Parses this process's arguments, runs, and says how it ended.
pub fn main() -> ExitCode {
    panics::install();
    memory::keep_to_itself();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe under `--help` is nobody's loss.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()).into();
        }
    };
    if !matches!(cli.command, Some(Command::Setup(_) | Command::Models(ModelsCommand::Add(_)))) {
        // People's data is for its owner alone, whatever the shell's mask; nets, fetched or brought,
        // are for every user of the machine.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    let json = cli.global.json;
    // Locked for the length of a line alone: panics and other threads write to standard error too.
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    let mut out = Output { out: &mut stdout, err: &mut stderr, json, progress: None };
    match run(&cli, &Environment::of_process(), &mut out) {
        Ok(exit) => exit.into(),
        Err(CliError::OutputClosed) => Exit::Done.into(),
        Err(error) => {
            out.note(&error);
            error.exit().into()
        }
    }
}

/// Does what `cli` says.
///
/// # Errors
/// [`CliError`] with the status and the message that the process ends with.
pub fn run(cli: &Cli, environment: &Environment, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let screen = &cli.screen;
    let for_screen = screen.source.is_some()
        || screen.no_preview
        || screen.plain
        || screen.kiosk
        || screen.graphics.is_some()
        || screen.no_color
        || screen.theme.is_some()
        || screen.view != ViewArgs::default();
    if cli.command.is_some() && for_screen {
        return Err(CliError::usage(
            "--source, --no-preview and what goes with them before a subcommand are for the screen; write --source after `take`",
        ));
    }
    let (source, view) = match &cli.command {
        Some(Command::Take(args)) => (args.source.clone(), args.view.flags()),
        Some(Command::Capture(args)) => (args.source.clone(), args.view.flags()),
        Some(Command::Enroll(args)) => (args.source.clone(), args.view.flags()),
        Some(Command::PadTest(args)) => (args.source.clone(), args.view.flags()),
        Some(Command::Bench(command)) => (command.source(), SourceFlags::default()),
        Some(_) => (None, SourceFlags::default()),
        None => (screen.source.clone(), screen.view.flags()),
    };
    if let Some(SourceSpec::Stream(address)) = &source
        && address.has_secret()
    {
        out.note(
            "every user of this machine can read the password on the command line; write the source into the \
             configuration, under [source] default",
        );
    }
    let flags = Flags { source_flags: view, ..cli.global.flags(source) };
    // Before anything of this process is looked at: who comes by the gate may set none of it.
    if let Some(Command::Gate(args)) = &cli.command {
        if flags != Flags::default() {
            return Err(CliError::usage("the gate takes an operator's id and no options"));
        }
        return gate::run(args, out);
    }
    // What needs no configuration works whatever is wrong with it.
    if let Some(Command::Completions(args)) = &cli.command {
        return completions::run(args, out);
    }
    let effective = match (Effective::resolve(&flags, environment), &cli.command) {
        (Ok(effective), _) => effective,
        (Err(error), Some(Command::Doctor)) => {
            let check = Check::fail(
                "configuration",
                error.to_string(),
                "put it right, or name another with --config",
            );
            let probe: Box<dyn FnOnce() -> Vec<Check>> = Box::new(|| vec![check]);
            return doctor::run([probe], out).map(|_| Exit::Usage);
        }
        (Err(error), _) => return Err(error.into()),
    };
    let is_screen = match &cli.command {
        None => !cli.screen.plain,
        Some(Command::Demo(args)) => !args.headless && io::stdout().is_terminal(),
        Some(_) => false,
    };
    let terminal = match &cli.command {
        Some(Command::Serve) => Terminal::Journal,
        _ if is_screen => Terminal::Screen,
        _ => Terminal::Lines,
    };
    let _diagnostics = match diagnostics::init(&effective, terminal, cli.global.verbose) {
        Ok(diagnostics) => Some(diagnostics),
        Err(error) => {
            if cli.global.verbose > 0 {
                out.note(error);
            }
            None
        }
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    dispatch(cli, &effective, environment, out)
}

/// Whether `command` is done by the engine, which holds everybody to their role.
fn asks_the_engine(command: &Command) -> bool {
    !matches!(
        command,
        Command::Setup(_)
            | Command::Doctor
            | Command::Cameras(_)
            | Command::Models(_)
            | Command::Config(_)
            | Command::Compare(_)
            | Command::Eval(_)
            | Command::Bench(_)
            | Command::Capture(_)
            | Command::Store(StoreArgs::Restore(_) | StoreArgs::ChangeKey(_))
            | Command::Demo(_)
            | Command::KioskPin(_)
            | Command::Service(_)
            | Command::Themes(_)
            | Command::Keys(_)
            | Command::Completions(_)
    )
}

fn dispatch(
    cli: &Cli,
    effective: &Effective,
    environment: &Environment,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let zone = effective.attendance.zone.value;
    let Some(command) = &cli.command else {
        if cli.screen.plain {
            // Before the engine starts, so that a signal never finds the default action.
            let interrupts = signals::interrupts().map_err(CliError::missing)?;
            let hosted = wire::host_screen(effective)?;
            return plain::run(hosted.handle(), &interrupts, zone, out);
        }
        return wire::screen(effective, &cli.screen);
    };
    if effective.acting_as.is_some() && !asks_the_engine(command) {
        return Err(CliError::usage(
            "--as is for what the engine does: this works on files, which are for their owner",
        ));
    }
    if effective.acting_as.is_some() && matches!(command, Command::Approvals(_)) {
        return Err(CliError::usage("--as is not for approvals: each confirms as themselves"));
    }
    match command {
        Command::Setup(args) => setup::run(args, &effective.models_dir.value, out.json),
        Command::Doctor => doctor::run(probes(effective, environment), out),
        Command::Cameras(args) => cameras::run(effective, &machine::camera_system(environment), args, out),
        Command::Models(command) => models::run(effective, environment, command, &mut ask, out),
        Command::Config(command) => config_command::run(effective, command, out),
        Command::Enroll(args) => {
            // Before the engine starts, so that a signal never finds the default action.
            let interrupts = signals::interrupts().map_err(CliError::missing)?;
            let need = if args.source.is_some() { Need::Shots } else { Need::Nets };
            enroll::run(wire::host(effective, need)?.handle(), args, &interrupts, &mut ask, out)
        }
        Command::Identify(args) => identify::run(wire::host(effective, Need::Nets)?.handle(), args, out),
        Command::Compare(args) => compare::run(args, || wire::analyser(effective, args.pack.as_ref()), out),
        Command::Bench(command) => bench::run(command, effective, out),
        Command::Eval(args) => eval::run(args, || wire::analyser(effective, args.pack.as_ref()), out),
        Command::Take(_) => {
            // Before the engine starts, so that a signal never finds the default action.
            let interrupts = signals::interrupts().map_err(CliError::missing)?;
            let hosted = wire::host(effective, Need::Frames)?;
            take::run(hosted.handle(), &take::kinds(effective), zone, &interrupts, out)
        }
        Command::Serve => {
            let resolve = || Effective::resolve(&cli.global.flags(None), environment);
            serve::serve(effective.clone(), &resolve, out)
        }
        Command::Service(args) => service::run(args, effective, environment, out),
        Command::Status(_) => {
            let hosted = wire::host_to_look(effective)?;
            status::run(&hosted.health(effective), zone, out)
        }
        Command::Capture(args) => {
            let stop = signals::until_interrupted().map_err(CliError::missing)?;
            let source = effective.source();
            capture::run(args, &source.name(), || wire::open_source(source), &stop, out)
        }
        Command::Roster(RosterCommand::Import { file, dry_run: true })
            if !wire::holds_a_store(&effective.data_dir.value) =>
        {
            // Nothing is made to say what would be.
            roster_import::dry_run_on_nothing(file, out)
        }
        Command::CheckIn(args) => {
            let badge = effective.attendance.badge();
            check_in::run(wire::host(effective, Need::Store)?.handle(), args, &badge, out)
        }
        Command::Roster(command) => {
            roster::run(wire::host(effective, Need::Store)?.handle(), command, &mut ask, out)
        }
        Command::Inbox(args) => {
            let need = if inbox::needs_nets(args) { Need::Nets } else { Need::Store };
            inbox::run(wire::host(effective, need)?.handle(), args, &zone, &mut ask, out)
        }
        Command::Hooks(command) => match wire::host(effective, Need::Store) {
            Ok(hosted) => hooks::run(effective, hosted.handle(), *command, out),
            // While another process has the store, what went wrong can be said all the same.
            Err(error) if *command == hooks::HooksCommand::List && !effective.hooks.is_empty() => {
                out.note(&error);
                hooks::list(effective, None, out)
            }
            Err(error) => Err(error),
        },
        Command::Session(command) => {
            let calendar = report::Calendar::of(effective, Utc::now());
            session::run(wire::host(effective, Need::Store)?.handle(), command, &calendar, out)
        }
        Command::Mark(args) => mark::run(wire::host(effective, Need::Store)?.handle(), args, out),
        Command::Correct(args) => {
            let calendar = report::Calendar::of(effective, Utc::now());
            correct::correct(wire::host(effective, Need::Store)?.handle(), args, &calendar, out)
        }
        Command::Excuse(args) => {
            let calendar = report::Calendar::of(effective, Utc::now());
            correct::excuse(wire::host(effective, Need::Store)?.handle(), args, &calendar, out)
        }
        Command::Times(args) => {
            let calendar = report::Calendar::of(effective, Utc::now());
            correct::times(wire::host(effective, Need::Store)?.handle(), args, &calendar, out)
        }
        Command::Report(args) => {
            // Before the engine starts, so that a signal never finds the default action.
            let stopped =
                if args.follow { signals::interrupts().map_err(CliError::missing)? } else { never() };
            let colours = io::stdout().is_terminal() && environment.variable("NO_COLOR").is_none();
            let site = report::Site::of(effective, Utc::now(), colours, &stopped);
            report::run(wire::host(effective, Need::Store)?.handle(), args, &site, out)
        }
        Command::Threshold(args) => {
            let site = threshold::Site::of(effective)?;
            let calendar = report::Calendar::of(effective, Utc::now());
            threshold::run(wire::host(effective, Need::Store)?.handle(), args, &site, &calendar, out)
        }
        Command::Log(command) => {
            // Before the engine starts, so that a signal never finds the default action.
            let interrupts = signals::interrupts().map_err(CliError::missing)?;
            log::run(wire::host(effective, Need::Store)?.handle(), command, &interrupts, zone, out)
        }
        Command::Store(StoreArgs::Restore(args)) => {
            store::restore(effective, environment, args, &mut ask, out)
        }
        Command::Store(StoreArgs::ChangeKey(args)) => store::change_key(effective, environment, args, out),
        Command::Store(args) => {
            let hosted = wire::host(effective, Need::Store)?;
            store::run(hosted.handle(), args, effective, Utc::now(), out)
        }
        Command::Why(args) => why::run(wire::host(effective, Need::Store)?.handle(), args, &zone, out),
        Command::Operators(args) => operators::run(wire::host(effective, Need::Store)?.handle(), args, out),
        Command::Approvals(args) => {
            approvals::run(wire::host(effective, Need::Store)?.handle(), args, &zone, out)
        }
        Command::AuthorizedKeys(args) => {
            // No engine is started for it: who comes in then has nobody to attach to.
            let operators = || operators::all(wire::running(&effective.data_dir.value)?.handle());
            authorized_keys::run(args, &authorized_keys::this_program()?, operators, out)
        }
        Command::Consent(args) => {
            consent::run(wire::host(effective, Need::Store)?.handle(), args, &mut ask, out)
        }
        Command::Retention(args) => {
            retention::run(wire::host(effective, Need::Store)?.handle(), args, &zone, out)
        }
        Command::ExportPerson(args) => {
            export_person::run(wire::host(effective, Need::Store)?.handle(), args, out)
        }
        Command::PadTest(args) => {
            // The ledger first: a test that could not be noted would be for nothing.
            let hosted = wire::host(effective, Need::Store)?;
            let mut presenter = wire::presenter(effective, args.source.clone())?;
            pad_test::run(hosted.handle(), args, presenter.as_mut(), &mut io::stdin().lock(), out)
        }
        Command::Demo(args) => demo::run(effective, args, io::stdout().is_terminal(), out),
        Command::KioskPin(args) => kiosk_pin::run(effective, environment, args, out),
        Command::Themes(args) => themes::run(effective, args, out),
        Command::Keys(args) => keys::run(effective, args, out),
        Command::Completions(args) => completions::run(args, out),
        // Done before the configuration is looked at.
        Command::Gate(args) => gate::run(args, out),
    }
}

/// Everything that `doctor` looks at, in the order in which one needs the other.
fn probes<'a>(
    effective: &'a Effective,
    environment: &'a Environment,
) -> Vec<Box<dyn FnOnce() -> Vec<Check> + 'a>> {
    vec![
        Box::new(|| vec![machine::configuration(effective)]),
        Box::new(|| vec![machine::data_directory(&effective.data_dir.value, environment.uid)]),
        Box::new(|| wire::probe_key(effective)),
        Box::new(|| wire::probe_store(effective)),
        Box::new(|| wire::probe_models(effective)),
        Box::new(|| wire::probe_runtime(effective, environment)),
        Box::new(|| wire::probe_provider(effective)),
        Box::new(|| wire::probe_liveness(effective)),
        Box::new(|| vec![machine::ffmpeg(effective, environment)]),
        Box::new(|| machine::cameras(environment)),
        Box::new(|| {
            let system = machine::camera_system(environment);
            let examine = |source: &WatchedSource, address: &CameraAddress| {
                camera::examine(&system, address, &source.settings.camera_options())
            };
            doctor::source::all_checks(effective, examine, wire::open_source)
        }),
        Box::new(|| {
            vec![machine::terminal(
                machine::terminal_size(),
                crate::tui::terminal::ask_graphics(),
                environment,
            )]
        }),
        Box::new(|| hooks::checks(effective)),
        Box::new(|| service::checks(effective, environment)),
        Box::new(|| vec![machine::clock(environment)]),
    ]
}

/// Puts a question on the terminal; anything but yes is no.
fn ask(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let mut stderr = io::stderr();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests;
