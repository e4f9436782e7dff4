//! Where the thread of a live source leaves its frames: one place, newest wins.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::{CaptureError, Frame};

/// A frame, or why none comes any more.
pub(super) type Given = Result<Frame, CaptureError>;

/// The end that one thread puts into.
pub(super) struct Newest {
    sender: Sender<Given>,
    /// The same place's other end, to take out what is replaced.
    oldest: Receiver<Given>,
}

/// A place with room for one, and the end that it is taken from.
pub(super) fn newest() -> (Newest, Receiver<Given>) {
    let (sender, receiver) = bounded(1);
    (Newest { sender, oldest: receiver.clone() }, receiver)
}

impl Newest {
    /// Puts `given` in, in place of what was not taken yet. A failure is put last, and so is never lost.
    pub(super) fn put(&self, mut given: Given) {
        // One thread alone sends, so after taking one out there is room.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(given) {
            drop(self.oldest.try_recv());
            given = back;
        }
    }
}
