//! Answers what a screen looks up. Nothing is written.

use chrono::TimeDelta;

use crate::attendance::PersonId;
use crate::attendance::report::Day;
use crate::capture::picture;
use crate::engine::command::looking_up::{DayLog, FacePicture, PERSON_ENTRIES, PersonDetails};
use crate::engine::command::{CommandError, Reply};
use crate::face::EncodedCrop;
use crate::ledger::Entry;

use super::super::worker::store::StoreRequest;
use super::commits::Pending;
use super::{Core, ReplySender};

/// Days that can be gone back to.
const FURTHEST_DAYS: u32 = 3_650;

impl Core {
    pub(super) fn look_up_person(&mut self, person: PersonId, reply: ReplySender) {
        if let Err(error) = self.active(person) {
            let _ = reply.send(Err(error));
            return;
        }
        // The newest template's picture: the ids grow with time.
        let template = self.templates.iter().rev().find(|(_, owner)| **owner == person).map(|(id, _)| *id);
        self.ask(StoreRequest::About(person, template, PERSON_ENTRIES), Pending::About(person, reply));
    }

    pub(super) fn person_details(
        &self,
        person: PersonId,
        entries: &[Entry],
        crop: Option<&EncodedCrop>,
    ) -> Reply {
        let face = crop.and_then(|crop| {
            let pixels = picture::decode(crop.as_bytes(), "the kept picture").ok()?;
            Some(FacePicture { side: pixels.width(), rgb: pixels.data().to_vec() })
        });
        let entries = entries.iter().map(|entry| self.log_entry(entry)).collect();
        Reply::Person(Box::new(PersonDetails { person, entries, face }))
    }

    pub(super) fn look_up_day(&mut self, back: u32, reply: ReplySender) {
        let wanted = self.now() - TimeDelta::days(i64::from(back.min(FURTHEST_DAYS)));
        match self.calendar.day_of(wanted) {
            Some(day) => {
                self.ask(StoreRequest::EntriesBetween(day.from, day.until), Pending::Day(day, reply));
            }
            None => {
                let _ = reply.send(Err(CommandError::NoSuchDay));
            }
        }
    }

    pub(super) fn day_log(&self, day: &Day, entries: &[Entry]) -> Reply {
        let entries = entries.iter().map(|entry| self.log_entry(entry)).collect();
        Reply::Day(Box::new(DayLog { date: day.date, from: day.from, until: day.until, entries }))
    }
}
