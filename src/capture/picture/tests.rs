use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Luma, Rgb, RgbImage, Rgba};

use super::*;
use crate::capture::replay::random::SplitMix;

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;
const RED: [u8; 3] = [220, 30, 40];
const GREEN: [u8; 3] = [20, 200, 60];
const BLUE: [u8; 3] = [10, 40, 210];

/// Blue, with a red mark in the first corner of the first row and a green one in the last.
fn marked() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Rgb(match (x, y) {
            (0..16, 0..16) => RED,
            (32.., 0..16) => GREEN,
            _ => BLUE,
        })
    })
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.write_image(marked().as_raw(), WIDTH, HEIGHT, ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// A little TIFF block whose one entry is the orientation.
fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    if big_endian {
        let mut block = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0, 0, 0]);
        block
    } else {
        let mut block = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        block
    }
}

fn near(found: [u8; 3], expected: [u8; 3], tolerance: u8) -> bool {
    found.iter().zip(expected).all(|(f, e)| f.abs_diff(e) <= tolerance)
}

/// Which corner holds `colour`: `(right, bottom)`.
fn corner_of(picture: &RgbPicture, colour: [u8; 3]) -> Option<(bool, bool)> {
    let (right, bottom) = (picture.width() - 5, picture.height() - 5);
    [(false, false), (true, false), (false, true), (true, true)].into_iter().find(|&(to_right, to_bottom)| {
        near(picture.pixel(if to_right { right } else { 4 }, if to_bottom { bottom } else { 4 }), colour, 12)
    })
}

fn refusal(bytes: &[u8]) -> String {
    decode(bytes, "p.jpg").unwrap_err().to_string()
}

#[test]
fn every_format_gives_its_colours() {
    let picture = DynamicImage::ImageRgb8(marked());
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Pnm, ImageFormat::WebP]
    {
        // The name says nothing about the format.
        let decoded = decode(&written(&picture, format), "no-name").unwrap();
        assert_eq!((decoded.width(), decoded.height()), (WIDTH, HEIGHT), "{format:?}");
        let tolerance = if format == ImageFormat::Jpeg { 12 } else { 0 };
        for (x, y, colour) in [(4, 4, RED), (43, 4, GREEN), (24, 28, BLUE)] {
            assert!(near(decoded.pixel(x, y), colour, tolerance), "{format:?} {:?}", decoded.pixel(x, y));
        }
    }
}

#[test]
fn every_orientation_comes_out_upright() {
    // EXIF 2.32, tag 0x0112: where the first pixel of the first row belongs, and the last one,
    // as (right, bottom).
    let (tl, tr, bl, br) = ((false, false), (true, false), (false, true), (true, true));
    let expected = [(tl, tr), (tr, tl), (br, bl), (bl, br), (tl, bl), (tr, br), (br, tr), (bl, tl)];
    for (value, (red, green)) in (1u8..).zip(expected) {
        for big_endian in [false, true] {
            let picture = decode(&jpeg(Some(exif(value, big_endian))), "p").unwrap();
            let size = if value < 5 { (WIDTH, HEIGHT) } else { (HEIGHT, WIDTH) };
            assert_eq!((picture.width(), picture.height()), size, "orientation {value}");
            assert_eq!(corner_of(&picture, RED), Some(red), "orientation {value}");
            assert_eq!(corner_of(&picture, GREEN), Some(green), "orientation {value}");
        }
    }
    for value in [0, 9, 255] {
        assert_eq!(corner_of(&decode(&jpeg(Some(exif(value, false))), "p").unwrap(), RED), Some(tl));
    }
}

#[test]
fn orientation_is_respected_in_png_and_webp() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(6, true)).unwrap();
    encoder.write_image(marked().as_raw(), WIDTH, HEIGHT, ExtendedColorType::Rgb8).unwrap();
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(exif(6, true)).unwrap();
    encoder.write_image(marked().as_raw(), WIDTH, HEIGHT, ExtendedColorType::Rgb8).unwrap();
    for bytes in [png, webp] {
        let picture = decode(&bytes, "p").unwrap();
        assert_eq!((picture.width(), picture.height()), (HEIGHT, WIDTH));
        assert_eq!(corner_of(&picture, RED), Some((true, false)));
    }
}

