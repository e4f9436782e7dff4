//! From a camera's buffer to the picture that the detector is given.
//!
//! `cargo bench --bench decode`. The copy of as many bytes as the picture has is beside the conversion of
//! YUYV: what it must cost. The scene is a test chart with noise, which packs worse than a room does.
//!
//! A JPEG is always decoded whole. Decoding it at half the size for the detector alone (scaled in the DCT, which
//! zune-jpeg cannot and libjpeg-turbo can) was weighed: of 1280x720 libjpeg-turbo 3.2 takes 2.0 ms so and 2.7 ms whole, on one
//! machine and through Pillow, as most of the work is unpacking. That is a millisecond less while nobody is in view, with
//! the resize, and two more as soon as a face is looked at, for which the whole picture is needed.

use divan::{Bencher, black_box};
use image::ExtendedColorType::Rgb8;
use image::codecs::jpeg::JpegEncoder;
use muster::capture::RgbPicture;
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

fn yuyv_of((width, height): (u32, u32)) -> Vec<u8> {
    (0..width * height * 2).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
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

/// What the detector is given of a large picture.
#[divan::bench]
fn resized_from_1280x720_to_640x360(bencher: Bencher) {
    let picture = RgbPicture::new(HD.0, HD.1, scene(HD)).expect("the sizes fit");
    bencher.bench_local(|| black_box(&picture).resized(640, 360));
}
