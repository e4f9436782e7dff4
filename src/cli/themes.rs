//! `muster themes`: the themes there are; and which one the screen has.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::config::Effective;
use crate::tui::theme::file::BUILT_IN;
use crate::tui::theme::{Palette, ThemeFile};

use super::exit::{CliError, Exit};
use super::output::Output;

/// What `themes --help` ends with.
pub const THEMES_HELP: &str = "\
A theme of one's own is a file with a style for each role: `muster themes --show dark` prints one to begin with. The screen
takes it with --theme FILE or [screen] theme. Where NO_COLOR is set, or with --no-color, no theme has a colour.";

/// `themes`
#[derive(Debug, Clone, Args)]
pub struct ThemesArgs {
    /// Print this one, as a file
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub show: Option<String>,
}

#[derive(Serialize)]
struct ThemeObject<'a> {
    theme: &'a str,
    about: &'a str,
    in_use: bool,
}

/// The theme that `name` is: built in, or a file.
///
/// # Errors
/// [`CliError`] of usage where it is neither.
pub fn theme_file(name: &str) -> Result<ThemeFile, CliError> {
    if let Some(theme) = ThemeFile::built_in(name) {
        return Ok(theme);
    }
    let path = Path::new(name);
    let text = std::fs::read_to_string(path).map_err(|error| {
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        CliError::usage(format_args!(
            "there is no theme {}, and no file of that name ({error}): expected {}, or a file",
            super::output::printable(name),
            names.join(", ")
        ))
    })?;
    Ok(ThemeFile { path: path.to_owned(), text })
}

/// Lists the themes, or prints one.
///
/// # Errors
/// [`CliError`] of usage for a theme that is not there or cannot be used.
pub fn run(effective: &Effective, args: &ThemesArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    if let Some(name) = &args.show {
        let file = theme_file(name)?;
        Palette::read(&file).map_err(CliError::usage)?;
        out.line(file.text.trim_end())?;
        return Ok(Exit::Done);
    }
    let used = effective.screen.theme.value.as_str();
    let own = (!BUILT_IN.iter().any(|(name, _)| *name == used)).then_some(used);
    for name in BUILT_IN.iter().map(|(name, _)| *name).chain(own) {
        let palette = Palette::read(&theme_file(name)?).map_err(CliError::usage)?;
        let in_use = name == used;
        let sign = if in_use { "*" } else { " " };
        let text = format!("{sign} {name:<14} {}", palette.about);
        out.either(&ThemeObject { theme: name, about: &palette.about, in_use }, text)?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_is_one_of_the_program_or_a_file() {
        assert!(theme_file("dark").is_ok());
        let missing = theme_file("drak").unwrap_err().to_string();
        assert!(missing.contains("high-contrast"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, ThemeFile::built_in("light").unwrap().text).unwrap();
        assert!(Palette::read(&theme_file(path.to_str().unwrap()).unwrap()).is_ok());
    }
}
