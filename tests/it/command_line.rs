//! The subcommands as scripts use them: outputs, exit codes, and what the original program got
//! wrong.

use std::fs;

use serde_json::Value;

use crate::support::{Home, demo_picture, models_dir};

fn picture(name: &str) -> String {
    demo_picture(name).display().to_string()
}

fn enrolled() -> Home {
    let home = Home::new();
    home.run(["enroll", "Barack Obama", &picture("enrol/obama.jpg"), "--id", "44"]).expect(0);
    home.run(["enroll", "Joe Biden", &picture("enrol/biden.jpg")]).expect(0);
    home
}

#[test]
fn one_photograph_enrols_and_another_identifies() {
    let home = enrolled();
    let shown = picture("show/obama2.jpg");
    let found = home.run(["identify", "--json", &shown]).expect(0).json_lines();
    assert_eq!(found.len(), 1);
    let answer = &found[0];
    assert_eq!(answer["image"], shown.as_str());
    assert!(answer["width"].as_u64() > Some(0) && answer["height"].as_u64() > Some(0));
    assert!(answer["timings_ms"].as_object().is_some_and(|timings| timings.contains_key("embed")));
    let face = answer["faces"]
        .as_array()
        .and_then(|faces| faces.iter().find(|face| face["identification"] == "identified"))
        .expect("a face was identified");
    assert_eq!(face["person"], "Barack Obama");
    assert_eq!(face["best"]["person"], "Barack Obama");
    assert_eq!(face["runner_up"]["person"], "Joe Biden");
    assert!(face["best"]["similarity"].as_f64() > face["runner_up"]["similarity"].as_f64());
    assert_eq!(face["box"].as_array().map(Vec::len), Some(4));
    assert_eq!(face["landmarks"].as_array().map(Vec::len), Some(5));
    assert!(face["detection_score"].as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)));
    for key in ["liveness", "reason"] {
        assert!(face.as_object().is_some_and(|face| face.contains_key(key)), "no {key}");
    }
}

#[test]
fn strangers_are_unidentified_and_that_is_a_negative_answer() {
    let home = enrolled();
    let found = home.run(["identify", "--json", &picture("show/sample2.jpg")]).expect(1).json_lines();
    let faces = found[0]["faces"].as_array().cloned().unwrap_or_default();
    assert!(!faces.is_empty());
    for face in faces {
        assert_eq!((&face["identification"], &face["person"]), (&Value::from("unidentified"), &Value::Null));
        assert!(face["best"]["person"].is_string());
    }
}

#[test]
fn an_unreadable_picture_is_an_answer_and_the_others_still_run() {
    let home = enrolled();
    let broken = home.path().join("broken.jpg");
    let good = fs::read(picture("show/obama2.jpg")).unwrap();
    fs::write(&broken, &good[..good.len() / 2]).unwrap();
    let empty = home.path().join("empty.png");
    fs::write(&empty, "").unwrap();
    let paths = [broken.display().to_string(), empty.display().to_string(), picture("show/obama3.jpg")];
    let answers = home.run(["identify", "--json", &paths[0], &paths[1], &paths[2]]).expect(0).json_lines();
    assert!(answers[0]["error"].as_str().is_some_and(|error| error.contains("broken.jpg")));
    assert!(answers[1]["error"].as_str().is_some_and(|error| error.contains("empty")));
    assert_eq!(answers[2]["faces"][0]["person"], "Barack Obama");
    home.run(["identify", &paths[0]]).expect(2);
    home.run(["identify", "/nowhere/at/all.jpg"]).expect(2);
}

#[test]
fn a_name_is_never_taken_over() {
    let home = enrolled();
    let biden = picture("enrol/biden.jpg");
    let refused = home.run(["enroll", "Barack Obama", &biden]);
    assert!(refused.code != 0 && refused.stderr.contains("--id") && refused.stderr.contains("--add"));
    let found = home.run(["identify", "--json", &picture("show/obama2.jpg")]).expect(0).json_lines();
    assert_eq!(found[0]["faces"][0]["person"], "Barack Obama");
    home.run(["enroll", "Barack Obama", &picture("show/obama3.jpg"), "--add"]).expect(0);
    let roster = home.run(["roster", "list", "--json"]).expect(0).json_lines();
    assert_eq!(roster.len(), 2);
}

