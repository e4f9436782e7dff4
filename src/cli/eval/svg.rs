//! The charts of an evaluation as an SVG picture: the histogram above, the ROC curve below.

use std::fmt::Write;

use super::chart::{axes, height, staircase};
use super::figures::Evaluation;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 700.0;
/// The left and right edge of both charts.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 730.0;
/// Top and foot of the histogram and of the curve.
const BARS: (f64, f64) = (70.0, 300.0);
const CURVE: (f64, f64) = (390.0, 640.0);
const GENUINE: &str = "#1b7f4b";
const IMPOSTOR: &str = "#b3392f";

/// `text` for the inside of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

struct Drawing(String);

impl Drawing {
    // Writing to a String cannot fail.
    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(self.0, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(self.0, "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" {style}/>");
    }

    /// The outline of `counts` as an area.
    fn bars(&mut self, counts: &[u64], most: f64, colour: &str) {
        let step = (RIGHT - LEFT) / counts.len().max(1) as f64;
        let mut path = format!("M{LEFT:.1} {:.1}", BARS.1);
        for (index, count) in counts.iter().enumerate() {
            let y = BARS.1 - height(*count) / most * (BARS.1 - BARS.0);
            let x = LEFT + step * index as f64;
            let _ = write!(path, "L{x:.1} {y:.1}L{:.1} {y:.1}", x + step);
        }
        let _ = write!(path, "L{RIGHT:.1} {:.1}Z", BARS.1);
        let _ = writeln!(
            self.0,
            "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"0.45\" stroke=\"{colour}\"/>"
        );
    }
}

const AXIS: &str = "stroke=\"#888\" fill=\"none\"";
const GRID: &str = "stroke=\"#ddd\" fill=\"none\"";

/// The picture.
pub fn draw(figures: &Evaluation) -> String {
    let mut drawing = Drawing(String::new());
    let _ = writeln!(
        drawing.0,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} \
         {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n<rect width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" fill=\"#fff\"/>"
    );
    let title = format!(
        "{} pictures of {} people, pack {} on {}",
        figures.pictures,
        figures.people,
        figures.pack,
        figures.provider.to_uppercase()
    );
    drawing.text(LEFT, 26.0, "start", &title);
    histogram(&mut drawing, figures);
    curve(&mut drawing, figures);
    drawing.0.push_str("</svg>\n");
    drawing.0
}

fn histogram(drawing: &mut Drawing, figures: &Evaluation) {
    let Some(bars) = &figures.histogram else {
        return drawing.text(LEFT, BARS.0, "start", "no pairs, no histogram");
    };
    let pairs = |counts: &[u64]| counts.iter().sum::<u64>();
    let counts = format!(
        "similarities of {} impostor and {} genuine pairs",
        pairs(&bars.impostor),
        pairs(&bars.genuine)
    );
    drawing.text(LEFT, 46.0, "start", &format!("{counts}; heights are logarithms"));
    let most = bars.genuine.iter().chain(&bars.impostor).copied().max().unwrap_or(1);
    let most = height(most.max(1));
    drawing.bars(&bars.impostor, most, IMPOSTOR);
    drawing.bars(&bars.genuine, most, GENUINE);
    let x_of = |similarity: f64| {
        let share = (similarity - f64::from(bars.from)) / f64::from(bars.to - bars.from);
        LEFT + share * (RIGHT - LEFT)
    };
    drawing.line((LEFT, BARS.1), (RIGHT, BARS.1), AXIS);
    let tenths = |value: f32| (value * 10.0).round() as i32;
    for tenth in tenths(bars.from)..=tenths(bars.to) {
        let similarity = f64::from(tenth) / 10.0;
        drawing.text(x_of(similarity), BARS.1 + 18.0, "middle", &format!("{similarity:.1}"));
    }
    let mut count = 1;
    while height(count) <= most {
        let y = BARS.1 - height(count) / most * (BARS.1 - BARS.0);
        drawing.text(LEFT - 8.0, y + 4.0, "end", &count.to_string());
        drawing.line((LEFT - 4.0, y), (LEFT, y), AXIS);
        count *= 10;
    }
    let threshold = f64::from(figures.card.threshold);
    if (LEFT..=RIGHT).contains(&x_of(threshold)) {
        let x = x_of(threshold);
        drawing.line(
            (x, BARS.0 - 8.0),
            (x, BARS.1),
            "stroke=\"#222\" stroke-dasharray=\"4 3\" fill=\"none\"",
        );
        drawing.text(x + 5.0, BARS.0, "start", &format!("threshold {threshold:.2}"));
    }
}

fn curve(drawing: &mut Drawing, figures: &Evaluation) {
    if figures.roc.is_empty() {
        return drawing.text(LEFT, CURVE.0, "start", "no pairs of both kinds, no curve");
    }
    drawing.text(LEFT, CURVE.0 - 22.0, "start", "ROC: true accept rate over false match rate");
    let (least, bottom) = axes(&figures.roc);
    let x_of = |power: f64| LEFT + (power - least) / -least * (RIGHT - LEFT);
    let y_of = |tar: f64| CURVE.1 - (tar - bottom) / (1.0 - bottom) * (CURVE.1 - CURVE.0);
    for power in least as i32..=0 {
        let x = x_of(f64::from(power));
        drawing.line((x, CURVE.0), (x, CURVE.1), GRID);
        drawing.text(x, CURVE.1 + 18.0, "middle", &format!("1e{power}"));
    }
    for step in 0..=4 {
        let tar = bottom + (1.0 - bottom) * f64::from(step) / 4.0;
        drawing.line((LEFT, y_of(tar)), (RIGHT, y_of(tar)), GRID);
        drawing.text(LEFT - 8.0, y_of(tar) + 4.0, "end", &format!("{:.2} %", tar * 100.0));
    }
    let mut path = String::new();
    for (index, (power, tar)) in staircase(&figures.roc, least).into_iter().enumerate() {
        let sign = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{sign}{:.1} {:.1}", x_of(power), y_of(tar));
    }
    let _ = writeln!(drawing.0, "<path d=\"{path}\" fill=\"none\" stroke=\"{GENUINE}\" stroke-width=\"2\"/>");
    for tar in figures.tar_at_fmr.iter().filter_map(|row| row.tar.map(|tar| (row.fmr, tar))) {
        let (x, y) = (x_of(tar.0.log10()), y_of(tar.1));
        let _ = writeln!(drawing.0, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{GENUINE}\"/>");
        drawing.text(x + 6.0, y + 18.0, "start", &format!("{:.2} %", tar.1 * 100.0));
    }
}
