//! Draws the kiosk view: the picture and who came last above, what somebody is told below in big letters.

use chrono::{DateTime, NaiveDateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;

use super::arrivals::Told;
use super::entry::{Answer, Entry};
use super::{Kiosk, Question};
use crate::attendance::PresenceState;
use crate::engine::handle::Snapshot;
use crate::engine::state::{InferenceStatus, SourceState};
use crate::tui::big::Letters;
use crate::tui::dialog::{draw_lines, window};
use crate::tui::layout::centred;
use crate::tui::pane::log::words::span_words;
use crate::tui::pane::preview::{Ground, draw_faces};
use crate::tui::pane::{Look, draw_message};
use crate::tui::text;
use crate::tui::theme::Role;

/// Where everything lies.
struct Places {
    picture: Rect,
    recent: Rect,
    words: Rect,
    line: Rect,
    foot: Rect,
}

impl Places {
    fn of(area: Rect) -> Self {
        // The words get more than a third, and never less than the smallest letters need.
        let words = (area.height * 9 / 25).clamp(6, 34);
        let rows =
            [Constraint::Fill(1), Constraint::Length(words), Constraint::Length(2), Constraint::Length(1)];
        let [top, words, line, foot] = area.layout(&Layout::vertical(rows));
        let recent = (area.width / 3).clamp(22, 48);
        let [picture, recent] =
            top.layout(&Layout::horizontal([Constraint::Fill(1), Constraint::Length(recent)]));
        Self { picture, recent, words, line, foot }
    }
}

/// Where the picture lies on a screen of `area`.
pub fn picture_area(area: Rect) -> Rect {
    Places::of(area).picture
}

/// Draws the view into `area`.
pub fn draw(
    kiosk: &Kiosk,
    snapshot: &Snapshot,
    ground: Ground<'_>,
    look: &Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    let places = Places::of(area);
    draw_faces(&snapshot.live, ground, false, look, places.picture, buffer);
    draw_recent(kiosk, look, places.recent, buffer);
    let said = said(kiosk, snapshot, look);
    draw_words(&said, look, places.words, buffer);
    let style = look.theme.style(said.role);
    let words = text::fitted(&format!("{} {}", said.sign, said.line), usize::from(places.line.width));
    let x = places.line.x + (places.line.width - text::width(&words) as u16) / 2;
    buffer.set_stringn(x, places.line.y, words, usize::from(places.line.width), style);
    draw_foot(look, places.foot, buffer);
    if let Some(question) = kiosk.question(look.now) {
        draw_question(&question, look, area, buffer);
    }
}

/// What is said at the moment.
struct Said {
    /// In big letters; a second part goes beside it where there is room, else below.
    words: String,
    second: Option<String>,
    /// In a line below, in a sentence; a sign goes before it, so that nothing is said by colour alone.
    line: String,
    sign: &'static str,
    role: Role,
}

fn time(at: DateTime<Utc>, look: &Look) -> String {
    look.zone.local(at).format("%H:%M").to_string()
}

fn said(kiosk: &Kiosk, snapshot: &Snapshot, look: &Look) -> Said {
    if let Some(entry) = &kiosk.entry {
        return entry_words(entry);
    }
    if let Some((answer, _)) = &kiosk.answer {
        return answer_words(answer, look);
    }
    if let Some(told) = kiosk.arrivals.shown() {
        return told_words(told, kiosk, look);
    }
    let takes_identifiers = kiosk.takes_characters();
    if let Some(out_of_order) = out_of_order(snapshot, takes_identifiers) {
        return out_of_order;
    }
    let line = |words: &str| words.to_owned();
    if let Some(guidance) = kiosk.arrivals.guidance() {
        let words = guidance.words().to_uppercase();
        return Said { words, second: None, line: line("then it works"), sign: "?", role: Role::Warning };
    }
    let now = look.zone.local(look.now);
    let looking = kiosk.arrivals.is_looking();
    Said {
        words: now.format("%H:%M").to_string(),
        second: None,
        line: line(match (looking, takes_identifiers) {
            (true, _) => "one moment",
            (false, false) => "please look into the camera",
            (false, true) => "please look into the camera, or type your identifier",
        }),
        sign: if looking { "…" } else { "·" },
        role: Role::Text,
    }
}

fn told_words(told: &Told, kiosk: &Kiosk, look: &Look) -> Said {
    let upper = |name: &crate::attendance::PersonName| name.as_str().to_uppercase();
    match told {
        Told::Welcome(name, since) => {
            let is_early = look.now - *since > super::arrivals::AGAIN;
            let line = if is_early { "you were recorded before" } else { "recorded" };
            Said {
                words: upper(name),
                second: Some(time(*since, look)),
                line: line.to_owned(),
                sign: "✓",
                role: Role::Good,
            }
        }
        Told::Attending(name, since, late) => Said {
            words: upper(name),
            second: Some(match late {
                None => "ON TIME".to_owned(),
                Some(late) => format!("LATE BY {}", span_words(*late).to_uppercase()),
            }),
            line: format!("recorded at {}", time(*since, look)),
            sign: "✓",
            role: if late.is_none() { Role::Good } else { Role::Warning },
        },
        Told::Goodbye(name, at) => Said {
            words: format!("GOODBYE, {}", upper(name)),
            second: None,
            line: format!("you left at {}", time(*at, look)),
            sign: "○",
            role: Role::Good,
        },
        Told::NotSaved(name) => Said {
            words: upper(name),
            second: Some("NOT SAVED".to_owned()),
            line: "recognised, but the record is not saved yet: tell the staff".to_owned(),
            sign: "!",
            role: Role::Fault,
        },
        Told::NotRecorded(name) => Said {
            words: upper(name),
            second: Some("NOT RECORDED".to_owned()),
            line: "recognised, but there is no record: go to the desk".to_owned(),
            sign: "!",
            role: Role::Fault,
        },
        Told::NotRecognised => {
            let help = kiosk.arrivals.guidance().map(|guidance| guidance.words());
            Said {
                words: "NOT RECOGNISED".to_owned(),
                second: None,
                line: help.unwrap_or("please go to the desk").to_owned(),
                sign: "?",
                role: Role::Warning,
            }
        }
        Told::NotAccepted => Said {
            words: "NOT ACCEPTED".to_owned(),
            second: None,
            line: "show your own face, nothing before it".to_owned(),
            sign: "!",
            role: Role::Fault,
        },
    }
}

/// What somebody sees of what they type: an identifier as it is, of a PIN how long it is.
fn entry_words(entry: &Entry) -> Said {
    let (typed, is_pin) = entry.shown();
    let words = if typed.is_empty() { "PIN".to_owned() } else { typed };
    let line = match (entry.is_sent(), is_pin) {
        (true, _) => "one moment",
        (false, true) => "type your PIN, then enter; esc clears",
        (false, false) => "enter goes on, esc clears",
    };
    let sign = if entry.is_sent() { "…" } else { "▸" };
    Said { words, second: None, line: line.to_owned(), sign, role: Role::Text }
}

fn answer_words(answer: &Answer, look: &Look) -> Said {
    let (words, second, line, sign, role) = match answer {
        Answer::Welcome(name, state, since, again) => {
            let line = match (again, state) {
                (true, _) => "you were recorded before",
                (false, PresenceState::Present) => "recorded",
                (false, PresenceState::Left) => "recorded: you have left",
            };
            (name.as_str().to_uppercase(), Some(time(*since, look)), line, "✓", Role::Good)
        }
        Answer::NotSaved(name) => {
            let line = "known, but the record could not be saved yet: tell the staff";
            (name.as_str().to_uppercase(), Some("NOT SAVED".to_owned()), line, "!", Role::Fault)
        }
        Answer::NotAccepted => ("NOT ACCEPTED".to_owned(), None, "please go to the desk", "!", Role::Fault),
        Answer::Wait(seconds) => {
            ("WAIT".to_owned(), Some(format!("{seconds} s")), "too many wrong tries", "!", Role::Warning)
        }
        Answer::Failed => ("OUT OF ORDER".to_owned(), None, "please go to the desk", "!", Role::Fault),
    };
    Said { words, second, line: line.to_owned(), sign, role }
}

/// What is said where nobody can be recognised at the moment.
fn out_of_order(snapshot: &Snapshot, takes_identifiers: bool) -> Option<Said> {
    let line = match (&snapshot.live.source().state, &snapshot.live.inference) {
        (_, InferenceStatus::Unavailable { .. }) => "recognition is not available",
        (SourceState::None | SourceState::Lost { .. }, _) => "the camera is not available",
        (SourceState::Ended, _) => "the recording has ended",
        (SourceState::Paused, _) => "paused",
        _ => return None,
    };
    let otherwise = if takes_identifiers { "type your identifier" } else { "please go to the desk" };
    Some(Said {
        words: "OUT OF ORDER".to_owned(),
        second: None,
        line: format!("{line}: {otherwise}"),
        sign: "!",
        role: Role::Fault,
    })
}

/// The words as large as they fit: on one line with their second part, on two lines, or, where no
/// letters are large enough or the terminal has to draw them, as plain text.
fn draw_words(said: &Said, look: &Look, area: Rect, buffer: &mut Buffer) {
    let style = look.theme.style(said.role);
    let second = said.second.as_deref();
    let together = second.map_or_else(|| said.words.clone(), |second| format!("{} – {second}", said.words));
    let one = Letters::of(&together).and_then(|letters| Some((letters.fitting(area)?, letters)));
    let halves: [Rect; 2] = area.layout(&Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]));
    let two = second.and_then(|second| {
        let letters = [Letters::of(&said.words)?, Letters::of(second)?];
        let scale = letters.iter().zip(halves).filter_map(|(letters, half)| letters.fitting(half)).min()?;
        let fits = letters.iter().zip(halves).all(|(letters, half)| letters.fitting(half).is_some());
        fits.then_some((scale, letters))
    });
    match (one, two) {
        (Some((scale, letters)), two) if two.as_ref().is_none_or(|(other, _)| *other <= scale) => {
            letters.draw(scale, style, area, buffer);
        }
        (_, Some((scale, letters))) => {
            for (letters, half) in letters.iter().zip(halves) {
                letters.draw(scale, style, half, buffer);
            }
        }
        _ => draw_plain(said, look, area, buffer),
    }
}

