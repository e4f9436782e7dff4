//! The palette: every action and every subcommand by its name, with completion and a history.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field, window};
use crate::tui::keymap::{Action, Keymap, Mode};
use crate::tui::layout::centred;
use crate::tui::message::DialogId;
use crate::tui::pane::{Look, Window};
use crate::tui::text;
use crate::tui::theme::Role;

/// A subcommand of the program, as the palette offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subcommand {
    /// Its words: `roster list`.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Whether it needs more words than its name.
    pub takes_words: bool,
}

/// Lines of the history that are kept.
pub const HISTORY: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Action(Action),
    Subcommand { takes_words: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    about: String,
    keys: String,
    what: What,
}

impl AsRef<str> for Entry {
    fn as_ref(&self) -> &str {
        &self.name
    }
}

/// The palette.
#[derive(Debug, Clone)]
pub struct PaletteDialog {
    /// Names it, and then the output of what it ran.
    pub id: DialogId,
    field: Input,
    entries: Vec<Entry>,
    /// Indices into `entries`, the best first.
    found: Vec<usize>,
    selected: usize,
    window: Window,
    history: Vec<String>,
    /// Where in the history the field's text is from.
    recalled: Option<usize>,
}

impl PaletteDialog {
    /// The palette over what the panes can do and `subcommands`; `history` is the oldest first.
    pub fn new(id: DialogId, keymap: &Keymap, subcommands: &[Subcommand], history: &[String]) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for binding in keymap.of(Mode::Panes) {
            let is_known = entries.iter().any(|entry| entry.what == What::Action(binding.action));
            if is_known || binding.action == Action::Palette {
                continue;
            }
            entries.push(Entry {
                name: binding.action.name().to_owned(),
                about: binding.description.clone(),
                keys: binding.keys.first().map(ToString::to_string).unwrap_or_default(),
                what: What::Action(binding.action),
            });
        }
        entries.extend(subcommands.iter().map(|subcommand| Entry {
            name: subcommand.name.clone(),
            about: subcommand.about.clone(),
            keys: String::new(),
            what: What::Subcommand { takes_words: subcommand.takes_words },
        }));
        let mut dialog = Self {
            id,
            field: Input::default(),
            entries,
            found: Vec::new(),
            selected: 0,
            window: Window { offset: 0, height: 1 },
            history: history.to_vec(),
            recalled: None,
        };
        dialog.edited();
        dialog
    }

    /// The field that is written in.
    pub fn field(&mut self) -> &mut Input {
        &mut self.field
    }

    /// Finds what fits the field now.
    pub fn edited(&mut self) {
        let typed = self.field.value().trim().to_owned();
        // What follows a whole name are its own words.
        let named = self.named(&typed);
        self.found = if typed.is_empty() {
            (0..self.entries.len()).collect()
        } else if let Some(index) = named {
            vec![index]
        } else {
            let pattern = Pattern::parse(&typed, CaseMatching::Ignore, Normalization::Smart);
            let mut matcher = Matcher::new(Config::DEFAULT);
            let mut buffer = Vec::new();
            let mut score = |text: &str| {
                let text = nucleo_matcher::Utf32Str::new(text, &mut buffer);
                pattern.score(text, &mut matcher)
            };
            let mut scored: Vec<(u32, usize)> = Vec::new();
            for (index, entry) in self.entries.iter().enumerate() {
                // A hit in the name is worth more than one in the words.
                let best = score(&entry.name).map(|found| found * 2).max(score(&entry.about));
                scored.extend(best.map(|found| (found, index)));
            }
            scored.sort_by_key(|(found, index)| (std::cmp::Reverse(*found), *index));
            scored.into_iter().map(|(_, index)| index).collect()
        };
        self.selected = 0;
        self.window.follow(0, self.found.len());
    }

    /// The entry whose whole name `typed` begins with, the longest.
    fn named(&self, typed: &str) -> Option<usize> {
        let begins = |name: &str| {
            typed.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let fits = self.entries.iter().enumerate().filter(|(_, entry)| begins(&entry.name));
        fits.max_by_key(|(_, entry)| entry.name.len()).map(|(index, _)| index)
    }

    /// How many lines are seen on a screen of `height` rows.
    pub fn set_screen_height(&mut self, height: u16) {
        self.window.height = usize::from(rows(height).saturating_sub(3)).max(1);
        self.window.follow(self.selected, self.found.len());
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Up => self.select(self.selected.saturating_sub(1)),
            Action::Down => self.select(self.selected + 1),
            Action::Next => {
                if let Some(entry) = self.chosen() {
                    let space = if entry.what == (What::Subcommand { takes_words: true }) { " " } else { "" };
                    self.field = Input::new(format!("{}{space}", entry.name));
                    self.edited();
                }
            }
            Action::Older => self.recall(self.recalled.map_or(self.history.len(), |at| at).checked_sub(1)),
            Action::Newer => self.recall(self.recalled.map(|at| at + 1)),
            Action::Confirm => return self.confirm(),
            _ => {}
        }
        Step::Stay(Vec::new())
    }

    fn select(&mut self, index: usize) {
        self.selected = index.min(self.found.len().saturating_sub(1));
        self.window.follow(self.selected, self.found.len());
    }

    fn recall(&mut self, at: Option<usize>) {
        let Some(at) = at else { return };
        let line = self.history.get(at).cloned();
        self.recalled = line.is_some().then_some(at);
        self.field = Input::new(line.unwrap_or_default());
        self.edited();
    }

    fn chosen(&self) -> Option<&Entry> {
        self.found.get(self.selected).and_then(|index| self.entries.get(*index))
    }

    fn confirm(&mut self) -> Step {
        let Some(entry) = self.chosen() else { return Step::Stay(Vec::new()) };
        let typed = self.field.value().trim();
        let rest = typed.strip_prefix(entry.name.as_str()).unwrap_or_default();
        match entry.what {
            What::Action(action) => Step::CloseAndAct(action),
            What::Subcommand { takes_words: true } if rest.trim().is_empty() => {
                self.field = Input::new(format!("{} ", entry.name));
                self.edited();
                Step::Stay(Vec::new())
            }
            What::Subcommand { .. } => Step::CloseAndRun(format!("{}{rest}", entry.name)),
        }
    }

    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let area = centred(screen, 90, rows(screen.height + 1));
        let title = "Palette: enter does it, tab completes, ctrl-p recalls";
        let inside = window(title, theme, Role::FocusedBorder, area, buffer);
        draw_field(":", &self.field, true, theme, Rect { height: 1, ..inside }, buffer);
        let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        if self.found.is_empty() {
            let words = "no action and no subcommand has these words";
            buffer.set_stringn(list.x, list.y, words, usize::from(list.width), theme.style(Role::Dim));
            return;
        }
        let name_cells = self.entries.iter().map(|entry| text::width(&entry.name)).max().unwrap_or(0);
        let seen = self.found.iter().enumerate().skip(self.window.offset);
        for ((line, index), y) in seen.zip(list.y..list.bottom()) {
            let Some(entry) = self.entries.get(*index) else { continue };
            let selected = line == self.selected;
            let marker = if selected { "▸ " } else { "  " };
            let pieces = [
                (format!("{marker}{} ", text::padded(&entry.name, name_cells)), Role::Text),
                (format!("{} ", text::padded(&entry.keys, 6)), Role::Key),
                (entry.about.clone(), Role::Dim),
            ];
            let mut x = list.x;
            for (piece, role) in pieces {
                let room = usize::from(list.right().saturating_sub(x));
                (x, _) = buffer.set_stringn(x, y, text::fitted(&piece, room), room, theme.style(role));
            }
            if selected {
                buffer.set_style(Rect { y, height: 1, ..list }, theme.style(Role::Selection));
            }
        }
    }
}

/// Rows of the window on a screen of `height` rows, of which the last is the bar of hints.
fn rows(height: u16) -> u16 {
    height.saturating_sub(3).min(18)
}
