//! RFB-320: boxes already decoded by the net, as corners in 0..1 of its input, with a score each.

use super::judge::OnetJudge;
use super::placement::{Canvas, Placement};
use super::{Detector, Overlap, judged, on_picture, suppress};
use crate::capture::RgbPicture;
use crate::face::{Detection, Rect};
use crate::inference::InferenceError;
use crate::inference::card::{Card, Fit, Input};
use crate::inference::net::{Loader, Net};

/// The net with its numbers, and the net that judges its doubtful boxes.
pub struct Rfb {
    net: Net,
    input: Input,
    numbers: Numbers,
    judge: Option<OnetJudge>,
    canvas: Canvas,
    /// Kept for its memory.
    found: Vec<Detection>,
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
        Ok(Self { net, input: card.input, numbers, judge, canvas: Canvas::default(), found: Vec::new() })
    }
}

impl Detector for Rfb {
    fn detect(&mut self, picture: &RgbPicture) -> Result<Vec<Detection>, InferenceError> {
        let Self { net, input, numbers, judge, canvas, found } = self;
        let placement = Placement::fixed(picture, input.width, input.height, numbers.fit);
        let shape = [1, 3, input.height as usize, input.width as usize];
        canvas.lay(picture, &placement, input, net.input(shape)?);
        // The net's corners are in 0..1 of the whole input.
        let (x_scale, y_scale) = placement.picture_per_input(picture);
        let (x_scale, y_scale) = (x_scale * input.width as f32, y_scale * input.height as f32);
        found.clear();
        net.run(|outputs| {
            let scores = outputs.values(0, numbers.anchors * 2)?;
            let boxes = outputs.values(1, numbers.anchors * 4)?;
            found.extend(decode(scores, boxes, numbers.score, x_scale, y_scale));
            Ok(())
        })?;
        suppress(found, numbers.nms_iou, Overlap::Union, |face| (face.bounds, face.score));
        found.retain(|face| on_picture(&face.bounds, picture));
        judged(found, Some(numbers.sure_score), judge.as_mut(), picture)?;
        Ok(found.clone())
    }

    fn nets(&mut self) -> Vec<&mut Net> {
        let judge = self.judge.as_mut().map(OnetJudge::net);
        [Some(&mut self.net), judge].into_iter().flatten().collect()
    }
}

/// The boxes whose score reaches `least`, in pixels. What is no number is no box.
fn decode(
    scores: &[f32],
    boxes: &[f32],
    least: f32,
    x_scale: f32,
    y_scale: f32,
) -> impl Iterator<Item = Detection> {
    let pairs = scores.as_chunks::<2>().0.iter().zip(boxes.as_chunks::<4>().0);
    pairs
        .filter(move |([_, face], _)| *face >= least)
        .map(move |([_, face], [x1, y1, x2, y2])| Detection {
            bounds: Rect::from_corners(x1 * x_scale, y1 * y_scale, x2 * x_scale, y2 * y_scale),
            score: face.clamp(0.0, 1.0),
            points: None,
        })
        .filter(|face| face.bounds.is_finite())
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
        let found: Vec<_> = decode(&scores, boxes.as_flattened(), 0.3, 400.0, 200.0).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].score, 0.8);
        let [x, y, w, h] =
            [found[0].bounds.x, found[0].bounds.y, found[0].bounds.width, found[0].bounds.height];
        assert_eq!([x, y, w], [100.0, 100.0, 200.0]);
        assert!((h - 120.0).abs() < 1e-3);
    }

    #[test]
    fn corners_in_the_wrong_order_make_an_empty_box_that_is_dropped() {
        let mut found = decode(&[0.0, 1.0], &[0.5, 0.5, 0.4, 0.6], 0.3, 100.0, 100.0);
        let picture = RgbPicture::new(100, 100, vec![0u8; 30_000]).unwrap();
        assert!(found.all(|face| !on_picture(&face.bounds, &picture)));
    }
}
