//! What a site decides about attendance: how people clock in and out, when they are late, and what holds
//! for one group alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::record::{Method, PresenceState};
use super::roster::GroupName;
use super::schedule::Schedule;
use super::session::SessionRules;

/// How a passage becomes a check-in or a check-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockMode {
    /// Every passage says that somebody is here; the first of a day is when they came, the last when they
    /// were last seen. Nobody checks out.
    #[default]
    FirstLast,
    /// Passages are in and out by turns; the first of a day is in.
    Toggle,
    /// The source says which: one watches the way in, another the way out. One that watches both ways
    /// takes turns.
    InOut,
}

/// Which way people pass a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceRole {
    /// In.
    In,
    /// Out.
    Out,
    /// Either way.
    #[default]
    Both,
}

/// Whether somebody may come in by an identifier instead of their face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifierUse {
    /// No.
    #[default]
    Off,
    /// By the identifier alone.
    Identifier,
    /// By the identifier and then a PIN.
    Pin,
}

macro_rules! words {
    ($type:ident, $what:literal: $($value:ident $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$value => $word),+ })
            }
        }
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => {
                        let expected = [$($word),+].join(", ");
                        Err(format!("`{}` is no {}: expected one of {expected}", text.escape_debug(), $what))
                    }
                }
            }
        }
    };
}
words!(ClockMode, "way of clocking": FirstLast "first-last", Toggle "toggle", InOut "in-out");
words!(SourceRole, "role of a source": In "in", Out "out", Both "both");
words!(IdentifierUse, "use of identifiers": Off "off", Identifier "identifier", Pin "pin");

impl ClockMode {
    /// What a passage at a source of `role` says of somebody who was `held` before on the same day.
    pub fn state(self, held: Option<PresenceState>, role: SourceRole) -> PresenceState {
        let turn = match held {
            Some(PresenceState::Present) => PresenceState::Left,
            Some(PresenceState::Left) | None => PresenceState::Present,
        };
        match (self, role) {
            (Self::FirstLast, _) | (Self::InOut, SourceRole::In) => PresenceState::Present,
            (Self::InOut, SourceRole::Out) => PresenceState::Left,
            (Self::Toggle, _) | (Self::InOut, SourceRole::Both) => turn,
        }
    }

    /// Whether people check out at all, so that somebody can forget to.
    pub fn checks_out(self) -> bool {
        self != Self::FirstLast
    }
}

impl IdentifierUse {
    /// How somebody is known who came in this way; none where nobody does.
    pub fn method(self) -> Option<Method> {
        match self {
            Self::Off => None,
            Self::Identifier => Some(Method::Identifier),
            Self::Pin => Some(Method::IdentifierAndPin),
        }
    }
}

/// What holds for one group in place of the site's; what is none is as everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupRules {
    /// How its people clock in and out.
    pub clock: Option<ClockMode>,
    /// Whether they may come in by an identifier.
    pub identifier: Option<IdentifierUse>,
    /// See [`SessionRules::early_seconds`].
    pub early_seconds: Option<u32>,
    /// See [`SessionRules::grace_seconds`].
    pub grace_seconds: Option<u32>,
    /// See [`SessionRules::leaves_early_seconds`].
    pub leaves_early_seconds: Option<u32>,
}

/// What a site decides about attendance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttendanceRules {
    /// How people clock in and out.
    pub clock: ClockMode,
    /// Whether they may come in by an identifier.
    pub identifier: IdentifierUse,
    /// When they are late.
    pub session: SessionRules,
    /// What holds for a group.
    pub groups: BTreeMap<GroupName, GroupRules>,
    /// When sessions are.
    pub schedule: Schedule,
}

impl AttendanceRules {
    /// How somebody in `groups` clocks in and out: as the first group by name says that says anything.
    pub fn clock_for(&self, groups: &BTreeSet<GroupName>) -> ClockMode {
        self.first_of(groups, |rules| rules.clock).unwrap_or(self.clock)
    }

    /// Whether somebody in `groups` may come in by an identifier; as the first group by name says that says
    /// anything.
    pub fn identifier_for(&self, groups: &BTreeSet<GroupName>) -> IdentifierUse {
        self.first_of(groups, |rules| rules.identifier).unwrap_or(self.identifier)
    }

    /// Whether anybody at all may come in by an identifier.
    pub fn takes_identifiers(&self) -> bool {
        let each = self.groups.values().filter_map(|rules| rules.identifier);
        each.chain([self.identifier]).any(|identifier| identifier != IdentifierUse::Off)
    }

    /// When somebody is late in a session of `group`.
    pub fn session_rules(&self, group: Option<&GroupName>) -> SessionRules {
        let own = group.and_then(|group| self.groups.get(group)).copied().unwrap_or_default();
        SessionRules {
            early_seconds: own.early_seconds.unwrap_or(self.session.early_seconds),
            grace_seconds: own.grace_seconds.unwrap_or(self.session.grace_seconds),
            leaves_early_seconds: own.leaves_early_seconds.unwrap_or(self.session.leaves_early_seconds),
        }
    }

    fn first_of<T>(
        &self,
        groups: &BTreeSet<GroupName>,
        rule: impl Fn(&GroupRules) -> Option<T>,
    ) -> Option<T> {
        groups.iter().filter_map(|group| self.groups.get(group)).find_map(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceState::{Left, Present};

    #[test]
    fn a_passage_says_what_the_mode_and_the_source_make_of_it() {
        use ClockMode::{FirstLast, InOut, Toggle};
        use SourceRole::{Both, In, Out};
        for (mode, held, role, expected) in [
            (FirstLast, None, Both, Present),
            (FirstLast, Some(Present), Out, Present),
            (Toggle, None, Both, Present),
            (Toggle, Some(Present), Both, Left),
            (Toggle, Some(Left), In, Present),
            (InOut, None, In, Present),
            (InOut, Some(Present), In, Present),
            (InOut, None, Out, Left),
            (InOut, Some(Present), Both, Left),
        ] {
            assert_eq!(mode.state(held, role), expected, "{mode} {held:?} {role}");
        }
    }

    #[test]
    fn a_groups_rules_hold_in_place_of_the_sites() {
        let group = |name: &str| name.parse::<GroupName>().unwrap();
        let rules = AttendanceRules {
            groups: BTreeMap::from([
                (group("b"), GroupRules { clock: Some(ClockMode::Toggle), ..GroupRules::default() }),
                (group("a"), GroupRules { grace_seconds: Some(60), ..GroupRules::default() }),
                (group("c"), GroupRules { identifier: Some(IdentifierUse::Pin), ..GroupRules::default() }),
            ]),
            ..AttendanceRules::default()
        };
        let of = |names: &[&str]| names.iter().map(|name| group(name)).collect::<BTreeSet<_>>();
        assert_eq!(rules.clock_for(&of(&["a", "b"])), ClockMode::Toggle);
        assert_eq!(rules.clock_for(&of(&["a", "x"])), ClockMode::FirstLast);
        assert_eq!(rules.session_rules(Some(&group("a"))).grace_seconds, 60);
        assert_eq!(rules.session_rules(Some(&group("b"))), SessionRules::default());
        assert!(rules.takes_identifiers() && !AttendanceRules::default().takes_identifiers());
        assert_eq!(rules.identifier_for(&of(&["c"])), IdentifierUse::Pin);
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for mode in [ClockMode::FirstLast, ClockMode::Toggle, ClockMode::InOut] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("x".parse::<SourceRole>().unwrap_err().contains("in, out, both"));
    }
}
