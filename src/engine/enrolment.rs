//! Which face of a picture is meant, whether it is good enough, whether several show one person, and
//! which frames of the live picture become shots ([`selector`]). Pure: no clock, no thread.

pub mod selector;

use crate::face::embedding::dot;
use crate::face::{Probe, Rect};
use crate::identify::Threshold;
use crate::inference::{AnalysedFace, FrameAnalysis};

use super::command::{CommandError, FaceChoice};

/// With [`FaceChoice::Main`], the next face's longer side must be under this share of the largest
/// one's.
pub const MAIN_FACE_RATIO: f32 = 0.6;

/// People who are less than this under the threshold are named as look-alikes. In the 18,110 pairs of
/// two people that the card's threshold was calibrated with, the most alike is that far under it
/// (`tests/it/quality.rs` prints how many pairs lie in between), so that a name is a rare warning.
pub const ALIKE_MARGIN: f32 = 0.1;

/// Refuses a face under a hard floor; `label` names the picture.
///
/// # Errors
/// [`CommandError::PoorFace`] with what to do.
pub fn good_enough(probe: &Probe, label: &str) -> Result<(), CommandError> {
    match probe.quality.refusal() {
        None => Ok(()),
        Some(finding) => Err(CommandError::PoorFace { label: label.to_owned(), sentence: finding.sentence }),
    }
}

/// Refuses pictures that do not show one person: two that are at least as alike as `threshold` belong
/// together, and so does whoever belongs to one of them. The largest such group is the person, of
/// two equally large ones that with the earlier picture; the others are named.
///
/// # Errors
/// [`CommandError::NotOnePerson`] with the pictures of the others.
pub fn one_person(pictures: &[(&str, &Probe)], threshold: Threshold) -> Result<(), CommandError> {
    let count = pictures.len();
    let alike =
        |a: usize, b: usize| dot(pictures[a].1.embedding.as_slice(), pictures[b].1.embedding.as_slice());
    // Each picture's group is named by its first picture; joining takes the smaller name.
    let mut group: Vec<usize> = (0..count).collect();
    for a in 0..count {
        for b in a + 1..count {
            if alike(a, b) >= threshold.0.0 && group[a] != group[b] {
                let (kept, lost) = (group[a].min(group[b]), group[a].max(group[b]));
                group.iter_mut().filter(|name| **name == lost).for_each(|name| *name = kept);
            }
        }
    }
    let size = |name: usize| group.iter().filter(|other| **other == name).count();
    let Some(person) = (0..count).rev().max_by_key(|picture| size(group[*picture])).map(|at| group[at])
    else {
        return Ok(());
    };
    let odd: Vec<usize> = (0..count).filter(|picture| group[*picture] != person).collect();
    if odd.is_empty() {
        return Ok(());
    }
    let own = (0..count).filter(|picture| group[*picture] == person);
    let similarity =
        own.flat_map(|a| odd.iter().map(move |b| alike(a, *b))).fold(f32::NEG_INFINITY, f32::max);
    let labels = odd.iter().map(|picture| pictures[*picture].0.to_owned()).collect();
    Err(CommandError::NotOnePerson { labels, similarity, threshold: threshold.0.0 })
}

