//! The templates a probe is searched in.
//!
//! Everybody is one row: the mean of their templates, of length 1. A row is kept in 16 bits a value with a
//! step of its own (`kept`), in chunks that never move (`rows`). What a search finds is exact for rows as
//! they are kept: best, runner-up and their similarities are those of a plain scan in 32-bit floats, to the
//! last bit (`search` says how that is had from half of the bytes).
//!
//! All maps are trees, so that no enrolment among a million pays for making a table anew.

mod kept;
mod rows;
mod scan;
mod search;
#[cfg(test)]
mod tests;
mod undecided;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::attendance::PersonId;
use crate::face::{Embedding, EmbeddingSpace, Similarity, Template, TemplateId};

use super::{Candidate, Candidates};
use kept::Packed;
use rows::{Owner, Rows};
use scan::Path;
use search::Trust;

pub use search::Found;
pub use undecided::Undecided;

/// All templates of one embedding space. A person is one row: the mean of their templates, of length 1.
///
/// The mean rather than the most alike template: on photographs made so poor that something fails, it
/// was better at every number of templates, and a person with three is hardly more often taken for a
/// stranger's match than a person with one ([`super::evaluation::strategy`] has the figures).
///
/// Templates of another space are kept out: they are counted, so that the screen can say who must
/// be enrolled again, and never compared.
#[derive(Debug, Clone)]
pub struct Gallery {
    space: EmbeddingSpace,
    rows: Rows,
    row_of: BTreeMap<PersonId, u32>,
    owners: BTreeMap<TemplateId, PersonId>,
    /// The templates of those who have several, by id, so that their mean is the same in whatever order they
    /// came. Of everybody else the row is the one template.
    several: BTreeMap<PersonId, BTreeMap<TemplateId, Packed>>,
    foreign: BTreeMap<TemplateId, PersonId>,
}

impl Gallery {
    /// An empty gallery of `space`, whose embeddings have `dimension` values.
    pub fn new(space: EmbeddingSpace, dimension: usize) -> Self {
        Self {
            space,
            rows: Rows::new(dimension),
            row_of: BTreeMap::new(),
            owners: BTreeMap::new(),
            several: BTreeMap::new(),
            foreign: BTreeMap::new(),
        }
    }

    /// The space its templates live in.
    pub fn space(&self) -> EmbeddingSpace {
        self.space
    }

    /// How many values an embedding has.
    pub fn dimension(&self) -> usize {
        self.rows.dimension()
    }

    /// How many templates are searched.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether no template is searched.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// How many people are searched.
    pub fn people_count(&self) -> usize {
        self.rows.len()
    }

    /// How many templates of other spaces were offered and are not searched.
    pub fn foreign_templates(&self) -> usize {
        self.foreign.len()
    }

    /// How many templates of `person` are searched.
    pub fn templates_of(&self, person: PersonId) -> usize {
        let several = self.several.get(&person).map(BTreeMap::len);
        several.unwrap_or_else(|| usize::from(self.row_of.contains_key(&person)))
    }

    /// Every template that is searched: whose it is, its name and its values, in the 16 bits that are kept.
    /// None of them is off by more than a 32 000th of the largest.
    pub fn templates(&self) -> impl Iterator<Item = (PersonId, TemplateId, Vec<f32>)> {
        self.rows.owners().flat_map(|owner| {
            let held = self.templates_held(owner.person).into_iter();
            held.map(move |(id, values)| (owner.person, id, values))
        })
    }

    /// The templates of `person` as they are kept, by id.
    pub fn templates_held(&self, person: PersonId) -> Vec<(TemplateId, Vec<f32>)> {
        if let Some(several) = self.several.get(&person) {
            return several.iter().map(|(id, packed)| (*id, packed.values())).collect();
        }
        let mut values = Vec::with_capacity(self.dimension());
        let owner = self.row(person).and_then(|row| self.rows.read(row, &mut values));
        owner.map(|owner| (owner.template, values)).into_iter().collect()
    }

    /// Everybody who is searched, by id.
    pub fn people(&self) -> impl ExactSizeIterator<Item = PersonId> {
        self.row_of.keys().copied()
    }

    fn row(&self, person: PersonId) -> Option<usize> {
        self.row_of.get(&person).map(|row| *row as usize)
    }

    /// Adds a template; one with an id that is already here replaces it. Nothing else moves.
    pub fn put(&mut self, template: &Template) {
        self.remove_template(template.id);
        let (id, person) = (template.id, template.person);
        if template.space != self.space || template.embedding.dimension() != self.dimension() {
            self.foreign.insert(id, person);
            return;
        }
        let values = template.embedding.as_slice();
        let Some(row) = self.row(person) else {
            let row = self.rows.push(Owner { person, template: id }, values);
            let Ok(row) = u32::try_from(row) else {
                // Four thousand million rows have no machine.
                self.rows.swap_remove(row);
                return;
            };
            self.owners.insert(id, person);
            self.row_of.insert(person, row);
            return;
        };
        self.owners.insert(id, person);
        let mut held = Vec::new();
        let first = self.rows.read(row, &mut held);
        let several = self
            .several
            .entry(person)
            .or_insert_with(|| first.map(|first| (first.template, Packed::of(&held))).into_iter().collect());
        several.insert(id, Packed::of(values));
        self.fuse(person, row);
    }

