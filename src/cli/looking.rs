//! A picture file through the nets, without an engine: for subcommands that measure and write nothing
//! down.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::capture::{RgbPicture, picture};
use crate::face::{Probe, Rect};
use crate::inference::{FaceAnalyser, StageTimes};

use super::exit::CliError;
use super::output::printable;

/// What one picture gave.
#[derive(Debug)]
pub enum Look {
    /// The largest face.
    Face {
        /// It.
        probe: Box<Probe>,
        /// How many faces there were with it.
        faces: usize,
    },
    /// No face, or none that could be aligned: a failure to acquire.
    NoFace {
        /// Which of the two, with the picture's name.
        reason: String,
    },
    /// It is no picture that can be read.
    Unreadable {
        /// Why, with the picture's name.
        reason: String,
    },
}

/// A picture that was looked at.
#[derive(Debug)]
pub struct Seen {
    /// What it gave.
    pub look: Look,
    /// The pixels, where they could be read.
    pub picture: Option<RgbPicture>,
    /// How long reading and decoding took.
    pub read: Duration,
    /// How long the nets took, where there was something to look at.
    pub times: Option<StageTimes>,
}

/// Reads the file at `path` and takes its largest face: the one of which most pixels lie inside the
/// picture. A bystander cut off by the border counts for what is seen of them, so that the person whom
/// the picture is of stays the largest.
///
/// # Errors
/// [`CliError`] where the nets fail; a picture that cannot be read or shows no face is an answer.
pub fn look(analyser: &mut dyn FaceAnalyser, path: &Path) -> Result<Seen, CliError> {
    let start = Instant::now();
    let picture = match picture::read(path) {
        Ok(picture) => picture,
        Err(error) => {
            let reason = printable(&error.to_string()).into_owned();
            let read = start.elapsed();
            return Ok(Seen { look: Look::Unreadable { reason }, picture: None, read, times: None });
        }
    };
    let read = start.elapsed();
    let (look, times) = look_at(analyser, &picture, &path.to_string_lossy())?;
    Ok(Seen { look, picture: Some(picture), read, times: Some(times) })
}

/// The largest face of `picture`; `label` names it in messages.
///
/// # Errors
/// As [`look`].
pub fn look_at(
    analyser: &mut dyn FaceAnalyser,
    picture: &RgbPicture,
    label: &str,
) -> Result<(Look, StageTimes), CliError> {
    let analysis = analyser.analyse(picture).map_err(CliError::missing)?;
    let frame = Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32);
    let seen = |bounds: &Rect| bounds.intersection_area(&frame);
    let faces = analysis.faces.len();
    let largest = analysis
        .faces
        .into_iter()
        .max_by(|a, b| seen(&a.detection.bounds).total_cmp(&seen(&b.detection.bounds)));
    let look = match largest.map(|face| face.probe) {
        Some(Ok(probe)) => Look::Face { probe: Box::new(probe), faces },
        Some(Err(reason)) => Look::NoFace { reason: format!("{}: {reason}", printable(label)) },
        None => Look::NoFace { reason: format!("{}: no face was found", printable(label)) },
    };
    Ok((look, analysis.times))
}

#[cfg(test)]
pub mod stand_in;
