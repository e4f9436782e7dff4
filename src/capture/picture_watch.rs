//! Whether the pictures of a live source can be used: too dark, too bright, covered, frozen, too few.
//!
//! A camera can go on giving pictures in which nobody is ever recognised. [`PictureWatch`] looks at a grid of
//! points of each and says so. What it says must have held for a while, and must have been gone for a while
//! before it is taken back, so that a lamp that is switched on and off is no trouble.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use super::frame::RgbPicture;

/// Points looked at, across and down: enough to see that a scene is there, too few to cost anything.
const COLUMNS: u32 = 48;
const ROWS: u32 = 36;

/// How long a trouble holds before it is said.
const SAID_AFTER: Duration = Duration::from_secs(5);
/// How long it must be gone before it is taken back.
const GONE_AFTER: Duration = Duration::from_secs(2);
/// How long pictures are the same, to the last point, before they are called frozen. The noise of a sensor
/// changes every picture, and a stream's next key frame does; ten seconds between those are common.
const FROZEN_AFTER: Duration = Duration::from_secs(30);
/// What the rate of pictures is counted over.
const RATE_OVER: Duration = Duration::from_secs(5);

/// Under this mean luma of 255 the quality limits accept no face any more.
const DARK_BELOW: f64 = 25.0;
/// Over this one everything is washed out.
const BRIGHT_ABOVE: f64 = 235.0;
/// A dark picture whose luma spreads by less than this (standard deviation) shows no scene at all.
const SCENE_SPREAD: f64 = 5.0;
/// Under so many pictures a second somebody who walks past is seen once or twice.
const SLOW_BELOW: f32 = 5.0;

/// Why the pictures are of little use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PictureTrouble {
    /// A scene is there, in too little light.
    TooDark {
        /// Its mean luma, 0 to 255.
        level: u8,
    },
    /// It is dark, and there is no scene.
    Covered {
        /// Its mean luma, 0 to 255.
        level: u8,
    },
    /// It is washed out.
    TooBright {
        /// Its mean luma, 0 to 255.
        level: u8,
    },
    /// Picture after picture is the same.
    Frozen,
    /// Pictures come much more slowly than the source means to give them.
    Slow {
        /// Pictures a second.
        fps: f32,
        /// What the source means to give.
        nominal_fps: f32,
    },
}

impl fmt::Display for PictureTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDark { level } => write!(f, "too dark: {level} of 255; more light on the faces"),
            Self::Covered { level } => write!(f, "covered? it is dark everywhere: {level} of 255"),
            Self::TooBright { level } => {
                write!(f, "too bright: {level} of 255; turn the camera away from the light")
            }
            Self::Frozen => {
                let seconds = FROZEN_AFTER.as_secs();
                write!(f, "frozen: the picture has not changed for {seconds} s; restart the camera")
            }
            Self::Slow { fps, nominal_fps } => write!(
                f,
                "slow: {fps:.1} of {nominal_fps:.0} pictures a second; more light, or another cable or network"
            ),
        }
    }
}

impl PictureTrouble {
    /// Whether it is the same trouble, whatever its figures.
    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Follows the pictures of one source, also over its being opened again.
#[derive(Debug, Default)]
pub struct PictureWatch {
    points: Vec<u8>,
    /// Since when the points are as they are.
    unchanged_since: Option<Instant>,
    arrivals: VecDeque<Instant>,
    suspected: Option<(PictureTrouble, Instant)>,
    said: Option<PictureTrouble>,
    /// Since when what was said is not so any more.
    gone_since: Option<Instant>,
}

impl PictureWatch {
    /// What is wrong with the pictures after `picture`, which came at `now` from a source that means to
    /// give `nominal_fps` a second; none where nothing is, or not yet.
    pub fn look(&mut self, now: Instant, picture: &RgbPicture, nominal_fps: f32) -> Option<PictureTrouble> {
        let trouble = self.trouble(now, picture, nominal_fps);
        match (trouble, self.suspected) {
            (Some(trouble), Some((before, _))) if trouble.is_like(before) => {}
            (Some(trouble), _) => self.suspected = Some((trouble, now)),
            (None, _) => self.suspected = None,
        }
        let long_enough = |(trouble, since): (PictureTrouble, Instant)| {
            // That it is frozen has held long enough already.
            matches!(trouble, PictureTrouble::Frozen) || now.duration_since(since) >= SAID_AFTER
        };
        if let (Some(trouble), true) = (trouble, self.suspected.is_some_and(long_enough)) {
            self.gone_since = None;
            if self.said.is_none_or(|said| !said.is_like(trouble)) {
                self.said = Some(trouble);
            }
        } else if let Some(said) = self.said {
            if trouble.is_some_and(|trouble| trouble.is_like(said)) {
                self.gone_since = None;
            } else if now.duration_since(*self.gone_since.get_or_insert(now)) >= GONE_AFTER {
                (self.said, self.gone_since) = (None, None);
            }
        }
        self.said
    }

