//! What a card may say of liveness.

use super::super::{Card, CardError, Decoder, Task};
use super::Check;

/// How far a mapped box's sides may be from the detector's, times.
const SIDES: std::ops::RangeInclusive<f32> = 0.25..=4.0;
/// How far its centre may move, in sides of the detector's box.
const SHIFTS: std::ops::RangeInclusive<f32> = -1.0..=1.0;

pub(super) fn check(check: &Check, card: &Card) -> Result<(), CardError> {
    calibration(check, card)?;
    mapping(check, card)
}

fn calibration(check: &Check, card: &Card) -> Result<(), CardError> {
    let wanted = card.decoder == Decoder::Minifasnet;
    let Some(liveness) = &card.liveness else {
        return check.that(
            !wanted,
            "liveness",
            "is needed by a liveness net: a threshold and its calibration",
        );
    };
    check.that(wanted, "liveness", "is only for liveness nets: leave it out")?;
    let inside = liveness.threshold > 0.0 && liveness.threshold < 1.0;
    check.that(inside, "liveness.threshold", "must be above 0 and below 1: a mean live score")?;
    let said = !liveness.calibration.trim().is_empty();
    check.that(said, "liveness.calibration", "must say how the threshold was found")
}

fn mapping(check: &Check, card: &Card) -> Result<(), CardError> {
    let Some(mapping) = &card.liveness_box else { return Ok(()) };
    let detects = card.task == Task::Detection;
    check.that(detects, "liveness_box", "is only for detectors: leave it out")?;
    for (key, side) in [("width", mapping.width), ("height", mapping.height)] {
        let key = format!("liveness_box.{key}");
        check.that(SIDES.contains(&side), &key, "must be 0.25 to 4 times the detector's box")?;
    }
    for (key, shift) in [("shift_x", mapping.shift_x), ("shift_y", mapping.shift_y)] {
        let key = format!("liveness_box.{key}");
        check.that(SHIFTS.contains(&shift), &key, "must be -1 to 1 times the side of the detector's box")?;
    }
    let said = !mapping.calibration.trim().is_empty();
    check.that(said, "liveness_box.calibration", "must say how the numbers were found")
}
