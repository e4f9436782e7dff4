//! `muster pad-test` and what `doctor` makes of it, with the real nets. The attacks are simulated
//! re-captures: they show that the path works, and nothing of real ones.

use std::fs;
use std::path::Path;

use muster::capture::{RgbPicture, picture};
use muster::inference::FaceAnalyser;

use crate::recapture::{Medium, recapture};
use crate::support::{Home, demo_picture, largest, pipeline};

/// Photographs of the demo with room around the face.
const GENUINE: [&str; 3] = ["enrol/obama.jpg", "enrol/biden.jpg", "show/obama2.jpg"];

fn write(path: &Path, picture: &RgbPicture) {
    let mut bytes = format!("P6 {} {} 255\n", picture.width(), picture.height()).into_bytes();
    bytes.extend_from_slice(picture.data());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A folder of genuine presentations and one of simulated screens, of three pictures each.
fn presentations(home: &Home) -> (String, String) {
    let mut pipeline = pipeline("default");
    let (genuine, screens) = (home.path().join("genuine"), home.path().join("screens"));
    for (index, name) in GENUINE.iter().enumerate() {
        let photograph = picture::read(&demo_picture(name)).unwrap();
        let analysis = pipeline.analyse(&photograph).unwrap();
        let bounds = largest(&analysis).unwrap().detection.bounds;
        write(&genuine.join(format!("{index}.ppm")), &photograph);
        for (number, yaw) in [-15.0, 0.0, 15.0].into_iter().enumerate() {
            let scene = recapture(&photograph, &bounds, Medium::Screen, yaw);
            write(&screens.join(format!("{index}/{number}.ppm")), &scene);
        }
    }
    (genuine.display().to_string(), format!("simulated-screen={}", screens.display()))
}

fn liveness_checks(home: &Home, config: &str) -> Vec<serde_json::Value> {
    let checks = home.run(["doctor", "--json", "--config", config]).json_lines();
    checks.into_iter().filter(|check| check["check"] == "liveness").collect()
}

#[test]
fn a_self_test_is_noted_and_doctor_reads_it_back() {
    let home = Home::new();
    let config = home.path().join("require.toml");
    fs::write(&config, "[liveness]\nmode = \"require\"\n[source]\ndefault = \"camera:0\"\n").unwrap();
    let config = config.display().to_string();
    let before = liveness_checks(&home, &config);
    assert_eq!(before[0]["status"], "warn", "{before:?}");
    assert!(before[0]["hint"].as_str().unwrap().contains("pad-test --source camera:0"), "{before:?}");

    let (genuine, screens) = presentations(&home);
    let ran = home.run(["pad-test", "--genuine", &genuine, "--attack", &screens, "--json"]).expect(0);
    let lines = ran.json_lines();
    println!("{}", ran.stdout);
    let last = lines.last().unwrap();
    assert_eq!((&last["kind"], &last["pack"]), (&"pad_test".into(), &"default".into()));
    assert_eq!(last["genuine"]["bpnrr"]["of"], 3);
    assert_eq!(last["attacks"][0]["apnrr"]["of"], 3);
    // Each folder of three pictures is one presentation.
    assert_eq!(lines.iter().filter(|line| line["presented"] == "simulated-screen").count(), 3);
    assert!(lines.iter().any(|line| line["presented"] == "genuine" && line["outcome"] == "live"));

    let after = liveness_checks(&home, &config);
    assert_eq!(after[0]["status"], "ok", "{after:?}");
    assert!(after[0]["detail"].as_str().unwrap().contains("simulated-screen: APCER"), "{after:?}");
}

/// The guided test on a source, with the answers from standard input.
#[test]
fn a_guided_self_test_watches_the_source() {
    let home = Home::new();
    let folder = home.path().join("stills");
    fs::create_dir(&folder).unwrap();
    fs::copy(demo_picture("enrol/obama.jpg"), folder.join("a.jpg")).unwrap();
    let source = format!("replay:{}", folder.display());
    let answers = home.path().join("answers");
    fs::write(&answers, "genuine\n\ndone\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_muster"))
        .env_clear()
        .envs(home.environment())
        .args(["pad-test", "--source", &source, "--frames", "3", "--json"])
        .stdin(fs::File::open(&answers).unwrap())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[..2].iter().all(|line| line["measured"] == 3 && line["outcome"] == "live"), "{stdout}");
    assert_eq!(lines[2]["genuine"]["bpcer"]["of"], 2);
}
