//! The excuse: somebody is excused from one session, or from all on some days, and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field, draw_lines, window};
use crate::attendance::{PersonId, PersonName, SessionId};
use crate::engine::command::attendance::{AttendanceCommand, AttendanceError};
use crate::engine::{Command, CommandError};
use crate::tui::clock::{Clock, date};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::theme::{Role, Theme};

/// The fields, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Reason,
    From,
    Until,
}

/// The excuse.
#[derive(Debug, Clone)]
pub struct ExcuseDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    person: PersonId,
    name: PersonName,
    session: Option<(SessionId, PersonName)>,
    clock: Clock,
    reason: Input,
    from: Input,
    until: Input,
    active: Field,
    saving: bool,
    error: Option<String>,
}

impl ExcuseDialog {
    /// The excuse of a person, from that session or from today.
    pub fn new(
        id: DialogId,
        person: PersonId,
        name: PersonName,
        session: Option<(SessionId, PersonName)>,
        clock: Clock,
    ) -> Self {
        let today = Input::new(clock.today().to_string());
        let (from, until, active) = (today.clone(), today, Field::Reason);
        Self {
            id,
            person,
            name,
            session,
            clock,
            reason: Input::default(),
            from,
            until,
            active,
            saving: false,
            error: None,
        }
    }

    /// Who is excused, from what, in words.
    pub fn words(&self) -> String {
        let (from, until) = (self.from.value().trim(), self.until.value().trim());
        match &self.session {
            Some((_, session)) => format!("{} is excused from {session}", self.name),
            None if from == until => format!("{} is excused on {from}", self.name),
            None => format!("{} is excused from {from} until {until}", self.name),
        }
    }

    /// The field that text goes into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match self.active {
            _ if self.saving => None,
            Field::Reason => Some(&mut self.reason),
            Field::From => Some(&mut self.from),
            Field::Until => Some(&mut self.until),
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Next | Action::Previous if self.session.is_none() && !self.saving => {
                self.active = match (self.active, action == Action::Next) {
                    (Field::Reason, true) | (Field::Until, false) => Field::From,
                    (Field::From, true) | (Field::Reason, false) => Field::Until,
                    (Field::Until, true) | (Field::From, false) => Field::Reason,
                };
            }
            Action::Confirm if !self.saving => match self.read() {
                Ok(command) => {
                    (self.saving, self.error) = (true, None);
                    let purpose = Purpose::Attendance(self.id);
                    return Step::Stay(vec![Effect::Send(Command::Attendance(command), purpose)]);
                }
                Err((field, error)) => (self.active, self.error) = (field, Some(error)),
            },
            _ => {}
        }
        Step::Stay(Vec::new())
    }

    /// What is written, or which field is wrong and why.
    fn read(&self) -> Result<AttendanceCommand, (Field, String)> {
        let reason = self.reason.value().trim().to_owned();
        if reason.is_empty() {
            return Err((Field::Reason, "say why: it is kept beside the excuse".to_owned()));
        }
        let read = |field: Field, input: &Input| {
            let text = input.value().trim();
            date(text).ok_or_else(|| (field, format!("`{text}` is no date: expected YYYY-MM-DD")))
        };
        let begins = |field: Field, date| {
            let outside = || (field, format!("{date} lies outside of the calendar"));
            self.clock.beginning(date).ok_or_else(outside)
        };
        let (first, last) = (read(Field::From, &self.from)?, read(Field::Until, &self.until)?);
        let past_last = last.succ_opt().filter(|_| first <= last);
        let past_last = past_last.ok_or_else(|| (Field::Until, "it ends before it begins".to_owned()))?;
        Ok(AttendanceCommand::Excuse {
            person: self.person,
            session: self.session.as_ref().map(|(id, _)| *id),
            from: begins(Field::From, first)?,
            until: begins(Field::Until, past_last)?,
            reason,
        })
    }

    /// The excuse was refused.
    pub fn refused(&mut self, error: &CommandError) {
        self.saving = false;
        self.error = Some(match error {
            CommandError::Attendance(AttendanceError::NoReason) => "say why".to_owned(),
            other => other.to_string(),
        });
    }

    /// Draws it over `screen`.
    pub fn draw(&self, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        let area = centred(screen, 60, 10);
        let title = match &self.session {
            Some((_, session)) => format!("Excuse {} from {session}", self.name),
            None => format!("Excuse {}", self.name),
        };
        let inside = window(&title, theme, Role::FocusedBorder, area, buffer);
        let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
        let is = |field: Field| !self.saving && self.active == field;
        draw_field("reason", &self.reason, is(Field::Reason), theme, row(1), buffer);
        if self.session.is_none() {
            draw_field("from  ", &self.from, is(Field::From), theme, row(2), buffer);
            draw_field("until ", &self.until, is(Field::Until), theme, row(3), buffer);
        }
        let below = Rect { y: inside.y + 5, height: inside.height.saturating_sub(5), ..inside };
        let (line, role) = match (&self.error, self.saving, &self.session) {
            (Some(error), ..) => (error.as_str(), Role::Fault),
            (None, true, _) => ("saving …", Role::Text),
            (None, false, None) => {
                ("Excused from every session that begins on these days, the last one too.", Role::Dim)
            }
            (None, false, Some(_)) => ("Who comes on time all the same counts as on time.", Role::Dim),
        };
        draw_lines(&[(line, role)], theme, below, buffer);
    }
}
