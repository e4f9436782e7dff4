//! Which of a camera's modes is used.

use std::fmt;

use serde::Serialize;

/// How a camera packs its pictures, of the ways that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Two pixels in four bytes: luma, blue difference, luma, red difference.
    Yuyv,
    /// A JPEG for each picture.
    Mjpeg,
}

impl Encoding {
    /// By V4L2's four letters.
    pub(super) fn of(four_letters: &str) -> Option<Self> {
        match four_letters {
            "YUYV" => Some(Self::Yuyv),
            "MJPG" => Some(Self::Mjpeg),
            _ => None,
        }
    }

    /// V4L2's four letters.
    pub(super) fn four_letters(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Mjpeg => "MJPG",
        }
    }
}

/// A size, a rate and an encoding that a camera offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CameraMode {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// How the pictures are packed.
    pub encoding: Encoding,
}

impl fmt::Display for CameraMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, fps, encoding } = self;
        write!(f, "{width}x{height} {} at {fps} frames a second", encoding.four_letters())
    }
}

/// How wide a face is, in metres: an adult's is about 0.14 over the cheekbones (ANSUR II, 2012), and a
/// detector's box takes in a little more.
const FACE_WIDTH_M: f32 = 0.15;

/// The distance between the eyes as a share of that: 63 mm on average (Dodgson, 2004).
const EYES_TO_WIDTH: f32 = 0.063 / FACE_WIDTH_M;

/// What a camera is taken to see across, in degrees. Webcams see 55 to 78; the lens is not told by the
/// device. One that sees more shows faces smaller than reckoned: then say a larger distance.
const VIEW_DEGREES: f32 = 60.0;

/// What the pictures are for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// How far away people are recognised, in metres.
    pub distance_m: f32,
    /// The least number of pixels between the eyes. This is what a shot must have that is taken by itself
    /// for an enrolment (`[quality] least_inter_eye_px`). Identification works to a third of it, but as
    /// far away as that it is to be as sure as the enrolment was, so the larger limit counts.
    pub least_inter_eye_px: f32,
}

impl Wanted {
    /// How many columns a picture needs, so that a face at the distance is wide enough.
    pub fn width(&self) -> f32 {
        let face_px = self.least_inter_eye_px / EYES_TO_WIDTH;
        let seen_m = 2.0 * self.distance_m * (VIEW_DEGREES / 2.0).to_radians().tan();
        face_px * seen_m / FACE_WIDTH_M
    }
}

/// The least rate at which a track holds on to somebody who walks.
pub const LEAST_FPS: u32 = 15;

/// More than this is only heat.
const ENOUGH_FPS: u32 = 30;

