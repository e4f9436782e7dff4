//! The parts of an entry, and the bytes they are stored as.

mod check;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::details::EvidenceV2;
use super::digest::sha256;
use super::erasure::{ErasedRun, ErasurePart};
use super::facts::{Facts, FactsV4};
use super::record::{RecordDetails, RecordPart, RecordV1, RecordV2};
use super::{Sequence, Sha256Digest};
use crate::attendance::PersonId;
use crate::face::{EmbeddingSpace, Liveness, Similarity};
use crate::identify::{Candidate, DecisionDetails, Threshold};

/// What a decision rested on. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidencePart {
    /// The most alike people, best first.
    pub candidates: Vec<Candidate>,
    /// The threshold in force.
    pub threshold: Threshold,
    /// How many frames were looked at.
    pub frames: u32,
    /// The detector's confidence in the best of them, 0 to 1.
    pub detection_score: f32,
    /// What the liveness net said.
    pub liveness: Liveness,
    /// The space the embeddings live in.
    pub space: EmbeddingSpace,
    /// The pack of nets that was used.
    pub pack: String,
    /// How the decision came about; none in entries older than that was kept.
    pub details: Option<DecisionDetails>,
}

/// What somebody wrote. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePart {
    /// The text.
    pub text: String,
}

/// The parts of an entry that are still there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// Whom it is about.
    pub record: Option<RecordPart>,
    /// What it rests on.
    pub evidence: Option<EvidencePart>,
    /// What somebody wrote.
    pub note: Option<NotePart>,
    /// Which parts an erasure or retention took away. It lies in the place of the evidence, so there is none
    /// beside it.
    pub erasure: Option<ErasurePart>,
    /// What else is to be known, by the kind of entry. In the place of the evidence too.
    pub facts: Option<Facts>,
}

/// Which of the three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PartKind {
    /// [`RecordPart`]
    Record = 1,
    /// [`EvidencePart`]
    Evidence = 2,
    /// [`NotePart`]
    Note = 3,
}

impl PartKind {
    /// All of them, in the order in which a head holds their digests.
    pub const ALL: [PartKind; 3] = [PartKind::Record, PartKind::Evidence, PartKind::Note];

    /// The kind with `number`, where there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Its place in [`PartKind::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize - 1
    }
}

/// Sixteen random bytes that keep a part's digest from being guessed.
pub type Salt = [u8; 16];

/// The digest of a part as a head holds it: SHA-256 over the salt and the bytes as stored.
pub fn part_digest(salt: &Salt, stored: &[u8]) -> Sha256Digest {
    sha256(salt, stored)
}

