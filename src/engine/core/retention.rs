//! Retention: at the start and once a day, what was kept longer than it may be is deleted, in steps between
//! which everything else goes on.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::attendance::{PersonId, Session};
use crate::capture::Pace;
use crate::engine::command::{CommandError, Reply};
use crate::engine::retention::{RetentionCommand, RetentionKind, RetentionRow};
use crate::ledger::{Actor, ClockState, EntryKind, Parts};
use crate::store::retention::{Dated, DatedCount, RetentionPlace};
use crate::store::{KeptRecords, Retained, RetentionStep, StoreError};

use super::super::worker::store::{StoreAnswer, StoreRequest};
use super::commands::{Prepared, PreparedWhat};
use super::commits::Pending;
use super::{Core, ReplySender};

/// What is going on.
#[derive(Default)]
pub(super) struct Keeper {
    run: Option<Run>,
    /// The day that was seen to last.
    done: Option<NaiveDate>,
}

/// A walk over everything that is kept for a time.
struct Run {
    actor: Actor,
    deletes: bool,
    before: [Option<DateTime<Utc>>; 4],
    counts: [DatedCount; 4],
    /// People who left so long ago that they go.
    leaving: u64,
    reply: ReplySender,
}

impl RetentionKind {
    /// What it is called in the store, where the store keeps it by itself.
    fn dated(self) -> Option<Dated> {
        match self {
            Self::Records => Some(Dated::Record),
            Self::Evidence => Some(Dated::Evidence),
            Self::Notes => Some(Dated::Note),
            Self::Crops => Some(Dated::Crop),
            Self::LeftPeople => None,
        }
    }
}

impl Core {
    pub(super) fn take_retention_command(
        &mut self,
        actor: Actor,
        command: RetentionCommand,
        reply: ReplySender,
    ) {
        if self.retention.run.is_some() {
            let _ = reply.send(Err(CommandError::Busy));
            return;
        }
        self.start_retention(actor, command == RetentionCommand::Apply, reply);
    }

    /// Deletes what is due, once a day, the first time at the start. A recording brings times of its own, and a clock that stands wrong
    /// must not decide what is old.
    pub(super) fn retain_daily(&mut self) {
        let is_wanted = self.settings.retention.limits_anything()
            && self.holds_a_source()
            && self.pace == Pace::RealTime
            && self.retention.run.is_none()
            && self.clock.state() != ClockState::Unsure;
        let today = self.day_of(self.clock.now()).filter(|_| is_wanted);
        if today.is_some() && self.retention.done != today {
            self.retention.done = today;
            self.start_retention(Actor::System, true, ReplySender::nobody());
        }
    }

    /// What is due goes with the next day's deletions, and not before.
    pub(super) fn retention_waits_for_tomorrow(&mut self) {
        self.retention.done = self.day_of(self.clock.now());
    }

    fn start_retention(&mut self, actor: Actor, deletes: bool, reply: ReplySender) {
        let mut before = [None; 4];
        for kind in RetentionKind::ALL {
            if let Some(dated) = kind.dated() {
                before[dated.index()] = self.limit_of(kind);
            }
        }
        let counts = [DatedCount::default(); 4];
        let mut run = Run { actor, deletes, before, counts, leaving: 0, reply };
        if deletes {
            run.leaving = self.let_go_of_who_left();
        }
        self.retention.run = Some(run);
        self.ask_for_step(RetentionPlace::START);
    }

    /// What is older than this may go: nothing of today, and nothing of a session that is not closed.
    fn limit_of(&self, kind: RetentionKind) -> Option<DateTime<Utc>> {
        let days = self.settings.retention.days(kind);
        if days == 0 {
            return None;
        }
        let today = self.calendar.day_of(self.clock.now())?.from;
        let limit = today.checked_sub_signed(TimeDelta::days(i64::from(days)))?;
        Some(self.oldest_in_use().map_or(limit, |in_use| limit.min(in_use)))
    }

