//! The active test for presentation attacks: a short challenge, two tasks drawn from three, verified
//! from the 68 landmarks. Pure: frames with their times come in, what to say and how it ended go out.
//!
//! # The course of a challenge
//! 1. *Settling*: the person looks straight ahead for [`SETTLE`], at least [`SETTLE_FRAMES`] frames;
//!    that gives the person's own neutral face ([`Neutral`]).
//! 2. *Two tasks* in a random order, of blink, turn left and turn right: at least one is a turn
//!    ([`Sequence`] says exactly when a task is done). Left and right are the person's own.
//!
//! It *fails* at the first frame in which, after settling,
//! - a second face is at least [`SECOND_FACE`] as large as the first, or
//! - the box shares less than [`LINK_IOU`] with the last one (the face jumped), or
//! - the face is less alike than `same_face` to that of the frame before, or while it looks ahead, to
//!   the neutral one (it was changed), or
//! - the landmarks turn faster than a head can, or the wrong way, or in place of a blink;
//!
//! and when the face is out of sight for more than [`LOST`], or the whole takes longer than the limit.
//!
//! # What it can tell, and what not
//! Measures are taken after an affine map that brings the corners of eyes and mouth back to where they
//! were in the neutral face. A flat picture that is moved, turned, tilted or brought nearer undergoes
//! nearly such a map, so that its measures stay where they were, however it is held; a head's nose
//! stands out and moves against the corners. What bends (a print rolled about its vertical axis), what
//! moves (a video that happens to show the tasks in this order, or is made to) and what stands out (a
//! mask) is not told from a head. A blink alone proves little: every video of a face has some.

#[cfg(test)]
pub(crate) mod drawn;
mod measure;
mod sequence;
#[cfg(test)]
mod tests;

pub use measure::{Measures, Neutral, opening_of, side_of};
pub use sequence::{Sequence, SequenceEvent};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::embedding::dot;
use super::{Embedding, Landmarks68, Rect, Similarity};

/// How long the neutral face is watched. A choice: long enough for one spontaneous blink, which
/// takes 0.1 to 0.4 s, not to be all of it.
pub const SETTLE: TimeDelta = TimeDelta::milliseconds(600);
/// The least number of frames of the neutral face.
pub const SETTLE_FRAMES: usize = 5;
/// How far the nose may lie beside the middle of the eyes in the neutral face, in distances of the
/// eyes. In 195 photographs of 23 people the middle half lies within 0.11 of each person's own.
pub const SETTLE_SIDE: f32 = 0.25;
/// How long the face may be out of sight. A choice: a few lost frames, and too short for an exchange.
pub const LOST: TimeDelta = TimeDelta::milliseconds(600);
/// The share of the largest face's side from which another face counts; as for an enrolment.
pub const SECOND_FACE: f32 = 0.6;
/// The least overlap of the boxes of two frames that follow each other.
pub const LINK_IOU: f32 = 0.2;
/// How long all of it may take. A choice: settling and two tasks take four to six seconds.
pub const TIME_LIMIT: TimeDelta = TimeDelta::seconds(15);

/// What a person is asked to do; left and right are their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeTask {
    /// Close the eyes and open them again.
    Blink,
    /// Turn the head to their left and back.
    TurnLeft,
    /// Turn the head to their right and back.
    TurnRight,
}

impl ChallengeTask {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Blink, Self::TurnLeft, Self::TurnRight];

    /// Two different tasks in an order that `random` chooses of the six there are.
    pub fn draw(random: u64) -> [Self; 2] {
        // Six does not divide 2^64; the first four orders are likelier by less than 1e-18.
        let (first, second) = ((random % 3) as usize, (random / 3 % 2) as usize);
        [Self::ALL[first], Self::ALL[(first + 1 + second) % 3]]
    }
}

/// Why a challenge was not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeFailure {
    /// It took too long.
    #[error("the time ran out before both tasks were done")]
    TimeLimit,
    /// Nobody was in view any more.
    #[error("the face went out of sight")]
    FaceLost,
    /// Somebody else came near.
    #[error("a second face came into view")]
    SecondFace,
    /// It is another face.
    #[error("the face is not the one that began")]
    FaceChanged,
    /// The face was elsewhere, or turned, from one frame to the next.
    #[error("the face jumped from one frame to the next")]
    Jumped,
    /// The head turned the other way, or when a blink was asked for.
    #[error("something else was done than was asked for")]
    Unasked,
    /// The nets give no landmarks.
    #[error(
        "these nets give no 68 landmarks, which a challenge needs: use a pack that names a card for them"
    )]
    NoLandmarks,
    /// No frame came any more.
    #[error("the picture stopped")]
    NoPicture,
    /// An operator closed it.
    #[error("it was cancelled")]
    Cancelled,
}

