//! `images:GLOB`: stills in the natural order of their names, one frame each.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::frame::{Frame, FrameSequence, recorded_at};
use super::{CaptureError, CaptureSource, SkippedPicture, listing, picture};

/// Frames a second where nothing else is asked for. Stills are different moments: a second apart,
/// none is taken for the next frame of the one before it, and a folder of a thousand is a plausible
/// quarter of an hour.
pub const DEFAULT_FPS: f32 = 1.0;

/// Still pictures, each shown once. A file that cannot be read is left out, counted and named in
/// [`CaptureSource::skipped`]; where none can be read, that is an error.
#[derive(Debug)]
pub struct ImagesSource {
    what: String,
    waiting: VecDeque<PathBuf>,
    start: DateTime<Utc>,
    fps: f32,
    next: FrameSequence,
    skipped: Vec<SkippedPicture>,
}

impl ImagesSource {
    /// The files that `pattern` names. Frame n is taken n / `fps` seconds after `start`.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`] where it names none.
    pub fn open(pattern: &str, start: DateTime<Utc>, fps: f32) -> Result<Self, CaptureError> {
        Ok(Self::from_paths(format!("images:{pattern}"), listing::matching(pattern)?, start, fps))
    }

    /// The files of a list, in its order; `what` names the list in messages.
    pub fn from_paths(what: String, paths: Vec<PathBuf>, start: DateTime<Utc>, fps: f32) -> Self {
        let fps = super::source::sane_fps(fps, DEFAULT_FPS);
        let (waiting, skipped) = (paths.into(), Vec::new());
        Self { what, waiting, start, fps, next: FrameSequence(0), skipped }
    }
}

impl CaptureSource for ImagesSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        while let Some(path) = self.waiting.pop_front() {
            match picture::read(&path) {
                Ok(picture) => {
                    let sequence = self.next;
                    self.next.0 += 1;
                    let at = recorded_at(self.start, sequence, f64::from(self.fps));
                    let label = Some(Arc::from(path.display().to_string()));
                    return Ok(Some(Frame { sequence, at, picture, label }));
                }
                Err(error) => self.skipped.push(SkippedPicture::noted(path, &error, self.skipped.len())),
            }
        }
        if self.next == FrameSequence(0) {
            return Err(none_readable(&self.what, &self.skipped));
        }
        Ok(None)
    }

    fn is_live(&self) -> bool {
        false
    }

    fn nominal_fps(&self) -> f32 {
        self.fps
    }

    fn skipped(&self) -> &[SkippedPicture] {
        &self.skipped
    }
}

/// The error of a source none of whose pictures can be read.
pub(super) fn none_readable(what: &str, skipped: &[SkippedPicture]) -> CaptureError {
    let hint = match skipped.first() {
        Some(first) => format!("{} were tried; the first: {}", skipped.len(), first.reason),
        None => "there are none".to_owned(),
    };
    CaptureError::NotFound { what: format!("a readable picture in {what}"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(level: u8) -> Vec<u8> {
        [&b"P5\n1 1\n255\n"[..], &[level]].concat()
    }

    #[test]
    fn each_still_is_a_moment_of_its_own_and_the_bad_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("p10.pgm", grey(10)), ("p2.pgm", grey(2)), ("p3.pgm", b"P5\n9 9".to_vec())] {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let start = DateTime::UNIX_EPOCH;
        let mut source = ImagesSource::open(&format!("{}/*", dir.path().display()), start, 0.5).unwrap();
        let frames: Vec<Frame> = std::iter::from_fn(|| source.next_frame().unwrap()).collect();
        let seen: Vec<_> =
            frames.iter().map(|f| (f.sequence.0, f.picture.pixel(0, 0)[0], f.at.timestamp())).collect();
        assert_eq!(seen, [(0, 2, 0), (1, 10, 2)]);
        assert_eq!(frames[1].label.as_deref(), Some(&*dir.path().join("p10.pgm").display().to_string()));
        assert_eq!(source.skipped().len(), 1);
        assert!(source.skipped()[0].reason.contains("p3.pgm: the PNM picture"), "{:?}", source.skipped());
        assert!(!source.is_live());
    }

    #[test]
    fn nothing_readable_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.jpg"), "").unwrap();
        let mut source =
            ImagesSource::open(&format!("{}/*.jpg", dir.path().display()), DateTime::UNIX_EPOCH, 1.0)
                .unwrap();
        let message = source.next_frame().unwrap_err().to_string();
        assert!(message.contains("1 were tried") && message.contains("the file is empty"), "{message}");
    }
}
