//! The charts of an evaluation in characters, for a terminal of 80 columns or a pipe.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Sparkline, Widget};

use super::figures::{CurveObject, HistogramObject};

/// Columns of a chart.
const WIDTH: u16 = 78;
/// Rows of the curve.
const CURVE_ROWS: u16 = 18;
/// Rows of each of the two histograms.
const BAR_ROWS: u16 = 5;

/// The rows of `buffer` as text, without trailing blanks.
fn rows(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let row = |y| (area.left()..area.right()).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (area.top()..area.bottom()).map(|y| row(y).trim_end().to_owned()).collect()
}

/// A false match rate's place on the axis: its logarithm, `least` for none.
pub(super) fn place(fmr: f64, least: f64) -> f64 {
    if fmr > 0.0 { fmr.log10().max(least) } else { least }
}

/// The axes of the curve: from which power of ten the FMR runs (to 1), and from which TAR (to 1).
pub(super) fn axes(points: &[CurveObject]) -> (f64, f64) {
    let positive = points.iter().map(|point| point.fmr).filter(|fmr| *fmr > 0.0);
    let least = positive.fold(0.1, f64::min).log10().floor();
    let tar = points.iter().map(|point| point.tar).fold(1.0, f64::min);
    // A little room below, in round steps, so that a curve that stays at 1 is seen to.
    (least, ((tar * 20.0 - 0.5).floor() / 20.0).clamp(0.0, 0.95))
}

/// The corners of the curve as a staircase: between two thresholds nothing changes.
pub(super) fn staircase(points: &[CurveObject], least: f64) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let x = place(point.fmr, least);
        if let Some((_, y)) = corners.last().copied() {
            corners.push((x, y));
        }
        corners.push((x, point.tar));
    }
    corners
}

/// The ROC curve, TAR over the logarithm of the FMR.
pub fn curve(points: &[CurveObject]) -> Vec<String> {
    if points.is_empty() {
        return Vec::new();
    }
    let (least, bottom) = axes(points);
    let corners = staircase(points, least);
    let area = Rect::new(0, 0, WIDTH, CURVE_ROWS);
    let powers = least as i32..=0;
    let labels_x: Vec<String> = powers.map(|power| format!("1e{power}")).collect();
    let labels_y = [bottom, f64::midpoint(bottom, 1.0), 1.0].map(|tar| format!("{:.1} %", tar * 100.0));
    let dataset = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).data(&corners);
    let mut buffer = Buffer::empty(area);
    Chart::new(vec![dataset])
        .x_axis(Axis::default().title("FMR").bounds([least, 0.0]).labels(labels_x).style(Style::new()))
        .y_axis(Axis::default().title("TAR").bounds([bottom, 1.0]).labels(labels_y).style(Style::new()))
        .render(area, &mut buffer);
    rows(&buffer)
}

/// How high a bar of `count` is: the logarithm, so that a tail of single pairs is seen beside
/// thousands.
pub(super) fn height(count: u64) -> f64 {
    (count as f64).ln_1p()
}

/// Both histograms over one axis, with a mark at `threshold`.
pub fn histogram(bars: &HistogramObject, threshold: f32) -> Vec<String> {
    let columns = bars.genuine.len().max(bars.impostor.len());
    let mut lines = Vec::new();
    for (name, counts) in [("impostor", &bars.impostor), ("genuine", &bars.genuine)] {
        let most = counts.iter().copied().max().unwrap_or(0);
        lines.push(format!("{name} pairs, at most {most} a column (heights are logarithms)"));
        // Eighths of a row are what a bar can show.
        let steps = f64::from(BAR_ROWS) * 8.0;
        let scaled = |count: &u64| (height(*count) / height(most.max(1)) * steps).ceil() as u64;
        let data: Vec<u64> = counts.iter().map(scaled).collect();
        let area = Rect::new(0, 0, u16::try_from(columns).unwrap_or(WIDTH), BAR_ROWS);
        let mut buffer = Buffer::empty(area);
        Sparkline::default().data(&data).max(steps as u64).render(area, &mut buffer);
        lines.extend(rows(&buffer));
    }
    lines.push("─".repeat(columns));
    let (from, to) = (format!("{:.1}", bars.from), format!("{:.1}", bars.to));
    let mut axis: Vec<char> = vec![' '; columns];
    axis[..from.len()].copy_from_slice(&from.chars().collect::<Vec<_>>());
    axis[columns - to.len()..].copy_from_slice(&to.chars().collect::<Vec<_>>());
    let share = (threshold - bars.from) / (bars.to - bars.from);
    if (0.0..1.0).contains(&share) {
        let mark = format!("▲{threshold:.2}");
        let at = ((share * columns as f32) as usize).min(columns - mark.chars().count());
        for (offset, sign) in mark.chars().enumerate() {
            axis[at + offset] = sign;
        }
    }
    lines.push(axis.into_iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(fmr: f64, tar: f64) -> CurveObject {
        CurveObject { threshold: 0.0, fmr, tar }
    }

    #[test]
    fn a_perfect_curve_lies_along_the_top() {
        let lines = curve(&[point(0.0, 1.0), point(0.001, 1.0), point(1.0, 1.0)]);
        assert_eq!(lines.len(), usize::from(CURVE_ROWS));
        assert!(lines.iter().all(|line| line.chars().count() <= usize::from(WIDTH)), "{lines:#?}");
        let drawn: Vec<bool> =
            lines.iter().map(|line| line.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))).collect();
        assert!(drawn[0] && !drawn[1..].contains(&true), "{lines:#?}");
        assert!(lines[0].contains("100.0 %") && lines.last().unwrap().contains("1e-3"), "{lines:#?}");
        assert!(curve(&[]).is_empty());
    }

    #[test]
    fn a_curve_is_a_staircase() {
        let corners = staircase(&[point(0.0, 0.5), point(0.1, 0.75), point(1.0, 1.0)], -2.0);
        assert_eq!(corners, [(-2.0, 0.5), (-1.0, 0.5), (-1.0, 0.75), (0.0, 0.75), (0.0, 1.0)]);
    }

    #[test]
    fn a_single_pair_is_seen_beside_thousands() {
        let mut impostor = vec![0; 70];
        (impostor[10], impostor[60]) = (10_000, 1);
        let bars = HistogramObject { from: 0.0, to: 1.0, genuine: vec![0; 70], impostor };
        let lines = histogram(&bars, 0.5);
        let foot: Vec<char> = lines[usize::from(BAR_ROWS)].chars().collect();
        assert!(foot[10] == '█' && foot[60] != ' ' && foot[30] == ' ', "{lines:#?}");
        let axis = lines.last().unwrap();
        assert!(axis.starts_with("0.0") && axis.ends_with("1.0"), "{axis}");
        assert_eq!(axis.chars().position(|c| c == '▲'), Some(35));
    }
}
