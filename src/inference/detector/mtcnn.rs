//! MTCNN, whole: three nets one after the other over an image pyramid (Zhang, Zhang, Li, Qiao:
//! "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE
//! Signal Processing Letters 23(10), 2016). The first proposes windows on every level, the second
//! throws out most of them, the third gives the box and the five points.
//!
//! The weights come from a column-major training, so every tensor has its columns before its rows.

use super::{Detector, Overlap, suppress};
use crate::capture::RgbPicture;
use crate::face::{Detection, FivePoints, Point, Rect};
use crate::inference::InferenceError;
use crate::inference::card::{Card, Input};
use crate::inference::net::{Loader, Net};
use crate::inference::resample::{Border, Patch, Pixels, Scaler, crop};
use crate::inference::tensor;

/// The first net's window and the step between two windows, in pixels of a level.
const WINDOW: f32 = 12.0;
const STRIDE: f32 = 2.0;
/// Sides of the second and the third net's inputs; the checks of a card hold it to them.
const RNET_SIDE: usize = 24;
const ONET_SIDE: usize = 48;
/// So many windows are looked at at once: bounds the memory of a picture full of patterns.
const BATCH: usize = 64;

/// The three nets with their numbers.
pub struct Mtcnn {
    pnet: Net,
    rnet: Net,
    onet: Net,
    input: Input,
    numbers: Numbers,
    scaler: Scaler,
    base: Patch,
    level: Patch,
    window: Patch,
}

/// What the card says.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    longest_side: u32,
    min_face: u32,
    pyramid_factor: f32,
    scores: [f32; 3],
    overlaps: [f32; 4],
}

/// A window that may hold a face.
#[derive(Debug, Clone, Copy)]
struct Window {
    bounds: Rect,
    score: f32,
    /// How far each edge must be moved, in widths and heights of the box: left, top, right, bottom.
    regression: [f32; 4],
    points: Option<FivePoints>,
}

impl Window {
    fn refined(&self) -> Rect {
        self.bounds.with_edges_moved(self.regression)
    }

    fn key(&self) -> (Rect, f32) {
        (self.bounds, self.score)
    }
}

impl Mtcnn {
    /// Loads the nets of `card`.
    ///
    /// # Errors
    /// [`InferenceError`] where a net cannot be loaded.
    pub fn open(card: &Card, loader: &Loader) -> Result<Self, InferenceError> {
        let d = &card.decode;
        let net = |role: &str| loader.net(card.needs(card.file(role), "files.role")?);
        Ok(Self {
            pnet: net("pnet")?,
            rnet: net("rnet")?,
            onet: net("onet")?,
            input: card.input,
            numbers: Numbers {
                longest_side: card.needs(d.longest_side, "decode.longest_side")?,
                min_face: card.needs(d.min_face, "decode.min_face")?,
                pyramid_factor: card.needs(d.pyramid_factor, "decode.pyramid_factor")?,
                scores: card.needs(d.stage_scores, "decode.stage_scores")?,
                overlaps: card.needs(d.stage_iou, "decode.stage_iou")?,
            },
            scaler: Scaler::default(),
            base: Patch::default(),
            level: Patch::default(),
            window: Patch::default(),
        })
    }

    /// Windows of every level of the pyramid, refined and made square.
    fn propose(&mut self) -> Result<Vec<Window>, InferenceError> {
        let numbers = self.numbers;
        let mut all = Vec::new();
        for (width, height) in levels(self.base.width, self.base.height, &numbers) {
            let mut found = self.propose_on_level(width, height)?;
            suppress(&mut found, numbers.overlaps[0], Overlap::Union, Window::key);
            all.append(&mut found);
        }
        suppress(&mut all, numbers.overlaps[1], Overlap::Union, Window::key);
        Ok(squared(all))
    }

    fn propose_on_level(&mut self, width: usize, height: usize) -> Result<Vec<Window>, InferenceError> {
        (self.level.width, self.level.height) = (width, height);
        let base = Pixels::from(&self.base);
        if self.scaler.scale_into(base, width as u32, height as u32, &mut self.level).is_none() {
            return Ok(Vec::new());
        }
        let input = self.pnet.input([1, width, height, 3])?;
        tensor::pack(&self.level.rgb, width, height, &self.input, input);
        let x_scale = self.base.width as f32 / width as f32;
        let y_scale = self.base.height as f32 / height as f32;
        let least = self.numbers.scores[0];
        self.pnet.run(|outputs| {
            let (shape, boxes) = outputs.tensor(0)?;
            let &[1, columns, rows, 4] = shape else {
                return Err(format!("its boxes have the shape {shape:?}"));
            };
            let (columns, rows) = (columns.unsigned_abs() as usize, rows.unsigned_abs() as usize);
            let scores = outputs.values(1, columns * rows * 2)?;
            Ok(decode_level(scores, boxes, rows, least, x_scale, y_scale))
        })
    }

