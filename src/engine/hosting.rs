//! What only the process that hosts an engine asks of it. It is no command: no role allows it, and nothing that
//! carries commands can carry it.

use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use super::command::CommandError;
use super::handle::Call;
use super::settings::EngineSettings;
use crate::ledger::Actor;

/// What the host asks of the engine thread.
#[derive(Debug)]
pub enum HostCall {
    /// Whether it takes calls; answered at once.
    Answer(Sender<()>),
    /// Other settings from now on, as far as they can change while it runs; answered when they hold.
    Reconfigure(Box<EngineSettings>, Sender<()>),
}

/// The host's own way to its engine.
#[derive(Debug, Clone)]
pub struct EngineHost {
    calls: Sender<(Actor, Call)>,
}

impl EngineHost {
    pub(super) fn new(calls: Sender<(Actor, Call)>) -> Self {
        Self { calls }
    }

    /// Whether the engine thread answers within `limit`.
    pub fn answers_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let (to_host, answer) = bounded(1);
        let call = (Actor::System, Call::Host(HostCall::Answer(to_host)));
        self.calls.send_timeout(call, limit).is_ok() && answer.recv_deadline(until).is_ok()
    }

    /// Gives the engine other settings and waits until they hold. What is noted of the configuration is noted
    /// where it changes. The settings that cannot change while an engine runs stay as they are: those of tracks,
    /// of pictures, of who owns it, and whether the liveness net runs at all.
    ///
    /// # Errors
    /// [`CommandError::Stopped`] where the engine has ended.
    pub fn reconfigure(&self, settings: EngineSettings) -> Result<(), CommandError> {
        let (to_host, done) = bounded(1);
        let call = Call::Host(HostCall::Reconfigure(Box::new(settings), to_host));
        self.calls.send((Actor::System, call)).map_err(|_| CommandError::Stopped)?;
        done.recv().map_err(|_| CommandError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_does_not_answer_is_not_waited_for_longer_than_the_limit() {
        let (calls, requests) = bounded(1);
        let host = EngineHost::new(calls);
        // Nobody takes the call; then there is no room for another.
        assert!(!host.answers_within(Duration::from_millis(20)));
        assert!(!host.answers_within(Duration::from_millis(20)));
        drop(requests);
        assert!(!host.answers_within(Duration::from_secs(3600)), "one that has ended is not waited for");
        assert_eq!(host.reconfigure(EngineSettings::default()), Err(CommandError::Stopped));
    }

    #[test]
    fn one_that_answers_does() {
        let (calls, requests) = bounded(1);
        let host = EngineHost::new(calls);
        let engine = std::thread::spawn(move || match requests.recv().unwrap() {
            (Actor::System, Call::Host(HostCall::Answer(to))) => to.send(()).unwrap(),
            other => panic!("{other:?}"),
        });
        assert!(host.answers_within(Duration::from_secs(3600)));
        engine.join().unwrap();
    }
}