    /// The beginning of the oldest session that is open; none while none is.
    fn oldest_in_use(&self) -> Option<DateTime<Utc>> {
        self.sessions.open.iter().map(Session::counts_from).min()
    }

    fn ask_for_step(&mut self, from: RetentionPlace) {
        let Some((before, deletes)) = self.retention.run.as_ref().map(|run| (run.before, run.deletes)) else {
            return;
        };
        let actor = self.retention.run.as_ref().map_or(Actor::System, |run| run.actor.clone());
        let entry = deletes.then(|| self.draft(EntryKind::RetentionApplied, actor, Parts::default()));
        let step = RetentionStep { from, before, entry };
        self.ask(StoreRequest::Retain(Box::new(step)), Pending::Retention);
    }

    pub(super) fn take_retention_step(&mut self, answer: Result<StoreAnswer, StoreError>) {
        let Some(mut run) = self.retention.run.take() else { return };
        let retained = match answer {
            Ok(StoreAnswer::Retained(retained)) => *retained,
            answer => {
                let reason = match answer {
                    Err(error) => error.to_string(),
                    Ok(_) => "the store gave a wrong answer".to_owned(),
                };
                tracing::error!(%reason, "what is old could not be deleted");
                let _ = run.reply.send(Err(CommandError::Store { reason }));
                return;
            }
        };
        let Retained { counts, committed, next } = retained;
        for (sum, count) in run.counts.iter_mut().zip(counts) {
            *sum = sum.joined(count);
        }
        if let Some(committed) = committed {
            self.take_committed(&committed);
        }
        match next.filter(|_| self.shutdown.is_none()) {
            Some(next) => {
                self.retention.run = Some(run);
                self.ask_for_step(next);
            }
            None => {
                let rows = RetentionKind::ALL.into_iter().map(|kind| self.retention_row(&run, kind));
                let rows: Vec<RetentionRow> = rows.collect();
                let _ = run.reply.send(Ok(Reply::Retention(rows)));
            }
        }
    }

    fn retention_row(&self, run: &Run, kind: RetentionKind) -> RetentionRow {
        let days = self.settings.retention.days(kind);
        let count = match kind.dated() {
            Some(dated) => run.counts[dated.index()],
            None => self.count_of_who_left(run.leaving),
        };
        let DatedCount { held, due, oldest } = count;
        let (due, deleted) = if run.deletes { (0, due) } else { (due, 0) };
        let next_due = oldest.filter(|_| days > 0).and_then(|oldest| {
            let last = oldest.checked_add_signed(TimeDelta::days(i64::from(days)))?;
            Some(self.calendar.day_of(last)?.until)
        });
        RetentionRow { kind, days, held, oldest, due, next_due, deleted }
    }

    // -- people who left ----------------------------------------------------------------------

    fn who_left_before(&self, limit: DateTime<Utc>) -> Vec<PersonId> {
        let left = self.roster.iter().filter(|person| person.removed_at.is_some_and(|at| at < limit));
        left.map(|person| person.id).collect()
    }

    /// Queues the erasure of everybody who left too long ago. Their attendance stays without a name, for as
    /// long as records are kept. How many there are.
    fn let_go_of_who_left(&mut self) -> u64 {
        let Some(limit) = self.limit_of(RetentionKind::LeftPeople) else { return 0 };
        let left = self.who_left_before(limit);
        for person in &left {
            let what = PreparedWhat::Erase { person: *person, keeps: KeptRecords::Pseudonymous };
            self.commits.commands.push_back((Prepared::new(Actor::System, what), ReplySender::nobody()));
        }
        left.len() as u64
    }

    fn count_of_who_left(&self, leaving: u64) -> DatedCount {
        let times = || self.roster.iter().filter_map(|person| person.removed_at);
        let due =
            self.limit_of(RetentionKind::LeftPeople).map_or(0, |limit| self.who_left_before(limit).len());
        DatedCount { held: times().count() as u64, due: leaving.max(due as u64), oldest: times().min() }
    }
}
