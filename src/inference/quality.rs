//! How good the pixels of a face are.
//!
//! Everything is measured on one patch: the inside of the face, from the brows to the mouth, laid
//! upright by its five points so that the eyes are 35 pixels apart, which is the scale at which the
//! embedding nets see it. What is finer than that helps no net, so it does not count; what a small
//! face lacks at that scale does.

use super::resample::{Border, Patch, warp};
use crate::capture::RgbPicture;
use crate::face::pose::eye_opening;
use crate::face::{FivePoints, HeadPose, Landmarks68, Point, Quality, Rect, SimilarityTransform};

/// Side of the patch in pixels.
const SIDE: usize = 64;

/// Where the five points lie in the patch: the ArcFace template of 112 by 112 pixels (Deng and others,
/// CVPR 2019), of which the patch is the part from (24, 36).
const PLACES: FivePoints = FivePoints::from_array([
    Point::new(14.2946, 15.6963),
    Point::new(49.5318, 15.5014),
    Point::new(32.0252, 35.7366),
    Point::new(17.5493, 56.3655),
    Point::new(46.7299, 56.2041),
]);

/// Luma up to this counts as under-exposed and from [`OVER_EXPOSED`] on as over-exposed: the bounds of
/// OFIQ, the reference implementation of ISO/IEC 29794-5.
const UNDER_EXPOSED: u8 = 25;
/// See [`UNDER_EXPOSED`].
const OVER_EXPOSED: u8 = 247;

/// Measures faces; keeps its memory.
#[derive(Debug, Default)]
pub struct QualityMeter {
    patch: Patch,
    luma: Vec<u8>,
}

impl QualityMeter {
    /// Everything that can be measured of the face in `bounds` with `points`.
    pub fn measure(
        &mut self,
        picture: &RgbPicture,
        bounds: &Rect,
        points: &FivePoints,
        landmarks: Option<&Landmarks68>,
    ) -> Quality {
        let distance = points.inter_eye_distance();
        let mut quality = Quality {
            inter_eye_distance_px: distance.is_finite().then_some(distance),
            pose: landmarks.and_then(HeadPose::of),
            eye_opening: landmarks.and_then(eye_opening),
            inside_share: inside_share(picture, bounds),
            ..Quality::default()
        };
        if let Some(transform) = SimilarityTransform::estimate(&points.to_array(), &PLACES.to_array()) {
            warp(picture.into(), &transform, SIDE, Border::Nearest, &mut self.patch);
            self.measure_patch(&mut quality);
        }
        quality
    }

    fn measure_patch(&mut self, quality: &mut Quality) {
        // Luma of ITU-R BT.601, in 256ths.
        let luma = |[r, g, b]: &[u8; 3]| {
            ((77 * u32::from(*r) + 150 * u32::from(*g) + 29 * u32::from(*b) + 128) >> 8) as u8
        };
        self.luma.clear();
        self.luma.extend(self.patch.rgb.as_chunks::<3>().0.iter().map(luma));
        let count = self.luma.len() as f32;
        let share = |of: &dyn Fn(u8) -> bool| self.luma.iter().filter(|v| of(**v)).count() as f32 / count;
        quality.luminance = Some(self.luma.iter().map(|v| u32::from(*v)).sum::<u32>() as f32 / count);
        quality.under_exposed_share = Some(share(&|v| v <= UNDER_EXPOSED));
        quality.over_exposed_share = Some(share(&|v| v >= OVER_EXPOSED));
        quality.sharpness = sharpness(&self.luma, SIDE);
    }
}

/// Share of the box that lies inside the picture; none for a box without extent.
fn inside_share(picture: &RgbPicture, bounds: &Rect) -> Option<f32> {
    let whole = Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32);
    let share = bounds.intersection_area(&whole) / bounds.area();
    share.is_finite().then_some(share)
}

/// The standard deviation of the Laplacian over that of the luma: how much of the contrast is fine
/// detail. The variance of the Laplacian is the measure of Pech-Pacheco and others (ICPR 2000); over
/// the contrast it means the same for a bright and a dim picture. None for a patch of one colour.
fn sharpness(luma: &[u8], side: usize) -> Option<f32> {
    let at = |x: usize, y: usize| f64::from(luma[y * side + x]);
    let (mut sum, mut squares, mut detail, mut detail_squares) = (0.0, 0.0, 0.0, 0.0);
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let value = at(x, y);
            let laplacian = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * value;
            sum += value;
            squares += value * value;
            detail += laplacian;
            detail_squares += laplacian * laplacian;
        }
    }
    let count = ((side - 2) * (side - 2)) as f64;
    let variance = |sum: f64, squares: f64| (squares / count - (sum / count).powi(2)).max(0.0);
    let contrast = variance(sum, squares);
    (contrast > 1.0).then(|| (variance(detail, detail_squares) / contrast).sqrt() as f32)
}
