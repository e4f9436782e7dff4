//! Entries for which there was no room while the store took none: counted, told to whoever stands at the
//! door, and put on record once the store takes entries again.

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::attendance::PersonId;
use crate::ledger::{Actor, EntryDraft, EntryKind, NotePart, Parts};
use crate::store::DiskState;

use super::super::state::Recorded;
use super::Core;

/// What was refused since the store last took something.
#[derive(Debug, Default)]
pub(super) struct Refused {
    count: u64,
    /// The times of the first and the last.
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Whose last passage was refused. No more than there are people on the roster.
    people: HashSet<PersonId>,
}

impl Refused {
    /// An entry found no room.
    pub(super) fn note(&mut self, at: DateTime<Utc>, passage: Option<PersonId>) {
        self.count += 1;
        let first = self.span.map_or(at, |(first, _)| first);
        self.span = Some((first, at));
        self.people.extend(passage);
    }

    /// A passage of `person` has room, or there is to be nothing about them any more.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.people.remove(&person);
    }

    /// Whether the last passage of `person` was refused.
    pub(super) fn is_about(&self, person: PersonId) -> bool {
        self.people.contains(&person)
    }

    /// How many there are that no entry tells of yet.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// What an entry is to tell of them, once; none where there are none.
    fn take(&mut self, disk: Option<DiskState>) -> Option<String> {
        let (first, last) = self.span.take()?;
        let count = std::mem::take(&mut self.count);
        let why = disk.map_or("the store took none", |disk| match disk {
            DiskState::Full => "the disk was full",
            DiskState::ReadOnly => "the disk was read-only",
        });
        let entries = if count == 1 { "1 entry was".to_owned() } else { format!("{count} entries were") };
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Some(format!("{entries} not recorded from {} until {}: {why}", time(first), time(last)))
    }
}

impl Core {
    /// Queues an entry that nobody waits for, and whose passage it records; whether there was room. Where there
    /// was none, the person may be recorded as soon as they come into view again.
    pub(super) fn queue_entry(&mut self, draft: EntryDraft, passage: Option<PersonId>) -> bool {
        if self.commits.has_room(self.settings.queue_entries) {
            if let Some(person) = passage {
                self.commits.refused.forget(person);
            }
            self.commits.queue_anyway(draft, passage);
            return true;
        }
        if self.commits.refused.count() == 0 {
            tracing::error!("the queue for the store is full: what comes now is not recorded");
        }
        self.commits.refused.note(draft.at, passage);
        if let Some(person) = passage {
            self.policy.forget(person);
            // It is their turn to come or to go as it was before.
            let before = self.commits.waiting_state_of(person);
            match before.or_else(|| self.presence.get(&person).map(|presence| presence.state)) {
                Some(state) => drop(self.turns.insert(person, state)),
                None => drop(self.turns.remove(&person)),
            }
        }
        false
    }

    /// The store takes entries again: what it does not have is put on record.
    pub(super) fn record_refused(&mut self) {
        let disk = self.commits.disk.take();
        if let Some(text) = self.commits.refused.take(disk) {
            let parts = Parts { note: Some(NotePart { text }), ..Parts::default() };
            let draft = self.draft(EntryKind::NotRecorded, Actor::System, parts);
            self.commits.queue_anyway(draft, None);
        }
    }

    /// How the record of the last passage of `person` stands.
    pub(super) fn recorded(&self, person: PersonId) -> Recorded {
        if self.commits.refused.is_about(person) {
            Recorded::No
        } else if !self.commits.awaits_passage_of(person) {
            Recorded::Yes
        } else if self.commits.fault.is_some() {
            Recorded::NotYet
        } else {
            Recorded::Soon
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_told_of_once() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let (ana, bo) = (PersonId(ulid::Ulid(1)), PersonId(ulid::Ulid(2)));
        let mut refused = Refused::default();
        assert_eq!(refused.take(None), None);
        refused.note(at(1), Some(ana));
        refused.note(at(61), None);
        assert_eq!((refused.count(), refused.is_about(ana), refused.is_about(bo)), (2, true, false));
        let told = refused.take(Some(DiskState::Full)).unwrap();
        let times = "from 1970-01-01T00:00:01Z until 1970-01-01T00:01:01Z";
        assert_eq!(told, format!("2 entries were not recorded {times}: the disk was full"));
        assert_eq!((refused.count(), refused.take(None)), (0, None));
        assert!(refused.is_about(ana), "nobody is told otherwise before a record of theirs has room");
        refused.forget(ana);
        assert!(!refused.is_about(ana));
    }
}
