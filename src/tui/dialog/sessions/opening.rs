//! The prompt that opens a session: its name, its group, and until when.

use tui_input::Input;

use crate::attendance::GroupName;
use crate::engine::RosterState;
use crate::engine::command::attendance::AttendanceCommand;
use crate::tui::clock::{Clock, time_of_day};
use crate::tui::keymap::Action;

/// The fields, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Field {
    #[default]
    Name,
    Group,
    Until,
}

impl Field {
    fn turned(self, forward: bool) -> Self {
        match (self, forward) {
            (Self::Name, true) | (Self::Until, false) => Self::Group,
            (Self::Group, true) | (Self::Name, false) => Self::Until,
            (Self::Until, true) | (Self::Group, false) => Self::Name,
        }
    }
}

/// What is written of a session to be opened.
#[derive(Debug, Clone, Default)]
pub(super) struct OpeningForm {
    pub(super) name: Input,
    pub(super) group: Input,
    pub(super) until: Input,
    pub(super) active: Field,
    /// The groups of the roster, by name.
    groups: Option<Vec<GroupName>>,
    /// What was written before the group was completed.
    typed: Option<String>,
    pub(super) error: Option<String>,
}

impl OpeningForm {
    pub(super) fn field(&mut self) -> &mut Input {
        match self.active {
            Field::Name => &mut self.name,
            Field::Group => &mut self.group,
            Field::Until => &mut self.until,
        }
    }

    pub(super) fn set_groups(&mut self, roster: &RosterState) {
        let mut groups: Vec<GroupName> = roster.rows.iter().flat_map(|row| row.groups.clone()).collect();
        groups.sort();
        groups.dedup();
        self.groups = Some(groups);
    }

    pub(super) fn knows_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// The groups that have in them what is written.
    pub(super) fn fitting(&self) -> Vec<&GroupName> {
        let is_completed = self.groups.iter().flatten().any(|group| group.as_str() == self.group.value());
        let typed = match &self.typed {
            Some(typed) if is_completed => typed.to_lowercase(),
            _ => self.group.value().trim().to_lowercase(),
        };
        self.groups.iter().flatten().filter(|group| group.as_str().to_lowercase().contains(&typed)).collect()
    }

    /// Completes the group, to the next one that fits where it was completed before.
    fn complete(&mut self) {
        self.active = Field::Group;
        let fitting: Vec<String> = self.fitting().iter().map(ToString::to_string).collect();
        let at = fitting.iter().position(|group| group == self.group.value());
        if at.is_none() {
            self.typed = Some(self.group.value().trim().to_owned());
        }
        let next = at.map_or(0, |at| (at + 1) % fitting.len().max(1));
        if let Some(group) = fitting.into_iter().nth(next) {
            self.group = Input::new(group);
        }
    }

    /// Does what a key asks for; the command where it is confirmed and can be sent.
    pub(super) fn handle(&mut self, action: Action, clock: &Clock) -> Option<AttendanceCommand> {
        match action {
            Action::Next | Action::Previous => self.active = self.active.turned(action == Action::Next),
            Action::Complete => self.complete(),
            Action::Confirm => match self.read(clock) {
                Ok(command) => {
                    self.error = None;
                    return Some(command);
                }
                Err((field, error)) => (self.active, self.error) = (field, Some(error)),
            },
            _ => {}
        }
        None
    }

    /// What is written, or which field is wrong and why.
    fn read(&self, clock: &Clock) -> Result<AttendanceCommand, (Field, String)> {
        let name = self.name.value().parse().map_err(|error| (Field::Name, format!("{error}")))?;
        let group = match self.group.value().trim() {
            "" => None,
            text => Some(text.parse().map_err(|error| (Field::Group, format!("{error}")))?),
        };
        let ends_at = match self.until.value().trim() {
            "" => None,
            text => {
                let wrong = || (Field::Until, format!("`{text}` is no time of day: expected HH:MM"));
                let time = time_of_day(text).ok_or_else(wrong)?;
                let at = clock.at(clock.today(), time).ok_or_else(wrong)?;
                if at <= clock.now {
                    return Err((Field::Until, format!("{text} is over already today")));
                }
                Some(at)
            }
        };
        Ok(AttendanceCommand::OpenSession { name, group, starts_at: None, ends_at })
    }
}
