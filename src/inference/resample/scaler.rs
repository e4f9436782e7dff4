//! Whole pictures at another size, for detectors: every frame goes through this.
//!
//! The triangle filter, widened when scaling down so that every source pixel counts, in 16-bit weights: the nets were
//! trained on pictures scaled so, and an area mean or no widening measured no better. It gives what the
//! crate `fast_image_resize` gives, to the last bit, which a test holds it to. That makes its weights anew for
//! each picture, some 560 pieces of memory of them; here they are kept while the sizes stay.

use multiversion::multiversion;

use super::{Patch, Pixels};

/// How pixels of one direction come together.
#[derive(Debug, Default)]
struct Axis {
    from: usize,
    to: usize,
    /// Weights are so many bits below one.
    precision: u32,
    /// For each pixel that is made, the first that counts, and how many do.
    spans: Vec<(usize, usize)>,
    /// As many for each as the widest has.
    weights: Vec<i16>,
    window: usize,
    exact: Vec<f64>,
}

/// Bits that are left of 32 beside 8 of a value and 2 for sums beyond it.
const MOST_PRECISION: u32 = 32 - 8 - 2;

impl Axis {
    /// For `from` pixels made into `to`; both above zero.
    fn set(&mut self, from: usize, to: usize) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        let scale = from as f64 / to as f64;
        let radius = scale.max(1.0);
        self.window = radius.ceil() as usize * 2 + 1;
        self.spans.clear();
        self.exact.clear();
        for made in 0..to {
            let middle = (made as f64 + 0.5) * scale;
            let first = (middle - radius).floor().max(0.0) as usize;
            let end = ((middle + radius).ceil() as usize).min(from);
            let weight = |at: usize| (1.0 - ((at as f64 - (middle - 0.5)) * (1.0 / radius)).abs()).max(0.0);
            let first = (first..end).find(|at| weight(*at) != 0.0).unwrap_or(first);
            let end = (first..end).rev().find(|at| weight(*at) != 0.0).map_or(first, |at| at + 1);
            let all: f64 = (first..end).map(weight).sum();
            self.spans.push((first, end - first));
            let row = self.exact.len();
            self.exact.extend((first..end).map(|at| weight(at) / all));
            self.exact.resize(row + self.window, 0.0);
        }
        let largest = self.exact.iter().copied().fold(0.0, f64::max);
        let fits = |bits: u32| (largest * f64::from(1u32 << bits)).round() < f64::from(1u32 << 15);
        self.precision = (0..MOST_PRECISION - 1).find(|bits| !fits(bits + 1)).unwrap_or(MOST_PRECISION - 1);
        let one = f64::from(1u32 << self.precision);
        self.weights.clear();
        self.weights.extend(self.exact.iter().map(|weight| (weight * one).round() as i16));
    }

    /// The first source pixel of a pixel that is made, and the weights from there on.
    fn taps(&self, made: usize) -> (usize, &[i16]) {
        let (first, count) = self.spans[made];
        (first, &self.weights[made * self.window..][..count])
    }
}

/// Scales whole pictures; keeps its memory and its weights.
#[derive(Debug, Default)]
pub struct Scaler {
    across: Axis,
    down: Axis,
    /// The source made lower, not yet narrower, and a byte that is read with its last pixel.
    lower: Vec<u8>,
    /// A row of it made narrower, likewise.
    narrow: Vec<u8>,
}

impl Scaler {
    /// Scales `source` to `width` by `height` pixels into the top left corner of `patch`, which
    /// keeps its own size where that is larger and is black in the rest.
    ///
    /// `None` where a side is zero, or larger than the patch's.
    pub fn scale_into(
        &mut self,
        source: Pixels<'_>,
        width: u32,
        height: u32,
        patch: &mut Patch,
    ) -> Option<()> {
        let (width, height) = (width as usize, height as usize);
        if width == 0 || height == 0 || width > patch.width || height > patch.height {
            return None;
        }
        self.across.set(source.width as usize, width);
        self.down.set(source.height as usize, height);
        let (row, patch_row) = (source.width as usize * 3, patch.width * 3);
        self.lower.resize(row * height + 1, 0);
        self.narrow.resize(width * 3 + 1, 0);
        for (made, to) in self.lower.chunks_exact_mut(row).enumerate() {
            let (first, weights) = self.down.taps(made);
            sum_rows(&source.rgb[first * row..], weights, self.down.precision, to);
        }
        patch.rgb.resize(patch_row * patch.height, 0);
        let (filled, rest) = patch.rgb.split_at_mut(patch_row * height);
        rest.fill(0);
        for (made, to) in filled.chunks_exact_mut(patch_row).enumerate() {
            sum_columns(&self.lower[made * row..], &self.across, &mut self.narrow);
            let (to, rest) = to.split_at_mut(width * 3);
            to.copy_from_slice(&self.narrow[..width * 3]);
            rest.fill(0);
        }
        Some(())
    }
}