#[test]
fn a_group_photograph_needs_a_choice() {
    let home = Home::new();
    let group = picture("enrol/sample1.jpg");
    let refused = home.run(["enroll", "Mara", &group]);
    assert!(refused.code != 0 && refused.stderr.contains("--face"), "{}", refused.stderr);
    assert!(home.run(["roster", "list", "--json"]).expect(0).stdout.is_empty());
    home.run(["enroll", "Mara", &group, "--face", "3"]).expect(0);
}

#[test]
fn attendance_is_on_disk_and_a_removal_keeps_it() {
    let home = enrolled();
    let source = format!("images:{}", picture("show/obama2.jpg"));
    home.run(["take", "--source", &source]).expect(0);
    let present = home.run(["report", "--present", "--format", "json"]).expect(0).json_lines();
    let names: Vec<_> = present.iter().map(|row| row["person"].clone()).collect();
    assert_eq!(names, ["Barack Obama"]);
    home.run(["roster", "remove", "44"]).expect(2);
    home.run(["roster", "remove", "44", "--yes"]).expect(0);
    home.run(["roster", "remove", "44", "--yes"]).expect(1);
    let report = home.run(["report", "--format", "csv"]).expect(0).stdout;
    assert!(report.contains("Barack Obama"), "{report}");
    let file = home.path().join("month.xlsx").display().to_string();
    let workbook = ["report", "--month", "--format", "xlsx", "-o", &file];
    home.run(workbook).expect(0);
    assert!(fs::read(&file).unwrap().starts_with(b"PK"));
    home.run(workbook).expect(2);
    let log = home.run(["log", "export"]).expect(0).stdout;
    assert_eq!(log.matches("a report from ").count(), 1, "{log}");
    home.run(["identify", &picture("show/obama2.jpg")]).expect(1);
}

#[test]
fn wrong_usage_and_missing_parts_have_their_own_codes() {
    let home = Home::new();
    home.run(["enrol"]).expect(2);
    home.run(["take", "--source", "screen:0"]).expect(2);
    home.run(["take", "--source", "images:/nowhere/*.jpg"]).expect(2);
    let config = home.path().join("muster.toml");
    fs::write(&config, "[recognition]\nthreshhold = 0.5\n").unwrap();
    let refused = home.run(["--config", &config.display().to_string(), "roster", "list"]).expect(2);
    for part in ["muster.toml", "2", "threshhold", "threshold"] {
        assert!(refused.stderr.contains(part), "no `{part}` in: {}", refused.stderr);
    }
    let nowhere = home.path().join("no models").display().to_string();
    let mut command = home.muster(["identify", &picture("show/obama2.jpg")]);
    command.args(["--models-dir", &nowhere]);
    let _ = command;
    let refused = home.run(["--device", "cuda", "identify", &picture("show/obama2.jpg")]).expect(3);
    assert!(refused.stderr.to_lowercase().contains("cuda"), "{}", refused.stderr);
}

#[test]
fn a_damaged_part_is_named_before_anything_is_loaded() {
    let home = Home::new();
    let models = home.path().join("models copy");
    let copy = std::process::Command::new("cp").arg("-r").arg(models_dir()).arg(&models).status().unwrap();
    assert!(copy.success());
    let run = |what: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_muster"));
        command.env_clear().envs(home.environment());
        command.arg("--data-dir").arg(home.data_dir()).arg("--models-dir").arg(&models);
        let finished = crate::support::Finished::of(
            command.args(["identify", &picture("show/obama2.jpg")]).output().unwrap(),
        );
        assert_eq!(finished.code, 3, "{what}: {}", finished.stderr);
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        finished.stderr
    };
    let net = models.join("fr_feature.onnx");
    let whole = fs::read(&net).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (bytes, what) in
        [(&whole[..whole.len() - 1], "truncated"), (&flipped[..], "flipped"), (&[][..], "empty")]
    {
        fs::write(&net, bytes).unwrap();
        let message = run(what);
        assert!(message.contains("fr_feature.onnx") && message.contains("muster setup"), "{what}: {message}");
    }
    fs::remove_file(&net).unwrap();
    assert!(run("missing net").contains("fr_feature.onnx"));
    fs::write(&net, &whole).unwrap();

    let library = models.join("runtime/libonnxruntime.so");
    let whole = fs::read(&library).unwrap();
    fs::remove_file(&library).unwrap();
    assert!(run("missing runtime").contains("libonnxruntime"));
    fs::write(&library, &whole[..whole.len() / 2]).unwrap();
    let message = run("truncated runtime");
    assert!(message.contains("libonnxruntime.so") && message.contains("muster setup"), "{message}");
}
