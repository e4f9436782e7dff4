//! The help: every key of every mode, from the keymap itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, window};
use crate::tui::keymap::{Action, Keymap};
use crate::tui::layout::centred;
use crate::tui::pane::{Look, Window, draw_scroll_bar};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// The help.
#[derive(Debug, Clone, Default)]
pub struct HelpDialog {
    window: Window,
    lines: usize,
}

impl HelpDialog {
    /// The help over `keymap`.
    pub fn new(keymap: &Keymap) -> Self {
        Self { window: Window::default(), lines: keymap.help().len() }
    }

    /// How many lines are seen on a screen of `height` rows.
    pub fn set_screen_height(&mut self, height: u16) {
        self.window.height = usize::from(height.saturating_sub(4));
        self.window.offset = self.window.offset.min(self.lines.saturating_sub(self.window.height));
    }

    /// The first line that is seen.
    pub fn offset(&self) -> usize {
        self.window.offset
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        let furthest = self.lines.saturating_sub(self.window.height);
        let page = self.window.height.max(2) - 1;
        let offset = self.window.offset;
        self.window.offset = match action {
            Action::Cancel => return Step::Close,
            Action::Up => offset.saturating_sub(1),
            Action::Down => offset + 1,
            Action::PageUp => offset.saturating_sub(page),
            Action::PageDown => offset + page,
            Action::First => 0,
            Action::Last => furthest,
            _ => offset,
        }
        .min(furthest);
        Step::Stay(Vec::new())
    }

    /// Draws it over `screen`.
    pub fn draw(&self, keymap: &Keymap, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme: &Theme = look.theme;
        let lines = keymap.help();
        let rows = (lines.len() as u16 + 2).min(screen.height.saturating_sub(2));
        let area = centred(screen, 76, rows);
        let inside = window("Help: j and k scroll, esc closes", theme, Role::FocusedBorder, area, buffer);
        let key_cells = lines.iter().map(|(keys, _)| text::width(keys)).max().unwrap_or(0);
        for ((keys, words), y) in lines.iter().skip(self.window.offset).zip(inside.y..inside.bottom()) {
            let room = usize::from(inside.width);
            if keys.is_empty() {
                buffer.set_stringn(inside.x, y, words, room, theme.style(Role::Accent));
                continue;
            }
            let keys = format!("  {}  ", text::padded(keys, key_cells));
            let (x, _) = buffer.set_stringn(inside.x, y, keys, room, theme.style(Role::Key));
            let room = usize::from(inside.right().saturating_sub(x));
            buffer.set_stringn(x, y, text::fitted(words, room), room, theme.style(Role::Text));
        }
        let beside = Rect { width: inside.width + 1, ..inside };
        draw_scroll_bar(&self.window, lines.len(), look, beside, buffer);
    }
}
