//! The inbox on photographs. `cargo test --release --test it strangers -- --nocapture` prints the
//! figures.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use muster::attendance::Inbox;
use muster::attendance::StrangerId;
use muster::attendance::inbox::UnknownTrack;
use muster::attendance::stranger::{Appearance, StrangerTrack};
use muster::face::{EmbeddingSpace, Probe, QualityScore, Similarity};
use muster::inference::FaceAnalyser;
use muster::ledger::{ClockState, Sequence};
use ulid::Ulid;

use crate::support::{Home, analyse, demo_picture, faces, largest, pipeline, sorted};

/// Whose photograph, and the largest face of it.
type Photograph = (usize, Probe);

fn photographs(pack: &str) -> Option<(Vec<Photograph>, EmbeddingSpace, Similarity, usize)> {
    let people = faces("people")?;
    let mut pipeline = pipeline(pack);
    let folders: Vec<_> =
        ["lfw10", "johns", "bbt"].iter().flat_map(|set| sorted(&people.join(set))).collect();
    let mut found = Vec::new();
    for (person, folder) in folders.iter().enumerate() {
        for path in sorted(folder) {
            let analysis = analyse(&mut pipeline, &path);
            found.extend(
                largest(&analysis).and_then(|face| face.probe.clone().ok()).map(|probe| (person, probe)),
            );
        }
    }
    let facts = pipeline.facts();
    Some((found, facts.space, facts.threshold.0, folders.len()))
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a day of nothing but strangers comes to: items, items with two people or more, people in
/// two items or more.
fn day(photographs: &[Photograph], space: EmbeddingSpace, join_at: Similarity, seed: u64) -> [usize; 3] {
    let mut order: Vec<usize> = (0..photographs.len()).collect();
    let mut state = seed;
    for i in (1..order.len()).rev() {
        order.swap(i, (next(&mut state) % (i as u64 + 1)) as usize);
    }
    let mut inbox = Inbox::default();
    for (n, index) in order.iter().enumerate() {
        let probe = &photographs[*index].1;
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(n as i64);
        // The entry's number is the photograph's, so that an item says whose it has.
        let sequence = Sequence(*index as u64);
        let seen = UnknownTrack {
            track: StrangerTrack { sequence, at, clock: ClockState::Recording },
            appearance: Appearance {
                space,
                embeddings: vec![probe.embedding.clone()],
                crop: vec![1].into(),
                quality: probe.quality,
                score: QualityScore(probe.quality.inter_eye_distance_px.unwrap_or(0.0)),
            },
        };
        let item = inbox.placed(&seen, join_at, StrangerId(Ulid(n as u128)));
        inbox.put(item);
    }
    let mut items_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut mixed = 0;
    for item in inbox.iter() {
        let people: BTreeSet<usize> =
            item.tracks.iter().map(|track| photographs[track.sequence.0 as usize].0).collect();
        mixed += usize::from(people.len() > 1);
        people.into_iter().for_each(|person| *items_of.entry(person).or_default() += 1);
    }
    [inbox.len(), mixed, items_of.values().filter(|count| **count > 1).count()]
}

fn worst(photographs: &[Photograph], space: EmbeddingSpace, join_at: Similarity) -> [usize; 3] {
    let days: Vec<[usize; 3]> = (0..10).map(|seed| day(photographs, space, join_at, seed)).collect();
    [0, 1, 2].map(|what| days.iter().map(|day| day[what]).max().unwrap_or(0))
}

/// The most of ten orders at the card's threshold must not be more than `most`: items, items with
/// two people, people in two items.
fn strangers_are_told_apart(pack: &str, most: [usize; 3]) {
    let Some((photographs, space, threshold, people)) = photographs(pack) else { return };
    println!("{pack}: {} photographs of {people} people; card {:.3}", photographs.len(), threshold.0);
    for offset in [-0.1, -0.05, 0.0, 0.05, 0.1] {
        let [items, mixed, split] = worst(&photographs, space, Similarity(threshold.0 + offset));
        println!(
            "  joined at {:.3}: at most {items} items, {mixed} with two people, {split} people in several",
            threshold.0 + offset
        );
    }
    let found = worst(&photographs, space, threshold);
    assert!(
        found.iter().zip(most).all(|(found, most)| *found <= most),
        "{pack}: {found:?}, at most {most:?}"
    );
}

#[test]
fn strangers_are_told_apart_by_the_default_pack() {
    strangers_are_told_apart("default", [24, 0, 1]);
}

#[test]
fn strangers_are_told_apart_by_the_mtcnn_pack() {
    strangers_are_told_apart("mtcnn", [25, 0, 2]);
}

/// From the door to the record with nobody enrolled: one item of two pictures of one man, enrolled
/// from the inbox, recognised from then on, and his passage added later.
#[test]
fn a_stranger_goes_from_the_inbox_to_the_record() {
    let home = Home::new();
    let take = |picture: &str| {
        let source = format!("images:{}", demo_picture(picture).display());
        home.run(["take", "--source", &source]).expect(0).stdout
    };
    take("show/obama2.jpg");
    take("enrol/obama.jpg");
    take("show/astronaut.png");
    let items = home.run(["--json", "inbox", "list"]).expect(0).json_lines();
    let mut counts: Vec<u64> = items.iter().map(|item| item["tracks"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2], "{items:?}");
    let item = items.iter().find(|item| item["tracks"] == 2).unwrap();
    assert_eq!(item["can_be_enrolled"], true, "{item}");
    let id = item["item"].as_str().unwrap();

    let file = home.path().join("face.png");
    home.run(["inbox", "show", id, "--output", file.to_str().unwrap()]).expect(0);
    let face = muster::capture::picture::read(&file).unwrap();
    assert_eq!((face.width(), face.height()), (160, 160));

    let enrolled = home.run(["--json", "inbox", "enrol", id, "Barack Obama"]).expect(0).json_lines();
    assert_eq!(enrolled[0]["waiting"].as_array().unwrap().len(), 2, "{enrolled:?}");
    let added = home.run(["--json", "inbox", "back-fill", "Barack Obama"]).expect(0).json_lines();
    assert_eq!((&added[0]["kind"], &added[0]["person"]), (&"back_filled".into(), &"Barack Obama".into()));
    home.run(["inbox", "back-fill", "Barack Obama"]).expect(1);
    let report = home.run(["--json", "report"]).expect(0).json_lines();
    assert_eq!((&report[0]["person"], &report[0]["state"]), (&"Barack Obama".into(), &"present".into()));
    let entries = added[0]["entries"].as_array().unwrap().len() as u64;
    assert_eq!(report[0]["back_filled"], entries);
    let other_picture = demo_picture("show/obama3.jpg").display().to_string();
    assert!(home.run(["identify", &other_picture]).expect(0).stdout.contains("Barack Obama"));
    // The passage that was added is a passage: who is seen within the debounce is still in it.
    assert!(!take("show/obama2.jpg").contains("  Barack Obama"));

    let left = home.run(["--json", "inbox", "list"]).expect(0).json_lines();
    assert_eq!(left.len(), 1);
    let other = left[0]["item"].as_str().unwrap();
    home.run(["inbox", "discard", other, "--yes"]).expect(0);
    assert!(home.run(["inbox", "list"]).expect(0).stdout.contains("the inbox is empty"));
}
