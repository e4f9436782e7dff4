//! Keymaps as files: the built-in one, and one that changes some of its lines.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Action, Binding, Key, KeymapError, Mode};

/// The built-in keymap.
pub(super) const DEFAULT: &str = include_str!("default.toml");

/// A keymap's text, and where it was read, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeymapFile {
    /// Where.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    bind: Vec<Spanned<Line>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    modes: Vec<Spanned<String>>,
    keys: Vec<Spanned<String>>,
    action: Spanned<String>,
    hint: Option<String>,
    description: Option<String>,
}

/// A binding and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) binding: Binding,
    pub(super) place: String,
    /// Whether it changes another keymap.
    pub(super) is_own: bool,
    /// Whether the description was written, and not left to the built-in one.
    described: bool,
    hinted: bool,
    /// Whether `all` was written for its modes.
    is_everywhere: bool,
}

/// What `all` stands for.
fn everywhere() -> impl Iterator<Item = Mode> {
    Mode::ALL.into_iter().filter(|mode| !mode.is_guarded())
}

impl KeymapFile {
    /// File and line of the byte `at`.
    fn place(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{} line {line}", self.path.display())
    }
}

/// Reads the lines of a keymap.
pub(super) fn read(file: &KeymapFile) -> Result<Vec<Placed>, KeymapError> {
    let document: Document = toml::from_str(&file.text).map_err(|error| KeymapError::Syntax {
        place: file.place(error.span().map_or(0, |span| span.start)),
        detail: error.message().to_owned(),
    })?;
    document.bind.iter().map(|line| placed(file, line)).collect()
}

fn placed(file: &KeymapFile, line: &Spanned<Line>) -> Result<Placed, KeymapError> {
    let typed = line.get_ref();
    let mut modes = Vec::new();
    for word in &typed.modes {
        if word.get_ref() == "all" {
            modes.extend(everywhere());
            continue;
        }
        let mode = Mode::ALL.into_iter().find(|mode| mode.name() == word.get_ref());
        modes
            .push(mode.ok_or_else(|| unknown(file, "mode", word, Mode::ALL.iter().map(|mode| mode.name())))?);
    }
    let keys = typed.keys.iter().map(|word| {
        let key: Option<Key> = word.get_ref().parse().ok();
        key.ok_or_else(|| unknown(file, "key", word, Key::names()))
    });
    let names = || Action::ALL.iter().map(|action| action.name());
    let action = Action::named(typed.action.get_ref());
    let action = action.ok_or_else(|| unknown(file, "action", &typed.action, names()))?;
    Ok(Placed {
        place: file.place(line.span().start),
        is_own: false,
        described: typed.description.is_some(),
        hinted: typed.hint.is_some(),
        is_everywhere: typed.modes.iter().any(|word| word.get_ref() == "all"),
        binding: Binding {
            modes,
            keys: keys.collect::<Result<_, _>>()?,
            action,
            description: typed.description.clone().unwrap_or_default(),
            hint: typed.hint.clone(),
        },
    })
}

fn unknown<'a>(
    file: &KeymapFile,
    what: &'static str,
    word: &Spanned<String>,
    known: impl Iterator<Item = &'a str>,
) -> KeymapError {
    let written = word.get_ref();
    let nearest = known
        .map(|name| (strsim::jaro_winkler(name, written), name))
        .filter(|(alike, _)| *alike > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match nearest {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None => "; `muster keys` shows them".to_owned(),
    };
    KeymapError::Unknown {
        place: file.place(word.span().start),
        what,
        word: written.escape_debug().to_string(),
        hint,
    }
}

/// Lays the lines of `user` over `lines`: each takes the place of the keys that its action has in its modes.
pub(super) fn lay_over(lines: &mut Vec<Placed>, user: Vec<Placed>) -> Result<(), KeymapError> {
    for mut own in user {
        own.is_own = true;
        let action = own.binding.action;
        let mut first = None;
        for mode in own.binding.modes.clone() {
            let held = lines
                .iter()
                .position(|line| line.binding.action == action && line.binding.modes.contains(&mode));
            let Some(at) = held else {
                // `all` means wherever it is.
                if own.is_everywhere {
                    own.binding.modes.retain(|kept| *kept != mode);
                    continue;
                }
                return Err(KeymapError::NotThere { place: own.place, action, mode: mode.name() });
            };
            first.get_or_insert(at);
            for line in lines.iter_mut().filter(|line| line.binding.action == action) {
                line.binding.modes.retain(|kept| *kept != mode);
            }
        }
        let Some(at) = first else { continue };
        if let Some(line) = lines.get(at) {
            if !own.described {
                own.binding.description = line.binding.description.clone();
            }
            if !own.hinted {
                own.binding.hint = line.binding.hint.clone();
            }
        }
        lines.insert(at, own);
    }
    lines.retain(|line| !line.binding.modes.is_empty());
    Ok(())
}
