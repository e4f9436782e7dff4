//! People, templates and items of the inbox as the bytes a store keeps: a version byte and a layout that serves
//! nothing else, so that the types the program works with may change without it.

mod operator;
mod person;
mod stranger;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::PersonId;
use crate::face::{Embedding, EmbeddingSpace, Template, TemplateId};

pub(super) use operator::{operator, operator_row};
pub(super) use person::{person, person_row};
pub(super) use stranger::{stranger, stranger_row};

/// The version byte of the layouts below.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct TemplateV1<E> {
    person: [u8; 16],
    space: [u8; 32],
    /// The values as 32-bit floats; where a row is read, their number, which they follow.
    embedding: E,
}

fn encode(row: &impl Serialize) -> Result<Vec<u8>, String> {
    encode_as(VERSION, row)
}

fn encode_as(version: u8, row: &impl Serialize) -> Result<Vec<u8>, String> {
    postcard::to_extend(row, vec![version]).map_err(|error| error.to_string())
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    decode_as(VERSION, bytes)
}

fn decode_as<T: DeserializeOwned>(expected: u8, bytes: &[u8]) -> Result<T, String> {
    match begin_as(expected, bytes)? {
        (row, []) => Ok(row),
        (_, rest) => Err(format!("it has {} bytes too many", rest.len())),
    }
}

/// What a row begins with, and the rest of it.
fn begin_as<T: DeserializeOwned>(expected: u8, bytes: &[u8]) -> Result<(T, &[u8]), String> {
    match bytes.split_first() {
        Some((version, content)) if *version == expected => {
            postcard::take_from_bytes(content).map_err(|error| error.to_string())
        }
        Some((version, _)) => Err(format!("it has version {version}, and {expected} is known")),
        None => Err("it is empty".to_owned()),
    }
}

/// The row of `template`, whose id is the row's key.
pub(super) fn template_row(template: &Template) -> Result<Vec<u8>, String> {
    encode(&TemplateV1 {
        person: template.person.0.to_bytes(),
        space: template.space.0,
        embedding: &template.embedding,
    })
}

/// The template of a row.
pub(super) fn template(id: TemplateId, row: &[u8]) -> Result<Template, String> {
    let read = || {
        // The values are the rest of the row, four bytes each: a store of many people is read at every start,
        // and value by value that would take as long as opening it does.
        let (head, rest): (TemplateV1<u64>, _) = begin_as(VERSION, row)?;
        let (values, over) = rest.as_chunks::<4>();
        let (found, wanted) = (values.len() as u64, head.embedding);
        if found != wanted || !over.is_empty() {
            let bytes = rest.len();
            return Err(format!(
                "it has {bytes} bytes of values, and {wanted} values of 4 bytes were expected"
            ));
        }
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(Template {
            id,
            person: PersonId(Ulid::from_bytes(head.person)),
            space: EmbeddingSpace(head.space),
            embedding: Embedding::kept(values).map_err(|error| error.to_string())?,
        })
    };
    read().map_err(|why| format!("the row of template {} cannot be read: {why}", id.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::Person;
    use chrono::DateTime;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_layouts_are_frozen() {
        let at = |us| DateTime::from_timestamp_micros(us).unwrap();
        let identifier = Some("A-7".parse().unwrap());
        let ana = Person::new(PersonId(Ulid(5)), "Ana Ñ".parse().unwrap(), identifier, at(1_000_000));
        let ana = Person { removed_at: Some(at(-1)), ..ana };
        let row = person_row(&ana).unwrap();
        assert_eq!(hex(&row), "0106416e6120c3910103412d3780897a0101");
        assert_eq!(person(ana.id, &row), Ok(ana));

        let kept = Template {
            id: TemplateId(Ulid(6)),
            person: PersonId(Ulid(5)),
            space: EmbeddingSpace([0xcd; 32]),
            embedding: Embedding::normalised(vec![0.0, -3.0]).unwrap(),
        };
        let row = template_row(&kept).unwrap();
        let expected = format!("01{:032x}{}0200000000000080bf", 5, "cd".repeat(32));
        assert_eq!(hex(&row), expected);
        assert_eq!(template(kept.id, &row), Ok(kept));
    }

    #[test]
    fn rows_that_cannot_be_are_refused_with_what_they_are_of() {
        let id = PersonId(Ulid(5));
        let why = person(id, &[]).unwrap_err();
        assert!(why.contains(&id.to_string()) && why.contains("empty"), "{why}");
        assert!(person(id, &[9, 0]).unwrap_err().contains("version 9"));
        // A name with an escape character.
        assert!(person(id, &[1, 1, 0x1b, 0, 0, 0]).unwrap_err().contains("control character"));
        assert!(person(id, &[1, 1, b'a', 0, 0, 0, 0]).unwrap_err().contains("1 bytes too many"));
        let nan = [&[1u8][..], &[0; 16], &[0; 32], &[1], &f32::NAN.to_le_bytes()].concat();
        assert!(template(TemplateId(Ulid(6)), &nan).unwrap_err().contains("not a finite number"));
    }
}
