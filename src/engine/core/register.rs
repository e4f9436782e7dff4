//! Who belongs here and what is kept of them: single changes, PINs, and whole lists.

use crate::attendance::import::{ImportPlan, ImportRow, PersonChange, PlannedRow, differences, plan};
use crate::attendance::{FaceUse, Person, PersonId, Pin, PinError, PinHash};
use crate::ledger::{Actor, ChangedValue, EntryDraft, EntryKind, Facts, Parts, RecordPart};
use crate::store::{Change, Transaction};

use super::super::command::register::{PersonCard, RegisterCommand, RegisterError, RegisterReply};
use super::super::command::{CommandError, Reply};
use super::super::worker::pins::PinWork;
use super::commands::{Prepared, PreparedWhat, ReplyPlan, refuse};
use super::door::PinUse;
use super::{Core, ReplySender};

/// A change of the roster that is to be written.
pub(super) enum RegisterWork {
    Change { person: PersonId, change: PersonChange },
    Pin { person: PersonId, hash: Option<PinHash> },
    Import(Vec<ImportRow>),
}

/// What stands for a value that no entry shows.
const SET: &str = "set";

impl Core {
    pub(super) fn take_register_command(
        &mut self,
        actor: Actor,
        command: RegisterCommand,
        reply: ReplySender,
    ) {
        let work = match command {
            RegisterCommand::Card(person) => {
                let _ = reply.send(self.card(person));
                return;
            }
            RegisterCommand::Import { rows, dry_run: true } => {
                let plan = self.plan_import(&rows);
                let _ = reply.send(Ok(Reply::Register(RegisterReply::Imported(plan.rows))));
                return;
            }
            RegisterCommand::SetPin { person, pin: Some(pin) } => {
                return self.begin_pin(actor, person, pin, reply);
            }
            RegisterCommand::SetPin { person, pin: None } => RegisterWork::Pin { person, hash: None },
            RegisterCommand::Change { person, change } => RegisterWork::Change { person, change },
            RegisterCommand::Import { rows, dry_run: false } => RegisterWork::Import(rows),
        };
        self.commits.commands.push_back((Prepared::new(actor, PreparedWhat::Register(work)), reply));
    }

    fn card(&self, person: PersonId) -> Result<Reply, CommandError> {
        let person = self.active(person)?;
        let templates = self.templates.values().filter(|owner| **owner == person.id).count();
        Ok(Reply::Register(RegisterReply::Card(Box::new(PersonCard {
            person: person.shown(),
            has_pin: person.particulars.pin.is_some(),
            templates: u32::try_from(templates).unwrap_or(u32::MAX),
        }))))
    }

    /// Has a PIN hashed; it is written when that is done.
    fn begin_pin(&mut self, actor: Actor, person: PersonId, pin: Pin, reply: ReplySender) {
        let checked = self.active(person).and_then(|person| {
            pin.check(person.identifier.as_ref()).map_err(|error| RegisterError::from(error).into())
        });
        if let Err(error) = checked {
            return refuse(&reply, error);
        }
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.send_pin(pin, PinWork::Hash(salt), PinUse::Set { actor, person, reply });
    }

    pub(super) fn take_hashed_pin(
        &mut self,
        actor: Actor,
        person: PersonId,
        hash: Result<PinHash, PinError>,
        reply: ReplySender,
    ) {
        match hash {
            Ok(hash) => {
                let work = RegisterWork::Pin { person, hash: Some(hash) };
                let prepared = Prepared::new(actor, PreparedWhat::Register(work));
                self.commits.commands.push_back((prepared, reply));
            }
            Err(error) => refuse(&reply, RegisterError::from(error).into()),
        }
    }

    pub(super) fn build_register(
        &mut self,
        actor: &Actor,
        work: RegisterWork,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let mut transaction = Transaction::default();
        let reply = match work {
            RegisterWork::Change { person, change } => {
                self.build_change(actor, person, &change, &mut transaction)?
            }
            RegisterWork::Pin { person, hash } => {
                let mut person = self.active(person)?.clone();
                let was_set = person.particulars.pin.is_some();
                let is_set = hash.is_some();
                person.particulars.pin = hash;
                if was_set || is_set {
                    let set = |is_set: bool| is_set.then(|| SET.to_owned());
                    let changed =
                        ChangedValue { key: "pin".to_owned(), before: set(was_set), after: set(is_set) };
                    let entry = self.draft_changed(actor.clone(), person.id, vec![changed]);
                    transaction =
                        Transaction { changes: vec![Change::PersonPut(person)], entries: vec![entry] };
                }
                RegisterReply::PinSet { was_set }
            }
            RegisterWork::Import(rows) => {
                RegisterReply::Imported(self.build_import(actor, &rows, &mut transaction))
            }
        };
        Ok((transaction, ReplyPlan::Register(reply)))
    }

