//! Sessions, excuses, corrections and months: the dialogs about the record, and what becomes of them.

use crate::attendance::{PersonId, PersonName};
use crate::engine::command::attendance::AttendanceReply;
use crate::engine::{CommandError, LogEntry, Reply};
use crate::tui::dialog::correct::CorrectDialog;
use crate::tui::dialog::enrol::words;
use crate::tui::dialog::excuse::ExcuseDialog;
use crate::tui::dialog::mark::MarkDialog;
use crate::tui::dialog::month::MonthDialog;
use crate::tui::dialog::sessions::SessionsDialog;
use crate::tui::dialog::{Dialog, Opening};
use crate::tui::keymap::Action;
use crate::tui::layout::Focus;
use crate::tui::message::{DialogId, Effect};
use crate::tui::model::Model;
use crate::tui::theme::Role;

impl Model {
    /// Opens what a key about the record asks for; none where it is no such key.
    pub(super) fn act_on_record(&mut self, action: Action) -> Option<Vec<Effect>> {
        let effects = match action {
            Action::Sessions => self.open_sessions(),
            Action::Correct => self.open_correction(),
            Action::Excuse => self.open_excuse(),
            Action::Month => self.open_month(),
            Action::Approvals => self.open_approvals(),
            _ => return None,
        };
        Some(effects)
    }

    fn open_sessions(&mut self) -> Vec<Effect> {
        let (id, clock) = (self.next_dialog(), self.clock());
        let dialog = SessionsDialog::new(id, &self.snapshot.roster, clock);
        self.dialogs.push(Dialog::Sessions(Box::new(dialog)));
        Vec::new()
    }

    fn open_correction(&mut self) -> Vec<Effect> {
        let (id, clock) = (self.next_dialog(), self.clock());
        let selected = (self.focus == Focus::Log).then(|| self.log.selected()).flatten();
        let Some(entry) = selected else {
            self.say(Role::Warning, "select a line of the log first: tab goes there");
            return Vec::new();
        };
        match CorrectDialog::new(id, entry, self.log.corrections(), clock) {
            Some(dialog) => self.dialogs.push(Dialog::Correct(Box::new(dialog))),
            None => self.say(Role::Warning, "this line says nothing of anybody's attendance: select another"),
        }
        Vec::new()
    }

    fn open_excuse(&mut self) -> Vec<Effect> {
        match self.selected_row().map(|row| row.person) {
            Some(person) => self.open_over(Opening::Excuse(person, None)),
            None => {
                self.say(Role::Warning, "select somebody first, in the roster or the log");
                Vec::new()
            }
        }
    }

    fn open_month(&mut self) -> Vec<Effect> {
        let id = self.next_dialog();
        let (dialog, effects) = MonthDialog::new(id, self.selected_row());
        self.dialogs.push(Dialog::Month(Box::new(dialog)));
        effects
    }

    /// Opens a dialog over the one that is open.
    pub(super) fn open_over(&mut self, opening: Opening) -> Vec<Effect> {
        let (id, clock) = (self.next_dialog(), self.clock());
        let (Opening::Mark(person) | Opening::Excuse(person, _)) = &opening;
        let Some(row) = self.snapshot.roster.rows.iter().find(|row| row.person == *person) else {
            self.say(Role::Warning, "that person is not on the roster any more");
            return Vec::new();
        };
        let (person, name): (PersonId, PersonName) = (row.person, row.name.clone());
        let state = row.presence.map(|presence| presence.state);
        self.dialogs.push(match opening {
            Opening::Mark(_) => Dialog::Mark(MarkDialog::new(id, person, name, state)),
            Opening::Excuse(_, session) => {
                Dialog::Excuse(Box::new(ExcuseDialog::new(id, person, name, session, clock)))
            }
        });
        Vec::new()
    }

    /// Something was written about somebody.
    pub(super) fn sessions_heard(&mut self, entry: &LogEntry) {
        if entry.person.is_none() {
            return;
        }
        for dialog in &mut self.dialogs {
            if let Dialog::Sessions(dialog) = dialog {
                dialog.heard();
            }
        }
    }

    pub(super) fn refresh_sessions(&mut self) {
        for dialog in &mut self.dialogs {
            if let Dialog::Sessions(dialog) = dialog {
                dialog.refresh(&self.snapshot.roster);
            }
        }
    }

    pub(super) fn attendance_came(&mut self, id: DialogId, reply: Result<Reply, CommandError>) {
        let dialog = self.dialogs.iter_mut().find(|dialog| dialog.id() == Some(id));
        let said = match (dialog, &reply) {
            (Some(Dialog::Sessions(dialog)), _) => return dialog.came(reply),
            (Some(Dialog::Month(dialog)), _) => return dialog.came(reply),
            (Some(Dialog::Correct(dialog)), Err(error)) => return dialog.refused(error),
            (Some(Dialog::Excuse(dialog)), Err(error)) => return dialog.refused(error),
            (Some(Dialog::Correct(dialog)), Ok(Reply::Written(entry))) => {
                Some(format!("entry {} is corrected by entry {}", dialog.sequence(), entry.sequence))
            }
            (Some(Dialog::Excuse(dialog)), Ok(Reply::Attendance(AttendanceReply::Excused { .. }))) => {
                Some(dialog.words())
            }
            (Some(_), Ok(_)) => None,
            // The dialog was closed before its answer came.
            (None, Ok(Reply::Written(entry))) => Some(format!("entry {} is written", entry.sequence)),
            (None, Ok(_)) => None,
            (None, Err(error)) => {
                let error = words(error);
                return self.say(Role::Fault, error);
            }
            (Some(_), Err(error)) => Some(words(error)),
        };
        self.close(id);
        if let Some(said) = said {
            self.say(Role::Good, said);
        }
    }
}
