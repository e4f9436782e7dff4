//! Small graphs of one pixel, which are computed here, and the real nets.

mod nets;

use std::collections::BTreeMap;

use super::super::onnx::{Value, bytes_of, fields, numbers_in, write_bytes, write_number};
use super::graph::{Graph, Weights};
use super::{dead, is_close, slimmed};

const CHANNELS: usize = 40;
const DEAD: usize = 21;
const OUTPUTS: usize = 5;

/// Numbers in -1..1 that are the same in every run.
struct Noise(u32);

impl Noise {
    fn values(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }
}

/// A small net: nodes and weights, to be changed before it is written.
#[derive(Clone)]
struct Small {
    nodes: Vec<Vec<u8>>,
    weights: BTreeMap<&'static str, Weights>,
    ir: i64,
    operators: i64,
}

fn node(kind: &str, inputs: &[&str], output: &str, group: Option<i64>) -> Vec<u8> {
    let mut out = Vec::new();
    inputs.iter().for_each(|input| write_bytes(1, input.as_bytes(), &mut out));
    write_bytes(2, output.as_bytes(), &mut out);
    write_bytes(4, kind.as_bytes(), &mut out);
    if let Some(group) = group {
        let mut attribute = Vec::new();
        write_bytes(1, b"group", &mut attribute);
        write_number(3, group, &mut attribute);
        write_bytes(5, &attribute, &mut out);
    }
    out
}

impl Small {
    /// A block, with dead channels or without; slopes from below 0 to above 1.
    fn block(with_dead: bool) -> Self {
        let mut noise = Noise(7);
        let mut weights = BTreeMap::from([
            ("w1", Weights::new(&[CHANNELS, 3, 1, 1], noise.values(CHANNELS * 3))),
            ("b1", Weights::new(&[CHANNELS], noise.values(CHANNELS))),
            ("a1", Weights::new(&[CHANNELS, 1, 1], noise.values(CHANNELS))),
            ("w2", Weights::new(&[CHANNELS, 1, 1, 1], noise.values(CHANNELS))),
            ("b2", Weights::new(&[CHANNELS], noise.values(CHANNELS))),
            ("a2", Weights::new(&[CHANNELS, 1, 1], noise.values(CHANNELS))),
            ("w3", Weights::new(&[OUTPUTS, CHANNELS, 1, 1], noise.values(OUTPUTS * CHANNELS))),
            ("b3", Weights::new(&[OUTPUTS], noise.values(OUTPUTS))),
        ]);
        for slopes in ["a1", "a2"] {
            weights.get_mut(slopes).unwrap().values.iter_mut().for_each(|slope| *slope += 0.5);
        }
        if with_dead {
            for name in ["w2", "b2"] {
                weights.get_mut(name).unwrap().values[..DEAD].iter_mut().for_each(|value| *value *= 1e-12);
            }
        }
        let channels = Some(CHANNELS as i64);
        let nodes = vec![
            node("Conv", &["input", "w1", "b1"], "x1", Some(1)),
            node("PRelu", &["x1", "a1"], "y1", None),
            node("Conv", &["y1", "w2", "b2"], "x2", channels),
            node("PRelu", &["x2", "a2"], "y2", None),
            node("Conv", &["y2", "w3", "b3"], "output", None),
        ];
        Self { nodes, weights, ir: 7, operators: 9 }
    }

    fn written(&self) -> Vec<u8> {
        let mut graph = Vec::new();
        self.nodes.iter().for_each(|node| write_bytes(1, node, &mut graph));
        for (name, weights) in &self.weights {
            let mut tensor = Vec::new();
            weights.sizes.iter().for_each(|size| write_number(1, *size as i64, &mut tensor));
            write_number(2, 1, &mut tensor);
            write_bytes(8, name.as_bytes(), &mut tensor);
            let raw: Vec<u8> = weights.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            write_bytes(9, &raw, &mut tensor);
            write_bytes(5, &tensor, &mut graph);
        }
        // Weights among the inputs, as old exporters wrote them.
        for name in self.weights.keys().copied().chain(["input"]) {
            let mut info = Vec::new();
            write_bytes(1, name.as_bytes(), &mut info);
            write_bytes(11, &info, &mut graph);
        }
        let mut info = Vec::new();
        write_bytes(1, b"output", &mut info);
        write_bytes(12, &info, &mut graph);
        let (mut operators, mut model) = (Vec::new(), Vec::new());
        write_bytes(1, b"", &mut operators);
        write_number(2, self.operators, &mut operators);
        write_number(1, self.ir, &mut model);
        write_bytes(7, &graph, &mut model);
        write_bytes(8, &operators, &mut model);
        model
    }
}

