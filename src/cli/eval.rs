//! `muster eval`: how well the nets tell the people of labelled photographs apart, in figures.
//!
//! What the figures mean and assume stands in [`crate::identify::evaluation`]. One-shot throughout: one
//! photograph a person is enrolled, but where strategies are compared.

mod chart;
mod figures;
mod files;
mod photographs;
mod strategies;
mod svg;
mod text;
mod video;

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::typed::PackName;
use crate::face::Embedding;
use crate::identify::evaluation::Similarities;
use crate::inference::FaceAnalyser;

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use figures::{Asked, Evaluation};
use files::{Pending, write_scores};
use strategies::StrategyChoice;

const AFTER_HELP: &str = "\
DIR holds a folder for each person, with pictures of them: DIR/NAME/*.jpg (or PNG, BMP, PNM, WebP).
Several DIRs are put together; folders of one name are one person. Of several faces in a picture the
largest is taken, and the picture is named. No figure is given that the number of pairs cannot
support: a rate below 3 / N is not established by N trials. Intervals \"by pairs\" assume independent
pairs, which pairs of one person are not; those \"over people\" do not.

Examples:
  muster eval photographs
  muster eval photographs --json | tail -1 > figures.json
  muster eval photographs --csv scores.csv --svg figures.svg
  muster eval photographs --strategy all
  muster eval stills --video monday.mp4     who is named in how many frames

Exit status: 0 where there are figures; 2 where there is no picture that can be read.";

/// `eval`
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub struct EvalArgs {
    /// Folders of labelled photographs: DIR/NAME/*.jpg
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// The nets to use, in place of those of the configuration
    #[arg(long, value_name = "PACK")]
    pub pack: Option<PackName>,
    /// Write the similarity of every pair to a CSV file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the charts to an SVG file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Compare ways of enrolling and searching with one template: several, mirror images, votes
    #[arg(long, value_enum, value_name = "STRATEGY", value_delimiter = ',')]
    pub strategy: Vec<StrategyChoice>,
    /// Replay a video against the photographs: who is named in how many frames
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,
    /// Seed of the random splits and draws; the same gives the same figures
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How often the people are split into enrolled and not enrolled
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub splits: u16,
}

/// A bar on standard error, where that is a terminal.
fn progress(what: &'static str, length: Option<usize>) -> ProgressBar {
    let style = |template: &str| ProgressStyle::with_template(template);
    let (bar, style) = match length {
        Some(length) => (ProgressBar::new(length as u64), style("{msg} {wide_bar} {pos}/{len} {eta}")),
        None => (ProgressBar::no_length(), style("{msg} {pos} {elapsed}")),
    };
    // A template that is wrong leaves the default one.
    let bar = match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.with_message(what)
}

/// Looks at every picture, computes the figures and prints them.
///
/// # Errors
/// [`CliError`] where there is nothing to look at, a file cannot be written, or the nets are missing or
/// fail.
pub fn run(
    args: &EvalArgs,
    load: impl FnOnce() -> Result<Box<dyn FaceAnalyser>, CliError>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // What can be wrong without the nets is found before they are loaded.
    let (labelled, empty_folders) = photographs::list(&args.folders)?;
    let csv = args.csv.as_deref().map(Pending::begin).transpose()?;
    let drawing = args.svg.as_deref().map(Pending::begin).transpose()?;
    let mut analyser = load()?;
    let pictures = labelled.iter().map(|person| person.pictures.len()).sum();
    let bar = progress("pictures", Some(pictures));
    let mirrored = strategies::mirrored(&args.strategy);
    let collection = photographs::look_at_all(analyser.as_mut(), &labelled, mirrored, || bar.inc(1))?;
    bar.finish_and_clear();
    if collection.tried == 0 {
        let reason = collection.unreadable.first().map_or("", |fault| &fault.reason);
        return Err(CliError::usage(format!("no picture could be read: {reason}")));
    }
    let embeddings: Vec<Embedding> = collection.photographs.iter().map(|p| p.embedding.clone()).collect();
    let similarities = Similarities::of(&embeddings);
    let folder = |path: &PathBuf| printable(&path.to_string_lossy()).into_owned();
    let asked = Asked {
        folders: args.folders.iter().map(folder).collect(),
        seed: args.seed,
        splits: usize::from(args.splits),
        empty_folders,
    };
    let mut figures = Evaluation::of(asked, analyser.facts(), &collection, &similarities);
    if !args.strategy.is_empty() {
        let draws = usize::from(args.splits);
        figures.strategies = Some(strategies::compare(&args.strategy, &collection, args.seed, draws));
    }
    if let Some(path) = &args.video {
        let bar = progress("frames", None);
        figures.video = Some(video::replay(analyser.as_mut(), &collection, path, || bar.inc(1))?);
        bar.finish_and_clear();
    }
    if let Some(csv) = csv {
        csv.finish(|out| write_scores(out, &collection, &similarities))?;
    }
    if let Some(drawing) = drawing {
        drawing.finish(|out| out.write_all(svg::draw(&figures).as_bytes()))?;
    }
    if out.json {
        out.object(&figures)?;
    } else {
        out.line(text::paragraphs(&figures).join("\n\n"))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
