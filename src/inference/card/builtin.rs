//! The cards and packs that come with muster, and where one of a name is found: the models folder
//! first, then the program itself.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::CardError;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A model card.
    Card,
    /// A pack.
    Pack,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Card => "cards",
            Self::Pack => "packs",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Card => "model card",
            Self::Pack => "pack",
        }
    }

    /// The built-in texts by name.
    pub fn texts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Card => CARDS,
            Self::Pack => PACKS,
        }
    }
}

macro_rules! embedded {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../models/", $folder, "/", $name, ".toml")))),+]
    };
}

const CARDS: &[(&str, &str)] = embedded!("cards": "landmarks-68", "minifasnet-3", "mobilefacenet-512", "mtcnn", "onet", "rfb-320", "yunet");

const PACKS: &[(&str, &str)] = embedded!("packs": "default", "mtcnn", "yunet");

/// More than any card says; a larger file is none.
const LARGEST_TEXT_BYTES: u64 = 256 * 1024;

/// The text of the file at `path`, which must be of a card's size.
///
/// # Errors
/// [`CardError::Read`] where it cannot be read, [`CardError::Syntax`] where it is too long.
pub(super) fn read_text(path: &Path) -> Result<String, CardError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_TEXT_BYTES + 1).read_to_string(&mut text))
        .map_err(|source| CardError::Read { path: path.to_owned(), source })?;
    if text.len() as u64 > LARGEST_TEXT_BYTES {
        let detail = format!("it is longer than {LARGEST_TEXT_BYTES} bytes, which no card or pack is");
        return Err(CardError::Syntax { path: path.to_owned(), detail });
    }
    Ok(text)
}

/// Whether `name` can be the name of a card or pack: lower-case letters, digits, `-`, `_` and `.`,
/// at most 64 of them, a letter or digit first.
pub(super) fn is_plain_id(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}

/// The text of the card or pack `name`, and the path to name in messages.
///
/// # Errors
/// [`CardError::Read`] where its file is there and cannot be read, [`CardError::Unknown`] where it is
/// neither in the models folder nor built in.
pub(crate) fn find(
    models_dir: &Path,
    kind: Kind,
    name: &str,
) -> Result<(Cow<'static, str>, PathBuf), CardError> {
    let path = models_dir.join(kind.folder()).join(format!("{name}.toml"));
    if is_plain_id(name) {
        match read_text(&path) {
            Ok(text) => return Ok((text.into(), path)),
            Err(CardError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some((_, text)) = kind.texts().iter().find(|(known, _)| *known == name) {
            return Ok(((*text).into(), PathBuf::from(format!("(built in)/{name}.toml"))));
        }
    }
    let names = names(models_dir, kind);
    Err(CardError::Unknown {
        kind: kind.word(),
        name: name.to_owned(),
        folder: models_dir.join(kind.folder()),
        hint: format!("known are {}", names.join(", ")),
    })
}

/// The names of all cards or packs, in the models folder and built in, sorted.
pub fn names(models_dir: &Path, kind: Kind) -> Vec<String> {
    let mut names: Vec<String> = kind.texts().iter().map(|(name, _)| (*name).to_owned()).collect();
    let entries = std::fs::read_dir(models_dir.join(kind.folder())).into_iter().flatten().flatten();
    names.extend(entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_suffix(".toml").filter(|stem| is_plain_id(stem)).map(str::to_owned)
    }));
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Card;

    #[test]
    fn every_built_in_card_is_valid_and_every_committed_one_is_built_in() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        for kind in [Kind::Card, Kind::Pack] {
            let built_in: Vec<&str> = kind.texts().iter().map(|(name, _)| *name).collect();
            assert_eq!(names(&committed, kind), built_in);
        }
        for (id, text) in CARDS {
            Card::parse(text, Path::new(&format!("{id}.toml"))).unwrap();
        }
    }

    #[test]
    fn a_card_in_the_models_folder_wins() {
        let folder = tempfile::tempdir().unwrap();
        let built_in = Card::find(folder.path(), "rfb-320").unwrap();
        std::fs::create_dir(folder.path().join("cards")).unwrap();
        let own = CARDS.iter().find(|(id, _)| *id == "rfb-320").unwrap().1;
        let own = own.replace("score = 0.3", "score = 0.4");
        std::fs::write(folder.path().join("cards/rfb-320.toml"), own).unwrap();
        let found = Card::find(folder.path(), "rfb-320").unwrap();
        assert_ne!(built_in.decode.score, found.decode.score);
        assert_eq!(found.decode.score, Some(0.4));
    }

    #[test]
    fn names_that_leave_the_folder_are_unknown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("outside.toml"), "").unwrap();
        for name in ["../outside", "..", "", "/etc/passwd", "RFB-320"] {
            let error = Card::find(folder.path(), name).unwrap_err();
            assert!(matches!(error, CardError::Unknown { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_no_text_or_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
        assert!(matches!(Card::read(&path), Err(CardError::Read { .. })));
        std::fs::write(&path, vec![b' '; LARGEST_TEXT_BYTES as usize + 1]).unwrap();
        assert!(Card::read(&path).unwrap_err().to_string().contains("longer than"));
    }
}
