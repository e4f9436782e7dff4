//! How far the delivery of records to other systems has come. The engine keeps the place and delivers nothing.

use crate::ledger::{Actor, EntryKind, NotePart, Parts, Sequence};
use crate::store::{Change, StoreError, Transaction};

use super::super::command::hooks::{HookCommand, HookReply};
use super::super::command::{CommandError, Reply};
use super::super::worker::store::{StoreAnswer, StoreRequest};
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::{Core, ReplySender};

/// What stands before a hook's name among the cursors of the store.
const PREFIX: &str = "hook/";

/// A hook that moves on.
pub(super) struct HookMove {
    hook: String,
    sequence: Sequence,
    given_up: Option<String>,
}

impl Core {
    pub(super) fn take_hook_command(&mut self, actor: Actor, command: HookCommand, reply: ReplySender) {
        let (hook, sequence, given_up) = match command {
            HookCommand::Cursor { hook } => {
                return self.ask(StoreRequest::Cursor(format!("{PREFIX}{hook}")), Pending::Cursor(reply));
            }
            HookCommand::Advance { hook, sequence } => (hook, sequence, None),
            HookCommand::GiveUp { hook, sequence, reason } => (hook, sequence, Some(reason)),
        };
        let what = PreparedWhat::Hook(HookMove { hook, sequence, given_up });
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    pub(super) fn take_cursor(reply: &ReplySender, answer: Result<StoreAnswer, StoreError>) {
        let _ = reply.send(match answer {
            Ok(StoreAnswer::Cursor(cursor)) => Ok(Reply::Hooks(HookReply::Cursor(cursor))),
            Ok(_) => Err(CommandError::Store { reason: "the store gave a wrong answer".to_owned() }),
            Err(error) => Err(CommandError::Store { reason: error.to_string() }),
        });
    }

    pub(super) fn build_hook_move(&mut self, moved: HookMove) -> (Transaction, ReplyPlan) {
        let HookMove { hook, sequence, given_up } = moved;
        let mut entries = Vec::new();
        if let Some(reason) = given_up {
            let text = format!("the hook {hook} gave up entry {sequence}: {reason}");
            let parts = Parts { note: Some(NotePart { text }), ..Parts::default() };
            entries.push(self.draft(EntryKind::DeliveryFailed, Actor::System, parts));
        }
        let changes = vec![Change::CursorPut { name: format!("{PREFIX}{hook}"), sequence }];
        (Transaction { changes, entries }, ReplyPlan::Hook)
    }
}
