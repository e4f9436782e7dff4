//! The stored layout of evidence with its details: version 2 of the evidence part.

use serde::{Deserialize, Serialize};

use super::part::{EvidencePart, EvidenceV1};
use crate::face::{HeadPose, Quality, QualityScore};
use crate::identify::{DecisionDetails, Shortfall, ThresholdBasis, VoteCount};

#[derive(Serialize, Deserialize)]
pub(super) struct EvidenceV2 {
    first: EvidenceV1,
    basis: BasisV2,
    /// For the best, for others, for nobody.
    votes: [u32; 3],
    margin: f32,
    /// By number; see [`SHORTFALLS`].
    shortfall: Option<u8>,
    quality: QualityV2,
    quality_score: f32,
    liveness_frames: u32,
    liveness_threshold: Option<f32>,
    model: String,
    program: String,
}

/// postcard numbers the variants from 0 in this order.
#[derive(Serialize, Deserialize)]
enum BasisV2 {
    Configured,
    Card,
    Derived { target_fpir: f32, templates: u32, people: u32, at_floor: bool, extrapolated: bool },
}

#[derive(Serialize, Deserialize)]
struct QualityV2 {
    inter_eye_distance_px: Option<f32>,
    /// Yaw, pitch, roll.
    pose: Option<[f32; 3]>,
    sharpness: Option<f32>,
    luminance: Option<f32>,
    under_exposed_share: Option<f32>,
    over_exposed_share: Option<f32>,
    eye_opening: Option<f32>,
    inside_share: Option<f32>,
}

/// Each with the number it is stored as.
const SHORTFALLS: [(Shortfall, u8); 5] = [
    (Shortfall::Frames, 1),
    (Shortfall::Similarity, 2),
    (Shortfall::Margin, 3),
    (Shortfall::Agreement, 4),
    (Shortfall::Liveness, 5),
];

/// Whether `number` stands for a shortfall.
pub(super) fn is_shortfall(number: u8) -> bool {
    SHORTFALLS.iter().any(|(_, known)| *known == number)
}

impl EvidenceV2 {
    pub(super) fn new(part: &EvidencePart, details: &DecisionDetails) -> Self {
        let number = |wanted| SHORTFALLS.iter().find(|(kind, _)| *kind == wanted).map(|(_, number)| *number);
        Self {
            first: EvidenceV1::from(part),
            basis: match details.basis {
                ThresholdBasis::Configured => BasisV2::Configured,
                ThresholdBasis::Card => BasisV2::Card,
                ThresholdBasis::Derived { target_fpir, templates, people, at_floor, extrapolated } => {
                    BasisV2::Derived { target_fpir, templates, people, at_floor, extrapolated }
                }
            },
            votes: [details.votes.best, details.votes.others, details.votes.nobody],
            margin: details.margin,
            shortfall: details.shortfall.and_then(number),
            quality: QualityV2::from(&details.quality),
            quality_score: details.quality_score.0,
            liveness_frames: details.liveness_frames,
            liveness_threshold: details.liveness_threshold,
            model: details.model.clone(),
            program: details.program.clone(),
        }
    }

    pub(super) fn read(self) -> Result<EvidencePart, String> {
        let shortfall = |number: u8| {
            let known = SHORTFALLS.iter().find(|(_, known)| *known == number).map(|(kind, _)| *kind);
            known.ok_or_else(|| format!("there is no shortfall {number}"))
        };
        let [best, others, nobody] = self.votes;
        let details = DecisionDetails {
            basis: match self.basis {
                BasisV2::Configured => ThresholdBasis::Configured,
                BasisV2::Card => ThresholdBasis::Card,
                BasisV2::Derived { target_fpir, templates, people, at_floor, extrapolated } => {
                    ThresholdBasis::Derived { target_fpir, templates, people, at_floor, extrapolated }
                }
            },
            votes: VoteCount { best, others, nobody },
            margin: self.margin,
            shortfall: self.shortfall.map(shortfall).transpose()?,
            quality: self.quality.read(),
            quality_score: QualityScore(self.quality_score),
            liveness_frames: self.liveness_frames,
            liveness_threshold: self.liveness_threshold,
            model: self.model,
            program: self.program,
        };
        Ok(EvidencePart { details: Some(details), ..self.first.read()? })
    }
}

