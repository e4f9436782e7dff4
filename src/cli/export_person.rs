//! `muster export-person`: everything that is held about a person, as files that they can read.

mod files;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::attendance::PersonId;
use crate::engine::export::PersonExport;
use crate::engine::{Command, EngineHandle, Reply};

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::roster::unexpected;
use super::{approvals, erase, people};
use files::Place;

/// What `export-person --help` ends with.
pub const EXPORT_PERSON_HELP: &str = "\
Writes README.txt, which explains the rest; person.json; templates.json; entries.jsonl, a line for each entry of the
ledger about the person; candidacies.jsonl, where they were considered for somebody else's; sessions.json;
inbox.json; and pictures/ with the crops that are kept. For the owner alone, and nothing that is there is
overwritten. Other people are not in it. The ledger notes that it was given out. Only an admin may.

Examples:
  muster export-person 4711 -o ana
  muster export-person 4711 -o ana.zip
  muster export-person 4711 -o - > ana.zip";

/// `export-person`
#[derive(Debug, Clone, Args)]
pub struct ExportPersonArgs {
    /// Who: identifier, exact name, or the beginning of an id; also somebody whose enrolment has ended
    pub who: String,
    /// The folder or the .zip file, which must not be there; - for a .zip file on standard output
    #[arg(long, short, value_name = "DIR|FILE.zip|-")]
    pub output: PathBuf,
}

#[derive(Serialize)]
struct ExportedObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    to: String,
    files: usize,
    entry: u64,
}

/// Writes everything.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, a place that is taken or cannot be written, what the
/// engine refuses.
pub fn run(handle: &EngineHandle, args: &ExportPersonArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    people::settle(handle);
    let person = erase::find(handle, &args.who)?;
    if args.output == std::path::Path::new("-") {
        return to_output(handle, person.id, out);
    }
    let shown = args.output.display().to_string();
    let failed = |error: std::io::Error| {
        CliError::usage(format_args!("{} cannot be written: {error}", printable(&shown)))
    };
    // The place first: what could not be written need not be noted.
    let place = Place::take(&args.output).map_err(failed)?;
    let export = match approvals::call(handle, Command::ExportPerson(person.id), out) {
        Ok(Reply::PersonExport(export)) => *export,
        Ok(other) => return Err(unexpected(&other)),
        Err(error) => {
            place.give_up();
            return Err(error.into());
        }
    };
    let all = files(&export)?;
    let count = all.len();
    place.write(all).map_err(failed)?;
    let object = ExportedObject {
        kind: "person_exported",
        person: export.person.name.as_str(),
        id: export.person.id.to_string(),
        to: shown.clone(),
        files: count,
        entry: export.noted.0,
    };
    let text = format!(
        "written to {}: {count} files with everything that is held about {}; entry {} says so",
        printable(&shown),
        export.person.name,
        export.noted
    );
    out.either(&object, text)?;
    Ok(Exit::Done)
}

fn files(export: &PersonExport) -> Result<Vec<files::Named>, CliError> {
    files::all(export).map_err(|error| {
        CliError::missing(format_args!("what is held of the person cannot be put into words: {error}"))
    })
}

/// Writes an archive to standard output, and what else there is to say to standard error.
fn to_output(handle: &EngineHandle, person: PersonId, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let export = match approvals::call(handle, Command::ExportPerson(person), out)? {
        Reply::PersonExport(export) => *export,
        other => return Err(unexpected(&other)),
    };
    let all = files(&export)?;
    let count = all.len();
    let archive = files::archive(std::io::Cursor::new(Vec::new()), all)?.into_inner();
    out.out.write_all(&archive)?;
    out.out.flush()?;
    out.note(format_args!(
        "{count} files with everything that is held about {}; entry {} says so",
        export.person.name, export.noted
    ));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
