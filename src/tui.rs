//! The screen: Elm outside, plain pane structs inside.
//!
//! [`message`] comes to the [`model`], [`update`] changes it and says what follows, [`view`] draws
//! it. Keys are looked up in one [`keymap`] that is data; colours are roles of a [`theme`]. The
//! [`shell`] is the loop around them, over any backend; [`terminal`] takes the real one over and
//! gives it back. [`svg`] draws a screen for the docs.

pub mod big;
pub mod clock;
pub mod dialog;
pub mod graphics;
pub mod kept;
pub mod keymap;
pub mod kiosk;
pub mod layout;
pub mod line;
pub mod message;
pub mod model;
pub mod pane;
pub mod shell;
pub mod svg;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossbeam_channel::Receiver;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::event::Event;

use crate::attendance::zone::SiteZone;
use crate::engine::EngineHandle;
use shell::Shell;
use theme::{Environment, Palette, Theme, ThemeError, ThemeFile};

/// What the screen is told from outside.
#[derive(Debug, Clone)]
pub struct TuiOptions {
    /// The program's name in the bar, for example with the site.
    pub title: String,
    /// What time it is.
    pub now: fn() -> DateTime<Utc>,
    /// A time as the clock on the wall shows it.
    pub zone: SiteZone,
    /// The theme; the terminal's own colours without one.
    pub theme: Option<ThemeFile>,
    /// No colour, whatever the environment says.
    pub no_color: bool,
    /// What changes the built-in keys.
    pub keymap: Option<keymap::KeymapFile>,
    /// What can be run from the palette.
    pub runner: Runner,
    /// Where the screen keeps what it remembers; nothing is remembered without it.
    pub kept: Option<PathBuf>,
    /// How the picture is drawn.
    pub graphics: graphics::GraphicsChoice,
    /// The kiosk view.
    pub kiosk: kiosk::KioskOptions,
    /// When a day begins, on the wall's clock.
    pub rollover: chrono::NaiveTime,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// Counts the terminals that are attached to an engine which ends with this screen.
    pub others: Others,
    /// Whether Ctrl-Z stops the process, for a shell that continues it.
    pub suspends: bool,
    /// Whether the live picture is shown, or only the boxes and names, for a slow line.
    pub preview: bool,
}

/// Counts the other terminals of an engine.
#[derive(Clone, Default)]
pub struct Others(Option<Arc<dyn Fn() -> usize + Send + Sync>>);

impl Others {
    /// As `count` counts them.
    pub fn counted_by(count: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(count)))
    }

    /// How many there are now.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |count| count())
    }
}

impl std::fmt::Debug for Others {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Others({})", self.count())
    }
}

/// Runs a subcommand for the palette, on a thread of its own.
pub type RunLine = dyn Fn(&EngineHandle, &str, &Reporter) -> message::Ran + Send + Sync;

/// Tells the screen how a line of the palette goes, and hears when it is to end.
#[derive(Debug)]
pub struct Reporter {
    id: message::DialogId,
    screen: crossbeam_channel::Sender<message::Message>,
    /// Receives where somebody ends it.
    pub stopped: Receiver<()>,
}

impl Reporter {
    /// For the line whose output is shown as `id`.
    pub fn new(
        id: message::DialogId,
        screen: crossbeam_channel::Sender<message::Message>,
        stopped: Receiver<()>,
    ) -> Self {
        Self { id, screen, stopped }
    }

    /// Something was printed.
    pub fn printed(&self, text: String) {
        let _ = self.screen.send(message::Message::Printed(self.id, text));
    }

    /// So many of so many are done.
    pub fn progress(&self, done: usize, total: usize) {
        let _ = self.screen.send(message::Message::Progress(self.id, done, total));
    }
}

/// What the palette can run, and how.
#[derive(Clone, Default)]
pub struct Runner {
    /// What it offers.
    pub subcommands: Vec<dialog::palette::Subcommand>,
    /// Runs a line; none where nothing can be run.
    pub run: Option<Arc<RunLine>>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({} subcommands)", self.subcommands.len())
    }
}

impl Default for TuiOptions {
    /// This machine's clock and time zone.
    fn default() -> Self {
        Self {
            title: "muster".to_owned(),
            now: Utc::now,
            zone: SiteZone::System,
            theme: None,
            no_color: false,
            keymap: None,
            runner: Runner::default(),
            kept: None,
            graphics: graphics::GraphicsChoice::default(),
            kiosk: kiosk::KioskOptions::default(),
            rollover: chrono::NaiveTime::MIN,
            mouse: true,
            others: Others::default(),
            suspends: true,
            preview: true,
        }
    }
}

