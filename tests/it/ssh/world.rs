//! The machine inside: an engine as a service, an sshd, and people with keys.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Finished, Home};
use crate::terminal::Terminal;

/// How long anything is waited for, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(180);

/// Accounts of `world.sh`.
pub const MUSTER: &str = "61990";
pub const MUSTER_SSH: &str = "61991";
pub const DESK: &str = "61992";

/// Whose key.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Admin,
    Operator,
    Observer,
    Stranger,
}

impl Key {
    fn path(self) -> &'static str {
        match self {
            Self::Admin => "/run/sshd/admin",
            Self::Operator => "/run/sshd/operator",
            Self::Observer => "/run/sshd/observer",
            Self::Stranger => "/run/sshd/stranger",
        }
    }
}

pub struct World {
    home: Home,
    port: String,
    engine: Child,
    _sshd: Child,
}

/// A program run as an account of the machine, with nothing of this process's environment.
pub fn as_account(uid: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", uid, "--regid", uid, "--clear-groups"]).arg(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/var/lib/muster");
    command.env("XDG_STATE_HOME", "/run/world/state").current_dir("/");
    command
}

fn muster() -> PathBuf {
    PathBuf::from("/mnt/bin/muster")
}

fn engine() -> Child {
    let mut command = as_account(MUSTER, &muster());
    command.arg("serve").env("RUNTIME_DIRECTORY", "/run/muster").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl World {
    pub fn start() -> Self {
        let port = std::env::var("MUSTER_TEST_PORT").unwrap();
        let engine = engine();
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-E", "/run/sshd/log", "-f", "/run/sshd/config"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let world = Self { home: Home::new(), port, engine, _sshd: sshd };
        world.until_served();
        for (name, role, key) in [
            ("Ada", "admin", Key::Admin),
            ("Otto", "operator", Key::Operator),
            ("Olga", "observer", Key::Observer),
        ] {
            let public = std::fs::read_to_string(format!("{}.pub", key.path())).unwrap();
            let added = world.here_with(&["operators", "add", name, "--role", role, "--key", "-"], &public);
            assert_eq!(added.code, 0, "{added:?}");
        }
        world
    }

    fn until_served(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.here(&["status"]);
            if status.stdout.contains("nets        default") {
                return;
            }
            assert!(Instant::now() < until, "the engine does not run: {status:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// muster on the machine itself, as the engine's own account.
    pub fn here(&self, arguments: &[&str]) -> Finished {
        Finished::of(as_account(MUSTER, &muster()).args(arguments).output().unwrap())
    }

    pub fn here_with(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = as_account(MUSTER, &muster());
        command.args(arguments);
        fed(command, input.as_bytes())
    }

    /// The id of the operator `name`.
    pub fn id(&self, name: &str) -> String {
        let listed = self.here(&["operators", "list", "--json"]).stdout;
        let line = listed.lines().find(|line| line.contains(name)).unwrap();
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        object["id"].as_str().unwrap().to_owned()
    }

    /// The words of an ssh to the machine.
    pub fn ssh(&self, key: Key, options: &[&str]) -> Vec<String> {
        let mut words: Vec<String> =
            ["ssh", "-F", "none", "-p", &self.port, "-i", key.path()].map(str::to_owned).into();
        for option in [
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "BatchMode=yes",
            "ConnectTimeout=60",
        ] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words.extend(options.iter().map(|word| (*word).to_owned()));
        words.push("muster-ssh@127.0.0.1".to_owned());
        words
    }

    fn asking(&self, key: Key, question: &str) -> Command {
        let words = self.ssh(key, &["-T"]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(question);
        command
    }

    /// What somebody is answered who asks for `question`.
    pub fn ask(&self, key: Key, question: &str) -> Finished {
        Finished::of(self.asking(key, question).stdin(Stdio::null()).output().unwrap())
    }

    /// The same with `input` on standard input.
    pub fn ask_with(&self, key: Key, question: &str, input: &[u8]) -> Finished {
        fed(self.asking(key, question), input)
    }

    /// Asks, says `input` and is gone before it is over.
    pub fn drop_the_line(&self, key: Key, question: &str, input: &[u8]) {
        let mut child =
            self.asking(key, question).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(input).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The screen, through a pseudo-terminal and ssh.
    pub fn screen(&self, key: Key, options: &[&str]) -> Terminal {
        self.screen_with(key, options, &[])
    }

    pub fn screen_with(&self, key: Key, options: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let mut all = vec!["-tt"];
        all.extend(options);
        let words = self.ssh(key, &all);
        let mut command = CommandBuilder::new("env");
        for (name, value) in variables {
            command.arg(format!("{name}={value}"));
        }
        command.args(words);
        Terminal::run(&self.home, command, 24, 100)
    }

    /// Waits until so many marks are in the ledger.
    pub fn until_marks(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.here(&["log", "tail", "-n", "1000", "--json"]).stdout.matches("\"mark\"").count() < count {
            assert!(Instant::now() < until, "no {count} marks");
        }
    }

    /// Waits until so many gates are open.
    pub fn until_guests(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while gates().len() > count {
            assert!(Instant::now() < until, "{} gates are open", gates().len());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn kill_engine(&self) {
        kill_process(Pid::from_child(&self.engine), Signal::KILL).unwrap();
    }

    pub fn start_engine(&mut self) {
        self.engine.wait().unwrap();
        self.engine = engine();
        self.until_served();
    }

    /// Ends it in good order, and prints how long that took.
    pub fn end_engine(&mut self) {
        let begun = Instant::now();
        kill_process(Pid::from_child(&self.engine), Signal::TERM).unwrap();
        let status = self.engine.wait().unwrap();
        println!("the engine ended {:?} after SIGTERM", begun.elapsed());
        assert!(status.success(), "{status}");
    }
}

fn fed(mut command: Command, input: &[u8]) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end before it has read anything.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Finished::of(output)
}

/// The processes of `muster gate`.
pub fn gates() -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        if words.len() > 2 && words[0].ends_with(b"muster") && words[1] == b"gate" {
            found.push(pid);
        }
    }
    found
}
