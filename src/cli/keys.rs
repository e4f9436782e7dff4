//! `muster keys`: the keys of the screen, as they are in force.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::config::Effective;
use crate::tui::keymap::{Key, Keymap, KeymapFile, Mode};

use super::exit::{CliError, Exit};
use super::output::Output;

/// What `keys --help` ends with.
pub const KEYS_HELP: &str = "\
A keymap of one's own is the file that [screen] keymap names, or ~/.config/muster/keymap.toml. Each [[bind]] in it
gives an action of some modes other keys:

  [[bind]]
  modes = [\"panes\"]
  keys = [\"ctrl-e\"]      # a character, enter, page-down, f1 ..., with ctrl- or alt- before it; [] for none
  action = \"enrol\"       # hint and description may be given too

A clash, a key that would swallow text, and a word that is not known are refused with the file and its line.";

/// `keys`
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    /// As the tables of docs/keys.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}

#[derive(Serialize)]
struct KeyObject<'a> {
    mode: &'static str,
    keys: Vec<String>,
    action: &'static str,
    hint: Option<&'a str>,
    description: &'a str,
}

/// The keymap's file, where there is one.
///
/// # Errors
/// [`CliError`] of usage for a file that is named and cannot be read.
pub fn keymap_file(effective: &Effective) -> Result<Option<KeymapFile>, CliError> {
    let Some(path) = &effective.screen.keymap.value else { return Ok(None) };
    read(path).map(Some)
}

fn read(path: &Path) -> Result<KeymapFile, CliError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| {
        CliError::usage(format_args!("the keymap {} cannot be read: {error}", path.display()))
    })?;
    Ok(KeymapFile { path: path.to_owned(), text })
}

/// Prints the keymap that the screen would have.
///
/// # Errors
/// [`CliError`] of usage for a keymap that cannot be used.
pub fn run(effective: &Effective, args: &KeysArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let keymap = match keymap_file(effective)? {
        Some(file) => Keymap::with_user(&file),
        None => Keymap::built_in(),
    };
    let keymap = keymap.map_err(CliError::usage)?;
    if args.markdown {
        out.line(markdown(&keymap).trim_end())?;
        return Ok(Exit::Done);
    }
    for mode in Mode::ALL {
        if !out.json {
            out.line(format_args!("{} ({})", mode.title(), mode.name()))?;
        }
        for binding in keymap.of(mode) {
            let keys: Vec<String> = binding.keys.iter().map(Key::to_string).collect();
            let text =
                format!("  {:<28} {:<12} {}", keys.join("  "), binding.action.name(), binding.description);
            let (hint, description) = (binding.hint.as_deref(), binding.description.as_str());
            let action = binding.action.name();
            out.either(&KeyObject { mode: mode.name(), keys, action, hint, description }, text)?;
        }
    }
    Ok(Exit::Done)
}

/// The page of the documentation.
pub fn markdown(keymap: &Keymap) -> String {
    let mut text = "# The keys of the screen\n\n\
        `muster keys --markdown` writes this page. Keys of your own: `muster keys --help`.\n"
        .to_owned();
    for mode in Mode::ALL {
        text += &format!(
            "\n## {} (`{}`)\n\n| keys | action | what it does |\n| --- | --- | --- |\n",
            mode.title(),
            mode.name()
        );
        for binding in keymap.of(mode) {
            let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            text += &format!("| {} | `{}` | {} |\n", keys.join(" "), binding.action, binding.description);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_what_the_keymap_says() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md")).unwrap();
        let now = markdown(&Keymap::built_in().unwrap());
        assert!(page == now, "docs/keys.md is old: muster keys --markdown > docs/keys.md");
    }
}
