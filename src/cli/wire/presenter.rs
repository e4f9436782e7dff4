//! Presentations before camera, files and nets, for `pad-test`.

use std::path::{Path, PathBuf};

use chrono::Utc;

use crate::capture::listing::pictures_in;
use crate::capture::source::{OpenOptions, open};
use crate::capture::{CaptureError, CaptureSource, RgbPicture, SourceSpec, picture};
use crate::config::{Effective, SourceSettings};
use crate::inference::pipeline::{Pipeline, PipelineOptions};
use crate::inference::{FaceAnalyser, Pack};

use super::super::exit::CliError;
use super::super::output::printable;
use super::super::pad_test::{Presenter, Subject, Tally};
use super::parts::pipeline_options;

/// Frames thrown away before a live presentation: those that waited in the driver while nobody read.
const STALE_FRAMES: u32 = 5;
/// Frames without a score, for each that is asked for, after which a presentation is given up.
const PATIENCE: u32 = 6;

struct Nets {
    pipeline: Pipeline,
    subject: Subject,
    spec: Option<SourceSpec>,
    /// How it is seen.
    settings: SourceSettings,
    /// Opened at the first live presentation, and kept: a camera adjusts itself for a while.
    source: Option<Box<dyn CaptureSource>>,
}

/// The nets of the configured pack with its liveness net, whatever the configured mode, and the live
/// source `spec`.
///
/// # Errors
/// [`CliError`] of a missing part; a pack without a liveness net.
pub fn presenter(effective: &Effective, spec: Option<SourceSpec>) -> Result<Box<dyn Presenter>, CliError> {
    let options = PipelineOptions { liveness: true, ..pipeline_options(effective) };
    let pack = Pack::read(&options.models_dir, &options.pack).map_err(CliError::missing)?;
    let pipeline = Pipeline::load(&options).map_err(CliError::missing)?;
    let facts = pipeline.facts();
    let (Some(card), Some(liveness)) = (pack.liveness, facts.liveness) else {
        return Err(CliError::missing(format_args!(
            "the pack {} names no liveness net: name one in its file, or choose another pack",
            pack.name
        )));
    };
    let subject = Subject {
        pack: facts.pack.clone(),
        model: card.id,
        provider: facts.provider.to_string(),
        threshold: effective.liveness_threshold.value.unwrap_or(liveness.threshold),
    };
    Ok(Box::new(Nets {
        pipeline,
        subject,
        spec,
        settings: effective.source().settings.clone(),
        source: None,
    }))
}

fn failed(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::usage(format_args!("{}: {error}", printable(&path.to_string_lossy())))
}

impl Nets {
    fn look(&mut self, picture: &RgbPicture, tally: &mut Tally) -> Result<(), CliError> {
        let analysis = self.pipeline.analyse(picture).map_err(CliError::missing)?;
        let area = |face: &&crate::inference::AnalysedFace| face.detection.bounds.area();
        let largest = analysis.faces.iter().max_by(|a, b| area(a).total_cmp(&area(b)));
        tally.add(largest.and_then(|face| face.probe.as_ref().ok()).map(|probe| probe.liveness));
        Ok(())
    }

    /// Whether `tally` has `frames` scores, or as many frames that getting them is no use.
    fn has_enough(tally: &Tally, frames: u32) -> bool {
        tally.measured >= frames || tally.frames >= frames.saturating_mul(PATIENCE)
    }

    fn stills(&mut self, paths: &[PathBuf], frames: u32) -> Result<Tally, CliError> {
        let mut tally = Tally::default();
        for path in paths {
            if Self::has_enough(&tally, frames) {
                break;
            }
            let picture = picture::read(path).map_err(|error| failed(path, error))?;
            self.look(&picture, &mut tally)?;
        }
        Ok(tally)
    }

    fn video(&mut self, path: &Path, frames: u32) -> Result<Tally, CliError> {
        let spec = SourceSpec::Video(path.to_owned());
        let mut source =
            open(&spec, &OpenOptions::new(Utc::now, false)).map_err(|error| failed(path, error))?;
        let mut tally = Tally::default();
        while !Self::has_enough(&tally, frames) {
            let Some(frame) = source.next_frame().map_err(|error| failed(path, error))? else { break };
            self.look(&frame.picture, &mut tally)?;
        }
        Ok(tally)
    }
}

impl Presenter for Nets {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn watch(&mut self, frames: u32) -> Result<Tally, CliError> {
        let Some(spec) = self.spec.clone() else {
            return Err(CliError::usage("no live source was named: use --source"));
        };
        let named = |error: CaptureError| CliError::missing(format_args!("{spec}: {error}"));
        let mut source = match self.source.take() {
            Some(source) => source,
            None => {
                let mut options = OpenOptions::new(Utc::now, true);
                self.settings.set(&mut options);
                open(&spec, &options).map_err(named)?
            }
        };
        let mut tally = Tally::default();
        let stale = if source.is_live() { STALE_FRAMES } else { 0 };
        for number in 0u32.. {
            if Self::has_enough(&tally, frames) {
                break;
            }
            let Some(frame) = source.next_frame().map_err(named)? else { break };
            if number >= stale {
                self.look(&frame.picture, &mut tally)?;
            }
        }
        self.source = Some(source);
        Ok(tally)
    }

    fn play(&mut self, path: &Path, frames: u32) -> Result<Tally, CliError> {
        if path.is_dir() {
            let paths = pictures_in(path).map_err(|error| failed(path, error))?;
            return self.stills(&paths, frames);
        }
        // A file that is no picture is a video, and ffmpeg says if it is neither.
        match picture::read(path) {
            Ok(picture) => {
                let mut tally = Tally::default();
                self.look(&picture, &mut tally)?;
                Ok(tally)
            }
            Err(_) => self.video(path, frames),
        }
    }
}
