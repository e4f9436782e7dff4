//! The labelled photographs: which there are, whose they are, and what the nets see in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::capture::{RgbPicture, listing};
use crate::face::{Embedding, Rect};
use crate::inference::{FaceAnalyser, StageTimes};

use super::super::exit::CliError;
use super::super::looking::{Look, look, look_at};
use super::super::output::printable;

/// The most embeddings that are compared, mirror images counted: all similarities are kept, and those
/// of 10,000 take 400 MB, their sorted pairs 200 MB more.
const MOST_EMBEDDINGS: usize = 10_000;

/// The least overlap of a face in the mirror image with where it must be.
const MIRRORED_IOU: f32 = 0.3;

/// The pictures of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// What the person is called: the folder's name, printable and unlike all others.
    pub name: String,
    /// In natural order.
    pub pictures: Vec<PathBuf>,
}

/// A picture that did not go into the figures, or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Whose.
    pub person: String,
    /// Which.
    pub image: String,
    /// Why.
    pub reason: String,
}

/// A picture with several faces, of which the largest was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeveralFaces {
    /// Whose.
    pub person: String,
    /// Which.
    pub image: String,
    /// How many.
    pub faces: usize,
}

/// A photograph with a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Photograph {
    /// Whose: a number in [`Collection::people`].
    pub person: usize,
    /// The file.
    pub path: PathBuf,
    /// Its largest face.
    pub embedding: Embedding,
    /// The same face of the mirror image, where that was asked for and found.
    pub mirror: Option<Embedding>,
}

/// How long one picture took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureTimes {
    /// Reading and decoding.
    pub read: Duration,
    /// The nets.
    pub stages: StageTimes,
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collection {
    /// What people are called.
    pub people: Vec<String>,
    /// Pictures that were looked for a face in: acquisitions that were tried.
    pub tried: usize,
    /// Those with a face, by person and name.
    pub photographs: Vec<Photograph>,
    /// Failures to acquire.
    pub failures: Vec<Fault>,
    /// Files that are no pictures that can be read.
    pub unreadable: Vec<Fault>,
    /// Pictures with several faces.
    pub several: Vec<SeveralFaces>,
    /// Times of each picture that was looked at.
    pub times: Vec<PictureTimes>,
}

/// The pictures under each of `folders`, as FOLDER/NAME/PICTURE; folders of one name are one person.
/// With them the folders that could not be used, and why.
///
/// # Errors
/// [`CliError`] of usage where a folder cannot be read, or none has a picture of anybody.
pub fn list(folders: &[PathBuf]) -> Result<(Vec<Labelled>, Vec<Fault>), CliError> {
    let mut people: BTreeMap<OsString, Vec<PathBuf>> = BTreeMap::new();
    let mut faults = Vec::new();
    for folder in folders {
        let shown = |path: &Path| printable(&path.to_string_lossy()).into_owned();
        let unreadable = |error| CliError::usage(format!("{} cannot be read: {error}", shown(folder)));
        let mut found: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            found.push(entry.map_err(unreadable)?.path());
        }
        found.sort_by(|a, b| listing::natural_order(a, b));
        for path in found.into_iter().filter(|path| path.is_dir()) {
            let Some(name) = path.file_name() else { continue };
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match listing::pictures_in(&path) {
                Ok(pictures) => people.entry(name.to_owned()).or_default().extend(pictures),
                Err(error) => faults.push(Fault {
                    person: printable(&name.to_string_lossy()).into_owned(),
                    image: shown(&path),
                    reason: printable(&error.to_string()).into_owned(),
                }),
            }
        }
    }
    if people.is_empty() {
        let reason = faults.first().map_or_else(String::new, |fault| format!(" ({})", fault.reason));
        return Err(CliError::usage(format!(
            "there is no picture of anybody{reason}: expected DIR/NAME/PICTURE, one folder for each person; name \
             several DIRs to put them together"
        )));
    }
    let mut taken = BTreeSet::new();
    let labelled = people.into_iter().map(|(name, pictures)| {
        let plain = printable(&name.to_string_lossy()).into_owned();
        let mut names = std::iter::once(plain.clone()).chain((2..).map(|n| format!("{plain} ({n})")));
        // The sequence of names does not end, so that one is free.
        let name = names.find(|name| taken.insert(name.clone())).unwrap_or(plain);
        Labelled { name, pictures }
    });
    Ok((labelled.collect(), faults))
}

