//! From what the nets saw to decisions, and from decisions to entries.

use chrono::{DateTime, Utc};

use crate::attendance::Method;
use crate::capture::{Frame, Pace};
use crate::face::{EmbeddingSpace, Liveness, LivenessMode};
use crate::identify::{Candidate, Candidates, DecisionDetails, Identification};
use crate::inference::{AnalysedFace, AnalyserFacts, FrameAnalysis};
use crate::ledger::{Actor, ClockState, EntryKind, EvidencePart, Parts};
use crate::track::{FrameTracks, LivenessRule, Rules, Sighting, TrackDecision, Verdict};

use super::super::event::EngineEvent;
use super::super::state::{InferenceStatus, SourceIndex};
use super::super::worker::inference::InferenceReport;
use super::super::worker::look::{Extent, LookedAt};
use super::sources::Watched;
use super::{Core, GalleryState};

impl Core {
    pub(super) fn take_inference(&mut self, report: InferenceReport) {
        match report {
            InferenceReport::Ready(facts) => self.take_facts(facts),
            InferenceReport::Unavailable(reason) => self.lose_inference(&reason),
            InferenceReport::Observed { source, frame, looked } => self.take_frame(source, frame, looked),
            InferenceReport::Job(outcome) => self.take_job(outcome),
            InferenceReport::SourceEnded(source) => self.end_source(source),
        }
    }

    fn take_facts(&mut self, facts: AnalyserFacts) {
        if let GalleryState::Waiting(waiting) = &mut self.gallery {
            let gallery = std::mem::take(waiting).decide(facts.space, facts.dimension);
            self.gallery = GalleryState::Ready(Box::new(gallery));
        }
        if self.is_beginning {
            // Nobody is recognised before everybody is known.
            self.facts = Some(facts);
            return;
        }
        self.inference = InferenceStatus::Ready { provider: facts.provider, pack: facts.pack.clone() };
        self.facts = Some(facts);
        self.publish_roster();
        self.publish_live();
    }

    pub(super) fn lose_inference(&mut self, reason: &str) {
        self.inference = InferenceStatus::Unavailable { reason: reason.to_owned() };
        self.publish_live();
    }

    fn take_frame(&mut self, source: SourceIndex, frame: Frame, looked: Option<LookedAt>) {
        // A frame that was on its way when the source was paused or let go is not shown any more.
        if self.shutdown.is_some() {
            return;
        }
        let Some(watched) = self.watched_mut(source) else { return };
        watched.status.frames += 1;
        if watched.status.frames == 1 {
            tracing::info!(source = source.position(), "the first frame was looked at");
        }
        watched.status.width = frame.picture.width();
        watched.status.height = frame.picture.height();
        watched.frame_rate.count();
        let is_looked_at = source == self.focus;
        let at = frame.at;
        let label = frame.label.clone();
        let (analysis, tracks) = looked.map(|looked| (looked.analysis, looked.tracks)).unzip();
        if let (Some(analysis), Some(tracks)) = (&analysis, tracks) {
            for track in &tracks.of {
                self.first_seen.entry(*track).or_insert(at);
            }
            let decisions = self.hear(source, at, analysis, &tracks);
            self.offer_shots(&frame, analysis, &tracks, &decisions);
            for decision in decisions {
                self.take_decision(source, decision, label.as_deref());
            }
            self.first_seen.retain(|track, _| !tracks.ended.contains(track));
            self.keep_passages_open(source, at);
            if is_looked_at {
                self.step_challenge(at, analysis);
            }
            let wanted = match is_looked_at && self.must_look_closely() {
                // What all nets say is heard by nobody, and the store is read by the same cores.
                _ if self.is_beginning => Extent::Nobody,
                true => Extent::Everybody,
                false => Extent::Undecided,
            };
            if let Some(watched) = self.watched(source) {
                watched.answer(wanted);
            }
        }
        if let Some(watched) = self.watched_mut(source) {
            watched.last_frame = Some((frame, analysis));
        }
        if self.pace == Pace::Lossless {
            self.follow_schedule();
        }
        if is_looked_at {
            self.offer_to_enrolment();
        }
        self.publish_live();
    }

    /// Puts what the gallery says of every face before the jury.
    fn hear(
        &mut self,
        source: SourceIndex,
        at: DateTime<Utc>,
        analysis: &FrameAnalysis,
        tracks: &FrameTracks,
    ) -> Vec<TrackDecision> {
        // Against a part of the gallery nobody is decided about.
        let Some(rules) = self.rules().filter(|_| !self.is_beginning) else { return Vec::new() };
        let sightings = self.sightings(&analysis.faces);
        let Some(Watched { jury, .. }) = self.watched_mut(source) else { return Vec::new() };
        let mut decisions: Vec<TrackDecision> =
            tracks.ended.iter().filter_map(|track| jury.end(*track, &rules)).collect();
        for (track, sighting) in tracks.of.iter().zip(&sightings) {
            decisions.extend(jury.hear(*track, at, sighting, &rules));
        }
        decisions
    }

    /// What every vote is held to; none before the nets are there.
    fn rules(&self) -> Option<Rules> {
        let least = self.settings.liveness.in_force(self.facts.as_ref());
        let liveness = match (self.settings.liveness.mode, least) {
            (LivenessMode::Require, Some(least)) => LivenessRule::Require(least),
            // Without the net nothing is measured, and so nobody passes.
            (LivenessMode::Require, None) => LivenessRule::Require(1.0),
            (LivenessMode::Warn, Some(least)) => LivenessRule::Warn(least),
            (LivenessMode::Warn, None) | (LivenessMode::Off, _) => LivenessRule::Ignore,
        };
        self.threshold().map(|threshold| Rules { threshold, liveness })
    }

