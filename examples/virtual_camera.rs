//! What `make test-camera` shows a virtual camera, and how it looks at what came back.
//!
//! ```text
//! virtual_camera chart WxH DIR             draws DIR/chart.png, chart.jpg and chart.yuyv
//! virtual_camera feed DEVICE WxH FOURCC FPS FRAME[*TIMES]...
//! virtual_camera compare LEAST REFERENCE[,REFERENCE] PICTURE...
//! ```
//!
//! `feed` writes the files as they are, one frame each, so that damaged ones can be shown too: each so many
//! times, in turn, and the last one until it is ended. `compare` holds each picture against the reference
//! of its size, prints the lowest PSNR in dB, and ends with 1 where one has less than LEAST or no reference.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use rustix::ioctl::{Updater, ioctl, opcode};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: virtual_camera chart WxH DIR\n       \
    virtual_camera feed DEVICE WxH FOURCC FPS FRAME[*TIMES]...\n       \
    virtual_camera compare LEAST REFERENCE[,REFERENCE] PICTURE...";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["chart", size, folder] => chart(size, Path::new(folder)).map(|()| true),
        ["feed", device, size, fourcc, fps, frames @ ..] if !frames.is_empty() => {
            feed(device, size, fourcc, fps, frames).map(|()| true)
        }
        ["compare", least, references, pictures @ ..] if !pictures.is_empty() => {
            compare(least, references, pictures)
        }
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn size_of(text: &str) -> Outcome<(u32, u32)> {
    let (width, height) = text.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    Ok((width.parse()?, height.parse()?))
}

/// Patches of colours that say which channel went wrong, and a slope that says whether levels are cut off.
const PATCHES: [[u8; 3]; 10] = [
    [200, 30, 30],
    [30, 180, 40],
    [40, 50, 210],
    [210, 200, 40],
    [40, 190, 200],
    [190, 60, 190],
    [235, 235, 235],
    [20, 20, 20],
    [128, 128, 128],
    [220, 160, 130],
];

fn chart(size: &str, folder: &Path) -> Outcome<()> {
    let (width, height) = size_of(size)?;
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let (column, row) = (x * 5 / width, y * 3 / height);
        match row {
            2 => Rgb([(x * 255 / width) as u8; 3]),
            _ => Rgb(PATCHES[(row * 5 + column) as usize]),
        }
    });
    picture.save(folder.join("chart.png"))?;
    JpegEncoder::new_with_quality(File::create(folder.join("chart.jpg"))?, 95).encode_image(&picture)?;
    std::fs::write(folder.join("chart.yuyv"), yuyv(&picture))?;
    Ok(())
}

/// ITU-R BT.601 with luma 16 to 235, in floating point: muster's own is in integers, and not looked at here.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let ycc = |pixel: &[u8]| {
        let [r, g, b] = [0, 1, 2].map(|channel| f64::from(pixel[channel]) / 255.0);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.772, 128.0 + 224.0 * (r - y) / 1.402]
    };
    let two_pixels = picture.as_raw().chunks_exact(6);
    two_pixels
        .flat_map(|two| {
            let (one, other) = (ycc(&two[..3]), ycc(&two[3..]));
            let mean = |channel: usize| (one[channel] + other[channel]) / 2.0;
            [one[0], mean(1), other[0], mean(2)].map(|value| value.round() as u8)
        })
        .collect()
}

