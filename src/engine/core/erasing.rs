//! Erasing somebody: what the engine adds to what the store takes out.

use crate::attendance::{Person, PersonId, StrangerId};
use crate::face::{Embedding, Similarity};
use crate::ledger::{Actor, EntryKind, Parts};
use crate::store::{Change, Erased, Erasure, KeptRecords, StoreError};

use crate::track::Jury;

use super::super::command::{CommandError, ErasureCertificate, Reply};
use super::super::worker::store::{StoreAnswer, StoreRequest};
use super::commits::Pending;
use super::{Core, GalleryState, ReplySender};

/// From this similarity on, an item of the inbox whose most alike person is to be erased goes with them.
/// It lies well under the threshold of every card: an item lives for hours, and one too many that goes costs
/// less than one that stays.
const ALIKE: Similarity = Similarity(0.3);

fn wrong(reason: &str) -> CommandError {
    CommandError::Store { reason: reason.to_owned() }
}

/// An erasure on its way to the store.
pub(super) struct Erasing {
    person: Person,
    keeps: KeptRecords,
    /// What the gallery is searched for afterwards.
    probes: Vec<Embedding>,
    reply: ReplySender,
}

impl Core {
    /// Everybody, also those whose enrolment ended: they are still held, and can be erased.
    pub(super) fn everybody(&self) -> Reply {
        let mut people: Vec<Person> = self.roster.iter().map(Person::shown).collect();
        people.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        Reply::People(people)
    }

    /// Sends the erasure to the store. To be called while nothing else is on its way there.
    pub(super) fn start_erasure(
        &mut self,
        actor: Actor,
        person: PersonId,
        keeps: KeptRecords,
        reply: ReplySender,
    ) -> bool {
        let Some(person) = self.roster.get(person).cloned() else {
            let _ = reply.send(Err(CommandError::NoSuchPerson));
            return false;
        };
        // A batch that failed may be on disk or not: an entry about the person must not come after.
        if self.commits.has_failed() {
            let reason = "entries wait that the store did not take yet".to_owned();
            let _ = reply.send(Err(CommandError::Store { reason }));
            return false;
        }
        let probes = self.templates_of(person.id);
        let strangers = self.strangers_like(person.id);
        let entry = self.draft(EntryKind::Erased, actor, Parts::default());
        let erasure = Erasure { person: person.id, keeps, strangers, entry };
        self.ask(
            StoreRequest::Erase(Box::new(erasure)),
            Pending::Erase(Box::new(Erasing { person, keeps, probes, reply })),
        );
        true
    }

    pub(super) fn take_erasure(&mut self, erasing: Erasing, answer: Result<StoreAnswer, StoreError>) {
        let Erasing { person, keeps, probes, reply } = erasing;
        let erased = match answer {
            Ok(StoreAnswer::Erased(erased)) => erased,
            Ok(_) => return drop(reply.send(Err(wrong("the store gave a wrong answer")))),
            Err(error) => return drop(reply.send(Err(CommandError::Store { reason: error.to_string() }))),
        };
        for id in &erased.templates {
            self.apply(Change::TemplateRemoved(*id));
        }
        for id in &erased.strangers {
            self.apply(Change::StrangerRemoved(*id));
        }
        self.apply(Change::PersonErased(person.id));
        // Nothing was written since the erasure began, as one transaction is on its way at a time. A failed one
        // has lost nothing of what waits.
        let dropped = self.commits.forget(person.id);
        self.entries_are_dropped(&dropped);
        self.take_committed(&erased.committed);
        self.juries().for_each(Jury::reopen);
        self.publish_roster();
        self.publish_live();
        let _ = reply.send(self.certificate(person, keeps, &erased, &probes));
    }

    fn certificate(
        &self,
        person: Person,
        keeps: KeptRecords,
        erased: &Erased,
        probes: &[Embedding],
    ) -> Result<Reply, CommandError> {
        let entry = erased.committed.entries.first();
        let entry = entry.ok_or_else(|| wrong("the erasure has no entry"))?;
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        Ok(Reply::Erased(Box::new(ErasureCertificate {
            found_again: probes.iter().any(|probe| self.finds(person.id, probe)),
            person,
            sequence: entry.head.sequence,
            at: entry.head.at,
            actor: entry.head.actor.clone(),
            keeps,
            templates: count(erased.templates.len()),
            crops: erased.crops,
            strangers: count(erased.strangers.len()),
            parts: erased.parts,
            backups: erased.backups.clone(),
            old_key_stays: erased.old_key_stays.clone(),
        })))
    }

    /// Whether a search for `probe` gives `person`.
    fn finds(&self, person: PersonId, probe: &Embedding) -> bool {
        match &self.gallery {
            GalleryState::Ready(gallery) => gallery.similarity(person, probe).is_some(),
            GalleryState::Waiting(waiting) => !waiting.templates_held(person).is_empty(),
        }
    }

    /// The person's templates as the gallery keeps them, which is what a search would find them by.
    fn templates_of(&self, person: PersonId) -> Vec<Embedding> {
        let held = match &self.gallery {
            GalleryState::Ready(gallery) => gallery.templates_held(person),
            GalleryState::Waiting(waiting) => waiting.templates_held(person),
        };
        held.into_iter().filter_map(|(_, values)| Embedding::normalised(values).ok()).collect()
    }

    /// Items of the inbox that are the person's, or whose most alike person they are.
    fn strangers_like(&self, person: PersonId) -> Vec<StrangerId> {
        let items = self.desk.items.iter().filter(|item| {
            let looks = item.appearance().is_some_and(|appearance| {
                let most_alike = |probe| self.most_alike_person(probe);
                appearance.embeddings.iter().filter_map(most_alike).any(|found| found == person)
            });
            item.person() == Some(person) || looks
        });
        items.map(|item| item.id).collect()
    }

    fn most_alike_person(&self, probe: &Embedding) -> Option<PersonId> {
        let best = match &self.gallery {
            GalleryState::Ready(gallery) => gallery.search(probe).best,
            GalleryState::Waiting(waiting) => waiting.most_alike(probe),
        };
        best.filter(|best| best.similarity >= ALIKE).map(|best| best.person)
    }
}
