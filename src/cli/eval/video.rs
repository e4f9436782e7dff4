//! `--video`: a recording replayed against the labelled stills, every frame, without votes: what one
//! frame at a time gives.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use serde::Serialize;
use ulid::Ulid;

use crate::attendance::PersonId;
use crate::capture::video::{VideoOptions, VideoSource};
use crate::capture::{CaptureError, CaptureSource};
use crate::face::{Similarity, Template, TemplateId};
use crate::identify::{Candidate, Gallery, Identification};
use crate::inference::FaceAnalyser;

use super::super::exit::CliError;
use super::super::output::printable;
use super::photographs::Collection;

/// What a video gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoFigures {
    /// The file.
    pub video: String,
    /// Frames that were looked at: all.
    pub frames: u64,
    /// Frames with a face.
    pub frames_with_face: u64,
    /// Faces in all frames.
    pub faces: u64,
    /// Faces that could not be aligned.
    pub not_alignable: u64,
    /// Faces that nobody enrolled was alike enough to.
    pub unidentified: u64,
    /// How alike an unidentified face was to somebody at most.
    pub most_alike_unidentified: Option<f32>,
    /// The threshold: the card's.
    pub threshold: f32,
    /// Everybody who is enrolled, those who are named in most frames first.
    pub people: Vec<VideoPerson>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoPerson {
    /// Who.
    pub person: String,
    /// Photographs enrolled.
    pub templates: usize,
    /// Frames in which a face is named so.
    pub frames: u64,
    /// The first of them, from 0.
    pub first_frame: Option<u64>,
    /// The last of them.
    pub last_frame: Option<u64>,
    /// How alike the most alike face that was named so is.
    pub most_alike: Option<f32>,
}

/// Searches every face of every frame of the video at `path` among all photographs of `collection`.
/// `after_each` is told when a frame is done.
///
/// # Errors
/// [`CliError`] of usage where there is no such video, of a missing part where ffmpeg or a net fails.
pub fn replay(
    analyser: &mut dyn FaceAnalyser,
    collection: &Collection,
    path: &Path,
    mut after_each: impl FnMut(),
) -> Result<VideoFigures, CliError> {
    let refused = |error: CaptureError| {
        let message = printable(&error.to_string()).into_owned();
        match error {
            CaptureError::ProgramMissing { .. } => CliError::missing(message),
            _ => CliError::usage(message),
        }
    };
    let mut source =
        VideoSource::open(path, DateTime::UNIX_EPOCH, VideoOptions::default()).map_err(refused)?;
    let facts = analyser.facts().clone();
    let gallery = gallery(&facts, collection);
    let mut found = VideoFigures {
        video: path.to_string_lossy().into_owned(),
        frames: 0,
        frames_with_face: 0,
        faces: 0,
        not_alignable: 0,
        unidentified: 0,
        most_alike_unidentified: None,
        threshold: facts.threshold.0.0,
        people: Vec::new(),
    };
    let mut people: BTreeMap<usize, VideoPerson> = BTreeMap::new();
    while let Some(frame) = source.next_frame().map_err(refused)? {
        let analysis = analyser.analyse(&frame.picture).map_err(CliError::missing)?;
        let number = found.frames;
        found.frames += 1;
        found.frames_with_face += u64::from(!analysis.faces.is_empty());
        found.faces += analysis.faces.len() as u64;
        for face in &analysis.faces {
            let Ok(probe) = &face.probe else {
                found.not_alignable += 1;
                continue;
            };
            match Identification::decide(&gallery.search(&probe.embedding), facts.threshold) {
                Identification::Identified(candidate) => named(&mut people, &candidate, number),
                Identification::Unidentified { best } => {
                    found.unidentified += 1;
                    raise(&mut found.most_alike_unidentified, best.map(|best| best.similarity));
                }
                Identification::Rejected(_) => found.not_alignable += 1,
            }
        }
        after_each();
    }
    found.people = everybody(collection, people);
    Ok(found)
}

/// All photographs; the person numbered `n` has the id `n`.
fn gallery(facts: &crate::inference::AnalyserFacts, collection: &Collection) -> Gallery {
    let mut gallery = Gallery::new(facts.space, facts.dimension);
    for (index, photograph) in collection.photographs.iter().enumerate() {
        gallery.put(&Template {
            id: TemplateId(Ulid(index as u128)),
            person: PersonId(Ulid(photograph.person as u128)),
            space: facts.space,
            embedding: photograph.embedding.clone(),
        });
    }
    gallery
}

fn raise(most: &mut Option<f32>, similarity: Option<Similarity>) {
    *most = (*most).into_iter().chain(similarity.map(|s| s.0)).max_by(f32::total_cmp);
}

/// Counts `candidate` in frame `number`, once a frame.
fn named(people: &mut BTreeMap<usize, VideoPerson>, candidate: &Candidate, number: u64) {
    let index = usize::try_from(candidate.person.0.0).unwrap_or(usize::MAX);
    let person = people.entry(index).or_insert_with(|| VideoPerson {
        person: String::new(),
        templates: 0,
        frames: 0,
        first_frame: Some(number),
        last_frame: None,
        most_alike: None,
    });
    person.frames += u64::from(person.last_frame != Some(number));
    person.last_frame = Some(number);
    raise(&mut person.most_alike, Some(candidate.similarity));
}

fn everybody(collection: &Collection, mut people: BTreeMap<usize, VideoPerson>) -> Vec<VideoPerson> {
    let nobody = VideoPerson {
        person: String::new(),
        templates: 0,
        frames: 0,
        first_frame: None,
        last_frame: None,
        most_alike: None,
    };
    let mut rows: Vec<VideoPerson> = collection
        .people
        .iter()
        .enumerate()
        .map(|(index, name)| VideoPerson {
            person: name.clone(),
            templates: collection.photographs.iter().filter(|p| p.person == index).count(),
            ..people.remove(&index).unwrap_or_else(|| nobody.clone())
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.frames));
    rows
}
