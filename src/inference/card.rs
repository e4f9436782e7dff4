//! Model cards: all that is known of a net, in a file of its own (`models/cards/ID.toml`). No
//! model's number is in the code.
//!
//! The cards that come with muster are also in the program itself ([`builtin`]), so that a models
//! folder needs none; a card in the models folder wins over the built-in one of the same id.

pub mod builtin;
mod check;
pub mod complete;
mod liveness;
mod space;

pub use liveness::{LivenessBox, LivenessCalibration};

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::face::{AlignmentTemplate, FivePoints, Metric, Point};
use crate::identify::Threshold;
use crate::identify::threshold::{TailFit, TailSpread};
use crate::ledger::Sha256Digest;

use super::MatchingFacts;

/// What a net is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Face boxes in a picture.
    Detection,
    /// Whether a doubtful box holds a face.
    Refinement,
    /// 68 landmarks in a box.
    Landmarks,
    /// The embedding of an aligned face.
    Embedding,
    /// Whether a face is live.
    Liveness,
}

/// How a net's outputs are read. Each is code of its own under [`super`]; a card lists the outputs
/// in the order given here, whatever their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// Anchors already decoded to corners in 0..1, with softmaxed scores (RFB-320). Outputs: scores
    /// `[1, N, 2]` (background, face), boxes `[1, N, 4]`.
    Rfb,
    /// Anchor-free cells at several strides, each with one box about its own corner (YuNet; OpenCV's
    /// `FaceDetectorYN`). Outputs, each kind for all strides before the next kind: class `[.., 1]`,
    /// objectness `[.., 1]`, box `[.., 4]`, points `[.., 10]`.
    Yunet,
    /// Anchor-free cells at several strides, each anchor with its distances to the four edges (SCRFD:
    /// Guo et al., 2021). Outputs, each kind for all strides before the next kind: score `[.., 1]`,
    /// distances `[.., 4]`, and points `[.., 10]` where the net has them.
    Scrfd,
    /// MTCNN's three nets over an image pyramid. Outputs of `pnet`: box regression, score; of
    /// `rnet`: the same; of `onet`: box regression, five points, score.
    Mtcnn,
    /// MTCNN's last net alone, judging boxes found by another detector. Outputs as `onet`'s above.
    OnetJudge,
    /// 136 numbers: 68 points in 0..1 of the square crop.
    #[serde(rename = "landmarks-68")]
    Landmarks68,
    /// One vector of an aligned face.
    Arcface,
    /// Classes, of which one is live (MiniFASNet); softmaxed here.
    Minifasnet,
}

impl Decoder {
    /// The task that its nets are for.
    pub fn task(self) -> Task {
        match self {
            Self::Rfb | Self::Yunet | Self::Scrfd | Self::Mtcnn => Task::Detection,
            Self::OnetJudge => Task::Refinement,
            Self::Landmarks68 => Task::Landmarks,
            Self::Arcface => Task::Embedding,
            Self::Minifasnet => Task::Liveness,
        }
    }
}

/// How a picture of any shape becomes a net's fixed input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Scaled as a whole into the top left corner, the rest black.
    Letterbox,
    /// Stretched in both directions.
    Squash,
}

/// The order of a picture's channels as a net wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Luma alone (ITU-R BT.601).
    Grey,
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }
}

/// The order of a tensor's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel: nets converted from TensorFlow and Keras.
    Nhwc,
    /// Batch, column, row, channel: MTCNN's weights come from a column-major training.
    Nwhc,
}

impl Layout {
    /// The dimensions of one picture's tensor.
    pub fn shape(self, channels: usize, width: usize, height: usize) -> [usize; 4] {
        match self {
            Self::Nchw => [1, channels, height, width],
            Self::Nhwc => [1, height, width, channels],
            Self::Nwhc => [1, width, height, channels],
        }
    }
}

/// How a picture becomes a net's input: `(value - mean) * scale` for each 8-bit value.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Columns; 0 where the net takes any (MTCNN's first, YuNet, SCRFD with open dimensions).
    pub width: u32,
    /// Rows; 0 where the net takes any.
    pub height: u32,
    /// The order of the channels.
    pub channels: Channels,
    /// The order of the axes.
    #[serde(default = "nchw")]
    pub layout: Layout,
    /// Subtracted from each 8-bit value.
    pub mean: f32,
    /// Multiplied after that.
    pub scale: f32,
    /// For nets that take a crop: how many times the longer side of the face box the square crop's
    /// side is; for liveness, how many times the box the crop is in both directions.
    #[serde(default)]
    pub crop: Option<f32>,
}

fn nchw() -> Layout {
    Layout::Nchw
}

/// One tensor of a net as the runtime must report it. A dimension of -1 is left open by the net.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Its name in the graph.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<i64>,
}

impl Tensor {
    /// Whether its rows are five points.
    fn holds_points(&self) -> bool {
        self.shape.last() == Some(&10)
    }
}

