//! What is good enough, and what to say where it is not.

use serde::{Deserialize, Serialize};

use super::{HeadPose, Quality};

/// One way in which a picture of a face can be poor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Too few pixels between the eyes.
    InterEyeDistance,
    /// Turned to a side.
    Yaw,
    /// Looking up or down.
    Pitch,
    /// Leaning to a side.
    Roll,
    /// Blurred.
    Sharpness,
    /// The whole face too dark.
    Dark,
    /// The whole face too bright.
    Bright,
    /// Parts of the face black.
    UnderExposure,
    /// Parts of the face white.
    OverExposure,
    /// An eye closed.
    EyeOpening,
    /// Cut off by the picture's border.
    Inside,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::InterEyeDistance,
        Self::Yaw,
        Self::Pitch,
        Self::Roll,
        Self::Sharpness,
        Self::Dark,
        Self::Bright,
        Self::UnderExposure,
        Self::OverExposure,
        Self::EyeOpening,
        Self::Inside,
    ];

    /// What was measured of it; angles without their sign.
    pub(super) fn value(self, quality: &Quality) -> Option<f32> {
        let angle = |angle: fn(&HeadPose) -> f32| quality.pose.as_ref().map(|pose| angle(pose).abs());
        match self {
            Self::InterEyeDistance => quality.inter_eye_distance_px,
            Self::Yaw => angle(|pose| pose.yaw_degrees),
            Self::Pitch => angle(|pose| pose.pitch_degrees),
            Self::Roll => angle(|pose| pose.roll_degrees),
            Self::Sharpness => quality.sharpness,
            Self::Dark | Self::Bright => quality.luminance,
            Self::UnderExposure => quality.under_exposed_share,
            Self::OverExposure => quality.over_exposed_share,
            Self::EyeOpening => quality.eye_opening,
            Self::Inside => quality.inside_share,
        }
    }

    /// Where the measure stands in `limits`.
    pub(super) fn limit(self, limits: &QualityLimits) -> f32 {
        match self {
            Self::InterEyeDistance => limits.least_inter_eye_px,
            Self::Yaw => limits.most_yaw_degrees,
            Self::Pitch => limits.most_pitch_degrees,
            Self::Roll => limits.most_roll_degrees,
            Self::Sharpness => limits.least_sharpness,
            Self::Dark => limits.least_luminance,
            Self::Bright => limits.most_luminance,
            Self::UnderExposure => limits.most_under_exposed_share,
            Self::OverExposure => limits.most_over_exposed_share,
            Self::EyeOpening => limits.least_eye_opening,
            Self::Inside => limits.least_inside_share,
        }
    }

    /// What is as good as any, and what is useless.
    pub(super) fn ends(self) -> (f32, f32) {
        match self {
            Self::InterEyeDistance => (60.0, FLOORS.least_inter_eye_px),
            Self::Yaw => (0.0, FLOORS.most_yaw_degrees),
            Self::Pitch => (0.0, FLOORS.most_pitch_degrees),
            Self::Roll => (0.0, FLOORS.most_roll_degrees),
            Self::Sharpness => (0.6, FLOORS.least_sharpness),
            Self::Dark => (110.0, FLOORS.least_luminance),
            Self::Bright => (150.0, FLOORS.most_luminance),
            Self::UnderExposure => (0.0, FLOORS.most_under_exposed_share),
            Self::OverExposure => (0.0, FLOORS.most_over_exposed_share),
            Self::EyeOpening => (0.3, FLOORS.least_eye_opening),
            Self::Inside => (1.0, FLOORS.least_inside_share),
        }
    }

    /// Whether a larger value is a better one.
    pub(super) fn grows(self) -> bool {
        let (best, worst) = self.ends();
        best > worst
    }
}

/// What a shot must reach to be taken by itself. A picture that a person chose may fall short of it:
/// then the findings are said, and nothing else follows.
///
/// The defaults were set on the photographs of `tests/it/quality.rs`, which prints how many of them
/// break which.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QualityLimits {
    /// Pixels between the eyes.
    pub least_inter_eye_px: f32,
    /// Degrees to either side.
    pub most_yaw_degrees: f32,
    /// Degrees up or down.
    pub most_pitch_degrees: f32,
    /// Degrees to either side.
    pub most_roll_degrees: f32,
    /// As [`Quality::sharpness`].
    pub least_sharpness: f32,
    /// Mean luma, 0 to 255.
    pub least_luminance: f32,
    /// Mean luma, 0 to 255.
    pub most_luminance: f32,
    /// Share of the face, 0 to 1.
    pub most_under_exposed_share: f32,
    /// Share of the face, 0 to 1.
    pub most_over_exposed_share: f32,
    /// Height over width.
    pub least_eye_opening: f32,
    /// Share of the face box, 0 to 1.
    pub least_inside_share: f32,
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self {
            least_inter_eye_px: 30.0,
            most_yaw_degrees: 25.0,
            most_pitch_degrees: 20.0,
            most_roll_degrees: 20.0,
            least_sharpness: 0.2,
            least_luminance: 50.0,
            most_luminance: 210.0,
            most_under_exposed_share: 0.3,
            most_over_exposed_share: 0.1,
            least_eye_opening: 0.1,
            least_inside_share: 0.9,
        }
    }
}

