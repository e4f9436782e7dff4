//! A gallery's own impostor pairs: its people compared with each other.

use std::collections::BTreeMap;

use super::pairs::ImpostorPair;
use super::policy::GallerySize;
use crate::attendance::PersonId;
use crate::face::TemplateId;
use crate::face::embedding::dot;
use crate::identify::Gallery;

/// Pairs that are compared at most. 20000 pairs of 512 values are compared in about 1.5 ms on one
/// core (measured with the test `site_pairs_cost`); of 200 people that is every pair.
pub const MOST_PAIRS: usize = 20_000;

impl Gallery {
    /// How much is searched.
    pub fn size(&self) -> GallerySize {
        let people: std::collections::BTreeSet<PersonId> = self.rows().map(|(person, ..)| person).collect();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        GallerySize { templates: count(self.len()), people: count(people.len()) }
    }

    /// Pairs of different people, one pair of templates for each pair of people, at most `most` or as
    /// many as there are people. The same gallery gives the same pairs, in whatever order it was
    /// filled; where they are more than `most`, everybody is in as many of them.
    pub fn impostor_pairs(&self, most: usize) -> Vec<ImpostorPair> {
        let mut people: BTreeMap<PersonId, Vec<(TemplateId, &[f32])>> = BTreeMap::new();
        for (person, id, values) in self.rows() {
            people.entry(person).or_default().push((id, values));
        }
        let mut people: Vec<Vec<(TemplateId, &[f32])>> = people.into_values().collect();
        for templates in &mut people {
            templates.sort_by_key(|(id, _)| *id);
        }
        let count = people.len();
        // Around a circle of all people, each is compared with those so many places further on:
        // every distance up to half of the circle gives each pair once.
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
                let template = |of: usize| people[of][distance % people[of].len()].1;
                pairs.push(ImpostorPair { a, b, similarity: dot(template(a), template(b)) });
            }
        }
        pairs
    }
}
