//! The terminal: taken over and given back. However the program ends (quit, error, panic, SIGTERM,
//! SIGHUP, SIGINT, a hang-up, a broken pipe), the terminal is restored once, and what was said
//! meanwhile by other threads' panics is printed after that.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::graphics::{Graphics, GraphicsChoice};
use super::line::Meter;
use super::{Input, TuiError};

/// Whether the terminal is ours. A process has one terminal, so this is the process's.
static HELD: AtomicBool = AtomicBool::new(false);

/// Whether its mouse was asked for, so that it is asked for again after a pause.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The thread that draws, and what other threads said when they panicked while the screen was up.
static PANICS: Mutex<Panics> = Mutex::new(Panics { drawing: None, said: Vec::new() });

struct Panics {
    drawing: Option<ThreadId>,
    said: Vec<String>,
}

/// Messages of panics that are kept for after the screen.
const PANICS_KEPT: usize = 8;

fn panics() -> std::sync::MutexGuard<'static, Panics> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wraps the panic hook once, at the latest when a [`Screen`] is taken. While the screen is up, a panic of the drawing thread restores the
/// terminal first and is then reported as ever; one of another thread would only be drawn over, so
/// it is kept and printed when the terminal is given back.
pub fn wrap_panic_hook() {
    static WRAPPED: Once = Once::new();
    WRAPPED.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let here = Some(std::thread::current().id());
            if HELD.load(Ordering::SeqCst) && panics().drawing != here {
                let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
                let mut panics = panics();
                if panics.said.len() < PANICS_KEPT {
                    panics.said.push(format!("thread {name}: {info}"));
                }
                return;
            }
            give_back();
            report(info);
        }));
    });
}

/// Restores the terminal if it is ours. Safe to call at any time, from any thread, repeatedly;
/// errors are ignored, since there is no better thing to do with a terminal that is gone.
pub fn give_back() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout().lock();
    // The end of a synchronised update comes first: a terminal that waits for one shows nothing.
    let _ = out.write_all(END_UPDATE);
    // Whether it was taken or not, nobody wants to find it taken.
    let _ = execute!(out, ResetColor, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let said = std::mem::take(&mut panics().said);
    let mut err = io::stderr().lock();
    for message in said {
        let _ = writeln!(err, "{message}");
    }
}

/// Asks the terminal what it shows pictures with, and leaves it as it was; none where there is no terminal.
pub fn ask_graphics() -> Option<Graphics> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() || enable_raw_mode().is_err() {
        return None;
    }
    let found = super::graphics::query::ask(GraphicsChoice::Auto);
    let _ = disable_raw_mode();
    Some(found.screen.graphics)
}

/// Gives the terminal back, stops the process as ctrl-z does, and takes the terminal again when it goes on.
///
/// # Errors
/// [`TuiError::Terminal`] where the terminal cannot be taken again.
pub fn suspend() -> Result<(), TuiError> {
    give_back();
    let stopped = signal_hook::low_level::raise(signal_hook::consts::SIGTSTP);
    // From here on somebody has said `fg`.
    let taken = Screen::take(MOUSE.load(Ordering::SeqCst))?;
    // Whoever holds the screen since the start gives it back at the end.
    std::mem::forget(taken);
    stopped.map_err(TuiError::Terminal)
}

/// Holds the terminal in raw mode on the alternate screen; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the terminal over, with its mouse where `mouse` says so.
    ///
    /// # Errors
    /// [`TuiError::NotATerminal`] where the output is a file or a pipe or another screen holds the
    /// terminal, [`TuiError::Terminal`] where it refuses.
    pub fn take(mouse: bool) -> Result<Self, TuiError> {
        if !io::stdout().is_terminal() {
            return Err(TuiError::NotATerminal);
        }
        wrap_panic_hook();
        panics().drawing = Some(std::thread::current().id());
        if HELD.swap(true, Ordering::SeqCst) {
            return Err(TuiError::NotATerminal);
        }
        let screen = Self(());
        enable_raw_mode().map_err(TuiError::Terminal)?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
            .map_err(TuiError::Terminal)?;
        if mouse {
            execute!(io::stdout(), EnableMouseCapture).map_err(TuiError::Terminal)?;
        }
        MOUSE.store(mouse, Ordering::SeqCst);
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The beginning of a synchronised update (DEC private mode 2026): a terminal that knows it shows
/// what follows in one piece, others ignore it.
const BEGIN_UPDATE: &[u8] = b"\x1b[?2026h";
const END_UPDATE: &[u8] = b"\x1b[?2026l";

/// Collects what is written and passes it on in one piece at each flush, so that the terminal never
/// shows half a screen. Where nothing was written, a flush writes nothing. A failure is reported
/// once and what comes after it is dropped, since `Terminal` writes again when it is dropped and
/// prints an error of that to a standard error that may be gone as well.
#[derive(Debug)]
pub struct OnePiece<W: Write> {
    out: W,
    meter: Arc<Meter>,
    pending: Vec<u8>,
    failed: bool,
}

impl<W: Write> OnePiece<W> {
    /// Collects for `out`; `meter` counts what is written and how long that takes.
    pub fn new(out: W, meter: Arc<Meter>) -> Self {
        Self { out, meter, pending: Vec::new(), failed: false }
    }
}

impl<W: Write> Write for OnePiece<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.pending.extend_from_slice(BEGIN_UPDATE);
        }
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() || self.failed {
            self.pending.clear();
            return Ok(());
        }
        self.pending.extend_from_slice(END_UPDATE);
        let begun = Instant::now();
        let written = self.out.write_all(&self.pending).and_then(|()| self.out.flush());
        self.meter.flushed(self.pending.len(), begun.elapsed());
        self.pending.clear();
        self.failed = written.is_err();
        written
    }
}

