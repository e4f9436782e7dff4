//! New records as JSON lines, as they are written.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::select;
use serde::Serialize;

use crate::attendance::session::{FURTHEST_START, LONGEST_OPEN, Session, SessionId};
use crate::attendance::statement::method_of;
use crate::attendance::summary::{Selection, SessionChoice};
use crate::attendance::{Method, Person, PersonId, PresenceState, Standing};
use crate::engine::{EngineEvent, EngineHandle, NamedEntry};
use crate::ledger::{ClockState, EntryKind, Facts, Sequence};

use super::super::exit::{CliError, Exit};
use super::super::output::Output;
use super::Site;
use super::names::Names;

/// Entries that are fetched at a time.
const PAGE: usize = 500;
/// The times of entries do not quite follow their order: a passage has that of its picture.
const OUT_OF_ORDER: TimeDelta = TimeDelta::hours(1);

/// A record as it is streamed.
#[derive(Serialize)]
struct RecordObject<'a> {
    kind: EntryKind,
    entry: u64,
    entry_id: String,
    at: String,
    written_at: String,
    person: String,
    id: String,
    identifier: Option<&'a str>,
    state: Option<PresenceState>,
    standing: Option<Standing>,
    method: Option<Method>,
    source: Option<&'a str>,
    session: Option<String>,
    session_id: Option<String>,
    until: Option<String>,
    corrects: Option<u64>,
    struck: bool,
    time_unsure: bool,
}

/// The sessions that are open.
#[derive(Default)]
struct Open(BTreeMap<SessionId, (Session, bool)>);

impl Open {
    fn take(&mut self, facts: Option<&Facts>) {
        match facts {
            Some(Facts::Session(session)) => {
                self.0.insert(session.id, (session.clone(), true));
            }
            Some(Facts::SessionClosed(id)) => {
                // Its name is still asked for: the standings come after the closing.
                if let Some((_, is_open)) = self.0.get_mut(id) {
                    *is_open = false;
                }
            }
            _ => {}
        }
    }

    fn get(&self, id: SessionId) -> Option<&Session> {
        self.0.get(&id).map(|(session, _)| session)
    }

    /// The one that expects `person` and is open, the last begun first.
    fn of(&self, person: Option<&Person>, at: DateTime<Utc>) -> Option<&Session> {
        let person = person?;
        let is_meant = |session: &&Session| {
            let is_expected = session.group.as_ref().is_none_or(|group| person.is_in(group));
            is_expected && at >= session.counts_from()
        };
        let open = self.0.values().filter(|(_, is_open)| *is_open).map(|(session, _)| session);
        open.filter(is_meant).max_by_key(|session| session.starts_at)
    }
}

/// Prints what is written after `since`, or from now on, until interrupted.
pub(super) fn run(
    handle: &EngineHandle,
    since: Option<u64>,
    people: &[Person],
    selection: &Selection,
    site: &Site<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Before the entries are read, so that none falls between.
    let events = handle.subscribe(PAGE);
    let newest = handle.entries_before(Sequence(u64::MAX), 1)?;
    let newest = newest.first().map_or((Sequence(0), site.calendar.now), |entry| (entry.sequence, entry.at));
    let (mut last, at) = match since {
        Some(since) => begun_after(handle, Sequence(since))?.unwrap_or((Sequence(since), newest.1)),
        None => newest,
    };
    let mut stream = Stream { people: people.to_vec(), selection, site, open: Open::default() };
    // Whatever was opened before that is open nowhere any more.
    for entry in handle.entries_between(at - LONGEST_OPEN - FURTHEST_START, at + OUT_OF_ORDER)? {
        if entry.sequence <= last {
            stream.open.take(entry.facts.as_ref());
        }
    }
    loop {
        loop {
            let page = handle.whole_entries_since(last, PAGE)?;
            for entry in &page {
                stream.print(handle, entry, out)?;
                last = entry.entry.head.sequence;
            }
            if site.stopped.try_recv().is_ok() {
                return Ok(Exit::Done);
            }
            if page.len() < PAGE {
                break;
            }
        }
        loop {
            let event = select! {
                recv(events) -> event => event.unwrap_or(EngineEvent::Stopped),
                recv(site.stopped) -> _ => return Ok(Exit::Done),
            };
            match event {
                EngineEvent::Entry(entry) if entry.sequence > last => break,
                EngineEvent::Lagged(_) => break,
                EngineEvent::Stopped => {
                    return Err(CliError::missing("the engine has stopped; see the log file"));
                }
                _ => {}
            }
        }
    }
}

/// The entry that is followed from, with its time; none where the ledger does not have it.
fn begun_after(
    handle: &EngineHandle,
    since: Sequence,
) -> Result<Option<(Sequence, DateTime<Utc>)>, CliError> {
    let found = handle.whole_entries_since(Sequence(since.0.saturating_sub(1)), 1)?;
    let head = found.first().map(|found| &found.entry.head);
    Ok(head.filter(|head| head.sequence == since).map(|head| (since, head.at)))
}

struct Stream<'a> {
    people: Vec<Person>,
    selection: &'a Selection,
    site: &'a Site<'a>,
    open: Open,
}

impl Stream<'_> {
    fn print(
        &mut self,
        handle: &EngineHandle,
        named: &NamedEntry,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        let entry = &named.entry;
        self.open.take(entry.parts.facts.as_ref());
        let Some(record) = entry.parts.record.as_ref().filter(|_| entry.head.kind.is_attendance()) else {
            return Ok(());
        };
        let id = record.person;
        self.learn(handle, id);
        let person = self.people.iter().find(|person| person.id == id);
        let details = &record.details;
        let at = details.holds_at.unwrap_or(entry.head.at);
        let session = match details.session {
            Some(session) => self.open.get(session),
            None => self.open.of(person, at),
        };
        let session_id = details.session.or(session.map(|session| session.id));
        let is_meant = self.selection.session.as_ref().is_none_or(|choice| match (choice, session) {
            (choice, Some(session)) => choice.means(session),
            (SessionChoice::One(wanted), None) => session_id == Some(*wanted),
            (SessionChoice::Named(_), None) => false,
        });
        if !is_meant || !self.selection.selects(id, person) {
            return Ok(());
        }
        let names = Names::of(&self.people);
        let calendar = &self.site.calendar;
        out.object(&RecordObject {
            kind: entry.head.kind,
            entry: entry.head.sequence.0,
            entry_id: entry.head.id.0.to_string(),
            at: calendar.rfc3339(at),
            written_at: calendar.rfc3339(entry.head.at),
            person: names.name(id),
            id: id.to_string(),
            identifier: names.identifier(id),
            state: record.state,
            standing: details.standing,
            method: details.method.or(method_of(entry.head.kind)),
            source: details.source.as_deref(),
            session: session.map(|session| session.name.to_string()),
            session_id: session_id.map(|id| id.to_string()),
            until: details.holds_until.map(|until| calendar.rfc3339(until)),
            corrects: details.corrects.map(|corrects| corrects.0),
            struck: details.struck,
            time_unsure: entry.head.clock == ClockState::Unsure && details.holds_at.is_none(),
        })?;
        Ok(())
    }

    /// Asks for the roster again where somebody is new to it.
    fn learn(&mut self, handle: &EngineHandle, id: PersonId) {
        use crate::engine::{Command, Reply};
        if self.people.iter().all(|person| person.id != id)
            && let Ok(Reply::People(people)) = handle.call(Command::People)
        {
            self.people = people;
        }
    }
}
