//! Scenarios from files; a head and a flat picture of it, drawn by a pinhole camera; and what a
//! second face, another face or none does.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::drawn::{AHEAD, Pose, of_head, of_photograph};
use super::*;
use crate::face::Point;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
}

// -- scenarios ---------------------------------------------------------------------------------

fn task(word: &str) -> ChallengeTask {
    serde_json::from_value(word.into()).unwrap()
}

fn event(words: &str) -> SequenceEvent {
    match words.split_once(' ') {
        None => {
            assert_eq!(words, "turned");
            SequenceEvent::Turned
        }
        Some(("done", word)) => SequenceEvent::Done(task(word)),
        Some((_, word)) => SequenceEvent::Failed(serde_json::from_value(word.into()).unwrap()),
    }
}

fn run_scenario(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.display();
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tasks: Vec<ChallengeTask> = lines.next().unwrap().split_whitespace().skip(1).map(task).collect();
    let mut sequence = Sequence::new(tasks.try_into().unwrap());
    let mut failed = false;
    for line in lines {
        if let Some(end) = line.strip_prefix("end ") {
            let found = if failed {
                "failed"
            } else if sequence.is_done() {
                "passed"
            } else {
                "open"
            };
            assert_eq!(found, end, "{name}");
            return;
        }
        let (numbers, expected) = match line.split_once('=') {
            Some((numbers, words)) => (numbers, Some(event(words.trim()))),
            None => (line, None),
        };
        let numbers: Vec<f32> = numbers.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [milliseconds, turn, opening, squeeze] = numbers[..] else { panic!("{name}: {line}") };
        let found = sequence.observe(at(milliseconds as i64), Measures { turn, opening, squeeze });
        failed |= matches!(found, Some(SequenceEvent::Failed(_)));
        assert_eq!(found, expected, "{name}: {line}");
    }
    panic!("{name} says no end");
}

#[test]
fn every_scenario_goes_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/challenge");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    assert!(files.len() >= 7);
    files.iter().for_each(|path| run_scenario(path));
}

// -- a head and its picture ----------------------------------------------------------------------

fn neutral(of: fn(Pose) -> Landmarks68) -> Neutral {
    let frames = [of(AHEAD), of(AHEAD), of(AHEAD)];
    Neutral::of(&frames.each_ref()).unwrap()
}

#[test]
fn a_head_that_turns_is_told_from_a_photograph_that_is_turned() {
    let (person, picture) = (neutral(of_head), neutral(of_photograph));
    for yaw in [25.0f32, 30.0, 35.0] {
        let left = person.measure(&of_head(Pose { yaw, ..AHEAD })).unwrap();
        let right = person.measure(&of_head(Pose { yaw: -yaw, ..AHEAD })).unwrap();
        assert!(left.turn >= sequence::TURN && right.turn <= -sequence::TURN, "{yaw}: {left:?} {right:?}");
    }
    for (yaw, pitch) in (-40..=40).step_by(5).flat_map(|y| (-30..=30).step_by(5).map(move |p| (y, p))) {
        let pose = Pose { yaw: yaw as f32, pitch: pitch as f32, ..AHEAD };
        let measures = picture.measure(&of_photograph(pose)).unwrap();
        assert!(measures.turn.abs() < sequence::TURN / 2.0, "{pose:?}: {measures:?}");
        assert!(measures.opening > sequence::OPEN, "{pose:?}: {measures:?}");
    }
}

#[test]
fn closed_eyes_are_told_from_a_tilted_photograph() {
    let closed = neutral(of_head).measure(&of_head(Pose { eyes: 0.3, ..AHEAD })).unwrap();
    assert!(closed.opening < sequence::CLOSED && closed.squeeze < sequence::STILL_SQUEEZE, "{closed:?}");
    // The plain aspect ratio of the eyes would fall as far by tilting the picture.
    let tilted = of_photograph(Pose { pitch: 55.0, ..AHEAD });
    let plain = opening_of(&tilted).unwrap() / opening_of(&of_photograph(AHEAD)).unwrap();
    assert!(plain < sequence::CLOSED, "{plain}");
    assert!(neutral(of_photograph).measure(&tilted).unwrap().opening > sequence::OPEN);
}

