//! Where a head points and how far its eyes are open, from the 68 landmarks.
//!
//! The pose is a least-squares fit of a rigid model under scaled orthography (the POS step of
//! DeMenthon and Davis, "Model-based object pose in 25 lines of code", IJCV 15, 1995): a face is far
//! enough from a camera, and its landmarks are rough enough, that perspective adds nothing to it.

use super::{HeadPose, Landmarks68, Point};

/// Points of a face that move little with the expression: the index among the 68 landmarks, and the
/// place in centimetres, x to the right of the picture, y down, z towards the camera.
///
/// From the anthropometric model of P. Martins and J. Batista (ISR Coimbra,
/// `glAnthropometric3DModel`), made symmetric as it is, without its lower lip and chin, which
/// move when somebody speaks.
const MODEL: [(usize, [f32; 3]); 12] = [
    (17, [-6.825_897, -6.760_612, 4.402_142]),
    (21, [-1.330_353, -7.122_144, 6.903_745]),
    (22, [1.330_353, -7.122_144, 6.903_745]),
    (26, [6.825_897, -6.760_612, 4.402_142]),
    (36, [-5.311_432, -5.485_328, 3.987_654]),
    (39, [-1.789_93, -5.393_625, 4.413_414]),
    (42, [1.789_93, -5.393_625, 4.413_414]),
    (45, [5.311_432, -5.485_328, 3.987_654]),
    (31, [-2.005_628, -1.409_845, 6.165_652]),
    (35, [2.005_628, -1.409_845, 6.165_652]),
    (48, [-2.774_015, 2.080_775, 5.048_531]),
    (54, [2.774_015, 2.080_775, 5.048_531]),
];

impl HeadPose {
    /// The pose of the head that `landmarks` lie on; `None` where they coincide or are no numbers.
    pub fn of(landmarks: &Landmarks68) -> Option<Self> {
        let (across, down) = fit(landmarks)?;
        let (first, second) = orthonormal(across, down)?;
        // The ear axis and the line of sight, as they lie in the picture.
        let (ears, sight) = ((first[0], second[0]), (first[2], second[2]));
        let roll = ears.1.atan2(ears.0);
        let (sin, cos) = roll.sin_cos();
        let right = sight.0 * cos + sight.1 * sin;
        let below = sight.1 * cos - sight.0 * sin;
        let towards = (1.0 - right * right - below * below).max(0.0).sqrt();
        let pose = Self {
            yaw_degrees: right.atan2(towards).to_degrees(),
            pitch_degrees: (-below).clamp(-1.0, 1.0).asin().to_degrees(),
            roll_degrees: roll.to_degrees(),
        };
        [pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees]
            .iter()
            .all(|angle| angle.is_finite())
            .then_some(pose)
    }
}

/// The two rows of the affine map from the model to the picture that fits best.
fn fit(landmarks: &Landmarks68) -> Option<([f32; 3], [f32; 3])> {
    let count = MODEL.len() as f32;
    let mut middle = [0.0; 3];
    for (_, place) in MODEL {
        (0..3).for_each(|axis| middle[axis] += place[axis] / count);
    }
    let seen = || MODEL.iter().map(|(index, _)| &landmarks.0[*index]);
    let centre = Point::mean(seen());
    let (mut normal, mut across, mut down) = ([[0.0; 3]; 3], [0.0; 3], [0.0; 3]);
    for ((_, place), point) in MODEL.iter().zip(seen()) {
        for row in 0..3 {
            let value = place[row] - middle[row];
            across[row] += value * (point.x - centre.x);
            down[row] += value * (point.y - centre.y);
            (0..3).for_each(|column| normal[row][column] += value * (place[column] - middle[column]));
        }
    }
    Some((solve(normal, across)?, solve(normal, down)?))
}

