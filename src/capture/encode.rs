//! Pixels into the bytes of a picture file.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::frame::RgbPicture;
use crate::face::EncodedCrop;

/// `picture` as a PNG file, without loss; none where the encoder refuses it.
pub fn png(picture: &RgbPicture) -> Option<EncodedCrop> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    let (width, height) = (picture.width(), picture.height());
    encoder.write_image(picture.data(), width, height, ExtendedColorType::Rgb8).ok()?;
    Some(EncodedCrop::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::picture::decode;

    #[test]
    fn a_png_is_read_back_as_it_was() {
        let data: Vec<u8> = (0..9 * 5 * 3).map(|i| (i * 7) as u8).collect();
        let picture = RgbPicture::new(9, 5, data).unwrap();
        let file = png(&picture).unwrap();
        assert_eq!(decode(file.as_bytes(), "a crop").unwrap(), picture);
    }
}