fn draw_plain(said: &Said, look: &Look, area: Rect, buffer: &mut Buffer) {
    let style = look.theme.style(said.role).add_modifier(Modifier::BOLD);
    let lines = [Some(said.words.as_str()), said.second.as_deref()];
    let mut wrapped: Vec<String> = Vec::new();
    for line in lines.into_iter().flatten() {
        wrapped.extend(text::wrapped(line, usize::from(area.width)));
    }
    let top = area.y + area.height.saturating_sub(wrapped.len() as u16 * 2) / 2;
    for (line, y) in wrapped.iter().zip((top..area.bottom()).step_by(2)) {
        let x = area.x + area.width.saturating_sub(text::width(line) as u16) / 2;
        buffer.set_stringn(x, y, line, usize::from(area.width), style);
    }
}

fn draw_recent(kiosk: &Kiosk, look: &Look, area: Rect, buffer: &mut Buffer) {
    let inside = crate::tui::pane::frame("Last here", "", look, area, buffer);
    let waiting = kiosk.arrivals.waiting();
    if kiosk.arrivals.recent().next().is_none() {
        draw_message(&[("nobody yet".to_owned(), Role::Dim)], look.theme, inside, buffer);
    }
    for (arrival, y) in kiosk.arrivals.recent().zip(inside.y..inside.bottom()) {
        let at = time(arrival.since, look);
        let room = usize::from(inside.width).saturating_sub(text::width(&at) + 4);
        let name = text::padded(arrival.name.as_str(), room);
        let line = format!(" {name} {at}  ");
        buffer.set_stringn(inside.x, y, line, usize::from(inside.width), look.theme.style(Role::Text));
    }
    if waiting > 0 && inside.height > 0 {
        let words = format!(" {waiting} more in turn ");
        let words = text::fitted(&words, usize::from(inside.width));
        let style = look.theme.style(Role::Accent);
        buffer.set_stringn(inside.x, area.bottom() - 1, words, usize::from(inside.width), style);
    }
}

