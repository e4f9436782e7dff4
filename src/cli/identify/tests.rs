use serde_json::{Value, json};

use super::super::fake::{Fake, Ran, Script, id, ran, row};
use super::*;
use crate::face::{FivePoints, HeadPose, Liveness, Point, Quality, QualityLimits, Rect, Similarity};
use crate::identify::{Candidates, Rejection};

fn candidate(n: u128, similarity: f32) -> Candidate {
    Candidate { person: id(n), similarity: Similarity(similarity) }
}

/// Too dark, and otherwise as good as any.
fn quality() -> Quality {
    let pose = HeadPose { yaw_degrees: 4.0, pitch_degrees: -2.0, roll_degrees: 0.5 };
    Quality {
        inter_eye_distance_px: Some(64.0),
        pose: Some(pose),
        luminance: Some(38.0),
        ..Quality::default()
    }
}

fn face(identification: Identification, candidates: Candidates) -> IdentifiedFace {
    IdentifiedFace {
        bounds: Rect::new(10.0, 20.5, 30.0, 40.0),
        detection_score: 0.5,
        points: Some(FivePoints::from_array([1.0, 2.0, 3.0, 4.0, 5.0].map(|v| Point::new(v, v + 0.5)))),
        liveness: Liveness::Score(0.25),
        quality: Some(quality()),
        findings: quality().findings(&QualityLimits::default()),
        identification,
        candidates,
    }
}

fn known() -> IdentifiedFace {
    let candidates = Candidates { best: Some(candidate(1, 0.75)), runner_up: Some(candidate(2, 0.5)) };
    face(Identification::Identified(candidate(1, 0.75)), candidates)
}

fn stranger() -> IdentifiedFace {
    let best = Some(candidate(2, 0.25));
    face(Identification::Unidentified { best }, Candidates { best, runner_up: None })
}

fn rejected() -> IdentifiedFace {
    let none = Candidates::default();
    let face = face(Identification::Rejected(Rejection::NotAlignable), none);
    IdentifiedFace { points: None, liveness: Liveness::NotRun, quality: None, findings: vec![], ..face }
}

/// Pictures are told apart by their first byte: how many faces there are, or `x` for no picture.
fn engine() -> Fake {
    let respond = |command: &Command| {
        let Command::Identify(picture) = command else { return Ok(Reply::Done) };
        let faces = match picture.bytes.first() {
            Some(b'k') => vec![known(), stranger(), rejected()],
            Some(b's') => vec![stranger()],
            Some(b'0') => vec![],
            Some(b'n') => return Err(CommandError::NoInference { reason: "no nets".into() }),
            _ => return Err(CommandError::Picture(format!("{}: it is no picture", picture.label))),
        };
        let timings_ms = vec![("detect".to_owned(), 1.5), ("embed".to_owned(), 2.0)];
        Ok(Reply::Identified(PictureAnswer { width: 640, height: 480, faces, timings_ms }))
    };
    let roster = vec![row(1, "Ana", Some("7")), row(2, "Bo", None)];
    Fake::start(Script { roster, respond: Box::new(respond), ..Script::default() })
}

fn identify(pictures: &[&str], json: bool) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures
        .iter()
        .map(|bytes| {
            let path = folder.path().join(format!("{bytes}.jpg"));
            if *bytes != "missing" {
                std::fs::write(&path, bytes).unwrap();
            }
            path
        })
        .collect();
    let fake = engine();
    ran(json, |out| run(&fake.handle, &IdentifyArgs { images }, out))
}

