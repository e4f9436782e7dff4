//! The bar at the top: what the source does, how fast, on what, and for how many. Below it, what is
//! wrong, in words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::preview::seconds_until;
use crate::access::Role as AccessRole;
use crate::engine::handle::{LinkStatus, Snapshot};
use crate::engine::state::{InferenceStatus, LiveState, SourceState, SourceStatus};
use crate::tui::line::{Detail, rate_words};
use crate::tui::message::LineState;
use crate::tui::text;
use crate::tui::theme::Role;

/// A piece of the bar; pieces of the lowest weight go first where there is no room.
struct Piece {
    text: String,
    role: Role,
    weight: u8,
}

fn piece(text: impl Into<String>, role: Role, weight: u8) -> Piece {
    Piece { text: text.into(), role, weight }
}

fn source_words(source: &SourceStatus, look: &Look) -> (String, Role) {
    match &source.state {
        SourceState::Streaming if source.trouble.is_some() => ("! live".to_owned(), Role::Warning),
        SourceState::None => ("○ no source".to_owned(), Role::Warning),
        SourceState::Opening => ("… opening".to_owned(), Role::Dim),
        SourceState::Streaming => ("● live".to_owned(), Role::Good),
        SourceState::Paused => ("‖ paused".to_owned(), Role::Warning),
        SourceState::Ended => ("○ ended".to_owned(), Role::Dim),
        SourceState::Lost { retry_at: Some(retry_at), .. } => {
            (format!("! lost, retry in {} s", seconds_until(*retry_at, look.now)), Role::Fault)
        }
        SourceState::Lost { retry_at: None, .. } => ("! lost".to_owned(), Role::Fault),
    }
}

fn left_pieces(title: &str, snapshot: &Snapshot, look: &Look) -> Vec<Piece> {
    let live = &snapshot.live;
    let source = live.source();
    let (state, role) = match &*snapshot.link {
        LinkStatus::Up => source_words(source, look),
        LinkStatus::Lost { .. } | LinkStatus::Ended { .. } => ("! engine gone".to_owned(), Role::Fault),
    };
    let mut pieces = vec![piece(format!(" {title} "), Role::Accent, 8), piece(state, role, 10)];
    if live.sources.len() > 1 {
        let place = format!("{} {}/{}", source.name, live.focus.position() + 1, live.sources.len());
        pieces.push(piece(place, Role::Text, 8));
    } else if !source.name.is_empty() {
        pieces.push(piece(source.name.clone(), Role::Text, 5));
    }
    if source.width > 0 && source.height > 0 {
        pieces.push(piece(format!("{}×{}", source.width, source.height), Role::Dim, 1));
    }
    if matches!(source.state, SourceState::Streaming) {
        pieces.push(piece(format!("{:.1} frames/s", source.frames_per_second), Role::Text, 7));
    }
    pieces.extend(other_sources(live));
    if source.dropped > 0 {
        pieces.push(piece(format!("{} dropped", source.dropped), Role::Dim, 4));
    }
    if source.skipped > 0 {
        pieces.push(piece(format!("{} unreadable", source.skipped), Role::Warning, 4));
    }
    pieces
}

/// What is to be known of the sources that are not looked at: which are lost or impaired, and how many faces
/// are before them.
fn other_sources(live: &LiveState) -> Vec<Piece> {
    let others = live.sources.iter().enumerate().filter(|(position, _)| *position != live.focus.position());
    let words = |source: &SourceStatus| match (&source.state, &source.trouble) {
        (SourceState::Lost { .. }, _) => Some(piece(format!("! {} lost", source.name), Role::Fault, 9)),
        (SourceState::Streaming, Some(_)) => Some(piece(format!("! {}", source.name), Role::Warning, 8)),
        (SourceState::Streaming, None) if source.in_view > 0 => {
            Some(piece(format!("{} {}", source.name, source.in_view), Role::Dim, 3))
        }
        _ => None,
    };
    others.filter_map(|(_, source)| words(source)).collect()
}

