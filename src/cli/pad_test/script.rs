//! Which presentations: kinds, and where recorded ones lie.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::capture::listing::natural_order;

use super::super::exit::CliError;
use super::super::output::printable;
use super::PadTestArgs;

/// What is presented: `genuine`, or an attack by its kind, such as `print`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind(String);

/// What a genuine presentation is called.
const GENUINE: &str = "genuine";
/// As many characters as a kind may have.
const LONGEST_KIND: usize = 32;
/// Presentations in a script or a folder at most: more is a folder that was not meant.
const MOST_PRESENTATIONS: usize = 10_000;
/// A script's size at most.
const LARGEST_SCRIPT_BYTES: u64 = 4 << 20;

impl Kind {
    /// A genuine presentation's.
    pub fn genuine() -> Self {
        Self(GENUINE.to_owned())
    }

    /// Whether it is no attack.
    pub fn is_genuine(&self) -> bool {
        self.0 == GENUINE
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = (1..=LONGEST_KIND).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if is_plain {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{}` is no kind of presentation: expected genuine, or an attack in 1 to {LONGEST_KIND} lower-case letters, \
             digits or `-`, such as print, screen or mask",
            text.escape_debug()
        ))
    }
}

/// `KIND=DIR` of `--attack`.
pub(super) fn attack(text: &str) -> Result<(Kind, PathBuf), String> {
    let (kind, folder) = text
        .split_once('=')
        .filter(|(_, folder)| !folder.is_empty())
        .ok_or_else(|| "expected KIND=DIR, such as print=recordings/prints".to_owned())?;
    let kind: Kind = kind.parse()?;
    if kind.is_genuine() {
        return Err("genuine is no attack: use --genuine DIR".to_owned());
    }
    Ok((kind, PathBuf::from(folder)))
}

/// One recorded presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation {
    /// What is presented.
    pub kind: Kind,
    /// A picture, a video, or a folder of pictures.
    pub path: PathBuf,
}

/// A script as its file says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    presentation: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: String,
    path: PathBuf,
}

/// Every recorded presentation that `args` name, in their order.
pub(super) fn recorded(args: &PadTestArgs) -> Result<Vec<Presentation>, CliError> {
    let mut all = Vec::new();
    if let Some(path) = &args.script {
        all.extend(read_script(path)?);
    }
    if let Some(folder) = &args.genuine {
        all.extend(in_folder(&Kind::genuine(), folder)?);
    }
    for (kind, folder) in &args.attack {
        all.extend(in_folder(kind, folder)?);
    }
    if all.len() > MOST_PRESENTATIONS {
        return Err(CliError::usage(format_args!(
            "{} presentations are named; {MOST_PRESENTATIONS} are the most that are taken",
            all.len()
        )));
    }
    Ok(all)
}

fn cannot(path: &Path, what: impl fmt::Display) -> CliError {
    CliError::usage(format_args!("{}: {what}", printable(&path.to_string_lossy())))
}

fn read_script(path: &Path) -> Result<Vec<Presentation>, CliError> {
    let size = fs::metadata(path).map_err(|error| cannot(path, error))?.len();
    if size > LARGEST_SCRIPT_BYTES {
        return Err(cannot(path, format_args!("it has more than {LARGEST_SCRIPT_BYTES} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| cannot(path, error))?;
    let script: Script = toml::from_str(&text).map_err(|error| cannot(path, error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let presentation = |line: Line| {
        let kind = line.kind.parse().map_err(|error: String| cannot(path, error))?;
        let path = folder.join(line.path);
        if !path.exists() {
            return Err(cannot(&path, "it is not there, and the script names it"));
        }
        Ok(Presentation { kind, path })
    };
    script.presentation.into_iter().map(presentation).collect()
}

fn in_folder(kind: &Kind, folder: &Path) -> Result<Vec<Presentation>, CliError> {
    let entries = fs::read_dir(folder).map_err(|error| cannot(folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot(folder, error))?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(cannot(folder, "there is no presentation in it"));
    }
    paths.sort_by(|a, b| natural_order(a, b));
    Ok(paths.into_iter().map(|path| Presentation { kind: kind.clone(), path }).collect())
}
