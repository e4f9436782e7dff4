//! What the presentation-attack net says of a face (ISO/IEC 30107: presentation attack detection).

use serde::{Deserialize, Serialize};

/// The outcome of the passive liveness net for one face. Kept apart from matching.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// The net's probability that the face is live, 0 to 1.
    Score(f32),
    /// There is no room around the face for the crop that the net needs.
    NotMeasurable,
    /// The pack names no liveness net.
    NotRun,
}

impl Liveness {
    /// The probability, where one was measured.
    pub fn score(self) -> Option<f32> {
        match self {
            Self::Score(score) => Some(score),
            Self::NotMeasurable | Self::NotRun => None,
        }
    }
}

/// What follows from a track that does not look live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LivenessMode {
    /// The net does not run.
    Off,
    /// It is said, and changes nothing.
    #[default]
    Warn,
    /// The track is rejected and is nobody's attendance.
    Require,
}

impl LivenessMode {
    const ALL: [(&'static str, Self); 3] =
        [("off", Self::Off), ("warn", Self::Warn), ("require", Self::Require)];
}

impl std::fmt::Display for LivenessMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(Self::ALL.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name))
    }
}

impl std::str::FromStr for LivenessMode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, mode)| *mode);
        found.ok_or_else(|| format!("`{}` is no mode: expected off, warn or require", text.escape_debug()))
    }
}
