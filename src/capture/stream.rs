//! `rtsp://`, `rtsps://`, `http://` and `https://`: a live stream, through the ffmpeg program as a child.
//!
//! As for recordings, the decoder is kept out of this process; and this process opens no network socket
//! itself. The child may speak the one protocol that the address needs and read containers that name no
//! other addresses. It gets the address through a pipe, so that a password in it is in no list of processes;
//! what it complains about is shown without it.
//!
//! One thread owns the child, for as long as the source is open: it reads every picture as soon as it is
//! there and keeps the newest, so that neither the child nor the server ever waits for whoever looks at them.
//! Dropping the source ends the thread and the child; where this process is killed, the kernel kills the
//! child.
//!
//! # Faults
//! Each is an error that says what to do, and whoever holds the source opens it again: a server that refuses,
//! wants another password, ends the connection, goes silent ([`StreamOptions::first_picture`],
//! [`StreamOptions::next_picture`]), sends what is no stream, or sends pictures of another size.

pub mod address;
mod child;
mod pictures;
mod words;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;

use super::frame::{Frame, FrameSequence};
use super::newest::{Given, Newest, newest};
use super::source::Clock;
use super::{CaptureError, CaptureSource};
use address::StreamAddress;
use child::Decoder;
use pictures::{PictureReader, Progress};
use words::Words;

/// How a stream is read.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamOptions {
    /// The longer side is scaled down to this many pixels, 16 to 4096; never up.
    pub max_side: u32,
    /// Whether the certificate of `https://` must be one that this machine trusts. ffmpeg checks none
    /// for `rtsps://`.
    pub check_certificate: bool,
    /// How long the first picture may take. A decoder waits for a whole one, and cameras that save
    /// bandwidth send one every ten seconds.
    pub first_picture: Duration,
    /// How long a later one may take, and how long the server may say nothing before the first.
    pub next_picture: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            max_side: 1280,
            check_certificate: true,
            first_picture: Duration::from_secs(15),
            next_picture: Duration::from_secs(5),
        }
    }
}

/// Frames a second of a stream that does not say; nothing is paced by it.
const NOMINAL_FPS: f32 = 25.0;

/// A stream that is open, or being opened. Dropping it ends the child.
pub struct StreamSource {
    shown: String,
    pictures: Receiver<Given>,
    interrupt: Receiver<()>,
    stop: Arc<OwnedFd>,
    reader: Option<JoinHandle<()>>,
}

impl StreamSource {
    /// Begins to connect; [`next_frame`](CaptureSource::next_frame) says what comes of it. `clock` times the
    /// frames.
    ///
    /// # Errors
    /// [`CaptureError::Failed`] where the system gives no thread.
    pub fn open(address: StreamAddress, clock: Clock, options: StreamOptions) -> Result<Self, CaptureError> {
        let shown = address.to_string();
        let failed = |detail: String| CaptureError::Failed { what: shown.clone(), step: "be opened", detail };
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let stop = Arc::new(eventfd(0, flags).map_err(|error| failed(error.to_string()))?);
        let (outlet, pictures) = newest();
        let worker = Reader { address, clock, options, outlet, stop: Arc::clone(&stop) };
        let reader = std::thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { shown, pictures, interrupt: never(), stop, reader: Some(reader) })
    }
}

impl CaptureSource for StreamSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let failed = |detail: &str| CaptureError::Failed {
            what: self.shown.clone(),
            step: "go on",
            detail: detail.into(),
        };
        select! {
            recv(self.pictures) -> taken => match taken {
                Ok(Ok(frame)) => Ok(Some(frame)),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(failed("its reader has ended")),
            },
            recv(self.interrupt) -> _ => Err(failed("it was told to stop")),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn nominal_fps(&self) -> f32 {
        NOMINAL_FPS
    }

    fn interrupt_with(&mut self, interrupt: Receiver<()>) {
        self.interrupt = interrupt;
    }
}

