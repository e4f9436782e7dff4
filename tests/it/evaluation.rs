//! `muster eval` and `muster compare` on real photographs, with the figures that they must reach.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Home, faces, models_dir, models_with_yunet};

/// The figures of all three sets together.
fn evaluate(home: &Home, models: &Path, people: &Path, words: &[&str]) -> Value {
    let mut command = home.muster_on(models, ["eval", "--json", "--device", "cpu"]);
    command.args(["lfw10", "johns", "bbt"].map(|set| people.join(set))).args(words);
    let finished = crate::support::Finished::of(command.output().unwrap()).expect(0);
    finished.json_lines().pop().unwrap()
}

fn tar_at_1e_3(figures: &Value) -> f64 {
    let row = &figures["tar_at_fmr"][1];
    assert_eq!(row["fmr"], 1e-3, "{row}");
    println!("{}: TAR at FMR 1e-3 {row}", figures["pack"]);
    row["tar"].as_f64().unwrap()
}

fn rank_one(figures: &Value) -> f64 {
    let rank = &figures["rank_one"];
    println!("{}: rank 1 {rank}", figures["pack"]);
    rank["first_photograph"]["share"].as_f64().unwrap()
}

#[test]
fn one_shot_on_all_people_with_the_default_pack() {
    let Some(people) = faces("people") else { return };
    let home = Home::new();
    let (csv, svg) = (home.path().join("scores.csv"), home.path().join("figures.svg"));
    let output = &["--csv", csv.to_str().unwrap(), "--svg", svg.to_str().unwrap()];
    let figures = evaluate(&home, &models_dir(), &people, output);
    assert_eq!((&figures["people"], &figures["pictures"]), (&23.into(), &195.into()));
    assert_eq!((&figures["pack"], &figures["provider"]), (&"default".into(), &"cpu".into()));
    assert_eq!(figures["failures_to_acquire"]["events"], 0);
    assert_eq!((&figures["genuine"]["pairs"], &figures["impostor"]["pairs"]), (&805.into(), &18110.into()));
    assert_eq!(rank_one(&figures), 1.0);
    assert_eq!(figures["rank_one"]["least"], 1.0, "whichever photograph is enrolled");
    assert!(tar_at_1e_3(&figures) >= 0.995);
    // Too few pairs for a tenth of that rate, and none is claimed.
    assert!(figures["tar_at_fmr"][2]["tar"].is_null() && figures["tar_at_fmr"][2]["interval95"].is_null());
    assert_eq!(figures["card"]["fmr"]["events"], 0);
    assert_eq!(fs::read_to_string(csv).unwrap().lines().count(), 1 + 805 + 18110);
    assert!(fs::read_to_string(svg).unwrap().starts_with("<svg"));
    assert!(!home.data_dir().exists(), "an evaluation keeps nothing");
}

/// A pack's other detectors: at least 99 %, failures to acquire counted as failures too.
fn reaches_99_percent(pack: &str, models: &Path) {
    let Some(people) = faces("people") else { return };
    let figures = evaluate(&Home::new(), models, &people, &["--pack", pack]);
    let acquired = 1.0 - figures["failures_to_acquire"]["share"].as_f64().unwrap();
    assert!(rank_one(&figures) * acquired >= 0.99 && tar_at_1e_3(&figures) * acquired >= 0.99, "{acquired}");
}

#[test]
fn one_shot_on_all_people_with_the_mtcnn_pack() {
    reaches_99_percent("mtcnn", &models_dir());
}

#[test]
fn one_shot_on_all_people_with_the_yunet_pack() {
    let Some(models) = models_with_yunet() else { return };
    reaches_99_percent("yunet", models.path());
}

/// More templates are better than one, their mean at least as good as the most alike of them.
#[test]
fn the_mean_of_several_templates_is_no_worse_than_the_best() {
    let Some(people) = faces("people") else { return };
    let figures = evaluate(&Home::new(), &models_dir(), &people, &["--strategy", "best,mean"]);
    let separation = |name: &str| {
        let rows = figures["strategies"].as_array().unwrap();
        rows.iter().find(|row| row["strategy"] == name).unwrap()["separation"].as_f64().unwrap()
    };
    let [one, best, mean] = ["one template", "3 templates, best", "3 templates, mean"].map(separation);
    println!("d': one {one:.2}, best of 3 {best:.2}, mean of 3 {mean:.2}");
    assert!(one < best && best < mean);
}

#[test]
fn a_video_against_labelled_stills_names_the_singer_and_nobody_else() {
    let (Some(portraits), Some(video)) = (faces("portraits"), faces("video")) else { return };
    let home = Home::new();
    let stills = home.path().join("stills");
    for (name, file) in [("singer", "lin-manuel-miranda.png"), ("pianist", "alex-lacamoire.png")] {
        fs::create_dir_all(stills.join(name)).unwrap();
        fs::copy(portraits.join(file), stills.join(name).join(file)).unwrap();
    }
    let mut command = home.muster(["eval", "--json", "--device", "cpu"]);
    command.arg(&stills).arg(faces("people").unwrap().join("lfw10"));
    command.arg("--video").arg(video.join("short_hamilton_clip.mp4"));
    let figures =
        crate::support::Finished::of(command.output().unwrap()).expect(0).json_lines().pop().unwrap();
    let found = &figures["video"];
    println!("{found}");
    assert_eq!((&found["frames"], &found["people"].as_array().unwrap().len()), (&275.into(), &12));
    let named: Vec<(&str, u64)> = found["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["person"].as_str().unwrap(), row["frames"].as_u64().unwrap()))
        .collect();
    assert!(named[0].0 == "singer" && named[0].1 >= 100, "{named:?}");
    assert!(named[1..].iter().all(|(_, frames)| *frames == 0), "{named:?}");
}

#[test]
fn compare_answers_for_each_pair_in_order() {
    let (Some(faces), Some(_)) = (faces("portraits"), faces("groups")) else { return };
    let home = Home::new();
    let csv = home.path().join("pairs.csv");
    let at = |name: &str| faces.join(name).display().to_string();
    let dogs = faces.join("../groups/dogs.jpg").display().to_string();
    let pairs = [
        (at("obama.jpg"), at("obama2.jpg"), Some(true)),
        (at("obama.jpg"), at("biden.jpg"), Some(false)),
        (at("obama.jpg"), dogs, None),
    ];
    let lines: String = pairs.iter().map(|(a, b, _)| format!("{a},{b}\n")).collect();
    fs::write(&csv, lines).unwrap();
    let objects = home.run(["compare", "--pairs", csv.to_str().unwrap()]).expect(0).json_lines();
    assert_eq!(objects.len(), pairs.len());
    for ((a, b, same), object) in pairs.iter().zip(&objects) {
        assert_eq!((object["a"].as_str(), object["b"].as_str()), (Some(a.as_str()), Some(b.as_str())));
        assert_eq!(object["same"].as_bool(), *same, "{object}");
        assert_eq!(object["reason"].is_null(), same.is_some(), "{object}");
        assert_eq!(object["fmr"], 1e-3, "{object}");
    }
    let strict = ["compare", "--fmr", "1e-5", "--pairs", csv.to_str().unwrap()];
    let strict = home.run(strict).expect(0).json_lines();
    let threshold = |object: &serde_json::Value| object["threshold"].as_f64().unwrap();
    println!("threshold {} at FMR 1e-3, {} at 1e-5", threshold(&objects[0]), threshold(&strict[0]));
    assert!(threshold(&objects[0]) + 0.05 < threshold(&strict[0]));
    assert_eq!(strict[0]["similarity"], objects[0]["similarity"]);
}
