//! PNG, BMP, PNM and WebP, by `image`.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{MAX_DECODED_BYTES, MAX_SIDE, Refusal, check_size};
use crate::capture::frame::RgbPicture;

/// The pixels of `bytes`, which begin like `format`.
pub(super) fn decode(bytes: &[u8], format: ImageFormat) -> Result<RgbPicture, Refusal> {
    let name = match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Pnm => "PNM",
        _ => "WebP",
    };
    let damaged = |error: ImageError| Refusal::damaged(name, error);
    if format == ImageFormat::Png && !png_has_end(bytes) {
        return Err(Refusal::damaged(name, "its end is missing"));
    }
    // The reader holds the limits back from the size, so that the message about it is ours; both
    // sides are compared below, before the first allocation for pixels.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(_) => Refusal::TooLarge(format!(
            "the {name} picture needs too much memory: expected at most {MAX_SIDE} pixels a side and {} MiB; \
             save it smaller",
            MAX_DECODED_BYTES / (1024 * 1024)
        )),
        other => damaged(other),
    })?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes())?;
    // A damaged EXIF block is no reason to refuse a picture that is whole.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    let pixels = opaque(picture);
    RgbPicture::new(width, height, pixels).ok_or_else(|| Refusal::damaged(name, "no pixels"))
}

/// 8-bit RGB, with what is transparent laid on white.
fn opaque(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let mut samples = picture.into_rgba8().into_raw();
    let count = samples.len() / 4;
    // In place: pixel i is read at 4i and written at 3i, which no later pixel reads.
    for i in 0..count {
        let alpha = u32::from(samples[4 * i + 3]);
        for channel in 0..3 {
            let value = u32::from(samples[4 * i + channel]);
            samples[3 * i + channel] = ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    samples.truncate(count * 3);
    samples
}

/// Whether the chunks run whole up to the closing one. The decoder is content once it has the
/// pixels, and so would not see that the checksums behind them are missing.
fn png_has_end(bytes: &[u8]) -> bool {
    let mut at = 8usize;
    while let Some(&[a, b, c, d, ref kind @ ..]) = bytes.get(at..at + 8) {
        let Some(next) = at.checked_add(12 + u32::from_be_bytes([a, b, c, d]) as usize) else { return false };
        if kind == b"IEND" {
            return next <= bytes.len();
        }
        at = next;
    }
    false
}
