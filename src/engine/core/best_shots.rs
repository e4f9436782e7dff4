//! The best sighting so far of every track that is not decided, with the face cut out of the frame
//! at that moment: when a track is decided, its frames are gone.

use std::collections::HashMap;

use crate::attendance::inbox::CLEARLY_BETTER;
use crate::capture::RgbPicture;
use crate::face::{Embedding, Probe, Quality, QualityScore};
use crate::track::TrackId;

/// Side of a crop, in pixels: enough to know somebody by.
pub(super) const CROP_SIDE: u32 = 160;
/// How many times the face box a crop shows.
const CROP_MARGIN: f32 = 1.5;
/// Tracks at once; a frame with more faces than that is a crowd far away.
const MOST: usize = 32;
/// Pixels between the eyes beyond which a larger face is no better.
const EYES_FULL_PX: f32 = 60.0;

/// A sighting of a track.
#[derive(Debug, Clone)]
pub(super) struct BestShot {
    pub(super) embedding: Embedding,
    pub(super) quality: Quality,
    pub(super) score: QualityScore,
    /// `CROP_SIDE` squared.
    pub(super) crop: RgbPicture,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct BestShots(HashMap<TrackId, BestShot>);

impl BestShots {
    /// Keeps the sighting where it is the track's first or clearly better than the one that is kept.
    pub(super) fn offer(&mut self, track: TrackId, probe: &Probe, picture: &RgbPicture) {
        let score = score(probe);
        let is_better = match self.0.get(&track) {
            Some(held) => score.0 >= held.score.0 * CLEARLY_BETTER && score > held.score,
            None => self.0.len() < MOST && score.0.is_finite(),
        };
        if !is_better {
            return;
        }
        let Some(crop) = picture.crop(probe.bounds.square(CROP_MARGIN), CROP_SIDE) else { return };
        let shot = BestShot { embedding: probe.embedding.clone(), quality: probe.quality, score, crop };
        self.0.insert(track, shot);
    }

    /// The track's best sighting, handed over.
    pub(super) fn take(&mut self, track: TrackId) -> Option<BestShot> {
        self.0.remove(&track)
    }

    /// Forgets the tracks that are not `kept`.
    pub(super) fn keep_only(&mut self, kept: &[TrackId]) {
        self.0.retain(|track, _| kept.contains(track));
    }
}

/// How good a sighting is: the face's size, times how far it looks this way. The size counts 1 from
/// [`EYES_FULL_PX`] on and in proportion below; the direction 1 where the nose lies between the
/// eyes and 0 where it lies under one of them. What was not measured counts 1.
fn score(probe: &Probe) -> QualityScore {
    let size = probe.quality.inter_eye_distance_px.map_or(1.0, |px| (px / EYES_FULL_PX).clamp(0.0, 1.0));
    let points = &probe.points;
    let (dx, dy) = (points.right_eye.x - points.left_eye.x, points.right_eye.y - points.left_eye.y);
    let square = dx * dx + dy * dy;
    if square <= f32::EPSILON {
        return QualityScore(size);
    }
    // Where the nose lies along the line of the eyes: 0 at the left one, 1 at the right one.
    let along =
        ((points.nose.x - points.left_eye.x) * dx + (points.nose.y - points.left_eye.y) * dy) / square;
    let facing = (1.0 - (along - 0.5).abs() * 2.0).clamp(0.0, 1.0);
    QualityScore(size * facing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{FivePoints, Liveness, Point, Rect};

    fn probe(eyes_px: f32, nose_along: f32) -> Probe {
        let point = |x: f32, y: f32| Point::new(50.0 + x, 50.0 + y);
        let points = [(0.0, 0.0), (eyes_px, 0.0), (eyes_px * nose_along, 10.0), (0.0, 20.0), (eyes_px, 20.0)];
        Probe {
            bounds: Rect::new(20.0, 20.0, 40.0, 40.0),
            detection_score: 1.0,
            points: FivePoints::from_array(points.map(|(x, y)| point(x, y))),
            landmarks: None,
            quality: Quality { inter_eye_distance_px: Some(eyes_px), ..Quality::default() },
            embedding: Embedding::normalised(vec![eyes_px, 1.0]).unwrap(),
            liveness: Liveness::NotRun,
        }
    }

    fn picture(value: u8) -> RgbPicture {
        RgbPicture::new(100, 100, vec![value; 30_000]).unwrap()
    }

    #[test]
    fn a_large_face_that_looks_this_way_scores_best() {
        let of = |eyes_px, along| score(&probe(eyes_px, along)).0;
        assert_eq!(of(60.0, 0.5), 1.0);
        assert_eq!(of(120.0, 0.5), 1.0);
        assert!((of(30.0, 0.5) - 0.5).abs() < 1e-5 && (of(60.0, 0.25) - 0.5).abs() < 1e-5);
        assert_eq!((of(60.0, 1.2), of(60.0, 0.0)), (0.0, 0.0));
    }

    #[test]
    fn only_a_clearly_better_sighting_takes_the_place() {
        let mut shots = BestShots::default();
        let track = TrackId(1);
        shots.offer(track, &probe(40.0, 0.5), &picture(1));
        shots.offer(track, &probe(43.0, 0.5), &picture(2));
        assert_eq!(shots.0[&track].crop.pixel(80, 80), [1; 3]);
        shots.offer(track, &probe(45.0, 0.5), &picture(3));
        assert_eq!(shots.0[&track].crop.pixel(80, 80), [3; 3]);
        shots.keep_only(&[track]);
        let taken = shots.take(track).unwrap();
        assert_eq!((taken.crop.width(), taken.quality.inter_eye_distance_px), (CROP_SIDE, Some(45.0)));
        assert!(shots.take(track).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_lost_track_goes() {
        let mut shots = BestShots::default();
        (0..100).for_each(|n| shots.offer(TrackId(n), &probe(60.0, 0.5), &picture(1)));
        assert_eq!(shots.0.len(), MOST);
        shots.keep_only(&[TrackId(3), TrackId(99)]);
        assert!(shots.take(TrackId(3)).is_some() && shots.take(TrackId(4)).is_none());
    }
}
