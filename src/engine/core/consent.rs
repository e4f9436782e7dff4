//! Consent: what is asked before somebody is enrolled, recorded when they agree, and followed when they
//! withdraw.

use crate::attendance::{Consent, Person, PersonId};
use crate::engine::command::{Command, CommandError, EnrolmentTarget, Reply};
use crate::engine::consent::{ConsentCommand, ConsentError, ConsentGiven, ConsentState, ConsentText};
use crate::engine::inbox::InboxCommand;
use crate::ledger::{Actor, EntryDraft, EntryKind, Facts, Parts, RecordPart, Sha256Digest};
use crate::store::{Change, Transaction};

use super::commands::{Prepared, PreparedWhat, ReplyPlan, refuse};
use super::enrolment::Asked;
use super::{Core, ReplySender};

impl Core {
    pub(super) fn take_consent_command(&mut self, actor: Actor, command: ConsentCommand, reply: ReplySender) {
        match command {
            ConsentCommand::Text => {
                let policy = self.settings.consent.clone();
                let state = ConsentState { required: policy.required, text: policy.text };
                let _ = reply.send(Ok(Reply::ConsentText(Box::new(state))));
            }
            ConsentCommand::Record(ConsentGiven { person, digest }) => match self.check_text(digest) {
                Ok(()) => self.queue_command(actor, PreparedWhat::Consent(person), reply),
                Err(error) => refuse(&reply, error.into()),
            },
            ConsentCommand::With { digest, command } => match self.check_text(digest) {
                Ok(()) => self.take_with_consent(actor, *command, reply),
                Err(error) => refuse(&reply, error.into()),
            },
            ConsentCommand::Withdraw { person, keeps } => {
                // Whoever is not there is said by the erasure.
                self.queue_command(actor.clone(), PreparedWhat::Withdraw(person), ReplySender::nobody());
                self.queue_command(actor, PreparedWhat::Erase { person, keeps }, reply);
            }
        }
    }

    fn take_with_consent(&mut self, actor: Actor, command: Command, reply: ReplySender) {
        match command {
            Command::Enrol { target, source, anyway } => {
                self.take_enrolment(actor, Asked { target, source, anyway, consented: true }, reply);
            }
            Command::Inbox(command @ (InboxCommand::Enrol { .. } | InboxCommand::Add { .. })) => {
                self.take_inbox_command(actor, command, true, reply);
            }
            _ => refuse(&reply, ConsentError::NoEnrolment.into()),
        }
    }

    fn queue_command(&mut self, actor: Actor, what: PreparedWhat, reply: ReplySender) {
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    fn consent_text(&self) -> Result<&ConsentText, ConsentError> {
        self.settings.consent.text.as_ref().ok_or(ConsentError::NoText)
    }

    /// Whether somebody who was asked about the text `digest` was asked about the one in force.
    fn check_text(&self, digest: Sha256Digest) -> Result<(), ConsentError> {
        if self.consent_text()?.digest == digest { Ok(()) } else { Err(ConsentError::OtherText) }
    }

    /// Whether `target` may be enrolled: no template without a recorded consent where the site asks for one.
    pub(super) fn check_consent(
        &self,
        target: &EnrolmentTarget,
        consented: bool,
    ) -> Result<(), CommandError> {
        if consented {
            return Ok(self.consent_text().map(drop)?);
        }
        let has_consented = match target {
            EnrolmentTarget::New { .. } => false,
            EnrolmentTarget::Existing(person) => {
                self.roster.get(*person).is_some_and(|person| person.particulars.consent.is_some())
            }
        };
        if !self.settings.consent.required || has_consented {
            return Ok(());
        }
        let text = self.consent_text()?;
        Err(ConsentError::Missing { text: text.name.clone(), digest: text.digest }.into())
    }

    /// Records with `person` that they agreed, where they did: the entry that says so.
    pub(super) fn take_consent(
        &mut self,
        actor: &Actor,
        person: &mut Person,
        consented: bool,
        changes: &mut Vec<Change>,
    ) -> Option<EntryDraft> {
        let text = self.settings.consent.text.as_ref().filter(|_| consented)?;
        let (name, digest) = (text.name.clone(), text.digest);
        let given_at = self.clock.now();
        let asked_by = actor.clone();
        person.particulars.consent = Some(Consent { text: name.clone(), digest, given_at, asked_by });
        changes.retain(|change| !matches!(change, Change::PersonPut(other) if other.id == person.id));
        changes.insert(0, Change::PersonPut(person.clone()));
        let record = Some(RecordPart::new(person.id, None));
        let facts = Some(Facts::Consent { text: name, digest });
        Some(self.draft(EntryKind::Consented, actor.clone(), Parts { record, facts, ..Parts::default() }))
    }

    pub(super) fn build_consent(
        &mut self,
        actor: Actor,
        person: PersonId,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let mut person = self.active(person)?.clone();
        let mut changes = Vec::new();
        let entry = self.take_consent(&actor, &mut person, true, &mut changes);
        let entries = vec![entry.ok_or(ConsentError::NoText)?];
        Ok((Transaction { changes, entries }, ReplyPlan::Written))
    }

    /// Ends the enrolment first: whatever happens before the erasure that follows, nobody recognises them.
    pub(super) fn build_withdrawal(
        &mut self,
        actor: Actor,
        person: PersonId,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let mut leaving = self.roster.get(person).ok_or(CommandError::NoSuchPerson)?.clone();
        leaving.particulars.consent = None;
        leaving.removed_at = leaving.removed_at.or(Some(self.clock.now()));
        let mut changes = vec![Change::PersonPut(leaving)];
        let own = self.templates.iter().filter(|(_, owner)| **owner == person);
        changes.extend(own.map(|(id, _)| Change::TemplateRemoved(*id)));
        self.forget_strangers_of(person, &mut changes);
        let entry = self.draft_about(EntryKind::ConsentWithdrawn, actor, person);
        Ok((Transaction { changes, entries: vec![entry] }, ReplyPlan::Written))
    }
}
