//! What one admin asks for and another confirms.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::stand_ins::*;
use super::{Actor, EntryKind, Store, enrol, person};
use crate::access::{Operator, Role, TwoPersonDeed};
use crate::attendance::PersonId;
use crate::engine::approvals::{ApprovalError, ApprovalId, ApprovalView, ApprovalsCommand, MOST_OF_ONE};
use crate::engine::command::{Command, CommandError, Reply, ThresholdOrder};
use crate::engine::consent::ConsentCommand;
use crate::engine::handle::PendingReply;
use crate::engine::operators::{OperatorsCommand, OperatorsReply};
use crate::engine::{EngineEvent, EngineHandle, RunningEngine, start};
use crate::face::Similarity;
use crate::identify::Threshold;
use crate::ledger::{Facts, Sequence};
use crate::store::KeptRecords;

struct Site {
    store: SharedStore,
    engine: RunningEngine,
    owner: EngineHandle,
    ana: PersonId,
}

fn site_that(change: impl FnOnce(&mut crate::engine::EngineSettings)) -> Site {
    let store = SharedStore::new();
    let mut parts = parts(&store);
    parts.settings.approvals.deeds = TwoPersonDeed::ALL.into();
    change(&mut parts.settings);
    let engine = start(parts).unwrap();
    let owner = engine.handle(Actor::Local { uid: OWNER });
    let ana = person(enrol(&owner, "Ana", &[1]).unwrap());
    Site { store, engine, owner, ana }
}

fn site() -> Site {
    site_that(|_| {})
}

impl Site {
    fn add(&self, name: &str, role: Role, uid: Option<u32>) -> (Operator, EngineHandle) {
        let command = OperatorsCommand::Add { name: name.parse().unwrap(), role, uid, key: None };
        let operator = match self.owner.call(Command::Operators(command)).unwrap() {
            Reply::Operators(OperatorsReply::Changed(operator)) => operator,
            other => panic!("{other:?}"),
        };
        let handle = self.engine.handle(Actor::Operator(operator.id.0));
        (operator, handle)
    }

    fn erase(&self) -> Command {
        Command::Erase { person: self.ana, keeps: KeptRecords::None }
    }

    fn acts(&self) -> Vec<(Actor, Vec<String>)> {
        let acts = self.store.entries().into_iter().filter(|e| e.head.kind == EntryKind::OperatorActed);
        let values = acts.filter_map(|entry| match entry.parts.facts {
            Some(Facts::Changes(values)) => {
                Some((entry.head.actor, values.into_iter().filter_map(|value| value.after).collect()))
            }
            _ => None,
        });
        values.collect()
    }
}

fn list(handle: &EngineHandle) -> Vec<ApprovalView> {
    match handle.call(Command::Approvals(ApprovalsCommand::List)).unwrap() {
        Reply::Approvals(requests) => requests,
        other => panic!("{other:?}"),
    }
}

/// Asks, and waits until it is on the list.
fn ask(handle: &EngineHandle, command: Command) -> (PendingReply, ApprovalId) {
    let pending = handle.send(command);
    // What is asked after it is answered after it was taken.
    let last = list(handle).last().map(|request| request.id);
    (pending, last.expect("it waits"))
}

fn confirm(handle: &EngineHandle, id: ApprovalId) -> Result<Reply, CommandError> {
    handle.call(Command::Approvals(ApprovalsCommand::Confirm(id)))
}