    /// The source is opened again: the time without pictures says nothing of their rate.
    pub fn begin_again(&mut self) {
        self.arrivals.clear();
    }

    /// What is wrong with this picture and those just before it.
    fn trouble(&mut self, now: Instant, picture: &RgbPicture, nominal_fps: f32) -> Option<PictureTrouble> {
        let points = luma_of(picture);
        let (mean, spread) = mean_and_spread(&points);
        let level = mean.round() as u8;
        if self.points != points {
            (self.points, self.unchanged_since) = (points, Some(now));
        }
        let fps = self.rate(now);
        let unchanged = self.unchanged_since.map(|since| now.duration_since(since));
        if mean < DARK_BELOW && spread < SCENE_SPREAD {
            Some(PictureTrouble::Covered { level })
        } else if mean < DARK_BELOW {
            Some(PictureTrouble::TooDark { level })
        } else if mean > BRIGHT_ABOVE {
            Some(PictureTrouble::TooBright { level })
        } else if unchanged.is_some_and(|unchanged| unchanged >= FROZEN_AFTER) {
            Some(PictureTrouble::Frozen)
        } else {
            let fps = fps.filter(|fps| *fps < SLOW_BELOW && *fps < nominal_fps / 2.0)?;
            Some(PictureTrouble::Slow { fps, nominal_fps })
        }
    }

