//! Records for other systems: `[[hook]]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::kiosk::ProgramLine;
use super::values::{Ranged, Text};
use crate::ledger::EntryKind;

/// The keys of `[[hook]]`.
pub(super) const HOOK_KEYS: &[&str] =
    &["name", "command", "url", "events", "names", "timeout_seconds", "give_up_hours", "secret_file"];

/// Seconds that one try may take.
pub type TimeoutSeconds = Ranged<1, 300>;
/// Hours after which an entry that nobody takes is given up: up to a year.
pub type GiveUpHours = Ranged<1, 8_784>;

/// How long one try may take where nothing is said.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 30;

/// What a hook is called: its place in the ledger is kept under this name, and it is part of a file's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HookName(String);

impl HookName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HookName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err(format!(
                "`{}` is no name of a hook: expected 1 to 64 letters, digits, `-` or `_`",
                text.escape_debug()
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The address of a server: `http://` or `https://`, a host, and what follows. What follows may be a secret, so
/// that `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(String);

impl HookUrl {
    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and host, which may be shown.
    pub fn place(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{host}")
    }

    /// Whether whoever is on the line can read what is sent: it is neither encrypted nor within this machine.
    pub fn is_in_the_clear(&self) -> bool {
        let place = self.place();
        let Some(host) = place.strip_prefix("http://") else { return false };
        let is_here = ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here));
        !is_here
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({})", self.place())
    }
}

impl FromStr for HookUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        // A name or password in it would be sent to nobody: there is `secret_file`.
        let is_address =
            !host.is_empty() && !host.contains('@') && text.chars().all(|c| c.is_ascii_graphic());
        if !is_address {
            return Err(
                "expected an address such as https://host/path, without a name or password in it".to_owned()
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookEvent {
    /// What says something of somebody's attendance.
    Records,
    /// Everything.
    All,
    /// One kind.
    Kind(EntryKind),
}

/// What a kind is called in a file: `check_out_forgotten`.
fn kind_name(kind: EntryKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

impl FromStr for HookEvent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "records" => return Ok(Self::Records),
            "all" => return Ok(Self::All),
            _ => {}
        }
        let kind = EntryKind::ALL.into_iter().find(|kind| kind_name(*kind) == text);
        kind.map(Self::Kind).ok_or_else(|| {
            let kinds: Vec<String> = EntryKind::ALL.into_iter().map(kind_name).collect();
            format!(
                "`{}` is no kind of entry: expected records, all, or one of {}",
                text.escape_debug(),
                kinds.join(", ")
            )
        })
    }
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records => f.write_str("records"),
            Self::All => f.write_str("all"),
            Self::Kind(kind) => f.write_str(&kind_name(*kind)),
        }
    }
}

/// A hook as it is typed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    /// What it is called.
    pub name: Text<HookName>,
    /// The program that gets each record on its standard input.
    pub command: Option<ProgramLine>,
    /// The server that gets each record as a POST.
    pub url: Option<Text<HookUrl>>,
    /// Which entries.
    pub events: Option<Vec<Text<HookEvent>>>,
    /// Whether people are named.
    pub names: Option<bool>,
    /// How long one try may take.
    pub timeout_seconds: Option<TimeoutSeconds>,
    /// After how many hours an entry that is not taken is given up.
    pub give_up_hours: Option<GiveUpHours>,
    /// The file with the secret that bodies are signed with.
    pub secret_file: Option<PathBuf>,
}

/// The first thing in the hooks that contradicts itself: which table, which key, and what is wrong.
pub(super) fn contradiction(hooks: &[HookTable]) -> Option<(usize, &'static str, String)> {
    hooks.iter().enumerate().find_map(|(index, hook)| {
        let same_name = |other: &HookTable| other.name == hook.name;
        let (key, detail) = match (&hook.command, &hook.url) {
            (Some(_), Some(_)) => ("url", "a hook has `command` or `url`, not both"),
            (None, None) => ("name", "a hook needs a `command` or a `url`"),
            (Some(_), None) if hook.secret_file.is_some() => {
                ("secret_file", "only what is sent to a `url` is signed")
            }
            _ if hook.events.as_ref().is_some_and(Vec::is_empty) => ("events", "it names no entries"),
            _ if hooks[..index].iter().any(same_name) => ("name", "another hook has that name"),
            _ => return None,
        };
        Some((index, key, detail.to_owned()))
    })
}

/// Where a hook sends to.
#[derive(Debug, Clone, PartialEq)]
pub enum HookTarget {
    /// A program.
    Command(ProgramLine),
    /// A server.
    Url {
        /// Its address.
        url: HookUrl,
        /// The file with the secret that bodies are signed with.
        secret_file: Option<PathBuf>,
    },
}

/// A hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookSettings {
    /// What it is called.
    pub name: HookName,
    /// Where it sends to.
    pub target: HookTarget,
    /// Which entries.
    pub events: Vec<HookEvent>,
    /// Whether people are named.
    pub names: bool,
    /// How long one try may take, in seconds.
    pub timeout_seconds: u32,
    /// After how many hours an entry that is not taken is given up; never where it is none.
    pub give_up_hours: Option<u32>,
}

