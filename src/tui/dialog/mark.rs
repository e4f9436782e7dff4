//! The manual mark: somebody is present or has left, and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field, draw_lines, window};
use crate::attendance::{PersonId, PersonName, PresenceState};
use crate::engine::{Command, CommandError};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::theme::{Role, Theme};

/// The manual mark.
#[derive(Debug, Clone)]
pub struct MarkDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    person: PersonId,
    name: PersonName,
    before: Option<PresenceState>,
    state: PresenceState,
    note: Input,
    saving: bool,
    error: Option<String>,
}

impl MarkDialog {
    /// The mark for a person, with the state they are not in.
    pub fn new(id: DialogId, person: PersonId, name: PersonName, now: Option<PresenceState>) -> Self {
        let state = match now {
            Some(PresenceState::Present) => PresenceState::Left,
            Some(PresenceState::Left) | None => PresenceState::Present,
        };
        Self { id, person, name, before: now, state, note: Input::default(), saving: false, error: None }
    }

    /// Whom it is about.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// What they were when the mark was opened; none where they had not been seen.
    pub fn state_before(&self) -> Option<PresenceState> {
        self.before
    }

    /// The state that will be saved.
    pub fn state(&self) -> PresenceState {
        self.state
    }

    /// The field for the note.
    pub fn field(&mut self) -> Option<&mut Input> {
        (!self.saving).then_some(&mut self.note)
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Next | Action::Previous if !self.saving => {
                self.state = match self.state {
                    PresenceState::Present => PresenceState::Left,
                    PresenceState::Left => PresenceState::Present,
                };
            }
            Action::Confirm if !self.saving => {
                self.saving = true;
                self.error = None;
                let note = Some(self.note.value().trim().to_owned()).filter(|note| !note.is_empty());
                let command = Command::Mark { person: self.person, state: self.state, note };
                let purpose = Purpose::Mark(self.id, self.name.clone(), self.state);
                return Step::Stay(vec![Effect::Send(command, purpose)]);
            }
            _ => {}
        }
        Step::Stay(Vec::new())
    }

    /// The mark was refused.
    pub fn refused(&mut self, error: &CommandError) {
        self.saving = false;
        self.error = Some(error.to_string());
    }

    /// Draws it over `screen`.
    pub fn draw(&self, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        let area = centred(screen, 58, 10);
        let inside = window(&format!("Mark {}", self.name), theme, Role::FocusedBorder, area, buffer);
        let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
        let mut x = inside.x + 2;
        for (state, label) in [(PresenceState::Present, "present"), (PresenceState::Left, "left")] {
            let chosen = state == self.state;
            let sign = if chosen { "(●)" } else { "( )" };
            let role = if chosen { Role::Accent } else { Role::Dim };
            let room = usize::from(inside.right().saturating_sub(x));
            let piece = format!("{sign} {label}     ");
            (x, _) = buffer.set_stringn(x, row(1).y, piece, room, theme.style(role));
        }
        draw_field("note", &self.note, !self.saving, theme, row(3), buffer);
        let below = Rect { y: inside.y + 5, height: inside.height.saturating_sub(5), ..inside };
        let (line, role) = match (&self.error, self.saving) {
            (Some(error), _) => (error.as_str(), Role::Fault),
            (None, true) => ("saving …", Role::Text),
            (None, false) => {
                ("The note may be left empty. Both go into the ledger, with who wrote them.", Role::Dim)
            }
        };
        draw_lines(&[(line, role)], theme, below, buffer);
    }
}
