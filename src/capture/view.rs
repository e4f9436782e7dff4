//! What of a source's picture is looked at, and which way up: a camera hangs as it must, and sees more than
//! the door.
//!
//! The picture is turned first, then mirrored, then cut: a region is written in what is seen on the screen.
//! All of it happens before anything else sees the frame, so that boxes, crops and previews agree, and what
//! lies outside the region is neither searched nor shown nor kept.

use std::fmt;
use std::str::FromStr;

use crossbeam_channel::Receiver;

use serde::Deserialize;

use super::frame::{Frame, RgbPicture};
use super::{CaptureError, CaptureSource, SkippedPicture};

/// By how much a picture is turned to be upright, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// Not at all.
    #[default]
    None,
    /// 90 degrees.
    Quarter,
    /// 180 degrees.
    Half,
    /// 270 degrees.
    ThreeQuarters,
}

impl Turn {
    const ALL: [(u32, Self); 4] =
        [(0, Self::None), (90, Self::Quarter), (180, Self::Half), (270, Self::ThreeQuarters)];

    /// Degrees, clockwise.
    pub fn degrees(self) -> u32 {
        Self::ALL.iter().find(|(_, turn)| *turn == self).map_or(0, |(degrees, _)| *degrees)
    }
}

impl TryFrom<u32> for Turn {
    type Error = String;

    fn try_from(degrees: u32) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == degrees).map(|(_, turn)| *turn);
        found.ok_or_else(|| format!("{degrees} degrees are no quarter turn: expected 0, 90, 180 or 270"))
    }
}

impl FromStr for Turn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let degrees: Result<u32, _> = text.parse();
        degrees.map_err(|_| "expected 0, 90, 180 or 270".to_owned())?.try_into()
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.degrees())
    }
}

/// Parts of a side that a [`Region`] counts in: finer than a pixel of any camera's picture.
const PARTS: u32 = 10_000;
/// The least side of a region, in parts: a twentieth, under which there is hardly a face.
const LEAST_SIDE: u32 = PARTS / 20;

/// The part of a picture that is looked at, written as `X,Y,WIDTH,HEIGHT` in shares of its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Default for Region {
    fn default() -> Self {
        Self { x: 0, y: 0, width: PARTS, height: PARTS }
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || {
            format!(
                "`{}` is no region: expected X,Y,WIDTH,HEIGHT in shares of the picture, as in 0.25,0,0.5,1, inside it \
                 and each side at least 0.05",
                text.escape_debug()
            )
        };
        let part = |word: &str| {
            let share: f64 = word.trim().parse().ok()?;
            (0.0..=1.0).contains(&share).then(|| (share * f64::from(PARTS)).round() as u32)
        };
        let parts: Option<Vec<u32>> = text.split(',').map(part).collect();
        let Some([x, y, width, height]) = parts.and_then(|parts| <[u32; 4]>::try_from(parts).ok()) else {
            return Err(error());
        };
        let fits = x + width <= PARTS && y + height <= PARTS && width.min(height) >= LEAST_SIDE;
        if fits { Ok(Self { x, y, width, height }) } else { Err(error()) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |parts: u32| f64::from(parts) / f64::from(PARTS);
        write!(f, "{},{},{},{}", share(self.x), share(self.y), share(self.width), share(self.height))
    }
}

impl Region {
    /// First column, first row, columns and rows in a picture of `width` by `height` pixels; at least one of
    /// each.
    fn pixels(self, width: u32, height: u32) -> [u32; 4] {
        let at = |part: u32, side: u32| {
            (u64::from(part) * u64::from(side) + u64::from(PARTS) / 2) / u64::from(PARTS)
        };
        let span = |from: u32, length: u32, side: u32| {
            let first = (at(from, side) as u32).min(side - 1);
            (first, (at(from + length, side) as u32).clamp(first + 1, side) - first)
        };
        let ((left, columns), (top, rows)) =
            (span(self.x, self.width, width), span(self.y, self.height, height));
        [left, top, columns, rows]
    }
}

/// How a source's pictures are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// By how much they are turned.
    pub turn: Turn,
    /// Whether left and right change places, after that.
    pub mirrored: bool,
    /// What is left of them, after that.
    pub region: Region,
}

impl View {
    /// Whether pictures stay as they are.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// `picture` as it is seen.
    pub fn of(&self, picture: &RgbPicture) -> RgbPicture {
        if self.is_plain() {
            return picture.clone();
        }
        let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
        let turned_by_quarters = matches!(self.turn, Turn::Quarter | Turn::ThreeQuarters);
        let (seen_width, seen_height) = if turned_by_quarters { (height, width) } else { (width, height) };
        let [left, top, columns, rows] = self.region.pixels(seen_width as u32, seen_height as u32);
        // Which pixel of the picture is seen at x, y. The relation is linear, so that three of them say all.
        let source = |x: i64, y: i64| {
            let x = x + i64::from(left);
            let x = if self.mirrored { seen_width - 1 - x } else { x };
            let y = y + i64::from(top);
            let (x, y) = match self.turn {
                Turn::None => (x, y),
                Turn::Quarter => (y, height - 1 - x),
                Turn::Half => (width - 1 - x, height - 1 - y),
                Turn::ThreeQuarters => (width - 1 - y, x),
            };
            y * width + x
        };
        let (first, to_the_right, down) =
            (source(0, 0), source(1, 0) - source(0, 0), source(0, 1) - source(0, 0));
        let data = picture.data();
        let mut seen = Vec::with_capacity(columns as usize * rows as usize * 3);
        for y in 0..i64::from(rows) {
            let begin = first + y * down;
            if to_the_right == 1 {
                let from = begin as usize * 3;
                seen.extend_from_slice(&data[from..from + columns as usize * 3]);
            } else {
                for x in 0..i64::from(columns) {
                    let at = (begin + x * to_the_right) as usize * 3;
                    seen.extend_from_slice(&data[at..at + 3]);
                }
            }
        }
        // A pixel was pushed for each place of a size that is not zero.
        RgbPicture::new(columns, rows, seen).unwrap_or_else(|| picture.clone())
    }
}

