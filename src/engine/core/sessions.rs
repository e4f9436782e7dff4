//! Sessions: opened and closed by an operator or the schedule.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::report::{PresenceRecord, in_order_by_person};
use crate::attendance::session::{FURTHEST_START, SessionName, StandingLine};
use crate::attendance::statement::{Excuse, Statement, excuses, held, presence_records};
use crate::attendance::{GroupName, Method, Person, PersonId, Session, SessionId, Standing};
use crate::ledger::{
    Actor, Entry, EntryDraft, EntryKind, Facts, NotePart, Parts, RecordDetails, RecordPart, Sequence,
};
use crate::store::Transaction;

use super::super::command::attendance::{AttendanceError, AttendanceReply, SessionLine, SessionRoll};
use super::super::command::{CommandError, Reply};
use super::super::worker::store::StoreRequest;
use super::attending::{AttendancePlan, AttendanceWork};
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::{Core, ReplySender};

/// Sessions that were closed lately are remembered for this long: nobody stays undecided for longer.
const REMEMBERED: TimeDelta = TimeDelta::hours(48);

/// The sessions as the ledger has them.
#[derive(Default)]
pub(super) struct Sessions {
    pub(super) open: Vec<Session>,
    closed: VecDeque<Closed>,
    /// Those that wait until every record before them is on disk.
    waiting: VecDeque<Closing>,
}

/// A session that was closed lately.
struct Closed {
    session: Session,
    at: DateTime<Utc>,
    /// The entry of everybody's standing, and what it says.
    standings: HashMap<PersonId, (Sequence, Standing)>,
}

/// A session that is to be closed, or looked at.
pub(super) struct Closing {
    /// None for all that are open, which are only looked at.
    session: Option<SessionId>,
    actor: Actor,
    reply: ReplySender,
}

/// A session that is being closed, with how everybody stood.
pub(super) struct Close {
    pub(super) roll: SessionRoll,
}

impl Closing {
    pub(super) fn reply(&self) -> &ReplySender {
        &self.reply
    }
}

impl Sessions {
    /// Takes in what an entry says of sessions.
    pub(super) fn note(&mut self, entry: &Entry) {
        let at = entry.head.at;
        match &entry.parts.facts {
            Some(Facts::Session(session)) if !self.knows(session.id) => self.open.push(session.clone()),
            Some(Facts::SessionClosed(id)) => {
                if let Some(index) = self.open.iter().position(|session| session.id == *id) {
                    let session = self.open.remove(index);
                    self.closed.push_back(Closed { session, at, standings: HashMap::new() });
                    self.closed.retain(|closed| at - closed.at < REMEMBERED);
                }
            }
            _ => {}
        }
        if let Some(record) = &entry.parts.record
            && let (Some(session), Some(standing)) = (record.details.session, record.details.standing)
            && let Some(closed) = self.closed.iter_mut().find(|closed| closed.session.id == session)
        {
            closed.standings.insert(record.person, (entry.head.sequence, standing));
        }
    }

    pub(super) fn forget(&mut self, person: PersonId) {
        for closed in &mut self.closed {
            closed.standings.remove(&person);
        }
    }

    fn knows(&self, id: SessionId) -> bool {
        let closed = self.closed.iter().map(|closed| &closed.session);
        self.open.iter().chain(closed).any(|session| session.id == id)
    }

    /// Whether the schedule's session of this name and beginning was opened before.
    pub(super) fn was_opened(&self, name: &SessionName, starts_at: DateTime<Utc>) -> bool {
        let closed = self.closed.iter().map(|closed| &closed.session);
        self.open.iter().chain(closed).any(|session| session.name == *name && session.starts_at == starts_at)
    }
}

impl Core {
    /// Who is expected in a session of `group`.
    pub(super) fn expected<'a>(&'a self, group: Option<&'a GroupName>) -> impl Iterator<Item = &'a Person> {
        self.roster.active().filter(move |person| group.is_none_or(|group| person.is_in(group)))
    }

    pub(super) fn open_session(
        &mut self,
        name: SessionName,
        group: Option<GroupName>,
        starts_at: Option<DateTime<Utc>>,
        ends_at: Option<DateTime<Utc>>,
    ) -> Result<Session, AttendanceError> {
        if self.sessions.open.iter().any(|session| session.name == name) {
            return Err(AttendanceError::IsOpen(name));
        }
        if let Some(group) = &group
            && self.expected(Some(group)).next().is_none()
        {
            return Err(AttendanceError::EmptyGroup(group.clone()));
        }
        let now = self.now();
        let starts_at = starts_at.unwrap_or(now);
        if (starts_at - now).abs() > FURTHEST_START {
            return Err(AttendanceError::StartsFarAway { given: self.calendar.local(starts_at) });
        }
        if ends_at.is_some_and(|ends_at| ends_at <= starts_at) {
            return Err(AttendanceError::EndsFirst);
        }
        let rules = self.settings.rules.session_rules(group.as_ref());
        let id = self.session_id();
        Ok(Session { id, name, group, starts_at, ends_at, rules, is_scheduled: false })
    }

