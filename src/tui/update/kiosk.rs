//! Into the kiosk view, and out of it.

use crate::engine::command::Act;
use crate::engine::{Command, CommandError, Reply};
use crate::tui::kiosk::Kiosk;
use crate::tui::message::{Effect, Purpose};
use crate::tui::model::Model;
use crate::tui::theme::Role;

impl Model {
    /// Shows the kiosk view in place of the panes, where there is a PIN to leave it with.
    pub fn enter_kiosk(&mut self) -> Vec<Effect> {
        if !self.has_pin {
            self.say(Role::Warning, "the kiosk view is left with a PIN: set one with `muster kiosk-pin`");
            return Vec::new();
        }
        self.kiosk = Some(Kiosk::new(self.badge.clone()));
        self.kiosk_observes()
    }

    pub(super) fn kiosk_observes(&mut self) -> Vec<Effect> {
        let Some(kiosk) = &mut self.kiosk else { return Vec::new() };
        kiosk.observe(&self.snapshot, self.now)
    }

    pub(super) fn checked_in(&mut self, reply: Result<Reply, CommandError>) -> Vec<Effect> {
        match &mut self.kiosk {
            Some(kiosk) => kiosk.checked_in(reply, self.now),
            None => Vec::new(),
        }
    }

    pub(super) fn pin_checked(&mut self, is_right: bool) -> Vec<Effect> {
        let Some(kiosk) = &mut self.kiosk else { return Vec::new() };
        if !kiosk.checked(is_right, self.now) {
            return Vec::new();
        }
        self.kiosk = None;
        self.say(Role::Text, "the kiosk view is left: K goes back to it");
        vec![Effect::Send(Command::NoteAct(Act::KioskLeft), Purpose::LetGo)]
    }
}
