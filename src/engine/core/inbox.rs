//! The engine's side of the inbox. A track that is decided unidentified waits with its best sighting
//! until its entry is on disk and has a sequence; then it joins an item, in a transaction of its own.
//! What is lost where the program ends between the two is that sighting, and nothing of the ledger.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::inbox::{Inbox, UnknownTrack, passages};
use crate::attendance::stranger::{Appearance, Fitness, Standing, StrangerTrack, fitness};
use crate::attendance::{Person, PersonId, PresenceState, Stranger, StrangerId};
use crate::capture::{Frame, encode, picture};
use crate::face::{EncodedCrop, Similarity, Template, TemplateId};
use crate::inference::FrameAnalysis;
use crate::ledger::{Actor, Entry, EntryDraft, EntryId, EntryKind, NotePart, Parts, RecordPart, Sequence};
use crate::store::{Change, Committed, Transaction};
use crate::track::{FrameTracks, TrackDecision, TrackId, Verdict};

use super::super::command::{CommandError, EnrolmentTarget, Reply};
use super::super::inbox::{
    AlikePerson, InboxCommand, InboxError, InboxReply, InboxState, StrangerPicture, StrangerRow,
};
use super::super::worker::store::StoreRequest;
use super::best_shots::{BestShot, BestShots};
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::{Core, GalleryState, ReplySender};

/// Sightings that wait for their entries at most; while the store fails, more are let go.
const MOST_AWAITED: usize = 64;

/// Everything the engine holds for the inbox.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) items: Inbox,
    shots: BestShots,
    awaited: HashMap<EntryId, (BestShot, EncodedCrop)>,
}

/// What is written for the inbox.
#[derive(Debug)]
pub(super) enum InboxWork {
    Keep(Box<UnknownTrack>),
    Sweep,
    Enrol {
        stranger: StrangerId,
        target: EnrolmentTarget,
        consented: bool,
    },
    Discard(StrangerId),
    /// `recorded` are the times of the passages on record near the tracks.
    BackFill {
        person: PersonId,
        sequences: Vec<Sequence>,
        recorded: Vec<DateTime<Utc>>,
    },
}

/// What is replied once it is written.
#[derive(Debug)]
pub(super) enum InboxPlan {
    Quiet,
    Enrolled { person: Box<Person>, waiting: Vec<StrangerTrack> },
    Discarded,
    BackFilled { joined: u32 },
}

/// A back-fill that waits for the passages on record.
#[derive(Debug)]
pub(super) struct BackFill {
    actor: Actor,
    person: PersonId,
    sequences: Vec<Sequence>,
}

impl Core {
    fn inbox_is_off(&self) -> bool {
        self.settings.inbox_keep <= TimeDelta::zero()
    }

    // -- from sightings to items --------------------------------------------------------------

    /// Offers every sighting of a track that is not decided, or is decided by this frame.
    pub(super) fn offer_shots(
        &mut self,
        frame: &Frame,
        analysis: &FrameAnalysis,
        tracks: &FrameTracks,
        decisions: &[TrackDecision],
    ) {
        if self.inbox_is_off() {
            return;
        }
        // Of every source: the desk is one.
        let tracks_now = self.sources.iter().flat_map(|watched| watched.jury.snapshot());
        let undecided = tracks_now.filter(|track| track.verdict == Verdict::Undecided);
        let open: BTreeSet<TrackId> =
            undecided.map(|track| track.id).chain(decisions.iter().map(|decision| decision.track)).collect();
        for (track, face) in tracks.of.iter().zip(&analysis.faces) {
            if let (true, Ok(probe)) = (open.contains(track), &face.probe) {
                self.desk.shots.offer(*track, probe, &frame.picture);
            }
        }
        self.desk.shots.keep_only(&open);
    }

    /// Keeps the best sighting of a track until `draft`, which says that it is unidentified, is on
    /// disk.
    pub(super) fn await_stranger(&mut self, track: TrackId, draft: &EntryDraft) {
        let Some(shot) = self.desk.shots.take(track) else { return };
        if draft.kind != EntryKind::Unidentified
            || self.desk.awaited.len() >= MOST_AWAITED
            || fitness(&shot.quality, &self.settings.quality) == Fitness::Nothing
        {
            return;
        }
        if let Some(crop) = encode::png(&shot.crop) {
            self.desk.awaited.insert(draft.id, (shot, crop));
        }
    }

