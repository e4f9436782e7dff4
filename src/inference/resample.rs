//! Parts of a picture at another size: whole pictures scaled down, crops, and faces laid on a
//! template. Coordinates are continuous: pixel (0, 0) covers 0 to 1 in both directions.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use multiversion::multiversion;

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

/// Where a patch's points lie in the source: `x = ax*u + bx*v + cx`, `y = ay*u + by*v + cy`.
#[derive(Debug, Clone, Copy)]
struct SourceFromPatch {
    x: [f32; 3],
    y: [f32; 3],
}

/// The part `area` of `source`, stretched to `width` by `height` pixels.
pub fn crop(source: Pixels<'_>, area: &Rect, width: usize, height: usize, border: Border, patch: &mut Patch) {
    let x_step = area.width / width as f32;
    let y_step = area.height / height as f32;
    let map = SourceFromPatch { x: [x_step, 0.0, area.x], y: [0.0, y_step, area.y] };
    sample(source, map, width, height, border, patch);
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
    let map = SourceFromPatch { x: [t.a, -t.b, t.tx], y: [t.b, t.a, t.ty] };
    sample(source, map, side, side, border, patch);
}

/// At most this many samples along each side of a patch's pixel. On photographs up to 2333 pixels high
/// 1 and 4 identified alike, and 4 took two milliseconds more for each crop; 2 keeps the pattern of
/// a cloth or a screen from becoming noise.
const MOST_SAMPLES: f32 = 2.0;

/// Bilinear; where a patch's pixel covers several source pixels, the mean of as many samples in
/// each direction, so that fine detail does not turn into noise.
fn sample(
    source: Pixels<'_>,
    map: SourceFromPatch,
    width: usize,
    height: usize,
    border: Border,
    patch: &mut Patch,
) {
    (patch.width, patch.height) = (width, height);
    patch.rgb.resize(width * height * 3, 0);
    let samples = |step: f32| step.round().clamp(1.0, MOST_SAMPLES) as usize;
    let across = samples(map.x[0].hypot(map.y[0]));
    let down = samples(map.x[1].hypot(map.y[1]));
    let grid = Grid { source, map, border, across, down };
    for (row, to) in patch.rgb.chunks_exact_mut((width * 3).max(1)).enumerate() {
        for (block, to) in to.chunks_mut(BLOCK * 3).enumerate() {
            sample_block(&grid, block * BLOCK, row, to);
        }
    }
}

/// Pixels of a patch that are sampled together.
const BLOCK: usize = 32;
/// Samples of one row of them at most.
const MOST_PLACES: usize = BLOCK * MOST_SAMPLES as usize;

/// What is sampled, and how.
#[derive(Debug, Clone, Copy)]
struct Grid<'a> {
    source: Pixels<'a>,
    map: SourceFromPatch,
    border: Border,
    /// Samples of a patch's pixel in each direction.
    across: usize,
    down: usize,
}

/// Up to [`BLOCK`] pixels of a patch's row, from `column` on.
///
/// Loops over indexes, and two after each other, because those become vector instructions: the places of all
/// samples first, then their colours.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
#[allow(clippy::needless_range_loop, reason = "loops over indexes become vector instructions")]
fn sample_block(grid: &Grid<'_>, column: usize, row: usize, to: &mut [u8]) {
    let Grid { across, down, .. } = *grid;
    let mut sums = [[0.0f32; 4]; BLOCK];
    let count = (to.len() / 3).min(BLOCK);
    for i in 0..down {
        let v = row as f32 + (i as f32 + 0.5) / down as f32;
        let places = Places::of(grid, column, v);
        for pixel in 0..count {
            for j in 0..across {
                let place = pixel * across + j;
                let value = match places.colour(grid, place) {
                    Some(value) => value,
                    None => bilinear_at_border(grid.source, places.x[place], places.y[place], grid.border),
                };
                for lane in 0..4 {
                    sums[pixel][lane] += value[lane];
                }
            }
        }
    }
    let weight = 1.0 / (across * down) as f32;
    for pixel in 0..count {
        for channel in 0..3 {
            to[pixel * 3 + channel] = (sums[pixel][channel] * weight + 0.5) as u8;
        }
    }
}

/// Where the samples of a block's row lie.
struct Places {
    x: [f32; MOST_PLACES],
    y: [f32; MOST_PLACES],
    /// The pixel above and to the left, where there is one and it has neighbours to the right and below.
    at: [i32; MOST_PLACES],
    /// How far between the pixels.
    fx: [f32; MOST_PLACES],
    fy: [f32; MOST_PLACES],
}

