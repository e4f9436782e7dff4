//! The threshold in force, in plain words.

use serde::Serialize;

use crate::engine::state::ThresholdState;
use crate::engine::why::basis_words;
use crate::identify::threshold::{GallerySize, RateEstimate, SitePairs};
use crate::identify::{ImpostorModel, ThresholdBasis};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, people_count};
use super::super::why::beside;
use super::{Site, days, percent, two_digits};

/// What every figure takes for granted.
const ASSUMPTIONS: [&str; 4] = [
    "the comparisons of one search are independent, and there is one search a passage",
    "strangers resemble the people here as the measured people resemble each other; relatives, and people \
     of one age, sex or origin, resemble each other more",
    "nobody tries to be taken for somebody else",
    "an interval of 95 % holds how few people were measured; it does not hold that the tail may have another form",
];

/// A rate with how often that is, as `--json` prints it.
#[derive(Debug, Serialize)]
struct RateObject {
    #[serde(flatten)]
    rate: RateEstimate,
    /// Days until it has happened once; null where it does not happen.
    days: Option<f64>,
    days_low: Option<f64>,
    days_high: Option<f64>,
}

impl RateObject {
    fn new(rate: RateEstimate, chances_a_day: f64) -> Self {
        let days = |rate: f64| Some(1.0 / (rate * chances_a_day)).filter(|days| days.is_finite());
        // The higher the rate, the sooner.
        Self { rate, days: days(rate.value), days_low: days(rate.high), days_high: days(rate.low) }
    }
}

/// A larger gallery, as `--json` prints it.
#[derive(Debug, Serialize)]
struct LargerObject {
    people: u32,
    templates: u32,
    threshold: f32,
    low: f32,
    high: f32,
    basis: ThresholdBasis,
}

#[derive(Debug, Serialize)]
struct ImpostorsObject {
    card_pairs: u64,
    card_people: u32,
    site: Option<SitePairs>,
    /// The least FMR that the pairs measure.
    supported_fmr: f64,
    /// FMR at the threshold in force.
    fmr: RateEstimate,
}

#[derive(Debug, Serialize)]
struct AlikeObject {
    person: String,
    other: String,
    similarity: f32,
    over_threshold: bool,
}

