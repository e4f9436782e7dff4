//! The engine: one per data directory. Shells know only [`EngineHandle`]; everything that goes
//! through it is plain data, so that a socket can stand between.

pub mod access;
pub mod approvals;
pub mod attach;
pub mod command;
pub mod consent;
mod core;
pub mod enrolment;
pub mod environment;
pub mod event;
pub mod export;
pub mod handle;
pub mod health;
mod host;
pub mod hosting;
pub mod inbox;
pub mod latest;
pub mod listener;
pub mod operators;
pub mod retention;
pub mod search;
pub mod settings;
pub mod state;
pub mod why;
mod worker;

pub use attach::{AttachError, Attachment, DataDirLock, attach_or_host};
pub use command::{Command, CommandError, Reply, Request, RequestId};
pub use event::{EngineEvent, LogEntry, NamedEntry};
pub use handle::EngineHandle;
pub use host::{EngineParts, OpenStore, RunningEngine, StartError, opened, start};
pub use settings::EngineSettings;
pub use state::{LiveState, RosterState};
pub use worker::capture::{OpenSource, SourceParts};
pub use worker::inference::LoadAnalyser;
