//! Laying a face on the template, and its embedding.

use super::InferenceError;
use super::card::{Card, Input};
use super::net::{Loader, Net};
use super::resample::{Border, Patch, warp};
use super::tensor;
use crate::capture::RgbPicture;
use crate::face::{AlignmentTemplate, Embedding, FivePoints};

/// The net with its numbers.
pub struct Embedder {
    net: Net,
    input: Input,
    template: AlignmentTemplate,
    dimension: usize,
    patch: Patch,
}

impl Embedder {
    /// Loads the net of `card`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, loader: &Loader) -> Result<Self, InferenceError> {
        let template = card.needs(card.matching.as_ref(), "matching")?.template();
        let file = &card.files[0];
        let dimension = file.outputs[0].shape[1].unsigned_abs() as usize;
        let net = loader.net(file)?;
        Ok(Self { net, input: card.input, template, dimension, patch: Patch::default() })
    }

    /// The net itself, to be measured.
    pub fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// How many values an embedding has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Lays the face with `points` on the template, ready for [`embed`](Self::embed); whether that
    /// could be done. It cannot where the points coincide or are no numbers.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the runtime has no memory.
    pub fn align(&mut self, picture: &RgbPicture, points: &FivePoints) -> Result<bool, InferenceError> {
        let Some(transform) = self.template.template_from_image(points) else { return Ok(false) };
        let side = self.template.side as usize;
        warp(picture.into(), &transform, side, Border::Black, &mut self.patch);
        let shape = self.input.layout.shape(self.input.channels.count(), side, side);
        tensor::pack(&self.patch.rgb, side, side, &self.input, self.net.input(shape)?);
        Ok(true)
    }

    /// The embedding of the face that was aligned last; none where the net's output has no
    /// direction.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails.
    pub fn embed(&mut self) -> Result<Option<Embedding>, InferenceError> {
        let dimension = self.dimension;
        self.net.run(|outputs| Ok(Embedding::normalised(outputs.values(0, dimension)?.to_vec()).ok()))
    }
}