    /// An entry is on disk: a sighting that waited for it goes into the inbox.
    pub(super) fn entry_for_inbox(&mut self, entry: &Entry) {
        let head = &entry.head;
        if let (EntryKind::BackFilled, Some(record)) = (head.kind, &entry.parts.record) {
            self.policy.extend(record.person, head.at);
        }
        let Some((shot, crop)) = self.desk.awaited.remove(&head.id) else { return };
        let Some(space) = self.facts.as_ref().map(|facts| facts.space) else { return };
        let (quality, score) = (shot.quality, shot.score);
        let appearance = Appearance { space, embeddings: vec![shot.embedding], crop, quality, score };
        let track = StrangerTrack { sequence: head.sequence, at: head.at, clock: head.clock };
        self.queue_inbox(InboxWork::Keep(Box::new(UnknownTrack { track, appearance })));
    }

    /// Takes out the items whose time is up.
    pub(super) fn sweep_inbox(&mut self) {
        if !self.desk.items.expired(self.now(), self.settings.inbox_keep).is_empty() {
            self.queue_inbox(InboxWork::Sweep);
        }
    }

    /// Queues what nobody waits for.
    fn queue_inbox(&mut self, work: InboxWork) {
        let prepared = Prepared::new(Actor::System, PreparedWhat::Inbox(work));
        self.commits.commands.push_back((prepared, ReplySender::nobody()));
    }

    /// The items of those whom `changes` give templates are theirs now: what they looked like goes,
    /// their tracks can be back-filled.
    pub(super) fn settle_strangers(&self, changes: &mut Vec<Change>) {
        let Some(threshold) = self.threshold() else { return };
        let put = |change: &Change| match change {
            Change::StrangerPut(item) => Some(item.id),
            _ => None,
        };
        let mut settled: BTreeSet<StrangerId> = changes.iter().filter_map(put).collect();
        let mut more = Vec::new();
        for change in changes.iter() {
            let Change::TemplatePut(template) = change else { continue };
            for id in self.desk.items.like(template, threshold.0) {
                if let (true, Some(item)) = (settled.insert(id), self.desk.items.get(id)) {
                    more.push(Change::StrangerPut(enrolled(item, template.person)));
                }
            }
        }
        changes.extend(more);
    }

    /// Whoever leaves the roster leaves nothing to back-fill.
    pub(super) fn forget_strangers_of(&self, person: PersonId, changes: &mut Vec<Change>) {
        changes.extend(self.desk.items.of_person(person).map(|item| Change::StrangerRemoved(item.id)));
    }

    // -- what is asked ------------------------------------------------------------------------

    pub(super) fn take_inbox_command(
        &mut self,
        actor: Actor,
        command: InboxCommand,
        consented: bool,
        reply: ReplySender,
    ) {
        let work = match command {
            InboxCommand::Show(id) => {
                let shown = self.stranger_picture(id).map(|shown| Reply::Inbox(InboxReply::Shown(shown)));
                let _ = reply.send(shown);
                return;
            }
            InboxCommand::BackFill { person, sequences } => {
                return self.begin_back_fill(BackFill { actor, person, sequences }, reply);
            }
            InboxCommand::Enrol { stranger, name, identifier } => {
                let target = EnrolmentTarget::New { name, identifier };
                InboxWork::Enrol { stranger, target, consented }
            }
            InboxCommand::Add { stranger, person } => {
                let target = EnrolmentTarget::Existing(person);
                InboxWork::Enrol { stranger, target, consented }
            }
            InboxCommand::Discard(stranger) => InboxWork::Discard(stranger),
        };
        self.commits.commands.push_back((Prepared::new(actor, PreparedWhat::Inbox(work)), reply));
    }

