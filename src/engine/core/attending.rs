//! Passages by the clock mode, excuses, corrections, and days that end.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::attendance::clocking::forgotten_check_out;
use crate::attendance::report::{Day, PresenceRecord, in_order_by_person};
use crate::attendance::statement::{Statement, held, presence_records, said_now};
use crate::attendance::time::{Look, TimeProposal, proposals};
use crate::attendance::{ClockMode, Method, PersonId, PresenceState, Session, SourceRole};
use crate::ledger::{
    Actor, ClockState, Entry, EntryDraft, EntryKind, EvidencePart, Facts, NotePart, Parts, RecordDetails,
    RecordPart, Sequence,
};
use crate::store::Transaction;

use super::super::command::attendance::{
    AttendanceCommand, AttendanceError, AttendanceReply, Corrected, Correction, CorrectionOf, NamedProposal,
};
use super::super::command::{CommandError, Reply};
use super::super::state::SourceIndex;
use super::super::worker::store::StoreRequest;
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::sessions::Close;
use super::{Core, ReplySender};

/// What is written about attendance.
pub(super) enum AttendanceWork {
    Open(Session),
    Close(Close),
    /// Entries that were made already.
    Write(Vec<EntryDraft>, AttendancePlan),
    /// One entry, which the reply names.
    WriteOne(Box<EntryDraft>),
}

/// What is replied once it is on disk.
pub(super) struct AttendancePlan(pub(super) AttendanceReply);

/// Days that an excuse may go over.
const LONGEST_EXCUSE: TimeDelta = TimeDelta::days(366);
/// Entries that are searched for unsure times, from the last.
pub(super) const SEARCHED: usize = 20_000;

impl From<AttendanceError> for CommandError {
    fn from(error: AttendanceError) -> Self {
        Self::Attendance(error)
    }
}

impl Core {
    pub(super) fn take_attendance_command(
        &mut self,
        actor: Actor,
        command: AttendanceCommand,
        reply: ReplySender,
    ) {
        let prepared: Result<AttendanceWork, CommandError> = match command {
            AttendanceCommand::OpenSession { name, group, starts_at, ends_at } => self
                .open_session(name, group, starts_at, ends_at)
                .map(AttendanceWork::Open)
                .map_err(CommandError::from),
            AttendanceCommand::CloseSession(id) => return self.close_session(actor, id, reply),
            AttendanceCommand::Sessions => return self.list_sessions(actor, reply),
            AttendanceCommand::Excuse { person, session, from, until, reason } => {
                self.excuse(&actor, person, session, from, until, reason)
            }
            AttendanceCommand::Correct(correction) => match correction.of {
                CorrectionOf::Entry(entry) => {
                    let pending = Pending::Correct(correction, actor, reply);
                    return self.ask(StoreRequest::WithCorrections(entry), pending);
                }
                CorrectionOf::Missing(person) => self.add_missing(&actor, person, correction),
            },
            AttendanceCommand::Month(query) => return self.look_up_month(query, reply),
            AttendanceCommand::Times { accept } => {
                let pending = Pending::Times { accept, actor, reply };
                return self.ask(StoreRequest::EntriesBefore(Sequence(u64::MAX), SEARCHED), pending);
            }
        };
        self.queue_attendance(actor, prepared, reply);
    }

