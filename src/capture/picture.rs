//! Picture files and bytes into pixels, with bounded memory.

use std::path::{Path, PathBuf};

use super::frame::RgbPicture;

/// Why a picture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be opened.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are no picture that can be read.
    #[error("{label}: {detail}")]
    Format {
        /// The file as the user wrote it.
        label: String,
        /// What was found and what was expected.
        detail: String,
    },
}

/// The pixels of the picture file at `path`.
///
/// # Errors
/// [`PictureError`] with the file and what to do.
pub fn read(path: &Path) -> Result<RgbPicture, PictureError> {
    let bytes = std::fs::read(path).map_err(|source| PictureError::Io { path: path.to_owned(), source })?;
    decode(&bytes, &path.display().to_string())
}

/// The pixels of an encoded picture; `label` names it in messages.
///
/// # Errors
/// [`PictureError::Format`] with what was found.
pub fn decode(_bytes: &[u8], _label: &str) -> Result<RgbPicture, PictureError> {
    unimplemented!()
}
