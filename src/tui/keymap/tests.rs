use ratatui::crossterm::event::{KeyEvent, KeyModifiers};

use super::*;

#[test]
fn the_keymap_has_no_clash() {
    Keymap::new(BINDINGS).unwrap();
}

#[test]
fn a_clash_is_refused_with_both_actions() {
    const CLASH: &[Binding] = &[
        bind(PANES, &[Key::char('x')], Action::Quit, None, ""),
        bind(LISTS, &[Key::char('x')], Action::Help, None, ""),
    ];
    let error = Keymap::new(CLASH).unwrap_err();
    assert!(error.to_string().contains("x is bound twice in the mode Panes: to Quit and to Help"));
}

#[test]
fn a_key_that_would_swallow_text_is_refused() {
    const SWALLOWS: &[Binding] = &[bind(NAME, &[Key::char('q')], Action::Quit, None, "")];
    assert!(matches!(Keymap::new(SWALLOWS), Err(KeymapError::Text { .. })));
}

#[test]
fn shift_is_part_of_the_letter() {
    let keymap = Keymap::new(BINDINGS).unwrap();
    let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
    assert_eq!(keymap.action(Mode::Panes, shifted.into()), Some(Action::Last));
}

#[test]
fn the_help_names_every_key_of_every_mode() {
    let keymap = Keymap::new(BINDINGS).unwrap();
    let help = keymap.help();
    for binding in BINDINGS {
        assert!(!binding.description.is_empty() && !binding.keys.is_empty(), "{binding:?}");
        let count = help.iter().filter(|(_, text)| *text == binding.description).count();
        assert!(count >= binding.modes.len(), "{binding:?}");
    }
}
