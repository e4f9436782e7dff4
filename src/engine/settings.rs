//! What an engine can be told to do differently.

use chrono::TimeDelta;

use crate::identify::Threshold;
use crate::track::TrackSettings;

/// The engine's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineSettings {
    /// Two decisions for one person closer than this are one passage.
    pub debounce: TimeDelta,
    /// The least similarity that identifies; none for the one on the embedding net's card.
    pub threshold: Option<Threshold>,
    /// How tracks are kept and decided.
    pub tracks: TrackSettings,
    /// How long an item of the inbox is kept after its first track; zero where there is no inbox.
    pub inbox_keep: TimeDelta,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            debounce: TimeDelta::seconds(60),
            threshold: None,
            tracks: TrackSettings::default(),
            inbox_keep: TimeDelta::hours(8),
        }
    }
}
