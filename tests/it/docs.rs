//! The README says what is there: every subcommand, every key, and pictures and files that exist.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use muster::cli::args::Cli;
use muster::tui::keymap::Keymap;

use crate::support::root;

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md is in the checkout")
}

/// The names of the subcommands, each with those below it: `config`, `config check`.
fn subcommands() -> Vec<String> {
    let mut names = Vec::new();
    for command in Cli::command().get_subcommands() {
        names.push(command.get_name().to_owned());
        names.extend(
            command.get_subcommands().map(|below| format!("{} {}", command.get_name(), below.get_name())),
        );
    }
    names
}

#[test]
fn the_readme_names_every_subcommand_with_an_example() {
    let readme = readme();
    let names = subcommands();
    assert!(names.len() >= 15, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !readme.contains(&format!("muster {name}"))).collect();
    assert!(missing.is_empty(), "README.md does not show {missing:?}");
}

#[test]
fn the_readme_names_the_first_key_of_every_action_of_the_panes_and_prompts() {
    let readme = readme();
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let keymap = Keymap::built_in().unwrap();
    let missing: Vec<String> = keymap
        .bindings()
        .iter()
        .filter_map(|binding| binding.keys.first())
        .map(|key| format!("`{key}`"))
        .filter(|key| !rows.iter().any(|row| row.contains(key)))
        .collect();
    assert!(missing.is_empty(), "the keys {missing:?} are in no table of README.md");
}

#[test]
fn the_readme_says_what_every_pane_is() {
    let readme = readme();
    for pane in muster::tui::layout::Focus::ALL {
        let name = format!("**{}**", format!("{pane:?}").to_lowercase());
        assert!(readme.contains(&name), "README.md does not say what the pane {name} is");
    }
}

#[test]
fn what_the_readme_points_at_is_there() {
    let readme = readme();
    let targets: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(targets.iter().any(|target| target.starts_with("docs/screens/")), "no picture of the screen");
    for target in targets.iter().filter(|target| !target.contains("://") && !target.starts_with('#')) {
        assert!(root().join(target).exists(), "README.md points at {target}, which is not there");
    }
    for file in ["data/muster.toml", "models/README.md"] {
        assert!(targets.contains(&file), "README.md does not point at {file}");
    }
}

/// A picture that a page shows must be small and be drawn by any reader of SVG.
#[test]
fn pictures_of_the_screen_are_small() {
    let folder = root().join("docs/screens");
    let size = |path: &Path| fs::metadata(path).expect("a file that was just listed").len();
    let pictures: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        assert!(picture.extension().is_some_and(|extension| extension == "svg"), "{}", picture.display());
        assert!(size(&picture) < 300_000, "{} has {} bytes", picture.display(), size(&picture));
    }
}
