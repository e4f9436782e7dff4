//! A picture with its place in time.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::face::{Point, Rect};

/// The longest side of a picture made by [`RgbPicture::resized`] and [`RgbPicture::crop`]: more is a
/// mistake of the caller's, and its memory would not be bounded.
const MAX_MADE_SIDE: u32 = 8192;

/// Cells along the longer side of a picture's grid.
const CELLS_ALONG: usize = 40;

/// An 8-bit RGB picture, rows from the top, no padding. Cheap to clone, and made of a vector without a copy; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbPicture {
    width: u32,
    height: u32,
    data: Arc<Vec<u8>>,
}

impl RgbPicture {
    /// A picture of `width` by `height` pixels over `data`, three bytes a pixel.
    ///
    /// `None` where a side is zero or the length of `data` does not fit.
    pub fn new(width: u32, height: u32, data: impl Into<Arc<Vec<u8>>>) -> Option<Self> {
        let data = data.into();
        let expected = (width as usize).checked_mul(height as usize)?.checked_mul(3)?;
        (expected > 0 && data.len() == expected).then_some(Self { width, height, data })
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of every pixel, rows from the top.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Red, green and blue at `x`, `y`, which must lie inside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// About the mean luma of each cell of a grid over the picture, rows from the top: about 40 cells along the longer
    /// side, each of every other pixel of every other row. What is left over at the right and at the
    /// bottom is in no cell. What `cells` held is gone.
    pub fn cells(&self, cells: &mut Vec<u8>) {
        cells.clear();
        let (width, height) = (self.width as usize, self.height as usize);
        let side = (width.max(height) / CELLS_ALONG).next_multiple_of(2).max(2);
        let (columns, points) = (width / side, (side / 2 * (side / 2)) as u32);
        for rows in self.data.chunks_exact(width * side * 3) {
            for column in 0..columns {
                let mut sum = 0u32;
                let mut row = 0;
                while row < side {
                    let from = (row * width + column * side) * 3;
                    // Green is most of the luma, and near enough.
                    let mut at = from + 1;
                    while at < from + side * 3 {
                        sum += u32::from(rows[at]);
                        at += 6;
                    }
                    row += 2;
                }
                cells.push((sum / points) as u8);
            }
        }
    }

    /// The whole picture at `width` by `height` pixels, stretched where the shape differs. Sides are
    /// held between 1 and 8192.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let (width, height) = (width.clamp(1, MAX_MADE_SIDE), height.clamp(1, MAX_MADE_SIDE));
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let area = Rect::new(0.0, 0.0, self.width as f32, self.height as f32);
        let data = self.sampled(area, width, height).unwrap_or_else(|| vec![0; byte_count(width, height)]);
        Self { width, height, data: data.into() }
    }

    /// The picture made smaller, in its own shape, so that it fits into `max_width` by `max_height`
    /// pixels; itself where it fits already.
    pub fn resized_to_fit(&self, max_width: u32, max_height: u32) -> Self {
        let factor = (f64::from(max_width) / f64::from(self.width))
            .min(f64::from(max_height) / f64::from(self.height))
            .min(1.0);
        if factor >= 1.0 {
            return self.clone();
        }
        let side = |length: u32, max: u32| ((f64::from(length) * factor).round() as u32).clamp(1, max.max(1));
        self.resized(side(self.width, max_width), side(self.height, max_height))
    }

