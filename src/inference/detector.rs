//! Face detectors: one file for each family, all behind [`Detector`]. A new family is a variant of
//! [`Decoder`], its rules in `card/check.rs`, and an arm of [`open`].

pub mod grid;
pub mod judge;
pub mod mtcnn;
pub mod placement;
pub mod rfb;

use super::InferenceError;
use super::card::{Card, Decoder};
use super::net::{Loader, Net};
use super::pack::Pack;
use crate::capture::RgbPicture;
use crate::face::{Detection, Rect};

/// Finds the faces of a picture.
pub trait Detector: Send {
    /// Every face, in no particular order, in pixels of `picture`.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where a net fails; a picture without a face is no error.
    fn detect(&mut self, picture: &RgbPicture) -> Result<Vec<Detection>, InferenceError>;

    /// Its nets, to be measured.
    fn nets(&mut self) -> Vec<&mut Net>;
}

/// The detector of `pack`, with its refinement net.
///
/// # Errors
/// [`InferenceError`] where a net cannot be loaded.
pub fn open(pack: &Pack, loader: &Loader) -> Result<Box<dyn Detector>, InferenceError> {
    let judge = pack.refinement.as_ref().map(|card| judge::OnetJudge::open(card, loader)).transpose()?;
    open_card(&pack.detection, judge, loader)
}

/// The detector of `card`; `judge` has a say in its doubtful boxes.
///
/// # Errors
/// [`InferenceError`] where a net cannot be loaded.
pub fn open_card(
    card: &Card,
    judge: Option<judge::OnetJudge>,
    loader: &Loader,
) -> Result<Box<dyn Detector>, InferenceError> {
    Ok(match card.decoder {
        Decoder::Mtcnn => Box::new(mtcnn::Mtcnn::open(card, loader)?),
        Decoder::Yunet | Decoder::Scrfd => Box::new(grid::Grid::open(card, judge, loader)?),
        // The checks of cards and packs leave no other decoder in a detector's place.
        _ => Box::new(rfb::Rfb::open(card, judge, loader)?),
    })
}

/// A box below one pixel, or whose middle lies outside the picture, holds no face to be looked at.
fn on_picture(bounds: &Rect, picture: &RgbPicture) -> bool {
    let center = bounds.center();
    bounds.width >= 1.0
        && bounds.height >= 1.0
        && (0.0..=picture.width() as f32).contains(&center.x)
        && (0.0..=picture.height() as f32).contains(&center.y)
}

/// Throws out of `found` the boxes below `sure_score` that hold no face, as `judge` says. Without a judge,
/// or without doubtful boxes, all of them stay.
fn judged(
    found: &mut Vec<Detection>,
    sure_score: Option<f32>,
    judge: Option<&mut judge::OnetJudge>,
    picture: &RgbPicture,
) -> Result<(), InferenceError> {
    let (Some(sure_score), Some(judge)) = (sure_score, judge) else { return Ok(()) };
    let mut failed = None;
    found.retain(|face| {
        face.score >= sure_score
            || judge.is_face(picture, &face.bounds).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
    });
    failed.map_or(Ok(()), Err)
}

/// What the overlap of two boxes is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The area of both together.
    Union,
    /// The area of the smaller one: a box inside another one overlaps wholly.
    Smaller,
}

impl Overlap {
    fn of(self, a: &Rect, b: &Rect) -> f32 {
        match self {
            Self::Union => a.iou(b),
            Self::Smaller => {
                let smaller = a.area().min(b.area());
                if smaller > 0.0 { a.intersection_area(b) / smaller } else { 0.0 }
            }
        }
    }
}

/// Non-maximum suppression: sorts `boxes` by score, the highest first, and keeps each that does not
/// overlap a kept one by more than `most`.
pub fn suppress<T>(boxes: &mut Vec<T>, most: f32, overlap: Overlap, of: impl Fn(&T) -> (Rect, f32)) {
    boxes.sort_by(|a, b| of(b).1.total_cmp(&of(a).1));
    // Those that are kept stand at the front, in their order.
    let mut kept = 0;
    for candidate in 0..boxes.len() {
        let (bounds, _) = of(&boxes[candidate]);
        if boxes[..kept].iter().all(|other| overlap.of(&of(other).0, &bounds) <= most) {
            boxes.swap(kept, candidate);
            kept += 1;
        }
    }
    boxes.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppression_keeps_the_best_of_each_heap() {
        let mut boxes = vec![
            (Rect::new(1.0, 0.0, 10.0, 10.0), 0.8),
            (Rect::new(0.0, 0.0, 10.0, 10.0), 0.9),
            (Rect::new(50.0, 0.0, 10.0, 10.0), 0.4),
        ];
        suppress(&mut boxes, 0.3, Overlap::Union, |b| *b);
        assert_eq!(boxes.iter().map(|b| b.1).collect::<Vec<_>>(), [0.9, 0.4]);
    }

    #[test]
    fn a_box_inside_another_is_one_only_by_the_smaller_area() {
        let heap = vec![(Rect::new(0.0, 0.0, 100.0, 100.0), 0.9), (Rect::new(40.0, 40.0, 10.0, 10.0), 0.8)];
        for (overlap, left) in [(Overlap::Union, 2), (Overlap::Smaller, 1)] {
            let mut boxes = heap.clone();
            suppress(&mut boxes, 0.7, overlap, |b| *b);
            assert_eq!(boxes.len(), left, "{overlap:?}");
        }
    }
}
