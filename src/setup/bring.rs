//! Nets that the user brings: a file and the card that describes it, put into the models folder
//! together or not at all.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::place::{self, Staging};
use super::{SetupError, Step};
use crate::inference::InferenceError;
use crate::inference::card::{self, Card, CardError};
use crate::ledger::Sha256Digest;

/// A larger file is no net that a card can describe.
const LARGEST_FILE_BYTES: u64 = 2 << 30;

/// What was put into the models folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// The card, complete.
    pub card: Card,
    /// The nets that are in place now and were not before.
    pub nets: Vec<PathBuf>,
    /// Where the card was put; none where it was known already.
    pub card_file: Option<PathBuf>,
}

/// Why a net was not taken. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// The card is wrong.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The net cannot be loaded or run as the card says.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// A file cannot be read or put in place.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// More or fewer files than the card names.
    #[error("the card {card} names {expected} files, and {given} were given: name them in its order")]
    Count {
        /// Which card.
        card: String,
        /// How many it names.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// It cannot be a net.
    #[error("{path} is no net: expected a file of 1 byte to 2 GiB")]
    NoNet {
        /// Which file.
        path: PathBuf,
    },
    /// Another file than the card's.
    #[error(
        "{path} is not the file that the card `{card}` describes: {expected} was expected, but it has {found}; \
         bring that file, or leave sha256 and size_bytes out of a card of your own"
    )]
    OtherFile {
        /// Which file.
        path: PathBuf,
        /// Which card.
        card: String,
        /// What the card says, in words.
        expected: String,
        /// What the file has, in words.
        found: String,
    },
    /// There is another card of that name.
    #[error("there is another card `{card}` already: give yours another id and file name")]
    CardTaken {
        /// The name.
        card: String,
    },
    /// There is another net of that name, which the card of it does not pin.
    #[error(
        "{path} is there already and is another net: give yours another name in `files.name` of its card"
    )]
    NetTaken {
        /// Where.
        path: PathBuf,
    },
}

/// Checks `card` (a card's file, or the name of one that is known) and the nets `files`, and puts
/// both into `models_dir`: the nets under the names that the card gives them, the card as
/// `cards/ID.toml`.
///
/// A card may leave out `sha256` and `size_bytes` of a file, or have zeros there: they are taken from
/// the file. What it does say, the file must have. `try_out` is called with the card and a folder
/// that holds the nets, before anything is put in place. The card comes last, so that a run that is
/// killed leaves at most a net that nothing names, and can be repeated.
///
/// A net of that name that is there already is replaced only where it is not what this very card,
/// known before, describes: it was damaged.
///
/// # Errors
/// [`BringError`]; nothing was changed.
pub fn bring(
    models_dir: &Path,
    card: &str,
    files: &[PathBuf],
    try_out: &mut dyn FnMut(&Card, &Path) -> Result<(), InferenceError>,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(Step<'_>),
) -> Result<Brought, BringError> {
    let found = card::text_of(models_dir, card)?;
    let expected = card::complete::file_count(&found.text);
    if expected != files.len() {
        return Err(BringError::Count { card: card.to_owned(), expected, given: files.len() });
    }
    let facts = files.iter().map(|file| facts_of(file, stop)).collect::<Result<Vec<_>, _>>()?;
    let text = card::complete::completed(&found.text, &facts);
    let card = Card::parse(&text, &found.path)?;
    compare(&card, files, &facts)?;
    let known = match Card::find(models_dir, &card.id) {
        Ok(other) if other == card => true,
        Ok(_) => return Err(BringError::CardTaken { card: card.id }),
        Err(CardError::Unknown { .. }) => false,
        Err(error) => return Err(error.into()),
    };

    let staging = Staging::begin(models_dir, stop, watch)?;
    let folder = staging.folder("brought")?;
    let mut wanted = Vec::new();
    for (net, file) in card.files.iter().zip(files) {
        let staged = folder.join(&net.name);
        place::copy(file, &staged, net.size_bytes)?;
        place::verify(&staged, net.size_bytes, net.sha256, stop)?;
        let destination = models_dir.join(&net.name);
        if place::is_file_with(&destination, net.size_bytes, net.sha256, stop)? {
            continue;
        }
        if !known && destination.symlink_metadata().is_ok() {
            return Err(BringError::NetTaken { path: destination });
        }
        wanted.push((staged, destination));
    }
    try_out(&card, &folder).map_err(|error| named_as_given(error, &card, files))?;
    let card_file = (!known).then(|| models_dir.join("cards").join(format!("{}.toml", card.id)));
    let staged_card = staging.file(0);
    if card_file.is_some() {
        place::write(&staged_card, text.as_bytes())?;
    }
    let mut nets = Vec::new();
    let placed = wanted.into_iter().try_for_each(|(staged, destination)| {
        place::move_into_place(&staged, &destination).map(|()| nets.push(destination))
    });
    let placed = placed.and_then(|()| match &card_file {
        Some(path) => place::move_into_place(&staged_card, path),
        None => Ok(()),
    });
    if let Err(error) = placed {
        // Where the card was known, what is there now is better than what was.
        for net in nets.iter().filter(|_| !known) {
            let _ = std::fs::remove_file(net);
        }
        return Err(error.into());
    }
    Ok(Brought { card, nets, card_file })
}

/// Names the user's own file in place of its staged copy.
fn named_as_given(error: InferenceError, card: &Card, files: &[PathBuf]) -> InferenceError {
    match error {
        InferenceError::Mismatch { path, expected, found, hint } => {
            let mut pairs = card.files.iter().zip(files);
            let given = pairs.find(|(net, _)| path.ends_with(&net.name)).map(|(_, file)| file.clone());
            InferenceError::Mismatch { path: given.unwrap_or(path), expected, found, hint }
        }
        other => other,
    }
}

fn facts_of(file: &Path, stop: &AtomicBool) -> Result<(Sha256Digest, u64), BringError> {
    let metadata = std::fs::metadata(file).map_err(SetupError::io("look at", file))?;
    if !metadata.is_file() || !(1..=LARGEST_FILE_BYTES).contains(&metadata.len()) {
        return Err(BringError::NoNet { path: file.to_owned() });
    }
    Ok((place::digest(file, stop)?, metadata.len()))
}

fn described(sha256: Sha256Digest, size_bytes: u64) -> String {
    format!("{size_bytes} bytes with SHA-256 {sha256}")
}

fn compare(card: &Card, files: &[PathBuf], facts: &[(Sha256Digest, u64)]) -> Result<(), BringError> {
    for ((net, file), (sha256, size)) in card.files.iter().zip(files).zip(facts) {
        if (net.sha256, net.size_bytes) != (*sha256, *size) {
            return Err(BringError::OtherFile {
                path: file.clone(),
                card: card.id.clone(),
                expected: described(net.sha256, net.size_bytes),
                found: described(*sha256, *size),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
