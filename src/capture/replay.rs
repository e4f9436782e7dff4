//! `replay:DIR`: stills shown as a camera would show them.
//!
//! Each still stays for a while on a canvas of the camera's size, with pan, zoom, a drift of brightness
//! and noise, and then the canvas is empty for a moment, so that whoever was in it has left before the
//! next one comes. Everything follows from the seed: the same seed and the same files give the same
//! bytes.

pub mod random;
pub mod scene;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::frame::{Frame, FrameSequence, RgbPicture, recorded_at};
use super::{CaptureError, CaptureSource, SkippedPicture, images, listing, picture};
use random::SplitMix;
use scene::{Scene, render};

/// How a replay looks.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// Columns of the canvas, 16 to 4096.
    pub width: u32,
    /// Rows of the canvas, 16 to 4096.
    pub height: u32,
    /// Frames a second of the recording's own clock.
    pub fps: f32,
    /// Frames that each still is shown for; at least one.
    pub frames_per_still: u32,
    /// Empty frames after each still.
    pub gap_frames: u32,
    /// Whether the first still follows the last, for ever, rather than the end.
    pub looping: bool,
}

impl Default for ReplayOptions {
    /// A common camera's picture at ten frames a second: each still for three seconds, then one without
    /// anybody.
    fn default() -> Self {
        Self {
            seed: 1,
            width: 640,
            height: 480,
            fps: 10.0,
            frames_per_still: 30,
            gap_frames: 10,
            looping: false,
        }
    }
}

impl ReplayOptions {
    fn sane(self) -> Self {
        Self {
            width: self.width.clamp(16, 4096),
            height: self.height.clamp(16, 4096),
            fps: super::source::sane_fps(self.fps, 10.0),
            frames_per_still: self.frames_per_still.max(1),
            ..self
        }
    }
}

/// The still that is on the canvas.
struct Shown {
    picture: RgbPicture,
    label: Arc<str>,
    scene: Scene,
}

/// Stills as a camera shows them. A file that cannot be read is left out, in later rounds too.
pub struct ReplaySource {
    what: String,
    paths: Vec<PathBuf>,
    options: ReplayOptions,
    start: DateTime<Utc>,
    next: FrameSequence,
    /// Which of `paths` comes next.
    next_path: usize,
    /// How many stills were shown, over all rounds.
    shows: u64,
    /// What is shown, and how many frames of it, the gap among them, were given.
    shown: Option<(Shown, u32)>,
    skipped: Vec<SkippedPicture>,
}

impl ReplaySource {
    /// The pictures of a folder, in natural order. Frame n is taken n / fps seconds after `start`.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`] where there is no folder or no picture in it.
    pub fn open(dir: &Path, start: DateTime<Utc>, options: ReplayOptions) -> Result<Self, CaptureError> {
        Ok(Self::from_paths(format!("replay:{}", dir.display()), listing::pictures_in(dir)?, start, options))
    }

    /// The pictures of a list, in its order; `what` names the list in messages.
    pub fn from_paths(
        what: String,
        paths: Vec<PathBuf>,
        start: DateTime<Utc>,
        options: ReplayOptions,
    ) -> Self {
        Self {
            what,
            paths,
            options: options.sane(),
            start,
            next: FrameSequence(0),
            next_path: 0,
            shows: 0,
            shown: None,
            skipped: Vec::new(),
        }
    }

    /// Puts the next still that can be read on the canvas; false at the end.
    fn advance(&mut self) -> Result<bool, CaptureError> {
        self.shown = None;
        loop {
            if self.paths.is_empty() {
                return Err(images::none_readable(&self.what, &self.skipped));
            }
            if self.next_path >= self.paths.len() {
                if !self.options.looping {
                    return Ok(false);
                }
                self.next_path = 0;
            }
            match picture::read(&self.paths[self.next_path]) {
                Ok(picture) => {
                    self.shown = Some((self.staged(&picture), 0));
                    self.next_path += 1;
                    self.shows += 1;
                    return Ok(true);
                }
                Err(error) => {
                    let path = self.paths.remove(self.next_path);
                    self.skipped.push(SkippedPicture::noted(path, &error, self.skipped.len()));
                }
            }
        }
    }