impl HookSettings {
    /// From what was typed; `place` makes a path absolute.
    pub(super) fn resolve(table: &HookTable, place: impl Fn(&std::path::Path) -> PathBuf) -> Option<Self> {
        let target = match (&table.command, &table.url) {
            (Some(command), _) => HookTarget::Command(command.clone()),
            (None, Some(url)) => {
                HookTarget::Url { url: url.0.clone(), secret_file: table.secret_file.as_deref().map(place) }
            }
            // Refused while it was read.
            (None, None) => return None,
        };
        let events = table.events.as_ref().map(|events| events.iter().map(|event| event.0).collect());
        Some(Self {
            name: table.name.0.clone(),
            target,
            events: events.unwrap_or_else(|| vec![HookEvent::Records]),
            names: table.names.unwrap_or(false),
            timeout_seconds: table.timeout_seconds.map_or(DEFAULT_TIMEOUT_SECONDS, Ranged::get),
            give_up_hours: table.give_up_hours.map(Ranged::get),
        })
    }

    /// What the ledger notes of it where it changes: where records go and what is in them, without a program's
    /// arguments and all of an address but its host, for a secret may stand there.
    pub(super) fn noted(&self) -> String {
        let target = match &self.target {
            HookTarget::Command(command) => format!("to the program {}", command.program()),
            HookTarget::Url { url, .. } => format!("to {}", url.place()),
        };
        let events: Vec<String> = self.events.iter().map(ToString::to_string).collect();
        let names = if self.names { "with names" } else { "without names" };
        format!("{target}, {}, {names}", events.join(" "))
    }

    /// Its lines in what is shown; of an address no more than its host.
    pub(super) fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut lines = vec![format!("name = {}", quoted(self.name.as_str()))];
        match &self.target {
            HookTarget::Command(command) => lines.push(format!("command = {}", command.to_toml())),
            HookTarget::Url { url, secret_file } => {
                lines.push(format!("# url = at {}; the rest is not shown", url.place()));
                let path = secret_file.as_ref().map(|path| quoted(&path.to_string_lossy()));
                lines.extend(path.map(|path| format!("secret_file = {path}")));
            }
        }
        let events: Vec<String> = self.events.iter().map(|event| quoted(&event.to_string())).collect();
        lines.push(format!("events = [{}]", events.join(", ")));
        lines.push(format!("names = {}", self.names));
        lines.push(format!("timeout_seconds = {}", self.timeout_seconds));
        lines.push(match self.give_up_hours {
            Some(hours) => format!("give_up_hours = {hours}"),
            None => "# give_up_hours: never".to_owned(),
        });
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::typed::Typed;

    fn typed(text: &str) -> Result<Typed, String> {
        Typed::parse(text, Path::new("m.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_hook_is_read_with_its_defaults() {
        let typed =
            typed("[[hook]]\nname = \"pay\"\nurl = \"https://h.example/in?token=1\"\nsecret_file = \"s\"\n")
                .unwrap();
        let hook = HookSettings::resolve(&typed.hook[0], |path| Path::new("/etc").join(path)).unwrap();
        assert_eq!((hook.timeout_seconds, hook.give_up_hours, hook.names), (30, None, false));
        assert_eq!(hook.events, [HookEvent::Records]);
        let HookTarget::Url { url, secret_file } = &hook.target else { panic!() };
        assert_eq!(secret_file.as_deref(), Some(Path::new("/etc/s")));
        assert_eq!(url.place(), "https://h.example");
        // What may be a token is not shown.
        assert!(!format!("{hook:?}{}", hook.to_toml()).contains("token"), "{hook:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_key_and_line() {
        for (text, expected) in [
            ("name = \"a b\"\nurl = \"https://h\"", "line 2"),
            ("name = \"a\"", "a hook needs a `command` or a `url`"),
            ("name = \"a\"\ncommand = [\"x\"]\nurl = \"https://h\"", "not both"),
            ("name = \"a\"\ncommand = [\"x\"]\nsecret_file = \"s\"", "only what is sent to a `url`"),
            ("name = \"a\"\nurl = \"ftp://h\"", "expected an address such as https://"),
            ("name = \"a\"\nurl = \"https://me:secret@h\"", "without a name or password"),
            ("name = \"a\"\nurl = \"https://h\"\nevents = []", "it names no entries"),
            (
                "name = \"a\"\nurl = \"https://h\"\nevents = [\"passages\"]",
                "expected records, all, or one of started",
            ),
            ("name = \"a\"\nurl = \"https://h\"\ntimeout_seconds = 0", "hook.timeout_seconds"),
            ("name = \"a\"\nurl = \"https://h\"\ngive_up_hours = 9000", "from 1 to 8784"),
            ("name = \"a\"\nurl = \"https://h\"\nretries = 3", "hook.retries"),
            ("name = \"a\"\nurl = \"https://h\"\n[[hook]]\nname = \"a\"\ncommand = [\"x\"]", "line 5"),
        ] {
            let error = typed(&format!("[[hook]]\n{text}\n")).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("me:secret"), "{error}");
        }
    }

    #[test]
    fn kinds_are_read_as_they_are_written_and_a_line_in_the_clear_is_known() {
        for kind in EntryKind::ALL {
            let event = HookEvent::Kind(kind);
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        let clear = |text: &str| text.parse::<HookUrl>().unwrap().is_in_the_clear();
        assert!(clear("http://h.example/x"));
        for text in
            ["https://h.example/x", "http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:1/"]
        {
            assert!(!clear(text), "{text}");
        }
    }
}
