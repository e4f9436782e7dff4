//! The digest of an embedding space.

use sha2::{Digest, Sha256};

use super::{Card, Channels, Matching};
use crate::face::EmbeddingSpace;

/// Stands for the normalisation of the embeddings; the only one there is so far.
const NORMALISED_TO_UNIT_LENGTH: u8 = 1;

impl Card {
    /// The space that the embeddings of this card's net live in; none where the card is for
    /// another task.
    ///
    /// SHA-256 over, in this order, little-endian, numbers as their IEEE 754 bits: the line
    /// `muster embedding space 1` with its line feed; the net's SHA-256; input width and height
    /// (u32); the channel order (u8: 0 RGB, 1 BGR, 2 grey); mean and scale (f32); the template's side
    /// (u32) and its five points, x before y (f32); the normalisation (u8: 1 for unit length). The
    /// thresholds, the licence and the detector are left out: they may change without making the
    /// templates worthless.
    pub fn embedding_space(&self) -> Option<EmbeddingSpace> {
        let (Some(matching), [file]) = (&self.matching, self.files.as_slice()) else { return None };
        let mut hasher = Sha256::new();
        hasher.update(b"muster embedding space 1\n");
        hasher.update(file.sha256.0);
        hasher.update(self.input.width.to_le_bytes());
        hasher.update(self.input.height.to_le_bytes());
        hasher.update([match self.input.channels {
            Channels::Rgb => 0u8,
            Channels::Bgr => 1,
            Channels::Grey => 2,
        }]);
        update_numbers(&mut hasher, [self.input.mean, self.input.scale]);
        update_template(&mut hasher, matching);
        hasher.update([NORMALISED_TO_UNIT_LENGTH]);
        Some(EmbeddingSpace(hasher.finalize().into()))
    }
}

fn update_template(hasher: &mut Sha256, matching: &Matching) {
    hasher.update(matching.template_side.to_le_bytes());
    update_numbers(hasher, matching.template_points.into_iter().flatten());
}

/// Adding zero makes -0 and 0, which mean the same, the same bits.
fn update_numbers(hasher: &mut Sha256, numbers: impl IntoIterator<Item = f32>) {
    for number in numbers {
        hasher.update((number + 0.0).to_bits().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn card() -> Card {
        Card::find(Path::new("/nonexistent"), "mobilefacenet-512").unwrap()
    }

    #[test]
    fn what_gives_an_embedding_its_meaning_changes_the_space() {
        let space = card().embedding_space().unwrap();
        let changes: [fn(&mut Card); 8] = [
            |c| c.files[0].sha256.0[0] ^= 1,
            |c| c.input.width += 1,
            |c| c.input.height += 1,
            |c| c.input.channels = Channels::Rgb,
            |c| c.input.mean += 1.0,
            |c| c.input.scale *= 2.0,
            |c| c.matching.as_mut().unwrap().template_side += 1,
            |c| c.matching.as_mut().unwrap().template_points[4][1] += 0.5,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut other = card();
            change(&mut other);
            assert_ne!(other.embedding_space(), Some(space), "change {index}");
        }
    }

    #[test]
    fn what_may_change_leaves_the_space() {
        let mut other = card();
        other.licence.push('x');
        other.provenance.push('x');
        other.files[0].name.push('x');
        other.matching.as_mut().unwrap().threshold += 0.1;
        other.matching.as_mut().unwrap().calibration.push('x');
        assert_eq!(other.embedding_space(), card().embedding_space());
    }

    /// Templates in people's stores carry this digest: it must never change by accident.
    #[test]
    fn the_digest_of_the_default_net_is_pinned() {
        assert_eq!(card().embedding_space().unwrap().to_string(), "aa60f46b606b7825");
    }

    #[test]
    fn other_tasks_have_no_space() {
        assert_eq!(Card::find(Path::new("/nonexistent"), "rfb-320").unwrap().embedding_space(), None);
    }
}
