//! The store thread: owns the store, so that a slow disk never holds up the engine.

use chrono::{DateTime, Utc};
use crossbeam_channel::{Receiver, Sender};

use crate::attendance::PersonId;
use crate::face::{EncodedCrop, TemplateId};
use crate::ledger::{ChainFault, ChainHead, Entry, Sequence};
use crate::store::{Committed, Erased, Erasure, Store, StoreError, Transaction};

/// Pairs an answer with what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// What is asked of the store.
#[derive(Debug)]
pub(crate) enum StoreRequest {
    Commit(Transaction),
    Erase(Box<Erasure>),
    Crop(TemplateId),
    Head,
    Verify(Option<ChainHead>),
    EntriesSince(Sequence, usize),
    EntriesBefore(Sequence, usize),
    EntriesBetween(DateTime<Utc>, DateTime<Utc>),
    /// With their corrections, by sequence.
    RecordsBetween(DateTime<Utc>, DateTime<Utc>),
    /// The newest entries about a person, and the crop beside a template.
    About(PersonId, Option<TemplateId>, usize),
}

/// What the store answers.
#[derive(Debug)]
pub(crate) enum StoreAnswer {
    Committed(Committed),
    Erased(Erased),
    Crop(Option<EncodedCrop>),
    Ledger(ChainHead),
    Entries(Vec<Entry>),
    /// Newest first.
    About(Vec<Entry>, Option<EncodedCrop>),
}

/// Everything the store thread owns.
pub(crate) struct StoreWorker {
    pub(crate) store: Box<dyn Store>,
    pub(crate) requests: Receiver<(Ticket, StoreRequest)>,
    pub(crate) answers: Sender<(Ticket, Result<StoreAnswer, StoreError>)>,
}

impl StoreWorker {
    /// Runs until the engine lets go of the request channel; every request before that is done.
    pub(crate) fn run(mut self) {
        while let Ok((ticket, request)) = self.requests.recv() {
            let answer = self.answer(request);
            if self.answers.send((ticket, answer)).is_err() {
                return;
            }
        }
    }

    pub(crate) fn answer(&mut self, request: StoreRequest) -> Result<StoreAnswer, StoreError> {
        match request {
            StoreRequest::Commit(transaction) => self.store.commit(transaction).map(StoreAnswer::Committed),
            StoreRequest::Erase(erasure) => self.store.erase(*erasure).map(StoreAnswer::Erased),
            StoreRequest::Crop(template) => self.store.crop(template).map(StoreAnswer::Crop),
            StoreRequest::Head => self.store.chain_head().map(StoreAnswer::Ledger),
            StoreRequest::Verify(kept) => self.verify(kept).map(StoreAnswer::Ledger),
            StoreRequest::EntriesSince(sequence, limit) => {
                self.store.entries_since(sequence, limit).map(StoreAnswer::Entries)
            }
            StoreRequest::EntriesBefore(sequence, limit) => {
                self.store.entries_before(sequence, limit).map(StoreAnswer::Entries)
            }
            StoreRequest::EntriesBetween(from, until) => {
                self.store.entries_between(from, until).map(StoreAnswer::Entries)
            }
            StoreRequest::RecordsBetween(from, until) => {
                self.store.records_between(from, until).map(StoreAnswer::Entries)
            }
            StoreRequest::About(person, template, limit) => self.about(person, template, limit),
        }
    }

    fn about(
        &self,
        person: PersonId,
        template: Option<TemplateId>,
        limit: usize,
    ) -> Result<StoreAnswer, StoreError> {
        let sequences = self.store.sequences_of(person)?;
        let mut entries = Vec::new();
        for sequence in sequences.into_iter().rev().take(limit) {
            entries.extend(self.store.entries_since(Sequence(sequence.0.saturating_sub(1)), 1)?);
        }
        let crop = template.map(|template| self.store.crop(template)).transpose()?.flatten();
        Ok(StoreAnswer::About(entries, crop))
    }

    /// Walks the ledger, and looks whether `kept` is an entry of it.
    fn verify(&self, kept: Option<ChainHead>) -> Result<ChainHead, StoreError> {
        let end = self.store.verify()?;
        let Some(kept) = kept else { return Ok(end) };
        if kept.sequence > end.sequence {
            return Err(ChainFault::End { kept: kept.sequence, found: end.sequence }.into());
        }
        match self.store.hash_of(kept.sequence)? {
            Some(hash) if hash == kept.hash => Ok(end),
            _ => Err(ChainFault::Hash { sequence: kept.sequence }.into()),
        }
    }
}
