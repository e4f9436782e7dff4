//! A challenge on the live picture: begun by a command, fed with every frame, ended by an event.
//! Nothing is written, however it ends.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::attendance::PersonId;
use crate::face::challenge::{Challenge, ChallengeFace, ChallengeFailure, ChallengeOutcome, ChallengeTask};
use crate::identify::Identification;
use crate::inference::{AnalysedFace, FrameAnalysis};

use super::super::command::{ChallengeOrder, CommandError};
use super::super::event::EngineEvent;
use super::super::state::{ChallengeView, InferenceStatus, SourceState};
use super::{Core, GalleryState};

/// How long no frame may come: longer than a camera is silent between two frames, shorter than the
/// challenge, whose own limit is on the frames' clock and stands still with it.
const SILENCE: Duration = Duration::from_secs(5);

/// The challenge there is, until it is closed.
#[derive(Debug, Default)]
pub(super) struct LiveChallenge(Option<Posed>);

#[derive(Debug)]
struct Posed {
    challenge: Challenge,
    person: Option<PersonId>,
    name: Option<crate::attendance::PersonName>,
    fed: Instant,
}

impl LiveChallenge {
    pub(super) fn view(&self) -> Option<ChallengeView> {
        self.0.as_ref().map(|posed| ChallengeView {
            prompt: posed.challenge.prompt(),
            progress: posed.challenge.progress(),
            seconds_left: posed.challenge.time_left().as_seconds_f32(),
            outcome: posed.challenge.outcome(),
            person: posed.name.clone(),
        })
    }
}

impl Core {
    pub(super) fn order_challenge(&mut self, order: ChallengeOrder) -> Result<(), CommandError> {
        if order == ChallengeOrder::Begin {
            self.may_begin_challenge()?;
        }
        self.end_challenge(ChallengeFailure::Cancelled);
        self.challenge.0 = None;
        if let (ChallengeOrder::Begin, Some(facts)) = (order, &self.facts) {
            let same_face = facts.threshold.0;
            let mut random = [0u8; 8];
            self.entropy.fill(&mut random);
            let tasks = ChallengeTask::draw(u64::from_be_bytes(random));
            let challenge = Challenge::new(tasks, same_face);
            self.challenge.0 = Some(Posed { challenge, person: None, name: None, fed: Instant::now() });
        }
        self.publish_live();
        Ok(())
    }

    fn may_begin_challenge(&self) -> Result<(), CommandError> {
        let no_picture = |reason: &str| Err(CommandError::NoPicture { reason: reason.to_owned() });
        match (&self.inference, self.source_state()) {
            (InferenceStatus::Unavailable { reason }, _) => {
                Err(CommandError::NoInference { reason: reason.clone() })
            }
            (InferenceStatus::Loading, _) => no_picture("the nets are still loading"),
            (_, SourceState::None) => no_picture("no source was chosen (--source)"),
            (_, SourceState::Lost { reason, .. }) => no_picture(reason),
            (_, SourceState::Ended) => no_picture("the recording is over"),
            (_, SourceState::Paused) => no_picture("the source is paused"),
            (_, SourceState::Opening | SourceState::Streaming) => Ok(()),
        }
    }

    /// Takes the faces of a frame in.
    pub(super) fn step_challenge(&mut self, at: DateTime<Utc>, analysis: &FrameAnalysis) {
        let threshold = self.threshold();
        let Some(posed) = &mut self.challenge.0 else { return };
        posed.fed = Instant::now();
        let had_face = posed.challenge.face().is_some();
        let faces: Vec<ChallengeFace<'_>> = analysis.faces.iter().map(face).collect();
        let outcome = posed.challenge.observe(at, &faces);
        if let (false, Some(embedding)) = (had_face, posed.challenge.face()) {
            // Whose face settled: the same one answers for the tasks.
            let candidates = match &self.gallery {
                GalleryState::Ready(gallery) => gallery.search(embedding),
                GalleryState::Waiting(_) => Default::default(),
            };
            posed.person = threshold
                .map(|threshold| Identification::decide(&candidates, threshold))
                .and_then(|identification| identification.person());
            let person = posed.person.and_then(|person| self.roster.get(person));
            posed.name = person.map(|person| person.name.clone());
        }
        if let Some(outcome) = outcome {
            self.say_challenge_ended(outcome);
        }
    }

    /// Whether a challenge is posed and has no outcome yet: it needs the landmarks of every frame.
    pub(super) fn challenge_is_active(&self) -> bool {
        self.challenge.0.as_ref().is_some_and(|posed| posed.challenge.outcome().is_none())
    }

    /// Ends a challenge that no frame reached for too long.
    pub(super) fn expire_challenge(&mut self) {
        if self.challenge.0.as_ref().is_some_and(|posed| posed.fed.elapsed() > SILENCE) {
            self.end_challenge(ChallengeFailure::NoPicture);
            self.publish_live();
        }
    }

    fn end_challenge(&mut self, failure: ChallengeFailure) {
        let ended = self.challenge.0.as_mut().and_then(|posed| posed.challenge.abort(failure));
        if let Some(outcome) = ended {
            self.say_challenge_ended(outcome);
        }
    }

    fn say_challenge_ended(&mut self, outcome: ChallengeOutcome) {
        let person = self.challenge.0.as_ref().and_then(|posed| posed.person);
        self.subscribers.send(&EngineEvent::ChallengeEnded { outcome, person });
    }
}

fn face(face: &AnalysedFace) -> ChallengeFace<'_> {
    let probe = face.probe.as_ref().ok();
    ChallengeFace {
        bounds: face.detection.bounds,
        landmarks: probe.and_then(|probe| probe.landmarks.as_deref()),
        embedding: probe.map(|probe| &probe.embedding),
    }
}
