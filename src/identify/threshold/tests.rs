use proptest::prelude::*;
use ulid::Ulid;

use super::*;
use crate::attendance::PersonId;
use crate::face::{Embedding, EmbeddingSpace, Similarity, Template, TemplateId};
use crate::identify::{Gallery, Threshold, ThresholdBasis};

/// A tail of plain numbers: what the default card has, rounded.
fn card() -> TailFit {
    TailFit {
        start: 0.23,
        share: 0.02,
        scale: 0.035,
        mean: 0.01,
        highest: 0.41,
        pairs: 18_000,
        people: 23,
        spread: TailSpread { log_share: 0.16, log_scale: 0.024, covariance: 0.034 },
    }
}

fn at(similarity: f64) -> Threshold {
    Threshold(Similarity(similarity as f32))
}

/// A small generator of known quality (Steele et al., Fast splittable pseudorandom number generators,
/// OOPSLA 2014): the tests are the same in every run.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and below 1.
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn direction(&mut self, dimension: usize) -> Vec<f32> {
        let raw = (0..dimension).map(|_| self.normal() as f32).collect();
        Embedding::normalised(raw).unwrap().as_slice().to_vec()
    }
}

/// Pairs of `people` who share nobody: independent draws whose tail is exponential above 0.2, with a
/// share of 0.05 and a scale of 0.03.
fn exponential_pairs(random: &mut SplitMix, people: usize) -> Vec<ImpostorPair> {
    (0..people / 2)
        .map(|n| {
            let u = random.uniform();
            let similarity = if u < 0.05 { 0.2 + 0.03 * (0.05 / u).ln() } else { 0.2 * (1.0 - u) / 0.95 };
            ImpostorPair { a: 2 * n, b: 2 * n + 1, similarity: similarity as f32 }
        })
        .collect()
}

#[test]
fn a_known_tail_is_found_again() {
    let fit = TailFit::of_pairs(&exponential_pairs(&mut SplitMix(1), 200_000)).unwrap();
    assert!((fit.scale / 0.03 - 1.0).abs() < 0.05, "{fit:?}");
    for (similarity, fmr) in [(0.25, 0.05 * (-0.05f64 / 0.03).exp()), (0.4, 0.05 * (-0.2f64 / 0.03).exp())] {
        let found = fit.fmr_at(at(similarity));
        assert!((found.value / fmr).ln().abs() < 0.3, "{similarity}: {found:?}, true {fmr}");
    }
    assert_eq!((fit.pairs, fit.people), (100_000, 200_000));
}

#[test]
fn the_interval_of_independent_pairs_holds_the_truth() {
    let mut random = SplitMix(2);
    let (mut held, draws) = (0, 200);
    for _ in 0..draws {
        let fit = TailFit::of_pairs(&exponential_pairs(&mut random, 10_000)).unwrap();
        let truth = 0.05 * (-0.15f64 / 0.03).exp();
        let found = fit.fmr_at(at(0.35));
        held += u32::from((found.low..=found.high).contains(&truth));
    }
    println!("the interval held the true FMR in {held} of {draws} draws");
    // Each pair is booked to both of its people, so the interval is wider than 95 % here.
    assert!(held >= 190, "{held} of {draws}");
}

/// How often two random directions in 87 dimensions, as alike as different people are to the default
/// card's net, are at least as alike as `similarity`: by integration of the density
/// `(1 - s^2)^((87 - 3) / 2)`.
fn sphere_tail(similarity: f64) -> f64 {
    let mass = |from: f64| {
        let steps = 20_000;
        let step = (1.0 - from) / f64::from(steps);
        let density = |n: i32| (1.0 - (from + (f64::from(n) + 0.5) * step).powi(2)).powi(42);
        (0..steps).map(density).sum::<f64>() * step
    };
    mass(similarity) / mass(-1.0)
}

/// People as directions, pictures as people with noise: pairs that share a person or two depend on
/// each other as real ones do.
fn people_with_pictures(random: &mut SplitMix, people: usize, pictures: usize) -> Vec<ImpostorPair> {
    let mut all: Vec<(usize, Vec<f32>)> = Vec::new();
    for person in 0..people {
        let centre = random.direction(87);
        for _ in 0..pictures {
            let noise = random.direction(87);
            let values =
                centre.iter().zip(&noise).map(|(c, n)| 0.75f32.sqrt() * c + 0.25f32.sqrt() * n).collect();
            all.push((person, Embedding::normalised(values).unwrap().as_slice().to_vec()));
        }
    }
    let mut pairs = Vec::new();
    for (index, (a, one)) in all.iter().enumerate() {
        for (b, other) in &all[..index] {
            if a != b {
                pairs.push(ImpostorPair {
                    a: *a,
                    b: *b,
                    similarity: crate::face::embedding::dot(one, other),
                });
            }
        }
    }
    pairs
}