    fn queue_attendance(
        &mut self,
        actor: Actor,
        work: Result<AttendanceWork, CommandError>,
        reply: ReplySender,
    ) {
        match work {
            Ok(work) => {
                let prepared = Prepared::new(actor, PreparedWhat::Attendance(work));
                self.commits.commands.push_back((prepared, reply));
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// The transaction of work about attendance.
    pub(super) fn build_attendance(
        &mut self,
        actor: Actor,
        work: AttendanceWork,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        match work {
            AttendanceWork::Open(session) => {
                if self.sessions.open.iter().any(|open| open.name == session.name) {
                    return Err(AttendanceError::IsOpen(session.name).into());
                }
                Ok(self.build_opening(actor, session))
            }
            AttendanceWork::Close(close) => self.build_closing(actor, close),
            AttendanceWork::Write(mut entries, plan) => {
                entries.retain(|entry| self.is_of_the_roster(entry));
                if entries.is_empty() {
                    return Err(CommandError::NoSuchPerson);
                }
                Ok((Transaction { changes: vec![], entries }, ReplyPlan::Attendance(plan)))
            }
            AttendanceWork::WriteOne(entry) => {
                if !self.is_of_the_roster(&entry) {
                    return Err(CommandError::NoSuchPerson);
                }
                Ok((Transaction { changes: vec![], entries: vec![*entry] }, ReplyPlan::Written))
            }
        }
    }

    /// Whether whom `entry` is about is still there. Who was erased meanwhile is not written about any more.
    fn is_of_the_roster(&self, entry: &EntryDraft) -> bool {
        let about = entry.parts.record.as_ref().map(|record| record.person);
        about.is_none_or(|person| self.roster.get(person).is_some())
    }

    /// An entry at the time that decisions are written with.
    pub(super) fn draft_now(&mut self, kind: EntryKind, actor: Actor, parts: Parts) -> EntryDraft {
        let at = self.now();
        let clock = self.clock_state(at);
        self.draft_at(kind, actor, parts, at, clock)
    }

    // -- passages ---------------------------------------------------------------------------

    /// How somebody clocks in and out.
    pub(super) fn clock_mode(&self, person: PersonId) -> ClockMode {
        let groups = self.roster.get(person).map(|person| &person.particulars.groups);
        groups.map_or(self.settings.rules.clock, |groups| self.settings.rules.clock_for(groups))
    }

    /// Writes a passage of somebody who was known by `method`, unless it belongs to the one before it by the
    /// debounce; whether it was one. What it says follows from the way they clock in and out.
    pub(super) fn record_passage(
        &mut self,
        source: SourceIndex,
        person: PersonId,
        at: DateTime<Utc>,
        clock: ClockState,
        method: Method,
        evidence: Option<EvidencePart>,
    ) -> Option<EntryDraft> {
        if !self.policy.begins_passage(person, at) {
            return None;
        }
        if let Some(day) = self.day_of(at)
            && self.day.is_some_and(|today| day > today)
        {
            self.roll_over(day);
        }
        let watched = self.watched(source);
        let role = watched.map_or(SourceRole::default(), |watched| watched.role);
        // Where people may have come in by several ways, or a way means something, it is noted.
        let name = watched.filter(|_| role != SourceRole::Both || self.sources.len() > 1);
        let name = name.map(|watched| watched.status.name.clone());
        let state = self.clock_mode(person).state(self.turns.get(&person).copied(), role);
        self.turns.insert(person, state);
        let details = RecordDetails {
            // That it was a face is what the kind says by itself.
            method: (method != Method::Face).then_some(method),
            source: name,
            ..RecordDetails::default()
        };
        let record = Some(RecordPart { details, ..RecordPart::new(person, Some(state)) });
        let parts = Parts { record, evidence, ..Parts::default() };
        Some(self.draft_at(EntryKind::Passage, Actor::Door, parts, at, clock))
    }

    // -- excuses and corrections ------------------------------------------------------------

    fn excuse(
        &mut self,
        actor: &Actor,
        person: PersonId,
        session: Option<crate::attendance::SessionId>,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        reason: String,
    ) -> Result<AttendanceWork, CommandError> {
        self.active(person)?;
        let note = note(reason)?;
        if from >= until || until - from > LONGEST_EXCUSE {
            return Err(AttendanceError::WrongSpan.into());
        }
        // One entry a day, so that each is found by the day it is for.
        let mut spans = Vec::new();
        let mut begin = from;
        while begin < until {
            let end = self.calendar.day_of(begin).map_or(until, |day| day.until).min(until);
            spans.push((begin, end));
            begin = end;
        }
        let mut entries = Vec::with_capacity(spans.len());
        for (from, until) in spans {
            let details = RecordDetails {
                method: Some(Method::Operator),
                holds_at: Some(from),
                holds_until: Some(until),
                session,
                ..RecordDetails::default()
            };
            let record = Some(RecordPart { details, ..RecordPart::new(person, None) });
            let parts = Parts { record, note: Some(note.clone()), ..Parts::default() };
            entries.push(self.draft_now(EntryKind::Excused, actor.clone(), parts));
        }
        let days = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        Ok(AttendanceWork::Write(entries, AttendancePlan(AttendanceReply::Excused { days })))
    }

    fn add_missing(
        &mut self,
        actor: &Actor,
        person: PersonId,
        correction: Correction,
    ) -> Result<AttendanceWork, CommandError> {
        self.roster.get(person).ok_or(CommandError::NoSuchPerson)?;
        let Corrected::Record { state: Some(state), at: Some(at) } = correction.what else {
            return Err(AttendanceError::NothingSaid.into());
        };
        let details =
            RecordDetails { method: Some(Method::Operator), holds_at: Some(at), ..RecordDetails::default() };
        let record = Some(RecordPart { details, ..RecordPart::new(person, Some(state)) });
        let parts = Parts { record, note: Some(note(correction.reason)?), ..Parts::default() };
        Ok(AttendanceWork::WriteOne(Box::new(self.draft_now(EntryKind::Corrected, actor.clone(), parts))))
    }

    /// The entry that is to be corrected has come, with its corrections.
    pub(super) fn take_corrected(
        &mut self,
        correction: Correction,
        actor: Actor,
        reply: ReplySender,
        entries: &[Entry],
    ) {
        let work = self.correct(correction, &actor, entries);
        self.queue_attendance(actor, work, reply);
    }

    fn correct(
        &mut self,
        correction: Correction,
        actor: &Actor,
        entries: &[Entry],
    ) -> Result<AttendanceWork, CommandError> {
        let CorrectionOf::Entry(entry) = correction.of else {
            return Err(AttendanceError::NothingSaid.into());
        };
        let found = entries.iter().find(|found| found.head.sequence == entry);
        let found = found.ok_or(AttendanceError::NoSuchEntry(entry))?;
        let not = |why: &str| AttendanceError::NotCorrectable { entry, why: why.to_owned() };
        let said = Statement::of(found).ok_or_else(|| not("it says nothing of anybody, or no more"))?;
        self.roster.get(said.person).ok_or(CommandError::NoSuchPerson)?;
        let was = &said.details;
        // What is left out stays as it holds by now: a part that was corrected before is not undone.
        let holds = said_now(entry, entries.iter().filter_map(Statement::of)).unwrap_or_else(|| said.clone());
        let mut details = RecordDetails {
            method: Some(Method::Operator),
            corrects: Some(entry),
            holds_at: Some(holds.holds_at()),
            holds_until: holds.details.holds_until,
            session: holds.details.session,
            standing: holds.details.standing,
            ..RecordDetails::default()
        };
        let mut state = holds.state;
        let is_record = said.state.is_some() && was.standing.is_none();
        match correction.what {
            Corrected::Struck if was.struck => {}
            Corrected::Struck if !is_record && was.standing.is_none() && said.kind != EntryKind::Excused => {
                return Err(not("it says nothing of anybody's attendance").into());
            }
            Corrected::Record { .. } if !is_record => {
                return Err(not("it does not say that somebody came or left").into());
            }
            Corrected::Standing(_) if was.standing.is_none() => {
                return Err(not("it does not say how somebody stood in a session").into());
            }
            _ => {}
        }
        match correction.what {
            Corrected::Struck => {
                details.struck = true;
                state = None;
            }
            Corrected::Record { state: None, at: None } => return Err(AttendanceError::NothingSaid.into()),
            Corrected::Record { state: given, at } => {
                state = given.or(state);
                details.holds_at = at.or(details.holds_at);
            }
            Corrected::Standing(standing) => details.standing = Some(standing),
        }
        let record = Some(RecordPart { details, ..RecordPart::new(said.person, state) });
        let parts = Parts { record, note: Some(note(correction.reason)?), ..Parts::default() };
        Ok(AttendanceWork::WriteOne(Box::new(self.draft_now(EntryKind::Corrected, actor.clone(), parts))))
    }

    // -- days that end ----------------------------------------------------------------------

    /// Has the records of a day read that has ended, to close what was left open on it.
    pub(super) fn end_day(&mut self, date: NaiveDate) {
        if !self.is_watching {
            return;
        }
        let day = Day::of(date, &self.calendar.zone(), self.calendar.rollover());
        if let Some(day) = day {
            self.ask(StoreRequest::RecordsBetween(day.from, day.until), Pending::DayEnded(day));
        }
    }

    /// Writes who forgot to check out on a day that has ended.
    pub(super) fn take_ended_day(&mut self, day: &Day, entries: &[Entry]) {
        let held = held(entries.iter().filter_map(Statement::of));
        let sure = |record: &PresenceRecord| day.contains(record.at) && !record.is_time_unsure;
        let records: Vec<PresenceRecord> = presence_records(&held).into_iter().filter(sure).collect();
        let forgotten: BTreeMap<PersonId, DateTime<Utc>> = in_order_by_person(records)
            .into_iter()
            .filter(|(person, _)| self.roster.get(*person).is_some())
            .filter_map(|(person, own)| Some((person, forgotten_check_out(&own, self.clock_mode(person))?)))
            .collect();
        for (person, seen) in forgotten {
            let details = RecordDetails {
                method: Some(Method::Computed),
                holds_at: Some(seen),
                ..RecordDetails::default()
            };
            let record = RecordPart { details, ..RecordPart::new(person, Some(PresenceState::Left)) };
            let parts = Parts { record: Some(record), ..Parts::default() };
            let draft = self.draft_now(EntryKind::CheckOutForgotten, Actor::System, parts);
            self.queue_entry(draft, None);
        }
    }

    // -- the clock --------------------------------------------------------------------------

    /// What is known of a clock that shows `at`.
    pub(super) fn clock_state(&self, at: DateTime<Utc>) -> ClockState {
        self.watch.state(at, self.clock.state())
    }

    /// Looks whether the clock was set.
    pub(super) fn watch_clock(&mut self) {
        let look = Look { at: self.clock.now(), since_boot: self.clock.since_boot() };
        let Some(step) = self.watch.look(look) else { return };
        tracing::warn!(expected = %step.expected, found = %step.found, "the clock was set");
        if self.is_watching {
            let facts = Some(Facts::ClockStep { expected: step.expected, found: step.found });
            self.write_entry(EntryKind::ClockChanged, Actor::System, Parts { facts, ..Parts::default() });
        }
    }

    /// The last entries have come, to be searched for unsure times.
    pub(super) fn take_times(&mut self, accept: bool, actor: Actor, reply: ReplySender, entries: &[Entry]) {
        let mut entries = entries.to_vec();
        entries.reverse();
        let at = self.clock.now();
        let is_sure = self.clock_state(at) != ClockState::Unsure;
        let now = is_sure.then(|| Look { at, since_boot: self.clock.since_boot() });
        let found = proposals(&entries, now);
        let named = |found: &TimeProposal| NamedProposal {
            sequence: found.sequence,
            person: found.person,
            name: self.roster.get(found.person).map(|person| person.name.clone()),
            written: found.written,
            proposed: found.proposed,
        };
        let proposals: Vec<NamedProposal> = found.iter().map(named).collect();
        if !accept || found.is_empty() {
            let answer = AttendanceReply::Times { proposals, accepted: false };
            let _ = reply.send(Ok(Reply::Attendance(answer)));
            return;
        }
        let states: BTreeMap<Sequence, Option<PresenceState>> = entries
            .iter()
            .map(|entry| (entry.head.sequence, entry.parts.record.as_ref().and_then(|record| record.state)))
            .collect();
        let mut drafts = Vec::with_capacity(found.len());
        for proposal in &found {
            let details = RecordDetails {
                method: Some(Method::Computed),
                corrects: Some(proposal.sequence),
                holds_at: Some(proposal.proposed),
                ..RecordDetails::default()
            };
            let state = states.get(&proposal.sequence).copied().flatten();
            let record = Some(RecordPart { details, ..RecordPart::new(proposal.person, state) });
            let text = "the clock was not set when this was written".to_owned();
            let parts = Parts { record, note: Some(NotePart { text }), ..Parts::default() };
            drafts.push(self.draft_now(EntryKind::Corrected, actor.clone(), parts));
        }
        let plan = AttendancePlan(AttendanceReply::Times { proposals, accepted: true });
        self.queue_attendance(actor, Ok(AttendanceWork::Write(drafts, plan)), reply);
    }
}

/// A reason, which there must be.
fn note(reason: String) -> Result<NotePart, AttendanceError> {
    if reason.trim().is_empty() { Err(AttendanceError::NoReason) } else { Ok(NotePart { text: reason }) }
}
