//! Gathering everything that is held about a person.

use std::collections::{BTreeMap, BTreeSet};

use crate::attendance::session::SessionId;
use crate::attendance::{Person, PersonId, Stranger};
use crate::engine::command::CommandError;
use crate::engine::export::{CandidacyExport, PersonExport, TemplateExport};
use crate::face::Similarity;
use crate::ledger::{Actor, Entry, EntryKind, Facts, Sequence};
use crate::store::{StoreError, Transaction};

use super::super::worker::store::{StoreAnswer, StoreRequest};
use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::commits::Pending;
use super::{Core, GalleryState, ReplySender};

/// Entries that are looked through at a time, between which everything else goes on.
const PAGE: usize = 1_024;

/// A gathering on its way through the ledger.
pub(super) struct Exporting {
    actor: Actor,
    export: PersonExport,
    wanted_sessions: BTreeSet<SessionId>,
    /// The last entry that was looked at; none before what is the person's own came.
    last: Option<Sequence>,
    reply: ReplySender,
}

impl Core {
    pub(super) fn begin_person_export(&mut self, actor: Actor, person: PersonId, reply: ReplySender) {
        let Some(mut person) = self.roster.get(person).cloned() else {
            let _ = reply.send(Err(CommandError::NoSuchPerson));
            return;
        };
        let has_pin = person.particulars.pin.take().is_some();
        let id = person.id;
        let export = PersonExport {
            strangers: self.strangers_of(id),
            person,
            has_pin,
            templates: Vec::new(),
            entries: Vec::new(),
            candidacies: Vec::new(),
            sessions: BTreeMap::new(),
            noted: Sequence(0),
            at: self.clock.now(),
        };
        let wanted_sessions = BTreeSet::new();
        let exporting = Exporting { actor, export, wanted_sessions, last: None, reply };
        self.ask(StoreRequest::Held(id), Pending::Export(Box::new(exporting)));
    }

    /// Items that are theirs, and those whose face is theirs as far as the threshold tells.
    fn strangers_of(&self, person: PersonId) -> Vec<Stranger> {
        let looks = |item: &Stranger| {
            let (Some(threshold), GalleryState::Ready(gallery)) = (self.threshold(), &self.gallery) else {
                return false;
            };
            item.appearance().filter(|appearance| appearance.space == gallery.space()).is_some_and(
                |appearance| {
                    let best = appearance.embeddings.iter().filter_map(|probe| gallery.search(probe).best);
                    best.into_iter().any(|best| best.person == person && best.similarity >= threshold.0)
                },
            )
        };
        let items = self.desk.items.iter().filter(|item| item.person() == Some(person) || looks(item));
        items.cloned().collect()
    }

    pub(super) fn take_export_step(
        &mut self,
        mut exporting: Box<Exporting>,
        answer: Result<StoreAnswer, StoreError>,
    ) {
        let is_over = match answer {
            Ok(StoreAnswer::Held(templates, entries)) => {
                exporting.take_own(templates, entries);
                false
            }
            Ok(StoreAnswer::Entries(page)) => exporting.look_through(&page),
            answer => {
                let reason = match answer {
                    Err(error) => error.to_string(),
                    Ok(_) => "the store gave a wrong answer".to_owned(),
                };
                let _ = exporting.reply.send(Err(CommandError::Store { reason }));
                return;
            }
        };
        if self.shutdown.is_some() {
            let _ = exporting.reply.send(Err(CommandError::Stopped));
            return;
        }
        if !is_over {
            let last = exporting.last.unwrap_or_default();
            return self.ask(StoreRequest::EntriesSince(last, PAGE), Pending::Export(exporting));
        }
        let Exporting { actor, export, reply, .. } = *exporting;
        let what = PreparedWhat::PersonExported(Box::new(export));
        self.commits.commands.push_back((Prepared::new(actor, what), reply));
    }

    /// The entry without which nothing is given out.
    pub(super) fn build_person_export(
        &mut self,
        actor: Actor,
        export: Box<PersonExport>,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        // Who was erased while it was gathered is not given out, and not written about.
        self.roster.get(export.person.id).ok_or(CommandError::NoSuchPerson)?;
        let entry = self.draft_about(EntryKind::PersonExported, actor, export.person.id);
        Ok((Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::PersonExported(export)))
    }
}

impl Exporting {
    fn take_own(
        &mut self,
        templates: Vec<(crate::face::Template, Option<crate::face::EncodedCrop>)>,
        mut entries: Vec<Entry>,
    ) {
        let template = |(template, crop)| TemplateExport { template, crop };
        self.export.templates = templates.into_iter().map(template).collect();
        let person = self.export.person.id;
        for entry in &mut entries {
            // Whom else they were taken for is those people's.
            if let Some(evidence) = &mut entry.parts.evidence {
                evidence.candidates.retain(|candidate| candidate.person == person);
            }
            let record = entry.parts.record.as_ref();
            self.wanted_sessions.extend(record.and_then(|record| record.details.session));
        }
        self.export.entries = entries;
    }

    /// Looks for the person among the candidates of others, and for the sessions; whether the ledger is over.
    fn look_through(&mut self, page: &[Entry]) -> bool {
        for entry in page {
            if let Some(Facts::Session(session)) = &entry.parts.facts
                && self.wanted_sessions.contains(&session.id)
            {
                self.export.sessions.insert(session.id.to_string(), session.clone());
            }
            self.export.candidacies.extend(candidacy(&self.export.person, entry));
        }
        self.last = page.last().map_or(self.last, |entry| Some(entry.head.sequence));
        page.len() < PAGE
    }
}

/// That `person` was considered for an entry that is not about them.
fn candidacy(person: &Person, entry: &Entry) -> Option<CandidacyExport> {
    if entry.parts.record.as_ref().is_some_and(|record| record.person == person.id) {
        return None;
    }
    let evidence = entry.parts.evidence.as_ref()?;
    let at = evidence.candidates.iter().position(|candidate| candidate.person == person.id)?;
    let similarity = evidence.candidates.get(at).map_or(Similarity(0.0), |found| found.similarity);
    Some(CandidacyExport {
        sequence: entry.head.sequence,
        at: entry.head.at,
        kind: entry.head.kind,
        place: u32::try_from(at + 1).unwrap_or(u32::MAX),
        similarity,
        threshold: evidence.threshold,
    })
}