/// The face of `analysis` that `choice` means; `label` names the picture in messages. Boxes are compared
/// as far as they lie inside the picture of `size` (width, height): one that reaches past the border
/// is not larger for what cannot be seen.
///
/// # Errors
/// [`CommandError::NoFace`], [`CommandError::AmbiguousFace`], [`CommandError::NoSuchFace`] or
/// [`CommandError::NotAlignable`].
pub fn choose_face(
    analysis: &FrameAnalysis,
    size: (f32, f32),
    choice: FaceChoice,
    label: &str,
) -> Result<Probe, CommandError> {
    let label = || label.to_owned();
    let mut faces: Vec<&AnalysedFace> = analysis.faces.iter().collect();
    faces.sort_by(|a, b| a.detection.bounds.x.total_cmp(&b.detection.bounds.x));
    let side = |face: &AnalysedFace| face.detection.bounds.clamped(size.0, size.1).longer_side();
    let Some(largest) = faces.iter().copied().max_by(|a, b| side(a).total_cmp(&side(b))) else {
        return Err(CommandError::NoFace { label: label() });
    };
    let chosen = match choice {
        FaceChoice::Largest => largest,
        FaceChoice::Main => {
            let rivals = faces.iter().filter(|face| side(face) >= MAIN_FACE_RATIO * side(largest)).count();
            if rivals > 1 {
                let faces = faces.iter().map(|face| face.detection.bounds).collect::<Vec<Rect>>();
                return Err(CommandError::AmbiguousFace { label: label(), faces });
            }
            largest
        }
        FaceChoice::Nth(wanted) => {
            let found = u32::try_from(faces.len()).unwrap_or(u32::MAX);
            let index = wanted.checked_sub(1).map(|index| index as usize);
            match index.and_then(|index| faces.get(index)) {
                Some(face) => face,
                None => return Err(CommandError::NoSuchFace { label: label(), wanted, found }),
            }
        }
    };
    chosen.probe.clone().map_err(|_| CommandError::NotAlignable { label: label() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{Detection, Embedding, FivePoints, Liveness, Point, Quality};
    use crate::identify::Rejection;

    fn face(x: f32, side: f32) -> AnalysedFace {
        let bounds = Rect::new(x, 0.0, side, side);
        AnalysedFace {
            detection: Detection { bounds, score: 0.9, points: None },
            probe: Ok(Probe {
                bounds,
                detection_score: 0.9,
                points: FivePoints::from_array([Point::default(); 5]),
                landmarks: None,
                quality: Quality::default(),
                embedding: Embedding::normalised(vec![1.0, 0.0]).unwrap(),
                liveness: Liveness::NotRun,
            }),
        }
    }

    fn chosen(faces: Vec<AnalysedFace>, choice: FaceChoice) -> Result<f32, CommandError> {
        let analysis = FrameAnalysis { faces, ..FrameAnalysis::default() };
        choose_face(&analysis, (320.0, 240.0), choice, "a.jpg").map(|probe| probe.bounds.x)
    }

    #[test]
    fn main_is_the_largest_only_where_it_stands_out() {
        assert_eq!(chosen(vec![face(0.0, 50.0), face(200.0, 100.0)], FaceChoice::Main), Ok(200.0));
        let refused = chosen(vec![face(0.0, 61.0), face(200.0, 100.0)], FaceChoice::Main).unwrap_err();
        assert!(matches!(&refused, CommandError::AmbiguousFace { faces, .. } if faces.len() == 2));
        assert!(refused.to_string().contains("--face N"));
        assert_eq!(chosen(vec![face(0.0, 61.0), face(200.0, 100.0)], FaceChoice::Largest), Ok(200.0));
    }

    #[test]
    fn faces_are_counted_from_the_left() {
        let faces = || vec![face(200.0, 100.0), face(0.0, 60.0)];
        assert_eq!(chosen(faces(), FaceChoice::Nth(1)), Ok(0.0));
        assert_eq!(chosen(faces(), FaceChoice::Nth(2)), Ok(200.0));
        for wanted in [0, 3] {
            let refused = chosen(faces(), FaceChoice::Nth(wanted)).unwrap_err();
            assert!(matches!(refused, CommandError::NoSuchFace { found: 2, .. }));
        }
    }

    /// A picture of somebody `degrees` around the circle.
    fn picture(label: &str, degrees: f32) -> (String, Probe) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut probe = face(0.0, 50.0).probe.unwrap();
        probe.embedding = Embedding::normalised(vec![cos, sin]).unwrap();
        (label.to_owned(), probe)
    }

    fn odd(pictures: &[(String, Probe)]) -> Vec<String> {
        let pictures: Vec<(&str, &Probe)> =
            pictures.iter().map(|(label, probe)| (label.as_str(), probe)).collect();
        // Up to 60 degrees apart is one person.
        match one_person(&pictures, Threshold(crate::face::Similarity(0.5))) {
            Ok(()) => vec![],
            Err(CommandError::NotOnePerson { labels, .. }) => labels,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_picture_of_somebody_else_is_named() {
        assert_eq!(odd(&[]), Vec::<String>::new());
        assert_eq!(odd(&[picture("a", 0.0)]), Vec::<String>::new());
        assert_eq!(odd(&[picture("x", 180.0), picture("a", 0.0), picture("b", 30.0)]), ["x"]);
        // Of two, the first is the person.
        assert_eq!(odd(&[picture("a", 0.0), picture("x", 120.0)]), ["x"]);
        // Two that are far apart belong together where a third lies between them.
        let chain = [picture("a", 0.0), picture("c", 100.0), picture("b", 50.0)];
        assert_eq!(odd(&chain), Vec::<String>::new());
        let pairs = [picture("x", 180.0), picture("a", 0.0), picture("y", 185.0), picture("b", 5.0)];
        assert_eq!(odd(&pairs), ["a", "b"]);
    }

    #[test]
    fn only_a_face_under_a_hard_floor_is_refused() {
        let mut probe = face(0.0, 50.0).probe.unwrap();
        probe.quality.inter_eye_distance_px = Some(15.0);
        assert_eq!(good_enough(&probe, "a.jpg"), Ok(()));
        probe.quality.inter_eye_distance_px = Some(5.0);
        let refused = good_enough(&probe, "a.jpg").unwrap_err().to_string();
        assert!(refused.starts_with("a.jpg: ") && refused.contains("come closer"), "{refused}");
    }

    #[test]
    fn no_face_and_no_alignment_say_so() {
        assert!(matches!(chosen(vec![], FaceChoice::Largest), Err(CommandError::NoFace { .. })));
        let mut crooked = face(0.0, 50.0);
        crooked.probe = Err(Rejection::NotAlignable);
        assert!(matches!(chosen(vec![crooked], FaceChoice::Main), Err(CommandError::NotAlignable { .. })));
    }
}