/// A part as a store keeps it. The salt goes when the part goes. `Debug` prints no bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Which of the entry's parts.
    pub kind: PartKind,
    /// What was hashed before the bytes.
    pub salt: Salt,
    /// A version byte and the content; see [`Parts::store`].
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for StoredPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredPart({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

impl StoredPart {
    /// Whether it is evidence, and no erasure and no facts, which lie in the same place.
    pub fn holds_evidence(&self) -> bool {
        let evidence = matches!(self.bytes.first().copied(), Some(VERSION_1 | VERSION_2));
        self.kind == PartKind::Evidence && evidence
    }

    /// The digest that a head holds of it.
    pub fn digest(&self) -> Sha256Digest {
        part_digest(&self.salt, &self.bytes)
    }
}

/// Why a part's stored bytes cannot be read, or a part cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// There are no bytes.
    #[error("the {0:?} part is empty")]
    Empty(PartKind),
    /// A version this program does not know.
    #[error("the {kind:?} part has version {found}, which this muster does not read")]
    Version {
        /// Which part.
        kind: PartKind,
        /// What it has.
        found: u8,
    },
    /// The content does not have the layout of its version.
    #[error("the {kind:?} part cannot be read: {detail}")]
    Content {
        /// Which part.
        kind: PartKind,
        /// What does not fit.
        detail: String,
    },
}

/// The version byte of the layouts called V1. A part with another layout gets another number, and
/// every layout stays readable for as long as a ledger may hold it.
const VERSION_1: u8 = 1;
/// The version byte of the layouts called V2: evidence with its details, records with theirs.
const VERSION_2: u8 = 2;
/// The version byte of V3 in the place of evidence: what an erasure took away.
const VERSION_3: u8 = 3;
/// The version byte of V4 in the place of evidence: facts.
const VERSION_4: u8 = 4;

/// First sequence, count, kinds.
#[derive(Serialize, Deserialize)]
struct ErasureV3 {
    runs: Vec<(u64, u64, u8)>,
}

impl From<&ErasurePart> for ErasureV3 {
    fn from(part: &ErasurePart) -> Self {
        Self { runs: part.runs.iter().map(|run| (run.first.0, run.count, run.kinds)).collect() }
    }
}

impl ErasureV3 {
    fn read(self) -> Result<ErasurePart, String> {
        let run = |(first, count, kinds)| ErasedRun { first: Sequence(first), count, kinds };
        let part = ErasurePart { runs: self.runs.into_iter().map(run).collect() };
        part.check().map(|()| part)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct EvidenceV1 {
    candidates: Vec<([u8; 16], f32)>,
    threshold: f32,
    frames: u32,
    detection_score: f32,
    liveness: LivenessV1,
    space: [u8; 32],
    pack: String,
}

/// postcard numbers the variants from 0 in this order.
#[derive(Serialize, Deserialize)]
enum LivenessV1 {
    Score(f32),
    NotMeasurable,
    NotRun,
}

#[derive(Serialize, Deserialize)]
struct NoteV1 {
    text: String,
}

impl From<&EvidencePart> for EvidenceV1 {
    fn from(part: &EvidencePart) -> Self {
        let candidate = |c: &Candidate| (c.person.0.to_bytes(), c.similarity.0);
        Self {
            candidates: part.candidates.iter().map(candidate).collect(),
            threshold: part.threshold.0.0,
            frames: part.frames,
            detection_score: part.detection_score,
            liveness: match part.liveness {
                Liveness::Score(score) => LivenessV1::Score(score),
                Liveness::NotMeasurable => LivenessV1::NotMeasurable,
                Liveness::NotRun => LivenessV1::NotRun,
            },
            space: part.space.0,
            pack: part.pack.clone(),
        }
    }
}

impl EvidenceV1 {
    pub(super) fn read(self) -> Result<EvidencePart, String> {
        let candidate = |(person, similarity)| Candidate {
            person: PersonId(Ulid::from_bytes(person)),
            similarity: Similarity(similarity),
        };
        Ok(EvidencePart {
            candidates: self.candidates.into_iter().map(candidate).collect(),
            threshold: Threshold(Similarity(self.threshold)),
            frames: self.frames,
            detection_score: self.detection_score,
            liveness: match self.liveness {
                LivenessV1::Score(score) => Liveness::Score(score),
                LivenessV1::NotMeasurable => Liveness::NotMeasurable,
                LivenessV1::NotRun => Liveness::NotRun,
            },
            space: EmbeddingSpace(self.space),
            pack: self.pack,
            details: None,
        })
    }
}

fn encode(kind: PartKind, version: u8, content: &impl Serialize) -> Result<Vec<u8>, PartError> {
    postcard::to_extend(content, vec![version])
        .map_err(|error| PartError::Content { kind, detail: error.to_string() })
}

fn version(part: &StoredPart) -> Result<u8, PartError> {
    part.bytes.first().copied().ok_or(PartError::Empty(part.kind))
}

fn decode<T: DeserializeOwned>(part: &StoredPart, expected: u8) -> Result<T, PartError> {
    let kind = part.kind;
    let (&version, content) = part.bytes.split_first().ok_or(PartError::Empty(kind))?;
    if version != expected {
        return Err(PartError::Version { kind, found: version });
    }
    match postcard::take_from_bytes(content) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(PartError::Content { kind, detail: format!("{} bytes too many", rest.len()) }),
        Err(error) => Err(PartError::Content { kind, detail: error.to_string() }),
    }
}

impl Parts {
    /// The parts that are there as they are stored, each with its salt of `salts` (in the order of
    /// [`PartKind::ALL`]): a version byte, then the content in postcard's format, of types that
    /// serve nothing else and so change only together with the version byte.
    ///
    /// # Errors
    /// [`PartError::Content`] where the content cannot be written.
    pub fn store(&self, salts: &[Salt; 3]) -> Result<Vec<StoredPart>, PartError> {
        let mut stored = Vec::with_capacity(3);
        for kind in PartKind::ALL {
            let bytes = match kind {
                PartKind::Record => self.record.as_ref().map(|part| {
                    if part.details == RecordDetails::default() {
                        encode(kind, VERSION_1, &RecordV1::from(part))
                    } else {
                        encode(kind, VERSION_2, &RecordV2::from(part))
                    }
                }),
                PartKind::Evidence => match (&self.evidence, &self.erasure, &self.facts) {
                    (None, None, None) => None,
                    (Some(part), None, None) => Some(match &part.details {
                        None => encode(kind, VERSION_1, &EvidenceV1::from(part)),
                        Some(details) => encode(kind, VERSION_2, &EvidenceV2::new(part, details)),
                    }),
                    (None, Some(part), None) => Some(encode(kind, VERSION_3, &ErasureV3::from(part))),
                    (None, None, Some(facts)) => Some(encode(kind, VERSION_4, &FactsV4::from(facts))),
                    _ => {
                        let detail = "an entry has evidence, an erasure or facts, not two of them".to_owned();
                        return Err(PartError::Content { kind, detail });
                    }
                },
                PartKind::Note => self
                    .note
                    .as_ref()
                    .map(|part| encode(kind, VERSION_1, &NoteV1 { text: part.text.clone() })),
            };
            if let Some(bytes) = bytes {
                stored.push(StoredPart { kind, salt: salts[kind.index()], bytes: bytes? });
            }
        }
        Ok(stored)
    }

    /// Puts a part read from a store in its place.
    ///
    /// # Errors
    /// [`PartError`] where the bytes are not those of such a part.
    pub fn put(&mut self, stored: &StoredPart) -> Result<(), PartError> {
        let kind = stored.kind;
        let content = |detail| PartError::Content { kind, detail };
        match kind {
            PartKind::Record => {
                let record = match version(stored)? {
                    VERSION_2 => decode::<RecordV2>(stored, VERSION_2)?.read(),
                    _ => decode::<RecordV1>(stored, VERSION_1)?.read(),
                };
                self.record = Some(record.map_err(content)?);
            }
            PartKind::Evidence if version(stored)? == VERSION_4 => {
                let facts = decode::<FactsV4>(stored, VERSION_4)?.read();
                self.facts = Some(facts.map_err(content)?);
            }
            PartKind::Evidence if version(stored)? == VERSION_3 => {
                let erasure = decode::<ErasureV3>(stored, VERSION_3)?.read();
                self.erasure = Some(erasure.map_err(content)?);
            }
            PartKind::Evidence => {
                let evidence = match version(stored)? {
                    VERSION_2 => decode::<EvidenceV2>(stored, VERSION_2)?.read(),
                    _ => decode::<EvidenceV1>(stored, VERSION_1)?.read(),
                };
                self.evidence = Some(evidence.map_err(content)?);
            }
            PartKind::Note => {
                self.note = Some(NotePart { text: decode::<NoteV1>(stored, VERSION_1)?.text });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::PresenceState;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn full() -> Parts {
        Parts {
            record: Some(RecordPart::new(PersonId(Ulid(0x0102)), Some(PresenceState::Left))),
            evidence: Some(EvidencePart {
                candidates: vec![
                    Candidate { person: PersonId(Ulid(0x0102)), similarity: Similarity(0.75) },
                    Candidate { person: PersonId(Ulid(u128::MAX)), similarity: Similarity(-0.5) },
                ],
                threshold: Threshold(Similarity(0.5)),
                frames: 300,
                detection_score: 1.0,
                liveness: Liveness::Score(0.25),
                space: EmbeddingSpace([0xab; 32]),
                pack: "default".to_owned(),
                details: None,
            }),
            note: Some(NotePart { text: "sick, é".to_owned() }),
            erasure: None,
            facts: None,
        }
    }

    /// Frozen: what a ledger holds today must be read by every later version.
    const RECORD: &str = "01000000000000000000000000000001020102";
    const EVIDENCE: &str = concat!(
        "0102",
        "00000000000000000000000000000102",
        "0000403f",
        "ffffffffffffffffffffffffffffffff",
        "000000bf",
        "0000003f",
        "ac02",
        "0000803f",
        "000000803e",
        "abababababababababababababababababababababababababababababababab",
        "0764656661756c74",
    );
    const NOTE: &str = "01087369636b2c20c3a9";

    #[test]
    fn the_stored_bytes_are_frozen() {
        let stored = full().store(&[[1; 16], [2; 16], [3; 16]]).unwrap();
        let bytes: Vec<String> = stored.iter().map(|part| hex(&part.bytes)).collect();
        assert_eq!(bytes, [RECORD, EVIDENCE, NOTE]);
        let salts: Vec<u8> = stored.iter().map(|part| part.salt[0]).collect();
        assert_eq!(salts, [1, 2, 3]);
        let mut read = Parts::default();
        stored.iter().for_each(|part| read.put(part).unwrap());
        assert_eq!(read, full());
    }

    #[test]
    fn the_digest_is_frozen_and_takes_the_salt_first() {
        let stored = full().store(&[[1; 16], [2; 16], [3; 16]]).unwrap();
        assert_eq!(stored[2].digest().to_string(), NOTE_DIGEST);
        let mut other = stored[2].clone();
        other.salt = [4; 16];
        assert_ne!(other.digest(), stored[2].digest());
    }

    /// From another SHA-256 (Python's hashlib) over sixteen bytes 03 and the bytes of `NOTE`.
    const NOTE_DIGEST: &str = "9f017b27eb946d8d6c77ce132893599ed004d6296c68d701c8261b3ad2340480";

    #[test]
    fn every_small_form_is_read_back() {
        for (state, liveness) in [
            (None, Liveness::NotRun),
            (Some(PresenceState::Present), Liveness::NotMeasurable),
            (Some(PresenceState::Left), Liveness::Score(f32::MIN_POSITIVE)),
        ] {
            let mut parts = full();
            parts.note = None;
            parts.record.as_mut().unwrap().state = state;
            let evidence = parts.evidence.as_mut().unwrap();
            evidence.liveness = liveness;
            evidence.candidates.clear();
            let mut read = Parts::default();
            parts.store(&[[0; 16]; 3]).unwrap().iter().for_each(|part| read.put(part).unwrap());
            assert_eq!(read, parts);
        }
    }

    #[test]
    fn an_erasure_lies_in_the_place_of_the_evidence() {
        let parts = [(Sequence(300), PartKind::Record), (Sequence(300), PartKind::Note)];
        let erasure = ErasurePart::of(parts);
        let parts = Parts { erasure: Some(erasure), ..Parts::default() };
        let stored = parts.store(&[[0; 16]; 3]).unwrap();
        // Frozen: what a ledger holds today must be read by every later version.
        assert_eq!((stored[0].kind, hex(&stored[0].bytes)), (PartKind::Evidence, "0301ac020105".to_owned()));
        let mut read = Parts::default();
        read.put(&stored[0]).unwrap();
        assert_eq!(read, parts);
        let wrong = StoredPart { bytes: vec![3, 1, 1, 0, 1], ..stored[0].clone() };
        assert!(matches!(Parts::default().put(&wrong), Err(PartError::Content { .. })));
        let both = Parts { erasure: parts.erasure, ..full() };
        assert!(both.store(&[[0; 16]; 3]).is_err());
    }

    #[test]
    fn bytes_that_are_no_part_are_refused() {
        for original in full().store(&[[0; 16]; 3]).unwrap() {
            let refused = |bytes: &[u8]| {
                let part = StoredPart { bytes: bytes.to_vec(), ..original.clone() };
                Parts::default().put(&part).unwrap_err()
            };
            assert_eq!(refused(&[]), PartError::Empty(original.kind));
            let mut newer = original.bytes.clone();
            newer[0] = 9;
            assert_eq!(refused(&newer), PartError::Version { kind: original.kind, found: 9 });
            for length in 1..original.bytes.len() {
                assert!(matches!(refused(&original.bytes[..length]), PartError::Content { .. }));
            }
            let longer = [original.bytes.as_slice(), &[0]].concat();
            assert!(matches!(refused(&longer), PartError::Content { .. }));
        }
        let unknown = StoredPart {
            kind: PartKind::Record,
            salt: [0; 16],
            bytes: [&[1][..], &[0; 16], &[1, 3]].concat(),
        };
        assert!(Parts::default().put(&unknown).unwrap_err().to_string().contains("presence state 3"));
    }

    #[test]
    fn debug_of_a_stored_part_shows_none_of_it() {
        let stored = full().store(&[[7; 16]; 3]).unwrap();
        assert_eq!(format!("{:?}", stored[2]), "StoredPart(Note, 10 bytes)");
    }
}
