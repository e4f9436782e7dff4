//! What a screen sees of sessions: those that are open, who of those expected is there, and those to come.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::report::{Day, PresenceRecord, in_order_by_person};
use crate::attendance::statement::Statement;
use crate::attendance::{PersonId, PresenceState, SessionId};
use crate::ledger::{Entry, EntryKind, Facts};

use super::super::state::{OpenSession, PlannedSession};
use super::Core;

/// When those who came to the open sessions did.
pub(super) type Arrivals = HashMap<SessionId, BTreeMap<PersonId, DateTime<Utc>>>;

impl Core {
    /// Takes in what an entry that was written says of who came to the open sessions.
    pub(super) fn note_arrival(&mut self, entry: &Entry) {
        match (&entry.parts.facts, entry.head.kind) {
            (Some(Facts::Session(session)), _) => {
                self.arrivals.entry(session.id).or_default();
                // Who came before it was opened counts too.
                return self.ask_for_presence(self.now());
            }
            (Some(Facts::SessionClosed(id)), _) => drop(self.arrivals.remove(id)),
            // What is corrected is read again as a whole.
            (_, EntryKind::Corrected) => return,
            _ => {}
        }
        let Some(said) = Statement::of(entry) else { return };
        let (Some(state), at) = (said.state, said.holds_at()) else { return };
        let Some(person) = self.roster.get(said.person) else { return };
        for session in &self.sessions.open {
            let is_expected = session.group.as_ref().is_none_or(|group| person.is_in(group));
            if !is_expected || at < session.counts_from() {
                continue;
            }
            let arrived = self.arrivals.entry(session.id).or_default();
            match state {
                PresenceState::Present => {
                    arrived.entry(person.id).or_insert(at);
                }
                PresenceState::Left if at <= session.starts_at => {
                    arrived.remove(&person.id);
                }
                PresenceState::Left => {}
            }
        }
    }

    /// Takes all records of `day` in anew. Who came on a day before stays.
    pub(super) fn recount_arrivals(&mut self, day: &Day, records: &[PresenceRecord]) {
        if self.sessions.open.is_empty() {
            return;
        }
        let by_person = in_order_by_person(records.to_vec());
        for session in &self.sessions.open {
            let arrived = self.arrivals.entry(session.id).or_default();
            arrived.retain(|_, at| *at < day.from);
            for (person, own) in &by_person {
                let known = self.roster.get(*person).filter(|person| person.is_active());
                let is_expected =
                    known.is_some_and(|known| session.group.as_ref().is_none_or(|group| known.is_in(group)));
                let came = session.standing(own, false, DateTime::<Utc>::MAX_UTC).arrived;
                if let (true, Some(at)) = (is_expected, came) {
                    arrived.entry(*person).or_insert(at);
                }
            }
        }
    }

    /// The open sessions as the board has them.
    pub(super) fn open_sessions(&self) -> Vec<OpenSession> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let view = |session: &crate::attendance::Session| {
            let arrived = self.arrivals.get(&session.id).cloned().unwrap_or_default();
            let expected = self.expected(session.group.as_ref()).map(|person| person.id);
            let is_here = |person: &PersonId| {
                let state = self.presence.get(person).map(|presence| presence.state);
                arrived.contains_key(person) && state == Some(PresenceState::Present)
            };
            let (mut all, mut here) = (0, 0);
            for person in expected {
                all += 1;
                here += usize::from(is_here(&person));
            }
            OpenSession { session: session.clone(), expected: count(all), here: count(here), arrived }
        };
        let mut sessions: Vec<OpenSession> = self.sessions.open.iter().map(view).collect();
        sessions.sort_by(|a, b| {
            (a.session.starts_at, &a.session.name).cmp(&(b.session.starts_at, &b.session.name))
        });
        sessions
    }

    /// What the schedule has today and was not opened yet.
    pub(super) fn planned_sessions(&self) -> Vec<PlannedSession> {
        let (now, zone) = (self.now(), self.calendar.zone());
        let today = self.calendar.local(now).date();
        let planned = self.settings.rules.schedule.on(today, &zone);
        let is_to_come = |planned: &crate::attendance::schedule::Planned<'_>| {
            now < planned.ends_at && !self.sessions.was_opened(&planned.session.name, planned.starts_at)
        };
        let view = |planned: crate::attendance::schedule::Planned<'_>| PlannedSession {
            name: planned.session.name.clone(),
            group: planned.session.group.clone(),
            opens_at: planned.starts_at - TimeDelta::seconds(i64::from(planned.session.rules.early_seconds)),
            starts_at: planned.starts_at,
            ends_at: planned.ends_at,
        };
        planned.into_iter().filter(is_to_come).map(view).collect()
    }
}
