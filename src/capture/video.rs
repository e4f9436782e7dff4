//! `video:FILE`: a recording, decoded by the ffmpeg program as a child process.
//!
//! A decoder for every codec in the world is better kept out of this process: a slip in it then ends a
//! child, and the system's package is what gets the fixes. The child may open files only (no network,
//! no devices), gets nothing on its standard input, and is ended and reaped when the source is dropped.
//!
//! ffmpeg brings every recording to a constant rate, its own average rate and at most
//! [`VideoOptions::max_fps`]; so frame n lies n / fps after the start, and a recording whose rate varies
//! keeps its length. Rotation and the shape of pixels, as telephones note them, are applied.

mod probe;
mod program;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::frame::{Frame, FrameSequence, RgbPicture, recorded_at};
use super::pool::PicturePool;
use super::{CaptureError, CaptureSource};
use probe::Geometry;
use program::Program;

/// How a video is read.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoOptions {
    /// The longer side is scaled down to this many pixels, 16 to 4096; never up.
    pub max_side: u32,
    /// At most this many frames a second are read, 1 to 240.
    pub max_fps: f32,
    /// Whether the first frame follows the last, for ever, rather than the end.
    pub looping: bool,
}

impl Default for VideoOptions {
    /// Large enough for a face across a room; as fast as a camera.
    fn default() -> Self {
        Self { max_side: 1280, max_fps: 30.0, looping: false }
    }
}

/// A video file that is being decoded. Holds one frame, and what the pipe holds (64 KiB).
pub struct VideoSource {
    path: PathBuf,
    label: Arc<str>,
    start: DateTime<Utc>,
    looping: bool,
    geometry: Geometry,
    /// None once the recording has ended or failed.
    decoder: Option<Program>,
    pool: PicturePool,
    next: FrameSequence,
    frames_this_round: u64,
}

impl VideoSource {
    /// Looks at `path` and starts to decode it. Frame n is taken n / fps seconds after `start`.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`] where there is no such file, [`CaptureError::ProgramMissing`] where ffmpeg
    /// is not installed, [`CaptureError::Failed`] where there is no video in it.
    pub fn open(path: &Path, start: DateTime<Utc>, options: VideoOptions) -> Result<Self, CaptureError> {
        let not_found = |hint: String| CaptureError::NotFound { what: path.display().to_string(), hint };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(not_found("expected a video file".into())),
            Err(error) => return Err(not_found(format!("expected a video file ({error})"))),
        }
        let geometry = probe::probe(path, &options)?;
        let decoder = Some(decoder_of(path, &geometry)?);
        Ok(Self {
            path: path.to_owned(),
            label: Arc::from(path.display().to_string()),
            start,
            looping: options.looping,
            geometry,
            decoder,
            next: FrameSequence(0),
            frames_this_round: 0,
            pool: PicturePool::default(),
        })
    }

    fn failed(&self, step: &'static str, detail: String) -> CaptureError {
        CaptureError::Failed { what: self.path.display().to_string(), step, detail }
    }

    fn read_picture(&mut self) -> Result<Option<RgbPicture>, CaptureError> {
        let (width, height) = (self.geometry.width, self.geometry.height);
        let length = width as usize * height as usize * 3;
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            // Read into in place: the frame is shared from here on and never copied.
            let mut filled = 0;
            let picture = self.pool.picture(width, height, |data| {
                filled = fill(&mut decoder.stdout, data)?;
                Ok(())
            });
            let picture = picture.map_err(|error: std::io::Error| CaptureError::Failed {
                what: self.path.display().to_string(),
                step: "be read from ffmpeg",
                detail: error.to_string(),
            })?;
            if filled == length {
                self.frames_this_round += 1;
                return Ok(picture);
            }
            let ended = self.decoder.take().map(Program::finish).unwrap_or_default();
            if self.frames_this_round == 0 {
                return Err(self.failed("give a picture", ended.reason("ffmpeg found no frame in it")));
            }
            if !ended.success || filled != 0 {
                return Err(self.failed("be decoded to its end", ended.reason("ffmpeg stopped")));
            }
            if !self.looping {
                return Ok(None);
            }
            self.decoder = Some(decoder_of(&self.path, &self.geometry)?);
            self.frames_this_round = 0;
        }
    }
}

impl CaptureSource for VideoSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let Some(picture) = self.read_picture()? else { return Ok(None) };
        let sequence = self.next;
        self.next.0 += 1;
        let at = recorded_at(self.start, sequence, self.geometry.fps());
        Ok(Some(Frame { sequence, at, picture, label: Some(self.label.clone()) }))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn nominal_fps(&self) -> f32 {
        self.geometry.fps() as f32
    }
}

/// Reads until `buffer` is full or the stream ends; how much was read.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The file as ffmpeg's and ffprobe's input, so that no name is taken for an option, a protocol or a
/// pattern, and nothing that the file refers to is fetched from elsewhere.
fn input_arguments(path: &Path) -> [OsString; 4] {
    let mut url = OsString::from("file:");
    url.push(path);
    ["-protocol_whitelist".into(), "file".into(), "-i".into(), url]
}

fn decoder_of(path: &Path, geometry: &Geometry) -> Result<Program, CaptureError> {
    // The first picture is the start, where sound begins before it too: a pause would be filled up with
    // copies of it.
    let filter = format!(
        "setpts=PTS-STARTPTS,fps={}/{},scale={}:{}:flags=bilinear,setsar=1",
        geometry.fps_numerator, geometry.fps_denominator, geometry.width, geometry.height
    );
    let mut arguments: Vec<OsString> =
        ["-nostdin", "-hide_banner", "-loglevel", "error"].map(Into::into).into();
    // What a header can make the decoder allocate is bounded as it is for a still.
    arguments.extend(["-max_pixels".into(), super::picture::MAX_PIXELS.to_string().into()]);
    arguments.extend(input_arguments(path));
    arguments.extend(["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", &filter].map(Into::into));
    arguments.extend(["-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"].map(Into::into));
    Program::start("ffmpeg", &arguments)
}

#[cfg(test)]
mod tests;
