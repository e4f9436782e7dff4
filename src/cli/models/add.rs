//! `muster models add`: a net that the user brings.

use serde::Serialize;

use crate::config::Effective;
use crate::inference::InferenceError;
use crate::inference::trial::try_card;
use crate::setup::bring::{BringError, bring};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, printable};
use super::super::setup::Signals;
use super::super::wire;
use super::AddArgs;

/// What was put in place, as `--json` prints it.
#[derive(Serialize)]
struct Added {
    kind: &'static str,
    card: String,
    sha256: Vec<String>,
    nets: Vec<String>,
    card_file: Option<String>,
    licence: String,
}

impl From<BringError> for CliError {
    fn from(error: BringError) -> Self {
        match &error {
            BringError::Card(_) | BringError::Count { .. } | BringError::NoNet { .. } => Self::usage(error),
            BringError::OtherFile { .. }
            | BringError::CardTaken { .. }
            | BringError::NetTaken { .. }
            | BringError::Inference(InferenceError::Mismatch { .. } | InferenceError::Runtime { .. }) => {
                Self::negative(error)
            }
            BringError::Inference(_) | BringError::Setup(_) => Self::missing(error),
        }
    }
}

/// Checks card and net, tries them, and puts them in place.
pub(super) fn run(effective: &Effective, args: &AddArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let runtime = wire::runtime(effective).map_err(CliError::missing)?;
    let models_dir = &effective.models_dir.value;
    let signals = Signals::caught();
    let mut try_out = |card: &_, folder: &_| try_card(card, &wire::cpu_loader(&runtime, folder));
    let brought = bring(models_dir, &args.card, &args.files, &mut try_out, &signals.stop, &mut |_| {})?;
    let shown = |path: &std::path::PathBuf| printable(&path.display().to_string()).into_owned();
    let object = Added {
        kind: "model_added",
        card: brought.card.id.clone(),
        sha256: brought.card.files.iter().map(|file| file.sha256.to_string()).collect(),
        nets: brought.nets.iter().map(|path| path.display().to_string()).collect(),
        card_file: brought.card_file.as_ref().map(|path| path.display().to_string()),
        licence: brought.card.licence.clone(),
    };
    let mut places: Vec<String> = brought.nets.iter().map(shown).collect();
    places.extend(brought.card_file.as_ref().map(shown));
    let id = &brought.card.id;
    let text = if places.is_empty() {
        format!("{id} was in place already; its net loads and runs")
    } else {
        format!(
            "{id} loads and runs, and is in place: {}\nIts licence: {}\nA pack that names it uses it: \
             `muster models list` shows the packs",
            places.join(", "),
            printable(&brought.card.licence)
        )
    };
    out.either(&object, text)?;
    Ok(Exit::Done)
}
