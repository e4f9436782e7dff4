//! From what the nets saw to decisions, and from decisions to entries.

use crate::capture::{Frame, Pace};
use crate::face::EmbeddingSpace;
use crate::identify::{Candidates, Gallery, Identification};
use crate::inference::{AnalysedFace, AnalyserFacts, FrameAnalysis};
use crate::ledger::{Actor, ClockState, EntryKind, EvidencePart, Parts, RecordPart};
use crate::track::{Sighting, TrackDecision, Verdict};

use super::super::event::EngineEvent;
use super::super::state::{InferenceStatus, SourceState};
use super::super::worker::inference::InferenceReport;
use super::{Core, GalleryState};

impl Core {
    pub(super) fn take_inference(&mut self, report: InferenceReport) {
        match report {
            InferenceReport::Ready(facts) => self.take_facts(facts),
            InferenceReport::Unavailable(reason) => self.lose_inference(&reason),
            InferenceReport::Observed { frame, analysis } => self.take_frame(frame, analysis),
            InferenceReport::Job(outcome) => self.take_job(outcome),
            InferenceReport::SourceEnded => {
                // What the source said before its end came another way and may still wait.
                while let Ok(report) = self.channels.source.try_recv() {
                    self.take_source(report);
                }
                for decision in self.tracker.finish() {
                    self.take_decision(decision, None);
                }
                self.source_ending = true;
                self.end_source_when_written();
            }
        }
    }

    fn take_facts(&mut self, facts: AnalyserFacts) {
        let mut gallery = Gallery::new(facts.space, facts.dimension);
        if let GalleryState::Waiting(waiting) = &self.gallery {
            waiting.iter().for_each(|template| gallery.put(template));
        }
        self.gallery = GalleryState::Ready(gallery);
        self.inference = InferenceStatus::Ready { provider: facts.provider, pack: facts.pack.clone() };
        self.facts = Some(facts);
        self.publish_roster();
        self.publish_live();
    }

    pub(super) fn lose_inference(&mut self, reason: &str) {
        self.inference = InferenceStatus::Unavailable { reason: reason.to_owned() };
        self.publish_live();
    }

    fn take_frame(&mut self, frame: Frame, analysis: Option<FrameAnalysis>) {
        // A frame that was on its way when the source was paused or let go is not shown any more.
        if self.shutdown.is_some() {
            return;
        }
        self.source.frames += 1;
        self.source.width = frame.picture.width();
        self.source.height = frame.picture.height();
        self.frame_rate.count();
        let threshold = self.threshold();
        if let (Some(analysis), Some(threshold)) = (&analysis, threshold) {
            let sightings = analysis.faces.iter().map(|face| self.sighting(face)).collect();
            let decisions = self.tracker.observe(frame.at, sightings, threshold);
            let label = frame.label.clone();
            let at = frame.at;
            self.last_frame = Some((frame, Some(analysis.clone())));
            for decision in decisions {
                self.take_decision(decision, label.as_deref());
            }
            self.keep_passages_open(at);
            self.step_challenge(at, analysis);
        } else {
            self.last_frame = Some((frame, None));
        }
        self.publish_live();
    }

    fn sighting(&self, face: &AnalysedFace) -> Sighting {
        let probe = face.probe.as_ref().ok();
        let candidates = match (&self.gallery, probe) {
            (GalleryState::Ready(gallery), Some(probe)) => gallery.search(&probe.embedding),
            _ => Candidates::default(),
        };
        Sighting {
            bounds: face.detection.bounds,
            detection_score: face.detection.score,
            embedding: probe.map(|probe| probe.embedding.clone()),
            candidates,
            liveness: probe.map_or(crate::face::Liveness::NotRun, |probe| probe.liveness),
        }
    }

    /// A person who stays in view stays in one passage.
    fn keep_passages_open(&mut self, at: chrono::DateTime<chrono::Utc>) {
        for track in self.tracker.snapshot() {
            if let Verdict::Identified(candidate) = track.verdict {
                self.policy.still_in_view(candidate.person, at);
            }
        }
    }

    pub(super) fn take_decision(&mut self, decision: TrackDecision, label: Option<&str>) {
        let person = decision.identification.person();
        self.subscribers.send(&EngineEvent::Decided {
            track: decision.track,
            at: decision.at,
            person,
            similarity: decision.candidates.best.map(|candidate| candidate.similarity),
            label: label.map(str::to_owned),
        });
        let kind = match decision.identification {
            Identification::Identified(candidate) => {
                if !self.policy.begins_passage(candidate.person, decision.at) {
                    return;
                }
                EntryKind::Passage
            }
            Identification::Unidentified { .. } => EntryKind::Unidentified,
            Identification::Rejected(_) => return,
        };
        let record = person
            .map(|person| RecordPart { person, state: Some(crate::attendance::PresenceState::Present) });
        let evidence = Some(self.evidence(&decision));
        let parts = Parts { record, evidence, note: None };
        let clock = match self.pace {
            Pace::RealTime => self.clock.state(),
            Pace::Lossless => ClockState::Recording,
        };
        let draft = self.draft_at(kind, Actor::Door, parts, decision.at, clock);
        self.commits.queue_entry(draft, person);
    }

    fn evidence(&self, decision: &TrackDecision) -> EvidencePart {
        let Candidates { best, runner_up } = decision.candidates;
        let unknown = EmbeddingSpace([0; 32]);
        EvidencePart {
            candidates: best.into_iter().chain(runner_up).collect(),
            threshold: self.threshold().unwrap_or(crate::identify::Threshold(crate::face::Similarity(1.0))),
            frames: decision.frames,
            detection_score: decision.detection_score,
            liveness: decision.liveness,
            space: self.facts.as_ref().map_or(unknown, |facts| facts.space),
            pack: self.facts.as_ref().map_or_else(String::new, |facts| facts.pack.clone()),
            details: None,
        }
    }

    /// Says that the source has ended, once everything seen in it is on disk.
    pub(super) fn end_source_when_written(&mut self) {
        if self.source_ending && self.commits.is_done() {
            self.source_ending = false;
            self.source.state = SourceState::Ended;
            self.last_frame = None;
            self.publish_live();
            self.subscribers.send(&EngineEvent::SourceEnded);
        }
    }
}
