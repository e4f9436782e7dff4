//! What a client says.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::access::Role;
use crate::engine::approvals::{ApprovalError, ApprovalsCommand};
use crate::engine::command::StoreCommand;
use crate::engine::handle::Slot;
use crate::engine::state::PreviewRequest;
use crate::engine::{Command, CommandError, EngineHandle};
use crate::link::frame::{self, FrameError};
use crate::link::protocol::{
    Answer, Asked, CallId, Follows, LONGEST_OF_OBSERVERS, LONGEST_OF_OPERATORS, ToEngine,
};

/// The largest picture that a client is given, in pixels a side.
const LARGEST_PREVIEW: u32 = 4_096;
/// The most pictures a second.
const FASTEST_PREVIEW: f32 = 60.0;

/// How a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comes {
    /// As who they are.
    Themselves,
    /// As an operator, by the account for SSH: from another machine.
    FromAfar,
    /// As an operator, and is root or the engine's own account: somebody else.
    Acting,
}

/// The thread that reads.
pub(super) struct Reader {
    pub(super) stream: UnixStream,
    pub(super) handle: EngineHandle,
    pub(super) comes: Comes,
    pub(super) answers: Sender<(CallId, Answer)>,
    /// Has room for as many calls as may be under way; the writer takes one out with each answer.
    pub(super) permits: Sender<()>,
    /// What the client can show of the live picture.
    pub(super) shown: Arc<Slot<Option<PreviewRequest>>>,
}

impl Reader {
    /// Until the client is gone, or says something that is nothing.
    pub(super) fn run(mut self) {
        let mut bytes = Vec::new();
        loop {
            match self.message(&mut bytes) {
                Ok(ToEngine::Preview(request)) => {
                    let request = request.map(within_reason);
                    self.shown.set(request);
                    self.handle.request_preview(request);
                }
                Ok(ToEngine::Ask(id, asked)) => {
                    // The writer is gone where nobody gives permits back any more.
                    if self.permits.send(()).is_err() {
                        return;
                    }
                    self.ask(id, asked);
                }
                Err(FrameError::Closed | FrameError::Io(_)) => return,
                Err(error) => {
                    tracing::warn!(%error, "a client was dropped");
                    return;
                }
            }
        }
    }

    fn message(&mut self, bytes: &mut Vec<u8>) -> Result<ToEngine, FrameError> {
        // Looked up for every message: the role may be another by now.
        let may_enrol = self.handle.role() >= Some(Role::Operator);
        let most = if may_enrol { LONGEST_OF_OPERATORS } else { LONGEST_OF_OBSERVERS };
        frame::read(&mut self.stream, most, bytes)?;
        frame::decode(bytes)
    }

    /// Asks the engine, and waits for the answer on a thread of its own, so that a long one holds nothing up.
    fn ask(&self, id: CallId, asked: Asked) {
        let (handle, answers) = (self.handle.clone(), self.answers.clone());
        let wait: Box<dyn FnOnce() -> Answer + Send> = match asked {
            Asked::Command(Command::Shutdown) => {
                // An engine is ended by whoever runs it, and by nobody else.
                Box::new(|| Answer::Reply(Err(CommandError::NotFromAfar)))
            }
            Asked::Command(Command::Approvals(ApprovalsCommand::Confirm(_)))
                if self.comes == Comes::Acting =>
            {
                // Two would be one.
                Box::new(|| Answer::Reply(Err(ApprovalError::Own.into())))
            }
            Asked::Command(Command::Store(StoreCommand::BackUp { .. })) if self.comes == Comes::FromAfar => {
                // It names a path of this machine, which is nothing for who is on another.
                Box::new(|| Answer::Reply(Err(CommandError::NotFromAfar)))
            }
            Asked::Command(command) => {
                // Sent from here, so that commands keep their order.
                let reply = handle.send(command);
                Box::new(move || Answer::Reply(reply.wait()))
            }
            other => Box::new(move || page(&handle, other)),
        };
        let late = answers.clone();
        let waiting = std::thread::Builder::new().name("muster-call".to_owned()).spawn(move || {
            // A writer that is gone needs no answer.
            let _ = answers.send((id, wait()));
        });
        if let Err(error) = waiting {
            tracing::warn!(%error, "a call of a client could not be given a thread");
            let _ = late.send((id, Answer::Reply(Err(CommandError::Busy))));
        }
    }
}

fn page(handle: &EngineHandle, asked: Asked) -> Answer {
    let limit = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let page = |page| Answer::Page(page, Follows::Nothing);
    match asked {
        Asked::EntriesSince(sequence, most) => page(handle.entries_since(sequence, limit(most))),
        Asked::EntriesBefore(sequence, most) => page(handle.entries_before(sequence, limit(most))),
        Asked::EntriesBetween(from, until) => page(handle.entries_between(from, until)),
        Asked::RecordsBetween(from, until) => page(handle.records_between(from, until)),
        Asked::HeldBetween(from, until) => page(handle.held_between(from, until)),
        Asked::WholeEntriesSince(sequence, most) => {
            Answer::Whole(handle.whole_entries_since(sequence, limit(most)), Follows::Nothing)
        }
        Asked::Threshold(facts) => Answer::Threshold(handle.threshold_state(facts)),
        // Commands are sent where they were read.
        Asked::Command(_) => Answer::Reply(Err(CommandError::Busy)),
    }
}

/// What somebody may ask of the live picture.
fn within_reason(request: PreviewRequest) -> PreviewRequest {
    let fps = if request.max_fps.is_finite() { request.max_fps } else { 1.0 };
    PreviewRequest {
        max_width: request.max_width.min(LARGEST_PREVIEW),
        max_height: request.max_height.min(LARGEST_PREVIEW),
        max_fps: fps.clamp(0.1, FASTEST_PREVIEW),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wish_is_beyond_reason() {
        for max_fps in [f32::NAN, f32::INFINITY, -1.0, 0.0, 1e9] {
            let request =
                within_reason(PreviewRequest { max_width: u32::MAX, max_height: u32::MAX, max_fps });
            assert!((0.1..=FASTEST_PREVIEW).contains(&request.max_fps), "{request:?}");
            assert!(request.max_width <= LARGEST_PREVIEW && request.max_height <= LARGEST_PREVIEW);
        }
    }
}
