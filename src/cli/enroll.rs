//! `muster enroll`: people from photographs, from a folder or a roster of them, or before the camera.

mod batch;
mod camera;
#[cfg(test)]
mod tests;
mod wanted;

use std::path::PathBuf;

use clap::Args;
use crossbeam_channel::Receiver;
use serde::Serialize;

use crate::attendance::{Identifier, Person, PersonName};
use crate::capture::SourceSpec;
use crate::engine::command::{
    EnrolmentNotes, EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, SelfTest,
};
use crate::engine::{Command, EngineHandle, Reply, RosterState};

use super::args::face_choice;
use super::exit::{CliError, Exit};
use super::output::Output;
use super::quality::WarningObject;
use super::roster::Ask;
use super::source::{SourceParser, ViewArgs};
use super::{consent, nets, people, pictures, roster};
use crate::engine::consent::ConsentCommand;
use crate::ledger::Sha256Digest;

/// Shown under `muster enroll --help`.
pub const ENROLL_HELP: &str = "\
Examples:
  muster enroll \"Ana Müller\" ana.jpg
  muster enroll \"Ana Müller\" other.jpg --id 4711   another person of that name
  muster enroll \"Ana Müller\" glasses.jpg --add     another photograph of the same person
  muster enroll Bo team.jpg --face 3               the third face from the left
  muster enroll Bo --source camera:0               shots that are taken by themselves
  muster enroll --folder staff/                    staff/NAME/*.jpg and staff/NAME.jpg
  muster enroll --roster staff.csv                 columns name, identifier, pictures

One photograph is enough. All photographs of one person that are named are good, or nothing is
written; of a folder or a roster, those that cannot be used are left out and named at the end. Who
is on the roster already is left as they are, so that the same command can be run again. In a
roster several pictures stand in one cell, with | between them, relative to the file's folder; a
folder there stands for its pictures.

Exit status: 0 where everybody was enrolled or was there already; 1 where somebody was refused.";

/// `enroll`
#[derive(Debug, Clone, Args)]
pub struct EnrollArgs {
    /// What the person is called; with --add, who they are: identifier, exact name, or id prefix
    #[arg(value_name = "NAME", required_unless_present_any = ["folder", "roster"])]
    pub name: Option<PersonName>,
    /// Photographs: JPEG, PNG, BMP, PNM or WebP
    #[arg(value_name = "IMAGE", required_unless_present_any = ["folder", "roster", "source"])]
    pub images: Vec<PathBuf>,
    /// Take shots of whoever is before this source, by themselves, and test them there
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser, conflicts_with = "images")]
    pub source: Option<SourceSpec>,
    /// How it is seen.
    #[command(flatten)]
    pub view: ViewArgs,
    /// Enrol everybody of a folder: DIR/NAME/*.jpg and DIR/NAME.jpg
    #[arg(long, value_name = "DIR", conflicts_with_all = ["name", "source", "roster", "id", "add"])]
    pub folder: Option<PathBuf>,
    /// Enrol everybody of a CSV file with the columns name, identifier and pictures
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["name", "source", "id", "add"])]
    pub roster: Option<PathBuf>,
    /// What the site calls them by, unique: a staff or pupil number
    #[arg(long, value_name = "ID")]
    pub id: Option<Identifier>,
    /// Add a template to somebody who is on the roster
    #[arg(long)]
    pub add: bool,
    /// Which face: main (the largest, if it is clearly so), largest, or the Nth from the left
    #[arg(long, value_name = "main|largest|N", default_value = "main", value_parser = face_choice)]
    pub face: FaceChoice,
    /// Also who looks like somebody enrolled, and pictures that do not look like one person
    #[arg(long)]
    pub anyway: bool,
    /// Show what people are asked, ask, and record that they agree; of a folder or a roster, that the
    /// consent of everybody in it is on file
    #[arg(long)]
    pub consent: bool,
    /// Do not ask: their consent is on file
    #[arg(long, requires = "consent")]
    pub yes: bool,
}

impl EnrollArgs {
    /// `command` with the consent to the text `agreed`, where there is one.
    fn with_consent(command: Command, agreed: Option<Sha256Digest>) -> Command {
        match agreed {
            None => command,
            Some(digest) => Command::Consent(ConsentCommand::With { digest, command: Box::new(command) }),
        }
    }
}

/// Who was enrolled, as `--json` prints it.
#[derive(Serialize)]
struct Enrolled<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    templates_added: u32,
    pictures: Vec<PictureObject>,
    alike: Vec<AlikeObject>,
    to_earlier: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_test: Option<SelfTestObject>,
    provider: String,
}

/// A picture of an enrolment.
#[derive(Serialize)]
struct PictureObject {
    picture: String,
    warnings: Vec<WarningObject>,
    refused: Option<String>,
}

/// Somebody else who is enrolled and looks like the person.
#[derive(Serialize)]
struct AlikeObject {
    person: String,
    id: String,
    similarity: f32,
}

#[derive(Serialize)]
struct SelfTestObject {
    frames: u32,
    identified: u32,
    similarity: Option<f32>,
}

/// Enrols.
///
/// # Errors
/// [`CliError`]: a photograph that cannot be read (nothing is written then), one that has no face or
/// more than one, a name that is taken, somebody who looks like one enrolled, nets that are missing.
pub fn run(
    handle: &EngineHandle,
    args: &EnrollArgs,
    interrupts: &Receiver<()>,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    if let Some(folder) = &args.folder {
        return batch::run(handle, args, &wanted::of_folder(folder)?, interrupts, out);
    }
    if let Some(file) = &args.roster {
        return batch::run(handle, args, &wanted::of_roster(file)?, interrupts, out);
    }
    let Some(name) = &args.name else {
        return Err(CliError::usage("expected a NAME, --folder or --roster"));
    };
    let read: Result<Vec<_>, String> = args.images.iter().map(|path| pictures::read(path)).collect();
    let pictures = read.map_err(|error| CliError::usage(format_args!("{error}; nobody was enrolled")))?;
    people::settle(handle);
    let target = target(&handle.snapshot().roster, name, args)?;
    let agreed = match args.consent {
        true => Some(consent::asked(handle, name.as_str(), args.yes, ask, out)?.digest),
        false => None,
    };
    let running = nets::wait(handle)?;
    let (source, test) = match args.source {
        Some(_) => {
            let shots = camera::shots(handle, interrupts, out)?;
            let test = camera::self_test(handle, &shots);
            (EnrolmentSource::Shots(shots), test)
        }
        None => {
            let wanted = EnrolmentPictures { pictures, face: args.face, leave_out: false };
            (EnrolmentSource::Pictures(wanted), None)
        }
    };
    let command = Command::Enrol { target, source, anyway: args.anyway };
    match handle.call(EnrollArgs::with_consent(command, agreed))? {
        Reply::Enrolled { person, templates_added, notes } => {
            let object = enrolled(&person, templates_added, &notes, test, running.provider_name());
            let mut lines = vec![sentence(&person, templates_added, args.add)];
            lines.extend(note_lines(&notes, &person.name));
            lines.extend(test.map(|test| camera::words(&test)));
            out.either(&object, lines.join("\n"))?;
            Ok(Exit::Done)
        }
        other => Err(roster::unexpected(&other)),
    }
}

fn sentence(person: &Person, templates_added: u32, add: bool) -> String {
    let templates = match templates_added {
        1 => "one template".to_owned(),
        n => format!("{n} templates"),
    };
    let (verb, more) = if add { ("has", " more") } else { ("is enrolled with", "") };
    format!("{} (id {}) {verb} {templates}{more}", person.name, person.id)
}

/// What else there is to say: pictures left out and poor ones, look-alikes, unlike pictures.
fn note_lines(notes: &EnrolmentNotes, name: &PersonName) -> Vec<String> {
    let mut lines: Vec<String> =
        notes.refused.iter().map(|picture| format!("  left out: {}", picture.reason)).collect();
    for picture in &notes.pictures {
        let said: Vec<&str> = picture.findings.iter().map(|finding| finding.sentence.as_str()).collect();
        if !said.is_empty() {
            lines.push(format!("  {}: enrolled, but: {}", picture.label, said.join("; ")));
        }
    }
    for alike in &notes.alike {
        lines.push(format!(
            "  {} (id {}) looks like {name}: similarity {:.2}",
            alike.name, alike.person, alike.similarity.0
        ));
    }
    if let (Some(similarity), Some(threshold)) = (notes.to_earlier, notes.threshold)
        && similarity < threshold.0
    {
        lines.push(format!(
            "  unlike the earlier pictures of {name}: similarity {:.2}, {:.2} identifies",
            similarity.0, threshold.0.0
        ));
    }
    lines
}

fn enrolled<'a>(
    person: &'a Person,
    templates_added: u32,
    notes: &EnrolmentNotes,
    test: Option<SelfTest>,
    provider: String,
) -> Enrolled<'a> {
    let good = notes.pictures.iter().map(|picture| PictureObject {
        picture: picture.label.clone(),
        warnings: picture.findings.iter().map(WarningObject::from).collect(),
        refused: None,
    });
    let bad = notes.refused.iter().map(|picture| PictureObject {
        picture: picture.label.clone(),
        warnings: Vec::new(),
        refused: Some(picture.reason.clone()),
    });
    Enrolled {
        kind: "enrolled",
        person: person.name.as_str(),
        id: person.id.to_string(),
        identifier: person.identifier.as_ref().map(|identifier| identifier.as_str()),
        templates_added,
        pictures: good.chain(bad).collect(),
        alike: notes
            .alike
            .iter()
            .map(|alike| AlikeObject {
                person: alike.name.to_string(),
                id: alike.person.to_string(),
                similarity: alike.similarity.0,
            })
            .collect(),
        to_earlier: notes.to_earlier.map(|similarity| similarity.0),
        self_test: test.map(|test| SelfTestObject {
            frames: test.frames,
            identified: test.identified,
            similarity: test.similarity.map(|similarity| similarity.0),
        }),
        provider,
    }
}

/// A new person, or with `--add` the one that NAME and `--id` name.
fn target(state: &RosterState, name: &PersonName, args: &EnrollArgs) -> Result<EnrolmentTarget, CliError> {
    if !args.add {
        return Ok(EnrolmentTarget::New { name: name.clone(), identifier: args.id.clone() });
    }
    let Some(identifier) = &args.id else {
        return people::find(state, name.as_str()).map(|row| EnrolmentTarget::Existing(row.person));
    };
    let row = state.rows.iter().find(|row| row.identifier.as_ref() == Some(identifier)).ok_or_else(|| {
        CliError::negative(format_args!("nobody on the roster has the identifier {identifier}"))
    })?;
    if row.name != *name {
        return Err(CliError::negative(format_args!(
            "the identifier {identifier} belongs to {}, not to {name}",
            row.name
        )));
    }
    Ok(EnrolmentTarget::Existing(row.person))
}