fn right_pieces(snapshot: &Snapshot, line: &LineState, width: u16) -> Vec<Piece> {
    let (live, roster) = (&snapshot.live, &snapshot.roster);
    let mut pieces = Vec::new();
    match snapshot.role {
        Some(AccessRole::Admin) => {}
        Some(role) => pieces.push(piece(role.to_string(), Role::Accent, 9)),
        None => pieces.push(piece("! no role", Role::Fault, 9)),
    }
    if let Some(bytes) = line.bytes_per_second {
        // On a slow line it is what somebody wants to know first.
        let weight = if line.detail < Detail::Steady { 8 } else { 2 };
        pieces.push(piece(rate_words(bytes), Role::Dim, weight));
    }
    if live.not_recorded > 0 {
        pieces.push(piece(format!("{} not recorded", live.not_recorded), Role::Fault, 9));
    }
    if live.store_queue > 0 {
        pieces.push(piece(format!("{} not saved yet", live.store_queue), Role::Warning, 9));
    }
    if let Some(disk) = live.store_disk {
        pieces.push(piece(disk.words(), Role::Fault, 9));
    }
    // The one that is nearest to being complete.
    if let Some(open) = roster.sessions.iter().min_by_key(|open| open.missing()) {
        let name = text::fitted(open.session.name.as_str(), 16);
        let role = if open.missing() == 0 { Role::Good } else { Role::Accent };
        pieces.push(piece(format!("{name} {}/{}", open.here, open.expected), role, 7));
    }
    if roster.unsure_times > 0 {
        let words = match (width >= 100, roster.unsure_times) {
            (true, 1) => "1 record of an unsure time: :times".to_owned(),
            (true, count) => format!("{count} records of an unsure time: :times"),
            (false, count) => format!("{count} unsure: :times"),
        };
        pieces.push(piece(words, Role::Warning, 8));
    }
    let total_ms: f32 = live.stage_times_ms.iter().map(|(_, ms)| ms).sum();
    if total_ms > 0.0 {
        pieces.push(piece(format!("{total_ms:.0} ms"), Role::Dim, 2));
    }
    match &live.inference {
        InferenceStatus::Loading => pieces.push(piece("loading nets", Role::Dim, 6)),
        InferenceStatus::Ready { provider, pack } => {
            pieces.push(piece(pack.clone(), Role::Dim, 1));
            pieces.push(piece(provider.to_string(), Role::Text, 6));
        }
        InferenceStatus::Unavailable { .. } => pieces.push(piece("! no nets", Role::Fault, 9)),
    }
    let people = roster.rows.iter().filter(|row| row.templates > 0).count();
    let gallery = match (people, roster.templates) {
        (1, _) => "gallery 1 person".to_owned(),
        (people, templates) if templates as usize > people => {
            format!("gallery {people} people, {templates} templates")
        }
        (people, _) => format!("gallery {people} people"),
    };
    pieces.push(piece(gallery, Role::Text, 3));
    if let Some(threshold) = roster.threshold {
        pieces.push(piece(format!("threshold {:.2}", threshold.0.0), Role::Dim, 1));
    }
    pieces
}

const GAP: usize = 2;

fn cells(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| text::width(&piece.text) + GAP).sum()
}

/// Takes the pieces of the lowest weight away until the rest fits into `width` cells.
fn drop_until_fits(left: &mut Vec<Piece>, right: &mut Vec<Piece>, width: usize) {
    while cells(left) + cells(right) > width {
        let least = left.iter().chain(right.iter()).map(|piece| piece.weight).min();
        let Some(least) = least else { return };
        let side = if right.iter().any(|piece| piece.weight == least) { &mut *right } else { &mut *left };
        let Some(at) = side.iter().rposition(|piece| piece.weight == least) else { return };
        side.remove(at);
    }
}

