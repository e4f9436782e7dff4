use proptest::prelude::{prop, prop_assert, proptest};

use super::super::search::tests::at_angles;
use super::*;
use crate::face::Embedding;
use crate::face::embedding::dot;

/// Two people with three photographs each, in order.
fn draw() -> Draw {
    let orders = vec![vec![0, 1, 2], vec![3, 4, 5]];
    Draw { templates: orders.clone(), probes: orders }
}

fn run(angles: &[f64], strategy: Strategy) -> StrategyScores {
    let similarities = Similarities::of(&at_angles(angles));
    let mirrors = vec![None; angles.len()];
    Photographs { similarities: &similarities, mirrors: &mirrors }.run(&[draw()], strategy)
}

fn degrees(scores: &[f32]) -> Vec<i32> {
    scores.iter().map(|score| f64::from(*score).acos().to_degrees().round() as i32).collect()
}

#[test]
fn a_probe_is_never_its_own_template() {
    // All six at right angles or opposite to each other's neighbours: only a photograph itself is near.
    let outcome = run(&[0.0, 60.0, 120.0, 180.0, 240.0, 300.0], Strategy::ONE);
    assert!(outcome.scores.genuine().iter().all(|score| *score < 0.6), "{outcome:?}");
    assert_eq!((outcome.scores.genuine().len(), outcome.scores.impostor().len()), (6, 6));
}

#[test]
fn one_template_several_and_a_vote_by_hand() {
    let angles = [0.0, 10.0, 40.0, 90.0, 100.0, 130.0];
    let one = run(&angles, Strategy::ONE);
    // Each is compared with the first photograph of its person that is not itself.
    assert_eq!(degrees(one.scores.genuine()), [10, 10, 10, 10, 40, 40]);
    assert_eq!(one.rank_one, Rate { events: 6, trials: 6 });
    let best = run(&angles, Strategy { templates: 2, ..Strategy::ONE });
    assert_eq!(degrees(best.scores.genuine()), [10, 10, 10, 10, 30, 30]);
    // Means of 10 and 40, of 0 and 40, of 0 and 10 degrees.
    let mean = run(&angles, Strategy { templates: 2, fusion: Fusion::Mean, ..Strategy::ONE });
    assert_eq!(degrees(mean.scores.genuine()), [10, 10, 25, 25, 35, 35]);
    let none = run(&angles, Strategy { templates: 3, ..Strategy::ONE });
    assert_eq!((none.left_out, none.rank_one.trials), (6, 0));
}

#[test]
fn two_of_three_probes_decide() {
    let similarities = Similarities::of(&at_angles(&[0.0, 5.0, 80.0, 10.0, 90.0, 180.0]));
    let orders = vec![vec![0, 1, 2, 3], vec![4, 5]];
    let draw = Draw { templates: vec![vec![3, 0, 1, 2], vec![4, 5]], probes: orders };
    let mirrors = [None; 6];
    let with = Photographs { similarities: &similarities, mirrors: &mirrors };
    let outcome = with.run(std::slice::from_ref(&draw), Strategy { probes: 3, ..Strategy::ONE });
    // 10, 5 and 70 degrees from the template at 10: the middle is what two of three reach. The group of
    // one that is left over, and the other person's of two, are no votes of three.
    assert_eq!(degrees(outcome.scores.genuine()), [10]);
    assert_eq!(degrees(outcome.scores.impostor()), [85]);
    assert_eq!((outcome.rank_one, outcome.left_out), (Rate { events: 1, trials: 1 }, 2));
}

#[test]
fn a_mirror_image_is_one_more_template() {
    // The mirror image of 0 is at 30, where the other photograph of that person lies.
    let similarities = Similarities::of(&at_angles(&[0.0, 30.0, 120.0, 30.0]));
    let draw = Draw { templates: vec![vec![0, 1], vec![2]], probes: vec![vec![1], vec![]] };
    let mirrors = [Some(3), None, None];
    let with = Photographs { similarities: &similarities, mirrors: &mirrors };
    let run = |fusion, mirror| {
        let strategy = Strategy { fusion, mirror, ..Strategy::ONE };
        degrees(with.run(std::slice::from_ref(&draw), strategy).scores.genuine())
    };
    assert_eq!(run(Fusion::Best, Mirror::None), [30]);
    assert_eq!(run(Fusion::Best, Mirror::Templates), [0]);
    assert_eq!(run(Fusion::Mean, Mirror::Templates), [15]);
}

proptest! {
    /// The mean by the similarities alone is the mean of the vectors.
    #[test]
    fn means_agree_with_vectors(
        vectors in prop::collection::vec(prop::array::uniform4(-1.0f32..1.0), 5),
        probes in 1usize..3,
    ) {
        let unit: Vec<Embedding> = vectors
            .iter()
            .map(|v| Embedding::normalised(v.iter().map(|x| x + 1.5).collect()).unwrap())
            .collect();
        let similarities = Similarities::of(&unit);
        let with = Photographs { similarities: &similarities, mirrors: &[] };
        let mean = |rows: &[usize]| {
            let sum = (0..4).map(|i| rows.iter().map(|row| unit[*row].as_slice()[i]).sum()).collect();
            Embedding::normalised(sum).unwrap()
        };
        let (probe, templates): (Vec<usize>, Vec<usize>) = (0..5).partition(|row| *row < probes);
        let expected = dot(mean(&probe).as_slice(), mean(&templates).as_slice());
        prop_assert!((with.of_means(&probe, &templates) - expected).abs() < 1e-5);
    }
}
