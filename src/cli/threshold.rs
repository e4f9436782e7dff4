//! `muster threshold`: the threshold in force and what follows from it, in plain words; and `muster
//! threshold plan`: what another one would have changed.

mod overview;
mod plan;

use chrono::TimeZone;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::config::Effective;
use crate::engine::command::ThresholdOrder;
use crate::engine::{Command, EngineHandle, Reply};
use crate::face::Similarity;
use crate::identify::Threshold;
use crate::inference::{MatchingFacts, Pack};

use super::approvals;
use super::exit::{CliError, Exit};
use super::output::Output;
use super::report::{Calendar, DayArg};
use super::roster::unexpected;

/// What follows the help.
pub const THRESHOLD_HELP: &str = "\
No net is loaded: the people's templates and the model card are enough. What an admin sets holds from now
on, before what the configuration says and what would be derived, until it is cleared; the ledger says so.

Examples:
  muster threshold
  muster threshold plan 0.5                         what 0.5 would have changed, all of the log
  muster threshold plan 0.5 --since 2026-03-02      from that day on
  muster threshold set 0.5
  muster threshold clear                            the configuration's again, or the derived one";

/// `threshold`
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ThresholdArgs {
    /// What else; what is in force where nothing is named.
    #[command(subcommand)]
    pub command: Option<ThresholdCommand>,
}

/// `threshold ...`
#[derive(Debug, Clone, Subcommand)]
pub enum ThresholdCommand {
    /// List the past decisions that another threshold would have changed; change nothing
    Plan(PlanArgs),
    /// Let another threshold hold from now on
    Set {
        /// A similarity above 0 and at most 1
        #[arg(value_name = "X", value_parser = similarity, allow_hyphen_values = true)]
        threshold: Threshold,
    },
    /// Let what was set hold no more
    Clear,
}

/// `threshold plan`
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The threshold to try: a similarity above 0 and at most 1
    #[arg(value_name = "X", value_parser = similarity, allow_hyphen_values = true)]
    pub threshold: Threshold,
    /// The first day that is looked at: YYYY-MM-DD, today or yesterday
    #[arg(long, value_name = "DATE")]
    pub since: Option<DayArg>,
    /// The last day that is looked at
    #[arg(long, value_name = "DATE")]
    pub until: Option<DayArg>,
}

/// As the configuration takes it.
fn similarity(text: &str) -> Result<Threshold, String> {
    let value = text.parse::<f32>().ok().filter(|value| *value > 0.0 && *value <= 1.0);
    let expected = || "expected a similarity above 0 and at most 1, as in 0.5".to_owned();
    value.map(|value| Threshold(Similarity(value))).ok_or_else(expected)
}

/// What the words reckon with.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// How templates are compared, from the pack's embedding card.
    pub facts: MatchingFacts,
    /// Passages on a day.
    pub passages_a_day: u32,
    /// The share of them that are strangers, 0 to 1.
    pub stranger_share: f32,
    /// How much more alike than the runner-up somebody must be.
    pub margin: f32,
}

impl Site {
    /// From the configuration and the pack it names.
    ///
    /// # Errors
    /// [`CliError`] where the pack or a card of it cannot be read.
    pub fn of(effective: &Effective) -> Result<Self, CliError> {
        let name = effective.pack.value.to_string();
        let pack = Pack::read(&effective.models_dir.value, &name).map_err(CliError::missing)?;
        let facts = pack.embedding.matching_facts().ok_or_else(|| {
            CliError::missing(format_args!(
                "the card {} of the pack {name} says nothing of how its embeddings are compared",
                pack.embedding.id
            ))
        })?;
        Ok(Self::with(facts, effective))
    }

    /// From the configuration, for nets that compare templates as `facts` says.
    pub fn with(facts: MatchingFacts, effective: &Effective) -> Self {
        let recognition = &effective.recognition;
        Self {
            facts,
            passages_a_day: recognition.passages_a_day.value.get(),
            stranger_share: recognition.stranger_share.value,
            margin: recognition.margin.value,
        }
    }

    fn strangers_a_day(&self) -> f64 {
        f64::from(self.passages_a_day) * f64::from(self.stranger_share)
    }

    fn enrolled_a_day(&self) -> f64 {
        f64::from(self.passages_a_day) * (1.0 - f64::from(self.stranger_share))
    }
}

/// Says what was asked for.
///
/// # Errors
/// [`CliError`] where days contradict each other, the engine ends or the output cannot be written.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &ThresholdArgs,
    site: &Site,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let order = match &args.command {
        None => return overview::run(&handle.threshold_state(site.facts)?, site, out),
        Some(ThresholdCommand::Plan(args)) => {
            return plan::run(handle, args, &handle.threshold_state(site.facts)?, site, calendar, out);
        }
        Some(ThresholdCommand::Set { threshold }) => ThresholdOrder::Set(*threshold),
        Some(ThresholdCommand::Clear) => ThresholdOrder::Clear,
    };
    let entry = match approvals::call(handle, Command::Threshold(order), out)? {
        Reply::Written(entry) => entry,
        other => return Err(unexpected(&other)),
    };
    let (set, text) = match order {
        ThresholdOrder::Set(Threshold(Similarity(value))) => {
            (Some(value), format!("the threshold is {value} from now on"))
        }
        ThresholdOrder::Clear => (None, "the threshold is the configuration's again, or derived".to_owned()),
    };
    let object = OrderedObject { kind: "threshold", set, entry: entry.sequence.0 };
    out.either(&object, format_args!("{text}; entry {} says so", entry.sequence))?;
    Ok(Exit::Done)
}

/// What was ordered, as `--json` prints it.
#[derive(Serialize)]
struct OrderedObject {
    kind: &'static str,
    set: Option<f32>,
    entry: u64,
}

/// `value` with two digits that count: 0.00042, 1.3, 57, 2300.
fn two_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    // Within what a double holds; beyond it a rate is called nothing.
    let decimals = (1 - magnitude).clamp(0, 30) as usize;
    let unit = 10f64.powi(magnitude - 1);
    let rounded = if magnitude > 1 { (value / unit).round() * unit } else { value };
    let text = format!("{rounded:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn percent(rate: f64) -> String {
    format!("{} %", two_digits(rate * 100.0))
}

/// How long it takes until something that happens `a_day` times a day has happened once.
fn days(a_day: f64) -> String {
    let days = 1.0 / a_day;
    if days < 1.0 {
        format!("{} times a day", two_digits(a_day))
    } else if days < 2.0 * 365.0 {
        format!("once in {} days", two_digits(days))
    } else {
        format!("once in {} days ({} years)", two_digits(days), two_digits(days / 365.0))
    }
}

#[cfg(test)]
mod tests;
