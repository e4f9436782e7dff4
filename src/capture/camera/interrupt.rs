//! Gets a thread out of a wait that has no end of its own.
//!
//! The binding waits for a picture in `poll` without a limit, and a driver may let `open` and `ioctl` wait
//! likewise. Such a call ends with EINTR where its thread handles a signal, so the one who waits too
//! long sends it one. The signal is SIGURG, which the Go runtime uses for the same end: by default it is
//! ignored, so nothing is hurt where it goes astray; the kernel sends it for urgent data of a socket whose
//! owner asked for that, and nobody here asks. It goes to the one thread, never to the process, and
//! the handler is not restarted over (no `SA_RESTART`), or `open` would go on waiting. A program
//! that is started from here begins with the default again, as `exec` resets handlers.

use std::os::unix::thread::JoinHandleExt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

const SIGNAL: Signal = Signal::SIGURG;

extern "C" fn nothing(_: i32) {}

/// Makes the signal end a call of this process that waits, once for all; and lets it through to the thread
/// that asks.
pub(super) fn listen() {
    static IS_INSTALLED: OnceLock<bool> = OnceLock::new();
    IS_INSTALLED.get_or_init(|| {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, so it may run at any point of any thread. No library of this
        // program sets an action for SIGURG, whose default is to be ignored.
        let set = unsafe { sigaction(SIGNAL, &action) };
        if let Err(error) = &set {
            tracing::warn!(%error, "a camera that stops answering cannot be interrupted");
        }
        set.is_ok()
    });
    // Whoever started this process may have blocked it.
    let _ = SigSet::from(SIGNAL).thread_unblock();
}

/// Whether a thread is in a call that may be interrupted. The signal is sent under the lock, so that none
/// is on its way once the call is over: an interrupted `ioctl` while a stream is given back would take
/// the binding to be broken, which unwinds.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<bool>);

impl Gate {
    /// Does `wait`, which may be interrupted.
    pub(super) fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a Gate);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                *self.0.lock() = false;
            }
        }
        *self.lock() = true;
        let _leave = Leave(self);
        wait()
    }

    /// Interrupts what `thread` waits for, where it waits. The call may have been about to begin, and then
    /// waits all the same: ask again a little later.
    pub(super) fn interrupt(&self, thread: &JoinHandle<()>) {
        let waits = self.lock();
        if *waits {
            // A thread that was not joined keeps its id, also after it has ended.
            let _ = pthread_kill(thread.as_pthread_t(), SIGNAL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
