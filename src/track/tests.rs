//! Small timelines: frames in, decisions out.

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use super::*;
use crate::attendance::PersonId;
use crate::face::{Embedding, Liveness, Rect, Similarity};
use crate::identify::{Candidate, Candidates, Identification, Threshold};

const THRESHOLD: Threshold = Threshold(Similarity(0.45));

fn at(tenths: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(tenths * 100)
}

/// A face at `x` of the person numbered `face`, best matched with `person` at `similarity`.
fn seen(x: f32, face: usize, person: u128, similarity: f32) -> Sighting {
    let mut axis = vec![0.05f32; 8];
    axis[face] = 1.0;
    Sighting {
        bounds: Rect::new(x, 0.0, 100.0, 100.0),
        detection_score: 0.9,
        embedding: Embedding::normalised(axis).ok(),
        candidates: Candidates {
            best: Some(Candidate { person: PersonId(Ulid(person)), similarity: Similarity(similarity) }),
            runner_up: None,
        },
        liveness: Liveness::NotRun,
    }
}

/// Who was decided, frame by frame; 0 stands for unidentified.
fn run(frames: Vec<Vec<Sighting>>) -> Vec<(usize, u128)> {
    let mut tracker = Tracker::new(TrackSettings::default());
    let mut decided = Vec::new();
    let count = frames.len();
    for (i, sightings) in frames.into_iter().enumerate() {
        for decision in tracker.observe(at(i as i64), sightings, THRESHOLD) {
            decided.push((i, who(&decision)));
        }
    }
    decided.extend(tracker.finish().iter().map(|decision| (count, who(decision))));
    decided
}

fn who(decision: &TrackDecision) -> u128 {
    decision.identification.person().map_or(0, |person| person.0.0)
}

#[test]
fn three_sightings_decide_and_only_once() {
    assert_eq!(run((0..20).map(|_| vec![seen(0.0, 1, 7, 0.6)]).collect()), [(2, 7)]);
}

#[test]
fn a_frame_without_a_face_ends_nothing() {
    let frames = (0..9).map(|i| if i % 3 == 1 { vec![] } else { vec![seen(0.0, 1, 7, 0.6)] }).collect();
    assert_eq!(run(frames), [(3, 7)]);
}

#[test]
fn a_stranger_is_unidentified_at_the_time_limit() {
    assert_eq!(run((0..40).map(|_| vec![seen(0.0, 1, 7, 0.44)]).collect()), [(30, 0)]);
}

#[test]
fn a_stranger_who_leaves_early_is_unidentified_when_lost() {
    let mut frames: Vec<_> = (0..5).map(|_| vec![seen(0.0, 1, 7, 0.3)]).collect();
    frames.extend((0..12).map(|_| vec![]));
    assert_eq!(run(frames), [(13, 0)]);
}

#[test]
fn a_flicker_is_no_decision() {
    assert_eq!(run(vec![vec![seen(0.0, 1, 7, 0.9)], vec![seen(0.0, 1, 7, 0.9)]]), []);
}

#[test]
fn one_lucky_frame_names_nobody() {
    let frames = (0..40).map(|i| vec![seen(0.0, 1, 7, if i % 6 == 0 { 0.5 } else { 0.3 })]).collect();
    assert_eq!(run(frames), [(30, 0)]);
}

#[test]
fn two_names_that_alternate_name_nobody() {
    let frames = (0..40).map(|i| vec![seen(0.0, 1, 7 + (i % 2), 0.6)]).collect();
    assert_eq!(run(frames), [(30, 0)]);
}

#[test]
fn a_face_swapped_in_the_same_place_is_another_track() {
    let mut frames: Vec<_> = (0..5).map(|_| vec![seen(0.0, 1, 7, 0.6)]).collect();
    frames.extend((0..5).map(|_| vec![seen(0.0, 2, 8, 0.6)]));
    assert_eq!(run(frames), [(2, 7), (7, 8)]);
}

#[test]
fn two_people_who_cross_keep_their_names() {
    let frames = (0..21)
        .map(|i| vec![seen(i as f32 * 20.0, 1, 7, 0.6), seen(400.0 - i as f32 * 20.0, 2, 8, 0.6)])
        .collect();
    assert_eq!(run(frames), [(2, 7), (2, 8)]);
}

#[test]
fn a_face_that_jumps_stays_one_track() {
    let frames = (0..10).map(|i| vec![seen(if i < 5 { 0.0 } else { 900.0 }, 1, 7, 0.6)]).collect();
    assert_eq!(run(frames), [(2, 7)]);
}

#[test]
fn a_late_enrolment_is_voted_on_again() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..=30 {
        tracker.observe(at(i), vec![seen(0.0, 1, 7, 0.2)], THRESHOLD);
    }
    tracker.reopen();
    let decided: Vec<_> = (31..36)
        .flat_map(|i| tracker.observe(at(i), vec![seen(0.0, 1, 7, 0.9)], THRESHOLD))
        .map(|decision| decision.identification)
        .collect();
    assert!(matches!(decided[..], [Identification::Identified(_)]));
}

#[test]
fn a_clock_set_back_ends_the_tracks() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 100..104 {
        tracker.observe(at(i), vec![seen(0.0, 1, 7, 0.2)], THRESHOLD);
    }
    let decided = tracker.observe(at(0), vec![], THRESHOLD);
    assert_eq!(decided.len(), 1);
    assert_eq!(tracker.snapshot().count(), 0);
}
