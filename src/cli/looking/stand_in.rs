//! Nets that read who is in a picture off its first pixel, and pictures drawn for them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::capture::RgbPicture;
use crate::face::{
    Detection, Embedding, EmbeddingSpace, FivePoints, Liveness, Metric, Point, Probe, Quality, Rect,
    Similarity,
};
use crate::identify::{Rejection, Threshold};
use crate::inference::{AnalyserFacts, FaceAnalyser, InferenceError, Provider, StageTimes};

/// Directions that people have; with more, two would share one.
const DIMENSION: usize = 64;

/// Red is the person, from 1 (0: no face, 255: a face that cannot be aligned); green, in 255ths, how far
/// the face turns towards a direction that all share; blue how many bystanders there are.
pub struct StandIn(AnalyserFacts);

impl StandIn {
    /// Ready to be used.
    pub fn boxed() -> Box<dyn FaceAnalyser> {
        Box::new(Self(AnalyserFacts {
            pack: "stand-in".to_owned(),
            model: "stand-in".to_owned(),
            impostors: None,
            liveness: None,
            provider: Provider::Cpu,
            space: EmbeddingSpace([3; 32]),
            dimension: DIMENSION,
            metric: Metric::Cosine,
            threshold: Threshold(Similarity(0.45)),
        }))
    }
}

impl FaceAnalyser for StandIn {
    fn facts(&self) -> &AnalyserFacts {
        &self.0
    }

    fn detect(&mut self, picture: &RgbPicture, _: &mut StageTimes) -> Result<Vec<Detection>, InferenceError> {
        let [red, _, blue] = picture.pixel(0, 0);
        let person = (red > 0).then_some(PERSON);
        // Larger, but cut off by the border: less of it is seen.
        let bystanders = (0..blue).map(|_| BYSTANDER);
        let face = |bounds| Detection { bounds, score: 0.9, points: None };
        Ok(person.into_iter().chain(bystanders).map(face).collect())
    }

    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        _: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        let [red, green, _] = picture.pixel(0, 0);
        let mut values = vec![0.0; DIMENSION];
        if detection.bounds != PERSON {
            values[0] = 1.0;
        } else if red < 255 {
            values[usize::from(red) % (DIMENSION - 1)] = 1.0;
            values[DIMENSION - 1] = f32::from(green) / 255.0;
        }
        let probe = Embedding::normalised(values).map(|embedding| Probe {
            bounds: detection.bounds,
            detection_score: detection.score,
            points: FivePoints::from_array([Point::default(); 5]),
            landmarks: None,
            quality: Quality::default(),
            embedding,
            liveness: Liveness::NotRun,
        });
        Ok(probe.map_err(|_| Rejection::NotAlignable))
    }
}

const PERSON: Rect = Rect::new(4.0, 4.0, 8.0, 8.0);
const BYSTANDER: Rect = Rect::new(-9.0, 0.0, 12.0, 12.0);

/// A picture of 16x16 pixels in one colour.
pub fn picture(path: &Path, colour: [u8; 3]) -> PathBuf {
    let mut bytes = b"P6 16 16 255\n".to_vec();
    bytes.extend(std::iter::repeat_n(colour, 256).flatten());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(path, bytes).unwrap();
    path.to_owned()
}
