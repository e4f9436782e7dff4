//! Sessions from their opening to how everybody stood.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::super::report::{Day, PresenceRecord};
use super::super::roster::{Person, PersonId};
use super::super::session::{Session, SessionId, Standing};
use super::super::statement::{Excuse, StandingRecord};
use super::{SessionChange, SessionEvent, SessionLine};
use crate::ledger::Sequence;

/// A session that was opened.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) session: Session,
    pub(super) closed_at: Option<DateTime<Utc>>,
    /// What was written of each person when it was closed.
    pub(super) written: BTreeMap<PersonId, (Standing, Option<Sequence>)>,
}

/// The sessions of the span that are not reported yet.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionBook {
    known: BTreeMap<SessionId, Known>,
}

impl SessionBook {
    /// Takes in what happened on one day: sessions that `wanted` is true of, and how people stood.
    pub(super) fn take(
        &mut self,
        events: Vec<SessionEvent>,
        standings: impl IntoIterator<Item = StandingRecord>,
        wanted: impl Fn(&Session) -> bool,
    ) {
        for event in events {
            match event.change {
                SessionChange::Opened(session) if wanted(&session) => {
                    let known = Known { session, closed_at: None, written: BTreeMap::new() };
                    self.known.insert(known.session.id, known);
                }
                SessionChange::Opened(_) => {}
                SessionChange::Closed(id) => {
                    if let Some(known) = self.known.get_mut(&id) {
                        known.closed_at = Some(event.at);
                    }
                }
            }
        }
        for record in standings {
            if let Some(known) = self.known.get_mut(&record.session) {
                known.written.insert(record.person, (record.standing, record.corrected_by));
            }
        }
    }

    /// Whether a session that began on `day` is open still.
    pub(super) fn is_any_open(&self, day: &Day) -> bool {
        self.known.values().any(|known| known.closed_at.is_none() && day.contains(known.session.starts_at))
    }

    /// Takes out those that began on `day`, by their beginning.
    pub(super) fn of_day(&mut self, day: &Day) -> Vec<Known> {
        let began = |known: &Known| day.contains(known.session.starts_at);
        let ids: Vec<SessionId> = self.known.values().filter(|k| began(k)).map(|k| k.session.id).collect();
        let mut known: Vec<Known> = ids.iter().filter_map(|id| self.known.remove(id)).collect();
        known.sort_by_key(|known| (known.session.starts_at, known.session.id));
        known
    }
}

/// Everybody's excuses.
#[derive(Debug, Clone, Default)]
pub(super) struct ExcuseBook(HashMap<PersonId, BTreeMap<Sequence, Excuse>>);

impl ExcuseBook {
    pub(super) fn take(&mut self, excuses: impl IntoIterator<Item = Excuse>) {
        for excuse in excuses {
            // A span of days is read one after the other, so that one excuse may come more than once.
            self.0.entry(excuse.person).or_default().insert(excuse.sequence, excuse);
        }
    }

    fn of(&self, person: PersonId) -> impl Iterator<Item = &Excuse> {
        self.0.get(&person).into_iter().flat_map(BTreeMap::values)
    }

    /// Whether `person` is excused from `session`.
    pub(super) fn covers_session(&self, person: PersonId, session: &Session) -> bool {
        self.of(person).any(|excuse| excuse.covers(session.id, session.starts_at))
    }

    /// Whether an excuse of `person` that is for a span of time reaches into `day`.
    pub(super) fn reaches_into(&self, person: PersonId, day: &Day) -> bool {
        self.of(person).any(|e| e.session.is_none() && e.from < day.until && e.until > day.from)
    }
}

impl Known {
    /// How everybody stood, or stands at `until`, in no order. `records` gives those of a person, in the
    /// order in which they hold; `expected` is everybody in its group.
    pub(super) fn lines<'a>(
        &self,
        expected: impl Iterator<Item = &'a Person>,
        records: impl Fn(PersonId) -> Vec<PresenceRecord>,
        excuses: &ExcuseBook,
        until: DateTime<Utc>,
    ) -> Vec<SessionLine> {
        let until = self.closed_at.unwrap_or(until);
        let line = |person: PersonId, written: Option<(Standing, Option<Sequence>)>| {
            let is_excused = excuses.covers_session(person, &self.session);
            let mut line = self.session.standing(&records(person), is_excused, until);
            if let Some((standing, _)) = written {
                line.standing = standing;
            }
            SessionLine { person, line, corrected_by: written.and_then(|(_, by)| by) }
        };
        if self.closed_at.is_some() {
            return self.written.iter().map(|(person, written)| line(*person, Some(*written))).collect();
        }
        expected.map(|person| line(person.id, self.written.get(&person.id).copied())).collect()
    }
}
