//! What every store does with crops and items of the inbox.

use super::*;
use crate::attendance::stranger::{Appearance, MAX_TRACKS, Standing, StrangerTrack};
use crate::face::{EncodedCrop, Quality, QualityScore};

pub(in crate::store) fn crop(content: u8) -> EncodedCrop {
    vec![content; 300].into()
}

pub(in crate::store) fn crop_put(template: u128, content: u8) -> Change {
    Change::CropPut { template: TemplateId(Ulid(template)), bytes: crop(content) }
}

pub(in crate::store) fn stranger(id: u128, content: u8) -> Stranger {
    let track = StrangerTrack { sequence: Sequence(1), at: at_us(1), clock: ClockState::Recording };
    Stranger {
        id: StrangerId(Ulid(id)),
        standing: Standing::Unknown(Appearance {
            space: EmbeddingSpace([9; 32]),
            embeddings: vec![Embedding::normalised(vec![1.0, f32::from(content)]).unwrap()],
            crop: crop(content),
            quality: Quality::default(),
            score: QualityScore(0.5),
        }),
        tracks: vec![track],
        track_count: 1,
        first_seen: at_us(1),
        last_seen: at_us(2),
    }
}

/// The crops beside the templates 0 to 19.
pub(super) fn crops(store: &dyn Store) -> Vec<Option<EncodedCrop>> {
    (0..20).map(|id| store.crop(TemplateId(Ulid(id))).unwrap()).collect()
}

pub(super) fn crops_lie_beside_their_templates(store: &mut impl Tamper) {
    let (ten, eleven) = (TemplateId(Ulid(10)), TemplateId(Ulid(11)));
    assert_eq!(store.crop(ten).unwrap(), None);
    // The crop may come before the template it lies beside.
    let both =
        vec![crop_put(10, 1), Change::PersonPut(person(1, None)), Change::TemplatePut(template(10, 1))];
    let point = store.commit(changes(both)).unwrap().point;
    assert_eq!(store.crop(ten).unwrap(), Some(crop(1)));
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 2, "crops are not in the feed");
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().point, point);
    // One that is put moves the point, without which a commit that failed could not be told from
    // one that did not.
    let moved = store.commit(changes(vec![crop_put(10, 2)])).unwrap().point;
    assert!(moved > point);
    assert_eq!(store.changes_since(point).unwrap(), Changes { point: moved, changes: vec![] });
    // It stays while the template is put anew, as in another space.
    let mut moved_space = template(10, 1);
    moved_space.space = EmbeddingSpace([8; 32]);
    store.commit(changes(vec![Change::TemplatePut(moved_space)])).unwrap();
    assert_eq!(store.crop(ten).unwrap(), Some(crop(2)));
    // It can go alone, and goes with the template.
    store.commit(changes(vec![Change::CropRemoved(ten)])).unwrap();
    assert_eq!(store.crop(ten).unwrap(), None);
    store.commit(changes(vec![crop_put(10, 3)])).unwrap();
    let point = store.commit(changes(vec![Change::TemplateRemoved(ten)])).unwrap().point;
    assert_eq!(store.crop(ten).unwrap(), None);
    store.commit(changes(vec![Change::TemplatePut(template(10, 1))])).unwrap();
    assert_eq!(store.crop(ten).unwrap(), None, "a template with an old id found the old crop");
    // Removing what is not there changes nothing.
    let again = vec![Change::CropRemoved(ten), Change::CropRemoved(eleven)];
    assert_eq!(store.commit(changes(again)).unwrap().point.0, point.0 + 1);
}

