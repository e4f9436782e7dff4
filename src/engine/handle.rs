//! What a shell holds of the engine. Cheap to clone; never blocks the engine.

mod pictures;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::access::Role;
use crate::face::PicturePolicy;
use crate::inference::MatchingFacts;
use crate::ledger::{Actor, Sequence};

use super::access::{Access, live_for_observer};
use super::command::{Command, CommandError, Reply, Request, RequestId};
use super::event::{EngineEvent, LogEntry, NamedEntry};
use super::inbox::InboxState;
use super::state::{LiveState, Preview, PreviewRequest, RosterState, SourceIndex, ThresholdState};

/// A value that is replaced whole; readers get the newest.
#[derive(Debug, Default)]
pub struct Slot<T>(Mutex<Arc<T>>);

impl<T> Slot<T> {
    /// Holds `value` first.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(Arc::new(value)))
    }

    /// The newest value.
    pub fn get(&self) -> Arc<T> {
        // A poisoned lock still holds a whole value: it is only ever replaced.
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        self.share(Arc::new(value));
    }

    /// Replaces the value by one that others hold too.
    pub fn share(&self, value: Arc<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// Where the engine puts what every client may read at any time.
#[derive(Debug, Default)]
pub struct Board {
    /// What is different with every frame.
    pub live: Slot<LiveState>,
    /// What is different with every record.
    pub roster: Slot<RosterState>,
    /// People whom the gallery does not know.
    pub inbox: Slot<InboxState>,
    /// The source that is looked at.
    pub focus: Slot<SourceIndex>,
    /// Its newest small picture.
    pub preview: Slot<Option<Preview>>,
    /// The largest that any screen can show of it; none while no screen asks.
    pub preview_request: Slot<Option<PreviewRequest>>,
    /// What each of them can show.
    preview_requests: Mutex<BTreeMap<ClientId, PreviewRequest>>,
    /// Told when `preview_request` is another.
    preview_asked: OnceLock<Sender<()>>,
    /// How many clients there were.
    clients: AtomicU64,
    /// How the connection to the engine stands.
    pub link: Slot<LinkStatus>,
    /// Who may look at what of all this.
    pub access: Slot<Access>,
    /// What observers see of `roster`.
    pub roster_for_observers: Slot<RosterState>,
    /// What they see of `inbox`: nothing, always the same.
    no_inbox: Slot<InboxState>,
}

impl Board {
    /// An empty board that is looked at as `access` says.
    pub fn new(access: Access) -> Self {
        Self { access: Slot::new(access), ..Self::default() }
    }

    /// Has `asked` told whenever a screen asks for other pictures than before; only the first who wants it is.
    pub fn tell_of_preview_requests(&self, asked: Sender<()>) {
        let _ = self.preview_asked.set(asked);
    }

    fn request_preview(&self, client: ClientId, request: Option<PreviewRequest>) {
        // A poisoned lock still holds a whole map.
        let mut requests = self.preview_requests.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Some(request) => requests.insert(client, request),
            None => requests.remove(&client),
        };
        let largest = requests.values().copied().reduce(PreviewRequest::covering);
        if *self.preview_request.get() != largest {
            self.preview_request.set(largest);
            if let Some(asked) = self.preview_asked.get() {
                // Full means that it is told already.
                let _ = asked.try_send(());
            }
        }
    }
}

/// Tells the clients of an engine apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ClientId(u64);

/// How the connection to the engine stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkStatus {
    /// The engine is there: in this process, or behind a connection that holds.
    #[default]
    Up,
    /// The connection is gone, and is made anew as soon as that can be.
    Lost {
        /// Since when.
        since: DateTime<Utc>,
        /// What happened.
        reason: String,
    },
    /// The engine does not want this client any more.
    Ended {
        /// Why, in its words.
        reason: String,
    },
}

