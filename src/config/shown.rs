//! The part of a configuration that says how things are shown, for clients that may read no file.

use toml::Table;

/// Tables that every client may know: days, hours, groups and rules. None of them names a person, a path, a
/// program or a secret.
const SHOWN: [&str; 4] = ["attendance", "session", "holiday", "group"];

/// That part of the configuration `text`, as TOML; nothing of a text that is none.
pub(super) fn shown_part(text: &str) -> String {
    part(text, &SHOWN)
}

/// The part that says how templates are compared, for who may see similarities.
pub(super) fn recognition_part(text: &str) -> String {
    part(text, &["recognition"])
}

fn part(text: &str, tables: &[&str]) -> String {
    let Ok(mut all) = text.parse::<Table>() else { return String::new() };
    all.retain(|name, _| tables.contains(&name));
    all.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_are_shown_and_nothing_else() {
        let text = "[attendance]\nzone = \"Europe/Berlin\"\n[kiosk]\npin = \"secret\"\n[[hook]]\nname = \"x\"\n\
                    [[session]]\nname = \"Morning\"\n[store]\nkey = \"file:/k\"\n";
        let shown = shown_part(text);
        assert!(shown.contains("Europe/Berlin") && shown.contains("Morning"), "{shown}");
        assert!(
            !["secret", "kiosk", "hook", "store", "/k"].iter().any(|word| shown.contains(word)),
            "{shown}"
        );
        assert_eq!(shown_part("no = toml = at all"), "");
    }
}
