//! What waits until another admin confirms it. Nothing of it is kept: a request ends with the engine.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use crate::access::{OperatorId, Role, TwoPersonDeed};
use crate::attendance::PersonId;
use crate::engine::access::required;
use crate::engine::approvals::{
    ApprovalError, ApprovalId, ApprovalView, ApprovalsCommand, MOST_OF_ONE, MOST_REQUESTS,
};
use crate::engine::command::{Command, CommandError, Reply, Request, ThresholdOrder};
use crate::engine::consent::ConsentCommand;
use crate::engine::event::EngineEvent;
use crate::ledger::{Actor, ChangedValue, EntryKind, Facts, Parts};
use crate::store::{KeptRecords, StoreError, Transaction};

use super::super::worker::store::StoreAnswer;
use super::commands::{Prepared, PreparedWhat, ReplyPlan, refuse};
use super::{Core, ReplySender};

/// Characters of what a client calls an export that another admin is shown.
const MOST_CHARACTERS: usize = 120;

/// A request, and where its outcome is waited for.
pub(super) struct Waiting {
    id: ApprovalId,
    deed: TwoPersonDeed,
    request: Request,
    reply: ReplySender,
    asked_at: DateTime<Utc>,
    ends: Instant,
}

/// All that wait, oldest first.
#[derive(Default)]
pub(super) struct Requests {
    waiting: Vec<Waiting>,
    last: u64,
}

/// What two people are wanted for, where the site says so, and whom it is about.
fn deed_of(command: &Command) -> Option<(TwoPersonDeed, Option<PersonId>)> {
    match command {
        Command::Erase { person, .. } | Command::Consent(ConsentCommand::Withdraw { person, .. }) => {
            Some((TwoPersonDeed::Erase, Some(*person)))
        }
        Command::ExportPerson(person) => Some((TwoPersonDeed::Export, Some(*person))),
        Command::Export | Command::NoteExport { .. } => Some((TwoPersonDeed::Export, None)),
        Command::Threshold(_) => Some((TwoPersonDeed::Threshold, None)),
        Command::Consent(ConsentCommand::With { command, .. }) => deed_of(command),
        _ => None,
    }
}

/// What is to be done, without a name.
fn words_of(command: &Command) -> String {
    match command {
        Command::Erase { keeps: KeptRecords::None, .. } => "erase from everything".to_owned(),
        Command::Erase { keeps: KeptRecords::Pseudonymous, .. } => {
            "erase, and keep the attendance without a name".to_owned()
        }
        Command::Consent(ConsentCommand::Withdraw { .. }) => "erase after a withdrawn consent".to_owned(),
        Command::ExportPerson(_) => "give out everything that is held".to_owned(),
        Command::Export => "export the roster".to_owned(),
        // A client wrote it: no more of it than fits into a line, and nothing that moves a cursor.
        Command::NoteExport { what } => {
            let plain = what.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c });
            format!("export {}", plain.take(MOST_CHARACTERS).collect::<String>())
        }
        Command::Threshold(ThresholdOrder::Set(threshold)) => {
            format!("set the threshold to {:.3}", threshold.0.0)
        }
        Command::Threshold(ThresholdOrder::Clear) => "take the threshold back that was set".to_owned(),
        Command::Consent(ConsentCommand::With { command, .. }) => words_of(command),
        _ => "something".to_owned(),
    }
}

impl Core {
    /// Whether `command` of `actor` has to be confirmed by another first.
    pub(super) fn needs_two(&self, actor: &Actor, command: &Command) -> Option<TwoPersonDeed> {
        let (deed, _) = deed_of(command)?;
        (*actor != Actor::System && self.settings.approvals.deeds.contains(&deed)).then_some(deed)
    }

    /// Keeps a request until another confirms it; its reply comes then.
    pub(super) fn await_approval(&mut self, deed: TwoPersonDeed, request: Request, reply: ReplySender) {
        let of_asker = |waiting: &&Waiting| waiting.request.actor == request.actor;
        let refusal = if !self.settings.approvals.has_others {
            Some(ApprovalError::NobodyElse.into())
        } else if self.requests.waiting.len() >= MOST_REQUESTS
            || self.requests.waiting.iter().filter(of_asker).count() >= MOST_OF_ONE
        {
            Some(ApprovalError::TooMany.into())
        } else {
            // What would come to nothing is said at once.
            let person = deed_of(&request.command).and_then(|(_, person)| person);
            let is_missing = person.is_some_and(|person| self.roster.get(person).is_none());
            is_missing.then_some(CommandError::NoSuchPerson)
        };
        if let Some(error) = refusal {
            return refuse(&reply, error);
        }
        self.requests.last += 1;
        let id = ApprovalId(self.requests.last);
        let ends = Instant::now() + self.settings.approvals.waits;
        let asked_at = self.clock.now();
        self.requests.waiting.push(Waiting { id, deed, request, reply, asked_at, ends });
        self.subscribers.send(&EngineEvent::ApprovalsChanged);
    }

