//! Whether stored bytes can be read as a part, without reading them into anything: a walk of the ledger asks it
//! of every part, and most of the time that reading takes is spent on what is then thrown away.
//!
//! This says the layouts that are written most a second time, field by field. They are frozen, and a test
//! holds both to the same answer, byte for byte.

use super::super::details::is_shortfall;
use super::super::record::{is_method, is_standing, time};
use super::{PartKind, Parts, VERSION_1, VERSION_2};

/// What is left of a part's bytes. Each function passes over a field as postcard writes it; none where the
/// bytes are not such a field.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A number in groups of seven bits, the lowest first, at most `most` of them, the last of those at most
    /// `last`.
    fn varint(&mut self, most: u32, last: u8) -> Option<u64> {
        let mut number = 0;
        for group in 0..most {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                return (group + 1 < most || byte <= last).then_some(number);
            }
        }
        None
    }

    fn u32(&mut self) -> Option<u64> {
        self.varint(5, 0x0f)
    }

    fn u64(&mut self) -> Option<u64> {
        self.varint(10, 0x01)
    }

    fn f32(&mut self) -> Option<()> {
        self.bytes(4).map(drop)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<()> {
        let length = usize::try_from(self.u64()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok().map(drop)
    }

    fn option(&mut self, field: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        if self.bool()? { field(self) } else { Some(()) }
    }

    fn number(&mut self, is_known: impl Fn(u8) -> bool) -> Option<()> {
        is_known(self.byte()?).then_some(())
    }

    fn time(&mut self) -> Option<()> {
        let folded = self.u64()?;
        // The sign is the lowest bit.
        let us = (folded >> 1) as i64 ^ -((folded & 1) as i64);
        time(us).ok().map(drop)
    }

    fn record_1(&mut self) -> Option<()> {
        self.bytes(16)?;
        self.option(|rest| rest.number(|state| state == 1 || state == 2))
    }

    fn record_2(&mut self) -> Option<()> {
        self.record_1()?;
        self.option(|rest| rest.number(is_method))?;
        self.option(|rest| rest.u64().map(drop))?;
        self.bool()?;
        self.option(Self::time)?;
        self.option(Self::time)?;
        self.option(|rest| rest.bytes(16).map(drop))?;
        self.option(|rest| rest.number(is_standing))?;
        self.option(Self::text)
    }

    fn evidence_1(&mut self) -> Option<()> {
        let candidates = usize::try_from(self.u64()?).ok()?;
        self.bytes(candidates.checked_mul(16 + 4)?)?;
        self.f32()?;
        self.u32()?;
        self.f32()?;
        match self.u32()? {
            0 => self.f32()?,
            1 | 2 => {}
            _ => return None,
        }
        self.bytes(32)?;
        self.text()
    }

    fn evidence_2(&mut self) -> Option<()> {
        self.evidence_1()?;
        match self.u32()? {
            0 | 1 => {}
            2 => {
                self.f32()?;
                self.u32()?;
                self.u32()?;
                self.bool()?;
                self.bool()?;
            }
            _ => return None,
        }
        for _votes in 0..3 {
            self.u32()?;
        }
        self.f32()?;
        self.option(|rest| rest.number(is_shortfall))?;
        self.option(Self::f32)?;
        self.option(|pose| pose.bytes(12).map(drop))?;
        for _quality in 0..6 {
            self.option(Self::f32)?;
        }
        self.f32()?;
        self.u32()?;
        self.option(Self::f32)?;
        self.text()?;
        self.text()
    }
}

impl Parts {
    /// Whether [`Parts::put`] certainly takes `bytes` as a part of `kind`. Where this says no, it may take
    /// them all the same: the kinds that are rare are not looked at here.
    pub(in super::super) fn can_be_put(kind: PartKind, bytes: &[u8]) -> bool {
        let Some((&version, content)) = bytes.split_first() else { return false };
        let mut rest = Rest(content);
        let read = match (kind, version) {
            (PartKind::Record, VERSION_1) => rest.record_1(),
            (PartKind::Record, VERSION_2) => rest.record_2(),
            (PartKind::Evidence, VERSION_1) => rest.evidence_1(),
            (PartKind::Evidence, VERSION_2) => rest.evidence_2(),
            _ => None,
        };
        read.is_some() && rest.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::super::super::{EvidencePart, RecordDetails, RecordPart, Sequence, StoredPart};
    use super::*;
    use crate::attendance::session::Standing;
    use crate::attendance::{Method, PersonId, PresenceState, SessionId};
    use crate::face::{EmbeddingSpace, Liveness, Quality, QualityScore, Similarity};
    use crate::identify::{Candidate, DecisionDetails, Shortfall, Threshold, ThresholdBasis, VoteCount};

    /// Records and evidence, with and without details.
    fn stored() -> Vec<StoredPart> {
        let candidate = |id| Candidate { person: PersonId(Ulid(id)), similarity: Similarity(0.5) };
        let details = DecisionDetails {
            basis: ThresholdBasis::Card,
            votes: VoteCount { best: 3, others: 1, nobody: 2 },
            margin: 0.25,
            shortfall: Some(Shortfall::Margin),
            quality: Quality::default(),
            quality_score: QualityScore(0.5),
            liveness_frames: 2,
            liveness_threshold: Some(0.5),
            model: "ä net".to_owned(),
            program: "1".to_owned(),
        };
        let evidence = |details| EvidencePart {
            candidates: vec![candidate(1), candidate(2)],
            threshold: Threshold(Similarity(0.5)),
            frames: 3,
            detection_score: 1.0,
            liveness: Liveness::Score(0.5),
            space: EmbeddingSpace([0xab; 32]),
            pack: "pack é".to_owned(),
            details,
        };
        let plain = RecordPart::new(PersonId(Ulid(1)), Some(PresenceState::Left));
        let full = RecordDetails {
            method: Some(Method::Face),
            corrects: Some(Sequence(7)),
            source: Some("yard ü".to_owned()),
            ..RecordDetails::default()
        };
        let derived = ThresholdBasis::Derived {
            target_fpir: 0.01,
            templates: 300,
            people: 200,
            at_floor: true,
            extrapolated: false,
        };
        let other = DecisionDetails { basis: derived, shortfall: None, ..details.clone() };
        let at = |us| DateTime::from_timestamp_micros(us);
        let corrected = RecordDetails {
            struck: true,
            holds_at: at(1_772_434_800_000_000),
            holds_until: at(-2),
            session: Some(SessionId(Ulid(5))),
            standing: Some(Standing::Late),
            ..RecordDetails::default()
        };
        let parts = [
            (plain.clone(), None),
            (RecordPart { details: full, ..plain.clone() }, Some(details)),
            (RecordPart { details: corrected, ..plain }, Some(other)),
        ];
        let store = |(record, details)| {
            let parts = Parts { record: Some(record), evidence: Some(evidence(details)), ..Parts::default() };
            parts.store(&[[0; 16]; 3]).unwrap()
        };
        parts.into_iter().flat_map(store).collect()
    }

    #[test]
    fn what_is_written_most_is_checked_here() {
        let stored = stored();
        assert_eq!(stored.len(), 6);
        for part in stored {
            assert!(Parts::can_be_put(part.kind, &part.bytes), "{:?} {:?}", part.kind, part.bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8192, ..ProptestConfig::default() })]

        #[test]
        fn what_is_let_through_can_be_read(
            which in 0usize..6,
            changes in prop::collection::vec((0usize..256, any::<u8>()), 0..3),
            run in (0usize..256, 0usize..12, any::<u8>()),
            length in 1usize..400,
        ) {
            let mut part = stored().remove(which);
            for (at, byte) in changes {
                let at = at % part.bytes.len();
                part.bytes[at] = byte;
            }
            // A run of one byte makes numbers that are too long, among others.
            let (from, count, byte) = run;
            let from = from % part.bytes.len();
            part.bytes.splice(from..from, std::iter::repeat_n(byte, count));
            part.bytes.truncate(length);
            let is_read = Parts::default().put(&part).is_ok();
            // Of these layouts it says the same as a reader, byte for byte.
            if part.bytes[0] == VERSION_1 || part.bytes[0] == VERSION_2 {
                prop_assert_eq!(Parts::can_be_put(part.kind, &part.bytes), is_read);
            } else {
                prop_assert!(!Parts::can_be_put(part.kind, &part.bytes));
            }
        }
    }
}
