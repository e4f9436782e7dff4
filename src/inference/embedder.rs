//! Laying a face on the template, and its embedding.

use super::InferenceError;
use super::card::{Card, Input};
use super::net::{Loader, MOST_AT_ONCE, Net};
use super::resample::{Border, Patch, warp};
use super::tensor;
use crate::capture::RgbPicture;
use crate::face::{AlignmentTemplate, Embedding, FivePoints, SimilarityTransform};

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
        let net = loader.net_of_rows(file)?;
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

    /// Whether the net takes several faces at once.
    pub fn takes_batches(&self) -> bool {
        self.net.takes_batches()
    }

    /// The embedding of each face with its points in its picture, as [`align`](Self::align) and
    /// [`embed`](Self::embed) have it, as many at once as the net takes; none for a face that cannot be aligned,
    /// or has none.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub fn embed_all(
        &mut self,
        faces: &[(&RgbPicture, FivePoints)],
    ) -> Result<Vec<Option<Embedding>>, InferenceError> {
        let side = self.template.side as usize;
        let shape = self.input.layout.shape(self.input.channels.count(), side, side);
        let (length, dimension) = (shape.iter().product(), self.dimension);
        let at_once = if self.net.takes_batches() { MOST_AT_ONCE } else { 1 };
        let mut found = vec![None; faces.len()];
        let alignable = faces.iter().enumerate().filter_map(|(place, (picture, points))| {
            self.template.template_from_image(points).map(|transform| (place, *picture, transform))
        });
        let alignable: Vec<(usize, &RgbPicture, SimilarityTransform)> = alignable.collect();
        for some in alignable.chunks(at_once) {
            let tensors = self.net.input_of(some.len(), shape)?.chunks_exact_mut(length);
            for ((_, picture, transform), tensor) in some.iter().zip(tensors) {
                warp((*picture).into(), transform, side, Border::Black, &mut self.patch);
                tensor::pack(&self.patch.rgb, side, side, &self.input, tensor);
            }
            let batch = self.net.batch();
            self.net.run(|outputs| {
                let rows = outputs.values(0, batch * dimension)?.chunks_exact(dimension);
                for ((place, ..), row) in some.iter().zip(rows) {
                    found[*place] = Embedding::normalised(row.to_vec()).ok();
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}