    fn build_change(
        &mut self,
        actor: &Actor,
        person: PersonId,
        change: &PersonChange,
        transaction: &mut Transaction,
    ) -> Result<RegisterReply, CommandError> {
        let before = self.active(person)?.clone();
        let after = change.applied(&before);
        if let Some(identifier) = &after.identifier
            && let Some(holder) = self.roster.by_identifier(identifier).filter(|holder| holder.id != person)
        {
            let (identifier, name) = (identifier.clone(), holder.name.clone());
            return Err(CommandError::IdentifierTaken { identifier, name });
        }
        let changes = differences(&before, &after);
        let person = Box::new(after.shown());
        let before_put = transaction.changes.len();
        if !changes.is_empty() {
            self.put_person(actor, &before, after, transaction);
        }
        let is_gone = |change: &&Change| matches!(change, Change::TemplateRemoved(_));
        let removed = transaction.changes[before_put..].iter().filter(is_gone).count();
        let templates_removed = u32::try_from(removed).unwrap_or(u32::MAX);
        Ok(RegisterReply::Changed { person, changes, templates_removed })
    }

    /// Puts `after` in the place of `before`, with the entries that say so; of a face that may not be used
    /// any more nothing stays.
    fn put_person(&mut self, actor: &Actor, before: &Person, after: Person, transaction: &mut Transaction) {
        let id = after.id;
        let (renamed, mut changed): (Vec<_>, Vec<_>) =
            differences(before, &after).into_iter().partition(|change| change.key == "name");
        if after.particulars.face == FaceUse::Off {
            let own = self.templates.iter().filter(|(_, owner)| **owner == id);
            transaction.changes.extend(own.map(|(template, _)| Change::TemplateRemoved(*template)));
            self.forget_strangers_of(id, &mut transaction.changes);
        }
        transaction.changes.push(Change::PersonPut(after));
        if !renamed.is_empty() {
            transaction.entries.push(self.draft_about(EntryKind::Renamed, actor.clone(), id));
        }
        // An address is nobody's business who reads the log.
        for address in changed.iter_mut().filter(|change| change.key == "email") {
            address.before = address.before.take().map(|_| SET.to_owned());
            address.after = address.after.take().map(|_| SET.to_owned());
        }
        if !changed.is_empty() {
            transaction.entries.push(self.draft_changed(actor.clone(), id, changed));
        }
    }

    fn draft_changed(&mut self, actor: Actor, person: PersonId, changes: Vec<ChangedValue>) -> EntryDraft {
        let record = Some(RecordPart::new(person, None));
        let parts = Parts { record, facts: Some(Facts::Changes(changes)), ..Parts::default() };
        self.draft(EntryKind::PersonChanged, actor, parts)
    }

    fn plan_import(&mut self, rows: &[ImportRow]) -> ImportPlan {
        let now = self.clock.now();
        let entropy = &mut self.entropy;
        plan(&self.roster, rows, now, || PersonId(entropy.ulid(now)))
    }

    fn build_import(
        &mut self,
        actor: &Actor,
        rows: &[ImportRow],
        transaction: &mut Transaction,
    ) -> Vec<PlannedRow> {
        let plan = self.plan_import(rows);
        if plan.is_refused() {
            return plan.rows;
        }
        for put in plan.people {
            match put.before {
                Some(before) => self.put_person(actor, &before, put.after, transaction),
                None => {
                    let id = put.after.id;
                    transaction.changes.push(Change::PersonPut(put.after));
                    transaction.entries.push(self.draft_about(EntryKind::Imported, actor.clone(), id));
                }
            }
        }
        plan.rows
    }

    /// Refuses to keep anything of a face that may not be used.
    pub(super) fn takes_face(&self, person: PersonId) -> Result<(), CommandError> {
        match self.roster.get(person) {
            Some(person) if person.particulars.face == FaceUse::Off => {
                Err(RegisterError::FaceOff { name: person.name.clone() }.into())
            }
            _ => Ok(()),
        }
    }
}
