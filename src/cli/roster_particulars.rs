//! `muster roster show`, `set` and `pin`: what is kept of somebody besides pictures and records.

use clap::Args;
use serde::Serialize;

use crate::attendance::import::{PersonChange, Wanted, face_word};
use crate::attendance::{Email, FaceUse, GroupName, Identifier, PersonName};
use crate::engine::command::register::{PersonCard, RegisterCommand, RegisterReply};
use crate::engine::state::RosterRow;
use crate::engine::{Command, EngineHandle, Reply};
use crate::ledger::ChangedValue;

use super::exit::{CliError, Exit};
use super::output::Output;
use super::{people, roster, secret};

/// What `roster set --help` ends with.
pub const SET_HELP: &str = "\
--face off deletes the person's templates and pictures at once, and none are taken of them until
it is on again: they come in by their identifier, or are marked.

Examples:
  muster roster set 4711 --group 4b --no-group 4a
  muster roster set \"Ana Müller\" --email ana@example.org --face off";

/// What `roster pin --help` ends with.
pub const PIN_HELP: &str = "\
4 to 12 digits, asked for twice and not shown; with --stdin the first line of standard input. What
is tried first (1234, 0000, the person's own identifier) is refused. Its Argon2id hash is kept,
sealed with the person. A PIN is of use only with the identifier.";

/// `on` or `off`.
fn face_use(text: &str) -> Result<FaceUse, String> {
    match text {
        "on" => Ok(FaceUse::On),
        "off" => Ok(FaceUse::Off),
        _ => Err("expected one of on, off".to_owned()),
    }
}

/// `roster set`
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub struct SetArgs {
    /// Whom: identifier, exact name, or the beginning of an id
    pub who: String,
    /// A group that they come into; may be given again
    #[arg(long = "group", value_name = "GROUP", group = "change")]
    pub groups: Vec<GroupName>,
    /// A group that they leave; may be given again
    #[arg(long = "no-group", value_name = "GROUP", group = "change")]
    pub no_groups: Vec<GroupName>,
    /// Where mail reaches them
    #[arg(long, value_name = "ADDRESS", group = "change")]
    pub email: Option<Email>,
    /// Forget where mail reaches them
    #[arg(long, group = "change", conflicts_with = "email")]
    pub no_email: bool,
    /// What the site calls them by
    #[arg(long = "id", value_name = "IDENTIFIER", group = "change")]
    pub identifier: Option<Identifier>,
    /// What they are called
    #[arg(long, value_name = "NAME", group = "change")]
    pub name: Option<PersonName>,
    /// Whether their face may be used: on or off
    #[arg(long, value_name = "on|off", value_parser = face_use, group = "change")]
    pub face: Option<FaceUse>,
}

/// `roster pin`
#[derive(Debug, Clone, Args)]
pub struct PinArgs {
    /// Whose: identifier, exact name, or the beginning of an id
    pub who: String,
    /// Take the PIN away
    #[arg(long, conflicts_with = "stdin")]
    pub clear: bool,
    /// Read the PIN from standard input
    #[arg(long)]
    pub stdin: bool,
}

#[derive(Serialize)]
struct CardObject<'a> {
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    groups: Vec<&'a str>,
    email: Option<&'a str>,
    face: FaceUse,
    has_pin: bool,
    templates: u32,
    enrolled_at: String,
    consent: Option<&'a str>,
}

/// Says what is kept of `who`.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, or what the engine refuses.
pub fn show(handle: &EngineHandle, who: &str, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let roster = handle.snapshot().roster;
    let row = people::find(&roster, who)?;
    let reply = handle.call(Command::Register(RegisterCommand::Card(row.person)))?;
    let Reply::Register(RegisterReply::Card(card)) = reply else {
        return Err(roster::unexpected(&reply));
    };
    let PersonCard { person, has_pin, templates } = *card;
    let particulars = &person.particulars;
    let groups: Vec<&str> = particulars.groups.iter().map(GroupName::as_str).collect();
    let object = CardObject {
        person: person.name.as_str(),
        id: person.id.to_string(),
        identifier: person.identifier.as_ref().map(Identifier::as_str),
        email: particulars.email.as_ref().map(Email::as_str),
        face: particulars.face,
        has_pin,
        templates,
        enrolled_at: person.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        consent: particulars.consent.as_ref().map(|consent| consent.text.as_str()),
        groups,
    };
    let none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let words = [
        ("name", object.person.to_owned()),
        ("identifier", none(object.identifier)),
        ("groups", if object.groups.is_empty() { "none".to_owned() } else { object.groups.join("; ") }),
        ("e-mail", none(object.email)),
        ("face", face_word(particulars.face).to_owned()),
        ("templates", templates.to_string()),
        ("PIN", if has_pin { "set" } else { "none" }.to_owned()),
        ("consent", none(object.consent)),
        ("enrolled at", object.enrolled_at.clone()),
        ("id", object.id.clone()),
    ];
    let lines: Vec<String> = words.iter().map(|(what, value)| format!("{what:<12}{value}")).collect();
    out.either(&object, lines.join("\n"))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct SetObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    changes: &'a [ChangedValue],
    templates_removed: u32,
}

