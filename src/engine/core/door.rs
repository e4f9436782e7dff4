//! Another way in than a face: an identifier, and a PIN where the site asks for one.
//!
//! Nobody can find out at the door who exists: where PINs are asked for, everybody is asked for one, and one
//! that cannot be right is checked against a hash of nobody's, which takes as long.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::attendance::attempts::Attempts;
use crate::attendance::{
    Identifier, IdentifierUse, Method, Person, PersonId, PersonName, Pin, PinError, PinHash, PresenceState,
};
use crate::capture::Pace;
use crate::ledger::{
    Actor, ClockState, Entry, EntryId, EntryKind, NotePart, Parts, RecordDetails, RecordPart,
};

use super::super::command::door::{DoorCommand, DoorError, DoorReply, TypedPin};
use super::super::command::{CommandError, Reply};
use super::super::state::Recorded;
use super::super::worker::pins::{PinJob, PinOutcome, PinWork};
use super::commands::refuse;
use super::{Core, ReplySender};

/// What a PIN is hashed or checked for.
pub(super) enum PinUse {
    /// Somebody sets theirs.
    Set { actor: Actor, person: PersonId, reply: ReplySender },
    /// Somebody is at the door.
    CheckIn {
        typed: String,
        /// The hash that it is held against; none where nobody has it.
        held: Option<PinHash>,
        reply: ReplySender,
    },
}

/// Somebody whose record is on its way to the disk.
struct Waiting {
    name: PersonName,
    /// Whether they said so again while it is.
    again: bool,
    reply: ReplySender,
}

impl Waiting {
    fn tell_not_saved(self) {
        said(&self.reply, DoorReply::NotSaved { name: self.name });
    }
}

/// What somebody at the door is told, and where they wait for it.
pub(super) struct Told {
    answer: DoorReply,
    reply: ReplySender,
}

impl Told {
    pub(super) fn tell(self) {
        said(&self.reply, self.answer);
    }
}

/// What the door remembers.
#[derive(Default)]
pub(super) struct Door {
    attempts: Attempts,
    pins: HashMap<u64, PinUse>,
    waiting: HashMap<EntryId, Vec<Waiting>>,
    nobody: Option<PinHash>,
}

/// Why somebody is not let in; for the log alone.
const UNKNOWN: &str = "nobody has the identifier that was given";
const OFF: &str = "they may not come in by their identifier";
const NO_PIN: &str = "they have no PIN: `muster roster pin` sets one";
const WRONG_PIN: &str = "the PIN was wrong";

