//! One who hears events, and may be slower than they come.

use crossbeam_channel::{Sender, TrySendError};

use super::event::EngineEvent;

/// The sending end of a client's stream, with what found no room in it.
#[derive(Debug)]
pub struct Listener {
    to: Sender<EngineEvent>,
    missed: u64,
}

impl Listener {
    /// Who reads the other end of `to`.
    pub fn new(to: Sender<EngineEvent>) -> Self {
        Self { to, missed: 0 }
    }

    /// Offers an event, and never waits: one that finds no room is counted, and the count is said before the
    /// next that finds some. Whether anybody is still there.
    pub fn offer(&mut self, event: &EngineEvent) -> bool {
        if self.missed > 0 {
            match self.to.try_send(EngineEvent::Lagged(self.missed)) {
                Ok(()) => self.missed = 0,
                Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        match self.to.try_send(event.clone()) {
            Ok(()) => true,
            // Who has not taken the last change yet will see this one with it.
            Err(TrySendError::Full(EngineEvent::StateChanged | EngineEvent::RoleChanged)) => true,
            Err(TrySendError::Full(_)) => {
                self.missed += 1;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_said_and_who_is_gone_is_noticed() {
        let (to, heard) = crossbeam_channel::bounded(2);
        let mut listener = Listener::new(to);
        for _ in 0..5 {
            assert!(listener.offer(&EngineEvent::SourceEnded));
            assert!(listener.offer(&EngineEvent::StateChanged));
        }
        assert_eq!(heard.try_iter().count(), 2);
        assert!(listener.offer(&EngineEvent::SourceEnded));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [EngineEvent::Lagged(4), EngineEvent::SourceEnded]);
        drop(heard);
        assert!(!listener.offer(&EngineEvent::StateChanged));
    }
}
