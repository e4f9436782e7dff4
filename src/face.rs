//! A face in a picture: where it is, how it is laid on the net's template, and the embedding that
//! stands for it. Pure arithmetic; pictures and nets live elsewhere.

pub mod alignment;
pub mod challenge;
pub mod crop;
pub mod embedding;
pub mod geometry;
pub mod liveness;
mod picture_policy;
pub mod pose;
pub mod quality;

pub use alignment::{AlignmentTemplate, FivePoints, Landmarks68};
pub use crop::EncodedCrop;
pub use embedding::{Embedding, EmbeddingSpace, Metric, Similarity, Template, TemplateId};
pub use geometry::{Point, Rect, SimilarityTransform};
pub use liveness::{Liveness, LivenessMode};
pub use picture_policy::PicturePolicy;
pub use quality::{Finding, HeadPose, Measure, Quality, QualityLimits, QualityScore};

use serde::{Deserialize, Serialize};

/// One face box as a detector reports it, in pixels of the picture it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The box as the detector decoded it; it may reach past the picture's border.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// The five points, where the detector reports them itself (MTCNN does, RFB does not).
    pub points: Option<FivePoints>,
}

impl Detection {
    /// The same face in a picture whose corner lies `x` to the left and `y` above.
    pub fn shifted(self, x: f32, y: f32) -> Self {
        let points = self.points.map(|points| points.map(|p| Point::new(p.x + x, p.y + y)));
        let bounds = Rect { x: self.bounds.x + x, y: self.bounds.y + y, ..self.bounds };
        Self { bounds, points, ..self }
    }
}

/// Everything the pipeline learned about one face of one picture: the probe of an identification.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The face box in pixels of the picture.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub detection_score: f32,
    /// The five points the face was aligned by, in pixels of the picture.
    pub points: FivePoints,
    /// All 68 landmarks, where the pack has a net for them.
    pub landmarks: Option<Box<Landmarks68>>,
    /// How good the picture of this face is.
    pub quality: Quality,
    /// The normalised embedding of the aligned face.
    pub embedding: Embedding,
    /// What the presentation-attack net says; shown, and decides nothing by itself.
    pub liveness: Liveness,
}
