//! Picture files and bytes into pixels, with bounded memory.
//!
//! The format is told by the content, never by the name. What comes out is 8-bit RGB, upright: the
//! EXIF orientation is applied, 16-bit samples are rounded to 8, grey and palette are widened, and
//! what is transparent lies on white (a scanned or cut-out portrait is made for white paper). Colour
//! profiles are not applied: the nets were trained on pictures read the same way.
//!
//! # Memory
//! Nothing is allocated for pixels before the size in the header is known to be within
//! [`MAX_PIXELS`], [`MAX_SIDE`] and [`MAX_DECODED_BYTES`]. The most that is held at once is the file
//! ([`MAX_FILE_BYTES`]), the decoder's buffers, and two copies of the pixels while they are turned
//! or given out. The decoder's own buffers are within a small factor of the pixels: the largest
//! is a progressive JPEG's, with two bytes a sample.

mod jpeg;
mod raster;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::frame::RgbPicture;
use super::guard::guarded;
use super::pool::PicturePool;

/// The longest side that is read, in pixels: the most a WebP can have, and more than the sensors of
/// common cameras and panoramas of a face need.
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels that are read. Telephones take 50 megapixels; 64 are 192 MiB of RGB, which a small
/// box can still hold.
pub const MAX_PIXELS: u64 = 64 * 1024 * 1024;

/// The most bytes of samples as the file has them (two bytes each where it has 16 bits, four
/// channels where it has alpha): [`MAX_PIXELS`] of 8-bit RGBA.
pub const MAX_DECODED_BYTES: u64 = 256 * 1024 * 1024;

/// The longest file that is read: an uncompressed picture of 20 megapixels, or any compressed one.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

const EXPECTED: &str = "expected JPEG, PNG, BMP, PNM or WebP";

/// Why a picture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be opened.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{path}: is no ordinary file: expected a picture file")]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// More bytes or pixels than are read.
    #[error("{label}: {detail}")]
    TooLarge {
        /// The file as the user wrote it.
        label: String,
        /// How large it is, how large it may be, and what to do.
        detail: String,
    },
    /// The bytes are no picture that can be read.
    #[error("{label}: {detail}")]
    Format {
        /// The file as the user wrote it.
        label: String,
        /// What was found and what was expected.
        detail: String,
    },
}

/// What is wrong with the bytes; the label is put to it in [`decode`].
enum Refusal {
    TooLarge(String),
    Format(String),
}

impl Refusal {
    fn damaged(format: &str, detail: impl std::fmt::Display) -> Self {
        Self::Format(format!(
            "the {format} picture is damaged, cut short or of a kind that is not read ({detail}); save it again as \
             an ordinary JPEG or PNG"
        ))
    }

    fn labelled(self, label: &str) -> PictureError {
        let label = label.to_owned();
        match self {
            Self::TooLarge(detail) => PictureError::TooLarge { label, detail },
            Self::Format(detail) => PictureError::Format { label, detail },
        }
    }
}

/// The pixels of the picture file at `path`. Folders, pipes and devices are refused unread, and so is
/// a file of more than [`MAX_FILE_BYTES`].
///
/// # Errors
/// [`PictureError`] with the file and what to do.
pub fn read(path: &Path) -> Result<RgbPicture, PictureError> {
    decode(&read_bytes(path)?, &path.display().to_string())
}

/// The bytes of the file at `path`, within the same limits as [`read`].
///
/// # Errors
/// [`PictureError`] with the file and what to do.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, PictureError> {
    let io = |source: io::Error| PictureError::Io { path: path.to_owned(), source };
    let not_a_file = || PictureError::NotAFile { path: path.to_owned() };
    // Asked before it is opened, because opening a device can have an effect of its own.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(not_a_file());
    }
    // Another thing may have taken the name since: a pipe must not block here either.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblocking).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    let too_large = |bytes: u64| {
        let detail = format!(
            "{} MiB are too many for a picture: expected at most {} MiB; save it smaller",
            bytes.div_ceil(1024 * 1024),
            MAX_FILE_BYTES / (1024 * 1024)
        );
        PictureError::TooLarge { label: path.display().to_string(), detail }
    };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // A file that grows meanwhile, or says 0 as those under /proc do, is held to the limit too.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The pixels of an encoded picture; `label` names it in messages.
///
/// # Errors
/// [`PictureError::Format`] with what was found, [`PictureError::TooLarge`] past the limits.
pub fn decode(bytes: &[u8], label: &str) -> Result<RgbPicture, PictureError> {
    let outcome = guarded(|| match recognised(bytes)? {
        ImageFormat::Jpeg => jpeg::decode_still(bytes),
        format => raster::decode(bytes, format),
    });
    outcome
        .unwrap_or_else(|| Err(Refusal::Format(format!("the picture is damaged: {EXPECTED}"))))
        .map_err(|refusal| refusal.labelled(label))
}

/// The picture in a camera's motion-JPEG buffer, which may hold more behind it; `None` where it is
/// damaged. Strictly decoded, nothing but what the standard allows is taken for whole.
pub fn decode_motion(buffer: &[u8], strict: bool, pool: &mut PicturePool) -> Option<RgbPicture> {
    guarded(|| jpeg::decode_motion(buffer, strict, pool).ok()).flatten()
}

/// Of a hundred. Faces kept at 95 and embedded again came out as without loss, in a third of the bytes;
/// at 85 the fifth percentile of their cosine to the original fell from 0.88 to 0.80 with small faces among
/// them.
const JPEG_QUALITY: u8 = 95;

/// The picture as the bytes of a JPEG file; `None` where a side is above 65535 pixels.
pub fn encode_jpeg(picture: &RgbPicture) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    let (width, height) = (picture.width(), picture.height());
    encoder.encode(picture.data(), width, height, image::ExtendedColorType::Rgb8).ok()?;
    Some(bytes)
}

/// Which of the formats that are read the bytes begin like.
fn recognised(bytes: &[u8]) -> Result<ImageFormat, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Format(format!("the file is empty: {EXPECTED}")));
    }
    // The brands of ISO base media files that telephones write instead of JPEG.
    if bytes.get(4..8) == Some(b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        if [&b"heic"[..], b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"]
            .contains(&brand)
        {
            return Err(Refusal::Format(format!(
                "is a HEIC or AVIF picture: {EXPECTED}; convert it, for example with `heif-convert`"
            )));
        }
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::Bmp
            | ImageFormat::Pnm
            | ImageFormat::WebP),
        ) => Ok(format),
        Ok(other) => {
            let name = other.extensions_str().first().copied().unwrap_or("unknown").to_uppercase();
            Err(Refusal::Format(format!("begins like {name}: {EXPECTED}; convert it")))
        }
        Err(_) => Err(Refusal::Format(format!("is no picture: {EXPECTED}"))),
    }
}

/// Refuses a size past the limits, before anything is allocated for it.
fn check_size(width: u32, height: u32, decoded_bytes: u64) -> Result<(), Refusal> {
    if width == 0 || height == 0 {
        return Err(Refusal::Format(format!("the picture is {width}x{height} pixels: nothing to see")));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS || decoded_bytes > MAX_DECODED_BYTES {
        return Err(Refusal::TooLarge(format!(
            "{width}x{height} pixels are too many: expected at most {MAX_SIDE} a side, {} megapixels and {} MiB \
             of samples; save it smaller",
            MAX_PIXELS / 1_000_000,
            MAX_DECODED_BYTES / (1024 * 1024),
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
