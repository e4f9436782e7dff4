//! Why an entry of the log says what it says.

use chrono::NaiveDateTime;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::{Step, window};
use crate::engine::NamedEntry;
use crate::engine::why::{Weight, WhyLine, why};
use crate::ledger::Sequence;
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::DialogId;
use crate::tui::pane::{Look, Window, draw_scroll_bar, scrolled};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of the dialog, where the screen has as many.
const WIDTH: u16 = 76;
/// Columns of the words before each text.
const ABOUT: usize = 11;

/// Why an entry says what it says.
#[derive(Debug, Clone)]
pub struct WhyDialog {
    /// Pairs the entry with it.
    pub id: DialogId,
    sequence: Sequence,
    at: NaiveDateTime,
    /// None until the entry has come; the inner one where it cannot be read.
    lines: Option<Option<Vec<WhyLine>>>,
    /// Why it is not said.
    refusal: Option<String>,
    window: Window,
    /// Columns for the text, and how many rows it then takes.
    room: usize,
    rows: usize,
}

impl WhyDialog {
    /// The dialog before the entry has come.
    pub fn new(id: DialogId, sequence: Sequence, at: NaiveDateTime) -> Self {
        Self { id, sequence, at, lines: None, refusal: None, window: Window::default(), room: 0, rows: 0 }
    }

    /// The entry has come, or cannot be read.
    pub fn came(&mut self, whole: Option<&NamedEntry>) {
        self.lines = Some(whole.map(why));
        self.settle();
    }

    /// It is not for who asked.
    pub fn refused(&mut self, words: String) {
        self.refusal = Some(words);
        self.settle();
    }

    /// How large the screen is.
    pub fn set_screen(&mut self, screen: Size) {
        // Two borders, a column of air on both sides, and the bar of hints below.
        self.room = usize::from(screen.width.min(WIDTH).saturating_sub(4)).saturating_sub(ABOUT);
        self.window.height = usize::from(screen.height.saturating_sub(5));
        self.settle();
    }

    fn settle(&mut self) {
        self.rows = self.wrapped().len();
        self.window.offset = self.window.offset.min(self.rows.saturating_sub(self.window.height));
    }

    /// The first row that is seen.
    pub fn offset(&self) -> usize {
        self.window.offset
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        if action == Action::Cancel {
            return Step::Close;
        }
        self.window.offset = scrolled(action, &self.window, self.rows);
        Step::Stay(Vec::new())
    }

    /// Rows of the words before, the text, and how it is drawn; the words stand on the first row of
    /// each text.
    fn wrapped(&self) -> Vec<(&'static str, String, Role)> {
        if let Some(words) = &self.refusal {
            let rows = text::wrapped(words, self.room).into_iter();
            return rows.map(|row| ("", row, Role::Warning)).collect();
        }
        let lines = match &self.lines {
            None => return vec![("", "the entry is being read …".to_owned(), Role::Dim)],
            Some(None) => {
                let words = "the entry cannot be read; the log file says more";
                return vec![("", words.to_owned(), Role::Fault)];
            }
            Some(Some(lines)) => lines,
        };
        let mut rows = Vec::new();
        for line in lines {
            let role = match line.weight {
                Weight::Decision => Role::Accent,
                Weight::Missing => Role::Warning,
                Weight::Plain => Role::Text,
            };
            for (index, row) in text::wrapped(&line.text, self.room).into_iter().enumerate() {
                rows.push((if index == 0 { line.about } else { "" }, row, role));
            }
        }
        rows
    }

    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let rows = self.wrapped();
        let height = (rows.len() as u16 + 2).min(screen.height.saturating_sub(2));
        let area = centred(screen, WIDTH, height);
        let title = format!("Why entry {}, {}", self.sequence, self.at.format("%Y-%m-%d %H:%M:%S"));
        let inside = window(&title, theme, Role::FocusedBorder, area, buffer);
        for ((about, row, role), y) in rows.iter().skip(self.window.offset).zip(inside.y..inside.bottom()) {
            let room = usize::from(inside.width);
            let about = text::padded(about, ABOUT);
            let (x, _) = buffer.set_stringn(inside.x, y, about, room, theme.style(Role::Dim));
            let room = usize::from(inside.right().saturating_sub(x));
            buffer.set_stringn(x, y, text::fitted(row, room), room, theme.style(*role));
        }
        let beside = Rect { width: inside.width + 1, ..inside };
        draw_scroll_bar(&self.window, rows.len(), look, beside, buffer);
    }
}
