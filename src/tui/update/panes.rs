//! How the panes lie, what they show, and what a count and an undo mean.

use crate::attendance::{PersonId, PersonName, PresenceState};
use crate::engine::Command;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::filter::FilterPrompt;
use crate::tui::dialog::output::OutputDialog;
use crate::tui::dialog::palette::PaletteDialog;
use crate::tui::kept::{names_nobody, remember};
use crate::tui::keymap::Action;
use crate::tui::layout::{Arrangement, Focus};
use crate::tui::message::{DialogId, Effect, Purpose, Running};
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// What can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undoable {
    /// A mark: who, and what they were before; none where they had not been seen.
    Mark(PersonId, PersonName, Option<PresenceState>),
    /// That the source was stopped, or went on.
    Pause(bool),
}

/// Percent that a pane grows by with each key.
const GROWTH: u16 = 5;

impl Model {
    /// Actions that are about the panes themselves; none where it is no such action.
    pub(super) fn arrange(&mut self, action: Action) -> Option<Vec<Effect>> {
        match action {
            Action::Next | Action::Previous => self.turn(action == Action::Next),
            Action::Zoom => {
                let zoomed = self.kept.arrangement.zoomed.take();
                if zoomed.is_none() {
                    self.kept.arrangement.zoomed = Some(self.focus);
                }
            }
            Action::Hide => return Some(self.hide()),
            Action::ShowAll => self.kept.arrangement = Arrangement::default(),
            Action::Wider | Action::Narrower => self.grow(true, action == Action::Wider),
            Action::Taller | Action::Shorter => self.grow(false, action == Action::Taller),
            _ => return None,
        }
        if matches!(action, Action::Next | Action::Previous) {
            return Some(Vec::new());
        }
        Some(vec![Effect::Keep(self.kept.clone())])
    }

    /// Gives the keys to the next pane that is seen.
    fn turn(&mut self, forward: bool) {
        let at = Focus::ALL.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let count = Focus::ALL.len();
        let step = if forward { 1 } else { count - 1 };
        if self.kept.arrangement.zoomed.is_some() {
            self.focus = Focus::ALL[(at + step) % count];
            self.kept.arrangement.zoomed = Some(self.focus);
            return;
        }
        let order = (1..=count).map(|n| Focus::ALL[(at + n * step) % count]);
        let screen = ratatui::layout::Rect::new(0, 0, self.size.width, self.size.height);
        let areas = self.areas(screen);
        let seen = |pane: &Focus| {
            let has_room = areas.is_none_or(|areas| !areas.pane(*pane).is_empty());
            self.kept.arrangement.shows(*pane) && has_room
        };
        let before = self.focus;
        self.focus = order.into_iter().find(seen).unwrap_or(self.focus);
        if self.focus == Focus::Detail {
            self.detail_of_log = before == Focus::Log;
        }
    }

    fn hide(&mut self) -> Vec<Effect> {
        let arrangement = &mut self.kept.arrangement;
        arrangement.zoomed = None;
        let others =
            [Focus::Roster, Focus::Log, Focus::Preview].into_iter().filter(|pane| *pane != self.focus);
        if others.into_iter().all(|pane| arrangement.hidden.contains(&pane)) {
            self.say(Role::Warning, "this is the last pane: X shows the others again");
            return Vec::new();
        }
        arrangement.hidden.push(self.focus);
        self.say(Role::Text, "the pane is hidden: X shows it again");
        self.turn(true);
        vec![Effect::Keep(self.kept.clone())]
    }

    /// Moves the line beside the pane, or below it, so that the pane grows or shrinks.
    fn grow(&mut self, columns: bool, larger: bool) {
        let screen = ratatui::layout::Rect::new(0, 0, self.size.width, self.size.height);
        let Some(areas) = self.areas(screen) else { return };
        let Some(divide) = (if columns { areas.column } else { areas.row }) else { return };
        let pane = areas.pane(self.focus);
        let is_first = if columns { pane.x < divide.at } else { pane.y < divide.at };
        let (begin, length) = if columns {
            (divide.whole.x, divide.whole.width)
        } else {
            (divide.whole.y, divide.whole.height)
        };
        let now = u32::from(divide.at - begin) * 100 / u32::from(length.max(1));
        let moved =
            if larger == is_first { now as u16 + GROWTH } else { (now as u16).saturating_sub(GROWTH) };
        let share = moved.max(1);
        let arrangement = std::mem::take(&mut self.kept.arrangement);
        self.kept.arrangement = if columns {
            Arrangement { columns: share, ..arrangement }
        } else {
            Arrangement { rows: share, ..arrangement }
        }
        .sane();
    }