/// Values of a row that are summed together.
const LANES: usize = 64;

/// Sums the rows that follow each other in `rows`, each as long as `to`, by `weights`.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn sum_rows(rows: &[u8], weights: &[i16], precision: u32, to: &mut [u8]) {
    let row = to.len();
    let half = 1i32 << precision >> 1;
    let mut from = 0;
    while from < row {
        // The last block reaches back into the one before: what is summed twice comes out the same.
        let at = if from + LANES <= row { from } else { row.saturating_sub(LANES) };
        let count = LANES.min(row);
        let mut sums = [half; LANES];
        for place in 0..weights.len() {
            let weight = i32::from(weights[place]);
            match rows[place * row + at..].first_chunk::<LANES>() {
                Some(values) => {
                    for lane in 0..LANES {
                        sums[lane] += i32::from(values[lane]) * weight;
                    }
                }
                None => {
                    let values = &rows[place * row + at..];
                    for lane in 0..count.min(values.len()) {
                        sums[lane] += i32::from(values[lane]) * weight;
                    }
                }
            }
        }
        let to = &mut to[at..at + count];
        for lane in 0..count {
            to[lane] = (sums[lane] >> precision).clamp(0, 255) as u8;
        }
        from = at + count;
    }
}

/// Makes one row narrower. `row` and `to` have a byte behind their last pixels at least: a pixel is four values
/// here, the last of which is the next pixel's, because four are one vector.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn sum_columns(row: &[u8], axis: &Axis, to: &mut [u8]) {
    let half = 1i32 << axis.precision >> 1;
    for made in 0..axis.spans.len() {
        let (first, count) = axis.spans[made];
        let weights = &axis.weights[made * axis.window..][..count];
        let pixels = &row[first * 3..][..count * 3 + 1];
        let mut sums = [half; 4];
        for place in 0..count {
            let weight = i32::from(weights[place]);
            let values = &pixels[place * 3..place * 3 + 4];
            for lane in 0..4 {
                sums[lane] += i32::from(values[lane]) * weight;
            }
        }
        let to = &mut to[made * 3..made * 3 + 4];
        for lane in 0..4 {
            to[lane] = (sums[lane] >> axis.precision).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::RgbPicture;
    use fast_image_resize::images::{Image, ImageRef};
    use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

    fn noise(width: u32, height: u32) -> RgbPicture {
        let value = |at: u32| (at.wrapping_mul(2_654_435_761) >> 23) as u8;
        RgbPicture::new(width, height, (0..width * height * 3).map(value).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn it_gives_what_the_library_gives_to_the_last_bit() {
        let mut scaler = Scaler::default();
        for (width, height, to_width, to_height) in [
            (640, 480, 320, 240),
            (1280, 720, 320, 180),
            (1920, 1080, 320, 180),
            (910, 1137, 192, 240),
            (333, 517, 155, 240),
            (250, 250, 240, 240),
            (100, 80, 300, 240),
            (64, 48, 64, 48),
            (64, 48, 64, 20),
            (3, 2000, 1, 240),
            (2000, 3, 320, 1),
            (5, 5, 1, 1),
            (1, 1, 7, 3),
            (21, 13, 8, 8),
        ] {
            let picture = noise(width, height);
            let mut patch = Patch { width: to_width as usize, height: to_height as usize, rgb: vec![7; 5] };
            scaler.scale_into((&picture).into(), to_width, to_height, &mut patch).unwrap();
            let source = ImageRef::new(width, height, picture.data(), PixelType::U8x3).unwrap();
            let mut target = Image::new(to_width, to_height, PixelType::U8x3);
            let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
            Resizer::new().resize(&source, &mut target, &options).unwrap();
            let differing = patch.rgb.iter().zip(target.buffer()).filter(|(ours, theirs)| ours != theirs);
            assert_eq!(differing.count(), 0, "{width}x{height} to {to_width}x{to_height}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let picture = noise(4, 4);
        let mut patch = Patch { width: 20, height: 10, rgb: Vec::new() };
        for (width, height) in [(21, 10), (20, 11), (0, 3), (3, 0)] {
            assert!(Scaler::default().scale_into((&picture).into(), width, height, &mut patch).is_none());
        }
    }
}
