//! The graph of an ONNX file: its nodes, and those of its weights that are 32-bit floats.

use std::collections::{BTreeMap, BTreeSet};

use super::super::onnx::{Value, bytes_of, fields, numbers_in, rewritten, within, write_bytes, write_number};

/// Files of this version and later need not list weights among a graph's inputs.
const OLDEST_IR: i64 = 4;
/// From these operators on, Add and PRelu take shapes together as they do today.
const OLDEST_OPERATORS: i64 = 7;
/// What `TensorProto` calls 32-bit floats.
const FLOAT: i64 = 1;

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it does; empty where another domain than ONNX's own defines it.
    pub(super) kind: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    /// In how many parts a convolution treats its channels, each by itself.
    pub(super) group: i64,
    /// The message that it was read from, or is.
    message: Vec<u8>,
}

/// Weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub(super) sizes: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// Weights where they are needed, by name.
#[derive(Debug)]
struct Known {
    weights: Weights,
    is_changed: bool,
}

/// A graph, with the file that it was read from.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    model: &'a [u8],
    pub(super) nodes: Vec<Node>,
    weights: BTreeMap<String, Known>,
    /// How often a name is read: by nodes, and as an output of the graph.
    reads: BTreeMap<String, usize>,
}

impl<'a> Graph<'a> {
    /// The graph of `model`; none where it is no ONNX file, or one with parts that are not looked into here.
    pub(super) fn read(model: &'a [u8]) -> Option<Self> {
        // ModelProto: its version (1), its operators (8), its graph (7).
        if numbers_in(model, 1)?.first().is_none_or(|version| *version < OLDEST_IR) {
            return None;
        }
        for field in fields(model)?.iter().filter(|field| field.number == 8) {
            let Value::Bytes(operators) = field.value else { return None };
            let is_own = bytes_of(operators, 1).is_none_or(<[u8]>::is_empty);
            if is_own && *numbers_in(operators, 2)?.first()? < OLDEST_OPERATORS {
                return None;
            }
        }
        let mut graph = Self { model, nodes: Vec::new(), weights: BTreeMap::new(), reads: BTreeMap::new() };
        for field in fields(bytes_of(model, 7)?)? {
            let Value::Bytes(bytes) = field.value else { continue };
            match field.number {
                1 => graph.nodes.push(Node::read(bytes)?),
                5 => {
                    if let Some((name, weights)) = read_weights(bytes)? {
                        graph.weights.insert(name, Known { weights, is_changed: false });
                    }
                }
                12 => graph.count(text(bytes_of(bytes, 1)?)?),
                _ => {}
            }
        }
        let inputs: Vec<String> = graph.nodes.iter().flat_map(|node| node.inputs.clone()).collect();
        inputs.into_iter().for_each(|name| graph.count(name));
        Some(graph)
    }

    fn count(&mut self, name: String) {
        *self.reads.entry(name).or_default() += 1;
    }

    /// Whether one node reads it, and nothing else does.
    pub(super) fn is_read_once(&self, name: &str) -> bool {
        self.reads.get(name) == Some(&1)
    }

    /// Whether there is neither a value nor a weight of this name.
    pub(super) fn is_free(&self, name: &str) -> bool {
        !self.reads.contains_key(name) && !self.weights.contains_key(name)
    }

    /// The place of the node that makes `name`, where it is of `kind` and nothing else reads what it makes.
    pub(super) fn maker(&self, name: &str, kind: &str) -> Option<usize> {
        self.is_read_once(name).then_some(())?;
        self.nodes.iter().position(|node| node.output == name && node.kind == kind)
    }

    /// The place of the node that alone reads `name`, as its first input.
    pub(super) fn reader(&self, name: &str) -> Option<usize> {
        self.is_read_once(name).then_some(())?;
        self.nodes.iter().position(|node| node.inputs.first().is_some_and(|input| input == name))
    }

    /// The weights `name`, where one node alone reads them.
    pub(super) fn own_weights(&self, name: &str) -> Option<&Weights> {
        self.is_read_once(name).then_some(())?;
        self.weights.get(name).map(|known| &known.weights)
    }

    /// Puts `weights` in the place of `name`, or to the others.
    pub(super) fn set_weights(&mut self, name: &str, weights: Weights) {
        self.weights.insert(name.to_owned(), Known { weights, is_changed: true });
    }

