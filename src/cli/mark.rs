//! `muster mark`: an operator says that somebody is here, or has left.

use clap::Args;
use serde::Serialize;

use crate::attendance::PresenceState;
use crate::engine::{Command, EngineHandle, Reply};

use super::correct::StateArg;
use super::exit::{CliError, Exit};
use super::output::Output;
use super::people;
use super::roster::unexpected;

/// What `mark --help` ends with.
pub const MARK_HELP: &str = "\
For now and for today: what was at another time is added with `muster correct --add`.

Examples:
  muster mark 4711 present
  muster mark \"Ana Müller\" left --note \"at the dentist\"";

/// `mark`
#[derive(Debug, Clone, Args)]
pub struct MarkArgs {
    /// Whom: identifier, exact name, or the beginning of an id
    pub who: String,
    /// Whether they are here or have left
    #[arg(value_enum)]
    pub state: StateArg,
    /// Why, in words of your own; kept beside the entry
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

#[derive(Serialize)]
struct MarkedObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    state: PresenceState,
    entry: u64,
}

/// Marks somebody.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, what the engine refuses.
pub fn run(handle: &EngineHandle, args: &MarkArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    people::settle(handle);
    let snapshot = handle.snapshot();
    let row = people::find(&snapshot.roster, &args.who)?;
    let (state, words) = match args.state {
        StateArg::Present => (PresenceState::Present, "is marked as present"),
        StateArg::Left => (PresenceState::Left, "is marked as gone"),
    };
    let command = Command::Mark { person: row.person, state, note: args.note.clone() };
    let entry = match handle.call(command)? {
        Reply::Written(entry) => entry,
        other => return Err(unexpected(&other)),
    };
    let object = MarkedObject {
        kind: "marked",
        person: row.name.as_str(),
        id: row.person.to_string(),
        state,
        entry: entry.sequence.0,
    };
    out.either(&object, format!("{} {words}; entry {} says so", row.name, entry.sequence))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, Script, entry, id, ran, row};
    use crate::ledger::EntryKind;

    #[test]
    fn somebody_is_marked_by_name_and_the_entry_is_named() {
        let fake = Fake::start(Script {
            roster: vec![row(1, "Ana", Some("7"))],
            respond: Box::new(|_| Ok(Reply::Written(entry(12, 0, EntryKind::Mark, None)))),
            ..Script::default()
        });
        let args =
            |who: &str| MarkArgs { who: who.to_owned(), state: StateArg::Left, note: Some("x".to_owned()) };
        let done = ran(false, |out| run(&fake.handle, &args("7"), out));
        assert_eq!((done.code, done.out.as_str()), (0, "Ana is marked as gone; entry 12 says so\n"));
        let expected =
            Command::Mark { person: id(1), state: PresenceState::Left, note: Some("x".to_owned()) };
        assert_eq!(fake.commands(), [expected]);
        let nobody = ran(false, |out| run(&fake.handle, &args("Bo"), out));
        assert_eq!((nobody.code, nobody.out.as_str()), (1, ""), "{}", nobody.err);
    }
}
