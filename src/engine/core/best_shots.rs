//! The best sighting so far of every track that is not decided, with the face cut out of the frame
//! at that moment: when a track is decided, its frames are gone.

use std::collections::{BTreeSet, HashMap};

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
        let score = probe.quality.score();
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
    pub(super) fn keep_only(&mut self, kept: &BTreeSet<TrackId>) {
        self.0.retain(|track, _| kept.contains(track));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{FivePoints, Liveness, Point, Rect};

    fn probe(eyes_px: f32) -> Probe {
        Probe {
            bounds: Rect::new(20.0, 20.0, 40.0, 40.0),
            detection_score: 1.0,
            points: FivePoints::from_array([(50.0, 50.0); 5].map(|(x, y)| Point::new(x, y))),
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
    fn only_a_clearly_better_sighting_takes_the_place() {
        let mut shots = BestShots::default();
        let track = TrackId(1);
        shots.offer(track, &probe(40.0), &picture(1));
        shots.offer(track, &probe(43.0), &picture(2));
        assert_eq!(shots.0[&track].crop.pixel(80, 80), [1; 3]);
        shots.offer(track, &probe(45.0), &picture(3));
        assert_eq!(shots.0[&track].crop.pixel(80, 80), [3; 3]);
        shots.keep_only(&BTreeSet::from([track]));
        let taken = shots.take(track).unwrap();
        assert_eq!((taken.crop.width(), taken.quality.inter_eye_distance_px), (CROP_SIDE, Some(45.0)));
        assert!(shots.take(track).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_lost_track_goes() {
        let mut shots = BestShots::default();
        (0..100).for_each(|n| shots.offer(TrackId(n), &probe(60.0), &picture(1)));
        assert_eq!(shots.0.len(), MOST);
        shots.keep_only(&BTreeSet::from([3, 99].map(TrackId)));
        assert!(shots.take(TrackId(3)).is_some() && shots.take(TrackId(4)).is_none());
    }
}
