//! A picture file through the nets, without an engine: for subcommands that measure and write nothing
//! down.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::capture::{RgbPicture, picture};
use crate::engine::command::FaceChoice;
use crate::engine::enrolment::choose_face;
use crate::face::Probe;
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

/// Reads the file at `path` and takes its largest face, as `enroll --face largest` does.
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
    let look = match choose_face(&analysis, FaceChoice::Largest, &printable(label)) {
        Ok(probe) => Look::Face { probe: Box::new(probe), faces: analysis.faces.len() },
        Err(error) => Look::NoFace { reason: error.to_string() },
    };
    Ok((look, analysis.times))
}
