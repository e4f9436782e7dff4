//! The path of the pretended camera over a still, and what it sees.

use super::random::SplitMix;
use crate::capture::frame::RgbPicture;
use crate::face::Rect;

/// What the canvas shows around a still and between two: nearly black, as a dark corridor is.
const BACKGROUND: u8 = 16;

/// The zoom at the start, where 1 fits the still into the canvas, and how far it comes in. Up to 1 the
/// whole still is seen; past it, only in the middle of a show, its rim is cut by 2 % at most.
const ZOOM_START: f32 = 0.82;
const ZOOM_RANGE: f32 = 0.21;

/// The most that a still moves to either side, in widths of the canvas: a person who shifts, not one
/// who runs.
const PAN: f32 = 0.06;

/// How much brighter and darker it becomes: automatic exposure at work.
const GAIN_RANGE: f32 = 0.08;

/// The shortest period of a movement, in frames, however short a still is shown.
const SHORTEST_PERIOD: f32 = 24.0;

/// Where a still lies on the canvas: `canvas = still * scale + (left, top)`, and how bright.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Canvas pixels for one pixel of the still.
    pub scale: f32,
    /// The still's left edge on the canvas.
    pub left: f32,
    /// The still's top edge on the canvas.
    pub top: f32,
    /// What every value is multiplied by.
    pub gain: f32,
}

/// One still's path. Pure: the same seed and sizes give the same views.
///
/// - While the zoom is at most 1, which it is for two thirds of a show at least, the whole still lies
///   on the canvas; past 1, the axis that fills the canvas stays filled.
/// - There are no jumps: a view differs from the next by a few pixels.
///
/// Only sums, products and roundings are used, no sine of the system's library, so that every machine
/// computes the same path.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    canvas: (f32, f32),
    picture: (f32, f32),
    fit: f32,
    zoom_period: f32,
    pan_x: (f32, f32),
    pan_y: (f32, f32),
    gain: (f32, f32),
}

impl Scene {
    /// The path over a still of `picture` pixels that is shown for `frames` frames.
    pub fn new(seed: u64, canvas: (u32, u32), picture: (u32, u32), frames: u32) -> Self {
        let mut random = SplitMix::new(seed);
        let period = (frames as f32).max(SHORTEST_PERIOD);
        let mut motion =
            |least: f32, most: f32| (period * (least + (most - least) * random.unit()), random.unit());
        let (zoom_period, _) = motion(1.0, 1.1);
        // A show shorter than that ends on the way in, or it would be close up for most of its time.
        let zoom_period = if (frames as f32) < SHORTEST_PERIOD { 2.0 * SHORTEST_PERIOD } else { zoom_period };
        let (pan_x, pan_y, gain) = (motion(1.0, 1.7), motion(1.2, 2.0), motion(1.0, 2.0));
        let float = |(width, height): (u32, u32)| (width as f32, height as f32);
        let (canvas, picture) = (float(canvas), float(picture));
        let fit = (canvas.0 / picture.0).min(canvas.1 / picture.1);
        Self { canvas, picture, fit, zoom_period, pan_x, pan_y, gain }
    }

    /// Where the still is at frame `frame` of its show.
    pub fn view(&self, frame: u32) -> View {
        let at = |(period, phase): (f32, f32)| wave(frame as f32 / period + phase);
        let zoom = ZOOM_START + ZOOM_RANGE * (at((self.zoom_period, 0.0)) + 1.0) / 2.0;
        let scale = self.fit * zoom;
        let place = |canvas: f32, picture: f32, motion: (f32, f32)| {
            // Half of what is left over; below zero, half of what is cut.
            let slack = (canvas - picture * scale) / 2.0;
            slack + slack.abs().min(PAN * self.canvas.0) * at(motion)
        };
        View {
            scale,
            left: place(self.canvas.0, self.picture.0, self.pan_x),
            top: place(self.canvas.1, self.picture.1, self.pan_y),
            gain: 1.0 + GAIN_RANGE * at(self.gain),
        }
    }
}

/// A smooth wave of period 1 between -1 and 1, lowest at 0: a triangle with its corners rounded.
fn wave(t: f32) -> f32 {
    let triangle = 1.0 - (2.0 * t.fract() - 1.0).abs();
    2.0 * triangle * triangle * (3.0 - 2.0 * triangle) - 1.0
}

/// The canvas with a still on it, or empty, and noise over all of it.
pub(super) fn render(
    still: Option<(&RgbPicture, View)>,
    canvas: (u32, u32),
    noise: &mut SplitMix,
) -> RgbPicture {
    let (width, height) = canvas;
    let mut data = vec![BACKGROUND; width as usize * height as usize * 3];
    let mut gain = 1.0;
    if let Some((picture, view)) = still {
        place(&mut data, canvas, picture, view);
        gain = view.gain;
    }
    expose(&mut data, gain, noise);
    // The options hold the sides above zero, and the length is their product.
    RgbPicture::new(width, height, data).unwrap_or_else(|| unreachable!("a canvas of {width}x{height}"))
}

