//! Scenario files of attendance: a timeline of passages, marks and clock events in, the ledger and the report
//! out. `tests/scenarios/README.md` says how one is written. The engine's own thread is stepped by hand: a
//! store in memory answers at once, and time passes where the story says so.

mod rig;
mod story;

use std::path::Path;

use rig::Rig;
use story::Story;

fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let story: Story = toml::from_str(&text).map_err(|error| error.to_string())?;
    let mut rig = Rig::new(&story)?;
    for (number, step) in story.step.iter().enumerate() {
        rig.step(step).map_err(|why| format!("step {}: {why}", number + 1))?;
    }
    rig.expect(&story)
}

#[test]
fn every_scenario_of_attendance_comes_out_as_it_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/attendance");
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            run(path).err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(files.len() >= 15, "only {} scenarios were found", files.len());
    println!("{} scenarios of attendance", files.len());
}

/// What is expected is compared, and not only read.
#[test]
fn a_scenario_that_expects_something_else_fails() {
    let text = r#"
        story = "somebody comes"
        people = { ana = [] }
        step = [{ at = "2026-03-02T08:00:00", passage = "ana" }]
        day = [{ date = "2026-03-02", rows = ["ana absent"] }]
    "#;
    let story: Story = toml::from_str(text).unwrap();
    let mut rig = Rig::new(&story).unwrap();
    rig.step(&story.step[0]).unwrap();
    let why = rig.expect(&story).unwrap_err();
    assert!(why.contains("ana present"), "{why}");
}