    pub(super) fn take_approvals_command(
        &mut self,
        actor: Actor,
        command: ApprovalsCommand,
        reply: ReplySender,
    ) {
        let answer = match command {
            ApprovalsCommand::List => Ok(Reply::Approvals(self.approval_views(&actor))),
            ApprovalsCommand::Confirm(id) => match self.take_request(id, &actor, false) {
                Ok(waiting) => return self.confirm(actor, waiting, reply),
                Err(error) => Err(error),
            },
            ApprovalsCommand::Refuse(id) => self.take_request(id, &actor, false).map(|waiting| {
                let facts = self.facts_of(&waiting, "refused");
                self.write_entry(EntryKind::OperatorActed, actor, facts);
                self.end_request(&waiting, ApprovalError::Refused);
                Reply::Done
            }),
            ApprovalsCommand::Withdraw(id) => self.take_request(id, &actor, true).map(|waiting| {
                self.end_request(&waiting, ApprovalError::Withdrawn);
                Reply::Done
            }),
        };
        let _ = reply.send(answer.map_err(CommandError::from));
    }

    fn approval_views(&self, looking: &Actor) -> Vec<ApprovalView> {
        let now = self.clock.now();
        let view = |waiting: &Waiting| {
            let person = deed_of(&waiting.request.command).and_then(|(_, person)| person);
            let asker = match &waiting.request.actor {
                Actor::Operator(id) => self.operators.get(&OperatorId(*id)),
                Actor::Local { uid } => self.operators.values().find(|o| o.uid == Some(*uid)),
                Actor::System | Actor::Door => None,
            };
            let left = waiting.ends.saturating_duration_since(Instant::now());
            ApprovalView {
                id: waiting.id,
                deed: waiting.deed,
                asked_by: waiting.request.actor.clone(),
                asker: asker.map(|operator| operator.name.clone()),
                what: words_of(&waiting.request.command),
                person,
                name: person.and_then(|id| self.roster.get(id)).map(|person| person.name.clone()),
                asked_at: waiting.asked_at,
                expires_at: now + TimeDelta::from_std(left).unwrap_or_default(),
                is_own: self.are_one(looking, &waiting.request.actor),
            }
        };
        self.requests.waiting.iter().map(view).collect()
    }

    /// Takes the request `id` out, where it is that of `actor` (`own`), or of another.
    fn take_request(&mut self, id: ApprovalId, actor: &Actor, own: bool) -> Result<Waiting, ApprovalError> {
        let place = self.requests.waiting.iter().position(|waiting| waiting.id == id);
        let place = place.ok_or(ApprovalError::NoSuchRequest { id })?;
        let asker = &self.requests.waiting[place].request.actor;
        match (own, self.are_one(actor, asker)) {
            (true, false) => Err(ApprovalError::NotYours),
            (false, true) => Err(ApprovalError::Own),
            _ => Ok(self.requests.waiting.remove(place)),
        }
    }

    /// Whether two actors are one person, by whatever account or key they come: an operator is whoever has their
    /// account too.
    fn are_one(&self, one: &Actor, other: &Actor) -> bool {
        let known_as = |actor: &Actor| match actor {
            Actor::Operator(id) => {
                let operator = self.operators.get(&OperatorId(*id));
                (Some(OperatorId(*id)), operator.and_then(|operator| operator.uid))
            }
            Actor::Local { uid } => {
                let operator = self.operators.values().find(|operator| operator.uid == Some(*uid));
                (operator.map(|operator| operator.id), Some(*uid))
            }
            Actor::System | Actor::Door => (None, None),
        };
        let ((one_id, one_uid), (other_id, other_uid)) = (known_as(one), known_as(other));
        one == other
            || (one_id.is_some() && one_id == other_id)
            || (one_uid.is_some() && one_uid == other_uid)
    }

    /// Notes first that it was confirmed, and by whom; it is done when that is on disk.
    fn confirm(&mut self, actor: Actor, waiting: Waiting, reply: ReplySender) {
        let needs = required(&waiting.request.command);
        if let Err(error) = self.access().check(&waiting.request.actor, needs) {
            refuse(&waiting.reply, error);
            self.subscribers.send(&EngineEvent::ApprovalsChanged);
            return refuse(&reply, ApprovalError::AskerMayNot.into());
        }
        let prepared = Prepared::new(actor, PreparedWhat::Approved(Box::new(waiting)));
        self.commits.commands.push_back((prepared, reply));
        self.subscribers.send(&EngineEvent::ApprovalsChanged);
    }

