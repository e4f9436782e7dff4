//! Detectors that give each cell of a picture a score and a box, at several strides at once: YuNet
//! (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20,
//! 2023) and those in the manner of SCRFD (Guo, Deng, Lattas, Zafeiriou: "Sample and Computation
//! Redistribution for Efficient Face Detection", 2021). They differ in how a score and a box are
//! written down; the grid, the points and everything around them is the same.

use super::judge::OnetJudge;
use super::placement::{Canvas, Placement};
use super::{Detector, judged, on_picture};
use crate::capture::RgbPicture;
use crate::face::{Detection, FivePoints, Point, Rect};
use crate::inference::InferenceError;
use crate::inference::card::{Card, CardError, Decoder, Fit, Input};
use crate::inference::net::{Loader, Net, Outputs};

/// How a cell's score and box are written down. Lengths are in units of the cell's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    /// The square root of class times objectness; the centre from the cell's top left corner, and
    /// the natural logarithms of width and height. As OpenCV's `FaceDetectorYN` reads it.
    Yunet,
    /// One score; the distances from the cell's top left corner to the left, top, right and bottom
    /// edge. As InsightFace's `scrfd.py` reads it.
    Scrfd,
}

impl Code {
    /// The score of one cell, from its class and (YuNet) its objectness. What is no number stays so.
    fn score(self, class: f32, objectness: f32) -> f32 {
        match self {
            Self::Yunet => (class.clamp(0.0, 1.0) * objectness.clamp(0.0, 1.0)).sqrt(),
            Self::Scrfd => class.clamp(0.0, 1.0),
        }
    }

    /// Left, top, right and bottom of the box of a cell whose corner is at `column`, `row`; all in
    /// units of the cell's side.
    fn corners(self, [a, b, c, d]: [f32; 4], column: f32, row: f32) -> [f32; 4] {
        match self {
            Self::Yunet => {
                let (x, y) = (column + a, row + b);
                let (half_width, half_height) = (c.exp() / 2.0, d.exp() / 2.0);
                [x - half_width, y - half_height, x + half_width, y + half_height]
            }
            Self::Scrfd => [column - a, row - b, column + c, row + d],
        }
    }
}

/// The net with its numbers, and the net that judges its doubtful boxes.
pub struct Grid {
    net: Net,
    input: Input,
    numbers: Numbers,
    judge: Option<OnetJudge>,
    canvas: Canvas,
}

/// What the card says.
#[derive(Debug, Clone)]
struct Numbers {
    code: Code,
    size: Size,
    score: f32,
    sure_score: Option<f32>,
    nms_iou: f32,
    strides: Vec<u32>,
    anchors: usize,
    points: bool,
}

/// How large the input is.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// Always the same.
    Fixed(u32, u32, Fit),
    /// As the picture needs, its longer side at most so many pixels.
    Free(u32),
}

impl Grid {
    /// Loads the net of `card`; `judge` has a say in the boxes below the card's `sure_score`.
    ///
    /// # Errors
    /// [`InferenceError`] where the net cannot be loaded.
    pub fn open(card: &Card, judge: Option<OnetJudge>, loader: &Loader) -> Result<Self, InferenceError> {
        let numbers = Numbers::of(card)?;
        let net = loader.net(&card.files[0])?;
        Ok(Self { net, input: card.input, numbers, judge, canvas: Canvas::default() })
    }
}

impl Numbers {
    fn of(card: &Card) -> Result<Self, CardError> {
        let d = &card.decode;
        let size = match (card.input.width, card.input.height) {
            (0, _) | (_, 0) => Size::Free(card.needs(d.longest_side, "decode.longest_side")?),
            (width, height) => Size::Fixed(width, height, card.needs(d.fit, "decode.fit")?),
        };
        Ok(Self {
            code: if card.decoder == Decoder::Yunet { Code::Yunet } else { Code::Scrfd },
            size,
            score: card.needs(d.score, "decode.score")?,
            sure_score: d.sure_score,
            nms_iou: card.needs(d.nms_iou, "decode.nms_iou")?,
            strides: card.needs(d.strides.clone(), "decode.strides")?,
            anchors: card.needs(d.anchors, "decode.anchors")? as usize,
            points: card.gives_points(),
        })
    }

    fn placement(&self, picture: &RgbPicture) -> Placement {
        match self.size {
            Size::Fixed(width, height, fit) => Placement::fixed(picture, width, height, fit),
            Size::Free(longest_side) => {
                let largest = self.strides.iter().copied().max().unwrap_or(1);
                Placement::free(picture, longest_side, largest)
            }
        }
    }

