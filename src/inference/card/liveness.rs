//! What cards say of liveness: the calibrated threshold on a liveness net's card, and on a
//! detector's card which box that net is given.

use serde::Deserialize;

use crate::face::Rect;

/// What was calibrated for a liveness net.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessCalibration {
    /// Under this mean score, 0 to 1, a presentation counts as an attack.
    pub threshold: f32,
    /// How the threshold was found, in words.
    pub calibration: String,
}

/// From a detector's box to the box that a liveness net wants: detectors disagree on where a face
/// ends, and the net's score depends on how much of the surroundings the crop shows.
///
/// A detector's card without it gives its boxes as they are decoded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessBox {
    /// Times the box's width.
    pub width: f32,
    /// Times the box's height.
    pub height: f32,
    /// The centre's move to the right, in widths of the detector's box.
    pub shift_x: f32,
    /// The centre's move down, in heights of the detector's box.
    pub shift_y: f32,
    /// How the numbers were found, in words.
    pub calibration: String,
}

impl LivenessBox {
    /// The box for the liveness net.
    pub fn of(&self, bounds: &Rect) -> Rect {
        let center = bounds.center();
        let (width, height) = (bounds.width * self.width, bounds.height * self.height);
        let x = center.x + self.shift_x * bounds.width - width / 2.0;
        let y = center.y + self.shift_y * bounds.height - height / 2.0;
        Rect::new(x, y, width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_scaled_about_its_centre_and_then_moved() {
        let map =
            LivenessBox { width: 0.5, height: 2.0, shift_x: 0.25, shift_y: -0.5, calibration: "x".into() };
        assert_eq!(map.of(&Rect::new(100.0, 100.0, 40.0, 20.0)), Rect::new(120.0, 80.0, 20.0, 40.0));
    }
}