    /// The windows that the second net keeps, refined and made square.
    fn filter(&mut self, windows: &[Window]) -> Result<Vec<Window>, InferenceError> {
        let mut kept = Vec::new();
        for batch in windows.chunks(BATCH) {
            let input = self.rnet.input([batch.len(), RNET_SIDE, RNET_SIDE, 3])?;
            fill(&self.base, batch, RNET_SIDE, &self.input, &mut self.window, input);
            let least = self.numbers.scores[1];
            let mut found = self.rnet.run(|outputs| {
                let boxes = outputs.values(0, batch.len() * 4)?;
                let scores = outputs.values(1, batch.len() * 2)?;
                Ok(decode_batch(batch, scores, boxes, None, least))
            })?;
            kept.append(&mut found);
        }
        suppress(&mut kept, self.numbers.overlaps[2], Overlap::Union, Window::key);
        Ok(squared(kept))
    }

    /// The windows that the third net takes for faces, refined, with their points.
    fn settle(&mut self, windows: &[Window]) -> Result<Vec<Window>, InferenceError> {
        let mut kept = Vec::new();
        for batch in windows.chunks(BATCH) {
            let input = self.onet.input([batch.len(), ONET_SIDE, ONET_SIDE, 3])?;
            fill(&self.base, batch, ONET_SIDE, &self.input, &mut self.window, input);
            let least = self.numbers.scores[2];
            let mut found = self.onet.run(|outputs| {
                let boxes = outputs.values(0, batch.len() * 4)?;
                let points = outputs.values(1, batch.len() * 10)?;
                let scores = outputs.values(2, batch.len() * 2)?;
                Ok(decode_batch(batch, scores, boxes, Some(points), least))
            })?;
            kept.append(&mut found);
        }
        for window in &mut kept {
            window.bounds = window.refined();
        }
        suppress(&mut kept, self.numbers.overlaps[3], Overlap::Smaller, Window::key);
        Ok(kept)
    }
}

impl Detector for Mtcnn {
    fn detect(&mut self, picture: &RgbPicture) -> Result<Vec<Detection>, InferenceError> {
        let longest = picture.width().max(picture.height());
        let scale = (self.numbers.longest_side as f32 / longest as f32).min(1.0);
        let side = |pixels: u32| ((pixels as f32 * scale).round() as u32).max(1);
        let (width, height) = (side(picture.width()), side(picture.height()));
        (self.base.width, self.base.height) = (width as usize, height as usize);
        // The sizes fit by their making: nothing is refused here.
        let _ = self.scaler.scale_into(picture.into(), width, height, &mut self.base);
        let proposed = self.propose()?;
        let filtered = self.filter(&proposed)?;
        let settled = self.settle(&filtered)?;
        let x_scale = picture.width() as f32 / width as f32;
        let y_scale = picture.height() as f32 / height as f32;
        Ok(settled
            .into_iter()
            .map(|window| Detection {
                bounds: window.bounds.scaled(x_scale, y_scale),
                score: window.score.clamp(0.0, 1.0),
                points: window.points.map(|points| points.map(|p| Point::new(p.x * x_scale, p.y * y_scale))),
            })
            .filter(|face| face.bounds.is_finite() && face.bounds.width >= 1.0 && face.bounds.height >= 1.0)
            .collect())
    }

    fn nets(&mut self) -> Vec<&mut Net> {
        vec![&mut self.pnet, &mut self.rnet, &mut self.onet]
    }
}

/// The sizes of the pyramid's levels: on the first the smallest face is as large as the first net's
/// window; the last is not smaller than the window.
fn levels(width: usize, height: usize, numbers: &Numbers) -> Vec<(usize, usize)> {
    let mut scale = WINDOW / numbers.min_face as f32;
    let mut levels = Vec::new();
    while width.min(height) as f32 * scale >= WINDOW {
        levels.push(((width as f32 * scale).ceil() as usize, (height as f32 * scale).ceil() as usize));
        scale *= numbers.pyramid_factor;
    }
    levels
}

/// The windows of one level whose score reaches `least`, in pixels of the picture. The outputs have
/// their columns before their rows.
fn decode_level(
    scores: &[f32],
    boxes: &[f32],
    rows: usize,
    least: f32,
    x_scale: f32,
    y_scale: f32,
) -> Vec<Window> {
    let pairs = scores.as_chunks::<2>().0.iter().zip(boxes.as_chunks::<4>().0);
    pairs
        .enumerate()
        .filter(|(_, ([_, face], _))| *face >= least)
        .map(|(index, ([_, face], regression))| Window {
            bounds: Rect::new((index / rows) as f32 * STRIDE, (index % rows) as f32 * STRIDE, WINDOW, WINDOW)
                .scaled(x_scale, y_scale),
            score: *face,
            regression: *regression,
            points: None,
        })
        .collect()
}