impl Places {
    /// For the samples at `v` in the patch, from `column` on.
    #[inline(always)]
    fn of(grid: &Grid<'_>, column: usize, v: f32) -> Self {
        let Grid { source, map, across, .. } = *grid;
        let last = |side: u32| side as f32 - 2.0;
        let (last_x, last_y) = (last(source.width), last(source.height));
        let width = source.width as i32;
        let zero = [0.0; MOST_PLACES];
        let mut places = Self { x: zero, y: zero, at: [-1; MOST_PLACES], fx: zero, fy: zero };
        for place in 0..MOST_PLACES {
            // One or two samples across: a division would be all that is left of the time.
            let (pixel, j) = (place >> (across - 1), place & (across - 1));
            let u = (column + pixel) as i32 as f32 + (j as i32 as f32 + 0.5) / across as f32;
            places.x[place] = map.x[0] * u + map.x[1] * v + map.x[2];
            places.y[place] = map.y[0] * u + map.y[1] * v + map.y[2];
        }
        for place in 0..MOST_PLACES {
            let (x, y) = (places.x[place] - 0.5, places.y[place] - 0.5);
            let (left, top) = (x.floor(), y.floor());
            places.fx[place] = x - left;
            places.fy[place] = y - top;
            // No number is not within either.
            let within = (left >= 0.0) & (top >= 0.0) & (left <= last_x) & (top <= last_y);
            let at = (top as i32).wrapping_mul(width).wrapping_add(left as i32);
            places.at[place] = if within { at } else { -1 };
        }
        places
    }

    /// Red, green and blue at a place, and a fourth value that means nothing; none where a pixel
    /// around it is missing. (Of the picture's last pixel the byte that is read with it is missing too.)
    #[inline(always)]
    fn colour(&self, grid: &Grid<'_>, place: usize) -> Option<[f32; 4]> {
        let at = usize::try_from(self.at[place]).ok()? * 3;
        let upper = grid.source.rgb.get(at..)?.first_chunk::<7>()?;
        let lower = grid.source.rgb.get(at + grid.source.width as usize * 3..)?.first_chunk::<7>()?;
        let (fx, fy) = (self.fx[place], self.fy[place]);
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let corners = [lanes(upper, 0), lanes(upper, 3), lanes(lower, 0), lanes(lower, 3)];
        let mut sum = [0.0; 4];
        for corner in 0..4 {
            for lane in 0..4 {
                sum[lane] += weights[corner] * corners[corner][lane];
            }
        }
        Some(sum)
    }
}

/// Four bytes as numbers.
#[inline(always)]
fn lanes(bytes: &[u8; 7], from: usize) -> [f32; 4] {
    [
        f32::from(bytes[from]),
        f32::from(bytes[from + 1]),
        f32::from(bytes[from + 2]),
        f32::from(bytes[from + 3]),
    ]
}

