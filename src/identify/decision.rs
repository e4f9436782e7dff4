//! What a decision over several frames rested on, in numbers that can be kept and explained.

use serde::{Deserialize, Serialize};

use crate::face::{Quality, QualityScore};

/// Where the threshold in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdBasis {
    /// The configuration names it.
    Configured,
    /// The model card names it, and nothing is known of how alike strangers are.
    Card,
    /// Derived from the chance that a stranger is taken for somebody.
    Derived {
        /// The FPIR(N, T) that was aimed at, 0 to 1.
        target_fpir: f32,
        /// Templates that were searched.
        templates: u32,
        /// N: people whose templates those are.
        people: u32,
        /// Whether the floor is higher than what the target asks for.
        at_floor: bool,
        /// Whether the target lies beyond what the impostor pairs support.
        extrapolated: bool,
    },
}

/// How the frames of a track voted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VoteCount {
    /// Frames that identified the person decided for, or the best candidate where nobody was.
    pub best: u32,
    /// Frames that identified somebody else.
    pub others: u32,
    /// Frames that identified nobody.
    pub nobody: u32,
}

/// Why a track names nobody: the first of these that was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Too few frames could be compared.
    Frames,
    /// The best candidate is not alike enough.
    Similarity,
    /// The runner-up is nearly as alike as the best candidate.
    Margin,
    /// Too few frames, or frames too poor, were for one person.
    Agreement,
    /// The face does not look live.
    Liveness,
}

/// What a decision rested on beyond candidates and threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionDetails {
    /// Where the threshold came from.
    pub basis: ThresholdBasis,
    /// How the frames voted.
    pub votes: VoteCount,
    /// How much more alike than the runner-up the best candidate had to be.
    pub margin: f32,
    /// What was missing, where nobody was identified or the track was rejected.
    pub shortfall: Option<Shortfall>,
    /// The best frame's quality, measure by measure.
    pub quality: Quality,
    /// The best frame's quality in one number.
    pub quality_score: QualityScore,
    /// Frames whose liveness was measured.
    pub liveness_frames: u32,
    /// Under which mean liveness a track counts as an attack; none where liveness is off.
    pub liveness_threshold: Option<f32>,
    /// The id of the embedding net's card.
    pub model: String,
    /// The program's version.
    pub program: String,
}
