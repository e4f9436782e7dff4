use proptest::prelude::*;

use super::*;

/// Similarities that overlap, from the multiples of two irrational numbers: the same in any language.
fn sets() -> ScoreSets {
    let part = |i: u32, of: f64| (f64::from(i) * of).fract();
    let genuine = (1..=400).map(|i| (0.1 + 0.9 * part(i, 0.618_033_988_749_894_9)) as f32);
    let impostor = (1..=4000).map(|j| (0.7 * part(j, 0.414_213_562_373_095_03)) as f32);
    ScoreSets::new(genuine, impostor)
}

fn rate(rate: f64) -> TargetRate {
    TargetRate::new(rate).unwrap()
}

/// Expected values: `sklearn.metrics.roc_curve` of scikit-learn 1.9.1 with `drop_intermediate=False` on
/// the same similarities; the equal error rate where |FPR - FNR| is least.
#[test]
fn operating_points_as_scikit_learn_finds_them() {
    let sets = sets();
    for (fmr, tar) in [(1e-1, 0.4125), (1e-2, 0.34), (1e-3, 0.3325)] {
        let point = sets.operating_point(rate(fmr));
        assert_eq!((point.fmr.share(), point.tar.share()), (Some(fmr), Some(tar)), "{point:?}");
        assert_eq!(sets.fmr(point.threshold), point.fmr);
    }
    let equal = sets.equal_error().unwrap();
    assert_eq!((equal.rate, equal.fmr.share(), equal.fnmr.share()), (0.375, Some(0.375), Some(0.375)));
    // Between two neighbouring similarities every threshold is the same one.
    let elsewhere = Threshold(Similarity(0.437_623_38));
    assert_eq!((sets.fmr(elsewhere), sets.tar(elsewhere).complement()), (equal.fmr, equal.fnmr));
}

/// Expected values: NumPy 2.4.6 (`quantile`, `mean`, `std` and `var` with `ddof=1`) on the same
/// similarities.
#[test]
fn distributions_as_numpy_finds_them() {
    let sets = sets();
    let (genuine, impostor) = sets.distributions();
    let (genuine, impostor) = (genuine.unwrap(), impostor.unwrap());
    assert_eq!((genuine.count, impostor.count), (400, 4000));
    for (found, expected) in [
        (genuine.least, 0.10172744),
        (genuine.p5, 0.14722047),
        (genuine.median, 0.55172744),
        (genuine.p95, 0.95445359),
        (genuine.most, 0.99893236),
        (genuine.mean, 0.550_733_269_695_192_5),
        (genuine.deviation, 0.259_804_882_640_044_6),
        (sets.separation().unwrap(), 0.862_534_508_867_118_1),
    ] {
        assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
    }
}

#[test]
fn sets_that_do_not_overlap_have_no_error() {
    let sets = ScoreSets::new([0.8, 0.6], [0.2, -0.1, 0.4]);
    let equal = sets.equal_error().unwrap();
    assert_eq!((equal.rate, equal.threshold.0.0), (0.0, 0.5));
    let point = sets.operating_point(rate(0.1));
    assert_eq!((point.fmr, point.tar), (Rate::new(0, 3), Rate::new(2, 2)));
    assert!(point.threshold.0.0 > 0.4);
}

#[test]
fn those_equally_alike_are_let_in_or_kept_out_together() {
    let sets = ScoreSets::new([0.5], [0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
    let point = sets.operating_point(rate(0.2));
    assert_eq!((point.fmr, point.tar), (Rate::new(0, 10), Rate::new(0, 1)));
    let point = sets.operating_point(rate(0.3));
    assert_eq!((point.fmr, point.tar), (Rate::new(3, 10), Rate::new(1, 1)));
}

#[test]
fn nothing_is_said_of_too_few_pairs() {
    let few = ScoreSets::new([0.9], vec![0.0; 299]);
    assert_eq!(
        few.tar_at_fmr(rate(0.01)).unwrap_err().to_string(),
        "not supported: 299 impostor pairs, 300 are needed"
    );
    let none = ScoreSets::new([], vec![0.0; 300]);
    assert_eq!(none.tar_at_fmr(rate(0.01)).unwrap_err().of, "genuine pairs");
    assert!(ScoreSets::new([0.9], vec![0.0; 300]).tar_at_fmr(rate(0.01)).is_ok());
    assert_eq!(none.equal_error(), None);
    assert!(none.curve(10).is_empty() && ScoreSets::default().separation().is_none());
    assert_eq!(ScoreSets::new([f32::NAN], [f32::NAN]), ScoreSets::default());
}

#[test]
fn a_histogram_counts_everything_once() {
    assert_eq!(histogram(&[-5.0, 0.0, 0.49, 0.5, 1.0, 7.0], 0.0, 1.0, 2), [3, 3]);
    assert_eq!(histogram(&[0.5], 0.0, 1.0, 0), [0u64; 0]);
}

proptest! {
    /// By the definitions, on every threshold there is.
    #[test]
    fn points_are_the_best_that_their_definition_allows(
        genuine in prop::collection::vec(-50i32..100, 1..40),
        impostor in prop::collection::vec(-100i32..50, 1..60),
        target in 0.001f64..0.999,
    ) {
        let scale = |values: &[i32]| values.iter().map(|v| *v as f32 / 100.0).collect::<Vec<_>>();
        let (genuine, impostor) = (scale(&genuine), scale(&impostor));
        let sets = ScoreSets::new(genuine.clone(), impostor.clone());
        let share = |values: &[f32], t: f32| {
            values.iter().filter(|v| **v >= t).count() as f64 / values.len() as f64
        };
        let mut thresholds: Vec<f32> = genuine.iter().chain(&impostor).flat_map(|v| [*v, v.next_up()]).collect();
        thresholds.push(2.0);
        let allowed = thresholds.iter().filter(|t| share(&impostor, **t) <= target + 1e-9);
        let best = allowed.map(|t| share(&genuine, *t)).fold(0.0, f64::max);
        prop_assert_eq!(sets.operating_point(rate(target)).tar.share(), Some(best));
        let apart = |t: &f32| (share(&impostor, *t) - (1.0 - share(&genuine, *t))).abs();
        let least = thresholds.iter().map(apart).fold(1.0, f64::min);
        let equal = sets.equal_error().unwrap();
        let found = (equal.fmr.share().unwrap() - equal.fnmr.share().unwrap()).abs();
        prop_assert!((found - least).abs() < 1e-9, "{} apart, {} is possible", found, least);
        let curve = sets.curve(20);
        prop_assert!(curve.is_sorted_by(|a, b| a.fmr <= b.fmr && a.tar <= b.tar && a.threshold > b.threshold));
        prop_assert!(curve[0].fmr == 0.0 && curve.last().unwrap().fmr == 1.0);
    }
}
