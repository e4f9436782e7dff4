//! A thread that uses a device, and can be ended while it waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::interrupt::{self, Gate};
use crate::capture::guard::guarded;

/// How often a thread that is to end is interrupted: a signal that comes just before the wait is lost.
const AGAIN: Duration = Duration::from_millis(50);

/// What the thread itself sees of being ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    /// Around what may be interrupted.
    pub(super) gate: Arc<Gate>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Whether it is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A thread that uses a device.
#[derive(Debug)]
pub(super) struct DeviceThread {
    /// None once it was joined.
    handle: Option<JoinHandle<()>>,
    watch: Watch,
    /// Disconnects when the work is over.
    over: Receiver<()>,
}

impl DeviceThread {
    /// Starts `work`, which must look at the watch between two waits.
    pub(super) fn start(name: String, work: impl FnOnce(&Watch) + Send + 'static) -> std::io::Result<Self> {
        let (open, over) = bounded::<()>(0);
        let watch = Watch::default();
        let watched = watch.clone();
        let run = move || {
            let _until_the_end = open;
            interrupt::listen();
            work(&watched);
        };
        let handle = std::thread::Builder::new().name(name).spawn(run)?;
        Ok(Self { handle: Some(handle), watch, over })
    }

    /// Ends the thread, so that nothing of it is left: leaves it `grace` to end by itself, then interrupts
    /// what it waits for until it has ended. Whether it has within `patience`; it has not where a driver
    /// waits for its device without hearing signals. A later call tries again.
    pub(super) fn end(&mut self, grace: Duration, patience: Duration) -> bool {
        self.watch.stop.store(true, Ordering::Relaxed);
        let Some(handle) = &self.handle else { return true };
        let until = Instant::now() + patience;
        let mut wait = grace.min(patience);
        // Nothing is ever sent: this ends when the work does.
        while self.over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            if Instant::now() >= until {
                return false;
            }
            self.watch.gate.interrupt(handle);
            wait = AGAIN;
        }
        // What is left of the thread is to return from its first function.
        drop(self.handle.take().map(JoinHandle::join));
        true
    }
}

/// What `work` gives on a thread of its own, or why it gives nothing: the driver did not answer within
/// `patience`. The thread is interrupted then, and if that does not help it is left to itself.
pub(super) fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = bounded(1);
    let run = move |watch: &Watch| {
        if let Some(found) = guarded(|| watch.gate.waiting(work)) {
            let _ = sender.send(found);
        }
    };
    let mut thread = DeviceThread::start("camera-look".to_owned(), run).map_err(|error| error.to_string())?;
    let found = receiver.recv_timeout(patience);
    thread.end(if found.is_ok() { AGAIN } else { Duration::ZERO }, 4 * AGAIN);
    found.map_err(|error| match error {
        RecvTimeoutError::Timeout => format!("it did not answer within {} s", patience.as_secs()),
        RecvTimeoutError::Disconnected => "its driver's reader failed".to_owned(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::ffi::CString;
    use std::os::fd::OwnedFd;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    /// Waits as the binding does: once, without a limit.
    pub(in crate::capture::camera) fn wait_for(pipe: &OwnedFd) -> rustix::io::Result<usize> {
        poll(&mut [PollFd::new(pipe, PollFlags::IN)], None)
    }

    /// How many threads of this process are called `name`.
    pub(in crate::capture::camera) fn threads_called(name: &str) -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|found| found.trim_end() == name).count()
    }

    /// A joined thread may be listed for a moment more.
    pub(in crate::capture::camera) fn comes_to_nothing(count: impl Fn() -> usize) -> bool {
        let until = Instant::now() + Duration::from_secs(5);
        while count() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        count() == 0
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_thread_that_waits_for_ever_ends() {
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let (sender, seen) = bounded(1);
        let work = move |watch: &Watch| {
            let _ = sender.send(watch.gate.waiting(|| wait_for(&reader)));
        };
        let mut thread = DeviceThread::start("cam-t-poll".to_owned(), work).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(threads_called("cam-t-poll"), 1);
        assert!(thread.end(Duration::ZERO, LONG) && thread.end(Duration::ZERO, LONG));
        assert_eq!(seen.recv().unwrap(), Err(rustix::io::Errno::INTR));
        assert!(comes_to_nothing(|| threads_called("cam-t-poll")));
    }

    #[test]
    fn a_thread_that_cannot_even_open_ends() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        let path = CString::new(fifo.to_str().unwrap()).unwrap();
        let (sender, seen) = bounded(1);
        let work = move |watch: &Watch| {
            // Nobody writes to it: the call waits. rustix calls once, as the binding does.
            let open = || rustix::fs::open(&path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty());
            let _ = sender.send(watch.gate.waiting(open).map(drop));
        };
        let mut thread = DeviceThread::start("cam-t-open".to_owned(), work).unwrap();
        assert!(thread.end(Duration::from_millis(20), LONG));
        assert_eq!(seen.recv().unwrap(), Err(rustix::io::Errno::INTR));
        assert!(comes_to_nothing(|| threads_called("cam-t-open")));
    }

    #[test]
    fn only_what_waits_for_a_device_is_interrupted() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let (sender, seen) = bounded(1);
        // Outside the gate: as a thread that gives its device back.
        let work = move |_: &Watch| {
            let _ = sender.send(wait_for(&reader));
        };
        let mut thread = DeviceThread::start("cam-t-gate".to_owned(), work).unwrap();
        assert!(!thread.end(Duration::ZERO, 4 * AGAIN));
        rustix::io::write(&writer, b"x").unwrap();
        assert!(thread.end(AGAIN, LONG));
        assert_eq!(seen.recv().unwrap(), Ok(1));
    }

    #[test]
    fn a_child_takes_nothing_over() {
        interrupt::listen();
        // Where the signal were caught or blocked, its bit would be set: SIGURG is 23.
        let status = std::process::Command::new("/bin/cat").arg("/proc/self/status").output().unwrap().stdout;
        let text = String::from_utf8(status).unwrap();
        for field in ["SigCgt:", "SigBlk:"] {
            let mask = text.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim();
            assert_eq!(u64::from_str_radix(mask, 16).unwrap() >> 22 & 1, 0, "{field}{mask}");
        }
    }

    #[test]
    fn a_look_that_takes_too_long_is_given_up() {
        assert_eq!(within(LONG, || 7), Ok(7));
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let late = within(Duration::from_millis(10), move || wait_for(&reader).is_ok());
        assert_eq!(late, Err("it did not answer within 0 s".to_owned()));
        let panicked = within(LONG, || -> u8 { std::panic::resume_unwind(Box::new("stop")) });
        assert_eq!(panicked, Err("its driver's reader failed".to_owned()));
    }
}
