//! The shapes that a decoder counts on, so that it never reads past an output's end.

use super::{Check, is_grid};
use crate::inference::card::{Card, CardError, Channels, Decoder, Layout, NetFile, Tensor};

/// The most values an embedding may have.
const LARGEST_DIMENSION: i64 = 8192;

/// Checks the channels, the axes and every tensor of `card`.
pub(super) fn check(check: &Check, card: &Card) -> Result<(), CardError> {
    let (width, height) = (i64::from(card.input.width), i64::from(card.input.height));
    let colour = card.input.channels != Channels::Grey;
    check.that(
        colour == (card.decoder != Decoder::Landmarks68),
        "input.channels",
        "must be grey for landmarks and rgb or bgr for everything else",
    )?;
    layout(check, card)?;
    for file in &card.files {
        input(check, card, file)?;
        outputs(check, card, file)?;
    }
    let judge = card.decoder != Decoder::OnetJudge || (width, height) == (48, 48);
    check.that(judge, "input.width", "and input.height must be 48: O-Net sees 48 by 48 pixels")
}

fn layout(check: &Check, card: &Card) -> Result<(), CardError> {
    let layout = card.input.layout;
    let (fits, expected) = match card.decoder {
        Decoder::Mtcnn | Decoder::OnetJudge => (layout == Layout::Nwhc, "must be nwhc for MTCNN's nets"),
        Decoder::Arcface => (layout != Layout::Nwhc, "must be nchw or nhwc for an embedding net"),
        _ => (layout == Layout::Nchw, "must be nchw for this decoder"),
    };
    check.that(fits, "input.layout", expected)
}

fn input(check: &Check, card: &Card, file: &NetFile) -> Result<(), CardError> {
    let found = &file.inputs[0].shape;
    let side = |pixels: u32| if pixels == 0 { -1 } else { i64::from(pixels) };
    let (width, height) = (side(card.input.width), side(card.input.height));
    let channels = card.input.channels.count() as i64;
    let (fits, expected): (bool, Vec<i64>) = match (card.decoder, file.role.as_str()) {
        (Decoder::Mtcnn, "pnet") => exactly(found, &[-1, -1, -1, 3]),
        (Decoder::Mtcnn, "rnet") => exactly(found, &[-1, 24, 24, 3]),
        (Decoder::Mtcnn, _) | (Decoder::OnetJudge, _) => exactly(found, &[-1, 48, 48, 3]),
        _ if card.input.layout == Layout::Nhwc => one_or_open(found, [height, width, channels]),
        _ => one_or_open(found, [channels, height, width]),
    };
    let message = format!("must have the shape {expected:?}, which this decoder feeds");
    check.that(fits, "files.inputs", &message)
}

fn exactly(found: &[i64], expected: &[i64]) -> (bool, Vec<i64>) {
    (found == expected, expected.to_vec())
}

/// One picture at a time, whether the net says so or leaves the number open.
fn one_or_open(found: &[i64], [a, b, c]: [i64; 3]) -> (bool, Vec<i64>) {
    (found == [1, a, b, c] || found == [-1, a, b, c], vec![1, a, b, c])
}

