//! Enrolments from pictures and shots: each is one transaction, or nothing.

use crate::attendance::{Person, PersonId};
use crate::capture::RgbPicture;
use crate::face::{Probe, Template, TemplateId};
use crate::inference::FrameAnalysis;
use crate::ledger::{Actor, EntryKind};
use crate::store::{Change, Transaction};

use super::super::command::{
    CommandError, EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, PictureBytes,
    RefusedPicture,
};
use super::super::enrolment::one_person;
use super::commands::{JobUse, Prepared, PreparedWhat, ReplyPlan, refuse};
use super::crops::Sample;
use super::{Core, ReplySender};

/// An enrolment as it was asked for.
pub(super) struct Asked {
    pub(super) target: EnrolmentTarget,
    pub(super) source: EnrolmentSource,
    pub(super) anyway: bool,
    /// Whether the person agreed to the text in force.
    pub(super) consented: bool,
}

/// An enrolment that waits for its pictures to be looked at.
pub(super) struct Enrolling {
    actor: Actor,
    target: EnrolmentTarget,
    face: FaceChoice,
    leave_out: bool,
    anyway: bool,
    consented: bool,
    pictures: Vec<Option<Result<Sample, RefusedPicture>>>,
    reply: ReplySender,
}

/// An enrolment that is to be written.
pub(super) struct Enrolment {
    pub(super) target: EnrolmentTarget,
    pub(super) samples: Vec<Sample>,
    pub(super) refused: Vec<RefusedPicture>,
    pub(super) anyway: bool,
    pub(super) consented: bool,
}

impl Core {
    pub(super) fn take_enrolment(&mut self, actor: Actor, asked: Asked, reply: ReplySender) {
        // Said before the nets are bothered; checked again when it is written.
        let resolved = self.resolve(asked.target.clone());
        if let Err(error) = resolved.and_then(|target| self.check_consent(&target, asked.consented)) {
            return refuse(&reply, error);
        }
        let Asked { target, source, anyway, consented } = asked;
        match source {
            EnrolmentSource::Pictures(EnrolmentPictures { pictures, face, leave_out }) => {
                let held = vec![None; pictures.len()];
                let enrolling =
                    Enrolling { actor, target, face, leave_out, anyway, consented, pictures: held, reply };
                self.begin_enrolment(enrolling, pictures);
            }
            EnrolmentSource::Shots(shots) => match self.shots(&shots) {
                Some(samples) => {
                    let refused = Vec::new();
                    let what = PreparedWhat::Enrol(Enrolment { target, samples, refused, anyway, consented });
                    self.commits.commands.push_back((Prepared::new(actor, what), reply));
                }
                None => refuse(&reply, CommandError::NoSuchShot),
            },
        }
    }

    fn begin_enrolment(&mut self, enrolling: Enrolling, pictures: Vec<PictureBytes>) {
        let batch = self.next_id();
        self.enrolments.insert(batch, enrolling);
        for (index, picture) in pictures.into_iter().enumerate() {
            self.submit(picture, JobUse::Enrol { batch, index });
        }
    }

    pub(super) fn take_enrolment_picture(
        &mut self,
        batch: u64,
        index: usize,
        label: &str,
        result: Result<(RgbPicture, FrameAnalysis), CommandError>,
    ) {
        // An earlier picture may have refused the whole enrolment already.
        let Some(mut enrolling) = self.enrolments.remove(&batch) else { return };
        let sample = result.and_then(|(picture, analysis)| {
            let probe = self.chosen_face(&picture, &analysis, enrolling.face, label)?;
            Ok(self.sample(label, &picture, probe))
        });
        let looked_at = match sample {
            Ok(sample) => Ok(sample),
            // Nets that fail do so for every picture.
            Err(error @ CommandError::NoInference { .. }) => return refuse(&enrolling.reply, error),
            Err(error) if enrolling.leave_out => {
                Err(RefusedPicture { label: label.to_owned(), reason: error.to_string() })
            }
            Err(error) => return refuse(&enrolling.reply, error),
        };
        enrolling.pictures[index] = Some(looked_at);
        if enrolling.pictures.iter().any(Option::is_none) {
            self.enrolments.insert(batch, enrolling);
            return;
        }
        self.end_enrolling(enrolling);
    }

