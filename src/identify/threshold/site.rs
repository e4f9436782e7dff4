//! A gallery's own impostor pairs: its people compared with each other.

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

    /// Pairs of different people, one pair of templates for each pair of people, at most `most`. The same
    /// gallery gives the same pairs, in whatever order it was filled; where they are more than `most`,
    /// everybody is in as many of them, and where that would still be more, only so many people are, spread
    /// over all.
    pub fn impostor_pairs(&self, most: usize) -> Vec<ImpostorPair> {
        pairs_of(self, &self.sample(most), most)
    }

    /// The most alike of those pairs, `count` at most, the most alike first.
    pub fn most_alike_people(&self, most: usize, count: usize) -> Vec<(PersonId, PersonId, Similarity)> {
        let people = self.sample(most);
        let mut pairs = pairs_of(self, &people, most);
        pairs.sort_by(|x, y| y.similarity.total_cmp(&x.similarity));
        let named = |pair: &ImpostorPair| (people[pair.a], people[pair.b], Similarity(pair.similarity));
        pairs.iter().take(count).map(named).collect()
    }

    /// Everybody by id, or `most` of them.
    fn sample(&self, most: usize) -> Vec<PersonId> {
        let every = self.people_count().div_ceil(most.max(1)).max(1);
        self.people().step_by(every).collect()
    }
}

fn pairs_of(gallery: &Gallery, people: &[PersonId], most: usize) -> Vec<ImpostorPair> {
    let count = people.len();
    // Each is read once: a template is unpacked from what is kept.
    let templates: Vec<Vec<(TemplateId, Vec<f32>)>> =
        people.iter().map(|person| gallery.templates_held(*person)).collect();
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
            let template = |of: usize| templates[of].get(distance % templates[of].len().max(1));
            let (Some((_, first)), Some((_, second))) = (template(a), template(b)) else { continue };
            pairs.push(ImpostorPair { a, b, similarity: dot(first, second) });
        }
    }
    pairs
}
