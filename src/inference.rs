//! The nets: model cards, the runtime they run in, and the pipeline from a picture to probes.
//! Nothing above this module names ONNX Runtime.
//!
//! A picture's way: [`detector`] (boxes, the doubtful ones judged), [`landmarks`] (five points from
//! 68), [`quality`], [`embedder`] (the face laid on its template, and its embedding), [`pad`] (liveness), joined by
//! [`pipeline`]. Below them, [`resample`] and [`tensor`] make a net's input from pixels, [`net`] checks,
//! loads and runs one net, and [`runtime`] finds ONNX Runtime. [`card`] and [`pack`] say which nets and
//! with which numbers.

pub mod card;
pub mod detector;
pub mod device;
pub mod embedder;
pub mod landmarks;
pub mod net;
pub mod pack;
pub mod pad;
pub mod pipeline;
pub mod quality;
pub mod resample;
pub mod runtime;
pub mod tensor;
pub mod trial;

pub use card::{Card, CardError};
pub use device::{DeviceChoice, Provider};
pub use pack::Pack;
pub use pipeline::{Pipeline, PipelineOptions};

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::capture::RgbPicture;
use crate::face::{Detection, EmbeddingSpace, Metric, Probe, Rect};
use crate::identify::threshold::TailFit;
use crate::identify::{Rejection, Threshold};

/// What is known of the nets that are loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyserFacts {
    /// The pack's name.
    pub pack: String,
    /// The id of the embedding net's card.
    pub model: String,
    /// What the nets really run on.
    pub provider: Provider,
    /// The space of the embeddings.
    pub space: EmbeddingSpace,
    /// How many values an embedding has.
    pub dimension: usize,
    /// What the card's thresholds are measured in.
    pub metric: Metric,
    /// The card's threshold as a similarity.
    pub threshold: Threshold,
    /// How alike different people are, as the card has it; none where it was not measured.
    pub impostors: Option<TailFit>,
    /// Of the liveness net; none where it does not run.
    pub liveness: Option<LivenessFacts>,
}

/// What is known of the liveness net.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LivenessFacts {
    /// The card's threshold: under this mean score, 0 to 1, a presentation counts as an attack.
    pub threshold: f32,
}

impl AnalyserFacts {
    /// What of it says how templates are compared.
    pub fn matching(&self) -> MatchingFacts {
        let Self { space, dimension, threshold, impostors, .. } = *self;
        MatchingFacts { space, dimension, threshold, impostors }
    }
}

/// What an embedding net's card says of how templates are compared; known without loading the net.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MatchingFacts {
    /// The space of the embeddings.
    pub space: EmbeddingSpace,
    /// How many values an embedding has.
    pub dimension: usize,
    /// The card's threshold as a similarity.
    pub threshold: Threshold,
    /// How alike different people are, as the card has it; none where it was not measured.
    pub impostors: Option<TailFit>,
}

/// One face of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysedFace {
    /// As the detector found it.
    pub detection: Detection,
    /// What it can be searched by, or why it cannot.
    pub probe: Result<Probe, Rejection>,
}

/// What the nets say of one picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameAnalysis {
    /// From the left.
    pub faces: Vec<AnalysedFace>,
    /// How long each stage took.
    pub times: StageTimes,
}

/// How long each stage of one picture took, all faces together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes {
    /// Boxes, with the refinement net.
    pub detect: Duration,
    /// Landmarks.
    pub landmarks: Duration,
    /// Laying faces on the template, and measuring their quality.
    pub align: Duration,
    /// Liveness.
    pub liveness: Duration,
    /// Embeddings.
    pub embed: Duration,
}

impl StageTimes {
    /// The part of these times that so many of `all` faces took; nothing where there are none.
    pub(crate) fn share(&self, faces: usize, all: usize) -> Self {
        let part = |time: Duration| time.mul_f64(faces as f64 / all.max(1) as f64);
        let Self { detect, landmarks, align, liveness, embed } = *self;
        Self {
            detect: part(detect),
            landmarks: part(landmarks),
            align: part(align),
            liveness: part(liveness),
            embed: part(embed),
        }
    }

    /// Adds what another part of the work took.
    pub(crate) fn add(&mut self, other: &Self) {
        self.detect += other.detect;
        self.landmarks += other.landmarks;
        self.align += other.align;
        self.liveness += other.liveness;
        self.embed += other.embed;
    }

