//! A gallery's own impostor pairs: its people compared with each other.

use std::collections::BTreeMap;

use super::pairs::ImpostorPair;
use super::policy::GallerySize;
use crate::attendance::PersonId;
use crate::face::embedding::dot;
use crate::face::{Similarity, TemplateId};
use crate::identify::Gallery;

/// Pairs that are compared at most: of 200 people, every pair. 20000 pairs of 512 values take 6 ms on one
/// core, and 20 ms where a gallery of 5000 no longer fits its cache (the test `site_pairs_cost`).
pub const MOST_PAIRS: usize = 20_000;

impl Gallery {
    /// How much is searched.
    pub fn size(&self) -> GallerySize {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        GallerySize { templates: count(self.len()), people: count(self.people_count()) }
    }

    /// Pairs of different people, one pair of templates for each pair of people, at most `most` or as
    /// many as there are people. The same gallery gives the same pairs, in whatever order it was
    /// filled; where they are more than `most`, everybody is in as many of them.
    pub fn impostor_pairs(&self, most: usize) -> Vec<ImpostorPair> {
        pairs_of(&self.people(), most)
    }

    /// The most alike of those pairs, `count` at most, the most alike first.
    pub fn most_alike_people(&self, most: usize, count: usize) -> Vec<(PersonId, PersonId, Similarity)> {
        let people = self.people();
        let mut pairs = pairs_of(&people, most);
        pairs.sort_by(|x, y| y.similarity.total_cmp(&x.similarity));
        let named = |pair: &ImpostorPair| (people[pair.a].0, people[pair.b].0, Similarity(pair.similarity));
        pairs.iter().take(count).map(named).collect()
    }

    /// Everybody with their templates, by id.
    fn people(&self) -> Vec<PersonTemplates<'_>> {
        let mut people: BTreeMap<PersonId, Vec<(TemplateId, &[f32])>> = BTreeMap::new();
        for (person, id, values) in self.templates() {
            people.entry(person).or_default().push((id, values));
        }
        for templates in people.values_mut() {
            templates.sort_by_key(|(id, _)| *id);
        }
        people.into_iter().collect()
    }
}

/// A person with their templates.
type PersonTemplates<'a> = (PersonId, Vec<(TemplateId, &'a [f32])>);

fn pairs_of(people: &[PersonTemplates<'_>], most: usize) -> Vec<ImpostorPair> {
    let count = people.len();
    // Around a circle of all people, each is compared with those so many places further on: every
    // distance up to half of the circle gives each pair once.
    let distances = count / 2;
    let wanted = (most / count.max(1)).clamp(1, distances.max(1));
    let mut pairs = Vec::new();
    for step in 0..wanted.min(distances) {
        // Spread over all distances, the first and the last among them.
        let distance = 1 + step * distances.saturating_sub(1) / wanted.saturating_sub(1).max(1);
        // At half of an even circle, the second half repeats the first.
        let starts = if distance * 2 == count { distance } else { count };
        for a in 0..starts {
            let b = (a + distance) % count;
            // Which template of several is compared changes with the partner.
            let template = |of: usize| {
                let templates = &people[of].1;
                templates[distance % templates.len()].1
            };
            pairs.push(ImpostorPair { a, b, similarity: dot(template(a), template(b)) });
        }
    }
    pairs
}
