//! Channels inside a net's blocks that add nothing.
//!
//! A block is Conv, PRelu, depthwise Conv, PRelu, Conv; its channels are those of the first four. What channel `c` can
//! add to any output of the last one is at most
//! `(sum |depthwise[c]| * LARGEST_VALUE + |bias[c]|) * max(1, |slope[c]|) * max |last[.., c]|`.

use super::graph::{Graph, Weights};

/// More than any value before a depthwise convolution: the largest in 86 faces was 2.8 in the embedding net, whose
/// input is in -1..1.
const LARGEST_VALUE: f64 = 1000.0;
/// The most that all dead channels of a block together can add to an output, where outputs are of the size of 1:
/// ten roundings of one.
const NOTHING: f64 = 1e-6;
/// Kernels work on so many channels at once: counts are multiples of it, and a few dead channels stay for that.
const LANES: usize = 8;

/// The places of a block's nodes.
#[derive(Debug, Clone, Copy)]
struct Block {
    expansion: usize,
    first: usize,
    depthwise: usize,
    second: usize,
    projection: usize,
    channels: usize,
}

/// Takes out the dead channels of every block; how many.
pub(super) fn without_dead_channels(graph: &mut Graph<'_>) -> usize {
    let mut taken = 0;
    for projection in 0..graph.nodes.len() {
        let Some(block) = Block::before(graph, projection) else { continue };
        let Some(kept) = block.living(graph).filter(|kept| kept.len() < block.channels) else { continue };
        if block.keep(graph, &kept).is_some() {
            taken += block.channels - kept.len();
        }
    }
    taken
}

impl Block {
    /// The block that ends at `projection`, where it is one and nothing else reads its inner values and weights.
    fn before(graph: &Graph<'_>, projection: usize) -> Option<Self> {
        let input = |place: usize| graph.nodes[place].inputs.first().map(String::as_str);
        let is_full = |place: usize| graph.nodes[place].group == 1;
        (graph.nodes[projection].kind == "Conv" && is_full(projection)).then_some(())?;
        let second = graph.maker(input(projection)?, "PRelu")?;
        let depthwise = graph.maker(input(second)?, "Conv")?;
        let first = graph.maker(input(depthwise)?, "PRelu")?;
        let expansion = graph.maker(input(first)?, "Conv")?;
        is_full(expansion).then_some(())?;
        let channels = usize::try_from(graph.nodes[depthwise].group).ok().filter(|count| *count > 1)?;
        let block = Self { expansion, first, depthwise, second, projection, channels };
        let sizes = |place: usize, at: usize| Some(block.weights(graph, place, at)?.sizes.as_slice());
        let is_sound = matches!(sizes(expansion, 1)?, [count, _, _, _] if *count == channels)
            && matches!(sizes(depthwise, 1)?, [count, 1, _, _] if *count == channels)
            && matches!(sizes(projection, 1)?, [_, count, _, _] if *count == channels)
            && [first, second].iter().all(|place| sizes(*place, 1) == Some(&[channels, 1, 1]))
            && [expansion, depthwise].iter().all(|place| match graph.nodes[*place].inputs.len() {
                2 => true,
                3 => sizes(*place, 2) == Some(&[channels]),
                _ => false,
            });
        is_sound.then_some(block)
    }

    /// The weights that are input `at` of the node at `place`.
    fn weights<'g>(&self, graph: &'g Graph<'_>, place: usize, at: usize) -> Option<&'g Weights> {
        graph.own_weights(graph.nodes[place].inputs.get(at)?)
    }

    /// The most that each channel can add to an output; none where a weight is no number.
    fn adds(&self, graph: &Graph<'_>) -> Option<Vec<f64>> {
        let taps = self.weights(graph, self.depthwise, 1)?;
        let bias = self.weights(graph, self.depthwise, 2).map(|bias| bias.values.as_slice());
        let slopes = &self.weights(graph, self.second, 1)?.values;
        let last = self.weights(graph, self.projection, 1)?;
        let all = [&taps.values, slopes, bias.unwrap_or_default(), &last.values];
        all.iter().all(|values| values.iter().all(|value| value.is_finite())).then_some(())?;
        let size = |value: f32| f64::from(value.abs());
        let taps_each = taps.values.len() / self.channels;
        let last_each: usize = last.sizes[2..].iter().product();
        let adds = |channel: usize| {
            let taps = &taps.values[channel * taps_each..][..taps_each];
            let reached = taps.iter().map(|tap| size(*tap)).sum::<f64>() * LARGEST_VALUE
                + bias.map_or(0.0, |bias| size(bias[channel]));
            let rows = last.values.chunks_exact(self.channels * last_each);
            let weights = rows.flat_map(|row| &row[channel * last_each..][..last_each]);
            let largest = weights.fold(0.0, |most: f64, weight| most.max(size(*weight)));
            reached * size(slopes[channel]).max(1.0) * largest
        };
        Some((0..self.channels).map(adds).collect())
    }

    /// The channels to keep, in their order.
    fn living(&self, graph: &Graph<'_>) -> Option<Vec<usize>> {
        let adds = self.adds(graph)?;
        let mut order: Vec<usize> = (0..self.channels).collect();
        order.sort_by(|a, b| adds[*a].total_cmp(&adds[*b]));
        let mut sum = 0.0;
        let dead = order.iter().take_while(|channel| {
            sum += adds[**channel];
            sum < NOTHING
        });
        let dead = dead.count();
        let kept = (self.channels - dead).max(1).next_multiple_of(LANES).min(self.channels);
        let mut kept = order.split_off(self.channels - kept);
        kept.sort_unstable();
        Some(kept)
    }

    /// Leaves the block with these channels.
    fn keep(&self, graph: &mut Graph<'_>, kept: &[usize]) -> Option<()> {
        let group = i64::try_from(kept.len()).ok()?;
        graph.nodes[self.depthwise].set_group(group)?;
        let outer = [self.expansion, self.first, self.depthwise, self.second];
        let names = outer.iter().flat_map(|place| &graph.nodes[*place].inputs[1..]);
        let names: Vec<(String, usize)> = names
            .map(|name| (name.clone(), 0))
            .chain([(graph.nodes[self.projection].inputs[1].clone(), 1)])
            .collect();
        for (name, axis) in names {
            let taken = taken(graph.own_weights(&name)?, axis, kept);
            graph.set_weights(&name, taken);
        }
        Some(())
    }
}

/// The weights at these places along `axis`.
fn taken(weights: &Weights, axis: usize, places: &[usize]) -> Weights {
    let each: usize = weights.sizes[axis + 1..].iter().product();
    let row = each * weights.sizes[axis];
    let rows = weights.values.chunks_exact(row.max(1));
    let values = rows.flat_map(|row| places.iter().flat_map(move |place| &row[place * each..][..each]));
    let values: Vec<f32> = values.copied().collect();
    let mut sizes = weights.sizes.clone();
    sizes[axis] = places.len();
    Weights::new(&sizes, values)
}
