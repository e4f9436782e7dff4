//! Connections one after the other: what is asked goes out, what comes goes to the board.

use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use crossbeam_channel::{Receiver, Sender, bounded, select};

use super::near::{Near, Waiting};
use super::{ConnectError, Staying, open};
use crate::engine::handle::{Call, LinkStatus};
use crate::engine::{CommandError, EngineEvent};
use crate::ledger::Actor;
use crate::link::frame::{self, FrameError, framed};
use crate::link::handshake::{HandshakeError, Hello};
use crate::link::protocol::{Asked, CallId, LONGEST_OF_ENGINES, LONGEST_OF_OPERATORS, ToClient, ToEngine};

/// The first wait before a connection is tried again, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Loss {
    /// The engine is gone, or stopped in good order.
    Gone(String),
    /// The engine wants this client no more.
    SentAway(String),
}

/// The thread that writes, and that makes connections anew.
pub(super) struct Session {
    pub(super) socket: PathBuf,
    pub(super) hello: Hello,
    pub(super) near: Arc<Near>,
    pub(super) calls: Receiver<(Actor, Call)>,
    pub(super) preview_asked: Receiver<()>,
    pub(super) stopped: Receiver<()>,
    pub(super) staying: Staying,
    pub(super) next: u64,
}

impl Session {
    /// Until nobody wants anything any more, or the engine does not want this client.
    pub(super) fn run(mut self, stream: UnixStream) {
        self.run_until_over(stream);
        self.near.hush();
    }

    fn run_until_over(&mut self, stream: UnixStream) {
        let mut stream = stream;
        loop {
            let ended = self.serve(&stream);
            let _ = stream.shutdown(Shutdown::Both);
            self.near.fail_all(&CommandError::LinkLost);
            let reason = match (ended, self.staying) {
                (None, _) => return,
                (Some(Loss::Gone(reason)), Staying::ComesBack) => reason,
                (Some(Loss::Gone(_)), Staying::Once) => {
                    self.near.tell(&EngineEvent::Stopped);
                    return;
                }
                (Some(Loss::SentAway(reason)), _) => return self.sent_away(reason),
            };
            match self.come_back(reason) {
                Some(again) => stream = again,
                None => return,
            }
        }
    }

    fn sent_away(&self, reason: String) {
        self.near.stands(LinkStatus::Ended { reason });
        self.near.tell(&EngineEvent::Stopped);
    }

    /// Uses one connection until it ends; none where this side ends it.
    fn serve(&mut self, stream: &UnixStream) -> Option<Loss> {
        let (lost, is_lost) = bounded(1);
        let near = Arc::clone(&self.near);
        let reading = stream.try_clone().and_then(|stream| {
            let thread = std::thread::Builder::new().name("muster-link-in".to_owned());
            thread.spawn(move || read(&stream, &near, &lost))
        });
        let reading = match reading {
            Ok(reading) => reading,
            Err(error) => return Some(Loss::Gone(error.to_string())),
        };
        let loss = self.write(stream, &is_lost);
        let _ = stream.shutdown(Shutdown::Both);
        if reading.join().is_err() {
            tracing::error!("the thread that reads the connection ended by a panic");
        }
        // Why the engine closed says more than that it did.
        loss.map(|loss| is_lost.try_recv().unwrap_or(loss))
    }

    fn write(&mut self, stream: &UnixStream, is_lost: &Receiver<Loss>) -> Option<Loss> {
        if self.near.board.preview_request.get().is_some()
            && let Err(loss) = self.ask_for_preview(stream)
        {
            return Some(loss);
        }
        loop {
            let sent = select! {
                recv(self.calls) -> call => match call {
                    Ok((_, call)) => self.ask(stream, call),
                    Err(_) => return None,
                },
                recv(self.preview_asked) -> _ => self.ask_for_preview(stream),
                recv(is_lost) -> loss => return Some(loss.unwrap_or_else(|_| gone())),
                recv(self.stopped) -> _ => return None,
            };
            if let Err(loss) = sent {
                return Some(loss);
            }
        }
    }

    fn ask_for_preview(&self, stream: &UnixStream) -> Result<(), Loss> {
        let request = *self.near.board.preview_request.get();
        send(stream, &framed(&ToEngine::Preview(request)).unwrap_or_default())
    }

