//! Points, boxes and similarity transforms in picture coordinates: x to the right, y down, pixels.

use serde::{Deserialize, Serialize};

/// A point in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The point at `x`, `y`.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The mean of `points`; the origin where there are none.
    pub fn mean<'a>(points: impl IntoIterator<Item = &'a Point>) -> Self {
        let (mut x, mut y, mut count) = (0.0, 0.0, 0.0f32);
        for point in points {
            (x, y, count) = (x + point.x, y + point.y, count + 1.0);
        }
        if count == 0.0 { Self::default() } else { Self::new(x / count, y / count) }
    }

    /// The Euclidean distance to `other`, in pixels.
    pub fn distance(self, other: Point) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// An axis-aligned box in pixels: the corner with the smallest x and y, and the extent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Extent to the right; not negative.
    pub width: f32,
    /// Extent downwards; not negative.
    pub height: f32,
}

impl Rect {
    /// The box with its corner at `x`, `y`.
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    /// The box between two corners; extents that would be negative are zero.
    pub fn from_corners(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self::new(x1, y1, (x2 - x1).max(0.0), (y2 - y1).max(0.0))
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// The centre.
    pub fn center(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The area in square pixels.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The longer side.
    pub fn longer_side(&self) -> f32 {
        self.width.max(self.height)
    }

    /// The area shared with `other`.
    pub fn intersection_area(&self, other: &Rect) -> f32 {
        let width = self.right().min(other.right()) - self.x.max(other.x);
        let height = self.bottom().min(other.bottom()) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, 0 to 1; 0 where both are empty.
    pub fn iou(&self, other: &Rect) -> f32 {
        let shared = self.intersection_area(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The square about the same centre whose side is `factor` times the longer side.
    pub fn square(&self, factor: f32) -> Rect {
        let side = self.longer_side() * factor;
        let center = self.center();
        Rect::new(center.x - side / 2.0, center.y - side / 2.0, side, side)
    }

    /// The part of the box inside a picture of `width` by `height` pixels.
    pub fn clamped(&self, width: f32, height: f32) -> Rect {
        Rect::from_corners(
            self.x.clamp(0.0, width),
            self.y.clamp(0.0, height),
            self.right().clamp(0.0, width),
            self.bottom().clamp(0.0, height),
        )
    }

    /// The box with its left, top, right and bottom edge moved by so many of its own widths and heights;
    /// extents that would be negative are zero.
    pub fn with_edges_moved(&self, [left, top, right, bottom]: [f32; 4]) -> Rect {
        Rect::from_corners(
            self.x + left * self.width,
            self.y + top * self.height,
            self.right() + right * self.width,
            self.bottom() + bottom * self.height,
        )
    }

    /// The box with every coordinate multiplied by `x_factor` and `y_factor`.
    pub fn scaled(&self, x_factor: f32, y_factor: f32) -> Rect {
        Rect::new(self.x * x_factor, self.y * y_factor, self.width * x_factor, self.height * y_factor)
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        [self.x, self.y, self.width, self.height].iter().all(|v| v.is_finite())
    }
}

/// A rotation, one scale and a translation: `x' = a*x - b*y + tx`, `y' = b*x + a*y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarityTransform {
    /// Scale times the cosine of the angle.
    pub a: f32,
    /// Scale times the sine of the angle.
    pub b: f32,
    /// Translation to the right.
    pub tx: f32,
    /// Translation downwards.
    pub ty: f32,
}

impl SimilarityTransform {
    /// The transform without reflection that brings `from` nearest to `to` in the sense of least
    /// squares: Umeyama, "Least-squares estimation of transformation parameters between two point
    /// patterns", IEEE PAMI 13(4), 1991; in two dimensions it has this closed form.
    ///
    /// `None` where the points of `from` coincide or a coordinate is not finite.
    pub fn estimate(from: &[Point], to: &[Point]) -> Option<Self> {
        if from.len() != to.len() || from.len() < 2 {
            return None;
        }
        let (from_mean, to_mean) = (Point::mean(from), Point::mean(to));
        let (mut dot, mut cross, mut spread) = (0.0f64, 0.0f64, 0.0f64);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p.x - from_mean.x), f64::from(p.y - from_mean.y));
            let (qx, qy) = (f64::from(q.x - to_mean.x), f64::from(q.y - to_mean.y));
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        if spread <= f64::EPSILON || !(dot.is_finite() && cross.is_finite() && spread.is_finite()) {
            return None;
        }
        let (a, b) = ((dot / spread) as f32, (cross / spread) as f32);
        if a == 0.0 && b == 0.0 {
            return None;
        }
        Some(Self {
            a,
            b,
            tx: to_mean.x - (a * from_mean.x - b * from_mean.y),
            ty: to_mean.y - (b * from_mean.x + a * from_mean.y),
        })
    }

    /// Where `point` lands.
    pub fn apply(&self, point: Point) -> Point {
        Point::new(
            self.a * point.x - self.b * point.y + self.tx,
            self.b * point.x + self.a * point.y + self.ty,
        )
    }

    /// The transform that undoes this one. The scale of an estimated transform is never zero.
    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }

    /// How many target pixels one source pixel becomes.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn iou_of_halves() {
        let left = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(left.iou(&left), 1.0);
        assert_eq!(left.iou(&Rect::new(20.0, 0.0, 5.0, 5.0)), 0.0);
        assert!((left.iou(&Rect::new(5.0, 0.0, 10.0, 10.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(Rect::default().iou(&Rect::default()), 0.0);
    }

    #[test]
    fn coincident_points_have_no_transform() {
        let same = [Point::new(3.0, 3.0); 5];
        assert!(SimilarityTransform::estimate(&same, &same).is_none());
    }

    proptest! {
        #[test]
        fn estimate_recovers_a_similarity(
            angle in -3.0f32..3.0, scale in 0.1f32..8.0, tx in -500.0f32..500.0, ty in -500.0f32..500.0,
        ) {
            let truth = SimilarityTransform { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
            let from = [
                Point::new(30.0, 50.0), Point::new(70.0, 52.0), Point::new(50.0, 70.0),
                Point::new(36.0, 92.0), Point::new(66.0, 91.0),
            ];
            let to = from.map(|p| truth.apply(p));
            let found = SimilarityTransform::estimate(&from, &to).unwrap();
            for p in from {
                prop_assert!(found.apply(p).distance(truth.apply(p)) < 0.05);
                prop_assert!(found.inverse().apply(found.apply(p)).distance(p) < 0.05);
            }
        }
    }
}
