//! The picture around an enrolled face, kept beside its template where the site wants that, and
//! templates computed anew from it when the nets change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::attendance::{Person, PersonId};
use crate::capture::{RgbPicture, picture};
use crate::face::{EmbeddingSpace, EncodedCrop, Probe, Rect, Template, TemplateId};
use crate::inference::FrameAnalysis;
use crate::ledger::{Actor, EntryKind, NotePart, Parts};
use crate::store::{Change, MAX_CROP_BYTES, StoreError, Transaction};

use super::super::command::{CommandError, PictureBytes, Reply, SpaceCount, SpaceReport};
use super::super::worker::store::{StoreAnswer, StoreRequest};
use super::commands::{JobUse, Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::{Core, ReplySender};

/// How many times the longer side of the face's box the side of the kept square is. What is kept is
/// the picture as it was, upright and not aligned, so that any detector and any alignment template
/// can be run on it later.
///
/// Measured on the 162 faces of 60 pixels and more in group photographs, portraits and portraits of 15
/// people: the default nets found every one again in its crop, and the embedding from the crop had a
/// cosine of 0.994 to that from the whole picture in the median, 0.975 at the fifth percentile and 0.63
/// at the least; YuNet lost one of them. Kept as PNG, three times as large, it was 0.994, 0.976 and 0.75. In crops of 1.5 and 3 times the box, smaller faces among them, faces came out no more alike.
pub(super) const CROP_FACTOR: f32 = 2.0;
/// The longest side of a kept picture in pixels; a smaller one is not made larger. 240 and 480 measured
/// the same with most nets; 240 lost more with MTCNN. A crop has 23 KB on average.
pub(super) const CROP_SIDE: u32 = 320;

/// A face that is enrolled, with the picture around it where that is kept.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// What messages call the picture.
    pub(super) label: String,
    pub(super) probe: Probe,
    pub(super) crop: Option<EncodedCrop>,
}

/// Templates that are computed anew, one after the other, so that one crop is held at a time.
pub(super) struct Reembedding {
    actor: Actor,
    dry_run: bool,
    space: EmbeddingSpace,
    waiting: VecDeque<TemplateId>,
    recomputed: Vec<Template>,
    reply: ReplySender,
}

/// What is written of it.
pub(super) struct Recomputed {
    space: EmbeddingSpace,
    templates: Vec<Template>,
}

/// The picture around `bounds` as it is kept: a JPEG of a square about the face's middle, black where
/// it reaches past the border. `None` where nothing of it lies inside the picture.
pub(super) fn encoded_crop(source: &RgbPicture, bounds: &Rect) -> Option<EncodedCrop> {
    let square = bounds.square(CROP_FACTOR);
    if !square.is_finite() {
        return None;
    }
    // The cast saturates, and the side is held to its limits.
    let side = (square.width.round() as u32).clamp(1, CROP_SIDE);
    let bytes = picture::encode_jpeg(&source.crop(square, side)?)?;
    (bytes.len() <= MAX_CROP_BYTES).then(|| EncodedCrop::from(bytes))
}

