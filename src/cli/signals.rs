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
