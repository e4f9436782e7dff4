//! The engine's side: a listener, and for each client a thread that reads and one that writes.

mod reader;
mod told;
mod writer;

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use rustix::event::{PollFd, PollFlags, poll};

use super::admission::{Doors, Refusal};
use super::handshake::{self, HandshakeError};
use super::place::BoundSocket;
use super::protocol::Site;
use crate::engine::handle::{HandleMaker, Slot};
use crate::ledger::Actor;
use reader::Comes;
use told::Encoded;

/// Calls of one client that are under way at once; its next ones wait in its own socket.
pub const CALLS_AT_ONCE: usize = 8;
/// Who takes nothing for so long is dropped.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Who says nothing for so long after connecting is dropped.
const GREETING: Duration = Duration::from_secs(5);
/// Connections at once.
const MOST: usize = 256;
/// Connections at once of one operator or account, so that nobody shuts the others out.
const MOST_OF_ONE: usize = 64;
/// How long a stopped server waits for its threads.
const STOPPING: Duration = Duration::from_secs(2);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The system gives no pipe or thread.
    #[error("other terminals cannot be served: {0}")]
    Io(#[from] io::Error),
}

/// What every connection needs.
#[derive(Debug)]
struct Shared {
    handles: HandleMaker,
    doors: Doors,
    site: Slot<Site>,
    encoded: Encoded,
    open: Mutex<Open>,
}

/// The connections there are.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// With who it is, once that is known.
    all: HashMap<u64, (UnixStream, Option<Actor>)>,
    is_stopping: bool,
}

/// Serves the engine to other processes until it is dropped.
#[derive(Debug)]
pub struct LinkServer {
    shared: Arc<Shared>,
    socket: PathBuf,
    stop: Option<OwnedFd>,
    listener: Option<JoinHandle<()>>,
}

impl LinkServer {
    /// Serves whoever `doors` lets in.
    ///
    /// # Errors
    /// [`ServerError`]
    pub fn start(
        socket: BoundSocket,
        handles: HandleMaker,
        doors: Doors,
        site: Site,
    ) -> Result<Self, ServerError> {
        let (stopped, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| ServerError::Io(error.into()))?;
        socket.listener.set_nonblocking(true)?;
        let path = socket.path().to_owned();
        let site = Slot::new(site);
        let shared =
            Arc::new(Shared { handles, doors, site, encoded: Encoded::default(), open: Mutex::default() });
        let accepting = Arc::clone(&shared);
        let listener = std::thread::Builder::new()
            .name("muster-link".to_owned())
            .spawn(move || accept(&socket, &stopped, &accepting))?;
        Ok(Self { shared, socket: path, stop: Some(stop), listener: Some(listener) })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How many clients are attached.
    pub fn clients(&self) -> usize {
        self.shared.attached()
    }

    /// Counts the clients for as long as the server is there.
    pub fn counter(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move || shared.upgrade().map_or(0, |shared| shared.attached())
    }

    /// Tells clients that come from now on another site.
    pub fn set_site(&self, site: Site) {
        self.shared.site.set(site);
    }
}

impl Drop for LinkServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(listener) = self.listener.take()
            && listener.join().is_err()
        {
            tracing::error!("the thread that accepts clients ended by a panic");
        }
        {
            let mut open = self.shared.lock();
            open.is_stopping = true;
            for (stream, _) in open.all.values() {
                let _ = stream.shutdown(Shutdown::Read);
            }
        }
        let until = Instant::now() + STOPPING;
        while Instant::now() < until && !self.shared.lock().all.is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        for (stream, _) in self.shared.lock().all.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        // A poisoned lock still holds whole entries.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are let in.
    fn attached(&self) -> usize {
        self.lock().all.values().filter(|(_, actor)| actor.is_some()).count()
    }

    /// Notes a connection; none where there is no room for one more.
    fn enter(&self, stream: &UnixStream) -> Option<u64> {
        let stream = stream.try_clone().ok()?;
        let mut open = self.lock();
        if open.is_stopping || open.all.len() >= MOST {
            return None;
        }
        open.next += 1;
        let id = open.next;
        open.all.insert(id, (stream, None));
        Some(id)
    }