/// How a challenge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeOutcome {
    /// Both tasks were done by one face.
    Passed,
    /// They were not.
    Failed(ChallengeFailure),
}

/// What the person is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePrompt {
    /// Look straight into the camera.
    LookAhead,
    /// Only one person may stand there.
    OneFace,
    /// Do a task.
    Do(ChallengeTask),
    /// The turn was seen: look straight ahead again.
    TurnBack,
}

/// One face of a frame as a challenge sees it.
#[derive(Debug, Clone, Copy)]
pub struct ChallengeFace<'a> {
    /// The box in pixels.
    pub bounds: Rect,
    /// The 68 landmarks, where the pack gives them.
    pub landmarks: Option<&'a Landmarks68>,
    /// The embedding, where the face could be aligned.
    pub embedding: Option<&'a Embedding>,
}

/// A challenge under way.
#[derive(Debug, Clone)]
pub struct Challenge {
    tasks: [ChallengeTask; 2],
    same_face: Similarity,
    began: Option<DateTime<Utc>>,
    now: Option<DateTime<Utc>>,
    stage: Stage,
    prompt: ChallengePrompt,
}

#[derive(Debug, Clone)]
enum Stage {
    Settling(Vec<Settled>),
    Running(Box<Running>),
    Ended(ChallengeOutcome),
}

/// One frame of the neutral face.
#[derive(Debug, Clone)]
struct Settled {
    at: DateTime<Utc>,
    landmarks: Landmarks68,
}

/// The face that does the tasks.
#[derive(Debug, Clone)]
struct Running {
    neutral: Neutral,
    first: Embedding,
    sequence: Sequence,
    last: (DateTime<Utc>, Rect, Embedding),
}

impl Challenge {
    /// A challenge of `tasks`. A face at least as alike as `same_face` to the one before is the same:
    /// the embedding card's threshold.
    pub fn new(tasks: [ChallengeTask; 2], same_face: Similarity) -> Self {
        let (stage, prompt) = (Stage::Settling(Vec::new()), ChallengePrompt::LookAhead);
        Self { tasks, same_face, began: None, now: None, stage, prompt }
    }