    /// Takes a template out, where it is here.
    pub fn remove_template(&mut self, id: TemplateId) {
        self.foreign.remove(&id);
        let Some(person) = self.owners.remove(&id) else { return };
        match (self.several.get_mut(&person), self.row_of.get(&person)) {
            (Some(several), Some(row)) => {
                several.remove(&id);
                self.fuse(person, *row as usize);
            }
            _ => self.remove_row(person),
        }
    }

    /// Takes every template of `person` out.
    pub fn remove_person(&mut self, person: PersonId) {
        self.foreign.retain(|_, owner| *owner != person);
        let only = self.row(person).and_then(|row| self.rows.owner(row)).map(|owner| owner.template);
        let several = self.several.remove(&person).map(|several| several.into_keys().collect::<Vec<_>>());
        for id in several.unwrap_or_else(|| only.into_iter().collect()) {
            self.owners.remove(&id);
        }
        self.remove_row(person);
    }

    /// Makes the row of somebody who has, or had, several templates anew.
    fn fuse(&mut self, person: PersonId, row: usize) {
        let Some(several) = self.several.get(&person) else { return };
        let Some((first, held)) = several.first_key_value() else { return };
        let owner = Owner { person, template: *first };
        let held = held.values();
        if several.len() == 1 {
            self.rows.replace(row, owner, &held);
            self.several.remove(&person);
            return;
        }
        let mut sums = vec![0.0; held.len()];
        for packed in several.values() {
            sums.iter_mut().zip(packed.values()).for_each(|(sum, value)| *sum += value);
        }
        // Templates that cancel each other out have no mean; the first stands for them.
        match Embedding::normalised(sums) {
            Ok(mean) => self.rows.replace(row, owner, mean.as_slice()),
            Err(_) => self.rows.replace(row, owner, &held),
        }
    }

    /// The last row takes the removed one's place, so that nothing else moves.
    fn remove_row(&mut self, person: PersonId) {
        let Some(row) = self.row_of.remove(&person) else { return };
        if let Some(moved) = self.rows.swap_remove(row as usize) {
            self.row_of.insert(moved, row);
        }
    }

    /// The two most alike people. Exact: they are those of a plain scan. Of two people equally alike the one
    /// with the smaller id comes first, whatever the order in which they were enrolled.
    pub fn search(&self, probe: &Embedding) -> Candidates {
        let found = self.search_part(0..self.people_count(), &[probe]);
        found.first().map(|found| found.candidates).unwrap_or_default()
    }

    /// The two most alike people for each of `probes`, in their order. Several probes take less time together
    /// than one after the other.
    pub fn search_all(&self, probes: &[&Embedding]) -> Vec<Candidates> {
        let found = self.search_part(0..self.people_count(), probes);
        found.iter().map(|found| found.candidates).collect()
    }

    /// The rows in `count` parts of about one size, for [`Gallery::search_part`].
    pub fn parts(&self, count: usize) -> Vec<Range<usize>> {
        let (rows, count) = (self.people_count(), count.max(1));
        (0..count).map(|part| rows * part / count..rows * (part + 1) / count).collect()
    }

    /// The two most alike people among the rows of one of [`Gallery::parts`], for each of `probes`, in their
    /// order. Merged over all parts they are those of [`Gallery::search_all`].
    pub fn search_part(&self, rows: Range<usize>, probes: &[&Embedding]) -> Vec<Found> {
        search::two_most_alike(&self.rows, rows, probes, Path::best(), Trust::PROVEN)
    }

    /// Everybody at least as alike as `least`, the most alike first, of two equally alike the one with
    /// the smaller id.
    pub fn at_least(&self, probe: &Embedding, least: Similarity) -> Vec<Candidate> {
        if probe.dimension() != self.dimension() {
            return Vec::new();
        }
        let mut found = search::at_least(&self.rows, probe, least, Path::best());
        found.sort_by(|a, b| b.similarity.0.total_cmp(&a.similarity.0).then(a.person.cmp(&b.person)));
        found
    }

    /// How alike `probe` is to `person`; none where they cannot be compared.
    pub fn similarity(&self, person: PersonId, probe: &Embedding) -> Option<Similarity> {
        let row = self.row(person).filter(|_| probe.dimension() == self.dimension())?;
        search::similarity(&self.rows, row, probe)
    }
}

impl Candidates {
    /// Takes a further candidate in, keeping best and runner-up of two different people.
    pub fn offer(&mut self, candidate: Candidate) {
        let beats = |other: &Option<Candidate>| {
            other.is_none_or(|other| {
                candidate.similarity > other.similarity
                    || (candidate.similarity == other.similarity && candidate.person < other.person)
            })
        };
        if beats(&self.best) {
            if self.best.is_some_and(|best| best.person != candidate.person) {
                self.runner_up = self.best;
            }
            self.best = Some(candidate);
        } else if self.best.is_some_and(|best| best.person != candidate.person) && beats(&self.runner_up) {
            self.runner_up = Some(candidate);
        }
    }
}
