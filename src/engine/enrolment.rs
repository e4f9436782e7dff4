//! Which face of a picture is meant, and what of it is kept.

use crate::face::{Probe, Rect};
use crate::inference::{AnalysedFace, FrameAnalysis};

use super::command::{CommandError, FaceChoice};

/// With [`FaceChoice::Main`], the next face's longer side must be under this share of the largest
/// one's.
pub const MAIN_FACE_RATIO: f32 = 0.6;

/// The face of `analysis` that `choice` means; `label` names the picture in messages.
///
/// # Errors
/// [`CommandError::NoFace`], [`CommandError::AmbiguousFace`], [`CommandError::NoSuchFace`] or
/// [`CommandError::NotAlignable`].
pub fn choose_face(analysis: &FrameAnalysis, choice: FaceChoice, label: &str) -> Result<Probe, CommandError> {
    let label = || label.to_owned();
    let mut faces: Vec<&AnalysedFace> = analysis.faces.iter().collect();
    faces.sort_by(|a, b| a.detection.bounds.x.total_cmp(&b.detection.bounds.x));
    let side = |face: &AnalysedFace| face.detection.bounds.longer_side();
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
        choose_face(&analysis, choice, "a.jpg").map(|probe| probe.bounds.x)
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

    #[test]
    fn no_face_and_no_alignment_say_so() {
        assert!(matches!(chosen(vec![], FaceChoice::Largest), Err(CommandError::NoFace { .. })));
        let mut crooked = face(0.0, 50.0);
        crooked.probe = Err(Rejection::NotAlignable);
        assert!(matches!(chosen(vec![crooked], FaceChoice::Main), Err(CommandError::NotAlignable { .. })));
    }
}