    /// The boxes of all strides whose score reaches the least, in pixels of the input.
    fn read(&self, outputs: &Outputs<'_>, width: u32, height: u32) -> Result<Vec<Detection>, String> {
        let levels = self.strides.len();
        let mut found = Vec::new();
        for (index, &stride) in self.strides.iter().enumerate() {
            let (columns, rows) = ((width / stride) as usize, (height / stride) as usize);
            let cells = columns * rows * self.anchors;
            // Each kind of output comes for all strides before the next kind.
            let kind = |kind: usize, values: usize| outputs.values(kind * levels + index, cells * values);
            let (objectness, boxes) = match self.code {
                Code::Yunet => (Some(kind(1, 1)?), 2),
                Code::Scrfd => (None, 1),
            };
            let level = Level {
                stride: stride as f32,
                columns,
                anchors: self.anchors,
                scores: kind(0, 1)?,
                objectness,
                boxes: kind(boxes, 4)?.as_chunks().0,
                points: if self.points { Some(kind(boxes + 1, 10)?.as_chunks().0) } else { None },
            };
            level.decode(self.code, self.score, &mut found);
        }
        Ok(found)
    }
}

/// What the net says of the cells of one stride.
#[derive(Debug, Clone, Copy)]
struct Level<'a> {
    /// Side of a cell in pixels of the input.
    stride: f32,
    columns: usize,
    anchors: usize,
    scores: &'a [f32],
    objectness: Option<&'a [f32]>,
    boxes: &'a [[f32; 4]],
    points: Option<&'a [[f32; 10]]>,
}

impl Level<'_> {
    /// Appends the boxes whose score reaches `least`. What is no number is no box.
    fn decode(&self, code: Code, least: f32, found: &mut Vec<Detection>) {
        for (index, (class, values)) in self.scores.iter().zip(self.boxes).enumerate() {
            let objectness = self.objectness.map_or(1.0, |all| all[index]);
            let score = code.score(*class, objectness);
            if score < least || score.is_nan() {
                continue;
            }
            let cell = index / self.anchors;
            let (column, row) = ((cell % self.columns) as f32, (cell / self.columns) as f32);
            let [left, top, right, bottom] = code.corners(*values, column, row).map(|v| v * self.stride);
            let bounds = Rect::from_corners(left, top, right, bottom);
            if bounds.is_finite() {
                let points = self.points.and_then(|all| self.five_points(&all[index], column, row));
                found.push(Detection { bounds, score, points });
            }
        }
    }

    /// x and y of the five points, from the cell's corner: the eye at the picture's left first, as
    /// both families write them. None where one is no number.
    fn five_points(&self, values: &[f32; 10], column: f32, row: f32) -> Option<FivePoints> {
        let point = |i: usize| {
            Point::new((column + values[2 * i]) * self.stride, (row + values[2 * i + 1]) * self.stride)
        };
        let finite = values.iter().all(|v| v.is_finite());
        finite.then(|| FivePoints::from_array([point(0), point(1), point(2), point(3), point(4)]))
    }
}

impl Detector for Grid {
    fn detect(&mut self, picture: &RgbPicture) -> Result<Vec<Detection>, InferenceError> {
        let Self { net, input, numbers, judge, canvas } = self;
        let placement = numbers.placement(picture);
        let (width, height) = (placement.width, placement.height);
        let shape = input.layout.shape(input.channels.count(), width as usize, height as usize);
        canvas.lay(picture, &placement, input, net.input(shape)?);
        let mut found = net.run(|outputs| numbers.read(outputs, width, height))?;
        super::suppress(&mut found, numbers.nms_iou, super::Overlap::Union, |face| (face.bounds, face.score));
        let (x_scale, y_scale) = placement.picture_per_input(picture);
        for face in &mut found {
            face.bounds = face.bounds.scaled(x_scale, y_scale);
            face.points = face.points.map(|points| points.map(|p| Point::new(p.x * x_scale, p.y * y_scale)));
        }
        found.retain(|face| on_picture(&face.bounds, picture));
        judged(&mut found, numbers.sure_score, judge.as_mut(), picture)?;
        Ok(found)
    }

    fn nets(&mut self) -> Vec<&mut Net> {
        let judge = self.judge.as_mut().map(OnetJudge::net);
        [Some(&mut self.net), judge].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
