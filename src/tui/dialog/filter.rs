//! What a pane is filtered by, while it is written.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field};
use crate::tui::keymap::Action;
use crate::tui::model::Focus;
use crate::tui::theme::Theme;

/// The prompt in the lower border of the pane that is filtered.
#[derive(Debug, Clone)]
pub struct FilterPrompt {
    /// Which pane.
    pub pane: Focus,
    field: Input,
    /// Whether it was given up.
    pub is_given_up: bool,
}

impl FilterPrompt {
    /// A prompt that begins with what the pane is filtered by already.
    pub fn new(pane: Focus, filter: &str) -> Self {
        Self { pane, field: Input::new(filter.to_owned()), is_given_up: false }
    }

    /// The field that is written in.
    pub fn field(&mut self) -> &mut Input {
        &mut self.field
    }

    /// What is written.
    pub fn text(&self) -> &str {
        self.field.value()
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => {
                self.field = Input::default();
                self.is_given_up = true;
                Step::Close
            }
            Action::Confirm => Step::Close,
            _ => Step::Stay(Vec::new()),
        }
    }

    /// Draws it into the lower border of `pane`.
    pub fn draw(&self, theme: &Theme, pane: Rect, buffer: &mut Buffer) {
        let (x, y) = (pane.x.saturating_add(1), pane.bottom().saturating_sub(1));
        let area = Rect { x, y, width: pane.width.saturating_sub(2), height: 1 };
        draw_field("/", &self.field, true, theme, area.intersection(buffer.area), buffer);
    }
}
