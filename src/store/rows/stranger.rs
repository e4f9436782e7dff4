//! Items of the inbox as rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::PersonId;
use crate::attendance::stranger::{Appearance, Standing, Stranger, StrangerId, StrangerTrack};
use crate::face::{Embedding, EmbeddingSpace, EncodedCrop, HeadPose, Quality, QualityScore};
use crate::ledger::{ClockState, Sequence};

use super::{decode, encode};

#[derive(Serialize, Deserialize)]
struct StrangerV1 {
    standing: StandingV1,
    /// Sequence, microseconds since 1970, and the number of the clock's state.
    tracks: Vec<(u64, i64, u8)>,
    track_count: u32,
    first_seen_us: i64,
    last_seen_us: i64,
}

/// postcard numbers the variants from 0 in this order.
#[derive(Serialize, Deserialize)]
enum StandingV1 {
    Unknown(AppearanceV1),
    Enrolled([u8; 16]),
}

#[derive(Serialize, Deserialize)]
struct AppearanceV1 {
    space: [u8; 32],
    /// Each as 32-bit floats.
    embeddings: Vec<Embedding>,
    crop: Vec<u8>,
    quality: QualityV1,
    score: f32,
}

#[derive(Serialize, Deserialize)]
struct QualityV1 {
    inter_eye_distance_px: Option<f32>,
    /// Yaw, pitch, roll.
    pose_degrees: Option<[f32; 3]>,
    sharpness: Option<f32>,
    luminance: Option<f32>,
    under_exposed_share: Option<f32>,
    over_exposed_share: Option<f32>,
    eye_opening: Option<f32>,
    inside_share: Option<f32>,
}

const CLOCKS: [ClockState; 3] = [ClockState::Synchronised, ClockState::Unsynchronised, ClockState::Recording];

/// The row of `stranger`, whose id is the row's key.
pub(in crate::store) fn stranger_row(stranger: &Stranger) -> Result<Vec<u8>, String> {
    let standing = match &stranger.standing {
        Standing::Enrolled(person) => StandingV1::Enrolled(person.0.to_bytes()),
        Standing::Unknown(appearance) => StandingV1::Unknown(AppearanceV1 {
            space: appearance.space.0,
            embeddings: appearance.embeddings.clone(),
            crop: appearance.crop.as_bytes().to_vec(),
            quality: QualityV1::from(&appearance.quality),
            score: appearance.score.0,
        }),
    };
    let track = |track: &StrangerTrack| (track.sequence.0, track.at.timestamp_micros(), track.clock as u8);
    encode(&StrangerV1 {
        standing,
        tracks: stranger.tracks.iter().map(track).collect(),
        track_count: stranger.track_count,
        first_seen_us: stranger.first_seen.timestamp_micros(),
        last_seen_us: stranger.last_seen.timestamp_micros(),
    })
}

/// The item of a row.
pub(in crate::store) fn stranger(id: StrangerId, row: &[u8]) -> Result<Stranger, String> {
    let read = || {
        let row: StrangerV1 = decode(row)?;
        let stranger = Stranger {
            id,
            standing: standing(row.standing)?,
            tracks: row.tracks.into_iter().map(track).collect::<Result<_, _>>()?,
            track_count: row.track_count,
            first_seen: time(row.first_seen_us)?,
            last_seen: time(row.last_seen_us)?,
        };
        stranger.check().map_err(|why| format!("it {why}"))?;
        Ok(stranger)
    };
    read().map_err(|why: String| format!("the row of the inbox item {id} cannot be read: {why}"))
}

fn time(microseconds: i64) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp_micros(microseconds).ok_or_else(|| "a time is no date".to_owned())
}

fn track((sequence, at, clock): (u64, i64, u8)) -> Result<StrangerTrack, String> {
    let clock = CLOCKS.into_iter().find(|known| *known as u8 == clock);
    let clock = clock.ok_or_else(|| "a clock has a state that is not known".to_owned())?;
    Ok(StrangerTrack { sequence: Sequence(sequence), at: time(at)?, clock })
}

