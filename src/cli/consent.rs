//! `muster consent`: who agreed to what.

use clap::Subcommand;
use serde::Serialize;

use crate::attendance::{Consent, Person};
use crate::engine::consent::{ConsentCommand, ConsentError, ConsentGiven, ConsentState, ConsentText};
use crate::engine::{Command, EngineHandle, Reply};
use crate::ledger::Actor;
use crate::store::KeptRecords;

use super::approvals;
use super::erase;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::people;
use super::roster::{Ask, unexpected};

/// What `consent --help` ends with.
pub const CONSENT_HELP: &str = "\
Where [consent] required says so, nobody is enrolled of whom no consent is recorded: which text and version
(and its SHA-256), when, and who asked. `muster enroll NAME IMAGE --consent` asks and records in one step.
A withdrawal erases: it ends with the certificate of `muster roster erase`.

Examples:
  muster consent show --text
  muster consent record 4711
  muster consent withdraw 4711 > certificate.txt";

/// `consent`
#[derive(Debug, Clone, Subcommand)]
pub enum ConsentArgs {
    /// Record that somebody on the roster agrees: shows the text, and asks
    Record {
        /// Who: identifier, exact name, or the beginning of an id
        who: String,
        /// Do not ask: their consent is on file
        #[arg(long)]
        yes: bool,
    },
    /// Show what somebody agreed to, or the text itself
    Show {
        /// Who: identifier, exact name, or the beginning of an id
        #[arg(required_unless_present = "text")]
        who: Option<String>,
        /// The text in force
        #[arg(long, conflicts_with = "who")]
        text: bool,
    },
    /// Erase somebody who withdraws, and print the certificate
    Withdraw {
        /// Who: identifier, exact name, or the beginning of an id
        who: String,
        /// Keep when they were present, under an id that nothing names any more
        #[arg(long)]
        keep_records: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Serialize)]
struct TextObject<'a> {
    kind: &'static str,
    required: bool,
    text: Option<&'a str>,
    sha256: Option<String>,
    body: Option<&'a str>,
}

#[derive(Serialize)]
struct ConsentObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    text: Option<&'a str>,
    sha256: Option<String>,
    given_at: Option<String>,
    asked_by: Option<&'a Actor>,
}

fn object<'a>(kind: &'static str, person: &'a Person, consent: Option<&'a Consent>) -> ConsentObject<'a> {
    ConsentObject {
        kind,
        person: person.name.as_str(),
        id: person.id.to_string(),
        text: consent.map(|consent| consent.text.as_str()),
        sha256: consent.map(|consent| consent.digest.to_string()),
        given_at: consent.map(|consent| consent.given_at.to_rfc3339()),
        asked_by: consent.map(|consent| &consent.asked_by),
    }
}

/// Does what `args` says; `ask` is asked before anything is recorded or lost.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, no text, nobody to ask, what the engine refuses.
pub fn run(
    handle: &EngineHandle,
    args: &ConsentArgs,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    match args {
        ConsentArgs::Show { who: None, .. } => show_text(handle, out),
        ConsentArgs::Show { who: Some(who), .. } => {
            let person = erase::find(handle, who)?;
            let consent = person.particulars.consent.as_ref();
            let text = match consent {
                Some(consent) => format!(
                    "{} agreed to {} on {}\nSHA-256 {}",
                    person.name,
                    printable(&consent.text),
                    consent.given_at.to_rfc3339(),
                    consent.digest
                ),
                None => format!("no consent of {} is recorded", person.name),
            };
            out.either(&object("consent", &person, consent), text)?;
            Ok(if consent.is_some() { Exit::Done } else { Exit::Negative })
        }
        ConsentArgs::Record { who, yes } => {
            let row = people::find(&handle.snapshot().roster, who)?.clone();
            let digest = asked(handle, row.name.as_str(), *yes, ask, out)?.digest;
            let given = ConsentGiven { person: row.person, digest };
            handle.call(Command::Consent(ConsentCommand::Record(given)))?;
            let person = erase::find(handle, &row.person.to_string())?;
            let consent = person.particulars.consent.as_ref();
            let text = format!("{} agreed; that is on record", person.name);
            out.either(&object("consented", &person, consent), text)?;
            Ok(Exit::Done)
        }
        ConsentArgs::Withdraw { who, keep_records, yes } => {
            let person = erase::find(handle, who)?;
            erase::sure(&person, *keep_records, *yes, ask)?;
            let keeps = if *keep_records { KeptRecords::Pseudonymous } else { KeptRecords::None };
            let command = ConsentCommand::Withdraw { person: person.id, keeps };
            erase::certified(approvals::call(handle, Command::Consent(command), out)?, out)
        }
    }
}

fn state(handle: &EngineHandle) -> Result<ConsentState, CliError> {
    match handle.call(Command::Consent(ConsentCommand::Text))? {
        Reply::ConsentText(state) => Ok(*state),
        other => Err(unexpected(&other)),
    }
}

fn show_text(handle: &EngineHandle, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let state = state(handle)?;
    let text = state.text.as_ref();
    let object = TextObject {
        kind: "consent_text",
        required: state.required,
        text: text.map(|text| text.name.as_str()),
        sha256: text.map(|text| text.digest.to_string()),
        body: text.map(|text| text.body.as_str()),
    };
    let words = match text {
        Some(text) => shown(text),
        None => {
            "there is no text to consent to: name one under [consent] text in the configuration".to_owned()
        }
    };
    out.either(&object, words)?;
    Ok(if text.is_some() { Exit::Done } else { Exit::Negative })
}

/// The text for a terminal, line by line.
fn shown(text: &ConsentText) -> String {
    let body: Vec<_> = text.body.lines().map(printable).collect();
    format!("{}\n\n({}; SHA-256 {})", body.join("\n"), printable(&text.name), text.digest)
}

/// The text in force, after whoever it is for was asked: on the terminal, unless `yes` says that their
/// consent is on file.
///
/// # Errors
/// [`CliError`] where there is no text or nobody to ask, or where they do not agree.
pub fn asked(
    handle: &EngineHandle,
    name: &str,
    yes: bool,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<ConsentText, CliError> {
    let text = state(handle)?.text.ok_or_else(|| CliError::negative(ConsentError::NoText))?;
    if yes {
        return Ok(text);
    }
    out.note(shown(&text));
    match ask(&format!("Has {} read this, and agrees?", printable(name))) {
        Some(true) => Ok(text),
        Some(false) => Err(CliError::negative("they do not agree: nothing was recorded")),
        None => {
            Err(CliError::usage("there is no terminal to ask on: say --yes where their consent is on file"))
        }
    }
}
