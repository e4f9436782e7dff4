//! Packs: one card for each task (`models/packs/NAME.toml`).

use std::path::Path;

use serde::Deserialize;

use super::card::{Card, CardError, NetFile, Task, builtin};

/// The name of the pack that is used where none is named.
pub const DEFAULT_PACK: &str = "default";

/// A pack with all its cards, checked against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Its name: the file's name without `.toml`.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Finds the faces.
    pub detection: Card,
    /// Judges doubtful boxes.
    pub refinement: Option<Card>,
    /// Gives the points, where the detector does not or where its own are to be replaced.
    pub landmarks: Option<Card>,
    /// Gives the embeddings.
    pub embedding: Card,
    /// Says whether a face is live.
    pub liveness: Option<Card>,
}

/// A pack as its file says it: each task with the id of a card.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    name: String,
    description: String,
    detection: String,
    refinement: Option<String>,
    landmarks: Option<String>,
    embedding: String,
    liveness: Option<String>,
}

impl Pack {
    /// The pack `name` with its cards: each from the models folder, else the built-in one.
    ///
    /// # Errors
    /// [`CardError`] with the file, the key and what was expected.
    pub fn read(models_dir: &Path, name: &str) -> Result<Self, CardError> {
        let (text, path) = builtin::find(models_dir, builtin::Kind::Pack, name)?;
        let file: PackFile = toml::from_str(&text)
            .map_err(|error| CardError::Syntax { path: path.clone(), detail: error.to_string() })?;
        let wrong = |key: &str, expected: String| CardError::Value {
            path: path.clone(),
            key: key.to_owned(),
            expected,
        };
        if file.name != name {
            return Err(wrong("name", format!("must be `{name}`, as the file is called")));
        }
        let card = |key: &str, id: &str, task: Task| {
            let card = Card::find(models_dir, id)?;
            let fits = card.task == task;
            fits.then_some(card)
                .ok_or_else(|| wrong(key, format!("must name a card for this task; `{id}` is not")))
        };
        let optional =
            |key: &str, id: &Option<String>, task| id.as_deref().map(|id| card(key, id, task)).transpose();
        let pack = Self {
            detection: card("detection", &file.detection, Task::Detection)?,
            refinement: optional("refinement", &file.refinement, Task::Refinement)?,
            landmarks: optional("landmarks", &file.landmarks, Task::Landmarks)?,
            embedding: card("embedding", &file.embedding, Task::Embedding)?,
            liveness: optional("liveness", &file.liveness, Task::Liveness)?,
            name: file.name,
            description: file.description,
        };
        pack.check().map_err(|(key, expected)| wrong(key, expected))?;
        Ok(pack)
    }

    /// The names of all packs, in the models folder and built in.
    pub fn names(models_dir: &Path) -> Vec<String> {
        builtin::names(models_dir, builtin::Kind::Pack)
    }

    /// Its cards, in the order in which a picture goes through them.
    pub fn cards(&self) -> impl Iterator<Item = &Card> {
        [
            Some(&self.detection),
            self.refinement.as_ref(),
            self.landmarks.as_ref(),
            self.liveness.as_ref(),
            Some(&self.embedding),
        ]
        .into_iter()
        .flatten()
    }

    /// All files of its nets, each name once.
    pub fn files(&self) -> impl Iterator<Item = &NetFile> {
        let mut seen = std::collections::BTreeSet::new();
        self.cards().flat_map(|card| &card.files).filter(move |file| seen.insert(&file.name))
    }

    /// What must hold between the cards.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.landmarks.is_none() && !self.detection.gives_points() {
            let id = &self.detection.id;
            return Err(("landmarks", format!("must name a card: the detector `{id}` gives no points")));
        }
        if self.refinement.is_some() && self.detection.decode.sure_score.is_none() {
            let id = &self.detection.id;
            return Err((
                "refinement",
                format!("must be left out: the detector `{id}` has no doubtful boxes"),
            ));
        }
        let files: Vec<&NetFile> = self.cards().flat_map(|card| &card.files).collect();
        for file in &files {
            if let Some(other) = files.iter().find(|f| f.name == file.name && f.sha256 != file.sha256) {
                let name = &other.name;
                return Err(("cards", format!("must agree on the SHA-256 of `{name}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_pack(text: &str) -> Result<Pack, CardError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("packs")).unwrap();
        std::fs::write(folder.path().join("packs/mine.toml"), text).unwrap();
        Pack::read(folder.path(), "mine")
    }

    #[test]
    fn the_built_in_packs_need_no_folder() {
        let nowhere = Path::new("/nonexistent");
        let pack = Pack::read(nowhere, DEFAULT_PACK).unwrap();
        assert_eq!(pack.cards().count(), 5);
        assert_eq!(pack.files().count(), 5);
        let mtcnn = Pack::read(nowhere, "mtcnn").unwrap();
        let names: Vec<&str> = mtcnn.files().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["pnet.onnx", "rnet.onnx", "onet.onnx", "fr_liveness.onnx", "fr_feature.onnx"]);
    }

    #[test]
    fn a_pack_that_cannot_work_is_refused() {
        let head = "name = 'mine'\ndescription = 'x'\nembedding = 'mobilefacenet-512'\n";
        for (rest, message) in [
            ("detection = 'rfb-320'", "landmarks must name a card"),
            ("detection = 'onet'", "detection must name a card for this task"),
            ("detection = 'mtcnn'\nrefinement = 'onet'", "refinement must be left out"),
            ("detection = 'mtcnn'\nliveness = 'rfb-320'", "liveness must name a card for this task"),
            ("detection = 'scrfd'", "there is no model card `scrfd`"),
            ("detection = 'mtcnn'\ndetector = 'x'", "unknown field `detector`"),
            ("", "missing field `detection`"),
        ] {
            let error = with_pack(&format!("{head}{rest}")).unwrap_err().to_string();
            assert!(error.contains(message), "{rest}: {error}");
        }
        assert!(with_pack(&format!("{head}detection = 'mtcnn'")).is_ok());
        let renamed =
            "name = 'other'\ndescription = 'x'\nembedding = 'mobilefacenet-512'\ndetection = 'mtcnn'";
        assert!(with_pack(renamed).unwrap_err().to_string().contains("name must be `mine`"));
    }

    #[test]
    fn an_unknown_pack_lists_the_known_ones() {
        let error = Pack::read(Path::new("/nonexistent"), "fast").unwrap_err().to_string();
        assert!(error.contains("there is no pack `fast`") && error.contains("default, mtcnn"), "{error}");
    }
}
