//! Work beside the engine that goes on until whoever began it has enough.

use std::io;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

/// A thread that ends when this is dropped, and is waited for.
pub(super) struct Background {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Begins `work`, which is to end when what it is given closes; nothing is ever sent there.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(name: &str, work: impl FnOnce(Receiver<()>) + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread = Builder::new().name(name.to_owned()).spawn(move || work(stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has nothing left to do, and its panic was reported.
            let _ = thread.join();
        }
    }
}