impl Drop for StreamSource {
    fn drop(&mut self) {
        // Fails only where it was said before.
        let _ = rustix::io::write(&*self.stop, &1u64.to_ne_bytes());
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// The thread that owns the child.
struct Reader {
    address: StreamAddress,
    clock: Clock,
    options: StreamOptions,
    outlet: Newest,
    stop: Arc<OwnedFd>,
}

/// What there is to do.
struct Ready {
    stop: bool,
    pictures: bool,
    words: bool,
}

impl Reader {
    fn run(self) {
        if let Err(error) = self.read() {
            self.outlet.put(Err(error));
        }
    }

    /// Reads until it is told to stop, or to the error.
    fn read(&self) -> Result<(), CaptureError> {
        let mut decoder = Decoder::start(&self.address, &self.options)?;
        let mut words = Words::new(self.address.clone());
        let mut reader = PictureReader::default();
        let mut sequence = FrameSequence(0);
        let mut hears = true;
        let mut patience = self.options.first_picture;
        let mut due = Instant::now() + patience;
        loop {
            let ready = self.wait(&decoder, hears, due)?;
            if ready.stop {
                return Ok(());
            }
            // Before the pictures: that they have another size now is said before the first of them.
            if ready.words || ready.pictures {
                hears = decoder.hear(|bytes| words.hear(bytes));
            }
            if let Some(sizes) = words.changed_size() {
                return Err(self.resized(sizes));
            }
            let progress = if ready.pictures { reader.read(&mut decoder.stdout) } else { Progress::Waiting };
            match progress {
                Progress::Picture(picture) => {
                    hears = hears && decoder.hear(|bytes| words.hear(bytes));
                    if let Some(sizes) = words.changed_size() {
                        return Err(self.resized(sizes));
                    }
                    words.all_is_well();
                    let at = (self.clock)();
                    self.outlet.put(Ok(Frame { sequence, at, picture, label: None }));
                    sequence.0 += 1;
                    patience = self.options.next_picture;
                    due = Instant::now() + patience;
                }
                Progress::Waiting if Instant::now() < due => {}
                Progress::Waiting => {
                    decoder.finish(|bytes| words.hear(bytes));
                    let why = words.reason("look at the camera and the network");
                    let seconds = patience.as_secs_f32().ceil();
                    let step = if sequence.0 == 0 { "be opened" } else { "go on" };
                    return Err(self.failed(step, format!("no picture came within {seconds} s: {why}")));
                }
                Progress::Junk => return Err(self.failed("go on", "ffmpeg wrote what is no picture".into())),
                Progress::Ended => {
                    let step = if sequence.0 == 0 { "be opened" } else { "go on" };
                    decoder.finish(|bytes| words.hear(bytes));
                    return Err(self.failed(step, words.reason("the server ended the stream")));
                }
            }
        }
    }

    fn wait(&self, decoder: &Decoder, hears: bool, due: Instant) -> Result<Ready, CaptureError> {
        let mut polled = vec![
            PollFd::new(&*self.stop, PollFlags::IN),
            PollFd::from_borrowed_fd(decoder.stdout.as_fd(), PollFlags::IN),
        ];
        // A closed pipe is always ready, and would not let this wait.
        if hears {
            polled.push(PollFd::from_borrowed_fd(decoder.stderr.as_fd(), PollFlags::IN));
        }
        let left = due.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(self.failed("be read from ffmpeg", error.to_string())),
        }
        let is_ready = |index: usize| polled.get(index).is_some_and(|entry| !entry.revents().is_empty());
        Ok(Ready { stop: is_ready(0), pictures: is_ready(1), words: is_ready(2) })
    }

    fn resized(&self, [before, now]: [(u32, u32); 2]) -> CaptureError {
        let detail = format!(
            "its pictures have {}x{} pixels now and had {}x{}; it is opened again",
            now.0, now.1, before.0, before.1
        );
        self.failed("go on as it was", detail)
    }

    fn failed(&self, step: &'static str, detail: String) -> CaptureError {
        CaptureError::Failed { what: self.address.to_string(), step, detail }
    }
}
