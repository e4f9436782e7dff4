//! Passive presentation-attack detection: one net on one crop.

mod stage;

pub use stage::PadStage;

use super::InferenceError;
use super::card::{Card, Input};
use super::net::{Loader, MOST_AT_ONCE, Net};
use super::resample::{Border, Patch, crop};
use super::tensor;
use crate::capture::RgbPicture;
use crate::face::{Liveness, Rect};

/// The net with its numbers.
pub struct PadNet {
    net: Net,
    input: Input,
    crop: f32,
    least_crop: f32,
    classes: usize,
    live_class: usize,
    threshold: f32,
    patch: Patch,
}

impl PadNet {
    /// Loads the net of `card`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, loader: &Loader) -> Result<Self, InferenceError> {
        Ok(Self {
            crop: card.needs(card.input.crop, "input.crop")?,
            least_crop: card.needs(card.decode.least_crop, "decode.least_crop")?,
            live_class: card.needs(card.decode.live_class, "decode.live_class")?,
            threshold: card.needs(card.liveness.as_ref(), "liveness")?.threshold,
            classes: card.files[0].outputs[0].shape[1].unsigned_abs() as usize,
            net: loader.net_of_rows(&card.files[0])?,
            input: card.input,
            patch: Patch::default(),
        })
    }

    /// The net itself, to be measured.
    pub fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// The card's threshold: under this mean score, 0 to 1, a presentation counts as an attack.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    /// The probability that the face in `bounds` is live. `bounds` must be the detector's box as its
    /// card maps it: with a box of another size the crop shows more or less than the net was trained on.
    ///
    /// [`Liveness::NotMeasurable`] exactly if the crop, which is the card's `input.crop` times the box,
    /// must be shrunk below `decode.least_crop` times the box to lie inside the picture, or if the net
    /// puts out what is no number.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails.
    pub fn measure(&mut self, picture: &RgbPicture, bounds: &Rect) -> Result<Liveness, InferenceError> {
        let Some(area) = self.area(picture, bounds) else { return Ok(Liveness::NotMeasurable) };
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        crop(picture.into(), &area, width, height, Border::Nearest, &mut self.patch);
        let shape = [1, self.input.channels.count(), height, width];
        tensor::pack(&self.patch.rgb, width, height, &self.input, self.net.input(shape)?);
        let (classes, live_class) = (self.classes, self.live_class);
        self.net.run(|outputs| Ok(outcome(outputs.values(0, classes)?, live_class)))
    }

    /// The same for each face in its box of its picture, as many at once as the net takes.
    ///
    /// # Errors
    /// As [`measure`](Self::measure).
    pub fn measure_all(&mut self, faces: &[(&RgbPicture, Rect)]) -> Result<Vec<Liveness>, InferenceError> {
        if !self.net.takes_batches() {
            return faces.iter().map(|(picture, bounds)| self.measure(picture, bounds)).collect();
        }
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        let shape = [1, self.input.channels.count(), height, width];
        let (length, classes, live_class) = (shape.iter().product(), self.classes, self.live_class);
        let mut found = vec![Liveness::NotMeasurable; faces.len()];
        let areas = faces.iter().enumerate();
        let areas = areas.filter_map(|(place, (picture, bounds))| {
            self.area(picture, bounds).map(|area| (place, *picture, area))
        });
        let areas: Vec<(usize, &RgbPicture, Rect)> = areas.collect();
        for some in areas.chunks(MOST_AT_ONCE) {
            let tensors = self.net.input_of(some.len(), shape)?.chunks_exact_mut(length);
            for ((_, picture, area), tensor) in some.iter().zip(tensors) {
                crop((*picture).into(), area, width, height, Border::Nearest, &mut self.patch);
                tensor::pack(&self.patch.rgb, width, height, &self.input, tensor);
            }
            let batch = self.net.batch();
            self.net.run(|outputs| {
                let rows = outputs.values(0, batch * classes)?.chunks_exact(classes);
                for ((place, ..), row) in some.iter().zip(rows) {
                    found[*place] = outcome(row, live_class);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// What of the picture the net is shown of the face in `bounds`; none where there is too little.
    fn area(&self, picture: &RgbPicture, bounds: &Rect) -> Option<Rect> {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let (area, factor) = crop_area(bounds, self.crop, width, height)?;
        (factor >= self.least_crop).then_some(area)
    }
}

/// What the net's values for one face say.
fn outcome(values: &[f32], live_class: usize) -> Liveness {
    let score = softmax(values, live_class);
    if score.is_finite() { Liveness::Score(score) } else { Liveness::NotMeasurable }
}

/// The box `factor` times as large about its centre, shrunk where it is larger than the picture and
/// then shifted to lie inside; with the factor that is left. None for an empty box.
fn crop_area(bounds: &Rect, factor: f32, width: f32, height: f32) -> Option<(Rect, f32)> {
    if !(bounds.is_finite() && bounds.width >= 1.0 && bounds.height >= 1.0) {
        return None;
    }
    let factor = factor.min(width / bounds.width).min(height / bounds.height);
    let (crop_width, crop_height) = (bounds.width * factor, bounds.height * factor);
    let center = bounds.center();
    // The crop is not larger than the picture but for rounding, so the upper limit is not below 0.
    let x = (center.x - crop_width / 2.0).clamp(0.0, (width - crop_width).max(0.0));
    let y = (center.y - crop_height / 2.0).clamp(0.0, (height - crop_height).max(0.0));
    Some((Rect::new(x, y, crop_width, crop_height), factor))
}

/// The share of class `index` in the softmax of `values`.
fn softmax(values: &[f32], index: usize) -> f32 {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = values.iter().map(|v| (v - largest).exp()).sum();
    (values[index] - largest).exp() / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_lies_about_the_box_where_there_is_room() {
        let (area, factor) = crop_area(&Rect::new(100.0, 100.0, 20.0, 30.0), 2.0, 640.0, 480.0).unwrap();
        assert_eq!((area, factor), (Rect::new(90.0, 85.0, 40.0, 60.0), 2.0));
    }

    #[test]
    fn it_is_shifted_at_the_border() {
        let (area, factor) = crop_area(&Rect::new(-4.0, 470.0, 20.0, 30.0), 2.0, 640.0, 480.0).unwrap();
        assert_eq!((area, factor), (Rect::new(0.0, 420.0, 40.0, 60.0), 2.0));
    }

    #[test]
    fn it_is_shrunk_where_the_picture_is_too_small() {
        let (area, factor) = crop_area(&Rect::new(20.0, 20.0, 50.0, 60.0), 2.7, 100.0, 90.0).unwrap();
        assert_eq!(factor, 1.5);
        assert_eq!(area, Rect::new(7.5, 0.0, 75.0, 90.0));
        assert!(crop_area(&Rect::new(0.0, 0.0, 0.0, 5.0), 2.7, 100.0, 90.0).is_none());
        assert!(crop_area(&Rect::new(f32::NAN, 0.0, 5.0, 5.0), 2.7, 100.0, 90.0).is_none());
    }

    #[test]
    fn softmax_is_stable_and_keeps_nonsense_visible() {
        assert!((softmax(&[1000.0, 1000.0], 0) - 0.5).abs() < 1e-6);
        assert!((softmax(&[0.0, 0.0, f32::ln(2.0)], 2) - 0.5).abs() < 1e-6);
        assert!(softmax(&[f32::NAN, 0.0], 1).is_nan());
    }
}
