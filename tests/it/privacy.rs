//! Nothing leaves the machine: muster is run under `strace -f`, and neither opens an internet
//! socket nor writes a file outside its own folders. The names of threads, the terminal and
//! /dev/null are not files of anybody.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::streams::jpegs;
use crate::streams::server::{Mode, Server};
use crate::support::{Finished, Home, demo_picture};

const TRACED: &str = "trace=execve,clone,clone3,fork,vfork,socket,connect,bind,sendto,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,\
                      renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,truncate";

/// Runs muster under strace; what it did, a system call a line.
fn traced(home: &Home, arguments: &[&str]) -> (Finished, Vec<String>) {
    let log = home.path().join("strace.log");
    let muster = home.muster(arguments);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "4096", "-e", TRACED, "-o"]).arg(&log);
    strace.arg(muster.get_program()).args(muster.get_args()).env_clear().envs(home.environment());
    let output = strace.output().expect("strace is installed (Debian package strace)");
    let text = std::fs::read_to_string(&log).unwrap();
    (Finished::of(output), whole_calls(&text))
}

/// A call a line, in the order in which they began. Where another thread came between, strace writes a call in two
/// lines, `12 execve(... <unfinished ...>` and later `12 <... execve resumed>) = 0`.
fn whole_calls(log: &str) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for line in log.lines() {
        let thread = line.split(' ').next().unwrap_or_default();
        let resumed = line.split_once(" resumed>").filter(|(begin, _)| begin.contains(" <... "));
        if let Some((call, (_, end))) = unfinished.get(thread).copied().zip(resumed) {
            calls[call].push_str(end);
            unfinished.remove(thread);
        } else if let Some(begin) = line.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, calls.len());
            calls.push(begin.to_owned());
        } else {
            calls.push(line.to_owned());
        }
    }
    calls
}

/// The paths that a system call writes to, where it writes.
fn written_paths(call: &str) -> Vec<String> {
    let opens = call.contains(" open") && ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|f| call.contains(f));
    let changes = ["creat(", "mkdir", "rename", "link", "truncate("].iter().any(|name| call.contains(name));
    if !(opens || changes) || call.contains("= -1 ") {
        return Vec::new();
    }
    call.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_own(path: &str, home: &Path) -> bool {
    let harmless = ["/dev/null", "/dev/tty", "/dev/pts/"].iter().any(|prefix| path.starts_with(prefix))
        || (path.starts_with("/proc/") && path.ends_with("/comm"));
    harmless || Path::new(path).starts_with(home) || !path.starts_with('/')
}

#[track_caller]
fn check(home: &Home, calls: &[String]) {
    assert!(calls.len() > 50, "strace saw only {} calls", calls.len());
    let sockets: Vec<_> = calls.iter().filter(|call| call.contains("AF_INET")).collect();
    assert!(sockets.is_empty(), "{sockets:#?}");
    check_files(home, calls);
}

#[track_caller]
fn check_files(home: &Home, calls: &[String]) {
    let home = home.path().canonicalize().unwrap();
    let foreign: Vec<_> =
        calls.iter().filter(|call| written_paths(call).iter().any(|path| !is_own(path, &home))).collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn nothing_leaves_the_machine() {
    let home = Home::new();
    let picture = demo_picture("enrol/obama.jpg").display().to_string();
    let (enrolled, calls) = traced(&home, &["enroll", "Barack Obama", &picture]);
    enrolled.expect(0);
    assert!(calls.iter().any(|call| call.contains("store.redb")), "the store was not seen to be written");
    check(&home, &calls);

    let source = format!("images:{}", demo_picture("show/obama2.jpg").display());
    let (taken, calls) = traced(&home, &["take", "--source", &source]);
    let taken = taken.expect(0);
    assert!(taken.stdout.contains("Barack Obama"), "{}", taken.stdout);
    check(&home, &calls);
}

/// A network source is the exception that is asked for: the child that decodes it connects, to the address that
/// is configured and nowhere else, and muster itself opens no socket then either.
#[test]
fn a_network_source_is_reached_by_its_child_alone() {
    let home = Home::new();
    let pictures = jpegs(50, 320, 240);
    let server = Server::start(false, Duration::from_millis(40), Mode::Serve(pictures));
    let source = format!("http://127.0.0.1:{}/door", server.port());
    let out = home.path().join("captured").display().to_string();
    let (captured, calls) = traced(&home, &["capture", "--source", &source, "--out", &out, "--seconds", "1"]);
    captured.expect(0);
    let process_of = |call: &str| call.split(' ').next().unwrap_or_default().to_owned();
    let children: Vec<String> = calls
        .iter()
        .filter(|call| call.contains(" execve(") && call.contains("ffmpeg") && call.contains(" = 0"))
        .map(|call| process_of(call))
        .collect();
    assert_eq!(children.len(), 1, "{children:?}");
    let sockets: Vec<&String> = calls.iter().filter(|call| call.contains("AF_INET")).collect();
    assert!(!sockets.is_empty(), "the child's connection was not seen");
    let begun = calls.iter().position(|call| call.contains(" execve(") && call.contains("ffmpeg")).unwrap();
    // The child and what it started since, its threads among them.
    let mut family = children;
    for call in &calls[begun..] {
        let made = call.contains("clone").then(|| call.rsplit_once(" = ")).flatten();
        if let Some((_, number)) = made.filter(|_| family.contains(&process_of(call))) {
            family.push(number.trim().to_owned());
        }
    }
    for call in &calls[..begun] {
        assert!(!call.contains("AF_INET"), "a socket before the child began: {call}");
    }
    for call in &sockets {
        assert!(family.contains(&process_of(call)), "muster opened a socket: {call}");
    }
    let connects: Vec<&&String> = sockets.iter().filter(|call| call.contains(" connect(")).collect();
    let port = format!("htons({})", server.port());
    assert!(connects.iter().all(|call| call.contains(&port) && call.contains("127.0.0.1")), "{connects:#?}");
    check_files(&home, &calls);
}

#[test]
fn a_call_written_in_two_lines_is_one_call() {
    let log = "12 execve(\"/usr/bin/ffmpeg\", [\"-i\"] <unfinished ...>\n\
               7 socket(AF_UNIX, SOCK_STREAM, 0) = 3\n\
               12 <... execve resumed>) = 0";
    let whole = ["12 execve(\"/usr/bin/ffmpeg\", [\"-i\"]) = 0", "7 socket(AF_UNIX, SOCK_STREAM, 0) = 3"];
    assert_eq!(whole_calls(log), whole);
}

#[test]
fn the_check_sees_what_it_must() {
    let home = Path::new("/tmp/x");
    let bad = r#"12 openat(AT_FDCWD, "/root/.cache/a", O_WRONLY|O_CREAT, 0600) = 3"#;
    assert!(written_paths(bad).iter().any(|path| !is_own(path, home)));
    let fine = r#"12 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3"#;
    assert!(written_paths(fine).is_empty());
    let own = r#"12 mkdir("/tmp/x/data", 0700) = 0"#;
    assert!(written_paths(own).iter().all(|path| is_own(path, home)));
}