    pub(super) fn build_approved(&mut self, actor: Actor, waiting: Box<Waiting>) -> (Transaction, ReplyPlan) {
        let facts = self.facts_of(&waiting, "confirmed");
        let entry = self.draft(EntryKind::OperatorActed, actor, facts);
        (Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::Approved(waiting))
    }

    /// What the ledger says of it beside the one who confirms or refuses: who asked, and for what. Whom it is
    /// about stands in the entry of the deed, from where it can be erased.
    fn facts_of(&self, waiting: &Waiting, what: &str) -> Parts {
        let asker = match &waiting.request.actor {
            Actor::Operator(id) => format!("operator {id}"),
            Actor::Local { uid } => format!("user {uid}"),
            Actor::System | Actor::Door => "system".to_owned(),
        };
        let mut values = vec![
            ("act", format!("{what} a request")),
            ("request", words_of(&waiting.request.command)),
            ("asked by", asker),
        ];
        if let Some(key) = self.key_of(&waiting.request.actor) {
            values.push(("asked with", crate::access::Fingerprint(key.0).to_string()));
        }
        let value = |(key, after): (&str, String)| ChangedValue {
            key: key.to_owned(),
            before: None,
            after: Some(after),
        };
        let facts = Some(Facts::Changes(values.into_iter().map(value).collect()));
        Parts { facts, ..Parts::default() }
    }

    /// The store has answered to the entry of a confirmation.
    pub(super) fn take_approved(
        &mut self,
        waiting: Box<Waiting>,
        answer: Result<StoreAnswer, StoreError>,
        reply: &ReplySender,
    ) {
        let committed = match answer {
            Ok(StoreAnswer::Committed(committed)) => committed,
            answer => {
                self.commits.in_flight = false;
                let reason = match answer {
                    Err(error) => error.to_string(),
                    Ok(_) => "the store gave a wrong answer".to_owned(),
                };
                refuse(reply, CommandError::Store { reason });
                return self.put_back(*waiting);
            }
        };
        self.settle_commit();
        self.take_committed(&committed);
        self.publish_live();
        let Waiting { request, reply: asker, .. } = *waiting;
        // The roles that hold now, once more: a change may have been written in between.
        match self.access().check_command(&request.actor, &request.command) {
            Ok(()) => {
                self.take_command(request, asker);
                let _ = reply.send(Ok(Reply::Done));
            }
            Err(error) => {
                refuse(&asker, error);
                refuse(reply, ApprovalError::AskerMayNot.into());
            }
        }
    }

    /// Nothing was noted, so it waits on, unless nobody can confirm it any more.
    fn put_back(&mut self, waiting: Waiting) {
        if self.shutdown.is_some() {
            return refuse(&waiting.reply, ApprovalError::Stopped.into());
        }
        self.requests.waiting.push(waiting);
        self.requests.waiting.sort_by_key(|waiting| waiting.id);
        self.subscribers.send(&EngineEvent::ApprovalsChanged);
    }

    fn end_request(&mut self, waiting: &Waiting, error: ApprovalError) {
        refuse(&waiting.reply, error.into());
        self.subscribers.send(&EngineEvent::ApprovalsChanged);
    }

    /// Whoever has just come, or has just become an admin, hears of what waits already.
    pub(super) fn tell_of_requests(&mut self) {
        if !self.requests.waiting.is_empty() {
            self.subscribers.send(&EngineEvent::ApprovalsChanged);
        }
    }

    /// Ends what nobody confirmed in time.
    pub(super) fn expire_requests(&mut self) {
        let now = Instant::now();
        let ended = self.requests.waiting.extract_if(.., |waiting| waiting.ends <= now).collect::<Vec<_>>();
        for waiting in &ended {
            self.end_request(waiting, ApprovalError::Expired);
        }
    }

    /// Ends the requests of those who may not ask any more. To be called when the roles have changed.
    pub(super) fn end_requests_without_role(&mut self) {
        let access = self.access();
        let refused = |waiting: &Waiting| {
            let role: Role = required(&waiting.request.command);
            access.check(&waiting.request.actor, role).err()
        };
        let ended: Vec<Waiting> =
            self.requests.waiting.extract_if(.., |waiting| refused(waiting).is_some()).collect();
        for waiting in &ended {
            if let Some(error) = refused(waiting) {
                refuse(&waiting.reply, error);
            }
        }
        if !ended.is_empty() || !self.requests.waiting.is_empty() {
            self.subscribers.send(&EngineEvent::ApprovalsChanged);
        }
    }

    /// Ends all of them, as the engine stops.
    pub(super) fn end_all_requests(&mut self) {
        for waiting in std::mem::take(&mut self.requests.waiting) {
            refuse(&waiting.reply, ApprovalError::Stopped.into());
        }
    }
}