#[test]
fn sixteen_bits_and_grey_are_widened_to_rgb() {
    let deep = image::ImageBuffer::from_pixel(3, 2, Rgb([65535u16, 257 * 100, 0]));
    for format in [ImageFormat::Png, ImageFormat::Pnm] {
        let picture = decode(&written(&DynamicImage::ImageRgb16(deep.clone()), format), "p").unwrap();
        assert_eq!(picture.pixel(2, 1), [255, 100, 0], "{format:?}");
    }
    let grey = DynamicImage::ImageLuma8(image::ImageBuffer::from_pixel(20, 20, Luma([90u8])));
    for format in [ImageFormat::Png, ImageFormat::Pnm, ImageFormat::Bmp, ImageFormat::Jpeg] {
        let picture = decode(&written(&grey, format), "p").unwrap();
        assert!(near(picture.pixel(10, 10), [90; 3], 1), "{format:?} {:?}", picture.pixel(10, 10));
    }
    let deep_grey = DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 2, Luma([257u16 * 7])));
    assert_eq!(decode(&written(&deep_grey, ImageFormat::Png), "p").unwrap().pixel(0, 0), [7; 3]);
    // A bitmap of one bit: 1 is black.
    assert_eq!(decode(b"P1\n2 1\n0 1\n", "p").unwrap().data(), [255, 255, 255, 0, 0, 0]);
}

#[test]
fn what_is_transparent_lies_on_white() {
    let pixels = image::ImageBuffer::from_fn(3, 1, |x, _| Rgba([200u8, 100, 0, [0, 255, 128][x as usize]]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let picture = decode(&written(&DynamicImage::ImageRgba8(pixels.clone()), format), "p").unwrap();
        assert_eq!(picture.data()[..6], [255, 255, 255, 200, 100, 0], "{format:?}");
        assert!(near(picture.pixel(2, 0), [227, 177, 127], 1), "{format:?} {:?}", picture.pixel(2, 0));
    }
    let deep = image::ImageBuffer::from_pixel(1, 1, Rgba([65535u16, 0, 0, 0]));
    assert_eq!(
        decode(&written(&DynamicImage::ImageRgba16(deep), ImageFormat::Png), "p").unwrap().data(),
        [255; 3]
    );
}

/// A PNG of palette colours, which `image` reads and does not write: two pixels, green and red.
fn palette_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut bytes, b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
    chunk(&mut bytes, b"PLTE", &[255, 0, 0, 0, 255, 0]);
    // zlib: one stored block of the filter byte and two indices.
    chunk(&mut bytes, b"IDAT", &[0x78, 1, 1, 3, 0, 0xFC, 0xFF, 0, 1, 0, 0, 5, 0, 2]);
    chunk(&mut bytes, b"IEND", &[]);
    bytes
}

fn chunk(bytes: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    bytes.extend((data.len() as u32).to_be_bytes());
    let checked: Vec<u8> = kind.iter().chain(data).copied().collect();
    bytes.extend(&checked);
    let crc = checked.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    });
    bytes.extend((!crc).to_be_bytes());
}

#[test]
fn a_palette_gives_its_colours() {
    assert_eq!(decode(&palette_png(), "p").unwrap().data(), [0, 255, 0, 255, 0, 0]);
}

