//! `muster status`: how the engine is, for people and for monitors.

pub mod exposition;
pub mod gather;
pub mod metrics;

use chrono::SecondsFormat;
use clap::Args;
use serde::Serialize;

use crate::attendance::zone::SiteZone;
use crate::engine::health::Health;
use crate::engine::state::{InferenceStatus, SourceState, SourceStatus};
use crate::store::StoreFigures;

use super::exit::{CliError, Exit};
use super::output::{Output, people_count, printable};

/// What `status --help` ends with.
pub const STATUS_HELP: &str = "\
Nobody's name is in it. What needs attention is named last: a source that is lost, paused or of
little use, nets that do not run, a store that takes nothing, a disk that is nearly full, a clock
that cannot be right.

Exit status: 0 where all is well, 1 where something needs attention, 3 where no engine runs.";

/// `status`
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {}

/// A health as `--json` prints it.
#[derive(Serialize)]
struct StatusObject<'a> {
    kind: &'static str,
    version: &'static str,
    #[serde(flatten)]
    health: &'a Health,
}

/// Says how it is.
///
/// # Errors
/// [`CliError`] where the output cannot be written.
pub fn run(health: &Health, zone: SiteZone, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let object = StatusObject { kind: "status", version: env!("CARGO_PKG_VERSION"), health };
    out.either(&object, text(health, zone))?;
    Ok(match (health.is_running, health.is_well()) {
        (false, _) => Exit::Missing,
        (true, false) => Exit::Negative,
        (true, true) => Exit::Done,
    })
}

fn text(health: &Health, zone: SiteZone) -> String {
    let engine = if health.is_running { "runs" } else { "does not run; this is what the store says" };
    let mut lines = vec![row("engine", engine)];
    lines.extend(health.sources.iter().map(|source| row("source", &source_words(source))));
    lines.extend(health.nets.as_ref().map(|nets| row("nets", &nets_words(nets))));
    let decision = health.last_decision.map_or_else(
        || "none among the last entries".to_owned(),
        |last| {
            let at = last.at.with_timezone(&zone).naive_local().format("%Y-%m-%d %H:%M:%S");
            format!("{at}, {}, entry {}", last.kind.words(), last.sequence)
        },
    );
    lines.push(row("decision", &decision));
    let store = health.store.as_ref().map_or_else(|| "does not answer".to_owned(), store_words);
    lines.push(row("store", &store));
    lines.push(row("queue", &format!("{} entries wait for the store", health.queue)));
    let disk = health.disk.map_or_else(
        || "not known".to_owned(),
        |disk| format!("{} of {} free", bytes(disk.free_bytes), bytes(disk.total_bytes)),
    );
    lines.push(row("disk", &disk));
    lines.push(row("clock", &format!("{:?}", health.clock).to_lowercase()));
    let ledger = health
        .ledger
        .map_or_else(|| "does not answer".to_owned(), |end| format!("entry {}, {}", end.sequence, end.hash));
    lines.push(row("ledger", &ledger));
    match health.attention.as_slice() {
        [] => lines.push(row("attention", "nothing")),
        said => lines.extend(said.iter().map(|said| row("attention", said))),
    }
    lines.join("\n")
}

fn row(what: &str, words: &str) -> String {
    format!("{what:<10}  {}", printable(words))
}

fn source_words(source: &SourceStatus) -> String {
    let state = match &source.state {
        SourceState::None => "not there",
        SourceState::Opening => "being opened",
        SourceState::Streaming => "streaming",
        SourceState::Paused => "paused",
        SourceState::Ended => "over",
        SourceState::Lost { .. } => "lost",
    };
    let mut words = format!("{}: {state}", source.name);
    if source.has_streamed {
        let (width, height, fps) = (source.width, source.height, source.frames_per_second);
        words += &format!(", {width}x{height}, {fps:.1} a second");
    }
    words + &format!(", {} frames, {} dropped", source.frames, source.dropped)
}

fn nets_words(nets: &InferenceStatus) -> String {
    match nets {
        InferenceStatus::Loading => "being loaded".to_owned(),
        InferenceStatus::Ready { provider, pack } => format!("{pack} on {provider}"),
        InferenceStatus::Unavailable { reason } => format!("do not run: {reason}"),
    }
}

fn store_words(store: &StoreFigures) -> String {
    let people = usize::try_from(store.people).unwrap_or(usize::MAX);
    let backup = store.last_backup.map_or_else(
        || "never backed up".to_owned(),
        |backup| format!("backed up {}", backup.at.to_rfc3339_opts(SecondsFormat::Secs, true)),
    );
    format!("{}, {}, {} templates, {backup}", bytes(store.file_bytes), people_count(people), store.templates)
}

/// In the unit in which it is short.
fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests;
