//! `muster models list`: cards, packs, and the embedding spaces that templates live in.

use std::path::Path;

use serde::Serialize;

use crate::config::Effective;
use crate::engine::command::SpaceCount;
use crate::engine::{Command, Reply};
use crate::face::EmbeddingSpace;
use crate::inference::card::builtin::{self, Kind};
use crate::inference::{Card, Pack};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, columns, printable};
use super::super::wire::{self, Need};
use super::super::{people, roster};
use super::templates;

/// A card as `--json` prints it.
#[derive(Serialize)]
struct CardObject {
    kind: &'static str,
    card: String,
    task: String,
    /// `here`, `missing`, `other` (a file of another size) or `invalid` (the card).
    state: &'static str,
    built_in: bool,
    files: Vec<String>,
    licence: String,
    detail: String,
}

/// A pack as `--json` prints it.
#[derive(Serialize)]
struct PackObject {
    kind: &'static str,
    pack: String,
    in_use: bool,
    /// Whether every file of its cards is there.
    complete: bool,
    built_in: bool,
    space: Option<String>,
    /// How many templates live in its space; none where the store could not be read.
    templates: Option<u32>,
    detail: String,
}

/// A space that no pack here has, as `--json` prints it.
#[derive(Serialize)]
struct SpaceObject {
    kind: &'static str,
    space: String,
    templates: u32,
    people: u32,
}

/// Lists.
pub(super) fn run(effective: &Effective, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let models_dir = &effective.models_dir.value;
    let cards: Vec<CardObject> =
        builtin::names(models_dir, Kind::Card).iter().map(|name| card(models_dir, name)).collect();
    let counts = match space_counts(effective) {
        Ok(counts) => Some(counts),
        Err(error) => {
            out.note(format_args!("the templates could not be counted: {error}"));
            None
        }
    };
    let packs: Vec<PackObject> = Pack::names(models_dir)
        .iter()
        .map(|name| pack(models_dir, name, effective.pack.value.as_str(), counts.as_deref()))
        .collect();
    let unknown: Vec<SpaceObject> = counts
        .iter()
        .flatten()
        .filter(|count| packs.iter().all(|pack| pack.space.as_deref() != Some(&full(count.space))))
        .map(|count| SpaceObject {
            kind: "space",
            space: full(count.space),
            templates: count.templates,
            people: count.people,
        })
        .collect();
    if out.json {
        cards.iter().try_for_each(|card| out.object(card))?;
        packs.iter().try_for_each(|pack| out.object(pack))?;
        unknown.iter().try_for_each(|space| out.object(space))?;
        return Ok(Exit::Done);
    }
    print(&cards, &packs, &unknown, out)?;
    Ok(Exit::Done)
}

fn print(
    cards: &[CardObject],
    packs: &[PackObject],
    unknown: &[SpaceObject],
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let own = |built_in: bool| if built_in { "built in" } else { "own" }.to_owned();
    let rows: Vec<Vec<String>> = cards
        .iter()
        .map(|card| {
            let files = card.files.join(", ");
            vec![
                card.card.clone(),
                card.task.clone(),
                card.state.to_owned(),
                own(card.built_in),
                printable(&files).into_owned(),
                first_line(if card.state == "invalid" { &card.detail } else { &card.licence }),
            ]
        })
        .collect();
    out.line(columns(&["card", "task", "files", "from", "", "licence"], &rows))?;
    let rows: Vec<Vec<String>> = packs
        .iter()
        .map(|pack| {
            vec![
                if pack.in_use { format!("* {}", pack.pack) } else { format!("  {}", pack.pack) },
                if pack.complete { "complete" } else { "incomplete" }.to_owned(),
                own(pack.built_in),
                pack.space.as_deref().map_or_else(String::new, |space| space[..16].to_owned()),
                pack.templates.map(|count| count.to_string()).unwrap_or_default(),
                first_line(&pack.detail),
            ]
        })
        .collect();
    out.line("")?;
    out.line(columns(&["  pack (* in use)", "nets", "from", "embedding space", "templates", ""], &rows))?;
    for space in unknown {
        out.line(format_args!(
            "{} of {} live in the embedding space {}, which no pack here has",
            templates(space.templates),
            super::super::output::people_count(space.people as usize),
            &space.space[..16]
        ))?;
    }
    Ok(())
}

/// A card's texts may have several lines; a column has room for one.
fn first_line(text: &str) -> String {
    printable(text.trim().lines().next().unwrap_or_default()).into_owned()
}

/// The whole digest in hexadecimal.
fn full(space: EmbeddingSpace) -> String {
    space.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the files of `card` are on the disk, by their sizes: reading all of them takes long, and is
/// `verify`'s.
fn state(card: &Card, models_dir: &Path) -> &'static str {
    let size = |name: &str| std::fs::metadata(models_dir.join(name)).map(|metadata| metadata.len()).ok();
    let sizes: Vec<bool> =
        card.files.iter().filter_map(|file| size(&file.name).map(|size| size == file.size_bytes)).collect();
    match sizes.as_slice() {
        sizes if sizes.contains(&false) => "other",
        sizes if sizes.len() == card.files.len() => "here",
        _ => "missing",
    }
}

fn card(models_dir: &Path, name: &str) -> CardObject {
    match Card::find(models_dir, name) {
        Ok(card) => CardObject {
            kind: "card",
            task: format!("{:?}", card.task).to_lowercase(),
            state: state(&card, models_dir),
            built_in: card.is_built_in(),
            files: card.files.iter().map(|file| file.name.clone()).collect(),
            licence: card.licence,
            detail: card.description,
            card: card.id,
        },
        Err(error) => CardObject {
            kind: "card",
            card: name.to_owned(),
            task: String::new(),
            state: "invalid",
            built_in: false,
            files: vec![],
            licence: String::new(),
            detail: error.to_string(),
        },
    }
}

fn pack(models_dir: &Path, name: &str, in_use: &str, counts: Option<&[SpaceCount]>) -> PackObject {
    let read = Pack::read(models_dir, name);
    let built_in = Kind::Pack.texts().iter().any(|(known, _)| *known == name)
        && !models_dir.join("packs").join(format!("{name}.toml")).exists();
    let space = read.as_ref().ok().and_then(|pack| pack.embedding.embedding_space());
    let count = |space: EmbeddingSpace| {
        counts
            .map(|counts| counts.iter().find(|count| count.space == space).map_or(0, |count| count.templates))
    };
    PackObject {
        kind: "pack",
        pack: name.to_owned(),
        in_use: name == in_use,
        complete: read.as_ref().is_ok_and(|pack| pack.cards().all(|card| state(card, models_dir) == "here")),
        built_in,
        space: space.map(full),
        templates: space.and_then(count),
        detail: match &read {
            Ok(pack) => pack.description.clone(),
            Err(error) => error.to_string(),
        },
    }
}

/// How many templates there are in each space; none where there is no store yet.
fn space_counts(effective: &Effective) -> Result<Vec<SpaceCount>, CliError> {
    if !wire::holds_a_store(&effective.data_dir.value) {
        return Ok(vec![]);
    }
    let hosted = wire::host(effective, Need::Store)?;
    people::settle(hosted.handle());
    match hosted.handle().call(Command::Spaces)? {
        Reply::Spaces(counts) => Ok(counts),
        other => Err(roster::unexpected(&other)),
    }
}