impl Core {
    pub(super) fn take_door_command(&mut self, command: DoorCommand, reply: ReplySender) {
        let DoorCommand::CheckIn { identifier, pin } = command;
        if !self.settings.rules.takes_identifiers() {
            return refuse(&reply, DoorError::Off.into());
        }
        let typed = identifier.0.trim().to_owned();
        if let Some(wait) = self.door.attempts.wait(&typed, self.source_name(), self.clock.now()) {
            let seconds = (wait.num_milliseconds() + 999) / 1000;
            return said(&reply, DoorReply::Wait { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) });
        }
        let person = self.at_door(&typed);
        let identifier_use =
            person.map(|person| self.settings.rules.identifier_for(&person.particulars.groups));
        match (identifier_use, pin) {
            (Some(IdentifierUse::Identifier), _) => self.let_in(&typed, Method::Identifier, reply),
            _ if !self.asks_for_pins() => self.turn_away(&typed, true, &reply),
            (_, None) => said(&reply, DoorReply::PinWanted),
            (_, Some(pin)) => self.check_at_door(typed, &pin, reply),
        }
    }

    /// Who is at the door, if they say the truth.
    fn at_door(&self, typed: &str) -> Option<&Person> {
        let identifier: Identifier = typed.parse().ok()?;
        self.roster.by_identifier(&identifier)
    }

    /// Whether anybody is asked for a PIN, and so everybody who is not let in without.
    fn asks_for_pins(&self) -> bool {
        let of_groups = self.settings.rules.groups.values().filter_map(|rules| rules.identifier);
        of_groups.chain([self.settings.rules.identifier]).any(|identifier| identifier == IdentifierUse::Pin)
    }

    fn check_at_door(&mut self, typed: String, pin: &TypedPin, reply: ReplySender) {
        // The same identifier twice at once would be a try that is not counted yet.
        let is_checked =
            |pin_use: &PinUse| matches!(pin_use, PinUse::CheckIn { typed: other, .. } if *other == typed);
        if self.door.pins.values().any(is_checked) {
            return said(&reply, DoorReply::Wait { seconds: 1 });
        }
        let held = self.pin_of(&typed).filter(|_| pin.pin().is_some());
        let hash = held.clone().or_else(|| self.door.nobody.clone());
        let (Some(pin), Some(hash)) = (pin.pin().or_else(|| "0000".parse().ok()), hash) else {
            return refuse(&reply, CommandError::Busy);
        };
        self.send_pin(pin, PinWork::Check(hash), PinUse::CheckIn { typed, held, reply });
    }

    /// The hash of the PIN of whom `typed` names, where they may come in with it.
    fn pin_of(&self, typed: &str) -> Option<PinHash> {
        let person = self.at_door(typed)?;
        let identifier_use = self.settings.rules.identifier_for(&person.particulars.groups);
        person.particulars.pin.clone().filter(|_| identifier_use == IdentifierUse::Pin)
    }

    pub(super) fn send_pin(&mut self, pin: Pin, work: PinWork, pin_use: PinUse) {
        let id = self.next_id();
        if self.channels.pin_jobs.try_send(PinJob { id, pin, work }).is_err() {
            let (PinUse::Set { reply, .. } | PinUse::CheckIn { reply, .. }) = pin_use;
            return refuse(&reply, CommandError::Busy);
        }
        self.door.pins.insert(id, pin_use);
    }

    pub(super) fn take_pin(&mut self, id: u64, outcome: PinOutcome) {
        match (self.door.pins.remove(&id), outcome) {
            (Some(PinUse::Set { actor, person, reply }), PinOutcome::Hashed(hash)) => {
                self.take_hashed_pin(actor, person, hash, reply);
            }
            (Some(PinUse::CheckIn { typed, held, reply }), PinOutcome::Checked(is_right)) => {
                // They may have been removed, have another PIN or other rules by now.
                let is_theirs = held.is_some() && self.pin_of(&typed) == held;
                if is_right && is_theirs {
                    self.let_in(&typed, Method::IdentifierAndPin, reply);
                } else {
                    self.turn_away(&typed, false, &reply);
                }
            }
            (Some(PinUse::Set { reply, .. } | PinUse::CheckIn { reply, .. }), _) => {
                refuse(&reply, CommandError::Busy);
            }
            (None, _) => {}
        }
    }

    fn let_in(&mut self, typed: &str, method: Method, reply: ReplySender) {
        let Some(person) = self.at_door(typed) else { return self.turn_away(typed, false, &reply) };
        let (id, name) = (person.id, person.name.clone());
        self.door.attempts.right(typed);
        let at = self.now();
        let clock = match self.pace {
            Pace::RealTime => self.clock_state(at),
            Pace::Lossless => ClockState::Recording,
        };
        match self.record_passage(self.focus, id, at, clock, method, None) {
            Some(draft) => {
                let entry = draft.id;
                // What finds no room is lost, and whoever stands there must know.
                if self.queue_entry(draft, Some(id)) {
                    self.wait_for_record(entry, Waiting { name, again: false, reply });
                } else {
                    let reason = "too many records wait that it has not taken".to_owned();
                    refuse(&reply, CommandError::Store { reason });
                }
            }
            None => self.came_before(id, at, Waiting { name, again: true, reply }),
        }
    }

    fn wait_for_record(&mut self, entry: EntryId, waiting: Waiting) {
        self.door.waiting.entry(entry).or_default().push(waiting);
    }

    /// Somebody says again who they are, and it belongs to a passage that may not be on disk: they are told what
    /// is so of that one.
    fn came_before(&mut self, person: PersonId, at: DateTime<Utc>, waiting: Waiting) {
        match (self.recorded(person), self.commits.passage_on_its_way(person)) {
            (Recorded::Yes, _) => {
                let presence = self.presence.get(&person);
                let state = presence.map_or(PresenceState::Present, |presence| presence.state);
                let since = presence.map_or(at, |presence| presence.since);
                let Waiting { name, again, reply } = waiting;
                said(&reply, DoorReply::Recorded { name, state, since, again });
            }
            (Recorded::Soon, Some(entry)) => self.wait_for_record(entry, waiting),
            _ => waiting.tell_not_saved(),
        }
    }

    /// Says no, and writes down why. What was typed is not written: it may be a PIN in the wrong place.
    fn turn_away(&mut self, typed: &str, at_once: bool, reply: &ReplySender) {
        let person = self.at_door(typed);
        let reason = match person {
            None => UNKNOWN,
            Some(person) => {
                match (
                    self.settings.rules.identifier_for(&person.particulars.groups),
                    &person.particulars.pin,
                ) {
                    (IdentifierUse::Pin, None) => NO_PIN,
                    (IdentifierUse::Pin, Some(_)) if !at_once => WRONG_PIN,
                    _ => OFF,
                }
            }
        };
        let source = Some(self.source_name().to_owned()).filter(|name| !name.is_empty());
        let record = person.map(|person| RecordPart {
            details: RecordDetails { source, ..RecordDetails::default() },
            ..RecordPart::new(person.id, None)
        });
        let parts = Parts { record, note: Some(NotePart { text: reason.to_owned() }), ..Parts::default() };
        self.write_entry(EntryKind::IdentifierRefused, Actor::Door, parts);
        let (door, now) = (self.source_name().to_owned(), self.clock.now());
        self.door.attempts.wrong(typed, &door, now);
        said(reply, DoorReply::Refused);
    }

    /// An entry is on disk: what whoever waited for it is to be told.
    pub(super) fn entry_for_door(&mut self, entry: &Entry) -> Vec<Told> {
        let Some(waiting) = self.door.waiting.remove(&entry.head.id) else { return Vec::new() };
        let record = entry.parts.record.as_ref();
        let state = record.and_then(|record| record.state).unwrap_or(PresenceState::Present);
        let person = record.map(|record| record.person);
        let presence = person.and_then(|person| self.presence.get(&person));
        let since = presence.map_or(entry.head.at, |presence| presence.since);
        let told = |Waiting { name, again, reply }| Told {
            answer: DoorReply::Recorded { name, state, since, again },
            reply,
        };
        waiting.into_iter().map(told).collect()
    }

    /// The store did not take the entries: nobody is kept waiting for them.
    pub(super) fn door_is_not_saved(&mut self) {
        self.door.waiting.drain().flat_map(|(_, waiting)| waiting).for_each(Waiting::tell_not_saved);
    }

    /// These entries are not written any more: whoever waits for one of them is told so.
    pub(super) fn entries_are_dropped(&mut self, entries: &[EntryId]) {
        let dropped = entries.iter().filter_map(|entry| self.door.waiting.remove(entry));
        dropped.flatten().for_each(Waiting::tell_not_saved);
    }

    /// Counts the wrong tries of entries that are on disk, so that no restart is a fresh start; and prepares the
    /// hash of nobody's PIN.
    pub(super) fn restore_door(&mut self, entries: &[Entry]) {
        if self.settings.rules.takes_identifiers() {
            let mut salt = [0; 16];
            self.entropy.fill(&mut salt);
            self.door.nobody = nobody(&salt).ok();
        }
        for entry in entries {
            let at: DateTime<Utc> = entry.head.at;
            let record = entry.parts.record.as_ref();
            let identifier = record
                .and_then(|record| self.roster.get(record.person))
                .and_then(|person| person.identifier.as_ref())
                .map(|identifier| identifier.as_str().to_owned());
            let source = record.and_then(|record| record.details.source.clone());
            let door = source.unwrap_or_else(|| self.source_name().to_owned());
            let attempts = &mut self.door.attempts;
            match (entry.head.kind, identifier) {
                (EntryKind::IdentifierRefused, Some(identifier)) => attempts.wrong(&identifier, &door, at),
                (EntryKind::IdentifierRefused, None) => attempts.wrong_at_door(&door, at),
                (EntryKind::Passage, Some(identifier))
                    if record.is_some_and(|r| r.details.method == Some(Method::IdentifierAndPin)) =>
                {
                    attempts.right(&identifier);
                }
                _ => {}
            }
        }
    }
}

/// The hash of a PIN that nobody has: no one knows the salt, and it is never compared to be right.
fn nobody(salt: &[u8; 16]) -> Result<PinHash, PinError> {
    "0000".parse::<Pin>()?.hash(salt)
}

fn said(reply: &ReplySender, answer: DoorReply) {
    let _ = reply.send(Ok(Reply::Door(answer)));
}