    fn staged(&self, picture: &RgbPicture) -> Shown {
        let (width, height) = (self.options.width, self.options.height);
        // Twice the canvas is all that zooming in can show of it.
        let picture = picture.resized_to_fit(width * 2, height * 2);
        let name = self.paths[self.next_path].file_name().unwrap_or_default().to_string_lossy();
        let seed = self.options.seed ^ (self.shows + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let size = (picture.width(), picture.height());
        let scene = Scene::new(seed, (width, height), size, self.options.frames_per_still);
        Shown { label: Arc::from(&*name), scene, picture }
    }
}

impl CaptureSource for ReplaySource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let length = self.options.frames_per_still.saturating_add(self.options.gap_frames);
        if self.shown.as_ref().is_none_or(|(_, given)| *given >= length) && !self.advance()? {
            return Ok(None);
        }
        let Some((shown, given)) = &mut self.shown else { return Ok(None) };
        let frame = *given;
        *given += 1;
        let canvas = (self.options.width, self.options.height);
        let mut noise = SplitMix::new(self.options.seed.rotate_left(32) ^ self.next.0);
        let (on_canvas, label) = if frame < self.options.frames_per_still {
            (Some((&shown.picture, shown.scene.view(frame))), Some(shown.label.clone()))
        } else {
            (None, None)
        };
        let picture = render(on_canvas, canvas, &mut noise);
        let sequence = self.next;
        self.next.0 += 1;
        Ok(Some(Frame {
            sequence,
            at: recorded_at(self.start, sequence, f64::from(self.options.fps)),
            picture,
            label,
        }))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn nominal_fps(&self) -> f32 {
        self.options.fps
    }

    fn skipped(&self) -> &[SkippedPicture] {
        &self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, level) in
            [("red-2.ppm", [200, 0, 0]), ("blue-10.ppm", [0, 0, 200]), ("red-1.ppm", [90, 0, 0])]
        {
            let pixels: Vec<u8> = std::iter::repeat_n(level, 40 * 30).flatten().collect();
            std::fs::write(dir.path().join(name), [&b"P6\n40 30\n255\n"[..], &pixels].concat()).unwrap();
        }
        std::fs::write(dir.path().join("red-3.png"), "no picture").unwrap();
        dir
    }

    fn options(seed: u64) -> ReplayOptions {
        ReplayOptions {
            seed,
            width: 64,
            height: 48,
            frames_per_still: 4,
            gap_frames: 2,
            ..Default::default()
        }
    }

    fn all(dir: &Path, options: ReplayOptions) -> Vec<Frame> {
        let mut source = ReplaySource::open(dir, DateTime::UNIX_EPOCH, options).unwrap();
        let frames = std::iter::from_fn(|| source.next_frame().unwrap()).collect();
        assert_eq!(source.skipped().len(), 1);
        frames
    }

    #[test]
    fn each_still_is_shown_for_its_frames_and_then_the_canvas_is_empty() {
        let dir = folder();
        let frames = all(dir.path(), options(7));
        let labels: Vec<_> = frames.iter().map(|f| f.label.as_deref().unwrap_or("-")).collect();
        let still = |name| [name, name, name, name, "-", "-"];
        assert_eq!(labels, [still("blue-10.ppm"), still("red-1.ppm"), still("red-2.ppm")].concat());
        assert_eq!((frames[0].picture.width(), frames[0].picture.height()), (64, 48));
        assert_eq!(frames[17].at, DateTime::UNIX_EPOCH + chrono::TimeDelta::milliseconds(1700));
        assert!(frames[1].picture.pixel(32, 24)[2] > 150 && frames[1].picture.pixel(32, 24)[0] < 20);
        let brightest = frames[4].picture.data().iter().max().unwrap();
        assert!(*brightest < 40, "an empty canvas is dark: {brightest}");
        assert!(frames.iter().enumerate().all(|(n, f)| f.sequence.0 == n as u64));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let dir = folder();
        assert!(all(dir.path(), options(7)) == all(dir.path(), options(7)));
        assert!(all(dir.path(), options(7)) != all(dir.path(), options(8)));
    }

    #[test]
    fn a_looping_replay_has_no_end_and_every_round_is_its_own() {
        let dir = folder();
        let looping = ReplayOptions { looping: true, ..options(7) };
        let mut source = ReplaySource::open(dir.path(), DateTime::UNIX_EPOCH, looping).unwrap();
        let frames: Vec<Frame> = (0..54).map(|_| source.next_frame().unwrap().unwrap()).collect();
        assert_eq!(frames[18].label, frames[0].label);
        assert_ne!(frames[18].picture, frames[0].picture);
        assert_eq!(source.skipped().len(), 1, "a file is left out once, not once a round");
    }

    #[test]
    fn nothing_readable_is_an_error_and_no_endless_search() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.jpg"), "x").unwrap();
        let looping = ReplayOptions { looping: true, ..options(1) };
        let mut source = ReplaySource::open(dir.path(), DateTime::UNIX_EPOCH, looping).unwrap();
        let message = source.next_frame().unwrap_err().to_string();
        assert!(message.contains("1 were tried"), "{message}");
    }
}
