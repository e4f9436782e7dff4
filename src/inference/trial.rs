//! Whether a net does what its card says: loaded, and run once.

use super::InferenceError;
use super::card::{Card, Task};
use super::detector;
use super::detector::judge::OnetJudge;
use super::embedder::Embedder;
use super::landmarks::Landmarker;
use super::net::Loader;
use super::pad::PadNet;
use crate::capture::RgbPicture;
use crate::face::{FivePoints, Point, Rect};

/// Side of the grey picture that a net is tried on, in pixels.
const SIDE: u32 = 128;
/// The box that is taken for a face in it.
const FACE: Rect = Rect::new(48.0, 48.0, 32.0, 32.0);

/// Loads every file of `card` from the loader's folder, which checks size, SHA-256 and tensors, and
/// runs the net once on a grey picture, which shows whether its outputs have the sizes that the
/// decoder reads.
///
/// # Errors
/// [`InferenceError`] with the file and what is wrong with it.
pub fn try_card(card: &Card, loader: &Loader) -> Result<(), InferenceError> {
    let grey = vec![128u8; (SIDE * SIDE * 3) as usize];
    let Some(picture) = RgbPicture::new(SIDE, SIDE, grey) else { return Ok(()) };
    match card.task {
        Task::Detection => detector::open_card(card, None, loader)?.detect(&picture).map(drop),
        Task::Refinement => OnetJudge::open(card, loader)?.score_of(&picture, &FACE).map(drop),
        Task::Landmarks => Landmarker::open(card, loader)?.locate(&picture, &FACE).map(drop),
        Task::Liveness => PadNet::open(card, loader)?.measure(&picture, &FACE).map(drop),
        Task::Embedding => {
            let corner = |x: f32, y: f32| Point::new(FACE.x + FACE.width * x, FACE.y + FACE.height * y);
            let points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)];
            let mut embedder = Embedder::open(card, loader)?;
            embedder.align(&picture, &FivePoints::from_array(points.map(|(x, y)| corner(x, y))))?;
            embedder.embed().map(drop)
        }
    }
}
