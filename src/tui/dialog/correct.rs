//! The correction of an entry: what holds instead, and why. What it corrects stays in the ledger.

mod draw;

use chrono::{DateTime, NaiveDate, Utc};
use tui_input::Input;

use super::Step;
use crate::attendance::{PresenceState, Standing};
use crate::engine::command::attendance::{AttendanceCommand, Corrected, Correction, CorrectionOf};
use crate::engine::{Command, CommandError, LogEntry};
use crate::ledger::{EntryKind, Sequence};
use crate::tui::clock::{Clock, time_of_day};
use crate::tui::keymap::Action;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::log::corrected::{Corrections, Fate};
use crate::tui::pane::log::words::standing_words;

/// What can hold instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// That somebody came or left.
    State(PresenceState),
    /// That they stood so in the session.
    Standing(Standing),
    /// Nothing.
    Struck,
}

impl Choice {
    fn words(self) -> &'static str {
        match self {
            Self::State(PresenceState::Present) => "present",
            Self::State(PresenceState::Left) => "left",
            Self::Standing(standing) => standing_words(standing).1,
            Self::Struck => "strike",
        }
    }
}

/// The fields, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Time,
    Reason,
}

/// The correction.
#[derive(Debug, Clone)]
pub struct CorrectDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    entry: LogEntry,
    /// What corrected it so far, and what became of it by that.
    chain: Vec<LogEntry>,
    fate: Fate,
    choices: Vec<Choice>,
    chosen: usize,
    /// The day on which what holds now lies.
    date: NaiveDate,
    clock: Clock,
    time: Input,
    reason: Input,
    active: Field,
    saving: bool,
    error: Option<String>,
}

impl CorrectDialog {
    /// The correction of `entry`; none where it says nothing that could be corrected.
    pub fn new(id: DialogId, entry: &LogEntry, corrections: &Corrections, clock: Clock) -> Option<Self> {
        let said = entry.statement()?;
        let holds = corrections.holds(entry).unwrap_or_else(|| said.clone());
        let states = [PresenceState::Present, PresenceState::Left].map(Choice::State);
        let choices: Vec<Choice> = match (said.details.standing, said.state) {
            (Some(_), _) => Standing::ALL.into_iter().map(Choice::Standing).chain([Choice::Struck]).collect(),
            (None, Some(_)) => states.into_iter().chain([Choice::Struck]).collect(),
            // A strike can be struck, and an excuse.
            (None, None) if said.details.struck || said.kind == EntryKind::Excused => vec![Choice::Struck],
            (None, None) => return None,
        };
        let now = match (holds.details.standing, holds.state) {
            (Some(standing), _) => Choice::Standing(standing),
            (None, Some(state)) => Choice::State(state),
            (None, None) => Choice::Struck,
        };
        let at = holds.holds_at();
        Some(Self {
            id,
            chain: corrections.chain(entry.sequence).into_iter().cloned().collect(),
            fate: corrections.fate(entry),
            entry: entry.clone(),
            chosen: choices.iter().position(|choice| *choice == now).unwrap_or(0),
            choices,
            date: clock.date_of(at),
            clock,
            time: Input::new(clock.zone.local(at).format("%H:%M:%S").to_string()),
            reason: Input::default(),
            active: Field::Reason,
            saving: false,
            error: None,
        })
    }

    /// Which entry is corrected.
    pub fn sequence(&self) -> Sequence {
        self.entry.sequence
    }

    /// What is chosen to hold.
    pub fn choice(&self) -> Choice {
        self.choices[self.chosen]
    }

    fn has_time(&self) -> bool {
        matches!(self.choice(), Choice::State(_))
    }

    /// The field that text goes into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match self.active {
            _ if self.saving => None,
            Field::Time if self.has_time() => Some(&mut self.time),
            _ => Some(&mut self.reason),
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        let count = self.choices.len();
        match action {
            Action::Cancel => return Step::Close,
            Action::Down if !self.saving => self.chosen = (self.chosen + 1) % count,
            Action::Up if !self.saving => self.chosen = (self.chosen + count - 1) % count,
            Action::Next | Action::Previous if !self.saving => {
                self.active = match self.active {
                    Field::Reason if self.has_time() => Field::Time,
                    Field::Reason | Field::Time => Field::Reason,
                };
            }
            Action::Confirm if !self.saving => match self.read() {
                Ok(correction) => {
                    (self.saving, self.error) = (true, None);
                    let command = Command::Attendance(AttendanceCommand::Correct(correction));
                    return Step::Stay(vec![Effect::Send(command, Purpose::Attendance(self.id))]);
                }
                Err((field, error)) => (self.active, self.error) = (field, Some(error)),
            },
            _ => {}
        }
        Step::Stay(Vec::new())
    }

    /// What is written, or which field is wrong and why.
    fn read(&self) -> Result<Correction, (Field, String)> {
        let what = match self.choice() {
            Choice::Struck => Corrected::Struck,
            Choice::Standing(standing) => Corrected::Standing(standing),
            // Both are said whole: what was seen when it was confirmed is what holds, also where it says once
            // more what an unsure clock wrote, or somebody else corrected the entry meanwhile.
            Choice::State(state) => Corrected::Record { state: Some(state), at: Some(self.at()?) },
        };
        let reason = self.reason.value().trim().to_owned();
        if reason.is_empty() {
            return Err((Field::Reason, "say why: it is kept beside the correction".to_owned()));
        }
        Ok(Correction { of: CorrectionOf::Entry(self.entry.sequence), what, reason })
    }

    fn at(&self) -> Result<DateTime<Utc>, (Field, String)> {
        let text = self.time.value().trim();
        let at = time_of_day(text).and_then(|time| self.clock.at(self.date, time));
        at.ok_or_else(|| (Field::Time, format!("`{text}` is no time of day: expected HH:MM or HH:MM:SS")))
    }

    /// The correction was refused.
    pub fn refused(&mut self, error: &CommandError) {
        self.saving = false;
        self.error = Some(error.to_string());
    }
}
