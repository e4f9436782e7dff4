//! What an observer must not do, tried in every way there is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use muster::access::OperatorId;
use muster::engine::command::StoreCommand;
use muster::engine::operators::OperatorsCommand;
use muster::engine::state::PreviewRequest;
use muster::engine::{Command as EngineCommand, CommandError};
use muster::ledger::Sequence;
use muster::link::client::{Staying, attach};
use muster::link::place;

use super::world::{DESK, Key, MUSTER_SSH, World, as_account, gates};

/// Refused with a message.
fn refused(world: &World, question: &str) {
    let answer = world.ask(Key::Observer, question);
    assert_ne!(answer.code, 0, "{question:?}: {answer:?}");
    assert!(!answer.stdout.contains("uid=") && !answer.stdout.contains("root:"), "{question:?}: {answer:?}");
    assert!(!answer.stderr.is_empty(), "{question:?} without a word");
}

pub fn through_the_command_line(world: &World) {
    // What an observer may.
    for allowed in
        ["status", "report", "report --format json", "roster list", "log list", "log head", "session list"]
    {
        let answer = world.ask(Key::Observer, allowed);
        assert!(answer.code <= 1, "{allowed}: {answer:?}");
    }
    for question in [
        "enroll Eve -",
        "mark 44 present",
        "correct 1 --strike",
        "inbox list",
        "why 1",
        "threshold",
        "operators list",
        "operators add Eve --role admin --uid 1",
        "roster remove Ana --yes",
        "roster erase Ana --yes",
        "roster export",
        "log export",
        "export-person Ana",
        "retention",
        "approvals",
        "store backup /tmp/x",
        "serve",
        "take",
        "gate 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "authorized-keys muster-ssh ssh-ed25519 AAAA",
        "completions bash",
        "config show",
        // Around the words.
        "report; id",
        "report && id",
        "report | id",
        "report `id`",
        "report $(id)",
        "report\nid",
        "report\r\nroster erase Ana",
        "'report\nid'",
        "\"operators\" \"list\"",
        "'operators list'",
        "report > /run/world/owned",
        "report --output /run/world/owned",
        "--config /etc/passwd report",
        "report --config /etc/passwd",
        "--data-dir /tmp report",
        "--as Ada operators list",
        "report --as Ada",
        "-v report",
        "keys --file /etc/passwd",
        "report 'open",
        // Other programs.
        "id",
        "sh",
        "bash -c id",
        "/bin/sh -c id",
        "cat /etc/shadow",
        "scp -t /tmp",
        "scp -f /etc/passwd",
        "/usr/lib/openssh/sftp-server",
        "internal-sftp",
        "rsync --server . /",
        "git-upload-pack x",
        "env",
        "sudo id",
        "muster operators list",
        "\u{1b}[2J",
    ] {
        refused(world, question);
    }
    refused(world, &"x".repeat(5_000));
    let screen = world.ask(Key::Observer, "");
    assert!(screen.code != 0 && screen.stderr.contains("ssh -t"), "{screen:?}");
    nothing_written(world);
}

/// Nothing in the ledger is an observer's.
fn nothing_written(world: &World) {
    let log = world.here(&["log", "tail", "-n", "100000", "--json"]).stdout;
    let olga = world.id("Olga");
    assert!(log.contains("operator") && !log.contains(&olga), "an observer wrote something: {log}");
}

pub fn through_the_screen(world: &World) {
    let mut screen = world.screen(Key::Observer, &[]);
    screen.until_shown("Roster");
    // Enrol, add, mark, remove, the inbox, a challenge, pause, the kiosk view: and away from each of them.
    for key in [
        "e", "Eve\r", "\u{1b}", "a", "\u{1b}", "m", "\u{1b}", "d", "y", "\u{1b}", "i", "\u{1b}", "c",
        "\u{1b}", "p",
    ] {
        screen.keys(key);
        std::thread::sleep(Duration::from_millis(100));
    }
    for line in ["operators list", "roster export", "enroll Eve -", "threshold", "store backup /tmp/x", "!id"]
    {
        screen.keys(":");
        std::thread::sleep(Duration::from_millis(100));
        screen.keys(&format!("{line}\r"));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!screen.text().contains("uid=") && !screen.text().contains("SHA256"), "{}", screen.text());
        screen.keys("\u{1b}");
        std::thread::sleep(Duration::from_millis(100));
        screen.keys("\u{1b}");
    }
    screen.keys("\u{1b}");
    std::thread::sleep(Duration::from_millis(200));
    screen.keys("\u{3}");
    assert_eq!(screen.exit_code(), 0);
    nothing_written(world);
}