    /// Notes who a connection is. Whether there is room for one more of theirs.
    fn name(&self, id: u64, actor: &Actor) -> bool {
        let mut open = self.lock();
        let others = open.all.values().filter(|(_, other)| other.as_ref() == Some(actor)).count();
        if others >= MOST_OF_ONE {
            return false;
        }
        if let Some((_, noted)) = open.all.get_mut(&id) {
            *noted = Some(actor.clone());
        }
        true
    }
}

fn accept(socket: &BoundSocket, stopped: &OwnedFd, shared: &Arc<Shared>) {
    loop {
        let mut ready = [
            PollFd::from_borrowed_fd(socket.listener.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "no client can be accepted any more");
                return;
            }
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        match socket.listener.accept() {
            Ok((stream, _)) => begin(stream, shared),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                // No file descriptor is left, say: it must not become a busy loop.
                tracing::warn!(%error, "a client could not be accepted");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Gives a connection a thread of its own.
fn begin(mut stream: UnixStream, shared: &Arc<Shared>) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_write_timeout(Some(PATIENCE));
    let _ = stream.set_read_timeout(Some(GREETING));
    let Some(id) = shared.enter(&stream) else {
        let _ = handshake::refuse(&mut stream, "as many terminals are attached as there is room for");
        return;
    };
    let serving = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name("muster-client".to_owned()).spawn(move || {
        if let Err(error) = serve(stream, id, &serving) {
            tracing::info!(%error, "a client was not let in");
        }
        serving.lock().all.remove(&id);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "a client could not be given a thread");
        shared.lock().all.remove(&id);
    }
}

/// Lets a client in, or tells it why not: whose words it says, and how it came.
fn welcomed(stream: &mut UnixStream, id: u64, shared: &Shared) -> Result<(Actor, Comes), HandshakeError> {
    let uid = rustix::net::sockopt::socket_peercred(&*stream)
        .map_err(|error| HandshakeError::Io(error.into()))?
        .uid
        .as_raw();
    let mut refuse = |words: String| {
        let _ = handshake::refuse(stream, &words);
        HandshakeError::Refused(words)
    };
    // Who is nobody in any case is not waited for.
    let access = shared.handles.access();
    if let Err(refusal @ Refusal::Nobody { .. }) = shared.doors.admit(uid, None, &access) {
        return Err(refuse(refusal.to_string()));
    }
    let hello = handshake::hear(stream)?;
    let mut refuse = |words: String| {
        let _ = handshake::refuse(stream, &words);
        HandshakeError::Refused(words)
    };
    if let Err(error) = hello.check_version() {
        return Err(refuse(error.to_string()));
    }
    let actor =
        shared.doors.admit(uid, hello.operator, &access).map_err(|refusal| refuse(refusal.to_string()))?;
    if !shared.name(id, &actor) {
        return Err(refuse(format!("you are attached {MOST_OF_ONE} times already: close one of them")));
    }
    handshake::welcome(stream)?;
    let comes = match hello.operator {
        None => Comes::Themselves,
        Some(_) if Some(uid) == shared.doors.ssh_uid => Comes::FromAfar,
        Some(_) => Comes::Acting,
    };
    Ok((actor, comes))
}

fn serve(mut stream: UnixStream, id: u64, shared: &Shared) -> Result<(), HandshakeError> {
    let (actor, comes) = welcomed(&mut stream, id, shared)?;
    tracing::info!(?actor, "a client is attached");
    stream.set_read_timeout(None)?;
    let handle = shared.handles.handle(actor.clone());
    let (answers, to_write) = bounded(CALLS_AT_ONCE);
    let (permits, given_back) = bounded(CALLS_AT_ONCE);
    let shown = Arc::new(Slot::default());
    let reading = reader::Reader {
        stream: stream.try_clone()?,
        handle: handle.clone(),
        comes,
        answers,
        permits,
        shown: Arc::clone(&shown),
    };
    let (over, is_over) = bounded::<()>(0);
    std::thread::Builder::new().name("muster-client-in".to_owned()).spawn(move || {
        reading.run();
        // Closed, it tells the writer.
        drop(over);
    })?;
    let writing = writer::Writer::new(&stream, handle.clone(), to_write, given_back, shown, is_over);
    let ended = writing.run(shared);
    handle.request_preview(None);
    // Also wakes the reader.
    let _ = stream.shutdown(Shutdown::Both);
    tracing::info!(?actor, ?ended, "a client is gone");
    Ok(())
}