proptest! {
    /// Whatever affine map a flat picture undergoes, its measures stay where they were.
    #[test]
    fn an_affine_map_changes_no_measure(
        a in 0.4f32..2.0, b in -0.5f32..0.5, c in -0.5f32..0.5, d in 0.4f32..2.0,
        tx in -300.0f32..300.0, ty in -300.0f32..300.0,
    ) {
        prop_assume!(a * d - b * c > 0.1);
        let moved = of_head(AHEAD).0.map(|p| Point::new(a * p.x + b * p.y + tx, c * p.x + d * p.y + ty));
        let measures = neutral(of_head).measure(&Landmarks68(moved)).unwrap();
        prop_assert!(measures.turn.abs() < 0.01 && (measures.opening - 1.0).abs() < 0.02, "{measures:?}");
        prop_assert!(measures.squeeze >= 0.999);
    }

    #[test]
    fn no_landmarks_make_it_panic(values in prop::collection::vec(any::<f32>(), 136)) {
        let points: [Point; 68] = std::array::from_fn(|i| Point::new(values[2 * i], values[2 * i + 1]));
        let landmarks = Landmarks68(points);
        let _ = Neutral::of(&[&landmarks, &landmarks]);
        let _ = neutral(of_head).measure(&landmarks);
        let _ = (side_of(&landmarks), opening_of(&landmarks));
    }

    /// However a photograph is moved, in steps that a hand can make, it never passes.
    #[test]
    fn a_photograph_never_passes_however_it_is_moved(
        random in any::<u64>(),
        way in prop::collection::vec((-40.0f32..40.0, -30.0f32..30.0, -20.0f32..20.0), 4..12),
    ) {
        let tasks = ChallengeTask::draw(random);
        let mut course = vec![AHEAD; 12];
        for (yaw, pitch, roll) in way {
            let from = *course.last().unwrap();
            course.extend((1..=6).map(|step| {
                let share = step as f32 / 6.0;
                let between = |a: f32, b: f32| a + (b - a) * share;
                Pose {
                    yaw: between(from.yaw, yaw),
                    pitch: between(from.pitch, pitch),
                    roll: between(from.roll, roll),
                    eyes: 1.0,
                }
            }));
        }
        let outcome = play(tasks, &course, of_photograph);
        prop_assert_ne!(outcome, Some(ChallengeOutcome::Passed), "{:?}", tasks);
    }
}

// -- whole challenges ----------------------------------------------------------------------------

const SAME: Similarity = Similarity(0.45);

fn embedding(of: usize) -> Embedding {
    let mut values = vec![0.01; 8];
    values[of] = 1.0;
    Embedding::normalised(values).unwrap()
}

fn face<'a>(landmarks: &'a Landmarks68, embedding: &'a Embedding) -> ChallengeFace<'a> {
    let bounds = Rect::new(250.0, 180.0, 140.0, 180.0);
    ChallengeFace { bounds, landmarks: Some(landmarks), embedding: Some(embedding) }
}

/// Ten frames a second of `course`.
fn play(tasks: [ChallengeTask; 2], course: &[Pose], of: fn(Pose) -> Landmarks68) -> Option<ChallengeOutcome> {
    let mut challenge = Challenge::new(tasks, SAME);
    let own = embedding(1);
    for (index, pose) in course.iter().enumerate() {
        let landmarks = of(*pose);
        challenge.observe(at(100 * index as i64), &[face(&landmarks, &own)]);
        assert!((0.0..=1.0).contains(&challenge.progress()));
    }
    challenge.outcome()
}

/// What a person does for `task`, from and to looking ahead.
fn performed(task: ChallengeTask) -> Vec<Pose> {
    let turn = |sign: f32| {
        let yaws = [8.0, 16.0, 24.0, 28.0, 28.0, 20.0, 12.0, 4.0, 0.0];
        yaws.map(|yaw| Pose { yaw: sign * yaw, ..AHEAD }).to_vec()
    };
    match task {
        ChallengeTask::Blink => [0.9, 0.3, 0.25, 0.9, 1.0].map(|eyes| Pose { eyes, ..AHEAD }).to_vec(),
        ChallengeTask::TurnLeft => turn(1.0),
        ChallengeTask::TurnRight => turn(-1.0),
    }
}

#[test]
fn a_person_passes_every_pair_of_tasks_and_no_other() {
    for (asked, done) in (0..6).flat_map(|asked| (0..6).map(move |done| (asked, done))) {
        let (asked, done) = (ChallengeTask::draw(asked), ChallengeTask::draw(done));
        let mut course = vec![AHEAD; 10];
        course.extend(done.into_iter().flat_map(performed));
        let passed = play(asked, &course, of_head) == Some(ChallengeOutcome::Passed);
        assert_eq!(passed, asked == done, "asked {asked:?}, done {done:?}");
    }
}

