//! What a subcommand printed that was run from the palette.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::{Step, window};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Ran, Running};
use crate::tui::pane::{Look, Window, draw_scroll_bar, scrolled};
use crate::tui::text;
use crate::tui::theme::Role;

/// The output of a subcommand.
#[derive(Debug, Clone)]
pub struct OutputDialog {
    /// Pairs what comes with it.
    pub id: DialogId,
    line: String,
    /// What it has printed so far.
    printed: String,
    ran: Option<Ran>,
    window: Window,
    room: usize,
    rows: usize,
}

impl OutputDialog {
    /// The dialog while `line` runs.
    pub fn new(id: DialogId, line: String) -> Self {
        Self { id, line, printed: String::new(), ran: None, window: Window::default(), room: 1, rows: 0 }
    }

    /// It has printed something; the last line is seen.
    pub fn printed(&mut self, text: &str) {
        self.printed.push_str(text);
        self.rows = self.lines().len();
        self.window.offset = self.rows.saturating_sub(self.window.height);
    }

    /// It has ended.
    pub fn came(&mut self, ran: Ran) {
        self.ran = Some(ran);
        self.rows = self.lines().len();
    }

    /// How large the screen is.
    pub fn set_screen(&mut self, screen: Size) {
        self.room = usize::from(screen.width.saturating_sub(6)).max(1);
        self.window.height = usize::from(screen.height.saturating_sub(5));
        self.rows = self.lines().len();
        self.window.offset = self.window.offset.min(self.rows.saturating_sub(self.window.height));
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        if action == Action::Cancel {
            return Step::Close;
        }
        self.window.offset = scrolled(action, &self.window, self.rows);
        Step::Stay(Vec::new())
    }

    /// Tables keep their columns: a line that is too long is cut, and one of words is not long.
    fn lines(&self) -> Vec<(String, Role)> {
        let Some(ran) = &self.ran else {
            let lines = self.printed.lines().map(|line| (text::harmless(line).into_owned(), Role::Text));
            // The first row is for how far it is.
            return std::iter::once((String::new(), Role::Dim)).chain(lines).collect();
        };
        let role = if ran.succeeded { Role::Text } else { Role::Warning };
        let lines = ran.text.lines().map(|line| (text::harmless(line).into_owned(), role));
        let lines: Vec<(String, Role)> = lines.collect();
        if lines.is_empty() { vec![("done; it printed nothing".to_owned(), Role::Dim)] } else { lines }
    }

    /// Draws it over `screen`.
    pub fn draw(&self, running: Option<&Running>, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let mut lines = self.lines();
        if let (None, Some(first)) = (&self.ran, lines.first_mut()) {
            let running = running.filter(|running| running.id == self.id);
            first.0 = running.map_or_else(|| "waiting …".to_owned(), |running| running.words(look.now));
        }
        let height = (lines.len() as u16).saturating_add(2).min(screen.height.saturating_sub(2));
        let area = centred(screen, screen.width.saturating_sub(2), height);
        let title = format!(":{}", text::fitted(&self.line, self.room.saturating_sub(4)));
        let inside = window(&title, theme, Role::FocusedBorder, area, buffer);
        for ((line, role), y) in lines.iter().skip(self.window.offset).zip(inside.y..inside.bottom()) {
            let room = usize::from(inside.width);
            buffer.set_stringn(inside.x, y, text::fitted(line, room), room, theme.style(*role));
        }
        let beside = Rect { width: inside.width + 1, ..inside };
        draw_scroll_bar(&self.window, lines.len(), look, beside, buffer);
    }
}
