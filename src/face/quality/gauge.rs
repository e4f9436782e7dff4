//! A few bars in place of all measures, for somebody who stands before the camera.

use super::score::part;
use super::{Measure, Quality, QualityLimits};

/// How good a picture is in one respect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    /// In a word.
    pub name: &'static str,
    /// 1 where it is as good as any, a half where it is just good enough, 0 where it is of no use.
    pub share: f32,
}

/// What each gauge is the least of.
const GAUGES: [(&str, &[Measure]); 4] = [
    ("size", &[Measure::InterEyeDistance, Measure::Inside]),
    ("light", &[Measure::Dark, Measure::Bright, Measure::UnderExposure, Measure::OverExposure]),
    ("sharp", &[Measure::Sharpness]),
    ("ahead", &[Measure::Yaw, Measure::Pitch, Measure::Roll]),
];

impl Quality {
    /// The gauges against `limits`; those of which nothing was measured are left out.
    pub fn gauges(&self, limits: &QualityLimits) -> Vec<Gauge> {
        let share = |measure: &Measure| {
            measure.value(self).map(|value| part(value, measure.ends(), measure.limit(limits)))
        };
        let gauge = |(name, measures): (&'static str, &[Measure])| {
            let share = measures.iter().filter_map(share).min_by(f32::total_cmp)?;
            Some(Gauge { name, share })
        };
        GAUGES.into_iter().filter_map(gauge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_as_good_as_its_worst_measure() {
        let limits = QualityLimits::default();
        let quality = Quality {
            inter_eye_distance_px: Some(30.0),
            inside_share: Some(1.0),
            luminance: Some(130.0),
            ..Quality::default()
        };
        let gauges = quality.gauges(&limits);
        let names: Vec<&str> = gauges.iter().map(|gauge| gauge.name).collect();
        assert_eq!(names, ["size", "light"], "what was not measured is left out");
        assert!((gauges[0].share - 0.5).abs() < 1e-6, "just large enough: {gauges:?}");
        assert!(gauges[1].share > 0.9, "{gauges:?}");
    }

    #[test]
    fn every_measure_but_the_eyes_is_in_one_gauge() {
        for measure in Measure::ALL {
            let count = GAUGES.iter().filter(|(_, measures)| measures.contains(&measure)).count();
            assert_eq!(count, usize::from(measure != Measure::EyeOpening), "{measure:?}");
        }
    }
}