    /// Pictures a second; none before they were counted for long enough.
    fn rate(&mut self, now: Instant) -> Option<f32> {
        self.arrivals.push_back(now);
        // The last one from before the span stays: it says how long the span is.
        while self.arrivals.get(1).is_some_and(|second| now.duration_since(*second) >= RATE_OVER) {
            self.arrivals.pop_front();
        }
        let span = now.duration_since(*self.arrivals.front()?);
        (span >= RATE_OVER).then(|| (self.arrivals.len() - 1) as f32 / span.as_secs_f32())
    }
}

/// The luma of points spread evenly over the picture, by ITU-R BT.601.
fn luma_of(picture: &RgbPicture) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let (columns, rows) = (COLUMNS.min(width), ROWS.min(height));
    let at = |index: u32, of: u32, length: u32| {
        (u64::from(index) * u64::from(length) + u64::from(length) / 2) / u64::from(of)
    };
    let mut points = Vec::with_capacity((columns * rows) as usize);
    for row in 0..rows {
        for column in 0..columns {
            // Below the length, as the index is below `of`.
            let [red, green, blue] =
                picture.pixel(at(column, columns, width) as u32, at(row, rows, height) as u32);
            points
                .push(((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000) as u8);
        }
    }
    points
}

fn mean_and_spread(points: &[u8]) -> (f64, f64) {
    let count = points.len().max(1) as f64;
    let mean = points.iter().map(|&point| f64::from(point)).sum::<f64>() / count;
    let variance = points.iter().map(|&point| (f64::from(point) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene about `level`, different in every frame as a sensor's is.
    fn scene(level: u8, contrast: u8, frame: u64) -> RgbPicture {
        let (width, height) = (96, 72);
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let board = if (x / 8 + y / 8) % 2 == 0 { contrast } else { 0 };
                let noise = (frame.wrapping_mul(31).wrapping_add(x * 7 + y * 13) % 3) as u8;
                data.extend(
                    [level.saturating_sub(contrast / 2).saturating_add(board).saturating_add(noise); 3],
                );
            }
        }
        RgbPicture::new(96, 72, data).unwrap()
    }

    /// What is said at each change, with the second it was said at, of pictures at `fps`.
    fn said(
        seconds: f32,
        fps: f32,
        nominal: f32,
        picture: impl Fn(f32, u64) -> RgbPicture,
    ) -> Vec<(f32, String)> {
        let begin = Instant::now();
        let mut watch = PictureWatch::default();
        let (mut last, mut changes) = (None, Vec::new());
        for frame in 0..(seconds * fps) as u64 {
            let at = frame as f32 / fps;
            let now = begin + Duration::from_secs_f32(at);
            let trouble = watch.look(now, &picture(at, frame), nominal).map(|trouble| trouble.to_string());
            if trouble != last {
                changes.push((at, trouble.clone().unwrap_or_default()));
                last = trouble;
            }
        }
        changes
    }

    #[test]
    fn a_scene_is_no_trouble() {
        assert_eq!(said(60.0, 15.0, 15.0, |_, frame| scene(120, 80, frame)), []);
        // Dusk, and a face before a dark wall.
        assert_eq!(said(20.0, 15.0, 15.0, |_, frame| scene(40, 30, frame)), []);
    }

    #[test]
    fn darkness_is_said_with_its_level_and_taken_back() {
        let night = |at: f32, frame| {
            if (10.0..30.0).contains(&at) { scene(12, 24, frame) } else { scene(120, 80, frame) }
        };
        let changes = said(40.0, 15.0, 15.0, night);
        let [(dark, words), (light, nothing)] = changes.as_slice() else { panic!("{changes:?}") };
        assert!(words.starts_with("too dark: 13 of 255"), "{words}");
        assert!((15.0..15.2).contains(dark) && (32.0..32.2).contains(light) && nothing.is_empty());
    }

    #[test]
    fn a_flash_is_no_trouble() {
        let flash = |at: f32, frame| scene(if (10.0..14.0).contains(&at) { 250 } else { 120 }, 10, frame);
        assert_eq!(said(30.0, 15.0, 15.0, flash), []);
    }

    #[test]
    fn a_lid_a_lamp_and_a_still_have_their_words() {
        let first = |changes: Vec<(f32, String)>| changes.into_iter().next().unwrap();
        assert!(first(said(10.0, 15.0, 15.0, |_, frame| scene(3, 0, frame))).1.starts_with("covered?"));
        assert!(
            first(said(10.0, 15.0, 15.0, |_, frame| scene(250, 4, frame))).1.starts_with("too bright: 25")
        );
        let (at, words) = first(said(40.0, 15.0, 15.0, |_, _| scene(120, 80, 1)));
        assert!(words.starts_with("frozen") && (30.0..30.2).contains(&at), "{at} {words}");
    }

    #[test]
    fn a_rate_that_collapses_is_said_with_both_rates() {
        let (at, words) = said(20.0, 2.0, 30.0, |_, frame| scene(120, 80, frame)).remove(0);
        assert!(words.starts_with("slow: 2.0 of 30 pictures a second") && at < 11.0, "{at} {words}");
        // That is all it means to give.
        assert_eq!(said(20.0, 2.0, 2.0, |_, frame| scene(120, 80, frame)), []);
    }

    #[test]
    fn one_trouble_may_follow_another() {
        let changes = said(40.0, 15.0, 15.0, |at, frame| scene(if at < 15.0 { 3 } else { 250 }, 0, frame));
        let words: Vec<&str> = changes.iter().map(|(_, words)| words.split(' ').next().unwrap()).collect();
        assert!(words == ["covered?", "", "too"] || words == ["covered?", "too"], "{words:?}");
    }

    #[test]
    fn opening_again_says_nothing_of_the_rate() {
        let begin = Instant::now();
        let mut watch = PictureWatch::default();
        for second in 0..40u64 {
            if second % 4 == 0 {
                watch.begin_again();
            }
            let now = begin + Duration::from_secs(second);
            assert_eq!(watch.look(now, &scene(120, 80, second), 30.0), None);
        }
    }

    #[test]
    fn a_picture_smaller_than_the_grid_is_looked_at_whole() {
        let small = RgbPicture::new(2, 1, vec![10, 10, 10, 30, 30, 30]).unwrap();
        assert_eq!(luma_of(&small), [10, 30]);
    }
}
