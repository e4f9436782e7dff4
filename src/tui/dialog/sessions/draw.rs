//! Draws the sessions: a line of them, how many stand how, and everybody expected in the selected one.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::opening::{Field, OpeningForm};
use super::{SessionsDialog, Stage, Tab};
use crate::attendance::{Session, SessionId, Standing};
use crate::engine::command::attendance::SessionLine;
use crate::engine::state::PlannedSession;
use crate::tui::dialog::{draw_field, draw_lines, window};
use crate::tui::layout::centred;
use crate::tui::pane::log::words::{span_words, standing_words};
use crate::tui::pane::{Look, draw_message, draw_scroll_bar};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of the dialog, where the screen has as many.
const WIDTH: u16 = 84;

/// Rows of the list on a screen of `height`: without the bar of hints, the air and border around, the line of
/// sessions, that of the counts, and that of the message.
pub(super) fn list_height(height: u16) -> u16 {
    height.saturating_sub(8)
}

fn time(at: DateTime<Utc>, look: &Look) -> String {
    look.zone.local(at).format("%H:%M").to_string()
}

/// How somebody stands, in a sign and words.
fn line_words(
    line: &SessionLine,
    session: &Session,
    is_open: bool,
    look: &Look,
) -> (&'static str, String, Role) {
    let found = &line.line;
    let (sign, words, role) = standing_words(found.standing);
    let late = found.arrived.and_then(|at| session.late_by(at)).map(span_words);
    let left = found.left.map(|at| time(at, look));
    match (found.standing, late, left) {
        (Standing::Absent, ..) if is_open => (sign, "not here yet".to_owned(), role),
        (Standing::Absent | Standing::Excused, ..) => (sign, words.to_owned(), role),
        (_, _, Some(left)) if is_open => ("○", format!("left {left}"), Role::Text),
        (Standing::LateAndLeftEarly, Some(late), Some(left)) => {
            (sign, format!("late by {late}, left {left}"), role)
        }
        (_, Some(late), _) => (sign, format!("late by {late}"), role),
        (Standing::LeftEarly, _, Some(left)) => (sign, format!("left early {left}"), role),
        _ => {
            let came = found.arrived.map(|at| format!(" {}", time(at, look))).unwrap_or_default();
            (sign, format!("{words}{came}"), role)
        }
    }
}

/// How many stand how, each with its sign and words; who is not there is called `absent`.
fn counts(lines: &[&SessionLine], absent: &str) -> Vec<(&'static str, String)> {
    let all = [
        Standing::Absent,
        Standing::Excused,
        Standing::LeftEarly,
        Standing::LateAndLeftEarly,
        Standing::Late,
        Standing::OnTime,
    ];
    let said = all.into_iter().filter_map(|standing| {
        let count = lines.iter().filter(|line| line.line.standing == standing).count();
        let (sign, words, _) = standing_words(standing);
        let words = if standing == Standing::Absent { absent } else { words };
        (count > 0).then(|| (sign, format!("{count} {words}")))
    });
    said.collect()
}

