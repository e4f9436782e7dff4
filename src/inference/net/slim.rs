//! A net with less to do and the same result: its ONNX file written anew in memory before it is loaded. The file
//! stays as it is, and so does the space of its embeddings: the card's digest is of the file.
//!
//! - [`dead`]: training leaves channels with next to no weights inside a net's blocks, as weight decay does. What can
//!   be shown from the weights to add nothing is taken out.
//! - [`prelu`]: between two convolutions a PRelu makes ONNX Runtime turn all values from its own order of channels
//!   to the plain one and back. The same said with convolutions stays in that order.
//!
//! A graph of another form than is understood stays as it is. Whether the net then says what it said is
//! tried by the caller, with [`agrees`].

mod dead;
mod graph;
mod prelu;
#[cfg(test)]
mod tests;

use super::InferenceError;
use super::Net;
use graph::Graph;

/// Stands in the key of kept graphs: to be raised with any change to what is written anew.
pub(super) const OPTIONS: &str = "slim 1";

/// The net in `model`, slim; none where there is nothing to gain, or where it is not of a form that is understood.
pub(super) fn slimmed(model: &[u8]) -> Option<Vec<u8>> {
    let mut graph = Graph::read(model)?;
    let channels = dead::without_dead_channels(&mut graph);
    let activations = prelu::without_prelu(&mut graph);
    (channels + activations > 0).then(|| graph.written()).flatten()
}

/// How far a slim net may be from the plain one, of the largest value that the plain one puts out. Both add the
/// same products of 24 bits in another order, some fifty convolutions deep: that comes to about 1e-6.
/// A channel that was alive changes a hundred times more than this.
const TOLERANCE: f32 = 2e-5;
/// The input of one net is in -1..1, that of another in 0..255.
const SCALES: [f32; 2] = [1.0, 255.0];
/// Patterns for each scale.
const PATTERNS: usize = 3;

/// Whether both nets say the same, tried on patterns of the shape that they take: `columns` values for a picture.
pub(super) fn agrees(
    plain: &mut Net,
    slim: &mut Net,
    shape: [usize; 4],
    columns: usize,
) -> Result<bool, InferenceError> {
    for scale in SCALES {
        for pattern in 0..PATTERNS {
            let mut answers = [Vec::new(), Vec::new()];
            for (net, answer) in [&mut *plain, &mut *slim].into_iter().zip(&mut answers) {
                let input = net.input(shape)?;
                input.iter_mut().enumerate().for_each(|(at, value)| {
                    *value = scale * value_at(pattern, at, shape[3]);
                });
                *answer = net.run(|outputs| Ok(outputs.values(0, columns)?.to_vec()))?;
            }
            if !is_close(&answers[0], &answers[1]) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A value in -1..1 of one of the patterns: waves, steps, and noise.
fn value_at(pattern: usize, at: usize, width: usize) -> f32 {
    let (x, y) = ((at % width) as f32, (at / width) as f32);
    match pattern {
        0 => (x * 0.13 + y * 0.07).sin(),
        1 => ((at * 5 + at / width * 7) % 17) as f32 / 8.0 - 1.0,
        _ => {
            let mixed = (at as u32).wrapping_add(1).wrapping_mul(0x9E37_79B1);
            let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85EB_CA77);
            (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
        }
    }
}

/// Whether `slim` is `plain` within the tolerance; nothing that is no number is.
fn is_close(plain: &[f32], slim: &[f32]) -> bool {
    let largest = plain.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    plain.len() == slim.len()
        && largest.is_finite()
        && plain.iter().zip(slim).all(|(plain, slim)| (plain - slim).abs() <= TOLERANCE * largest)
}
