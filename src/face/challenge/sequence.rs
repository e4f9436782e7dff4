//! Whether the tasks were done, from measures and their times alone.
//!
//! A *turn* is done exactly if the measure goes over [`TURN`] on the side that was asked for in at least
//! two frames and comes back under [`RETURN`]. Over [`TURN`] on the other side fails, as it does while a
//! blink is asked for. A change of at least [`JUMP`] at more than [`JUMP_SPEED`] fails too: a
//! picture was exchanged for another.
//!
//! A *blink* is done exactly if the eyes go from at least [`OPEN`] to under [`CLOSED`] and back to [`OPEN`]
//! within [`SHORTEST_BLINK`] to [`LONGEST_BLINK`], from the last open frame to the first open one again, and
//! the head keeps still meanwhile: squeezed by at most [`STILL_SQUEEZE`], turned under [`STILL_TURN`].
//! It needs about eight frames a second: between fewer a blink may fall unseen.
//!
//! A blink while a turn is asked for means nothing: people blink.

use chrono::{DateTime, TimeDelta, Utc};

use super::{ChallengeFailure, ChallengePrompt, ChallengeTask, Measures};

/// A head turned enough: about 25 degrees. 28 presentations of 14 photographs, drawn flat and turned by
/// up to 40 degrees (20 ways each, seen by the default pack's landmarks), stay under 0.15.
pub const TURN: f32 = 0.25;
/// A head that looks ahead again.
pub const RETURN: f32 = 0.1;
/// A change between two frames that is no noise: it is under 0.15 in the clip but at its cuts.
pub const JUMP: f32 = 0.2;
/// Faster than this, a second, no head turns: 0.25 is 25 degrees, so this is 400 degrees a second;
/// the quickest turn of the clip is 0.9.
pub const JUMP_SPEED: f32 = 4.0;
/// Under this share of the person's own opening the eyes count as closed. Flat pictures turned by up
/// to 30 degrees about one axis go down to 0.78; narrowed eyes have 0.4 to 0.55 of the median opening.
pub const CLOSED: f32 = 0.65;
/// From this share on they count as open again.
pub const OPEN: f32 = 0.8;
/// A shorter closing is a landmark's slip: a blink takes 0.1 to 0.4 s.
pub const SHORTEST_BLINK: TimeDelta = TimeDelta::milliseconds(100);
/// A longer closing is none: a blink of 0.4 s and a frame at each end.
pub const LONGEST_BLINK: TimeDelta = TimeDelta::milliseconds(600);
/// What a flat picture turned by 30 degrees is squeezed by, 1 / cos 30 degrees.
pub const STILL_SQUEEZE: f32 = 1.15;
/// As far as a head that keeps still may turn.
pub const STILL_TURN: f32 = 0.15;

/// What a frame led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceEvent {
    /// The head was turned as asked; it must come back.
    Turned,
    /// A task is done.
    Done(ChallengeTask),
    /// It ended without success.
    Failed(ChallengeFailure),
}

/// The eyes on their way from open to open.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Dip {
    /// The last frame with open eyes before it.
    since: DateTime<Utc>,
    was_closed: bool,
    kept_still: bool,
}

/// The tasks and how far they are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    tasks: [ChallengeTask; 2],
    done: usize,
    last: Option<(DateTime<Utc>, Measures)>,
    dip: Option<Dip>,
    /// Frames in a row over [`TURN`].
    over: u32,
    turned: bool,
}

impl Sequence {
    /// Nothing done yet.
    pub fn new(tasks: [ChallengeTask; 2]) -> Self {
        Self { tasks, done: 0, last: None, dip: None, over: 0, turned: false }
    }

    /// Whether both tasks are done.
    pub fn is_done(&self) -> bool {
        self.done == self.tasks.len()
    }

    /// Tasks that are done; half of one for a turn that must still come back.
    pub fn progress(&self) -> f32 {
        self.done as f32 + if self.turned { 0.5 } else { 0.0 }
    }

    /// What is asked for.
    pub fn prompt(&self) -> ChallengePrompt {
        match self.tasks.get(self.done) {
            Some(_) if self.turned => ChallengePrompt::TurnBack,
            Some(task) => ChallengePrompt::Do(*task),
            None => ChallengePrompt::LookAhead,
        }
    }

    /// Takes the next frame's measures; what they lead to. Nothing more once both tasks are done.
    pub fn observe(&mut self, at: DateTime<Utc>, measures: Measures) -> Option<SequenceEvent> {
        let task = *self.tasks.get(self.done)?;
        let before = self.last.replace((at, measures));
        if let Some((then, earlier)) = before {
            let change = (measures.turn - earlier.turn).abs();
            let seconds = (at - then).as_seconds_f32();
            if change >= JUMP && change > JUMP_SPEED * seconds {
                return Some(SequenceEvent::Failed(ChallengeFailure::Jumped));
            }
        }
        let is_done = match task {
            ChallengeTask::Blink => self.blink(at, before, measures)?,
            ChallengeTask::TurnLeft => self.turn(measures.turn)?,
            ChallengeTask::TurnRight => self.turn(-measures.turn)?,
        };
        match is_done {
            Step::Turned => Some(SequenceEvent::Turned),
            Step::Failed => Some(SequenceEvent::Failed(ChallengeFailure::Unasked)),
            Step::Done => {
                (self.done, self.dip, self.over, self.turned) = (self.done + 1, None, 0, false);
                Some(SequenceEvent::Done(task))
            }
        }
    }

    /// `turn` is positive on the side that is asked for.
    fn turn(&mut self, turn: f32) -> Option<Step> {
        if turn <= -TURN {
            return Some(Step::Failed);
        }
        if self.turned {
            return (turn.abs() < RETURN).then_some(Step::Done);
        }
        self.over = if turn >= TURN { self.over + 1 } else { 0 };
        self.turned = self.over >= 2;
        self.turned.then_some(Step::Turned)
    }

    fn blink(
        &mut self,
        at: DateTime<Utc>,
        before: Option<(DateTime<Utc>, Measures)>,
        measures: Measures,
    ) -> Option<Step> {
        if measures.turn.abs() >= TURN {
            return Some(Step::Failed);
        }
        let kept_still = measures.squeeze <= STILL_SQUEEZE && measures.turn.abs() < STILL_TURN;
        if measures.opening >= OPEN {
            let dip = self.dip.take()?;
            let is_blink = dip.was_closed
                && dip.kept_still
                && kept_still
                && (SHORTEST_BLINK..=LONGEST_BLINK).contains(&(at - dip.since));
            return is_blink.then_some(Step::Done);
        }
        let was_closed = measures.opening < CLOSED;
        match &mut self.dip {
            Some(dip) => {
                dip.was_closed |= was_closed;
                dip.kept_still &= kept_still;
            }
            // Eyes that were never seen open cannot close.
            None => {
                self.dip = before.filter(|(_, earlier)| earlier.opening >= OPEN).map(|(since, _)| Dip {
                    since,
                    was_closed,
                    kept_still,
                });
            }
        }
        None
    }
}

enum Step {
    Turned,
    Done,
    Failed,
}