/// Whether something that listens at `port` of this machine takes a connection and says anything.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = stream.write_all(b"muster-link 1 0.1.0 -\n");
    stream.read(&mut [0; 1]).is_ok_and(|count| count > 0)
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn around_the_gate(world: &World) {
    let socket = place::of_service("/var/lib/muster".as_ref());
    // Forwarding to the socket, from the server, as a proxy, of a terminal's neighbour.
    let (local, remote, proxy) = (free_port(), free_port(), free_port());
    let forwards = [
        (vec!["-L".to_owned(), format!("{local}:{}", socket.display())], Some(local)),
        (vec!["-R".to_owned(), format!("{remote}:127.0.0.1:22")], Some(remote)),
        (vec!["-D".to_owned(), proxy.to_string()], Some(proxy)),
        (vec!["-w".to_owned(), "any:any".to_owned()], None),
    ];
    for (options, port) in forwards {
        let mut words = vec!["-T", "-o", "ExitOnForwardFailure=no"];
        words.extend(options.iter().map(String::as_str));
        let line = world.ssh(Key::Observer, &words);
        let mut child = Command::new(&line[0])
            .args(&line[1..])
            .arg("report --follow")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs(2));
        assert!(!port.is_some_and(answers), "{options:?} goes through");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let words = world.ssh(Key::Observer, &["-W", &format!("[{}]:1", socket.display())]);
    let through = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap();
    assert!(!through.status.success() && through.stdout.is_empty(), "{through:?}");
    // Subsystems and copies.
    let options = world.ssh(Key::Observer, &[]);
    let port = std::env::var("MUSTER_TEST_PORT").unwrap();
    let copy_options: Vec<&String> = options[5..options.len() - 1].iter().collect();
    for program in ["sftp", "scp"] {
        let mut command = Command::new(program);
        command.args(["-F", "none", "-P", &port]).args(&copy_options);
        match program {
            "sftp" => command.arg("muster-ssh@127.0.0.1"),
            _ => command.args(["muster-ssh@127.0.0.1:/etc/passwd", "/run/sshd/copied"]),
        };
        let copied = command.stdin(Stdio::null()).output().unwrap();
        assert!(!copied.status.success(), "{program}: {copied:?}");
    }
    assert!(!Path::new("/run/sshd/copied").exists());
    // Nobody comes in as another account with an operator's key.
    let mut words = world.ssh(Key::Admin, &["-T"]);
    *words.last_mut().unwrap() = "muster@127.0.0.1".to_owned();
    let other =
        Command::new(&words[0]).args(&words[1..]).arg("status").stdin(Stdio::null()).output().unwrap();
    assert_eq!(other.status.code(), Some(255), "{other:?}");
}

pub fn with_the_environment(world: &World) {
    // sshd is told to take every variable here, so that the gate alone stands between.
    let sent = [
        ("LD_PRELOAD", "/run/world/evil.so"),
        ("MUSTER_CONFIG", "/etc/passwd"),
        ("MUSTER_DATA_DIR", "/tmp"),
        ("TMUX", "/tmp/tmux,1,0"),
        ("EDITOR", "touch /run/world/owned"),
        ("PAGER", "touch /run/world/owned"),
        ("LC_TIME", "C"),
        ("LC_EVIL", "$(touch /run/world/owned)"),
        ("TZ", "/etc/passwd"),
        ("TERM", "tmux"),
    ];
    let mut options = vec!["-A", "-X"];
    let names: Vec<String> = sent.iter().map(|(name, _)| format!("SendEnv={name}")).collect();
    for name in &names {
        options.extend(["-o", name]);
    }
    let mut variables = sent.to_vec();
    variables.retain(|(name, _)| *name != "LD_PRELOAD");
    let mut screen = world.screen_with(Key::Observer, &options, &variables);
    screen.until_shown("Roster");
    let pids = gates();
    assert_eq!(pids.len(), 1, "{pids:?}");
    let environment = std::fs::read(format!("/proc/{}/environ", pids[0])).unwrap();
    let environment: Vec<String> = environment
        .split(|byte| *byte == 0)
        .filter(|variable| !variable.is_empty())
        .map(|variable| String::from_utf8_lossy(variable).into_owned())
        .collect();
    println!("the gate's environment: {environment:?}");
    for variable in &environment {
        let name = variable.split('=').next().unwrap();
        assert!(matches!(name, "TERM" | "LANG") || name.starts_with("LC_"), "{variable}");
        assert!(!variable.contains('$'), "{variable}");
    }
    assert!(environment.contains(&"TERM=tmux".to_owned()) && environment.contains(&"LC_TIME=C".to_owned()));
    // It has no file of the machine open for writing but its terminal, and started nothing.
    for entry in std::fs::read_dir(format!("/proc/{}/fd", pids[0])).unwrap().flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        let target = target.display().to_string();
        let is_harmless =
            ["socket:", "pipe:", "anon_inode:", "/dev/pts/", "/dev/tty", "/dev/null", "/mnt/bin/muster"];
        assert!(is_harmless.iter().any(|start| target.starts_with(start)), "the gate has {target} open");
    }
    let children =
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", pids[0])).unwrap_or_default();
    assert_eq!(children.trim(), "", "the gate started a program");
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
}