/// With few people, each in many pairs, the interval still keeps its word where the pairs support a
/// rate, and its upper end does where they do not: the tail's form errs upwards.
#[test]
fn the_interval_of_few_people_holds_the_truth() {
    let mut random = SplitMix(3);
    let (mut held, mut above, draws) = (0, 0, 100);
    for _ in 0..draws {
        let fit = TailFit::of_pairs(&people_with_pictures(&mut random, 23, 8)).unwrap();
        let supported = fit.fmr_at(at(0.25));
        assert!(!supported.extrapolated);
        held += u32::from((supported.low..=supported.high).contains(&sphere_tail(0.25)));
        let beyond = fit.fmr_at(at(0.45));
        assert!(beyond.extrapolated);
        above += u32::from(beyond.high >= sphere_tail(0.45));
    }
    println!("of {draws} draws, {held} intervals held FMR(0.25) and {above} upper ends FMR(0.45)");
    assert!(held >= 90 && above >= 97, "{held}, {above} of {draws}");
}

#[test]
fn too_few_pairs_or_people_make_no_tail() {
    let mut random = SplitMix(4);
    assert_eq!(TailFit::of_pairs(&[]), None);
    assert_eq!(TailFit::of_pairs(&exponential_pairs(&mut random, 2000)), None);
    assert_eq!(TailFit::of_pairs(&people_with_pictures(&mut random, 4, 20)), None);
    let one = ImpostorPair { a: 0, b: 1, similarity: 0.1 };
    assert_eq!(TailFit::of_pairs(&[one; 5000]), None, "a distribution of one value has no tail");
}

#[test]
fn fpir_of_a_thousand_templates_and_back() {
    // 1 - (1 - 1e-6)^1000
    assert!((fpir(1e-6, 1000) - 9.995_0e-4).abs() < 1e-8);
    assert!(fpir(1e-19, 10) > 0.99e-18, "small rates do not vanish");
    assert!((fmr_for_fpir(fpir(1e-6, 1000), 1000) - 1e-6).abs() < 1e-15);
    assert_eq!((fpir(0.5, 0), fmr_for_fpir(1e-3, 0)), (0.0, 1.0));
    assert_eq!((fpir(1.0, 3), fpir(-1.0, 3), fpir(f64::NAN, 0).is_nan()), (1.0, 0.0, true));
}

#[test]
fn what_the_pairs_support_is_told_from_what_they_do_not() {
    let fit = card();
    // 30 of 18000 pairs.
    assert!((fit.supported_fmr() - 1.0 / 600.0).abs() < 1e-9);
    assert!(!fit.threshold_at_fmr(2e-3).extrapolated);
    assert!(fit.threshold_at_fmr(1e-3).extrapolated);
    assert!(fit.fmr_at(at(0.45)).extrapolated);
}

#[test]
fn the_threshold_follows_the_gallery_above_the_floor() {
    let model = ImpostorModel::of_card(card());
    let policy = ThresholdPolicy::default();
    let size = |templates, people| GallerySize { templates, people };
    let small = policy.in_force(at(0.45), Some(&model), size(5, 5));
    assert_eq!(small.threshold, at(0.45));
    assert!(matches!(small.basis, ThresholdBasis::Derived { at_floor: true, people: 5, .. }), "{small:?}");
    let large = policy.in_force(at(0.45), Some(&model), size(1000, 500));
    // FMR 1e-6: 0.23 + 0.035 * ln(0.02 / 1e-6).
    assert!((large.threshold.0.0 - 0.5766).abs() < 1e-3, "{large:?}");
    let expected = ThresholdBasis::Derived {
        target_fpir: 1e-3,
        templates: 1000,
        people: 500,
        at_floor: false,
        extrapolated: true,
    };
    assert_eq!(large.basis, expected);
    let found = model.fpir_at(large.threshold, 1000);
    assert!((found.value - 1e-3).abs() < 1e-6 && found.low < 1e-3 && found.high > 1e-3, "{found:?}");
}

