//! What `--source` says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A source as it is written: `images:GLOB`, `replay:DIR`, `video:FILE` or `camera:N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// Stills, one frame each, in the order of their names.
    Images(String),
    /// Stills shown as a camera would: pan, zoom, brightness, noise; seeded.
    Replay(PathBuf),
    /// A recording, through the ffmpeg program.
    Video(PathBuf),
    /// The camera `/dev/videoN`.
    Camera(u32),
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no source: expected camera:N, video:FILE, replay:DIR or images:GLOB")]
pub struct SourceSpecError {
    /// What was written.
    pub text: String,
}

impl FromStr for SourceSpec {
    type Err = SourceSpecError;

    fn from_str(text: &str) -> Result<Self, SourceSpecError> {
        let error = || SourceSpecError { text: text.to_owned() };
        let (kind, rest) = text.split_once(':').ok_or_else(error)?;
        if rest.is_empty() {
            return Err(error());
        }
        match kind {
            "images" => Ok(Self::Images(rest.to_owned())),
            "replay" => Ok(Self::Replay(PathBuf::from(rest))),
            "video" => Ok(Self::Video(PathBuf::from(rest))),
            "camera" => rest.parse().map(Self::Camera).map_err(|_| error()),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(pattern) => write!(f, "images:{pattern}"),
            Self::Replay(dir) => write!(f, "replay:{}", dir.display()),
            Self::Video(file) => write!(f, "video:{}", file.display()),
            Self::Camera(index) => write!(f, "camera:{index}"),
        }
    }
}

impl SourceSpec {
    /// Whether the source ends by itself and its frames carry their own times.
    pub fn is_recording(&self) -> bool {
        !matches!(self, Self::Camera(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_shown() {
        for text in ["images:/a/*.jpg", "replay:data/demo", "video:x:y.mp4", "camera:3"] {
            assert_eq!(text.parse::<SourceSpec>().unwrap().to_string(), text);
        }
        for text in ["", "camera", "camera:", "camera:front", "screen:0", ":x"] {
            assert!(text.parse::<SourceSpec>().unwrap_err().to_string().contains("expected camera:N"));
        }
    }
}
