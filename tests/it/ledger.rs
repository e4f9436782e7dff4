//! The ledger as its keeper sees it.

use crate::support::{Home, demo_picture};

#[test]
fn it_is_verified_followed_and_exported_and_a_copy_that_was_cut_short_is_noticed() {
    let home = Home::new();
    let csv = home.path().join("staff.csv");
    std::fs::write(&csv, "name,identifier\nAna,1\nBo,2\n").unwrap();
    let csv = csv.display().to_string();
    home.run(["log", "verify"]).expect(0);
    home.run(["roster", "import", &csv]).expect(0);
    let early = home.run(["log", "head"]).expect(0).stdout.trim().to_owned();
    assert!(early.starts_with("2:"), "{early}");
    let store = home.data_dir().join("store.redb");
    let copy = std::fs::read(&store).unwrap();

    home.run(["roster", "rename", "Bo", "Bo Lindqvist"]).expect(0);
    let late = home.run(["log", "head"]).expect(0).stdout.trim().to_owned();
    let verified = home.run(["log", "verify", "--head", &early]).expect(0);
    assert!(verified.stdout.contains("3 entries"), "{}", verified.stdout);
    let tail = home.run(["log", "tail", "-n", "2"]).expect(0);
    let lines: Vec<&str> = tail.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[1].contains("renamed  Bo Lindqvist"), "{lines:#?}");

    let out = home.path().join("log.jsonl");
    let path = out.display().to_string();
    home.run(["log", "export", "-o", &path]).expect(0);
    home.run(["log", "export", "-o", &path]).expect(3);
    let exported = std::fs::read_to_string(&out).unwrap();
    let objects: Vec<serde_json::Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 4, "{exported}");
    assert_eq!((&objects[2]["kind"], &objects[2]["person"]), (&"renamed".into(), &"Bo Lindqvist".into()));
    assert_eq!((&objects[3]["kind"], &objects[3]["note"]), (&"exported".into(), &"the log".into()));

    // An old copy of the store verifies by itself; the end that was kept elsewhere tells.
    std::fs::write(&store, copy).unwrap();
    home.run(["log", "verify"]).expect(0);
    let cut = home.run(["log", "verify", "--head", &late]).expect(1);
    assert!(cut.stderr.contains("ends at entry 2"), "{}", cut.stderr);
    let other = format!("1:{}", "0".repeat(64));
    let wrong = home.run(["log", "verify", "--head", &other]).expect(1);
    assert!(wrong.stderr.contains("entry 1 does not have the hash"), "{}", wrong.stderr);
}

#[test]
fn the_end_is_kept_in_a_file_and_each_line_of_it_must_fit() {
    let home = Home::new();
    let heads = home.path().join("heads");
    let config = home.path().join("muster.toml");
    std::fs::write(
        &config,
        format!("[ledger]\nhead_file = {:?}\nhead_minutes = 1\n", heads.display().to_string()),
    )
    .unwrap();
    let config = config.display().to_string();
    let picture = demo_picture("enrol/obama.jpg").display().to_string();
    let source = format!("images:{picture}");
    home.run(["--config", &config, "take", "--source", &source]).expect(0);
    let first = std::fs::read_to_string(&heads).unwrap();
    assert!(first.lines().count() >= 1, "{first}");
    home.run(["--config", &config, "take", "--source", &source]).expect(0);
    let text = std::fs::read_to_string(&heads).unwrap();
    assert!(text.starts_with(&first) && text.len() > first.len(), "{text}");
    let path = heads.display().to_string();
    let verified = home.run(["log", "verify", "--head-file", &path]).expect(0);
    assert!(verified.stdout.contains("entries a second)"), "{}", verified.stdout);
    assert!(
        verified.stdout.contains(&format!("each of the {} ends", text.lines().count())),
        "{}",
        verified.stdout
    );

    // Another digit in the hash of the last line, and a number that the ledger has not come to.
    let (begin, last) = text.trim_end().rsplit_once('\n').unwrap();
    let (rest, digit) = last.split_at(last.len() - 1);
    let wrong = format!("{begin}\n{rest}{}\n", if digit == "0" { "1" } else { "0" });
    std::fs::write(&heads, wrong).unwrap();
    let refused = home.run(["log", "verify", "--head-file", &path]).expect(1);
    let line = format!("line {} of ", text.lines().count());
    assert!(
        refused.stderr.contains(&line) && refused.stderr.contains("does not have the hash"),
        "{}",
        refused.stderr
    );
    let mut fields: Vec<String> = last.split(' ').map(str::to_owned).collect();
    fields[2] = "99".to_owned();
    std::fs::write(&heads, format!("{}\n", fields.join(" "))).unwrap();
    let refused = home.run(["log", "verify", "--head-file", &path]).expect(1);
    assert!(
        refused.stderr.contains("line 1 of ") && refused.stderr.contains("ends at entry"),
        "{}",
        refused.stderr
    );
    std::fs::write(&heads, "nonsense\n").unwrap();
    home.run(["log", "verify", "--head-file", &path]).expect(1);
}

#[test]
fn who_follows_sees_the_last_entries_first() {
    let home = Home::new();
    let picture = demo_picture("enrol/obama.jpg").display().to_string();
    home.run(["enroll", "Barack Obama", &picture]).expect(0);
    let mut tail = home.muster(["--json", "log", "tail", "-f"]);
    tail.stdout(std::process::Stdio::piped());
    let mut child = tail.spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let entry = |line: std::io::Result<String>| -> serde_json::Value {
        serde_json::from_str(&line.unwrap()).unwrap()
    };
    // The threshold is noted beside it: before, where the nets were there before the person was.
    let enrolled = lines.map(entry).take(2).find(|entry| entry["kind"] == "enrolled").unwrap();
    assert_eq!(enrolled["person"], "Barack Obama");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn its_times_are_shown_in_the_zone_of_the_site() {
    let home = Home::new();
    let config = home.path().join("muster.toml");
    std::fs::write(&config, "[attendance]\nzone = \"Asia/Kathmandu\"\n").unwrap();
    let config = config.display().to_string();
    let csv = home.path().join("staff.csv");
    std::fs::write(&csv, "name\nAna\n").unwrap();
    home.run(["--config", &config, "roster", "import", &csv.display().to_string()]).expect(0);
    let exported = home.run(["--config", &config, "log", "export"]).expect(0).json_lines();
    let at: chrono::DateTime<chrono::Utc> = exported[0]["at"].as_str().unwrap().parse().unwrap();
    // A quarter to six hours from UTC, as no machine is by accident.
    let there = (at + chrono::TimeDelta::minutes(345)).format("%Y-%m-%d %H:%M:%S").to_string();
    let tail = home.run(["--config", &config, "log", "tail"]).expect(0);
    assert!(tail.stdout.contains(&there), "{} is not at {there}", tail.stdout);
    let why = home.run(["--config", &config, "why", "1"]).expect(0);
    assert!(why.stdout.contains(&there[11..16]), "{} is not at {there}", why.stdout);
}
