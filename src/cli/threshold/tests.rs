use chrono::{FixedOffset, NaiveTime};
use serde_json::Value;

use super::*;
use crate::cli::fake::{Fake, Ran, Script, at as time, ran};
use crate::cli::testing::decided;
use crate::config::DayRollover;
use crate::engine::NamedEntry;
use crate::engine::state::{AlikePeople, ThresholdState};
use crate::face::EmbeddingSpace;
use crate::identify::threshold::{GallerySize, TailFit, TailSpread};
use crate::identify::{ImpostorModel, Shortfall, ThresholdPolicy};
use crate::ledger::EntryKind;

fn tail() -> TailFit {
    TailFit {
        start: 0.25,
        share: 0.02,
        scale: 0.04,
        mean: 0.0,
        highest: 0.41,
        pairs: 18_000,
        people: 23,
        spread: TailSpread { log_share: 0.16, log_scale: 0.024, covariance: 0.03 },
    }
}

fn site() -> Site {
    let facts = MatchingFacts {
        space: EmbeddingSpace([1; 32]),
        dimension: 16,
        threshold: Threshold(Similarity(0.45)),
        impostors: Some(tail()),
    };
    Site { facts, passages_a_day: 200, stranger_share: 0.05, margin: 0.05 }
}

/// The state of a gallery of so many people with two templates each.
fn state(people: u32, impostors: Option<TailFit>, policy: ThresholdPolicy) -> ThresholdState {
    let card = Threshold(Similarity(0.45));
    let size = GallerySize { people, templates: people * 2 };
    let model = impostors.map(ImpostorModel::of_card);
    ThresholdState {
        in_force: policy.in_force(card, model.as_ref(), size),
        policy,
        card,
        size,
        foreign_templates: 0,
        model,
        alike: vec![AlikePeople {
            people: ["Ana".parse().unwrap(), "Bo".parse().unwrap()],
            similarity: Similarity(0.7),
        }],
    }
}

fn said(state: ThresholdState, whole: Vec<NamedEntry>, command: Option<ThresholdCommand>, json: bool) -> Ran {
    let threshold: Box<dyn Fn(&MatchingFacts) -> ThresholdState + Send> = Box::new(move |_| state.clone());
    let fake = Fake::start(Script { whole, threshold: Some(threshold), ..Script::default() });
    let zone = FixedOffset::east_opt(0).unwrap();
    let calendar = Calendar { now: time(20 * 3600), zone, rollover: DayRollover(NaiveTime::MIN) };
    let args = ThresholdArgs { command };
    ran(json, |out| run(&fake.handle, &args, &site(), &calendar, out))
}

