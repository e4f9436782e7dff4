//! What somebody who is not recognised can do about it, in a word or two that are read in passing.

use serde::{Deserialize, Serialize};

use super::{Measure, Quality, QualityLimits};

/// What a face before the camera lacks most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guidance {
    /// The face is small.
    Closer,
    /// The head is turned or leans.
    LookHere,
    /// The face is blurred.
    HoldStill,
    /// There is too little light on it.
    TooDark,
    /// There is too much.
    TooBright,
    /// The eyes are closed.
    OpenEyes,
    /// Part of the face is outside the picture.
    IntoThePicture,
}

impl Guidance {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Closer,
        Self::LookHere,
        Self::HoldStill,
        Self::TooDark,
        Self::TooBright,
        Self::OpenEyes,
        Self::IntoThePicture,
    ];

    /// What the worst of the broken `limits` asks for; none where none is broken.
    pub fn of(quality: &Quality, limits: &QualityLimits) -> Option<Self> {
        quality.findings(limits).first().map(|finding| Self::about(finding.measure))
    }

    fn about(measure: Measure) -> Self {
        match measure {
            Measure::InterEyeDistance => Self::Closer,
            Measure::Yaw | Measure::Pitch | Measure::Roll => Self::LookHere,
            Measure::Sharpness => Self::HoldStill,
            Measure::Dark | Measure::UnderExposure => Self::TooDark,
            Measure::Bright | Measure::OverExposure => Self::TooBright,
            Measure::EyeOpening => Self::OpenEyes,
            Measure::Inside => Self::IntoThePicture,
        }
    }

    /// It in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Closer => "a little closer",
            Self::LookHere => "look here",
            Self::HoldStill => "hold still",
            Self::TooDark => "too dark",
            Self::TooBright => "too bright",
            Self::OpenEyes => "open your eyes",
            Self::IntoThePicture => "into the picture",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_limit_speaks() {
        let limits = QualityLimits::default();
        let good = Quality { inter_eye_distance_px: Some(60.0), ..Quality::default() };
        assert_eq!(Guidance::of(&good, &limits), None);
        let small = Quality { inter_eye_distance_px: Some(12.0), luminance: Some(49.0), ..good };
        assert_eq!(Guidance::of(&small, &limits), Some(Guidance::Closer));
        let dark = Quality { inter_eye_distance_px: Some(29.0), luminance: Some(16.0), ..good };
        assert_eq!(Guidance::of(&dark, &limits), Some(Guidance::TooDark));
    }

    #[test]
    fn every_measure_has_its_words() {
        for measure in Measure::ALL {
            assert!(Guidance::ALL.contains(&Guidance::about(measure)), "{measure:?}");
        }
    }
}