/// The most suitable of the modes that a camera really offers; a wish for the nearest one would be
/// refused by a camera that has nothing near.
///
/// In this order: fast enough ([`LEAST_FPS`]); wide enough ([`Wanted::width`]), or else as wide as there
/// is; the smallest that is; the shape nearest to 4:3; the rate nearest to 30; and YUYV before MJPEG,
/// which costs decoding and detail.
pub(super) fn choose(offered: &[CameraMode], wanted: &Wanted) -> Option<CameraMode> {
    let usable = |mode: &&CameraMode| {
        mode.fps > 0 && mode.width >= 2 && mode.height >= 2 && mode.width.is_multiple_of(2)
    };
    let needed = wanted.width().ceil() as u32;
    let cost = |mode: &CameraMode| {
        let (width, height) = (f64::from(mode.width), f64::from(mode.height));
        let too_slow = LEAST_FPS.saturating_sub(mode.fps);
        let too_narrow = needed.saturating_sub(mode.width);
        let pixels = u64::from(mode.width) * u64::from(mode.height);
        let shape = ((width / height / (4.0 / 3.0)).log2().abs() * 16.0).round() as u32;
        let rate = mode.fps.abs_diff(ENOUGH_FPS);
        (too_slow, too_narrow, pixels, shape, rate, mode.encoding == Encoding::Mjpeg)
    };
    offered.iter().filter(usable).min_by_key(|mode| cost(mode)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encoding::{Mjpeg, Yuyv};

    fn mode(width: u32, height: u32, fps: u32, encoding: Encoding) -> CameraMode {
        CameraMode { width, height, fps, encoding }
    }

    fn at(distance_m: f32) -> Wanted {
        Wanted { distance_m, least_inter_eye_px: 30.0 }
    }

    /// What a Logitech C270-like camera lists, without its odd sizes.
    fn ordinary() -> Vec<CameraMode> {
        let mut modes = Vec::new();
        for (width, height, yuyv, mjpeg) in [
            (640, 480, 30, 30),
            (160, 120, 30, 30),
            (320, 240, 30, 30),
            (800, 600, 15, 30),
            (1280, 720, 7, 30),
            (1280, 960, 7, 30),
        ] {
            for fps in [5, 10, 15, 20, 25, 30] {
                modes.extend((fps <= yuyv).then(|| mode(width, height, fps, Yuyv)));
                modes.extend((fps <= mjpeg).then(|| mode(width, height, fps, Mjpeg)));
            }
        }
        modes
    }

    #[test]
    fn a_face_is_as_wide_as_it_must_be_at_the_distance() {
        // 71.4 pixels of face; 2.31 m are seen at 2 m.
        assert!((at(2.0).width() - 1100.0).abs() < 1.0, "{}", at(2.0).width());
        assert!((at(1.0).width() - 550.0).abs() < 0.5);
        let poor = Wanted { distance_m: 2.0, least_inter_eye_px: 10.0 };
        assert!((poor.width() - 366.6).abs() < 0.5, "{}", poor.width());
    }

    #[test]
    fn the_smallest_mode_that_shows_a_face_well_is_taken() {
        let modes = ordinary();
        for (distance, expected) in [
            (0.3, mode(320, 240, 30, Yuyv)),
            (1.0, mode(640, 480, 30, Yuyv)),
            // 15 frames a second unpacked, 30 packed.
            (1.3, mode(800, 600, 30, Mjpeg)),
            (2.0, mode(1280, 720, 30, Mjpeg)),
            // Nothing is wide enough: the widest, and the smaller of these.
            (10.0, mode(1280, 720, 30, Mjpeg)),
        ] {
            assert_eq!(choose(&modes, &at(distance)), Some(expected), "{distance}");
        }
        let only = mode(1280, 720, 30, Mjpeg);
        for distance in [0.3, 2.0, 10.0] {
            assert_eq!(choose(&[only], &at(distance)), Some(only));
        }
    }

    #[test]
    fn a_camera_of_high_resolution_and_wide_angle_is_not_driven_harder_than_it_must() {
        let sizes = [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (960, 540), (640, 360)];
        let mut modes: Vec<CameraMode> = sizes.map(|(w, h)| mode(w, h, 30, Mjpeg)).into();
        modes.extend(sizes.map(|(w, h)| mode(w, h, 60, Mjpeg)));
        assert_eq!(choose(&modes, &at(2.0)), Some(mode(1280, 720, 30, Mjpeg)));
        assert_eq!(choose(&modes, &at(1.6)), Some(mode(960, 540, 30, Mjpeg)));
        // At 100 degrees a face at 2 m is as large as one at 4.1 m is at 60.
        assert_eq!(choose(&modes, &at(4.1)), Some(mode(2560, 1440, 30, Mjpeg)));
    }

    #[test]
    fn fast_enough_comes_first() {
        for (offered, expected) in [
            // Too slow unpacked: then as JPEG; and rather narrow, or larger, than too slow.
            (vec![mode(640, 480, 10, Yuyv), mode(640, 480, 30, Mjpeg)], Some(mode(640, 480, 30, Mjpeg))),
            (vec![mode(640, 480, 5, Yuyv), mode(1920, 1080, 30, Mjpeg)], Some(mode(1920, 1080, 30, Mjpeg))),
            (vec![mode(1280, 720, 10, Yuyv), mode(640, 480, 30, Yuyv)], Some(mode(640, 480, 30, Yuyv))),
            // All are slow: the quickest.
            (vec![mode(640, 480, 5, Yuyv), mode(320, 240, 8, Yuyv)], Some(mode(320, 240, 8, Yuyv))),
            // Among equals 30 a second, then the shape.
            (vec![mode(1280, 720, 120, Yuyv), mode(1280, 720, 30, Yuyv)], Some(mode(1280, 720, 30, Yuyv))),
            (vec![mode(1440, 800, 30, Yuyv), mode(1200, 960, 30, Yuyv)], Some(mode(1200, 960, 30, Yuyv))),
            (vec![mode(640, 480, 0, Yuyv), mode(1, 1, 30, Mjpeg), mode(641, 480, 30, Yuyv)], None),
            (vec![], None),
        ] {
            assert_eq!(choose(&offered, &at(2.0)), expected, "{offered:?}");
        }
    }

    #[test]
    fn a_mode_is_said_as_the_device_says_it() {
        let mode = mode(1280, 720, 30, Mjpeg);
        assert_eq!(mode.to_string(), "1280x720 MJPG at 30 frames a second");
        assert_eq!(Encoding::of(Mjpeg.four_letters()), Some(Mjpeg));
        assert_eq!(Encoding::of("H264"), None);
    }
}
