//! People, and how a command line names one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::ledger::{Actor, Sha256Digest};

/// Names a person for ever, also after their name is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub Ulid);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot be a name or an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("{what} is empty")]
    Empty {
        /// "the name" or "the identifier".
        what: &'static str,
    },
    /// It has more characters than fit on a roster line.
    #[error("{what} has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// "the name" or "the identifier".
        what: &'static str,
        /// How many it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is no address of e-mail.
    #[error("this is no e-mail address: expected NAME@DOMAIN")]
    NoAddress,
    /// It has a control character, which could move a terminal's cursor.
    #[error("{what} has a control character (U+{code:04X}); remove it")]
    Control {
        /// "the name" or "the identifier".
        what: &'static str,
        /// The character.
        code: u32,
    },
}

/// Characters a name or an identifier may have.
pub const NAME_LIMIT: usize = 120;

pub(super) fn checked(text: &str, what: &'static str) -> Result<String, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    let forbidden =
        |c: &char| c.is_control() || matches!(*c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if let Some(c) = text.chars().find(forbidden) {
        return Err(NameError::Control { what, code: u32::from(c) });
    }
    let length = text.chars().count();
    if length > NAME_LIMIT {
        return Err(NameError::TooLong { what, length, limit: NAME_LIMIT });
    }
    Ok(text.to_owned())
}

/// A person's name: trimmed, not empty, at most [`NAME_LIMIT`] characters, none of them a control
/// character or a direction override. Two people may share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

/// What the site calls a person by, unique among the people of the site: a staff or pupil number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier(String);

/// What a group of people is called: a class, a shift, a team. People are in a group by its name alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

macro_rules! checked_text {
    ($type:ident, $what:literal) => {
        impl $type {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text, $what).map(Self)
            }
        }
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(text: $type) -> String {
                text.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}
checked_text!(PersonName, "the name");
checked_text!(Identifier, "the identifier");
checked_text!(GroupName, "the group's name");

/// An address that mail can be sent to, as far as a glance tells: something, one `@`, something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The address itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = checked(text, "the e-mail address")?;
        let is_address = |(local, domain): (&str, &str)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(' ')
        };
        if text.split_once('@').is_some_and(is_address) { Ok(Self(text)) } else { Err(NameError::NoAddress) }
    }
}

impl TryFrom<String> for Email {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The Argon2id hash of a PIN, in the PHC string format. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash(pub String);

impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinHash")
    }
}

/// Whether somebody's face may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaceUse {
    /// It identifies them.
    #[default]
    On,
    /// Nothing of it is kept or searched; they come in another way.
    Off,
}

/// That somebody agreed to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The name and version of the text they agreed to.
    pub text: String,
    /// The SHA-256 of that text as it was read to them.
    pub digest: Sha256Digest,
    /// When.
    pub given_at: DateTime<Utc>,
    /// Who asked them.
    pub asked_by: Actor,
}

/// What else is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Particulars {
    /// The groups that they are in.
    pub groups: BTreeSet<GroupName>,
    /// Where mail reaches them.
    pub email: Option<Email>,
    /// Whether their face may be used.
    pub face: FaceUse,
    /// What they prove themselves with beside their identifier. Never part of anything that leaves the
    /// engine, so it is left out where a person is serialised; a store keeps it in a layout of its own.
    #[serde(skip)]
    pub pin: Option<PinHash>,
    /// What they agreed to.
    pub consent: Option<Consent>,
}

/// A person of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Names the person for ever.
    pub id: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// What the site calls them by, unique among people who are not removed.
    pub identifier: Option<Identifier>,
    /// When they were first enrolled or imported.
    pub created_at: DateTime<Utc>,
    /// When their enrolment ended; their records stay and still need the name.
    pub removed_at: Option<DateTime<Utc>>,
    /// What else is kept of them.
    #[serde(default)]
    pub particulars: Particulars,
}

impl Person {
    /// Somebody new, of whom nothing more is known.
    pub fn new(
        id: PersonId,
        name: PersonName,
        identifier: Option<Identifier>,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self { id, name, identifier, created_at, removed_at: None, particulars: Particulars::default() }
    }

    /// Whether they are in `group`.
    pub fn is_in(&self, group: &GroupName) -> bool {
        self.particulars.groups.contains(group)
    }

    /// The same without the hash of their PIN, for whoever asks.
    pub fn shown(&self) -> Self {
        let particulars = Particulars { pin: None, ..self.particulars.clone() };
        Self { particulars, ..self.clone() }
    }

    /// Whether the enrolment has not ended.
    pub fn is_active(&self) -> bool {
        self.removed_at.is_none()
    }
}

