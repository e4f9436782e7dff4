//! The question before an enrolment is ended: whose, and what is lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, draw_lines, window};
use crate::attendance::{PersonId, PersonName};
use crate::engine::state::RosterRow;
use crate::engine::{Command, CommandError};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::theme::{Role, Theme};

/// The question before an enrolment is ended.
#[derive(Debug, Clone)]
pub struct RemoveDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    person: PersonId,
    name: PersonName,
    who: String,
    templates: u32,
    saving: bool,
    error: Option<String>,
}

impl RemoveDialog {
    /// The question about the person of a line of the roster.
    pub fn new(id: DialogId, row: &RosterRow) -> Self {
        let who = match &row.identifier {
            Some(identifier) => format!("{} ({identifier})", row.name),
            None => row.name.to_string(),
        };
        let (person, name, templates) = (row.person, row.name.clone(), row.templates);
        Self { id, person, name, who, templates, saving: false, error: None }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => Step::Close,
            Action::Confirm if !self.saving => {
                self.saving = true;
                self.error = None;
                let purpose = Purpose::Remove(self.id, self.name.clone());
                Step::Stay(vec![Effect::Send(Command::Remove(self.person), purpose)])
            }
            _ => Step::Stay(Vec::new()),
        }
    }

    /// The removal was refused.
    pub fn refused(&mut self, error: &CommandError) {
        self.saving = false;
        self.error = Some(error.to_string());
    }

    /// Draws it over `screen`.
    pub fn draw(&self, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        let area = centred(screen, 58, 10);
        let inside = window("Remove", theme, Role::Fault, area, buffer);
        let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        let question = format!("End the enrolment of {}?", self.who);
        let lost = match self.templates {
            0 => "There is no template to lose.".to_owned(),
            1 => "Lost at once and for good: 1 template.".to_owned(),
            count => format!("Lost at once and for good: {count} templates."),
        };
        let (last, role) = match (&self.error, self.saving) {
            (Some(error), _) => (error.as_str(), Role::Fault),
            (None, true) => ("removing …", Role::Text),
            (None, false) => ("y ends it, n keeps the person", Role::Text),
        };
        let lines = [
            (question.as_str(), Role::Accent),
            ("", Role::Text),
            (lost.as_str(), Role::Warning),
            ("The records in the ledger stay.", Role::Dim),
            ("", Role::Text),
            (last, role),
        ];
        draw_lines(&lines, theme, below, buffer);
    }
}
