//! What follows from a configuration that is read again while the engine runs. Pure: the values come from
//! `Effective::values`.

use std::collections::BTreeMap;

/// From when a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// At once.
    Now,
    /// For screens and subcommands that begin from now on; the engine does not have it.
    Next,
    /// Only once the service was started again.
    Restart,
}

/// Tables whose keys hold at once, but for those below.
const NOW: &[&str] = &[
    "recognition",
    "liveness",
    "enrolment",
    "quality",
    "inbox",
    "consent",
    "retention",
    "attendance",
    "access",
    "group",
    "session",
    "holiday",
    "service",
];
/// Tables that screens alone read.
const NEXT: &[&str] = &["screen", "kiosk"];
/// Tables that the engine is made of.
const RESTART: &[&str] =
    &["data", "store", "models", "inference", "source", "sources", "hook", "ledger", "log"];

/// Keys that differ from their table.
const OTHERS: &[(&str, Holds)] = &[
    ("store.queue_entries", Holds::Now),
    // The threads that follow faces hold copies.
    ("recognition.votes", Holds::Restart),
    ("recognition.margin", Holds::Restart),
    ("recognition.undecided_seconds", Holds::Restart),
    // What `muster threshold` reckons with.
    ("recognition.passages_a_day", Holds::Next),
    ("recognition.stranger_share", Holds::Next),
    // What was recorded belongs to days that are counted already.
    ("attendance.day_rollover", Holds::Restart),
    ("attendance.zone", Holds::Restart),
    ("attendance.badge_prefix", Holds::Next),
    ("attendance.badge_suffix", Holds::Next),
    // Clients that are there already were told whether they are given pictures.
    ("screen.picture", Holds::Restart),
];

/// From when the key `key` holds whose value changes like this; none for a key that nobody thought of.
pub fn holds(key: &str, before: Option<&str>, after: Option<&str>) -> Option<Holds> {
    const OFF: Option<&str> = Some("\"off\"");
    if key == "liveness.mode" && (before == OFF) != (after == OFF) {
        // Whether the net is loaded.
        return Some(Holds::Restart);
    }
    if let Some((_, holds)) = OTHERS.iter().find(|(other, _)| *other == key) {
        return Some(*holds);
    }
    let table = key.split('.').next()?;
    [(NOW, Holds::Now), (NEXT, Holds::Next), (RESTART, Holds::Restart)]
        .into_iter()
        .find_map(|(tables, holds)| tables.contains(&table).then_some(holds))
}

/// What a configuration that is read again changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Keys that hold at once, with what they were and are.
    pub now: Vec<String>,
    /// Keys for screens and subcommands that begin from now on.
    pub next: Vec<String>,
    /// Keys that wait until the service is started again.
    pub restart: Vec<String>,
    /// Every key as it is in force now: those that wait as they were.
    pub in_force: Vec<(String, String)>,
}

impl Plan {
    /// From `in_force` to `wanted`.
    pub fn of(in_force: &[(String, String)], wanted: &[(String, String)]) -> Self {
        let before: BTreeMap<&str, &str> = in_force.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let after: BTreeMap<&str, &str> = wanted.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut plan = Self::default();
        let mut keys: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let (was, is) = (before.get(key).copied(), after.get(key).copied());
            let mut kept = is;
            if was != is {
                match holds(key, was, is).unwrap_or(Holds::Restart) {
                    Holds::Now => {
                        let none = "nothing";
                        plan.now.push(format!("{key}: {} -> {}", was.unwrap_or(none), is.unwrap_or(none)));
                    }
                    Holds::Next => plan.next.push(key.to_owned()),
                    Holds::Restart => {
                        plan.restart.push(key.to_owned());
                        kept = was;
                    }
                }
            }
            plan.in_force.extend(kept.map(|value| (key.to_owned(), value.to_owned())));
        }
        plan
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if !self.now.is_empty() {
            parts.push(format!("in force now: {}", self.now.join(", ")));
        }
        if !self.next.is_empty() {
            parts.push(format!("for screens and subcommands from now on: {}", self.next.join(", ")));
        }
        if !self.restart.is_empty() {
            let keys = self.restart.join(", ");
            parts.push(format!("only after a restart, and unchanged until then: {keys}"));
        }
        if parts.is_empty() { "nothing changed".to_owned() } else { parts.join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Effective, Environment, Flags};

    fn values(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_holds_now_what_holds_next_and_what_waits_are_told_apart() {
        let before = values(&[
            ("data.dir", "\"/a\""),
            ("recognition.debounce_seconds", "60"),
            ("recognition.votes", "3"),
            ("screen.theme", "\"dark\""),
            ("session.1", "maths"),
        ]);
        let wanted = values(&[
            ("data.dir", "\"/b\""),
            ("recognition.debounce_seconds", "30"),
            ("recognition.votes", "3"),
            ("screen.theme", "\"light\""),
            ("session.1", "art"),
            ("hook.pay", "to a.example"),
        ]);
        let plan = Plan::of(&before, &wanted);
        assert_eq!(plan.now, ["recognition.debounce_seconds: 60 -> 30", "session.1: maths -> art"]);
        assert_eq!(
            (&plan.next, &plan.restart),
            (&vec!["screen.theme".to_owned()], &vec!["data.dir".to_owned(), "hook.pay".to_owned()])
        );
        let mut in_force = wanted;
        in_force[0].1 = "\"/a\"".to_owned();
        in_force.retain(|(key, _)| key != "hook.pay");
        assert_eq!(plan.in_force, in_force);
        // What waits is said again, and nothing else.
        let again = Plan::of(&plan.in_force, &values(&[("data.dir", "\"/b\"")]));
        assert!(again.restart.contains(&"data.dir".to_owned()), "{again:?}");
        assert_eq!(Plan::of(&plan.in_force, &plan.in_force).sentence(), "nothing changed");
    }

    #[test]
    fn a_liveness_net_that_is_not_loaded_waits_for_a_restart() {
        let mode = |before, after| holds("liveness.mode", Some(before), Some(after));
        assert_eq!(mode("\"warn\"", "\"require\""), Some(Holds::Now));
        assert_eq!(mode("\"off\"", "\"require\""), Some(Holds::Restart));
        assert_eq!(mode("\"warn\"", "\"off\""), Some(Holds::Restart));
    }

    #[test]
    fn every_key_has_its_time_and_every_exception_is_a_key() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment {
            variables: [("HOME".into(), home.path().into())].into(),
            system_root: home.path().to_owned(),
            ..Environment::default()
        };
        let values = Effective::resolve(&Flags::default(), &environment).unwrap().values();
        assert!(values.len() > 50, "{}", values.len());
        for (key, value) in &values {
            assert!(holds(key, Some(value), None).is_some(), "from when does a changed {key} hold?");
        }
        for (key, _) in OTHERS {
            assert!(values.iter().any(|(known, _)| known == key), "{key} is no key");
        }
    }
}
