//! One engine and many who are attached to it: subcommands, screens, a line of 9600 baud, and what fifty of them
//! cost.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use muster::engine::EngineEvent;
use muster::engine::state::PreviewRequest;
use muster::link::client::{Attached, Staying, attach};

use crate::support::{Home, demo_picture};
use crate::terminal::{Line, Terminal, stills};

const PATIENCE: Duration = Duration::from_secs(120);

/// `muster serve` on a home of its own.
pub struct Service {
    child: Child,
}

impl Service {
    /// Without a source that gives pictures: nothing changes.
    pub fn idle(home: &Home) -> Self {
        let config = home.path().join("muster.toml");
        std::fs::write(&config, "[source]\ndefault = \"camera:/dev/none\"\n").unwrap();
        let mut command = home.muster_on(Path::new("none"), ["--config"]);
        command.arg(config).arg("serve");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let service = Self { child };
        let until = Instant::now() + PATIENCE;
        while socket(home).is_none() {
            assert!(Instant::now() < until, "no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        service
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks / 100.0
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The socket of the home's engine.
fn socket(home: &Home) -> Option<PathBuf> {
    let entries = std::fs::read_dir(home.path().join("run/muster")).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ext| ext == "sock"))
}

#[test]
fn a_second_process_is_a_client_of_the_first_and_is_asked_about() {
    let home = Home::new();
    let source = stills(&home, &["enrol/biden.jpg"]);
    let mut host = Terminal::start(&home, &["--source", &source], 24, 80);
    host.until_shown("Roster");
    // Subcommands go through the engine, and the screen shows what they did.
    home.run(["roster", "list"]).expect(0);
    let picture = demo_picture("enrol/biden.jpg");
    home.run(["enroll".as_ref(), "Joe Biden".as_ref(), picture.as_os_str()]).expect(0);
    host.until_shown("Joe Biden");
    host.until_shown("1 present");
    let status = home.run(["status"]);
    assert!(status.stdout.contains("engine      runs"), "{}", status.stdout);
    let taken = home.run(["take", "--source", &source]);
    assert!(taken.code == 3 && taken.stderr.contains("an engine runs here"), "{}", taken.stderr);
    // A second screen shows the same, with the picture; it goes as it likes.
    let mut second = Terminal::start(&home, &[], 24, 80);
    second.until("the same", |text| text.contains("Joe Biden") && text.contains("1 present"));
    second.until("the picture", |text| text.contains('▀'));
    let with_source = Terminal::start(&home, &["--source", &source], 24, 80).exit_code();
    assert_eq!(with_source, 2);
    // The first asks before it takes the engine from the second.
    host.keys("q");
    host.until_shown("Another terminal is attached");
    host.keys("n");
    host.until("the question is gone", |text| !text.contains("Another terminal"));
    host.keys("q");
    host.until_shown("Another terminal is attached");
    host.keys("y");
    assert_eq!(host.exit_code(), 0);
    second.until_shown("engine gone");
    // It comes back with the next engine, whoever starts it.
    let mut third = Terminal::start(&home, &["--source", &source], 24, 80);
    second.until("the engine's return", |text| !text.contains("engine gone") && text.contains("Joe Biden"));
    second.keys("q");
    assert_eq!(second.exit_code(), 0);
    // Nobody else is attached, so nobody is asked about.
    std::thread::sleep(Duration::from_millis(500));
    third.keys("q");
    assert_eq!(third.exit_code(), 0);
    home.run(["log", "verify"]).expect(0);
}

#[test]
fn a_line_of_9600_baud_is_usable_and_is_not_dropped() {
    let home = Home::new();
    let source = stills(&home, &["enrol/biden.jpg"]);
    let mut host = Terminal::start(&home, &["--source", &source], 24, 80);
    host.until_shown("Roster");
    let line = Line { bytes_at_once: 96, pause: Duration::from_millis(100), ..Line::default() };
    let mut slow = Terminal::start_on(&home, &[], 24, 80, line);
    slow.until_shown("Roster");
    // Long enough for an engine that waited for it to be noticed.
    std::thread::sleep(Duration::from_secs(15));
    slow.keys("?");
    slow.until_shown("Help");
    slow.keys("\u{1b}");
    let picture = demo_picture("enrol/biden.jpg");
    home.run(["enroll".as_ref(), "Joe Biden".as_ref(), picture.as_os_str()]).expect(0);
    slow.until_shown("Joe Biden");
    assert!(!slow.text().contains("engine gone"));
    slow.keys("q");
    assert_eq!(slow.exit_code(), 0);
    host.keys("q");
    assert_eq!(host.exit_code(), 0);
}

#[test]
fn fifty_terminals_cost_next_to_nothing_while_nothing_changes() {
    let home = Home::new();
    let service = Service::idle(&home);
    let place = socket(&home).unwrap();
    let idle = |seconds| {
        let before = service.cpu_seconds();
        std::thread::sleep(Duration::from_secs(seconds));
        service.cpu_seconds() - before
    };
    let alone = idle(10);
    let attached: Vec<Attached> = (0..50).map(|_| attach(&place, None, Staying::Once).unwrap()).collect();
    let request = PreviewRequest { max_width: 80, max_height: 48, max_fps: 10.0 };
    let events: Vec<_> = attached
        .iter()
        .map(|client| {
            client.handle().request_preview(Some(request));
            client.handle().subscribe(64)
        })
        .collect();
    let with_fifty = idle(10);
    println!(
        "the engine's own CPU time in 10 s: {alone:.2} s alone, {with_fifty:.2} s with 50 terminals attached"
    );
    // Everybody is still there, and is told what changes.
    attached[0].handle().call(muster::engine::Command::Export).unwrap();
    for events in &events {
        let until = Instant::now() + PATIENCE;
        while !events.try_iter().any(|event| matches!(event, EngineEvent::Entry(_))) {
            assert!(Instant::now() < until, "somebody was told nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