    fn ask(&mut self, stream: &UnixStream, call: Call) -> Result<(), Loss> {
        let limit = |limit: usize| limit as u64;
        let (asked, waiting) = match call {
            Call::Subscribe(to) => {
                self.near.subscribe(to);
                return Ok(());
            }
            // Only who has an engine can say it, and here is none.
            Call::Host(_) => return Ok(()),
            Call::Command(request, to) => (Asked::Command(request.command), Waiting::Reply(to)),
            Call::EntriesSince(sequence, most, to) => {
                (Asked::EntriesSince(sequence, limit(most)), Waiting::Page(to, Vec::new()))
            }
            Call::EntriesBefore(sequence, most, to) => {
                (Asked::EntriesBefore(sequence, limit(most)), Waiting::Page(to, Vec::new()))
            }
            Call::WholeEntriesSince(sequence, most, to) => {
                (Asked::WholeEntriesSince(sequence, limit(most)), Waiting::Whole(to, Vec::new()))
            }
            Call::Threshold(facts, to) => (Asked::Threshold(facts), Waiting::Threshold(to)),
            Call::EntriesBetween(from, until, to) => {
                (Asked::EntriesBetween(from, until), Waiting::Page(to, Vec::new()))
            }
            Call::RecordsBetween(from, until, to) => {
                (Asked::RecordsBetween(from, until), Waiting::Page(to, Vec::new()))
            }
            Call::HeldBetween(from, until, to) => {
                (Asked::HeldBetween(from, until), Waiting::Page(to, Vec::new()))
            }
        };
        self.next += 1;
        let id = CallId(self.next);
        let bytes = framed(&ToEngine::Ask(id, asked));
        match bytes.filter(|bytes| bytes.len() <= LONGEST_OF_OPERATORS as usize) {
            Some(bytes) => {
                self.near.wait(id, waiting);
                send(stream, &bytes)
            }
            None => {
                waiting.fail(CommandError::TooMuch);
                Ok(())
            }
        }
    }

    /// Says that the engine is gone, and connects as soon as it is back; none where this side ends.
    fn come_back(&self, reason: String) -> Option<UnixStream> {
        let since = Utc::now();
        self.near.stands(LinkStatus::Lost { since, reason });
        let mut wait = AGAIN.0;
        loop {
            if !self.refuse_for(wait) {
                return None;
            }
            wait = (wait * 2).min(AGAIN.1);
            match open(&self.socket, &self.hello, &self.near) {
                Ok((stream, _, _)) => {
                    self.near.stands(LinkStatus::Up);
                    // What was written meanwhile is in the log.
                    self.near.tell(&EngineEvent::Lagged(0));
                    return Some(stream);
                }
                Err(ConnectError::Handshake(HandshakeError::Refused(reason))) => {
                    tracing::warn!(%reason, "the engine is back and does not take this client");
                    self.near.stands(LinkStatus::Lost { since, reason });
                }
                Err(error) => tracing::debug!(%error, "the engine is not back yet"),
            }
        }
    }

    /// Tells whoever asks meanwhile that the engine is not there. Whether this side goes on after that time.
    fn refuse_for(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            select! {
                recv(self.calls) -> call => match call {
                    Ok((_, call)) => self.refuse(call),
                    Err(_) => return false,
                },
                recv(self.stopped) -> _ => return false,
                default(until.saturating_duration_since(Instant::now())) => return true,
            }
        }
    }

    fn refuse(&self, call: Call) {
        let waiting = match call {
            Call::Subscribe(to) => return self.near.subscribe(to),
            Call::Host(_) => return,
            Call::Command(_, to) => Waiting::Reply(to),
            Call::Threshold(_, to) => Waiting::Threshold(to),
            Call::WholeEntriesSince(_, _, to) => Waiting::Whole(to, Vec::new()),
            Call::EntriesSince(_, _, to)
            | Call::EntriesBefore(_, _, to)
            | Call::EntriesBetween(_, _, to)
            | Call::RecordsBetween(_, _, to)
            | Call::HeldBetween(_, _, to) => Waiting::Page(to, Vec::new()),
        };
        waiting.fail(CommandError::NotThere);
    }
}

fn gone() -> Loss {
    Loss::Gone("the engine closed the connection".to_owned())
}

fn send(stream: &UnixStream, bytes: &[u8]) -> Result<(), Loss> {
    frame::write(&mut &*stream, bytes).map_err(|error| Loss::Gone(format!("the connection broke: {error}")))
}

/// The thread that reads, until the connection ends.
fn read(stream: &UnixStream, near: &Near, lost: &Sender<Loss>) {
    let mut from = BufReader::with_capacity(64 * 1_024, stream);
    let mut bytes = Vec::new();
    let loss = loop {
        let message = frame::read(&mut from, LONGEST_OF_ENGINES, &mut bytes);
        match message.and_then(|()| frame::decode(&bytes)) {
            Ok(ToClient::Bye(words)) => break Loss::SentAway(words),
            Ok(ToClient::Event(EngineEvent::Stopped)) => {
                break Loss::Gone("the engine was stopped".to_owned());
            }
            Ok(message) => near.take(message),
            Err(FrameError::Closed) => break gone(),
            Err(error) => break Loss::Gone(error.to_string()),
        }
    };
    // The thread that writes may have ended first.
    let _ = lost.try_send(loss);
}