#[test]
fn an_erasure_waits_for_another_and_both_are_in_the_ledger() {
    let site = site();
    let (olga, second) = site.add("Olga", Role::Admin, None);
    let events = second.subscribe(100);
    let (pending, id) = ask(&site.owner, site.erase());
    assert!(pending.try_take().is_none());
    assert_eq!(site.owner.snapshot().roster.rows.len(), 1, "nothing is done before");
    assert!(events.try_iter().any(|event| event == EngineEvent::ApprovalsChanged));
    let seen = list(&second);
    assert_eq!((seen.len(), seen[0].is_own, seen[0].person), (1, false, Some(site.ana)));
    assert!(seen[0].words().contains("Ana"), "{}", seen[0].words());
    assert!(list(&site.owner)[0].is_own);

    assert_eq!(confirm(&second, id), Ok(Reply::Done));
    let Ok(Reply::Erased(certificate)) = pending.wait() else { panic!() };
    assert_eq!(certificate.actor, Actor::Local { uid: OWNER }, "it is done as whoever asked");
    assert!(list(&second).is_empty());
    assert_eq!(confirm(&second, id), Err(ApprovalError::NoSuchRequest { id }.into()), "once alone");
    let acts = site.acts();
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert_eq!(acts[0].0, Actor::Operator(olga.id.0));
    assert!(acts[0].1.contains(&format!("user {OWNER}")), "{acts:?}");
    let kinds = site.store.kinds();
    let place = |kind| kinds.iter().position(|found| *found == kind).unwrap();
    assert!(place(EntryKind::OperatorActed) < place(EntryKind::Erased), "the confirmation comes first");
    let said = serde_json::to_string(&site.store.entries()).unwrap();
    assert!(!said.contains(&site.ana.to_string()), "the confirmation does not outlast the erasure");
    site.engine.stop();
    site.store.verify().unwrap();
}

#[test]
fn exports_and_withdrawn_consents_wait_too_and_nothing_else_does() {
    let site = site();
    let (_, second) = site.add("Olga", Role::Admin, None);
    let withdraw =
        Command::Consent(ConsentCommand::Withdraw { person: site.ana, keeps: KeptRecords::Pseudonymous });
    let threshold = Command::Threshold(ThresholdOrder::Set(Threshold(Similarity(0.5))));
    for command in [threshold, Command::Export, Command::ExportPerson(site.ana), withdraw] {
        let (pending, id) = ask(&site.owner, command.clone());
        assert!(pending.try_take().is_none(), "{command:?}");
        confirm(&second, id).unwrap();
        let reply = pending.wait().unwrap();
        let is_it = match command {
            Command::Threshold(_) => matches!(reply, Reply::Written(_)),
            Command::Export => matches!(reply, Reply::Roster { .. }),
            Command::ExportPerson(_) => matches!(reply, Reply::PersonExport(_)),
            _ => matches!(reply, Reply::Erased(_)),
        };
        assert!(is_it, "{reply:?}");
    }
    assert!(site.owner.call(Command::Remove(site.ana)).is_err(), "which does not wait");
    site.engine.stop();
}

#[test]
fn where_the_site_does_not_ask_for_two_one_is_enough() {
    let site = site_that(|settings| settings.approvals.deeds = [TwoPersonDeed::Export].into());
    assert!(matches!(site.owner.call(site.erase()), Ok(Reply::Erased(_))));
    site.engine.stop();
}

#[test]
fn nobody_confirms_their_own_by_another_way_in_and_no_operator_confirms() {
    let site = site();
    let (_, second) = site.add("Olga", Role::Admin, Some(1007));
    let (_, operator) = site.add("Otto", Role::Operator, None);
    let (pending, id) = ask(&second, site.erase());
    // By the same account, which is the same operator.
    let account = site.engine.handle(Actor::Local { uid: 1007 });
    for own in [&second, &account] {
        assert_eq!(confirm(own, id), Err(ApprovalError::Own.into()));
        let refuse = Command::Approvals(ApprovalsCommand::Refuse(id));
        assert_eq!(own.call(refuse), Err(ApprovalError::Own.into()));
    }
    assert!(matches!(confirm(&operator, id), Err(CommandError::NotAllowed { .. })));
    let withdraw = Command::Approvals(ApprovalsCommand::Withdraw(id));
    assert_eq!(operator.call(withdraw.clone()), Err(ApprovalError::NotYours.into()));
    assert_eq!(site.owner.call(withdraw.clone()), Err(ApprovalError::NotYours.into()));
    assert!(pending.try_take().is_none());
    assert_eq!(account.call(withdraw), Ok(Reply::Done));
    assert_eq!(pending.wait(), Err(ApprovalError::Withdrawn.into()));
    assert!(site.store.count(EntryKind::Erased) == 0 && site.acts().is_empty());
    site.engine.stop();
}

#[test]
fn a_refusal_is_told_and_noted() {
    let site = site();
    let (olga, second) = site.add("Olga", Role::Admin, None);
    let (pending, id) = ask(&site.owner, Command::Export);
    second.call(Command::Approvals(ApprovalsCommand::Refuse(id))).unwrap();
    assert_eq!(pending.wait(), Err(ApprovalError::Refused.into()));
    site.engine.stop();
    let acts = site.store.entries();
    let act = acts.iter().find(|entry| entry.head.kind == EntryKind::OperatorActed).unwrap();
    assert_eq!(act.head.actor, Actor::Operator(olga.id.0));
    assert_eq!(site.store.count(EntryKind::Exported), 0);
}

