//! What is sealed in the data directory, and how somebody is taken out of it, as a user does it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Home, demo_picture};

const NAME: &str = "Barack Obama";

/// Every file under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found
}

fn somebody_is_enrolled() -> Home {
    let home = Home::new();
    let picture = demo_picture("enrol/obama.jpg").display().to_string();
    home.run(["enroll", NAME, &picture]).expect(0);
    home
}

#[test]
fn somebody_is_erased_and_the_ledger_says_so_and_verifies() {
    let home = somebody_is_enrolled();
    home.run(["roster", "erase", NAME]).expect(2);
    let erased = home.run(["--json", "roster", "erase", NAME, "--yes"]).expect(0);
    let certificate: serde_json::Value = serde_json::from_str(erased.stdout.trim()).unwrap();
    assert_eq!(certificate["person"], NAME);
    assert_eq!(
        (certificate["templates"].as_u64(), certificate["found_again"].as_bool()),
        (Some(1), Some(false))
    );
    assert!(certificate["old_key_stays"].is_null());
    let gone = home.run(["roster", "erase", NAME, "--yes"]).expect(1);
    assert!(gone.stderr.contains("nobody is called"), "{}", gone.stderr);
    let picture = demo_picture("show/obama2.jpg").display().to_string();
    home.run(["identify", &picture]).expect(1);
    let entry = certificate["sequence"].to_string();
    let why = home.run(["why", &entry]).expect(0);
    assert!(why.stdout.contains("erased"), "{}", why.stdout);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("the ledger verifies"), "{}", doctor.stdout);
}

#[test]
fn no_name_lies_in_the_clear_and_the_key_lies_elsewhere() {
    let home = somebody_is_enrolled();
    let written = files(home.path());
    let holding = |what: &[u8]| -> Vec<&PathBuf> {
        let holds = |path: &&PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(what.len()).any(|window| window == what)
        };
        written.iter().filter(holds).collect()
    };
    assert_eq!(holding(NAME.as_bytes()), Vec::<&PathBuf>::new());
    let store = written.iter().find(|path| path.ends_with("store.redb")).unwrap();
    let key = written.iter().find(|path| path.ends_with("store.key")).unwrap();
    assert!(!key.starts_with(store.parent().unwrap()), "{}", key.display());
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_its_key_the_store_says_what_is_missing_and_is_left_as_it_is() {
    let home = somebody_is_enrolled();
    let written = files(home.path());
    let key = written.iter().find(|path| path.ends_with("store.key")).unwrap();
    let kept = std::fs::read(key).unwrap();
    std::fs::remove_file(key).unwrap();
    let missing = home.run(["roster", "list"]).expect(3);
    assert!(missing.stderr.contains("put it back"), "{}", missing.stderr);
    assert!(!key.exists(), "no other key is made for a store that only its own opens");
    std::fs::write(key, "00".repeat(32)).unwrap();
    std::fs::set_permissions(key, PermissionsExt::from_mode(0o600)).unwrap();
    let wrong = home.run(["roster", "list"]).expect(3);
    assert!(wrong.stderr.contains("does not open"), "{}", wrong.stderr);
    std::fs::write(key, kept).unwrap();
    let listed = home.run(["roster", "list"]).expect(0);
    assert!(listed.stdout.contains(NAME), "{}", listed.stdout);
}
