//! Joins the sightings of one face over frames.

use chrono::{DateTime, Utc};

use crate::attendance::PersonId;
use crate::face::embedding::dot;
use crate::face::{Embedding, Liveness, Rect};
use crate::identify::{Candidates, Threshold};

use super::vote::{Ballot, Vote};
use super::{CHANGED_FACE, LINK_IOU, SAME_FACE, TrackDecision, TrackId, TrackSettings, Verdict};

/// One face of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Where, in any unit that all frames share.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub detection_score: f32,
    /// What it is matched by; none where the face could not be aligned.
    pub embedding: Option<Embedding>,
    /// The most alike people of the gallery.
    pub candidates: Candidates,
    /// What the liveness net said.
    pub liveness: Liveness,
}

/// A track as a screen shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackSnapshot {
    /// Which track.
    pub id: TrackId,
    /// Where the face was last seen.
    pub bounds: Rect,
    /// How it stands.
    pub verdict: Verdict,
    /// What the liveness net last said.
    pub liveness: Liveness,
}

#[derive(Debug, Clone)]
struct Track {
    id: TrackId,
    bounds: Rect,
    embedding: Option<Embedding>,
    liveness: Liveness,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    vote: Vote,
}

/// The tracks of one source. Pure: time is the frames' own.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackSettings,
    tracks: Vec<Track>,
    next_id: u64,
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(settings: TrackSettings) -> Self {
        Self { settings, tracks: Vec::new(), next_id: 1 }
    }

    /// Takes one frame in, in the order of time; the decisions it brings.
    pub fn observe(
        &mut self,
        at: DateTime<Utc>,
        sightings: Vec<Sighting>,
        threshold: Threshold,
    ) -> Vec<TrackDecision> {
        let mut decisions = self.end_lost(at);
        let links = self.links(&sightings);
        for (index, sighting) in sightings.into_iter().enumerate() {
            let linked = links.iter().find(|(_, sighting)| *sighting == index).map(|(track, _)| *track);
            let position = linked.unwrap_or_else(|| self.begin(at, &sighting));
            let track = &mut self.tracks[position];
            track.bounds = sighting.bounds;
            track.last_seen = at;
            track.liveness = sighting.liveness;
            let Some(embedding) = sighting.embedding else { continue };
            track.embedding = Some(embedding);
            let ballot = Ballot {
                candidates: sighting.candidates,
                detection_score: sighting.detection_score,
                liveness: sighting.liveness,
            };
            let settings = &self.settings;
            let mut outcome = track.vote.cast(ballot, threshold, settings);
            if outcome.is_none() && at - track.first_seen >= settings.undecided_limit {
                outcome = track.vote.give_up(settings);
            }
            decisions.extend(outcome.map(|identification| track.vote.decision(track.id, at, identification)));
        }
        decisions
    }

    /// Ends every track, as when the source has ended; the decisions that brings.
    pub fn finish(&mut self) -> Vec<TrackDecision> {
        let settings = self.settings;
        self.tracks.drain(..).filter_map(|track| end(track, &settings)).collect()
    }

    /// Votes again on unidentified tracks: the gallery has gained somebody.
    pub fn reopen(&mut self) {
        for track in &mut self.tracks {
            if track.vote.verdict == Verdict::Unidentified {
                track.vote.reopen();
                track.first_seen = track.last_seen;
            }
        }
    }

    /// Ends the tracks that name `person`: the enrolment has ended.
    pub fn forget(&mut self, person: PersonId) {
        self.tracks
            .retain(|track| !matches!(track.vote.verdict, Verdict::Identified(c) if c.person == person));
    }

    /// The tracks in the order in which they began, as last seen.
    pub fn snapshot(&self) -> impl Iterator<Item = TrackSnapshot> + '_ {
        self.tracks.iter().map(|track| TrackSnapshot {
            id: track.id,
            bounds: track.bounds,
            verdict: track.vote.verdict,
            liveness: track.liveness,
        })
    }

    fn end_lost(&mut self, now: DateTime<Utc>) -> Vec<TrackDecision> {
        let settings = self.settings;
        // A clock that was set back ends the tracks too: no time between two frames is negative.
        let is_lost = |track: &Track| now - track.last_seen > settings.lost_after || now < track.last_seen;
        let (lost, kept) = std::mem::take(&mut self.tracks).into_iter().partition(is_lost);
        self.tracks = kept;
        let lost: Vec<Track> = lost;
        lost.into_iter().filter_map(|track| end(track, &settings)).collect()
    }

    fn begin(&mut self, at: DateTime<Utc>, sighting: &Sighting) -> usize {
        let id = TrackId(self.next_id);
        self.next_id += 1;
        self.tracks.push(Track {
            id,
            bounds: sighting.bounds,
            embedding: None,
            liveness: sighting.liveness,
            first_seen: at,
            last_seen: at,
            vote: Vote::new(),
        });
        self.tracks.len() - 1
    }

    /// Pairs of (track, sighting), each used once, the surest first.
    fn links(&self, sightings: &[Sighting]) -> Vec<(usize, usize)> {
        let mut allowed = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            for (s, sighting) in sightings.iter().enumerate() {
                if let Some(score) = link_score(track, sighting) {
                    allowed.push((score, t, s));
                }
            }
        }
        allowed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut links: Vec<(usize, usize)> = Vec::new();
        for (_, t, s) in allowed {
            if links.iter().all(|(track, sighting)| *track != t && *sighting != s) {
                links.push((t, s));
            }
        }
        links
    }
}

/// How surely `sighting` continues `track`; none where it cannot.
fn link_score(track: &Track, sighting: &Sighting) -> Option<f32> {
    let overlap = track.bounds.iou(&sighting.bounds);
    match (&track.embedding, &sighting.embedding) {
        (Some(held), Some(seen)) => {
            let similarity = dot(held.as_slice(), seen.as_slice());
            let same_place = overlap >= LINK_IOU && similarity >= CHANGED_FACE;
            (same_place || similarity >= SAME_FACE).then_some(overlap + similarity)
        }
        _ => (overlap >= LINK_IOU).then_some(overlap),
    }
}

fn end(mut track: Track, settings: &TrackSettings) -> Option<TrackDecision> {
    let identification = track.vote.give_up(settings)?;
    Some(track.vote.decision(track.id, track.last_seen, identification))
}
