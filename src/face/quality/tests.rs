use proptest::prelude::*;

use super::limits::Measure;
use super::*;

/// A face that breaks nothing.
fn good() -> Quality {
    Quality {
        inter_eye_distance_px: Some(80.0),
        pose: Some(HeadPose::default()),
        sharpness: Some(1.0),
        luminance: Some(130.0),
        under_exposed_share: Some(0.0),
        over_exposed_share: Some(0.0),
        eye_opening: Some(0.35),
        inside_share: Some(1.0),
    }
}

fn pose(yaw: f32, pitch: f32, roll: f32) -> Quality {
    let pose = HeadPose { yaw_degrees: yaw, pitch_degrees: pitch, roll_degrees: roll };
    Quality { pose: Some(pose), ..good() }
}

fn sentences(quality: &Quality) -> Vec<String> {
    quality.findings(&QualityLimits::default()).into_iter().map(|finding| finding.sentence).collect()
}

#[test]
fn a_good_face_and_one_that_was_not_measured_break_nothing() {
    for quality in [good(), Quality::default()] {
        assert_eq!(quality.findings(&QualityLimits::default()), []);
        assert_eq!((quality.refusal(), quality.score()), (None, QualityScore(1.0)));
    }
}

#[test]
fn each_measure_has_its_sentence() {
    for (quality, sentence) in [
        (
            Quality { inter_eye_distance_px: Some(22.0), ..good() },
            "come closer: the eyes are 22 pixels apart, 30 are needed",
        ),
        // The face points to the left of the picture, which is the person's right.
        (pose(-40.0, 0.0, 0.0), "turn a little to your left"),
        (pose(40.0, 0.0, 0.0), "turn a little to your right"),
        (pose(0.0, -35.0, 0.0), "look up a little"),
        (pose(0.0, 35.0, 0.0), "look down a little"),
        (pose(0.0, 0.0, 40.0), "tilt your head a little to your right"),
        (pose(0.0, 0.0, -40.0), "tilt your head a little to your left"),
        (Quality { luminance: Some(38.0), ..good() }, "too dark: 38 of 255"),
        (Quality { luminance: Some(230.0), ..good() }, "too bright: 230 of 255"),
        (Quality { under_exposed_share: Some(0.6), ..good() }, "more light on the face: 60 % of it is black"),
        (Quality { over_exposed_share: Some(0.5), ..good() }, "less light on the face: 50 % of it is white"),
        (Quality { eye_opening: Some(0.05), ..good() }, "open your eyes"),
        (
            Quality { inside_share: Some(0.8), ..good() },
            "move to the middle of the picture: 20 % of the face is outside",
        ),
    ] {
        assert_eq!(sentences(&quality), [sentence]);
    }
    let blurred = sentences(&Quality { sharpness: Some(0.06), ..good() });
    assert!(blurred[0].starts_with("hold still: "), "{blurred:?}");
}

#[test]
fn a_limit_itself_is_good_enough() {
    let limits = QualityLimits::default();
    let at_limits = Quality {
        inter_eye_distance_px: Some(limits.least_inter_eye_px),
        sharpness: Some(limits.least_sharpness),
        luminance: Some(limits.most_luminance),
        under_exposed_share: Some(limits.most_under_exposed_share),
        over_exposed_share: Some(limits.most_over_exposed_share),
        eye_opening: Some(limits.least_eye_opening),
        inside_share: Some(limits.least_inside_share),
        ..pose(-limits.most_yaw_degrees, limits.most_pitch_degrees, -limits.most_roll_degrees)
    };
    assert_eq!(at_limits.findings(&limits), []);
    assert!(!at_limits.breaks(&limits));
}

#[test]
fn the_worst_comes_first_and_only_what_is_under_the_floor_refuses() {
    let quality = Quality { luminance: Some(45.0), inter_eye_distance_px: Some(5.0), ..good() };
    let findings = quality.findings(&QualityLimits::default());
    let seen: Vec<_> = findings.iter().map(|finding| (finding.measure, finding.refuses)).collect();
    assert_eq!(seen, [(Measure::InterEyeDistance, true), (Measure::Dark, false)]);
    assert_eq!(quality.refusal().unwrap().measure, Measure::InterEyeDistance);
    assert_eq!(Quality { luminance: Some(45.0), ..good() }.refusal(), None);
}

