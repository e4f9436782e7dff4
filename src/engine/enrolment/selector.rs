//! Which frames of the live picture become shots of an enrolment.
//!
//! A shot is taken of a frame exactly if all of this holds:
//! - one face is in it, or one that is clearly the largest;
//! - its quality breaks no limit;
//! - [`PAUSE_MS`] have passed since the shot before, on the frames' clock;
//! - it is the person of the first shot: at least as alike as the threshold to one of the shots;
//! - it differs from every shot: the head is turned by [`LEAST_TURN_DEGREES`] more, or the embeddings
//!   are no more alike than [`MOST_ALIKE`].
//!
//! The run is complete with as many shots as are wanted, or with at least one where
//! [`PATIENCE_MS`] brought no further one: a person who cannot turn is enrolled all the same.

use chrono::{DateTime, TimeDelta, Utc};

use crate::face::embedding::dot;
use crate::face::{HeadPose, Probe, QualityLimits};
use crate::identify::Threshold;

/// Milliseconds between two shots at least: somebody who turns moves by a few degrees in them.
pub const PAUSE_MS: i64 = 400;
/// Milliseconds without a further shot that end a run.
pub const PATIENCE_MS: i64 = 12_000;
/// Degrees of yaw and pitch together, as one angle. Landmarks of one still face that is moved by
/// parts of a pixel scatter by 2 to 3 degrees, so that less would be no turn.
pub const LEAST_TURN_DEGREES: f32 = 7.0;
/// Frames of one person who sits still are more alike than this, frames of one who turns are not.
pub const MOST_ALIKE: f32 = 0.9;

/// What came of a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It became a shot.
    Taken,
    /// It did not, and what the person can do, or what is going on.
    Not(String),
}

/// One run of shots.
#[derive(Debug, Clone)]
pub struct ShotSelector {
    wanted: usize,
    limits: QualityLimits,
    shots: Vec<Probe>,
    last: Option<DateTime<Utc>>,
}

impl ShotSelector {
    /// A run that wants `wanted` shots, at least one, within `limits`.
    pub fn new(wanted: usize, limits: QualityLimits) -> Self {
        Self { wanted: wanted.max(1), limits, shots: Vec::new(), last: None }
    }

    /// How many shots there are.
    pub fn taken(&self) -> usize {
        self.shots.len()
    }

    /// Looks at the face of a frame; `face` is why there is none that could be meant.
    pub fn offer(
        &mut self,
        at: DateTime<Utc>,
        face: Result<&Probe, String>,
        threshold: Threshold,
    ) -> Outcome {
        let outcome = self.judge(at, face.clone(), threshold);
        if let (Outcome::Taken, Ok(probe)) = (&outcome, face) {
            self.shots.push(probe.clone());
            self.last = Some(at);
        }
        outcome
    }

    fn judge(&self, at: DateTime<Utc>, face: Result<&Probe, String>, threshold: Threshold) -> Outcome {
        let not = |text: &str| Outcome::Not(text.to_owned());
        let probe = match face {
            Ok(probe) => probe,
            Err(reason) => return Outcome::Not(reason),
        };
        if let Some(finding) = probe.quality.findings(&self.limits).into_iter().next() {
            return Outcome::Not(finding.sentence);
        }
        if self.last.is_some_and(|last| (at - last) < TimeDelta::milliseconds(PAUSE_MS)) {
            return not("good; now turn your head a little");
        }
        let alike = |shot: &Probe| dot(shot.embedding.as_slice(), probe.embedding.as_slice());
        let most = self.shots.iter().map(alike).fold(f32::NEG_INFINITY, f32::max);
        if !self.shots.is_empty() && most < threshold.0.0 {
            return not("somebody else is before the camera");
        }
        let differs = |shot: &Probe| {
            alike(shot) <= MOST_ALIKE || turn(shot.quality.pose, probe.quality.pose) >= LEAST_TURN_DEGREES
        };
        if self.shots.iter().all(differs) { Outcome::Taken } else { not("turn your head a little") }
    }