    /// The square about the middle of `area`, as wide as its longer side, at `side` by `side` pixels
    /// (held between 1 and 8192). What lies outside the picture is black.
    ///
    /// `None` where nothing of the square lies inside, or a coordinate is not finite.
    pub fn crop(&self, area: Rect, side: u32) -> Option<Self> {
        let side = side.clamp(1, MAX_MADE_SIDE);
        let square = area.square(1.0);
        if !square.is_finite() || square.width <= 0.0 {
            return None;
        }
        let inside = square.clamped(self.width as f32, self.height as f32);
        if inside.width <= 0.0 || inside.height <= 0.0 {
            return None;
        }
        let scale = side as f32 / square.width;
        let at = |from: f32, origin: f32| (((from - origin) * scale).round() as u32).min(side);
        let (left, right) = (at(inside.x, square.x), at(inside.right(), square.x));
        let (top, bottom) = (at(inside.y, square.y), at(inside.bottom(), square.y));
        let (columns, rows) = (right.saturating_sub(left), bottom.saturating_sub(top));
        if columns == 0 || rows == 0 {
            return None;
        }
        let part = self.sampled(inside, columns, rows)?;
        let mut data = vec![0; byte_count(side, side)];
        let stride = byte_count(side, 1);
        let target = data.chunks_exact_mut(stride).skip(top as usize);
        for (row, source) in target.zip(part.chunks_exact(byte_count(columns, 1))) {
            row[byte_count(left, 1)..byte_count(right, 1)].copy_from_slice(source);
        }
        Some(Self { width: side, height: side, data: data.into() })
    }

    /// The pixels of `area`, as they are, with the corner they were taken from; what lies outside the
    /// picture is left out. `None` where less than a pixel lies inside, or a coordinate is not finite.
    pub fn part(&self, area: &Rect) -> Option<(Self, Point)> {
        if !area.is_finite() {
            return None;
        }
        let inside = area.clamped(self.width as f32, self.height as f32);
        let (left, top) = (inside.x.floor() as usize, inside.y.floor() as usize);
        let right = (inside.right().ceil() as usize).min(self.width as usize);
        let bottom = (inside.bottom().ceil() as usize).min(self.height as usize);
        let (columns, rows) = (right.saturating_sub(left), bottom.saturating_sub(top));
        let mut data = Vec::with_capacity(columns * rows * 3);
        for row in self.data.chunks_exact(self.width as usize * 3).skip(top).take(rows) {
            data.extend_from_slice(&row[left * 3..right.max(left) * 3]);
        }
        let part = Self::new(columns as u32, rows as u32, data)?;
        Some((part, Point::new(left as f32, top as f32)))
    }

    /// `area`, which lies inside, sampled to `width` by `height`: triangle filter, widened when
    /// making smaller so that every source pixel counts.
    pub(super) fn sampled(&self, area: Rect, width: u32, height: u32) -> Option<Vec<u8>> {
        let source = ImageRef::new(self.width, self.height, &self.data, PixelType::U8x3).ok()?;
        let mut target = Image::new(width, height, PixelType::U8x3);
        // Never past the edge, by rounding either: the resizer refuses that.
        let (left, top) = (f64::from(area.x), f64::from(area.y));
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            left,
            top,
            f64::from(area.width).min(f64::from(self.width) - left),
            f64::from(area.height).min(f64::from(self.height) - top),
        );
        Resizer::new().resize(&source, &mut target, &options).ok()?;
        Some(target.into_vec())
    }
}

/// Bytes of `width` by `height` pixels.
fn byte_count(width: u32, height: u32) -> usize {
    width as usize * height as usize * 3
}

impl fmt::Debug for RgbPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbPicture({}x{})", self.width, self.height)
    }
}

/// Counts the frames of a source from 0, dropped ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FrameSequence(pub u64);

/// When frame number `sequence` of a recording that began at `start` was taken, at `fps` frames a
/// second. Computed from the number and not summed up, so that an hour has no drift.
pub(super) fn recorded_at(start: DateTime<Utc>, sequence: FrameSequence, fps: f64) -> DateTime<Utc> {
    let nanoseconds = sequence.0 as f64 * 1e9 / fps;
    // The cast saturates; the end of the calendar, 260,000 years on, holds the clock still.
    start.checked_add_signed(TimeDelta::nanoseconds(nanoseconds.round() as i64)).unwrap_or(start)
}

