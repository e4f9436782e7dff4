//! Votes over the sightings of one track.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::PersonId;
use crate::face::{Liveness, Quality, QualityScore};
use crate::identify::{Candidate, Candidates, Identification, Rejection, Shortfall, VoteCount};

use super::{Rules, TRUSTED_QUALITY, TrackId, TrackSettings, WEIGHT_PER_VOTE, WINDOW};

/// Sums of weights may lie this far below what they would be without rounding.
const ROUNDING: f32 = 1e-4;

/// How a track stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Not enough was seen yet.
    Undecided,
    /// Somebody enrolled.
    Identified(Candidate),
    /// Nobody the gallery knows.
    Unidentified,
    /// It does not look live, and that is required.
    Rejected,
}

/// What follows from a track's mean live score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LivenessRule {
    /// Nothing.
    Ignore,
    /// Under this score, 0 to 1, a track counts as an attack; it is said.
    Warn(f32),
    /// Under this score it is rejected, and while it has none it is not identified.
    Require(f32),
}

impl LivenessRule {
    /// The score, where there is one.
    pub fn threshold(self) -> Option<f32> {
        match self {
            Self::Ignore => None,
            Self::Warn(threshold) | Self::Require(threshold) => Some(threshold),
        }
    }
}

/// The live scores of a track's sightings.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LivenessVote {
    /// Sightings that have a score.
    pub measured: u32,
    /// Sightings without room for the crop that the net needs.
    pub not_measurable: u32,
    /// The sum of the scores.
    sum: f32,
}

impl LivenessVote {
    /// Takes one more sighting in.
    pub fn add(&mut self, liveness: Liveness) {
        match liveness {
            Liveness::Score(score) => {
                self.measured += 1;
                self.sum += score;
            }
            Liveness::NotMeasurable => self.not_measurable += 1,
            Liveness::NotRun => {}
        }
    }

    /// What the sightings come to: the mean of the scores, where there are any.
    pub fn outcome(&self) -> Liveness {
        match (self.measured, self.not_measurable) {
            (0, 0) => Liveness::NotRun,
            (0, _) => Liveness::NotMeasurable,
            (measured, _) => Liveness::Score(self.sum / measured as f32),
        }
    }
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
    /// Counted sightings up to the decision.
    pub frames: u32,
    /// How the last of them voted.
    pub votes: VoteCount,
    /// What was missing, where nobody was identified.
    pub shortfall: Option<Shortfall>,
    /// The detector's confidence in the best sighting, 0 to 1.
    pub detection_score: f32,
    /// The best sighting's quality.
    pub quality: Quality,
    /// The same in one number.
    pub quality_score: QualityScore,
    /// What the liveness net said of the track.
    pub liveness: LivenessVote,
}

/// What one counted sighting says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ballot {
    pub(super) candidates: Candidates,
    pub(super) detection_score: f32,
    pub(super) quality: Quality,
    pub(super) quality_score: QualityScore,
    pub(super) liveness: Liveness,
}

impl Ballot {
    pub(super) fn is_counted(&self) -> bool {
        self.quality_score.0 >= TRUSTED_QUALITY
    }

    /// Whom it votes for.
    pub(super) fn vote(&self, rules: &Rules, settings: &TrackSettings) -> Option<Candidate> {
        match Identification::decide(&self.candidates, rules.threshold) {
            Identification::Identified(best) if self.margin() >= settings.margin => Some(best),
            _ => None,
        }
    }

    /// How much more alike than the runner-up the best candidate is.
    fn margin(&self) -> f32 {
        match (self.candidates.best, self.candidates.runner_up) {
            (Some(best), Some(runner_up)) => best.similarity.0 - runner_up.similarity.0,
            _ => f32::INFINITY,
        }
    }

    fn similarity(&self) -> Option<f32> {
        self.candidates.best.map(|candidate| candidate.similarity.0)
    }
}

/// Whom a counted sighting was for, and how much it weighs.
#[derive(Debug, Clone, Copy)]
struct Cast {
    person: Option<PersonId>,
    weight: f32,
}

/// The votes of a track and what was decided from them.
#[derive(Debug, Clone)]
pub(super) struct Vote {
    window: VecDeque<Cast>,
    frames: u32,
    /// The counted ballot with the most alike best candidate, over all candidates.
    best: Option<Ballot>,
    liveness: LivenessVote,
    pub(super) verdict: Verdict,
    /// Voted on again after it was unidentified: not to be said twice.
    reopened: bool,
}

impl Vote {
    pub(super) fn new() -> Self {
        Self {
            window: VecDeque::new(),
            frames: 0,
            best: None,
            liveness: LivenessVote::default(),
            verdict: Verdict::Undecided,
            reopened: false,
        }
    }

    /// Forgets what was decided of an unidentified track, so that it is voted on again.
    pub(super) fn reopen(&mut self) {
        if self.verdict == Verdict::Unidentified {
            *self = Self { liveness: self.liveness, reopened: true, ..Self::new() };
        }
    }

    /// What the liveness net said so far.
    pub(super) fn liveness(&self) -> LivenessVote {
        self.liveness
    }

