//! From faces in single frames to one decision about one person: tracks and votes.
//!
//! [`Follower`] joins faces over frames and says which faces the nets must look at again;
//! [`Jury`] collects what the gallery says of each and decides; [`Tracker`] is the two together for
//! whoever has every face's embedding at hand.
//!
//! # When a face belongs to a track
//! A sighting may continue a track that has not ended, exactly if
//! - one of the two has no embedding, and the boxes overlap (intersection over union) by at least
//!   [`LINK_IOU`]; or
//! - the embeddings are at least [`CHANGED_FACE`] alike, and the boxes overlap by at least [`LINK_IOU`];
//!   or
//! - the sighting's quality is under [`TRUSTED_QUALITY`], so that its embedding says little (a face
//!   that turns away is like nobody's), the boxes overlap by at least [`STEADY_IOU`], and the track was
//!   seen in the frame before; or
//! - the embeddings are at least [`SAME_FACE`] alike and the sighting's quality is at least
//!   [`TRUSTED_QUALITY`], wherever the boxes are.
//!
//! How alike a sighting is to a track is the larger of its similarities to the track's last embedding
//! and to the one of its best picture, so that a face which turns away and comes back is still its own.
//! Of all allowed pairs the one with the largest sum of overlap and similarity is taken first; each
//! track and each sighting is used once. A sighting that continues no track begins one. So a face
//! that is swapped for another in the same place ends the first track as soon as it is seen well,
//! and two people who cross keep their own.
//!
//! A track whose face no detection covers is looked for again in a region of [`LOOK_AGAIN`] times
//! its box. It ends when it was not seen for more than `lost_after` (where no frame came meanwhile, as
//! from a slow source, for more than [`LONGEST_FRAME_GAP`]), when the frames' clock runs backwards,
//! when another face has taken its place, and when the recording ends.
//!
//! # When the nets look at a face
//! Always, but for a face that overlaps a decided track by at least [`STEADY_IOU`], and no other
//! track and no other face nearly, whose embedding is younger than [`VERIFY_AFTER`]: of that only
//! the box is taken. So a decided track is verified at least once a second and whenever its box
//! jumps. A verification that does not belong to the track, by the conditions above, ends it.
//!
//! Where nobody is followed and a picture looks like the last one in which nobody was found, even the
//! detector is spared: [`Presence`] has the conditions.
//!
//! # When a track is decided
//! Once. A sighting is *counted* exactly if it has an embedding and a quality of at least
//! [`TRUSTED_QUALITY`]. It votes for P exactly if P is its best candidate, is at least as alike as
//! the threshold, and is at least `margin` more alike than the runner-up; else it votes for nobody.
//! A vote weighs as much as the sighting's quality (0 to 1). Over its last [`WINDOW`] times
//! `min_frames` counted sightings:
//! - the track is decided for P at a sighting that votes for P, exactly if at least `min_frames` of
//!   them vote for P, their weight is at least [`WEIGHT_PER_VOTE`] times `min_frames` and at least that
//!   of the votes for nobody and for others together, and the weight for others is less than half of
//!   it;
//! - it is *unidentified* exactly if it has at least `min_frames` counted sightings, is not decided,
//!   and either was first seen at least `undecided_limit` ago or has ended.
//!
//! What is decided is *rejected* instead exactly if liveness is required and the mean live score of
//! the sightings that have one is under the threshold for it. Where none has one, liveness is not
//! measurable: that is no attack and rejects nobody, but where it is required the track is decided for
//! nobody until one has one.
//!
//! A track with fewer counted sightings ends without a decision: it was a flicker, a blur or a face
//! that never looked this way. An unidentified track is voted on again when the gallery gains
//! somebody ([`Jury::reopen`]), and when a verification of it votes for somebody: who came nearer is
//! named then. It is not said to be unidentified twice.

mod follower;
mod jury;
mod presence;
mod tracker;
mod vote;

pub use follower::{Face, Follower, FrameTracks, Look};
pub use jury::{Jury, TrackSnapshot};
pub use presence::Presence;
pub use tracker::{Sighting, Tracker};
pub use vote::{LivenessRule, LivenessVote, TrackDecision, Verdict};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::identify::Threshold;

/// The least overlap of two boxes of one face in frames that follow each other.
pub const LINK_IOU: f32 = 0.3;
/// Less alike than this, two faces in the same place are two people. Of a face that is seen well, two
/// pictures a frame apart were never less alike than 0.72 (a singer and three in his audience, 319
/// pairs), nine tenths of a second apart hardly ever (0.40 where the face stays towards the camera; down
/// to 0.09 where it turns to a profile); of 18,110 pairs of two people the most alike are at 0.41.
pub const CHANGED_FACE: f32 = 0.3;
/// At least as alike as this, two faces in frames that follow each other are one person, wherever
/// they are: above every one of the 18,110 pairs of two people that the default threshold was
/// calibrated with.
pub const SAME_FACE: f32 = 0.5;
/// The least quality of a sighting that is believed. In a clip with cuts every frame of the singer
/// above it was at least 0.44 like his portrait, and those below it fell to 0.13; a face that leans by
/// 46 degrees, which alignment undoes, has 0.24 and is recognised.
pub const TRUSTED_QUALITY: f32 = 0.2;
/// The least mean quality of the votes that decide.
pub const WEIGHT_PER_VOTE: f32 = 0.5;
/// How many times the votes that a decision needs are looked back on: poor pictures, of which it takes
/// more, must find room.
pub const WINDOW: usize = 4;
/// The least overlap of a face that has not moved to speak of.
pub const STEADY_IOU: f32 = 0.6;
/// How long the last embedding of a decided track is good for.
pub const VERIFY_AFTER: TimeDelta = TimeDelta::milliseconds(900);
/// The longest time between two frames over which a face is followed.
pub const LONGEST_FRAME_GAP: TimeDelta = TimeDelta::seconds(3);
/// How many times the box the region is in which a face is looked for again.
pub const LOOK_AGAIN: f32 = 2.5;
/// How much more alike than the runner-up the best candidate must be, where nothing else is said.
pub const DEFAULT_MARGIN: f32 = 0.05;

/// Names a track while the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

/// How tracks are kept and decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackSettings {
    /// Votes that a decision needs; at least 1.
    pub min_frames: u32,
    /// How much more alike than the runner-up the best candidate of a vote is, 0 to 1.
    pub margin: f32,
    /// How long a track may stay undecided, on the frames' clock.
    pub undecided_limit: TimeDelta,
    /// How long a face may be out of sight before its track ends, on the frames' clock.
    pub lost_after: TimeDelta,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            min_frames: 3,
            margin: DEFAULT_MARGIN,
            undecided_limit: TimeDelta::seconds(3),
            lost_after: TimeDelta::milliseconds(800),
        }
    }
}

/// What holds for every vote of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The least similarity that identifies.
    pub threshold: Threshold,
    /// What follows from the liveness net.
    pub liveness: LivenessRule,
}

#[cfg(test)]
mod tests;
