//! What the delivery of records to other systems needs of the engine.

use serde::{Deserialize, Serialize};

use crate::ledger::Sequence;

/// What a hook asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookCommand {
    /// The last entry that the hook is done with.
    Cursor {
        /// The hook's name.
        hook: String,
    },
    /// The hook is done with this entry and all before it.
    Advance {
        /// The hook's name.
        hook: String,
        /// The entry.
        sequence: Sequence,
    },
    /// The hook gives an entry up, which is an entry itself, and goes on after it.
    GiveUp {
        /// The hook's name.
        hook: String,
        /// The entry.
        sequence: Sequence,
        /// Why, in words without a name.
        reason: String,
    },
}

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookReply {
    /// The last entry that the hook is done with; none where it has not begun.
    Cursor(Option<Sequence>),
    /// It is on disk.
    Moved,
}
