//! What waits until another admin confirms it: what it is, who asked, and whether it is to be done.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, draw_lines, window};
use crate::engine::approvals::{ApprovalId, ApprovalView, ApprovalsCommand};
use crate::engine::{Command, CommandError};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::Look;
use crate::tui::theme::Role;

/// The requests, one at a time: what is confirmed is what is read.
#[derive(Debug, Clone)]
pub struct ApprovalsDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    requests: Vec<ApprovalView>,
    shown: Option<ApprovalId>,
    saving: bool,
    said: Option<(Role, String)>,
}

impl ApprovalsDialog {
    /// The first of `requests` that somebody else asked, else the first.
    pub fn new(id: DialogId, requests: &[ApprovalView]) -> Self {
        let others = requests.iter().find(|request| !request.is_own);
        let shown = others.or(requests.first()).map(|request| request.id);
        Self { id, requests: requests.to_vec(), shown, saving: false, said: None }
    }

    fn place(&self) -> Option<usize> {
        self.requests.iter().position(|request| Some(request.id) == self.shown)
    }

    fn request(&self) -> Option<&ApprovalView> {
        self.requests.get(self.place()?)
    }

    /// Takes a new list over. A request that is gone is not replaced by another under the keys: what is shown
    /// then is that it is gone.
    pub fn refresh(&mut self, requests: &[ApprovalView]) {
        self.requests = requests.to_vec();
        if self.request().is_none() {
            self.saving = false;
            if self.shown.take().is_some() && self.said.is_none() {
                self.said = Some((Role::Text, "this request does not wait any more".to_owned()));
            }
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Up | Action::Down if !self.saving && !self.requests.is_empty() => {
                let last = self.requests.len() - 1;
                let place = match (self.place(), action) {
                    (None, _) => 0,
                    (Some(place), Action::Up) => place.saturating_sub(1),
                    (Some(place), _) => (place + 1).min(last),
                };
                (self.shown, self.said) = (Some(self.requests[place].id), None);
            }
            Action::Confirm | Action::Refuse if !self.saving => return self.decide(action),
            _ => {}
        }
        Step::Stay(Vec::new())
    }

    fn decide(&mut self, action: Action) -> Step {
        let Some(request) = self.request() else { return Step::Stay(Vec::new()) };
        let (command, words) = match (action, request.is_own) {
            (Action::Confirm, true) => {
                let words = "you asked for this yourself: another admin must confirm it";
                self.said = Some((Role::Warning, words.to_owned()));
                return Step::Stay(Vec::new());
            }
            (Action::Confirm, false) => (ApprovalsCommand::Confirm(request.id), "confirmed"),
            (_, true) => (ApprovalsCommand::Withdraw(request.id), "withdrawn"),
            (_, false) => (ApprovalsCommand::Refuse(request.id), "refused"),
        };
        (self.saving, self.said) = (true, None);
        Step::Stay(vec![Effect::Send(Command::Approvals(command), Purpose::Approve(self.id, words))])
    }

    /// It was done.
    pub fn done(&mut self, words: &str) {
        self.saving = false;
        self.said = Some((Role::Good, format!("the request is {words}")));
    }

    /// It was not.
    pub fn refused(&mut self, error: &CommandError) {
        self.saving = false;
        self.said = Some((Role::Fault, error.to_string()));
    }

    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let area = centred(screen, 64, 14);
        let title = match (self.place(), self.requests.len()) {
            (Some(place), count) if count > 1 => format!("Another admin confirms ({} of {count})", place + 1),
            _ => "Another admin confirms".to_owned(),
        };
        let inside = window(&title, theme, Role::Warning, area, buffer);
        let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
        let mut lines: Vec<(String, Role)> = Vec::new();
        match self.request() {
            Some(request) => {
                let who = if request.is_own {
                    "You ask".to_owned()
                } else {
                    format!("{} asks", request.asker_words())
                };
                let until = look.zone.local(request.expires_at).format("%H:%M").to_string();
                lines.push((format!("{who}, until {until}:"), Role::Dim));
                lines.push((request.words(), Role::Accent));
                lines.push((String::new(), Role::Text));
                let how = if request.is_own {
                    "Another admin confirms it on their own screen. n takes it back."
                } else {
                    "y confirms: it is done at once, as whoever asked. n refuses. The ledger names both of you."
                };
                lines.push((how.to_owned(), Role::Text));
            }
            None => lines.push(("Nothing that is shown here waits.".to_owned(), Role::Dim)),
        }
        lines.push((String::new(), Role::Text));
        match (&self.said, self.saving) {
            (Some((role, words)), _) => lines.push((words.clone(), *role)),
            (None, true) => lines.push(("saving …".to_owned(), Role::Text)),
            (None, false) => {}
        }
        let lines: Vec<(&str, Role)> = lines.iter().map(|(line, role)| (line.as_str(), *role)).collect();
        draw_lines(&lines, theme, below, buffer);
    }
}
