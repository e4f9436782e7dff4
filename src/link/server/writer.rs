//! What a client is told. Answers and events in their order, of state and pictures the newest.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select};

use super::Shared;
use crate::access::Role;
use crate::engine::handle::{Slot, Snapshot};
use crate::engine::state::{Preview, PreviewRequest};
use crate::engine::{CommandError, EngineEvent, EngineHandle};
use crate::link::admission::Refusal;
use crate::link::frame::{self, framed};
use crate::link::protocol::{Answer, CallId, LONGEST_OF_ENGINES, ToClient};

/// Events of the engine that may wait for one client.
const EVENT_ROOM: usize = 256;
/// The least time between two tellings of state that no answer asked for.
const PACE: Duration = Duration::from_millis(50);
/// A client spends at most one part in so many of its time taking state.
const SHARE: u32 = 8;
/// The longest time between two tellings, and so until an event is told, however long one takes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const LONG_WAIT: Duration = Duration::from_secs(3_600);

/// Why a client is told nothing more.
#[derive(Debug)]
pub(super) enum Ended {
    /// It closed the connection.
    Left,
    /// It did not read, or its connection failed.
    Lost(#[allow(dead_code, reason = "read by what is written of the end")] io::Error),
    /// It is no operator any more.
    SentAway,
    /// The engine has stopped.
    Stopped,
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// The thread that writes.
pub(super) struct Writer<'a> {
    stream: &'a UnixStream,
    handle: EngineHandle,
    events: Receiver<EngineEvent>,
    answers: Receiver<(CallId, Answer)>,
    permits: Receiver<()>,
    shown: Arc<Slot<Option<PreviewRequest>>>,
    is_over: Receiver<()>,
    sent: Option<Snapshot>,
    preview: Arc<Option<Preview>>,
    preview_at: Option<Instant>,
    /// Whether there may be state that was not told yet.
    is_stale: bool,
    /// When the next may be told.
    next: Instant,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        stream: &'a UnixStream,
        handle: EngineHandle,
        answers: Receiver<(CallId, Answer)>,
        permits: Receiver<()>,
        shown: Arc<Slot<Option<PreviewRequest>>>,
        is_over: Receiver<()>,
    ) -> Self {
        // Subscribed before the first snapshot is taken, so that no change falls between.
        let events = handle.subscribe(EVENT_ROOM);
        Self {
            stream,
            handle,
            events,
            answers,
            permits,
            shown,
            is_over,
            sent: None,
            preview: Arc::default(),
            preview_at: None,
            is_stale: false,
            next: Instant::now(),
        }
    }

    /// Until the client is gone, or has nothing to look for here.
    pub(super) fn run(mut self, shared: &Shared) -> Ended {
        match self.tell(shared) {
            Err(ended) => ended,
            Ok(never) => match never {},
        }
    }

    fn tell(&mut self, shared: &Shared) -> Result<std::convert::Infallible, Ended> {
        let site = shared.site.get();
        self.send(&ToClient::Site(site.for_role(self.handle.role()), shared.handles.pictures()))?;
        self.tell_state(shared)?;
        self.send(&ToClient::Ready)?;
        // Nothing is said there: events have to wait for their time.
        let later = never();
        loop {
            let (events, wait) = match self.is_stale {
                // With every frame something is different: whoever is told twenty times a second need not be
                // woken two hundred times.
                true => (&later, self.next.saturating_duration_since(Instant::now())),
                false => (&self.events, LONG_WAIT),
            };
            select! {
                recv(self.answers) -> answer => match answer {
                    Ok((id, answer)) => self.answer(id, answer, shared)?,
                    Err(_) => return self.leave(),
                },
                recv(events) -> event => match event {
                    Ok(event) => self.event(event)?,
                    Err(_) => return Err(Ended::Stopped),
                },
                recv(self.is_over) -> _ => return self.leave(),
                default(wait) => {}
            }
            if self.is_stale && Instant::now() >= self.next {
                self.tell_state(shared)?;
                self.send(&ToClient::Event(EngineEvent::StateChanged))?;
            }
        }
    }

    /// The reader has ended: the client is gone, or the engine is, which the client is told where it can be.
    fn leave(&mut self) -> Result<std::convert::Infallible, Ended> {
        if self.events.try_iter().any(|event| event == EngineEvent::Stopped) {
            self.send(&ToClient::Event(EngineEvent::Stopped))?;
            return Err(Ended::Stopped);
        }
        Err(Ended::Left)
    }