    /// Whether the run is over at `now`.
    pub fn is_complete(&self, now: DateTime<Utc>) -> bool {
        let waited = |since: DateTime<Utc>| now - since >= TimeDelta::milliseconds(PATIENCE_MS);
        self.shots.len() >= self.wanted || (!self.shots.is_empty() && self.last.is_some_and(waited))
    }
}

/// How far apart two heads point, in degrees; 0 where one was not measured.
fn turn(a: Option<HeadPose>, b: Option<HeadPose>) -> f32 {
    match (a, b) {
        (Some(a), Some(b)) => (a.yaw_degrees - b.yaw_degrees).hypot(a.pitch_degrees - b.pitch_degrees),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{Embedding, FivePoints, Liveness, Point, Quality, Rect, Similarity};

    const THRESHOLD: Threshold = Threshold(Similarity(0.5));

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    /// Somebody `degrees` around the circle of embeddings, with the head turned by `yaw`.
    fn probe(degrees: f32, yaw: f32) -> Probe {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let pose = HeadPose { yaw_degrees: yaw, ..HeadPose::default() };
        Probe {
            bounds: Rect::new(0.0, 0.0, 90.0, 120.0),
            detection_score: 1.0,
            points: FivePoints::from_array([Point::default(); 5]),
            landmarks: None,
            quality: Quality { pose: Some(pose), ..Quality::default() },
            embedding: Embedding::normalised(vec![cos, sin]).unwrap(),
            liveness: Liveness::NotRun,
        }
    }

    fn said(outcome: Outcome) -> String {
        match outcome {
            Outcome::Not(text) => text,
            Outcome::Taken => "taken".to_owned(),
        }
    }

    #[test]
    fn shots_differ_by_the_turn_of_the_head_or_by_the_embedding() {
        let mut run = ShotSelector::new(3, QualityLimits::default());
        assert_eq!(run.offer(at(0), Ok(&probe(0.0, 0.0)), THRESHOLD), Outcome::Taken);
        assert_eq!(said(run.offer(at(500), Ok(&probe(2.0, 3.0)), THRESHOLD)), "turn your head a little");
        assert_eq!(run.offer(at(600), Ok(&probe(2.0, 10.0)), THRESHOLD), Outcome::Taken);
        assert!(!run.is_complete(at(600)));
        // Cosine of 30 degrees is 0.87.
        assert_eq!(run.offer(at(1100), Ok(&probe(33.0, 5.0)), THRESHOLD), Outcome::Taken);
        assert!(run.is_complete(at(1100)));
    }

    #[test]
    fn a_shot_needs_a_pause_a_good_face_and_the_same_person() {
        let mut run = ShotSelector::new(3, QualityLimits::default());
        assert_eq!(said(run.offer(at(0), Err("no face".to_owned()), THRESHOLD)), "no face");
        let mut dark = probe(0.0, 0.0);
        dark.quality.luminance = Some(20.0);
        assert_eq!(said(run.offer(at(100), Ok(&dark), THRESHOLD)), "too dark: 20 of 255");
        assert_eq!(run.offer(at(200), Ok(&probe(0.0, 0.0)), THRESHOLD), Outcome::Taken);
        assert_eq!(
            said(run.offer(at(300), Ok(&probe(0.0, 20.0)), THRESHOLD)),
            "good; now turn your head a little"
        );
        let other = probe(120.0, 20.0);
        assert_eq!(said(run.offer(at(900), Ok(&other), THRESHOLD)), "somebody else is before the camera");
        assert_eq!(run.taken(), 1);
    }

    #[test]
    fn a_run_without_a_shot_goes_on_and_one_that_has_some_ends() {
        let mut run = ShotSelector::new(4, QualityLimits::default());
        run.offer(at(0), Err(String::new()), THRESHOLD);
        assert!(!run.is_complete(at(10 * PATIENCE_MS)));
        run.offer(at(1000), Ok(&probe(0.0, 0.0)), THRESHOLD);
        assert!(!run.is_complete(at(1000 + PATIENCE_MS - 1)));
        assert!(run.is_complete(at(1000 + PATIENCE_MS)));
    }
}
