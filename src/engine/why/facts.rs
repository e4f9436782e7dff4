//! The facts of an entry, in words.

use super::{WhyLine, line};
use crate::ledger::{ChangedValue, Facts};

/// What `facts` say; values that stayed are left out.
pub(super) fn lines(facts: &Facts) -> Vec<WhyLine> {
    match facts {
        Facts::Changes(values) => {
            let changed: Vec<&ChangedValue> =
                values.iter().filter(|value| value.before != value.after).collect();
            let stayed = values.len() - changed.len();
            let mut lines: Vec<WhyLine> =
                changed.into_iter().map(|value| line("changed", change(value))).collect();
            if stayed > 0 {
                lines.push(line("unchanged", format!("{stayed} more values, which stayed")));
            }
            lines
        }
        Facts::Consent { text, digest } => {
            vec![line("text", text.clone()), line("SHA-256", digest.to_string())]
        }
        Facts::ClockStep { expected, found } => {
            vec![line("clock", format!("would have shown {expected}, and showed {found}"))]
        }
        Facts::Backup { digest, bytes, end } => vec![
            line("backup", format!("{bytes} bytes, up to entry {}", end.sequence)),
            line("SHA-256", digest.to_string()),
        ],
        Facts::Session(session) => vec![line("session", session.name.to_string())],
        Facts::SessionClosed(id) => vec![line("session", id.to_string())],
    }
}

fn change(value: &ChangedValue) -> String {
    match (&value.before, &value.after) {
        (None, Some(after)) if value.key == "act" => after.clone(),
        (None, Some(after)) => format!("{}: {after}", value.key),
        (Some(before), Some(after)) => format!("{}: {before}, now {after}", value.key),
        (Some(before), None) => format!("{}: {before}, now nothing", value.key),
        (None, None) => value.key.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said_and_what_stayed_is_counted() {
        let value = |key: &str, before: Option<&str>, after: Option<&str>| ChangedValue {
            key: key.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let facts = Facts::Changes(vec![
            value("a", Some("1"), Some("2")),
            value("b", Some("1"), Some("1")),
            value("c", Some("1"), None),
            value("act", None, Some("paused the source")),
        ]);
        let said: Vec<String> = lines(&facts).into_iter().map(|line| line.text).collect();
        let expected =
            ["a: 1, now 2", "c: 1, now nothing", "paused the source", "1 more values, which stayed"];
        assert_eq!(said, expected);
    }
}