fn outputs(check: &Check, card: &Card, file: &NetFile) -> Result<(), CardError> {
    if is_grid(card.decoder) {
        return grid(check, card, file);
    }
    let shapes: Vec<&[i64]> = file.outputs.iter().map(|Tensor { shape, .. }| shape.as_slice()).collect();
    let (fits, expected) = match (card.decoder, file.role.as_str()) {
        (Decoder::Rfb, _) => (
            matches!(shapes[..], [[1 | -1, n, 2], [1 | -1, m, 4]] if n == m && *n > 0),
            "must be scores [1, N, 2] and boxes [1, N, 4], in this order",
        ),
        (Decoder::Mtcnn, "pnet") => (
            shapes == [&[-1, -1, -1, 4][..], &[-1, -1, -1, 2][..]],
            "must be boxes [-1, -1, -1, 4] and scores [-1, -1, -1, 2], in this order",
        ),
        (Decoder::Mtcnn, "rnet") => (
            shapes == [&[-1, 4][..], &[-1, 2][..]],
            "must be boxes [-1, 4] and scores [-1, 2], in this order",
        ),
        (Decoder::Mtcnn | Decoder::OnetJudge, _) => (
            shapes == [&[-1, 4][..], &[-1, 10][..], &[-1, 2][..]],
            "must be boxes [-1, 4], points [-1, 10] and scores [-1, 2], in this order",
        ),
        (Decoder::Landmarks68, _) => (matches!(shapes[..], [[1 | -1, 136]]), "must be points [1, 136]"),
        (Decoder::Minifasnet, _) => {
            let live = card.decode.live_class.unwrap_or(0) as i64;
            let fits = matches!(shapes[..], [[1 | -1, n]] if (2..=100).contains(n) && live < *n);
            (fits, "must be classes [1, N] with N of 2 to 100 and above decode.live_class")
        }
        _ => (
            // Some nets leave the two sides of their last pooling.
            matches!(shapes[..], [[1 | -1, n] | [1 | -1, n, 1, 1]] if (1..=LARGEST_DIMENSION).contains(n)),
            "must be one embedding [1, N] with N of 1 to 8192",
        ),
    };
    check.that(fits, "files.outputs", expected)
}

/// How many values each kind of output has for a cell, in the order of the card.
fn kinds(decoder: Decoder, outputs: usize, levels: usize) -> Option<&'static [i64]> {
    match decoder {
        Decoder::Yunet => Some(&[1, 1, 4, 10]),
        Decoder::Scrfd if outputs == 2 * levels => Some(&[1, 4]),
        Decoder::Scrfd => Some(&[1, 4, 10]),
        _ => None,
    }
}

/// Each kind of output for all strides before the next kind; the number of rows open, or that of the
/// stride's cells.
fn grid(check: &Check, card: &Card, file: &NetFile) -> Result<(), CardError> {
    let strides = card.decode.strides.as_deref().unwrap_or_default();
    let largest = strides.last().copied().unwrap_or(1);
    for (key, side) in [("input.width", card.input.width), ("input.height", card.input.height)] {
        let whole = side % largest == 0;
        check.that(whole, key, "must be a multiple of the largest of decode.strides")?;
    }
    let expected = match card.decoder {
        Decoder::Yunet => {
            "must be class [.., 1] for each of decode.strides, then objectness [.., 1], boxes [.., 4] and points \
             [.., 10], in this order"
        }
        _ => {
            "must be scores [.., 1] for each of decode.strides, then boxes [.., 4] and, if there are any, points \
             [.., 10], in this order"
        }
    };
    let kinds = kinds(card.decoder, file.outputs.len(), strides.len()).unwrap_or_default();
    let count = file.outputs.len() == kinds.len() * strides.len();
    check.that(count, "files.outputs", expected)?;
    let wanted = kinds.iter().flat_map(|values| strides.iter().map(move |stride| (*values, *stride)));
    for (tensor, (values, stride)) in file.outputs.iter().zip(wanted) {
        let cells = match (card.input.width / stride, card.input.height / stride) {
            (0, _) | (_, 0) => None,
            (columns, rows) => {
                Some(i64::from(columns) * i64::from(rows) * i64::from(card.decode.anchors.unwrap_or(1)))
            }
        };
        let fits = match tensor.shape.as_slice() {
            [rows, last] | [1 | -1, rows, last] => {
                *last == values && (*rows == -1 || cells.is_none_or(|cells| cells == *rows))
            }
            _ => false,
        };
        let message = format!("{expected}; `{}` has {:?}", tensor.name, tensor.shape);
        check.that(fits, "files.outputs", &message)?;
    }
    Ok(())
}
