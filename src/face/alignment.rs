//! The five points of a face and the template an embedding net wants them at.

use serde::{Deserialize, Serialize};

use super::geometry::{Point, SimilarityTransform};

/// Eyes, nose and mouth corners in pixels; left and right as seen in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FivePoints {
    /// Centre of the eye at the left of the picture.
    pub left_eye: Point,
    /// Centre of the eye at the right of the picture.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth at the left of the picture.
    pub left_mouth: Point,
    /// Corner of the mouth at the right of the picture.
    pub right_mouth: Point,
}

impl FivePoints {
    /// From eyes, nose and mouth corners in that order.
    pub const fn from_array([left_eye, right_eye, nose, left_mouth, right_mouth]: [Point; 5]) -> Self {
        Self { left_eye, right_eye, nose, left_mouth, right_mouth }
    }

    /// Eyes, nose and mouth corners in that order.
    pub const fn to_array(self) -> [Point; 5] {
        [self.left_eye, self.right_eye, self.nose, self.left_mouth, self.right_mouth]
    }

    /// The distance between the eyes in pixels.
    pub fn inter_eye_distance(&self) -> f32 {
        self.left_eye.distance(self.right_eye)
    }

    /// Every point through `f`.
    pub fn map(self, f: impl FnMut(Point) -> Point) -> Self {
        Self::from_array(self.to_array().map(f))
    }
}

/// The 68 landmarks in the order of the iBUG 300-W annotation, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmarks68(pub [Point; 68]);

impl Landmarks68 {
    /// The five points that alignment uses. An eye is the mean of its four lid points, a mouth
    /// corner the mean of its outer and inner one (models/landmarks-68.toml names the source).
    pub fn five_points(&self) -> FivePoints {
        let mean = |indices: &[usize]| Point::mean(indices.iter().map(|&index| &self.0[index]));
        FivePoints {
            left_eye: mean(&[37, 38, 40, 41]),
            right_eye: mean(&[43, 44, 46, 47]),
            nose: self.0[30],
            left_mouth: mean(&[48, 60]),
            right_mouth: mean(&[54, 64]),
        }
    }
}

/// Where an embedding net wants the five points in its square input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlignmentTemplate {
    /// Side of the aligned square in pixels.
    pub side: u32,
    /// The five points in that square.
    pub points: FivePoints,
}

impl AlignmentTemplate {
    /// The transform from picture to template for a face with `points`; `None` for points that
    /// coincide or are not finite.
    pub fn template_from_image(&self, points: &FivePoints) -> Option<SimilarityTransform> {
        SimilarityTransform::estimate(&points.to_array(), &self.points.to_array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_points_come_from_the_stated_landmarks() {
        let mut all = [Point::default(); 68];
        for (i, p) in all.iter_mut().enumerate() {
            *p = Point::new(i as f32, 2.0 * i as f32);
        }
        let five = Landmarks68(all).five_points();
        assert_eq!(five.left_eye, Point::new(39.0, 78.0));
        assert_eq!(five.right_eye, Point::new(45.0, 90.0));
        assert_eq!(five.nose, Point::new(30.0, 60.0));
        assert_eq!(five.left_mouth, Point::new(54.0, 108.0));
        assert_eq!(five.right_mouth, Point::new(59.0, 118.0));
    }
}
