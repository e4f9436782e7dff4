//! What is done with the store as a whole while the engine runs: the store thread does it between two
//! transactions, and an entry notes it.

use crate::ledger::{Actor, ChangedValue, EntryKind, Facts, Parts, Sequence};
use crate::store::{BackupOrder, StoreError, Transaction};

use super::super::command::{CommandError, Reply, StoreCommand, StoreReply};
use super::super::worker::store::{StoreAnswer, StoreRequest, WholeAnswer, WholeRequest};
use super::commands::{Prepared, PreparedWhat, ReplyPlan, refuse};
use super::commits::Pending;
use super::{Core, ReplySender};

/// Something that was done with the store as a whole and is to be noted.
pub(super) struct Noted {
    kind: EntryKind,
    facts: Facts,
    /// Without its sequence yet.
    reply: StoreReply,
}

impl Noted {
    /// What a shell hears of it once the entry has its place.
    pub(super) fn reply(self, sequence: Sequence) -> Reply {
        Reply::Store(Box::new(match self.reply {
            StoreReply::BackedUp { backup, .. } => StoreReply::BackedUp { backup, sequence },
            StoreReply::Compacted { compacted, .. } => StoreReply::Compacted { compacted, sequence },
            other => other,
        }))
    }

    /// What a shell hears where the entry could not be written.
    pub(super) fn not_noted(&self, reason: String) -> CommandError {
        let done = match &self.reply {
            StoreReply::BackedUp { .. } => "the backup is whole and on disk",
            _ => "it was done",
        };
        CommandError::NotNoted { done: done.to_owned(), reason }
    }
}

impl Core {
    pub(super) fn take_store_command(&mut self, actor: Actor, command: StoreCommand, reply: ReplySender) {
        let request = match command {
            StoreCommand::BackUp { to, replaces } => {
                WholeRequest::BackUp(BackupOrder { to, replaces, at: self.clock.now() })
            }
            // It must find no transaction on its way.
            StoreCommand::Compact => {
                return self.commits.commands.push_back((Prepared::new(actor, PreparedWhat::Compact), reply));
            }
            StoreCommand::Status => WholeRequest::Figures,
            StoreCommand::Erasures => WholeRequest::Erasures,
        };
        self.ask(StoreRequest::Whole(request), Pending::OfStore { actor, reply, in_turn: false });
    }

    /// Sends the compaction to the store. To be called while nothing else is on its way there.
    pub(super) fn start_compaction(&mut self, actor: Actor, reply: ReplySender) -> bool {
        // A batch that failed may be on disk or not, and the store must be asked for it first.
        if self.commits.has_failed() {
            let reason = "entries wait that the store did not take yet".to_owned();
            refuse(&reply, CommandError::Store { reason });
            return false;
        }
        let pending = Pending::OfStore { actor, reply, in_turn: true };
        self.ask(StoreRequest::Whole(WholeRequest::Compact), pending);
        true
    }

    pub(super) fn take_store_answer(
        &mut self,
        actor: Actor,
        answer: Result<StoreAnswer, StoreError>,
        reply: ReplySender,
    ) {
        let answer = match answer {
            Ok(StoreAnswer::Whole(answer)) => answer,
            Ok(_) => {
                let reason = "the store gave a wrong answer".to_owned();
                return refuse(&reply, CommandError::Store { reason });
            }
            Err(StoreError::Backup(error)) => {
                return refuse(&reply, CommandError::Backup { reason: error.to_string() });
            }
            Err(error) => return refuse(&reply, CommandError::Store { reason: error.to_string() }),
        };
        let sequence = Sequence(0);
        let noted = match answer {
            WholeAnswer::Figures(figures) => {
                let _ = reply.send(Ok(Reply::Store(Box::new(StoreReply::Status(figures)))));
                return;
            }
            WholeAnswer::Erasures(terminal, erased) => {
                let erasures = StoreReply::Erasures { terminal, erased };
                let _ = reply.send(Ok(Reply::Store(Box::new(erasures))));
                return;
            }
            WholeAnswer::BackedUp(backup) => {
                let reply = StoreReply::BackedUp { backup, sequence };
                Noted { kind: EntryKind::BackedUp, facts: backup.facts(), reply }
            }
            WholeAnswer::Compacted(compacted) => {
                let bytes = ChangedValue {
                    key: "store.bytes".to_owned(),
                    before: Some(compacted.before_bytes.to_string()),
                    after: Some(compacted.after_bytes.to_string()),
                };
                let reply = StoreReply::Compacted { compacted, sequence };
                Noted { kind: EntryKind::Compacted, facts: Facts::Changes(vec![bytes]), reply }
            }
        };
        let what = PreparedWhat::Noted(Box::new(noted));
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    pub(super) fn build_noted(&mut self, actor: Actor, noted: Box<Noted>) -> (Transaction, ReplyPlan) {
        let parts = Parts { facts: Some(noted.facts.clone()), ..Parts::default() };
        let entry = self.draft(noted.kind, actor, parts);
        (Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::Noted(noted))
    }
}