    /// Milliseconds a stage, by the stage's name.
    pub fn named_ms(&self) -> Vec<(String, f32)> {
        let stages = [
            ("detect", self.detect),
            ("landmarks", self.landmarks),
            ("align", self.align),
            ("liveness", self.liveness),
            ("embed", self.embed),
        ];
        stages.map(|(name, time)| (name.to_owned(), time.as_secs_f32() * 1e3)).into()
    }
}

/// Why the nets cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// A card or pack is wrong.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A file that a card or the runtime needs is not there.
    #[error("{path} is missing: {hint}")]
    Missing {
        /// Which.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// A file that is there cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ONNX Runtime library must not or cannot be loaded.
    #[error("{path} cannot be used as ONNX Runtime: {detail}; {hint}")]
    Library {
        /// Which.
        path: PathBuf,
        /// What was expected and what was found.
        detail: String,
        /// What to do.
        hint: String,
    },
    /// A file is not the one its card describes.
    #[error("{path} is not the file its card describes: {expected}, but {found}; {hint}")]
    Mismatch {
        /// Which.
        path: PathBuf,
        /// What the card says.
        expected: String,
        /// What the file has.
        found: String,
        /// What to do.
        hint: String,
    },
    /// The device that was asked for cannot be used.
    #[error("{device} cannot be used: {detail}")]
    Device {
        /// As `--device` says it.
        device: String,
        /// What is missing.
        detail: String,
    },
    /// ONNX Runtime said no while doing `step`.
    #[error("ONNX Runtime could not {step}: {detail}")]
    Runtime {
        /// What it was doing, as a verb with its object.
        step: String,
        /// What it said.
        detail: String,
    },
}

/// Faces of one picture that all nets are to look at.
#[derive(Debug, Clone, Copy)]
pub struct WantedFaces<'a> {
    /// The picture.
    pub picture: &'a RgbPicture,
    /// As the detector found them in it.
    pub detections: &'a [Detection],
}

/// What the nets say of each of a picture's wanted faces, in their order.
pub type Probes = Vec<Result<Probe, Rejection>>;

/// From a picture to probes: the port that the engine knows. One owner, on a thread of its own.
pub trait FaceAnalyser: Send {
    /// What is loaded.
    fn facts(&self) -> &AnalyserFacts;

    /// Every face of `picture`, from the left.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where a net fails; a picture without a face is no error.
    fn detect(
        &mut self,
        picture: &RgbPicture,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError>;

    /// The faces inside `region`, which is looked at by itself and so at a larger scale. In pixels of
    /// `picture`. An analyser that has no larger scale finds nobody more.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    fn look_again(
        &mut self,
        _picture: &RgbPicture,
        _region: &Rect,
        _times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        Ok(Vec::new())
    }

    /// One detected face through all nets after detection.
    ///
    /// # Errors
    /// As [`detect`](Self::detect); a face that cannot be aligned is a [`Rejection`].
    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        times: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError>;

    /// Whether [`probe_all`](Self::probe_all) is faster with faces of several pictures than with those of one
    /// after the other. Where it is not, no picture waits for another.
    fn takes_several(&self) -> bool {
        false
    }

    /// The wanted faces of each picture through all nets after detection: together, where the nets gain by it.
    ///
    /// # Errors
    /// As [`probe`](Self::probe).
    fn probe_all(
        &mut self,
        wanted: &[WantedFaces<'_>],
        times: &mut StageTimes,
    ) -> Result<Vec<Probes>, InferenceError> {
        let mut of_one = |WantedFaces { picture, detections }: &WantedFaces<'_>| {
            detections.iter().map(|detection| self.probe(picture, detection, times)).collect()
        };
        wanted.iter().map(&mut of_one).collect()
    }

    /// Every face of `picture`, each with its probe.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    fn analyse(&mut self, picture: &RgbPicture) -> Result<FrameAnalysis, InferenceError> {
        let mut times = StageTimes::default();
        let detections = self.detect(picture, &mut times)?;
        let wanted = WantedFaces { picture, detections: &detections };
        let probes = self.probe_all(&[wanted], &mut times)?;
        let faces = detections.into_iter().zip(probes.into_iter().flatten());
        let faces = faces.map(|(detection, probe)| AnalysedFace { detection, probe }).collect();
        Ok(FrameAnalysis { faces, times })
    }
}
