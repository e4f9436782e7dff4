//! Shots that the live picture takes by itself, and the self-test after an enrolment.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::PersonId;
use crate::capture::{Frame, RgbPicture};
use crate::face::embedding::dot;
use crate::face::{Embedding, Probe, Rect, Similarity};
use crate::identify::{Identification, Rejection, Threshold};
use crate::inference::FrameAnalysis;

use super::super::command::{
    Alike, CommandError, EnrolmentNotes, FaceChoice, PictureNote, Reply, SelfTest, SelfTestOf, ShootingId,
    Shot, ShotId,
};
use super::super::enrolment::selector::{Outcome, ShotSelector};
use super::super::enrolment::{ALIKE_MARGIN, choose_face, good_enough};
use super::super::state::{InferenceStatus, ShootingView, SourceState};
use super::crops::Sample;
use super::live::relative;
use super::{Core, GalleryState, ReplySender};

/// Shots that wait for confirmation at most.
const SHOTS_KEPT: usize = 16;
/// Side of the crop that a prompt shows, in pixels.
const CROP_SIDE: u32 = 96;
/// How many times the box the crop shows.
const CROP_MARGIN: f32 = 1.5;
/// What the messages call a shot.
pub(super) const LIVE: &str = "the live picture";
/// Frames with a face that a self-test looks at.
const SELF_TEST_FRAMES: u32 = 8;
/// How long a self-test waits for them, on the frames' clock.
const SELF_TEST_LIMIT: TimeDelta = TimeDelta::seconds(6);
/// A run that nobody ended: its screen is gone.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(5);

/// What is done with the live picture for an enrolment.
#[derive(Default)]
pub(super) struct LiveEnrolment {
    shooting: Option<Shooting>,
    test: Option<Testing>,
}

/// A run of shots.
struct Shooting {
    id: ShootingId,
    selector: ShotSelector,
    /// A shot's crop is cut from its frame, which is gone a moment later.
    shots: Vec<Shot>,
    began: Option<DateTime<Utc>>,
    said: String,
    complete: bool,
}

/// Who a self-test looks for.
enum Tested {
    Person(PersonId),
    /// The mean of the shots of somebody who is not enrolled yet.
    Shots(Embedding),
}

/// A self-test that is on.
struct Testing {
    of: Tested,
    reply: ReplySender,
    until: Option<DateTime<Utc>>,
    frames: u32,
    identified: u32,
    similarities: Vec<f32>,
}

impl Core {
    pub(super) fn begin_shooting(&mut self) -> Result<Reply, CommandError> {
        self.needs_live_picture()?;
        let id = ShootingId(self.next_id());
        let selector = ShotSelector::new(self.settings.shots as usize, self.settings.quality);
        let said = "look into the camera".to_owned();
        let shots = Vec::new();
        self.live_enrolment.shooting =
            Some(Shooting { id, selector, shots, began: None, said, complete: false });
        self.publish_live();
        Ok(Reply::Shooting(id))
    }

    pub(super) fn end_shooting(&mut self, id: ShootingId) -> Result<Reply, CommandError> {
        match self.live_enrolment.shooting.take_if(|shooting| shooting.id == id) {
            None => Err(CommandError::NoSuchShooting),
            Some(shooting) => {
                self.publish_live();
                Ok(Reply::Shots(shooting.shots))
            }
        }
    }

