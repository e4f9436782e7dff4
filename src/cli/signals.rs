//! Signals as messages.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A message for the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once, for
/// whoever will not wait for good order.
///
/// # Errors
/// What the system says.
pub fn interrupts() -> std::io::Result<Receiver<()>> {
    const ASKED: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
    let asked_before = Arc::new(AtomicBool::new(false));
    for signal in ASKED {
        // 128 and the number of SIGINT, as shells say it. The order matters: the first signal must
        // find the flag down, and the second up.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked_before))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_before))?;
    }
    let mut signals = Signals::new(ASKED)?;
    let (sender, interrupts) = bounded(1);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            // Full means that one is waiting already.
            let _ = sender.try_send(());
        }
    })?;
    Ok(interrupts)
}

/// What a service manager asks by signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceSignal {
    /// SIGTERM, SIGINT: end in good order.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// A message for every SIGHUP, and for the first SIGTERM or SIGINT; a second one of these ends the process at
/// once. A reload that is asked for while one waits is that one.
///
/// # Errors
/// What the system says.
pub fn of_service() -> std::io::Result<Receiver<ServiceSignal>> {
    let asked_before = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order matters, as above.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked_before))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_before))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    // One of each: more say nothing more.
    let (sender, received) = bounded(2);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let message = if signal == SIGHUP { ServiceSignal::Reload } else { ServiceSignal::Stop };
            let is_last_place = message == ServiceSignal::Reload && !sender.is_empty();
            if !is_last_place {
                let _ = sender.try_send(message);
            }
        }
    })?;
    Ok(received)
}

/// A channel that closes at the first SIGINT, SIGTERM or SIGHUP; nothing is ever sent.
///
/// # Errors
/// What the system says.
pub fn until_interrupted() -> std::io::Result<Receiver<()>> {
    let interrupts = interrupts()?;
    let (open, closed) = bounded(0);
    thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let _ = interrupts.recv();
        drop(open);
    })?;
    Ok(closed)
}
