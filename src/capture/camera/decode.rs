//! A camera's buffers into pictures.

use super::mode::{CameraMode, Encoding};
use crate::capture::frame::RgbPicture;
use crate::capture::picture;
use crate::capture::pool::PicturePool;

/// After how many frames in a row that only a lenient decoder takes, a camera's JPEG is held to be of a
/// dialect of its own rather than damaged.
const DIALECT_AFTER: u32 = 10;

/// After how many JPEGs in a row of one other size than the mode's, that size is what the camera gives. Some
/// name a size in their list that they do not keep to, and the buffers say which it is; a single one is an
/// older picture in the buffer, or a damaged header.
const RESIZED_AFTER: u32 = 10;

/// Decodes one stream.
pub struct FrameDecoder {
    mode: CameraMode,
    strict: bool,
    lenient_in_a_row: u32,
    /// Another size than the mode's, and how many had it in a row.
    other_size: ((u32, u32), u32),
    pool: PicturePool,
}

impl FrameDecoder {
    /// For a stream of this mode.
    pub fn new(mode: CameraMode) -> Self {
        Self {
            mode,
            strict: true,
            lenient_in_a_row: 0,
            other_size: ((0, 0), 0),
            pool: PicturePool::default(),
        }
    }

    /// The picture in a buffer, or `None` where it is damaged. What lies behind the picture in the
    /// buffer is not looked at: drivers hand out whole buffers, with zeros or an older picture there.
    pub fn decode(&mut self, raw: &[u8]) -> Option<RgbPicture> {
        match self.mode.encoding {
            Encoding::Yuyv => yuyv(raw, self.mode.width, self.mode.height, &mut self.pool),
            Encoding::Mjpeg => self.mjpeg(raw).filter(|picture| self.has_its_size(picture)),
        }
    }

    /// Whether a picture has the size that was agreed on, or by now the one that the camera keeps to.
    fn has_its_size(&mut self, picture: &RgbPicture) -> bool {
        let size = (picture.width(), picture.height());
        if size == (self.mode.width, self.mode.height) {
            self.other_size.1 = 0;
            return true;
        }
        let before = if self.other_size.0 == size { self.other_size.1 } else { 0 };
        self.other_size = (size, before + 1);
        if self.other_size.1 < RESIZED_AFTER {
            return false;
        }
        tracing::warn!(
            asked = %self.mode, width = size.0, height = size.1, "the camera gives pictures of another size than agreed on"
        );
        (self.mode.width, self.mode.height) = size;
        true
    }

    /// Strictly, so that a frame the bus has lost a piece of is left out; unless the camera's frames are
    /// never strictly right.
    fn mjpeg(&mut self, raw: &[u8]) -> Option<RgbPicture> {
        let picture = picture::decode_motion(raw, self.strict, &mut self.pool);
        if picture.is_some() || !self.strict {
            self.lenient_in_a_row = 0;
            return picture;
        }
        if picture::decode_motion(raw, false, &mut self.pool).is_some() {
            self.lenient_in_a_row += 1;
            if self.lenient_in_a_row >= DIALECT_AFTER {
                tracing::warn!(
                    "the camera's JPEG departs from the standard; damaged frames are not told apart now"
                );
                self.strict = false;
            }
        } else {
            self.lenient_in_a_row = 0;
        }
        None
    }
}

/// YUYV 4:2:2 to RGB, by ITU-R BT.601 with luma 16 to 235, which is what V4L2 means by it unless a
/// driver says otherwise. `None` where bytes are missing or the width is odd.
fn yuyv(raw: &[u8], width: u32, height: u32, pool: &mut PicturePool) -> Option<RgbPicture> {
    let pixels = (width as usize).checked_mul(height as usize)?;
    let packed = raw.get(..pixels.checked_mul(2)?)?;
    if !width.is_multiple_of(2) {
        return None;
    }
    let filled = pool.picture(width, height, |data| {
        unpack(packed, data);
        Ok::<_, std::convert::Infallible>(())
    });
    filled.ok().flatten()
}