    /// Every picture was looked at.
    fn end_enrolling(&mut self, enrolling: Enrolling) {
        let Enrolling { actor, target, leave_out, anyway, consented, pictures, reply, .. } = enrolling;
        let (mut samples, mut refused) = (Vec::new(), Vec::new());
        for looked_at in pictures.into_iter().flatten() {
            match looked_at {
                Ok(sample) => samples.push(sample),
                Err(picture) => refused.push(picture),
            }
        }
        if samples.is_empty() {
            return refuse(&reply, CommandError::NoGoodPicture { refused });
        }
        let named: Vec<(&str, &Probe)> =
            samples.iter().map(|sample| (sample.label.as_str(), &sample.probe)).collect();
        let agreed = match self.threshold() {
            Some(threshold) if !anyway => one_person(&named, threshold),
            _ => Ok(()),
        };
        match agreed {
            Ok(()) => {}
            Err(CommandError::NotOnePerson { labels, similarity, threshold }) if leave_out => {
                samples.retain(|sample| !labels.contains(&sample.label));
                let reason = format!(
                    "it does not show the same person as the others (most alike {similarity:.2}, \
                     {threshold:.2} is needed)"
                );
                refused
                    .extend(labels.into_iter().map(|label| RefusedPicture { label, reason: reason.clone() }));
            }
            Err(error) => return refuse(&reply, error),
        }
        let what = PreparedWhat::Enrol(Enrolment { target, samples, refused, anyway, consented });
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    pub(super) fn build_enrolment(
        &mut self,
        actor: Actor,
        enrolment: Enrolment,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let Enrolment { target, samples, refused, anyway, consented } = enrolment;
        let target = self.resolve(target)?;
        self.check_consent(&target, consented)?;
        let existing = match &target {
            EnrolmentTarget::Existing(id) => Some(*id),
            EnrolmentTarget::New { .. } => None,
        };
        let mut notes = Box::new(self.enrolment_notes(&samples, existing, anyway)?);
        notes.refused = refused;
        let Some(space) = self.facts.as_ref().map(|facts| facts.space) else {
            return Err(CommandError::NoInference { reason: "the nets are still loading".to_owned() });
        };
        let now = self.clock.now();
        let (mut person, kind, mut changes) = match target {
            EnrolmentTarget::New { name, identifier } => {
                let id = PersonId(self.entropy.ulid(now));
                let person = Person::new(id, name, identifier, now);
                (person.clone(), EntryKind::Enrolled, vec![Change::PersonPut(person)])
            }
            EnrolmentTarget::Existing(id) => {
                let person = self.active(id)?.clone();
                let kind =
                    if self.has_templates(id) { EntryKind::TemplateAdded } else { EntryKind::Enrolled };
                (person, kind, vec![])
            }
        };
        let consent = self.take_consent(&actor, &mut person, consented, &mut changes);
        let templates_added = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        for Sample { probe, crop, .. } in samples {
            let id = TemplateId(self.entropy.ulid(now));
            let template = Template { id, person: person.id, space, embedding: probe.embedding };
            changes.push(Change::TemplatePut(template));
            changes.extend(crop.map(|bytes| Change::CropPut { template: id, bytes }));
        }
        self.settle_strangers(&mut changes);
        let entry = self.draft_about(kind, actor, person.id);
        let person = Box::new(person.shown());
        let plan = ReplyPlan::Enrolled { person, templates_added, notes };
        // That somebody agreed stands before that they were enrolled.
        let entries = consent.into_iter().chain([entry]).collect();
        Ok((Transaction { changes, entries }, plan))
    }

    pub(super) fn has_templates(&self, person: PersonId) -> bool {
        self.templates.values().any(|owner| *owner == person)
    }
}
