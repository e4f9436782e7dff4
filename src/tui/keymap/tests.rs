use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;

fn with(text: &str) -> Result<Keymap, KeymapError> {
    Keymap::with_user(&KeymapFile { path: PathBuf::from("keymap.toml"), text: text.to_owned() })
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

#[test]
fn the_built_in_keymap_has_no_clash_and_says_what_each_key_does() {
    let keymap = Keymap::built_in().unwrap();
    let help = keymap.help("");
    for binding in keymap.bindings() {
        assert!(!binding.description.is_empty() && !binding.keys.is_empty(), "{binding:?}");
        let count = help.iter().filter(|line| line.words == binding.description).count();
        assert!(count >= binding.modes.len(), "{binding:?}");
    }
    for action in Action::ALL {
        assert!(keymap.bindings().iter().any(|binding| binding.action == *action), "{action} is never bound");
        assert_eq!(Action::named(action.name()), Some(*action));
    }
}

#[test]
fn a_key_is_moved_and_the_old_one_is_free() {
    let keymap =
        with("[[bind]]\nmodes = [\"panes\"]\nkeys = [\"ctrl-e\", \"alt-e\"]\naction = \"enrol\"\n").unwrap();
    assert_eq!(keymap.action(Mode::Panes, key("e")), None);
    assert_eq!(keymap.action(Mode::Panes, key("alt-e")), Some(Action::Enrol));
    assert_eq!(keymap.hints(Mode::Panes).next(), Some(("ctrl-e".to_owned(), "enrol")));
    // An action of several modes is moved where it is said.
    let keymap = with("[[bind]]\nmodes = [\"inbox\"]\nkeys = [\"n\"]\naction = \"down\"\n").unwrap();
    assert_eq!(keymap.action(Mode::Inbox, key("n")), Some(Action::Down));
    assert_eq!(keymap.action(Mode::Inbox, key("j")), None);
    assert_eq!(keymap.action(Mode::Panes, key("j")), Some(Action::Down));
    let keymap = with("[[bind]]\nmodes = [\"all\"]\nkeys = [\"ctrl-q\"]\naction = \"quit\"\n").unwrap();
    assert_eq!(keymap.action(Mode::Panes, key("q")), None);
    assert_eq!(keymap.action(Mode::EnrolName, key("ctrl-q")), Some(Action::Quit));
}

#[test]
fn what_cannot_be_is_refused_with_file_and_line() {
    let line = |modes: &str, keys: &str, action: &str| {
        format!("# mine\n\n[[bind]]\nmodes = [{modes}]\nkeys = [{keys}]\naction = \"{action}\"\n")
    };
    for (text, expected) in [
        (
            line("\"panes\"", "\"d\"", "enrol"),
            "keymap.toml line 3: the key d is bound twice in the mode `panes`",
        ),
        (
            line("\"panes\"", "\"e\"", "enroll"),
            "keymap.toml line 6: there is no action `enroll`; did you mean `enrol`?",
        ),
        (
            line("\"pane\"", "\"e\"", "enrol"),
            "keymap.toml line 4: there is no mode `pane`; did you mean `panes`?",
        ),
        (
            line("\"panes\"", "\"pagedown\"", "enrol"),
            "keymap.toml line 5: there is no key `pagedown`; did you mean `page-down`?",
        ),
        (line("\"help\"", "\"e\"", "enrol"), "keymap.toml line 3: `enrol` does nothing in the mode `help`"),
        (
            line("\"enrol-name\"", "\"x\"", "confirm"),
            "keymap.toml line 3: the key x is bound in the mode `enrol-name`, where it is text",
        ),
        (line("\"help\"", "", "cancel"), "keymap.toml line 3: no key is left for `cancel`"),
        ("[[bind]]\nmodes = 3\n".to_owned(), "keymap.toml line 2: "),
        ("[[bind]]\nmodes = []\nkeys = []\naction = \"quit\"\nkey = \"q\"\n".to_owned(), "unknown field"),
    ] {
        let message = with(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn keys_are_read_as_they_are_named() {
    for text in ["x", "X", "?", "ctrl-x", "alt-enter", "space", "f12", "page-up", "-", "ctrl--"] {
        assert!(text.parse::<Key>().is_ok(), "{text}");
    }
    for text in ["", "xx", "f0", "f13", "ctrl-", "shift-x", " ", "\u{1b}", "é́"] {
        let parsed = text.parse::<Key>();
        assert!(parsed.is_err(), "{text}: {parsed:?}");
    }
}

#[test]
fn shift_is_part_of_the_letter() {
    let keymap = Keymap::built_in().unwrap();
    let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
    assert_eq!(keymap.action(Mode::Panes, shifted.into()), Some(Action::Last));
}

#[test]
fn a_search_finds_by_key_words_action_and_heading() {
    let keymap = Keymap::built_in().unwrap();
    for (search, found) in
        [("inbox open", "inbox"), ("ctrl-l", "redraw"), ("page-down", "page-down"), ("MARK SAVE", "confirm")]
    {
        let lines = keymap.help(search);
        assert!(lines.iter().any(|line| line.action == found), "{search}: {lines:?}");
        assert!(lines.len() < keymap.help("").len() / 2, "{search}");
    }
    assert_eq!(keymap.help("xyzzy"), []);
}
