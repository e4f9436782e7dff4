//! A client's side: an engine's handle whose engine is in another process.
//!
//! One thread writes what the handle asks; one reads, and never waits for anybody: state goes to the board,
//! where the newest wins, answers go to channels with room for them, and events that find no room are counted.

mod near;
mod session;

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::frame::{self, FrameError};
use super::handshake::{self, HandshakeError, Hello};
use super::place;
use super::protocol::{LONGEST_OF_ENGINES, Site, ToClient};
use crate::access::OperatorId;
use crate::engine::EngineHandle;
use crate::engine::handle::{Board, LinkStatus};
use crate::ledger::Actor;
use near::Near;
use session::Session;

/// How long an engine may take to greet and to say its state.
const GREETING: Duration = Duration::from_secs(15);
/// Calls that may wait for the thread that writes.
const ROOM: usize = 64;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("no engine answers at {socket}: {source}")]
    NoEngine {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error(
        "{socket} is served by the account {uid}, and the directory is the account {owner}'s: this is not the engine; \
         have an administrator look at it"
    )]
    WrongOwner {
        /// Where.
        socket: PathBuf,
        /// Who listens.
        uid: u32,
        /// Who should.
        owner: u32,
    },
    /// The engine and this program did not come together.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The state did not come.
    #[error("the engine did not say its state: {0}")]
    Frame(#[from] FrameError),
    /// The system gives no thread.
    #[error("the connection cannot be kept: {0}")]
    Thread(io::Error),
}

/// What becomes of a client whose connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staying {
    /// It ends: what it was for needs an answer now.
    Once,
    /// It says so, and comes back as soon as the engine does.
    ComesBack,
}

/// A connection to an engine; closed when it is dropped.
#[derive(Debug)]
pub struct Attached {
    handle: EngineHandle,
    near: Arc<Near>,
    socket: PathBuf,
    staying: Staying,
    site: Site,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Connects to the engine at `socket`, as whoever runs this or for `operator`.
///
/// # Errors
/// [`ConnectError`]
pub fn attach(
    socket: &Path,
    operator: Option<OperatorId>,
    staying: Staying,
) -> Result<Attached, ConnectError> {
    let board = Arc::new(Board::default());
    let (calls, called) = bounded(ROOM);
    let uid = rustix::process::getuid().as_raw();
    let actor = operator.map_or(Actor::Local { uid }, |id| Actor::Operator(id.0));
    let near = Arc::new(Near::new(Arc::clone(&board)));
    let hello = Hello::new(operator);
    let (stream, site, pictures) = open(socket, &hello, &near)?;
    let (asked, preview_asked) = bounded(1);
    board.tell_of_preview_requests(asked);
    let (stop, stopped) = bounded(0);
    let session = Session {
        socket: socket.to_owned(),
        hello,
        near: Arc::clone(&near),
        calls: called,
        preview_asked,
        stopped,
        staying,
        next: 0,
    };
    let thread = std::thread::Builder::new()
        .name("muster-link".to_owned())
        .spawn(move || session.run(stream))
        .map_err(ConnectError::Thread)?;
    let handle = EngineHandle::new(calls, board, actor).with_pictures(pictures);
    let socket = socket.to_owned();
    Ok(Attached { handle, near, socket, staying, site, stop: Some(stop), thread: Some(thread) })
}

/// Whether an engine listens at `socket`; it is told nothing.
pub fn is_served(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// Connects, greets, and takes in all of the state.
fn open(
    socket: &Path,
    hello: &Hello,
    near: &Near,
) -> Result<(UnixStream, Site, crate::face::PicturePolicy), ConnectError> {
    let no_engine = |source| ConnectError::NoEngine { socket: socket.to_owned(), source };
    let mut stream = UnixStream::connect(socket).map_err(no_engine)?;
    let owner = place::owner(socket).map_err(no_engine)?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).map_err(|error| no_engine(error.into()))?;
    let uid = peer.uid.as_raw();
    if uid != owner && uid != 0 {
        return Err(ConnectError::WrongOwner { socket: socket.to_owned(), uid, owner });
    }
    stream.set_read_timeout(Some(GREETING)).map_err(no_engine)?;
    handshake::greet(&mut stream, hello)?;
    let (mut bytes, mut told) = (Vec::new(), None);
    loop {
        frame::read(&mut stream, LONGEST_OF_ENGINES, &mut bytes)?;
        match frame::decode(&bytes)? {
            ToClient::Site(site, pictures) => told = Some((site.into_owned(), pictures)),
            ToClient::Bye(words) => return Err(HandshakeError::Refused(words).into()),
            ToClient::Ready => break,
            state => near.take(state),
        }
    }
    stream.set_read_timeout(None).map_err(no_engine)?;
    let (site, pictures) = told.ok_or(FrameError::Malformed)?;
    near.holds(&stream);
    Ok((stream, site, pictures))
}

impl Attached {
    /// What a shell holds of the engine.
    pub fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Where the engine listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What becomes of this client when the connection breaks.
    pub fn staying(&self) -> Staying {
        self.staying
    }

    /// What the engine says of the site.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Why the engine does not want this client any more, where it said so.
    pub fn farewell(&self) -> Option<String> {
        match &*self.near.board.link.get() {
            LinkStatus::Ended { reason } => Some(reason.clone()),
            LinkStatus::Up | LinkStatus::Lost { .. } => None,
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(stream) = self.near.let_go() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the connection ended by a panic");
        }
    }
}