#[test]
fn limits_that_are_stricter_or_looser_decide() {
    let quality = pose(15.0, 0.0, 0.0);
    let strict = QualityLimits { most_yaw_degrees: 10.0, ..QualityLimits::default() };
    assert!(quality.breaks(&strict) && !quality.breaks(&QualityLimits::default()));
    assert_eq!(quality.findings(&strict)[0].value, 15.0);
    // An operator may allow more than the floor; the floor still refuses.
    let loose = QualityLimits { least_inter_eye_px: 1.0, ..QualityLimits::default() };
    let tiny = Quality { inter_eye_distance_px: Some(5.0), ..good() };
    assert!(!tiny.breaks(&loose) && tiny.refusal().is_some());
}

/// `quality` with one measure set, angles without their sign.
fn with(mut quality: Quality, measure: Measure, value: f32) -> Quality {
    let mut pose = quality.pose.unwrap_or_default();
    match measure {
        Measure::InterEyeDistance => quality.inter_eye_distance_px = Some(value),
        Measure::Yaw => pose.yaw_degrees = value,
        Measure::Pitch => pose.pitch_degrees = value,
        Measure::Roll => pose.roll_degrees = value,
        Measure::Sharpness => quality.sharpness = Some(value),
        Measure::Dark | Measure::Bright => quality.luminance = Some(value),
        Measure::UnderExposure => quality.under_exposed_share = Some(value),
        Measure::OverExposure => quality.over_exposed_share = Some(value),
        Measure::EyeOpening => quality.eye_opening = Some(value),
        Measure::Inside => quality.inside_share = Some(value),
    }
    quality.pose = Some(pose);
    quality
}

proptest! {
    #[test]
    fn the_score_never_falls_when_a_measure_gets_better(
        values in proptest::collection::vec(0.0f32..=1.0, Measure::ALL.len()),
        which in 0..Measure::ALL.len(),
        better_by in 0.0f32..=1.0,
    ) {
        // Each value is a way from somewhat past the useless end to somewhat past the best one.
        let place = |measure: Measure, way: f32| {
            let (best, worst) = measure.ends();
            let value = worst + (1.2 * way - 0.1) * (best - worst);
            // An angle past straight ahead would be one to the other side.
            if best == 0.0 { value.max(0.0) } else { value }
        };
        let mut quality = Quality::default();
        for (measure, way) in Measure::ALL.iter().zip(&values) {
            quality = with(quality, *measure, place(*measure, *way));
        }
        // The two that share one value are moved by the last of them; the better end of one may be
        // the worse of the other, so the step stays on its own side of the middle.
        let measure = Measure::ALL[which];
        prop_assume!(!matches!(measure, Measure::Dark | Measure::Bright));
        let improved = with(quality, measure, place(measure, values[which] + better_by));
        let (before, after) = (quality.score().0, improved.score().0);
        prop_assert!(after >= before - 1e-6, "{measure:?}: {before} to {after}");
        prop_assert!((0.0..=1.0).contains(&after));
    }

    #[test]
    fn the_score_falls_with_the_distance_from_a_good_luminance(a in 0.0f32..255.0, b in 0.0f32..255.0) {
        let score = |luminance| Quality { luminance: Some(luminance), ..good() }.score().0;
        if a <= b && b <= 110.0 {
            prop_assert!(score(a) <= score(b));
        }
        if 150.0 <= a && a <= b {
            prop_assert!(score(a) >= score(b));
        }
    }

    #[test]
    fn whatever_is_no_number_neither_panics_nor_scores(
        which in 0..Measure::ALL.len(),
        value in prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(1e30f32)],
    ) {
        let quality = with(good(), Measure::ALL[which], value);
        let _ = quality.findings(&QualityLimits::default());
        prop_assert!((0.0..=1.0).contains(&quality.score().0));
    }
}
