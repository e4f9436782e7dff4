//! What the demo shows (`data/demo.toml`): pictures, who is enrolled from which, and the scenes a
//! replay camera then shows with what is expected of each. Data alone: no picture is opened here.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::inference::card::hexadecimal;
use crate::ledger::Sha256Digest;

/// The committed file, as it was when muster was built.
const EMBEDDED: &str = include_str!("../data/demo.toml");

/// A picture that `muster setup --demo` fetches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Its path below the demo's folder: `enrol/...` or `show/...`.
    pub file: String,
    /// The id of a package in `models/packages.toml`.
    pub package: String,
    /// Its path inside the package's archive.
    pub path: String,
    /// Its digest.
    #[serde(deserialize_with = "hexadecimal")]
    pub sha256: Sha256Digest,
    /// Its size.
    pub size_bytes: u64,
}

/// Which face of a picture is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FaceChoice {
    /// Chosen by a rule.
    Rule(FaceRule),
    /// Counted from the left, from 1.
    Number(std::num::NonZeroU8),
}

/// A rule that chooses a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaceRule {
    /// The largest, if it is clearly the largest.
    Main,
    /// The largest.
    Largest,
}

impl std::fmt::Display for FaceChoice {
    /// As `muster enroll --face` takes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(FaceRule::Main) => f.write_str("main"),
            Self::Rule(FaceRule::Largest) => f.write_str("largest"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Somebody who is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The one photograph that the person is enrolled from.
    pub picture: String,
    /// Which face of it.
    pub face: FaceChoice,
}

/// One picture that the replay camera shows, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The picture.
    pub picture: String,
    /// The names of the enrolled people in it.
    pub expects: Vec<String>,
    /// How many faces in it are not enrolled.
    pub strangers: usize,
    /// Those of the people expected who were enrolled from this very photograph or a crop of it.
    #[serde(default)]
    pub same_photograph: Vec<String>,
}

/// The demo.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// The pictures.
    #[serde(rename = "picture")]
    pub pictures: Vec<Picture>,
    /// Who is enrolled.
    #[serde(rename = "person")]
    pub people: Vec<Person>,
    /// What is shown, in this order.
    #[serde(rename = "scene")]
    pub scenes: Vec<Scene>,
}

/// Why a demo file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not valid: {detail}")]
pub struct DemoError {
    path: PathBuf,
    detail: String,
}

impl Demo {
    /// The demo that muster was built with.
    ///
    /// # Errors
    /// [`DemoError`], which a test rules out.
    pub fn embedded() -> Result<Self, DemoError> {
        Self::parse(EMBEDDED, Path::new("demo.toml"))
    }

    /// Reads and checks a demo; `path` is for messages.
    ///
    /// # Errors
    /// [`DemoError`] with the place and what was expected.
    pub fn parse(text: &str, path: &Path) -> Result<Self, DemoError> {
        let invalid = |detail| DemoError { path: path.to_owned(), detail };
        let demo: Self = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        demo.check().map_err(invalid)?;
        Ok(demo)
    }

    /// Whom a scene shows in a photograph that they were not enrolled from.
    pub fn people_in_other_photographs(&self) -> BTreeSet<&str> {
        let others = |scene: &'_ Scene| {
            let same: BTreeSet<String> = scene.same_photograph.iter().cloned().collect();
            move |name: &&String| !same.contains(*name)
        };
        self.scenes
            .iter()
            .flat_map(|scene| scene.expects.iter().filter(others(scene)))
            .map(String::as_str)
            .collect()
    }

    /// How many faces of people who are not enrolled the scenes show.
    pub fn strangers(&self) -> usize {
        self.scenes.iter().map(|scene| scene.strangers).sum()
    }

    fn check(&self) -> Result<(), String> {
        let files: BTreeSet<&str> = self.pictures.iter().map(|picture| picture.file.as_str()).collect();
        if files.len() < self.pictures.len() {
            return Err("two pictures have the same file".into());
        }
        for file in &files {
            if file.is_empty()
                || !Path::new(file).components().all(|part| matches!(part, Component::Normal(_)))
            {
                return Err(format!("file \"{file}\": expected a path below the demo's folder"));
            }
        }
        let names: BTreeSet<&str> = self.people.iter().map(|person| person.name.as_str()).collect();
        if names.len() < self.people.len() {
            return Err("two people have the same name".into());
        }
        let enrolled = self.people.iter().map(|person| &person.picture);
        let shown = self.scenes.iter().map(|scene| &scene.picture);
        if let Some(picture) = enrolled.chain(shown).find(|picture| !files.contains(picture.as_str())) {
            return Err(format!("picture \"{picture}\" is not the file of any [[picture]]"));
        }
        for scene in &self.scenes {
            if let Some(name) = scene.expects.iter().find(|name| !names.contains(name.as_str())) {
                return Err(format!("{} expects \"{name}\", who is no [[person]]", scene.picture));
            }
            if let Some(name) = scene.same_photograph.iter().find(|name| !scene.expects.contains(name)) {
                return Err(format!(
                    "{}: same_photograph names \"{name}\", who is not expected",
                    scene.picture
                ));
            }
        }
        Ok(())
    }
}

/// Where the demo's pictures lie: `data/demo` beside the models folder, which in a checkout is the
/// one that git ignores.
pub fn folder_beside(models_dir: &Path) -> PathBuf {
    match models_dir.parent() {
        // A bare name such as `models` has the empty path for its parent.
        Some(parent) => parent.join("data").join("demo"),
        None => models_dir.join("data").join("demo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Catalogue;

    #[test]
    fn the_committed_demo_is_valid_and_shows_enough() {
        let demo = Demo::embedded().unwrap();
        let catalogue = Catalogue::embedded().unwrap();
        for picture in &demo.pictures {
            for architecture in ["x86_64", "aarch64"] {
                catalogue.package(&picture.package).unwrap().archive(architecture).unwrap();
            }
        }
        assert!(demo.people.len() >= 4);
        assert!(demo.people_in_other_photographs().len() >= 2, "{:?}", demo.people_in_other_photographs());
        assert!(demo.strangers() >= 15, "{}", demo.strangers());
        for person in &demo.people {
            assert!(demo.scenes.iter().any(|scene| scene.expects.contains(&person.name)), "{}", person.name);
        }
    }

    #[test]
    fn a_demo_that_contradicts_itself_is_refused_with_the_reason() {
        let good = EMBEDDED.to_owned();
        let broken = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            Demo::parse(&good.replacen(from, to, 1), Path::new("d.toml")).unwrap_err().to_string()
        };
        for (from, to, expected) in [
            ("expects = [\"Mara\"]", "expects = [\"Nobody\"]", "\"Nobody\", who is no [[person]]"),
            ("name = \"Ines\"", "name = \"Mara\"", "the same name"),
            ("picture = \"show/sample2.jpg\"", "picture = \"show/none.jpg\"", "show/none.jpg"),
            ("file = \"show/obama2.jpg\"", "file = \"../obama2.jpg\"", "expected a path below"),
            ("file = \"show/obama2.jpg\"", "file = \"show/obama3.jpg\"", "the same file"),
            ("same_photograph = [\"Joe Biden\"]", "same_photograph = [\"Mara\"]", "who is not expected"),
            ("face = 3", "face = 0", "face"),
            ("strangers = 2", "strangers = 2\ncolour = 1", "colour"),
        ] {
            let message = broken(from, to);
            assert!(message.starts_with("d.toml is not valid") && message.contains(expected), "{message}");
        }
    }
}
