//! What is heard at the door: the terminal's bell, or a program.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::config::kiosk::{KioskSettings, KioskSound, ProgramLine};
use crate::tui::kiosk::{Ring, Sound};

/// Sounds that may wait; what does not fit is not heard.
const ROOM: usize = 4;
/// Between the two bells of a refusal.
const BETWEEN: Duration = Duration::from_millis(180);
/// A program that plays longer is ended.
const LONGEST: Duration = Duration::from_secs(5);

/// Makes the sounds of `settings` on a thread of its own.
///
/// # Errors
/// What the system says of the thread.
pub fn ring(settings: &KioskSettings) -> io::Result<Arc<Ring>> {
    let (sender, sounds) = bounded::<Sound>(ROOM);
    let settings = settings.clone();
    thread::Builder::new().name("sounds".to_owned()).spawn(move || {
        for sound in sounds {
            let program = match sound {
                Sound::Success => &settings.success_command.value,
                Sound::Refusal => &settings.refusal_command.value,
            };
            match program {
                Some(program) => play(program),
                None if settings.sound.value == KioskSound::Off => {}
                None => bells(if sound == Sound::Success { 1 } else { 2 }),
            }
        }
    })?;
    Ok(Arc::new(move |sound| {
        let _ = sender.try_send(sound);
    }))
}

/// The bell is one byte, and the lock of standard output keeps it out of what the screen writes.
fn bells(count: u32) {
    for bell in 0..count {
        if bell > 0 {
            thread::sleep(BETWEEN);
        }
        let mut out = io::stdout().lock();
        let _ = out.write_all(b"\x07").and_then(|()| out.flush());
    }
}

fn play(program: &ProgramLine) {
    let child = Command::new(program.program())
        .args(program.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            tracing::warn!(program = program.program(), %error, "the sound cannot be played");
            return;
        }
    };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if begun.elapsed() < LONGEST => thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            Ok(Some(status)) => {
                if !status.success() {
                    tracing::warn!(program = program.program(), %status, "the sound's program failed");
                }
                return;
            }
        }
    }
}