fn overview(people: u32, json: bool) -> String {
    let ran = said(state(people, Some(tail()), ThresholdPolicy::default()), vec![], None, json);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

#[test]
fn the_overview_says_rates_and_days_as_they_are_reckoned() {
    let object: Value = serde_json::from_str(&overview(10, true)).unwrap();
    // FMR(0.45) = 0.02 * exp(-5) over 20 templates; ten strangers a day.
    let fmr: f64 = 0.02 * (-5.0f64).exp();
    let fpir = 1.0 - (1.0 - fmr).powi(20);
    let close = |value: &Value, expected: f64| {
        assert!((value.as_f64().unwrap() / expected - 1.0).abs() < 1e-3, "{value} for {expected}");
    };
    // It is over the target, so the threshold is raised to it.
    assert!(fpir > 1e-3);
    close(&object["fpir"]["value"], 1e-3);
    close(&object["fpir"]["days"], 100.0);
    assert!(object["fpir"]["days_low"].as_f64().unwrap() < 100.0);
    // 190 passages a day against 18 templates of others.
    close(&object["misidentified_at_most"]["value"], 1e-3 * 18.0 / 20.0);
    close(&object["misidentified_at_most"]["days"], 1.0 / (190.0 * 1e-3 * 0.9));
    assert_eq!(object["at_10_times"]["people"], 100);
    let more = object["at_10_times"]["threshold"].as_f64().unwrap() - object["threshold"].as_f64().unwrap();
    assert!((more - 0.04 * 10f64.ln()).abs() < 1e-3, "{more}");
    assert_eq!(object["alike"][0]["person"], "Ana");
    assert_eq!(object["fpir"]["extrapolated"], true);
}

#[test]
fn the_overview_in_words() {
    let text = overview(10, false);
    for words in [
        "derived for an FPIR of 0.1 % with 10 people and 20 templates (extrapolated)",
        "200 passages a day, 5 % of them strangers",
        "one stranger taken for somebody once in 100 days",
        "an enrolled person gets another's name in at most 0.09 %",
        "100 people with 200 templates: threshold 0.5",
        "18000 pairs of 23 people on the model card",
        "Ana and Bo are 0.70 alike, over the threshold: the same person enrolled twice?",
        "assumed",
    ] {
        assert!(text.replace("\n             ", " ").contains(words), "`{words}` is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn nobody_enrolled_nobody_measured_and_a_fixed_threshold_are_said() {
    assert!(overview(0, false).contains("nobody is enrolled, so nobody can be taken for anybody"));
    let unmeasured = said(state(3, None, ThresholdPolicy::default()), vec![], None, false).out;
    assert!(unmeasured.contains("0.450, from the model card"), "{unmeasured}");
    assert!(unmeasured.contains("the model card has no [matching.impostors]"), "{unmeasured}");
    let fixed = ThresholdPolicy { fixed: Some(Threshold(Similarity(0.6))), ..ThresholdPolicy::default() };
    let text = said(state(3, Some(tail()), fixed), vec![], None, false).out;
    assert!(text.contains("0.600, fixed by the site"), "{text}");
    assert!(text.contains("30 people with 60 templates: threshold 0.600, fixed"), "{text}");
    // Alone, there is nobody whose name one could get.
    assert!(!overview(1, false).contains("another's name"));
}

/// Each line: what happened at the threshold 0.45, and what 0.5 and 0.4 make of it.
#[test]
fn a_plan_judges_each_decision_by_what_was_missing() {
    use EntryKind::{Enrolled, Passage, Unidentified};
    use plan::Becomes;
    for (kind, similarities, shortfall, at_higher, at_lower) in [
        (Passage, &[0.47f32, 0.1][..], None, Some(Becomes::Unidentified), None),
        (Passage, &[0.5, 0.1], None, None, None),
        (Unidentified, &[0.41, 0.1], None, None, Some(Becomes::Identified)),
        (Unidentified, &[0.4], None, None, Some(Becomes::Identified)),
        (Unidentified, &[0.41, 0.38], None, None, None),
        (Unidentified, &[0.3], None, None, None),
        (Unidentified, &[0.6, 0.58], Some(Shortfall::Margin), None, None),
        (Unidentified, &[0.6, 0.1], Some(Shortfall::Agreement), None, None),
        (Unidentified, &[0.41], Some(Shortfall::Frames), None, None),
        (Unidentified, &[0.41], Some(Shortfall::Liveness), None, None),
        (Unidentified, &[0.41], Some(Shortfall::Similarity), None, Some(Becomes::Identified)),
        (Unidentified, &[], None, None, None),
        (Enrolled, &[0.1], None, None, None),
    ] {
        let whole = decided(1, kind, similarities);
        let mut evidence = whole.entry.parts.evidence.clone().unwrap();
        evidence.details = shortfall.map(|shortfall| crate::identify::DecisionDetails {
            basis: crate::identify::ThresholdBasis::Card,
            votes: Default::default(),
            margin: 0.05,
            shortfall: Some(shortfall),
            quality: Default::default(),
            quality_score: Default::default(),
            liveness_frames: 0,
            liveness_threshold: None,
            model: String::new(),
            program: String::new(),
        });
        let become_at = |x| plan::becomes(kind, None, &evidence, Threshold(Similarity(x)), 0.05);
        assert_eq!(
            (become_at(0.5), become_at(0.4)),
            (at_higher, at_lower),
            "{kind:?} {similarities:?} {shortfall:?}"
        );
    }
}

fn log() -> Vec<NamedEntry> {
    let mut erased = decided(4, EntryKind::Passage, &[0.9]);
    erased.entry.parts.evidence = None;
    let mut other_net = decided(5, EntryKind::Passage, &[0.9]);
    other_net.entry.parts.evidence.as_mut().unwrap().space = EmbeddingSpace([2; 32]);
    let mut next_day = decided(6, EntryKind::Passage, &[0.46]);
    next_day.entry.head.at = time(30 * 3600);
    vec![
        decided(1, EntryKind::Passage, &[0.71, 0.2]),
        decided(2, EntryKind::Passage, &[0.46, 0.2]),
        decided(3, EntryKind::Unidentified, &[0.44, 0.2]),
        erased,
        other_net,
        next_day,
    ]
}

fn planned(threshold: f32, days: [Option<&str>; 2], json: bool) -> Ran {
    let [since, until] = days.map(|day| day.map(|day| day.parse().unwrap()));
    let plan = PlanArgs { threshold: Threshold(Similarity(threshold)), since, until };
    let state = state(10, Some(tail()), ThresholdPolicy::default());
    said(state, log(), Some(ThresholdCommand::Plan(plan)), json)
}

#[test]
fn a_plan_lists_what_would_have_changed_and_changes_nothing() {
    let ran = planned(0.5, [None, None], false);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[0],
        "      2  2026-03-02 08:00:02  identified, would be unidentified  0.460 (threshold 0.450)  Ana"
    );
    assert!(lines[1].starts_with("      6  2026-03-03 06:00:00"), "{}", ran.out);
    for words in [
        "2 of 5 would be unidentified",
        "0 of 1 would be identified",
        "1: their evidence was erased",
        "1: decided with another embedding net",
        "threshold = 0.5 under [recognition]",
        "nothing was changed",
        "a stranger is taken for somebody in",
    ] {
        assert!(ran.out.contains(words), "`{words}` is not in:\n{}", ran.out);
    }
    let lower = planned(0.43, [None, None], true);
    let objects: Vec<Value> = lower.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!((&objects[0]["entry"], &objects[0]["becomes"]), (&3.into(), &"identified".into()));
    assert_eq!(objects[0]["person"], "Ana");
    assert_eq!(objects[1]["summary"]["become_identified"], 1);
}

#[test]
fn a_plan_looks_at_the_days_that_are_named() {
    let monday = planned(0.5, [Some("2026-03-02"), Some("2026-03-02")], false).out;
    assert!(monday.contains("1 of 4 would be unidentified"), "{monday}");
    let tuesday = planned(0.5, [Some("2026-03-03"), None], false).out;
    assert!(tuesday.contains("1 of 1 would be unidentified"), "{tuesday}");
    let refused = planned(0.5, [Some("2026-03-03"), Some("2026-03-02")], false);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--since is after --until"), "{}", refused.err);
}

#[test]
fn more_entries_than_a_page_are_all_judged() {
    let whole: Vec<NamedEntry> = (1..=1203).map(|n| decided(n, EntryKind::Passage, &[0.46])).collect();
    let plan = PlanArgs { threshold: Threshold(Similarity(0.5)), since: None, until: None };
    let state = state(10, Some(tail()), ThresholdPolicy::default());
    let ran = said(state, whole, Some(ThresholdCommand::Plan(plan)), true);
    assert_eq!(ran.out.lines().count(), 1204);
}

#[test]
fn numbers_have_two_digits_that_count() {
    for (value, text) in [
        (0.0, "0"),
        (0.000_423, "0.00042"),
        (1.26, "1.3"),
        (9.99, "10"),
        (57.4, "57"),
        (2345.0, "2300"),
        (0.5, "0.5"),
    ] {
        assert_eq!(two_digits(value), text);
    }
    assert_eq!((days(0.01), days(4.0)), ("once in 100 days".to_owned(), "4 times a day".to_owned()));
    assert_eq!(days(0.001), "once in 1000 days (2.7 years)");
}
