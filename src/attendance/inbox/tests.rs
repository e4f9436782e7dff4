use proptest::prelude::*;
use ulid::Ulid;

use super::*;
use crate::face::{Quality, QualityScore, TemplateId};
use crate::ledger::{ClockState, Sequence};

const SPACE: EmbeddingSpace = EmbeddingSpace([7; 32]);
const JOIN: Similarity = Similarity(0.5);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn track(sequence: u64, seconds: i64) -> StrangerTrack {
    StrangerTrack { sequence: Sequence(sequence), at: at(seconds), clock: ClockState::Synchronised }
}

fn seen(sequence: u64, seconds: i64, values: [f32; 3], score: f32) -> UnknownTrack {
    UnknownTrack {
        track: track(sequence, seconds),
        appearance: Appearance {
            space: SPACE,
            embeddings: vec![Embedding::normalised(values.to_vec()).unwrap()],
            crop: vec![sequence as u8; 4].into(),
            quality: Quality::default(),
            score: QualityScore(score),
        },
    }
}

fn id(number: u128) -> StrangerId {
    StrangerId(Ulid(number))
}

/// Puts tracks in one after the other, new items by the number of the track.
fn filled(tracks: &[UnknownTrack]) -> Inbox {
    let mut inbox = Inbox::default();
    for seen in tracks {
        let item = inbox.placed(seen, JOIN, id(u128::from(seen.track.sequence.0)));
        inbox.put(item);
    }
    inbox
}

#[test]
fn a_stranger_who_comes_again_is_the_same_item_and_another_is_not() {
    let inbox = filled(&[
        seen(1, 0, [1.0, 0.0, 0.0], 0.5),
        seen(2, 90, [0.0, 1.0, 0.0], 0.5),
        seen(3, 60, [0.9, 0.1, 0.0], 0.5),
    ]);
    assert_eq!(inbox.len(), 2);
    let first = inbox.get(id(1)).unwrap();
    assert_eq!((first.track_count, first.tracks.len()), (2, 2));
    assert_eq!((first.first_seen, first.last_seen), (at(0), at(60)));
    assert_eq!(inbox.get(id(2)).unwrap().track_count, 1);
}

#[test]
fn the_picture_is_that_of_the_best_sighting_and_its_embedding_comes_first() {
    let face = [1.0, 0.0, 0.0];
    let picture = |inbox: &Inbox| inbox.get(id(1)).unwrap().appearance().unwrap().clone();
    let poor = filled(&[seen(1, 0, face, 0.5), seen(2, 1, [0.9, 0.1, 0.0], 0.54)]);
    assert_eq!(picture(&poor).crop, vec![1; 4].into(), "a little better is not better");
    let better = seen(2, 1, [0.9, 0.1, 0.0], 0.6);
    let held = picture(&filled(&[seen(1, 0, face, 0.5), better.clone()]));
    assert_eq!((held.crop, held.score), (vec![2; 4].into(), QualityScore(0.6)));
    assert_eq!(held.embeddings[0], better.appearance.embeddings[0]);
    assert_eq!(held.embeddings.len(), 2);
    // What is kept is bounded, and the picture's embedding stays.
    let many: Vec<UnknownTrack> = std::iter::once(better)
        .chain((3..400).map(|n| seen(n, n as i64, [1.0, n as f32 / 4000.0, 0.0], 0.5)))
        .collect();
    let inbox = filled(&many);
    let item = inbox.get(id(2)).unwrap();
    assert_eq!((item.track_count, item.tracks.len()), (398, MAX_TRACKS));
    assert_eq!(item.appearance().unwrap().embeddings.len(), MAX_EMBEDDINGS);
    assert_eq!(item.appearance().unwrap().embeddings[0], many[0].appearance.embeddings[0]);
    assert_eq!(item.first_seen, at(1));
    item.check().unwrap();
}

#[test]
fn spaces_are_never_compared_and_who_was_enrolled_takes_no_more_tracks() {
    let face = [1.0, 0.0, 0.0];
    let mut inbox = filled(&[seen(1, 0, face, 0.5)]);
    let mut foreign = seen(2, 1, face, 0.5);
    foreign.appearance.space = EmbeddingSpace([8; 32]);
    assert_eq!(inbox.placed(&foreign, JOIN, id(2)).id, id(2));
    let person = PersonId(Ulid(5));
    let enrolled = Stranger { standing: Standing::Enrolled(person), ..inbox.get(id(1)).unwrap().clone() };
    inbox.put(enrolled);
    assert_eq!(inbox.placed(&seen(3, 2, face, 0.5), JOIN, id(3)).id, id(3));
    let of: Vec<StrangerId> = inbox.of_person(person).map(|item| item.id).collect();
    assert_eq!(of, [id(1)]);
}

#[test]
fn a_template_finds_the_items_of_its_person() {
    let inbox = filled(&[seen(1, 0, [1.0, 0.0, 0.0], 0.5), seen(2, 0, [0.0, 1.0, 0.0], 0.5)]);
    let template = Template {
        id: TemplateId(Ulid(1)),
        person: PersonId(Ulid(5)),
        space: SPACE,
        embedding: Embedding::normalised(vec![0.8, 0.2, 0.0]).unwrap(),
    };
    assert_eq!(inbox.like(&template, Similarity(0.5)), [id(1)]);
    assert_eq!(inbox.like(&template, Similarity(0.99)), []);
}

