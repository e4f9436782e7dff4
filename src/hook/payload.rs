//! What another system is told of an entry: one JSON object. No picture, no score, no note, no address; a name
//! only where the hook is allowed names.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Hook;
use crate::attendance::session::Standing;
use crate::attendance::statement::method_of;
use crate::attendance::{Identifier, Method, PresenceState};
use crate::engine::NamedEntry;
use crate::ledger::{ClockState, EntryKind};

/// The object. Fields are never taken away or given another meaning.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    /// The entry's own name, a ULID: the same in every try.
    id: String,
    /// From 1. Above 1 the same id may have been taken before.
    attempt: u32,
    hook: &'a str,
    terminal: String,
    sequence: u64,
    time: String,
    clock: ClockState,
    kind: EntryKind,
    person: Option<String>,
    identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    state: Option<PresenceState>,
    method: Option<Method>,
    source: Option<&'a str>,
    session: Option<String>,
    standing: Option<Standing>,
    /// The sequence of the entry that this one corrects.
    corrects: Option<u64>,
    /// Whether the corrected entry holds no more at all.
    struck: bool,
    /// The time it speaks of, where that is not the entry's own.
    holds_at: Option<String>,
    holds_until: Option<String>,
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The object for `entry` as `hook` gets it, without a line end. `identifier` is what the site calls its person
/// by now.
pub fn payload(hook: &Hook, entry: &NamedEntry, identifier: Option<&Identifier>, attempt: u32) -> String {
    let head = &entry.entry.head;
    let record = entry.entry.parts.record.as_ref();
    let details = record.map(|record| &record.details);
    let name = record.and_then(|record| entry.names.get(&record.person)).filter(|_| hook.names);
    let payload = Payload {
        id: head.id.0.to_string(),
        attempt,
        hook: &hook.name,
        terminal: head.terminal.0.to_string(),
        sequence: head.sequence.0,
        time: utc(head.at),
        clock: head.clock,
        kind: head.kind,
        person: record.map(|record| record.person.to_string()),
        identifier: identifier.map(Identifier::as_str),
        name: name.map(|name| name.as_str()),
        state: record.and_then(|record| record.state),
        method: details.and_then(|details| details.method.or(method_of(head.kind))),
        source: details.and_then(|details| details.source.as_deref()),
        session: details.and_then(|details| details.session).map(|session| session.0.to_string()),
        standing: details.and_then(|details| details.standing),
        corrects: details.and_then(|details| details.corrects).map(|sequence| sequence.0),
        struck: details.is_some_and(|details| details.struck),
        holds_at: details.and_then(|details| details.holds_at).map(utc),
        holds_until: details.and_then(|details| details.holds_until).map(utc),
    };
    // Strings, numbers and words: there is nothing in it that could not be written.
    serde_json::to_string(&payload).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::testing::{hook, passage};

    #[test]
    fn an_entry_is_told_in_full_and_a_name_only_where_it_may_be() {
        let mut hook = hook();
        let entry = passage(7, "Ana Müller");
        let identifier = "S-7".parse().unwrap();
        let text = payload(&hook, &entry, Some(&identifier), 2);
        assert!(!text.contains("Ana") && !text.contains('\n'), "{text}");
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["id"], entry.entry.head.id.0.to_string());
        assert_eq!((&object["attempt"], &object["sequence"]), (&2.into(), &7.into()));
        assert_eq!((&object["kind"], &object["state"]), (&"passage".into(), &"present".into()));
        assert_eq!((&object["method"], &object["source"]), (&"face".into(), &"yard".into()));
        assert_eq!(
            (&object["identifier"], &object["time"]),
            (&"S-7".into(), &"2026-03-02T08:00:07.000000Z".into())
        );
        for never in ["similarity", "0.9", "secret note", "embedding"] {
            assert!(!text.contains(never), "{never}: {text}");
        }
        hook.names = true;
        assert!(payload(&hook, &entry, None, 1).contains("\"name\":\"Ana Müller\""));
    }
}
