//! A net whose batch is fixed at 1, made to take any: the few places of its ONNX file that say 1 are written
//! anew in memory. The weights stay as they are, and so does the file, whose digest was checked before.
//!
//! What is written anew (the numbers are those of `onnx.proto`, <https://github.com/onnx/onnx>):
//! - the first dimension of the graph's inputs and outputs becomes a name;
//! - a Reshape to `[1, -1]` becomes one to `[-1, columns]`, with the columns of the output;
//! - weights are taken out of the graph's inputs, where old files list them;
//! - shapes noted for values in between are dropped: the runtime works them out.
//!
//! Whether the net then gives for several pictures what it gives for each is for the caller to try.

use std::collections::BTreeSet;

use super::onnx::{Field, Value, bytes_of, fields, numbers_in, rewritten, within, write_bytes};

/// A `ValueInfoProto` with a name for its first dimension.
fn with_open_batch(info: &[u8]) -> Option<Vec<u8>> {
    // TypeProto (2), its tensor type (1), its shape (2), of which each dimension is a field 1.
    within(info, 2, &mut |kind| {
        within(kind, 1, &mut |tensor| {
            within(tensor, 2, &mut |shape| {
                let mut is_first = true;
                within(shape, 1, &mut |dimension| {
                    if !std::mem::take(&mut is_first) {
                        return Some(dimension.to_vec());
                    }
                    let mut named = Vec::new();
                    write_bytes(2, b"batch", &mut named);
                    Some(named)
                })
            })
        })
    })
}

/// The 64-bit numbers of a `TensorProto`.
fn numbers(tensor: &[u8]) -> Option<Vec<i64>> {
    if let Some(raw) = bytes_of(tensor, 9) {
        return Some(raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect());
    }
    numbers_in(tensor, 7)
}

/// A `TensorProto` with these numbers in place of its own.
fn with_numbers(tensor: &[u8], numbers: &[i64]) -> Option<Vec<u8>> {
    let mut out = rewritten(tensor, |field| Some(matches!(field.number, 7 | 9).then(Vec::new)))?;
    let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    write_bytes(9, &raw, &mut out);
    Some(out)
}

/// The names of the shapes that the graph's Reshape nodes take: their second inputs.
fn reshape_targets<'a>(graph: &[Field<'a>]) -> Option<BTreeSet<&'a [u8]>> {
    let mut targets = BTreeSet::new();
    for field in graph.iter().filter(|field| field.number == 1) {
        let Value::Bytes(node) = field.value else { return None };
        if bytes_of(node, 4) != Some(b"Reshape") {
            continue;
        }
        let inputs = fields(node)?.into_iter().filter(|field| field.number == 1);
        if let Some(Value::Bytes(target)) = inputs.map(|field| field.value).nth(1) {
            targets.insert(target);
        }
    }
    Some(targets)
}

/// The net in `model` with a batch of any size. `columns` is how many values its output has for a picture.
///
/// None where the bytes are not laid out as an ONNX file's are.
pub fn with_any_batch(model: &[u8], columns: usize) -> Option<Vec<u8>> {
    // ModelProto's graph is its field 7.
    within(model, 7, &mut |graph| {
        let parts = fields(graph)?;
        let targets = reshape_targets(&parts)?;
        let weights: BTreeSet<&[u8]> = parts
            .iter()
            .filter(|part| part.number == 5)
            .filter_map(|part| match part.value {
                Value::Bytes(tensor) => bytes_of(tensor, 8),
                _ => None,
            })
            .collect();
        rewritten(graph, |field| {
            let Value::Bytes(bytes) = field.value else { return Some(None) };
            let mut out = Vec::new();
            match field.number {
                5 if bytes_of(bytes, 8).is_some_and(|name| targets.contains(name)) => {
                    if numbers(bytes)? != [1, -1] {
                        return Some(None);
                    }
                    let columns = i64::try_from(columns).ok()?;
                    write_bytes(5, &with_numbers(bytes, &[-1, columns])?, &mut out);
                }
                11 if bytes_of(bytes, 1).is_some_and(|name| weights.contains(name)) => {}
                11 | 12 => write_bytes(field.number, &with_open_batch(bytes)?, &mut out),
                13 => {}
                _ => return Some(None),
            }
            Some(Some(out))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::onnx::write_varint;
    use super::*;

    fn message(parts: &[(u64, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        parts.iter().for_each(|(number, bytes)| write_bytes(*number, bytes, &mut out));
        out
    }

    fn info(name: &[u8], sides: &[u64]) -> Vec<u8> {
        let mut shape = Vec::new();
        for side in sides {
            let mut dimension = Vec::new();
            write_varint(1 << 3, &mut dimension);
            write_varint(*side, &mut dimension);
            write_bytes(1, &dimension, &mut shape);
        }
        message(&[(1, name), (2, &message(&[(1, &message(&[(2, &shape)]))]))])
    }

    fn sides(info: &[u8]) -> Vec<Option<u64>> {
        let shape = bytes_of(bytes_of(bytes_of(info, 2).unwrap(), 1).unwrap(), 2).unwrap();
        let side = |field: Field<'_>| match field.value {
            Value::Bytes(dimension) => match fields(dimension).unwrap()[0].value {
                Value::Varint(side) => Some(side),
                _ => None,
            },
            _ => None,
        };
        fields(shape).unwrap().into_iter().map(side).collect()
    }

    #[test]
    fn a_batch_of_one_becomes_one_of_any_size() {
        let target = with_numbers(&message(&[(8, b"shape")]), &[1, -1]).unwrap();
        let node = message(&[(1, b"x"), (1, b"shape"), (2, b"y"), (4, b"Reshape")]);
        let graph = message(&[
            (1, &node),
            (5, &target),
            (11, &info(b"picture", &[1, 3, 112, 112])),
            (11, &info(b"shape", &[2])),
            (12, &info(b"embedding", &[1, 512])),
            (13, &info(b"x", &[1, 512, 1, 1])),
        ]);
        let model = message(&[(2, b"maker"), (7, &graph)]);
        let made = with_any_batch(&model, 512).unwrap();
        assert_eq!(bytes_of(&made, 2), Some(&b"maker"[..]));
        let graph = fields(bytes_of(&made, 7).unwrap()).unwrap();
        assert_eq!(graph.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 5, 11, 12]);
        let part = |number: u64| match graph.iter().find(|field| field.number == number).unwrap().value {
            Value::Bytes(bytes) => bytes,
            _ => panic!("no bytes"),
        };
        assert_eq!(numbers(part(5)).unwrap(), [-1, 512]);
        assert_eq!(sides(part(11)), [None, Some(3), Some(112), Some(112)]);
        assert_eq!(sides(part(12)), [None, Some(512)]);
    }

    #[test]
    fn junk_is_none_and_never_a_panic() {
        for length in 0..40u8 {
            let junk: Vec<u8> = (0..length).map(|i| i.wrapping_mul(91) ^ 0x3A).collect();
            let _ = with_any_batch(&junk, 512);
        }
        assert!(with_any_batch(&[0xFF; 30], 4).is_none());
        // A length that reaches past the end.
        assert!(with_any_batch(&[7 << 3 | 2, 200, 1, 0], 4).is_none());
    }
}