fn draw_foot(look: &Look, area: Rect, buffer: &mut Buffer) {
    let now: NaiveDateTime = look.zone.local(look.now);
    let dim = look.theme.style(Role::Dim);
    let date = now.format(" %A, %-d %B %Y").to_string();
    buffer.set_stringn(area.x, area.y, date, usize::from(area.width), dim);
    let words = "esc: PIN ";
    let x = area.right().saturating_sub(words.len() as u16);
    buffer.set_stringn(x, area.y, words, words.len(), dim);
}

fn draw_question(question: &Question, look: &Look, area: Rect, buffer: &mut Buffer) {
    let box_area = centred(area, 44, 7);
    let inside = window("Kiosk PIN", look.theme, Role::FocusedBorder, box_area, buffer);
    let stars = "•".repeat(question.typed);
    let field = format!("▸ {stars}_");
    let note = match question {
        Question { seconds_locked: Some(seconds), .. } => {
            (format!("too many wrong ones: wait {seconds} s"), Role::Fault)
        }
        Question { is_checked: true, .. } => ("one moment".to_owned(), Role::Dim),
        Question { was_wrong: true, tries_left: 0, .. } => ("that was wrong".to_owned(), Role::Warning),
        Question { was_wrong: true, tries_left: 1, .. } => {
            ("that was wrong: one more try before a wait".to_owned(), Role::Warning)
        }
        Question { was_wrong: true, tries_left, .. } => {
            (format!("that was wrong: {tries_left} more tries before a wait"), Role::Warning)
        }
        _ => ("enter leaves the kiosk view, esc goes back".to_owned(), Role::Dim),
    };
    draw_lines(
        &[("", Role::Text), (&field, Role::Text), ("", Role::Text), (&note.0, note.1)],
        look.theme,
        inside,
        buffer,
    );
}
