//! Another way in at the kiosk view: an identifier is typed or scanned, and then, where it is wanted, a PIN. Pure:
//! keys, answers and the time come in.
//!
//! - A first character begins an entry; enter sends it, esc clears it, and so does [`ENTRY_STAYS`] without a key.
//! - A badge reader is a fast hand: its characters and its enter come as keys.
//! - What was typed is gone with the answer. It is no part of the PIN that the view is left with, nor that of it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::crossterm::event::KeyCode;
use zeroize::Zeroizing;

use super::arrivals::LONG;
use crate::attendance::PersonName;
use crate::attendance::PresenceState;
use crate::attendance::badge::BadgeRules;
use crate::engine::command::door::{DoorCommand, DoorReply, TypedIdentifier, TypedPin};
use crate::engine::{Command, CommandError, Reply};

/// The longest identifier that is taken, with what a reader adds.
pub const ENTRY_LIMIT: usize = 160;
/// The longest PIN that is taken; one that is too long is wrong.
const PIN_LIMIT: usize = 16;
/// An entry that nobody goes on with is cleared after this.
pub const ENTRY_STAYS: TimeDelta = TimeDelta::seconds(20);

/// What is typed at the moment.
#[derive(Clone, Default)]
pub struct Entry {
    identifier: String,
    /// As far as it is typed, where it is asked for.
    pin: Option<Zeroizing<String>>,
    is_sent: bool,
    touched: DateTime<Utc>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry(asks for a PIN: {}, is sent: {})", self.pin.is_some(), self.is_sent)
    }
}

/// What somebody is told who typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// They are on record.
    Welcome(PersonName, PresenceState, DateTime<Utc>, bool),
    /// They are known, and the store does not take it.
    NotSaved(PersonName),
    /// They are not let in this way.
    NotAccepted,
    /// Too many tries were wrong.
    Wait(u32),
    /// It could not be asked.
    Failed,
}

/// What an answer leads to.
pub enum Answered {
    /// The PIN is asked for.
    Goes,
    /// Somebody is told something.
    Told(Answer),
    /// Nothing: nobody waits for it any more.
    Nothing,
}

impl Entry {
    /// An empty one.
    pub fn begun(now: DateTime<Utc>) -> Self {
        Self { touched: now, ..Self::default() }
    }

    /// The text that is shown, and whether it is a PIN, of which its length is.
    pub fn shown(&self) -> (String, bool) {
        match &self.pin {
            Some(pin) => ("•".repeat(pin.chars().count()), true),
            None => (self.identifier.clone(), false),
        }
    }

    /// Whether an answer is on its way.
    pub fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// Takes a character, or takes one back; whether anything is left.
    pub fn typed(&mut self, code: KeyCode, now: DateTime<Utc>) -> bool {
        if self.is_sent {
            return true;
        }
        self.touched = now;
        let limit = if self.pin.is_some() { PIN_LIMIT } else { ENTRY_LIMIT };
        let text = match &mut self.pin {
            Some(pin) => {
                // Grown in one step, so that no copy of half a PIN is left behind.
                pin.reserve(4 * PIN_LIMIT);
                &mut **pin
            }
            None => &mut self.identifier,
        };
        match code {
            KeyCode::Char(c) if !c.is_control() && text.chars().count() < limit => text.push(c),
            KeyCode::Backspace => {
                text.pop();
            }
            _ => {}
        }
        self.pin.is_some() || !self.identifier.is_empty()
    }

    /// What is asked of the engine; none where there is nothing to ask.
    pub fn confirmed(&mut self, badge: &BadgeRules, now: DateTime<Utc>) -> Option<Command> {
        if self.is_sent {
            return None;
        }
        self.touched = now;
        let identifier = badge.identifier(&self.identifier).to_owned();
        let is_empty = self.pin.as_ref().map_or(identifier.is_empty(), |pin| pin.is_empty());
        if is_empty {
            return None;
        }
        self.is_sent = true;
        let pin = self.pin.as_mut().map(|pin| TypedPin(std::mem::take(pin)));
        Some(Command::Door(DoorCommand::CheckIn { identifier: TypedIdentifier(identifier), pin }))
    }

    /// Whether it was left alone for too long.
    pub fn is_forgotten(&self, now: DateTime<Utc>) -> bool {
        !self.is_sent && now - self.touched >= ENTRY_STAYS
    }

    /// When it is cleared by itself.
    pub fn forgotten_at(&self) -> Option<DateTime<Utc>> {
        (!self.is_sent).then_some(self.touched + ENTRY_STAYS)
    }
}

/// Takes the engine's answer to what was sent.
pub fn answered(
    entry: &mut Option<Entry>,
    reply: Result<Reply, CommandError>,
    now: DateTime<Utc>,
) -> Answered {
    if let (Ok(Reply::Door(DoorReply::PinWanted)), waiting) = (&reply, entry.as_mut()) {
        let Some(entry) = waiting.filter(|entry| entry.is_sent) else { return Answered::Nothing };
        entry.is_sent = false;
        entry.touched = now;
        entry.pin = Some(Zeroizing::default());
        return Answered::Goes;
    }
    // What somebody types meanwhile is theirs.
    if entry.as_ref().is_some_and(Entry::is_sent) {
        *entry = None;
    }
    Answered::Told(match reply {
        Ok(Reply::Door(DoorReply::Recorded { name, state, since, again })) => {
            Answer::Welcome(name, state, since, again)
        }
        Ok(Reply::Door(DoorReply::NotSaved { name })) => Answer::NotSaved(name),
        Ok(Reply::Door(DoorReply::Wait { seconds })) => Answer::Wait(seconds),
        Ok(Reply::Door(DoorReply::Refused)) => Answer::NotAccepted,
        Ok(_) | Err(_) => Answer::Failed,
    })
}

/// How long an answer is shown.
pub const ANSWER_STAYS: TimeDelta = LONG;
