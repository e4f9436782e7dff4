//! The help: every key of every mode, from the keymap itself, and a search in it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field, window};
use crate::access::Role as AccessRole;
use crate::tui::keymap::{Action, Keymap, Mode};
use crate::tui::layout::centred;
use crate::tui::pane::{Look, Window, draw_scroll_bar, scrolled};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// The help.
#[derive(Debug, Clone, Default)]
pub struct HelpDialog {
    window: Window,
    lines: usize,
    /// What is searched for.
    search: Input,
    /// Whether the search is being written.
    searching: bool,
}

impl HelpDialog {
    /// What the keys mean in it.
    pub fn mode(&self) -> Mode {
        if self.searching { Mode::HelpSearch } else { Mode::Help }
    }

    /// The field of the search, while it is written.
    pub fn field(&mut self) -> Option<&mut Input> {
        self.searching.then_some(&mut self.search)
    }

    /// How many lines there are, and how many are seen on a screen of `height` rows.
    pub fn settle(&mut self, keymap: &Keymap, height: u16) {
        self.lines = keymap.help(self.search.value()).len();
        // The line of hints, a row above and below, and the border.
        self.window.height = usize::from(height.saturating_sub(5 + u16::from(self.has_search())));
        self.window.offset = self.window.offset.min(self.lines.saturating_sub(self.window.height));
    }

    fn has_search(&self) -> bool {
        self.searching || !self.search.value().is_empty()
    }

    /// The first line that is seen.
    pub fn offset(&self) -> usize {
        self.window.offset
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match (action, self.searching) {
            (Action::Filter, _) => self.searching = true,
            (Action::Confirm, true) => self.searching = false,
            (Action::Cancel, true) => (self.searching, self.search) = (false, Input::default()),
            (Action::Cancel, false) if self.has_search() => self.search = Input::default(),
            (Action::Cancel, false) => return Step::Close,
            (action, _) => self.window.offset = scrolled(action, &self.window, self.lines),
        }
        Step::Stay(Vec::new())
    }

    /// Draws it over `screen`.
    pub fn draw(
        &self,
        keymap: &Keymap,
        role: Option<AccessRole>,
        look: &Look,
        screen: Rect,
        buffer: &mut Buffer,
    ) {
        let theme: &Theme = look.theme;
        let lines = keymap.help(self.search.value());
        // The whole help decides on the size, so that the window stays where it is while a search is written.
        let rows = (keymap.help("").len() as u16 + 2).min(screen.height.saturating_sub(2));
        let area = centred(screen, 76, rows);
        let title = match role {
            Some(AccessRole::Admin) => "Help: / searches, esc closes".to_owned(),
            Some(role) => {
                format!("Help: / searches, esc closes; you are {role}: what is not for you says so")
            }
            None => "Help: / searches, esc closes; you have no role: an admin gives one".to_owned(),
        };
        let mut inside = window(&title, theme, Role::FocusedBorder, area, buffer);
        if self.has_search() {
            draw_field("/", &self.search, self.searching, theme, Rect { height: 1, ..inside }, buffer);
            inside = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        }
        if lines.is_empty() {
            let words = "no key and no action has these words";
            buffer.set_stringn(inside.x, inside.y, words, usize::from(inside.width), theme.style(Role::Dim));
            return;
        }
        let key_cells = lines.iter().map(|line| text::width(&line.keys)).max().unwrap_or(0);
        for (line, y) in lines.iter().skip(self.window.offset).zip(inside.y..inside.bottom()) {
            let room = usize::from(inside.width);
            if line.keys.is_empty() {
                buffer.set_stringn(inside.x, y, &line.words, room, theme.style(Role::Accent));
                continue;
            }
            let keys = format!("  {}  ", text::padded(&line.keys, key_cells));
            let (x, _) = buffer.set_stringn(inside.x, y, keys, room, theme.style(Role::Key));
            let room = usize::from(inside.right().saturating_sub(x));
            buffer.set_stringn(x, y, text::fitted(&line.words, room), room, theme.style(Role::Text));
        }
        let beside = Rect { width: inside.width + 1, ..inside };
        draw_scroll_bar(&self.window, lines.len(), look, beside, buffer);
    }
}
