//! Votes over the sightings of one track.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use crate::attendance::PersonId;
use crate::face::Liveness;
use crate::identify::{Candidates, Identification, Threshold};

use super::{TrackId, TrackSettings};

/// How a track stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Not enough was seen yet.
    Undecided,
    /// Somebody enrolled.
    Identified(crate::identify::Candidate),
    /// Nobody the gallery knows.
    Unidentified,
}

/// The one decision about a track, with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackDecision {
    /// Which track.
    pub track: TrackId,
    /// When, on the frames' clock.
    pub at: DateTime<Utc>,
    /// Who.
    pub identification: Identification,
    /// The most alike people in the best sighting.
    pub candidates: Candidates,
    /// Sightings with an embedding up to the decision.
    pub frames: u32,
    /// The detector's confidence in the best sighting, 0 to 1.
    pub detection_score: f32,
    /// What the liveness net said of the best sighting.
    pub liveness: Liveness,
}

/// One sighting's vote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ballot {
    pub(super) candidates: Candidates,
    pub(super) detection_score: f32,
    pub(super) liveness: Liveness,
}

/// The ballots of a track and what was decided from them.
#[derive(Debug, Clone)]
pub(super) struct Vote {
    window: VecDeque<Option<PersonId>>,
    frames: u32,
    /// The ballot with the most alike best candidate, over all candidates.
    best: Option<Ballot>,
    pub(super) verdict: Verdict,
}

impl Vote {
    pub(super) fn new() -> Self {
        Self { window: VecDeque::new(), frames: 0, best: None, verdict: Verdict::Undecided }
    }

    /// Forgets what was decided of an unidentified track, so that it is voted on again.
    pub(super) fn reopen(&mut self) {
        if self.verdict == Verdict::Unidentified {
            *self = Self::new();
        }
    }

    /// Counts a ballot; who is identified by it, if that decides the track.
    pub(super) fn cast(
        &mut self,
        ballot: Ballot,
        threshold: Threshold,
        settings: &TrackSettings,
    ) -> Option<Identification> {
        self.frames += 1;
        let identification = Identification::decide(&ballot.candidates, threshold);
        let similarity = |ballot: &Ballot| ballot.candidates.best.map(|candidate| candidate.similarity);
        if self.best.is_none_or(|best| similarity(&ballot) > similarity(&best)) {
            self.best = Some(ballot);
        }
        self.window.push_back(identification.person());
        while self.window.len() > 2 * settings.min_frames as usize {
            self.window.pop_front();
        }
        if self.verdict != Verdict::Undecided {
            return None;
        }
        let Identification::Identified(candidate) = identification else { return None };
        let votes = |matches: &dyn Fn(PersonId) -> bool| {
            self.window.iter().flatten().filter(|person| matches(**person)).count()
        };
        let own = votes(&|person| person == candidate.person);
        let others = votes(&|person| person != candidate.person);
        if own < settings.min_frames as usize || 2 * others >= own.max(1) {
            return None;
        }
        // Quote the most alike sighting, if it is of the person decided for.
        let best = self.best.and_then(|best| best.candidates.best);
        let candidate = best.filter(|best| best.person == candidate.person).unwrap_or(candidate);
        self.verdict = Verdict::Identified(candidate);
        Some(Identification::Identified(candidate))
    }

    /// Decides an undecided track as unidentified, if it has evidence enough.
    pub(super) fn give_up(&mut self, settings: &TrackSettings) -> Option<Identification> {
        if self.verdict != Verdict::Undecided || self.frames < settings.min_frames {
            return None;
        }
        self.verdict = Verdict::Unidentified;
        Some(Identification::Unidentified { best: self.best.and_then(|ballot| ballot.candidates.best) })
    }

    /// The decision `identification` with its evidence.
    pub(super) fn decision(
        &self,
        track: TrackId,
        at: DateTime<Utc>,
        identification: Identification,
    ) -> TrackDecision {
        let best = self.best;
        TrackDecision {
            track,
            at,
            identification,
            candidates: best.map(|ballot| ballot.candidates).unwrap_or_default(),
            frames: self.frames,
            detection_score: best.map_or(0.0, |ballot| ballot.detection_score),
            liveness: best.map_or(Liveness::NotRun, |ballot| ballot.liveness),
        }
    }
}
