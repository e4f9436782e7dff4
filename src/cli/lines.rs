//! Lines of the screen's palette: subcommands, run on the engine that the screen shows.

use std::io::{self, Write};
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use crossbeam_channel::Receiver;

use crate::config::{Effective, Flags};
use crate::engine::EngineHandle;
use crate::tui::dialog::palette::Subcommand;
use crate::tui::message::Ran;
use crate::tui::{Reporter, Runner};

use super::args::{Cli, Command, RosterCommand};
use super::exit::{CliError, Exit};
use super::on_engine::{self, Around, needs_a_stream};
use super::output::Output;
use super::{hooks, log, status, threshold};

/// The subcommands that need the engine and nothing else: they run beside the screen. Those with
/// subcommands of their own are offered as these.
const HERE: [&str; 22] = [
    "roster",
    "approvals",
    "report",
    "log",
    "inbox",
    "threshold",
    "why",
    "enroll",
    "session",
    "correct",
    "excuse",
    "times",
    "store",
    "check-in",
    "hooks",
    "operators",
    "consent",
    "retention",
    "export-person",
    "status",
    "mark",
    "keys",
];

/// What the palette of a screen over `effective` can run.
pub fn runner(effective: &Effective) -> Runner {
    let effective = Arc::new(effective.clone());
    let run =
        move |handle: &EngineHandle, line: &str, reporter: &Reporter| run(handle, &effective, line, reporter);
    Runner { subcommands: subcommands(), run: Some(Arc::new(run)) }
}

/// Every subcommand by its words.
fn subcommands() -> Vec<Subcommand> {
    offered(&Cli::command(), |first| HERE.contains(&first))
}

/// Every subcommand of `top` by its words; those that `is_here` does not know by the first of them are for a
/// shell.
pub(super) fn offered(top: &clap::Command, is_here: impl Fn(&str) -> bool) -> Vec<Subcommand> {
    let mut found = Vec::new();
    for command in top.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        if name == "help" {
            continue;
        }
        let own: Vec<&clap::Command> =
            command.get_subcommands().filter(|own| own.get_name() != "help").collect();
        let here = is_here(name);
        if own.is_empty() || !command.is_subcommand_required_set() {
            found.push(subcommand(name.to_owned(), command, here));
        }
        found.extend(own.iter().map(|own| subcommand(format!("{name} {}", own.get_name()), own, here)));
    }
    found
}

fn subcommand(name: String, command: &clap::Command, is_here: bool) -> Subcommand {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let takes_words = command.get_arguments().any(clap::Arg::is_required_set);
    let about = if is_here { about } else { format!("{about} (in a shell)") };
    Subcommand { name, about, takes_words }
}

/// Runs a line; what it printed, and what went wrong.
fn run(handle: &EngineHandle, effective: &Effective, line: &str, reporter: &Reporter) -> Ran {
    let (mut out, mut err) = (Printed::new(reporter), Vec::new());
    let progress = |done, total| reporter.progress(done, total);
    let ended = parsed(line).and_then(|cli| {
        let json = cli.global.json;
        let mut output = Output { out: &mut out, err: &mut err, json, progress: Some(&progress) };
        dispatch(handle, effective, &cli, line, &reporter.stopped, &mut output)
    });
    out.ended(&err, ended)
}

/// Keeps what is printed, and shows each line as it comes.
pub(super) struct Printed<'a> {
    reporter: &'a Reporter,
    all: Vec<u8>,
    /// How much of it was shown.
    shown: usize,
}

impl<'a> Printed<'a> {
    pub(super) fn new(reporter: &'a Reporter) -> Self {
        Self { reporter, all: Vec::new(), shown: 0 }
    }

    /// What came of the line, with what went to the other stream and why it failed.
    pub(super) fn ended(self, err: &[u8], ended: Result<Exit, CliError>) -> Ran {
        let mut text = String::from_utf8_lossy(&self.all).into_owned();
        text += &String::from_utf8_lossy(err);
        let succeeded = match ended {
            Ok(exit) => exit == Exit::Done,
            Err(error) => {
                text += &error.to_string();
                false
            }
        };
        Ran { text, succeeded }
    }
}

impl Write for Printed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let whole = self.all.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole > self.shown {
            self.reporter.printed(String::from_utf8_lossy(&self.all[self.shown..whole]).into_owned());
            self.shown = whole;
        }
        Ok(())
    }
}

fn parsed(line: &str) -> Result<Cli, CliError> {
    let words = shlex::split(line);
    let words = words.ok_or_else(|| CliError::usage("a quotation mark has no other that closes it"))?;
    let cli = Cli::try_parse_from(std::iter::once("muster".to_owned()).chain(words))
        .map_err(|error| CliError::usage(error.render().to_string().trim_end()))?;
    if cli.global.flags(None) != Flags::default() {
        return Err(CliError::usage(
            "--data-dir, --models-dir, --config, --device, --onnxruntime, --as and -v are for a shell: this runs on the engine \
             that the screen shows",
        ));
    }
    Ok(cli)
}

