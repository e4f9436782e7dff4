use super::*;

/// Embeddings in a plane, at these angles in degrees: how alike two are is the cosine between them.
pub(crate) fn at_angles(degrees: &[f64]) -> Vec<Embedding> {
    let embedding = |angle: &f64| {
        let (sin, cos) = angle.to_radians().sin_cos();
        Embedding::normalised(vec![cos as f32, sin as f32]).unwrap()
    };
    degrees.iter().map(embedding).collect()
}

#[test]
fn every_pair_once_genuine_or_impostor() {
    let similarities = Similarities::of(&at_angles(&[0.0, 10.0, 90.0]));
    let people = [0, 0, 1];
    assert_eq!(similarities.pairs(&people).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 2)]);
    let sets = similarities.score_sets(&people);
    assert_eq!((sets.genuine().len(), sets.impostor().len()), (1, 2));
    assert!((sets.genuine()[0] - 10f32.to_radians().cos()).abs() < 1e-6);
}

#[test]
fn rank_one_names_who_came_first_instead() {
    // The last photograph of the first person is nearer to the second one.
    let similarities = Similarities::of(&at_angles(&[0.0, 5.0, 50.0, 60.0, 65.0]));
    let people = [0, 0, 0, 1, 1];
    let outcome = rank_one(&similarities, &people, &[Some(0), Some(3)]);
    assert_eq!((outcome.right, outcome.wrong), (Rate::new(2, 3), vec![(2, 3)]));
    // Who is not enrolled is not searched for, and alone everybody comes first.
    let outcome = rank_one(&similarities, &people, &[Some(0), None]);
    assert_eq!((outcome.right, outcome.wrong), (Rate::new(2, 2), vec![]));
}

#[test]
fn a_tie_is_wrong() {
    let similarities = Similarities::of(&at_angles(&[0.0, 20.0, 40.0]));
    assert_eq!(rank_one(&similarities, &[0, 0, 1], &[Some(0), Some(2)]).right, Rate::new(0, 1));
}

/// `count` people with two photographs each, whose directions lie `step` degrees apart.
fn ring(count: usize, step: f64) -> (Similarities, Vec<usize>) {
    let angles: Vec<f64> = (0..count).flat_map(|p| [p as f64 * step, p as f64 * step + 0.25]).collect();
    (Similarities::of(&at_angles(&angles)), (0..count * 2).map(|photograph| photograph / 2).collect())
}

#[test]
fn open_set_by_hand() {
    // Four people at 0, 2, 4 and 6 degrees; the first and the third are enrolled, each with a first
    // photograph. Strangers are nearest to somebody at 1.75, 2, 2 and 2.25 degrees.
    let (similarities, people) = ring(4, 2.0);
    let searches = OpenSet::search(&similarities, &people, &[vec![Some(0), None, Some(4), None]]);
    assert_eq!(searches.gallery(), 2.0);
    let degrees = |s: &f32| (f64::from(*s).acos().to_degrees() * 100.0).round() / 100.0;
    let strangers: Vec<f64> = searches.non_mated.iter().map(degrees).collect();
    assert_eq!(strangers, [1.75, 2.0, 2.0, 2.25]);
    assert_eq!(searches.splits[0].mated.iter().map(degrees).collect::<Vec<_>>(), [0.25, 0.25]);
    // 24 impostor pairs, each usable once against two people.
    assert_eq!(searches.distinct_searches(), 12);
    let target = TargetRate::new(0.5).unwrap();
    let found = searches.fnir_at_fpir(target).unwrap();
    // Two of four may be named: but two are equally alike, so that only one is.
    assert_eq!((found.fpir, found.fnir), (Rate::new(1, 4), Rate::new(0, 2)));
    assert_eq!(found.spread, (0.0, 0.0));
    let refused = searches.fnir_at_fpir(TargetRate::new(0.1).unwrap()).unwrap_err();
    assert_eq!((refused.trials, refused.needed), (12, 30));
}

#[test]
fn a_mate_who_does_not_come_first_is_missed_at_any_threshold() {
    let similarities = Similarities::of(&at_angles(&[0.0, 30.0, 40.0, 90.0, 91.0]));
    let people = [0, 0, 1, 2, 2];
    let searches = OpenSet::search(&similarities, &people, &[vec![Some(0), Some(2), None]]);
    let found = searches.fnir_at_fpir(TargetRate::new(0.9).unwrap()).unwrap();
    assert_eq!(found.fnir, Rate::new(1, 1));
}

#[test]
fn repeating_a_split_is_no_evidence() {
    let (similarities, people) = ring(10, 9.0);
    let split: Vec<Option<usize>> = (0..10).map(|p| (p < 5).then_some(p * 2)).collect();
    let once = OpenSet::search(&similarities, &people, std::slice::from_ref(&split));
    let often = OpenSet::search(&similarities, &people, &vec![split; 50]);
    assert_eq!(once.distinct_searches(), often.distinct_searches());
    assert!(often.fnir_at_fpir(TargetRate::new(0.01).unwrap()).is_err());
}

#[test]
fn nobody_at_all_is_not_supported() {
    let none = OpenSet::search(&Similarities::of(&[]), &[], &[vec![]]);
    assert!(none.fnir_at_fpir(TargetRate::new(0.5).unwrap()).is_err());
    assert!(OpenSet::default().fnir_at_fpir(TargetRate::new(0.5).unwrap()).is_err());
}
