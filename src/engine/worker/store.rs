//! The store thread: owns the store, so that a slow disk never holds up the engine.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender};

use super::super::command::ledger::LedgerVerified;
use crate::attendance::PersonId;
use crate::face::{EncodedCrop, Template, TemplateId};
use crate::ledger::TerminalId;
use crate::ledger::{ChainHead, Entry, Sequence};
use crate::store::{
    BackupOnRecord, BackupOrder, Committed, Compacted, Erased, ErasedId, Erasure, Retained, RetentionStep,
    Store, StoreError, StoreFigures, Transaction,
};

/// Pairs an answer with what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// What is asked of the store.
#[derive(Debug)]
pub(crate) enum StoreRequest {
    Commit(Transaction),
    Erase(Box<Erasure>),
    Whole(WholeRequest),
    Crop(TemplateId),
    Head,
    /// How far what follows the ledger under this name has come.
    Cursor(String),
    Verify(Vec<ChainHead>),
    EntriesSince(Sequence, usize),
    EntriesBefore(Sequence, usize),
    EntriesBetween(DateTime<Utc>, DateTime<Utc>),
    /// With their corrections, by sequence.
    RecordsBetween(DateTime<Utc>, DateTime<Utc>),
    /// One entry with all that it corrects and that corrects it; none where there is no such entry.
    WithCorrections(Sequence),
    /// Those that speak of another time than their own.
    HeldBetween(DateTime<Utc>, DateTime<Utc>),
    /// The newest entries about a person, and the crop beside a template.
    About(PersonId, Option<TemplateId>, usize),
    /// Everything that is kept about a person.
    Held(PersonId),
    /// A step of what is deleted, or counted, because it is old.
    Retain(Box<RetentionStep>),
}

/// What the store answers.
#[derive(Debug)]
pub(crate) enum StoreAnswer {
    Committed(Committed),
    Erased(Erased),
    Whole(WholeAnswer),
    Crop(Option<EncodedCrop>),
    Ledger(ChainHead),
    Verified(LedgerVerified),
    Cursor(Option<Sequence>),
    Entries(Vec<Entry>),
    /// Newest first.
    About(Vec<Entry>, Option<EncodedCrop>),
    /// Templates with their crops, and entries, oldest first.
    Held(Vec<(Template, Option<EncodedCrop>)>, Vec<Entry>),
    Retained(Box<Retained>),
}

/// What is asked about the store as a whole.
#[derive(Debug)]
pub(crate) enum WholeRequest {
    BackUp(BackupOrder),
    Compact,
    Figures,
    Erasures,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum WholeAnswer {
    BackedUp(BackupOnRecord),
    Compacted(Compacted),
    Figures(StoreFigures),
    Erasures(TerminalId, Vec<ErasedId>),
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
            StoreRequest::Whole(request) => self.whole(request).map(StoreAnswer::Whole),
            StoreRequest::Crop(template) => self.store.crop(template).map(StoreAnswer::Crop),
            StoreRequest::Head => self.store.chain_head().map(StoreAnswer::Ledger),
            StoreRequest::Cursor(name) => self.store.cursor(&name).map(StoreAnswer::Cursor),
            StoreRequest::Verify(kept) => self.verify(&kept).map(StoreAnswer::Verified),
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
            StoreRequest::WithCorrections(entry) => self.with_corrections(entry).map(StoreAnswer::Entries),
            StoreRequest::HeldBetween(from, until) => {
                self.store.held_between(from, until).map(StoreAnswer::Entries)
            }
            StoreRequest::About(person, template, limit) => self.about(person, template, limit),
            StoreRequest::Held(person) => self.held(person),
            StoreRequest::Retain(step) => {
                self.store.retain(*step).map(|retained| StoreAnswer::Retained(Box::new(retained)))
            }
        }
    }

    fn with_corrections(&self, entry: Sequence) -> Result<Vec<Entry>, StoreError> {
        let found = self.store.entries_since(Sequence(entry.0.saturating_sub(1)), 1)?;
        match found.first().filter(|found| found.head.sequence == entry) {
            Some(found) => {
                let at = found.head.at;
                self.store.records_between(at, at + TimeDelta::microseconds(1))
            }
            None => Ok(Vec::new()),
        }
    }

    fn whole(&mut self, request: WholeRequest) -> Result<WholeAnswer, StoreError> {
        match request {
            WholeRequest::BackUp(order) => self.store.back_up(&order).map(WholeAnswer::BackedUp),
            WholeRequest::Compact => self.store.compact().map(WholeAnswer::Compacted),
            WholeRequest::Figures => self.store.figures().map(WholeAnswer::Figures),
            WholeRequest::Erasures => {
                let erased = self.store.erasures()?;
                Ok(WholeAnswer::Erasures(self.store.terminal(), erased))
            }
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

    fn held(&self, person: PersonId) -> Result<StoreAnswer, StoreError> {
        let mut templates = Vec::new();
        for template in self.store.templates_held(person)? {
            let crop = self.store.crop(template.id)?;
            templates.push((template, crop));
        }
        let mut entries = Vec::new();
        for sequence in self.store.sequences_of(person)? {
            entries.extend(self.store.entries_since(Sequence(sequence.0.saturating_sub(1)), 1)?);
        }
        Ok(StoreAnswer::Held(templates, entries))
    }

    /// Walks the ledger, and looks whether each of `kept` is an entry of it.
    fn verify(&self, kept: &[ChainHead]) -> Result<LedgerVerified, StoreError> {
        let begun = Instant::now();
        let end = self.store.verify()?;
        let walked_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        for (place, kept) in kept.iter().enumerate() {
            if kept.sequence > end.sequence || self.store.hash_of(kept.sequence)? != Some(kept.hash) {
                return Ok(LedgerVerified { end, walked_us, unfit: Some(place) });
            }
        }
        Ok(LedgerVerified { end, walked_us, unfit: None })
    }
}
