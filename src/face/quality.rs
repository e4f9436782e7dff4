//! How good a picture of a face is, measure by measure, in the terms of ISO/IEC 29794-5 and its
//! reference implementation OFIQ where they can be had from what the pipeline computes anyway.
//!
//! Each measure has a native value with a unit, a limit, and a sentence that the person in front of
//! the camera can act on. A measure that could not be taken is `None` and breaks no limit.
//!
//! Left and right: a picture is taken to be as the camera sees it, not mirrored, and the preview is
//! not mirrored either. A sentence speaks to the person from their own side, so a face that points to
//! the right of the picture, the person's left, is asked to turn to the right.

mod gauge;
mod guidance;
mod limits;
mod score;

pub use gauge::Gauge;
pub use guidance::Guidance;
pub use limits::{Finding, Measure, QualityLimits};

use serde::{Deserialize, Serialize};

/// Where a head points, in degrees. All zero looks straight into the camera.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HeadPose {
    /// About the vertical axis; positive where the face points to the right of the picture.
    pub yaw_degrees: f32,
    /// About the axis through the ears; positive where the face points up.
    pub pitch_degrees: f32,
    /// In the plane of the picture; positive where the head leans clockwise as seen in the picture.
    pub roll_degrees: f32,
}

/// What was measured of one face of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// Between the centres of the eyes, in pixels of the picture.
    pub inter_eye_distance_px: Option<f32>,
    /// From the 68 landmarks.
    pub pose: Option<HeadPose>,
    /// How much of the face's contrast is fine detail, from 0 for none; see
    /// `inference::quality` for how it is taken. Without a unit.
    pub sharpness: Option<f32>,
    /// The mean luma of the face, 0 to 255.
    pub luminance: Option<f32>,
    /// Share of the face's pixels that are nearly black, 0 to 1.
    pub under_exposed_share: Option<f32>,
    /// Share of the face's pixels that are nearly white, 0 to 1.
    pub over_exposed_share: Option<f32>,
    /// The opening of the less open eye: its height over its width (eye aspect ratio, Soukupová and
    /// Čech 2016).
    pub eye_opening: Option<f32>,
    /// Share of the face box that lies inside the picture, 0 to 1.
    pub inside_share: Option<f32>,
}

/// All measures in one number, 0 (useless) to 1 (as good as any), for weighing frames of one face
/// against each other; [`Quality::score`] says how it is made. Not a probability.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QualityScore(pub f32);

#[cfg(test)]
mod tests;
