//! Simulated re-captures: a photograph shown on a drawn phone or as a drawn print, seen by a drawn
//! camera. They are not real attacks and their figures stand for none; they say only that the path
//! from a picture to a verdict works in both directions.

use muster::capture::RgbPicture;
use muster::face::Rect;

/// What the photograph is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A bright screen with a dark bezel, a moiré and a steeper gamma.
    Screen,
    /// Paper with a white border, less contrast and colour, and a raster.
    Print,
}

impl Medium {
    pub const ALL: [Self; 2] = [Self::Screen, Self::Print];
}

/// The size of the drawn camera's pictures.
const SCENE: (u32, u32) = (640, 480);
/// Width of the face in them, in pixels.
const FACE: f32 = 95.0;
/// How much of the photograph is shown, in face boxes: less than the liveness crop, so that it sees
/// the edge, as it does with a phone in the hand.
const SHOWN: (f32, f32) = (2.0, 2.2);
/// The bezel or border in pixels of the scene.
const EDGE: f32 = 14.0;
/// Focal length of the drawn camera in pixels: a view of 64 degrees.
const FOCAL: f32 = 512.0;

/// The photograph's face in `bounds`, shown on `medium`, turned by `yaw_degrees` about the vertical.
pub fn recapture(photograph: &RgbPicture, bounds: &Rect, medium: Medium, yaw_degrees: f32) -> RgbPicture {
    let (width, height) = SCENE;
    let scale = FACE / bounds.width;
    let center = bounds.center();
    let half = (SHOWN.0 * FACE / 2.0, SHOWN.1 * bounds.height * scale / 2.0);
    let (sin, cos) = yaw_degrees.to_radians().sin_cos();
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            // Where the ray of this pixel meets the plane of the photograph, in pixels of the scene.
            let (u, v) = ((x as f32 - width as f32 / 2.0) / FOCAL, (y as f32 - height as f32 / 2.0) / FOCAL);
            let a = u * FOCAL / (cos + u * sin);
            let b = v * (FOCAL - a * sin);
            let inside = a.abs() <= half.0 && b.abs() <= half.1;
            let on_edge = a.abs() <= half.0 + EDGE && b.abs() <= half.1 + EDGE;
            let colour = if inside {
                shown(
                    sample(photograph, center.x + a / scale, center.y + b / scale, 1.0 / scale),
                    medium,
                    a,
                    b,
                )
            } else if on_edge {
                match medium {
                    Medium::Screen => [16.0, 16.0, 18.0],
                    Medium::Print => [232.0, 230.0, 224.0],
                }
            } else {
                background(x, y)
            };
            data.extend(colour.map(|value| value.clamp(0.0, 255.0) as u8));
        }
    }
    RgbPicture::new(width, height, data).expect("as many bytes as pixels")
}

/// The mean of 3 by 3 points `step` apart about a point: the blur of a second lens.
fn sample(picture: &RgbPicture, x: f32, y: f32, step: f32) -> [f32; 3] {
    let mut sum = [0.0f32; 3];
    for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx as f32, dy as f32))) {
        let at = |v: f32, limit: u32| (v.max(0.0) as u32).min(limit - 1);
        let pixel = picture.pixel(at(x + dx * step, picture.width()), at(y + dy * step, picture.height()));
        for (total, value) in sum.iter_mut().zip(pixel) {
            *total += f32::from(value) / 9.0;
        }
    }
    sum
}

fn shown(colour: [f32; 3], medium: Medium, a: f32, b: f32) -> [f32; 3] {
    let luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    let mut out = [0.0; 3];
    for (channel, (out, value)) in out.iter_mut().zip(colour).enumerate() {
        *out = match medium {
            Medium::Screen => {
                let phase = channel as f32 * 2.1;
                let moire = 1.0 + 0.1 * (0.9 * a + 0.35 * b + phase).sin() * (0.8 * b - 0.2 * a).cos();
                270.0 * (value / 255.0).powf(1.25) * moire
            }
            Medium::Print => {
                let raster = 7.0 * (1.6 * (a + b)).sin() * (1.6 * (a - b)).sin();
                28.0 + 0.8 * (0.75 * value + 0.25 * luma) + raster
            }
        };
    }
    out
}

/// A wall with a little light from the left.
fn background(x: u32, y: u32) -> [f32; 3] {
    let light = 150.0 - x as f32 * 0.08 + (y as f32 * 0.02);
    [light, light * 0.98, light * 0.93]
}
