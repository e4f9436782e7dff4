//! What waits to be written, and what is on its way to the store.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::attendance::session::SessionName;
use crate::attendance::{PersonId, PresenceState, SessionId};
use crate::ledger::{EntryDraft, EntryId};
use crate::store::DiskState;

use super::ReplySender;
use super::attending::AttendanceWork;
use super::commands::{Prepared, PreparedWhat};
use super::unsaved::Refused;

/// An entry that nobody waits for, and whose passage it records.
#[derive(Debug, Clone)]
pub(super) struct QueuedEntry {
    pub(super) draft: EntryDraft,
    passage: Option<PersonId>,
}

impl QueuedEntry {
    /// Whose passage it records, and by which entry.
    fn recorded(&self) -> Option<(PersonId, EntryId)> {
        Some((self.passage?, self.draft.id))
    }
}

/// Entries and commands on their way to the store: one transaction at a time, so that each is
/// checked against what the one before left.
#[derive(Default)]
pub(super) struct CommitQueue {
    pub(super) entries: VecDeque<QueuedEntry>,
    /// A batch that failed. It is sent again as it was, though commands may go before it: a store that could
    /// not say whether it was written keeps what became of it until the same transaction comes again.
    pub(super) failed: Option<Vec<QueuedEntry>>,
    pub(super) commands: VecDeque<(Prepared, ReplySender)>,
    pub(super) in_flight: bool,
    /// The passages of the batch on its way, with their entries.
    in_flight_passages: Vec<(PersonId, EntryId)>,
    /// The session that the transaction on its way opens.
    opening: Option<SessionName>,
    /// The session that it closes.
    closing: Option<SessionId>,
    pub(super) retry_at: Option<Instant>,
    pub(super) retry_wait: Duration,
    /// Set when the engine stops: what fails now is not tried again.
    pub(super) last_try: bool,
    /// What the store said when it last failed.
    pub(super) fault: Option<String>,
    /// The state of its disk, where that was why.
    pub(super) disk: Option<DiskState>,
    /// What found no room.
    pub(super) refused: Refused,
}

impl CommitQueue {
    /// Queues an entry whether there is room or not.
    pub(super) fn queue_anyway(&mut self, draft: EntryDraft, passage: Option<PersonId>) {
        self.entries.push_back(QueuedEntry { draft, passage });
    }

    /// What the last passage of `person` that waits says.
    pub(super) fn waiting_state_of(&self, person: PersonId) -> Option<PresenceState> {
        let of_person = self.queued().filter(|entry| entry.passage == Some(person)).last();
        of_person?.draft.parts.record.as_ref()?.state
    }

    /// Whether fewer than `limit` entries wait.
    pub(super) fn has_room(&self, limit: usize) -> bool {
        self.queued_count() < limit
    }

    fn queued_count(&self) -> usize {
        self.failed.as_ref().map_or(0, Vec::len) + self.entries.len()
    }

    /// Whether a passage of `person` is not on disk yet.
    pub(super) fn awaits_passage_of(&self, person: PersonId) -> bool {
        self.passage_on_its_way(person).is_some()
    }

    /// The entry of the last passage of `person` that is not on disk yet.
    pub(super) fn passage_on_its_way(&self, person: PersonId) -> Option<EntryId> {
        let queued = self.queued().filter_map(QueuedEntry::recorded);
        let all = self.in_flight_passages.iter().copied().chain(queued);
        all.filter(|(passes, _)| *passes == person).last().map(|(_, entry)| entry)
    }

    /// `batch` goes to the store.
    pub(super) fn send_off(&mut self, batch: &[QueuedEntry]) {
        self.in_flight = true;
        self.in_flight_passages = batch.iter().filter_map(QueuedEntry::recorded).collect();
    }

    /// What was on its way has come back, however it went.
    pub(super) fn come_back(&mut self) {
        self.in_flight = false;
        self.in_flight_passages.clear();
    }

    /// Everything that is not on its way, in order.
    pub(super) fn queued(&self) -> impl Iterator<Item = &QueuedEntry> {
        self.failed.iter().flatten().chain(&self.entries)
    }

    /// Whether a batch is to be sent again.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Lets go of the entries about somebody who was erased, and gives their ids; those about others stay, and
    /// name the person no more among the candidates.
    pub(super) fn forget(&mut self, person: PersonId) -> Vec<EntryId> {
        let is_about = |entry: &QueuedEntry| {
            entry.draft.parts.record.as_ref().is_some_and(|record| record.person == person)
        };
        let gone = self.entries.iter().filter(|entry| is_about(entry)).map(|entry| entry.draft.id).collect();
        self.entries.retain(|entry| !is_about(entry));
        for evidence in self.entries.iter_mut().filter_map(|entry| entry.draft.parts.evidence.as_mut()) {
            evidence.candidates.retain(|candidate| candidate.person != person);
        }
        self.refused.forget(person);
        gone
    }

