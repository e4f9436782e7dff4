//! Enrolment by the whole program: from a folder, from a roster with pictures, before a source, and
//! what is refused.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Home, demo_picture};

/// Copies a picture of the demo to `folder`.
fn put(folder: &Path, name: &str, picture: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(demo_picture(picture), path).unwrap();
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn a_folder_is_enrolled_and_what_cannot_be_used_is_reported() {
    let home = Home::new();
    let folder = home.path().join("staff");
    for (name, picture) in [
        ("Barack Obama/1.jpg", "enrol/obama.jpg"),
        ("Barack Obama/2.jpg", "show/obama2.jpg"),
        // Somebody else among his pictures.
        ("Barack Obama/3.jpg", "enrol/biden.jpg"),
        ("Joe Biden.jpg", "enrol/biden.jpg"),
        // Many faces, and which one is meant nobody says.
        ("Group/1.jpg", "show/sample1.jpg"),
    ] {
        put(&folder, name, picture);
    }
    fs::write(folder.join("Barack Obama/4.jpg"), "no picture").unwrap();
    fs::create_dir(folder.join("Nobody")).unwrap();
    let at = folder.to_str().unwrap();
    let lines = home.run(["--json", "enroll", "--folder", at]).expect(1).json_lines();
    let enrolled = of(&lines, "enrolled");
    let who: Vec<&str> = enrolled.iter().map(|line| line["person"].as_str().unwrap()).collect();
    assert_eq!(who, ["Barack Obama", "Joe Biden"], "{lines:?}");
    assert_eq!((&enrolled[0]["templates_added"], &enrolled[1]["templates_added"]), (&2.into(), &1.into()));
    let refused: Vec<&str> = enrolled[0]["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|picture| picture["refused"].as_str())
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().any(|reason| reason.contains("does not show the same person")), "{refused:?}");
    let not: Vec<&str> = of(&lines, "refused").iter().map(|line| line["person"].as_str().unwrap()).collect();
    assert_eq!(not, ["Group", "Nobody"]);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["kind"], &summary["templates"]), (&"summary".into(), &3.into()));

    // Run again, it changes nothing, and says so.
    let again = home.run(["enroll", "--folder", at]).expect(1);
    assert!(again.stdout.contains("2 on the roster already"), "{}", again.stdout);
    assert!(again.stdout.contains("Nobody was refused: its folder has no picture"), "{}", again.stdout);
    let roster = home.run(["--json", "roster", "list"]).expect(0).json_lines();
    assert_eq!(roster.len(), 2, "nobody is half enrolled: {roster:?}");
    let other = demo_picture("show/obama3.jpg").display().to_string();
    assert!(home.run(["identify", &other]).expect(0).stdout.contains("Barack Obama"));
}

#[test]
fn a_roster_gives_names_identifiers_and_pictures() {
    let home = Home::new();
    put(home.path(), "p/obama.jpg", "enrol/obama.jpg");
    put(home.path(), "p/obama2.jpg", "show/obama2.jpg");
    put(home.path(), "biden.jpg", "enrol/biden.jpg");
    let file = home.path().join("staff.csv");
    fs::write(&file, "name,identifier,pictures\nBarack Obama,44,p\nJoe Biden,46,biden.jpg\n").unwrap();
    let lines = home.run(["--json", "enroll", "--roster", file.to_str().unwrap()]).expect(0).json_lines();
    let enrolled = of(&lines, "enrolled");
    assert_eq!((&enrolled[0]["identifier"], &enrolled[0]["templates_added"]), (&"44".into(), &2.into()));
    assert_eq!(lines.last().unwrap()["enrolled"], 2);
}

#[test]
fn whoever_is_enrolled_already_is_named_and_not_enrolled_twice() {
    let home = Home::new();
    let [first, second] =
        ["enrol/obama.jpg", "show/obama2.jpg"].map(|p| demo_picture(p).display().to_string());
    home.run(["enroll", "Barack Obama", &first]).expect(0);
    let refused = home.run(["enroll", "B. Obama", &second]).expect(1);
    for said in ["Barack Obama", "similarity 0.", "--add", "--anyway"] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(home.run(["--json", "roster", "list"]).expect(0).json_lines().len(), 1);
    let anyway = home.run(["--json", "enroll", "B. Obama", &second, "--anyway"]).expect(0).json_lines();
    assert_eq!(anyway[0]["alike"][0]["person"], "Barack Obama");
    let biden = demo_picture("enrol/biden.jpg").display().to_string();
    let two = home.run(["enroll", "Joe", &biden, &first]).expect(1);
    assert!(two.stderr.contains("not all pictures show the same person"), "{}", two.stderr);
}

#[test]
fn shots_are_taken_of_a_source_and_tested_there() {
    let home = Home::new();
    let folder = home.path().join("door");
    put(&folder, "1.jpg", "enrol/obama.jpg");
    let source = format!("replay:{}", folder.display());
    let finished = home.run(["--json", "enroll", "Barack Obama", "--source", &source]).expect(0);
    let line = &finished.json_lines()[0];
    assert!(line["templates_added"].as_u64().unwrap() >= 1, "{line}");
    println!("{line}");
    assert!(finished.stderr.contains("of 4 shots"), "{}", finished.stderr);
    let entries = home.run(["--json", "report"]).expect(0);
    assert!(!entries.stdout.contains("present"), "an enrolment records nobody: {}", entries.stdout);
}