fn compare(least: &str, references: &str, pictures: &[&str]) -> Outcome<bool> {
    let least: f64 = least.parse()?;
    let read = |file: &str| match image::open(file) {
        Ok(picture) => Ok(picture.to_rgb8()),
        Err(error) => Err(format!("{file}: {error}")),
    };
    let references: Vec<RgbImage> = references.split(',').map(read).collect::<Result<_, _>>()?;
    let mut counts = vec![0u32; references.len()];
    let mut worst = f64::INFINITY;
    for file in pictures {
        let picture = read(file)?;
        let size = picture.dimensions();
        let Some(index) = references.iter().position(|reference| reference.dimensions() == size) else {
            println!("{file} has {}x{} pixels", size.0, size.1);
            return Ok(false);
        };
        let psnr = psnr(&references[index], &picture);
        if psnr < least {
            println!("{file} is {psnr:.1} dB from what was shown");
            return Ok(false);
        }
        counts[index] += 1;
        worst = worst.min(psnr);
    }
    let sizes = references.iter().zip(&counts);
    let sizes: Vec<String> =
        sizes.map(|(of, count)| format!("{count} of {}x{}", of.width(), of.height())).collect();
    println!("{}, {worst:.1} dB", sizes.join(", "));
    Ok(true)
}

fn psnr(one: &RgbImage, other: &RgbImage) -> f64 {
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let squares: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    // Equal ones would be infinitely alike.
    let mean = squares.max(1) as f64 / one.as_raw().len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// `struct v4l2_format` with its `v4l2_pix_format`, as a 64-bit kernel lays it out.
#[repr(C)]
struct Format {
    kind: u32,
    to_eight: u32,
    width: u32,
    height: u32,
    fourcc: [u8; 4],
    field: u32,
    bytes_per_line: u32,
    bytes: u32,
    colorspace: u32,
    rest: [u32; 43],
}

/// `struct v4l2_streamparm` with its `v4l2_outputparm`.
#[repr(C)]
struct Rate {
    kind: u32,
    capability: u32,
    mode: u32,
    numerator: u32,
    denominator: u32,
    rest: [u32; 46],
}

const SET_FORMAT: u32 = opcode::read_write::<Format>(b'V', 5);
const SET_RATE: u32 = opcode::read_write::<Rate>(b'V', 22);
const VIDEO_OUTPUT: u32 = 2;
const PROGRESSIVE: u32 = 1;
const SRGB: u32 = 8;

/// The frames of one file, and how often they are shown before the next.
struct Shown {
    bytes: Vec<u8>,
    times: u64,
}

fn shown(text: &str) -> Outcome<Shown> {
    let (file, times) = text.rsplit_once('*').unwrap_or((text, "1"));
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(Shown { bytes, times: times.parse()? })
}

fn feed(device: &str, size: &str, fourcc: &str, fps: &str, frames: &[&str]) -> Outcome<()> {
    let (width, height) = size_of(size)?;
    let fps: u32 = fps.parse()?;
    let frames: Vec<Shown> = frames.iter().copied().map(shown).collect::<Outcome<_>>()?;
    let mut output =
        OpenOptions::new().read(true).write(true).open(device).map_err(|e| format!("{device}: {e}"))?;
    let mut format = Format {
        kind: VIDEO_OUTPUT,
        to_eight: 0,
        width,
        height,
        fourcc: fourcc.as_bytes().try_into()?,
        field: PROGRESSIVE,
        bytes_per_line: 0,
        bytes: width * height * 2,
        colorspace: SRGB,
        rest: [0; 43],
    };
    // SAFETY: the structure is the one that the kernel reads and writes for this request.
    unsafe { ioctl(&output, Updater::<{ SET_FORMAT as _ }, _>::new(&mut format))? };
    let mut rate =
        Rate { kind: VIDEO_OUTPUT, capability: 0, mode: 0, numerator: 1, denominator: fps, rest: [0; 46] };
    // SAFETY: as above.
    unsafe { ioctl(&output, Updater::<{ SET_RATE as _ }, _>::new(&mut rate))? };
    let (last, before) = frames.split_last().ok_or(USAGE)?;
    let in_turn = before.iter().flat_map(|shown| (0..shown.times).map(move |_| shown));
    let mut due = Instant::now();
    for frame in in_turn.chain(std::iter::repeat(last)) {
        output.write_all(&frame.bytes)?;
        // After a stop it goes on from now, and does not catch up.
        due = (due + Duration::from_secs(1) / fps).max(Instant::now() - Duration::from_secs(1));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}