fn standing(row: StandingV1) -> Result<Standing, String> {
    let row = match row {
        StandingV1::Enrolled(person) => return Ok(Standing::Enrolled(PersonId(Ulid::from_bytes(person)))),
        StandingV1::Unknown(row) => row,
    };
    let values = |embedding: &Embedding| embedding.as_slice().iter().all(|value| value.is_finite());
    if !row.embeddings.iter().all(values) {
        return Err("an embedding has a value that is not a finite number".to_owned());
    }
    Ok(Standing::Unknown(Appearance {
        space: EmbeddingSpace(row.space),
        embeddings: row.embeddings,
        crop: EncodedCrop::from(row.crop),
        quality: row.quality.read(),
        score: QualityScore(row.score),
    }))
}

impl From<&Quality> for QualityV1 {
    fn from(quality: &Quality) -> Self {
        Self {
            inter_eye_distance_px: quality.inter_eye_distance_px,
            pose_degrees: quality.pose.map(|pose| [pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees]),
            sharpness: quality.sharpness,
            luminance: quality.luminance,
            under_exposed_share: quality.under_exposed_share,
            over_exposed_share: quality.over_exposed_share,
            eye_opening: quality.eye_opening,
            inside_share: quality.inside_share,
        }
    }
}

impl QualityV1 {
    fn read(self) -> Quality {
        let pose = |[yaw_degrees, pitch_degrees, roll_degrees]: [f32; 3]| HeadPose {
            yaw_degrees,
            pitch_degrees,
            roll_degrees,
        };
        Quality {
            inter_eye_distance_px: self.inter_eye_distance_px,
            pose: self.pose_degrees.map(pose),
            sharpness: self.sharpness,
            luminance: self.luminance,
            under_exposed_share: self.under_exposed_share,
            over_exposed_share: self.over_exposed_share,
            eye_opening: self.eye_opening,
            inside_share: self.inside_share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(standing: Standing) -> Stranger {
        let at = |us| DateTime::from_timestamp_micros(us).unwrap();
        let track = StrangerTrack { sequence: Sequence(300), at: at(-1), clock: ClockState::Recording };
        Stranger {
            id: StrangerId(Ulid(4)),
            standing,
            tracks: vec![track],
            track_count: 2,
            first_seen: at(-2),
            last_seen: at(1_000_000),
        }
    }

    fn unknown() -> Standing {
        let pose = HeadPose { yaw_degrees: 1.0, pitch_degrees: -1.0, roll_degrees: 0.5 };
        Standing::Unknown(Appearance {
            space: EmbeddingSpace([0xcd; 32]),
            embeddings: vec![Embedding::normalised(vec![0.0, -3.0]).unwrap()],
            crop: vec![7, 8, 9].into(),
            quality: Quality {
                inter_eye_distance_px: Some(64.0),
                pose: Some(pose),
                inside_share: Some(1.0),
                ..Quality::default()
            },
            score: QualityScore(0.5),
        })
    }

    /// Frozen: what a store holds today must be read by every later version.
    #[test]
    fn the_layouts_are_frozen() {
        let appearance = concat!(
            "00",
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            "01",
            "0200000000000080bf",
            "03070809",
            "0100008042",
            "010000803f000080bf0000003f",
            "0000000000",
            "010000803f",
            "0000003f",
        );
        let enrolled = "0100000000000000000000000000000005";
        let rest = "01ac020103020380897a";
        for (standing, bytes) in [(unknown(), appearance), (Standing::Enrolled(PersonId(Ulid(5))), enrolled)]
        {
            let item = item(standing);
            let row = stranger_row(&item).unwrap();
            let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, format!("01{bytes}{rest}"));
            assert_eq!(stranger(item.id, &row), Ok(item));
        }
    }

    #[test]
    fn rows_that_cannot_be_are_refused_with_what_they_are_of() {
        let item = item(Standing::Enrolled(PersonId(Ulid(5))));
        let mut row = stranger_row(&item).unwrap();
        // The clock's number: before the count and the two times.
        let at = row.len() - 6;
        assert_eq!(row[at], ClockState::Recording as u8);
        row[at] = 9;
        let why = stranger(item.id, &row).unwrap_err();
        assert!(why.contains(&item.id.to_string()) && why.contains("clock"), "{why}");
        let no_embedding = [&[1u8, 0][..], &[0; 32], &[0, 0], &[0; 8], &[0; 4], &[0, 0, 0, 0]].concat();
        assert!(stranger(item.id, &no_embedding).unwrap_err().contains("0 embeddings"));
    }
}
