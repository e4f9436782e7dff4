//! A picture with its place in time.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// An 8-bit RGB picture, rows from the top, no padding. Cheap to clone; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbPicture {
    width: u32,
    height: u32,
    data: Arc<[u8]>,
}

impl RgbPicture {
    /// A picture of `width` by `height` pixels over `data`, three bytes a pixel.
    ///
    /// `None` where a side is zero or the length of `data` does not fit.
    pub fn new(width: u32, height: u32, data: impl Into<Arc<[u8]>>) -> Option<Self> {
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
}

impl fmt::Debug for RgbPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbPicture({}x{})", self.width, self.height)
    }
}

/// Counts the frames of a source from 0, dropped ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FrameSequence(pub u64);

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
