//! The loop that joins the model to a terminal and to the engine. It waits in one place for keys,
//! events, replies and the time at which the screen changes by itself, and draws only where
//! something that is drawn is different.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseEventKind};
use zeroize::Zeroizing;

use super::graphics::encode::{Job, encode};
use super::graphics::query::{Found, LateAnswer};
use super::kept::{Kept, names_nobody};
use super::keymap::Keymap;
use super::kiosk::{CheckPin, KioskOptions};
use super::line::{LineWatch, Meter};
use super::message::{DialogId, Effect, LOG_PAGE, LogQuery, Message, Purpose, Ran};
use super::model::Model;
use super::theme::Theme;
use super::view::view;
use super::{Exit, Input, Others, Reporter, Runner, TuiError, TuiOptions};
use crate::engine::latest::{LatestSender, latest};
use crate::engine::{Command, CommandError, EngineEvent, EngineHandle};
use crate::ledger::Sequence;

/// Messages that are taken before the screen is drawn again.
const BATCH: usize = 256;

/// Events of the engine that may wait; what does not fit is said as `Lagged` and fetched again.
const EVENT_ROOM: usize = 1_024;

/// The longest wait where nothing is due; any message ends it.
const LONG_WAIT: Duration = Duration::from_secs(3_600);

/// The page of the log that was asked for, or why it does not come.
fn log_page(engine: &EngineHandle, query: LogQuery) -> Message {
    let page = match query {
        LogQuery::Before(sequence) => engine.entries_before(sequence, LOG_PAGE),
        LogQuery::Since(sequence) => engine.entries_since(sequence, LOG_PAGE),
        LogQuery::Between(from, until) => engine.entries_between(from, until),
    };
    match page {
        Ok(page) => Message::Log(query, page),
        Err(error) => Message::LogUnread(query, error),
    }
}

/// What the thread for the log is asked.
#[derive(Debug)]
enum Query {
    Log(LogQuery),
    Explain(DialogId, Sequence),
    Pin(Zeroizing<String>),
}

/// The threads that wait for the engine in the place of the screen: one for commands, one for pages of the
/// log, so that a slow shot does not hold the log up, and one for lines of the palette.
#[derive(Debug)]
struct Workers {
    commands: Sender<(Command, Purpose)>,
    queries: Sender<Query>,
    lines: Sender<(DialogId, String)>,
    /// Ends the line that runs.
    stop: Sender<()>,
    pictures: LatestSender<Job>,
    answers: Receiver<Message>,
}

impl Workers {
    /// Starts them. They end when this is dropped and the call they wait in has come back.
    fn start(
        handle: &EngineHandle,
        runner: &Runner,
        check_pin: Option<Arc<CheckPin>>,
    ) -> std::io::Result<Self> {
        let (commands, command_queue) = bounded::<(Command, Purpose)>(16);
        let (queries, query_queue) = bounded::<Query>(16);
        let (to_screen, answers) = bounded(32);
        let (to_lines, to_shell) = (to_screen.clone(), to_screen.clone());
        let (engine, sender) = (handle.clone(), to_screen.clone());
        std::thread::Builder::new().name("tui-commands".to_owned()).spawn(move || {
            for (command, purpose) in command_queue {
                let reply = Box::new(engine.call(command));
                if sender.send(Message::Reply(purpose, reply)).is_err() {
                    return;
                }
            }
        })?;
        let engine = handle.clone();
        std::thread::Builder::new().name("tui-log".to_owned()).spawn(move || {
            for query in query_queue {
                let message = match query {
                    Query::Log(query) => log_page(&engine, query),
                    Query::Pin(pin) => {
                        Message::PinChecked(check_pin.as_ref().is_some_and(|check| check(&pin)))
                    }
                    Query::Explain(id, sequence) => match engine.whole_entry(sequence) {
                        Ok(found) => Message::Explained(id, found.map(Box::new)),
                        Err(error) => Message::NotExplained(id, error),
                    },
                };
                if to_screen.send(message).is_err() {
                    return;
                }
            }
        })?;
        let (lines, line_queue) = bounded::<(DialogId, String)>(1);
        let (stop, stopped) = bounded::<()>(1);
        if let Some(run) = runner.run.clone() {
            let engine = handle.clone();
            std::thread::Builder::new().name("tui-lines".to_owned()).spawn(move || {
                for (id, line) in line_queue {
                    // One that was meant for the line before.
                    let _ = stopped.try_recv();
                    let reporter = Reporter::new(id, to_lines.clone(), stopped.clone());
                    if to_lines.send(Message::Ran(id, run(&engine, &line, &reporter))).is_err() {
                        return;
                    }
                }
            })?;
        }
        let (pictures, picture_jobs, _) = latest::<Job>();
        std::thread::Builder::new().name("tui-pictures".to_owned()).spawn(move || {
            for job in picture_jobs {
                if encode(&job).is_some_and(|encoded| to_shell.send(Message::Encoded(encoded)).is_err()) {
                    return;
                }
            }
        })?;
        Ok(Self { commands, queries, lines, stop, pictures, answers })
    }
}

