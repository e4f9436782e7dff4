//! `muster pad-test`: how often presentation attacks pass here, and how often people are refused, in
//! the terms of ISO/IEC 30107-3. No picture is kept: what remains is the figures, in the ledger.

mod figures;
mod script;
#[cfg(test)]
mod tests;

pub use figures::{Figures, Share};
pub use script::{Kind, Presentation};

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::capture::SourceSpec;
use crate::engine::{Command, EngineHandle, Reply};
use crate::face::Liveness;
use crate::ledger::Sequence;

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::roster;
use super::source::{SourceParser, ViewArgs};

/// Shown under `muster pad-test --help`.
pub const AFTER_HELP: &str = "\
A presentation is one time that a face is shown to the camera: a person, a print, a screen, a mask.
Each is measured over some frames, as the door does, and counted once. It ends with APCER for each
kind of attack (attacks taken for people), BPCER (people taken for attacks) and, apart from both,
what could not be measured; all with 95 % intervals, because twenty presentations say little. One
entry with the figures goes into the ledger; no picture is kept.

Examples:
  muster pad-test --source camera:0
  muster pad-test --genuine people/ --attack print=prints/ --attack screen=phones/
  muster pad-test --script presentations.toml

In a folder each file (picture or video) and each folder of pictures is one presentation. A script
has a table for each:
  [[presentation]]
  kind = \"genuine\"      # or the name of an attack: print, screen, mask
  path = \"ana.mp4\"      # from the script's own folder";

/// `pad-test`
#[derive(Debug, Clone, Args)]
pub struct PadTestArgs {
    /// Where live presentations are watched, one after another as you are asked
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser, required_unless_present_any = ["script", "genuine", "attack"],
        conflicts_with_all = ["script", "genuine", "attack"])]
    pub source: Option<SourceSpec>,
    /// How it is seen.
    #[command(flatten)]
    pub view: ViewArgs,
    /// A file that names recorded presentations
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// A folder of recorded genuine presentations
    #[arg(long, value_name = "DIR")]
    pub genuine: Option<PathBuf>,
    /// A folder of recorded attacks of a kind; may be given again
    #[arg(long, value_name = "KIND=DIR", value_parser = script::attack)]
    pub attack: Vec<(Kind, PathBuf)>,
    /// Frames with a score that a presentation is measured over
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub frames: u32,
}

/// The live scores of the largest face of one presentation's frames. What they come to is what a
/// track's come to at the door: the mean of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Frames that were looked at.
    pub frames: u32,
    /// Of them, those with a score.
    pub measured: u32,
    sum: f32,
}

impl Tally {
    /// Takes the next frame in; none where it shows no face.
    pub fn add(&mut self, liveness: Option<Liveness>) {
        self.frames += 1;
        if let Some(score) = liveness.and_then(Liveness::score) {
            self.measured += 1;
            self.sum += score;
        }
    }

    /// The mean score; none where no frame could be measured.
    pub fn mean(&self) -> Option<f32> {
        (self.measured > 0).then(|| self.sum / self.measured as f32)
    }
}

/// What presentations are measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The pack.
    pub pack: String,
    /// The liveness net's card.
    pub model: String,
    /// What it runs on.
    pub provider: String,
    /// Under this mean score a presentation counts as an attack.
    pub threshold: f32,
}

/// Shows presentations to the nets: the port between this subcommand and camera, files and nets.
pub trait Presenter {
    /// What they are measured with.
    fn subject(&self) -> &Subject;

    /// Watches the live source until `frames` have a score, or it is no use.
    ///
    /// # Errors
    /// [`CliError`] where the source or the nets fail.
    fn watch(&mut self, frames: u32) -> Result<Tally, CliError>;

    /// The recording at `path`: a picture, a video, or a folder of pictures.
    ///
    /// # Errors
    /// [`CliError`] where it cannot be read or the nets fail.
    fn play(&mut self, path: &Path, frames: u32) -> Result<Tally, CliError>;
}

/// One presentation, as `--json` prints it.
#[derive(Serialize)]
struct PresentationObject<'a> {
    kind: &'static str,
    presented: &'a str,
    path: Option<String>,
    outcome: &'static str,
    liveness: Option<f32>,
    frames: u32,
    measured: u32,
}

/// What came of all, as `--json` prints it.
#[derive(Serialize)]
struct TestObject<'a> {
    kind: &'static str,
    pack: &'a str,
    model: &'a str,
    provider: &'a str,
    threshold: f32,
    recorded: bool,
    #[serde(flatten)]
    figures: &'a Figures,
    sequence: Sequence,
}