/// All of it, as `--json` prints it.
#[derive(Debug, Serialize)]
struct OverviewObject {
    threshold: f32,
    basis: ThresholdBasis,
    card_threshold: f32,
    people: u32,
    templates: u32,
    foreign_templates: u32,
    passages_a_day: u32,
    stranger_share: f32,
    /// Null from here to `at_10_times` where the card says nothing of impostors.
    fpir: Option<RateObject>,
    /// At most so often an enrolled person gets another's name.
    misidentified_at_most: Option<RateObject>,
    impostors: Option<ImpostorsObject>,
    at_10_times: Option<LargerObject>,
    alike: Vec<AlikeObject>,
    assumptions: [&'static str; 4],
}

/// How many templates an enrolled person is compared with that are others': of people who have as many
/// each.
fn templates_of_others(size: GallerySize) -> u32 {
    match size.people {
        0 => 0,
        people => size.templates - size.templates.div_ceil(people).min(size.templates),
    }
}

fn larger(state: &ThresholdState, model: &ImpostorModel) -> LargerObject {
    let size = GallerySize {
        templates: state.size.templates.saturating_mul(10),
        people: state.size.people.saturating_mul(10),
    };
    let in_force = state.policy.in_force(state.card, Some(model), size);
    let estimate = model.threshold_for_fpir(f64::from(state.policy.target_fpir), size.templates);
    // What is fixed or at the floor stays there at both ends of the interval.
    let end = |end: f32| match in_force.basis {
        ThresholdBasis::Derived { .. } => end.max(state.policy.floor.unwrap_or(state.card).0.0),
        ThresholdBasis::Configured | ThresholdBasis::Card => in_force.threshold.0.0,
    };
    LargerObject {
        people: size.people,
        templates: size.templates,
        threshold: in_force.threshold.0.0,
        low: end(estimate.low.0.0),
        high: end(estimate.high.0.0),
        basis: in_force.basis,
    }
}

fn object(state: &ThresholdState, site: &Site) -> OverviewObject {
    let threshold = state.in_force.threshold;
    let rate = |model: &ImpostorModel, templates, chances| {
        RateObject::new(model.fpir_at(threshold, templates), chances)
    };
    let alike = |pair: &crate::engine::state::AlikePeople| AlikeObject {
        person: pair.people[0].to_string(),
        other: pair.people[1].to_string(),
        similarity: pair.similarity.0,
        over_threshold: pair.similarity >= threshold.0,
    };
    let model = state.model.as_ref();
    OverviewObject {
        threshold: threshold.0.0,
        basis: state.in_force.basis,
        card_threshold: state.card.0.0,
        people: state.size.people,
        templates: state.size.templates,
        foreign_templates: state.foreign_templates,
        passages_a_day: site.passages_a_day,
        stranger_share: site.stranger_share,
        fpir: model.map(|model| rate(model, state.size.templates, site.strangers_a_day())),
        misidentified_at_most: model
            .map(|model| rate(model, templates_of_others(state.size), site.enrolled_a_day())),
        impostors: model.map(|model| ImpostorsObject {
            card_pairs: model.card.pairs,
            card_people: model.card.people,
            site: model.site,
            supported_fmr: model.tail.supported_fmr(),
            fmr: model.fmr_at(threshold),
        }),
        at_10_times: model.map(|model| larger(state, model)),
        alike: state.alike.iter().map(alike).collect(),
        assumptions: ASSUMPTIONS,
    }
}

/// Writes it.
pub(super) fn run(state: &ThresholdState, site: &Site, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let object = object(state, site);
    if out.json {
        out.object(&object)?;
    } else {
        out.line(text(&object))?;
    }
    Ok(Exit::Done)
}

fn templates(count: u32) -> String {
    if count == 1 { "1 template".to_owned() } else { format!("{count} templates") }
}

fn gallery(people: u32, count: u32) -> String {
    format!("{} with {}", people_count(people as usize), templates(count))
}

/// "0.0042 % of searches (95 % interval 0.0004 to 0.05 %), extrapolated"
pub(super) fn rate_words(rate: &RateEstimate) -> String {
    let said = if rate.extrapolated { ", extrapolated" } else { "" };
    format!(
        "{} of searches (95 % interval {} to {}){said}",
        percent(rate.value),
        two_digits(rate.low * 100.0),
        percent(rate.high)
    )
}

/// "once in 23 days (8.1 to 75 days)"
pub(super) fn how_often(rate: &RateEstimate, chances_a_day: f64) -> String {
    let [value, low, high] = [rate.value, rate.low, rate.high].map(|rate| rate * chances_a_day);
    if value <= 0.0 {
        return "never, as far as this reckons".to_owned();
    }
    let ends = format!("{} to {} days", two_digits(1.0 / high), two_digits(1.0 / low));
    format!("{} (95 % interval {ends})", days(value))
}

fn text(object: &OverviewObject) -> String {
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut row = |about: &'static str, words: String| rows.push((about, words));
    row("threshold", format!("{:.3}, {}", object.threshold, basis_words(&object.basis)));
    let foreign = match object.foreign_templates {
        0 => String::new(),
        count => format!("; {} of another net not searched (enrol again)", templates(count)),
    };
    row("gallery", format!("{}{foreign}", gallery(object.people, object.templates)));
    let strangers = f64::from(object.passages_a_day) * f64::from(object.stranger_share);
    let enrolled = f64::from(object.passages_a_day) - strangers;
    row(
        "reckoned",
        format!(
            "{} passages a day, {} of them strangers (recognition.passages_a_day, stranger_share)",
            object.passages_a_day,
            percent(f64::from(object.stranger_share))
        ),
    );
    match (&object.fpir, &object.misidentified_at_most) {
        _ if object.templates == 0 => {
            row("strangers", "nobody is enrolled, so nobody can be taken for anybody".to_owned());
        }
        (Some(fpir), Some(mistaken)) => {
            let taken = format!("FPIR: a stranger is taken for somebody in {}", rate_words(&fpir.rate));
            row("strangers", taken);
            row("", format!("one stranger taken for somebody {}", how_often(&fpir.rate, strangers)));
            if object.people > 1 {
                enrolled_rows(mistaken, enrolled, &mut row);
            }
        }
        _ => row(
            "strangers",
            "unknown: the model card has no [matching.impostors], so no rate can be given".to_owned(),
        ),
    }
    if let Some(at) = object.at_10_times.as_ref().filter(|at| at.people > 0) {
        row("10 times", larger_words(at));
    }
    if let Some(impostors) = &object.impostors {
        rests_on(impostors, &mut row);
    }
    for pair in object.alike.iter().filter(|pair| pair.over_threshold) {
        row(
            "look at",
            format!(
                "{} and {} are {:.2} alike, over the threshold: the same person enrolled twice?",
                pair.person, pair.other, pair.similarity
            ),
        );
    }
    for (index, assumption) in ASSUMPTIONS.iter().enumerate() {
        row(if index == 0 { "assumed" } else { "" }, (*assumption).to_owned());
    }
    beside(&rows)
}

fn larger_words(at: &LargerObject) -> String {
    let interval = if at.high > at.low {
        format!(" (95 % interval {:.3} to {:.3})", at.low, at.high)
    } else {
        String::new()
    };
    let (gallery, basis) = (gallery(at.people, at.templates), basis_words(&at.basis));
    format!("{gallery}: threshold {:.3}{interval}, {basis}", at.threshold)
}

fn enrolled_rows(mistaken: &RateObject, passages: f64, row: &mut impl FnMut(&'static str, String)) {
    let rate = rate_words(&mistaken.rate);
    row("enrolled", format!("an enrolled person gets another's name in at most {rate}"));
    let often = how_often(&mistaken.rate, passages);
    let bound = "that is a bound: it takes their own templates for less alike than the other's each time";
    row("", format!("at most {often}; {bound}"));
}

fn rests_on(impostors: &ImpostorsObject, row: &mut impl FnMut(&'static str, String)) {
    let card =
        format!("{} pairs of {} people on the model card", impostors.card_pairs, impostors.card_people);
    let words = match &impostors.site {
        Some(site) => format!(
            "{card}, and {} {} of {} of this site, which weigh {} of it",
            site.pairs,
            if site.pairs == 1 { "pair" } else { "pairs" },
            people_count(site.people as usize),
            percent(f64::from(site.weight))
        ),
        None => card,
    };
    row("rests on", words);
    row(
        "",
        format!(
            "they measure an FMR down to {}, at which 30 of them were as alike; a smaller one, and so nearly every \
             FPIR, is extrapolated by the tail's form",
            percent(impostors.supported_fmr)
        ),
    );
}