/// Where a file is taken from by `muster setup`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The id of a package in `models/packages.toml`.
    pub package: String,
    /// The file's path inside the package's archive.
    pub path: String,
}

/// One file of a net.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetFile {
    /// Which of the net's files it is: `pnet`, `rnet`, `onet`; empty where there is one file only.
    #[serde(default)]
    pub role: String,
    /// Its name in the models folder.
    pub name: String,
    /// Its SHA-256 in hexadecimal.
    #[serde(deserialize_with = "hexadecimal")]
    pub sha256: Sha256Digest,
    /// Its size.
    pub size_bytes: u64,
    /// Where it comes from; none for a file that the user brings.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Its inputs.
    pub inputs: Vec<Tensor>,
    /// Its outputs.
    pub outputs: Vec<Tensor>,
}

/// Numbers that a decoder needs; which ones, depends on the decoder.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    /// How a picture becomes a detector's input.
    pub fit: Option<Fit>,
    /// The least score of a detection, 0 to 1.
    pub score: Option<f32>,
    /// A detection at or above this score is never removed by the refinement net.
    pub sure_score: Option<f32>,
    /// Boxes that overlap more than this (intersection over union) are one face.
    pub nms_iou: Option<f32>,
    /// The longer side that a picture is scaled down to before detection, in pixels; a smaller picture
    /// keeps its size. For nets that take any size: the rest up to a multiple of the largest stride is
    /// black.
    pub longest_side: Option<u32>,
    /// The cells' sides in pixels of the input, in the order of the outputs.
    pub strides: Option<Vec<u32>>,
    /// How many boxes there are for each cell, one after the other.
    pub anchors: Option<u32>,
    /// The smallest face an image pyramid looks for, in pixels of the scaled picture.
    pub min_face: Option<u32>,
    /// The step between two levels of an image pyramid, 0 to 1.
    pub pyramid_factor: Option<f32>,
    /// The least scores of a cascade's stages.
    pub stage_scores: Option<[f32; 3]>,
    /// A cascade's thresholds on overlap: within a level of the pyramid, across its levels and
    /// after the second net (intersection over union), and after the third (intersection over
    /// the smaller box).
    pub stage_iou: Option<[f32; 4]>,
    /// Which class is "live".
    pub live_class: Option<usize>,
    /// The least multiple of the box that a liveness crop may be shrunk to; with less room the
    /// face is not measurable.
    pub least_crop: Option<f32>,
}

/// What was calibrated for an embedding net.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// What the thresholds are measured in.
    pub metric: Metric,
    /// At least as alike as this identifies. In the metric: a cosine or a distance.
    pub threshold: f32,
    /// How the threshold was found, in words.
    pub calibration: String,
    /// The side of the aligned square in pixels.
    pub template_side: u32,
    /// Eyes, nose and mouth corners in that square.
    pub template_points: [[f32; 2]; 5],
    /// How alike different people are; none where it was not measured.
    #[serde(default)]
    pub impostors: Option<Impostors>,
}

/// The distribution of impostor similarities, as `examples/calibrate.rs` measures it. All of it is in
/// similarities, whatever the metric: for a Euclidean card, `1 - distance^2 / 2`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impostors {
    /// On whom it was measured and how, in words.
    pub measured: String,
    /// Pairs of templates of different people.
    pub pairs: u64,
    /// People whose templates those are.
    pub people: u32,
    /// The mean similarity of all pairs.
    pub mean: f64,
    /// The most alike pair.
    pub highest: f64,
    /// Where the tail starts; see [`TailFit`].
    pub tail_start: f64,
    /// The share of pairs above that.
    pub tail_share: f64,
    /// The mean of what they are above it.
    pub tail_scale: f64,
    /// The variances of the natural logarithms of share and scale, and their covariance.
    pub spread: [f64; 3],
}

impl Impostors {
    /// The fit that these numbers are.
    pub fn tail(&self) -> TailFit {
        let [log_share, log_scale, covariance] = self.spread;
        TailFit {
            start: self.tail_start,
            share: self.tail_share,
            scale: self.tail_scale,
            mean: self.mean,
            highest: self.highest,
            pairs: self.pairs,
            people: self.people,
            spread: TailSpread { log_share, log_scale, covariance },
        }
    }
}

impl Matching {
    /// The alignment template.
    pub fn template(&self) -> AlignmentTemplate {
        let points = self.template_points.map(|[x, y]| Point::new(x, y));
        AlignmentTemplate { side: self.template_side, points: FivePoints::from_array(points) }
    }
}

