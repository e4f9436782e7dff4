//! Parts of a picture at another size: whole pictures scaled down, crops, and faces laid on a
//! template. Coordinates are continuous: pixel (0, 0) covers 0 to 1 in both directions.

mod stretch;
#[cfg(test)]
mod tests;
mod turn;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::capture::RgbPicture;
use crate::face::{Rect, SimilarityTransform};

/// An 8-bit RGB picture whose memory is used again.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Three bytes a pixel, rows from the top.
    pub rgb: Vec<u8>,
    stretching: stretch::Memory,
}

impl Patch {
    /// One of that size, without its pixels yet.
    pub fn of(width: usize, height: usize) -> Self {
        Self { width, height, ..Self::default() }
    }
}

/// Pixels of any owner.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
}

impl<'a> From<&'a RgbPicture> for Pixels<'a> {
    fn from(picture: &'a RgbPicture) -> Self {
        Self { width: picture.width(), height: picture.height(), rgb: picture.data() }
    }
}

impl<'a> From<&'a Patch> for Pixels<'a> {
    fn from(patch: &'a Patch) -> Self {
        Self { width: patch.width as u32, height: patch.height as u32, rgb: &patch.rgb }
    }
}

impl Pixels<'_> {
    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }
}

/// What lies beyond a picture's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Black.
    Black,
    /// The nearest pixel of the picture.
    Nearest,
}

/// Scales whole pictures; keeps its memory.
#[derive(Debug, Default)]
pub struct Scaler {
    resizer: Resizer,
    scaled: Vec<u8>,
}

impl Scaler {
    /// Scales `source` to `width` by `height` pixels into the top left corner of `patch`, which
    /// keeps its own size where that is larger and is black in the rest.
    ///
    /// Bilinear, widened when scaling down so that every source pixel counts: the nets were
    /// trained on pictures scaled so, and an area mean or no widening measured no better.
    ///
    /// `None` where a side is zero or the library refuses, which it does for no other reason than
    /// sizes that do not fit.
    pub fn scale_into(
        &mut self,
        source: Pixels<'_>,
        width: u32,
        height: u32,
        patch: &mut Patch,
    ) -> Option<()> {
        self.scaled.resize(width as usize * height as usize * 3, 0);
        let from = ImageRef::new(source.width, source.height, source.rgb, PixelType::U8x3).ok()?;
        let mut to = Image::from_slice_u8(width, height, &mut self.scaled, PixelType::U8x3).ok()?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize(&from, &mut to, &options).ok()?;
        let (row, patch_row) = (width as usize * 3, patch.width * 3);
        if row > patch_row || height as usize > patch.height {
            return None;
        }
        patch.rgb.resize(patch_row * patch.height, 0);
        patch.rgb.fill(0);
        for (to, from) in patch.rgb.chunks_exact_mut(patch_row).zip(self.scaled.chunks_exact(row)) {
            to[..row].copy_from_slice(from);
        }
        Some(())
    }
}

/// At most this many samples along each side of a patch's pixel. On photographs up to 2333 pixels high
/// 1 and 4 identified alike, and 4 took two milliseconds more for each crop; 2 keeps the pattern of
/// a cloth or a screen from becoming noise.
const MOST_SAMPLES: usize = 2;

/// Samples along a side of a patch's pixel that covers `step` pixels of the source: 1 to [`MOST_SAMPLES`].
fn samples(step: f32) -> usize {
    // No number is none, and counts as one.
    (step.round() as usize).clamp(1, MOST_SAMPLES)
}

/// The part `area` of `source`, stretched to `width` by `height` pixels.
pub fn crop(source: Pixels<'_>, area: &Rect, width: usize, height: usize, border: Border, patch: &mut Patch) {
    stretch::stretch(source, area, [width, height], border, patch);
}

/// `source` seen through `patch_from_source`, as a square of `side` pixels.
pub fn warp(
    source: Pixels<'_>,
    patch_from_source: &SimilarityTransform,
    side: usize,
    border: Border,
    patch: &mut Patch,
) {
    let t = patch_from_source.inverse();
    let map = turn::SourceFromPatch { x: [t.a, -t.b, t.tx], y: [t.b, t.a, t.ty] };
    turn::sample(source, map, [side, side], border, patch);
}

/// A value that is whole, from 0 to 8,388,607, as an integer. `as` looks out for all others, one value at a time.
#[inline(always)]
fn whole(value: f32) -> i32 {
    /// From here to its double an `f32` has no fraction, and its lower bits count the ones.
    const ONES: f32 = 8_388_608.0;
    ((value + ONES).to_bits() & 0x7f_ffff) as i32
}

/// A channel's value, rounded; 0 where it is no number.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "of a number and none `max` gives the number, and `clamp` none")]
fn byte(value: f32) -> u8 {
    whole((value + 0.5).floor().max(0.0).min(255.0)) as u8
}
