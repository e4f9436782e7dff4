//! A month at a glance: the days of one person as a calendar, or of many as a line each.

mod draw;

use super::Step;
use crate::attendance::month::MonthGrid;
use crate::attendance::{GroupName, PersonId, PersonName};
use crate::engine::command::attendance::{AttendanceCommand, AttendanceReply, MonthOf, MonthQuery};
use crate::engine::state::RosterRow;
use crate::engine::{Command, CommandError, Reply};
use crate::tui::keymap::Action;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::{Window, scrolled};

/// Whose month can be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    Person(PersonId, PersonName),
    Group(GroupName),
    Everybody,
}

/// A month.
#[derive(Debug, Clone)]
pub struct MonthDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    choices: Vec<Of>,
    chosen: usize,
    back: u32,
    grid: Option<MonthGrid>,
    /// How many questions are on their way: the answer to the last one counts.
    asked: u32,
    error: Option<String>,
    window: Window,
}

impl MonthDialog {
    /// This month of whom is selected, their groups and everybody to choose from; what to ask.
    pub fn new(id: DialogId, row: Option<&RosterRow>) -> (Self, Vec<Effect>) {
        let person = row.map(|row| Of::Person(row.person, row.name.clone()));
        let groups = row.into_iter().flat_map(|row| row.groups.iter().cloned().map(Of::Group));
        let choices = person.into_iter().chain(groups).chain([Of::Everybody]).collect();
        let (window, error) = (Window::default(), None);
        let mut dialog = Self { id, choices, chosen: 0, back: 0, grid: None, asked: 0, error, window };
        let effects = vec![dialog.ask()];
        (dialog, effects)
    }

    fn of(&self) -> &Of {
        &self.choices[self.chosen]
    }

    fn ask(&mut self) -> Effect {
        (self.grid, self.error, self.window.offset) = (None, None, 0);
        self.asked += 1;
        let of = match self.of() {
            Of::Person(person, _) => MonthOf::Person(*person),
            Of::Group(group) => MonthOf::Group(group.clone()),
            Of::Everybody => MonthOf::Everybody,
        };
        let command = AttendanceCommand::Month(MonthQuery { back: self.back, of });
        Effect::Send(Command::Attendance(command), Purpose::Attendance(self.id))
    }

    /// How large the screen is.
    pub fn set_screen_height(&mut self, height: u16) {
        self.window.height = usize::from(draw::list_height(height));
        let count = self.grid.as_ref().map_or(0, |grid| grid.rows.len());
        self.window.offset = self.window.offset.min(count.saturating_sub(self.window.height));
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Stats => return Step::CloseAndAct(Action::Stats),
            Action::Older => self.back += 1,
            Action::Newer if self.back > 0 => self.back -= 1,
            Action::Next => self.chosen = (self.chosen + 1) % self.choices.len(),
            _ => {
                let count = self.grid.as_ref().map_or(0, |grid| grid.rows.len());
                self.window.offset = scrolled(action, &self.window, count);
                return Step::Stay(Vec::new());
            }
        }
        Step::Stay(vec![self.ask()])
    }

    /// The month that was asked for, or why not.
    pub fn came(&mut self, reply: Result<Reply, CommandError>) {
        // Answers come in the order of the questions.
        self.asked = self.asked.saturating_sub(1);
        if self.asked > 0 {
            return;
        }
        match reply {
            Ok(Reply::Attendance(AttendanceReply::Month(grid))) => self.grid = Some(grid),
            Ok(_) => self.error = Some("the engine gave a wrong answer".to_owned()),
            Err(error) => self.error = Some(error.to_string()),
        }
    }
}
