use proptest::prelude::*;

use super::super::search::tests::at_angles;
use super::*;

fn target(rate: f64) -> TargetRate {
    TargetRate::new(rate).unwrap()
}

proptest! {
    /// Drawing people with weights gives what writing every draw out gives.
    #[test]
    fn weights_stand_for_people_drawn_again(
        angles in prop::collection::vec(0.0f64..180.0, 8),
        drawn in prop::collection::vec(0usize..4, 4),
        rate in 0.01f64..0.9,
    ) {
        let similarities = Similarities::of(&at_angles(&angles));
        let people: Vec<usize> = (0..8).map(|photograph| photograph / 2).collect();
        let counts: Vec<u64> = (0..4).map(|p| drawn.iter().filter(|d| **d == p).count() as u64).collect();
        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        for (i, x) in drawn.iter().enumerate() {
            genuine.push(similarities.get(2 * x, 2 * x + 1));
            for y in drawn[i + 1..].iter().filter(|y| *y != x) {
                for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    impostor.push(similarities.get(2 * x + a, 2 * y + b));
                }
            }
        }
        let plain = super::super::ScoreSets::new(genuine, impostor).operating_point(target(rate));
        let found = Resampled::new(&similarities, &people, target(rate)).tar(&counts);
        prop_assert_eq!(found, plain.tar.share());
    }
}

/// `count` people, 10 degrees apart; of every fifth the two photographs are 9 degrees apart, which is
/// more than most impostors.
fn people(count: usize) -> (Similarities, Vec<usize>) {
    let apart = |person: usize| if person.is_multiple_of(5) { 30.0 } else { 1.0 };
    let angles: Vec<f64> = (0..count).flat_map(|p| [p as f64 * 5.0, p as f64 * 5.0 + apart(p)]).collect();
    (Similarities::of(&at_angles(&angles)), (0..count * 2).map(|photograph| photograph / 2).collect())
}

/// Numbers that go through all people in turn, some more often.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 7u64;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 33) % bound as u64) as usize
    }
}

/// With one genuine pair a person, people are drawn as independent trials are: the interval is that of
/// a share of 24 in 30, whose exact one is 61.4 to 92.3 %.
#[test]
fn independent_people_give_the_interval_of_a_share() {
    let (similarities, people) = people(30);
    let (least, most) = tar_interval(&similarities, &people, target(0.02), 2000, numbers()).unwrap();
    assert!((0.60..0.70).contains(&least) && (0.90..0.97).contains(&most), "{least} to {most}");
    // Every draw the same leaves the figure itself.
    let mut next = 0;
    let in_turn = move |bound: usize| {
        next += 1;
        next % bound
    };
    assert_eq!(tar_interval(&similarities, &people, target(0.02), 5, in_turn), Ok((0.8, 0.8)));
}

#[test]
fn no_interval_from_few_people_or_without_an_error() {
    let (similarities, few) = people(19);
    let refused = tar_interval(&similarities, &few, target(0.02), 10, numbers()).unwrap_err();
    assert_eq!(refused.to_string(), "not supported: 19 people with a genuine pair, 20 are needed");
    let (similarities, people) = people(25);
    let all_match = tar_interval(&similarities, &people, target(0.99), 10, numbers());
    assert_eq!(all_match, Err(NoInterval::NoError));
    let empty = tar_interval(&Similarities::of(&[]), &[], target(0.1), 10, numbers());
    assert!(matches!(empty, Err(NoInterval::People(_))));
}

#[test]
fn only_what_can_matter_is_kept() {
    let many: Vec<f32> = (0..50_000).map(|i| i as f32 / 50_000.0).collect();
    let least = least_that_matters(many.clone(), target(0.001));
    assert_eq!(many.iter().filter(|s| **s > least).count(), 10_000);
    assert_eq!(least_that_matters(vec![0.5; 10], target(0.001)), f32::MIN);
}
