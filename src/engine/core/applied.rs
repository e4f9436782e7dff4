//! What the engine holds of what is on disk: gallery, roster, and who is here today.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::attendance::report::{Day, PresenceRecord, presence};
use crate::attendance::statement::{Statement, held, presence_records};
use crate::attendance::{FaceUse, PersonId, Presence};
use crate::ledger::{Entry, EntryKind};
use crate::store::Change;

use super::super::worker::store::StoreRequest;
use super::commits::Pending;
use super::{Core, GalleryState};

impl Core {
    /// Brings gallery and roster up to date with what is on disk.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::PersonPut(person) => {
                if !person.is_active() {
                    self.presence.remove(&person.id);
                    self.turns.remove(&person.id);
                    self.policy.forget(person.id);
                }
                if !person.is_active() || person.particulars.face == FaceUse::Off {
                    self.juries().for_each(|jury| jury.forget(person.id));
                }
                self.roster.put(person);
            }
            Change::PersonErased(person) => {
                self.presence.remove(&person);
                self.turns.remove(&person);
                self.sessions.forget(person);
                for arrived in self.arrivals.values_mut() {
                    arrived.remove(&person);
                }
                self.policy.forget(person);
                self.juries().for_each(|jury| jury.forget(person));
                self.roster.forget(person);
            }
            Change::TemplatePut(template) => {
                self.templates.insert(template.id, template.person);
                self.spaces.insert(template.id, template.space);
                self.thresholds.note_change();
                match &mut self.gallery {
                    GalleryState::Waiting(waiting) => waiting.put(&template),
                    GalleryState::Ready(gallery) => gallery.put(&template),
                }
            }
            Change::TemplateRemoved(id) => {
                self.templates.remove(&id);
                self.spaces.remove(&id);
                self.thresholds.note_change();
                match &mut self.gallery {
                    GalleryState::Waiting(waiting) => waiting.remove_template(id),
                    GalleryState::Ready(gallery) => gallery.remove_template(id),
                }
            }
            // Read from the store when they are needed.
            Change::CropPut { .. } | Change::CropRemoved(_) => {}
            Change::StrangerPut(item) => self.desk.items.put(item),
            Change::StrangerRemoved(id) => self.desk.items.remove(id),
            Change::OperatorPut(operator) => {
                self.operators.insert(operator.id, operator);
                self.refresh_access();
            }
            Change::OperatorRemoved(id) => {
                self.operators.remove(&id);
                self.refresh_access();
            }
            Change::CursorPut { .. } => {}
        }
    }

    /// Takes an entry into today's presence; whether that changed who is here.
    pub(super) fn note_presence(&mut self, entry: &Entry) -> bool {
        if entry.head.kind == EntryKind::Corrected {
            // What holds now depends on what was corrected.
            self.ask_for_presence(self.now());
            return false;
        }
        let records = presence_records(&held(Statement::of(entry)));
        let Some(PresenceRecord { person, state, at, .. }) = records.first().cloned() else { return false };
        let Some(day) = self.day_of(at) else { return false };
        match self.day {
            Some(today) if day < today => return false,
            Some(today) if day == today => {}
            _ => self.roll_over(day),
        }
        if self.roster.get(person).is_none_or(|person| !person.is_active()) {
            return false;
        }
        let before = self.presence.get(&person).copied();
        if entry.head.kind == EntryKind::BackFilled && before.is_some_and(|before| at < before.last_record) {
            self.ask_for_presence(at);
            return false;
        }
        self.presence.insert(person, Presence::after(before, state, at));
        if !self.commits.awaits_passage_of(person) {
            self.turns.insert(person, state);
        }
        true
    }

    /// Has the records of the day of `at` read again: what holds now depends on their order.
    pub(super) fn ask_for_presence(&mut self, at: DateTime<Utc>) {
        if let Some(day) = self.calendar.day_of(at) {
            self.ask(StoreRequest::RecordsBetween(day.from, day.until), Pending::Presence(day));
        }
    }

    /// Takes presence from all records of `day`. Answers come in the order of the requests, so that
    /// every entry that was taken in before is among them.
    pub(super) fn recount_presence(&mut self, day: &Day, entries: &[Entry]) {
        if self.day != Some(day.date) {
            return;
        }
        let held = held(entries.iter().filter_map(Statement::of));
        let records = presence_records(&held);
        self.recount_arrivals(day, &records);
        self.presence = self.active_presence(day, records);
        for (person, held) in &self.presence {
            if !self.commits.awaits_passage_of(*person) {
                self.turns.insert(*person, held.state);
            }
        }
        self.publish_roster();
    }

    /// Who of those on the roster is here and who has left after the records of `day`.
    pub(super) fn active_presence(
        &self,
        day: &Day,
        records: Vec<PresenceRecord>,
    ) -> HashMap<PersonId, Presence> {
        let is_active = |id: &PersonId| self.roster.get(*id).is_some_and(|person| person.is_active());
        presence(day, records).into_iter().filter(|(id, _)| is_active(id)).collect()
    }

    /// The date of the day that `at` belongs to.
    pub(super) fn day_of(&self, at: DateTime<Utc>) -> Option<NaiveDate> {
        self.calendar.day_of(at).map(|day| day.date)
    }

    pub(super) fn roll_over(&mut self, day: NaiveDate) {
        if let Some(ended) = self.day.replace(day).filter(|ended| *ended < day) {
            self.end_day(ended);
        }
        self.presence.clear();
        self.turns.clear();
    }
}