/// Runs [`raw_frames`] as `uid`, which says it is `operator`.
fn raw_as(uid: &str, operator: &str, expects: &str) {
    let mut command = as_account(uid, Path::new("/mnt/bin/test"));
    command.args(["--exact", "ssh::inside_raw_frames", "--ignored", "--nocapture"]);
    command.env("MUSTER_TEST_OPERATOR", operator).env("MUSTER_TEST_EXPECTS", expects);
    let ran = command.output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && text.contains("1 passed"), "{uid} as {operator}: {text}");
}

pub fn on_the_socket(world: &World) {
    // The account for SSH: an operator, or nobody.
    raw_as(MUSTER_SSH, "-", "muster gate");
    raw_as(MUSTER_SSH, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "no operator");
    raw_as(MUSTER_SSH, &world.id("Olga"), "observer");
    // An account of the machine that nobody added, and then is an observer.
    raw_as(DESK, "-", "is no operator");
    raw_as(DESK, &world.id("Ada"), "is no operator");
    assert_eq!(world.here(&["operators", "add", "Desk", "--role", "observer", "--uid", DESK]).code, 0);
    raw_as(DESK, "-", "observer");
    raw_as(DESK, &world.id("Ada"), "only root");
    assert_eq!(world.here(&["operators", "remove", "Desk"]).code, 0);
    raw_as(DESK, "-", "is no operator");
}

/// Says frames on the socket that no gate would.
pub fn raw_frames() {
    let operator = std::env::var("MUSTER_TEST_OPERATOR").unwrap();
    let expects = std::env::var("MUSTER_TEST_EXPECTS").unwrap();
    let operator = (operator != "-").then(|| OperatorId(ulid::Ulid::from_string(&operator).unwrap()));
    let socket = place::of_service("/var/lib/muster".as_ref());
    let attached = match attach(&socket, operator, Staying::Once) {
        Err(error) => {
            assert!(error.to_string().contains(&expects), "{error}");
            return;
        }
        Ok(attached) => attached,
    };
    assert_eq!(expects, "observer", "let in");
    let handle = attached.handle();
    let person = muster::attendance::PersonId(ulid::Ulid(1));
    let name = || "Eve".parse().unwrap();
    let role = muster::access::Role::Admin;
    for command in [
        EngineCommand::TakeShot,
        EngineCommand::Export,
        EngineCommand::Remove(person),
        EngineCommand::Rename { person, name: name() },
        EngineCommand::SetPaused(true),
        EngineCommand::ExportPerson(person),
        EngineCommand::NoteExport { what: "x".to_owned() },
        EngineCommand::Operators(OperatorsCommand::List),
        EngineCommand::Operators(OperatorsCommand::Add { name: name(), role, uid: None, key: None }),
        EngineCommand::Store(StoreCommand::Compact),
        EngineCommand::VerifyLedger { kept: vec![] },
    ] {
        let answer = handle.call(command.clone());
        assert!(matches!(answer, Err(CommandError::NotAllowed { .. })), "{command:?}: {answer:?}");
    }
    assert_eq!(handle.call(EngineCommand::Shutdown), Err(CommandError::NotFromAfar));
    assert!(matches!(handle.whole_entries_since(Sequence(0), 10), Err(CommandError::NotAllowed { .. })));
    handle.request_preview(Some(PreviewRequest { max_width: 64, max_height: 64, max_fps: 5.0 }));
    std::thread::sleep(Duration::from_secs(1));
    assert!(handle.preview().is_none(), "an observer was given a picture");
    let snapshot = handle.snapshot();
    assert!(snapshot.live.tracks.is_empty() && snapshot.roster.threshold.is_none());
    assert!(attached.site().recognition.is_none());
}