/// Draws the part of the still that lies on whole pixels of the canvas.
fn place(data: &mut [u8], canvas: (u32, u32), picture: &RgbPicture, view: View) {
    let span = |start: f32, length: f32, limit: u32| {
        let (from, to) = (start.ceil().max(0.0), (start + length).floor().min(limit as f32));
        (from as u32, (to.max(0.0) as u32).max(from as u32).min(limit))
    };
    let (left, right) = span(view.left, picture.width() as f32 * view.scale, canvas.0);
    let (top, bottom) = span(view.top, picture.height() as f32 * view.scale, canvas.1);
    if right <= left || bottom <= top {
        return;
    }
    let back = |at: u32, origin: f32| ((at as f32 - origin) / view.scale).max(0.0);
    let area = Rect::from_corners(
        back(left, view.left),
        back(top, view.top),
        back(right, view.left),
        back(bottom, view.top),
    );
    let Some(part) = picture.sampled(area, right - left, bottom - top) else { return };
    let (stride, row_bytes) = (canvas.0 as usize * 3, (right - left) as usize * 3);
    let rows = data.chunks_exact_mut(stride).skip(top as usize);
    for (row, source) in rows.zip(part.chunks_exact(row_bytes)) {
        let from = left as usize * 3;
        row[from..from + row_bytes].copy_from_slice(source);
    }
}

/// Brightness and noise: two dice of four sides a value, about as much as a small sensor indoors.
fn expose(data: &mut [u8], gain: f32, noise: &mut SplitMix) {
    let gain = (gain * 256.0) as i32;
    for values in data.chunks_mut(8) {
        let mut bits = noise.next();
        for value in values {
            let grain = (bits & 3) as i32 + (bits >> 2 & 3) as i32 - 3;
            bits >>= 8;
            *value = (((i32::from(*value) * gain) >> 8) + grain).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_still_stays_on_the_canvas_and_never_jumps(
            seed: u64, width in 16u32..3000, height in 16u32..3000, frames in 1u32..120,
        ) {
            let canvas = (640u32, 480u32);
            let scene = Scene::new(seed, canvas, (width, height), frames);
            let mut whole = 0;
            let mut before: Option<View> = None;
            for frame in 0..frames {
                let view = scene.view(frame);
                let (w, h) = (width as f32 * view.scale, height as f32 * view.scale);
                let inside = |start: f32, length: f32, limit: u32| {
                    start >= -0.01 && start + length <= limit as f32 + 0.01
                };
                let filled = |start: f32, length: f32, limit: u32| {
                    start <= 0.01 && start + length >= limit as f32 - 0.01
                };
                prop_assert!(inside(view.left, w, 640) || filled(view.left, w, 640), "{view:?}");
                prop_assert!(inside(view.top, h, 480) || filled(view.top, h, 480), "{view:?}");
                // What is cut is a rim of 2 %, or of 4 where the other side is at its edge.
                prop_assert!(-view.left <= w * 0.04 && -view.top <= h * 0.04, "{view:?}");
                prop_assert!((0.9..1.1).contains(&view.gain));
                whole += u32::from(inside(view.left, w, 640) && inside(view.top, h, 480));
                if let Some(before) = before {
                    let step = (view.left - before.left).abs().max((view.top - before.top).abs());
                    prop_assert!(step < 24.0, "{step} pixels in one frame");
                }
                before = Some(view);
            }
            prop_assert!(whole * 3 >= frames * 2 - 2, "whole in {whole} of {frames}");
            prop_assert_eq!(&scene, &Scene::new(seed, canvas, (width, height), frames));
        }
    }

    #[test]
    fn the_wave_is_smooth_and_bounded() {
        assert_eq!((wave(0.0), wave(0.5), wave(1.0), wave(7.25)), (-1.0, 1.0, -1.0, 0.0));
        let values: Vec<f32> = (0..=1000).map(|i| wave(i as f32 / 500.0)).collect();
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.013 && pair[0].abs() <= 1.0));
    }

    #[test]
    fn what_is_drawn_is_where_the_view_says() {
        let pixels: Vec<u8> =
            (0..40 * 30).flat_map(|i| if i % 40 < 20 { [255; 3] } else { [0, 0, 255] }).collect();
        let picture = RgbPicture::new(40, 30, pixels).unwrap();
        let view = View { scale: 2.0, left: 10.0, top: 5.5, gain: 1.0 };
        let canvas = render(Some((&picture, view)), (100, 80), &mut SplitMix::new(3));
        let near = |x, y, colour: [u8; 3]| {
            canvas.pixel(x, y).iter().zip(colour).all(|(found, expected)| found.abs_diff(expected) <= 3)
        };
        assert!(
            near(5, 30, [BACKGROUND; 3]) && near(95, 30, [BACKGROUND; 3]) && near(30, 70, [BACKGROUND; 3])
        );
        assert!(near(12, 30, [255; 3]) && near(46, 30, [255; 3]));
        assert!(near(53, 30, [0, 0, 255]) && near(88, 7, [0, 0, 255]));
    }
}