/// The threads that read keys and signals. Dropping it stops them: the one that waits for signals
/// at once, the one that reads keys within `LOOK_UP`.
#[derive(Debug)]
pub struct Inputs {
    /// What they read.
    pub receiver: Receiver<Input>,
    stop: Arc<AtomicBool>,
    signals: signal_hook::iterator::Handle,
}

/// How often the thread that reads keys looks up: whether it shall stop, and whether the terminal
/// is still there, since after a hang-up a read can come back at once for ever.
const LOOK_UP: Duration = Duration::from_millis(500);

impl Inputs {
    /// Starts them.
    ///
    /// # Errors
    /// [`TuiError::Thread`] where a thread cannot be started or signals cannot be taken.
    pub fn start() -> Result<Self, TuiError> {
        let (sender, receiver) = bounded(256);
        let stop = Arc::new(AtomicBool::new(false));
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT]).map_err(TuiError::Thread)?;
        let handle = signals.handle();
        let (to_screen, stopped) = (sender.clone(), Arc::clone(&stop));
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        named("tui-signals")
            .spawn(move || forward_signals(&mut signals, &to_screen))
            .map_err(TuiError::Thread)?;
        named("tui-input").spawn(move || forward_events(&stopped, &sender)).map_err(TuiError::Thread)?;
        Ok(Self { receiver, stop, signals: handle })
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.signals.close();
    }
}

/// How long a signal waits for room among the keys that the screen has not taken yet.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The first signal asks the screen to end; a second one means that the screen does not answer, as
/// while a stopped terminal takes no more output, and ends the process.
fn forward_signals(signals: &mut Signals, screen: &Sender<Input>) {
    let mut asked = false;
    for signal in signals.forever() {
        if asked || screen.send_timeout(Input::Signal(signal), ANSWER_WITHIN).is_err() {
            let _ = disable_raw_mode();
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
        asked = true;
    }
}

fn forward_events(stop: &AtomicBool, screen: &Sender<Input>) {
    while !stop.load(Ordering::SeqCst) {
        let input = match event::poll(LOOK_UP) {
            Ok(false) if is_terminal_there() => continue,
            Ok(false) => Input::HungUp,
            Ok(true) if stop.load(Ordering::SeqCst) => return,
            Ok(true) => match event::read() {
                Ok(event) => Input::Terminal(event),
                Err(error) => Input::Failed(error),
            },
            Err(error) => Input::Failed(error),
        };
        let last = !matches!(input, Input::Terminal(_));
        if screen.send(input).is_err() || last {
            return;
        }
    }
}

/// Whether the terminal still answers; after a hang-up it does not.
fn is_terminal_there() -> bool {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return true;
    }
    // A hung-up terminal is no terminal any more for the standard library either; then the output
    // decides, which may be one where the input is a pipe.
    rustix::termios::tcgetattr(io::stdout()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts calls, since a screen that is written in pieces flickers.
    #[derive(Default)]
    struct Counting {
        bytes: Vec<u8>,
        writes: usize,
    }

    impl Write for &mut Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes.extend_from_slice(bytes);
            self.writes += 1;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_one_write_and_no_frame_is_none() {
        let mut counting = Counting::default();
        let mut out = OnePiece::new(&mut counting, Arc::default());
        out.flush().unwrap();
        out.write_all(b"one\n").unwrap();
        out.write_all(b"two").unwrap();
        out.flush().unwrap();
        out.flush().unwrap();
        drop(out);
        assert_eq!(counting.bytes, b"\x1b[?2026hone\ntwo\x1b[?2026l");
        assert_eq!(counting.writes, 1);
    }

    #[test]
    fn a_failure_is_reported_once() {
        let mut nothing: [u8; 0] = [];
        let mut out = OnePiece::new(&mut nothing[..], Arc::default());
        out.write_all(b"x").unwrap();
        assert!(out.flush().is_err());
        out.write_all(b"y").unwrap();
        assert!(out.flush().is_ok());
    }

    #[test]
    fn giving_back_what_was_never_taken_does_nothing() {
        give_back();
        give_back();
        assert!(!HELD.load(Ordering::SeqCst));
    }
}
