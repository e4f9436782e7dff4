//! What is written to the store, and what happens when it is on disk.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::attendance::PersonId;
use crate::attendance::report::Day;
use crate::face::TemplateId;
use crate::ledger::{Actor, Entry, EntryKind};
use crate::store::{Change, Committed, DiskState, StoreError, Transaction};

use super::super::command::attendance::Correction;
use super::super::command::hooks::HookReply;
use crate::track::Jury;

use super::super::command::{CommandError, Reply};
use super::super::event::{EngineEvent, LogEntry, NamedEntry};
use super::super::export::PersonExport;
use super::super::operators::OperatorsReply;
use super::super::worker::store::{StoreAnswer, StoreRequest, Ticket};
use super::access::PageSender;
use super::attending::AttendancePlan;
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commit_queue::{CommitQueue, QueuedEntry};
use super::door::Told;
use super::erasing::Erasing;
use super::exporting::Exporting;
use super::inbox::BackFill;
use super::looking_up::MonthWanted;
use super::sessions::Closing;
use super::{Core, ReplySender};

/// Entries that go into one transaction at most.
const BATCH: usize = 64;
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What waits for an answer of the store.
pub(super) enum Pending {
    /// A batch of entries nobody waits for, kept whole in case it fails.
    Entries(Batch),
    /// A command's transaction.
    Command { changes: Vec<Change>, plan: ReplyPlan, reply: ReplySender },
    /// Somebody is taken out of everything.
    Erase(Box<Erasing>),
    /// Something is done with the store as a whole; `in_turn` where no transaction may be on its way.
    OfStore { actor: Actor, reply: ReplySender, in_turn: bool },
    /// The end of the ledger.
    Ledger(ReplySender),
    /// A page of the log.
    Page(PageSender),
    /// How far a hook has come.
    Cursor(ReplySender),
    /// The crop beside a template that is computed anew.
    Crop(TemplateId),
    /// Entries with all their parts.
    Whole(Sender<Result<Vec<NamedEntry>, CommandError>>),
    /// What is held about a person, to be given to them.
    Export(Box<Exporting>),
    /// A step of what is deleted, or counted, because it is old.
    Retention,
    /// The passages on record near those that are to be added later.
    BackFill(BackFill, ReplySender),
    /// What is known of a person.
    About(PersonId, ReplySender),
    /// A day that somebody looks at.
    Day(Day, ReplySender),
    /// The records of this day, after one came in whose time is not the latest.
    Presence(Day),
    /// The records of a session that is to be closed or looked at.
    Roll(Closing),
    /// The entry that is to be corrected.
    Correct(Correction, Actor, ReplySender),
    /// The last entries, to be searched for unsure times.
    Times { accept: bool, actor: Actor, reply: ReplySender },
    /// The records of a day that has ended.
    DayEnded(Day),
    /// The last entries, to be counted for their unsure times.
    UnsureTimes,
    /// The records of a month.
    Month(MonthWanted, ReplySender),
}

