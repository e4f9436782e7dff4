//! The engine: one per data directory. Shells know only [`EngineHandle`]; everything that goes
//! through it is plain data, so that a socket can stand between.

pub mod command;
pub mod event;
pub mod handle;
pub mod state;

pub use command::{Command, CommandError, Reply, Request, RequestId};
pub use event::{EngineEvent, LogEntry};
pub use handle::EngineHandle;
pub use state::{LiveState, RosterState};