/// What a net of one pixel says of three values.
fn said(model: &[u8], input: &[f32]) -> Vec<f32> {
    let graph = Graph::read(model).unwrap();
    let mut values = BTreeMap::from([("input".to_owned(), input.to_vec())]);
    for node in &graph.nodes {
        let read = |at: usize| values[&node.inputs[at]].clone();
        let weights = |at: usize| node.inputs.get(at).map(|name| graph.own_weights(name).unwrap());
        let made: Vec<f32> = match node.kind.as_str() {
            "Conv" => {
                let (input, weights, bias) = (read(0), weights(1).unwrap(), weights(2));
                let each = input.len() / node.group as usize;
                assert_eq!(weights.sizes[1], each, "{}", node.output);
                let outputs = weights.sizes[0];
                (0..outputs)
                    .map(|output| {
                        let part = output * node.group as usize / outputs;
                        let row = &weights.values[output * each..][..each];
                        let sum: f32 = row.iter().zip(&input[part * each..]).map(|(a, b)| a * b).sum();
                        sum + bias.map_or(0.0, |bias| bias.values[output])
                    })
                    .collect()
            }
            "PRelu" => {
                let slopes = weights(1).unwrap();
                let slope = |value: &f32, slope: &f32| if *value < 0.0 { value * slope } else { *value };
                read(0).iter().zip(&slopes.values).map(|(value, a)| slope(value, a)).collect()
            }
            "Relu" => read(0).iter().map(|value| value.max(0.0)).collect(),
            "Add" => read(0).iter().zip(read(1)).map(|(a, b)| a + b).collect(),
            kind => panic!("{kind}"),
        };
        values.insert(node.output.clone(), made);
    }
    values.remove("output").unwrap()
}

fn kinds(model: &[u8]) -> Vec<String> {
    Graph::read(model).unwrap().nodes.into_iter().map(|node| node.kind).collect()
}

/// Whether both say the same of some inputs.
fn say_the_same(one: &[u8], other: &[u8]) -> bool {
    let mut noise = Noise(3);
    (0..20).all(|_| {
        let input = noise.values(3);
        let (one, other) = (said(one, &input), said(other, &input));
        one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5)
    })
}

#[test]
fn dead_channels_go_and_the_result_stays() {
    let before = Small::block(true).written();
    let mut graph = Graph::read(&before).unwrap();
    // 19 live ones, and the rest up to a multiple of 8.
    assert_eq!(dead::without_dead_channels(&mut graph), CHANNELS - 24);
    let after = graph.written().unwrap();
    let graph = Graph::read(&after).unwrap();
    assert_eq!(graph.nodes[2].group, 24);
    let sizes = |name: &str| graph.own_weights(name).unwrap().sizes.clone();
    assert_eq!(
        [sizes("w1"), sizes("w2"), sizes("w3")],
        [vec![24, 3, 1, 1], vec![24, 1, 1, 1], vec![5, 24, 1, 1]]
    );
    assert!(say_the_same(&before, &after));
    assert!(after.len() < before.len());
}

#[test]
fn living_channels_stay() {
    let before = Small::block(false).written();
    assert_eq!(dead::without_dead_channels(&mut Graph::read(&before).unwrap()), 0);
    // What a bias alone adds is added too.
    let mut small = Small::block(true);
    small.weights.get_mut("b2").unwrap().values[..DEAD].fill(1e-3);
    assert_eq!(dead::without_dead_channels(&mut Graph::read(&small.written()).unwrap()), 0);
    // One by one they would be nothing; together they are not.
    let mut small = Small::block(true);
    small.weights.get_mut("b2").unwrap().values[..DEAD].fill(4e-7);
    small.weights.get_mut("w3").unwrap().values.fill(1.0);
    let taken = dead::without_dead_channels(&mut Graph::read(&small.written()).unwrap());
    assert_eq!(taken, 0);
    // What is no number is nothing that can be left out.
    let mut small = Small::block(true);
    small.weights.get_mut("b2").unwrap().values[0] = f32::NAN;
    assert_eq!(dead::without_dead_channels(&mut Graph::read(&small.written()).unwrap()), 0);
}

#[test]
fn convolutions_say_what_prelu_says() {
    let before = Small::block(false);
    let above_1 =
        before.weights["a1"].values.iter().chain(&before.weights["a2"].values).filter(|a| **a > 1.0);
    assert!(above_1.count() > 5);
    let (before, after) = (before.written(), slimmed(&before.written()).unwrap());
    let split = ["Conv", "Relu", "Conv", "Add"];
    let expected = [&["Conv"][..], &split[..], &["Conv"][..], &split[..], &["Conv"][..]].concat();
    assert_eq!(kinds(&after), expected);
    assert!(say_the_same(&before, &after));
    // And nothing is left to do.
    assert!(slimmed(&after).is_none());
}

