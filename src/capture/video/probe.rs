//! What a video file is, by ffprobe.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::program::Program;
use super::{VideoOptions, input_arguments};
use crate::capture::CaptureError;
use crate::capture::picture::MAX_PIXELS;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;

/// The size and rate at which a video is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Frames ...
    pub(super) fps_numerator: u32,
    /// ... in so many seconds; at least 1.
    pub(super) fps_denominator: u32,
}

impl Geometry {
    pub(super) fn fps(&self) -> f64 {
        f64::from(self.fps_numerator) / f64::from(self.fps_denominator)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    avg_frame_rate: String,
    #[serde(default)]
    r_frame_rate: String,
    #[serde(default)]
    sample_aspect_ratio: String,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize)]
struct SideData {
    #[serde(default)]
    rotation: f64,
}

/// Asks ffprobe about the first video stream of the file.
pub(super) fn probe(path: &Path, options: &VideoOptions) -> Result<Geometry, CaptureError> {
    let failed = |detail: String| CaptureError::Failed {
        what: path.display().to_string(),
        step: "be read as a video",
        detail,
    };
    let entries =
        "stream=width,height,avg_frame_rate,r_frame_rate,sample_aspect_ratio:stream_side_data=rotation";
    let mut arguments: Vec<OsString> =
        ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "json"]
            .map(Into::into)
            .into();
    arguments.extend(input_arguments(path));
    let mut program = Program::start("ffprobe", &arguments)?;
    let mut answer = Vec::new();
    (&mut program.stdout)
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .map_err(|e| failed(e.to_string()))?;
    if answer.len() as u64 == MAX_ANSWER_BYTES {
        return Err(failed("ffprobe says too much about it".to_owned()));
    }
    let ended = program.finish();
    if !ended.success {
        return Err(failed(ended.reason("ffprobe does not know the format")));
    }
    geometry(&answer, options).map_err(failed)
}

/// The size to decode at, from ffprobe's answer.
fn geometry(answer: &[u8], options: &VideoOptions) -> Result<Geometry, String> {
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|error| format!("ffprobe's answer is not understood: {error}"))?;
    let stream =
        answer.streams.first().ok_or("there is no picture in it: expected a video, not sound alone")?;
    let pixels = u64::from(stream.width) * u64::from(stream.height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(format!("its frames are {}x{} pixels, which is not read", stream.width, stream.height));
    }
    // Pixels that are not square are made so by width, as a player does.
    let squeeze = ratio(&stream.sample_aspect_ratio, ':').filter(|s| (0.1..=10.0).contains(s)).unwrap_or(1.0);
    let (mut width, mut height) = (f64::from(stream.width) * squeeze, f64::from(stream.height));
    // ffmpeg turns the picture upright by itself before it scales it.
    let rotation = stream.side_data_list.iter().map(|data| data.rotation).find(|r| *r != 0.0).unwrap_or(0.0);
    if (rotation / 90.0).round() as i64 % 2 != 0 {
        (width, height) = (height, width);
    }
    let factor = (f64::from(options.max_side.clamp(16, 4096)) / width.max(height)).min(1.0);
    let side = |length: f64| ((length * factor).round() as u32).max(1);
    let max_fps =
        if options.max_fps.is_finite() { f64::from(options.max_fps.clamp(1.0, 240.0)) } else { 30.0 };
    let (fps_numerator, fps_denominator) = [&stream.avg_frame_rate, &stream.r_frame_rate]
        .into_iter()
        .find_map(|rate| rate_of(rate))
        .unwrap_or((25, 1));
    let fps = f64::from(fps_numerator) / f64::from(fps_denominator);
    let (fps_numerator, fps_denominator) = if fps > max_fps {
        ((max_fps * 1000.0).round() as u32, 1000)
    } else {
        (fps_numerator, fps_denominator)
    };
    Ok(Geometry { width: side(width), height: side(height), fps_numerator, fps_denominator })
}

/// A rate such as `30000/1001`; none for `0/0` and what is slower than a frame in a thousand seconds.
fn rate_of(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once('/')?;
    let rate: (u32, u32) = (numerator.parse().ok()?, denominator.parse().ok()?);
    (rate.0 > 0 && rate.1 > 0 && rate.1 / rate.0 < 1000).then_some(rate)
}

fn ratio(text: &str, separator: char) -> Option<f64> {
    let (numerator, denominator) = text.split_once(separator)?;
    let ratio = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    ratio.is_finite().then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stream: &str) -> Result<Geometry, String> {
        geometry(format!(r#"{{"streams":[{{{stream}}}]}}"#).as_bytes(), &VideoOptions::default())
    }

    #[test]
    fn sizes_are_brought_down_upright_and_square() {
        let size = |stream: &str| of(stream).map(|g| (g.width, g.height)).unwrap();
        assert_eq!(size(r#""width":640,"height":360"#), (640, 360));
        assert_eq!(size(r#""width":3840,"height":2160"#), (1280, 720));
        assert_eq!(size(r#""width":1920,"height":1080,"side_data_list":[{},{"rotation":-90}]"#), (720, 1280));
        assert_eq!(size(r#""width":640,"height":360,"side_data_list":[{"rotation":180}]"#), (640, 360));
        assert_eq!(size(r#""width":720,"height":576,"sample_aspect_ratio":"16:15""#), (768, 576));
        assert_eq!(size(r#""width":720,"height":576,"sample_aspect_ratio":"0:1""#), (720, 576));
        assert_eq!(size(r#""width":30000,"height":1"#), (1280, 1));
    }

    #[test]
    fn rates_are_exact_bounded_and_never_zero() {
        let rate = |stream: &str| {
            of(&format!(r#""width":64,"height":48,{stream}"#))
                .map(|g| (g.fps_numerator, g.fps_denominator))
                .unwrap()
        };
        assert_eq!(rate(r#""avg_frame_rate":"24000/1001""#), (24000, 1001));
        assert_eq!(rate(r#""avg_frame_rate":"0/0","r_frame_rate":"12/1""#), (12, 1));
        assert_eq!(rate(r#""avg_frame_rate":"0/0""#), (25, 1));
        assert_eq!(rate(r#""avg_frame_rate":"120/1""#), (30000, 1000));
        assert_eq!(rate(r#""avg_frame_rate":"1/4294967295","r_frame_rate":"x""#), (25, 1));
    }

    #[test]
    fn what_has_no_picture_is_refused() {
        let none = geometry(br#"{"streams":[]}"#, &VideoOptions::default()).unwrap_err();
        assert!(none.contains("not sound alone"), "{none}");
        assert!(of(r#""width":60000,"height":60000"#).unwrap_err().contains("60000x60000"));
        assert!(of(r#""codec":"x""#).is_err());
        assert!(geometry(b"junk", &VideoOptions::default()).is_err());
    }
}
