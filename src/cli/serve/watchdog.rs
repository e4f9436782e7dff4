//! The service manager's watchdog. It is told that all is well only while the engine thread answers, so that an
//! engine that is stuck is started again.

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::notify;
use crate::cli::background::Background;
use crate::engine::hosting::EngineHost;

/// Tells the service manager until it is dropped.
pub(super) struct Watchdog {
    _work: Background,
}

impl Watchdog {
    /// Begins, where the service manager waits for it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(engine: EngineHost) -> io::Result<Option<Self>> {
        let Some(interval) = sd_notify::watchdog_enabled() else { return Ok(None) };
        let work = move |stopped: Receiver<()>| {
            loop {
                if pat(interval, |limit| engine.answers_within(limit)) {
                    notify::is_alive();
                }
                if stopped.recv_timeout(interval / 4) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        Ok(Some(Self { _work: Background::start("watchdog", work)? }))
    }
}

/// Whether the engine answered in time to be called alive. With the wait between two looks there are two of them at
/// least in each interval of an engine that does.
fn pat(interval: Duration, answers: impl FnOnce(Duration) -> bool) -> bool {
    let is_alive = answers(interval / 4);
    if !is_alive {
        tracing::error!(
            "the engine does not answer; if that stays so, the service manager starts muster again"
        );
    }
    is_alive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_has_a_quarter_of_the_interval_and_only_an_answer_counts() {
        let interval = Duration::from_secs(60);
        let mut asked = None;
        assert!(pat(interval, |limit| {
            asked = Some(limit);
            true
        }));
        assert_eq!(asked, Some(Duration::from_secs(15)));
        assert!(!pat(interval, |_| false));
    }
}