/// The colour at a point, between the centres of the four pixels around it, some of which may lie
/// outside. A coordinate that is not a number reads as 0.
fn bilinear_at_border(source: Pixels<'_>, x: f32, y: f32, border: Border) -> [f32; 4] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let (left, top) = (left as i64, top as i64);
    let corners = [
        (left, top, (1.0 - fx) * (1.0 - fy)),
        (left.saturating_add(1), top, fx * (1.0 - fy)),
        (left, top.saturating_add(1), (1.0 - fx) * fy),
        (left.saturating_add(1), top.saturating_add(1), fx * fy),
    ];
    let (last_x, last_y) = (i64::from(source.width) - 1, i64::from(source.height) - 1);
    let mut sum = [0.0; 4];
    for (x, y, weight) in corners {
        let (inside_x, inside_y) = (x.clamp(0, last_x), y.clamp(0, last_y));
        if border == Border::Black && (inside_x, inside_y) != (x, y) {
            continue;
        }
        let at = (inside_y as usize * source.width as usize + inside_x as usize) * 3;
        for (sum, value) in sum.iter_mut().zip(&source.rgb[at..at + 3]) {
            *sum += weight * f32::from(*value);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Point;

    fn gradient(width: u32, height: u32) -> RgbPicture {
        let data: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [(x * 10) as u8, (y * 10) as u8, 77]))
            .collect();
        RgbPicture::new(width, height, data).unwrap()
    }

    #[test]
    fn a_crop_of_the_same_size_is_the_picture_itself() {
        let picture = gradient(12, 9);
        let mut patch = Patch::default();
        crop((&picture).into(), &Rect::new(2.0, 3.0, 6.0, 5.0), 6, 5, Border::Black, &mut patch);
        for y in 0..5 {
            for x in 0..6 {
                let at = (y * 6 + x) * 3;
                assert_eq!(patch.rgb[at..at + 3], picture.pixel(x as u32 + 2, y as u32 + 3));
            }
        }
    }

    #[test]
    fn scaling_down_is_the_mean_and_not_every_nth_pixel() {
        // Columns alternate between black and white.
        let data: Vec<u8> = (0..16u32 * 16).flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3]).collect();
        let picture = RgbPicture::new(16, 16, data).unwrap();
        let mut patch = Patch::default();
        crop((&picture).into(), &Rect::new(0.0, 0.0, 16.0, 16.0), 4, 4, Border::Nearest, &mut patch);
        assert!(patch.rgb.iter().all(|v| (120..=136).contains(v)), "{:?}", patch.rgb);
    }

    #[test]
    fn beyond_the_border_is_black_or_the_nearest_pixel() {
        let picture = RgbPicture::new(2, 2, vec![200u8; 12]).unwrap();
        let area = Rect::new(-4.0, -4.0, 4.0, 4.0);
        let mut patch = Patch::default();
        crop((&picture).into(), &area, 4, 4, Border::Black, &mut patch);
        assert_eq!(patch.rgb[..3], [0, 0, 0]);
        crop((&picture).into(), &area, 4, 4, Border::Nearest, &mut patch);
        assert!(patch.rgb.iter().all(|v| *v == 200));
    }

    #[test]
    fn a_warp_brings_source_points_to_their_places() {
        let picture = gradient(20, 20);
        let shift = SimilarityTransform { a: 1.0, b: 0.0, tx: -5.0, ty: -7.0 };
        let mut patch = Patch::default();
        warp((&picture).into(), &shift, 8, Border::Black, &mut patch);
        assert_eq!(patch.rgb[..3], picture.pixel(5, 7));
        // A quarter turn: the source's x axis points down in the patch.
        let turn = SimilarityTransform { a: 0.0, b: 1.0, tx: 8.0, ty: 0.0 };
        let landed = turn.apply(Point::new(2.5, 1.5));
        assert_eq!((landed.x, landed.y), (6.5, 2.5));
        warp((&picture).into(), &turn, 8, Border::Black, &mut patch);
        let at = (2 * 8 + 6) * 3;
        assert_eq!(patch.rgb[at..at + 3], picture.pixel(2, 1));
    }

    #[test]
    fn the_short_way_inside_gives_what_the_way_at_the_border_gives() {
        let picture = gradient(23, 17);
        let map = SourceFromPatch { x: [0.13, 0.02, -1.5], y: [-0.01, 0.1, -1.0] };
        let mut short = 0;
        for border in [Border::Black, Border::Nearest] {
            let grid = Grid { source: (&picture).into(), map, border, across: 2, down: 1 };
            for (row, column) in (0..200).flat_map(|row| [(row, 0), (row, 32), (row, 160)]) {
                let places = Places::of(&grid, column, row as f32 + 0.5);
                for place in 0..MOST_PLACES {
                    let (x, y) = (places.x[place], places.y[place]);
                    let Some(value) = places.colour(&grid, place) else { continue };
                    short += 1;
                    assert_eq!(value[..3], bilinear_at_border(grid.source, x, y, border)[..3], "at {x}, {y}");
                }
            }
        }
        assert!(short > 20_000, "{short} samples went the short way");
    }

    #[test]
    fn a_wide_patch_is_sampled_to_its_end() {
        // Three blocks, the last of them short.
        let picture = gradient(90, 4);
        let mut patch = Patch::default();
        crop((&picture).into(), &Rect::new(5.0, 0.0, 77.0, 4.0), 77, 4, Border::Black, &mut patch);
        for x in 0..77 {
            assert_eq!(patch.rgb[x * 3..x * 3 + 3], picture.pixel(x as u32 + 5, 0), "column {x}");
        }
    }

    #[test]
    fn numbers_that_are_none_do_no_harm() {
        let picture = gradient(4, 4);
        let mut patch = Patch::default();
        for bad in [f32::NAN, f32::INFINITY, 1e30, -1e30] {
            crop((&picture).into(), &Rect::new(bad, 0.0, bad, 1.0), 4, 4, Border::Black, &mut patch);
            assert_eq!(patch.rgb.len(), 48);
        }
    }

    #[test]
    fn a_scaled_picture_leaves_the_rest_black() {
        let picture = RgbPicture::new(30, 60, vec![90u8; 30 * 60 * 3]).unwrap();
        let mut patch = Patch { width: 20, height: 10, rgb: vec![7; 600] };
        Scaler::default().scale_into((&picture).into(), 5, 10, &mut patch).unwrap();
        for (index, pixel) in patch.rgb.as_chunks::<3>().0.iter().enumerate() {
            assert_eq!(*pixel, if index % 20 < 5 { [90; 3] } else { [0; 3] });
        }
        assert!(Scaler::default().scale_into((&picture).into(), 21, 10, &mut patch).is_none());
    }
}
