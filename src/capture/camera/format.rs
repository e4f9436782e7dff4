//! What a camera offers, as a list.

use serde::Serialize;

use super::mode::{CameraMode, Encoding};

/// A size of pictures in an encoding, with the rates that it comes at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraFormat {
    /// V4L2's four letters: `MJPG`.
    pub encoding: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second, falling.
    pub fps: Vec<f64>,
}

/// A rate as the device says it: seconds between two frames, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) numerator: u32,
    pub(super) denominator: u32,
}

impl Interval {
    fn fps(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator.max(1))
    }
}

/// A range of sizes, with the least difference of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SizeRange {
    pub(super) least: (u32, u32),
    pub(super) most: (u32, u32),
    pub(super) step: (u32, u32),
}

/// Sizes that a camera with a range of sizes is asked for.
const COMMON_SIZES: [(u32, u32); 8] =
    [(320, 240), (640, 360), (640, 480), (800, 600), (1280, 720), (1280, 960), (1920, 1080), (3840, 2160)];

/// Rates that one with a range of rates is asked for.
const COMMON_RATES: [u32; 10] = [5, 10, 15, 20, 24, 25, 30, 50, 60, 120];

impl SizeRange {
    /// The common sizes in the range and its two ends, in order.
    pub(super) fn sizes(self) -> Vec<(u32, u32)> {
        let fits = |value: u32, least: u32, most: u32, step: u32| {
            (least..=most).contains(&value) && (value - least).is_multiple_of(step.max(1))
        };
        let mut sizes: Vec<(u32, u32)> = COMMON_SIZES
            .into_iter()
            .filter(|(width, height)| {
                fits(*width, self.least.0, self.most.0, self.step.0)
                    && fits(*height, self.least.1, self.most.1, self.step.1)
            })
            .chain([self.least, self.most])
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

/// The common rates between two intervals.
pub(super) fn intervals_between(a: Interval, b: Interval) -> Vec<Interval> {
    let (least, most) = (a.fps().min(b.fps()), a.fps().max(b.fps()));
    let inside = |rate: &u32| (least - 0.01..=most + 0.01).contains(&f64::from(*rate));
    COMMON_RATES.into_iter().filter(inside).map(|rate| Interval { numerator: 1, denominator: rate }).collect()
}

/// The line for a size; rates that come twice are said once.
pub(super) fn format_of(encoding: &str, size: (u32, u32), intervals: &[Interval]) -> CameraFormat {
    let mut fps: Vec<f64> =
        intervals.iter().map(|interval| interval.fps()).filter(|fps| *fps > 0.0).collect();
    fps.sort_by(|a, b| b.total_cmp(a));
    fps.dedup();
    CameraFormat { encoding: encoding.to_owned(), width: size.0, height: size.1, fps }
}

/// The modes among `formats` that can be used: encodings that are read, and whole rates, as the binding
/// takes no others (29.97 of an analogue grabber is shown, and not used).
pub(super) fn modes(formats: &[CameraFormat]) -> Vec<CameraMode> {
    let mut modes = Vec::new();
    for format in formats {
        let Some(encoding) = Encoding::of(&format.encoding) else { continue };
        let whole = format.fps.iter().filter(|fps| fps.fract() == 0.0 && **fps <= 1000.0);
        modes.extend(whole.map(|fps| CameraMode {
            width: format.width,
            height: format.height,
            fps: *fps as u32,
            encoding,
        }));
    }
    modes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(numerator: u32, denominator: u32) -> Interval {
        Interval { numerator, denominator }
    }

    #[test]
    fn a_line_has_its_rates_once_the_fastest_first() {
        let intervals = [
            interval(1, 15),
            interval(1, 30),
            interval(2, 15),
            interval(1, 30),
            interval(1001, 30000),
            interval(1, 0),
        ];
        let format = format_of("MJPG", (640, 480), &intervals);
        assert_eq!(format.fps.len(), 4);
        assert_eq!((format.fps[0], format.fps[3]), (30.0, 7.5));
        let modes = modes(&[format, format_of("H264", (640, 480), &intervals)]);
        let rates: Vec<u32> = modes.iter().map(|mode| mode.fps).collect();
        assert_eq!(rates, [30, 15]);
        assert!(modes.iter().all(|mode| mode.encoding == Encoding::Mjpeg && mode.width == 640));
    }

    #[test]
    fn a_range_is_asked_for_what_is_common_in_it() {
        let range = SizeRange { least: (48, 32), most: (1280, 1024), step: (8, 8) };
        let sizes = range.sizes();
        assert_eq!((sizes[0], sizes[1], sizes.last()), ((48, 32), (320, 240), Some(&(1280, 1024))));
        assert!(!SizeRange { step: (1, 16), ..range }.sizes().contains(&(640, 360)));
        // A driver that gives one size as a range, and one that gives no step.
        let one = SizeRange { least: (640, 480), most: (640, 480), step: (1, 1) };
        assert_eq!(one.sizes(), [(640, 480)]);
        let any = SizeRange { least: (2, 1), most: (8192, 8192), step: (0, 0) };
        assert_eq!(any.sizes().len(), COMMON_SIZES.len() + 2);
        let rates: Vec<u32> =
            intervals_between(interval(1, 60), interval(1, 20)).iter().map(|i| i.denominator).collect();
        assert_eq!(rates, [20, 24, 25, 30, 50, 60]);
    }
}
