//! 68 landmarks of a face in a box.

use super::InferenceError;
use super::card::{Card, Input};
use super::net::{Loader, MOST_AT_ONCE, Net};
use super::resample::{Border, Patch, crop};
use super::tensor;
use crate::capture::RgbPicture;
use crate::face::{Landmarks68, Point, Rect};

/// The net with its numbers.
pub struct Landmarker {
    net: Net,
    input: Input,
    crop: f32,
    patch: Patch,
}

impl Landmarker {
    /// Loads the net of `card`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, loader: &Loader) -> Result<Self, InferenceError> {
        let factor = card.needs(card.input.crop, "input.crop")?;
        Ok(Self {
            net: loader.net_of_rows(&card.files[0])?,
            input: card.input,
            crop: factor,
            patch: Patch::default(),
        })
    }

    /// The net itself, to be measured.
    pub fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// The landmarks of the face in `bounds`, in pixels of `picture`. They may be nonsense where there
    /// is no face; numbers that are none stay so.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails.
    pub fn locate(&mut self, picture: &RgbPicture, bounds: &Rect) -> Result<Landmarks68, InferenceError> {
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        let area = bounds.square(self.crop);
        crop(picture.into(), &area, width, height, Border::Nearest, &mut self.patch);
        let shape = [1, self.input.channels.count(), height, width];
        tensor::pack(&self.patch.rgb, width, height, &self.input, self.net.input(shape)?);
        self.net.run(|outputs| Ok(decode(outputs.values(0, 136)?, &area)))
    }

    /// The landmarks of each face in its box of its picture, as [`locate`](Self::locate) has them; as many at once as
    /// the net takes.
    ///
    /// # Errors
    /// As [`locate`](Self::locate).
    pub fn locate_all(&mut self, faces: &[(&RgbPicture, Rect)]) -> Result<Vec<Landmarks68>, InferenceError> {
        if !self.net.takes_batches() {
            return faces.iter().map(|(picture, bounds)| self.locate(picture, bounds)).collect();
        }
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        let shape = [1, self.input.channels.count(), height, width];
        let length = shape.iter().product();
        let mut found = Vec::with_capacity(faces.len());
        for some in faces.chunks(MOST_AT_ONCE) {
            let tensors = self.net.input_of(some.len(), shape)?.chunks_exact_mut(length);
            for ((picture, bounds), tensor) in some.iter().zip(tensors) {
                let area = bounds.square(self.crop);
                crop((*picture).into(), &area, width, height, Border::Nearest, &mut self.patch);
                tensor::pack(&self.patch.rgb, width, height, &self.input, tensor);
            }
            let batch = self.net.batch();
            self.net.run(|outputs| {
                let rows = outputs.values(0, batch * 136)?.chunks_exact(136);
                let areas = some.iter().map(|(_, bounds)| bounds.square(self.crop));
                found.extend(rows.zip(areas).map(|(row, area)| decode(row, &area)));
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// From x, y in 0..1 of the crop to pixels of the picture.
fn decode(values: &[f32], area: &Rect) -> Landmarks68 {
    let mut points = [Point::default(); 68];
    for (point, [x, y]) in points.iter_mut().zip(values.as_chunks::<2>().0) {
        *point = Point::new(area.x + x * area.width, area.y + y * area.height);
    }
    Landmarks68(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_the_crop_become_points_of_the_picture() {
        let mut values = [0.0; 136];
        values[2..4].copy_from_slice(&[0.5, 0.25]);
        values[134..].copy_from_slice(&[1.0, 1.0]);
        let Landmarks68(points) = decode(&values, &Rect::new(100.0, 200.0, 40.0, 80.0));
        assert_eq!(points[0], Point::new(100.0, 200.0));
        assert_eq!(points[1], Point::new(120.0, 220.0));
        assert_eq!(points[67], Point::new(140.0, 280.0));
    }
}
