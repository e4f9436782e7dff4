//! `[quality]` as it is typed: one key for each limit of [`crate::face::QualityLimits`].

use serde::Deserialize;

use crate::config::values::{
    AngleRange, BrightRange, DarkRange, EyeOpeningRange, PixelsRange, Real, ShareRange, SharpnessRange,
};

/// What a shot must reach to be taken by itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualityTable {
    /// Pixels between the eyes.
    pub least_inter_eye_px: Option<Real<PixelsRange>>,
    /// Degrees that the face may point to a side.
    pub most_yaw_degrees: Option<Real<AngleRange>>,
    /// Degrees that it may point up or down.
    pub most_pitch_degrees: Option<Real<AngleRange>>,
    /// Degrees that the head may lean to a side.
    pub most_roll_degrees: Option<Real<AngleRange>>,
    /// How much of the face's contrast is fine detail.
    pub least_sharpness: Option<Real<SharpnessRange>>,
    /// The least mean luma of the face.
    pub least_luminance: Option<Real<DarkRange>>,
    /// The largest mean luma of the face.
    pub most_luminance: Option<Real<BrightRange>>,
    /// Share of the face that may be black.
    pub most_under_exposed_share: Option<Real<ShareRange>>,
    /// Share of the face that may be white.
    pub most_over_exposed_share: Option<Real<ShareRange>>,
    /// Height of the less open eye over its width.
    pub least_eye_opening: Option<Real<EyeOpeningRange>>,
    /// Share of the face that must lie inside the picture.
    pub least_inside_share: Option<Real<ShareRange>>,
}
