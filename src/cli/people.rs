//! From what was typed to a person of the roster.

use chrono::DateTime;

use crate::attendance::{Person, PersonId, Roster, Who};
use crate::engine::state::RosterRow;
use crate::engine::{EngineHandle, RosterState};
use crate::ledger::Sequence;

use super::exit::CliError;

/// Waits until the engine answers: it has read the store by then, and the roster is on the board.
pub fn settle(handle: &EngineHandle) {
    // What it says of the log is of no interest here.
    let _ = handle.entries_since(Sequence(u64::MAX), 1);
}

/// The roster as the domain knows it, for looking somebody up.
fn searchable(state: &RosterState) -> Roster {
    let mut roster = Roster::default();
    for row in &state.rows {
        roster.put(Person {
            id: row.person,
            name: row.name.clone(),
            identifier: row.identifier.clone(),
            // A snapshot's rows are active people and say nothing of when; looking up asks neither.
            created_at: DateTime::UNIX_EPOCH,
            removed_at: None,
            particulars: crate::attendance::Particulars::default(),
        });
    }
    roster
}

/// The person that `who` names.
///
/// # Errors
/// A negative answer where it is nobody, or several people, who are then listed.
pub fn find<'a>(state: &'a RosterState, who: &str) -> Result<&'a RosterRow, CliError> {
    let roster = searchable(state);
    let row = |id: PersonId| state.rows.iter().find(|row| row.person == id);
    match roster.who(who) {
        Who::One(person) => row(person.id).ok_or_else(|| nobody(state, who)),
        Who::Nobody => Err(nobody(state, who)),
        Who::Several(people) => {
            let list: Vec<String> = people
                .iter()
                .filter_map(|person| row(person.id))
                .map(|row| format!("  {}", described(row)))
                .collect();
            Err(CliError::negative(format_args!(
                "`{}` could be any of {}; name one of them by identifier or id:\n{}",
                super::output::printable(who),
                list.len(),
                list.join("\n")
            )))
        }
    }
}

fn nobody(state: &RosterState, who: &str) -> CliError {
    let nearest = state
        .rows
        .iter()
        .map(|row| (strsim::jaro_winkler(row.name.as_str(), who), row))
        .filter(|(alike, _)| *alike > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match nearest {
        Some((_, row)) => format!("did you mean {}?", described(row)),
        None => "`muster roster list` shows everybody".to_owned(),
    };
    CliError::negative(format_args!(
        "nobody on the roster is called `{}` or has that identifier or id; {hint}",
        super::output::printable(who)
    ))
}

/// Name, identifier and id.
pub fn described(row: &RosterRow) -> String {
    match &row.identifier {
        Some(identifier) => format!("{} (identifier {identifier}, id {})", row.name, row.person),
        None => format!("{} (id {})", row.name, row.person),
    }
}