    /// Ends every track; what that decides is written.
    pub(super) fn finish_tracks(&mut self) {
        for source in self.source_indexes() {
            self.finish_tracks_of(source);
        }
    }

    /// The same of one source.
    pub(super) fn finish_tracks_of(&mut self, source: SourceIndex) {
        let Some(rules) = self.rules() else { return };
        let Some(watched) = self.watched_mut(source) else { return };
        for decision in watched.jury.finish(&rules) {
            self.take_decision(source, decision, None);
        }
    }

    /// What the gallery says of all faces of a frame, which are searched together.
    fn sightings(&self, faces: &[AnalysedFace]) -> Vec<Sighting> {
        let probes: Vec<_> = faces.iter().filter_map(|face| face.probe.as_ref().ok()).collect();
        let embeddings: Vec<_> = probes.iter().map(|probe| &probe.embedding).collect();
        let mut found = self.search_all(&embeddings).into_iter();
        let sighting = |face: &AnalysedFace| {
            let found = face.probe.as_ref().ok().and_then(|_| found.next());
            Self::sighting(face, found.unwrap_or_default())
        };
        faces.iter().map(sighting).collect()
    }

    fn sighting(face: &AnalysedFace, candidates: Candidates) -> Sighting {
        let probe = face.probe.as_ref().ok();
        Sighting {
            bounds: face.detection.bounds,
            detection_score: face.detection.score,
            embedding: probe.map(|probe| probe.embedding.clone()),
            candidates,
            quality: probe.map(|probe| probe.quality).unwrap_or_default(),
            quality_score: probe.map(|probe| probe.quality.score()).unwrap_or_default(),
            liveness: probe.map_or(Liveness::NotRun, |probe| probe.liveness),
        }
    }

    /// A person who stays in view stays in one passage.
    fn keep_passages_open(&mut self, source: SourceIndex, at: DateTime<Utc>) {
        let Some(Watched { jury, .. }) = self.sources.get(source.position()) else { return };
        for track in jury.snapshot() {
            if let Verdict::Identified(candidate) = track.verdict
                // Nobody is kept in a passage that there is no record of.
                && !self.commits.refused.is_about(candidate.person)
            {
                self.policy.still_in_view(candidate.person, at);
            }
        }
    }

    pub(super) fn take_decision(
        &mut self,
        source: SourceIndex,
        decision: TrackDecision,
        label: Option<&str>,
    ) {
        if !self.settings.takes_attendance {
            return;
        }
        let person = decision.identification.person();
        let seen_since = self.first_seen.get(&decision.track).copied().unwrap_or(decision.at);
        self.subscribers.send(&EngineEvent::Decided {
            track: decision.track,
            at: decision.at,
            seen_since,
            person,
            similarity: decision.candidates.best.map(|candidate| candidate.similarity),
            label: label.map(str::to_owned),
        });
        let clock = match self.pace {
            Pace::RealTime => self.clock_state(decision.at),
            Pace::Lossless => ClockState::Recording,
        };
        let evidence = Some(self.evidence(&decision));
        let draft = match decision.identification {
            Identification::Identified(Candidate { person, .. }) => {
                self.amend_closed(person, seen_since, decision.at);
                match self.record_passage(source, person, decision.at, clock, Method::Face, evidence) {
                    Some(draft) => draft,
                    None => return,
                }
            }
            Identification::Unidentified { .. } | Identification::Rejected(_) => {
                let is_rejected = matches!(decision.identification, Identification::Rejected(_));
                let kind = if is_rejected { EntryKind::Rejected } else { EntryKind::Unidentified };
                let parts = Parts { evidence, ..Parts::default() };
                self.draft_at(kind, Actor::Door, parts, decision.at, clock)
            }
        };
        let sighting = draft.clone();
        if self.queue_entry(draft, person) {
            self.await_stranger(decision.track, &sighting);
        }
    }

    fn evidence(&self, decision: &TrackDecision) -> EvidencePart {
        let Candidates { best, runner_up } = decision.candidates;
        let unknown = EmbeddingSpace([0; 32]);
        EvidencePart {
            candidates: best.into_iter().chain(runner_up).collect(),
            threshold: self.threshold().unwrap_or(crate::identify::Threshold(crate::face::Similarity(1.0))),
            frames: decision.frames,
            detection_score: decision.detection_score,
            liveness: decision.liveness.outcome(),
            space: self.facts.as_ref().map_or(unknown, |facts| facts.space),
            pack: self.facts.as_ref().map_or_else(String::new, |facts| facts.pack.clone()),
            details: Some(self.details(decision)),
        }
    }

    fn details(&self, decision: &TrackDecision) -> DecisionDetails {
        let facts = self.facts.as_ref();
        DecisionDetails {
            basis: self.threshold_basis(),
            votes: decision.votes,
            margin: self.settings.tracks.margin,
            shortfall: decision.shortfall,
            quality: decision.quality,
            quality_score: decision.quality_score,
            liveness_frames: decision.liveness.measured,
            liveness_threshold: self.rules().and_then(|rules| rules.liveness.threshold()),
            model: facts.map_or_else(String::new, |facts| facts.model.clone()),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
