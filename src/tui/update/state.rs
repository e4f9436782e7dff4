//! The state of the engine as it comes, and the question before it is ended.

use std::sync::Arc;

use super::Model;
use crate::engine::handle::Snapshot;
use crate::engine::state::Preview;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::leave::LeaveDialog;
use crate::tui::message::Effect;
use crate::tui::theme::Role;

impl Model {
    /// Asks before the screen ends whose engine `others` use. Whether that is a question: who wants to quit a
    /// second time has answered it.
    pub fn asks_to_leave(&mut self, others: usize) -> bool {
        if others == 0 || matches!(self.dialogs.last(), Some(Dialog::Leave(_))) {
            return false;
        }
        self.dialogs.push(Dialog::Leave(LeaveDialog::new(others)));
        self.dirty = true;
        true
    }

    /// Takes a state over; whether anything of it is new.
    pub(super) fn take_state(&mut self, snapshot: Snapshot, preview: Arc<Option<Preview>>) -> bool {
        let frame = |preview: &Option<Preview>| preview.as_ref().map(|p| (p.frame, p.width, p.height));
        let roster_is_new = !Arc::ptr_eq(&snapshot.roster, &self.snapshot.roster);
        let inbox_is_new = !Arc::ptr_eq(&snapshot.inbox, &self.snapshot.inbox);
        let is_new = roster_is_new
            || inbox_is_new
            || snapshot.link != self.snapshot.link
            || frame(&preview) != frame(&self.preview)
            || (!Arc::ptr_eq(&snapshot.live, &self.snapshot.live) && snapshot.live != self.snapshot.live);
        self.snapshot = snapshot;
        self.preview = preview;
        self.stages.take(&self.snapshot.live);
        if roster_is_new || inbox_is_new {
            for dialog in &mut self.dialogs {
                if let Dialog::Inbox(dialog) = dialog {
                    dialog.refresh(&self.snapshot.inbox, &self.snapshot.roster);
                }
            }
        }
        if roster_is_new {
            self.refresh_roll_call();
            self.refresh_sessions();
        }
        if roster_is_new && let Some(gone) = self.roster.refresh(&self.snapshot.roster) {
            self.say(Role::Text, format!("{gone} is not on the roster any more"));
        }
        is_new
    }

    /// Tells the enrolment prompt what moves.
    pub(super) fn live_changed(&mut self) -> Vec<Effect> {
        let live = &self.snapshot.live;
        let mut effects = Vec::new();
        for dialog in &mut self.dialogs {
            if let Dialog::Enrol(dialog) = dialog {
                effects.extend(dialog.live_changed(live));
            }
        }
        effects
    }
}