/// Changes what is kept of somebody.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, or what the engine refuses.
pub fn set(handle: &EngineHandle, args: &SetArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let roster = handle.snapshot().roster;
    let row = people::find(&roster, &args.who)?;
    let change = PersonChange {
        name: args.name.clone(),
        identifier: args.identifier.clone(),
        groups: None,
        into: args.groups.iter().cloned().collect(),
        out_of: args.no_groups.iter().cloned().collect(),
        email: match (&args.email, args.no_email) {
            (Some(email), _) => Wanted::Put(email.clone()),
            (None, true) => Wanted::Clear,
            (None, false) => Wanted::Keep,
        },
        face: args.face,
    };
    let command = RegisterCommand::Change { person: row.person, change };
    let reply = handle.call(Command::Register(command))?;
    let Reply::Register(RegisterReply::Changed { person, changes, templates_removed }) = reply else {
        return Err(roster::unexpected(&reply));
    };
    let object = SetObject {
        kind: "changed",
        person: person.name.as_str(),
        id: person.id.to_string(),
        changes: &changes,
        templates_removed,
    };
    out.either(&object, set_words(row, &changes, templates_removed))?;
    Ok(Exit::Done)
}

fn set_words(row: &RosterRow, changes: &[ChangedValue], templates_removed: u32) -> String {
    let who = people::described(row);
    if changes.is_empty() {
        return format!("{who}: it was so already");
    }
    let mut lines = vec![who];
    lines.extend(changes.iter().map(|change| format!("  {}", change_words(change))));
    if templates_removed > 0 {
        lines.push(format!("  templates deleted: {templates_removed}"));
    }
    lines.join("\n")
}

/// A changed value in a line.
pub(super) fn change_words(change: &ChangedValue) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    format!("{}: {} -> {}", change.key, shown(&change.before), shown(&change.after))
}

#[derive(Serialize)]
struct PinObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
}

/// Sets somebody's PIN, or takes it away.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, a PIN that cannot be taken, or what the engine refuses.
pub fn pin(handle: &EngineHandle, args: &PinArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let roster = handle.snapshot().roster;
    let row = people::find(&roster, &args.who)?;
    let pin = if args.clear {
        None
    } else {
        let typed = if args.stdin {
            secret::from_input()?
        } else {
            secret::asked_twice(&format!("New PIN of {}: ", row.name))?
        };
        Some(typed.parse().map_err(|error: crate::attendance::PinError| CliError::usage(error))?)
    };
    let is_set = pin.is_some();
    let reply = handle.call(Command::Register(RegisterCommand::SetPin { person: row.person, pin }))?;
    let Reply::Register(RegisterReply::PinSet { was_set }) = reply else {
        return Err(roster::unexpected(&reply));
    };
    let who = people::described(row);
    let (kind, words) = match (is_set, was_set) {
        (true, _) if row.identifier.is_none() => (
            "pin_set",
            format!(
                "{who}: the PIN is set, but they have no identifier to go with it: muster roster set WHO --id"
            ),
        ),
        (true, false) => ("pin_set", format!("{who}: the PIN is set")),
        (true, true) => ("pin_set", format!("{who}: the PIN is another now")),
        (false, true) => ("pin_cleared", format!("{who}: there is no PIN any more")),
        (false, false) => ("pin_cleared", format!("{who}: there was no PIN")),
    };
    out.either(&PinObject { kind, person: row.name.as_str(), id: row.person.to_string() }, words)?;
    Ok(Exit::Done)
}