    fn stranger_picture(&self, id: StrangerId) -> Result<Box<StrangerPicture>, CommandError> {
        let item = self.item(id)?;
        let appearance = self.unknown(item)?;
        let pixels = picture::decode(appearance.crop.as_bytes(), "the picture of the item")
            .map_err(|error| CommandError::Picture(error.to_string()))?;
        Ok(Box::new(StrangerPicture {
            row: self.stranger_row(item),
            file: appearance.crop.clone(),
            rgb: pixels.data().to_vec(),
            side: pixels.width(),
            alike: self.person_like(appearance),
        }))
    }

    fn person_like(&self, appearance: &Appearance) -> Option<AlikePerson> {
        let GalleryState::Ready(gallery) = &self.gallery else { return None };
        let probe = appearance.embeddings.first().filter(|_| appearance.space == gallery.space())?;
        let best = gallery.search(probe).best?;
        let name = self.roster.get(best.person)?.name.clone();
        let reaches_threshold = self.threshold().is_some_and(|least| best.similarity >= least.0);
        Some(AlikePerson { name, similarity: best.similarity, reaches_threshold })
    }

    fn item(&self, id: StrangerId) -> Result<&Stranger, InboxError> {
        let item = self.desk.items.get(id).filter(|item| !self.is_over(item));
        item.ok_or(InboxError::NoSuchItem)
    }

    /// Whether the time of an item is up that was not swept yet.
    fn is_over(&self, item: &Stranger) -> bool {
        self.now() - item.first_seen >= self.settings.inbox_keep
    }