#[test]
fn an_item_is_kept_from_its_first_track_on_however_often_its_stranger_comes() {
    let face = [1.0, 0.0, 0.0];
    let hour = TimeDelta::hours(1);
    let inbox = filled(&[seen(1, 0, face, 0.5), seen(2, 3599, face, 0.5)]);
    assert_eq!(inbox.expired(at(3599), hour), []);
    assert_eq!(inbox.expired(at(3600), hour), [id(1)]);
    assert_eq!(inbox.expired(at(-90_000), hour), [], "the clock was set back");
    assert_eq!(inbox.expired(at(0), TimeDelta::zero()), [id(1)], "0 keeps nothing");
}

#[test]
fn the_oldest_make_room() {
    let mut inbox = Inbox::default();
    for n in 0..MAX_ITEMS as u64 {
        // The later, the smaller the number.
        let seconds = (MAX_ITEMS as i64) - n as i64;
        let item = inbox.placed(&seen(n, seconds, [1.0, 0.0, 0.0], 0.5), Similarity(2.0), id(u128::from(n)));
        inbox.put(item);
    }
    assert_eq!(inbox.without_room(id(7)), [], "an item that is there needs no room");
    assert_eq!(inbox.without_room(id(9999)), [id(MAX_ITEMS as u128 - 1)]);
}

#[test]
fn tracks_within_the_debounce_are_one_passage() {
    let minute = TimeDelta::seconds(60);
    let sequences = |found: Vec<StrangerTrack>| found.iter().map(|t| t.sequence.0).collect::<Vec<_>>();
    // Out of order; 2 and 3 extend the passage that 1 began.
    let tracks = [track(4, 170), track(1, 0), track(3, 100), track(2, 59)];
    assert_eq!(sequences(passages(&tracks, &[], minute)), [1, 4]);
    // What is on record already is not written again, nor what belongs to it.
    assert_eq!(sequences(passages(&tracks, &[at(200)], minute)), [1]);
    assert_eq!(sequences(passages(&tracks, &[at(-59)], minute)), [4]);
    assert_eq!(sequences(passages(&tracks, &[at(-60)], minute)), [1, 4]);
    assert_eq!(sequences(passages(&tracks, &[], TimeDelta::zero())), [1, 2, 3, 4]);
}

proptest! {
    /// Whatever comes in whatever order: every track is in exactly one item, every item keeps
    /// within its limits, and a track that began an item was alike to none that was there.
    #[test]
    fn every_track_is_in_one_item(
        tracks in prop::collection::vec((prop::array::uniform3(-1.0f32..1.0), 0i64..500, 0.0f32..1.0), 1..60),
    ) {
        let mut inbox = Inbox::default();
        for (n, (values, seconds, score)) in tracks.iter().enumerate() {
            let values = [values[0] + 1.5, values[1], values[2]];
            let seen = seen(n as u64, *seconds, values, *score);
            let best = inbox.most_alike(SPACE, &seen.appearance.embeddings[0]);
            let item = inbox.placed(&seen, JOIN, id(n as u128));
            match best {
                Some((joined, similarity)) if similarity >= JOIN => prop_assert_eq!(item.id, joined),
                _ => prop_assert_eq!(item.id, id(n as u128)),
            }
            prop_assert_eq!(item.check(), Ok(()));
            inbox.put(item);
        }
        let mut found: Vec<u64> = inbox.iter().flat_map(|i| &i.tracks).map(|t| t.sequence.0).collect();
        found.sort_unstable();
        prop_assert_eq!(found, (0..tracks.len() as u64).collect::<Vec<_>>());
        for item in inbox.iter() {
            prop_assert_eq!(item.track_count as usize, item.tracks.len());
            prop_assert_eq!(item.tracks.iter().map(|t| t.at).min(), Some(item.first_seen));
            prop_assert_eq!(item.tracks.iter().map(|t| t.at).max(), Some(item.last_seen));
        }
    }

    /// No two passages lie within the debounce of each other or of what is on record, and every track
    /// is near one, over tracks that are near each other.
    #[test]
    fn passages_are_apart(times in prop::collection::vec(0i64..2000, 0..30), recorded in prop::collection::vec(0i64..2000, 0..4)) {
        let debounce = TimeDelta::seconds(60);
        let tracks: Vec<StrangerTrack> =
            times.iter().enumerate().map(|(n, seconds)| track(n as u64, *seconds)).collect();
        let recorded: Vec<DateTime<Utc>> = recorded.into_iter().map(at).collect();
        let found = passages(&tracks, &recorded, debounce);
        for pair in found.windows(2) {
            prop_assert!(pair[1].at - pair[0].at >= debounce);
        }
        for passage in &found {
            prop_assert!(recorded.iter().all(|at| (passage.at - *at).abs() >= debounce));
        }
        let first = tracks.iter().min_by_key(|track| (track.at, track.sequence));
        let is_on_record =
            |track: &StrangerTrack| recorded.iter().any(|at| (track.at - *at).abs() < debounce);
        if let Some(first) = first {
            prop_assert_eq!(found.contains(first), !is_on_record(first));
        }
    }
}