/// The screen with its model, its terminal and its engine.
#[derive(Debug)]
pub struct Shell<B: Backend> {
    terminal: Terminal<B>,
    model: Model,
    theme: Theme,
    handle: EngineHandle,
    events: Receiver<EngineEvent>,
    inputs: Receiver<Input>,
    workers: Workers,
    kept: Option<PathBuf>,
    kiosk: KioskOptions,
    others: Others,
    /// Stops the process; none where the terminal is not the process's own.
    pub(super) suspend: Option<fn() -> Result<(), TuiError>>,
    now: fn() -> chrono::DateTime<chrono::Utc>,
    last_drawn: Option<Instant>,
    urgent: bool,
    exit: Option<Exit>,
    /// What was given to be encoded last.
    last_job: Option<Job>,
    watch: LineWatch,
    /// An answer of the terminal that may still come among the keys.
    late: Option<LateAnswer>,
}

/// What came first.
enum Arrival {
    Input(Input),
    Engine(EngineEvent),
    Answer(Message),
    Nothing,
}

impl<B> Shell<B>
where
    B: Backend,
    B::Error: Error + Send + Sync + 'static,
{
    /// A screen on `backend` for the engine of `handle`, fed by `inputs`.
    ///
    /// # Errors
    /// [`TuiError`] where the terminal does not answer, a thread cannot be started or the keymap
    /// clashes.
    pub fn new(
        backend: B,
        inputs: Receiver<Input>,
        handle: &EngineHandle,
        options: &TuiOptions,
        theme: Theme,
    ) -> Result<Self, TuiError> {
        let terminal = Terminal::new(backend).map_err(TuiError::draw)?;
        let keymap = Arc::new(options.keymap.as_ref().map_or_else(Keymap::built_in, Keymap::with_user)?);
        let check_pin = options.kiosk.check_pin.clone();
        let workers = Workers::start(handle, &options.runner, check_pin).map_err(TuiError::Thread)?;
        // Subscribed before the snapshot is taken, so that no change falls between.
        let events = handle.subscribe(EVENT_ROOM);
        let (title, now) = (options.title.clone(), options.now);
        let mut model = Model::new(title, keymap, options.zone, now(), handle.snapshot());
        model.shows_picture = options.preview;
        model.subcommands = options.runner.subcommands.clone();
        model.rollover = options.rollover;
        model.has_pin = options.kiosk.check_pin.is_some();
        model.badge = options.kiosk.badge.clone();
        let kept = options.kept.as_deref().map(Kept::read);
        match kept {
            Some(Ok(mut kept)) => {
                kept.history.retain(|line| names_nobody(line, &model.subcommands));
                model.history.clone_from(&kept.history);
                model.kept = kept;
            }
            // A screen that forgot how it lay is no reason not to start.
            Some(Err(error)) => tracing::warn!(%error, "what the screen remembered cannot be read"),
            None => {}
        }
        let mut shell = Self {
            terminal,
            model,
            theme,
            handle: handle.clone(),
            events,
            inputs,
            workers,
            kept: options.kept.clone(),
            kiosk: options.kiosk.clone(),
            others: options.others.clone(),
            suspend: None,
            now,
            last_drawn: None,
            urgent: true,
            exit: None,
            last_job: None,
            watch: LineWatch::default(),
            late: None,
        };
        let size = shell.terminal.size().map_err(TuiError::draw)?;
        shell.deliver(Message::Resize(size.width, size.height))?;
        if options.kiosk.begins {
            for effect in shell.model.enter_kiosk() {
                shell.perform(effect)?;
            }
        }
        let first_page = shell.model.log.start();
        shell.perform(first_page)?;
        Ok(shell)
    }

    /// Draws on a terminal that was asked what it has, and whose line is measured by `meter`.
    pub(super) fn set_terminal(&mut self, found: &Found, meter: Arc<Meter>) -> Result<(), TuiError> {
        self.model.screen = found.screen;
        self.late = found.is_late.then(LateAnswer::default);
        self.watch = LineWatch::new(meter);
        for c in found.typed.chars() {
            self.deliver(Message::Key(KeyEvent::from(KeyCode::Char(c))))?;
        }
        Ok(())
    }

    /// Gives the picture to be encoded where it is not the one that was given before.
    fn encode_picture(&mut self) {
        let job = self.model.picture_job();
        if let (Some(job), true) = (&job, job != self.last_job) {
            self.workers.pictures.replace(job.clone());
        }
        self.last_job = job;
    }

    /// Runs until somebody quits, a signal comes, the terminal is gone or the engine stops. The
    /// engine is told that no preview is needed any more, however it ends.
    ///
    /// # Errors
    /// [`TuiError`] where the terminal cannot be written.
    pub fn run(&mut self) -> Result<Exit, TuiError> {
        let result = self.run_until_exit();
        self.handle.request_preview(None);
        // `Terminal` does this when it is dropped, and prints where it fails; of a terminal that is
        // gone, nobody needs to read that. Whoever took the terminal gives it back in any case.
        let _ = self.terminal.show_cursor();
        result
    }

    fn run_until_exit(&mut self) -> Result<Exit, TuiError> {
        loop {
            self.draw_if_due()?;
            if let Some(exit) = self.exit {
                return Ok(exit);
            }
            self.wait(LONG_WAIT)?;
        }
    }

    /// Waits at most `longest` for one thing to come, and takes everything that is there by then.
    ///
    /// # Errors
    /// [`TuiError`] where the terminal is gone.
    pub fn wait(&mut self, longest: Duration) -> Result<(), TuiError> {
        let mut arrival = self.arrival(self.until_due().min(longest));
        self.model.update(Message::Tick((self.now)()));
        let mut state_changed = false;
        for _ in 0..BATCH {
            match arrival {
                Arrival::Nothing => break,
                Arrival::Input(input) => self.take_input(input)?,
                Arrival::Answer(message) => {
                    // The state that the answer speaks of is on the board before it.
                    self.take_state()?;
                    self.urgent = true;
                    self.deliver(message)?;
                }
                Arrival::Engine(EngineEvent::StateChanged | EngineEvent::RoleChanged) => state_changed = true,
                Arrival::Engine(event) => {
                    if event == EngineEvent::Stopped {
                        self.exit = Some(Exit::EngineStopped);
                    }
                    self.deliver(Message::Engine(event))?;
                }
            }
            if self.exit.is_some() {
                return Ok(());
            }
            arrival = self.arrival(Duration::ZERO);
        }
        if state_changed {
            self.take_state()?;
        }
        if let Some(line) = self.watch.look() {
            self.deliver(Message::Line(line))?;
        }
        self.encode_picture();
        Ok(())
    }

    fn take_state(&mut self) -> Result<(), TuiError> {
        let message = Message::State(self.handle.snapshot(), self.handle.preview());
        self.deliver(message)
    }

    fn arrival(&self, timeout: Duration) -> Arrival {
        select! {
            recv(self.inputs) -> input => Arrival::Input(input.unwrap_or(Input::HungUp)),
            recv(self.events) -> event => Arrival::Engine(event.unwrap_or(EngineEvent::Stopped)),
            recv(self.workers.answers) -> answer => match answer {
                Ok(message) => Arrival::Answer(message),
                // Both workers end only when the engine is gone or this shell is dropped.
                Err(_) => Arrival::Engine(EngineEvent::Stopped),
            },
            default(timeout) => Arrival::Nothing,
        }
    }

    /// How long until the screen must be drawn or changes by itself.
    fn until_due(&self) -> Duration {
        let drawing = match self.last_drawn {
            _ if !self.model.is_dirty() => LONG_WAIT,
            Some(drawn) if !self.urgent => self.between_drawings().saturating_sub(drawn.elapsed()),
            _ => Duration::ZERO,
        };
        let tick = self.model.next_tick().map_or(LONG_WAIT, |at| {
            // A tick that has just passed is waited for a little, so that it is never a busy loop.
            (at - (self.now)()).to_std().unwrap_or_default().max(Duration::from_millis(20))
        });
        drawing.min(tick).min(self.watch.until_next())
    }

    /// The least time between two drawings that no key asked for.
    fn between_drawings(&self) -> Duration {
        self.model.line.detail.between_drawings()
    }

    fn take_input(&mut self, input: Input) -> Result<(), TuiError> {
        let message = match input {
            Input::Terminal(Event::Key(key)) if self.is_late_answer(key) => return Ok(()),
            Input::Terminal(Event::Key(key)) => Message::Key(key),
            Input::Terminal(Event::Paste(text)) => Message::Paste(text),
            // Most terminals say every cell that the mouse crosses.
            Input::Terminal(Event::Mouse(mouse)) if mouse.kind == MouseEventKind::Moved => return Ok(()),
            Input::Terminal(Event::Mouse(mouse)) => Message::Mouse(mouse),
            Input::Terminal(Event::Resize(width, height)) => Message::Resize(width, height),
            Input::Terminal(_) => return Ok(()),
            Input::Signal(signal) => {
                self.exit = Some(Exit::Signal(signal));
                return Ok(());
            }
            Input::HungUp => return Err(TuiError::Gone),
            Input::Failed(error) => return Err(TuiError::Input(error)),
        };
        self.urgent = true;
        self.deliver(message)
    }

    /// Whether a key is part of an answer of the terminal that came too late.
    fn is_late_answer(&mut self, key: KeyEvent) -> bool {
        let (Some(late), KeyCode::Char(c)) = (&mut self.late, key.code) else { return false };
        late.swallows(c, key.modifiers.contains(KeyModifiers::ALT))
    }

    fn deliver(&mut self, message: Message) -> Result<(), TuiError> {
        let mut effects = self.model.update(message);
        while !effects.is_empty() {
            let mut more = Vec::new();
            for effect in effects {
                more.extend(self.perform(effect)?);
            }
            effects = more;
        }
        Ok(())
    }

    /// Does what the model asks for; what follows from it at once.
    fn perform(&mut self, effect: Effect) -> Result<Vec<Effect>, TuiError> {
        match effect {
            Effect::Send(command, purpose) => {
                let (purpose, error) = match self.workers.commands.try_send((command, purpose)) {
                    Ok(()) => return Ok(Vec::new()),
                    Err(TrySendError::Full((_, purpose))) => (purpose, CommandError::Busy),
                    Err(TrySendError::Disconnected((_, purpose))) => (purpose, CommandError::Stopped),
                };
                return Ok(self.model.update(Message::Reply(purpose, Box::new(Err(error)))));
            }
            Effect::LoadLog(query) => {
                if self.workers.queries.try_send(Query::Log(query)).is_err() {
                    return Ok(self.model.update(Message::LogRefused(query)));
                }
            }
            Effect::Explain(id, sequence) => {
                if self.workers.queries.try_send(Query::Explain(id, sequence)).is_err() {
                    return Ok(self.model.update(Message::Explained(id, None)));
                }
            }
            Effect::RequestPreview(request) => {
                self.handle.request_preview(request);
            }
            Effect::Run(id, line) => {
                if self.workers.lines.try_send((id, line)).is_err() {
                    let text = "another line is still running; wait for it".to_owned();
                    return Ok(self.model.update(Message::Ran(id, Ran { text, succeeded: false })));
                }
            }
            Effect::CheckPin(pin) => {
                if self.workers.queries.try_send(Query::Pin(pin)).is_err() {
                    return Ok(self.model.update(Message::PinChecked(false)));
                }
            }
            Effect::Ring(sound) => {
                if let Some(ring) = &self.kiosk.ring {
                    ring(sound);
                }
            }
            Effect::StopRunning => {
                // Full means that it was asked before.
                let _ = self.workers.stop.try_send(());
            }
            Effect::Keep(kept) => {
                if let Some(Err(error)) = self.kept.as_deref().map(|path| kept.write(path)) {
                    tracing::warn!(%error, "what the screen remembers cannot be written");
                }
            }
            Effect::Suspend => {
                if let Some(suspend) = self.suspend {
                    suspend()?;
                    let size = self.terminal.size().map_err(TuiError::draw)?;
                    self.wipe()?;
                    return Ok(self.model.update(Message::Resize(size.width, size.height)));
                }
            }
            Effect::Redraw => self.wipe()?,
            Effect::Quit if self.model.asks_to_leave(self.others.count()) => {}
            Effect::Quit | Effect::Leave => self.exit = self.exit.or(Some(Exit::Quit)),
        }
        Ok(Vec::new())
    }

    /// Clears the screen, so that the next drawing writes every cell. `Terminal::clear` would ask the terminal
    /// where its cursor is, and the answer comes to the thread that reads the keys.
    fn wipe(&mut self) -> Result<(), TuiError> {
        self.terminal.backend_mut().clear().map_err(TuiError::draw)?;
        // Forgets what was drawn.
        self.terminal.swap_buffers();
        Ok(())
    }

    /// Draws where something is different and it is time.
    ///
    /// # Errors
    /// [`TuiError`] where the terminal cannot be written.
    pub fn draw_if_due(&mut self) -> Result<(), TuiError> {
        let early = self.last_drawn.is_some_and(|drawn| drawn.elapsed() < self.between_drawings());
        if !self.model.is_dirty() || (early && !self.urgent) {
            return Ok(());
        }
        self.model.take_dirty();
        self.urgent = false;
        let (model, theme) = (&self.model, &self.theme);
        self.terminal
            .draw(|frame| {
                let area = frame.area();
                view(model, theme, area, frame.buffer_mut());
            })
            .map_err(TuiError::draw)?;
        self.last_drawn = Some(Instant::now());
        self.watch.drew();
        Ok(())
    }

    /// Draws in another theme from now on.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
        self.urgent = true;
    }

    /// The screen's model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The screen as it would be drawn now.
    pub fn picture(&self) -> ratatui::buffer::Buffer {
        let size = self.model.size;
        let area = ratatui::layout::Rect::new(0, 0, size.width, size.height);
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        view(&self.model, &self.theme, area, &mut buffer);
        buffer
    }
}