/// The entries of an answer. A log that cannot be read is never an empty one.
fn entries_of(answer: Result<StoreAnswer, StoreError>) -> Result<Vec<Entry>, CommandError> {
    let reason = match answer {
        Ok(StoreAnswer::Entries(entries)) => return Ok(entries),
        Ok(_) => "the store gave a wrong answer".to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::error!(%reason, "the log cannot be read");
    Err(CommandError::Store { reason })
}

/// The entries of one transaction.
pub(super) struct Batch(Vec<QueuedEntry>);

impl Core {
    /// Hands the next transaction to the store, if none is on its way.
    pub(super) fn start_commits(&mut self) {
        if self.commits.in_flight {
            return;
        }
        // Commands first: a person waits for them, and a failing store must tell them so at once.
        while let Some((prepared, reply)) = self.commits.commands.pop_front() {
            let Prepared { actor, what } = prepared;
            if let PreparedWhat::Erase { person, keeps } = what {
                self.commits.in_flight = self.start_erasure(actor, person, keeps, reply);
                if self.commits.in_flight {
                    return;
                }
                continue;
            }
            if matches!(what, PreparedWhat::Compact) {
                self.commits.in_flight = self.start_compaction(actor, reply);
                if self.commits.in_flight {
                    return;
                }
                continue;
            }
            if let PreparedWhat::Attendance(work) = &what {
                self.commits.note_work(work);
            }
            let prepared = Prepared { actor, what };
            match self.build(prepared) {
                Ok((transaction, plan)) => {
                    let changes = transaction.changes.clone();
                    self.commits.in_flight = true;
                    self.ask(StoreRequest::Commit(transaction), Pending::Command { changes, plan, reply });
                    return;
                }
                Err(error) => {
                    self.commits.forget_work();
                    let _ = reply.send(Err(error));
                }
            }
        }
        let due = self.commits.retry_at.is_none_or(|at| at <= Instant::now()) || self.commits.last_try;
        if self.commits.queued().next().is_none() || !due {
            return;
        }
        let next = |queue: &mut CommitQueue| {
            let count = queue.entries.len().min(BATCH);
            queue.entries.drain(..count).collect()
        };
        let batch = self.commits.failed.take().unwrap_or_else(|| next(&mut self.commits));
        let entries = batch.iter().map(|entry| entry.draft.clone()).collect();
        self.commits.send_off(&batch);
        let transaction = Transaction { changes: vec![], entries };
        self.ask(StoreRequest::Commit(transaction), Pending::Entries(Batch(batch)));
    }

    /// Sends a request, or keeps it until there is room.
    pub(super) fn ask(&mut self, request: StoreRequest, pending: Pending) {
        let ticket = Ticket(self.next_id());
        self.pending.insert(ticket, pending);
        self.store_backlog.push_back((ticket, request));
    }

    pub(super) fn take_answer(&mut self, ticket: Ticket, answer: Result<StoreAnswer, StoreError>) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        match (pending, answer) {
            (Pending::Page(reply), answer) => {
                let page = |entries: Vec<Entry>| entries.iter().map(|entry| self.log_entry(entry)).collect();
                reply.send(entries_of(answer).map(page));
            }
            (Pending::Cursor(reply), answer) => Self::take_cursor(&reply, answer),
            (Pending::Crop(template), answer) => self.take_crop(template, answer),
            (Pending::Whole(reply), answer) => {
                let named =
                    |entries: Vec<Entry>| entries.into_iter().map(|entry| self.named_entry(entry)).collect();
                let _ = reply.send(entries_of(answer).map(named));
            }
            (Pending::Export(exporting), answer) => self.take_export_step(exporting, answer),
            (Pending::Retention, answer) => self.take_retention_step(answer),
            (Pending::BackFill(wanted, reply), answer) => match answer {
                Ok(StoreAnswer::Entries(near)) => self.go_on_with_back_fill(wanted, &near, reply),
                answer => refuse(&reply, answer),
            },
            (Pending::Erase(erasing), answer) => {
                match &answer {
                    Ok(_) => self.settle_commit(),
                    Err(_) => self.commits.in_flight = false,
                }
                self.take_erasure(*erasing, answer);
            }
            (Pending::OfStore { actor, reply, in_turn }, answer) => {
                if in_turn {
                    self.commits.in_flight = false;
                }
                self.take_store_answer(actor, answer, reply);
            }
            (Pending::Ledger(reply), answer) => match answer {
                Ok(StoreAnswer::Ledger(end)) => drop(reply.send(Ok(Reply::Ledger(end)))),
                Ok(StoreAnswer::Verified(verified)) => drop(reply.send(Ok(Reply::Verified(verified)))),
                answer => refuse(&reply, answer),
            },
            (Pending::About(person, reply), answer) => match answer {
                Ok(StoreAnswer::About(entries, crop)) => {
                    let _ = reply.send(Ok(self.person_details(person, &entries, crop.as_ref())));
                }
                answer => refuse(&reply, answer),
            },
            (Pending::Day(day, reply), answer) => match answer {
                Ok(StoreAnswer::Entries(entries)) => {
                    let _ = reply.send(Ok(self.day_log(&day, &entries)));
                }
                answer => refuse(&reply, answer),
            },
            (Pending::Presence(day), answer) => {
                if let Ok(StoreAnswer::Entries(entries)) = answer {
                    self.recount_presence(&day, &entries);
                }
            }
            (Pending::Roll(closing), answer) => match answer {
                Ok(StoreAnswer::Entries(entries)) => self.take_roll(closing, &entries),
                answer => refuse(closing.reply(), answer),
            },
            (Pending::Correct(correction, actor, reply), answer) => match answer {
                Ok(StoreAnswer::Entries(entries)) => self.take_corrected(correction, actor, reply, &entries),
                answer => refuse(&reply, answer),
            },
            (Pending::Times { accept, actor, reply }, answer) => match answer {
                Ok(StoreAnswer::Entries(entries)) => self.take_times(accept, actor, reply, &entries),
                answer => refuse(&reply, answer),
            },
            (Pending::UnsureTimes, answer) => {
                if let Ok(entries) = entries_of(answer) {
                    self.take_unsure_times(entries);
                }
            }
            (Pending::Month(wanted, reply), answer) => match answer {
                Ok(StoreAnswer::Entries(entries)) => {
                    let _ = reply.send(Ok(self.month(&wanted, &entries)));
                }
                answer => refuse(&reply, answer),
            },
            (Pending::DayEnded(day), answer) => {
                if let Ok(StoreAnswer::Entries(entries)) = answer {
                    self.take_ended_day(&day, &entries);
                }
            }
            (Pending::Entries(_), Ok(StoreAnswer::Committed(committed))) => {
                self.settle_commit();
                self.take_committed(&committed);
                self.publish_live();
            }
            (Pending::Entries(batch), Ok(_)) => {
                self.retry_later(batch, "the store gave a wrong answer", None)
            }
            (Pending::Entries(batch), Err(error)) => {
                let disk = if let StoreError::Disk { state, .. } = &error { Some(*state) } else { None };
                self.retry_later(batch, &error.to_string(), disk);
            }
            (Pending::Command { plan: ReplyPlan::Approved(waiting), reply, .. }, answer) => {
                self.take_approved(waiting, answer, &reply);
            }
            (Pending::Command { changes, plan, reply }, Ok(StoreAnswer::Committed(committed))) => {
                self.settle_commit();
                let gained = changes.iter().any(|change| matches!(change, Change::TemplatePut(_)));
                for change in changes {
                    self.apply(change);
                }
                self.take_committed(&committed);
                if gained {
                    self.juries().for_each(Jury::reopen);
                }
                self.publish_roster();
                self.publish_live();
                let _ = reply.send(Ok(self.reply(plan, &committed)));
            }
            (Pending::Command { plan: ReplyPlan::Noted(noted), reply, .. }, Err(error)) => {
                self.commits.in_flight = false;
                let _ = reply.send(Err(noted.not_noted(error.to_string())));
            }
            (Pending::Command { reply, .. }, answer) => {
                self.commits.in_flight = false;
                self.commits.forget_work();
                refuse(&reply, answer);
            }
        }
        self.end_sources_when_written();
    }

    /// A transaction is on disk: the store works.
    pub(super) fn settle_commit(&mut self) {
        self.commits.come_back();
        self.commits.forget_work();
        self.commits.retry_at = None;
        self.commits.retry_wait = FIRST_RETRY;
        self.commits.fault = None;
        self.record_refused();
    }

    /// Keeps a batch as it is, to be tried again before anything else.
    fn retry_later(&mut self, Batch(batch): Batch, reason: &str, disk: Option<DiskState>) {
        tracing::error!(%reason, entries = batch.len(), "entries could not be written");
        self.commits.come_back();
        self.door_is_not_saved();
        if self.commits.last_try {
            tracing::error!(entries = batch.len(), "entries are lost: the store failed while stopping");
            self.commits.entries.clear();
            return;
        }
        self.commits.failed = Some(batch);
        let wait = self.commits.retry_wait.clamp(FIRST_RETRY, LONGEST_RETRY);
        self.commits.retry_at = Some(Instant::now() + wait);
        self.commits.retry_wait = wait * 2;
        self.commits.fault = Some(reason.to_owned());
        self.commits.disk = disk;
        self.publish_live();
    }

    pub(super) fn take_committed(&mut self, committed: &Committed) {
        let mut presence_changed = false;
        let mut at_the_door = Vec::new();
        for entry in &committed.entries {
            self.watch.wrote(entry.head.at, entry.head.clock);
            self.sessions.note(entry);
            self.note_arrival(entry);
            self.unsure.note(entry);
            let sessions_changed =
                matches!(entry.head.kind, EntryKind::SessionOpened | EntryKind::SessionClosed);
            presence_changed |= self.note_presence(entry) || sessions_changed;
            self.entry_for_inbox(entry);
            at_the_door.extend(self.entry_for_door(entry));
            self.keep_place_of(entry);
            let log = self.log_entry(entry);
            self.subscribers.send(&EngineEvent::Entry(log));
        }
        if presence_changed {
            self.publish_roster();
        }
        // Whoever is told looks at a roster that says the same.
        at_the_door.into_iter().for_each(Told::tell);
    }

    pub(super) fn log_entry(&self, entry: &Entry) -> LogEntry {
        LogEntry::new(entry, |person| self.roster.get(person).map(|person| person.name.clone()))
    }

    fn named_entry(&self, entry: Entry) -> NamedEntry {
        NamedEntry::new(entry, |person| self.roster.get(person).map(|person| person.name.clone()))
    }

    fn reply(&self, plan: ReplyPlan, committed: &Committed) -> Reply {
        match (plan, committed.entries.first()) {
            (ReplyPlan::Enrolled { person, templates_added, notes }, _) => {
                Reply::Enrolled { person: *person, templates_added, notes: *notes }
            }
            (ReplyPlan::Attendance(AttendancePlan(reply)), _) => Reply::Attendance(reply),
            (ReplyPlan::Inbox(plan), _) => self.inbox_reply(plan, committed),
            (ReplyPlan::Register(reply), _) => Reply::Register(reply),
            (ReplyPlan::Hook, _) => Reply::Hooks(HookReply::Moved),
            (ReplyPlan::Reembedded(report), _) => Reply::Reembedded(report),
            (ReplyPlan::Operator(operator), _) => Reply::Operators(OperatorsReply::Changed(operator)),
            (ReplyPlan::PersonExported(export), Some(entry)) => {
                let noted = (entry.head.sequence, entry.head.at);
                Reply::PersonExport(Box::new(PersonExport { noted: noted.0, at: noted.1, ..*export }))
            }
            (ReplyPlan::PersonExported(export), None) => Reply::PersonExport(export),
            (ReplyPlan::Exported(people), Some(entry)) => {
                Reply::Roster { people, sequence: entry.head.sequence }
            }
            (ReplyPlan::Noted(noted), Some(entry)) => noted.reply(entry.head.sequence),
            (ReplyPlan::Written, Some(entry)) => Reply::Written(self.log_entry(entry)),
            (ReplyPlan::Approved(_), _)
            | (ReplyPlan::Exported(_) | ReplyPlan::Noted(_) | ReplyPlan::Written, None) => Reply::Done,
        }
    }
}

/// Tells a shell that the store did not do what its command needs.
fn refuse(reply: &ReplySender, answer: Result<StoreAnswer, StoreError>) {
    let reason = match answer {
        Err(error) => error.to_string(),
        Ok(_) => "the store gave a wrong answer".to_owned(),
    };
    tracing::error!(%reason, "a command could not be written");
    let _ = reply.send(Err(CommandError::Store { reason }));
}