#[test]
fn an_object_has_exactly_the_documented_shape() {
    let Ran { out, .. } = identify(&["k"], true);
    let mut object: Value = serde_json::from_str(&out).unwrap();
    assert!(object["image"].take().as_str().unwrap().ends_with("/k.jpg"));
    let person = |n, name: &str, similarity: f32| json!({"person": name, "id": id(n).to_string(), "similarity": similarity});
    // The score is tested where it is made.
    for face in [0, 1] {
        assert!(object["faces"][face]["quality"]["score"].take().as_f64().unwrap() < 0.5);
    }
    let quality = json!({
        "score": null, "inter_eye_distance_px": 64.0, "yaw_degrees": 4.0, "pitch_degrees": -2.0,
        "roll_degrees": 0.5, "sharpness": null, "luminance": 38.0, "under_exposed_share": null,
        "over_exposed_share": null, "eye_opening": null, "inside_share": null,
    });
    let limit = QualityLimits::default().least_luminance;
    let warnings =
        json!([{"measure": "dark", "value": 38.0, "limit": limit, "sentence": "too dark: 38 of 255"}]);
    let landmarks = json!([[1.0, 1.5], [2.0, 2.5], [3.0, 3.5], [4.0, 4.5], [5.0, 5.5]]);
    assert_eq!(
        object,
        json!({
            "image": null, "width": 640, "height": 480,
            "faces": [
                {"box": [10.0, 20.5, 30.0, 40.0], "landmarks": landmarks, "detection_score": 0.5,
                 "identification": "identified", "person": "Ana", "best": person(1, "Ana", 0.75),
                 "runner_up": person(2, "Bo", 0.5), "liveness": 0.25, "quality": quality, "warnings": warnings, "reason": null},
                {"box": [10.0, 20.5, 30.0, 40.0], "landmarks": landmarks, "detection_score": 0.5,
                 "identification": "unidentified", "person": null, "best": person(2, "Bo", 0.25),
                 "runner_up": null, "liveness": 0.25, "quality": quality, "warnings": warnings, "reason": null},
                {"box": [10.0, 20.5, 30.0, 40.0], "landmarks": null, "detection_score": 0.5,
                 "identification": "rejected", "person": null, "best": null, "runner_up": null,
                 "liveness": null, "quality": null, "warnings": [], "reason": "the face could not be aligned"},
            ],
            "timings_ms": {"detect": 1.5, "embed": 2.0},
        })
    );
}

#[test]
fn a_picture_that_cannot_be_read_is_an_object_and_the_others_still_run() {
    let Ran { code, out, .. } = identify(&["missing", "x", "k"], true);
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, 0);
    assert_eq!(objects.len(), 3);
    for object in &objects[..2] {
        assert!(object["image"].is_string() && object["error"].is_string());
        assert_eq!(object.as_object().unwrap().len(), 2);
    }
    assert!(objects[2]["faces"].is_array());
}

#[test]
fn the_status_says_whether_anybody_was_identified() {
    for (pictures, code) in [
        (vec!["k"], 0),
        (vec!["s", "k"], 0),
        (vec!["x", "k", "missing"], 0),
        (vec!["s"], 1),
        (vec!["0"], 1),
        (vec!["x", "s"], 1),
        (vec!["x"], 2),
        (vec!["missing", "x"], 2),
        (vec!["n"], 3),
    ] {
        for json in [false, true] {
            assert_eq!(identify(&pictures, json).code, code, "{pictures:?}");
        }
    }
}

#[test]
fn a_person_reads_a_line_for_each_face() {
    let Ran { out, err, .. } = identify(&["k", "0", "x"], false);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].ends_with("k.jpg: face 1 at 10,20 (30x40): Ana 0.750, then Bo 0.500, live 0.25"),
        "{out}"
    );
    assert!(lines[1].ends_with("unidentified, most like Bo 0.250, live 0.25"), "{out}");
    assert!(lines[2].ends_with("rejected, the face could not be aligned"), "{out}");
    assert!(lines[3].ends_with("0.jpg: no face"), "{out}");
    assert!(err.contains("x.jpg: it is no picture"), "{err}");
}

#[test]
fn nets_that_are_missing_end_it_at_once() {
    let fake = engine();
    let mut live = (*fake.board.live.get()).clone();
    let reason = "run muster setup".to_owned();
    live.inference = crate::engine::state::InferenceStatus::Unavailable { reason };
    fake.board.live.set(live);
    let Ran { code, err, .. } =
        ran(true, |out| run(&fake.handle, &IdentifyArgs { images: vec!["a.jpg".into()] }, out));
    assert_eq!((code, err.as_str()), (3, "muster: run muster setup\n"));
}
