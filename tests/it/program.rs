//! The program itself, where no engine is needed: exit status, what goes where, a closed pipe.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn muster(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.env_clear().env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

fn run(home: &Path, words: &[&str]) -> Output {
    muster(home).args(words).output().expect("the program was built with this test")
}

#[test]
fn usage_and_configuration_end_with_2_and_help_with_0() {
    let home = tempfile::tempdir().unwrap();
    for (words, code, on_stderr) in [
        (&["--help"][..], 0, ""),
        (&["--version"], 0, ""),
        (&["config", "check"], 0, ""),
        (&["identfy", "a.jpg"], 2, "identify"),
        (&["enroll", "Ana"], 2, "<IMAGE>"),
        (&["--config", "missing.toml", "report"], 2, "missing.toml"),
        (&["roster", "import", "missing.csv", "--dry-run"], 2, "missing.csv"),
    ] {
        let output = run(home.path(), words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
        assert!(stderr.contains(on_stderr), "{words:?}: {stderr}");
        assert_eq!(stderr.is_empty(), code == 0, "{words:?}: {stderr}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let home = tempfile::tempdir().unwrap();
    for words in [
        &["--help"][..],
        &["config", "show", "--effective"],
        &["config", "check", "--json"],
        &["completions", "zsh"],
        &["doctor", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = muster(home.path()).args(words).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_full_disk_is_said() {
    let home = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = muster(home.path()).args(["completions", "zsh"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
}

#[test]
fn diagnostics_go_to_the_state_directory_and_not_to_the_terminal() {
    let home = tempfile::tempdir().unwrap();
    let quiet = run(home.path(), &["config", "check"]);
    assert!(quiet.stderr.is_empty());
    let state = home.path().join(".local/state/muster");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let file = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&file), 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("started"));
    let loud = run(home.path(), &["-v", "config", "check"]);
    assert!(String::from_utf8_lossy(&loud.stderr).contains("started"));
}

/// A home that nothing can be written to is no reason to stop.
#[test]
fn without_a_place_for_diagnostics_it_still_runs() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let output = muster(home.path())
        .env("XDG_STATE_HOME", home.path().join("file/state"))
        .args(["-v", "config", "check"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("diagnostics cannot be written"));
}