/// Runs the test and notes its figures in the ledger of `handle`.
///
/// # Errors
/// [`CliError`]: a script or folder that cannot be read, a presentation that cannot be read, a source or
/// nets that fail, a ledger that cannot be written. Nothing is noted then.
pub fn run(
    handle: &EngineHandle,
    args: &PadTestArgs,
    presenter: &mut dyn Presenter,
    input: &mut dyn BufRead,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let mut test = Test { figures: Figures::new(), frames: args.frames, presenter };
    if args.source.is_some() {
        test.guide(input, out)?;
    } else {
        for presentation in script::recorded(args)? {
            let tally = test.presenter.play(&presentation.path, args.frames)?;
            test.count(&presentation.kind, Some(&presentation.path), tally, out)?;
        }
    }
    let Test { figures, .. } = test;
    if figures.is_empty() {
        return Err(CliError::usage("nothing was presented, so that there is nothing to say or to note"));
    }
    let subject = presenter.subject();
    let recorded = args.source.is_none();
    let note = figures.note(subject, args.frames, recorded);
    let sequence = match handle.call(Command::NotePadTest { figures: note })? {
        Reply::Written(entry) => entry.sequence,
        other => return Err(roster::unexpected(&other)),
    };
    if out.json {
        out.object(&TestObject {
            kind: "pad_test",
            pack: &subject.pack,
            model: &subject.model,
            provider: &subject.provider,
            threshold: subject.threshold,
            recorded,
            figures: &figures,
            sequence,
        })?;
    } else {
        out.line(figures.table(subject))?;
        out.line(format_args!("Noted in the ledger as entry {sequence}. No picture was kept."))?;
    }
    Ok(Exit::Done)
}

struct Test<'a> {
    figures: Figures,
    frames: u32,
    presenter: &'a mut dyn Presenter,
}

impl Test<'_> {
    /// Asks for one presentation after another until `done` or the end of the input.
    fn guide(&mut self, input: &mut dyn BufRead, out: &mut Output<'_>) -> Result<(), CliError> {
        out.note(
            "Show one presentation at a time and say what it is: genuine, or an attack by its kind (print, \
             screen, mask). Enter alone is the same kind again; done ends. Use other people, prints and devices \
             as you go on: the same one again says little.",
        );
        let mut last: Option<Kind> = None;
        loop {
            let number = self.figures.total() + 1;
            let again = last.as_ref().map(|kind| format!(" [{kind}]")).unwrap_or_default();
            out.note(format_args!("presentation {number}: what is before the camera?{again}"));
            let mut line = String::new();
            let read = input
                .read_line(&mut line)
                .map_err(|error| CliError::missing(format_args!("the input cannot be read: {error}")))?;
            let kind = match (read, line.trim(), &last) {
                (0, ..) | (_, "done", _) => return Ok(()),
                (_, "", Some(kind)) => kind.clone(),
                (_, word, _) => match word.parse::<Kind>() {
                    Ok(kind) => kind,
                    Err(error) => {
                        out.note(error);
                        continue;
                    }
                },
            };
            let tally = self.presenter.watch(self.frames)?;
            self.count(&kind, None, tally, out)?;
            last = Some(kind);
        }
    }

    fn count(
        &mut self,
        kind: &Kind,
        path: Option<&Path>,
        tally: Tally,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        let mean = tally.mean();
        let looks_live = mean.map(|score| score >= self.presenter.subject().threshold);
        self.figures.add(kind, looks_live);
        let (outcome, words) = match looks_live {
            Some(true) => ("live", "looks live"),
            Some(false) => ("attack", "looks like an attack"),
            None => ("not_measurable", "could not be measured"),
        };
        let path = path.map(|path| printable(&path.to_string_lossy()).into_owned());
        let score = mean.map(|score| format!(" {score:.2}")).unwrap_or_default();
        let named = path.as_deref().map(|path| format!("  {path}")).unwrap_or_default();
        let text = format!("{kind}: {words}{score}, {} of {} frames{named}", tally.measured, tally.frames);
        let object = PresentationObject {
            kind: "presentation",
            presented: kind.as_str(),
            path,
            outcome,
            liveness: mean,
            frames: tally.frames,
            measured: tally.measured,
        };
        Ok(out.either(&object, text)?)
    }
}
