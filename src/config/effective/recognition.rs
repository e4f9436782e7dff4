//! `[recognition]` as it is used.

use chrono::TimeDelta;

use super::{Setting, in_range};
use crate::config::typed::{DebounceSeconds, PassagesADay, RecognitionTable, Votes};
use crate::identify::{Threshold, ThresholdPolicy};

/// When a face is somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// A threshold that holds whatever the gallery holds.
    pub threshold: Setting<Option<Threshold>>,
    /// The FPIR that the threshold is derived from, 0 to 0.1.
    pub target_fpir: Setting<f32>,
    /// The least threshold that is derived; none for the model card's.
    pub threshold_floor: Setting<Option<Threshold>>,
    /// How much more alike than the runner-up somebody must be.
    pub margin: Setting<f32>,
    /// Frames that must agree.
    pub votes: Setting<Votes>,
    /// Seconds after which a track that is not decided is unidentified.
    pub undecided_seconds: Setting<f32>,
    /// Seconds after which the same person is recorded again.
    pub debounce_seconds: Setting<DebounceSeconds>,
    /// Passages on a day, for what `muster threshold` says.
    pub passages_a_day: Setting<PassagesADay>,
    /// The share of passages that are strangers, for the same.
    pub stranger_share: Setting<f32>,
}

/// One stranger in a thousand.
const DEFAULT_TARGET_FPIR: f32 = 0.001;
/// As far apart as best and runner-up must be; see `track`.
const DEFAULT_MARGIN: f32 = crate::track::DEFAULT_MARGIN;
/// Three frames in a row are a tenth to half a second: long enough for one blurred frame not to
/// decide, short enough for somebody who walks past.
const DEFAULT_VOTES: Votes = in_range(Votes::new(3));
/// Three seconds: somebody who stands before a door does not wait longer without asking.
const DEFAULT_UNDECIDED_SECONDS: f32 = 3.0;
/// A minute: somebody who turns away and back is not recorded twice.
const DEFAULT_DEBOUNCE_SECONDS: DebounceSeconds = in_range(DebounceSeconds::new(60));
/// A school class or an office floor, in and out.
const DEFAULT_PASSAGES_A_DAY: PassagesADay = in_range(PassagesADay::new(200));
/// One visitor among twenty.
const DEFAULT_STRANGER_SHARE: f32 = 0.05;

impl Recognition {
    pub(super) fn resolve(typed: &RecognitionTable) -> Self {
        Self {
            threshold: Setting::typed(typed.threshold.map(|t| Some(t.threshold())), None),
            target_fpir: Setting::typed(typed.target_fpir.map(|t| t.get()), DEFAULT_TARGET_FPIR),
            threshold_floor: Setting::typed(typed.threshold_floor.map(|t| Some(t.threshold())), None),
            margin: Setting::typed(typed.margin.map(|m| m.get()), DEFAULT_MARGIN),
            votes: Setting::typed(typed.votes, DEFAULT_VOTES),
            undecided_seconds: Setting::typed(
                typed.undecided_seconds.map(|s| s.get()),
                DEFAULT_UNDECIDED_SECONDS,
            ),
            debounce_seconds: Setting::typed(typed.debounce_seconds, DEFAULT_DEBOUNCE_SECONDS),
            passages_a_day: Setting::typed(typed.passages_a_day, DEFAULT_PASSAGES_A_DAY),
            stranger_share: Setting::typed(typed.stranger_share.map(|s| s.get()), DEFAULT_STRANGER_SHARE),
        }
    }

    /// What the engine derives its threshold by.
    pub fn threshold_policy(&self) -> ThresholdPolicy {
        ThresholdPolicy {
            fixed: self.threshold.value,
            target_fpir: self.target_fpir.value,
            floor: self.threshold_floor.value,
        }
    }

    /// How long somebody must be out of view before the next record.
    pub fn debounce(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.debounce_seconds.value.get()))
    }

    /// How long a track may stay undecided.
    pub fn undecided_limit(&self) -> TimeDelta {
        TimeDelta::milliseconds((self.undecided_seconds.value * 1e3).round() as i64)
    }
}
