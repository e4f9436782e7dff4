//! How a picture of any shape is laid into a detector's input: shared by all detectors that look at
//! a picture once.

use crate::capture::RgbPicture;
use crate::inference::card::{Fit, Input};
use crate::inference::resample::{Patch, Scaler};
use crate::inference::tensor;

/// The size of an input, and of the picture in its top left corner, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Columns of the input.
    pub width: u32,
    /// Rows of the input.
    pub height: u32,
    placed_width: u32,
    placed_height: u32,
}

impl Placement {
    /// For a net whose input is always `width` by `height` pixels.
    pub fn fixed(picture: &RgbPicture, width: u32, height: u32, fit: Fit) -> Self {
        let (placed_width, placed_height) = match fit {
            Fit::Squash => (width, height),
            Fit::Letterbox => letterboxed(picture.width(), picture.height(), width, height),
        };
        Self { width, height, placed_width, placed_height }
    }

    /// For a net that takes any size: the picture scaled down so that its longer side is at most
    /// `longest_side`, in an input whose sides are the next multiples of `multiple`.
    pub fn free(picture: &RgbPicture, longest_side: u32, multiple: u32) -> Self {
        let longest = f64::from(picture.width().max(picture.height()));
        let scale = (f64::from(longest_side) / longest).min(1.0);
        let placed = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let (placed_width, placed_height) = (placed(picture.width()), placed(picture.height()));
        Self {
            width: placed_width.next_multiple_of(multiple.max(1)),
            height: placed_height.next_multiple_of(multiple.max(1)),
            placed_width,
            placed_height,
        }
    }

    /// How many pixels of `picture` one pixel of the input stands for, across and down.
    pub fn picture_per_input(&self, picture: &RgbPicture) -> (f32, f32) {
        (
            picture.width() as f32 / self.placed_width as f32,
            picture.height() as f32 / self.placed_height as f32,
        )
    }
}

/// The largest size of the picture's shape inside the input, at least one pixel.
fn letterboxed(picture_width: u32, picture_height: u32, width: u32, height: u32) -> (u32, u32) {
    let scale =
        (f64::from(width) / f64::from(picture_width)).min(f64::from(height) / f64::from(picture_height));
    let placed = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
    (placed(picture_width, width), placed(picture_height, height))
}

/// Lays pictures into inputs; keeps its memory.
#[derive(Debug, Default)]
pub struct Canvas {
    scaler: Scaler,
    patch: Patch,
}

impl Canvas {
    /// Writes `picture`, placed as `placement` says and black in the rest, over `tensor` as `input`
    /// wants its values.
    pub fn lay(&mut self, picture: &RgbPicture, placement: &Placement, input: &Input, tensor: &mut [f32]) {
        self.patch.width = placement.width as usize;
        self.patch.height = placement.height as usize;
        let (width, height) = (placement.placed_width, placement.placed_height);
        // The sizes fit by their making: nothing is refused here.
        let _ = self.scaler.scale_into(picture.into(), width, height, &mut self.patch);
        tensor::pack(&self.patch.rgb, self.patch.width, self.patch.height, input, tensor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> RgbPicture {
        RgbPicture::new(width, height, vec![0u8; (width * height * 3) as usize]).unwrap()
    }

    #[test]
    fn the_letterbox_keeps_the_picture_s_shape() {
        assert_eq!(letterboxed(640, 480, 320, 240), (320, 240));
        assert_eq!(letterboxed(1280, 720, 320, 240), (320, 180));
        assert_eq!(letterboxed(250, 250, 320, 240), (240, 240));
        assert_eq!(letterboxed(1, 20_000, 320, 240), (1, 240));
        assert_eq!(letterboxed(20_000, 1, 320, 240), (320, 1));
    }

    #[test]
    fn a_free_input_is_a_multiple_and_never_larger_than_the_picture_needs() {
        let sizes = |width, height| {
            let p = Placement::free(&picture(width, height), 640, 32);
            [p.width, p.height, p.placed_width, p.placed_height]
        };
        assert_eq!(sizes(1280, 720), [640, 384, 640, 360]);
        assert_eq!(sizes(150, 150), [160, 160, 150, 150]);
        assert_eq!(sizes(640, 32), [640, 32, 640, 32]);
        assert_eq!(sizes(1, 3000), [32, 640, 1, 640]);
        assert_eq!(sizes(1, 1), [32, 32, 1, 1]);
    }

    #[test]
    fn pixels_of_the_input_stand_for_pixels_of_the_picture() {
        let picture = picture(1280, 720);
        let free = Placement::free(&picture, 640, 32);
        assert_eq!(free.picture_per_input(&picture), (2.0, 2.0));
        let squashed = Placement::fixed(&picture, 320, 240, Fit::Squash);
        assert_eq!(squashed.picture_per_input(&picture), (4.0, 3.0));
    }
}