impl From<&Quality> for QualityV2 {
    fn from(quality: &Quality) -> Self {
        Self {
            inter_eye_distance_px: quality.inter_eye_distance_px,
            pose: quality.pose.map(|pose| [pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees]),
            sharpness: quality.sharpness,
            luminance: quality.luminance,
            under_exposed_share: quality.under_exposed_share,
            over_exposed_share: quality.over_exposed_share,
            eye_opening: quality.eye_opening,
            inside_share: quality.inside_share,
        }
    }
}

impl QualityV2 {
    fn read(self) -> Quality {
        let pose = |[yaw_degrees, pitch_degrees, roll_degrees]: [f32; 3]| HeadPose {
            yaw_degrees,
            pitch_degrees,
            roll_degrees,
        };
        Quality {
            inter_eye_distance_px: self.inter_eye_distance_px,
            pose: self.pose.map(pose),
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
    use ulid::Ulid;

    use super::super::{PartKind, Parts};
    use super::*;
    use crate::attendance::PersonId;
    use crate::face::{EmbeddingSpace, Liveness, Similarity};
    use crate::identify::{Candidate, Threshold};

    fn evidence(details: DecisionDetails) -> Parts {
        let evidence = EvidencePart {
            candidates: vec![Candidate { person: PersonId(Ulid(0x0102)), similarity: Similarity(0.75) }],
            threshold: Threshold(Similarity(0.5)),
            frames: 3,
            detection_score: 1.0,
            liveness: Liveness::NotRun,
            space: EmbeddingSpace([0xab; 32]),
            pack: "p".to_owned(),
            details: Some(details),
        };
        Parts { evidence: Some(evidence), ..Parts::default() }
    }

    fn details() -> DecisionDetails {
        DecisionDetails {
            basis: ThresholdBasis::Derived {
                target_fpir: 0.5,
                templates: 7,
                people: 6,
                at_floor: true,
                extrapolated: false,
            },
            votes: VoteCount { best: 3, others: 1, nobody: 2 },
            margin: 0.25,
            shortfall: Some(Shortfall::Margin),
            quality: Quality {
                inter_eye_distance_px: Some(64.0),
                pose: Some(HeadPose { yaw_degrees: 1.0, pitch_degrees: -1.0, roll_degrees: 0.5 }),
                ..Quality::default()
            },
            quality_score: QualityScore(0.5),
            liveness_frames: 2,
            liveness_threshold: Some(0.5),
            model: "m".to_owned(),
            program: "1".to_owned(),
        }
    }

    /// Frozen: what a ledger holds today must be read by every later version.
    const EVIDENCE: &str = concat!(
        "02",
        "01",
        "00000000000000000000000000000102",
        "0000403f",
        "0000003f",
        "03",
        "0000803f",
        "02",
        "abababababababababababababababababababababababababababababababab",
        "0170",
        "02",
        "0000003f",
        "07",
        "06",
        "01",
        "00",
        "030102",
        "0000803e",
        "0103",
        "0100008042",
        "010000803f000080bf0000003f",
        "000000000000",
        "0000003f",
        "02",
        "010000003f",
        "016d",
        "0131",
    );

    #[test]
    fn the_stored_bytes_are_frozen() {
        let parts = evidence(details());
        let stored = parts.store(&[[0; 16]; 3]).unwrap();
        let hex: String = stored[0].bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, EVIDENCE);
        let mut read = Parts::default();
        read.put(&stored[0]).unwrap();
        assert_eq!(read, parts);
    }

    #[test]
    fn every_form_is_read_back_and_an_unknown_shortfall_is_refused() {
        let forms = SHORTFALLS.iter().map(|(kind, _)| Some(*kind)).chain([None]);
        for (shortfall, basis) in
            forms.zip([ThresholdBasis::Configured, ThresholdBasis::Card].into_iter().cycle())
        {
            let parts = evidence(DecisionDetails { shortfall, basis, liveness_threshold: None, ..details() });
            let mut stored = parts.store(&[[0; 16]; 3]).unwrap().remove(0);
            assert_eq!(stored.kind, PartKind::Evidence);
            let mut read = Parts::default();
            read.put(&stored).unwrap();
            assert_eq!(read, parts);
            if shortfall == Some(Shortfall::Liveness) {
                let at = stored.bytes.len() - 31;
                let found = stored.bytes.iter().rposition(|byte| *byte == 5).unwrap();
                assert!(found >= at - 16, "the shortfall lies where it is looked for");
                stored.bytes[found] = 9;
                assert!(Parts::default().put(&stored).unwrap_err().to_string().contains("shortfall 9"));
            }
        }
    }
}
