//! From faces in single frames to one decision about one person: tracks and votes.
//!
//! # When a face belongs to a track
//! A sighting may continue a track that was last seen at most `lost_after` before it, exactly if
//! - the boxes overlap (intersection over union) by at least [`LINK_IOU`] and the embeddings are at
//!   least [`CHANGED_FACE`] alike, or
//! - the embeddings are at least [`SAME_FACE`] alike, wherever the boxes are.
//!
//! A sighting without an embedding may continue a track by its box alone. Of all allowed pairs the
//! one with the largest sum of overlap and similarity is taken first; each track and each sighting
//! is used once. A sighting that continues no track begins one. So a face that is swapped for
//! another in the same place ends the first track, and two people who cross keep their own.
//!
//! # When a track is decided
//! A track is decided once. Over its last `2 * min_frames` sightings:
//! - it is *identified* as P at a sighting that identifies P, exactly if at least `min_frames` of
//!   them identify P and fewer than half as many identify anybody else;
//! - it is *unidentified* exactly if it has at least `min_frames` sightings with an embedding, is
//!   not identified, and either was first seen at least `undecided_limit` ago or has ended.
//!
//! A track with fewer sightings ends without a decision: it was a flicker. An unidentified track is
//! voted on again when the gallery gains somebody ([`Tracker::reopen`]).

mod tracker;
mod vote;

pub use tracker::{Sighting, TrackSnapshot, Tracker};
pub use vote::{TrackDecision, Verdict};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// The least overlap of two boxes of one face in frames that follow each other.
pub const LINK_IOU: f32 = 0.3;
/// Less alike than this, two faces in the same place are two people. A choice, not a fit: frames of
/// one face that follow each other are more alike than two photographs of one person (mostly 0.5
/// to 0.8), and the embeddings of two people are nearly at right angles.
pub const CHANGED_FACE: f32 = 0.15;
/// At least as alike as this, two faces in frames that follow each other are one person, wherever
/// they are: above every one of the 18,110 pairs of two people that the default threshold was
/// calibrated with.
pub const SAME_FACE: f32 = 0.5;

/// How much more alike than the runner-up the best candidate must be, where nothing else is said.
pub const DEFAULT_MARGIN: f32 = 0.05;

/// Names a track while the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

/// How tracks are kept and decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackSettings {
    /// Sightings that a decision needs; at least 1.
    pub min_frames: u32,
    /// How long a track may stay undecided, on the frames' clock.
    pub undecided_limit: TimeDelta,
    /// How long a face may be out of sight before its track ends, on the frames' clock.
    pub lost_after: TimeDelta,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            min_frames: 3,
            undecided_limit: TimeDelta::seconds(3),
            lost_after: TimeDelta::milliseconds(800),
        }
    }
}

#[cfg(test)]
mod tests;
