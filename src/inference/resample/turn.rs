//! A picture seen through a map that may turn it: each sample is looked for by itself.

use multiversion::multiversion;

use super::{Border, MOST_SAMPLES, Patch, Pixels, byte, samples, whole};

/// Where a patch's points lie in the source: `x = ax*u + bx*v + cx`, `y = ay*u + by*v + cy`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceFromPatch {
    pub(super) x: [f32; 3],
    pub(super) y: [f32; 3],
}

/// `source` through `map` as `size` pixels. Bilinear; where a patch's pixel covers several source pixels, the mean
/// of as many samples in each direction, so that fine detail does not turn into noise.
pub(super) fn sample(
    source: Pixels<'_>,
    map: SourceFromPatch,
    size: [usize; 2],
    border: Border,
    patch: &mut Patch,
) {
    let [width, height] = size;
    (patch.width, patch.height) = (width, height);
    patch.rgb.resize(width * height * 3, 0);
    let across = samples(map.x[0].hypot(map.y[0]));
    let down = samples(map.x[1].hypot(map.y[1]));
    let grid = Grid { source, map, border, down };
    for (row, to) in patch.rgb.chunks_exact_mut((width * 3).max(1)).enumerate() {
        for (block, to) in to.chunks_mut(BLOCK * 3).enumerate() {
            match across {
                1 => sample_block::<1>(&grid, block * BLOCK, row, to),
                _ => sample_block::<2>(&grid, block * BLOCK, row, to),
            }
        }
    }
}

/// Pixels of a patch that are sampled together.
const BLOCK: usize = 32;
/// Samples of one row of them at most.
const MOST_PLACES: usize = BLOCK * MOST_SAMPLES;

/// What is sampled, and how.
#[derive(Debug, Clone, Copy)]
struct Grid<'a> {
    source: Pixels<'a>,
    map: SourceFromPatch,
    border: Border,
    /// Samples of a patch's pixel from top to bottom.
    down: usize,
}

/// Red, green and blue of the left pixels at a place by their weights, the same of the right ones, and two values
/// that are 0: what one load of eight bytes becomes. The colour is the sum of both.
type Halves = [f32; 8];

/// Up to [`BLOCK`] pixels of a patch's row, from `column` on; of so many samples across each.
///
/// Loops over indexes, and two after each other, because those become vector instructions: the places of all
/// samples first, then their colours.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
#[allow(clippy::needless_range_loop, reason = "loops over indexes become vector instructions")]
fn sample_block<const ACROSS: usize>(grid: &Grid<'_>, column: usize, row: usize, to: &mut [u8]) {
    let mut sums: [Halves; BLOCK] = [[0.0; 8]; BLOCK];
    let count = (to.len() / 3).min(BLOCK);
    for i in 0..grid.down {
        let v = row as f32 + (i as f32 + 0.5) / grid.down as f32;
        let places = Places::of::<ACROSS>(grid, column, v);
        // Not both samples of a pixel after each other: the second sum would wait for the first.
        for j in 0..ACROSS {
            for pixel in 0..count {
                let place = pixel * ACROSS + j;
                let value = match places.colour(grid, place) {
                    Some(value) => value,
                    None => bilinear_at_border(grid.source, places.x[place], places.y[place], grid.border),
                };
                for lane in 0..8 {
                    sums[pixel][lane] += value[lane];
                }
            }
        }
    }
    let weight = 1.0 / (ACROSS * grid.down) as f32;
    for (to, sum) in to.as_chunks_mut::<3>().0.iter_mut().zip(&sums) {
        for channel in 0..3 {
            to[channel] = byte((sum[channel] + sum[channel + 3]) * weight);
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
    fn of<const ACROSS: usize>(grid: &Grid<'_>, column: usize, v: f32) -> Self {
        let Grid { source, map, .. } = *grid;
        let last = |side: u32| side as f32 - 2.0;
        let (last_x, last_y) = (last(source.width), last(source.height));
        let width = source.width as i32;
        let zero = [0.0; MOST_PLACES];
        let mut places = Self { x: zero, y: zero, at: [-1; MOST_PLACES], fx: zero, fy: zero };
        for place in 0..BLOCK * ACROSS {
            let (pixel, j) = (place / ACROSS, place % ACROSS);
            let u = (column + pixel) as i32 as f32 + (j as i32 as f32 + 0.5) / ACROSS as f32;
            places.x[place] = map.x[0] * u + map.x[1] * v + map.x[2];
            places.y[place] = map.y[0] * u + map.y[1] * v + map.y[2];
        }
        for place in 0..BLOCK * ACROSS {
            let (x, y) = (places.x[place] - 0.5, places.y[place] - 0.5);
            let (left, top) = (x.floor(), y.floor());
            places.fx[place] = x - left;
            places.fy[place] = y - top;
            // No number is not within either.
            let within = (left >= 0.0) & (top >= 0.0) & (left <= last_x) & (top <= last_y);
            let (column, row) = (whole(left.max(0.0).min(last_x)), whole(top.max(0.0).min(last_y)));
            let at = row.wrapping_mul(width).wrapping_add(column);
            places.at[place] = if within { at } else { -1 };
        }
        places
    }

    /// The colour at a place; none where a pixel around it is missing. (Of the picture's last pixel the two bytes
    /// that are read with it are missing too.)
    #[inline(always)]
    fn colour(&self, grid: &Grid<'_>, place: usize) -> Option<Halves> {
        let at = usize::try_from(self.at[place]).ok()? * 3;
        let from_upper_to_lower = grid.source.rgb.get(at..at + grid.source.width as usize * 3 + 8)?;
        let (upper, lower) =
            (from_upper_to_lower.first_chunk::<8>()?, from_upper_to_lower.last_chunk::<8>()?);
        let (right, below) = (self.fx[place], self.fy[place]);
        let left = 1.0 - right;
        let weights = [left, left, left, right, right, right, 0.0, 0.0];
        let mut value = [0.0; 8];
        for lane in 0..8 {
            let mixed = (1.0 - below) * f32::from(upper[lane]) + below * f32::from(lower[lane]);
            value[lane] = weights[lane] * mixed;
        }
        Some(value)
    }
}

/// The colour at a point, between the centres of the four pixels around it, some of which may lie
/// outside. A coordinate that is not a number reads as 0.
fn bilinear_at_border(source: Pixels<'_>, x: f32, y: f32, border: Border) -> Halves {
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
    let mut sum = [0.0; 8];
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
    use crate::inference::resample::tests::gradient;

    #[test]
    fn the_short_way_inside_gives_what_the_way_at_the_border_gives() {
        let picture = gradient(23, 17);
        let map = SourceFromPatch { x: [0.13, 0.02, -1.5], y: [-0.01, 0.1, -1.0] };
        let mut short = 0;
        for border in [Border::Black, Border::Nearest] {
            let grid = Grid { source: (&picture).into(), map, border, down: 1 };
            for (row, column) in (0..200).flat_map(|row| [(row, 0), (row, 32), (row, 160)]) {
                let places = Places::of::<2>(&grid, column, row as f32 + 0.5);
                for place in 0..MOST_PLACES {
                    let (x, y) = (places.x[place], places.y[place]);
                    let Some(value) = places.colour(&grid, place) else { continue };
                    short += 1;
                    let other = bilinear_at_border(grid.source, x, y, border);
                    for channel in 0..3 {
                        let (value, other) = (value[channel] + value[channel + 3], other[channel]);
                        assert!((value - other).abs() < 1e-4, "{value} and {other} at {x}, {y}");
                    }
                }
            }
        }
        assert!(short > 20_000, "{short} samples went the short way");
    }
}
