//! In by an identifier and a PIN, on the command line and at the kiosk view. Needs no nets.

use std::path::Path;

use portable_pty::CommandBuilder;

use crate::support::{Finished, Home};
use crate::terminal::Terminal;

fn run(home: &Home, arguments: &[&str]) -> Finished {
    Finished::of(home.muster_on(Path::new("none"), arguments).output().unwrap())
}

fn run_with(home: &Home, arguments: &[&str], input: &str) -> Finished {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = home.muster_on(Path::new("none"), arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    Finished::of(child.wait_with_output().unwrap())
}

fn configured(home: &Home, text: &str) {
    let path = home.path().join("config/muster/muster.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Ana, S-77, and Bo, S-88.
fn imported(home: &Home) {
    let csv = home.path().join("staff.csv");
    let text = "\u{FEFF}name;identifier;group\r\nAna Müller;S-77;4b|choir\r\n\"Bo; Jr\";S-88;\r\n";
    std::fs::write(&csv, text).unwrap();
    run(home, &["roster", "import", csv.to_str().unwrap()]).expect(0);
}

#[test]
fn a_person_comes_in_with_identifier_and_pin_and_too_many_wrong_ones_wait() {
    let home = Home::new();
    configured(&home, "[attendance]\nidentifier = \"pin\"\n");
    imported(&home);
    let weak = run_with(&home, &["roster", "pin", "S-77", "--stdin"], "1234\n").expect(1);
    assert!(weak.stderr.contains("follow each other") && !weak.stderr.contains("1234"), "{}", weak.stderr);
    let wrong = run_with(&home, &["roster", "pin", "S-77", "--stdin"], "no digits\n").expect(2);
    assert!(!wrong.stderr.contains("no digits"), "{}", wrong.stderr);
    run_with(&home, &["roster", "pin", "S-77", "--stdin"], "80413\n").expect(0);
    let came = run_with(&home, &["check-in", "S-77", "--stdin", "--json"], "80413\n").expect(0);
    assert_eq!(
        (&came.json_lines()[0]["outcome"], &came.json_lines()[0]["state"]),
        (&"recorded".into(), &"present".into())
    );
    // The unknown and the wrong are told the same.
    let unknown = run_with(&home, &["check-in", "S-99", "--stdin"], "80413\n").expect(1);
    // On a slow machine a short wait may be over before the next try; the waits grow.
    let mut tries = 0;
    loop {
        let wrong = run_with(&home, &["check-in", "S-88", "--stdin"], "80413\n").expect(1);
        if wrong.stdout.contains("too many wrong tries: wait") {
            break;
        }
        assert_eq!((&wrong.stdout, &wrong.stderr), (&unknown.stdout, &unknown.stderr));
        tries += 1;
        assert!(tries < 8, "it never waits");
    }
    assert!(tries >= 3, "{tries} tries are free");
    let log = run(&home, &["log", "tail", "-n", "20"]).expect(0).stdout;
    assert!(log.contains("roster pin") && log.contains("nobody has the identifier"), "{log}");
    // What leaves and what is shown has nothing of a PIN; the record says how.
    let out = home.path().join("log.jsonl");
    run(&home, &["log", "export", "-o", out.to_str().unwrap()]).expect(0);
    let exported = std::fs::read_to_string(out).unwrap();
    assert!(exported.contains("identifier_and_pin"), "{exported}");
    let shown = run(&home, &["roster", "show", "S-77"]).expect(0).stdout;
    for text in [&exported, &log, &shown] {
        assert!(!text.contains("80413") && !text.contains("argon2"), "{text}");
    }
    assert!(shown.contains("4b; choir"), "{shown}");
    run(&home, &["log", "verify"]).expect(0);
}

#[test]
fn a_list_changes_who_is_there_and_what_is_exported_changes_nothing() {
    let home = Home::new();
    let csv = home.path().join("new.csv");
    let path = csv.to_str().unwrap();
    std::fs::write(&csv, "name,identifier,email\nAna Müller,S-77,ana@example.org\n").unwrap();
    // On nothing, a dry run makes nothing.
    run(&home, &["roster", "import", path, "--dry-run"]).expect(0);
    assert!(!home.data_dir().exists());
    imported(&home);
    let planned = run(&home, &["roster", "import", path, "--dry-run"]).expect(0).stdout;
    assert!(planned.contains("line 2: Ana Müller: changed: email: none -> ana@example.org"), "{planned}");
    run(&home, &["roster", "import", path]).expect(0);
    run(&home, &["roster", "set", "S-88", "--group", "4b", "--face", "off"]).expect(0);
    let exported = home.path().join("out.csv");
    run(&home, &["roster", "export", "-o", exported.to_str().unwrap()]).expect(0);
    let again = run(&home, &["roster", "import", exported.to_str().unwrap(), "--json"]).expect(0);
    let summary = again.json_lines().pop().unwrap();
    assert_eq!((&summary["unchanged"], &summary["changed"]), (&2.into(), &0.into()), "{}", again.stdout);
    let listed = run(&home, &["roster", "list", "--group", "4b", "--json"]).expect(0);
    assert_eq!(listed.json_lines().len(), 2);
    run(&home, &["log", "verify"]).expect(0);
}

#[test]
fn a_badge_reader_types_at_the_kiosk_view() {
    let home = Home::new();
    configured(
        &home,
        "[attendance]\nidentifier = \"identifier\"\nbadge_prefix = \"%\"\nbadge_suffix = \"?\"\n",
    );
    imported(&home);
    run_with(&home, &["kiosk-pin", "--stdin"], "2468\n").expect(0);
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_muster"));
    let (data, config) = (home.data_dir(), home.path().join("config/muster/muster.toml"));
    for argument in ["--data-dir", data.to_str().unwrap(), "--config", config.to_str().unwrap()] {
        command.arg(argument);
    }
    command.args(["--models-dir", "none", "--kiosk", "--source", "camera:63"]);
    let mut screen = Terminal::run(&home, command, 30, 100);
    screen.until_shown("type your identifier");
    // A whole badge and its enter in one write.
    screen.keys("%S-77?\r");
    screen.until("the record", |text| text.contains("recorded"));
    screen.keys("%S-99?\r");
    screen.until_shown("please go to the desk");
    // By hand, and thought better of.
    screen.keys("S-8");
    screen.until_shown("enter goes on");
    screen.keys("\x1b");
    screen.until_shown("type your identifier");
    screen.keys("\x1b");
    screen.until_shown("Kiosk PIN");
    screen.keys("2468\r");
    screen.until_shown("Roster");
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
    screen.expect_given_back();
    let log = run(&home, &["log", "tail", "-n", "20", "--json"]).expect(0);
    let count = |kind: &str| log.json_lines().iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("passage"), count("identifier_refused")), (1, 1), "{}", log.stdout);
}