/// The face that a kept crop shows: of those whose box holds the crop's middle the one with the
/// nearest centre.
fn central_face(crop: &RgbPicture, analysis: &FrameAnalysis) -> Option<Probe> {
    let whole = Rect::new(0.0, 0.0, crop.width() as f32, crop.height() as f32);
    let middle = whole.center();
    let holds = |bounds: &Rect| {
        (bounds.x..=bounds.right()).contains(&middle.x) && (bounds.y..=bounds.bottom()).contains(&middle.y)
    };
    let away = |probe: &Probe| probe.bounds.center().distance(middle);
    let faces = analysis.faces.iter().filter_map(|face| face.probe.as_ref().ok());
    faces.filter(|probe| holds(&probe.bounds)).min_by(|a, b| away(a).total_cmp(&away(b))).cloned()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Core {
    /// A face of `picture` as it is enrolled.
    pub(super) fn sample(&self, label: &str, picture: &RgbPicture, probe: Probe) -> Sample {
        let crop = self.settings.keep_crops.then(|| encoded_crop(picture, &probe.bounds)).flatten();
        Sample { label: label.to_owned(), probe, crop }
    }

    /// The spaces that templates live in, the largest first.
    pub(super) fn space_counts(&self) -> Vec<SpaceCount> {
        let mut spaces: BTreeMap<EmbeddingSpace, (u32, BTreeSet<PersonId>)> = BTreeMap::new();
        for (template, space) in &self.spaces {
            let (templates, people) = spaces.entry(*space).or_default();
            *templates += 1;
            people.extend(self.templates.get(template));
        }
        let mut counts: Vec<SpaceCount> = spaces
            .into_iter()
            .map(|(space, (templates, people))| SpaceCount { space, templates, people: count(people.len()) })
            .collect();
        counts.sort_by_key(|count| (std::cmp::Reverse(count.templates), count.space));
        counts
    }

    pub(super) fn begin_reembedding(&mut self, actor: Actor, dry_run: bool, reply: ReplySender) {
        let refusal = match (&self.facts, &self.reembedding) {
            (None, _) => {
                let reason = "the nets are still loading, or cannot be loaded".to_owned();
                Some(CommandError::NoInference { reason })
            }
            (Some(_), Some(_)) => Some(CommandError::Busy),
            (Some(_), None) => None,
        };
        let space = self.facts.as_ref().map(|facts| facts.space);
        let (None, Some(space)) = (&refusal, space) else {
            let _ = reply.send(Err(refusal.unwrap_or(CommandError::Busy)));
            return;
        };
        let foreign = self.spaces.iter().filter(|(_, other)| **other != space);
        let waiting = foreign.map(|(template, _)| *template).collect();
        self.reembedding =
            Some(Reembedding { actor, dry_run, space, waiting, recomputed: Vec::new(), reply });
        self.next_crop();
    }

    /// Asks for the next crop, or ends.
    fn next_crop(&mut self) {
        let Some(work) = &mut self.reembedding else { return };
        match work.waiting.pop_front() {
            Some(template) => self.ask(StoreRequest::Crop(template), Pending::Crop(template)),
            None => self.end_reembedding(),
        }
    }

    pub(super) fn take_crop(&mut self, template: TemplateId, answer: Result<StoreAnswer, StoreError>) {
        match answer {
            Ok(StoreAnswer::Crop(Some(crop))) => {
                // Named by its id: no name belongs in a message that may reach a log.
                let label = format!("the crop of template {}", template.0);
                let picture = PictureBytes { label, bytes: crop.into_bytes() };
                self.submit(picture, JobUse::Reembed(template));
            }
            // Without a crop the template stays in its space.
            Ok(_) => self.next_crop(),
            Err(error) => {
                if let Some(work) = self.reembedding.take() {
                    let _ = work.reply.send(Err(CommandError::Store { reason: error.to_string() }));
                }
            }
        }
    }

    pub(super) fn take_recomputed(
        &mut self,
        id: TemplateId,
        result: Result<(RgbPicture, FrameAnalysis), CommandError>,
    ) {
        let probe = match result {
            Ok((crop, analysis)) => central_face(&crop, &analysis),
            // Nets that fail do so for every crop.
            Err(error @ CommandError::NoInference { .. }) => {
                if let Some(work) = self.reembedding.take() {
                    let _ = work.reply.send(Err(error));
                }
                return;
            }
            Err(error) => {
                tracing::error!(%error, "a kept crop cannot be read");
                None
            }
        };
        let (Some(probe), Some(person)) = (probe, self.templates.get(&id).copied()) else {
            return self.next_crop();
        };
        if let Some(work) = &mut self.reembedding {
            let template = Template { id, person, space: work.space, embedding: probe.embedding };
            work.recomputed.push(template);
        }
        self.next_crop();
    }

    fn end_reembedding(&mut self) {
        let Some(work) = self.reembedding.take() else { return };
        let Reembedding { actor, dry_run, space, recomputed, reply, .. } = work;
        if dry_run || recomputed.is_empty() && self.spaces.values().all(|other| *other == space) {
            let report = self.space_report(space, &recomputed);
            let _ = reply.send(Ok(Reply::Reembedded(report)));
            return;
        }
        let what = PreparedWhat::Reembed(Recomputed { space, templates: recomputed });
        self.commits.commands.push_back((Prepared { actor, what }, reply));
    }

    /// What holds once `recomputed` are in `space`.
    fn space_report(&self, space: EmbeddingSpace, recomputed: &[Template]) -> SpaceReport {
        let moved: BTreeSet<TemplateId> = recomputed.iter().map(|template| template.id).collect();
        let is_in = |template: &TemplateId, of: &EmbeddingSpace| *of == space || moved.contains(template);
        let own = |wanted: bool| -> BTreeSet<PersonId> {
            let templates = self.spaces.iter().filter(|(template, of)| is_in(template, of) == wanted);
            templates.filter_map(|(template, _)| self.templates.get(template).copied()).collect()
        };
        let (recognised, elsewhere) = (own(true), own(false));
        let mut enrol_again: Vec<Person> =
            elsewhere.difference(&recognised).filter_map(|id| self.roster.get(*id).cloned()).collect();
        enrol_again.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        let in_space = self.spaces.iter().filter(|(template, of)| is_in(template, of)).count();
        SpaceReport {
            there_already: count(in_space - moved.len()),
            recomputed: count(moved.len()),
            left: count(self.spaces.len() - in_space),
            enrol_again,
        }
    }

    /// One transaction: every template that was computed anew takes the place of its old one, and one
    /// entry says so. What was removed or replaced meanwhile is left alone.
    pub(super) fn build_reembedding(
        &mut self,
        actor: Actor,
        recomputed: Recomputed,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let Recomputed { space, mut templates } = recomputed;
        templates.retain(|new| {
            self.templates.get(&new.id) == Some(&new.person)
                && self.spaces.get(&new.id).is_some_and(|old| *old != space)
        });
        let report = self.space_report(space, &templates);
        let text = format!(
            "to embedding space {space}: {} templates computed anew, {} there already, {} left in other spaces, \
             {} people to be enrolled again",
            report.recomputed,
            report.there_already,
            report.left,
            report.enrol_again.len()
        );
        let parts = Parts { note: Some(NotePart { text }), ..Parts::default() };
        let entry = self.draft(EntryKind::SpaceChanged, actor, parts);
        let changes = templates.into_iter().map(Change::TemplatePut).collect();
        Ok((Transaction { changes, entries: vec![entry] }, ReplyPlan::Reembedded(report)))
    }
}
