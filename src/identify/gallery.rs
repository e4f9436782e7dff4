//! The templates a probe is searched in.

use std::collections::{BTreeMap, HashMap};

use crate::attendance::PersonId;
use crate::face::embedding::dot;
use crate::face::{Embedding, EmbeddingSpace, Similarity, Template, TemplateId};

use super::{Candidate, Candidates};

/// All templates of one embedding space. A person is one row, in one block of memory: the mean of
/// their templates, of length 1.
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
    dimension: usize,
    /// Row `i` is `values[i * dimension ..][.. dimension]` and belongs to `people[i]`.
    values: Vec<f32>,
    people: Vec<PersonId>,
    rows: HashMap<PersonId, usize>,
    owners: HashMap<TemplateId, PersonId>,
    templates: HashMap<PersonId, Templates>,
    foreign: BTreeMap<TemplateId, PersonId>,
}

/// The templates of a person, by id, so that their mean is the same in whatever order they came.
#[derive(Debug, Clone)]
enum Templates {
    /// One, which the row is.
    One(TemplateId),
    /// Several, which the row is the mean of.
    Several(BTreeMap<TemplateId, Vec<f32>>),
}

impl Gallery {
    /// An empty gallery of `space`, whose embeddings have `dimension` values.
    pub fn new(space: EmbeddingSpace, dimension: usize) -> Self {
        Self {
            space,
            dimension,
            values: Vec::new(),
            people: Vec::new(),
            rows: HashMap::new(),
            owners: HashMap::new(),
            templates: HashMap::new(),
            foreign: BTreeMap::new(),
        }
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

    /// How many people are searched.
    pub fn people_count(&self) -> usize {
        self.people.len()
    }

    /// How many templates of other spaces were offered and are not searched.
    pub fn foreign_templates(&self) -> usize {
        self.foreign.len()
    }

    /// How many templates of `person` are searched.
    pub fn templates_of(&self, person: PersonId) -> usize {
        match self.templates.get(&person) {
            None => 0,
            Some(Templates::One(_)) => 1,
            Some(Templates::Several(several)) => several.len(),
        }
    }

    /// Every template that is searched: whose it is, its name and its values.
    pub fn templates(&self) -> impl Iterator<Item = (PersonId, TemplateId, &[f32])> {
        self.rows().flat_map(|(person, mean)| {
            let (one, several) = match self.templates.get(&person) {
                Some(Templates::One(id)) => (Some((*id, mean)), None),
                Some(Templates::Several(several)) => (None, Some(several)),
                None => (None, None),
            };
            let several = several.into_iter().flatten().map(|(id, values)| (*id, values.as_slice()));
            one.into_iter().chain(several).map(move |(id, values)| (person, id, values))
        })
    }

    /// Everybody who is searched, with what a probe is compared with.
    fn rows(&self) -> impl Iterator<Item = (PersonId, &[f32])> {
        self.people.iter().copied().zip(self.values.chunks_exact(self.dimension.max(1)))
    }

    /// Adds a template; one with an id that is already here replaces it.
    pub fn put(&mut self, template: &Template) {
        self.remove_template(template.id);
        if template.space != self.space || template.embedding.dimension() != self.dimension {
            self.foreign.insert(template.id, template.person);
            return;
        }
        let (person, values) = (template.person, template.embedding.as_slice());
        self.owners.insert(template.id, person);
        match (self.templates.get_mut(&person), self.rows.get(&person)) {
            (Some(Templates::Several(several)), _) => {
                several.insert(template.id, values.to_vec());
            }
            (Some(one), Some(row)) => {
                let Templates::One(first) = *one else { return };
                let held = self.values[row * self.dimension..][..self.dimension].to_vec();
                *one = Templates::Several(BTreeMap::from([(first, held), (template.id, values.to_vec())]));
            }
            _ => {
                self.templates.insert(person, Templates::One(template.id));
                self.rows.insert(person, self.people.len());
                self.people.push(person);
                self.values.extend_from_slice(values);
                return;
            }
        }
        self.fuse(person);
    }

    /// Takes a template out, where it is here.
    pub fn remove_template(&mut self, id: TemplateId) {
        self.foreign.remove(&id);
        let Some(person) = self.owners.remove(&id) else { return };
        match self.templates.get_mut(&person) {
            Some(Templates::Several(several)) => {
                several.remove(&id);
                self.fuse(person);
            }
            _ => self.remove_row(person),
        }
    }

    /// Takes every template of `person` out.
    pub fn remove_person(&mut self, person: PersonId) {
        self.foreign.retain(|_, owner| *owner != person);
        match self.templates.get(&person) {
            None => return,
            Some(Templates::One(id)) => {
                self.owners.remove(id);
            }
            Some(Templates::Several(several)) => {
                for id in several.keys() {
                    self.owners.remove(id);
                }
            }
        }
        self.remove_row(person);
    }

    /// Makes the row of somebody who has, or had, several templates anew.
    fn fuse(&mut self, person: PersonId) {
        let (Some(Templates::Several(several)), Some(row)) =
            (self.templates.get(&person), self.rows.get(&person))
        else {
            return;
        };
        let Some((first, held)) = several.first_key_value() else { return };
        let place = &mut self.values[row * self.dimension..][..self.dimension];
        if several.len() == 1 {
            place.copy_from_slice(held);
            let one = Templates::One(*first);
            self.templates.insert(person, one);
            return;
        }
        place.fill(0.0);
        for values in several.values() {
            place.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        // Templates that cancel each other out have no mean; the first stands for them.
        match Embedding::normalised(place.to_vec()) {
            Ok(mean) => place.copy_from_slice(mean.as_slice()),
            Err(_) => place.copy_from_slice(held),
        }
    }

    /// The last row takes the removed one's place, so that nothing else moves.
    fn remove_row(&mut self, person: PersonId) {
        self.templates.remove(&person);
        let Some(row) = self.rows.remove(&person) else { return };
        let last = self.people.len() - 1;
        self.people.swap_remove(row);
        self.values.copy_within(last * self.dimension.., row * self.dimension);
        self.values.truncate(last * self.dimension);
        if let Some(moved) = self.people.get(row) {
            self.rows.insert(*moved, row);
        }
    }

    /// The two most alike people. Exact: every row is compared. Of two people equally alike the one
    /// with the smaller id comes first, whatever the order in which they were enrolled.
    pub fn search(&self, probe: &Embedding) -> Candidates {
        let mut found = Candidates::default();
        if probe.dimension() != self.dimension {
            return found;
        }
        for (person, row) in self.rows() {
            found.offer(Candidate { person, similarity: Similarity(dot(row, probe.as_slice())) });
        }
        found
    }

    /// Everybody at least as alike as `least`, the most alike first, of two equally alike the one with
    /// the smaller id.
    pub fn at_least(&self, probe: &Embedding, least: Similarity) -> Vec<Candidate> {
        if probe.dimension() != self.dimension {
            return Vec::new();
        }
        let all = self
            .rows()
            .map(|(person, row)| Candidate { person, similarity: Similarity(dot(row, probe.as_slice())) });
        let mut found: Vec<Candidate> = all.filter(|candidate| candidate.similarity >= least).collect();
        found.sort_by(|a, b| b.similarity.0.total_cmp(&a.similarity.0).then(a.person.cmp(&b.person)));
        found
    }

    /// How alike `probe` is to `person`; none where they cannot be compared.
    pub fn similarity(&self, person: PersonId, probe: &Embedding) -> Option<Similarity> {
        let row = self.rows.get(&person).filter(|_| probe.dimension() == self.dimension)?;
        let row = &self.values[row * self.dimension..][..self.dimension];
        Some(Similarity(dot(row, probe.as_slice())))
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

    #[test]
    fn several_templates_are_searched_as_their_mean_in_whatever_order_they_came() {
        let all = [template(1, 1, &[1.0, 0.0]), template(2, 1, &[0.0, 1.0]), template(3, 1, &[1.0, 1.0])];
        let diagonal = Embedding::normalised(vec![1.0, 1.0]).unwrap();
        let found = |order: &[usize]| {
            let mut gallery = Gallery::new(SPACE, 2);
            order.iter().for_each(|index| gallery.put(&all[*index]));
            gallery.search(&diagonal).best.unwrap().similarity
        };
        assert!(found(&[0, 1]).0 > 0.999_99, "each of them alone is 0.71 like it");
        assert_eq!(found(&[0, 1, 2]), found(&[2, 1, 0]));
    }

    #[test]
    fn templates_that_cancel_each_other_out_are_searched_by_the_first() {
        let mut gallery = Gallery::new(SPACE, 2);
        gallery.put(&template(2, 1, &[-1.0, 0.0]));
        gallery.put(&template(1, 1, &[1.0, 0.0]));
        let probe = Embedding::normalised(vec![1.0, 0.0]).unwrap();
        assert_eq!(gallery.search(&probe).best.unwrap().similarity, Similarity(1.0));
        gallery.remove_template(TemplateId(Ulid(1)));
        assert_eq!(gallery.search(&probe).best.unwrap().similarity, Similarity(-1.0));
        assert_eq!(
            (gallery.len(), gallery.people_count(), gallery.templates_of(PersonId(Ulid(1)))),
            (1, 1, 1)
        );
    }

    proptest! {
        /// Puts and removals in any order leave what a plain map would hold, and the search finds
        /// what a sort of all people by the similarity of their means finds.
        #[test]
        fn search_agrees_with_a_plain_sort(
            steps in prop::collection::vec((0u128..12, 0u128..5, prop::array::uniform3(-1.0f32..1.0), 0u8..4), 1..60),
            probe in prop::array::uniform3(-1.0f32..1.0),
        ) {
            let mut gallery = Gallery::new(SPACE, 3);
            let mut plain: BTreeMap<TemplateId, Template> = BTreeMap::new();
            for (id, person, mut values, what) in steps {
                values[0] += 2.0;
                match what {
                    0 => {
                        gallery.remove_person(PersonId(Ulid(person)));
                        plain.retain(|_, t| t.person != PersonId(Ulid(person)));
                    }
                    1 => {
                        gallery.remove_template(TemplateId(Ulid(id)));
                        plain.remove(&TemplateId(Ulid(id)));
                    }
                    _ => {
                        let new = template(id, person, &values);
                        gallery.put(&new);
                        plain.insert(new.id, new);
                    }
                }
            }
            prop_assert_eq!(gallery.len(), plain.len());
            let mut held: Vec<_> = gallery.templates().map(|(p, id, v)| (id, p, v.to_vec())).collect();
            held.sort_by_key(|(id, ..)| *id);
            let wanted: Vec<_> =
                plain.values().map(|t| (t.id, t.person, t.embedding.as_slice().to_vec())).collect();
            prop_assert_eq!(held, wanted);
            let probe = Embedding::normalised(vec![probe[0] + 2.0, probe[1], probe[2]]).unwrap();
            let mut sums: BTreeMap<PersonId, (usize, Vec<f32>)> = BTreeMap::new();
            for t in plain.values() {
                let (count, sum) = sums.entry(t.person).or_insert_with(|| (0, vec![0.0; 3]));
                *count += 1;
                sum.iter_mut().zip(t.embedding.as_slice()).for_each(|(sum, value)| *sum += value);
            }
            let similarity = |(count, sum): (usize, Vec<f32>)| {
                let mean = if count == 1 { sum } else { Embedding::normalised(sum).unwrap().as_slice().to_vec() };
                dot(&mean, probe.as_slice())
            };
            let mut sorted: Vec<_> = sums.into_iter().map(|(person, sum)| (person, similarity(sum))).collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let found = gallery.search(&probe);
            for (person, similarity) in &sorted {
                let own = gallery.similarity(*person, &probe).unwrap();
                prop_assert!((own.0 - similarity).abs() < 1e-6);
            }
            let near: Vec<PersonId> =
                gallery.at_least(&probe, Similarity(0.9)).iter().map(|c| c.person).collect();
            let wanted: Vec<PersonId> = sorted.iter().filter(|s| s.1 >= 0.9).map(|s| s.0).collect();
            prop_assert_eq!(near, wanted);
            prop_assert_eq!(found.best.map(|c| c.person), sorted.first().map(|s| s.0));
            prop_assert_eq!(found.runner_up.map(|c| c.person), sorted.get(1).map(|s| s.0));
        }
    }
}
