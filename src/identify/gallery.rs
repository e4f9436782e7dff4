//! The templates a probe is searched in.

use std::collections::BTreeMap;

use crate::attendance::PersonId;
use crate::face::embedding::dot;
use crate::face::{Embedding, EmbeddingSpace, Similarity, Template, TemplateId};

use super::{Candidate, Candidates};

/// All templates of one embedding space, one row each in one block of memory.
///
/// Templates of another space are kept out: they are counted, so that the screen can say who must
/// be enrolled again, and never compared.
#[derive(Debug, Clone)]
pub struct Gallery {
    space: EmbeddingSpace,
    dimension: usize,
    /// Row `i` is `values[i * dimension ..][.. dimension]` and belongs to `owners[i]`.
    values: Vec<f32>,
    owners: Vec<(PersonId, TemplateId)>,
    foreign: BTreeMap<TemplateId, PersonId>,
}

impl Gallery {
    /// An empty gallery of `space`, whose embeddings have `dimension` values.
    pub fn new(space: EmbeddingSpace, dimension: usize) -> Self {
        Self { space, dimension, values: Vec::new(), owners: Vec::new(), foreign: BTreeMap::new() }
    }

    /// The space its templates live in.
    pub fn space(&self) -> EmbeddingSpace {
        self.space
    }

    /// How many templates are searched.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether no template is searched.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// How many templates of other spaces were offered and are not searched.
    pub fn foreign_templates(&self) -> usize {
        self.foreign.len()
    }

    /// How many templates of `person` are searched.
    pub fn templates_of(&self, person: PersonId) -> usize {
        self.owners.iter().filter(|(owner, _)| *owner == person).count()
    }

    /// Every template that is searched: whose it is, its name and its values.
    pub fn rows(&self) -> impl Iterator<Item = (PersonId, TemplateId, &[f32])> {
        let rows = self.values.chunks_exact(self.dimension.max(1));
        self.owners.iter().zip(rows).map(|((person, id), values)| (*person, *id, values))
    }

    /// Adds a template; one with an id that is already here replaces it.
    pub fn put(&mut self, template: &Template) {
        self.remove_template(template.id);
        if template.space != self.space || template.embedding.dimension() != self.dimension {
            self.foreign.insert(template.id, template.person);
            return;
        }
        self.values.extend_from_slice(template.embedding.as_slice());
        self.owners.push((template.person, template.id));
    }

    /// Takes a template out, where it is here.
    pub fn remove_template(&mut self, id: TemplateId) {
        self.foreign.remove(&id);
        if let Some(row) = self.owners.iter().position(|(_, template)| *template == id) {
            self.remove_row(row);
        }
    }

    /// Takes every template of `person` out.
    pub fn remove_person(&mut self, person: PersonId) {
        self.foreign.retain(|_, owner| *owner != person);
        for row in (0..self.owners.len()).rev() {
            if self.owners[row].0 == person {
                self.remove_row(row);
            }
        }
    }

    /// The last row takes the removed one's place, so that nothing else moves.
    fn remove_row(&mut self, row: usize) {
        let last = self.owners.len() - 1;
        self.owners.swap_remove(row);
        self.values.copy_within(last * self.dimension.., row * self.dimension);
        self.values.truncate(last * self.dimension);
    }

    /// The two most alike people, each by their most alike template. Exact: every row is compared.
    /// Of two people equally alike the one with the smaller id comes first, whatever the order in
    /// which they were enrolled.
    pub fn search(&self, probe: &Embedding) -> Candidates {
        let mut found = Candidates::default();
        if probe.dimension() != self.dimension {
            return found;
        }
        for (row, (person, _)) in self.values.chunks_exact(self.dimension).zip(&self.owners) {
            let candidate = Candidate { person: *person, similarity: Similarity(dot(row, probe.as_slice())) };
            found.offer(candidate);
        }
        found
    }
}

impl Candidates {
    /// Takes a further candidate in, keeping best and runner-up of two different people.
    fn offer(&mut self, candidate: Candidate) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ulid::Ulid;

    const SPACE: EmbeddingSpace = EmbeddingSpace([7; 32]);

    fn template(id: u128, person: u128, values: &[f32]) -> Template {
        Template {
            id: TemplateId(Ulid(id)),
            person: PersonId(Ulid(person)),
            space: SPACE,
            embedding: Embedding::normalised(values.to_vec()).unwrap(),
        }
    }

    #[test]
    fn runner_up_is_always_another_person() {
        let mut gallery = Gallery::new(SPACE, 2);
        gallery.put(&template(1, 1, &[1.0, 0.0]));
        gallery.put(&template(2, 1, &[0.99, 0.1]));
        gallery.put(&template(3, 2, &[0.0, 1.0]));
        let found = gallery.search(&Embedding::normalised(vec![1.0, 0.01]).unwrap());
        assert_eq!(found.best.unwrap().person, PersonId(Ulid(1)));
        assert_eq!(found.runner_up.unwrap().person, PersonId(Ulid(2)));
    }

    #[test]
    fn templates_of_another_space_are_never_compared() {
        let mut gallery = Gallery::new(SPACE, 2);
        let mut foreign = template(1, 1, &[1.0, 0.0]);
        foreign.space = EmbeddingSpace([8; 32]);
        gallery.put(&foreign);
        assert_eq!((gallery.len(), gallery.foreign_templates()), (0, 1));
        assert_eq!(gallery.search(&foreign.embedding), Candidates::default());
    }

    proptest! {
        /// Puts and removals in any order leave what a plain map would hold, and the search finds
        /// what a sort of all people by similarity finds.
        #[test]
        fn search_agrees_with_a_plain_sort(
            steps in prop::collection::vec((0u128..12, 0u128..5, prop::array::uniform3(-1.0f32..1.0), any::<bool>()), 1..60),
            probe in prop::array::uniform3(-1.0f32..1.0),
        ) {
            let mut gallery = Gallery::new(SPACE, 3);
            let mut plain: BTreeMap<TemplateId, Template> = BTreeMap::new();
            for (id, person, mut values, remove) in steps {
                values[0] += 2.0;
                if remove {
                    gallery.remove_person(PersonId(Ulid(person)));
                    plain.retain(|_, t| t.person != PersonId(Ulid(person)));
                } else {
                    let new = template(id, person, &values);
                    gallery.put(&new);
                    plain.insert(new.id, new);
                }
            }
            prop_assert_eq!(gallery.len(), plain.len());
            let probe = Embedding::normalised(vec![probe[0] + 2.0, probe[1], probe[2]]).unwrap();
            let mut people: BTreeMap<PersonId, f32> = BTreeMap::new();
            for t in plain.values() {
                let similarity = dot(t.embedding.as_slice(), probe.as_slice());
                let best = people.entry(t.person).or_insert(f32::MIN);
                *best = best.max(similarity);
            }
            let mut sorted: Vec<_> = people.into_iter().collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let found = gallery.search(&probe);
            prop_assert_eq!(found.best.map(|c| c.person), sorted.first().map(|s| s.0));
            prop_assert_eq!(found.runner_up.map(|c| c.person), sorted.get(1).map(|s| s.0));
        }
    }
}