/// Looks at every picture; `after_each` is told when one is done. With `mirrored`, at its mirror image
/// too.
///
/// # Errors
/// [`CliError`] where the nets fail, or there are more pictures than can be compared.
pub fn look_at_all(
    analyser: &mut dyn FaceAnalyser,
    labelled: &[Labelled],
    mirrored: bool,
    mut after_each: impl FnMut(),
) -> Result<Collection, CliError> {
    let pictures: usize = labelled.iter().map(|person| person.pictures.len()).sum();
    let most = if mirrored { MOST_EMBEDDINGS / 2 } else { MOST_EMBEDDINGS };
    if pictures > most {
        return Err(CliError::usage(format!(
            "{pictures} pictures are more than can be compared with each other: at most {most}, half as many with \
             mirror images as without"
        )));
    }
    let mut all =
        Collection { people: labelled.iter().map(|p| p.name.clone()).collect(), ..Collection::default() };
    for (person, Labelled { name, pictures }) in labelled.iter().enumerate() {
        for path in pictures {
            all.add(analyser, person, name, path, mirrored)?;
            after_each();
        }
    }
    Ok(all)
}

impl Collection {
    fn add(
        &mut self,
        analyser: &mut dyn FaceAnalyser,
        person: usize,
        name: &str,
        path: &Path,
        mirrored: bool,
    ) -> Result<(), CliError> {
        let seen = look(analyser, path)?;
        let image = printable(&path.to_string_lossy()).into_owned();
        let fault = |image, reason| Fault { person: name.to_owned(), image, reason };
        if let Some(stages) = seen.times {
            self.tried += 1;
            self.times.push(PictureTimes { read: seen.read, stages });
        }
        match seen.look {
            Look::Unreadable { reason } => self.unreadable.push(fault(image, reason)),
            Look::NoFace { reason } => self.failures.push(fault(image, reason)),
            Look::Face { probe, faces } => {
                if faces > 1 {
                    self.several.push(SeveralFaces { person: name.to_owned(), image, faces });
                }
                let mirror = match seen.picture.filter(|_| mirrored) {
                    Some(picture) => mirror_image(analyser, &picture, &probe.bounds)?,
                    None => None,
                };
                let embedding = probe.embedding;
                self.photographs.push(Photograph { person, path: path.to_owned(), embedding, mirror });
            }
        }
        Ok(())
    }
}

/// The embedding of the face at `bounds` in the mirror image of `picture`; none where the largest face
/// there is another one.
fn mirror_image(
    analyser: &mut dyn FaceAnalyser,
    picture: &RgbPicture,
    bounds: &Rect,
) -> Result<Option<Embedding>, CliError> {
    let row = picture.width() as usize * 3;
    let data: Vec<u8> = picture
        .data()
        .chunks_exact(row)
        .flat_map(|row| row.chunks_exact(3).rev().flatten().copied())
        .collect();
    let Some(mirrored) = RgbPicture::new(picture.width(), picture.height(), data) else { return Ok(None) };
    let expected = Rect::new(picture.width() as f32 - bounds.right(), bounds.y, bounds.width, bounds.height);
    Ok(match look_at(analyser, &mirrored, "the mirror image")?.0 {
        Look::Face { probe, .. } if probe.bounds.iou(&expected) >= MIRRORED_IOU => Some(probe.embedding),
        _ => None,
    })
}