/// The windows of one batch whose score reaches `least`. Points are x of the five, then y, in 0..1
/// of the window.
fn decode_batch(
    batch: &[Window],
    scores: &[f32],
    boxes: &[f32],
    points: Option<&[f32]>,
    least: f32,
) -> Vec<Window> {
    let outputs = scores.as_chunks::<2>().0.iter().zip(boxes.as_chunks::<4>().0);
    batch
        .iter()
        .zip(outputs)
        .enumerate()
        .filter(|(_, (_, ([_, face], _)))| *face >= least)
        .map(|(index, (window, ([_, face], regression)))| Window {
            bounds: window.bounds,
            score: *face,
            regression: *regression,
            points: points.and_then(|points| points.as_chunks::<10>().0.get(index)).map(|values| {
                let Rect { x, y, width, height } = window.bounds;
                let point = |i: usize| Point::new(x + values[i] * width, y + values[i + 5] * height);
                FivePoints::from_array([point(0), point(1), point(2), point(3), point(4)])
            }),
        })
        .collect()
}

/// Moves each window's edges as the net said, and makes it square; drops what is no box then.
fn squared(windows: Vec<Window>) -> Vec<Window> {
    windows
        .into_iter()
        .map(|window| Window { bounds: window.refined().square(1.0), ..window })
        .filter(|window| window.bounds.is_finite() && window.bounds.width >= 1.0)
        .collect()
}

/// Cuts the windows out, one after the other, as one input.
fn fill(base: &Patch, windows: &[Window], side: usize, input: &Input, patch: &mut Patch, tensor: &mut [f32]) {
    for (window, tensor) in windows.iter().zip(tensor.chunks_exact_mut(side * side * 3)) {
        crop(base.into(), &window.bounds, side, side, Border::Black, patch);
        tensor::pack(&patch.rgb, side, side, input, tensor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        longest_side: 640,
        min_face: 40,
        pyramid_factor: 0.5,
        scores: [0.6, 0.7, 0.7],
        overlaps: [0.5, 0.7, 0.7, 0.7],
    };

    #[test]
    fn the_pyramid_goes_from_the_smallest_face_to_the_whole_picture() {
        assert_eq!(levels(640, 480, &NUMBERS), [(192, 144), (96, 72), (48, 36), (24, 18)]);
        assert!(levels(39, 640, &NUMBERS).is_empty());
    }

    #[test]
    fn a_level_is_read_columns_first() {
        // Two columns of three rows; only column 1, row 2 is a face.
        let mut scores = [0.0; 12];
        scores[(3 + 2) * 2 + 1] = 0.9;
        let mut boxes = [0.0; 24];
        boxes[(3 + 2) * 4..].copy_from_slice(&[0.1, 0.2, 0.3, 0.4]);
        let found = decode_level(&scores, &boxes, 3, 0.6, 10.0, 5.0);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bounds, Rect::new(20.0, 20.0, 120.0, 60.0));
        let refined = found[0].refined();
        assert_eq!((refined.x, refined.y), (32.0, 32.0));
        assert!((refined.right() - 176.0).abs() < 1e-3 && (refined.bottom() - 104.0).abs() < 1e-3);
    }

    #[test]
    fn a_batch_keeps_its_windows_and_their_points_together() {
        let window = |x| Window {
            bounds: Rect::new(x, 0.0, 10.0, 20.0),
            score: 0.5,
            regression: [0.0; 4],
            points: None,
        };
        let batch = [window(0.0), window(100.0)];
        let points: Vec<f32> = (0..20).map(|i| i as f32 / 20.0).collect();
        let found = decode_batch(&batch, &[0.9, 0.1, 0.2, 0.8], &[0.0; 8], Some(&points), 0.7);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].bounds.x, found[0].score), (100.0, 0.8));
        // Values 10 to 19 are the second window's: x of the five points, then y.
        let five = found[0].points.unwrap();
        assert_eq!((five.left_eye.x, five.left_eye.y), (105.0, 15.0));
        assert_eq!((five.right_mouth.x, five.right_mouth.y), (107.0, 19.0));
    }

    #[test]
    fn windows_that_are_no_boxes_are_dropped() {
        let bad = |regression| Window {
            bounds: Rect::new(0.0, 0.0, 10.0, 10.0),
            score: 0.9,
            regression,
            points: None,
        };
        let windows = vec![bad([f32::NAN, 0.0, 0.0, 0.0]), bad([2.0, 2.0, 0.0, 0.0]), bad([0.0; 4])];
        assert_eq!(squared(windows).len(), 1);
    }
}
