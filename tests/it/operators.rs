//! Operators with keys, sshd's line for them, and what two admins are wanted for, as a user meets them. Nothing
//! here needs a net.

use std::fs;

use crate::attached::Service;
use crate::support::{Finished, Home, root};

const KEY: &str = include_str!("../../src/access/public_key/keys/ed25519.pub");
const FINGERPRINT: &str = "SHA256:NXbbs+YGPJeZAvVdKFaQVq5KMVIILVLKnySQvLNQ1uY";
const OTHER: &str = include_str!("../../src/access/public_key/keys/ecdsa_256.pub");

fn run(home: &Home, arguments: &[&str]) -> Finished {
    let output = home.muster_on(&root().join("models"), arguments).output();
    Finished::of(output.expect("muster starts"))
}

/// The same with `text` on standard input.
fn run_with(home: &Home, arguments: &[&str], text: &str) -> Finished {
    let file = home.path().join("standard-input");
    fs::write(&file, text).unwrap();
    let mut command = home.muster_on(&root().join("models"), arguments);
    Finished::of(command.stdin(fs::File::open(&file).unwrap()).output().expect("muster starts"))
}

#[test]
fn a_key_is_read_from_standard_input_listed_by_its_fingerprint_and_known_to_sshd() {
    let home = Home::new();
    let add = ["--json", "operators", "add", "Otto \"x\"", "--role", "operator", "--key", "-"];
    let added = run_with(&home, &add, KEY).expect(0);
    let object = &added.json_lines()[0];
    assert_eq!(object["key"], FINGERPRINT);
    let id = object["id"].as_str().unwrap().to_owned();
    let listed = run(&home, &["operators", "list"]).expect(0);
    assert!(listed.stdout.contains(FINGERPRINT) && !listed.stdout.contains("AAAA"), "{}", listed.stdout);
    let again =
        run_with(&home, &["operators", "add", "Olga", "--role", "admin", "--key", "-"], KEY).expect(1);
    assert!(again.stderr.contains("each has a key of their own"), "{}", again.stderr);
    let file = home.path().join("key");
    fs::write(&file, format!("command=\"sh\" {KEY}")).unwrap();
    let file = file.to_str().unwrap();
    let refused = run(&home, &["operators", "add", "Eve", "--role", "admin", "--key", file]).expect(2);
    assert!(refused.stderr.contains("options") && !refused.stderr.contains("AAAA"), "{}", refused.stderr);

    let words: Vec<&str> = KEY.split_whitespace().collect();
    // No engine is started for somebody who could not attach to it.
    let alone = run(&home, &["authorized-keys", "muster-ssh", words[0], words[1]]).expect(3);
    assert!(alone.stdout.is_empty() && alone.stderr.contains("no engine runs"), "{alone:?}");
    let _service = Service::idle(&home);
    let told = run(&home, &["authorized-keys", "muster-ssh", words[0], words[1]]).expect(0);
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_muster")).unwrap();
    let line =
        format!("command=\"{} gate {id}\",restrict,pty {} {}\n", program.display(), words[0], words[1]);
    assert_eq!(told.stdout, line);
    assert_eq!(run(&home, &["operators", "authorized-keys"]).expect(0).stdout, line);
    let others: Vec<&str> = OTHER.split_whitespace().collect();
    for (user, kind, key) in
        [("muster-ssh", others[0], others[1]), ("root", words[0], words[1]), ("muster-ssh", words[0], "AAAA")]
    {
        assert_eq!(run(&home, &["authorized-keys", user, kind, key]).expect(0).stdout, "", "{user} {kind}");
    }
    run(&home, &["operators", "remove", &id]).expect(0);
    assert_eq!(run(&home, &["authorized-keys", "muster-ssh", words[0], words[1]]).expect(0).stdout, "");
}

#[test]
fn the_ledger_says_which_key_it_was() {
    let home = Home::new();
    run_with(&home, &["operators", "add", "Otto", "--role", "operator", "--key", "-"], KEY).expect(0);
    let roster = home.path().join("roster.csv");
    fs::write(&roster, "name,identifier\nAna,A-7\n").unwrap();
    run(&home, &["roster", "import", roster.to_str().unwrap()]).expect(0);
    run(&home, &["--as", "Otto", "mark", "A-7", "left"]).expect(0);
    run(&home, &["operators", "remove", "Otto"]).expect(0);
    let log = run(&home, &["--json", "log", "tail", "-n", "2"]).expect(0);
    let lines = log.json_lines();
    assert_eq!((&lines[0]["kind"], &lines[0]["key"]), (&"mark".into(), &FINGERPRINT.into()));
    assert!(lines[1]["key"].is_null(), "{}", log.stdout);
    let why = run(&home, &["why", &lines[0]["entry"].to_string()]).expect(0);
    assert!(why.stdout.contains(FINGERPRINT), "{}", why.stdout);
    run(&home, &["log", "verify"]).expect(0);
}

#[test]
fn what_two_are_wanted_for_is_refused_where_nobody_else_can_come() {
    let home = Home::new();
    let folder = home.path().join("config/muster");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("muster.toml"), "[access]\ntwo_person = [\"erase\", \"threshold\"]\n").unwrap();
    let roster = home.path().join("roster.csv");
    fs::write(&roster, "name,identifier\nAna,A-7\n").unwrap();
    run(&home, &["roster", "import", roster.to_str().unwrap()]).expect(0);
    let refused = run(&home, &["roster", "erase", "A-7", "--yes"]).expect(1);
    assert!(refused.stderr.contains("muster serve"), "{}", refused.stderr);
    run(&home, &["roster", "export"]).expect(0);
    assert!(run(&home, &["approvals"]).expect(0).stdout.contains("nothing waits"));
    run(&home, &["approvals", "confirm", "1"]).expect(1);
    run(&home, &["operators", "add", "Olga", "--role", "admin"]).expect(0);
    let other = run(&home, &["--as", "Olga", "approvals"]).expect(2);
    assert!(other.stderr.contains("as themselves"), "{}", other.stderr);
    fs::write(folder.join("muster.toml"), "[access]\ntwo_person = [\"erase\", \"export\", \"reset\"]\n")
        .unwrap();
    let wrong = run(&home, &["roster", "list"]).expect(2);
    assert!(wrong.stderr.contains("expected erase, export or threshold"), "{}", wrong.stderr);
}
