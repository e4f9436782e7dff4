//! Records for other systems: each entry that a hook wants is given to a program, or sent by HTTP, in the order
//! of the ledger.
//!
//! The queue is the ledger itself, and each hook's place in it a cursor of the store, which moves only after
//! the other side took the entry. What may have been taken before muster was killed is sent again, under the same
//! id and with an `attempt` above 1: who keys by the id has each entry once. A hook is a client of the engine
//! like a screen, on a thread of its own, and nothing that it does holds the engine up.

pub mod backoff;
pub mod http;
pub mod payload;
pub mod program;
pub mod trouble;
pub mod worker;

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use zeroize::Zeroizing;

use crate::ledger::{Entry, EntryKind};

/// Where entries go.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// To a program, on its standard input.
    Program {
        /// Which.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// To a server, as the body of a POST.
    Http {
        /// Its address. The path may hold a token, so that `Debug` prints none of it.
        url: String,
        /// What the body is signed with.
        secret: Option<Zeroizing<Vec<u8>>>,
    },
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { program, .. } => write!(f, "Program({program})"),
            Self::Http { .. } => f.write_str("Http"),
        }
    }
}

/// Which entries a hook wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Every kind.
    pub all: bool,
    /// These kinds.
    pub kinds: Vec<EntryKind>,
}

impl Wanted {
    /// Whether `entry` is to be delivered. A record whose person was erased says nothing any more; and that a
    /// delivery failed is not delivered, as that would never end.
    pub fn takes(&self, entry: &Entry) -> bool {
        let kind = entry.head.kind;
        let is_wanted = self.all || self.kinds.contains(&kind);
        let says_something = !kind.is_attendance() || entry.parts.record.is_some();
        is_wanted && says_something && kind != EntryKind::DeliveryFailed
    }
}

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it is called; its place in the ledger is kept under this name.
    pub name: String,
    /// Where entries go.
    pub target: Target,
    /// Which.
    pub wanted: Wanted,
    /// Whether people are named.
    pub names: bool,
    /// How long one try may take.
    pub timeout: Duration,
    /// How old an entry may get before it is given up; never where it is none.
    pub give_up_after: Option<TimeDelta>,
}

/// Why a try failed. Says nothing of anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The program cannot be started.
    #[error("the program {program} cannot be started: {detail}")]
    Start {
        /// Which.
        program: String,
        /// What the system said.
        detail: String,
    },
    /// The program said no.
    #[error("the program {program} ended with {status}")]
    Status {
        /// Which.
        program: String,
        /// How it ended.
        status: String,
    },
    /// It took too long.
    #[error("no answer within {seconds} seconds")]
    Timeout {
        /// How long it had.
        seconds: u64,
    },
    /// The server cannot be reached, or broke off.
    #[error("the server was not reached: {detail}")]
    Connection {
        /// What the client said.
        detail: String,
    },
    /// The server said no.
    #[error("the server answered {status}, and 200 to 299 was expected")]
    Refused {
        /// The status.
        status: u16,
    },
    /// muster ends.
    #[error("muster ended before there was an answer")]
    Stopped,
}

#[cfg(test)]
mod testing;