    /// Answers when enough frames were seen; at once where none can come.
    pub(super) fn begin_self_test(&mut self, of: SelfTestOf, reply: ReplySender) {
        let of = self.needs_live_picture().and_then(|()| match of {
            SelfTestOf::Person(person) => Ok(Tested::Person(person)),
            SelfTestOf::Shots(ids) => {
                let samples = self.shots(&ids).ok_or(CommandError::NoSuchShot)?;
                let mut mean = vec![0.0; samples[0].probe.embedding.dimension()];
                for sample in &samples {
                    let values = sample.probe.embedding.as_slice();
                    mean.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
                // Shots of one person never cancel each other out.
                Embedding::normalised(mean).map(Tested::Shots).map_err(|_| CommandError::NoSuchShot)
            }
        });
        let of = match of {
            Ok(of) => of,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        self.end_self_test();
        let (frames, identified, similarities) = (0, 0, Vec::new());
        let until = None;
        self.live_enrolment.test = Some(Testing { of, reply, until, frames, identified, similarities });
    }

    /// Replies with what was seen.
    pub(super) fn end_self_test(&mut self) {
        let Some(mut test) = self.live_enrolment.test.take() else { return };
        test.similarities.sort_by(f32::total_cmp);
        let median = test.similarities.get(test.similarities.len() / 2).copied();
        let _ = test.reply.send(Ok(Reply::SelfTest(SelfTest {
            frames: test.frames,
            identified: test.identified,
            similarity: median.map(Similarity),
            threshold: self.threshold(),
        })));
    }

    fn needs_live_picture(&self) -> Result<(), CommandError> {
        let no_picture = |reason: &str| Err(CommandError::NoPicture { reason: reason.to_owned() });
        match (&self.inference, self.source_state()) {
            (InferenceStatus::Unavailable { reason }, _) => {
                Err(CommandError::NoInference { reason: reason.clone() })
            }
            (_, SourceState::None) if !self.holds_a_source() => no_picture("no source was chosen (--source)"),
            (_, SourceState::Lost { reason, .. }) => no_picture(reason),
            (_, SourceState::Ended) => no_picture("the recording is over"),
            _ => Ok(()),
        }
    }

    /// Whether every face of every frame is to be looked at, those of decided tracks too.
    pub(super) fn must_look_closely(&self) -> bool {
        self.settings.looks_closely
            || self.live_enrolment.shooting.as_ref().is_some_and(|shooting| !shooting.complete)
            || self.live_enrolment.test.is_some()
            || self.challenge_is_active()
    }

    /// Gives the frame that was just looked at to whoever waits for it.
    pub(super) fn offer_to_enrolment(&mut self) {
        if self.live_enrolment.shooting.is_none() && self.live_enrolment.test.is_none() {
            return;
        }
        let last_frame = self.focused().and_then(|watched| watched.last_frame.as_ref());
        let Some((frame, Some(analysis))) = last_frame else { return };
        let Some(threshold) = self.threshold() else { return };
        // A frame that was on its way before they asked.
        if analysis.faces.iter().any(|face| face.probe == Err(Rejection::NotLooked)) {
            return;
        }
        let frame = frame.clone();
        let face = choose_face(analysis, size_of(&frame.picture), FaceChoice::Main, LIVE);
        self.offer_to_shooting(&frame, face.as_ref(), threshold);
        self.offer_to_self_test(frame.at, face.as_ref().ok(), threshold);
    }

    fn offer_to_shooting(
        &mut self,
        frame: &Frame,
        face: Result<&Probe, &CommandError>,
        threshold: Threshold,
    ) {
        let Some(mut shooting) = self.live_enrolment.shooting.take() else { return };
        let began = *shooting.began.get_or_insert(frame.at);
        if frame.at - began > FORGOTTEN_AFTER {
            return;
        }
        if !shooting.complete {
            let outcome = shooting.selector.offer(frame.at, face.map_err(coaching), threshold);
            match (outcome, face) {
                (Outcome::Taken, Ok(probe)) => {
                    shooting.said = "good; now turn your head a little".to_owned();
                    match self.make_shot(&frame.picture, probe.clone()) {
                        Ok(shot) => shooting.shots.push(shot),
                        Err(error) => shooting.said = error.to_string(),
                    }
                }
                (Outcome::Not(said), _) => shooting.said = said,
                (Outcome::Taken, Err(_)) => {}
            }
            shooting.complete = shooting.selector.is_complete(frame.at);
            if shooting.complete {
                shooting.said = "done".to_owned();
            }
        }
        self.live_enrolment.shooting = Some(shooting);
    }

    fn offer_to_self_test(&mut self, at: DateTime<Utc>, face: Option<&Probe>, threshold: Threshold) {
        let candidates = face.map(|probe| self.search(probe));
        let Some(test) = &mut self.live_enrolment.test else { return };
        let until = *test.until.get_or_insert(at + SELF_TEST_LIMIT);
        if let (Some(candidates), Some(probe)) = (candidates, face) {
            test.frames += 1;
            let (found, similarity) = match &test.of {
                Tested::Person(person) => {
                    let own = candidates.best.filter(|best| best.person == *person);
                    let found = Identification::decide(&candidates, threshold).person() == Some(*person);
                    (found, own.map(|best| best.similarity.0))
                }
                Tested::Shots(mean) => {
                    let alike = dot(mean.as_slice(), probe.embedding.as_slice());
                    (alike >= threshold.0.0, Some(alike))
                }
            };
            test.identified += u32::from(found);
            test.similarities.extend(similarity);
        }
        if test.frames >= SELF_TEST_FRAMES || at >= until {
            self.end_self_test();
        }
    }

    pub(super) fn shot_of(
        &mut self,
        picture: &RgbPicture,
        analysis: &FrameAnalysis,
    ) -> Result<Shot, CommandError> {
        let probe = self.chosen_face(picture, analysis, FaceChoice::Main, LIVE)?;
        self.make_shot(picture, probe)
    }

    /// Keeps a face of `picture` and gives what a prompt shows of it.
    pub(super) fn make_shot(&mut self, picture: &RgbPicture, probe: Probe) -> Result<Shot, CommandError> {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let crop = picture
            .crop(probe.bounds.square(CROP_MARGIN), CROP_SIDE)
            .ok_or_else(|| CommandError::NotAlignable { label: LIVE.to_owned() })?;
        let bounds: Rect = relative(probe.bounds, width, height);
        let alike = self.search(&probe);
        let threshold = self.threshold().unwrap_or(Threshold(crate::face::Similarity(1.0)));
        let findings = probe.quality.findings(&self.settings.quality);
        let sample = self.sample(LIVE, picture, probe);
        let id = ShotId(self.next_id());
        self.shots.push_back((id, sample));
        while self.shots.len() > SHOTS_KEPT {
            self.shots.pop_front();
        }
        let crop = crop.data().to_vec();
        Ok(Shot { id, bounds, crop, crop_side: CROP_SIDE, alike, threshold, findings })
    }

    /// The faces of shots, where all of them are still there and there is one.
    pub(super) fn shots(&self, ids: &[ShotId]) -> Option<Vec<Sample>> {
        let held = |id: &ShotId| self.shots.iter().find(|(held, _)| held == id);
        let shots: Option<Vec<_>> = ids.iter().map(|id| held(id).map(|(_, sample)| sample.clone())).collect();
        shots.filter(|shots| !shots.is_empty())
    }

    /// How far the shots are, for the snapshot.
    pub(super) fn shooting_view(&self) -> Option<ShootingView> {
        let shooting = self.live_enrolment.shooting.as_ref()?;
        Some(ShootingView {
            id: shooting.id,
            taken: u32::try_from(shooting.shots.len()).unwrap_or(u32::MAX),
            wanted: self.settings.shots,
            said: shooting.said.clone(),
            complete: shooting.complete,
        })
    }

    // -- what there is to say before it is saved --------------------------------------------

    /// What an operator should know of `samples`; refuses a new person who looks like somebody enrolled,
    /// unless it is to be done `anyway`.
    pub(super) fn enrolment_notes(
        &self,
        samples: &[Sample],
        existing: Option<PersonId>,
        anyway: bool,
    ) -> Result<EnrolmentNotes, CommandError> {
        let threshold = self.threshold();
        let earlier = existing.filter(|id| self.has_templates(*id));
        let alike = threshold.map_or_else(Vec::new, |threshold| self.alike(samples, existing, threshold));
        if let (Some(threshold), None, false) = (threshold, earlier, anyway) {
            let reaches = |alike: &&Alike| alike.similarity >= threshold.0;
            let people: Vec<Alike> = alike.iter().filter(reaches).cloned().collect();
            if !people.is_empty() {
                return Err(CommandError::LooksEnrolled { people });
            }
        }
        let note = |sample: &Sample| PictureNote {
            label: sample.label.clone(),
            quality: sample.probe.quality,
            findings: sample.probe.quality.findings(&self.settings.quality),
        };
        let to_earlier = earlier.and_then(|id| self.most_alike_to(id, samples));
        let pictures = samples.iter().map(note).collect();
        Ok(EnrolmentNotes { pictures, refused: Vec::new(), alike, threshold, to_earlier })
    }

    /// How alike the most alike of `samples` is to `person`.
    fn most_alike_to(&self, person: PersonId, samples: &[Sample]) -> Option<Similarity> {
        let GalleryState::Ready(gallery) = &self.gallery else { return None };
        let similarities =
            samples.iter().filter_map(|sample| gallery.similarity(person, &sample.probe.embedding));
        similarities.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Everybody but `own` who is near the threshold to any of `samples`, the most alike first.
    fn alike(&self, samples: &[Sample], own: Option<PersonId>, threshold: Threshold) -> Vec<Alike> {
        let GalleryState::Ready(gallery) = &self.gallery else { return Vec::new() };
        let least = Similarity(threshold.0.0 - ALIKE_MARGIN);
        let near = samples.iter().flat_map(|sample| gallery.at_least(&sample.probe.embedding, least));
        let mut most: BTreeMap<PersonId, Similarity> = BTreeMap::new();
        for candidate in near.filter(|candidate| Some(candidate.person) != own) {
            let held = most.entry(candidate.person).or_insert(candidate.similarity);
            if candidate.similarity > *held {
                *held = candidate.similarity;
            }
        }
        let named = |(person, similarity)| {
            let name = self.roster.get(person)?.name.clone();
            Some(Alike { person, name, similarity })
        };
        let mut found: Vec<Alike> = most.into_iter().filter_map(named).collect();
        found.sort_by(|a, b| b.similarity.0.total_cmp(&a.similarity.0));
        found
    }

    /// A face that somebody chose is refused only under a hard floor.
    pub(super) fn chosen_face(
        &self,
        picture: &RgbPicture,
        analysis: &FrameAnalysis,
        choice: FaceChoice,
        label: &str,
    ) -> Result<Probe, CommandError> {
        let probe = choose_face(analysis, size_of(picture), choice, label)?;
        good_enough(&probe, label).map(|()| probe)
    }
}

fn size_of(picture: &RgbPicture) -> (f32, f32) {
    (picture.width() as f32, picture.height() as f32)
}

/// What the person before the camera can do about a face that is not there.
fn coaching(error: &CommandError) -> String {
    match error {
        CommandError::NoFace { .. } => "look into the camera".to_owned(),
        CommandError::AmbiguousFace { .. } => "only one person should be near".to_owned(),
        _ => "look straight ahead".to_owned(),
    }
}