    fn session_id(&mut self) -> SessionId {
        let now = self.now();
        SessionId(self.entropy.ulid(now))
    }

    /// Opens and closes what the schedule says for now. A session that passed while muster did not run is
    /// not opened any more: everybody would be absent from it.
    pub(super) fn follow_schedule(&mut self) {
        if !self.is_watching || self.shutdown.is_some() {
            return;
        }
        let (now, zone) = (self.now(), self.calendar.zone());
        let rules = std::sync::Arc::clone(&self.settings.rules);
        let today = self.calendar.local(now).date();
        for date in [today.pred_opt(), Some(today), today.succ_opt()].into_iter().flatten() {
            for planned in rules.schedule.on(date, &zone) {
                let scheduled = planned.session;
                let early = TimeDelta::seconds(i64::from(scheduled.rules.early_seconds));
                let is_due = planned.starts_at - early <= now && now < planned.ends_at;
                if !is_due || self.sessions.was_opened(&scheduled.name, planned.starts_at) {
                    continue;
                }
                if self.commits.is_opening(&scheduled.name) {
                    continue;
                }
                let session = Session {
                    id: self.session_id(),
                    name: scheduled.name.clone(),
                    group: scheduled.group.clone(),
                    starts_at: planned.starts_at,
                    ends_at: Some(planned.ends_at),
                    rules: scheduled.rules,
                    is_scheduled: true,
                };
                self.order(Actor::System, AttendanceWork::Open(session));
            }
        }
        let is_over =
            |session: &&Session| session.is_scheduled && session.ends_at.is_some_and(|end| end <= now);
        let over: Vec<SessionId> =
            self.sessions.open.iter().filter(is_over).map(|session| session.id).collect();
        for id in over {
            let is_waiting = self.sessions.waiting.iter().any(|closing| closing.session == Some(id));
            if !is_waiting && !self.commits.is_closing(id) && !self.is_rolling(id) {
                self.close_session(Actor::System, id, ReplySender::nobody());
            }
        }
    }

    /// Whether the records for the closing of a session are being read.
    fn is_rolling(&self, id: SessionId) -> bool {
        let is_of =
            |pending: &Pending| matches!(pending, Pending::Roll(closing) if closing.session == Some(id));
        self.pending.values().any(is_of)
    }

    /// Queues work that nobody waits for.
    pub(super) fn order(&mut self, actor: Actor, work: AttendanceWork) {
        self.commits
            .commands
            .push_back((Prepared::new(actor, PreparedWhat::Attendance(work)), ReplySender::nobody()));
    }

    pub(super) fn close_session(&mut self, actor: Actor, id: SessionId, reply: ReplySender) {
        if !self.sessions.open.iter().any(|session| session.id == id) {
            let _ = reply.send(Err(AttendanceError::NoSuchSession.into()));
            return;
        }
        self.sessions.waiting.push_back(Closing { session: Some(id), actor, reply });
    }

    pub(super) fn list_sessions(&mut self, actor: Actor, reply: ReplySender) {
        self.sessions.waiting.push_back(Closing { session: None, actor, reply });
    }

    /// Has the records read that closings need, once everything before them is on disk.
    pub(super) fn advance_closings(&mut self) {
        while let Some(closing) = self.sessions.waiting.pop_front() {
            if closing.session.is_some() && !self.commits.is_settled() {
                match self.commits.fault.clone() {
                    Some(reason) => {
                        let _ = closing.reply.send(Err(AttendanceError::StoreBehind { reason }.into()));
                        continue;
                    }
                    None => {
                        self.sessions.waiting.push_front(closing);
                        return;
                    }
                }
            }
            let wanted = |session: &&Session| closing.session.is_none_or(|id| session.id == id);
            let begin = self.sessions.open.iter().filter(wanted).map(|open| self.read_from(open)).min();
            let Some(begin) = begin else {
                let answer = match closing.session {
                    Some(_) => Err(AttendanceError::NoSuchSession.into()),
                    None => Ok(Reply::Attendance(AttendanceReply::Sessions(Vec::new()))),
                };
                let _ = closing.reply.send(answer);
                continue;
            };
            let until = DateTime::<Utc>::MAX_UTC;
            self.ask(StoreRequest::RecordsBetween(begin, until), Pending::Roll(closing));
        }
    }

    /// From when on records are read that may say something of `session`: an excuse is found by the beginning
    /// of the day it is for, or of the day on which it was made where it is for this session alone.
    fn read_from(&self, session: &Session) -> DateTime<Utc> {
        let opened = session.starts_at - FURTHEST_START;
        self.calendar.day_of(opened).map_or(opened, |day| day.from).min(session.counts_from())
    }