    /// Takes the faces of the next frame; how it ended, once.
    pub fn observe(&mut self, at: DateTime<Utc>, faces: &[ChallengeFace<'_>]) -> Option<ChallengeOutcome> {
        let began = *self.began.get_or_insert(at);
        self.now = Some(at);
        let outcome = match &mut self.stage {
            Stage::Ended(_) => return None,
            _ if at - began > TIME_LIMIT => Some(ChallengeOutcome::Failed(ChallengeFailure::TimeLimit)),
            Stage::Settling(_) => self.settle(at, faces).err().map(ChallengeOutcome::Failed),
            Stage::Running(running) => match running.observe(at, faces, self.same_face) {
                Ok(prompt) => {
                    self.prompt = prompt.unwrap_or(self.prompt);
                    running.sequence.is_done().then_some(ChallengeOutcome::Passed)
                }
                Err(failure) => Some(ChallengeOutcome::Failed(failure)),
            },
        };
        if let Some(outcome) = outcome {
            self.stage = Stage::Ended(outcome);
        }
        outcome
    }

    /// Ends it from outside; how it ended, unless it had ended before.
    pub fn abort(&mut self, failure: ChallengeFailure) -> Option<ChallengeOutcome> {
        let outcome = ChallengeOutcome::Failed(failure);
        let is_over = matches!(self.stage, Stage::Ended(_));
        (!is_over).then(|| {
            self.stage = Stage::Ended(outcome);
            outcome
        })
    }

    /// How it ended, where it has.
    pub fn outcome(&self) -> Option<ChallengeOutcome> {
        match self.stage {
            Stage::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// What the person is to do now.
    pub fn prompt(&self) -> ChallengePrompt {
        self.prompt
    }

    /// What is done of it, 0 to 1: settling and each task are a third.
    pub fn progress(&self) -> f32 {
        match &self.stage {
            Stage::Settling(frames) => {
                let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return 0.0 };
                let share = (last.at - first.at).num_milliseconds() as f32 / SETTLE.num_milliseconds() as f32;
                share.clamp(0.0, 1.0) / 3.0
            }
            Stage::Running(running) => (1.0 + running.sequence.progress()) / 3.0,
            Stage::Ended(_) => 1.0,
        }
    }

    /// What is left of the time limit, on the frames' clock.
    pub fn time_left(&self) -> TimeDelta {
        match (self.began, self.now) {
            (Some(began), Some(now)) => (TIME_LIMIT - (now - began)).max(TimeDelta::zero()),
            _ => TIME_LIMIT,
        }
    }

    /// The embedding of the neutral face, once there is one: whose challenge it is.
    pub fn face(&self) -> Option<&Embedding> {
        match &self.stage {
            Stage::Running(running) => Some(&running.first),
            _ => None,
        }
    }

    fn settle(&mut self, at: DateTime<Utc>, faces: &[ChallengeFace<'_>]) -> Result<(), ChallengeFailure> {
        let Stage::Settling(frames) = &mut self.stage else { return Ok(()) };
        let found = main_face(faces);
        self.prompt = match found {
            Err(ChallengeFailure::SecondFace) => ChallengePrompt::OneFace,
            _ => ChallengePrompt::LookAhead,
        };
        let Ok(Some(face)) = found else {
            frames.clear();
            return Ok(());
        };
        let Some(embedding) = face.embedding else {
            frames.clear();
            return Ok(());
        };
        let landmarks = face.landmarks.ok_or(ChallengeFailure::NoLandmarks)?;
        let is_steady = frames.last().is_none_or(|last| at - last.at <= LOST);
        let is_ahead = side_of(landmarks).is_some_and(|side| side.abs() <= SETTLE_SIDE);
        if !(is_steady && is_ahead) {
            frames.clear();
        }
        if !is_ahead {
            return Ok(());
        }
        frames.push(Settled { at, landmarks: landmarks.clone() });
        let watched = frames.first().map_or(TimeDelta::zero(), |first| at - first.at);
        if watched < SETTLE || frames.len() < SETTLE_FRAMES {
            return Ok(());
        }
        let all: Vec<&Landmarks68> = frames.iter().map(|frame| &frame.landmarks).collect();
        // A face that moved or whose eyes were closed all the time: begin again with this frame.
        let Some(neutral) = Neutral::of(&all) else {
            frames.drain(..frames.len() - 1);
            return Ok(());
        };
        let sequence = Sequence::new(self.tasks);
        self.prompt = sequence.prompt();
        let last = (at, face.bounds, embedding.clone());
        self.stage = Stage::Running(Box::new(Running { neutral, first: embedding.clone(), sequence, last }));
        Ok(())
    }
}

impl Running {
    fn observe(
        &mut self,
        at: DateTime<Utc>,
        faces: &[ChallengeFace<'_>],
        same_face: Similarity,
    ) -> Result<Option<ChallengePrompt>, ChallengeFailure> {
        let face = main_face(faces)?;
        let seen = face.and_then(|face| Some((face.bounds, face.landmarks?, face.embedding?)));
        let (last_at, last_bounds, last_embedding) = &self.last;
        if at - *last_at > LOST {
            return Err(ChallengeFailure::FaceLost);
        }
        let Some((bounds, landmarks, embedding)) = seen else { return Ok(None) };
        if bounds.iou(last_bounds) < LINK_IOU {
            return Err(ChallengeFailure::Jumped);
        }
        let is_same = |other: &Embedding| dot(embedding.as_slice(), other.as_slice()) >= same_face.0;
        if !is_same(last_embedding) {
            return Err(ChallengeFailure::FaceChanged);
        }
        // Landmarks that cannot be measured count as a frame without a face.
        let Some(measures) = self.neutral.measure(landmarks) else { return Ok(None) };
        if measures.turn.abs() <= sequence::RETURN && !is_same(&self.first) {
            return Err(ChallengeFailure::FaceChanged);
        }
        self.last = (at, bounds, embedding.clone());
        match self.sequence.observe(at, measures) {
            Some(SequenceEvent::Failed(failure)) => Err(failure),
            _ => Ok(Some(self.sequence.prompt())),
        }
    }
}

/// The largest face; none where there is none, an error where another is nearly as large.
fn main_face<'a, 'b>(
    faces: &'b [ChallengeFace<'a>],
) -> Result<Option<&'b ChallengeFace<'a>>, ChallengeFailure> {
    let side = |face: &ChallengeFace<'_>| face.bounds.longer_side();
    let Some(main) = faces.iter().max_by(|a, b| side(a).total_cmp(&side(b))) else { return Ok(None) };
    let others = faces.iter().filter(|face| side(face) >= SECOND_FACE * side(main)).count();
    if others > 1 { Err(ChallengeFailure::SecondFace) } else { Ok(Some(main)) }
}
