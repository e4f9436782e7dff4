//! A music video with cuts, blur and profiles, worked through frame by frame: who is recorded. It
//! prints what was decided: `cargo test --release --test it clip -- --nocapture`.

use std::path::Path;

use serde_json::Value;

use crate::support::{Home, faces, sorted};

/// Enrols one photograph each of `stills` and of the ten people of lfw10.
fn enrol(home: &Home, faces: &Path, stills: &[(&str, &str)]) {
    let lfw = sorted(&faces.join("people/lfw10"));
    let first = |person: &Path| {
        let name = person.file_name().unwrap().to_string_lossy().into_owned();
        (name, sorted(person).into_iter().next().unwrap())
    };
    let stills = stills.iter().map(|(name, file)| ((*name).to_owned(), faces.join(file)));
    for (name, picture) in lfw.iter().map(|person| first(person)).chain(stills) {
        home.run([
            "enroll".as_ref(),
            name.as_ref(),
            picture.as_os_str(),
            "--face".as_ref(),
            "largest".as_ref(),
        ])
        .expect(0);
    }
}

/// The names on record and all decisions of the clip.
fn take(home: &Home, faces: &Path) -> (Vec<String>, Vec<Value>) {
    let clip = faces.join("video/short_hamilton_clip.mp4");
    let source = format!("video:{}", clip.display());
    let lines = home.run(["take", "--source", &source, "--json"]).expect(0).json_lines();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).cloned().collect::<Vec<Value>>();
    let name = |line: &Value| line["person"].as_str().unwrap_or("nobody").to_owned();
    let decisions = of("decided");
    for line in decisions.iter().chain(&of("unidentified")).chain(&of("passage")) {
        println!("{line}");
    }
    (of("passage").iter().map(name).collect(), decisions)
}

const SINGER: (&str, &str) = ("Lin-Manuel Miranda", "portraits/lin-manuel-miranda.png");
const PIANIST: (&str, &str) = ("Alex Lacamoire", "portraits/alex-lacamoire.png");

#[test]
fn the_singer_is_one_record_over_all_cuts_and_nobody_else_is_named() {
    let Some(faces) = faces("") else { return };
    let home = Home::new();
    enrol(&home, &faces, &[SINGER, PIANIST]);
    let (records, decisions) = take(&home, &faces);
    assert_eq!(records, [SINGER.0]);
    let named = |decision: &Value| decision["person"].as_str().map(str::to_owned);
    assert!(decisions.iter().filter_map(named).all(|name| name == SINGER.0));
}

#[test]
fn with_neither_of_them_enrolled_nobody_is_named() {
    let Some(faces) = faces("") else { return };
    let home = Home::new();
    enrol(&home, &faces, &[]);
    let (records, decisions) = take(&home, &faces);
    assert!(records.is_empty(), "{records:?}");
    assert!(decisions.iter().all(|decision| decision["person"].is_null()), "{decisions:?}");
    assert!(!decisions.is_empty(), "the clip was looked at");
}
