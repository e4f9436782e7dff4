//! The whole program in a real pseudo-terminal, as a person at the keyboard uses it.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::{Home, demo_picture, models_dir};

/// How long something may take that must happen: long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a terminal answers and how fast it reads.
#[derive(Clone, Copy)]
pub struct Line {
    /// To the question for its attributes.
    pub answer: &'static [u8],
    pub bytes_at_once: usize,
    pub pause: Duration,
}

impl Default for Line {
    /// A terminal without pictures that reads as fast as it can.
    fn default() -> Self {
        Self { answer: b"\x1b[?62;22c", bytes_at_once: 65_536, pause: Duration::ZERO }
    }
}

/// A program in a pseudo-terminal, and what a terminal would show of it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    pub fn start(home: &Home, arguments: &[&str], rows: u16, cols: u16) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_muster"));
        command.arg("--data-dir");
        command.arg(home.data_dir());
        command.arg("--models-dir");
        command.arg(models_dir());
        command.args(arguments);
        Self::run(home, command, rows, cols)
    }

    /// The screen on a terminal that answers and reads as `line` says.
    pub fn start_on(home: &Home, arguments: &[&str], rows: u16, cols: u16, line: Line) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_muster"));
        command.arg("--data-dir");
        command.arg(home.data_dir());
        command.arg("--models-dir");
        command.arg(models_dir());
        command.args(arguments);
        Self::run_on(home, command, rows, cols, line)
    }

    /// Any program, with the environment of `home`.
    pub fn run(home: &Home, command: CommandBuilder, rows: u16, cols: u16) -> Self {
        Self::run_on(home, command, rows, cols, Line::default())
    }

    fn run_on(home: &Home, mut command: CommandBuilder, rows: u16, cols: u16, line: Line) -> Self {
        let pair = native_pty_system().openpty(size(rows, cols)).expect("a pseudo-terminal");
        command.env_clear();
        for (name, value) in home.environment() {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).expect("muster starts");
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (to_screen, to_raw) = (Arc::clone(&screen), Arc::clone(&raw));
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("a writer")));
        let answers = Arc::clone(&writer);
        std::thread::spawn(move || {
            let mut buffer = vec![0; line.bytes_at_once];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                // The last of the questions; every terminal answers it.
                if buffer[..count].windows(3).any(|bytes| bytes == b"\x1b[c") {
                    answers.lock().unwrap().write_all(line.answer).unwrap();
                }
                std::thread::sleep(line.pause);
                to_screen.lock().unwrap().process(&buffer[..count]);
                to_raw.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { master: pair.master, writer, child, screen, raw }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(Instant::now() < until, "never came: {what}\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many bytes the program has written.
    pub fn bytes_written(&self) -> usize {
        self.raw.lock().unwrap().len()
    }

    /// Waits until the program has written `bytes`.
    #[track_caller]
    pub fn until_written(&self, bytes: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while !self.raw.lock().unwrap().windows(bytes.len()).any(|window| window == bytes) {
            assert!(Instant::now() < until, "never written: {:?}", String::from_utf8_lossy(bytes));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn until_shown(&self, wanted: &str) -> String {
        self.until(wanted, |text| text.contains(wanted))
    }

    pub fn keys(&mut self, keys: &str) {
        self.writer.lock().unwrap().write_all(keys.as_bytes()).expect("keys are taken");
        self.writer.lock().unwrap().flush().expect("keys are taken");
    }

    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(rows, cols)).expect("the terminal is resized");
    }

    #[track_caller]
    pub fn exit_code(&mut self) -> u32 {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status.exit_code();
            }
            assert!(Instant::now() < until, "muster did not end\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the last word on each switch of the terminal is "off".
    #[track_caller]
    pub fn expect_given_back(&self) {
        // The reader may still be taking in the last bytes.
        let until = Instant::now() + PATIENCE;
        loop {
            let raw = String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned();
            let off = |on: &str, off: &str| match (raw.rfind(on), raw.rfind(off)) {
                (Some(on), Some(off)) => off > on,
                (None, _) => true,
                (Some(_), None) => false,
            };
            let given_back = raw.contains("\x1b[?1049h")
                && off("\x1b[?1049h", "\x1b[?1049l")
                && off("\x1b[?25l", "\x1b[?25h")
                && off("\x1b[?1000h", "\x1b[?1000l")
                && off("\x1b[?2004h", "\x1b[?2004l");
            if given_back {
                return;
            }
            assert!(Instant::now() < until, "the terminal was not given back: {:?}", tail(&raw));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// The process's own CPU time so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let pid = self.child.process_id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        // USER_HZ is 100 on every Linux that muster runs on.
        ticks / 100.0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(400);
    text.get(text.ceil_char_boundary(start)..).unwrap_or(text)
}

fn cells(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).expect("a terminal has cells")
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// A folder that a replay camera shows: one photograph.
pub fn stills(home: &Home, pictures: &[&str]) -> String {
    let dir = home.path().join("stills");
    std::fs::create_dir_all(&dir).unwrap();
    for name in pictures {
        let from = demo_picture(name);
        std::fs::copy(&from, dir.join(from.file_name().unwrap())).unwrap();
    }
    format!("replay:{}", dir.display())
}

#[test]
fn somebody_is_enrolled_from_the_camera_and_recognised() {
    let home = Home::new();
    let source = stills(&home, &["enrol/obama.jpg"]);
    let mut terminal = Terminal::start(&home, &["--source", &source], 40, 120);
    terminal.until("a face in view", |text| text.contains("unknown") || text.contains("unidentified"));
    terminal.keys("e");
    terminal.until_shown("identifier");
    terminal.keys("Barack Obama\r");
    // The first shot is taken by itself, as soon as the face in view is good.
    let is_taken = |text: &str| (1..=4).any(|taken| text.contains(&format!("{taken} of 4 pictures")));
    terminal.until("a shot", |text| is_taken(text) || text.contains("enter enrols with"));
    if is_taken(&terminal.text()) {
        terminal.keys("\r");
    }
    terminal.until_shown("enter enrols with");
    terminal.keys("\r");
    terminal.until("the name in roster and log", |text| text.matches("Barack Obama").count() >= 2);
    terminal.until_shown("1 present");
    terminal.resize(24, 80);
    terminal.until("the smaller screen", |text| {
        text.contains("Barack Obama") && text.lines().all(|line| line.chars().count() <= 80)
    });
    terminal.resize(10, 40);
    terminal.until_shown("60 x 16");
    terminal.resize(40, 120);
    terminal.until_shown("Barack Obama");
    terminal.keys("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.expect_given_back();

    let roster = home.run(["roster", "list", "--json"]).expect(0).json_lines();
    assert_eq!(roster[0]["person"], "Barack Obama");
    let present = home.run(["report", "--present", "--format", "json"]).expect(0).json_lines();
    assert_eq!(present[0]["person"], "Barack Obama");
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    for (signal, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        let home = Home::new();
        let source = stills(&home, &["enrol/biden.jpg"]);
        let mut terminal = Terminal::start(&home, &["--source", &source], 24, 80);
        terminal.until_shown("Roster");
        terminal.signal(signal);
        assert_eq!(terminal.exit_code(), 128 + number, "SIG{signal}");
        terminal.expect_given_back();
        home.run(["roster", "list"]).expect(0);
    }
}

#[test]
fn a_closed_terminal_ends_it_quickly_and_cleanly() {
    let home = Home::new();
    let source = stills(&home, &["enrol/biden.jpg"]);
    let terminal = Terminal::start(&home, &["--source", &source], 24, 80);
    terminal.until_shown("Roster");
    let pid = terminal.child.process_id().unwrap();
    drop(terminal);
    let until = Instant::now() + PATIENCE;
    while Path::new(&format!("/proc/{pid}/exe")).exists() {
        assert!(Instant::now() < until, "muster outlived its terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_paused_screen_costs_next_to_nothing() {
    let home = Home::new();
    let source = stills(&home, &["enrol/biden.jpg"]);
    let mut terminal = Terminal::start(&home, &["--source", &source], 40, 120);
    terminal.until("a face in view", |text| text.contains("unknown") || text.contains("unidentified"));
    terminal.keys("p");
    terminal.until("paused", |text| text.to_lowercase().contains("paused"));
    // Let the threads come to rest before the count begins.
    std::thread::sleep(Duration::from_secs(8));
    let window = Duration::from_secs(10);
    let (before, written) = (terminal.cpu_seconds(), terminal.bytes_written());
    std::thread::sleep(window);
    let share = (terminal.cpu_seconds() - before) / window.as_secs_f64();
    println!("paused: {:.2} % of a core over {} s", share * 100.0, window.as_secs());
    assert!(share < 0.02, "{:.2} % of a core", share * 100.0);
    assert_eq!(terminal.bytes_written(), written, "nothing changed, and something was written");
    // Another line is selected: two lines of the log are written, and nothing else.
    let whole = written;
    terminal.keys("\tj");
    terminal.until_shown("scrolled back");
    let changed = terminal.bytes_written() - written;
    println!("selecting another line: {changed} bytes of a screen whose first drawing took some of {whole}");
    assert!(changed < 6_000, "{changed} bytes for two lines and two borders");
    terminal.keys("q");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_camera_that_is_not_there_is_a_state_on_the_screen() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &["--source", "camera:99"], 40, 120);
    terminal.until_shown("/dev/video99");
    terminal.keys("?");
    terminal.until_shown("esc closes");
    // Alone: an escape with a key behind it is another key.
    terminal.keys("\x1b");
    terminal.until("the help is gone", |text| !text.contains("esc closes"));
    terminal.keys("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.expect_given_back();
}
