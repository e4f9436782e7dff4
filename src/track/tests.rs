//! Scenario files: frames in, decisions and records out. `tests/scenarios/README.md` says how one
//! is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use ulid::Ulid;

use super::*;
use crate::attendance::{AttendancePolicy, PersonId};
use crate::face::{Embedding, Liveness, Quality, QualityScore, Rect, Similarity};
use crate::identify::{Candidate, Candidates, Identification};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What happens, for the reader.
    #[allow(dead_code)]
    story: String,
    #[serde(default = "interval")]
    interval_ms: i64,
    frames: usize,
    #[serde(default = "threshold")]
    threshold: f32,
    /// `warn` or `require` with a threshold; without it the rule is to ignore.
    require_live: Option<f32>,
    #[serde(default)]
    debounce_seconds: Option<i64>,
    /// The gallery gains somebody before this frame.
    enrolled_at: Option<usize>,
    /// Frames whose time lies an hour earlier.
    clock_set_back_at: Option<usize>,
    #[serde(default)]
    face: Vec<Appearance>,
    #[serde(default)]
    decision: Vec<Decision>,
    /// Frame and person of every record that attendance makes of the decisions.
    #[serde(default)]
    records: Vec<(usize, String)>,
    /// How many of the faces the nets had to look at; left out where it does not matter.
    looked_closely: Option<usize>,
}

fn interval() -> i64 {
    100
}

fn threshold() -> f32 {
    0.45
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Appearance {
    /// Whose face it is; the people of a scenario have embeddings at right angles.
    who: String,
    /// From this frame up to before that one.
    frames: [usize; 2],
    /// Where it is in the first and in the last of them; the box is 100 wide.
    #[serde(default)]
    x: [f32; 2],
    /// Frames in which the detector misses it.
    #[serde(default)]
    missed: Vec<usize>,
    #[serde(default = "good")]
    quality: f32,
    /// How alike the embedding is to this person's face seen well: a profile is little like it.
    #[serde(default = "one")]
    own: f32,
    /// How alike the embedding is to the faces of others.
    #[serde(default)]
    near: BTreeMap<String, f32>,
    /// How alike the people of the gallery are.
    #[serde(default)]
    gallery: BTreeMap<String, f32>,
    live: Option<f32>,
}

fn good() -> f32 {
    0.9
}

fn one() -> f32 {
    1.0
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// The frame that brings it; the number of frames where it is the end.
    frame: usize,
    track: u64,
    /// A name, `unidentified` or `rejected`.
    is: String,
    /// What was missing.
    shortfall: Option<Shortfall>,
}

use crate::identify::Shortfall;

/// People by name: an axis of the embedding space and an id each.
#[derive(Default)]
struct Cast(Vec<String>);

impl Cast {
    fn number(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }

    fn embedding(&mut self, face: &Appearance) -> Embedding {
        let mut values = vec![0.0f32; 32];
        values[self.number(&face.who)] = face.own;
        for (name, alike) in &face.near {
            values[self.number(name)] = *alike;
        }
        let square: f32 = values.iter().map(|v| v * v).sum();
        assert!(square <= 1.0 + 1e-6, "similarities to people at right angles cannot exceed 1 together");
        // What is like nobody lies in a direction of its own.
        values[31 - self.number(&face.who)] = (1.0 - square).max(0.0).sqrt();
        Embedding::normalised(values).unwrap()
    }

    fn candidates(&mut self, face: &Appearance) -> Candidates {
        let mut all: Vec<Candidate> = face
            .gallery
            .iter()
            .map(|(name, alike)| Candidate {
                person: PersonId(Ulid(self.number(name) as u128)),
                similarity: Similarity(*alike),
            })
            .collect();
        all.sort_by(|a, b| b.similarity.0.total_cmp(&a.similarity.0));
        Candidates { best: all.first().copied(), runner_up: all.get(1).copied() }
    }

    fn name(&self, person: PersonId) -> String {
        self.0[person.0.0 as usize].clone()
    }
}

impl Appearance {
    fn is_in(&self, frame: usize) -> bool {
        (self.frames[0]..self.frames[1]).contains(&frame) && !self.missed.contains(&frame)
    }

    fn bounds(&self, frame: usize) -> Rect {
        let steps = (self.frames[1] - self.frames[0]).saturating_sub(1).max(1) as f32;
        let share = (frame - self.frames[0]) as f32 / steps;
        Rect::new(self.x[0] + (self.x[1] - self.x[0]) * share, 0.0, 100.0, 100.0)
    }

    fn sighting(&self, frame: usize, look: Look, cast: &mut Cast) -> Sighting {
        let closely = look == Look::Closely;
        Sighting {
            bounds: self.bounds(frame),
            detection_score: 0.9,
            embedding: closely.then(|| cast.embedding(self)),
            candidates: if closely { cast.candidates(self) } else { Candidates::default() },
            quality: Quality::default(),
            quality_score: QualityScore(self.quality),
            liveness: self.live.map_or(Liveness::NotRun, Liveness::Score),
        }
    }
}

#[derive(Debug, Default)]
struct Outcome {
    decisions: Vec<Decision>,
    records: Vec<(usize, String)>,
    looked_closely: usize,
}

/// As the engine does it: the follower plans, the nets look, the jury hears.
struct Run<'a> {
    scenario: &'a Scenario,
    rules: Rules,
    follower: Follower,
    jury: Jury,
    policy: AttendancePolicy,
    cast: Cast,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let settings = TrackSettings::default();
        let liveness = scenario.require_live.map_or(LivenessRule::Ignore, LivenessRule::Require);
        Self {
            scenario,
            rules: Rules { threshold: Threshold(Similarity(scenario.threshold)), liveness },
            follower: Follower::new(settings),
            jury: Jury::new(settings),
            policy: AttendancePolicy::new(TimeDelta::seconds(scenario.debounce_seconds.unwrap_or(60))),
            cast: Cast::default(),
            outcome: Outcome::default(),
        }
    }

    fn at(&self, frame: usize) -> DateTime<Utc> {
        let back = self.scenario.clock_set_back_at.is_some_and(|from| frame >= from);
        let start = DateTime::UNIX_EPOCH + TimeDelta::hours(if back { 1 } else { 2 });
        start + TimeDelta::milliseconds(self.scenario.interval_ms * frame as i64)
    }

    fn frame(&mut self, frame: usize) {
        let at = self.at(frame);
        if self.scenario.enrolled_at == Some(frame) {
            self.jury.reopen();
            self.follower.settle(&self.jury.decided());
        }
        let faces: Vec<&Appearance> = self.scenario.face.iter().filter(|face| face.is_in(frame)).collect();
        let boxes: Vec<Rect> = faces.iter().map(|face| face.bounds(frame)).collect();
        let looks = self.follower.plan(at, &boxes);
        self.outcome.looked_closely += looks.iter().filter(|look| **look == Look::Closely).count();
        let sightings: Vec<Sighting> =
            faces.iter().zip(looks).map(|(face, look)| face.sighting(frame, look, &mut self.cast)).collect();
        let seen: Vec<Face> = sightings.iter().map(Face::from).collect();
        let tracks = self.follower.observe(at, &seen);
        let mut decided: Vec<TrackDecision> =
            tracks.ended.iter().filter_map(|track| self.jury.end(*track, &self.rules)).collect();
        for (track, sighting) in tracks.of.iter().zip(&sightings) {
            decided.extend(self.jury.hear(*track, at, sighting, &self.rules));
        }
        decided.into_iter().for_each(|decision| self.take(frame, &decision));
        self.follower.settle(&self.jury.decided());
        for track in self.jury.snapshot() {
            if let Verdict::Identified(candidate) = track.verdict {
                self.policy.still_in_view(candidate.person, at);
            }
        }
    }

    fn take(&mut self, frame: usize, decision: &TrackDecision) {
        let is = match decision.identification {
            Identification::Identified(candidate) => {
                let name = self.cast.name(candidate.person);
                if self.policy.begins_passage(candidate.person, decision.at) {
                    self.outcome.records.push((frame, name.clone()));
                }
                name
            }
            Identification::Unidentified { .. } => "unidentified".to_owned(),
            Identification::Rejected(_) => "rejected".to_owned(),
        };
        let shortfall = decision.shortfall;
        self.outcome.decisions.push(Decision { frame, track: decision.track.0, is, shortfall });
    }

    fn run(mut self) -> Outcome {
        (0..self.scenario.frames).for_each(|frame| self.frame(frame));
        let last = self.jury.finish(&self.rules);
        last.iter().for_each(|decision| self.take(self.scenario.frames, decision));
        self.outcome
    }
}