    /// Begins to write a filter for the pane that has the keys.
    pub(super) fn open_filter(&mut self) {
        let filter = match self.focus {
            Focus::Roster => self.roster.filter().to_owned(),
            Focus::Log => self.log.filter().to_owned(),
            Focus::Preview | Focus::Detail => {
                self.say(
                    Role::Warning,
                    "this pane has nothing to filter: tab goes to the roster and the log",
                );
                return;
            }
        };
        self.dialogs.push(Dialog::Filter(FilterPrompt::new(self.focus, &filter)));
    }

    /// Takes what the prompt says over.
    pub(super) fn filter_by(&mut self, pane: Focus, text: &str) -> Vec<Effect> {
        match pane {
            Focus::Roster => {
                self.roster.set_filter(text, &self.snapshot.roster);
                Vec::new()
            }
            Focus::Log => self.log.set_filter(text, &self.clock()),
            Focus::Preview | Focus::Detail => Vec::new(),
        }
    }

    pub(super) fn open_palette(&mut self) {
        let id = self.next_dialog();
        let dialog = PaletteDialog::new(id, &self.keymap, &self.subcommands, &self.history);
        self.dialogs.push(Dialog::Palette(Box::new(dialog)));
    }

    /// Runs a line of the palette and shows what it prints.
    pub(super) fn run_line(&mut self, line: String) -> Vec<Effect> {
        let id = self.next_dialog();
        remember(&mut self.history, &line);
        if names_nobody(&line, &self.subcommands) {
            remember(&mut self.kept.history, &line);
        }
        self.dialogs.push(Dialog::Output(Box::new(OutputDialog::new(id, line.clone()))));
        // One that is refused since another runs does not take its place.
        if self.running.is_none() {
            self.running = Some(Running { id, began: self.now, progress: None, is_ending: false });
        }
        vec![Effect::Keep(self.kept.clone()), Effect::Run(id, line)]
    }

    pub(super) fn printed(&mut self, id: DialogId, text: &str) {
        for dialog in &mut self.dialogs {
            if let Dialog::Output(output) = dialog
                && output.id == id
            {
                output.printed(text);
            }
        }
    }

    pub(super) fn progressed(&mut self, id: DialogId, done: usize, total: usize) {
        if let Some(running) = self.running.as_mut().filter(|running| running.id == id) {
            running.progress = Some((done, total));
        }
    }

    /// Asks what runs to end.
    pub(super) fn stop_running(&mut self) -> Vec<Effect> {
        let Some(running) = &mut self.running else {
            self.say(Role::Text, "nothing runs any more");
            return Vec::new();
        };
        running.is_ending = true;
        vec![Effect::StopRunning]
    }

    /// Takes the last thing back that can be, as a new entry.
    pub(super) fn undo(&mut self) -> Vec<Effect> {
        match self.undoable.take() {
            None => {
                self.say(Role::Warning, "there is nothing to take back: a mark can be, and a pause");
                Vec::new()
            }
            Some(Undoable::Pause(paused)) => {
                vec![Effect::Send(Command::SetPaused(!paused), Purpose::Pause(!paused))]
            }
            Some(Undoable::Mark(_, name, None)) => {
                let words = format!("{name} had not been seen before the mark: m marks them as left");
                self.say(Role::Warning, words);
                Vec::new()
            }
            Some(Undoable::Mark(person, name, Some(state))) => {
                let note = Some("the mark before was taken back".to_owned());
                vec![Effect::Send(Command::Mark { person, state, note }, Purpose::Undo(name, state))]
            }
        }
    }

    /// Takes a digit of a count; whether it was one.
    pub(super) fn count_digit(&mut self, digit: u32) -> bool {
        let begun = self.count.unwrap_or(0);
        if begun == 0 && digit == 0 {
            return false;
        }
        self.count = Some((begun * 10 + digit).min(MOST));
        true
    }

    /// Does `action` as often as was typed before it; `G` goes to that line.
    pub(super) fn act_counted(&mut self, action: Action) -> Vec<Effect> {
        let count = self.count.take();
        let (first, rest) = match (action, count) {
            (Action::Last | Action::First, Some(line)) => {
                (Action::First, vec![Action::Down; line as usize - 1])
            }
            (
                Action::Up
                | Action::Down
                | Action::PageUp
                | Action::PageDown
                | Action::HalfUp
                | Action::HalfDown
                | Action::Wider
                | Action::Narrower
                | Action::Taller
                | Action::Shorter,
                Some(count),
            ) => (action, vec![action; count as usize - 1]),
            _ => (action, Vec::new()),
        };
        let mut effects = self.act(first);
        for action in rest {
            effects.extend(self.act(action));
        }
        effects
    }
}

/// The largest count: more lines than anybody goes at once, and few enough to be done before the next frame.
const MOST: u32 = 9_999;
