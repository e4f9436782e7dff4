//! Whether pictures of people are shown at all.

use serde::{Deserialize, Serialize};

/// What a client may see of people's faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PicturePolicy {
    /// The live picture, and faces cut out of it.
    #[default]
    Allowed,
    /// Neither: boxes, names and scores alone.
    Never,
}

impl std::fmt::Display for PicturePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::Never => "never",
        })
    }
}
