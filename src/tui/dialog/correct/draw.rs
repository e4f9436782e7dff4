//! Draws the correction: what the entry says, what corrected it so far, and the prompt.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{CorrectDialog, Field};
use crate::engine::LogEntry;
use crate::tui::dialog::{draw_field, draw_lines, window};
use crate::tui::layout::centred;
use crate::tui::pane::Look;
use crate::tui::pane::log::corrected::Fate;
use crate::tui::pane::log::words;
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of the dialog, where the screen has as many.
const WIDTH: u16 = 76;
/// Rows besides those of the chain: borders, the choice, two fields, two of what is said, and air.
const ROWS: u16 = 10;

impl CorrectDialog {
    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let chain = self.chain_lines(look);
        let wanted = ROWS.saturating_add(chain.len() as u16);
        let area = centred(screen, WIDTH, wanted.min(screen.height.saturating_sub(2)));
        let name = self.entry.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let title = format!("Correct entry {}{name}", self.entry.sequence);
        let inside = window(&title, theme, Role::FocusedBorder, area, buffer);
        let room = usize::from(inside.width);
        // The last ones matter most where there is no room for all.
        let rows = inside.height.saturating_sub(ROWS - 2).min(chain.len() as u16);
        let shown = &chain[chain.len() - usize::from(rows)..];
        for ((line, role), y) in shown.iter().zip(inside.y..) {
            buffer.set_stringn(inside.x, y, text::fitted(line, room), room, theme.style(*role));
        }
        let top = inside.y + rows;
        let row = |y: u16| Rect { y: top + y, height: 1, ..inside }.intersection(inside);
        self.draw_choices(look, row(1), buffer);
        let is = |field: Field| !self.saving && self.active == field;
        if self.has_time() {
            draw_field("time  ", &self.time, is(Field::Time), theme, row(3), buffer);
        }
        let in_reason = is(Field::Reason) || (!self.saving && !self.has_time());
        draw_field("reason", &self.reason, in_reason, theme, row(4), buffer);
        let below = Rect { y: top + 6, height: inside.bottom().saturating_sub(top + 6), ..inside };
        let (line, role) = match (&self.error, self.saving) {
            (Some(error), _) => (error.as_str(), Role::Fault),
            (None, true) => ("saving …", Role::Text),
            (None, false) => {
                ("↑ ↓ choose what holds. A new entry with your reason; the old one stays.", Role::Dim)
            }
        };
        draw_lines(&[(line, role)], theme, below, buffer);
    }

    /// What the entry says, and what corrected it, one after another; what holds is marked.
    fn chain_lines(&self, look: &Look) -> Vec<(String, Role)> {
        let holding = match self.fate {
            Fate::Stands => Some(self.entry.sequence),
            Fate::Corrected(by) => Some(by),
            Fate::Struck(_) => None,
        };
        let line = |entry: &LogEntry| {
            let at = look.zone.local(entry.at).format("%Y-%m-%d %H:%M:%S");
            let holds = holding == Some(entry.sequence);
            let sign = if holds { "▸" } else { " " };
            let words = words::about(entry, look.zone);
            (format!("{sign}{} {at} {words}", entry.sequence), if holds { Role::Text } else { Role::Dim })
        };
        let mut lines: Vec<(String, Role)> =
            std::iter::once(&self.entry).chain(&self.chain).map(line).collect();
        if let Fate::Struck(by) = self.fate {
            lines.push((format!(" struck by {by}: nothing of it holds"), Role::Warning));
        }
        lines
    }

    fn draw_choices(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let mut x = area.x;
        let words = |index: usize| {
            let sign = if index == self.chosen { "●" } else { "○" };
            format!("{sign} {}  ", self.choices[index].words())
        };
        // From the first that leaves the chosen one room.
        let cells =
            |first: usize| (first..=self.chosen).map(|index| text::width(&words(index))).sum::<usize>();
        let first = (0..=self.chosen).find(|first| cells(*first) <= usize::from(area.width));
        for index in first.unwrap_or(self.chosen)..self.choices.len() {
            let role = if index == self.chosen { Role::Accent } else { Role::Dim };
            let room = usize::from(area.right().saturating_sub(x));
            (x, _) = buffer.set_stringn(
                x,
                area.y,
                text::fitted(&words(index), room),
                room,
                look.theme.style(role),
            );
        }
    }
}