/// Solves three equations by Cramer's rule.
fn solve(m: [[f32; 3]; 3], right: [f32; 3]) -> Option<[f32; 3]> {
    let determinant = |m: &[[f32; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let whole = determinant(&m);
    let solved = [0, 1, 2].map(|column| {
        let mut changed = m;
        (0..3).for_each(|row| changed[row][column] = right[row]);
        determinant(&changed) / whole
    });
    solved.iter().all(|value| value.is_finite()).then_some(solved)
}

/// The two directions of length 1 at a right angle that lie nearest to `a` and `b`: what is missing
/// to the right angle is shared between them.
fn orthonormal(a: [f32; 3], b: [f32; 3]) -> Option<([f32; 3], [f32; 3])> {
    let unit = |v: [f32; 3]| {
        let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        (length.is_finite() && length > f32::EPSILON).then(|| v.map(|x| x / length))
    };
    let (a, b) = (unit(a)?, unit(b)?);
    // The sum and the difference of two unit vectors are at a right angle to each other.
    let sum = unit([0, 1, 2].map(|i| a[i] + b[i]))?;
    let difference = unit([0, 1, 2].map(|i| a[i] - b[i]))?;
    let half = std::f32::consts::FRAC_1_SQRT_2;
    Some((
        [0, 1, 2].map(|i| half * (sum[i] + difference[i])),
        [0, 1, 2].map(|i| half * (sum[i] - difference[i])),
    ))
}

/// How far the less open eye is open: the mean of its two heights over its width (the eye aspect
/// ratio of Soukupová and Čech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016).
/// `None` where the corners of an eye coincide or a point is no number.
pub fn eye_opening(landmarks: &Landmarks68) -> Option<f32> {
    let ratio = |first: usize| {
        let p = |offset: usize| landmarks.0[first + offset];
        let height = p(1).distance(p(5)) + p(2).distance(p(4));
        let ratio = height / (2.0 * p(0).distance(p(3)));
        ratio.is_finite().then_some(ratio)
    };
    Some(ratio(36)?.min(ratio(42)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The model turned by `pose` and seen from afar, `scale` pixels to the centimetre: first the
    /// pitch about the ear axis, then the yaw, then the roll in the plane of the picture.
    fn projected(pose: HeadPose, scale: f32, at: Point) -> Landmarks68 {
        let (sy, cy) = pose.yaw_degrees.to_radians().sin_cos();
        let (sp, cp) = pose.pitch_degrees.to_radians().sin_cos();
        let (sr, cr) = pose.roll_degrees.to_radians().sin_cos();
        let mut points = [at; 68];
        for (index, [x, y, z]) in MODEL {
            let (y, z) = (y * cp - z * sp, y * sp + z * cp);
            let x = x * cy + z * sy;
            points[index] = Point::new(at.x + scale * (x * cr - y * sr), at.y + scale * (x * sr + y * cr));
        }
        Landmarks68(points)
    }

    proptest! {
        #[test]
        fn known_angles_are_recovered(
            yaw in -60.0f32..60.0, pitch in -45.0f32..45.0, roll in -80.0f32..80.0,
            scale in 1.0f32..40.0, x in -500.0f32..2000.0, y in -500.0f32..2000.0,
        ) {
            let truth = HeadPose { yaw_degrees: yaw, pitch_degrees: pitch, roll_degrees: roll };
            let found = HeadPose::of(&projected(truth, scale, Point::new(x, y))).unwrap();
            prop_assert!((found.yaw_degrees - yaw).abs() < 0.5, "{found:?}");
            prop_assert!((found.pitch_degrees - pitch).abs() < 0.5, "{found:?}");
            prop_assert!((found.roll_degrees - roll).abs() < 0.5, "{found:?}");
        }

        /// A pixel of noise on a face of 64 pixels between the outer corners of the eyes.
        #[test]
        fn noise_moves_the_angles_by_a_few_degrees(
            yaw in -30.0f32..30.0, pitch in -20.0f32..20.0,
            noise in proptest::collection::vec((-1.0f32..1.0, -1.0f32..1.0), 68),
        ) {
            let truth = HeadPose { yaw_degrees: yaw, pitch_degrees: pitch, roll_degrees: 0.0 };
            let mut landmarks = projected(truth, 6.0, Point::default());
            for (point, (x, y)) in landmarks.0.iter_mut().zip(noise) {
                *point = Point::new(point.x + x, point.y + y);
            }
            let found = HeadPose::of(&landmarks).unwrap();
            prop_assert!((found.yaw_degrees - yaw).abs() < 12.0, "{found:?}");
            prop_assert!((found.pitch_degrees - pitch).abs() < 12.0, "{found:?}");
            prop_assert!(found.roll_degrees.abs() < 5.0, "{found:?}");
        }
    }

    #[test]
    fn points_that_say_nothing_have_no_pose_and_no_eyes() {
        for points in [[Point::default(); 68], [Point::new(f32::NAN, 1.0); 68]] {
            assert_eq!(HeadPose::of(&Landmarks68(points)), None);
            assert_eq!(eye_opening(&Landmarks68(points)), None);
        }
        let line: Vec<Point> = (0..68).map(|i| Point::new(i as f32, 0.0)).collect();
        assert_eq!(HeadPose::of(&Landmarks68(line.try_into().unwrap())), None);
    }

    #[test]
    fn an_eye_is_measured_by_its_height_over_its_width_and_the_less_open_counts() {
        let mut points = [Point::default(); 68];
        for (first, x, height) in [(36, 0.0, 3.0), (42, 30.0, 1.0)] {
            let eye = [(0.0, 0.0), (3.0, -1.0), (7.0, -1.0), (10.0, 0.0), (7.0, 1.0), (3.0, 1.0)];
            for (offset, (dx, dy)) in eye.into_iter().enumerate() {
                points[first + offset] = Point::new(x + dx, dy * height / 2.0);
            }
        }
        assert!((eye_opening(&Landmarks68(points)).unwrap() - 0.1).abs() < 1e-6);
    }
}
