//! Follower and jury together, for whoever has every face's embedding at hand.

use chrono::{DateTime, Utc};

use crate::face::{Embedding, Liveness, Quality, QualityScore, Rect};
use crate::identify::Candidates;

use super::{Face, Follower, Jury, Rules, TrackDecision, TrackSettings, TrackSnapshot};

/// One face of one frame, with what the gallery says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Where, in any unit that all frames share.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub detection_score: f32,
    /// What it is matched by; none where the nets did not look or could not align it.
    pub embedding: Option<Embedding>,
    /// The most alike people of the gallery.
    pub candidates: Candidates,
    /// How good the picture of it is.
    pub quality: Quality,
    /// The same in one number.
    pub quality_score: QualityScore,
    /// What the liveness net said.
    pub liveness: Liveness,
}

impl From<&Sighting> for Face {
    fn from(sighting: &Sighting) -> Self {
        Self {
            bounds: sighting.bounds,
            embedding: sighting.embedding.clone(),
            quality: sighting.quality_score,
        }
    }
}

/// The tracks of one source, followed and decided in one place.
#[derive(Debug, Clone)]
pub struct Tracker {
    follower: Follower,
    jury: Jury,
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(settings: TrackSettings) -> Self {
        Self { follower: Follower::new(settings), jury: Jury::new(settings) }
    }

    /// Takes one frame in, in the order of time; the decisions it brings.
    pub fn observe(
        &mut self,
        at: DateTime<Utc>,
        sightings: &[Sighting],
        rules: &Rules,
    ) -> Vec<TrackDecision> {
        let faces: Vec<Face> = sightings.iter().map(Face::from).collect();
        let tracks = self.follower.observe(at, &faces);
        let mut decisions: Vec<TrackDecision> =
            tracks.ended.iter().filter_map(|track| self.jury.end(*track, rules)).collect();
        for (track, sighting) in tracks.of.iter().zip(sightings) {
            decisions.extend(self.jury.hear(*track, at, sighting, rules));
        }
        self.follower.settle(&self.jury.decided());
        decisions
    }

    /// Ends every track, as when the source has ended; the decisions that brings.
    pub fn finish(&mut self, rules: &Rules) -> Vec<TrackDecision> {
        self.follower.finish();
        self.jury.finish(rules)
    }

    /// The tracks in the order in which they began, as last seen.
    pub fn snapshot(&self) -> impl Iterator<Item = TrackSnapshot> + '_ {
        self.jury.snapshot()
    }
}
