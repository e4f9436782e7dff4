//! Rows that are sealed. What a row is of stands in its key, and in front of it where more must be known
//! before it is opened; both are authenticated with it.
//!
//! A row is the version byte 2, what stands in the clear, and the sealed bytes of a layout of
//! [`rows`](crate::store::rows).

use std::borrow::Cow;

use redb::ReadableTable;
use ulid::Ulid;
use zeroize::Zeroizing;

use crate::access::{Operator, OperatorId};
use crate::attendance::{Person, PersonId, Stranger, StrangerId};
use crate::face::{EmbeddingSpace, EncodedCrop, Template, TemplateId};
use crate::ledger::{PartKind, PartView, Salt, StoredPart};
use crate::store::crypt::ring::{Ring, SITE, SUBJECT_BYTES, Subject};
use crate::store::crypt::{Key, NotOpened};
use crate::store::rows;

use super::Fault;

const VERSION: u8 = 2;

/// What a row is of; the number is authenticated with it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Person = 1,
    Template = 2,
    Crop = 3,
    Stranger = 4,
    Note = 5,
    Operator = 6,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Template => "template",
            Self::Crop => "the crop of template",
            Self::Stranger => "the inbox item",
            Self::Note => "the note of entry",
            Self::Operator => "operator",
        }
    }

    fn place(self, id: u128, clear: &[u8]) -> Vec<u8> {
        [b"muster row", &[VERSION, self as u8][..], &id.to_be_bytes(), clear].concat()
    }

    fn seal(self, key: &Key, id: u128, clear: &[u8], plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let sealed = key.seal(&self.place(id, clear), plain)?;
        Ok([&[VERSION][..], clear, &sealed].concat())
    }

    /// What stands in the clear, and what was sealed.
    fn split<const N: usize>(self, id: u128, row: &[u8]) -> Result<([u8; N], &[u8]), Fault> {
        let split = row.split_first().filter(|(version, _)| **version == VERSION);
        let split = split.and_then(|(_, rest)| rest.split_first_chunk::<N>());
        let (clear, sealed) = split.ok_or_else(|| {
            Fault::Damaged(format!(
                "the row of {} {} is too short or of no known version",
                self.name(),
                Ulid(id)
            ))
        })?;
        Ok((*clear, sealed))
    }

    fn open(self, key: &Key, id: u128, clear: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        key.open(&self.place(id, clear), sealed).map_err(|NotOpened| self.not_opened(id))
    }

    fn open_into(
        self,
        key: &Key,
        id: u128,
        clear: &[u8],
        sealed: &[u8],
        plain: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), Fault> {
        let opened = key.open_into(&self.place(id, clear), sealed, plain);
        opened.map_err(|NotOpened| self.not_opened(id))
    }

    fn not_opened(self, id: u128) -> Fault {
        Fault::Damaged(format!("the row of {} {} does not open with its key", self.name(), Ulid(id)))
    }
}

/// The key of `subject` as the table of keys holds it; none where there is none.
pub(super) fn key_of(
    keys: &impl ReadableTable<(u8, u128), &'static [u8]>,
    ring: &Ring,
    subject: Subject,
) -> Result<Option<Key>, Fault> {
    let Some(row) = keys.get(subject.numbers())? else { return Ok(None) };
    let key = ring.unwrap(subject, row.value()).map_err(|NotOpened| {
        Fault::Damaged(format!("the key of {} does not open with that of its epoch", Ulid(subject.id)))
    })?;
    Ok(Some(key))
}

/// As [`key_of`], where one must be.
pub(super) fn known_key(
    keys: &impl ReadableTable<(u8, u128), &'static [u8]>,
    ring: &Ring,
    subject: Subject,
) -> Result<Key, Fault> {
    let missing = || Fault::Damaged(format!("the key of {} is missing", Ulid(subject.id)));
    key_of(keys, ring, subject)?.ok_or_else(missing)
}

/// The subject that a person is.
pub(super) fn of_person(person: PersonId) -> Subject {
    Subject::person(person.0.0)
}

/// The subject that an item of the inbox is.
pub(super) fn of_stranger(stranger: StrangerId) -> Subject {
    Subject::stranger(stranger.0.0)
}

pub(super) fn person_row(key: &Key, person: &Person) -> Result<Vec<u8>, Fault> {
    let plain = Zeroizing::new(rows::person_row(person).map_err(Fault::Unwritable)?);
    Kind::Person.seal(key, person.id.0.0, &[], &plain)
}

pub(super) fn person(key: &Key, id: PersonId, row: &[u8]) -> Result<Person, Fault> {
    let ([], sealed) = Kind::Person.split(id.0.0, row)?;
    let plain = Kind::Person.open(key, id.0.0, &[], sealed)?;
    rows::person(id, &plain).map_err(Fault::Damaged)
}

/// Whose a template is and which space it lives in stand in the clear.
pub(super) fn template_row(key: &Key, template: &Template) -> Result<Vec<u8>, Fault> {
    let plain = Zeroizing::new(rows::template_row(template).map_err(Fault::Unwritable)?);
    let clear = [&template.person.0.to_bytes()[..], &template.space.0].concat();
    Kind::Template.seal(key, template.id.0.0, &clear, &plain)
}

/// Whose the template of a row is.
pub(super) fn template_owner(id: TemplateId, row: &[u8]) -> Result<PersonId, Fault> {
    let (clear, _): ([u8; 48], _) = Kind::Template.split(id.0.0, row)?;
    let (person, _) = clear.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Ok(PersonId(Ulid::from_bytes(*person)))
}

