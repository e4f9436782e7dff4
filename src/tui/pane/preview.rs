//! The live picture with a box and a name for every face in view.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::picture::{Pixels, fitted_area};
use super::{Look, draw_message, frame};
use crate::engine::LiveState;
use crate::engine::state::{InferenceStatus, Preview, Recorded, SourceState, TrackVerdict, TrackView};
use crate::tui::graphics::encode::{Encoded, Mark};
use crate::tui::line::Detail;
use crate::tui::text;
use crate::tui::theme::{PictureStyle, Role};

/// What the boxes are drawn on.
#[derive(Debug, Clone, Copy)]
pub enum Ground<'a> {
    /// The newest picture; none before the first.
    Picture(Option<&'a Preview>),
    /// The newest picture in pixels, with boxes and names in it.
    Pixels(&'a Encoded),
    /// Nothing, in the shape of the source's frames: for a slow line.
    Empty,
    /// Not even that.
    Nothing,
}

/// Draws the pane: the faces on the newest picture or on an empty ground, or why there are none.
pub fn draw(
    live: &LiveState,
    ground: Ground<'_>,
    detail: Detail,
    look: &Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    let faces = match live.tracks.len() {
        0 => String::new(),
        1 => "1 face".to_owned(),
        count => format!("{count} faces"),
    };
    // How the line is comes first: it explains what is seen.
    let said = [detail.words(), faces.as_str()];
    let said: Vec<&str> = said.into_iter().filter(|words| !words.is_empty()).collect();
    let inside = frame("Preview", &said.join(" · "), look, area, buffer);
    draw_faces(live, ground, true, look, inside, buffer);
}

/// Draws the faces on the newest picture or on an empty ground into `inside`, their names and scores
/// only where `labelled`; or why there are none.
pub fn draw_faces(
    live: &LiveState,
    ground: Ground<'_>,
    labelled: bool,
    look: &Look,
    inside: Rect,
    buffer: &mut Buffer,
) {
    let shown = match ground {
        _ if !shows_picture(&live.source().state) => Rect::ZERO,
        Ground::Picture(Some(preview)) => {
            let pixels = Pixels { width: preview.width, height: preview.height, rgb: &preview.rgb };
            pixels.draw(look.theme.picture, inside, buffer)
        }
        Ground::Pixels(encoded) => {
            encoded.draw(inside, buffer);
            return;
        }
        Ground::Nothing => {
            let lines = [
                ("the line is too slow for a picture".to_owned(), Role::Dim),
                ("it comes back by itself".to_owned(), Role::Dim),
            ];
            draw_message(&lines, look.theme, inside, buffer);
            return;
        }
        Ground::Picture(None) => Rect::ZERO,
        Ground::Empty => fitted_area(inside, live.source().width, live.source().height),
    };
    if shown.is_empty() {
        draw_message(&reason(live, look.now), look.theme, inside, buffer);
        return;
    }
    let is_empty = matches!(ground, Ground::Empty);
    if is_empty && live.tracks.is_empty() {
        draw_message(&[(absence(&live.inference).to_owned(), Role::Dim)], look.theme, shown, buffer);
    }
    let styles = if is_empty { on_empty } else { on_picture };
    draw_boxes(&live.tracks, styles, look, shown, buffer);
    if labelled {
        draw_labels(&live.tracks, styles, look, shown, buffer);
    }
    draw_badge(&live.source().state, look, shown, buffer);
}

/// Whether the last picture still says something.
pub fn shows_picture(state: &SourceState) -> bool {
    matches!(state, SourceState::Streaming | SourceState::Paused | SourceState::Ended)
}

/// Seconds until `retry_at`, rounded up so that the last one shown is 1.
pub fn seconds_until(retry_at: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    ((retry_at - now).num_milliseconds().max(0) + 999) / 1000
}

/// When the source is tried again, in words.
fn retry_words(retry_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match retry_at {
        Some(at) => format!("trying again in {} s", seconds_until(at, now)),
        None => "it is not tried again".to_owned(),
    }
}

/// Why there is no picture and what to do.
fn reason(live: &LiveState, now: DateTime<Utc>) -> Vec<(String, Role)> {
    let source = &live.source();
    match &source.state {
        SourceState::None => vec![
            ("no source".to_owned(), Role::Warning),
            ("start muster with --source camera:0".to_owned(), Role::Dim),
        ],
        SourceState::Opening => vec![(format!("opening {} …", source.name), Role::Dim)],
        SourceState::Lost { reason, retry_at } => vec![
            ("no picture".to_owned(), Role::Fault),
            (reason.clone(), Role::Text),
            (retry_words(*retry_at, now), Role::Dim),
        ],
        SourceState::Ended => vec![("the recording has ended".to_owned(), Role::Dim)],
        SourceState::Paused => {
            vec![("paused".to_owned(), Role::Warning), ("press p to go on".to_owned(), Role::Dim)]
        }
        SourceState::Streaming => vec![("waiting for the first picture …".to_owned(), Role::Dim)],
    }
}

fn draw_badge(state: &SourceState, look: &Look, shown: Rect, buffer: &mut Buffer) {
    let words = match state {
        SourceState::Paused => " paused: press p to go on ",
        SourceState::Ended => " the recording has ended ",
        _ => return,
    };
    let words = text::fitted(words, usize::from(shown.width));
    let x = shown.x + (shown.width - text::width(&words) as u16) / 2;
    let style = look.theme.style(Role::Warning).add_modifier(Modifier::REVERSED);
    buffer.set_stringn(x, shown.bottom() - 1, words, usize::from(shown.width), style);
}

/// What is said of a face: a sign, words, and whether that is good. `recorded` shows only what the
/// store has answered for.
pub fn verdict_words(verdict: &TrackVerdict) -> (&'static str, String, Role) {
    match verdict {
        TrackVerdict::Undecided => ("…", "looking".to_owned(), Role::Text),
        TrackVerdict::Unidentified => ("?", "unknown".to_owned(), Role::Warning),
        TrackVerdict::Rejected => ("!", "not live".to_owned(), Role::Fault),
        TrackVerdict::Identified { name, similarity, recorded, .. } => {
            let said = format!("{name} {:.2}", similarity.0);
            match recorded {
                Recorded::Yes => ("✓", said, Role::Good),
                Recorded::Soon => ("…", said, Role::Good),
                Recorded::NotYet => ("…", format!("{said} not saved yet"), Role::Warning),
                Recorded::No => ("!", format!("{said} not recorded"), Role::Fault),
            }
        }
    }
}

/// What is drawn on a face where the terminal draws pixels; with its name and score where `labelled`.
pub fn mark(track: &TrackView, labelled: bool) -> Mark {
    let (sign, words, role) = verdict_words(&track.verdict);
    let label = match (labelled, &track.verdict) {
        (false, _) => String::new(),
        (true, TrackVerdict::Undecided) => sign.to_owned(),
        (true, _) => format!("{sign} {words}"),
    };
    let colour = match role {
        Role::Good => [120, 230, 120],
        Role::Warning => [240, 220, 100],
        Role::Fault => [255, 110, 90],
        _ => [235, 235, 235],
    };
    Mark { bounds: track.bounds, colour, label }
}

/// The cells that a box in 0..1 of the picture covers, at least one, inside `shown`.
fn cells_of(bounds: &crate::face::Rect, shown: Rect) -> Option<Rect> {
    if !bounds.is_finite() {
        return None;
    }
    let (width, height) = (f32::from(shown.width), f32::from(shown.height));
    let cells = bounds.scaled(width, height).clamped(width, height);
    // Clamped to the sides of `shown`, which are u16; the saturating cast is exact.
    let (left, top) = (cells.x.floor() as u16, cells.y.floor() as u16);
    let (right, bottom) = (cells.right().ceil() as u16, cells.bottom().ceil() as u16);
    (right > left && bottom > top && left < shown.width && top < shown.height).then(|| Rect {
        x: shown.x + left,
        y: shown.y + top,
        width: right - left,
        height: bottom - top,
    })
}

/// The tracks whose boxes lie in the picture, and their cells.
fn boxes(tracks: &[TrackView], shown: Rect) -> impl Iterator<Item = (&TrackView, Rect)> {
    tracks.iter().filter_map(move |track| Some((track, cells_of(&track.bounds, shown)?)))
}

/// Boxes come first, then labels, so that no box strikes a label out.
fn draw_boxes(tracks: &[TrackView], styles: Styles, look: &Look, shown: Rect, buffer: &mut Buffer) {
    for (track, cells) in boxes(tracks, shown) {
        let (_, _, role) = verdict_words(&track.verdict);
        draw_outline(cells, styles(role, look), look.theme.picture, buffer);
        draw_quality(track, cells, buffer);
    }
}

fn draw_labels(tracks: &[TrackView], styles: Styles, look: &Look, shown: Rect, buffer: &mut Buffer) {
    let mut labels: Vec<Rect> = Vec::new();
    for (track, cells) in boxes(tracks, shown) {
        let (sign, words, role) = verdict_words(&track.verdict);
        // Of a face that is only being looked at the sign is enough: it is about to say more.
        let words = if track.verdict == TrackVerdict::Undecided {
            sign.to_owned()
        } else {
            format!("{sign} {words}")
        };
        let label = text::fitted(&format!(" {words} "), usize::from(shown.width));
        let area = label_area(cells, text::width(&label) as u16, shown, &labels);
        let style = styles(role, look).add_modifier(Modifier::BOLD | Modifier::REVERSED);
        let style = if style.fg.is_some() { style.bg(Color::Black) } else { style };
        buffer.set_stringn(area.x, area.y, label, usize::from(area.width), style);
        labels.push(area);
    }
}

/// Where the label of a box goes: above it, below it, or on its upper edge; the first of these that
/// lies in the picture and on no other label. Moved left so as to stay inside.
fn label_area(cells: Rect, width: u16, shown: Rect, labels: &[Rect]) -> Rect {
    let at = |y| Rect { x: cells.x.min(shown.right() - width), y, width, height: 1 };
    let is_free = |area: &Rect| !labels.iter().any(|label| label.intersects(*area));
    let above = (cells.y > shown.y).then(|| at(cells.y - 1));
    let below = (cells.bottom() < shown.bottom()).then(|| at(cells.bottom()));
    let places = above.into_iter().chain(below).chain([at(cells.y)]);
    places.into_iter().find(is_free).unwrap_or_else(|| above.unwrap_or(at(cells.y)))
}

/// The style of a box by what is said of the face.
type Styles = fn(Role, &Look) -> Style;

/// The terminal's own colours, on its own ground.
fn on_empty(role: Role, look: &Look) -> Style {
    look.theme.style(role)
}

/// Colours that stand out from a photograph.
fn on_picture(role: Role, look: &Look) -> Style {
    match (look.theme.picture, role) {
        (PictureStyle::Characters, _) => Style::new().add_modifier(Modifier::BOLD),
        (_, Role::Good) => Style::new().fg(Color::LightGreen),
        (_, Role::Warning) => Style::new().fg(Color::LightYellow),
        (_, _) => Style::new().fg(Color::White),
    }
}

/// The outline of a box; the picture stays as the background of its lines.
fn draw_outline(cells: Rect, style: Style, picture: PictureStyle, buffer: &mut Buffer) {
    let (left, right) = (cells.x, cells.right() - 1);
    let (top, bottom) = (cells.y, cells.bottom() - 1);
    let mut put = |x: u16, y: u16, symbol: &str| {
        let Some(cell) = buffer.cell_mut((x, y)) else { return };
        if picture != PictureStyle::Characters {
            cell.bg = between(cell.fg, cell.bg);
        }
        cell.set_symbol(symbol).set_style(style);
    };
    for x in left..=right {
        put(x, top, "─");
        put(x, bottom, "─");
    }
    for y in top..=bottom {
        put(left, y, "│");
        put(right, y, "│");
    }
    for (x, y, corner) in [(left, top, "┌"), (right, top, "┐"), (left, bottom, "└"), (right, bottom, "┘")]
    {
        put(x, y, corner);
    }
}

/// The lower edge of a box is heavy as far as the face is good in its worst respect.
fn draw_quality(track: &TrackView, cells: Rect, buffer: &mut Buffer) {
    let Some(worst) = track.gauges.iter().map(|gauge| gauge.tenths).min() else { return };
    let heavy = (u32::from(cells.width) * u32::from(worst.min(10))).div_ceil(10) as u16;
    for x in cells.x..cells.x + heavy {
        if let Some(cell) = buffer.cell_mut((x, cells.bottom() - 1)) {
            cell.set_symbol("━");
        }
    }
}

/// How good a face is, each respect as a bar of five.
fn gauge_words(track: &TrackView) -> String {
    let words: Vec<String> =
        track.gauges.iter().map(|gauge| format!("{} {}", bar_of_five(gauge.tenths), gauge.name)).collect();
    words.join("  ")
}

/// A gauge's tenths as a bar.
pub fn bar_of_five(tenths: u8) -> String {
    let full = usize::from(tenths.min(10)).div_ceil(2);
    format!("{}{}", "▮".repeat(full), "▯".repeat(5 - full))
}

/// The colour half-way between the halves of a cell, where both are 24-bit; else the lower one.
fn between(upper: Color, lower: Color) -> Color {
    let (Color::Rgb(r1, g1, b1), Color::Rgb(r2, g2, b2)) = (upper, lower) else { return lower };
    Color::Rgb(r1.midpoint(r2), g1.midpoint(g2), b1.midpoint(b2))
}

/// Why no face is in view.
fn absence(inference: &InferenceStatus) -> &'static str {
    match inference {
        InferenceStatus::Ready { .. } => "nobody is in view",
        InferenceStatus::Loading => "the nets are being loaded …",
        InferenceStatus::Unavailable { .. } => "recognition is not available",
    }
}