/// The same for bytes that are all there.
fn unpack(packed: &[u8], data: &mut [u8]) {
    let byte = |value: i32| (value >> 8).clamp(0, 255) as u8;
    // Straight on, without loops inside: those are left in by the compiler and take eight times as long.
    for (two, [first, cb, second, cr]) in data.as_chunks_mut().0.iter_mut().zip(packed.as_chunks().0) {
        let (blue, red) = (i32::from(*cb) - 128, i32::from(*cr) - 128);
        // The factors are BT.601's times 256.
        let (r, g, b) = (409 * red + 128, -100 * blue - 208 * red + 128, 516 * blue + 128);
        let (first, second) = (298 * (i32::from(*first) - 16), 298 * (i32::from(*second) - 16));
        *two = [
            byte(first + r),
            byte(first + g),
            byte(first + b),
            byte(second + r),
            byte(second + g),
            byte(second + b),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg_mode() -> CameraMode {
        CameraMode { width: 16, height: 16, fps: 30, encoding: Encoding::Mjpeg }
    }

    /// A flat picture as a camera would send it.
    fn jpeg(colour: [u8; 3]) -> Vec<u8> {
        jpeg_of(colour, 16)
    }

    fn jpeg_of(colour: [u8; 3], side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
        let pixels = colour.repeat((side * side) as usize);
        let kind = image::ExtendedColorType::Rgb8;
        image::ImageEncoder::write_image(encoder, &pixels, side, side, kind).unwrap();
        bytes
    }

    fn of_yuyv(raw: &[u8], width: u32, height: u32) -> Option<RgbPicture> {
        yuyv(raw, width, height, &mut PicturePool::default())
    }

    fn near(found: [u8; 3], expected: [u8; 3], tolerance: u8) -> bool {
        found.iter().zip(expected).all(|(f, e)| f.abs_diff(e) <= tolerance)
    }

    #[test]
    fn known_patches_have_their_colours() {
        // 75 % and full colour bars as ITU-R BT.601 gives them: Y, Cb, Cr.
        for ([y, cb, cr], rgb) in [
            ([235, 128, 128], [255, 255, 255]),
            ([16, 128, 128], [0, 0, 0]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
            ([162, 44, 142], [191, 191, 0]),
            ([126, 128, 128], [128, 128, 128]),
            ([0, 0, 0], [0, 135, 0]),
            ([255, 255, 255], [255, 125, 255]),
        ] {
            let picture = of_yuyv(&[y, cb, y, cr].repeat(4), 4, 2).unwrap();
            assert!(near(picture.pixel(3, 1), rgb, 2), "{y} {cb} {cr}: {:?}", picture.pixel(3, 1));
        }
    }

    /// What ITU-R BT.601 says of a luma of 16 to 235 and differences of 16 to 240.
    fn by_the_book([y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let (y, cb, cr) = (f64::from(y) - 16.0, f64::from(cb) - 128.0, f64::from(cr) - 128.0);
        let (y, cb, cr) = (y / 219.0, cb / 224.0, cr / 224.0);
        let (red, blue) = (y + 1.402 * cr, y + 1.772 * cb);
        let green = (y - 0.299 * red - 0.114 * blue) / 0.587;
        [red, green, blue].map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8)
    }

    #[test]
    fn every_colour_is_what_the_standard_says_in_rows_of_every_length() {
        for width in [2u32, 14, 16, 30, 32, 62, 64, 98, 640] {
            let packed: Vec<u8> =
                (0..width * 2 * 40).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let picture = of_yuyv(&packed, width, 40).unwrap();
            for (at, four) in packed.chunks_exact(4).enumerate() {
                let (x, y) = ((at as u32 * 2) % width, (at as u32 * 2) / width);
                for (x, luma) in [(x, four[0]), (x + 1, four[2])] {
                    let (found, expected) = (picture.pixel(x, y), by_the_book([luma, four[1], four[3]]));
                    assert!(near(found, expected, 2), "{width}: {found:?}, expected {expected:?}");
                }
            }
        }
    }

    #[test]
    fn luma_is_per_pixel_and_the_rest_of_the_buffer_is_not_looked_at() {
        let picture = of_yuyv(&[16, 128, 235, 128, 99, 99, 99], 2, 1).unwrap();
        assert_eq!(picture.data(), [0, 0, 0, 255, 255, 255]);
        assert!(of_yuyv(&[0; 7], 4, 1).is_none() && of_yuyv(&[0; 99], 3, 1).is_none());
        assert!(of_yuyv(&[0; 7], u32::MAX, u32::MAX).is_none());
    }

    #[test]
    fn padding_and_an_older_picture_behind_a_frame_do_no_harm() {
        let (red, blue) = (jpeg([200, 20, 20]), jpeg([20, 20, 200]));
        for rest in [vec![], vec![0; 5000], blue.clone(), blue[100..].to_vec()] {
            let mut decoder = FrameDecoder::new(jpeg_mode());
            let picture = decoder.decode(&[red.clone(), rest].concat()).unwrap();
            assert!(near(picture.pixel(8, 8), [200, 20, 20], 8), "{:?}", picture.pixel(8, 8));
        }
    }

    #[test]
    fn frames_without_huffman_tables_are_read_with_the_standard_ones() {
        // The encoder writes the standard tables: a camera that leaves them out means the same.
        let mut whole = jpeg([30, 160, 90]);
        while let Some(at) = whole.windows(2).position(|pair| pair == [0xFF, 0xC4]) {
            let length = usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
            whole.drain(at..at + 2 + length);
        }
        let picture = FrameDecoder::new(jpeg_mode()).decode(&whole).unwrap();
        assert!(near(picture.pixel(8, 8), [30, 160, 90], 8), "{:?}", picture.pixel(8, 8));
    }

    #[test]
    fn a_damaged_frame_is_none() {
        let whole = jpeg([200, 20, 20]);
        let mut decoder = FrameDecoder::new(jpeg_mode());
        for length in 0..whole.len() {
            assert!(decoder.decode(&[&whole[..length], &[0; 64][..]].concat()).is_none(), "cut at {length}");
        }
        assert!(decoder.decode(&[0xA5; 4000]).is_none());
        assert!(decoder.decode(&whole).is_some());
        assert!(decoder.strict);
    }

    #[test]
    fn a_dialect_is_accepted_after_a_while() {
        let mut odd = jpeg([200, 20, 20]);
        // Bytes between two segments: strictly wrong, and harmless.
        odd.splice(2..2, [1, 2, 3, 4, 5, 6]);
        let mut decoder = FrameDecoder::new(jpeg_mode());
        let taken: Vec<bool> = (0..DIALECT_AFTER + 2).map(|_| decoder.decode(&odd).is_some()).collect();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 2, "{taken:?}");
    }
    #[test]
    fn a_picture_of_another_size_is_damaged_until_it_is_the_rule() {
        let (right, wrong) = (jpeg([9, 9, 9]), jpeg_of([9, 9, 9], 8));
        let mut decoder = FrameDecoder::new(jpeg_mode());
        for _ in 0..3 {
            for _ in 1..RESIZED_AFTER {
                assert!(decoder.decode(&wrong).is_none());
            }
            assert!(decoder.decode(&right).is_some());
        }
        // Sizes that change with every frame are no rule.
        for side in 1..=RESIZED_AFTER * 2 {
            assert_eq!(decoder.decode(&jpeg_of([9, 9, 9], side)).is_some(), side == 16, "{side}");
        }
        let taken = (0..RESIZED_AFTER + 2).filter(|_| decoder.decode(&wrong).is_some()).count();
        assert_eq!(taken, 3);
        assert!(decoder.decode(&right).is_none());
    }
}
