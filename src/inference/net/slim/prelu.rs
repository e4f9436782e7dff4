//! PRelu said with convolutions: `a x + relu((1 - a) x)` for a slope of `a`, both products depthwise convolutions of
//! 1x1, which the runtime fuses with what follows. Where `a` is above 1 all of it is taken with the other
//! sign, and so are the weights of the convolution after it.

use super::graph::{Graph, Node, Weights};

/// Says every PRelu so that a convolution alone reads; how many.
pub(super) fn without_prelu(graph: &mut Graph<'_>) -> usize {
    let mut said = 0;
    let mut at = 0;
    while at < graph.nodes.len() {
        match in_place_of(graph, at) {
            Some(nodes) => {
                let count = nodes.len();
                graph.nodes.splice(at..=at, nodes);
                at += count;
                said += 1;
            }
            None => at += 1,
        }
    }
    said
}

/// The nodes in place of the PRelu at `place`; none where it is none, or stays.
fn in_place_of(graph: &mut Graph<'_>, place: usize) -> Option<Vec<Node>> {
    let node = &graph.nodes[place];
    (node.kind == "PRelu").then_some(())?;
    let ([input, slopes], output) = (node.inputs.as_slice(), node.output.clone()) else { return None };
    let (input, slopes) = (input.clone(), graph.own_weights(slopes)?);
    let [channels, 1, 1] = *slopes.sizes else { return None };
    slopes.values.iter().all(|slope| slope.is_finite()).then_some(())?;
    let slopes: Vec<f64> = slopes.values.iter().map(|slope| f64::from(*slope)).collect();
    let signs: Vec<f64> = slopes.iter().map(|slope| if *slope > 1.0 { -1.0 } else { 1.0 }).collect();

    let reader = &graph.nodes[graph.reader(&output)?];
    (reader.kind == "Conv").then_some(())?;
    let name = reader.inputs.get(1)?.clone();
    let facing = facing(graph.own_weights(&name)?, reader.group, channels)?;

    let ends = ["rest", "slope", "relu"].map(|end| format!("{output}.{end}"));
    let [rest, slope, relu] = &ends;
    let weights = [format!("{rest}.weights"), format!("{slope}.weights")];
    ends.iter().chain(&weights).all(|name| graph.is_free(name)).then_some(())?;
    let each = |value: &dyn Fn(usize) -> f64| {
        let values = (0..channels).map(|channel| value(channel) as f32).collect();
        Weights::new(&[channels, 1, 1, 1], values)
    };
    let rest_weights = each(&|channel| signs[channel] * (1.0 - slopes[channel]));
    let slope_weights = each(&|channel| signs[channel] * slopes[channel]);
    if signs.contains(&-1.0) {
        let turned = facing.turned(graph.own_weights(&name)?, &signs);
        graph.set_weights(&name, turned);
    }
    graph.set_weights(&weights[0], rest_weights);
    graph.set_weights(&weights[1], slope_weights);
    let group = i64::try_from(channels).ok();
    Some(vec![
        Node::new("Conv", &[&input, &weights[0]], rest, group),
        Node::new("Relu", &[rest], relu, None),
        Node::new("Conv", &[&input, &weights[1]], slope, group),
        Node::new("Add", &[slope, relu], &output, None),
    ])
}

/// How a convolution's weights stand to the channels that it reads.
#[derive(Debug, Clone, Copy)]
enum Facing {
    /// Each output reads all of them: they are the second axis.
    All,
    /// Each output reads one of them: they are the first axis.
    One,
}

/// For a convolution of two dimensions over so many channels; none for another one.
fn facing(weights: &Weights, group: i64, channels: usize) -> Option<Facing> {
    match *weights.sizes {
        [_, inputs, _, _] if group == 1 && inputs == channels => Some(Facing::All),
        [outputs, 1, _, _] if usize::try_from(group) == Ok(channels) && outputs == channels => {
            Some(Facing::One)
        }
        _ => None,
    }
}

impl Facing {
    /// The weights with the channels' signs.
    fn turned(self, weights: &Weights, signs: &[f64]) -> Weights {
        let outputs = match self {
            Self::All => 1,
            Self::One => signs.len(),
        };
        let row = weights.values.len() / weights.sizes[0];
        let each = row * outputs / signs.len();
        let values = weights.values.iter().enumerate();
        let values = values.map(|(at, value)| value * signs[at / each % signs.len()] as f32);
        Weights::new(&weights.sizes, values.collect())
    }
}