    fn unknown<'a>(&self, item: &'a Stranger) -> Result<&'a Appearance, InboxError> {
        match &item.standing {
            Standing::Unknown(appearance) => Ok(appearance),
            Standing::Enrolled(person) => match self.roster.get(*person) {
                Some(person) => Err(InboxError::Known { name: person.name.clone() }),
                None => Err(InboxError::NoSuchItem),
            },
        }
    }

    /// Asks for the passages on record near the tracks of `wanted`, before it is written.
    fn begin_back_fill(&mut self, wanted: BackFill, reply: ReplySender) {
        let waiting = match self.waiting(wanted.person, &wanted.sequences) {
            Ok(waiting) => waiting,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        let times = || waiting.iter().map(|track| track.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return };
        let debounce = self.settings.debounce;
        let (from, until) = (first - debounce, last + debounce + TimeDelta::microseconds(1));
        self.ask(StoreRequest::EntriesBetween(from, until), Pending::BackFill(wanted, reply));
    }

    pub(super) fn go_on_with_back_fill(&mut self, wanted: BackFill, near: &[Entry], reply: ReplySender) {
        let BackFill { actor, person, sequences } = wanted;
        let is_passage = |entry: &&Entry| {
            matches!(entry.head.kind, EntryKind::Passage | EntryKind::BackFilled)
                && entry.parts.record.as_ref().is_some_and(|record| record.person == person)
        };
        let recorded = near.iter().filter(is_passage).map(|entry| entry.head.at).collect();
        let what = PreparedWhat::Inbox(InboxWork::BackFill { person, sequences, recorded });
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    /// The tracks of `person` that wait, or those of them that `sequences` name.
    fn waiting(&self, person: PersonId, sequences: &[Sequence]) -> Result<Vec<StrangerTrack>, CommandError> {
        let name = self.active(person)?.name.clone();
        let items = self.desk.items.of_person(person).filter(|item| !self.is_over(item));
        let all: Vec<StrangerTrack> = items.flat_map(|item| item.tracks.iter().copied()).collect();
        if all.is_empty() {
            return Err(InboxError::NothingWaits { name }.into());
        }
        if sequences.is_empty() {
            return Ok(all);
        }
        let find = |wanted: &Sequence| all.iter().find(|track| track.sequence == *wanted).copied();
        let wanted: BTreeSet<Sequence> = sequences.iter().copied().collect();
        let named = wanted.iter().map(|sequence| {
            find(sequence)
                .ok_or_else(|| InboxError::NotWaiting { sequence: *sequence, name: name.clone() }.into())
        });
        named.collect()
    }

    // -- what is written ----------------------------------------------------------------------

    /// The transaction of `work`, checked against the inbox as it is on disk.
    pub(super) fn build_inbox(
        &mut self,
        actor: Actor,
        work: InboxWork,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let (changes, entries, plan) = match work {
            InboxWork::Keep(seen) => (self.keep(&seen), vec![], InboxPlan::Quiet),
            InboxWork::Sweep => {
                let over = self.desk.items.expired(self.now(), self.settings.inbox_keep);
                (over.into_iter().map(Change::StrangerRemoved).collect(), vec![], InboxPlan::Quiet)
            }
            InboxWork::Discard(id) => {
                self.item(id)?;
                let entry = self.draft(EntryKind::StrangerDiscarded, actor, Parts::default());
                (vec![Change::StrangerRemoved(id)], vec![entry], InboxPlan::Discarded)
            }
            InboxWork::Enrol { stranger, target, consented } => {
                return self.build_late_enrolment(actor, stranger, target, consented);
            }
            InboxWork::BackFill { person, sequences, recorded } => {
                return self.build_back_fill(&actor, person, &sequences, &recorded);
            }
        };
        Ok((Transaction { changes, entries }, ReplyPlan::Inbox(plan)))
    }

    fn keep(&mut self, seen: &UnknownTrack) -> Vec<Change> {
        let Some(join_at) = self.join_at().filter(|_| !self.inbox_is_off()) else { return vec![] };
        let new = StrangerId(self.entropy.ulid(seen.track.at));
        let item = self.desk.items.placed(seen, join_at, new);
        let mut changes: Vec<Change> =
            self.desk.items.without_room(item.id).into_iter().map(Change::StrangerRemoved).collect();
        changes.push(Change::StrangerPut(item));
        changes
    }

    /// How alike a track is to an item that it joins, at least: what the card asks of an
    /// identification. It does not grow with the gallery, which the inbox is not a part of.
    fn join_at(&self) -> Option<Similarity> {
        self.facts.as_ref().map(|facts| facts.threshold.0)
    }

    fn build_late_enrolment(
        &mut self,
        actor: Actor,
        stranger: StrangerId,
        target: EnrolmentTarget,
        consented: bool,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let item = self.item(stranger)?.clone();
        let appearance = self.unknown(&item)?;
        if let Fitness::Look(finding) = fitness(&appearance.quality, &self.settings.quality) {
            return Err(InboxError::TooPoor { finding }.into());
        }
        let space = appearance.space;
        let embedding = appearance.embeddings.first().ok_or(InboxError::NoSuchItem)?.clone();
        if self.facts.as_ref().is_some_and(|facts| facts.space != space) {
            return Err(InboxError::OtherSpace.into());
        }
        let now = self.clock.now();
        let target = self.resolve(target)?;
        self.check_consent(&target, consented)?;
        let (mut person, mut changes) = match target {
            EnrolmentTarget::New { name, identifier } => {
                let id = PersonId(self.entropy.ulid(now));
                let person = Person::new(id, name, identifier, now);
                (person.clone(), vec![Change::PersonPut(person)])
            }
            EnrolmentTarget::Existing(id) => (self.active(id)?.clone(), vec![]),
        };
        let consent = self.take_consent(&actor, &mut person, consented, &mut changes);
        let has_templates = self.templates.values().any(|owner| *owner == person.id);
        let kind = if has_templates { EntryKind::TemplateAdded } else { EntryKind::Enrolled };
        let id = TemplateId(self.entropy.ulid(now));
        changes.push(Change::TemplatePut(Template { id, person: person.id, space, embedding }));
        changes.push(Change::StrangerPut(enrolled(&item, person.id)));
        self.settle_strangers(&mut changes);
        let entry = self.draft_about(kind, actor, person.id);
        let waiting = tracks_of(&changes);
        let person = Box::new(person.shown());
        let plan = ReplyPlan::Inbox(InboxPlan::Enrolled { person, waiting });
        Ok((Transaction { changes, entries: consent.into_iter().chain([entry]).collect() }, plan))
    }

    fn build_back_fill(
        &mut self,
        actor: &Actor,
        person: PersonId,
        sequences: &[Sequence],
        recorded: &[DateTime<Utc>],
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let wanted = self.waiting(person, sequences)?;
        let passages = passages(&wanted, recorded, self.settings.debounce);
        let joined = u32::try_from(wanted.len() - passages.len()).unwrap_or(u32::MAX);
        let draft = |track: &StrangerTrack| {
            let record = Some(RecordPart::new(person, Some(PresenceState::Present)));
            let note = Some(NotePart { text: format!("added later for entry {}", track.sequence) });
            let parts = Parts { record, note, ..Parts::default() };
            self.draft_at(EntryKind::BackFilled, actor.clone(), parts, track.at, track.clock)
        };
        let entries = passages.iter().map(draft).collect();
        let is_done = |track: &StrangerTrack| wanted.iter().any(|done| done.sequence == track.sequence);
        let left = |item: &Stranger| {
            let mut item = item.clone();
            item.tracks.retain(|track| !is_done(track));
            if item.tracks.is_empty() { Change::StrangerRemoved(item.id) } else { Change::StrangerPut(item) }
        };
        let changes = self.desk.items.of_person(person).map(left).collect();
        let plan = ReplyPlan::Inbox(InboxPlan::BackFilled { joined });
        Ok((Transaction { changes, entries }, plan))
    }

    pub(super) fn inbox_reply(&self, plan: InboxPlan, committed: &Committed) -> Reply {
        let mut entries = committed.entries.iter().map(|entry| self.log_entry(entry));
        match (plan, entries.next()) {
            (InboxPlan::Enrolled { person, waiting }, _) => {
                Reply::Inbox(InboxReply::Enrolled { person: *person, waiting })
            }
            (InboxPlan::Discarded, Some(entry)) => Reply::Inbox(InboxReply::Discarded(entry)),
            (InboxPlan::BackFilled { joined }, first) => {
                let entries = first.into_iter().chain(entries).collect();
                Reply::Inbox(InboxReply::BackFilled { entries, joined })
            }
            (InboxPlan::Quiet | InboxPlan::Discarded, _) => Reply::Done,
        }
    }

    // -- what is shown ------------------------------------------------------------------------

    /// Puts the inbox on the board.
    pub(super) fn publish_inbox(&self) {
        let items = self.desk.items.iter().filter(|item| !self.is_over(item));
        let mut rows: Vec<StrangerRow> = items.map(|item| self.stranger_row(item)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.last_seen, row.id)));
        let keep_hours = u32::try_from(self.settings.inbox_keep.num_hours()).unwrap_or(0);
        let state = InboxState { rows, keep_hours };
        if *self.board.inbox.get() != state {
            self.board.inbox.set(state);
        }
    }

    fn stranger_row(&self, item: &Stranger) -> StrangerRow {
        let appearance = item.appearance();
        let finding =
            appearance.and_then(|appearance| match fitness(&appearance.quality, &self.settings.quality) {
                Fitness::Look(finding) => Some(finding),
                Fitness::Enrol | Fitness::Nothing => None,
            });
        let known = item.person().and_then(|id| self.roster.get(id));
        StrangerRow {
            id: item.id,
            person: known.map(|person| (person.id, person.name.clone())),
            track_count: item.track_count,
            tracks: item.tracks.clone(),
            first_seen: item.first_seen,
            last_seen: item.last_seen,
            score: appearance.map(|appearance| appearance.score),
            finding,
        }
    }
}

/// The item once its stranger is enrolled as `person`: its tracks, and nothing of what they look like.
fn enrolled(item: &Stranger, person: PersonId) -> Stranger {
    Stranger { standing: Standing::Enrolled(person), ..item.clone() }
}

/// The tracks of the items among `changes`, oldest first.
fn tracks_of(changes: &[Change]) -> Vec<StrangerTrack> {
    let items = changes.iter().filter_map(|change| match change {
        Change::StrangerPut(item) => Some(&item.tracks),
        _ => None,
    });
    let mut tracks: Vec<StrangerTrack> = items.flatten().copied().collect();
    tracks.sort_by_key(|track| (track.at, track.sequence));
    tracks
}
