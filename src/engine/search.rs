//! Searching a gallery with as many threads as it is worth.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

use crate::face::Embedding;
use crate::identify::gallery::Found;
use crate::identify::{Candidates, Gallery};

/// A thread gets so many comparisons of a row with a probe at least. Below, starting it takes longer than it
/// saves, and the nets have a use for the other core (`muster bench gallery`).
const COMPARISONS_A_THREAD: usize = 40_000;

/// Searches galleries. The threads live as long as a search: starting one takes a fiftieth of what it then
/// does at least.
#[derive(Debug, Clone, Copy)]
pub struct Searcher {
    threads: NonZeroUsize,
}

impl Searcher {
    /// One that uses as many threads as this machine runs at once.
    pub fn of_this_machine() -> Self {
        Self { threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN) }
    }

    /// One that uses `threads` at most.
    pub fn with_threads(threads: NonZeroUsize) -> Self {
        Self { threads }
    }

    /// How many threads it uses at most.
    pub fn threads(&self) -> NonZeroUsize {
        self.threads
    }

    /// What [`Gallery::search_all`] gives.
    pub fn search_all(&self, gallery: &Gallery, probes: &[&Embedding]) -> Vec<Candidates> {
        self.search(gallery, probes).iter().map(|found| found.candidates).collect()
    }

    /// The same, with how many rows were looked at exactly.
    pub fn search(&self, gallery: &Gallery, probes: &[&Embedding]) -> Vec<Found> {
        let comparisons = gallery.people_count().saturating_mul(probes.len());
        let threads = (comparisons / COMPARISONS_A_THREAD).clamp(1, self.threads.get());
        let mut parts = gallery.parts(threads);
        let own = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            return gallery.search_part(own, probes);
        }
        thread::scope(|scope| {
            let search = |part: Range<usize>| move || gallery.search_part(part, probes);
            let others: Vec<_> = parts
                .into_iter()
                .map(|part| {
                    let builder = thread::Builder::new().name("muster-search".to_owned());
                    (part.clone(), builder.spawn_scoped(scope, search(part)))
                })
                .collect();
            let mut all = gallery.search_part(own, probes);
            for (part, thread) in others {
                // A part whose thread could not be started, or came to nothing, is searched here.
                let found = thread.ok().and_then(|thread| thread.join().ok());
                let found = found.unwrap_or_else(|| gallery.search_part(part, probes));
                all.iter_mut().zip(&found).for_each(|(all, found)| all.merge(found));
            }
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::attendance::PersonId;
    use crate::face::{EmbeddingSpace, Template, TemplateId};

    #[test]
    fn several_threads_find_what_one_finds() {
        let space = EmbeddingSpace([1; 32]);
        let mut gallery = Gallery::new(space, 4);
        let value = |n: u128| ((n * 7_919) % 1_009) as f32 - 504.0;
        let embedding = |n: u128| {
            Embedding::normalised(vec![value(n), value(n + 1), value(3 * n), 1.0]).expect("it is not zero")
        };
        let people = COMPARISONS_A_THREAD as u128 / 2 + 5;
        for n in 0..people {
            let (id, person) = (TemplateId(Ulid(n)), PersonId(Ulid(people - n)));
            gallery.put(&Template { id, person, space, embedding: embedding(n) });
        }
        let probes: Vec<Embedding> = (0..9).map(|n| embedding(n * 1_111)).collect();
        let probes: Vec<&Embedding> = probes.iter().collect();
        let wanted = gallery.search_all(&probes);
        for threads in [1, 2, 3, 8] {
            let searcher = Searcher::with_threads(NonZeroUsize::new(threads).unwrap());
            assert_eq!(searcher.search_all(&gallery, &probes), wanted, "{threads} threads");
        }
    }
}