    fn send(&mut self, message: &ToClient<'_>) -> Result<(), Ended> {
        // Longer than a length can say: nothing that the engine holds is.
        let Some(bytes) = framed(message) else { return Ok(()) };
        Ok(frame::write(&mut &*self.stream, &bytes)?)
    }

    fn event(&mut self, event: EngineEvent) -> Result<(), Ended> {
        // Asked with every event: that the role is gone may have found no room among them.
        if self.handle.role().is_none() {
            self.send(&ToClient::Bye(Refusal::NotOnList.to_string()))?;
            return Err(Ended::SentAway);
        }
        match event {
            EngineEvent::StateChanged => self.is_stale = true,
            EngineEvent::RoleChanged => {
                // At once: what was allowed a moment ago may not be any more.
                self.is_stale = true;
                self.next = Instant::now();
            }
            EngineEvent::Stopped => {
                self.send(&ToClient::Event(EngineEvent::Stopped))?;
                return Err(Ended::Stopped);
            }
            event => self.send(&ToClient::Event(event))?,
        }
        Ok(())
    }

    /// An answer, after the state that it speaks of.
    fn answer(&mut self, id: CallId, answer: Answer, shared: &Shared) -> Result<(), Ended> {
        // Told with the answer, it is not announced yet to who did not ask.
        let is_announced = !self.is_stale;
        self.tell_state(shared)?;
        self.is_stale = !is_announced;
        for piece in answer.pieces() {
            let bytes = framed(&ToClient::Answer(id, piece));
            let fits = |bytes: &Vec<u8>| bytes.len() <= LONGEST_OF_ENGINES as usize;
            let bytes = match bytes.filter(fits) {
                Some(bytes) => bytes,
                None => {
                    let told = Answer::Reply(Err(CommandError::TooMuch));
                    framed(&ToClient::Answer(id, told)).unwrap_or_default()
                }
            };
            frame::write(&mut &*self.stream, &bytes)?;
        }
        // Always there: it was put in before the call was made.
        let _ = self.permits.try_recv();
        Ok(())
    }

    /// The parts of the state that are not those which were told last.
    fn tell_state(&mut self, shared: &Shared) -> Result<(), Ended> {
        let begun = Instant::now();
        let now = self.handle.snapshot();
        let last = self.sent.take();
        let last = last.as_ref();
        if last.is_none_or(|last| last.role != now.role) {
            self.send(&ToClient::Role(now.role))?;
        }
        // What an observer is shown is made anew each time, so it is compared by what it says.
        let is_new = |last: &Snapshot| !Arc::ptr_eq(&last.live, &now.live) && last.live != now.live;
        if last.is_none_or(is_new) {
            frame::write(&mut &*self.stream, &shared.encoded.live(&now))?;
        }
        if last.is_none_or(|last| !Arc::ptr_eq(&last.roster, &now.roster)) {
            frame::write(&mut &*self.stream, &shared.encoded.roster(&now))?;
        }
        if last.is_none_or(|last| !Arc::ptr_eq(&last.inbox, &now.inbox)) {
            frame::write(&mut &*self.stream, &shared.encoded.inbox(&now))?;
        }
        self.tell_preview(now.role)?;
        self.sent = Some(now);
        self.is_stale = false;
        let taken = begun.elapsed();
        self.next = begun + taken + PACE.max(taken * (SHARE - 1)).min(LONGEST_PAUSE);
        Ok(())
    }

    /// The newest picture, where one is wanted and due, as large as it can be shown.
    fn tell_preview(&mut self, role: Option<Role>) -> Result<(), Ended> {
        let newest = self.handle.preview();
        if Arc::ptr_eq(&newest, &self.preview) {
            return Ok(());
        }
        let request = self.shown.get().filter(|_| role >= Some(Role::Operator));
        match (&*newest, request) {
            (Some(picture), Some(request)) => {
                // A little early is on time, as for the engine itself.
                let interval = Duration::from_secs_f32(0.9 / request.max_fps);
                if self.preview_at.is_some_and(|at| at.elapsed() < interval) {
                    return Ok(());
                }
                let shown = picture.fitting(request.max_width, request.max_height);
                self.send(&ToClient::Preview(Some(shown)))?;
                self.preview_at = Some(Instant::now());
            }
            (None, Some(_)) => self.send(&ToClient::Preview(None))?,
            (_, None) => return Ok(()),
        }
        self.preview = newest;
        Ok(())
    }
}
