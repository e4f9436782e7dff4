//! The slot between capture and inference: newest wins, and what it replaces is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The sending end.
#[derive(Debug)]
pub struct LatestSender<T> {
    sender: Sender<T>,
    /// The same slot's other end, to take out what is replaced.
    stale: Receiver<T>,
    dropped: Arc<AtomicU64>,
}

/// A slot with room for one: its sender, its receiver and the count of what was replaced.
pub fn latest<T>() -> (LatestSender<T>, Receiver<T>, Arc<AtomicU64>) {
    let (sender, receiver) = bounded(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let latest = LatestSender { sender, stale: receiver.clone(), dropped: Arc::clone(&dropped) };
    (latest, receiver, dropped)
}

/// The receiver is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnected;

impl<T> LatestSender<T> {
    /// Puts `value` in, in place of one that was not taken yet. Never waits.
    pub fn replace(&self, value: T) {
        let mut value = value;
        while let Err(TrySendError::Full(again)) = self.sender.try_send(value) {
            if self.stale.try_recv().is_ok() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            value = again;
        }
    }

    /// Waits until the slot is free, then puts `value` in: nothing is dropped.
    ///
    /// Gives up where `interrupt` receives or closes first.
    ///
    /// # Errors
    /// [`Disconnected`] where it gave up.
    pub fn deliver<C>(&self, value: T, interrupt: &Receiver<C>) -> Result<(), Disconnected> {
        crossbeam_channel::select! {
            send(self.sender, value) -> sent => sent.map_err(|_| Disconnected),
            recv(interrupt) -> _ => Err(Disconnected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_the_rest_is_counted() {
        let (sender, receiver, dropped) = latest();
        for i in 0..5 {
            sender.replace(i);
        }
        assert_eq!(receiver.try_recv(), Ok(4));
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn delivery_waits_and_can_be_interrupted() {
        let (sender, receiver, dropped) = latest();
        let (stop, stopped) = bounded::<()>(1);
        assert_eq!(sender.deliver(1, &stopped), Ok(()));
        drop(stop);
        assert_eq!(sender.deliver(2, &stopped), Err(Disconnected));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
    }
}
