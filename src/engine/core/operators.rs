//! The list of operators.

use crate::access::{Operator, OperatorId};
use crate::engine::access::Access;
use crate::engine::command::{CommandError, Reply};
use crate::engine::operators::{OperatorsCommand, OperatorsError, OperatorsReply};
use crate::ledger::{Actor, ChangedValue, EntryKind, Facts, Parts, Sha256Digest};
use crate::store::{Change, Transaction};

use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::{Core, ReplySender};

impl Core {
    pub(super) fn take_operators_command(
        &mut self,
        actor: Actor,
        command: OperatorsCommand,
        reply: ReplySender,
    ) {
        if command != OperatorsCommand::List {
            let prepared = Prepared::new(actor, PreparedWhat::Operators(command));
            self.commits.commands.push_back((prepared, reply));
            return;
        }
        let mut operators: Vec<Operator> = self.operators.values().cloned().collect();
        operators.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        let _ = reply.send(Ok(Reply::Operators(OperatorsReply::List(operators))));
    }

    /// The transaction of a command, checked against the list as it is on disk.
    pub(super) fn build_operators(
        &mut self,
        actor: Actor,
        command: OperatorsCommand,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let (before, after) = self.changed_operator(command)?;
        let shown = before.as_ref().or(after.as_ref()).ok_or(OperatorsError::NoSuchOperator)?;
        let id = shown.id;
        let others = self.operators.values().filter(|operator| operator.id != id);
        if !Access::new(self.settings.owner_uid).with(others.chain(&after)).has_way_in() {
            return Err(OperatorsError::NoWayIn.into());
        }
        let facts = Facts::Changes(changes(id, before.as_ref(), after.as_ref()));
        let parts = Parts { facts: Some(facts), ..Parts::default() };
        let entry = self.draft(EntryKind::OperatorChanged, actor, parts);
        let change = match &after {
            Some(operator) => Change::OperatorPut(operator.clone()),
            None => Change::OperatorRemoved(id),
        };
        let plan = ReplyPlan::Operator(after.or(before).ok_or(OperatorsError::NoSuchOperator)?);
        Ok((Transaction { changes: vec![change], entries: vec![entry] }, plan))
    }

    /// The digest of the key that `actor` has, which stands in each entry of theirs: later readers need no list of
    /// operators to know which key it was, also when the operator is long removed.
    pub(super) fn key_of(&self, actor: &Actor) -> Option<Sha256Digest> {
        let Actor::Operator(id) = actor else { return None };
        let operator = self.operators.get(&OperatorId(*id))?;
        operator.fingerprint().map(|fingerprint| Sha256Digest(fingerprint.0))
    }

    /// The operator as they are and as they are to be.
    fn changed_operator(
        &mut self,
        command: OperatorsCommand,
    ) -> Result<(Option<Operator>, Option<Operator>), OperatorsError> {
        let known = |core: &Self, id: OperatorId| {
            core.operators.get(&id).cloned().ok_or(OperatorsError::NoSuchOperator)
        };
        match command {
            OperatorsCommand::List => Ok((None, None)),
            OperatorsCommand::Add { name, role, uid, key } => {
                if self.operators.values().any(|operator| operator.name == name) {
                    return Err(OperatorsError::NameTaken { name });
                }
                let holder = self.operators.values().find(|operator| uid.is_some() && operator.uid == uid);
                if let (Some(holder), Some(uid)) = (holder, uid) {
                    return Err(OperatorsError::AccountTaken { uid, name: holder.name.clone() });
                }
                let holder = self.operators.values().find(|operator| key.is_some() && operator.key == key);
                if let Some(holder) = holder {
                    return Err(OperatorsError::KeyTaken { name: holder.name.clone() });
                }
                let added_at = self.clock.now();
                let id = OperatorId(self.entropy.ulid(added_at));
                Ok((None, Some(Operator { id, name, role, uid, key, added_at })))
            }
            OperatorsCommand::SetRole(id, role) => {
                let before = known(self, id)?;
                Ok((Some(before.clone()), Some(Operator { role, ..before })))
            }
            OperatorsCommand::Remove(id) => Ok((Some(known(self, id)?), None)),
        }
    }
}

/// What is different, by the operator's id: a ledger keeps no name that cannot be taken out of it.
fn changes(id: OperatorId, before: Option<&Operator>, after: Option<&Operator>) -> Vec<ChangedValue> {
    let role = |operator: &Operator| Some(operator.role.to_string());
    let uid = |operator: &Operator| operator.uid.map(|uid| uid.to_string());
    let key = |operator: &Operator| operator.fingerprint().map(|fingerprint| fingerprint.to_string());
    let values = [
        ("role", before.and_then(role), after.and_then(role)),
        ("uid", before.and_then(uid), after.and_then(uid)),
        ("key", before.and_then(key), after.and_then(key)),
    ];
    let value = |(name, before, after)| ChangedValue { key: format!("operator.{id}.{name}"), before, after };
    values.into_iter().map(value).filter(|value| value.before != value.after).collect()
}
