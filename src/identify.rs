//! One probe against the gallery (1:N identification, ISO/IEC 19795): candidates, threshold,
//! outcome.

pub mod decision;
pub mod gallery;
pub mod interval;

pub use decision::{DecisionDetails, Shortfall, ThresholdBasis, VoteCount};
pub use gallery::Gallery;

use serde::{Deserialize, Serialize};

use crate::attendance::PersonId;
use crate::face::Similarity;

/// The least similarity that identifies.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(pub Similarity);

/// A person of the gallery and how alike the probe is to their most alike template.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub person: PersonId,
    /// How alike.
    pub similarity: Similarity,
}

/// The two most alike people of the gallery; always different people.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Candidates {
    /// The most alike person; none where the gallery is empty.
    pub best: Option<Candidate>,
    /// The most alike of the others.
    pub runner_up: Option<Candidate>,
}

/// Why a probe or a track was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The points of the face coincide or the embedding is no direction: there is nothing to match.
    #[error("the face could not be aligned")]
    NotAlignable,
    /// The face does not look live: a print or a screen, as far as the liveness net can tell.
    #[error("the face does not look live")]
    PresentationAttack,
}

/// The outcome of an identification.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identification {
    /// The best candidate reaches the threshold.
    Identified(Candidate),
    /// Nobody does: a stranger, as far as the gallery knows.
    Unidentified {
        /// The most alike person all the same.
        best: Option<Candidate>,
    },
    /// It was not searched, or what was found does not count.
    Rejected(Rejection),
}

impl Identification {
    /// Identified exactly if the best candidate's similarity is a number at or above `threshold`.
    pub fn decide(candidates: &Candidates, threshold: Threshold) -> Self {
        match candidates.best {
            Some(best) if best.similarity >= threshold.0 => Self::Identified(best),
            best => Self::Unidentified { best },
        }
    }

    /// The person, where one was identified.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Identified(candidate) => Some(candidate.person),
            Self::Unidentified { .. } | Self::Rejected(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    #[test]
    fn a_stranger_is_unidentified_and_nan_identifies_nobody() {
        let threshold = Threshold(Similarity(0.4));
        let with = |s: f32| Candidates {
            best: Some(Candidate { person: PersonId(Ulid(1)), similarity: Similarity(s) }),
            runner_up: None,
        };
        assert!(matches!(Identification::decide(&with(0.4), threshold), Identification::Identified(_)));
        assert!(matches!(
            Identification::decide(&with(0.39), threshold),
            Identification::Unidentified { best: Some(_) }
        ));
        assert!(matches!(
            Identification::decide(&with(f32::NAN), threshold),
            Identification::Unidentified { .. }
        ));
        assert_eq!(
            Identification::decide(&Candidates::default(), threshold),
            Identification::Unidentified { best: None }
        );
    }
}