/// A picture as a source gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub sequence: FrameSequence,
    /// When it was taken: this machine's clock for a live source, the recording's own for others.
    pub at: DateTime<Utc>,
    /// The pixels.
    pub picture: RgbPicture,
    /// The file it came from, where it came from one.
    pub label: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red grows to the right, green downwards.
    fn ramp(width: u32, height: u32) -> RgbPicture {
        let data: Vec<u8> = (0..height)
            .flat_map(|y| {
                (0..width).flat_map(move |x| [(x * 255 / width) as u8, (y * 255 / height) as u8, 7])
            })
            .collect();
        RgbPicture::new(width, height, data).unwrap()
    }

    #[test]
    fn cells_are_the_means_of_their_places() {
        let mut cells = vec![9; 3];
        ramp(640, 480).cells(&mut cells);
        assert_eq!(cells.len(), 40 * 30);
        // Green grows downwards, so that a row of cells is all one.
        assert!(cells.chunks(40).all(|row| row.iter().all(|cell| *cell == row[0])));
        assert!(cells[0] < 8 && cells[1199] > 245, "{} {}", cells[0], cells[1199]);
        let mut grey = vec![10; 64 * 48 * 3];
        let at = (20 * 64 + 30) * 3;
        grey[at..at + 3].fill(250);
        RgbPicture::new(64, 48, grey).unwrap().cells(&mut cells);
        assert_eq!(cells.iter().filter(|cell| **cell != 10).count(), 1);
        for (width, height) in [(1, 1), (1, 500), (500, 1), (39, 41)] {
            ramp(width, height).cells(&mut cells);
        }
    }

    #[test]
    fn what_does_not_fit_is_no_picture() {
        assert!(RgbPicture::new(2, 2, vec![0; 11]).is_none());
        assert!(RgbPicture::new(0, 2, vec![]).is_none());
        assert!(RgbPicture::new(u32::MAX, u32::MAX, vec![0; 3]).is_none());
    }

    #[test]
    fn made_smaller_in_its_own_shape() {
        let picture = ramp(1280, 720);
        let small = picture.resized_to_fit(100, 100);
        assert_eq!((small.width(), small.height()), (100, 56));
        let [red, green, blue] = small.pixel(50, 28);
        assert!(red.abs_diff(128) <= 2 && green.abs_diff(129) <= 2 && blue == 7, "{red} {green} {blue}");
        assert_eq!(picture.resized_to_fit(4000, 4000), picture);
        let line = ramp(4000, 2).resized_to_fit(100, 100);
        assert_eq!((line.width(), line.height()), (100, 1));
        assert_eq!((picture.resized(0, 0).width(), picture.resized(3, 5).height()), (1, 5));
    }

    #[test]
    fn making_smaller_takes_every_pixel_into_account() {
        let stripes: Vec<u8> = (0..64 * 64).flat_map(|i| [if i % 2 == 0 { 255 } else { 0 }; 3]).collect();
        let grey = RgbPicture::new(64, 64, stripes).unwrap().resized(8, 8);
        assert!(grey.data().iter().all(|v| v.abs_diff(128) <= 6), "{:?}", &grey.data()[..24]);
    }

    #[test]
    fn a_crop_is_the_place_asked_for_and_black_outside() {
        let picture = ramp(200, 100);
        let middle = picture.crop(Rect::new(80.0, 40.0, 20.0, 10.0), 40).unwrap();
        assert_eq!((middle.width(), middle.height()), (40, 40));
        let [red, green, _] = middle.pixel(20, 20);
        assert!(red.abs_diff(115) <= 3 && green.abs_diff(115) <= 3, "{red} {green}");
        let corner = picture.crop(Rect::new(-10.0, -10.0, 20.0, 20.0), 40).unwrap();
        assert_eq!(corner.pixel(5, 5), [0, 0, 0]);
        assert_eq!(corner.pixel(30, 5), [0, 0, 0]);
        assert_eq!(corner.pixel(30, 30)[2], 7);
        assert!(picture.crop(Rect::new(300.0, 0.0, 20.0, 20.0), 40).is_none());
        assert!(picture.crop(Rect::new(f32::NAN, 0.0, 20.0, 20.0), 40).is_none());
        assert!(picture.crop(Rect::new(10.0, 10.0, 0.0, 0.0), 40).is_none());
        assert!(picture.crop(Rect::new(-1e9, -1e9, 2e9, 2e9), 16).is_none());
    }
}
