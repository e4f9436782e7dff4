//! JPEG, by zune-jpeg.

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{MAX_SIDE, Refusal, check_size};
use crate::capture::frame::RgbPicture;
use crate::capture::pool::PicturePool;

/// A photograph: whole, or an error. The decoder's strict mode and the end marker see to that:
/// without them a file that was cut short comes out with a grey lower half. (A file with a piece
/// missing in the middle and its end marker in place is not told from a whole one.)
pub(super) fn decode_still(bytes: &[u8]) -> Result<RgbPicture, Refusal> {
    if segments(bytes).end.is_none() {
        return Err(Refusal::damaged("JPEG", "its end is missing"));
    }
    let mut opened = open(bytes, true)?;
    let orientation = opened.decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let pixels = opened.decoder.decode().map_err(damaged)?;
    let pixels = RgbImage::from_raw(opened.width, opened.height, pixels)
        .ok_or_else(|| Refusal::damaged("JPEG", "no colour that is known"))?;
    let picture = match orientation {
        None | Some(Orientation::NoTransforms) => pixels,
        Some(orientation) => {
            let mut turned = DynamicImage::ImageRgb8(pixels);
            turned.apply_orientation(orientation);
            turned.into_rgb8()
        }
    };
    let (width, height) = picture.dimensions();
    RgbPicture::new(width, height, picture.into_raw()).ok_or_else(|| Refusal::damaged("JPEG", "no pixels"))
}

fn damaged(error: zune_jpeg::errors::DecodeErrors) -> Refusal {
    Refusal::damaged("JPEG", shortened(&error.to_string()))
}

/// A JPEG whose headers were read.
struct Opened<'a> {
    decoder: JpegDecoder<ZCursor<&'a [u8]>>,
    width: u32,
    height: u32,
}

/// Reads the headers, with the limits of this module. What EXIF says is not applied.
fn open(bytes: &[u8], strict: bool) -> Result<Opened<'_>, Refusal> {
    // The decoder's own limit is left above ours, so that the message is ours.
    let header_limit = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(header_limit)
        .set_max_height(header_limit)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (width, height) =
        (u32::try_from(width).unwrap_or(MAX_SIDE + 1), u32::try_from(height).unwrap_or(MAX_SIDE + 1));
    check_size(width, height, u64::from(width) * u64::from(height) * 3)?;
    // A block of coefficients takes a bit at least, and a unit of blocks covers 32x32 pixels at most. So
    // a header alone can not cost the work and the memory of a large picture.
    if (bytes.len() as u64) * 8 < u64::from(width) * u64::from(height) / (32 * 32) {
        return Err(Refusal::damaged("JPEG", "fewer bytes than its size needs"));
    }
    Ok(Opened { decoder, width, height })
}

/// A camera's JPEG: the first picture in a buffer that may hold more behind it. Cameras leave out the
/// Huffman tables where they are the standard's. EXIF is not looked at: no camera writes it here.
pub(super) fn decode_motion(
    buffer: &[u8],
    strict: bool,
    pool: &mut PicturePool,
) -> Result<RgbPicture, Refusal> {
    let segments = segments(buffer);
    let end = segments.end.ok_or_else(|| Refusal::damaged("JPEG", "its end is missing"))?;
    let mut bytes = Cow::Borrowed(&buffer[..end]);
    if !segments.huffman_tables {
        // The decoder puts the standard tables in where a segment says that this is motion JPEG.
        bytes = [&buffer[..2], b"\xFF\xE0\0\x07AVI1\0", &buffer[2..end]].concat().into();
    }
    let Opened { mut decoder, width, height } = open(&bytes, strict)?;
    if decoder.output_buffer_size() != Some(width as usize * height as usize * 3) {
        return Err(Refusal::damaged("JPEG", "no colour that is known"));
    }
    let filled = pool.picture(width, height, |pixels| decoder.decode_into(pixels).map_err(damaged));
    filled?.ok_or_else(|| Refusal::damaged("JPEG", "no pixels"))
}

/// What lies where in a JPEG.
struct Segments {
    /// Whether Huffman tables come before the first scan.
    huffman_tables: bool,
    /// Behind the first end-of-image marker that follows the start of the first scan. Within
    /// entropy-coded data 0xFF is always followed by 0, so it cannot be met there by chance.
    end: Option<usize>,
}

fn segments(bytes: &[u8]) -> Segments {
    let mut found = Segments { huffman_tables: false, end: None };
    let mut at = 2;
    while let Some(&[first, marker]) = bytes.get(at..at + 2) {
        match (first, marker) {
            // Fill bytes, and what some programs leave between segments: for the decoder to judge.
            (0..=0xFE, _) | (0xFF, 0 | 0xFF) => at += 1,
            (0xFF, 0x01 | 0xD0..=0xD8) => at += 2,
            (0xFF, 0xD9) => return found,
            (0xFF, _) => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return found };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                found.huffman_tables |= marker == 0xC4;
                if marker == 0xDA {
                    let scan = bytes.get(at..).unwrap_or_default();
                    let marker = scan.windows(2).position(|pair| pair == [0xFF, 0xD9]);
                    found.end = marker.map(|position| at + position + 2);
                    return found;
                }
            }
        }
    }
    found
}

/// Decoders' messages can carry pages of numbers; one line is enough.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(120).collect()
}
