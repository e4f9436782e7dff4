//! A face cut out of a picture, kept as the bytes of a picture file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The bytes of a picture file (PNG, JPEG and what else the program reads) that shows one face.
/// `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncodedCrop(Vec<u8>);

impl EncodedCrop {
    /// The file's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The file's bytes, handed over.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for EncodedCrop {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for EncodedCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedCrop({} bytes)", self.0.len())
    }
}
