//! Many people, one after the other: each is one transaction, and each refusal is reported.

use crossbeam_channel::Receiver;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::attendance::Person;
use crate::engine::command::{
    EnrolmentNotes, EnrolmentPictures, EnrolmentSource, EnrolmentTarget, RefusedPicture,
};
use crate::engine::{Command, CommandError, EngineHandle, Reply};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, people_count, printable};
use super::super::{consent, nets, people, pictures, roster};
use super::wanted::Wanted;
use super::{EnrollArgs, enrolled, note_lines, sentence};
use crate::ledger::Sha256Digest;

/// What came of one person.
enum Outcome {
    Enrolled { person: Box<Person>, templates_added: u32, notes: EnrolmentNotes },
    Already(String),
    Refused(String),
}

/// Somebody who was not enrolled, as `--json` prints it.
#[derive(Serialize)]
struct NotEnrolled<'a> {
    /// `refused` or `already`.
    kind: &'static str,
    person: &'a str,
    reason: &'a str,
}

/// What came of all, as `--json` prints it.
#[derive(Serialize, Default)]
struct Summary {
    kind: &'static str,
    enrolled: usize,
    templates: u32,
    already: usize,
    refused: usize,
    pictures_left_out: usize,
    not_reached: usize,
}

struct Batch<'a> {
    args: &'a EnrollArgs,
    handle: &'a EngineHandle,
    provider: String,
    /// The text that everybody agreed to, where that is on file.
    agreed: Option<Sha256Digest>,
    summary: Summary,
}

/// Enrols everybody of `wanted`; a signal ends it between two people.
///
/// # Errors
/// [`CliError`] where nets or store fail. Whoever was enrolled before stays enrolled.
pub(super) fn run(
    handle: &EngineHandle,
    args: &EnrollArgs,
    wanted: &[Wanted],
    interrupts: &Receiver<()>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let provider = nets::wait(handle)?.provider_name();
    let bar = match out.progress {
        // A screen has the terminal.
        Some(_) => ProgressBar::hidden(),
        None => ProgressBar::new(wanted.len() as u64).with_message("people"),
    };
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let summary = Summary { kind: "summary", ..Summary::default() };
    let agreed = match args.consent {
        // Nobody is asked on the terminal about many.
        true => Some(consent::asked(handle, "everybody", true, &mut |_| None, out)?.digest),
        false => None,
    };
    let mut batch = Batch { args, handle, provider, agreed, summary };
    let mut report: Vec<String> = Vec::new();
    for (done, person) in wanted.iter().enumerate() {
        if interrupts.try_recv().is_ok() {
            batch.summary.not_reached = wanted.len() - done;
            break;
        }
        let outcome = batch.enrol(person)?;
        report.extend(bar.suspend(|| batch.note(person, outcome, out))?);
        bar.inc(1);
        if let Some(progress) = out.progress {
            progress(done + 1, wanted.len());
        }
    }
    bar.finish_and_clear();
    batch.end(&report, out)
}

impl Batch<'_> {
    fn enrol(&self, wanted: &Wanted) -> Result<Outcome, CliError> {
        let (name, identifier) = match &wanted.who {
            Ok(who) => who.clone(),
            Err(reason) => return Ok(Outcome::Refused(reason.clone())),
        };
        let paths = match &wanted.pictures {
            Ok(paths) => paths,
            Err(reason) => return Ok(Outcome::Refused(reason.clone())),
        };
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        for path in paths {
            match pictures::read(path) {
                Ok(picture) => read.push(picture),
                Err(reason) => {
                    let label = printable(&path.to_string_lossy()).into_owned();
                    unreadable.push(RefusedPicture { label, reason });
                }
            }
        }
        if read.is_empty() {
            return Ok(Outcome::Refused(CommandError::NoGoodPicture { refused: unreadable }.to_string()));
        }
        let source = EnrolmentSource::Pictures(EnrolmentPictures {
            pictures: read,
            face: self.args.face,
            leave_out: true,
        });
        let target = EnrolmentTarget::New { name: name.clone(), identifier };
        let command = Command::Enrol { target, source, anyway: self.args.anyway };
        match self.handle.call(EnrollArgs::with_consent(command, self.agreed)) {
            Ok(Reply::Enrolled { person, templates_added, mut notes }) => {
                notes.refused.extend(unreadable);
                Ok(Outcome::Enrolled { person: Box::new(person), templates_added, notes })
            }
            Ok(other) => Err(roster::unexpected(&other)),
            Err(CommandError::NameTaken { .. }) => {
                Ok(Outcome::Already("is on the roster already".to_owned()))
            }
            Err(CommandError::IdentifierTaken { name: holder, .. }) if holder == name => {
                Ok(Outcome::Already("is on the roster already".to_owned()))
            }
            Err(error) => {
                let reason = error.to_string();
                match CliError::from(error) {
                    // Nets or a store that fail do so for everybody.
                    failed if failed.exit() == Exit::Missing => Err(failed),
                    _ => Ok(Outcome::Refused(reason)),
                }
            }
        }
    }

    /// Counts and prints what came of a person; what to report of them at the end.
    fn note(
        &mut self,
        wanted: &Wanted,
        outcome: Outcome,
        out: &mut Output<'_>,
    ) -> Result<Vec<String>, CliError> {
        let called = printable(&wanted.called).into_owned();
        let not = |kind, reason: &str, out: &mut Output<'_>| -> Result<(), CliError> {
            if out.json {
                out.object(&NotEnrolled { kind, person: &called, reason })?;
            }
            Ok(())
        };
        match outcome {
            Outcome::Enrolled { person, templates_added, notes } => {
                self.summary.enrolled += 1;
                self.summary.templates += templates_added;
                self.summary.pictures_left_out += notes.refused.len();
                if out.json {
                    out.object(&enrolled(&person, templates_added, &notes, None, self.provider.clone()))?;
                }
                let lines = note_lines(&notes, &person.name);
                let first = (!lines.is_empty()).then(|| sentence(&person, templates_added, false));
                Ok(first.into_iter().chain(lines).collect())
            }
            Outcome::Already(reason) => {
                self.summary.already += 1;
                not("already", &reason, out)?;
                Ok(Vec::new())
            }
            Outcome::Refused(reason) => {
                self.summary.refused += 1;
                not("refused", &reason, out)?;
                Ok(vec![format!("{called} was refused: {reason}")])
            }
        }
    }

    fn end(self, report: &[String], out: &mut Output<'_>) -> Result<Exit, CliError> {
        let summary = self.summary;
        if out.json {
            out.object(&summary)?;
        } else {
            for line in report {
                out.line(line)?;
            }
            let mut parts = vec![format!(
                "{} enrolled with {} templates",
                people_count(summary.enrolled),
                summary.templates
            )];
            let more = [
                (summary.already, "on the roster already"),
                (summary.refused, "refused"),
                (summary.not_reached, "not reached: run the command again for the others"),
            ];
            parts.extend(
                more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
            );
            if summary.pictures_left_out > 0 {
                parts.push(format!("{} pictures left out", summary.pictures_left_out));
            }
            out.line(parts.join("; "))?;
        }
        let is_whole = summary.refused == 0 && summary.not_reached == 0;
        Ok(if is_whole { Exit::Done } else { Exit::Negative })
    }
}