    /// The file with the graph as it is now. Weights leave the graph's inputs, where old files list them, and what is
    /// noted of values in between is dropped: the runtime works it out.
    pub(super) fn written(&self) -> Option<Vec<u8>> {
        within(self.model, 7, &mut |graph| {
            let mut out = Vec::with_capacity(graph.len());
            self.nodes.iter().for_each(|node| write_bytes(1, &node.message, &mut out));
            let named = |message: &[u8], number| {
                bytes_of(message, number)
                    .and_then(|name| std::str::from_utf8(name).ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            let all: BTreeSet<String> = fields(graph)?
                .iter()
                .filter(|field| field.number == 5)
                .filter_map(|field| match field.value {
                    Value::Bytes(tensor) => Some(named(tensor, 8)),
                    _ => None,
                })
                .collect();
            let read: BTreeSet<&String> = self.nodes.iter().flat_map(|node| &node.inputs).collect();
            let changed = self.weights.iter().filter(|(name, known)| known.is_changed && read.contains(name));
            changed.for_each(|(name, known)| write_bytes(5, &known.weights.message(name), &mut out));
            let rest = rewritten(graph, |field| {
                let is_dropped = match (field.number, field.value) {
                    (1 | 13, _) => true,
                    (5, Value::Bytes(tensor)) => {
                        let name = named(tensor, 8);
                        self.weights.get(&name).is_some_and(|known| known.is_changed) || !read.contains(&name)
                    }
                    (11, Value::Bytes(info)) => all.contains(&named(info, 1)),
                    _ => false,
                };
                Some(is_dropped.then(Vec::new))
            })?;
            out.extend_from_slice(&rest);
            Some(out)
        })
    }
}

impl Node {
    /// A node that is new, with a group where it is a convolution of 1x1.
    pub(super) fn new(kind: &str, inputs: &[&str], output: &str, group: Option<i64>) -> Self {
        let mut message = Vec::new();
        inputs.iter().for_each(|input| write_bytes(1, input.as_bytes(), &mut message));
        write_bytes(2, output.as_bytes(), &mut message);
        write_bytes(3, output.as_bytes(), &mut message);
        write_bytes(4, kind.as_bytes(), &mut message);
        if let Some(group) = group {
            write_bytes(5, &attribute("group", &[(3, group)], 2), &mut message);
            write_bytes(5, &attribute("kernel_shape", &[(8, 1), (8, 1)], 7), &mut message);
        }
        Self {
            kind: kind.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: output.to_owned(),
            group: group.unwrap_or(1),
            message,
        }
    }

    /// A node of `NodeProto`: its inputs (1), outputs (2), kind (4), attributes (5) and domain (7). None where it has
    /// a graph of its own, which may read whatever is outside it.
    fn read(message: &[u8]) -> Option<Self> {
        let (mut inputs, mut outputs, mut group) = (Vec::new(), Vec::new(), 1);
        let mut kind = String::new();
        let mut is_own = true;
        for field in fields(message)? {
            let Value::Bytes(bytes) = field.value else { continue };
            match field.number {
                1 => inputs.push(text(bytes)?),
                2 => outputs.push(text(bytes)?),
                4 => kind = text(bytes)?,
                5 if fields(bytes)?.iter().any(|field| matches!(field.number, 6 | 11)) => return None,
                5 if bytes_of(bytes, 1) == Some(b"group") => group = *numbers_in(bytes, 3)?.first()?,
                7 => is_own = bytes.is_empty(),
                _ => {}
            }
        }
        // What makes several values is nothing that is looked for here.
        if !is_own || outputs.len() != 1 {
            kind.clear();
        }
        let output = outputs.into_iter().next().unwrap_or_default();
        Some(Self { kind, inputs, output, group, message: message.to_vec() })
    }

    /// The same convolution in so many parts.
    pub(super) fn set_group(&mut self, group: i64) -> Option<()> {
        self.message = rewritten(&self.message, |field| {
            let is_group = matches!(field.value, Value::Bytes(bytes) if bytes_of(bytes, 1) == Some(b"group"));
            let mut out = Vec::new();
            if field.number == 5 && is_group {
                write_bytes(5, &attribute("group", &[(3, group)], 2), &mut out);
                return Some(Some(out));
            }
            Some(None)
        })?;
        self.group = group;
        Some(())
    }
}

/// An `AttributeProto` of `kind` with whole numbers.
fn attribute(name: &str, numbers: &[(u64, i64)], kind: i64) -> Vec<u8> {
    let mut out = Vec::new();
    write_bytes(1, name.as_bytes(), &mut out);
    numbers.iter().for_each(|(number, value)| write_number(*number, *value, &mut out));
    write_number(20, kind, &mut out);
    out
}

impl Weights {
    /// With these sizes, whose product is the number of values.
    pub(super) fn new(sizes: &[usize], values: Vec<f32>) -> Self {
        Self { sizes: sizes.to_vec(), values }
    }

    /// A `TensorProto`.
    fn message(&self, name: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.values.len() * 4 + 64);
        self.sizes.iter().for_each(|size| write_number(1, *size as i64, &mut out));
        write_number(2, FLOAT, &mut out);
        write_bytes(8, name.as_bytes(), &mut out);
        let raw: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        write_bytes(9, &raw, &mut out);
        out
    }
}

/// The floats of a `TensorProto`: its sizes (1), kind (2), packed values (4), name (8) and raw values (9), or the
/// file that has them (13). `Some(None)` where they are no floats, none, or not so many as the sizes say.
fn read_weights(tensor: &[u8]) -> Option<Option<(String, Weights)>> {
    let name = text(bytes_of(tensor, 8)?)?;
    let is_elsewhere = bytes_of(tensor, 13).is_some();
    if is_elsewhere || numbers_in(tensor, 2)?.first() != Some(&FLOAT) {
        return Some(None);
    }
    let sizes = numbers_in(tensor, 1)?.into_iter().map(|size| usize::try_from(size).ok());
    let Some(sizes) = sizes.collect::<Option<Vec<usize>>>() else { return Some(None) };
    let Some(bytes) = bytes_of(tensor, 9).or_else(|| bytes_of(tensor, 4)) else { return Some(None) };
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let count = sizes.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
    let is_whole = bytes.len().is_multiple_of(4) && count == Some(values.len()) && !values.is_empty();
    Some(is_whole.then_some((name, Weights { sizes, values })))
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