#[test]
fn what_is_configured_or_missing_is_said() {
    let model = ImpostorModel::of_card(card());
    let size = GallerySize { templates: 1000, people: 1000 };
    let fixed = ThresholdPolicy { fixed: Some(at(0.3)), ..ThresholdPolicy::default() };
    let found = fixed.in_force(at(0.45), Some(&model), size);
    assert_eq!((found.threshold, found.basis), (at(0.3), ThresholdBasis::Configured));
    let low = ThresholdPolicy { floor: Some(at(0.3)), ..ThresholdPolicy::default() };
    let found = low.in_force(at(0.45), Some(&model), GallerySize { templates: 1, people: 1 });
    assert!((0.3..0.45).contains(&found.threshold.0.0), "the floor is the configured one: {found:?}");
    let unknown = ThresholdPolicy::default().in_force(at(0.45), None, size);
    assert_eq!((unknown.threshold, unknown.basis), (at(0.45), ThresholdBasis::Card));
    let high = ThresholdPolicy { floor: Some(at(0.6)), ..ThresholdPolicy::default() };
    assert_eq!(high.in_force(at(0.45), None, size).threshold, at(0.6));
}

/// Pairs of `people`, of whom every `nth` pair is `similarity` alike and all others are not.
fn site(people: usize, nth: usize, similarity: f32) -> Vec<ImpostorPair> {
    let mut pairs = Vec::new();
    for a in 0..people {
        for b in 0..a {
            let similarity = if pairs.len() % nth == 0 { similarity } else { 0.0 };
            pairs.push(ImpostorPair { a, b, similarity });
        }
    }
    pairs
}

#[test]
fn a_small_site_stays_near_the_card_and_a_large_one_speaks_for_itself() {
    let fmr = |people: usize| {
        // A fifth of the pairs in the tail, ten times the card's share.
        ImpostorModel::with_site(card(), &site(people, 5, 0.28), at(0.45)).fmr_at(at(0.23)).value
    };
    let (none, few, many, crowd) = (card().fmr_at(at(0.23)).value, fmr(3), fmr(20), fmr(150));
    assert!(few < none * 1.1, "{few} with three people, {none} on the card");
    assert!(many > none * 2.0 && many < 0.2, "{many}");
    assert!(crowd > 0.12, "{crowd} with 150 people, 0.2 among them");
    let alike = ImpostorModel::with_site(card(), &site(150, 50, 0.265), at(0.45));
    assert!((alike.tail.share / 0.02 - 1.0).abs() < 0.1 && (alike.tail.scale / 0.035 - 1.0).abs() < 0.1);
    assert!(alike.tail.is_sound() && alike.tail.spread.log_share < card().spread.log_share, "{alike:?}");
}

#[test]
fn one_person_enrolled_twice_does_not_set_everybodys_threshold() {
    let mut pairs = site(20, 1000, 0.0);
    let clean = ImpostorModel::with_site(card(), &pairs, at(0.45));
    pairs[7].similarity = 0.95;
    let twice = ImpostorModel::with_site(card(), &pairs, at(0.45));
    assert_eq!(twice.site.unwrap().suspicious, 1);
    let moved =
        twice.threshold_for_fpir(1e-3, 100).threshold.0.0 - clean.threshold_for_fpir(1e-3, 100).threshold.0.0;
    assert!((0.0..0.03).contains(&moved), "{moved}");
}

#[test]
fn a_site_without_a_pair_in_the_tail_lowers_no_more_than_its_people_say() {
    let nobody = ImpostorModel::with_site(card(), &site(10, 1000, 0.0), at(0.45));
    let ratio = nobody.tail.share / card().share;
    assert!((0.7..1.0).contains(&ratio), "{ratio}");
    assert_eq!(ImpostorModel::with_site(card(), &[], at(0.45)).tail, card());
}

fn gallery(templates: &[(u128, u128)]) -> Gallery {
    let mut random = SplitMix(5);
    let mut gallery = Gallery::new(EmbeddingSpace([1; 32]), 16);
    let mut sorted = templates.to_vec();
    sorted.sort_unstable();
    let values: std::collections::BTreeMap<(u128, u128), Vec<f32>> =
        sorted.into_iter().map(|key| (key, random.direction(16))).collect();
    for (person, id) in templates {
        gallery.put(&Template {
            id: TemplateId(Ulid(*id)),
            person: PersonId(Ulid(*person)),
            space: EmbeddingSpace([1; 32]),
            embedding: Embedding::normalised(values[&(*person, *id)].clone()).unwrap(),
        });
    }
    gallery
}

#[test]
fn every_pair_of_a_small_gallery_is_compared_once() {
    for people in 0..12u128 {
        let templates: Vec<_> = (0..people).map(|person| (person, 100 + person)).collect();
        let pairs = gallery(&templates).impostor_pairs(MOST_PAIRS);
        let unique: std::collections::BTreeSet<_> =
            pairs.iter().map(|pair| (pair.a.min(pair.b), pair.a.max(pair.b))).collect();
        let expected = (people * people.saturating_sub(1) / 2) as usize;
        assert_eq!((pairs.len(), unique.len()), (expected, expected), "{people} people");
        assert!(pairs.iter().all(|pair| pair.a != pair.b));
    }
}

