//! `muster capture`: writes a source's pictures into a folder, for tests and support.

use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use crossbeam_channel::{Receiver, TryRecvError};
use serde::Serialize;

use crate::capture::{CaptureError, CaptureSource, Frame, SourceSpec, listing, picture};

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::source::{SourceParser, ViewArgs};

/// What `capture --help` ends with.
pub const CAPTURE_HELP: &str = "\
It stores pictures of people. Keep the folder to those who need it, and delete it when it has
served; muster itself never keeps frames.

The files are frame-NUMBER.jpg, with the number that the source gave the frame: what is missing
was left out, by --every or because a live source went on meanwhile.

Examples:
  muster capture --source camera:0 --out door --seconds 10
  muster take --source 'images:door/*.jpg'           what was captured, frame by frame
  muster --source replay:door                        the same as a camera would show it";

/// `capture`
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// Where frames come from; the source of the configuration where it is left out
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser)]
    pub source: Option<SourceSpec>,
    /// The folder that the pictures go to; it is made, for its owner alone, or has no pictures yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Stop after so many seconds of the source's own time; without it at its end, or at ctrl-c
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: Option<u32>,
    /// Keep every Nth frame
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub every: u32,
    /// How they are seen.
    #[command(flatten)]
    pub view: ViewArgs,
}

/// What was written, as `--json` prints it.
#[derive(Serialize)]
struct CapturedObject<'a> {
    kind: &'static str,
    source: &'a str,
    out: String,
    /// Pictures that were written.
    pictures: u64,
    /// Frames that were looked at.
    frames: u64,
    /// Seconds from the first of them to the last.
    seconds: f64,
    /// Pixels of the last picture.
    width: u32,
    height: u32,
}

/// Writes the frames of `source`, which is called `name`, until it ends, its time is over, or `stop` closes.
///
/// # Errors
/// [`CliError`] where the folder cannot be used (2), or the source fails or the disk is full (3): what was
/// written before stays.
pub fn run(
    args: &CaptureArgs,
    name: &str,
    open: impl FnOnce() -> Result<Box<dyn CaptureSource>, CaptureError>,
    stop: &Receiver<()>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    prepare(&args.out)?;
    out.note(format_args!(
        "pictures of whoever is in view are stored in {}: delete them when they have served",
        printable(&args.out.display().to_string())
    ));
    let mut tally = Tally::default();
    let outcome = open().map_err(CliError::missing).and_then(|mut source| {
        source.interrupt_with(stop.clone());
        record(args, source.as_mut(), stop, &mut tally)
    });
    let seconds = tally.span().as_seconds_f64();
    let object = CapturedObject {
        kind: "captured",
        source: name,
        out: args.out.display().to_string(),
        pictures: tally.pictures,
        frames: tally.frames,
        seconds,
        width: tally.size.0,
        height: tally.size.1,
    };
    let size = match tally.size {
        (0, _) => String::new(),
        (width, height) => format!(", the last {width}x{height},"),
    };
    let text = format!(
        "{} pictures of {} frames in {seconds:.1} s of {}{size} are in {}",
        tally.pictures,
        tally.frames,
        printable(name),
        printable(&object.out)
    );
    out.either(&object, text)?;
    outcome.map(|()| Exit::Done)
}

#[derive(Default)]
struct Tally {
    frames: u64,
    pictures: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    size: (u32, u32),
}

impl Tally {
    fn span(&self) -> TimeDelta {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last - first,
            _ => TimeDelta::zero(),
        }
    }
}

fn record(
    args: &CaptureArgs,
    source: &mut dyn CaptureSource,
    stop: &Receiver<()>,
    tally: &mut Tally,
) -> Result<(), CliError> {
    let limit = args.seconds.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
    let is_stopped = || stop.try_recv() == Err(TryRecvError::Disconnected);
    while !is_stopped() {
        let frame = match source.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(_) if is_stopped() => break,
            Err(error) => return Err(CliError::missing(error)),
        };
        let first = *tally.first.get_or_insert(frame.at);
        if limit.is_some_and(|limit| frame.at - first >= limit) {
            break;
        }
        tally.last = Some(frame.at);
        if tally.frames.is_multiple_of(u64::from(args.every)) {
            write(&args.out, &frame)?;
            tally.pictures += 1;
            tally.size = (frame.picture.width(), frame.picture.height());
        }
        tally.frames += 1;
    }
    Ok(())
}

/// Makes the folder, or sees that there are no pictures in it: two captures must not mix.
fn prepare(folder: &Path) -> Result<(), CliError> {
    let shown = printable(&folder.display().to_string()).into_owned();
    if folder.exists() {
        return match listing::pictures_in(folder) {
            Ok(_) => Err(CliError::usage(format_args!("{shown} holds pictures already; name a new folder"))),
            Err(CaptureError::NotFound { .. }) if folder.is_dir() => Ok(()),
            Err(error) => Err(CliError::usage(error)),
        };
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| CliError::usage(format_args!("{shown} cannot be made: {error}")))
}

fn write(folder: &Path, frame: &Frame) -> Result<(), CliError> {
    let path = folder.join(format!("frame-{:06}.jpg", frame.sequence.0));
    let failed = |detail: String| {
        CliError::missing(format_args!(
            "{} cannot be written: {detail}",
            printable(&path.display().to_string())
        ))
    };
    let bytes = picture::encode_jpeg(&frame.picture)
        .ok_or_else(|| failed("the picture is too large for a JPEG".to_owned()))?;
    File::create_new(&path)
        .and_then(|mut file| file.write_all(&bytes))
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests;
