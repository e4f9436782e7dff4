//! Looking at people and days: the detail, the roll call, the numbers, the order of the roster.

use crate::attendance::PersonId;
use crate::engine::{CommandError, Reply};
use crate::tui::dialog::Dialog;
use crate::tui::dialog::roll_call::RollCallDialog;
use crate::tui::dialog::stats::StatsDialog;
use crate::tui::keymap::Action;
use crate::tui::layout::Focus;
use crate::tui::message::{DialogId, Effect};
use crate::tui::model::Model;
use crate::tui::theme::Role;

impl Model {
    /// Gives the detail the whole screen, or gives it back.
    pub(super) fn toggle_detail(&mut self) -> Vec<Effect> {
        let zoomed = &mut self.kept.arrangement.zoomed;
        if *zoomed == Some(Focus::Detail) {
            *zoomed = None;
            self.focus = if self.detail_of_log { Focus::Log } else { Focus::Roster };
        } else {
            self.detail_of_log = self.focus == Focus::Log;
            *zoomed = Some(Focus::Detail);
            self.focus = Focus::Detail;
        }
        Vec::new()
    }

    pub(super) fn person_came(&mut self, person: PersonId, reply: Result<Reply, CommandError>) {
        let details = match reply {
            Ok(Reply::Person(details)) => Some(details),
            _ => None,
        };
        self.detail.came(person, details);
    }

    pub(super) fn open_roll_call(&mut self) -> Vec<Effect> {
        let id = self.next_dialog();
        let dialog = RollCallDialog::new(id, &self.snapshot.roster);
        self.dialogs.push(Dialog::RollCall(Box::new(dialog)));
        Vec::new()
    }

    pub(super) fn refresh_roll_call(&mut self) {
        for dialog in &mut self.dialogs {
            if let Dialog::RollCall(dialog) = dialog {
                dialog.refresh(&self.snapshot.roster);
            }
        }
    }

    pub(super) fn open_stats(&mut self) -> Vec<Effect> {
        let (dialog, effects) = StatsDialog::new(self.next_dialog());
        self.dialogs.push(Dialog::Stats(Box::new(dialog)));
        effects
    }

    pub(super) fn day_came(&mut self, id: DialogId, reply: Result<Reply, CommandError>) -> Vec<Effect> {
        let day = match reply {
            Ok(Reply::Day(day)) => Ok(day),
            Ok(_) => Err("the engine gave a wrong answer".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let roster = &self.snapshot.roster;
        match self.dialogs.iter_mut().find(|dialog| dialog.id() == Some(id)) {
            Some(Dialog::RollCall(dialog)) => dialog.came(day.as_deref().map_err(Clone::clone), roster),
            Some(Dialog::Stats(dialog)) => {
                dialog.came(day);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Selects somebody in the roster.
    pub(super) fn select_person(&mut self, person: PersonId) -> Vec<Effect> {
        self.focus = Focus::Roster;
        if !self.roster.select_person(person, &self.snapshot.roster) {
            // The filter hides them.
            self.roster.set_filter("", &self.snapshot.roster);
            self.roster.select_person(person, &self.snapshot.roster);
        }
        Vec::new()
    }

    pub(super) fn order_roster(&mut self, action: Action) -> Vec<Effect> {
        let said = match action {
            Action::Sort => self.roster.sort_next(&self.snapshot.roster),
            _ => self.roster.toggle_groups(&self.snapshot.roster),
        };
        self.say(Role::Text, said);
        Vec::new()
    }

    /// Filters the log by whom is selected.
    pub(super) fn only_person(&mut self) -> Vec<Effect> {
        let Some(name) = self.selected_row().map(|row| row.name.as_str().to_owned()) else {
            self.say(Role::Warning, "select somebody first, in the roster or the log");
            return Vec::new();
        };
        self.focus = Focus::Log;
        self.say(Role::Text, "the log of one person: esc shows all of it");
        self.filter_by(Focus::Log, &name)
    }
}