/// A source whose pictures are seen through a [`View`].
pub struct ViewedSource {
    source: Box<dyn CaptureSource>,
    view: View,
}

impl ViewedSource {
    /// `source` through `view`; itself where that changes nothing.
    pub fn around(source: Box<dyn CaptureSource>, view: View) -> Box<dyn CaptureSource> {
        if view.is_plain() { source } else { Box::new(Self { source, view }) }
    }
}

impl CaptureSource for ViewedSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let frame = self.source.next_frame()?;
        Ok(frame.map(|frame| Frame { picture: self.view.of(&frame.picture), ..frame }))
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn nominal_fps(&self) -> f32 {
        self.source.nominal_fps()
    }

    fn interrupt_with(&mut self, interrupt: Receiver<()>) {
        self.source.interrupt_with(interrupt);
    }

    fn skipped(&self) -> &[SkippedPicture] {
        self.source.skipped()
    }
}

/// What a source is called on the screen and in messages, such as `front door`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct SourceName(String);

impl TryFrom<String> for SourceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SourceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let count = text.chars().count();
        if !(1..=40).contains(&count) || text.chars().any(char::is_control) {
            return Err("expected a name of 1 to 40 signs, without control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each pixel says where it is.
    fn picture(width: u32, height: u32) -> RgbPicture {
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        RgbPicture::new(width, height, data).unwrap()
    }

    fn view(turn: u32, mirrored: bool, region: &str) -> View {
        View { turn: turn.try_into().unwrap(), mirrored, region: region.parse().unwrap() }
    }

    /// Where the pixel that was at 0, 0 of a picture of 40 by 20 is seen, and the size.
    #[test]
    fn every_turn_puts_the_corner_where_it_belongs() {
        for (turn, mirrored, corner, size) in [
            (0, false, (0, 0), (40, 20)),
            (90, false, (19, 0), (20, 40)),
            (180, false, (39, 19), (40, 20)),
            (270, false, (0, 39), (20, 40)),
            (0, true, (39, 0), (40, 20)),
            (90, true, (0, 0), (20, 40)),
            (180, true, (0, 19), (40, 20)),
            (270, true, (19, 39), (20, 40)),
        ] {
            let seen = view(turn, mirrored, "0,0,1,1").of(&picture(40, 20));
            assert_eq!((seen.width(), seen.height()), size, "{turn} {mirrored}");
            assert_eq!(seen.pixel(corner.0, corner.1), [0, 0, 7], "{turn} {mirrored}");
        }
    }

    #[test]
    fn a_region_is_cut_from_what_is_seen() {
        let seen = view(90, true, "0.5,0.25,0.5,0.5").of(&picture(40, 20));
        assert_eq!((seen.width(), seen.height()), (10, 20));
        // Turned and mirrored, a picture is its transpose.
        assert_eq!(seen.pixel(0, 0), [10, 10, 7]);
        assert_eq!(seen.pixel(9, 19), [29, 19, 7]);
    }

    #[test]
    fn what_is_written_is_what_is_shown_and_what_cannot_be_is_refused() {
        for text in ["0,0,1,1", "0.25,0,0.5,1", "0.1234,0.5,0.05,0.5"] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), text);
        }
        for text in
            ["", "0,0,1", "0,0,1,1,1", "0.5,0,0.6,1", "0,0,0.01,1", "-0.1,0,1,1", "nan,0,1,1", "a,0,1,1"]
        {
            assert!(text.parse::<Region>().unwrap_err().contains("expected X,Y,WIDTH,HEIGHT"), "{text}");
        }
        assert!("45".parse::<Turn>().unwrap_err().contains("90, 180 or 270"));
        assert!("x".parse::<Turn>().is_err() && "".parse::<SourceName>().is_err());
        assert!("a\u{1b}[2J".parse::<SourceName>().is_err());
        assert_eq!(" front door ".parse::<SourceName>().unwrap().to_string(), "front door");
    }

    proptest! {
        #[test]
        fn four_quarter_turns_and_two_mirrors_are_none(width in 1u32..50, height in 1u32..50) {
            let before = picture(width, height);
            let quarter = view(90, false, "0,0,1,1");
            let turned = (0..4).fold(before.clone(), |picture, _| quarter.of(&picture));
            prop_assert_eq!(&turned, &before);
            let mirror = view(0, true, "0,0,1,1");
            prop_assert_eq!(mirror.of(&mirror.of(&before)), before);
        }

        #[test]
        fn no_view_of_any_size_reaches_outside(
            (width, height) in (1u32..200, 1u32..200),
            (x, y, w, h) in (0.0f64..0.95, 0.0f64..0.95, 0.05f64..1.0, 0.05f64..1.0),
            quarters in 0u32..4,
            mirrored: bool,
        ) {
            let text = format!("{x},{y},{},{}", w.min(1.0 - x), h.min(1.0 - y));
            if let Ok(region) = text.parse::<Region>() {
                let view = View { turn: (quarters * 90).try_into().unwrap(), mirrored, region };
                let seen = view.of(&picture(width, height));
                prop_assert!(seen.width() >= 1 && seen.width() <= width.max(height));
            }
        }
    }
}