fn dispatch(
    handle: &EngineHandle,
    effective: &Effective,
    cli: &Cli,
    line: &str,
    stopped: &Receiver<()>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // The screen has the terminal: a subcommand that asks is told that there is none to ask on.
    let mut nobody = |_: &str| None;
    let Some(command) = &cli.command else {
        return Err(CliError::usage(format_args!("this runs in a shell: muster {line}")));
    };
    match command {
        // The screen has the terminal, and what is typed into the palette is seen.
        Command::Roster(RosterCommand::Pin(args)) if !args.clear => {
            return Err(CliError::usage(format_args!(
                "a PIN is not typed where it is seen; in a shell: muster {line}"
            )));
        }
        Command::CheckIn(args) if args.stdin => {
            return Err(CliError::usage("there is no standard input here: leave --stdin out"));
        }
        Command::Report(args) if args.follow => {
            return Err(CliError::usage(
                "the screen's own log follows; `report` without --follow prints what there is",
            ));
        }
        Command::Log(log::LogCommand::Tail(args)) if args.follow => {
            return Err(CliError::usage(
                "the screen's own log follows; `log tail` without -f prints the last entries",
            ));
        }
        // The screen delivers by itself, and two at once would deliver twice.
        Command::Hooks(hooks::HooksCommand::Deliver) => {
            return Err(CliError::usage("the screen delivers by itself what waits"));
        }
        Command::Status(_) => {
            let health = status::gather::health(handle, &effective.data_dir.value, true);
            return status::run(&health, effective.attendance.zone.value, out);
        }
        command if needs_a_stream(command) => {
            return Err(CliError::usage(
                "there is no standard input or output here: name a file in place of -",
            ));
        }
        _ => {}
    }
    let reckoning = || threshold::Site::of(effective);
    let around = Around { handle, effective, threshold: &reckoning, colours: false, stopped };
    on_engine::run(&around, command, &mut nobody, out)
        .unwrap_or_else(|| Err(CliError::usage(format_args!("this runs in a shell: muster {line}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, Script, row};
    use crate::config::Environment;
    use crate::tui::message::{DialogId, Message};

    fn effective(home: &std::path::Path) -> Effective {
        let environment = Environment {
            variables: [("HOME".into(), home.into())].into(),
            system_root: home.to_owned(),
            ..Environment::default()
        };
        Effective::resolve(&Flags::default(), &environment).unwrap()
    }

    #[test]
    fn every_subcommand_is_offered_once_by_all_its_words() {
        let offered = subcommands();
        let names: Vec<&str> = offered.iter().map(|subcommand| subcommand.name.as_str()).collect();
        for name in ["roster list", "roster export", "report", "threshold", "doctor", "models use"] {
            assert_eq!(names.iter().filter(|offered| **offered == name).count(), 1, "{name} in {names:?}");
        }
        assert!(!names.contains(&"roster") && !names.contains(&"help"), "{names:?}");
        assert!(offered.iter().all(|subcommand| !subcommand.about.is_empty()));
        let takes = |name: &str| offered.iter().find(|offered| offered.name == name).unwrap().takes_words;
        assert!(takes("roster rename") && !takes("roster list"));
    }

    #[test]
    fn a_line_runs_on_the_engine_of_the_screen() {
        let home = tempfile::tempdir().unwrap();
        let fake = Fake::start(Script { roster: vec![row(3, "Bo", None)], ..Script::default() });
        let effective = effective(home.path());
        let (screen, messages) = crossbeam_channel::unbounded();
        let reporter = Reporter::new(DialogId(7), screen, crossbeam_channel::never());
        let ran = |line: &str| run(&fake.handle, &effective, line, &reporter);
        let listed = ran("roster list");
        assert!(listed.succeeded && listed.text.contains("name"), "{}", listed.text);
        let shown: String = messages
            .try_iter()
            .map(|message| match message {
                Message::Printed(DialogId(7), text) => text,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, listed.text, "each line is shown as it comes");
        let status = ran("status");
        assert!(status.text.contains("engine      runs"), "{}", status.text);
        let json = ran("--json roster list");
        assert!(json.succeeded && json.text.starts_with('{'), "{}", json.text);
        for (line, expected) in [
            ("take --source camera:0", "in a shell: muster take --source camera:0"),
            ("enroll Ana -", "standard input"),
            ("roster import -", "standard input"),
            ("operators add Otto --role admin --key -", "standard input"),
            ("export-person 7 -o -", "standard input"),
            ("roster lst", "similar"),
            ("roster rename \"Ana", "quotation mark"),
            ("--data-dir /x roster list", "for a shell"),
            ("roster remove Bo", "--yes"),
            ("store restore f.backup", "run it in a shell"),
        ] {
            let refused = ran(line);
            assert!(!refused.succeeded && refused.text.contains(expected), "{line}: {}", refused.text);
        }
    }

    #[test]
    fn a_report_of_a_week_runs_from_the_palette_and_one_that_follows_does_not() {
        use crate::cli::fake::person;
        use crate::engine::{Command, Reply};
        let home = tempfile::tempdir().unwrap();
        let respond = |command: &Command| match command {
            Command::People => Ok(Reply::People(vec![person(3, "Bo", None)])),
            _ => Ok(Reply::Done),
        };
        let roster = vec![row(3, "Bo", None)];
        let fake = Fake::start(Script { roster, respond: Box::new(respond), ..Script::default() });
        let effective = effective(home.path());
        let (screen, messages) = crossbeam_channel::unbounded();
        let (stop, stopped) = crossbeam_channel::bounded(1);
        let reporter = Reporter::new(DialogId(7), screen, stopped);
        let ran = |line: &str| run(&fake.handle, &effective, line, &reporter);
        let week = ran("report --week");
        assert!(
            week.succeeded && week.text.contains("Bo") && week.text.contains(" to Sunday "),
            "{}",
            week.text
        );
        let month = ran("report --month 2026-01 --format heatmap");
        assert!(month.succeeded && month.text.contains("absent"), "{}", month.text);
        assert!(messages.try_iter().any(|message| matches!(message, Message::Progress(DialogId(7), _, 31))));
        let follows = ran("report --follow");
        assert!(!follows.succeeded && follows.text.contains("follows"), "{}", follows.text);
        stop.send(()).unwrap();
        assert!(!ran("report --month 2026-01").succeeded);
    }
}
