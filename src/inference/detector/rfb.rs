//! RFB-320: boxes already decoded by the net, as corners in 0..1 of its input, with a score each.

use super::judge::OnetJudge;
use super::{Detector, Overlap, suppress};
use crate::capture::RgbPicture;
use crate::face::{Detection, Rect};
use crate::inference::InferenceError;
use crate::inference::card::{Card, Fit, Input};
use crate::inference::net::{Loader, Net};
use crate::inference::resample::{Patch, Scaler};
use crate::inference::tensor;

/// The net with its numbers, and the net that judges its doubtful boxes.
pub struct Rfb {
    net: Net,
    input: Input,
    numbers: Numbers,
    judge: Option<OnetJudge>,
    scaler: Scaler,
    patch: Patch,
}

/// What the card says.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    fit: Fit,
    score: f32,
    sure_score: f32,
    nms_iou: f32,
    anchors: usize,
}

impl Rfb {
    /// Loads the net of `card`; `judge` has a say in the boxes below the card's `sure_score`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, judge: Option<OnetJudge>, loader: &Loader) -> Result<Self, InferenceError> {
        let d = &card.decode;
        let numbers = Numbers {
            fit: card.needs(d.fit, "decode.fit")?,
            score: card.needs(d.score, "decode.score")?,
            sure_score: card.needs(d.sure_score, "decode.sure_score")?,
            nms_iou: card.needs(d.nms_iou, "decode.nms_iou")?,
            anchors: card.files[0].outputs[0].shape[1].unsigned_abs() as usize,
        };
        let net = loader.net(&card.files[0])?;
        Ok(Self {
            net,
            input: card.input,
            numbers,
            judge,
            scaler: Scaler::default(),
            patch: Patch::default(),
        })
    }

    /// Lays the picture into the input; gives the size in the picture's pixels that the whole input
    /// stands for.
    fn prepare(&mut self, picture: &RgbPicture) -> (f32, f32) {
        let (width, height) = (self.input.width, self.input.height);
        let (placed_width, placed_height) = match self.numbers.fit {
            Fit::Squash => (width, height),
            Fit::Letterbox => letterboxed(picture.width(), picture.height(), width, height),
        };
        self.patch.width = width as usize;
        self.patch.height = height as usize;
        // The sizes fit by their making: nothing is refused here.
        let _ = self.scaler.scale_into(picture.into(), placed_width, placed_height, &mut self.patch);
        tensor::pack(&self.patch.rgb, self.patch.width, self.patch.height, &self.input, &mut self.net.input);
        (
            picture.width() as f32 * width as f32 / placed_width as f32,
            picture.height() as f32 * height as f32 / placed_height as f32,
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

impl Detector for Rfb {
    fn detect(&mut self, picture: &RgbPicture) -> Result<Vec<Detection>, InferenceError> {
        let (x_scale, y_scale) = self.prepare(picture);
        let shape = [1, 3, self.input.height as usize, self.input.width as usize];
        let numbers = self.numbers;
        let mut found = self.net.run(shape, |outputs| {
            let scores = outputs.values(0, numbers.anchors * 2)?;
            let boxes = outputs.values(1, numbers.anchors * 4)?;
            Ok(decode(scores, boxes, numbers.score, x_scale, y_scale))
        })?;
        suppress(&mut found, numbers.nms_iou, Overlap::Union, |face| (face.bounds, face.score));
        found.retain(|face| on_picture(&face.bounds, picture));
        if let Some(judge) = &mut self.judge {
            let mut kept = Vec::with_capacity(found.len());
            for face in found {
                if face.score >= numbers.sure_score || judge.is_face(picture, &face.bounds)? {
                    kept.push(face);
                }
            }
            found = kept;
        }
        Ok(found)
    }
}

/// A box below one pixel, or whose middle lies outside the picture, holds no face to be looked at.
fn on_picture(bounds: &Rect, picture: &RgbPicture) -> bool {
    let center = bounds.center();
    bounds.width >= 1.0
        && bounds.height >= 1.0
        && (0.0..=picture.width() as f32).contains(&center.x)
        && (0.0..=picture.height() as f32).contains(&center.y)
}

/// The boxes whose score reaches `least`, in pixels. What is no number is no box.
fn decode(scores: &[f32], boxes: &[f32], least: f32, x_scale: f32, y_scale: f32) -> Vec<Detection> {
    let pairs = scores.as_chunks::<2>().0.iter().zip(boxes.as_chunks::<4>().0);
    pairs
        .filter(|([_, face], _)| *face >= least)
        .map(|([_, face], [x1, y1, x2, y2])| Detection {
            bounds: Rect::from_corners(x1 * x_scale, y1 * y_scale, x2 * x_scale, y2 * y_scale),
            score: face.clamp(0.0, 1.0),
            points: None,
        })
        .filter(|face| face.bounds.is_finite())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_become_boxes_in_pixels_of_the_picture() {
        let scores = [0.9, 0.1, 0.2, 0.8, 0.65, 0.35, 0.0, f32::NAN];
        let boxes = [
            [0.0, 0.0, 1.0, 1.0],
            [0.25, 0.5, 0.75, 1.1],
            [0.5, 0.5, f32::NAN, f32::INFINITY],
            [0.1, 0.1, 0.2, 0.2],
        ];
        let found = decode(&scores, boxes.as_flattened(), 0.3, 400.0, 200.0);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].score, 0.8);
        let [x, y, w, h] =
            [found[0].bounds.x, found[0].bounds.y, found[0].bounds.width, found[0].bounds.height];
        assert_eq!([x, y, w], [100.0, 100.0, 200.0]);
        assert!((h - 120.0).abs() < 1e-3);
    }

    #[test]
    fn corners_in_the_wrong_order_make_an_empty_box_that_is_dropped() {
        let found = decode(&[0.0, 1.0], &[0.5, 0.5, 0.4, 0.6], 0.3, 100.0, 100.0);
        let picture = RgbPicture::new(100, 100, vec![0u8; 30_000]).unwrap();
        assert!(found.iter().all(|face| !on_picture(&face.bounds, &picture)));
    }

    #[test]
    fn the_letterbox_keeps_the_picture_s_shape() {
        assert_eq!(letterboxed(640, 480, 320, 240), (320, 240));
        assert_eq!(letterboxed(1280, 720, 320, 240), (320, 180));
        assert_eq!(letterboxed(250, 250, 320, 240), (240, 240));
        assert_eq!(letterboxed(1, 20_000, 320, 240), (1, 240));
        assert_eq!(letterboxed(20_000, 1, 320, 240), (320, 1));
    }
}
