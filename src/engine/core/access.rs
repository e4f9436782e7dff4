//! What goes out of the engine passes through here: replies, pages of the log, and who may have them.

use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::access::Role;
use crate::engine::access::{Access, entry_for, reply_for};
use crate::engine::command::{CommandError, Reply};
use crate::engine::event::{EngineEvent, LogEntry};

use super::Core;

/// Where a reply goes, and the role it is for.
#[derive(Debug)]
pub(crate) struct ReplySender {
    to: Sender<Result<Reply, CommandError>>,
    role: Role,
}

impl ReplySender {
    /// For somebody who has `role`.
    pub(super) fn new(to: Sender<Result<Reply, CommandError>>, role: Role) -> Self {
        Self { to, role }
    }

    /// For nobody: what the engine does by itself.
    pub(super) fn nobody() -> Self {
        Self { to: crossbeam_channel::bounded(1).0, role: Role::Admin }
    }

    /// Gives what the role may have. That nobody waits any more is as good.
    pub(crate) fn send(&self, reply: Result<Reply, CommandError>) -> Result<(), NobodyWaits> {
        let reply = reply.and_then(|reply| reply_for(self.role, reply));
        self.to.send(reply).map_err(|_| NobodyWaits)
    }
}

/// Whoever asked is gone.
#[derive(Debug)]
pub(crate) struct NobodyWaits;

/// Where a page of the log goes, and the role it is for.
#[derive(Debug)]
pub(crate) struct PageSender {
    to: Sender<Result<Vec<LogEntry>, CommandError>>,
    role: Option<Role>,
}

impl PageSender {
    pub(super) fn new(to: Sender<Result<Vec<LogEntry>, CommandError>>, role: Option<Role>) -> Self {
        Self { to, role }
    }

    /// Gives what the role may have.
    pub(super) fn send(&self, page: Result<Vec<LogEntry>, CommandError>) {
        let page = match self.role {
            None => Ok(Vec::new()),
            Some(role) => {
                page.map(|entries| entries.into_iter().map(|entry| entry_for(role, entry)).collect())
            }
        };
        // That nobody waits any more is as good.
        let _ = self.to.send(page);
    }
}

impl Core {
    /// The roles that hold, after the list of operators changed.
    pub(super) fn refresh_access(&mut self) {
        let access = Access::new(self.settings.owner_uid).with(self.operators.values());
        self.board.access.set(access.clone());
        self.subscribers.access = Arc::new(access);
        self.subscribers.send(&EngineEvent::RoleChanged);
        self.end_requests_without_role();
    }

    pub(super) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.subscribers.access)
    }
}
