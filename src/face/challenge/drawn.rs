//! A head and a flat picture of it, as a pinhole camera sees them: landmarks for tests.

use crate::face::{Landmarks68, Point};

/// How a head is held: degrees, and how open the eyes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub(crate) yaw: f32,
    pub(crate) pitch: f32,
    pub(crate) roll: f32,
    pub(crate) eyes: f32,
}

pub(crate) const AHEAD: Pose = Pose { yaw: 0.0, pitch: 0.0, roll: 0.0, eyes: 1.0 };

/// The points that are measured, in centimetres: x to the right of the picture, y down, z towards
/// the camera. Breadths and depths of an adult's face, rounded; the others lie on an oval.
fn head(eyes: f32) -> [[f32; 3]; 68] {
    let mut points = [[0.0; 3]; 68];
    for (i, point) in points.iter_mut().enumerate() {
        let angle = i as f32 / 68.0 * std::f32::consts::TAU;
        *point = [7.0 * angle.cos(), 3.0 + 9.0 * angle.sin(), -5.0];
    }
    for (first, center) in [(36, -3.1f32), (42, 3.1)] {
        // Outer corners lie further back than inner ones.
        let corner = |side: f32| [center + side, 0.0, if side * center > 0.0 { -1.4 } else { -0.2 }];
        let lid = |side: f32, up: f32| [center + side, up * 0.38 * eyes, -0.5];
        points[first] = corner(-1.5);
        points[first + 1] = lid(-0.5, -1.0);
        points[first + 2] = lid(0.5, -1.0);
        points[first + 3] = corner(1.5);
        points[first + 4] = lid(0.5, 1.0);
        points[first + 5] = lid(-0.5, 1.0);
    }
    points[30] = [0.0, 4.2, 3.0];
    (points[48], points[54], points[60], points[64]) =
        ([-2.5, 7.0, 0.2], [2.5, 7.0, 0.2], [-2.0, 7.0, 0.4], [2.0, 7.0, 0.4]);
    points
}

fn turned([x, y, z]: [f32; 3], pose: Pose) -> [f32; 3] {
    let (sin, cos) = pose.yaw.to_radians().sin_cos();
    let (x, z) = (x * cos + z * sin, z * cos - x * sin);
    let (sin, cos) = pose.pitch.to_radians().sin_cos();
    let (y, z) = (y * cos - z * sin, z * cos + y * sin);
    let (sin, cos) = pose.roll.to_radians().sin_cos();
    [x * cos - y * sin, x * sin + y * cos, z]
}

/// As a camera `distance` centimetres away sees it.
fn seen(points: [[f32; 3]; 68], pose: Pose, distance: f32) -> Landmarks68 {
    Landmarks68(points.map(|point| {
        let [x, y, z] = turned(point, pose);
        let scale = 600.0 / (distance - z);
        Point::new(320.0 + x * scale, 240.0 + y * scale)
    }))
}

pub(crate) fn of_head(pose: Pose) -> Landmarks68 {
    seen(head(pose.eyes), pose, 50.0)
}

/// A photograph of the head looking ahead, held at `pose`; its eyes are as they are on it.
pub(crate) fn of_photograph(pose: Pose) -> Landmarks68 {
    let flat = seen(head(1.0), AHEAD, 50.0).0.map(|p| [(p.x - 320.0) / 12.0, (p.y - 240.0) / 12.0, 0.0]);
    seen(flat, pose, 50.0)
}
