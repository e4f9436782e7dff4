use std::fs;

use clap::Parser;
use serde_json::Value;

use super::super::args::{Cli, Command};
use super::super::fake::{Ran, ran};
use super::super::looking::stand_in::{StandIn, picture};
use super::*;

fn compare(words: &[&str]) -> (Ran, Vec<Value>) {
    let words = ["muster", "compare"].iter().chain(words);
    let Some(Command::Compare(args)) = Cli::try_parse_from(words).unwrap().command else { panic!() };
    let ran = ran(false, |out| run(&args, || Ok(StandIn::boxed()), out));
    let objects = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (ran, objects)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_same_person_another_one_and_nobody_are_answers() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, colour| picture(&folder.path().join(name), colour);
    let (ana, ana_too, bo) = (at("1.ppm", [1, 0, 0]), at("2.ppm", [1, 99, 0]), at("3.ppm", [2, 0, 0]));
    let (nobody, crooked) = (at("4.ppm", [0, 0, 0]), at("5.ppm", [255, 0, 0]));
    for (other, same, reason) in [
        (&ana_too, Some(true), None),
        (&bo, Some(false), None),
        (&nobody, None, Some("no face was found")),
        (&crooked, None, Some("could not be aligned")),
    ] {
        let (ran, objects) = compare(&[text(&ana), text(other)]);
        assert_eq!((ran.code, objects.len()), (0, 1), "{}", ran.err);
        let keys: Vec<&String> = objects[0].as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 7, "{keys:?}");
        assert_eq!((objects[0]["a"].as_str(), objects[0]["b"].as_str()), (ana.to_str(), other.to_str()));
        assert_eq!(objects[0]["same"].as_bool(), same);
        // The stand-in's card knows no impostors, and so of no rate.
        assert!(objects[0]["fmr"].is_null() && ran.err.contains("its own threshold is taken"), "{}", ran.err);
        assert_eq!(objects[0]["similarity"].is_null(), same.is_none());
        let said = objects[0]["reason"].as_str();
        assert!(reason.map_or(said.is_none(), |reason| said.unwrap().contains(reason)), "{said:?}");
    }
}

#[test]
fn what_cannot_be_read_is_null_and_alone_it_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let ana = picture(&folder.path().join("1.ppm"), [1, 0, 0]);
    let (ran, objects) = compare(&[text(&ana), "/nowhere/b.jpg"]);
    assert_eq!(ran.code, 2);
    assert!(
        objects[0]["same"].is_null() && objects[0]["reason"].as_str().unwrap().contains("/nowhere/b.jpg")
    );
}

#[test]
fn bystanders_are_named_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let ana = picture(&folder.path().join("1.ppm"), [1, 0, 0]);
    let group = picture(&folder.path().join("2.ppm"), [1, 0, 2]);
    let (ran, objects) = compare(&[text(&ana), text(&group)]);
    assert_eq!(objects[0]["same"], true);
    assert!(ran.err.contains("2.ppm: 3 faces, the largest is compared"), "{}", ran.err);
}

#[test]
fn pairs_of_a_file_are_relative_to_it_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    for (name, colour) in [("x/1.ppm", [1, 0, 0]), ("x/2, too.ppm", [1, 9, 0]), ("3.ppm", [2, 0, 0])] {
        picture(&folder.path().join(name), colour);
    }
    let file = folder.path().join("pairs.csv");
    fs::write(&file, "\u{feff}a,b\r\nx/1.ppm,3.ppm\r\n\r\nx/1.ppm,\"x/2, too.ppm\"\r\n3.ppm,gone.ppm\r\n")
        .unwrap();
    let (ran, objects) = compare(&["--pairs", text(&file)]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found: Vec<_> = objects.iter().map(|o| (o["b"].as_str().unwrap(), o["same"].as_bool())).collect();
    assert_eq!(found, [("3.ppm", Some(false)), ("x/2, too.ppm", Some(true)), ("gone.ppm", None)]);
}

#[test]
fn a_mistake_in_the_file_is_named_with_its_line_before_anything_is_looked_at() {
    for (content, expected) in [
        ("1.ppm,2.ppm\n3.ppm\n", "line 2 has 1 columns"),
        ("1.ppm,2.ppm,3.ppm\n", "line 1 has 3 columns"),
        ("1.ppm,2.ppm\n1.ppm,\n", "line 2 has an empty column"),
        ("a,b\n", "there is no pair in it"),
        ("", "there is no pair in it"),
    ] {
        let error = parse_pairs(content.as_bytes(), Path::new("")).unwrap_err();
        assert!(error.contains(expected), "{content:?}: {error}");
    }
    let args = CompareArgs {
        a: None,
        b: None,
        pairs: Some("/nowhere/p.csv".into()),
        fmr: TargetRate::new(1e-3).unwrap(),
        pack: None,
    };
    let ran = ran(false, |out| run(&args, || panic!("nothing is loaded"), out));
    assert!(ran.code == 2 && ran.err.contains("/nowhere/p.csv cannot be read"), "{}", ran.err);
}

#[test]
fn a_path_need_not_be_utf_8() {
    let pairs = parse_pairs(b"\xff\xfe.jpg,b.jpg\n", Path::new("/x")).unwrap();
    assert_eq!(pairs[0].paths[0].as_os_str().as_bytes(), b"/x/\xff\xfe.jpg");
    assert!(pairs[0].names[0].contains('\u{FFFD}'));
}