#[test]
fn a_request_dies_with_the_role_of_whoever_asked() {
    let site = site();
    let (olga, second) = site.add("Olga", Role::Admin, None);
    let (pending, id) = ask(&second, site.erase());
    let lowered = OperatorsCommand::SetRole(olga.id, Role::Operator);
    site.owner.call(Command::Operators(lowered)).unwrap();
    let refused = CommandError::NotAllowed { needs: Role::Admin, has: Some(Role::Operator) };
    assert_eq!(pending.wait(), Err(refused));
    assert!(matches!(confirm(&site.owner, id), Err(CommandError::Approval(_))));
    let (otto, third) = site.add("Otto", Role::Admin, None);
    let (pending, _) = ask(&third, site.erase());
    site.owner.call(Command::Operators(OperatorsCommand::Remove(otto.id))).unwrap();
    assert!(matches!(pending.wait(), Err(CommandError::NotAllowed { has: None, .. })));
    assert_eq!(site.store.count(EntryKind::Erased), 0);
    site.engine.stop();
}

#[test]
fn what_nobody_confirms_expires() {
    let site = site_that(|settings| settings.approvals.waits = Duration::ZERO);
    assert_eq!(site.owner.call(site.erase()), Err(ApprovalError::Expired.into()));
    assert!(list(&site.owner).is_empty());
    site.engine.stop();
    assert_eq!(site.store.count(EntryKind::Erased), 0);
}

#[test]
fn a_stop_ends_what_waits_with_words() {
    let site = site();
    let (pending, _) = ask(&site.owner, site.erase());
    site.engine.stop();
    assert_eq!(pending.wait(), Err(ApprovalError::Stopped.into()));
    assert_eq!(site.store.count(EntryKind::Erased), 0);
}

#[test]
fn where_nobody_else_can_come_it_is_refused_at_once_and_so_is_what_comes_to_nothing() {
    let site = site_that(|settings| settings.approvals.has_others = false);
    let refused = site.owner.call(site.erase());
    assert_eq!(refused, Err(ApprovalError::NobodyElse.into()));
    assert!(refused.unwrap_err().to_string().contains("muster serve"));
    site.engine.stop();
    let site = self::site();
    let nobody = Command::ExportPerson(PersonId(ulid::Ulid(99)));
    assert_eq!(site.owner.call(nobody), Err(CommandError::NoSuchPerson));
    site.engine.stop();
}

#[test]
fn one_person_cannot_fill_the_list_for_others() {
    let site = site();
    let (_, second) = site.add("Olga", Role::Admin, None);
    let pending: Vec<PendingReply> = (0..MOST_OF_ONE).map(|_| ask(&second, Command::Export).0).collect();
    assert_eq!(second.call(Command::Export), Err(ApprovalError::TooMany.into()));
    let (_, id) = ask(&site.owner, site.erase());
    assert_eq!(list(&second).len(), MOST_OF_ONE + 1);
    confirm(&second, id).unwrap();
    site.engine.stop();
    assert!(pending.into_iter().all(|pending| pending.wait() == Err(ApprovalError::Stopped.into())));
}

#[test]
fn a_confirmation_that_is_not_on_disk_does_nothing_and_can_be_given_again() {
    let site = site();
    let (_, second) = site.add("Olga", Role::Admin, None);
    let (pending, id) = ask(&site.owner, site.erase());
    site.store.fails.store(true, Ordering::SeqCst);
    assert!(matches!(confirm(&second, id), Err(CommandError::Store { .. })));
    assert!(pending.try_take().is_none());
    site.store.fails.store(false, Ordering::SeqCst);
    assert_eq!(confirm(&second, id), Ok(Reply::Done));
    assert!(matches!(pending.wait(), Ok(Reply::Erased(_))));
    let log = site.owner.entries_since(Sequence(0), 100).unwrap();
    assert_eq!(log.iter().filter(|entry| entry.kind == EntryKind::OperatorActed).count(), 1);
    site.engine.stop();
}