#[test]
fn weights_leave_the_inputs_and_no_others_stay() {
    let after = slimmed(&Small::block(true).written()).unwrap();
    let graph = fields(bytes_of(&after, 7).unwrap()).unwrap();
    let names = |number: u64, name: u64| -> Vec<String> {
        let all = graph.iter().filter(|field| field.number == number);
        let name = |bytes| String::from_utf8(bytes_of(bytes, name).unwrap().to_vec()).unwrap();
        all.map(|field| match field.value {
            Value::Bytes(bytes) => name(bytes),
            _ => panic!("no message"),
        })
        .collect()
    };
    assert_eq!((names(11, 1), names(12, 1)), (vec!["input".to_owned()], vec!["output".to_owned()]));
    let mut weights = names(5, 8);
    weights.sort();
    assert_eq!(weights.len(), 10);
    weights.dedup();
    assert_eq!(weights.len(), 10);
    assert!(!weights.contains(&"a1".to_owned()), "{weights:?}");
    assert_eq!(numbers_in(&after, 1).unwrap(), [7]);
}

#[test]
fn what_is_not_understood_stays() {
    let block = Small::block(true);
    let stays = |change: &dyn Fn(&mut Small)| {
        let mut small = block.clone();
        change(&mut small);
        slimmed(&small.written()).is_none()
    };
    assert!(!stays(&|_| {}));
    assert!(stays(&|small| small.ir = 3), "an old file");
    assert!(stays(&|small| small.operators = 6), "old operators");
    assert!(
        stays(&|small| {
            // Both activations read the same slopes, so neither may be changed for the other.
            small.nodes[1] = node("PRelu", &["x1", "a"], "y1", None);
            small.nodes[3] = node("PRelu", &["x2", "a"], "y2", None);
            let slopes = small.weights["a1"].clone();
            small.weights.insert("a", slopes);
        }),
        "shared slopes"
    );
    assert!(
        stays(&|small| {
            for slopes in ["a1", "a2"] {
                small.weights.insert(slopes, Weights::new(&[1, 1, 1], vec![0.25]));
            }
        }),
        "one slope for all"
    );
    assert!(
        stays(&|small| {
            small.nodes.push(node("Add", &["y1", "y2"], "more", None));
        }),
        "values that are read elsewhere"
    );
    assert!(
        stays(&|small| {
            let mut loop_of = node("Loop", &["input"], "more", None);
            let mut body = Vec::new();
            write_bytes(1, b"body", &mut body);
            write_bytes(6, b"", &mut body);
            write_bytes(5, &body, &mut loop_of);
            small.nodes.push(loop_of);
        }),
        "a graph inside, which may read anything"
    );
    assert!(
        stays(&|small| {
            let domain = |node: &mut Vec<u8>| write_bytes(7, b"of.another", node);
            small.nodes.iter_mut().for_each(domain);
        }),
        "nodes of another domain"
    );
    assert!(
        stays(&|small| {
            // A value of the graph's own has the name that a new one would have.
            small.nodes.extend([
                node("Add", &["y1.rest", "input"], "more", None),
                node("Add", &["y2.rest", "input"], "more still", None),
            ]);
            for name in ["w2", "b2"] {
                small.weights.get_mut(name).unwrap().values.fill(1.0);
            }
        }),
        "names that are taken"
    );
}

#[test]
fn junk_is_none_and_never_a_panic() {
    for length in 0..60u8 {
        let junk: Vec<u8> = (0..length).map(|i| i.wrapping_mul(91) ^ 0x3A).collect();
        let _ = slimmed(&junk);
    }
    let whole = Small::block(true).written();
    for end in (0..whole.len()).step_by(7) {
        let _ = slimmed(&whole[..end]);
    }
    for at in (0..whole.len()).step_by(3) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x15;
        let _ = slimmed(&flipped);
    }
}

#[test]
fn only_rounding_is_close() {
    assert!(is_close(&[4.0, 0.0], &[4.0 + 4e-5, -4e-5]));
    assert!(!is_close(&[4.0, 0.0], &[4.0, 1e-4]));
    assert!(!is_close(&[4.0, 0.0], &[4.0]));
    assert!(!is_close(&[f32::NAN], &[f32::NAN]));
    assert!(!is_close(&[f32::INFINITY], &[f32::INFINITY]));
    assert!(!is_close(&[4.0], &[f32::NAN]));
}