impl TuiOptions {
    /// The theme on the terminal that the environment says this is.
    ///
    /// # Errors
    /// [`TuiError::Theme`] for a theme that cannot be used.
    pub fn theme(&self) -> Result<Theme, TuiError> {
        let file = self.theme.clone().or_else(|| ThemeFile::built_in("ansi16"));
        let palette = file.as_ref().map(Palette::read).transpose()?;
        let environment = Environment::read();
        Ok(palette
            .map_or_else(Theme::plain, |palette| Theme::for_terminal(&palette, self.no_color, &environment)))
    }
}

/// Why the screen ended in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Somebody quit.
    Quit,
    /// This signal came; a shell expects the exit status 128 + the number.
    Signal(i32),
    /// The engine stopped.
    EngineStopped,
}

/// Something that comes from outside the engine.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste or a new size.
    Terminal(Event),
    /// A signal that asks the program to end.
    Signal(i32),
    /// The terminal is gone.
    HungUp,
    /// The terminal cannot be read.
    Failed(io::Error),
}

/// Why the screen ended in bad order.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// There is no terminal to draw on.
    #[error("the screen needs a terminal, and the output is none; `muster take` works without one")]
    NotATerminal,
    /// It cannot be taken over.
    #[error("the terminal could not be taken over: {0}")]
    Terminal(#[source] io::Error),
    /// It cannot be written.
    #[error("the screen could not be drawn: {0}")]
    Draw(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be read.
    #[error("the keys could not be read: {0}")]
    Input(#[source] io::Error),
    /// It hung up.
    #[error("the terminal is gone")]
    Gone,
    /// A thread could not be started or signals could not be taken.
    #[error("the screen's threads could not be started: {0}")]
    Thread(#[source] io::Error),
    /// The theme cannot be used.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The keymap cannot be used.
    #[error(transparent)]
    Keymap(#[from] keymap::KeymapError),
}

impl TuiError {
    /// An error of a backend; a terminal that is gone is told apart.
    pub(crate) fn draw(error: impl Error + Send + Sync + 'static) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        match error.downcast_ref::<io::Error>() {
            Some(error) if is_gone(error) => Self::Gone,
            _ => Self::Draw(error),
        }
    }

    /// Whether nobody is there any more to read a message: end with an error status and no word.
    pub fn is_terminal_gone(&self) -> bool {
        match self {
            Self::Gone => true,
            Self::Terminal(error) | Self::Input(error) => is_gone(error),
            _ => false,
        }
    }
}

/// Whether `error` is what a terminal or pipe gives after its other end went away.
fn is_gone(error: &io::Error) -> bool {
    let hung_up = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    hung_up || matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}

/// Takes the terminal over and shows the engine of `handle` until somebody quits, a signal comes or
/// the engine stops. The terminal is given back however this ends; the engine goes on.
///
/// # Errors
/// [`TuiError`] where there is no terminal, or it fails or goes away.
pub fn run(handle: &EngineHandle, options: &TuiOptions) -> Result<Exit, TuiError> {
    let theme = options.theme()?;
    let _screen = terminal::Screen::take(options.mouse)?;
    // Before the keys are read, since the answers come among them.
    let found = graphics::query::ask(options.graphics);
    let meter = Arc::new(line::Meter::default());
    let inputs = terminal::Inputs::start()?;
    let backend = CrosstermBackend::new(terminal::OnePiece::new(io::stdout(), Arc::clone(&meter)));
    let mut shell = Shell::new(backend, inputs.receiver.clone(), handle, options, theme)?;
    shell.suspend = options.suspends.then_some(terminal::suspend);
    shell.set_terminal(&found, meter)?;
    shell.run()
}

/// [`run`] on any backend, fed by any inputs.
///
/// # Errors
/// [`TuiError`] where the backend fails or the inputs say that the terminal is gone.
pub fn run_with<B>(
    backend: B,
    inputs: Receiver<Input>,
    handle: &EngineHandle,
    options: &TuiOptions,
    theme: Theme,
) -> Result<Exit, TuiError>
where
    B: Backend,
    B::Error: Error + Send + Sync + 'static,
{
    Shell::new(backend, inputs, handle, options, theme)?.run()
}
