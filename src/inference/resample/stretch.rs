//! An upright part of a picture at another size. The columns of a patch lie on the same columns of the source in
//! each row, so that rows are weighed against each other first, whole, and columns after that: a quarter of the
//! time that it takes to look for each sample by itself ([`turn`](super::turn)), with the same result.

use multiversion::multiversion;

use super::{Border, Patch, Pixels, byte, samples};
use crate::face::Rect;

/// What stretching keeps from patch to patch.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    sums: Vec<f32>,
}

/// A column or a row of the source, and what it counts in one of the patch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    at: usize,
    weight: f32,
}

/// What of the source's rows is looked at, in bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    length: usize,
}

/// The part `area` of `source` as `size` pixels, bilinear; where one of them covers several of the source, the
/// mean of as many samples in each direction.
pub(super) fn stretch(source: Pixels<'_>, area: &Rect, size: [usize; 2], border: Border, patch: &mut Patch) {
    let [width, height] = size;
    (patch.width, patch.height) = (width, height);
    patch.rgb.resize(width * height * 3, 0);
    let Memory { columns, rows, sums } = &mut patch.stretching;
    let across = taps(area.x, area.width, width, source.width, border, columns);
    let down = taps(area.y, area.height, height, source.height, border, rows);
    let span = span(columns);
    sums.resize(span.length + 1, 0.0);
    for (to, rows) in patch.rgb.chunks_exact_mut((width * 3).max(1)).zip(rows.chunks_exact(2 * down)) {
        // The last of them is read with the last pixel, and means nothing.
        let row = &mut sums[..span.length];
        match rows {
            [a, b] => weigh_rows(source, span, [*a, *b], row),
            [a, b, c, d] => weigh_rows(source, span, [*a, *b, *c, *d], row),
            // There are no other numbers of samples.
            _ => {}
        }
        match across {
            1 => weigh_columns::<2>(sums, columns, to),
            _ => weigh_columns::<4>(sums, columns, to),
        }
    }
}

/// Puts down what each of `pixels` along a side of a patch is made of, two taps for each of its samples; returns
/// how many samples. A tap beyond the border is at the nearest pixel, and without weight where it is black there.
fn taps(start: f32, length: f32, pixels: usize, side: u32, border: Border, taps: &mut Vec<Tap>) -> usize {
    let step = length / pixels as f32;
    let samples = samples(step);
    let last = i64::from(side) - 1;
    taps.clear();
    for sample in 0..pixels * samples {
        let (pixel, part) = (sample / samples, sample % samples);
        let at = step * (pixel as f32 + (part as f32 + 0.5) / samples as f32) + start - 0.5;
        let left = at.floor();
        let beyond = at - left;
        let left = left as i64;
        for (at, weight) in [(left, 1.0 - beyond), (left.saturating_add(1), beyond)] {
            let nearest = at.clamp(0, last);
            let counts = border == Border::Nearest || nearest == at;
            let weight = if counts { weight / samples as f32 } else { 0.0 };
            taps.push(Tap { at: nearest as usize, weight });
        }
    }
    samples
}

/// What of a row `columns` look at; they count in bytes from there afterwards.
fn span(columns: &mut [Tap]) -> Span {
    let (first, last) =
        columns.iter().fold((usize::MAX, 0), |(first, last), tap| (first.min(tap.at), last.max(tap.at)));
    let first = first.min(last);
    columns.iter_mut().for_each(|tap| tap.at = 3 * (tap.at - first));
    Span { first: 3 * first, length: 3 * (last - first + 1) }
}

/// The sum of rows of the source by their weights.
fn weigh_rows<const N: usize>(source: Pixels<'_>, span: Span, rows: [Tap; N], sums: &mut [f32]) {
    let bytes = rows.map(|tap| {
        let from = tap.at * source.width as usize * 3 + span.first;
        &source.rgb[from..from + span.length]
    });
    add_rows(bytes, rows.map(|tap| tap.weight), sums);
}

#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
#[allow(clippy::needless_range_loop, reason = "loops over indexes become vector instructions")]
fn add_rows<const N: usize>(rows: [&[u8]; N], weights: [f32; N], sums: &mut [f32]) {
    let rows = rows.map(|row| &row[..sums.len()]);
    for i in 0..sums.len() {
        let mut sum = 0.0;
        for k in 0..N {
            sum += weights[k] * f32::from(rows[k][i]);
        }
        sums[i] = sum;
    }
}

/// The pixels of a patch's row, of `N` taps each.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn weigh_columns<const N: usize>(sums: &[f32], columns: &[Tap], to: &mut [u8]) {
    for (to, taps) in to.as_chunks_mut::<3>().0.iter_mut().zip(columns.as_chunks::<N>().0) {
        let mut pixel = [0.0f32; 4];
        for tap in taps {
            // There are three at each place of a span, and one more behind them.
            let Some(values) = sums.get(tap.at..).and_then(|values| values.first_chunk::<4>()) else {
                continue;
            };
            for lane in 0..4 {
                pixel[lane] += tap.weight * values[lane];
            }
        }
        *to = [byte(pixel[0]), byte(pixel[1]), byte(pixel[2])];
    }
}
