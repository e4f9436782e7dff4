//! Templates that are here before it is known which space is searched.

use std::collections::BTreeMap;

use crate::attendance::PersonId;
use crate::face::{Embedding, EmbeddingSpace, Template, TemplateId};
use crate::identify::Candidate;

use super::Gallery;

/// Templates of every space, in a gallery each. They are kept as they will be searched while the nets are
/// still being loaded, so that nothing is left to do when these say what their space is.
#[derive(Debug, Clone, Default)]
pub struct Undecided {
    /// By space and dimension.
    galleries: BTreeMap<(EmbeddingSpace, usize), Gallery>,
}

impl Undecided {
    /// Adds a template; one with an id that is already here replaces it.
    pub fn put(&mut self, template: &Template) {
        self.remove_template(template.id);
        let (space, dimension) = (template.space, template.embedding.dimension());
        let gallery =
            self.galleries.entry((space, dimension)).or_insert_with(|| Gallery::new(space, dimension));
        gallery.put(template);
    }

    /// Takes a template out, where it is here.
    pub fn remove_template(&mut self, id: TemplateId) {
        self.galleries.values_mut().for_each(|gallery| gallery.remove_template(id));
    }

    /// How many templates there are.
    pub fn len(&self) -> usize {
        self.galleries.values().map(Gallery::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The templates of `person` in every space, as they are kept.
    pub fn templates_held(&self, person: PersonId) -> Vec<(TemplateId, Vec<f32>)> {
        self.galleries.values().flat_map(|gallery| gallery.templates_held(person)).collect()
    }

    /// The most alike person of all whose templates have as many values as `probe`. Their spaces may differ:
    /// it is for what may go too far and never for an identification.
    pub fn most_alike(&self, probe: &Embedding) -> Option<Candidate> {
        let same = self.galleries.values().filter(|gallery| gallery.dimension() == probe.dimension());
        let each = same.filter_map(|gallery| gallery.search(probe).best);
        each.max_by(|a, b| a.similarity.0.total_cmp(&b.similarity.0))
    }

    /// The gallery of `space`; the templates of other spaces are counted in it and not searched.
    pub fn decide(mut self, space: EmbeddingSpace, dimension: usize) -> Gallery {
        let chosen = self.galleries.remove(&(space, dimension));
        let mut chosen = chosen.unwrap_or_else(|| Gallery::new(space, dimension));
        chosen.foreign.extend(self.galleries.into_values().flat_map(|gallery| gallery.owners));
        chosen
    }

    /// As [`Undecided::decide`], and everything stays.
    pub fn as_decided(&self, space: EmbeddingSpace, dimension: usize) -> Gallery {
        let chosen = self.galleries.get(&(space, dimension)).cloned();
        let mut chosen = chosen.unwrap_or_else(|| Gallery::new(space, dimension));
        let others = self.galleries.iter().filter(|(key, _)| **key != (space, dimension));
        let foreign =
            others.flat_map(|(_, gallery)| gallery.owners.iter().map(|(id, person)| (*id, *person)));
        chosen.foreign.extend(foreign);
        chosen
    }
}
