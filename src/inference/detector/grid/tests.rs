//! Cells and outputs by hand: where a cell lies, what each code makes of its numbers, and that the
//! outputs are taken in the order of the card.

use proptest::prelude::*;

use super::*;

fn level<'a>(
    stride: f32,
    columns: usize,
    anchors: usize,
    scores: &'a [f32],
    boxes: &'a [[f32; 4]],
) -> Level<'a> {
    Level { stride, columns, anchors, scores, objectness: None, boxes, points: None }
}

fn corners(rect: &Rect) -> [f32; 4] {
    [rect.x, rect.y, rect.right(), rect.bottom()]
}

fn near(a: [f32; 4], b: [f32; 4]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3)
}

/// OpenCV's own words for it (modules/objdetect/src/face_detect.cpp, `postProcess`), worked out by
/// hand for the cell in column 2 of row 1 at stride 16: `cx = (2 + 0.25) * 16 = 36`,
/// `cy = (1 - 0.5) * 16 = 8`, `w = e^0.693147 * 16 = 32`, `h = e^0 * 16 = 16`, the score
/// `sqrt(0.81 * 1.0) = 0.9` as objectness is cut to 1; the first point at
/// `((2 + 0.5) * 16, (1 + 0.25) * 16)`.
#[test]
fn a_cell_of_yunet_is_read_as_opencv_reads_it() {
    let mut scores = [0.0; 6];
    let mut objectness = [1.0; 6];
    let mut boxes = [[0.0; 4]; 6];
    let mut points = [[0.0; 10]; 6];
    (scores[5], objectness[5]) = (0.81, 1.7);
    boxes[5] = [0.25, -0.5, std::f32::consts::LN_2, 0.0];
    points[5] = [0.5, 0.25, 1.0, 0.25, 0.75, 0.5, 0.5, 1.0, 1.0, 1.0];
    let level =
        Level { objectness: Some(&objectness), points: Some(&points), ..level(16.0, 3, 1, &scores, &boxes) };
    let mut found = Vec::new();
    level.decode(Code::Yunet, 0.5, &mut found);
    assert_eq!(found.len(), 1);
    assert!((found[0].score - 0.9).abs() < 1e-6);
    assert!(near(corners(&found[0].bounds), [20.0, 0.0, 52.0, 16.0]), "{:?}", found[0].bounds);
    let five = found[0].points.unwrap();
    assert_eq!((five.left_eye, five.right_eye), (Point::new(40.0, 20.0), Point::new(48.0, 20.0)));
    assert_eq!(five.right_mouth, Point::new(48.0, 32.0));
}

/// InsightFace's `scrfd.py` (`distance2bbox`, `distance2kps`) by hand, with two anchors a cell: the
/// fourth row of the outputs is the second anchor of the cell in column 1, so its corner is at 8, 0.
#[test]
fn an_anchor_of_scrfd_is_read_as_insightface_reads_it() {
    let scores = [0.1, 0.2, 0.3, 0.75];
    let mut boxes = [[1.0; 4]; 4];
    let mut points = [[0.0; 10]; 4];
    boxes[3] = [0.5, -0.25, 2.0, 3.0];
    points[3] = [-0.5, 0.5, 0.5, 0.5, 0.0, 1.0, -0.5, 1.5, 0.5, 1.5];
    let level = Level { points: Some(&points), ..level(8.0, 2, 2, &scores, &boxes) };
    let mut found = Vec::new();
    level.decode(Code::Scrfd, 0.5, &mut found);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].score, 0.75);
    assert!(near(corners(&found[0].bounds), [4.0, 2.0, 24.0, 24.0]), "{:?}", found[0].bounds);
    let five = found[0].points.unwrap();
    assert_eq!((five.left_eye, five.nose), (Point::new(4.0, 4.0), Point::new(8.0, 8.0)));
}

#[test]
fn what_is_no_number_is_no_box_and_no_point() {
    let nan = f32::NAN;
    let boxes = [[nan, 0.0, 0.0, 0.0], [0.0, 0.0, f32::INFINITY, 0.0], [0.0; 4], [0.0; 4]];
    let scores = [0.9, 0.9, nan, 0.9];
    let mut points = [[0.0; 10]; 4];
    points[3][7] = nan;
    for code in [Code::Yunet, Code::Scrfd] {
        let level =
            Level { objectness: Some(&[1.0; 4]), points: Some(&points), ..level(8.0, 4, 1, &scores, &boxes) };
        let mut found = Vec::new();
        level.decode(code, 0.5, &mut found);
        assert_eq!(found.len(), 1, "{code:?}");
        assert_eq!(found[0].points, None, "{code:?}");
    }
}

proptest! {
    /// A box written down in either code comes back, whatever its cell.
    #[test]
    fn both_codes_give_back_the_box_that_was_written(
        stride in prop::sample::select(vec![8.0f32, 16.0, 32.0]),
        column in 0usize..20, row in 0usize..20,
        x in -100.0f32..700.0, y in -100.0f32..700.0, width in 2.0f32..400.0, height in 2.0f32..400.0,
    ) {
        let (cell_x, cell_y) = (column as f32, row as f32);
        let (left, top, right, bottom) =
            (x / stride, y / stride, (x + width) / stride, (y + height) / stride);
        let yunet = [
            (left + right) / 2.0 - cell_x,
            (top + bottom) / 2.0 - cell_y,
            (right - left).ln(),
            (bottom - top).ln(),
        ];
        let scrfd = [cell_x - left, cell_y - top, right - cell_x, bottom - cell_y];
        for (code, values) in [(Code::Yunet, yunet), (Code::Scrfd, scrfd)] {
            let mut boxes = vec![[0.0; 4]; 400];
            let mut scores = vec![0.0; 400];
            boxes[row * 20 + column] = values;
            scores[row * 20 + column] = 1.0;
            let mut found = Vec::new();
            level(stride, 20, 1, &scores, &boxes).decode(code, 0.5, &mut found);
            prop_assert_eq!(found.len(), 1);
            let corners = corners(&found[0].bounds);
            let expected = [x, y, x + width, y + height];
            for (a, b) in corners.iter().zip(expected) {
                prop_assert!((a - b).abs() < 0.01, "{:?} {:?} {:?}", code, corners, expected);
            }
        }
    }
}
