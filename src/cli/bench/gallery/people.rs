//! People who are made up.

use ulid::Ulid;

use crate::attendance::PersonId;
use crate::face::{Embedding, EmbeddingSpace, Template, TemplateId};
use crate::identify::Gallery;

/// The space their templates live in.
pub(super) const SPACE: EmbeddingSpace = EmbeddingSpace([0x6d; 32]);

/// How far a person's probe lies from their template, in its lengths: the cosine of the two is 0.6.
const ANOTHER_DAY: f32 = 1.333;

/// Draws people from a seed, one after the other.
pub(super) struct People {
    /// Of SplitMix64.
    state: u64,
    dim: usize,
    made: u64,
}

impl People {
    pub(super) fn new(seed: u64, dim: usize) -> Self {
        Self { state: seed, dim, made: 0 }
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A direction: each value is the sum of four even ones, which is near enough to a normal one.
    fn direction(&mut self) -> Embedding {
        loop {
            let values = (0..self.dim).map(|_| {
                let bits = self.next();
                let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (bits >> shift) & 0xFFFF).sum();
                sum as f32 - 131_070.0
            });
            // All zeros are drawn once in a lifetime, of one dimension.
            if let Ok(direction) = Embedding::normalised(values.collect()) {
                return direction;
            }
        }
    }

    /// The one template of the next person. Ids come in no order, as those of templates of many years do not
    /// when they are read.
    pub(super) fn template(&mut self) -> Template {
        self.made += 1;
        let high = u128::from(self.next()) << 64;
        let id = high | u128::from(self.made);
        let embedding = self.direction();
        Template { id: TemplateId(Ulid(id)), person: PersonId(Ulid(!id)), space: SPACE, embedding }
    }

    /// Probes: of somebody in `gallery` and of a stranger in turn.
    pub(super) fn probes(&mut self, gallery: &Gallery, count: usize) -> Vec<Embedding> {
        let step = (gallery.people_count() / count.max(1)).max(1);
        let people: Vec<PersonId> = gallery.people().step_by(step).collect();
        let mut probes = Vec::with_capacity(count);
        while probes.len() < count {
            let other = self.direction();
            let person = people.get(probes.len() % people.len().max(1)).filter(|_| probes.len() % 2 == 0);
            let held = person.map(|person| gallery.templates_held(*person)).unwrap_or_default();
            let near = held.first().and_then(|(_, values)| {
                let values = values.iter().zip(other.as_slice());
                Embedding::normalised(values.map(|(own, other)| own + ANOTHER_DAY * other).collect()).ok()
            });
            probes.push(near.unwrap_or(other));
        }
        probes
    }
}
