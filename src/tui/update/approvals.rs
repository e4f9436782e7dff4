//! What waits until another admin confirms it: asked for, said, and decided.

use crate::access::Role as AccessRole;
use crate::engine::approvals::{ApprovalView, ApprovalsCommand};
use crate::engine::{Command, CommandError, Reply};
use crate::tui::dialog::Dialog;
use crate::tui::dialog::approvals::ApprovalsDialog;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::model::Model;
use crate::tui::pane::status;
use crate::tui::theme::Role;

impl Model {
    /// Asks for the list, where it is for whoever looks.
    pub(super) fn ask_for_approvals(&self) -> Vec<Effect> {
        let is_admin = self.snapshot.role == Some(AccessRole::Admin);
        let ask = Effect::Send(Command::Approvals(ApprovalsCommand::List), Purpose::Approvals);
        is_admin.then_some(ask).into_iter().collect()
    }

    /// Some events were missed.
    pub(super) fn catch_up(&mut self) -> Vec<Effect> {
        let mut effects = vec![self.log.catch_up()];
        effects.extend(self.ask_for_approvals());
        effects
    }

    pub(super) fn approvals_came(&mut self, reply: Result<Reply, CommandError>) {
        // Who may not see them any more has none.
        self.approvals = match reply {
            Ok(Reply::Approvals(requests)) => requests,
            _ => Vec::new(),
        };
        for dialog in &mut self.dialogs {
            if let Dialog::Approvals(dialog) = dialog {
                dialog.refresh(&self.approvals);
            }
        }
    }

    pub(super) fn approved(&mut self, id: DialogId, words: &str, reply: Result<Reply, CommandError>) {
        let dialog = self.dialogs.iter_mut().find_map(|dialog| match dialog {
            Dialog::Approvals(dialog) if dialog.id == id => Some(dialog),
            _ => None,
        });
        match (dialog, reply) {
            (Some(dialog), Ok(_)) => dialog.done(words),
            (Some(dialog), Err(error)) => dialog.refused(&error),
            (None, Ok(_)) => self.say(Role::Good, format!("the request is {words}")),
            (None, Err(error)) => self.say(Role::Fault, error.to_string()),
        }
    }

    pub(super) fn open_approvals(&mut self) -> Vec<Effect> {
        if self.approvals.is_empty() {
            self.say(Role::Text, "nothing waits for another admin");
            return Vec::new();
        }
        let id = self.next_dialog();
        let dialog = ApprovalsDialog::new(id, &self.approvals);
        self.dialogs.push(Dialog::Approvals(Box::new(dialog)));
        Vec::new()
    }

    /// What is said below the bar: what is asked of whoever looks, else what is wrong. A question has minutes,
    /// and never lies under the keys by itself: it is opened.
    pub fn alert(&self) -> Option<String> {
        let is_asked = |request: &&ApprovalView| !request.is_own;
        let is_admin = self.snapshot.role == Some(AccessRole::Admin);
        let request = self.approvals.iter().find(is_asked).filter(|_| is_admin);
        let asked = request.map(|request| {
            let key = self.keymap.key_of(Mode::Panes, Action::Approvals);
            let key = key.map_or_else(|| ":approvals".to_owned(), |key| key.to_string());
            format!("{} asks you to confirm: {} ({key} shows it)", request.asker_words(), request.words())
        });
        asked.or_else(|| status::alert(&self.snapshot))
    }
}
