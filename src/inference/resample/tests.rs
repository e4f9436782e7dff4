//! Of scaling, crops and faces laid on a template.

use proptest::prelude::*;

use super::*;
use crate::face::Point;

pub(super) fn gradient(width: u32, height: u32) -> RgbPicture {
    let data: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [(x * 10) as u8, (y * 10) as u8, 77]))
        .collect();
    RgbPicture::new(width, height, data).unwrap()
}

#[test]
fn a_crop_of_the_same_size_is_the_picture_itself() {
    let picture = gradient(12, 9);
    let mut patch = Patch::default();
    crop((&picture).into(), &Rect::new(2.0, 3.0, 6.0, 5.0), 6, 5, Border::Black, &mut patch);
    for y in 0..5 {
        for x in 0..6 {
            let at = (y * 6 + x) * 3;
            assert_eq!(patch.rgb[at..at + 3], picture.pixel(x as u32 + 2, y as u32 + 3));
        }
    }
}

#[test]
fn scaling_down_is_the_mean_and_not_every_nth_pixel() {
    // Columns alternate between black and white.
    let data: Vec<u8> = (0..16u32 * 16).flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3]).collect();
    let picture = RgbPicture::new(16, 16, data).unwrap();
    let mut patch = Patch::default();
    crop((&picture).into(), &Rect::new(0.0, 0.0, 16.0, 16.0), 4, 4, Border::Nearest, &mut patch);
    assert!(patch.rgb.iter().all(|v| (120..=136).contains(v)), "{:?}", patch.rgb);
}

#[test]
fn beyond_the_border_is_black_or_the_nearest_pixel() {
    let picture = RgbPicture::new(2, 2, vec![200u8; 12]).unwrap();
    let area = Rect::new(-4.0, -4.0, 4.0, 4.0);
    let mut patch = Patch::default();
    crop((&picture).into(), &area, 4, 4, Border::Black, &mut patch);
    assert_eq!(patch.rgb[..3], [0, 0, 0]);
    crop((&picture).into(), &area, 4, 4, Border::Nearest, &mut patch);
    assert!(patch.rgb.iter().all(|v| *v == 200));
}

#[test]
fn a_warp_brings_source_points_to_their_places() {
    let picture = gradient(20, 20);
    let shift = SimilarityTransform { a: 1.0, b: 0.0, tx: -5.0, ty: -7.0 };
    let mut patch = Patch::default();
    warp((&picture).into(), &shift, 8, Border::Black, &mut patch);
    assert_eq!(patch.rgb[..3], picture.pixel(5, 7));
    // A quarter turn: the source's x axis points down in the patch.
    let turn = SimilarityTransform { a: 0.0, b: 1.0, tx: 8.0, ty: 0.0 };
    let landed = turn.apply(Point::new(2.5, 1.5));
    assert_eq!((landed.x, landed.y), (6.5, 2.5));
    warp((&picture).into(), &turn, 8, Border::Black, &mut patch);
    let at = (2 * 8 + 6) * 3;
    assert_eq!(patch.rgb[at..at + 3], picture.pixel(2, 1));
}

#[test]
fn a_wide_patch_is_sampled_to_its_end() {
    // Three blocks, the last of them short.
    let picture = gradient(90, 4);
    let mut patch = Patch::default();
    crop((&picture).into(), &Rect::new(5.0, 0.0, 77.0, 4.0), 77, 4, Border::Black, &mut patch);
    for x in 0..77 {
        assert_eq!(patch.rgb[x * 3..x * 3 + 3], picture.pixel(x as u32 + 5, 0), "column {x}");
    }
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let picture = gradient(4, 4);
    let mut patch = Patch::default();
    for bad in [f32::NAN, f32::INFINITY, 1e30, -1e30] {
        crop((&picture).into(), &Rect::new(bad, 0.0, bad, 1.0), 4, 4, Border::Black, &mut patch);
        assert_eq!(patch.rgb.len(), 48);
    }
}

#[test]
fn a_scaled_picture_leaves_the_rest_black() {
    let picture = RgbPicture::new(30, 60, vec![90u8; 30 * 60 * 3]).unwrap();
    let mut patch = Patch { rgb: vec![7; 600], ..Patch::of(20, 10) };
    Scaler::default().scale_into((&picture).into(), 5, 10, &mut patch).unwrap();
    for (index, pixel) in patch.rgb.as_chunks::<3>().0.iter().enumerate() {
        assert_eq!(*pixel, if index % 20 < 5 { [90; 3] } else { [0; 3] });
    }
    assert!(Scaler::default().scale_into((&picture).into(), 21, 10, &mut patch).is_none());
}

#[test]
fn values_become_the_nearest_bytes() {
    for (value, expected) in
        [(0.0, 0), (0.49, 0), (0.5, 1), (127.2, 127), (254.5, 255), (255.4, 255), (1e9, 255), (-3.0, 0)]
    {
        assert_eq!(byte(value), expected, "{value}");
    }
    assert_eq!(byte(f32::NAN), 0);
    assert_eq!([0.0, 1.0, 4_000_000.0, 8_388_607.0].map(whole), [0, 1, 4_000_000, 8_388_607]);
}

/// Pixels of no pattern.
fn noise(width: u32, height: u32, mut seed: u64) -> RgbPicture {
    let mut data = vec![0u8; (width * height * 3) as usize];
    for value in &mut data {
        // Knuth's MMIX generator; its upper bits are the good ones.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *value = (seed >> 56) as u8;
    }
    RgbPicture::new(width, height, data).unwrap()
}

proptest! {
    /// Nothing that is upright is sampled any other way than what is turned, but for how sums are rounded.
    #[test]
    fn stretching_gives_what_looking_for_each_sample_gives(
        (width, height, seed) in (1u32..90, 1u32..60, any::<u64>()),
        (x, y, w, h) in (-40.0f32..100.0, -40.0f32..70.0, 0.5f32..150.0, 0.5f32..150.0),
        (columns, rows) in (1usize..50, 1usize..50),
        is_black: bool,
    ) {
        let border = if is_black { Border::Black } else { Border::Nearest };
        let picture = noise(width, height, seed);
        let (mut stretched, mut sampled) = (Patch::default(), Patch::default());
        crop((&picture).into(), &Rect::new(x, y, w, h), columns, rows, border, &mut stretched);
        let map = turn::SourceFromPatch {
            x: [w / columns as f32, 0.0, x],
            y: [0.0, h / rows as f32, y],
        };
        turn::sample((&picture).into(), map, [columns, rows], border, &mut sampled);
        prop_assert_eq!(stretched.rgb.len(), columns * rows * 3);
        for (place, (one, other)) in stretched.rgb.iter().zip(&sampled.rgb).enumerate() {
            prop_assert!(one.abs_diff(*other) <= 1, "{} and {} at {}", one, other, place);
        }
    }
}
