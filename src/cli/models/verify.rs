//! `muster models verify`: whether nets are what their cards say.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::Effective;
use crate::inference::card::builtin::{self, Kind};
use crate::inference::trial::try_card;
use crate::inference::{Card, InferenceError, Pack};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, printable};
use super::super::wire;
use super::VerifyArgs;

/// One card, as `--json` prints it.
#[derive(Serialize)]
struct Verified {
    kind: &'static str,
    card: String,
    /// `good`, `missing` or `wrong`.
    state: &'static str,
    /// Whether its state counts for the exit status.
    needed: bool,
    detail: String,
}

/// What is looked at.
struct Plan {
    /// Every card, by name.
    cards: BTreeSet<String>,
    /// Those that were named, or that the pack in use names.
    needed: BTreeSet<String>,
}

fn plan(effective: &Effective, args: &VerifyArgs) -> Result<Plan, CliError> {
    let models_dir = &effective.models_dir.value;
    let of_pack = |name: &str| -> Result<BTreeSet<String>, CliError> {
        let pack = Pack::read(models_dir, name).map_err(CliError::usage)?;
        Ok(pack.cards().map(|card| card.id.clone()).collect())
    };
    if args.names.is_empty() {
        let needed = of_pack(effective.pack.value.as_str())?;
        let cards = builtin::names(models_dir, Kind::Card).into_iter().collect();
        return Ok(Plan { cards, needed });
    }
    let mut cards = BTreeSet::new();
    for name in &args.names {
        // A card and a pack may share a name (mtcnn, yunet): then both are meant.
        let is_pack = Pack::names(models_dir).contains(name);
        if is_pack {
            cards.extend(of_pack(name)?);
        }
        match Card::find(models_dir, name) {
            Ok(card) => drop(cards.insert(card.id)),
            Err(_) if is_pack => {}
            Err(error) => return Err(CliError::usage(error)),
        }
    }
    Ok(Plan { needed: cards.clone(), cards })
}

/// Looks at each card and ends with 3 where one that is needed is not good.
pub(super) fn run(effective: &Effective, args: &VerifyArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let plan = plan(effective, args)?;
    let models_dir = &effective.models_dir.value;
    let runtime = wire::runtime(effective).map_err(CliError::missing)?;
    let loader = wire::cpu_loader(&runtime, models_dir);
    let mut exit = Exit::Done;
    for name in &plan.cards {
        let tried = Card::find(models_dir, name).map_err(InferenceError::from);
        let (state, detail) = match tried.and_then(|card| try_card(&card, &loader).map(|()| card)) {
            Ok(card) => {
                let files: Vec<&str> = card.files.iter().map(|file| file.name.as_str()).collect();
                (
                    "good",
                    format!("{}: size, SHA-256 and tensors are the card's, and it runs", files.join(", ")),
                )
            }
            Err(error @ InferenceError::Missing { .. }) => ("missing", error.to_string()),
            Err(error) => ("wrong", error.to_string()),
        };
        let needed = plan.needed.contains(name);
        // A net that is there and not what its card says is wrong, whether it is used or not.
        if state == "wrong" || (needed && state == "missing") {
            exit = Exit::Missing;
        }
        let text = format!("{state:<8} {name}: {}", printable(&detail));
        out.either(&Verified { kind: "card", card: name.clone(), state, needed, detail }, text)?;
    }
    Ok(exit)
}
