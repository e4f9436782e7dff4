//! The threshold and the reasons of entries, from the program: people enrolled, attendance taken, and
//! then asked about without nets.

use crate::support::{Home, demo_picture};

#[test]
fn the_threshold_and_its_reasons_are_said_without_nets() {
    let home = Home::new();
    for (name, file) in [("Barack Obama", "enrol/obama.jpg"), ("Joe Biden", "enrol/biden.jpg")] {
        home.run(["enroll", name, &demo_picture(file).display().to_string()]).expect(0);
    }
    let shown = demo_picture("show/obama2.jpg").display().to_string();
    home.run(["take", "--source", &format!("images:{shown}")]).expect(0);

    // A folder without nets or runtime: the cards are in the program.
    let bare = home.path().join("no models");
    std::fs::create_dir(&bare).unwrap();
    let bare = bare.display().to_string();
    let state = home.run(["threshold", "--json", "--models-dir", &bare]).expect(0).json_lines();
    assert_eq!(state.len(), 1);
    let state = &state[0];
    assert_eq!((&state["people"], &state["templates"]), (&2.into(), &2.into()));
    assert!((state["threshold"].as_f64().unwrap() - 0.45).abs() < 1e-6, "{state}");
    assert_eq!(state["basis"]["derived"]["at_floor"], true);
    assert_eq!(state["impostors"]["site"]["pairs"], 1);
    let fpir = &state["fpir"];
    assert!(fpir["value"].as_f64().unwrap() < 1e-3 && fpir["extrapolated"] == true, "{fpir}");

    let plan =
        home.run(["threshold", "plan", "0.99", "--json", "--models-dir", &bare]).expect(0).json_lines();
    assert_eq!(plan.len(), 2, "{plan:?}");
    assert_eq!(plan[0]["person"], "Barack Obama");
    assert_eq!(plan[1]["summary"]["become_unidentified"], 1);
    let entry = plan[0]["entry"].as_u64().unwrap().to_string();
    let why = home.run(["why", &entry, "--json", "--models-dir", &bare]).expect(0).json_lines();
    assert_eq!((&why[0]["kind"], &why[0]["person"]), (&"passage".into(), &"Barack Obama".into()));
    assert_eq!(why[0]["evidence"]["best"]["person"], "Barack Obama");
    assert_eq!(why[0]["evidence"]["runner_up"]["person"], "Joe Biden");
    home.run(["why", "999"]).expect(1);
    home.run(["threshold", "plan", "2"]).expect(2);
}
