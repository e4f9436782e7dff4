//! What the service manager is told: `sd_notify(3)`. Where none listens, nothing is said.

use sd_notify::NotifyState;

use super::super::output::printable;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told how it goes");
    }
}

/// It serves, or serves again; `status` in a line.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&printable(status))]);
}

/// The configuration is being read again.
pub(super) fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // The kernel has had this clock for longer than there is a service manager that asks for it.
    states.extend(NotifyState::monotonic_usec_now());
    tell(&states);
}

/// It ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ending in good order")]);
}

/// What there is to know, in a line.
pub(super) fn status(status: &str) {
    tell(&[NotifyState::Status(&printable(status))]);
}

/// All is well.
pub(super) fn is_alive() {
    tell(&[NotifyState::Watchdog]);
}
