//! What is measured of one frame against a person's own neutral face.

use crate::face::{Landmarks68, Point};

/// The points that the affine map is fitted on: corners of the eyes and of the mouth (iBUG numbers).
const CORNERS: [usize; 6] = [36, 39, 42, 45, 48, 54];
/// The tip of the nose.
const NOSE_TIP: usize = 30;
/// A neutral face whose turn differs by more than this between its frames was not held still. The
/// landmarks of a still face differ by 0.04 from frame to frame at most in the clip that was measured.
const STILL: f32 = 0.1;
/// An eye less open than this, height over width, is closed or screwed up: of 300 faces the median is
/// 0.26, and those whose eyes are narrowed to a line by eye have 0.11 to 0.14.
const LEAST_OPENING: f32 = 0.14;

/// One frame's face against the neutral one. A flat picture keeps the first two however it is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// How far the tip of the nose moved against the corners of eyes and mouth, along the line of the
    /// eyes, in distances of the eyes; positive towards the right of the picture, the person's left.
    ///
    /// Of photographs shown flat and turned by up to 40 degrees about either axis or by 30 about both,
    /// at most 0.15, and nearly always under 0.1; a head turned by 25 degrees has about 0.25.
    pub turn: f32,
    /// How open the eyes are against the neutral face, 1 where they are as open.
    pub opening: f32,
    /// How much the face is squeezed in one direction against the other, at least 1: 1.15 for a
    /// flat picture turned by 30 degrees.
    pub squeeze: f32,
}

/// A person's own face, looking ahead with open eyes.
#[derive(Debug, Clone, PartialEq)]
pub struct Neutral {
    landmarks: Landmarks68,
    opening: f32,
    eyes: Point,
}

impl Neutral {
    /// From the landmarks of frames that follow each other; the middle one stands for all. None
    /// where the head moved in them, the eyes were closed, or points coincide.
    pub fn of(frames: &[&Landmarks68]) -> Option<Self> {
        let middle = (*frames.get(frames.len() / 2)?).clone();
        let five = middle.five_points();
        let eyes = Point::new(five.right_eye.x - five.left_eye.x, five.right_eye.y - five.left_eye.y);
        let mut neutral = Self { landmarks: middle, opening: 1.0, eyes };
        let measured: Vec<Measures> =
            frames.iter().map(|frame| neutral.measure(frame)).collect::<Option<_>>()?;
        if measured.iter().any(|measures| measures.turn.abs() > STILL) {
            return None;
        }
        let mut openings: Vec<f32> = measured.iter().map(|measures| measures.opening).collect();
        openings.sort_by(f32::total_cmp);
        // The median: one blink among the frames changes nothing.
        neutral.opening = openings[openings.len() / 2];
        (neutral.opening >= LEAST_OPENING).then_some(neutral)
    }

    /// The measures of one frame; none where its points coincide or are not finite.
    pub fn measure(&self, landmarks: &Landmarks68) -> Option<Measures> {
        let map = Affine::fit(&CORNERS.map(|i| landmarks.0[i]), &CORNERS.map(|i| self.landmarks.0[i]))?;
        let mapped = Landmarks68(landmarks.0.map(|point| map.apply(point)));
        let (tip, own) = (mapped.0[NOSE_TIP], self.landmarks.0[NOSE_TIP]);
        let square = self.eyes.x * self.eyes.x + self.eyes.y * self.eyes.y;
        let turn = ((tip.x - own.x) * self.eyes.x + (tip.y - own.y) * self.eyes.y) / square;
        let measures =
            Measures { turn, opening: opening_of(&mapped)? / self.opening, squeeze: map.squeeze()? };
        [measures.turn, measures.opening, measures.squeeze].iter().all(|v| v.is_finite()).then_some(measures)
    }
}

/// How open the eyes are, height over width, the mean of both (eye aspect ratio: Soukupová and Čech,
/// "Real-Time Eye Blink Detection using Facial Landmarks", 2016). None where the corners coincide.
pub fn opening_of(landmarks: &Landmarks68) -> Option<f32> {
    let distance = |a: usize, b: usize| landmarks.0[a].distance(landmarks.0[b]);
    let eye = |first: usize| {
        let height = distance(first + 1, first + 5) + distance(first + 2, first + 4);
        height / (2.0 * distance(first, first + 3))
    };
    Some((eye(36) + eye(42)) / 2.0).filter(|opening| opening.is_finite())
}

/// How far the tip of the nose lies beside the middle of the eyes, along their line, in their
/// distance; positive towards the right of the picture. None where the eyes coincide.
pub fn side_of(landmarks: &Landmarks68) -> Option<f32> {
    let five = landmarks.five_points();
    let (dx, dy) = (five.right_eye.x - five.left_eye.x, five.right_eye.y - five.left_eye.y);
    let middle = Point::mean(&[five.left_eye, five.right_eye]);
    let along = (five.nose.x - middle.x) * dx + (five.nose.y - middle.y) * dy;
    Some(along / (dx * dx + dy * dy)).filter(|side| side.is_finite())
}

/// `x' = a x + b y + tx`, `y' = c x + d y + ty`.
#[derive(Debug, Clone, Copy)]
struct Affine {
    linear: [f32; 4],
    from: Point,
    to: Point,
}

impl Affine {
    /// The map that brings `from` nearest to `to` in the sense of least squares; none where `from` lies
    /// on a line.
    fn fit(from: &[Point], to: &[Point]) -> Option<Self> {
        let (from_mean, to_mean) = (Point::mean(from), Point::mean(to));
        let (mut xx, mut xy, mut yy) = (0.0f64, 0.0f64, 0.0f64);
        let mut cross = [0.0f64; 4];
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p.x - from_mean.x), f64::from(p.y - from_mean.y));
            let (qx, qy) = (f64::from(q.x - to_mean.x), f64::from(q.y - to_mean.y));
            (xx, xy, yy) = (xx + px * px, xy + px * py, yy + py * py);
            for (sum, product) in cross.iter_mut().zip([qx * px, qx * py, qy * px, qy * py]) {
                *sum += product;
            }
        }
        let determinant = xx * yy - xy * xy;
        // Relative to the spread, so that the size of the face does not matter; NaN fails too.
        let is_spread = determinant > 1e-6 * (xx + yy) * (xx + yy);
        if !is_spread {
            return None;
        }
        let row = |x: f64, y: f64| {
            [((x * yy - y * xy) / determinant) as f32, ((y * xx - x * xy) / determinant) as f32]
        };
        let ([a, b], [c, d]) = (row(cross[0], cross[1]), row(cross[2], cross[3]));
        Some(Self { linear: [a, b, c, d], from: from_mean, to: to_mean })
    }

    fn apply(&self, point: Point) -> Point {
        let [a, b, c, d] = self.linear;
        let (x, y) = (point.x - self.from.x, point.y - self.from.y);
        Point::new(a * x + b * y + self.to.x, c * x + d * y + self.to.y)
    }

    /// The ratio of its singular values, at least 1; none where it flattens.
    fn squeeze(&self) -> Option<f32> {
        let [a, b, c, d] = self.linear;
        let sum = (a + d).hypot(b - c);
        let difference = (a - d).hypot(b + c);
        Some((sum + difference) / (sum - difference).abs()).filter(|ratio| ratio.is_finite())
    }
}