/// What WHO on a command line meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who<'a> {
    /// Exactly one person.
    One(&'a Person),
    /// Nobody.
    Nobody,
    /// More than one; the user must name one of them by identifier or id.
    Several(Vec<&'a Person>),
}

/// All people of the site, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    people: BTreeMap<PersonId, Person>,
}

impl Roster {
    /// Adds or replaces a person.
    pub fn put(&mut self, person: Person) {
        self.people.insert(person.id, person);
    }

    /// Takes a person out who was erased.
    pub fn forget(&mut self, id: PersonId) {
        self.people.remove(&id);
    }

    /// The person with `id`, also one whose enrolment ended.
    pub fn get(&self, id: PersonId) -> Option<&Person> {
        self.people.get(&id)
    }

    /// Everybody, also those whose enrolment ended, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// Everybody whose enrolment has not ended, by id.
    pub fn active(&self) -> impl Iterator<Item = &Person> {
        self.people.values().filter(|person| person.is_active())
    }

    /// The active person with `identifier`.
    pub fn by_identifier(&self, identifier: &Identifier) -> Option<&Person> {
        self.active().find(|person| person.identifier.as_ref() == Some(identifier))
    }

    /// The active people called exactly `name`.
    pub fn by_name(&self, name: &str) -> Vec<&Person> {
        self.active().filter(|person| person.name.as_str() == name).collect()
    }

    /// Whom `text` names among active people: the identifier first, then the exact name, then a
    /// prefix of the id (at least four characters, in either case). The first kind that matches
    /// anybody decides.
    pub fn who(&self, text: &str) -> Who<'_> {
        let text = text.trim();
        let by_identifier = |p: &&Person| p.identifier.as_ref().is_some_and(|i| i.as_str() == text);
        let prefix = text.to_ascii_uppercase();
        let by_prefix = |p: &&Person| prefix.len() >= 4 && p.id.to_string().starts_with(&prefix);
        let mut found: Vec<&Person> = self.active().filter(by_identifier).collect();
        if found.is_empty() {
            found = self.by_name(text);
        }
        if found.is_empty() {
            found = self.active().filter(by_prefix).collect();
        }
        match found.as_slice() {
            [] => Who::Nobody,
            [one] => Who::One(one),
            _ => Who::Several(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(ulid: u128, name: &str, identifier: Option<&str>) -> Person {
        let identifier = identifier.map(|i| i.parse().unwrap());
        Person::new(PersonId(Ulid(ulid)), name.parse().unwrap(), identifier, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!("  Ana Müller ".parse::<PersonName>().unwrap().as_str(), "Ana Müller");
        assert!(matches!("  ".parse::<PersonName>(), Err(NameError::Empty { .. })));
        assert!(matches!("A\x1b[2J".parse::<PersonName>(), Err(NameError::Control { code: 0x1b, .. })));
        assert!(matches!("A\u{202E}b".parse::<PersonName>(), Err(NameError::Control { .. })));
        assert!(matches!("x".repeat(121).parse::<PersonName>(), Err(NameError::TooLong { .. })));
    }

    #[test]
    fn an_address_is_told_from_what_is_none() {
        for text in ["ana@example.org", "a.b+c@d"] {
            assert_eq!(text.parse::<Email>().unwrap().as_str(), text);
        }
        for text in ["ana", "@b", "a@", "a b@c", "a@b@c", ""] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_of_a_pin_is_shown_or_serialised() {
        let mut ana = person(1, "Ana", None);
        ana.particulars.pin = Some(PinHash("$argon2id$secret".to_owned()));
        assert!(!format!("{ana:?}").contains("secret"));
        assert!(!serde_json::to_string(&ana).unwrap().contains("secret"));
    }

    #[test]
    fn who_prefers_identifier_then_name_then_prefix() {
        let mut roster = Roster::default();
        roster.put(person(1 << 100, "Ana", Some("7")));
        roster.put(person(2 << 100, "Ana", Some("8")));
        roster.put(person(3 << 100, "7", None));
        assert!(matches!(roster.who("7"), Who::One(p) if p.name.as_str() == "Ana"));
        assert!(matches!(roster.who("Ana"), Who::Several(p) if p.len() == 2));
        let prefix = roster.by_name("7")[0].id.to_string()[..6].to_lowercase();
        assert!(matches!(roster.who(&prefix), Who::One(p) if p.name.as_str() == "7"));
        assert_eq!(roster.who("Bo"), Who::Nobody);
    }

    #[test]
    fn a_removed_person_is_not_found_but_kept() {
        let mut roster = Roster::default();
        let mut ana = person(1 << 100, "Ana", Some("7"));
        ana.removed_at = Some(DateTime::UNIX_EPOCH);
        let id = ana.id;
        roster.put(ana);
        assert_eq!(roster.who("Ana"), Who::Nobody);
        assert_eq!(roster.by_identifier(&"7".parse().unwrap()), None);
        assert!(roster.get(id).is_some());
    }
}