pub(super) fn crops_that_cannot_be_are_refused(store: &mut impl Tamper) {
    let enrolled =
        vec![Change::PersonPut(person(1, None)), Change::TemplatePut(template(10, 1)), crop_put(10, 1)];
    store.commit(changes(enrolled)).unwrap();
    let sized = |length| Change::CropPut { template: TemplateId(Ulid(10)), bytes: vec![1; length].into() };
    for (refused, word) in [
        (vec![crop_put(11, 1)], "no template"),
        (vec![crop_put(10, 2), Change::TemplateRemoved(TemplateId(Ulid(10)))], "no template"),
        (vec![sized(0)], "empty"),
        (vec![sized(MAX_CROP_BYTES + 1)], "at most"),
    ] {
        let said = refusal(store, changes(refused));
        assert!(said.contains(word), "{said}");
        assert_eq!(store.crop(TemplateId(Ulid(10))).unwrap(), Some(crop(1)));
    }
    store.commit(changes(vec![sized(MAX_CROP_BYTES)])).unwrap();
    assert_eq!(store.crop(TemplateId(Ulid(10))).unwrap().unwrap().len(), MAX_CROP_BYTES);
}

pub(super) fn items_of_the_inbox_are_in_the_feed(store: &mut impl Tamper) {
    let id = StrangerId(Ulid(5));
    let now = |store: &dyn Store, point| store.changes_since(point).unwrap().changes;
    let first = store.commit(changes(vec![Change::StrangerPut(stranger(5, 1))])).unwrap().point;
    assert_eq!(now(store, ChangePoint(0)), [Change::StrangerPut(stranger(5, 1))]);
    // Once, as it is now.
    store.commit(changes(vec![Change::StrangerPut(stranger(5, 2))])).unwrap();
    assert_eq!(now(store, ChangePoint(0)), [Change::StrangerPut(stranger(5, 2))]);
    let mut known = stranger(5, 2);
    known.standing = Standing::Enrolled(PersonId(Ulid(1)));
    (known.first_seen, known.tracks[0].at) =
        (at_us(1) + TimeDelta::nanoseconds(9), at_us(1) + TimeDelta::nanoseconds(9));
    store.commit(changes(vec![Change::StrangerPut(known.clone())])).unwrap();
    (known.first_seen, known.tracks[0].at) = (at_us(1), at_us(1));
    assert_eq!(now(store, first), [Change::StrangerPut(known)], "times are cut to the microsecond");
    let gone = store.commit(changes(vec![Change::StrangerRemoved(id)])).unwrap().point;
    assert_eq!(now(store, ChangePoint(0)), []);
    assert_eq!(now(store, first), [Change::StrangerRemoved(id)]);
    let flash = vec![
        Change::StrangerRemoved(id),
        Change::StrangerPut(stranger(6, 1)),
        Change::StrangerRemoved(StrangerId(Ulid(6))),
    ];
    assert_eq!(store.commit(changes(flash)).unwrap().point, gone);
}

pub(super) fn items_past_their_limits_are_refused(store: &mut impl Tamper) {
    let with = |change: fn(&mut Appearance)| {
        let mut item = stranger(5, 1);
        if let Standing::Unknown(appearance) = &mut item.standing {
            change(appearance);
        }
        item
    };
    let mut long = stranger(5, 1);
    long.tracks = vec![long.tracks[0]; MAX_TRACKS + 1];
    let mut late = stranger(5, 1);
    late.last_seen = DateTime::<Utc>::MAX_UTC;
    for (item, word) in [
        (with(|a| a.embeddings.clear()), "0 embeddings"),
        (with(|a| a.embeddings = vec![a.embeddings[0].clone(); 6]), "6 embeddings"),
        (with(|a| a.embeddings = vec![Embedding::normalised(vec![1.0; 5000]).unwrap()]), "values"),
        (with(|a| a.crop = vec![0; 300_000].into()), "300000 bytes"),
        (long, "257 tracks"),
    ] {
        let said = refusal(store, changes(vec![Change::StrangerPut(item)]));
        assert!(said.contains(word), "{said}");
    }
    // The end of the calendar can be told in microseconds.
    store.commit(changes(vec![Change::StrangerPut(late)])).unwrap();
}

#[test]
fn debug_shows_neither_pixels_nor_values() {
    let both = format!("{:?} {:?}", crop_put(10, 177), Change::StrangerPut(stranger(5, 177)));
    assert!(both.contains("EncodedCrop(300 bytes)") && both.contains("Embedding(2-D)"), "{both}");
    assert!(!both.contains("177"), "{both}");
}
