//! `muster models use`: another pack from now on.

use std::path::Path;

use serde::Serialize;

use crate::config::{Effective, Environment, Origin, Setting, edit};
use crate::engine::command::SpaceReport;
use crate::engine::{Command, EngineHandle, Reply};
use crate::inference::Pack;
use crate::inference::trial::try_card;

use super::super::configuration::Configuration;
use super::super::exit::{CliError, Exit};
use super::super::output::{Output, people_count, printable};
use super::super::roster::{self, Ask};
use super::super::wire::{self, Need};
use super::super::{nets, people};
use super::{UseArgs, templates};

/// What was done, as `--json` prints it.
#[derive(Serialize)]
struct Used<'a> {
    kind: &'static str,
    pack: &'a str,
    dry_run: bool,
    config: String,
    config_changed: bool,
    space: Option<String>,
    there_already: u32,
    recomputed: u32,
    left: u32,
    enrol_again: Vec<Again<'a>>,
}

#[derive(Serialize)]
struct Again<'a> {
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
}

/// Checks the pack, moves the templates to its space, and writes it into the configuration.
///
/// The new configuration is written beside the old one first, then the templates are changed in one
/// transaction, and then the file is moved over the old one: what can fail fails before anything is
/// different. A run that is killed between the last two is repeated with the same command.
pub(super) fn run(
    effective: &Effective,
    environment: &Environment,
    args: &UseArgs,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let pack = Pack::read(&effective.models_dir.value, args.pack.as_str()).map_err(CliError::usage)?;
    let runtime = wire::runtime(effective).map_err(CliError::missing)?;
    let loader = wire::cpu_loader(&runtime, &effective.models_dir.value);
    for card in pack.cards() {
        try_card(card, &loader).map_err(|error| {
            CliError::missing(format_args!("the pack `{}` cannot be used: {error}", pack.name))
        })?;
    }
    let configuration = Configuration::read(effective, environment)?;
    let text =
        edit::with_pack(&configuration.text, &args.pack, &configuration.path).map_err(CliError::usage)?;
    let changed = text != configuration.text;

    let mut other = effective.clone();
    other.pack = Setting { value: args.pack.clone(), origin: Origin::File };
    let has_store = wire::holds_a_store(&other.data_dir.value);
    let hosted = if has_store { Some(wire::host_alone(&other, Need::Nets)?) } else { None };
    let foreign = match &hosted {
        Some(hosted) => {
            people::settle(hosted.handle());
            nets::wait(hosted.handle())?;
            foreign_templates(hosted.handle(), &pack)?
        }
        None => 0,
    };
    let planned = match &hosted {
        Some(hosted) if foreign > 0 && (args.dry_run || !args.yes) => reembed(hosted.handle(), true)?,
        _ => SpaceReport::default(),
    };
    if args.dry_run {
        return say(&pack, args, &configuration.path, changed, &planned, out);
    }
    if foreign > 0 && !args.yes {
        let question = format!("{}\nGo on?", sentences(&pack, &planned, true).join("\n"));
        match ask(&question) {
            Some(true) => {}
            Some(false) => return Err(CliError::negative("nothing was changed")),
            None => {
                return Err(CliError::usage(
                    "templates would be computed anew, and there is no terminal to ask on: say --yes, or --dry-run to see \
                     what would be done",
                ));
            }
        }
    }
    let staged = if changed { Some(configuration.stage(&text)?) } else { None };
    let report = match &hosted {
        Some(hosted) if foreign > 0 => reembed(hosted.handle(), false)?,
        _ => SpaceReport::default(),
    };
    if let Some(staged) = staged {
        staged.commit()?;
    }
    say(&pack, args, &configuration.path, changed, &report, out)
}

fn foreign_templates(handle: &EngineHandle, pack: &Pack) -> Result<u32, CliError> {
    let space = pack.embedding.embedding_space();
    match handle.call(Command::Spaces)? {
        Reply::Spaces(counts) => {
            let others = counts.iter().filter(|count| Some(count.space) != space);
            Ok(others.map(|count| count.templates).sum())
        }
        other => Err(roster::unexpected(&other)),
    }
}

fn reembed(handle: &EngineHandle, dry_run: bool) -> Result<SpaceReport, CliError> {
    match handle.call(Command::Reembed { dry_run })? {
        Reply::Reembedded(report) => Ok(report),
        other => Err(roster::unexpected(&other)),
    }
}

/// What the report says, a sentence a line.
fn sentences(pack: &Pack, report: &SpaceReport, planned: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let (are, must) = if planned { ("would be", "would have to") } else { ("were", "must") };
    if report.recomputed + report.left > 0 {
        let space = pack.embedding.embedding_space().map(|space| space.to_string()).unwrap_or_default();
        lines.push(format!(
            "embedding space {space}: {} {are} computed anew from the pictures kept at enrolment, {} stay in another \
             space and {} searched",
            templates(report.recomputed),
            report.left,
            if planned { "would not be" } else { "are not" }
        ));
    }
    if !report.enrol_again.is_empty() {
        let names: Vec<String> = report
            .enrol_again
            .iter()
            .map(|person| match &person.identifier {
                Some(identifier) => format!("{} (identifier {identifier})", person.name),
                None => person.name.to_string(),
            })
            .collect();
        lines.push(format!(
            "{} {must} be enrolled again: {}",
            people_count(report.enrol_again.len()),
            names.join(", ")
        ));
    }
    lines
}

fn say(
    pack: &Pack,
    args: &UseArgs,
    config: &Path,
    changed: bool,
    report: &SpaceReport,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let file = config.display().to_string();
    let object = Used {
        kind: "models_use",
        pack: &pack.name,
        dry_run: args.dry_run,
        config: file.clone(),
        config_changed: changed,
        space: pack.embedding.embedding_space().map(|space| space.to_string()),
        there_already: report.there_already,
        recomputed: report.recomputed,
        left: report.left,
        enrol_again: report
            .enrol_again
            .iter()
            .map(|person| Again {
                person: person.name.as_str(),
                id: person.id.to_string(),
                identifier: person.identifier.as_ref().map(|identifier| identifier.as_str()),
            })
            .collect(),
    };
    let file = printable(&file);
    let first = match (args.dry_run, changed) {
        (true, true) => {
            format!("models.pack = \"{}\" would be written to {file}; nothing was changed", pack.name)
        }
        (false, true) => format!("the pack `{}` is used from now on: written to {file}", pack.name),
        (_, false) => format!("{file} says already that the pack `{}` is used", pack.name),
    };
    let lines: Vec<String> = std::iter::once(first).chain(sentences(pack, report, args.dry_run)).collect();
    out.either(&object, lines.join("\n"))?;
    Ok(Exit::Done)
}