/// An 8x8 JPEG of four components with one flat value each: what an Adobe program writes for print,
/// with `transform` 0 for CMYK and 2 for YCCK. Samples are stored inverted: 255 is no ink.
fn four_components(transform: u8, values: [u8; 4]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xEE, 0, 14];
    out.extend(b"Adobe\0\x64\0\0\0\0");
    out.push(transform);
    out.extend([0xFF, 0xDB, 0, 67, 0]);
    out.extend([1u8; 64]);
    out.extend([0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4]);
    (1..=4u8).for_each(|id| out.extend([id, 0x11, 0]));
    // DC: the twelve categories 0..=11 with four-bit codes. AC: end-of-block alone, as the code 0.
    out.extend([0xFF, 0xC4, 0, 31, 0, 0, 0, 0, 12]);
    out.extend([0; 12]);
    out.extend(0..12u8);
    out.extend([0xFF, 0xC4, 0, 20, 0x10, 1]);
    out.extend([0; 15]);
    out.push(0);
    out.extend([0xFF, 0xDA, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]);
    let mut bits = String::new();
    for value in values {
        // The DC term of a flat block is eight times its value, which is counted from 128.
        let dc = (i32::from(value) - 128) * 8;
        let size = 32 - dc.unsigned_abs().leading_zeros();
        let coded = if dc < 0 { dc + (1 << size) - 1 } else { dc };
        bits += &format!("{size:04b}");
        if size > 0 {
            bits += &format!("{coded:0width$b}", width = size as usize);
        }
        bits.push('0');
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0u8, |value, bit| (value << 1) | (bit - b'0'));
        out.push(byte);
        if byte == 0xFF {
            out.push(0);
        }
    }
    out.extend([0xFF, 0xD9]);
    out
}

#[test]
fn print_colours_are_read() {
    let picture = decode(&four_components(0, [255, 128, 0, 255]), "p").unwrap();
    assert!(near(picture.pixel(4, 4), [255, 128, 0], 2), "{:?}", picture.pixel(4, 4));
    let dark = decode(&four_components(0, [255, 255, 255, 60]), "p").unwrap();
    assert!(near(dark.pixel(4, 4), [60, 60, 60], 2), "{:?}", dark.pixel(4, 4));
    // YCCK: the inks as if they were red, green and blue, turned to YCbCr. All of the first and
    // none of the others is cyan.
    let cyan = decode(&four_components(2, [76, 85, 255, 255]), "p").unwrap();
    assert!(near(cyan.pixel(4, 4), [0, 255, 255], 3), "{:?}", cyan.pixel(4, 4));
}

#[test]
fn what_is_no_picture_is_refused_with_what_was_expected() {
    for (bytes, word) in [
        (&b""[..], "is empty"),
        (b"%PDF-1.7 hello", "is no picture"),
        (b"#!/bin/sh\necho", "is no picture"),
        (b"GIF89a\x01\0\x01\0", "begins like GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC"),
        (b"B", "is no picture"),
    ] {
        let message = refusal(bytes);
        assert!(message.starts_with("p.jpg: ") && message.contains(word), "{message}");
        assert!(message.contains("expected JPEG, PNG, BMP, PNM or WebP"), "{message}");
    }
}

/// The headers of a picture of `width` by `height`, with no pixels behind them.
fn headers(width: u32, height: u32) -> Vec<(&'static str, Vec<u8>)> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(&mut png, b"IHDR", &[&sides[..], &[8, 2, 0, 0, 0]].concat());
    chunk(&mut png, b"IDAT", &[0x78, 1]);
    chunk(&mut png, b"IEND", &[]);
    let mut jpeg = jpeg(None);
    let sof = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[sof + 5..sof + 7].copy_from_slice(&(height as u16).to_be_bytes());
    jpeg[sof + 7..sof + 9].copy_from_slice(&(width as u16).to_be_bytes());
    let mut bmp = written(&DynamicImage::ImageRgb8(marked()), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&width.to_le_bytes());
    bmp[22..26].copy_from_slice(&height.to_le_bytes());
    let pnm = format!("P6\n{width} {height}\n255\n").into_bytes();
    vec![("png", png), ("jpeg", jpeg), ("bmp", bmp), ("pnm", pnm)]
}