/// A snapshot: pointers to plain data.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What is different with every frame.
    pub live: Arc<LiveState>,
    /// What is different with every record.
    pub roster: Arc<RosterState>,
    /// People whom the gallery does not know.
    pub inbox: Arc<InboxState>,
    /// What whoever looks may do; none where nothing.
    pub role: Option<Role>,
    /// How the connection to the engine stands.
    pub link: Arc<LinkStatus>,
}

/// Where a page of the log goes.
type PageTo = Sender<Result<Vec<LogEntry>, CommandError>>;

/// What goes to the engine thread besides commands.
#[derive(Debug)]
pub enum Call {
    /// A command, and where its reply goes: a channel with room for it, so that the engine never
    /// waits for a shell.
    Command(Request, Sender<Result<Reply, CommandError>>),
    /// A new client for the stream of events.
    Subscribe(Sender<EngineEvent>),
    /// A page of the log after a sequence, oldest first.
    EntriesSince(Sequence, usize, PageTo),
    /// A page of the log before a sequence, newest first.
    EntriesBefore(Sequence, usize, PageTo),
    /// Entries with all their parts, after a sequence, oldest first.
    WholeEntriesSince(Sequence, usize, Sender<Result<Vec<NamedEntry>, CommandError>>),
    /// All that is known of the threshold; the facts are for an engine without nets.
    Threshold(MatchingFacts, Sender<Result<ThresholdState, CommandError>>),
    /// All of the log from one time until another, oldest first.
    EntriesBetween(DateTime<Utc>, DateTime<Utc>, PageTo),
    /// The same with their corrections, and with all that speaks of the span, by sequence.
    RecordsBetween(DateTime<Utc>, DateTime<Utc>, PageTo),
    /// Those of them that speak of another time than their own, by sequence.
    HeldBetween(DateTime<Utc>, DateTime<Utc>, PageTo),
    /// What only the engine's own process asks.
    Host(super::hosting::HostCall),
}

/// The way to the engine for one actor, whose name goes with every call.
#[derive(Debug, Clone)]
struct Line {
    calls: Sender<(Actor, Call)>,
    actor: Actor,
}

impl Line {
    /// Whether there is an engine to take it; without one, whoever waits for the reply is told so.
    fn send(&self, call: Call) -> bool {
        self.calls.send((self.actor.clone(), call)).is_ok()
    }
}

/// What a shell holds of the engine. Who it is for stands when it is made, and nobody who holds it can
/// change that; what it gives is what that actor may see at the moment.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    calls: Line,
    board: Arc<Board>,
    pictures: PicturePolicy,
    next_request: Arc<AtomicU64>,
    client: ClientId,
}

/// Makes handles on an engine for whoever turns out to be at the other end of a connection.
#[derive(Debug, Clone)]
pub struct HandleMaker {
    calls: Sender<(Actor, Call)>,
    board: Arc<Board>,
    pictures: PicturePolicy,
}

impl HandleMaker {
    /// For the engine that reads `calls` and writes `board`, which gives pictures as `pictures` says.
    pub fn new(calls: Sender<(Actor, Call)>, board: Arc<Board>, pictures: PicturePolicy) -> Self {
        Self { calls, board, pictures }
    }

    /// A handle whose commands are `actor`'s.
    pub fn handle(&self, actor: Actor) -> EngineHandle {
        EngineHandle::new(self.calls.clone(), Arc::clone(&self.board), actor).with_pictures(self.pictures)
    }

    /// The roles that hold.
    pub fn access(&self) -> Arc<Access> {
        self.board.access.get()
    }

    /// Whether clients are given pictures.
    pub fn pictures(&self) -> PicturePolicy {
        self.pictures
    }
}

/// A reply that has not come yet.
#[derive(Debug)]
pub struct PendingReply {
    /// Pairs it with its request.
    pub request_id: RequestId,
    pictures: PicturePolicy,
    reply: Receiver<Result<Reply, CommandError>>,
}