    /// The records for a closing have come.
    pub(super) fn take_roll(&mut self, closing: Closing, entries: &[Entry]) {
        let now = self.now();
        let sessions: Vec<Session> = match closing.session {
            Some(id) => self.sessions.open.iter().filter(|session| session.id == id).cloned().collect(),
            None => self.sessions.open.clone(),
        };
        let held = held(entries.iter().filter_map(Statement::of));
        let records = in_order_by_person(presence_records(&held));
        let excuses = excuses(&held);
        let roll = |session: Session| self.roll(session, &records, &excuses, now);
        let mut rolls: Vec<SessionRoll> = sessions.into_iter().map(roll).collect();
        if closing.session.is_none() {
            let _ = closing.reply.send(Ok(Reply::Attendance(AttendanceReply::Sessions(rolls))));
            return;
        }
        match rolls.pop() {
            None => drop(closing.reply.send(Err(AttendanceError::NoSuchSession.into()))),
            Some(mut roll) => {
                roll.closed_at = Some(now);
                let work = PreparedWhat::Attendance(AttendanceWork::Close(Close { roll }));
                self.commits.commands.push_back((Prepared::new(closing.actor, work), closing.reply));
            }
        }
    }

    /// How everybody expected stands in `session` at `now`, by name.
    fn roll(
        &self,
        session: Session,
        records: &BTreeMap<PersonId, Vec<PresenceRecord>>,
        excuses: &[Excuse],
        now: DateTime<Utc>,
    ) -> SessionRoll {
        let line = |person: &Person| {
            let own = records.get(&person.id).map_or(&[][..], Vec::as_slice);
            let mut of_person = excuses.iter().filter(|excuse| excuse.person == person.id);
            let is_excused = of_person.any(|excuse| excuse.covers(session.id, session.starts_at));
            let line = session.standing(own, is_excused, now);
            SessionLine { person: person.id, name: person.name.clone(), line }
        };
        let mut lines: Vec<SessionLine> = self.expected(session.group.as_ref()).map(line).collect();
        lines.sort_by(|a, b| (&a.name, a.person).cmp(&(&b.name, b.person)));
        SessionRoll { session, closed_at: None, lines }
    }

    /// The transaction that opens a session.
    pub(super) fn build_opening(&mut self, actor: Actor, session: Session) -> (Transaction, ReplyPlan) {
        let facts = Some(Facts::Session(session.clone()));
        let entry = self.draft_now(EntryKind::SessionOpened, actor, Parts { facts, ..Parts::default() });
        let plan = ReplyPlan::Attendance(AttendancePlan(AttendanceReply::Opened(session)));
        (Transaction { changes: vec![], entries: vec![entry] }, plan)
    }

    /// The transaction that closes a session: the closing, and everybody's standing.
    pub(super) fn build_closing(
        &mut self,
        actor: Actor,
        Close { roll }: Close,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let id = roll.session.id;
        if !self.sessions.open.iter().any(|session| session.id == id) {
            return Err(AttendanceError::NoSuchSession.into());
        }
        let facts = Some(Facts::SessionClosed(id));
        let closing = Parts { facts, ..Parts::default() };
        let mut entries = vec![self.draft_now(EntryKind::SessionClosed, actor, closing)];
        // Whoever was erased while the records were read is not written about any more.
        let known: BTreeSet<PersonId> = self.roster.iter().map(|person| person.id).collect();
        for line in roll.lines.iter().filter(|line| known.contains(&line.person)) {
            let record = standing_record(line.person, id, line.line);
            let parts = Parts { record: Some(record), ..Parts::default() };
            entries.push(self.draft_now(EntryKind::Standing, Actor::System, parts));
        }
        let plan = ReplyPlan::Attendance(AttendancePlan(AttendanceReply::Closed(roll)));
        Ok((Transaction { changes: vec![], entries }, plan))
    }

    /// Somebody was recognised whose track had begun before a session was closed in which they counted as
    /// absent: they were there.
    pub(super) fn amend_closed(
        &mut self,
        person: PersonId,
        seen_since: DateTime<Utc>,
        decided: DateTime<Utc>,
    ) {
        let mut amended: Vec<EntryDraft> = Vec::new();
        for index in 0..self.sessions.closed.len() {
            let closed = &self.sessions.closed[index];
            if seen_since > closed.at || decided <= closed.at || seen_since < closed.session.counts_from() {
                continue;
            }
            let Some((entry, Standing::Absent)) = closed.standings.get(&person).copied() else { continue };
            let seen = PresenceRecord::new(Sequence(0), person, super::PRESENT, seen_since);
            let line = closed.session.standing(&[seen], false, closed.at);
            let mut record = standing_record(person, closed.session.id, line);
            record.details.corrects = Some(entry);
            let text = "decided after the session had been closed; in view since before".to_owned();
            let parts = Parts { record: Some(record), note: Some(NotePart { text }), ..Parts::default() };
            amended.push(self.draft_now(EntryKind::Corrected, Actor::System, parts));
        }
        for draft in amended {
            self.queue_entry(draft, None);
        }
    }
}

fn standing_record(person: PersonId, session: SessionId, line: StandingLine) -> RecordPart {
    let details = RecordDetails {
        method: Some(Method::Computed),
        session: Some(session),
        standing: Some(line.standing),
        ..RecordDetails::default()
    };
    RecordPart { details, ..RecordPart::new(person, None) }
}
