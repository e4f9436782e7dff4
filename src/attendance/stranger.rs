//! Somebody whom the gallery does not know: what an item of the inbox holds.
//!
//! An item is biometric data of a person who did not enrol. It holds what an operator needs to say
//! who that is, no more, and for a limited time; `Debug` prints no values and no pixels.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::PersonId;
use crate::face::{Embedding, EmbeddingSpace, EncodedCrop, Quality, QualityLimits, QualityScore};
use crate::ledger::{ClockState, Sequence};

/// Names an item of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrangerId(pub Ulid);

impl fmt::Display for StrangerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One track of a stranger, as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrangerTrack {
    /// The entry that says that somebody unidentified came into view.
    pub sequence: Sequence,
    /// When that was.
    pub at: DateTime<Utc>,
    /// What was known of the clock then.
    pub clock: ClockState,
}

/// What a stranger looks like, for comparing and for showing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appearance {
    /// The space the embeddings live in.
    pub space: EmbeddingSpace,
    /// At least one: the best sighting of each of the best tracks, the one that `crop` shows first.
    pub embeddings: Vec<Embedding>,
    /// The face in the best sighting.
    pub crop: EncodedCrop,
    /// The quality of the best sighting, measure by measure.
    pub quality: Quality,
    /// The quality of the best sighting in one number.
    pub score: QualityScore,
}

/// What is known of a stranger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has said who it is.
    Unknown(Appearance),
    /// They were enrolled since. What they looked like is gone from the item; it stays only for its
    /// tracks, which can still be back-filled as passages of that person.
    Enrolled(PersonId),
}

/// One item of the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stranger {
    /// Names it.
    pub id: StrangerId,
    /// What is known.
    pub standing: Standing,
    /// Oldest first; the last [`MAX_TRACKS`] where there were more.
    pub tracks: Vec<StrangerTrack>,
    /// How many tracks there were in all.
    pub track_count: u32,
    /// When the first began to be followed.
    pub first_seen: DateTime<Utc>,
    /// When the last was decided.
    pub last_seen: DateTime<Utc>,
}

/// Embeddings of one stranger at most.
pub const MAX_EMBEDDINGS: usize = 5;
/// Tracks of one stranger at most. Somebody who comes into view once a minute for four hours has as
/// many; who has more is at home at the door.
pub const MAX_TRACKS: usize = 256;
/// Values of one embedding at most: four times what the nets that are in use today give.
const MAX_DIMENSION: usize = 4096;
/// Bytes of a stranger's crop at most: an uncompressed one of 256 by 256 pixels is smaller.
pub const MAX_CROP_BYTES: usize = 256 * 1024;

/// What a sighting of a stranger is good for.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitness {
    /// To be enrolled with.
    Enrol,
    /// To be recognised by an operator, and no more: why it cannot be enrolled.
    Look(String),
    /// Nothing.
    Nothing,
}

/// The least score of a sighting that is kept: about that of a face with 20 pixels between the eyes
/// that is good in all else. It is what a vote asks of a sighting, too ([`crate::track::TRUSTED_QUALITY`]).
pub const LEAST_SCORE: f32 = 0.2;

/// What a sighting of this quality is good for: it is enrolled with only within `limits`, which the
/// shots at the camera are held to as well. A measure that was not taken is no reason against it.
pub fn fitness(quality: &Quality, limits: &QualityLimits) -> Fitness {
    if quality.refusal().is_some() || quality.score().0 < LEAST_SCORE {
        return Fitness::Nothing;
    }
    match quality.findings(limits).into_iter().next() {
        Some(worst) => Fitness::Look(worst.sentence),
        None => Fitness::Enrol,
    }
}

impl Stranger {
    /// What they look like, where nobody has said yet who it is.
    pub fn appearance(&self) -> Option<&Appearance> {
        match &self.standing {
            Standing::Unknown(appearance) => Some(appearance),
            Standing::Enrolled(_) => None,
        }
    }

    /// Whose they are now, where somebody has said who it is.
    pub fn person(&self) -> Option<PersonId> {
        match self.standing {
            Standing::Unknown(_) => None,
            Standing::Enrolled(person) => Some(person),
        }
    }

    /// Whether it keeps within the limits of an item.
    ///
    /// # Errors
    /// What does not, in words that fit after "the item".
    pub fn check(&self) -> Result<(), String> {
        if self.tracks.len() > MAX_TRACKS {
            return Err(format!("has {} tracks; at most {MAX_TRACKS} are kept", self.tracks.len()));
        }
        let Some(appearance) = self.appearance() else { return Ok(()) };
        let (embeddings, crop_bytes) = (&appearance.embeddings, appearance.crop.len());
        if embeddings.is_empty() || embeddings.len() > MAX_EMBEDDINGS {
            return Err(format!("has {} embeddings; 1 to {MAX_EMBEDDINGS} are kept", embeddings.len()));
        }
        if embeddings.iter().any(|embedding| !(1..=MAX_DIMENSION).contains(&embedding.dimension())) {
            return Err(format!("has an embedding that does not have 1 to {MAX_DIMENSION} values"));
        }
        if crop_bytes > MAX_CROP_BYTES {
            return Err(format!("has a crop of {crop_bytes} bytes; at most {MAX_CROP_BYTES} are kept"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poor_sighting_is_kept_or_not_and_says_why_it_cannot_be_enrolled() {
        let of = |eyes: Option<f32>, sharpness| {
            let quality = Quality { inter_eye_distance_px: eyes, sharpness, ..Quality::default() };
            fitness(&quality, &QualityLimits::default())
        };
        assert_eq!(of(Some(30.0), None), Fitness::Enrol);
        assert_eq!(of(None, Some(0.9)), Fitness::Enrol);
        assert!(matches!(of(Some(22.0), None), Fitness::Look(why) if why.contains("22 pixels")));
        assert!(matches!(of(Some(60.0), Some(0.15)), Fitness::Look(why) if why.contains("blurred")));
        for nothing in [of(Some(11.9), None), of(Some(60.0), Some(0.08)), of(Some(f32::NAN), None)] {
            assert_eq!(nothing, Fitness::Nothing);
        }
    }
}