/// Under these a picture of a face is useless: no template is made of it, whoever chose it.
const FLOORS: QualityLimits = QualityLimits {
    least_inter_eye_px: 10.0,
    most_yaw_degrees: 60.0,
    most_pitch_degrees: 50.0,
    most_roll_degrees: 75.0,
    least_sharpness: 0.09,
    least_luminance: 15.0,
    most_luminance: 245.0,
    most_under_exposed_share: 0.9,
    most_over_exposed_share: 0.6,
    least_eye_opening: 0.0,
    least_inside_share: 0.6,
};

/// A limit that a picture of a face breaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub measure: Measure,
    /// What was measured; for an angle with its sign.
    pub value: f32,
    /// What the limit is.
    pub limit: f32,
    /// Whether it lies under the hard floor: such a picture is refused, whoever chose it.
    pub refuses: bool,
    /// What the person in front of the camera can do, without an end mark.
    pub sentence: String,
}

impl Quality {
    /// The limits that are broken, the worst first: a measure is as bad as it is far from its limit on
    /// the way to its hard floor.
    pub fn findings(&self, limits: &QualityLimits) -> Vec<Finding> {
        let mut found: Vec<(f32, Finding)> =
            Measure::ALL.iter().filter_map(|measure| self.finding(*measure, limits)).collect();
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        found.into_iter().map(|(_, finding)| finding).collect()
    }

    /// Whether a limit of `limits` is broken.
    pub fn breaks(&self, limits: &QualityLimits) -> bool {
        Measure::ALL.iter().any(|measure| self.finding(*measure, limits).is_some())
    }

    /// The worst measure that lies under its hard floor, where there is one.
    pub fn refusal(&self) -> Option<Finding> {
        self.findings(&FLOORS).into_iter().next()
    }

    /// The finding of one measure, with how bad it is: 0 at the limit, 1 at the hard floor.
    fn finding(&self, measure: Measure, limits: &QualityLimits) -> Option<(f32, Finding)> {
        let value = measure.value(self)?;
        let limit = measure.limit(limits);
        let worse = |than: f32| if measure.grows() { value < than } else { value > than };
        if !worse(limit) {
            return None;
        }
        let (_, floor) = measure.ends();
        // A limit at or beyond the floor is as bad as can be, once it is broken.
        let way = (limit - floor).abs().max(f32::EPSILON);
        let finding = Finding {
            measure,
            value: self.signed(measure).unwrap_or(value),
            limit,
            refuses: worse(floor),
            sentence: self.sentence(measure, value, limit),
        };
        Some(((limit - value).abs() / way, finding))
    }

    /// An angle with its sign.
    fn signed(&self, measure: Measure) -> Option<f32> {
        let pose = self.pose?;
        match measure {
            Measure::Yaw => Some(pose.yaw_degrees),
            Measure::Pitch => Some(pose.pitch_degrees),
            Measure::Roll => Some(pose.roll_degrees),
            _ => None,
        }
    }

    fn sentence(&self, measure: Measure, value: f32, limit: f32) -> String {
        let positive = self.signed(measure).is_some_and(|angle| angle > 0.0);
        let percent = |share: f32| format!("{:.0} %", 100.0 * share);
        match measure {
            Measure::InterEyeDistance => {
                format!("come closer: the eyes are {value:.0} pixels apart, {limit:.0} are needed")
            }
            // The face points to the right of the picture, which is the person's left.
            Measure::Yaw if positive => "turn a little to your right".to_owned(),
            Measure::Yaw => "turn a little to your left".to_owned(),
            Measure::Pitch if positive => "look down a little".to_owned(),
            Measure::Pitch => "look up a little".to_owned(),
            // Clockwise in the picture is towards the person's left shoulder.
            Measure::Roll if positive => "tilt your head a little to your right".to_owned(),
            Measure::Roll => "tilt your head a little to your left".to_owned(),
            Measure::Sharpness => format!("hold still: the face is blurred, {value:.2} of {limit:.2}"),
            Measure::Dark => format!("too dark: {value:.0} of 255"),
            Measure::Bright => format!("too bright: {value:.0} of 255"),
            Measure::UnderExposure => {
                format!("more light on the face: {} of it is black", percent(value))
            }
            Measure::OverExposure => format!("less light on the face: {} of it is white", percent(value)),
            Measure::EyeOpening => "open your eyes".to_owned(),
            Measure::Inside => {
                format!("move to the middle of the picture: {} of the face is outside", percent(1.0 - value))
            }
        }
    }
}