impl PendingReply {
    /// The reply, if it has come.
    pub fn try_take(&self) -> Option<Result<Reply, CommandError>> {
        match self.reply.try_recv() {
            Ok(reply) => Some(self.seen(reply)),
            Err(crossbeam_channel::TryRecvError::Empty) => None,
            Err(crossbeam_channel::TryRecvError::Disconnected) => Some(Err(CommandError::Stopped)),
        }
    }

    /// Waits for the reply.
    ///
    /// # Errors
    /// What the engine says, or [`CommandError::Stopped`] where it ended first.
    pub fn wait(self) -> Result<Reply, CommandError> {
        let reply = self.reply.recv().unwrap_or(Err(CommandError::Stopped));
        self.seen(reply)
    }

    /// A reply as this client may see it.
    fn seen(&self, reply: Result<Reply, CommandError>) -> Result<Reply, CommandError> {
        match self.pictures {
            PicturePolicy::Allowed => reply,
            PicturePolicy::Never => reply.map(pictures::without_pictures),
        }
    }
}

impl EngineHandle {
    /// A handle for `actor` on the engine that reads `calls` and writes `board`.
    pub fn new(calls: Sender<(Actor, Call)>, board: Arc<Board>, actor: Actor) -> Self {
        let pictures = PicturePolicy::default();
        let calls = Line { calls, actor };
        let client = ClientId(board.clients.fetch_add(1, Ordering::Relaxed));
        Self { calls, board, pictures, next_request: Arc::new(AtomicU64::new(1)), client }
    }

    /// What this client may do at the moment; none where nothing.
    pub fn role(&self) -> Option<Role> {
        self.board.access.get().role_of(&self.calls.actor)
    }

    fn may_see_faces(&self) -> bool {
        self.pictures == PicturePolicy::Allowed && self.role() >= Some(Role::Operator)
    }

    /// The same for a client that is given pictures as `pictures` says.
    pub fn with_pictures(self, pictures: PicturePolicy) -> Self {
        Self { pictures, ..self }
    }

    /// Whether this client is given pictures.
    pub fn pictures(&self) -> PicturePolicy {
        self.pictures
    }

    /// Sends a command; the reply is taken when it has come.
    pub fn send(&self, command: Command) -> PendingReply {
        let request_id = RequestId(self.next_request.fetch_add(1, Ordering::Relaxed));
        let (to_shell, reply) = bounded(1);
        let request = Request { request_id, actor: self.calls.actor.clone(), command };
        // If the engine has ended, the sender is dropped here and the reply reads as `Stopped`.
        let _ = self.calls.send(Call::Command(request, to_shell));
        PendingReply { request_id, pictures: self.pictures, reply }
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// What the engine says.
    pub fn call(&self, command: Command) -> Result<Reply, CommandError> {
        self.send(command).wait()
    }

    /// What is so at the moment, as far as this client may see it.
    pub fn snapshot(&self) -> Snapshot {
        let (board, role, link) = (&self.board, self.role(), self.board.link.get());
        match role {
            None => {
                Snapshot { live: Arc::default(), roster: Arc::default(), inbox: Arc::default(), role, link }
            }
            Some(Role::Observer) => Snapshot {
                live: Arc::new(live_for_observer(&board.live.get())),
                roster: board.roster_for_observers.get(),
                inbox: board.no_inbox.get(),
                role,
                link,
            },
            Some(Role::Operator | Role::Admin) => Snapshot {
                live: board.live.get(),
                roster: board.roster.get(),
                inbox: board.inbox.get(),
                role,
                link,
            },
        }
    }

    /// The newest small picture, where one was asked for and has come.
    pub fn preview(&self) -> Arc<Option<Preview>> {
        if self.may_see_faces() { self.board.preview.get() } else { Arc::default() }
    }

    /// Asks for pictures of at most this size and rate, or for none. Who is given none changes nothing.
    pub fn request_preview(&self, request: Option<PreviewRequest>) {
        if request.is_none() || self.may_see_faces() {
            self.board.request_preview(self.client, request);
        }
    }

    /// A stream of events from now on, with room for `capacity`; what does not fit is counted and
    /// said.
    pub fn subscribe(&self, capacity: usize) -> Receiver<EngineEvent> {
        let (to_shell, events) = bounded(capacity.max(2));
        let _ = self.calls.send(Call::Subscribe(to_shell));
        events
    }

    fn page(&self, call: impl FnOnce(PageTo) -> Call) -> Result<Vec<LogEntry>, CommandError> {
        let (to_shell, page) = bounded(1);
        let _ = self.calls.send(call(to_shell));
        page.recv().unwrap_or(Err(CommandError::Stopped))
    }

    /// Entries after `sequence`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn entries_since(&self, sequence: Sequence, limit: usize) -> Result<Vec<LogEntry>, CommandError> {
        self.page(|to_shell| Call::EntriesSince(sequence, limit, to_shell))
    }

