//! The store as a whole, as an administrator handles it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use portable_pty::CommandBuilder;

use crate::support::{Finished, Home};
use crate::terminal::Terminal;

/// None of this needs nets.
fn run<const N: usize>(home: &Home, arguments: [&str; N]) -> Finished {
    Finished::of(home.muster_on(home.path(), arguments).output().expect("muster starts"))
}

/// As [`run`], with the file `words` open as the descriptor 3.
fn run_with_words<const N: usize>(home: &Home, words: &std::path::Path, arguments: [&str; N]) -> Finished {
    let muster = home.muster_on(home.path(), arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", "words=$1; shift; exec 3<\"$words\"; exec \"$@\"", "sh"]).arg(words);
    shell.arg(muster.get_program()).args(muster.get_args()).env_clear();
    shell.envs(muster.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Finished::of(shell.output().expect("the shell starts"))
}

fn site() -> (Home, tempfile::TempDir) {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let roster = elsewhere.path().join("roster.csv");
    std::fs::write(&roster, "name,identifier\nAna Quiroga,A-7\nBen Oyelaran,B-8\n").unwrap();
    run(&home, ["roster", "import", &text(&roster)]).expect(0);
    (home, elsewhere)
}

fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found
}

#[test]
fn a_backup_comes_back_without_whom_was_erased_since() {
    let (home, elsewhere) = site();
    let backup = text(&elsewhere.path().join("monday.backup"));
    let made = run(&home, ["--json", "store", "backup", &backup]).expect(0);
    let made: serde_json::Value = serde_json::from_str(made.stdout.trim()).unwrap();
    run(&home, ["store", "backup", &backup]).expect(2);
    let certificate = run(&home, ["--json", "roster", "erase", "A-7", "--yes"]).expect(0);
    let certificate: serde_json::Value = serde_json::from_str(certificate.stdout.trim()).unwrap();
    assert_eq!(certificate["backups"][0]["sha256"], made["sha256"]);
    run(&home, ["roster", "rename", "B-8", "Ben the Second"]).expect(0);
    // Without a terminal nobody can be asked, and the backup is looked at all the same.
    let asked = run(&home, ["store", "restore", &backup]).expect(2);
    assert!(asked.stderr.contains("the backup is sound"), "{}", asked.stderr);
    let restored = run(&home, ["--json", "store", "restore", &backup, "--yes"]).expect(0);
    let restored: serde_json::Value = serde_json::from_str(restored.stdout.trim()).unwrap();
    assert_eq!((&restored["erased_again"], &restored["sha256"]), (&1.into(), &made["sha256"]));
    let list = run(&home, ["roster", "list"]).expect(0);
    assert!(list.stdout.contains("Ben Oyelaran") && !list.stdout.contains("Ana"), "{}", list.stdout);
    run(&home, ["log", "verify"]).expect(0);
    let status = run(&home, ["store", "status"]).expect(0);
    let hash = made["sha256"].as_str().unwrap();
    assert!(status.stdout.contains(hash) && status.stdout.contains("1 erased"), "{}", status.stdout);
    let compacted = run(&home, ["store", "compact"]).expect(0);
    assert!(compacted.stdout.contains("before"), "{}", compacted.stdout);
    run(&home, ["log", "verify"]).expect(0);
}

#[test]
fn a_backup_is_restored_onto_another_machine_with_the_list_of_the_erased() {
    let (home, elsewhere) = site();
    let backup = text(&elsewhere.path().join("monday.backup"));
    let list = text(&elsewhere.path().join("erasures.jsonl"));
    run(&home, ["store", "backup", &backup]).expect(0);
    run(&home, ["roster", "erase", "A-7", "--yes"]).expect(0);
    run(&home, ["store", "erasures", "-o", &list]).expect(0);
    let other = Home::new();
    let key = files(home.path()).into_iter().find(|path| path.ends_with("store.key")).unwrap();
    let place = format!("file:{}", key.display());
    // The other machine has no key of its own yet, and is given one.
    let refused = run(&other, ["store", "restore", &backup, "--yes"]).expect(2);
    assert!(refused.stderr.contains("--key PLACE"), "{}", refused.stderr);
    let refused = run(&other, ["store", "restore", &backup, "--key", &place, "--yes"]).expect(2);
    assert!(refused.stderr.contains("--without-erasures"), "{}", refused.stderr);
    run(&other, ["store", "restore", &backup, "--key", &place, "--erasures", &list, "--yes"]).expect(0);
    let people = run(&other, ["roster", "list"]).expect(0);
    assert!(people.stdout.contains("Ben") && !people.stdout.contains("Ana"), "{}", people.stdout);
}

#[test]
fn the_key_is_changed_with_the_configuration_and_a_passphrase_opens_the_store() {
    let (home, elsewhere) = site();
    let words = elsewhere.path().join("words");
    std::fs::write(&words, "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(&words, PermissionsExt::from_mode(0o600)).unwrap();
    let new = elsewhere.path().join("new.key");
    run(&home, ["store", "change-key", "--to", &format!("file:{}", new.display())]).expect(0);
    assert!(new.exists());
    let status = run(&home, ["store", "status"]).expect(0);
    assert!(status.stdout.contains("new.key"), "{}", status.stdout);
    let with_words = |arguments| run_with_words(&home, &words, arguments);
    run_with_words(&home, &words, ["store", "change-key", "--to", "passphrase-fd:3"]).expect(0);
    let nobody = run(&home, ["roster", "list"]).expect(3);
    assert!(nobody.stderr.contains("nobody handed that over"), "{}", nobody.stderr);
    let listed = with_words(["roster", "list"]).expect(0);
    assert!(listed.stdout.contains("Ana Quiroga"), "{}", listed.stdout);
    let status = with_words(["store", "status"]).expect(0);
    assert!(status.stdout.contains("made of a passphrase by Argon2id"), "{}", status.stdout);
    std::fs::write(&words, "wrong horse battery staple\n").unwrap();
    let refused = with_words(["roster", "list"]).expect(3);
    assert!(refused.stderr.contains("does not open"), "{}", refused.stderr);
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_not_shown() {
    let (home, _) = site();
    let on_terminal = |arguments: &[&str]| {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_muster"));
        command.arg("--data-dir");
        command.arg(home.data_dir());
        command.args(arguments);
        Terminal::run(&home, command, 24, 100)
    };
    let words = "correct horse battery staple";
    let mut changing = on_terminal(&["store", "change-key", "--to", "passphrase"]);
    changing.until_shown("New passphrase of the store:");
    changing.keys(&format!("{words}\r"));
    changing.until_shown("Once more:");
    changing.keys(&format!("{words}\r"));
    changing.until_shown("the store is under passphrase now");
    assert_eq!(changing.exit_code(), 0, "{}", changing.text());
    assert!(!changing.text().contains("horse"), "{}", changing.text());
    let mut listing = on_terminal(&["roster", "list"]);
    listing.until_shown("Passphrase of the store:");
    listing.keys(&format!("{words}\r"));
    listing.until_shown("Ana Quiroga");
    assert_eq!(listing.exit_code(), 0);
    let nobody = run(&home, ["roster", "list"]).expect(2);
    assert!(nobody.stderr.contains("no terminal"), "{}", nobody.stderr);
    let doctor = run(&home, ["doctor"]);
    assert!(doctor.stdout.contains("store key") && doctor.stdout.contains("passphrase"), "{}", doctor.stdout);
}
