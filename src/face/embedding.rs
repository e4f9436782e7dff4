//! Embeddings, the space they live in, and how alike two of them are.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::PersonId;

/// A unit vector that stands for a face. `Debug` prints no values.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedding(Vec<f32>);

/// A net's raw output that cannot be an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// A value is NaN or infinite.
    #[error("the embedding has a value that is not a finite number")]
    NotFinite,
    /// All values are zero, so it has no direction.
    #[error("the embedding is all zeros")]
    Zero,
}

impl Embedding {
    /// `raw` scaled to length 1.
    ///
    /// # Errors
    /// [`EmbeddingError`] where a value is not finite or the length is zero.
    pub fn normalised(mut raw: Vec<f32>) -> Result<Self, EmbeddingError> {
        let square: f64 = raw.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        if !square.is_finite() {
            return Err(EmbeddingError::NotFinite);
        }
        let norm = square.sqrt();
        if norm <= f64::from(f32::MIN_POSITIVE) {
            return Err(EmbeddingError::Zero);
        }
        for value in &mut raw {
            *value = (f64::from(*value) / norm) as f32;
        }
        Ok(Self(raw))
    }

    /// An embedding that was kept: `values` are of length 1 together already, and stay as they are.
    ///
    /// # Errors
    /// [`EmbeddingError::NotFinite`]
    pub fn kept(values: Vec<f32>) -> Result<Self, EmbeddingError> {
        if values.iter().all(|value| value.is_finite()) {
            Ok(Self(values))
        } else {
            Err(EmbeddingError::NotFinite)
        }
    }

    /// The values, of length 1 together.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// How many values there are.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({}-D)", self.0.len())
    }
}

/// A digest of everything that gives an embedding its meaning: the net's SHA-256, its input size,
/// channel order, mean and scale, the alignment template and the normalisation. Templates of two
/// spaces are never compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EmbeddingSpace(pub [u8; 32]);

impl fmt::Display for EmbeddingSpace {
    /// The first eight bytes in hexadecimal: enough to tell the spaces of one site apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EmbeddingSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbeddingSpace({self})")
    }
}

/// How alike two faces are; higher is more alike, whatever the metric.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Similarity(pub f32);

/// The measure a card's thresholds were calibrated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of the angle between the embeddings, -1 to 1; it is the similarity itself.
    Cosine,
    /// The Euclidean distance `d` between the unit vectors, 0 to 2, given as the similarity
    /// `1 - d*d/2`, which for unit vectors is their cosine: the order of candidates is the same,
    /// and a threshold on the distance has exactly one on the similarity.
    Euclidean,
}

impl Metric {
    /// The similarity that stands for a `value` in this metric, as a card or a user writes it.
    pub fn similarity(self, value: f32) -> Similarity {
        match self {
            Self::Cosine => Similarity(value),
            Self::Euclidean => Similarity(1.0 - value * value / 2.0),
        }
    }

    /// The value in this metric that `similarity` stands for.
    pub fn value(self, similarity: Similarity) -> f32 {
        match self {
            Self::Cosine => similarity.0,
            Self::Euclidean => (2.0 * (1.0 - similarity.0)).max(0.0).sqrt(),
        }
    }
}

/// The inner product of two vectors of one length; of unit vectors, their cosine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 32;
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    // Separate accumulators let the compiler keep the sum in vector registers.
    let mut lanes = [0.0f32; LANES];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Names one template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateId(pub Ulid);

/// An embedding kept for a person, with the space it lives in. `Debug` prints no values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Names the template.
    pub id: TemplateId,
    /// Whose it is.
    pub person: PersonId,
    /// The space the embedding lives in.
    pub space: EmbeddingSpace,
    /// The embedding.
    pub embedding: Embedding,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalising_gives_length_one_and_refuses_nonsense() {
        let unit = Embedding::normalised(vec![3.0, 4.0]).unwrap();
        assert_eq!(unit.as_slice(), [0.6, 0.8]);
        assert_eq!(Embedding::normalised(vec![0.0; 4]), Err(EmbeddingError::Zero));
        assert_eq!(Embedding::normalised(vec![1.0, f32::NAN]), Err(EmbeddingError::NotFinite));
    }

    #[test]
    fn debug_shows_no_value() {
        let unit = Embedding::normalised(vec![3.0, 4.0]).unwrap();
        assert_eq!(format!("{unit:?}"), "Embedding(2-D)");
    }

    #[test]
    fn euclidean_threshold_maps_to_a_similarity_and_back() {
        let similarity = Metric::Euclidean.similarity(0.7);
        assert!((similarity.0 - 0.755).abs() < 1e-6);
        assert!((Metric::Euclidean.value(similarity) - 0.7).abs() < 1e-6);
        // A larger distance is less alike.
        assert!(Metric::Euclidean.similarity(0.9) < similarity);
    }

    #[test]
    fn dot_agrees_with_the_plain_sum() {
        let a: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let b: Vec<f32> = (0..100).map(|i| (i as f32).cos()).collect();
        let plain: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
        assert!((dot(&a, &b) - plain).abs() < 1e-4);
    }
}
