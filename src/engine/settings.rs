//! What an engine can be told to do differently.

use chrono::TimeDelta;

use crate::identify::ThresholdPolicy;
use crate::track::TrackSettings;

/// The engine's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineSettings {
    /// Two decisions for one person closer than this are one passage.
    pub debounce: TimeDelta,
    /// Where the least similarity that identifies comes from.
    pub threshold: ThresholdPolicy,
    /// How tracks are kept and decided.
    pub tracks: TrackSettings,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            debounce: TimeDelta::seconds(60),
            threshold: ThresholdPolicy::default(),
            tracks: TrackSettings::default(),
        }
    }
}