#[test]
fn a_still_face_runs_out_of_time_whether_it_settles_or_not() {
    let still = vec![AHEAD; 200];
    let aside = vec![Pose { yaw: 45.0, ..AHEAD }; 200];
    let asleep = vec![Pose { eyes: 0.2, ..AHEAD }; 200];
    for course in [still, aside, asleep] {
        let outcome = play(ChallengeTask::draw(3), &course, of_head);
        assert_eq!(outcome, Some(ChallengeOutcome::Failed(ChallengeFailure::TimeLimit)));
    }
}

/// A challenge that waits for its first task at `at(1000)`.
fn settled() -> Challenge {
    let mut challenge = Challenge::new([ChallengeTask::TurnLeft, ChallengeTask::Blink], SAME);
    let (ahead, own) = (of_head(AHEAD), embedding(1));
    for index in 0..=10 {
        assert_eq!(challenge.observe(at(100 * index), &[face(&ahead, &own)]), None);
    }
    assert_eq!(challenge.prompt(), ChallengePrompt::Do(ChallengeTask::TurnLeft));
    assert!(challenge.face().is_some());
    challenge
}

#[test]
fn the_face_must_stay_one_and_the_same() {
    let (ahead, own, other) = (of_head(AHEAD), embedding(1), embedding(2));
    let same = face(&ahead, &own);
    let elsewhere = ChallengeFace { bounds: Rect::new(10.0, 180.0, 140.0, 180.0), ..same };
    let small = ChallengeFace { bounds: Rect::new(10.0, 10.0, 40.0, 50.0), ..same };
    let failed = |failure| Some(ChallengeOutcome::Failed(failure));
    for (faces, outcome) in [
        (vec![same, small], None),
        (vec![same, elsewhere], failed(ChallengeFailure::SecondFace)),
        (vec![elsewhere], failed(ChallengeFailure::Jumped)),
        (vec![face(&ahead, &other)], failed(ChallengeFailure::FaceChanged)),
        (vec![], None),
    ] {
        let mut challenge = settled();
        assert_eq!(challenge.observe(at(1100), &faces), outcome);
        // It ends once.
        if outcome.is_some() {
            assert_eq!(challenge.observe(at(1200), &[same]), None);
            assert_eq!((challenge.outcome(), challenge.abort(ChallengeFailure::Cancelled)), (outcome, None));
        }
    }
    let mut challenge = settled();
    for milliseconds in [1100, 1400, 1600] {
        assert_eq!(challenge.observe(at(milliseconds), &[]), None);
    }
    assert_eq!(challenge.observe(at(1700), &[]), failed(ChallengeFailure::FaceLost));
}

/// A change from frame to frame that stays just alike enough must not lead to somebody else.
#[test]
fn who_looks_ahead_again_must_be_who_began() {
    let mut challenge = settled();
    let ahead = of_head(AHEAD);
    let between = |share: f32| {
        let values = (0..8).map(|i| match i {
            1 => 1.0 - share,
            2 => share,
            _ => 0.01,
        });
        Embedding::normalised(values.collect()).unwrap()
    };
    let outcomes: Vec<_> = (1..=10)
        .map(|step| {
            let embedding = between(step as f32 / 10.0);
            challenge.observe(at(1000 + 100 * step), &[face(&ahead, &embedding)])
        })
        .collect();
    let failed = ChallengeOutcome::Failed(ChallengeFailure::FaceChanged);
    assert!(outcomes.contains(&Some(failed)), "{outcomes:?}");
}

#[test]
fn two_people_do_not_settle_and_a_pack_without_landmarks_says_so() {
    let (ahead, own) = (of_head(AHEAD), embedding(1));
    let mut challenge = Challenge::new(ChallengeTask::draw(0), SAME);
    let same = face(&ahead, &own);
    for index in 0..20 {
        assert_eq!(challenge.observe(at(100 * index), &[same, same]), None);
        assert_eq!(challenge.prompt(), ChallengePrompt::OneFace);
    }
    let bare = ChallengeFace { landmarks: None, ..same };
    let outcome = challenge.observe(at(2000), &[bare]);
    assert_eq!(outcome, Some(ChallengeOutcome::Failed(ChallengeFailure::NoLandmarks)));
}

#[test]
fn tasks_are_drawn_evenly_differ_and_always_have_a_turn() {
    let mut seen = std::collections::HashMap::new();
    for random in 0..600 {
        let tasks = ChallengeTask::draw(random);
        assert_ne!(tasks[0], tasks[1]);
        assert!(tasks.iter().any(|task| *task != ChallengeTask::Blink));
        *seen.entry(tasks).or_insert(0) += 1;
    }
    assert_eq!(seen.into_values().collect::<Vec<_>>(), [100; 6]);
}