impl SessionsDialog {
    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let area = centred(screen, WIDTH, screen.height.saturating_sub(2));
        let inside = window(&self.title(look), theme, Role::FocusedBorder, area, buffer);
        let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
        self.draw_tabs(look, row(0), buffer);
        let body = Rect { y: inside.y + 1, height: inside.height.saturating_sub(2), ..inside };
        match (&self.stage, self.tabs.get(self.tab)) {
            (Stage::Opening(form), _) => draw_opening(form, self.saving, look, body, buffer),
            (Stage::AskClose(id), _) => self.draw_question(*id, look, body, buffer),
            (Stage::Roll, None) => {
                let lines = [
                    ("no session is open".to_owned(), Role::Text),
                    ("n opens one; the schedule has none for today".to_owned(), Role::Dim),
                ];
                draw_message(&lines, theme, body, buffer);
            }
            (Stage::Roll, Some(Tab::Planned(planned))) => draw_planned(planned, look, body, buffer),
            (Stage::Roll, Some(Tab::Open(open))) => {
                self.draw_roll(&open.session, true, look, body, buffer);
            }
            (Stage::Roll, Some(Tab::Closed(roll))) => {
                self.draw_roll(&roll.session, false, look, body, buffer);
            }
        }
        if let Some((message, role)) = &self.message {
            let room = usize::from(inside.width);
            let y = inside.bottom().saturating_sub(1);
            buffer.set_stringn(inside.x, y, text::fitted(message, room), room, theme.style(*role));
        }
    }

    fn title(&self, look: &Look) -> String {
        match self.tabs.get(self.tab) {
            None => "Sessions".to_owned(),
            Some(Tab::Planned(planned)) => format!("{}: not open yet", planned.name),
            Some(Tab::Closed(roll)) => {
                let at = roll.closed_at.map(|at| format!(" at {}", time(at, look))).unwrap_or_default();
                format!("{}: closed{at}", roll.session.name)
            }
            Some(Tab::Open(open)) => {
                let session = &open.session;
                let group = session.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
                let until = session.ends_at.map(|at| format!("-{}", time(at, look))).unwrap_or_default();
                let from = time(session.starts_at, look);
                let here = format!("{} of {} here", open.here, open.expected);
                format!("{}{group} {from}{until}: {here}", session.name)
            }
        }
    }

    /// One after another, from the first or from the selected one where not all have room.
    fn draw_tabs(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let words = |tab: &Tab| match tab {
            Tab::Open(open) => {
                format!(" {} {}/{} ", text::fitted(open.session.name.as_str(), 20), open.here, open.expected)
            }
            Tab::Closed(roll) => format!(" {} closed ", text::fitted(roll.session.name.as_str(), 20)),
            Tab::Planned(planned) => {
                let name = text::fitted(planned.name.as_str(), 20);
                format!(" {name} from {} ", time(planned.starts_at, look))
            }
        };
        let all: Vec<String> = self.tabs.iter().map(words).collect();
        let cells =
            |first: usize| all[first..=self.tab].iter().map(|tab| text::width(tab) + 1).sum::<usize>();
        let room = usize::from(area.width);
        let first = (0..=self.tab).find(|first| self.tabs.is_empty() || cells(*first) <= room);
        let mut x = area.x;
        for (index, tab) in all.iter().enumerate().skip(first.unwrap_or(self.tab)) {
            let role = match (index == self.tab, &self.tabs[index]) {
                (true, _) => Role::Selection,
                (_, Tab::Open(open)) if open.missing() == 0 => Role::Good,
                (_, Tab::Open(_)) => Role::Text,
                (_, Tab::Closed(_) | Tab::Planned(_)) => Role::Dim,
            };
            let left = usize::from(area.right().saturating_sub(x));
            (x, _) = buffer.set_stringn(x, area.y, text::fitted(tab, left), left, look.theme.style(role));
            x = x.saturating_add(1);
        }
    }

    fn draw_roll(&self, session: &Session, is_open: bool, look: &Look, area: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let lines = self.lines();
        let room = usize::from(area.width);
        if lines.is_empty() {
            let words = if is_open && self.asked { "calling the roll …" } else { "nobody is expected" };
            return draw_message(&[(words.to_owned(), Role::Dim)], theme, area, buffer);
        }
        let counts = counts(&lines, if is_open { "not here yet" } else { "absent" });
        let counts: Vec<String> = counts.iter().map(|(sign, words)| format!("{sign} {words}")).collect();
        let words = counts.join("   ");
        buffer.set_stringn(area.x, area.y, text::fitted(&words, room), room, theme.style(Role::Accent));
        let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let seen = lines.iter().enumerate().skip(self.window.offset);
        for ((index, line), y) in seen.zip(list.y..list.bottom()) {
            let (sign, words, role) = line_words(line, session, is_open, look);
            let marker = if index == self.line { "▸" } else { " " };
            let cells = if room >= 60 { 28 } else { 18 };
            let name = text::padded(line.name.as_str(), room.saturating_sub(cells + 5));
            let words = text::fitted(&words, cells);
            let row = format!("{marker}{sign} {name} {words:>cells$} ");
            let style = theme.style(if index == self.line { Role::Selection } else { role });
            buffer.set_stringn(list.x, y, text::padded(&row, room), room, style);
        }
        let beside = Rect { width: list.width + 1, ..list };
        draw_scroll_bar(&self.window, lines.len(), look, beside, buffer);
    }

    fn draw_question(&self, id: SessionId, look: &Look, area: Rect, buffer: &mut Buffer) {
        let name = self.tabs.iter().find(|tab| tab.id() == Some(id)).map(|tab| tab.name().to_string());
        let question = format!("Close {} now? This is written:", name.unwrap_or_default());
        let counts: Vec<String> =
            counts(&self.lines(), "absent").into_iter().map(|(_, words)| words).collect();
        let counts = if counts.is_empty() { "nobody is expected".to_owned() } else { counts.join(", ") };
        let last = if self.saving { "closing …" } else { "y closes it, n leaves it open" };
        let lines = [
            ("", Role::Text),
            (question.as_str(), Role::Accent),
            ("", Role::Text),
            (counts.as_str(), Role::Warning),
            ("", Role::Text),
            ("An entry for each. What is wrong can be corrected later.", Role::Dim),
            ("", Role::Text),
            (last, Role::Text),
        ];
        draw_lines(&lines, look.theme, area, buffer);
    }
}

fn draw_planned(planned: &PlannedSession, look: &Look, area: Rect, buffer: &mut Buffer) {
    let whom =
        planned.group.as_ref().map_or_else(|| "everybody".to_owned(), |group| format!("group {group}"));
    let (from, until) = (time(planned.starts_at, look), time(planned.ends_at, look));
    let lines = [
        (format!("from {from} until {until}, for {whom}"), Role::Text),
        (format!("the schedule opens it at {}", time(planned.opens_at, look)), Role::Dim),
    ];
    draw_message(&lines, look.theme, area, buffer);
}

fn draw_opening(form: &OpeningForm, saving: bool, look: &Look, area: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let row = |y: u16| Rect { y: area.y + y, height: 1, ..area }.intersection(area);
    let is = |field: Field| !saving && form.active == field;
    draw_field("name ", &form.name, is(Field::Name), theme, row(1), buffer);
    draw_field("group", &form.group, is(Field::Group), theme, row(2), buffer);
    draw_field("until", &form.until, is(Field::Until), theme, row(3), buffer);
    let below = Rect { y: area.y + 5, height: area.height.saturating_sub(5), ..area };
    let fitting: Vec<String> = form.fitting().iter().map(ToString::to_string).collect();
    let groups = match fitting.len() {
        0 if form.group.value().trim().is_empty() => {
            "No group: everybody on the roster is expected.".to_owned()
        }
        0 => "Nobody on the roster is in such a group.".to_owned(),
        _ => format!("↓ completes: {}", text::fitted(&fitting.join(", "), 200)),
    };
    let (line, role) = match (&form.error, saving) {
        (Some(error), _) => (error.as_str(), Role::Fault),
        (None, true) => ("opening …", Role::Text),
        (None, false) => match form.active {
            Field::Name => ("It begins now. What the class, shift or meeting is called.", Role::Dim),
            Field::Group => (groups.as_str(), Role::Dim),
            Field::Until => ("HH:MM, or nothing where nobody knows yet.", Role::Dim),
        },
    };
    draw_lines(&[(line, role)], theme, below, buffer);
}