/// Draws the faces in view as lines: who, how alike, and what the liveness net says.
pub fn draw_in_view(live: &LiveState, look: &Look, area: Rect, buffer: &mut Buffer) {
    let inside = frame("In view", "", look, area, buffer);
    if live.tracks.is_empty() {
        let words = absence(&live.inference).to_owned();
        draw_message(&[(words, Role::Dim)], look.theme, inside, buffer);
    }
    // Two lines a face, where there is room for all of them.
    let gauges = live.tracks.len() * 2 <= usize::from(inside.height);
    let step = if gauges { 2 } else { 1 };
    for (track, y) in live.tracks.iter().zip((inside.y..inside.bottom()).step_by(step)) {
        let (sign, words, role) = verdict_words(&track.verdict);
        let liveness = track.liveness.score().map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
        let right = format!("liveness {liveness:>4} ");
        let room = usize::from(inside.width).saturating_sub(text::width(&right) + 1);
        let left = text::padded(&format!(" {sign} {words}"), room);
        let style = look.theme.style(role);
        let (x, _) = buffer.set_stringn(inside.x, y, left, room, style);
        let room = usize::from(inside.right().saturating_sub(x));
        buffer.set_stringn(x, y, format!(" {right}"), room, look.theme.style(Role::Dim));
        if gauges && y + 1 < inside.bottom() {
            let room = usize::from(inside.width.saturating_sub(4));
            let words = text::fitted(&gauge_words(track), room);
            buffer.set_stringn(inside.x + 3, y + 1, words, room, look.theme.style(Role::Dim));
        }
    }
}
