//! `muster config`: check and show the configuration.

use std::fs;

use serde::Serialize;

use crate::config::Effective;

use super::args::ConfigCommand;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};

/// What was checked, as `--json` prints it.
#[derive(Serialize)]
struct Checked {
    kind: &'static str,
    file: Option<String>,
    from: Option<String>,
}

/// Says that the configuration, which was read to come here, is good; or shows it.
///
/// # Errors
/// [`CliError`] where the file has gone since or the output cannot be written.
pub fn run(effective: &Effective, command: &ConfigCommand, out: &mut Output<'_>) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Check => {
            let file = effective.file.as_ref();
            let object = Checked {
                kind: "config",
                file: file.map(|file| file.path.display().to_string()),
                from: file.map(|file| file.origin.to_string()),
            };
            let text = match file {
                Some(file) => {
                    format!("{} is good ({})", printable(&file.path.to_string_lossy()), file.origin)
                }
                None => "there is no configuration file; every value is its default".to_owned(),
            };
            out.either(&object, text)?;
        }
        ConfigCommand::Show { effective: true } => {
            let text = effective.to_toml();
            show(out, effective, &text)?;
        }
        ConfigCommand::Show { effective: false } => match &effective.file {
            Some(file) => {
                let typed = fs::read_to_string(&file.path).map_err(|error| {
                    CliError::usage(format_args!("{} cannot be read: {error}", file.path.display()))
                })?;
                let heading = format!("# {} ({})\n", printable(&file.path.to_string_lossy()), file.origin);
                show(out, effective, &(heading + &typed))?;
            }
            None => {
                show(out, effective, "# no configuration file was found\n")?;
            }
        },
    }
    Ok(Exit::Done)
}

/// TOML text, or with `--json` the tables of that text in one object.
fn show(out: &mut Output<'_>, effective: &Effective, text: &str) -> Result<(), CliError> {
    if !out.json {
        return Ok(out.line(text.trim_end())?);
    }
    #[derive(Serialize)]
    struct Shown {
        kind: &'static str,
        file: Option<String>,
        values: toml::Table,
    }
    // The text was parsed before, or was made by `to_toml`, which a test reads back.
    let values = text.trim_start_matches('\u{FEFF}').parse().unwrap_or_default();
    let file = effective.file.as_ref().map(|file| file.path.display().to_string());
    Ok(out.object(&Shown { kind: "config", file, values })?)
}
