//! What an engine can be told to do differently.

use std::sync::Arc;

use super::approvals::ApprovalPolicy;
use super::consent::ConsentPolicy;
use super::retention::RetentionPolicy;
use crate::attendance::AttendanceRules;
use crate::face::PicturePolicy;
use chrono::TimeDelta;

use crate::face::{LivenessMode, QualityLimits};
use crate::identify::ThresholdPolicy;
use crate::inference::AnalyserFacts;
use crate::track::TrackSettings;

/// The engine's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    /// Two decisions for one person closer than this are one passage.
    pub debounce: TimeDelta,
    /// Where the least similarity that identifies comes from.
    pub threshold: ThresholdPolicy,
    /// How tracks are kept and decided.
    pub tracks: TrackSettings,
    /// What follows from the liveness net.
    pub liveness: LivenessSettings,
    /// What a shot must reach to be taken by itself, and what is said of other pictures.
    pub quality: QualityLimits,
    /// Whether the picture around an enrolled face is kept beside its template.
    pub keep_crops: bool,
    /// How long an item of the inbox is kept after its first track; zero where there is no inbox.
    pub inbox_keep: TimeDelta,
    /// Shots that the live picture takes by itself for one enrolment; at least 1.
    pub shots: u32,
    /// Whether clients are given pictures of people.
    pub pictures: PicturePolicy,
    /// Whether every face of every frame is wanted with all nets, whatever is decided: for measuring them.
    pub looks_closely: bool,
    /// Whether decisions become entries; an enrolment without a screen records nobody.
    pub takes_attendance: bool,
    /// What the site decides about attendance.
    pub rules: Arc<AttendanceRules>,
    /// Entries that wait for the store at most.
    pub queue_entries: usize,
    /// The account that the engine runs as, which may do everything unless an operator has it.
    pub owner_uid: u32,
    /// What one admin asks for and another confirms.
    pub approvals: ApprovalPolicy,
    /// What people are asked before they are enrolled.
    pub consent: ConsentPolicy,
    /// How long each kind of thing is kept.
    pub retention: RetentionPolicy,
    /// The configuration in force by its keys, as the ledger notes it where it is another than at the last
    /// start; nothing is noted where there is none. No secret is in it.
    pub configuration: Vec<(String, String)>,
}

/// What follows from the liveness net.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LivenessSettings {
    /// Whether it is run, said, or required.
    pub mode: LivenessMode,
    /// Under this mean score a track counts as an attack, 0 to 1; none for the card's.
    pub threshold: Option<f32>,
}

impl LivenessSettings {
    /// The threshold in force: the configured one, or the card's. None where the net does not run.
    pub fn in_force(&self, facts: Option<&AnalyserFacts>) -> Option<f32> {
        let card = facts.and_then(|facts| facts.liveness)?;
        (self.mode != LivenessMode::Off).then(|| self.threshold.unwrap_or(card.threshold))
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            debounce: TimeDelta::seconds(60),
            threshold: ThresholdPolicy::default(),
            tracks: TrackSettings::default(),
            liveness: LivenessSettings::default(),
            quality: QualityLimits::default(),
            keep_crops: false,
            inbox_keep: TimeDelta::hours(8),
            shots: 4,
            pictures: PicturePolicy::default(),
            looks_closely: false,
            takes_attendance: true,
            rules: Arc::default(),
            queue_entries: 10_000,
            owner_uid: rustix::process::getuid().as_raw(),
            approvals: ApprovalPolicy::default(),
            consent: ConsentPolicy::default(),
            retention: RetentionPolicy::default(),
            configuration: Vec::new(),
        }
    }
}