/// The template of a row, under the key of [`template_owner`].
pub(super) fn template(key: &Key, id: TemplateId, row: &[u8]) -> Result<Template, Fault> {
    template_in(key, id, row, &mut Zeroizing::new(Vec::new()))
}

/// The same; what is opened passes through `plain`, so that many need no room of their own each.
pub(super) fn template_in(
    key: &Key,
    id: TemplateId,
    row: &[u8],
    plain: &mut Zeroizing<Vec<u8>>,
) -> Result<Template, Fault> {
    let (clear, sealed): ([u8; 48], _) = Kind::Template.split(id.0.0, row)?;
    Kind::Template.open_into(key, id.0.0, &clear, sealed, plain)?;
    let template = rows::template(id, plain).map_err(Fault::Damaged)?;
    let EmbeddingSpace(space) = template.space;
    if clear[..16] != template.person.0.to_bytes() || clear[16..] != space {
        return Err(Fault::Damaged(format!("template {} is of another person or space than its row", id.0)));
    }
    Ok(template)
}

pub(super) fn crop_row(key: &Key, id: TemplateId, crop: &EncodedCrop) -> Result<Vec<u8>, Fault> {
    Kind::Crop.seal(key, id.0.0, &[], crop.as_bytes())
}

pub(super) fn crop(key: &Key, id: TemplateId, row: &[u8]) -> Result<EncodedCrop, Fault> {
    let ([], sealed) = Kind::Crop.split(id.0.0, row)?;
    Ok(EncodedCrop::from(Kind::Crop.open(key, id.0.0, &[], sealed)?.to_vec()))
}

pub(super) fn stranger_row(key: &Key, stranger: &Stranger) -> Result<Vec<u8>, Fault> {
    let plain = Zeroizing::new(rows::stranger_row(stranger).map_err(Fault::Unwritable)?);
    Kind::Stranger.seal(key, stranger.id.0.0, &[], &plain)
}

pub(super) fn stranger(key: &Key, id: StrangerId, row: &[u8]) -> Result<Stranger, Fault> {
    let ([], sealed) = Kind::Stranger.split(id.0.0, row)?;
    let plain = Kind::Stranger.open(key, id.0.0, &[], sealed)?;
    rows::stranger(id, &plain).map_err(Fault::Damaged)
}

/// Under the key of [`SITE`].
pub(super) fn operator_row(key: &Key, operator: &Operator) -> Result<Vec<u8>, Fault> {
    let plain = Zeroizing::new(rows::operator_row(operator).map_err(Fault::Unwritable)?);
    Kind::Operator.seal(key, operator.id.0.0, &[], &plain)
}

pub(super) fn operator(key: &Key, id: OperatorId, row: &[u8]) -> Result<Operator, Fault> {
    let ([], sealed) = Kind::Operator.split(id.0.0, row)?;
    let plain = Kind::Operator.open(key, id.0.0, &[], sealed)?;
    rows::operator(id, &plain).map_err(Fault::Damaged)
}

/// The row of a note: the salt, the subject whose key seals it, and the sealed bytes.
pub(super) fn note_row(
    key: &Key,
    subject: Subject,
    sequence: u64,
    part: &StoredPart,
) -> Result<Vec<u8>, Fault> {
    let sealed = Kind::Note.seal(key, u128::from(sequence), &subject.bytes(), &part.bytes)?;
    Ok([&part.salt[..], &sealed].concat())
}

/// The row of a record or of evidence: the salt and the bytes, which name people by their ids alone.
pub(super) fn plain_part_row(part: &StoredPart) -> Vec<u8> {
    [&part.salt[..], &part.bytes].concat()
}

/// The part of a row.
pub(super) fn part(
    keys: &impl ReadableTable<(u8, u128), &'static [u8]>,
    ring: &Ring,
    key: (u64, u8),
    row: &[u8],
) -> Result<StoredPart, Fault> {
    part_view(keys, ring, key, row).map(PartView::into_part)
}

/// The part of a row, where it lies; what is sealed is opened apart.
pub(super) fn part_view<'a>(
    keys: &impl ReadableTable<(u8, u128), &'static [u8]>,
    ring: &Ring,
    (sequence, kind): (u64, u8),
    row: &'a [u8],
) -> Result<PartView<'a>, Fault> {
    let damaged = || Fault::Damaged(format!("a part of entry {sequence} has kind {kind} or is too short"));
    let kind = PartKind::from_number(kind).ok_or_else(damaged)?;
    let (salt, bytes): (&Salt, _) = row.split_first_chunk().ok_or_else(damaged)?;
    let bytes = match kind {
        PartKind::Record | PartKind::Evidence => Cow::Borrowed(bytes),
        PartKind::Note => {
            let (clear, sealed): ([u8; SUBJECT_BYTES], _) = Kind::Note.split(u128::from(sequence), bytes)?;
            let key = known_key(keys, ring, Subject::from_bytes(clear).ok_or_else(damaged)?)?;
            Cow::Owned(Kind::Note.open(&key, u128::from(sequence), &clear, sealed)?.to_vec())
        }
    };
    Ok(PartView { kind, salt, bytes })
}

/// Whose key a note is sealed under: that of the person the entry is about, where there is one.
pub(super) fn note_subject(person: Option<PersonId>) -> Subject {
    person.map_or(SITE, of_person)
}