    /// Whether everything that happened is on disk.
    pub(super) fn is_settled(&self) -> bool {
        !self.in_flight && self.queued().next().is_none()
    }

    /// Whether a session called `name` is being opened.
    pub(super) fn is_opening(&self, name: &SessionName) -> bool {
        self.attendance_work().any(|work| matches!(work, AttendanceWork::Open(open) if open.name == *name))
            || self.opening.as_ref() == Some(name)
    }

    /// Whether that session is being closed.
    pub(super) fn is_closing(&self, id: SessionId) -> bool {
        self.attendance_work()
            .any(|work| matches!(work, AttendanceWork::Close(close) if close.roll.session.id == id))
            || self.closing == Some(id)
    }

    pub(super) fn note_work(&mut self, work: &AttendanceWork) {
        match work {
            AttendanceWork::Open(session) => self.opening = Some(session.name.clone()),
            AttendanceWork::Close(close) => self.closing = Some(close.roll.session.id),
            AttendanceWork::Write(..) | AttendanceWork::WriteOne(_) => {}
        }
    }

    pub(super) fn forget_work(&mut self) {
        (self.opening, self.closing) = (None, None);
    }

    fn attendance_work(&self) -> impl Iterator<Item = &AttendanceWork> {
        self.commands.iter().filter_map(|(prepared, _)| match &prepared.what {
            PreparedWhat::Attendance(work) => Some(work),
            _ => None,
        })
    }

    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.queued_count()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_done(&self) -> bool {
        !self.in_flight && self.queued().next().is_none() && self.commands.is_empty()
    }

    /// How long until a failed transaction is tried again.
    pub(super) fn until_retry(&self, now: Instant) -> Option<Duration> {
        self.retry_at.map(|at| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{EmbeddingSpace, Similarity};
    use crate::identify::{Candidate, Threshold};
    use crate::ledger::{Actor, ClockState, EntryKind, EvidencePart, Parts, RecordPart};

    fn passage(number: u64, of: u128, candidates: &[u128]) -> EntryDraft {
        let candidate =
            |id: &u128| Candidate { person: PersonId(ulid::Ulid(*id)), similarity: Similarity(0.9) };
        let record = RecordPart::new(PersonId(ulid::Ulid(of)), Some(PresenceState::Present));
        let evidence = EvidencePart {
            candidates: candidates.iter().map(candidate).collect(),
            threshold: Threshold(Similarity(0.5)),
            frames: 5,
            detection_score: 0.9,
            liveness: crate::face::Liveness::NotRun,
            space: EmbeddingSpace([1; 32]),
            pack: String::new(),
            details: None,
        };
        EntryDraft {
            id: EntryId(ulid::Ulid(u128::from(number))),
            at: chrono::DateTime::UNIX_EPOCH,
            clock: ClockState::Synchronised,
            moment: None,
            kind: EntryKind::Passage,
            actor: Actor::Door,
            operator_key: None,
            parts: Parts { record: Some(record), evidence: Some(evidence), ..Parts::default() },
            salts: [[1; 16]; 3],
        }
    }

    #[test]
    fn who_was_erased_is_nowhere_in_what_waits_and_others_keep_their_passage() {
        let (ana, bo) = (PersonId(ulid::Ulid(1)), PersonId(ulid::Ulid(2)));
        let mut queue = CommitQueue::default();
        let (of_bo, of_ana) = (passage(1, 2, &[2, 1]), passage(2, 1, &[1, 2]));
        queue.queue_anyway(of_bo.clone(), Some(bo));
        queue.queue_anyway(of_ana.clone(), Some(ana));
        assert_eq!(queue.forget(ana), [of_ana.id]);
        let left: Vec<&EntryDraft> = queue.queued().map(|entry| &entry.draft).collect();
        assert_eq!(left, [&passage(1, 2, &[2])]);
        assert_eq!((queue.passage_on_its_way(ana), queue.passage_on_its_way(bo)), (None, Some(of_bo.id)));
    }

    #[test]
    fn the_last_passage_of_somebody_is_the_one_that_is_waited_for() {
        let bo = PersonId(ulid::Ulid(2));
        let mut queue = CommitQueue::default();
        queue.queue_anyway(passage(1, 2, &[]), Some(bo));
        let batch: Vec<QueuedEntry> = queue.entries.drain(..).collect();
        queue.send_off(&batch);
        let first = batch[0].draft.id;
        assert_eq!(queue.passage_on_its_way(bo), Some(first));
        let second = passage(2, 2, &[]);
        queue.queue_anyway(second.clone(), Some(bo));
        assert_eq!(queue.passage_on_its_way(bo), Some(second.id));
        queue.come_back();
        queue.entries.clear();
        assert_eq!(queue.passage_on_its_way(bo), None);
    }
}