/// Draws the bar.
pub fn draw(
    title: &str,
    snapshot: &Snapshot,
    line: &LineState,
    look: &Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut left = left_pieces(title, snapshot, look);
    let mut right = right_pieces(snapshot, line, area.width);
    for piece in left.iter_mut().chain(right.iter_mut()) {
        piece.text = text::fitted(&piece.text, usize::from(area.width) / 2);
    }
    drop_until_fits(&mut left, &mut right, usize::from(area.width));
    buffer.set_style(area, look.theme.style(Role::Bar));
    let right_start = area.right().saturating_sub((cells(&right)).min(usize::from(area.width)) as u16);
    for (mut x, pieces) in [(area.x, left), (right_start + 1, right)] {
        for piece in pieces {
            let room = usize::from(area.right().saturating_sub(x));
            (x, _) = buffer.set_stringn(x, area.y, piece.text, room, look.theme.style(piece.role));
            x = x.saturating_add(GAP as u16);
        }
    }
}

/// What is wrong and needs more than a word; none where all is well.
pub fn alert(snapshot: &Snapshot) -> Option<String> {
    let live = &snapshot.live;
    if let LinkStatus::Lost { reason, .. } = &*snapshot.link {
        return Some(format!(
            "{reason}: what is shown is as it was, and nothing can be done; this screen goes on when the engine is back"
        ));
    }
    if let Some(fault) = &live.store_fault {
        let waiting = match live.store_queue {
            0 => None,
            1 => Some("1 record waits".to_owned()),
            count => Some(format!("{count} records wait")),
        };
        let lost = match live.not_recorded {
            0 => None,
            1 => Some("1 was not recorded".to_owned()),
            count => Some(format!("{count} were not recorded")),
        };
        let counts: Vec<String> = waiting.into_iter().chain(lost).collect();
        let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
        return Some(format!("nothing can be saved: {fault}{counts}"));
    }
    if let InferenceStatus::Unavailable { reason } = &live.inference {
        return Some(format!("recognition is not available: {reason}"));
    }
    if let Some(words) = source_alert(live) {
        return Some(words);
    }
    let foreign = snapshot.roster.foreign_templates;
    (foreign > 0 && snapshot.roster.templates == 0).then(|| {
        format!("{foreign} templates were made with other nets and are not searched: enrol with this pack")
    })
}

/// What is wrong with sources and is not said in place of their picture: the source that is looked at may be
/// impaired, others may be lost too.
fn source_alert(live: &LiveState) -> Option<String> {
    let said = live.sources.iter().enumerate().filter_map(|(position, source)| {
        let is_looked_at = position == live.focus.position();
        let words = match (&source.state, &source.trouble) {
            (SourceState::Lost { reason, .. }, _) if !is_looked_at => reason,
            (SourceState::Streaming, Some(trouble)) => trouble,
            _ => return None,
        };
        Some(if live.sources.len() > 1 { format!("{}: {words}", source.name) } else { words.clone() })
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Rows that [`draw_alert`] needs for `alert` on a screen of `width`: at most two.
pub fn alert_rows(alert: Option<&str>, width: u16) -> u16 {
    let lines = |alert| text::wrapped(alert, usize::from(width.saturating_sub(4))).len();
    alert.map_or(0, |alert| lines(alert).clamp(1, 2) as u16)
}

/// Draws what is wrong; more than two lines end in `…`.
pub fn draw_alert(alert: &str, look: &Look, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width.saturating_sub(4));
    let style = look.theme.style(Role::Fault);
    let mut lines = text::wrapped(alert, width);
    let rows = usize::from(area.height);
    if lines.len() > rows && rows > 0 {
        let rest = lines.split_off(rows - 1).join(" ");
        lines.push(text::fitted(&rest, width));
    }
    for ((row, line), y) in lines.iter().enumerate().zip(area.y..area.bottom()) {
        let sign = if row == 0 { " ! " } else { "   " };
        buffer.set_stringn(area.x, y, format!("{sign}{line}"), usize::from(area.width), style);
    }
}
