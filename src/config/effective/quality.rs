//! `[quality]` as it is used.

use super::Setting;
use crate::config::typed::QualityTable;
use crate::face::QualityLimits;

/// What a shot must reach to be taken by itself; see [`QualityLimits`].
#[derive(Debug, Clone, PartialEq)]
pub struct QualitySettings {
    /// Pixels between the eyes.
    pub least_inter_eye_px: Setting<f32>,
    /// Degrees that the face may point to a side.
    pub most_yaw_degrees: Setting<f32>,
    /// Degrees that it may point up or down.
    pub most_pitch_degrees: Setting<f32>,
    /// Degrees that the head may lean to a side.
    pub most_roll_degrees: Setting<f32>,
    /// How much of the face's contrast is fine detail.
    pub least_sharpness: Setting<f32>,
    /// The least mean luma of the face.
    pub least_luminance: Setting<f32>,
    /// The largest mean luma of the face.
    pub most_luminance: Setting<f32>,
    /// Share of the face that may be black.
    pub most_under_exposed_share: Setting<f32>,
    /// Share of the face that may be white.
    pub most_over_exposed_share: Setting<f32>,
    /// Height of the less open eye over its width.
    pub least_eye_opening: Setting<f32>,
    /// Share of the face that must lie inside the picture.
    pub least_inside_share: Setting<f32>,
}

impl QualitySettings {
    pub(super) fn resolve(typed: &QualityTable) -> Self {
        let default = QualityLimits::default();
        Self {
            least_inter_eye_px: Setting::typed(
                typed.least_inter_eye_px.map(|v| v.get()),
                default.least_inter_eye_px,
            ),
            most_yaw_degrees: Setting::typed(
                typed.most_yaw_degrees.map(|v| v.get()),
                default.most_yaw_degrees,
            ),
            most_pitch_degrees: Setting::typed(
                typed.most_pitch_degrees.map(|v| v.get()),
                default.most_pitch_degrees,
            ),
            most_roll_degrees: Setting::typed(
                typed.most_roll_degrees.map(|v| v.get()),
                default.most_roll_degrees,
            ),
            least_sharpness: Setting::typed(typed.least_sharpness.map(|v| v.get()), default.least_sharpness),
            least_luminance: Setting::typed(typed.least_luminance.map(|v| v.get()), default.least_luminance),
            most_luminance: Setting::typed(typed.most_luminance.map(|v| v.get()), default.most_luminance),
            most_under_exposed_share: Setting::typed(
                typed.most_under_exposed_share.map(|v| v.get()),
                default.most_under_exposed_share,
            ),
            most_over_exposed_share: Setting::typed(
                typed.most_over_exposed_share.map(|v| v.get()),
                default.most_over_exposed_share,
            ),
            least_eye_opening: Setting::typed(
                typed.least_eye_opening.map(|v| v.get()),
                default.least_eye_opening,
            ),
            least_inside_share: Setting::typed(
                typed.least_inside_share.map(|v| v.get()),
                default.least_inside_share,
            ),
        }
    }

    /// The limits, for the engine.
    pub fn limits(&self) -> QualityLimits {
        QualityLimits {
            least_inter_eye_px: self.least_inter_eye_px.value,
            most_yaw_degrees: self.most_yaw_degrees.value,
            most_pitch_degrees: self.most_pitch_degrees.value,
            most_roll_degrees: self.most_roll_degrees.value,
            least_sharpness: self.least_sharpness.value,
            least_luminance: self.least_luminance.value,
            most_luminance: self.most_luminance.value,
            most_under_exposed_share: self.most_under_exposed_share.value,
            most_over_exposed_share: self.most_over_exposed_share.value,
            least_eye_opening: self.least_eye_opening.value,
            least_inside_share: self.least_inside_share.value,
        }
    }

    /// Every key with its value, in the order of the sample.
    pub(super) fn named(&self) -> [(&'static str, &Setting<f32>); 11] {
        [
            ("least_inter_eye_px", &self.least_inter_eye_px),
            ("most_yaw_degrees", &self.most_yaw_degrees),
            ("most_pitch_degrees", &self.most_pitch_degrees),
            ("most_roll_degrees", &self.most_roll_degrees),
            ("least_sharpness", &self.least_sharpness),
            ("least_luminance", &self.least_luminance),
            ("most_luminance", &self.most_luminance),
            ("most_under_exposed_share", &self.most_under_exposed_share),
            ("most_over_exposed_share", &self.most_over_exposed_share),
            ("least_eye_opening", &self.least_eye_opening),
            ("least_inside_share", &self.least_inside_share),
        ]
    }
}
