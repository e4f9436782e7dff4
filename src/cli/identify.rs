//! `muster identify`: who is in pictures. Nothing is written down.

use std::path::Path;

use serde::Serialize;

use crate::engine::command::{IdentifiedFace, PictureAnswer};
use crate::engine::{Command, CommandError, EngineHandle, Reply, RosterState};
use crate::identify::{Candidate, Identification};

use super::args::IdentifyArgs;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::quality::{QualityObject, WarningObject};
use super::{nets, people, pictures, roster};

/// One picture, as `--json` prints it.
#[derive(Serialize)]
struct PictureObject<'a> {
    image: &'a str,
    width: u32,
    height: u32,
    faces: Vec<FaceObject>,
    timings_ms: serde_json::Map<String, serde_json::Value>,
}

/// A picture that could not be read, as `--json` prints it.
#[derive(Serialize)]
struct UnreadableObject<'a> {
    image: &'a str,
    error: &'a str,
}

#[derive(Serialize)]
struct FaceObject {
    /// Corner and extent in pixels of the picture.
    #[serde(rename = "box")]
    bounds: [f32; 4],
    /// Eyes, nose, mouth corners; null where they were not found.
    landmarks: Option<[[f32; 2]; 5]>,
    detection_score: f32,
    identification: &'static str,
    person: Option<String>,
    best: Option<CandidateObject>,
    runner_up: Option<CandidateObject>,
    /// The net's probability that the face is live; null where it was not measured.
    liveness: Option<f32>,
    /// How good the picture of this face is, measure by measure, with all in one number; null where
    /// the face was rejected.
    quality: Option<QualityObject>,
    /// The limits it breaks, the worst first.
    warnings: Vec<WarningObject>,
    /// Why the face was rejected; else null.
    reason: Option<String>,
}

#[derive(Serialize)]
struct CandidateObject {
    person: String,
    id: String,
    similarity: f32,
}

/// Looks every picture up. Ends with 0 where somebody was identified in any of them, with 1 where
/// nobody was, with 2 where not one of them could be read.
///
/// # Errors
/// [`CliError`] where the nets are missing or the engine ends.
pub fn run(handle: &EngineHandle, args: &IdentifyArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    people::settle(handle);
    nets::wait(handle)?;
    let (mut read, mut identified) = (false, false);
    for path in &args.images {
        match answer(handle, path)? {
            Ok(answer) => {
                read = true;
                identified |= answer.faces.iter().any(|face| face.identification.person().is_some());
                write(path, &answer, &handle.snapshot().roster, out)?;
            }
            Err(error) if out.json => {
                out.object(&UnreadableObject { image: &path.to_string_lossy(), error: &error })?;
            }
            Err(error) => out.note(error),
        }
    }
    Ok(match (read, identified) {
        (_, true) => Exit::Done,
        (true, false) => Exit::Negative,
        (false, false) => Exit::Usage,
    })
}

/// What was found in the picture, or why it cannot be read.
fn answer(handle: &EngineHandle, path: &Path) -> Result<Result<PictureAnswer, String>, CliError> {
    let picture = match pictures::read(path) {
        Ok(picture) => picture,
        Err(error) => return Ok(Err(error)),
    };
    match handle.call(Command::Identify(picture)) {
        Ok(Reply::Identified(answer)) => Ok(Ok(answer)),
        Ok(other) => Err(roster::unexpected(&other)),
        Err(CommandError::Picture(error)) => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

fn write(
    path: &Path,
    answer: &PictureAnswer,
    roster: &RosterState,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let image = path.to_string_lossy();
    if out.json {
        out.object(&PictureObject {
            image: &image,
            width: answer.width,
            height: answer.height,
            faces: answer.faces.iter().map(|face| object(face, roster)).collect(),
            timings_ms: answer.timings_ms.iter().map(|(stage, ms)| (stage.clone(), (*ms).into())).collect(),
        })?;
        return Ok(());
    }
    let image = printable(&image);
    if answer.faces.is_empty() {
        out.line(format_args!("{image}: no face"))?;
    }
    for (i, face) in answer.faces.iter().enumerate() {
        out.line(format_args!("{image}: face {} {}", i + 1, sentence(face, roster)))?;
    }
    Ok(())
}

fn object(face: &IdentifiedFace, roster: &RosterState) -> FaceObject {
    let b = &face.bounds;
    let candidate = |candidate: Option<Candidate>| {
        candidate.map(|candidate| CandidateObject {
            person: name(&candidate, roster),
            id: candidate.person.to_string(),
            similarity: candidate.similarity.0,
        })
    };
    let (identification, person, reason) = match &face.identification {
        Identification::Identified(candidate) => ("identified", Some(name(candidate, roster)), None),
        Identification::Unidentified { .. } => ("unidentified", None, None),
        Identification::Rejected(reason) => ("rejected", None, Some(reason.to_string())),
    };
    FaceObject {
        bounds: [b.x, b.y, b.width, b.height],
        landmarks: face.points.map(|points| points.to_array().map(|p| [p.x, p.y])),
        detection_score: face.detection_score,
        identification,
        person,
        best: candidate(face.candidates.best),
        runner_up: candidate(face.candidates.runner_up),
        liveness: face.liveness.score(),
        quality: face.quality.as_ref().map(QualityObject::from),
        warnings: face.findings.iter().map(WarningObject::from).collect(),
        reason,
    }
}

/// What the person is called; the id where they were removed in between.
fn name(candidate: &Candidate, roster: &RosterState) -> String {
    let row = roster.rows.iter().find(|row| row.person == candidate.person);
    row.map_or_else(|| candidate.person.to_string(), |row| row.name.to_string())
}

/// A face in words.
fn sentence(face: &IdentifiedFace, roster: &RosterState) -> String {
    let b = &face.bounds;
    let place = format!("at {:.0},{:.0} ({:.0}x{:.0})", b.x, b.y, b.width, b.height);
    let alike = |candidate: &Candidate| format!("{} {:.3}", name(candidate, roster), candidate.similarity.0);
    let runner_up =
        face.candidates.runner_up.as_ref().map(|c| format!(", then {}", alike(c))).unwrap_or_default();
    let live = face.liveness.score().map(|score| format!(", live {score:.2}")).unwrap_or_default();
    match &face.identification {
        Identification::Identified(candidate) => {
            format!("{place}: {}{runner_up}{live}", alike(candidate))
        }
        Identification::Unidentified { best: Some(best) } => {
            format!("{place}: unidentified, most like {}{runner_up}{live}", alike(best))
        }
        Identification::Unidentified { best: None } => {
            format!("{place}: unidentified, nobody is enrolled{live}")
        }
        Identification::Rejected(reason) => format!("{place}: rejected, {reason}{live}"),
    }
}

#[cfg(test)]
mod tests;
