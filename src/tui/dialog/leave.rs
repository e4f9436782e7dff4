//! The question before a screen ends whose engine others use.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, draw_lines, window};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::Effect;
use crate::tui::theme::{Role, Theme};

/// The question: how many others lose the engine.
#[derive(Debug, Clone, Copy)]
pub struct LeaveDialog {
    others: usize,
}

impl LeaveDialog {
    /// The question about `others` terminals that are attached.
    pub fn new(others: usize) -> Self {
        Self { others }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => Step::Close,
            Action::Confirm => Step::Stay(vec![Effect::Leave]),
            _ => Step::Stay(Vec::new()),
        }
    }

    /// Draws it over `screen`.
    pub fn draw(&self, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        let area = centred(screen, 58, 10);
        let inside = window("Quit", theme, Role::Warning, area, buffer);
        let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        let attached = match self.others {
            1 => "Another terminal is attached to this one.".to_owned(),
            others => format!("{others} other terminals are attached to this one."),
        };
        let lines = [
            (attached.as_str(), Role::Accent),
            ("", Role::Text),
            ("The engine ends with this screen: they lose it,", Role::Warning),
            ("and nobody is recorded until one starts again.", Role::Warning),
            ("", Role::Text),
            ("y ends it, n goes on", Role::Text),
        ];
        draw_lines(&lines, theme, below, buffer);
    }
}