fn scenario_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/tracking");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_ends_as_it_says() {
    let files = scenario_files();
    assert!(files.len() >= 15, "the scenarios are not where they were: {}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let outcome = Run::new(&scenario).run();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if outcome.decisions != scenario.decision {
            wrong.push(format!("{name}: expected {:#?}\nbut {:#?}", scenario.decision, outcome.decisions));
        }
        if outcome.records != scenario.records {
            wrong.push(format!("{name}: expected {:?}\nbut {:?}", scenario.records, outcome.records));
        }
        if scenario.looked_closely.is_some_and(|expected| expected != outcome.looked_closely) {
            wrong.push(format!("{name}: {} faces were looked at closely", outcome.looked_closely));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn seen(x: f32) -> Face {
    Face { bounds: Rect::new(x, 0.0, 100.0, 100.0), embedding: None, quality: QualityScore(0.0) }
}

#[test]
fn a_face_that_is_missed_is_looked_for_in_its_own_region() {
    let at = |tenths: i64| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(100 * tenths);
    let mut follower = Follower::new(TrackSettings::default());
    follower.observe(at(0), &[seen(100.0), seen(500.0)]);
    let before = Rect::new(500.0, 0.0, 100.0, 100.0);
    let missing = follower.missing(at(1), &[Rect::new(110.0, 0.0, 100.0, 100.0)]);
    assert_eq!(missing, [(Rect::new(425.0, -75.0, 250.0, 250.0), before)]);
    follower.observe(at(1), &[]);
    // It is not looked for when its track has ended, nor when it is seen.
    assert!(follower.missing(at(9), &[]).is_empty());
    assert!(follower.missing(at(2), &[before, Rect::new(100.0, 0.0, 100.0, 100.0)]).is_empty());
}

#[test]
fn liveness_is_the_mean_of_what_was_measured() {
    let mut vote = LivenessVote::default();
    assert_eq!(vote.outcome(), Liveness::NotRun);
    vote.add(Liveness::NotMeasurable);
    assert_eq!(vote.outcome(), Liveness::NotMeasurable);
    vote.add(Liveness::Score(0.5));
    vote.add(Liveness::NotMeasurable);
    vote.add(Liveness::Score(1.0));
    assert_eq!(vote.outcome(), Liveness::Score(0.75));
    assert_eq!((vote.measured, vote.not_measurable), (2, 2));
}