#[test]
fn too_many_pixels_are_refused_by_the_header() {
    for (width, height) in [(20_000, 20_000), (16_385, 1), (1, 16_385), (9_000, 9_000)] {
        for (name, bytes) in headers(width, height) {
            let error = decode(&bytes, "p").unwrap_err();
            assert!(matches!(error, PictureError::TooLarge { .. }), "{name} {width}x{height}: {error}");
            assert!(error.to_string().contains("save it smaller"), "{error}");
        }
    }
    // A little within the limits: refused too, but because nothing is behind the header.
    for (name, bytes) in headers(4_000, 4_000) {
        let error = decode(&bytes, "p").unwrap_err();
        assert!(matches!(error, PictureError::Format { .. }), "{name}: {error}");
    }
}

#[test]
fn a_file_cut_short_is_an_error_at_every_length() {
    let png = written(&DynamicImage::ImageRgb8(marked()), ImageFormat::Png);
    for whole in [jpeg(None), jpeg(Some(exif(6, false))), png, palette_png(), four_components(0, [9; 4])] {
        for length in 0..whole.len() {
            assert!(decode(&whole[..length], "p").is_err(), "{length} of {}", whole.len());
        }
        assert!(decode(&whole, "p").is_ok());
    }
    // The others have no mark at their end; nothing may panic.
    for format in [ImageFormat::Bmp, ImageFormat::Pnm, ImageFormat::WebP] {
        let whole = written(&DynamicImage::ImageRgb8(marked()), format);
        for length in 0..whole.len() {
            let _ = decode(&whole[..length], "p");
        }
    }
}

#[test]
fn damaged_bytes_never_get_a_panic_out() {
    let seed: u64 = std::env::var("MUSTER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5EED);
    let runs: u64 = std::env::var("MUSTER_FUZZ_RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(2_000);
    println!("MUSTER_SEED={seed} MUSTER_FUZZ_RUNS={runs}");
    let picture = DynamicImage::ImageRgb8(marked());
    let mut whole: Vec<Vec<u8>> = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Pnm, ImageFormat::WebP]
        .map(|format| written(&picture, format))
        .into();
    whole.extend([jpeg(None), jpeg(Some(exif(5, true))), palette_png(), four_components(2, [70; 4])]);
    let mut random = SplitMix::new(seed);
    for _ in 0..runs {
        let mut bytes = whole[random.below(whole.len() as u64) as usize].clone();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = [0, 0xFF, 0x7F, 0x80][random.below(4) as usize],
                2 => bytes[at] = random.next() as u8,
                _ => drop(bytes.splice(at..at, (0..random.below(9)).map(|i| i as u8))),
            }
        }
        if let Ok(picture) = decode(&bytes, "p") {
            assert!(u64::from(picture.width()) * u64::from(picture.height()) <= MAX_PIXELS);
        }
        assert!(!crate::capture::guard::is_guarded());
    }
}

#[test]
fn only_ordinary_files_of_a_bounded_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("really a png.jpg");
    std::fs::write(&path, written(&DynamicImage::ImageRgb8(marked()), ImageFormat::Png)).unwrap();
    assert_eq!(read(&path).unwrap().width(), WIDTH);

    let large = dir.path().join("large.jpg");
    File::create(&large).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    let message = read(&large).unwrap_err().to_string();
    assert!(message.contains("65 MiB") && message.contains("at most 64 MiB"), "{message}");

    let fifo = dir.path().join("fifo.jpg");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    for path in [fifo.as_path(), dir.path(), Path::new("/dev/zero")] {
        let error = read(path).unwrap_err();
        assert!(matches!(error, PictureError::NotAFile { .. }), "{error}");
    }
    let missing = read(&dir.path().join("nothing.png")).unwrap_err().to_string();
    assert!(missing.contains("nothing.png: cannot be read: No such file"), "{missing}");
}

#[test]
fn the_photographs_of_the_evaluation_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces");
    let Ok(found) = glob::glob(&format!("{}/**/*.[jp][pn]g", root.display())) else { return };
    let mut count = 0;
    for path in found.flatten() {
        read(&path).unwrap_or_else(|error| panic!("{error}"));
        count += 1;
    }
    println!("{count} photographs read; 0 means that {} is not there", root.display());
}
