//! Collects what is known of every track, and decides each once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::attendance::PersonId;
use crate::face::{Liveness, Quality, Rect};

use super::tracker::Sighting;
use super::vote::{Ballot, Vote};
use super::{LivenessRule, Rules, TrackDecision, TrackId, TrackSettings, Verdict};

/// A track as a screen shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackSnapshot {
    /// Which track.
    pub id: TrackId,
    /// Where the face was last seen.
    pub bounds: Rect,
    /// How it stands.
    pub verdict: Verdict,
    /// What the liveness net says of the track so far.
    pub liveness: Liveness,
    /// Whether that is under what live faces have.
    pub looks_live: Option<bool>,
    /// How good its face was when it was last looked at; none before.
    pub quality: Option<Quality>,
}

#[derive(Debug, Clone)]
struct Case {
    bounds: Rect,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    quality: Option<Quality>,
    vote: Vote,
}

/// The votes on all tracks of one source. Pure: time is the frames' own.
#[derive(Debug, Clone)]
pub struct Jury {
    settings: TrackSettings,
    cases: BTreeMap<TrackId, Case>,
    rule: LivenessRule,
}

impl Jury {
    /// A jury that has heard of nobody.
    pub fn new(settings: TrackSettings) -> Self {
        Self { settings, cases: BTreeMap::new(), rule: LivenessRule::Ignore }
    }

    /// Hears one sighting of `track`; the decision it brings.
    pub fn hear(
        &mut self,
        track: TrackId,
        at: DateTime<Utc>,
        sighting: &Sighting,
        rules: &Rules,
    ) -> Option<TrackDecision> {
        self.rule = rules.liveness;
        let case = self.cases.entry(track).or_insert_with(|| Case {
            bounds: sighting.bounds,
            first_seen: at,
            last_seen: at,
            quality: None,
            vote: Vote::new(),
        });
        case.bounds = sighting.bounds;
        case.last_seen = at;
        let settings = &self.settings;
        let mut outcome = None;
        if sighting.embedding.is_some() {
            case.quality = Some(sighting.quality);
            let ballot = Ballot {
                candidates: sighting.candidates,
                detection_score: sighting.detection_score,
                quality: sighting.quality,
                quality_score: sighting.quality_score,
                liveness: sighting.liveness,
            };
            let was_open = case.vote.verdict == Verdict::Undecided;
            outcome = case.vote.cast(ballot, rules, settings);
            if !was_open && case.vote.verdict == Verdict::Undecided {
                case.first_seen = at;
            }
        }
        if outcome.is_none() && at - case.first_seen >= settings.undecided_limit {
            outcome = case.vote.give_up(rules, settings);
        }
        outcome.map(|found| case.vote.decision(track, at, found, rules, settings))
    }

    /// Ends a track; the decision that brings.
    pub fn end(&mut self, track: TrackId, rules: &Rules) -> Option<TrackDecision> {
        let mut case = self.cases.remove(&track)?;
        let found = case.vote.give_up(rules, &self.settings)?;
        Some(case.vote.decision(track, case.last_seen, found, rules, &self.settings))
    }

    /// Ends all tracks, as when the source has ended; the decisions that brings.
    pub fn finish(&mut self, rules: &Rules) -> Vec<TrackDecision> {
        let tracks: Vec<TrackId> = self.cases.keys().copied().collect();
        tracks.into_iter().filter_map(|track| self.end(track, rules)).collect()
    }

    /// Votes again on unidentified tracks: the gallery has gained somebody.
    pub fn reopen(&mut self) {
        for case in self.cases.values_mut() {
            if case.vote.verdict == Verdict::Unidentified {
                case.vote.reopen();
                case.first_seen = case.last_seen;
            }
        }
    }

    /// Forgets what was decided of the tracks that name `person`: the enrolment has ended. They are
    /// voted on again from the beginning.
    pub fn forget(&mut self, person: PersonId) {
        for case in self.cases.values_mut() {
            if matches!(case.vote.verdict, Verdict::Identified(candidate) if candidate.person == person) {
                case.vote = Vote::new();
                case.first_seen = case.last_seen;
            }
        }
    }

    /// The tracks that are decided.
    pub fn decided(&self) -> Vec<TrackId> {
        let decided = self.cases.iter().filter(|(_, case)| case.vote.verdict != Verdict::Undecided);
        decided.map(|(track, _)| *track).collect()
    }

    /// The tracks in the order in which they began, as last seen.
    pub fn snapshot(&self) -> impl Iterator<Item = TrackSnapshot> + '_ {
        self.cases.iter().map(|(id, case)| {
            let liveness = case.vote.liveness().outcome();
            let looks_live = liveness.score().zip(self.rule.threshold()).map(|(score, least)| score >= least);
            TrackSnapshot {
                id: *id,
                bounds: case.bounds,
                verdict: case.vote.verdict,
                liveness,
                looks_live,
                quality: case.quality,
            }
        })
    }
}
