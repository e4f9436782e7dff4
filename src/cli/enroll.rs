//! `muster enroll`: a person from photographs.

use serde::Serialize;

use crate::engine::command::{EnrolmentSource, EnrolmentTarget};
use crate::engine::{Command, EngineHandle, Reply, RosterState};

use super::args::EnrollArgs;
use super::exit::{CliError, Exit};
use super::output::Output;
use super::{nets, people, pictures, roster};

/// Who was enrolled, as `--json` prints it.
#[derive(Serialize)]
struct Enrolled<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    templates_added: u32,
    provider: String,
}

/// Enrols.
///
/// # Errors
/// [`CliError`]: a photograph that cannot be read (nothing is written then), one that has no face or
/// more than one, a name that is taken, nets that are missing.
pub fn run(handle: &EngineHandle, args: &EnrollArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let pictures: Result<Vec<_>, String> = args.images.iter().map(|path| pictures::read(path)).collect();
    let pictures = pictures.map_err(|error| CliError::usage(format_args!("{error}; nobody was enrolled")))?;
    people::settle(handle);
    let target = target(&handle.snapshot().roster, args)?;
    let running = nets::wait(handle)?;
    let source = EnrolmentSource::Pictures { pictures, face: args.face };
    match handle.call(Command::Enrol { target, source })? {
        Reply::Enrolled { person, templates_added } => {
            let templates = match templates_added {
                1 => "one template".to_owned(),
                n => format!("{n} templates"),
            };
            let verb = if args.add { "has" } else { "is enrolled with" };
            let more = if args.add { " more" } else { "" };
            let text = format!("{} (id {}) {verb} {templates}{more}", person.name, person.id);
            let object = Enrolled {
                kind: "enrolled",
                person: person.name.as_str(),
                id: person.id.to_string(),
                identifier: person.identifier.as_ref().map(|i| i.as_str()),
                templates_added,
                provider: running.provider_name(),
            };
            out.either(&object, text)?;
            Ok(Exit::Done)
        }
        other => Err(roster::unexpected(&other)),
    }
}

/// A new person, or with `--add` the one that NAME and `--id` name.
fn target(state: &RosterState, args: &EnrollArgs) -> Result<EnrolmentTarget, CliError> {
    if !args.add {
        return Ok(EnrolmentTarget::New { name: args.name.clone(), identifier: args.id.clone() });
    }
    let Some(identifier) = &args.id else {
        return people::find(state, args.name.as_str()).map(|row| EnrolmentTarget::Existing(row.person));
    };
    let row = state.rows.iter().find(|row| row.identifier.as_ref() == Some(identifier)).ok_or_else(|| {
        CliError::negative(format_args!("nobody on the roster has the identifier {identifier}"))
    })?;
    if row.name != args.name {
        return Err(CliError::negative(format_args!(
            "the identifier {identifier} belongs to {}, not to {}",
            row.name, args.name
        )));
    }
    Ok(EnrolmentTarget::Existing(row.person))
}