    /// Entries before `sequence`, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn entries_before(&self, sequence: Sequence, limit: usize) -> Result<Vec<LogEntry>, CommandError> {
        self.page(|to_shell| Call::EntriesBefore(sequence, limit, to_shell))
    }

    /// Entries after `sequence` with all their parts, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`CommandError::NotAllowed`] for a client that may not see what decisions rest on,
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn whole_entries_since(
        &self,
        sequence: Sequence,
        limit: usize,
    ) -> Result<Vec<NamedEntry>, CommandError> {
        let (to_shell, entries) = bounded(1);
        let _ = self.calls.send(Call::WholeEntriesSince(sequence, limit, to_shell));
        entries.recv().unwrap_or(Err(CommandError::Stopped))
    }

    /// The entry `sequence` with all its parts; none where there is no such entry.
    ///
    /// # Errors
    /// As of [`whole_entries_since`](Self::whole_entries_since).
    pub fn whole_entry(&self, sequence: Sequence) -> Result<Option<NamedEntry>, CommandError> {
        let Some(before) = sequence.0.checked_sub(1) else { return Ok(None) };
        let found = self.whole_entries_since(Sequence(before), 1)?.into_iter().next();
        Ok(found.filter(|found| found.entry.head.sequence == sequence))
    }

    /// All that is known of the threshold. An engine that has no nets loaded takes `facts` for theirs.
    ///
    /// # Errors
    /// [`CommandError::NotAllowed`] for a client that may not see similarities, [`CommandError::Stopped`]
    /// where the engine has ended.
    pub fn threshold_state(&self, facts: MatchingFacts) -> Result<ThresholdState, CommandError> {
        let (to_shell, state) = bounded(1);
        let _ = self.calls.send(Call::Threshold(facts, to_shell));
        state.recv().unwrap_or(Err(CommandError::Stopped))
    }

    /// Entries whose time lies in `from..until`, oldest first.
    ///
    /// # Errors
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn entries_between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<LogEntry>, CommandError> {
        self.page(|to_shell| Call::EntriesBetween(from, until, to_shell))
    }

    /// Entries whose time, or the time that they speak of, lies in `from..until`, with all that they correct
    /// and that corrects them, by sequence: what a report is made of.
    ///
    /// # Errors
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn records_between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<LogEntry>, CommandError> {
        self.page(|to_shell| Call::RecordsBetween(from, until, to_shell))
    }

    /// Those alone that speak of a time in `from..until` other than their own, such as excuses, with all that
    /// they correct and that corrects them, by sequence.
    ///
    /// # Errors
    /// [`CommandError::Store`] where the log cannot be read, [`CommandError::Stopped`] where the engine has ended.
    pub fn held_between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<LogEntry>, CommandError> {
        self.page(|to_shell| Call::HeldBetween(from, until, to_shell))
    }
}
