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
