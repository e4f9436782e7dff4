//! Which of a camera's modes is used.

/// How a camera packs its pictures, of the ways that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Two pixels in four bytes: luma, blue difference, luma, red difference.
    Yuyv,
    /// A JPEG for each picture.
    Mjpeg,
}

/// A size, a rate and an encoding that a camera offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The size aimed at: a face at two metres is some 100 pixels wide in it, and detection scales down to
/// less anyway.
const AIM_PIXELS: f64 = 640.0 * 480.0;

/// The least rate at which a track holds on to somebody who walks.
const LEAST_FPS: u32 = 15;

/// More than this is only heat.
const ENOUGH_FPS: u32 = 30;

/// The most suitable of the modes that a camera really offers; a wish for the nearest one would be
/// refused by a camera that has nothing near.
///
/// In this order: fast enough (15 frames a second); the number of pixels nearest to 640x480, by
/// ratio; the shape nearest to 4:3; the rate nearest to 30; and YUYV before MJPEG, which costs decoding
/// and detail.
pub(super) fn choose(offered: &[CameraMode]) -> Option<CameraMode> {
    let usable = |mode: &&CameraMode| {
        mode.fps > 0 && mode.width >= 2 && mode.height >= 2 && mode.width.is_multiple_of(2)
    };
    let octaves = |value: f64, aim: f64| (value / aim).log2().abs();
    let cost = |mode: &CameraMode| {
        let (width, height) = (f64::from(mode.width), f64::from(mode.height));
        let too_slow = LEAST_FPS.saturating_sub(mode.fps);
        let size = (octaves(width * height, AIM_PIXELS) * 16.0).round() as u32;
        let shape = (octaves(width / height, 4.0 / 3.0) * 16.0).round() as u32;
        (too_slow, size, shape, mode.fps.abs_diff(ENOUGH_FPS), mode.encoding == Encoding::Mjpeg)
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

    #[test]
    fn the_mode_is_one_that_the_camera_offers() {
        let vga = mode(640, 480, 30, Yuyv);
        for (offered, expected) in [
            // An ordinary camera: VGA both ways, large pictures quick as JPEG only.
            (
                vec![mode(1920, 1080, 30, Mjpeg), mode(640, 480, 30, Mjpeg), vga, mode(1280, 720, 10, Yuyv)],
                Some(vga),
            ),
            // Nothing near the aim.
            (vec![mode(1280, 720, 30, Mjpeg)], Some(mode(1280, 720, 30, Mjpeg))),
            // Too slow unpacked: then as JPEG; and rather larger than too slow.
            (vec![mode(640, 480, 10, Yuyv), mode(640, 480, 30, Mjpeg)], Some(mode(640, 480, 30, Mjpeg))),
            (vec![mode(640, 480, 5, Yuyv), mode(1280, 720, 30, Mjpeg)], Some(mode(1280, 720, 30, Mjpeg))),
            // All are slow: the quickest.
            (vec![mode(640, 480, 5, Yuyv), mode(320, 240, 8, Yuyv)], Some(mode(320, 240, 8, Yuyv))),
            (vec![mode(640, 480, 120, Yuyv), vga, mode(640, 360, 30, Yuyv)], Some(vga)),
            (vec![mode(640, 480, 0, Yuyv), mode(1, 1, 30, Mjpeg)], None),
            (vec![], None),
        ] {
            assert_eq!(choose(&offered), expected, "{offered:?}");
        }
    }
}
