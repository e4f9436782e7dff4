//! The quality of a face as subcommands print it.

use serde::Serialize;

use crate::face::{Finding, Measure, Quality};

/// The measures of one face, as `--json` prints them; null for what was not measured.
#[derive(Debug, Clone, Serialize)]
pub struct QualityObject {
    /// All in one number, 0 to 1.
    score: f32,
    inter_eye_distance_px: Option<f32>,
    yaw_degrees: Option<f32>,
    pitch_degrees: Option<f32>,
    roll_degrees: Option<f32>,
    sharpness: Option<f32>,
    luminance: Option<f32>,
    under_exposed_share: Option<f32>,
    over_exposed_share: Option<f32>,
    eye_opening: Option<f32>,
    inside_share: Option<f32>,
}

impl From<&Quality> for QualityObject {
    fn from(quality: &Quality) -> Self {
        Self {
            score: quality.score().0,
            inter_eye_distance_px: quality.inter_eye_distance_px,
            yaw_degrees: quality.pose.map(|pose| pose.yaw_degrees),
            pitch_degrees: quality.pose.map(|pose| pose.pitch_degrees),
            roll_degrees: quality.pose.map(|pose| pose.roll_degrees),
            sharpness: quality.sharpness,
            luminance: quality.luminance,
            under_exposed_share: quality.under_exposed_share,
            over_exposed_share: quality.over_exposed_share,
            eye_opening: quality.eye_opening,
            inside_share: quality.inside_share,
        }
    }
}

/// A limit that is broken, as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct WarningObject {
    measure: Measure,
    value: f32,
    limit: f32,
    sentence: String,
}

impl From<&Finding> for WarningObject {
    fn from(finding: &Finding) -> Self {
        Self {
            measure: finding.measure,
            value: finding.value,
            limit: finding.limit,
            sentence: finding.sentence.clone(),
        }
    }
}