    /// Takes a sighting in; the outcome, if that decides the track.
    pub(super) fn cast(
        &mut self,
        ballot: Ballot,
        rules: &Rules,
        settings: &TrackSettings,
    ) -> Option<Identification> {
        self.liveness.add(ballot.liveness);
        if !ballot.is_counted() {
            return None;
        }
        let candidate = ballot.vote(rules, settings);
        if self.verdict == Verdict::Unidentified && candidate.is_some() {
            self.reopen();
        }
        if self.verdict != Verdict::Undecided {
            return None;
        }
        self.frames += 1;
        if self.best.is_none_or(|best| ballot.similarity() > best.similarity()) {
            self.best = Some(ballot);
        }
        let person = candidate.map(|candidate| candidate.person);
        self.window.push_back(Cast { person, weight: ballot.quality_score.0.clamp(0.0, 1.0) });
        while self.window.len() > WINDOW * settings.min_frames as usize {
            self.window.pop_front();
        }
        let candidate = candidate?;
        if !self.agrees(candidate.person, settings) || self.lacks_liveness(rules) {
            return None;
        }
        // Quote the most alike sighting, if it is of the person decided for.
        let best = self.best.and_then(|best| best.candidates.best);
        let candidate = best.filter(|best| best.person == candidate.person).unwrap_or(candidate);
        Some(self.conclude(Identification::Identified(candidate), rules))
    }

    /// Whether the track must look live and nothing could be measured of it yet: whoever holds a
    /// print so near that the crop has no room must not pass by that.
    fn lacks_liveness(&self, rules: &Rules) -> bool {
        matches!(rules.liveness, LivenessRule::Require(_)) && self.liveness.measured == 0
    }

    /// Whether enough sightings are for `person`, and few enough for anybody else.
    fn agrees(&self, person: PersonId, settings: &TrackSettings) -> bool {
        let least = settings.min_frames.max(1);
        let own = self.window.iter().filter(|cast| cast.person == Some(person));
        let (count, weight) = own.fold((0u32, 0.0f32), |(n, w), cast| (n + 1, w + cast.weight));
        let others = self.window.iter().filter(|cast| cast.person.is_some_and(|other| other != person));
        let against: f32 = others.map(|cast| cast.weight).sum();
        let all: f32 = self.window.iter().map(|cast| cast.weight).sum();
        let enough = weight >= WEIGHT_PER_VOTE * least as f32 - ROUNDING;
        let most = 2.0 * weight >= all - ROUNDING;
        count >= least && enough && most && 2.0 * against < weight
    }

    /// Decides an undecided track as unidentified, if it has evidence enough.
    pub(super) fn give_up(&mut self, rules: &Rules, settings: &TrackSettings) -> Option<Identification> {
        if self.verdict != Verdict::Undecided || self.frames < settings.min_frames {
            return None;
        }
        if self.reopened {
            self.verdict = Verdict::Unidentified;
            return None;
        }
        let best = self.best.and_then(|ballot| ballot.candidates.best);
        Some(self.conclude(Identification::Unidentified { best }, rules))
    }

    /// Sets the verdict: `found`, unless the track must look live and does not.
    fn conclude(&mut self, found: Identification, rules: &Rules) -> Identification {
        let is_attack = match (rules.liveness, self.liveness.outcome()) {
            (LivenessRule::Require(threshold), Liveness::Score(score)) => score < threshold,
            _ => false,
        };
        let found = if is_attack { Identification::Rejected(Rejection::PresentationAttack) } else { found };
        self.verdict = match found {
            Identification::Identified(candidate) => Verdict::Identified(candidate),
            Identification::Unidentified { .. } => Verdict::Unidentified,
            Identification::Rejected(_) => Verdict::Rejected,
        };
        found
    }

    /// The decision `identification` with its evidence.
    pub(super) fn decision(
        &self,
        track: TrackId,
        at: DateTime<Utc>,
        identification: Identification,
        rules: &Rules,
        settings: &TrackSettings,
    ) -> TrackDecision {
        let best = self.best;
        let candidates = best.map(|ballot| ballot.candidates).unwrap_or_default();
        let person = identification.person().or_else(|| candidates.best.map(|candidate| candidate.person));
        TrackDecision {
            track,
            at,
            identification,
            candidates,
            frames: self.frames,
            votes: self.count(person),
            shortfall: self.shortfall(&identification, rules, settings),
            detection_score: best.map_or(0.0, |ballot| ballot.detection_score),
            quality: best.map(|ballot| ballot.quality).unwrap_or_default(),
            quality_score: best.map(|ballot| ballot.quality_score).unwrap_or_default(),
            liveness: self.liveness,
        }
    }

    fn count(&self, person: Option<PersonId>) -> VoteCount {
        let mut count = VoteCount::default();
        for cast in &self.window {
            match cast.person {
                None => count.nobody += 1,
                voted if voted == person => count.best += 1,
                Some(_) => count.others += 1,
            }
        }
        count
    }

    fn shortfall(
        &self,
        identification: &Identification,
        rules: &Rules,
        settings: &TrackSettings,
    ) -> Option<Shortfall> {
        match identification {
            Identification::Identified(_) => None,
            Identification::Rejected(_) => Some(Shortfall::Liveness),
            Identification::Unidentified { .. } => {
                let Some(best) = self.best else { return Some(Shortfall::Frames) };
                Some(match Identification::decide(&best.candidates, rules.threshold) {
                    Identification::Identified(_) if best.margin() < settings.margin => Shortfall::Margin,
                    Identification::Identified(_) if self.lacks_liveness(rules) => Shortfall::Liveness,
                    Identification::Identified(_) => Shortfall::Agreement,
                    _ => Shortfall::Similarity,
                })
            }
        }
    }
}
