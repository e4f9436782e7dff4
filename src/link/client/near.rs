//! What the near end of a connection holds: the board that handles read, and who waits for what.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use crate::engine::access::Access;
use crate::engine::event::{EngineEvent, LogEntry, NamedEntry};
use crate::engine::handle::{Board, LinkStatus};
use crate::engine::listener::Listener;
use crate::engine::state::ThresholdState;
use crate::engine::{CommandError, Reply};
use crate::link::protocol::{Answer, CallId, Follows, ToClient};

/// Where an answer goes, with the pieces that came.
#[derive(Debug)]
pub(super) enum Waiting {
    Reply(Sender<Result<Reply, CommandError>>),
    Page(Sender<Result<Vec<LogEntry>, CommandError>>, Vec<LogEntry>),
    Whole(Sender<Result<Vec<NamedEntry>, CommandError>>, Vec<NamedEntry>),
    Threshold(Sender<Result<ThresholdState, CommandError>>),
}

impl Waiting {
    /// Tells whoever waits that there will be no answer. That nobody does is as good.
    pub(super) fn fail(self, error: CommandError) {
        match self {
            Self::Reply(to) => drop(to.send(Err(error))),
            Self::Page(to, _) => drop(to.send(Err(error))),
            Self::Whole(to, _) => drop(to.send(Err(error))),
            Self::Threshold(to) => drop(to.send(Err(error))),
        }
    }

    /// Passes an answer on; itself where more of it comes.
    fn take(self, answer: Answer) -> Option<Self> {
        match (self, answer) {
            (Self::Reply(to), Answer::Reply(reply)) => drop(to.send(reply)),
            (Self::Threshold(to), Answer::Threshold(state)) => drop(to.send(state)),
            (Self::Page(to, mut all), Answer::Page(Ok(piece), follows)) => {
                all.extend(piece);
                match follows {
                    Follows::More => return Some(Self::Page(to, all)),
                    Follows::Nothing => drop(to.send(Ok(all))),
                }
            }
            (Self::Whole(to, mut all), Answer::Whole(Ok(piece), follows)) => {
                all.extend(piece);
                match follows {
                    Follows::More => return Some(Self::Whole(to, all)),
                    Follows::Nothing => drop(to.send(Ok(all))),
                }
            }
            (waiting, Answer::Page(Err(error), _) | Answer::Whole(Err(error), _)) => waiting.fail(error),
            (waiting, Answer::Reply(Err(error)) | Answer::Threshold(Err(error))) => waiting.fail(error),
            // An answer to something else than was asked is none.
            (waiting, _) => waiting.fail(CommandError::LinkLost),
        }
        None
    }
}

/// What the two threads of a connection and the handles share.
#[derive(Debug)]
pub(super) struct Near {
    pub(super) board: Arc<Board>,
    waiting: Mutex<HashMap<CallId, Waiting>>,
    subscribers: Mutex<Vec<Listener>>,
    /// The connection there is, to be closed by whoever ends it.
    stream: Mutex<Held>,
}

/// The connection, or that there is to be none any more.
#[derive(Debug, Default)]
struct Held {
    stream: Option<UnixStream>,
    is_over: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock still holds whole entries.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Near {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board, waiting: Mutex::default(), subscribers: Mutex::default(), stream: Mutex::default() }
    }

    /// Notes the connection that is used now.
    pub(super) fn holds(&self, stream: &UnixStream) {
        let mut held = locked(&self.stream);
        held.stream = stream.try_clone().ok();
        if let (true, Some(stream)) = (held.is_over, &held.stream) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// The connection, which is the last.
    pub(super) fn let_go(&self) -> Option<UnixStream> {
        let mut held = locked(&self.stream);
        held.is_over = true;
        held.stream.take()
    }

    pub(super) fn wait(&self, id: CallId, waiting: Waiting) {
        locked(&self.waiting).insert(id, waiting);
    }

    pub(super) fn subscribe(&self, to: Sender<EngineEvent>) {
        locked(&self.subscribers).push(Listener::new(to));
    }

    /// Tells everybody who hears events.
    pub(super) fn tell(&self, event: &EngineEvent) {
        locked(&self.subscribers).retain_mut(|listener| listener.offer(event));
    }

    /// Lets go of everybody who hears events: nothing happens any more.
    pub(super) fn hush(&self) {
        locked(&self.subscribers).clear();
    }

    /// Tells everybody who waits that no answer comes.
    pub(super) fn fail_all(&self, error: &CommandError) {
        let all: Vec<Waiting> = locked(&self.waiting).drain().map(|(_, waiting)| waiting).collect();
        all.into_iter().for_each(|waiting| waiting.fail(error.clone()));
    }

    /// Says how the connection stands.
    pub(super) fn stands(&self, link: LinkStatus) {
        self.board.link.set(link);
        self.tell(&EngineEvent::StateChanged);
    }

    /// Puts what the engine says where it belongs. Never waits.
    pub(super) fn take(&self, message: ToClient<'_>) {
        let board = &self.board;
        match message {
            ToClient::Role(role) => board.access.set(Access::told(role)),
            ToClient::Live(live) => {
                board.focus.set(live.focus);
                board.live.set(live.into_owned());
            }
            ToClient::Roster(roster) => {
                // The engine gave what this client may see.
                let roster = Arc::new(roster.into_owned());
                board.roster_for_observers.share(Arc::clone(&roster));
                board.roster.share(roster);
            }
            ToClient::Inbox(inbox) => board.inbox.set(inbox.into_owned()),
            ToClient::Preview(preview) => board.preview.set(preview.map(std::borrow::Cow::into_owned)),
            ToClient::Event(event) => self.tell(&event),
            ToClient::Answer(id, answer) => self.answered(id, answer),
            // Said once, when the connection begins; the last ends it, and is taken by whoever reads.
            ToClient::Site(..) | ToClient::Ready | ToClient::Bye(_) => {}
        }
    }

    fn answered(&self, id: CallId, answer: Answer) {
        let waiting = locked(&self.waiting).remove(&id);
        if let Some(waiting) = waiting.and_then(|waiting| waiting.take(answer)) {
            self.wait(id, waiting);
        }
    }
}