/// A model card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Its name: the file's name without `.toml`.
    pub id: String,
    /// What the net is for.
    pub task: Task,
    /// How its outputs are read.
    pub decoder: Decoder,
    /// What it is, in a sentence.
    pub description: String,
    /// Under which licence its package gives it.
    pub licence: String,
    /// What is known of its training, and what is not.
    pub provenance: String,
    /// How a picture becomes its input.
    pub input: Input,
    /// Its files.
    pub files: Vec<NetFile>,
    /// Numbers for the decoder.
    #[serde(default)]
    pub decode: Decode,
    /// For an embedding net.
    #[serde(default)]
    pub matching: Option<Matching>,
    /// For a liveness net.
    #[serde(default)]
    pub liveness: Option<LivenessCalibration>,
    /// For a detector whose boxes are not what a liveness net wants.
    #[serde(default)]
    pub liveness_box: Option<LivenessBox>,
}

/// Why a card or a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no card or pack.
    #[error("{path} is not valid: {detail}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Line, column and what was expected.
        detail: String,
    },
    /// A value cannot be.
    #[error("{path}: {key} {expected}")]
    Value {
        /// Which.
        path: PathBuf,
        /// Which key.
        key: String,
        /// What it must be.
        expected: String,
    },
    /// There is no card or pack of that name.
    #[error("there is no {kind} `{name}` in {folder}, and none is built in: {hint}")]
    Unknown {
        /// `model card` or `pack`.
        kind: &'static str,
        /// As it was asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The names there are.
        hint: String,
    },
}

/// The text of a card, and the path to name in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardText {
    /// The text.
    pub text: String,
    /// The file's path.
    pub path: PathBuf,
}

/// The text of the card that `named` means: a card's file where it looks like one
/// (`.toml` at the end, or a `/`), else the card of that name.
///
/// # Errors
/// [`CardError::Read`] where the file cannot be read, [`CardError::Unknown`] where there is no such
/// card.
pub fn text_of(models_dir: &Path, named: &str) -> Result<CardText, CardError> {
    let path = Path::new(named);
    if named.ends_with(".toml") || named.contains('/') {
        return Ok(CardText { text: builtin::read_text(path)?, path: path.to_owned() });
    }
    let (text, path) = builtin::find(models_dir, builtin::Kind::Card, named)?;
    Ok(CardText { text: text.into_owned(), path })
}

/// For serde: 64 hexadecimal digits.
pub(crate) fn hexadecimal<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Sha256Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_sha256(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
}

/// A SHA-256 from 64 hexadecimal digits.
pub fn parse_sha256(text: &str) -> Option<Sha256Digest> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    (digits.len() == 64).then(|| pairs.try_into().ok().map(Sha256Digest)).flatten()
}

impl Card {
    /// Whether this card comes with muster.
    pub fn is_built_in(&self) -> bool {
        let of_this_name = builtin::Kind::Card.texts().iter().find(|(id, _)| *id == self.id);
        of_this_name.is_some_and(|(id, text)| {
            Self::parse(text, Path::new(&format!("{id}.toml"))).is_ok_and(|card| card == *self)
        })
    }

    /// The card `id`: `cards/ID.toml` in the models folder, else the built-in one.
    ///
    /// # Errors
    /// [`CardError`] with the file, the key and what was expected; [`CardError::Unknown`] where there
    /// is no such card.
    pub fn find(models_dir: &Path, id: &str) -> Result<Self, CardError> {
        let (text, path) = builtin::find(models_dir, builtin::Kind::Card, id)?;
        Self::parse(&text, &path)
    }

    /// Reads and checks the card at `path`.
    ///
    /// # Errors
    /// [`CardError`] with the file, the key and what was expected.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        Self::parse(&builtin::read_text(path)?, path)
    }

    /// Checks the text of a card; `path` is for messages, and its name must be the card's id.
    ///
    /// # Errors
    /// [`CardError`] with the file, the key and what was expected.
    pub fn parse(text: &str, path: &Path) -> Result<Self, CardError> {
        let card: Self = toml::from_str(text)
            .map_err(|error| CardError::Syntax { path: path.to_owned(), detail: error.to_string() })?;
        check::check(&card, path)?;
        Ok(card)
    }

    /// Whether a detector gives five points with each box, so that a pack needs no landmarks.
    pub fn gives_points(&self) -> bool {
        match self.decoder {
            Decoder::Mtcnn | Decoder::Yunet => true,
            Decoder::Scrfd => self.files.iter().flat_map(|file| &file.outputs).any(Tensor::holds_points),
            _ => false,
        }
    }

    /// How its templates are compared; none for a card that is not an embedding net's.
    pub fn matching_facts(&self) -> Option<MatchingFacts> {
        let matching = self.matching.as_ref()?;
        let output = self.files.first()?.outputs.first()?;
        Some(MatchingFacts {
            space: self.embedding_space()?,
            dimension: usize::try_from(*output.shape.last()?).ok()?,
            threshold: Threshold(matching.metric.similarity(matching.threshold)),
            impostors: matching.impostors.as_ref().map(Impostors::tail),
        })
    }

    /// The file of `role`; the checks of a card see to it that its decoder's roles are there.
    pub(crate) fn file(&self, role: &str) -> Option<&NetFile> {
        self.files.iter().find(|file| file.role == role)
    }
}
