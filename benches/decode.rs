//! From a camera's buffer to a picture.
//!
//! `cargo bench --bench decode`. The copy of as many bytes as the picture has is beside the conversion of
//! YUYV: what it must cost. The scene is a test chart with noise, which packs worse than a room does.
//!
//! A JPEG is always decoded whole. Decoding it at half the size for the detector alone (scaled in the DCT, which
//! zune-jpeg cannot and libjpeg-turbo can) was weighed: of 1280x720 libjpeg-turbo 3.2 takes 2.0 ms so and 2.7 ms whole, on one
//! machine and through Pillow, as most of the work is unpacking. That is a little less while nobody is in view, and two
//! milliseconds more as soon as a face is looked at, for which the whole picture is needed.

use divan::{Bencher, black_box};
use image::ExtendedColorType::Rgb8;
use image::codecs::jpeg::JpegEncoder;
use muster::capture::camera::{CameraMode, Encoding, FrameDecoder};

fn main() {
    divan::main();
}

const VGA: (u32, u32) = (640, 480);
const HD: (u32, u32) = (1280, 720);

fn scene((width, height): (u32, u32)) -> Vec<u8> {
    let pixel = |at: u32| {
        let (x, y) = (at % width, at / width);
        let noise = at.wrapping_mul(2_654_435_761) >> 29;
        let board = if (x / 40 + y / 40) % 2 == 0 { 60 } else { 0 };
        [
            (x * 180 / width + board + noise) as u8,
            (y * 180 / height + board + noise) as u8,
            (90 + noise) as u8,
        ]
    };
    (0..width * height).flat_map(pixel).collect()
}

/// The scene as a camera packs it. (Bytes at random would be colours that no picture has, and slower.)
fn yuyv_of(size: (u32, u32)) -> Vec<u8> {
    let luma = |pixel: &[u8]| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f64::from);
        (0.299 * r + 0.587 * g + 0.114 * b, b, r)
    };
    let two = |two: &[u8]| {
        let ((first, blue, red), (second, ..)) = (luma(&two[..3]), luma(&two[3..]));
        let scaled = |luma: f64| 16.0 + luma * 219.0 / 255.0;
        let (cb, cr) = ((blue - first) * 0.5 / 0.886, (red - first) * 0.5 / 0.701);
        [scaled(first), 128.0 + cb * 224.0 / 255.0, scaled(second), 128.0 + cr * 224.0 / 255.0]
    };
    scene(size).chunks_exact(6).flat_map(two).map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
}

fn decoder((width, height): (u32, u32), encoding: Encoding) -> FrameDecoder {
    FrameDecoder::new(CameraMode { width, height, fps: 30, encoding })
}

#[divan::bench]
fn yuyv_640x480(bencher: Bencher) {
    let (packed, mut decoder) = (yuyv_of(VGA), decoder(VGA, Encoding::Yuyv));
    bencher.bench_local(|| decoder.decode(black_box(&packed)));
}

/// What moving as many bytes costs.
#[divan::bench]
fn copy_640x480(bencher: Bencher) {
    let picture = scene(VGA);
    bencher.bench_local(|| black_box(&picture).clone());
}

fn jpeg(size: (u32, u32)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 85);
    image::ImageEncoder::write_image(encoder, &scene(size), size.0, size.1, Rgb8)
        .expect("a picture is written");
    bytes
}

#[divan::bench(args = [VGA, HD])]
fn mjpeg(bencher: Bencher, size: (u32, u32)) {
    let (bytes, mut decoder) = (jpeg(size), decoder(size, Encoding::Mjpeg));
    bencher.bench_local(|| decoder.decode(black_box(&bytes)));
}
