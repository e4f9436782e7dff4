//! O-Net, MTCNN's last net, by itself: whether a doubtful box of another detector holds a face.

use crate::capture::RgbPicture;
use crate::face::Rect;
use crate::inference::InferenceError;
use crate::inference::card::{Card, Input};
use crate::inference::net::{Loader, Net};
use crate::inference::resample::{Border, Patch, crop};
use crate::inference::tensor;

/// The net with its numbers.
pub struct OnetJudge {
    net: Net,
    input: Input,
    crop: f32,
    score: f32,
    patch: Patch,
}

impl OnetJudge {
    /// Loads the net of `card`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, loader: &Loader) -> Result<Self, InferenceError> {
        Ok(Self {
            crop: card.needs(card.input.crop, "input.crop")?,
            score: card.needs(card.decode.score, "decode.score")?,
            net: loader.net(&card.files[0])?,
            input: card.input,
            patch: Patch::default(),
        })
    }

    /// The net itself, to be measured.
    pub fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// Whether the net's score of the square around `bounds` reaches the card's.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails.
    pub fn is_face(&mut self, picture: &RgbPicture, bounds: &Rect) -> Result<bool, InferenceError> {
        Ok(self.score_of(picture, bounds)? >= self.score)
    }

    /// The net's score of the square around `bounds`, 0 to 1.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails.
    pub fn score_of(&mut self, picture: &RgbPicture, bounds: &Rect) -> Result<f32, InferenceError> {
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        crop(picture.into(), &bounds.square(self.crop), width, height, Border::Black, &mut self.patch);
        tensor::pack(&self.patch.rgb, width, height, &self.input, self.net.input([1, width, height, 3])?);
        self.net.run(|outputs| Ok(outputs.values(2, 2)?[1]))
    }
}
