//! ONNX files as they are laid out: messages of numbered fields, read and written anew in memory. Nothing is
//! known here of what a net does (the numbers of the fields are those of `onnx.proto`, <https://github.com/onnx/onnx>).

/// One field of a message: its number, its whole bytes, and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) whole: &'a [u8],
    pub(super) value: Value<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// Reads a base-128 number; the rest after it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).checked_shl(7 * place as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a field that has bytes for its value.
pub(super) fn write_bytes(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    write_varint(number << 3 | 2, out);
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The fields of a message, in their order; none where it is no message.
pub(super) fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let start = message;
        let (key, rest) = varint(message)?;
        let (value, rest) = match key & 7 {
            0 => varint(rest).map(|(value, rest)| (Value::Varint(value), rest))?,
            1 => (Value::Fixed, rest.get(8..)?),
            2 => {
                let (length, rest) = varint(rest)?;
                let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Value::Bytes(bytes), rest)
            }
            5 => (Value::Fixed, rest.get(4..)?),
            _ => return None,
        };
        let whole = &start[..start.len() - rest.len()];
        found.push(Field { number: key >> 3, whole, value });
        message = rest;
    }
    Some(found)
}

/// The bytes of the first field `number`.
pub(super) fn bytes_of(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().find_map(|field| match field.value {
        Value::Bytes(bytes) if field.number == number => Some(bytes),
        _ => None,
    })
}

/// `message` with every field that `change` knows written anew: `Some(bytes)` in its place (nothing for an empty
/// one). None where it is no message, or `change` cannot do it.
pub(super) fn rewritten(
    message: &[u8],
    mut change: impl FnMut(&Field<'_>) -> Option<Option<Vec<u8>>>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for field in fields(message)? {
        match change(&field)? {
            Some(bytes) => out.extend_from_slice(&bytes),
            None => out.extend_from_slice(field.whole),
        }
    }
    Some(out)
}

/// The field `number` of `message`, which holds a message, put through `inner`.
pub(super) fn within(
    message: &[u8],
    number: u64,
    inner: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    rewritten(message, |field| match field.value {
        Value::Bytes(bytes) if field.number == number => {
            let mut out = Vec::new();
            write_bytes(number, &inner(bytes)?, &mut out);
            Some(Some(out))
        }
        _ => Some(None),
    })
}

/// The whole numbers of the field `number`, which may be packed or one by one.
pub(super) fn numbers_in(message: &[u8], number: u64) -> Option<Vec<i64>> {
    let mut found = Vec::new();
    for field in fields(message)?.iter().filter(|field| field.number == number) {
        match field.value {
            Value::Varint(value) => found.push(value.cast_signed()),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    let (value, rest) = varint(packed)?;
                    found.push(value.cast_signed());
                    packed = rest;
                }
            }
            Value::Fixed => return None,
        }
    }
    Some(found)
}

/// Writes a field that has a whole number for its value.
pub(super) fn write_number(number: u64, value: i64, out: &mut Vec<u8>) {
    write_varint(number << 3, out);
    write_varint(value.cast_unsigned(), out);
}
