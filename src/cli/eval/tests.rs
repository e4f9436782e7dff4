use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Parser;
use serde_json::Value;

use super::super::args::{Cli, Command};
use super::super::fake::{Ran, ran};
use super::super::looking::stand_in::{StandIn, picture};
use super::*;

/// `people` with three photographs each, numbered from `first`.
fn photographs(dir: &Path, first: u8, people: u8) {
    for person in first..first + people {
        for (index, turned) in [0, 120, 200].into_iter().enumerate() {
            picture(&dir.join(format!("person {person}/{index}.ppm")), [person, turned, 0]);
        }
    }
}

fn eval(json: bool, words: &[&str]) -> Ran {
    let words = ["muster", "eval"].iter().chain(words);
    let Some(Command::Eval(args)) = Cli::try_parse_from(words).unwrap().command else { panic!() };
    ran(json, |out| run(&args, || Ok(StandIn::boxed()), out))
}

fn figures(words: &[&str]) -> Value {
    let ran = eval(true, words);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(ran.out.lines().last().unwrap()).unwrap()
}

#[test]
fn figures_of_several_folders_together() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    photographs(&one, 1, 12);
    photographs(&two, 13, 12);
    let found = figures(&[one.to_str().unwrap(), two.to_str().unwrap(), "--splits", "10"]);
    assert_eq!((&found["people"], &found["pictures"]), (&24.into(), &72.into()));
    assert_eq!((&found["pack"], &found["provider"]), (&"stand-in".into(), &"cpu".into()));
    assert_eq!(found["genuine"]["pairs"], 72);
    assert_eq!(found["impostor"]["pairs"], 72 * 71 / 2 - 72);
    assert_eq!(found["rank_one"]["first_photograph"]["events"], 48);
    let tar = &found["tar_at_fmr"];
    assert_eq!(tar[0]["fmr"], 0.01);
    // 2,484 impostor pairs are enough for 1e-2 and not for 1e-3.
    assert!(tar[0]["tar"].is_number() && tar[0]["interval95"].is_array(), "{tar}");
    assert!(tar[1]["tar"].is_null() && tar[1]["interval95"].is_null(), "{tar}");
    assert_eq!(tar[1]["reason"], "not supported: 2484 impostor pairs, 3000 are needed");
    assert_eq!(found["stages"].as_array().unwrap().len(), 6);
}

#[test]
fn a_seed_gives_the_same_and_another_one_another_draw() {
    let dir = tempfile::tempdir().unwrap();
    photographs(dir.path(), 1, 20);
    let path = dir.path().to_str().unwrap();
    let of = |seed: &str| {
        let mut found = figures(&[path, "--seed", seed, "--splits", "7", "--strategy", "all"]);
        found["stages"] = Value::Null;
        found
    };
    let (one, again, other) = (of("5"), of("5"), of("6"));
    assert_eq!(one, again);
    assert_ne!(one["strategies"], other["strategies"]);
    let rows = one["strategies"].as_array().unwrap();
    assert!(rows[0]["strategy"] == "one template" && rows.len() == 13, "{rows:?}");
}

#[test]
fn what_is_wrong_with_pictures_is_counted_and_named() {
    let dir = tempfile::tempdir().unwrap();
    photographs(dir.path(), 1, 3);
    picture(&dir.path().join("person 1/nobody.ppm"), [0, 0, 0]);
    picture(&dir.path().join("person 2/crooked.ppm"), [255, 0, 0]);
    picture(&dir.path().join("person 3/group.ppm"), [3, 0, 2]);
    fs::write(dir.path().join("person 3/broken.jpg"), "no picture").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::create_dir(dir.path().join(".hidden")).unwrap();
    fs::write(dir.path().join("note.txt"), "not a person").unwrap();
    let path = dir.path().to_str().unwrap();
    let found = figures(&[path]);
    assert_eq!((&found["pictures"], &found["failures_to_acquire"]["events"]), (&13.into(), &2.into()));
    assert_eq!(found["failures_to_acquire"]["trials"], 12, "what cannot be read was no attempt");
    assert_eq!(found["unreadable"][0]["person"], "person 3");
    assert_eq!(found["several_faces"][0]["faces"], 3);
    assert_eq!(found["empty_folders"][0]["person"], "empty");
    let text = eval(false, &[path]).out;
    for part in ["nobody.ppm", "crooked.ppm", "broken.jpg", "group.ppm: 3 faces", "empty"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

#[test]
fn names_that_are_no_text_are_told_apart_and_printable() {
    let dir = tempfile::tempdir().unwrap();
    for (name, person) in [(&b"\xff"[..], 1), (b"\xfe", 2), (b"\x1b[2J", 3), (b"=1+1", 4)] {
        for turned in [0, 50] {
            let file = dir.path().join(OsStr::from_bytes(name)).join(format!("{turned}.ppm"));
            picture(&file, [person, turned, 0]);
        }
    }
    let csv = dir.path().join("scores.csv");
    let words = [dir.path().to_str().unwrap(), "--csv", csv.to_str().unwrap()];
    let ran = eval(false, &words);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("8 pictures of 4 people") && !ran.out.contains('\x1b'), "{}", ran.out);
    assert_eq!(figures(&words)["people"], 4);
    let scores = fs::read_to_string(&csv).unwrap();
    assert_eq!(scores.lines().count(), 1 + 28);
    assert!(scores.contains("'=1+1") && scores.contains("\u{FFFD} (2)"), "{scores}");
}

#[test]
fn the_picture_is_drawn_and_little_is_enough_for_one() {
    let dir = tempfile::tempdir().unwrap();
    photographs(dir.path(), 1, 5);
    let svg = dir.path().join("figures.svg");
    let path = dir.path().to_str().unwrap();
    assert_eq!(eval(false, &[path, "--svg", svg.to_str().unwrap()]).code, 0);
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n") && drawn.contains("ROC"), "{drawn}");
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    // One person with one photograph has no pair at all.
    let alone = tempfile::tempdir().unwrap();
    picture(&alone.path().join("Ana/1.ppm"), [1, 0, 0]);
    let words = [alone.path().to_str().unwrap(), "--strategy", "all", "--svg", svg.to_str().unwrap()];
    let found = figures(&words);
    assert!(found["equal_error"].is_null() && found["histogram"].is_null());
    assert!(fs::read_to_string(&svg).unwrap().contains("no pairs"));
    let text = eval(false, &words).out;
    assert!(text.contains("not supported") && !text.contains("NaN"), "{text}");
}

#[test]
fn what_cannot_be_done_is_said_before_the_nets_are_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let refused = |words: &[&str], expected: &str| {
        let args = ["muster", "eval"].iter().chain(words);
        let Some(Command::Eval(args)) = Cli::try_parse_from(args).unwrap().command else { panic!() };
        let ran = ran(false, |out| run(&args, || panic!("nothing is loaded"), out));
        assert!(ran.code == 2 && ran.err.contains(expected), "{words:?}: {}", ran.err);
    };
    refused(&["/nowhere"], "/nowhere cannot be read");
    refused(&[path], "expected DIR/NAME/PICTURE");
    photographs(dir.path(), 1, 2);
    refused(&[path, "--csv", "/nowhere/s.csv"], "/nowhere/s.csv cannot be written");
    refused(&[path, "--svg", path], "it is a folder");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn pictures_of_which_none_can_be_read_are_no_input() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("Ana")).unwrap();
    fs::write(dir.path().join("Ana/a.jpg"), "").unwrap();
    let ran = eval(false, &[dir.path().to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("no picture could be read"), "{}", ran.err);
}
