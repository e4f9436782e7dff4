//! The roll call: who is missing, who is here, against the roster or against the day before.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, window};
use crate::attendance::roll_call::{Expected, RollCallLine, Standing, roll_call};
use crate::attendance::{PersonId, PresenceState};
use crate::engine::command::looking_up::DayLog;
use crate::engine::{Command, RosterState};
use crate::tui::keymap::Action;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::{Look, Window, draw_message, draw_scroll_bar, moved};
use crate::tui::text;
use crate::tui::theme::Role;

/// Days that are looked back at for one with records.
const FURTHEST: u32 = 10;

/// What the roster is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Against {
    Roster,
    /// The last day on which somebody came; how many days back is being asked, until one is found.
    Day(u32, Option<Found>),
}

/// A day with records.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    date: chrono::NaiveDate,
    those: BTreeSet<PersonId>,
}

/// The roll call.
#[derive(Debug, Clone)]
pub struct RollCallDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    against: Against,
    lines: Vec<RollCallLine>,
    index: usize,
    window: Window,
    error: Option<String>,
}

impl RollCallDialog {
    /// The roll call against the roster.
    pub fn new(id: DialogId, roster: &RosterState) -> Self {
        let mut dialog = Self {
            id,
            against: Against::Roster,
            lines: Vec::new(),
            index: 0,
            window: Window::default(),
            error: None,
        };
        dialog.refresh(roster);
        dialog
    }

    /// Takes a new state of the roster over.
    pub fn refresh(&mut self, roster: &RosterState) {
        let expected = match &self.against {
            Against::Roster => Expected::Roster,
            Against::Day(_, found) => {
                Expected::Those(found.as_ref().map(|found| found.those.clone()).unwrap_or_default())
            }
        };
        let selected = self.selected();
        let people = roster.rows.iter().map(|row| (row.person, row.name.clone(), row.presence));
        self.lines = roll_call(people, &expected);
        let found = self.lines.iter().position(|line| Some(line.person) == selected);
        self.index = found.unwrap_or(self.index).min(self.lines.len().saturating_sub(1));
        self.window.follow(self.index, self.lines.len());
    }

    /// Who is selected.
    pub fn selected(&self) -> Option<PersonId> {
        self.lines.get(self.index).map(|line| line.person)
    }

    /// How large the screen is.
    pub fn set_screen_height(&mut self, height: u16) {
        self.window.height = usize::from(height.saturating_sub(7));
        self.window.follow(self.index, self.lines.len());
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Next => {
                self.error = None;
                self.against = match self.against {
                    Against::Roster => Against::Day(1, None),
                    Against::Day(..) => Against::Roster,
                };
                return Step::Stay(self.ask().into_iter().collect());
            }
            Action::Open => {
                if let Some(person) = self.selected() {
                    return Step::CloseAndSelect(person);
                }
            }
            _ => {}
        }
        if let Some(index) = moved(action, self.index, self.lines.len(), self.window.height) {
            self.index = index;
            self.window.follow(self.index, self.lines.len());
        }
        Step::Stay(Vec::new())
    }

    fn ask(&self) -> Option<Effect> {
        let Against::Day(back, None) = self.against else { return None };
        Some(Effect::Send(Command::Day { back }, Purpose::Day(self.id)))
    }

    /// A day that was asked for, or why not; what to ask next where nobody came on it.
    pub fn came(&mut self, day: Result<&DayLog, String>, roster: &RosterState) -> Vec<Effect> {
        let Against::Day(back, None) = self.against else { return Vec::new() };
        match day {
            Err(error) => self.error = Some(error),
            Ok(day) => {
                let present = |state: Option<PresenceState>| state == Some(PresenceState::Present);
                let those: BTreeSet<PersonId> = day
                    .entries
                    .iter()
                    .filter(|entry| present(entry.state))
                    .filter_map(|entry| entry.person)
                    .collect();
                if those.is_empty() && back < FURTHEST {
                    self.against = Against::Day(back + 1, None);
                    return self.ask().into_iter().collect();
                }
                self.against = Against::Day(back, Some(Found { date: day.date, those }));
            }
        }
        self.refresh(roster);
        Vec::new()
    }

    fn title(&self) -> String {
        match &self.against {
            Against::Roster => "Roll call against the roster".to_owned(),
            Against::Day(_, Some(found)) if found.those.is_empty() => {
                format!("Roll call: nobody came in the last {FURTHEST} days")
            }
            Against::Day(_, Some(found)) => {
                format!("Roll call against {}", found.date.format("%A, %Y-%m-%d"))
            }
            Against::Day(_, None) => "Roll call: reading the day before …".to_owned(),
        }
    }

    fn count(&self, standing: Standing) -> usize {
        self.lines.iter().filter(|line| line.standing == standing).count()
    }

    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let area = crate::tui::layout::centred(screen, 72, screen.height.saturating_sub(2));
        let inside = window(&self.title(), theme, Role::FocusedBorder, area, buffer);
        let counts = format!(
            "- {} missing   ○ {} left   + {} present{}",
            self.count(Standing::Missing),
            self.count(Standing::Left),
            self.count(Standing::Present),
            match self.count(Standing::Unexpected) {
                0 => String::new(),
                count => format!("   * {count} not there before"),
            },
        );
        let (words, role) = match &self.error {
            Some(error) => (error.clone(), Role::Fault),
            None => (counts, Role::Accent),
        };
        let room = usize::from(inside.width);
        buffer.set_stringn(inside.x, inside.y, text::fitted(&words, room), room, theme.style(role));
        let list =
            Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside }.intersection(inside);
        if self.lines.is_empty() {
            draw_message(&[("nobody is expected".to_owned(), Role::Dim)], theme, list, buffer);
        }
        let seen = self.lines.iter().enumerate().skip(self.window.offset);
        for ((index, line), y) in seen.zip(list.y..list.bottom()) {
            let (sign, words, role) = match line.standing {
                Standing::Missing => ("-", "missing", Role::Warning),
                Standing::Left => ("○", "left", Role::Text),
                Standing::Unexpected => ("*", "present", Role::Accent),
                Standing::Present => ("+", "present", Role::Good),
            };
            let since = line.since.map(|at| look.zone.local(at).format(" %H:%M").to_string());
            let state = format!("{words}{}", since.unwrap_or_default());
            let name_room = room.saturating_sub(18);
            let marker = if index == self.index { "▸" } else { " " };
            let row = format!("{marker}{sign} {} {state:>13} ", text::padded(line.name.as_str(), name_room));
            let style = theme.style(if index == self.index { Role::Selection } else { role });
            buffer.set_stringn(list.x, y, text::padded(&row, room), room, style);
        }
        let beside = Rect { width: list.width + 1, ..list };
        draw_scroll_bar(&self.window, self.lines.len(), look, beside, buffer);
    }
}