#[test]
fn a_large_gallery_is_sampled_evenly_and_whatever_the_order() {
    let mut templates: Vec<(u128, u128)> = (0..101).map(|n| (n % 50, n)).collect();
    let pairs = gallery(&templates).impostor_pairs(300);
    assert!(pairs.len() <= 300 && pairs.len() >= 250, "{}", pairs.len());
    let mut of = [0; 50];
    pairs.iter().for_each(|pair| [pair.a, pair.b].into_iter().for_each(|person| of[person] += 1));
    let (least, most) = (of.iter().min().unwrap(), of.iter().max().unwrap());
    assert!(most - least <= 1, "everybody is compared as often: {of:?}");
    templates.reverse();
    assert_eq!(gallery(&templates).impostor_pairs(300), pairs);
    assert_eq!(gallery(&templates).size(), GallerySize { templates: 101, people: 50 });
}

/// `cargo test --release --lib site_pairs_cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn site_pairs_cost() {
    let mut random = SplitMix(6);
    for people in [50u128, 200, 5000] {
        let mut gallery = Gallery::new(EmbeddingSpace([1; 32]), 512);
        for n in 0..people {
            gallery.put(&Template {
                id: TemplateId(Ulid(n)),
                person: PersonId(Ulid(n)),
                space: EmbeddingSpace([1; 32]),
                embedding: Embedding::normalised(random.direction(512)).unwrap(),
            });
        }
        let started = std::time::Instant::now();
        let pairs = gallery.impostor_pairs(MOST_PAIRS);
        let compared = started.elapsed();
        let model = ImpostorModel::with_site(card(), &pairs, at(0.45));
        let all = started.elapsed();
        println!("{people} people: {} pairs in {compared:?}, all in {all:?}", model.site.unwrap().pairs);
    }
}

proptest! {
    /// More templates, a smaller target or a wider gallery never lower the threshold; more alike never
    /// raises the FMR; the inverse is one.
    #[test]
    fn everything_is_monotone(
        share in 1e-4f64..0.2, scale in 0.005f64..0.1, start in 0.1f64..0.4,
        target in 1e-6f64..0.1, templates in 0u32..100_000, more in 0u32..100_000,
        one in -1.0f64..1.0, other in -1.0f64..1.0,
    ) {
        let tail = TailFit { share, scale, start, ..card() };
        prop_assume!(tail.is_sound());
        let model = ImpostorModel::of_card(tail);
        let few = model.threshold_for_fpir(target, templates);
        let many = model.threshold_for_fpir(target, templates + more);
        prop_assert!(few.threshold <= many.threshold);
        prop_assert!(few.low <= few.threshold && few.threshold <= few.high, "{:?}", few);
        prop_assert!(model.threshold_for_fpir(target / 2.0, templates).threshold >= few.threshold);
        let (low, high) = (one.min(other), one.max(other));
        let (often, seldom) = (model.fmr_at(at(low)), model.fmr_at(at(high)));
        prop_assert!(often.value >= seldom.value && often.high >= seldom.high, "{:?} {:?}", often, seldom);
        prop_assert!(often.low <= often.value && often.value <= often.high && often.high <= 1.0);
        let fmr = fmr_for_fpir(target, templates.max(1));
        let back = model.fmr_at(model.threshold_at_fmr(fmr).threshold).value;
        if model.threshold_at_fmr(fmr).threshold < at(1.0) {
            prop_assert!((back / fmr).ln().abs() < 1e-3, "{back} for {fmr}");
        }
        prop_assert!((fpir(fmr, templates.max(1)) / target - 1.0).abs() < 1e-6);
    }

    /// Whatever a site's pairs are, the pooled tail is one, and lies between the two it is of.
    #[test]
    fn any_site_leaves_a_sound_tail(
        similarities in prop::collection::vec(-1.0f32..1.0, 0..80), people in 2usize..14,
    ) {
        let pairs: Vec<ImpostorPair> = similarities.iter().enumerate()
            .map(|(n, s)| ImpostorPair { a: n % people, b: (n + 1) % people, similarity: *s })
            .collect();
        let model = ImpostorModel::with_site(card(), &pairs, at(0.45));
        prop_assert!(model.tail.is_sound(), "{:?}", model);
        prop_assert_eq!(model.tail.pairs, 18_000 + pairs.len() as u64);
    }
}
