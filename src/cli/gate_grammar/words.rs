//! A line split into words, with nothing expanded.

use super::GateRefusal;

/// The words of `text`, as a shell would split it that knows no variable, no pattern, no home and no other
/// command: spaces divide; single quotes keep everything between them; double quotes keep all but a backslash
/// before `"`, `\`, `$` or a backquote; a backslash outside of quotes keeps what follows it. There are no
/// comments.
///
/// # Errors
/// [`GateRefusal`] for control characters, and for a quote or a backslash that nothing follows.
pub fn words(text: &str) -> Result<Vec<String>, GateRefusal> {
    if text.chars().any(char::is_control) {
        return Err(GateRefusal::ControlCharacter);
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => take_single(&mut rest, word.get_or_insert_default())?,
            '"' => take_double(&mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(GateRefusal::OpenQuote)?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn take_single(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), GateRefusal> {
    loop {
        match rest.next().ok_or(GateRefusal::OpenQuote)? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

fn take_double(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), GateRefusal> {
    loop {
        match rest.next().ok_or(GateRefusal::OpenQuote)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(GateRefusal::OpenQuote)? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_keep_words_together_and_nothing_is_expanded() {
        let table: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("   ", &[]),
            ("report --json", &["report", "--json"]),
            ("enroll 'Ana Müller'  -", &["enroll", "Ana Müller", "-"]),
            ("a\"b c\"d", &["ab cd"]),
            ("'' \"\"", &["", ""]),
            ("$HOME ~ * `id` $(id)", &["$HOME", "~", "*", "`id`", "$(id)"]),
            ("\"$(id)\" '$(id)'", &["$(id)", "$(id)"]),
            ("a;b && c|d >e", &["a;b", "&&", "c|d", ">e"]),
            ("a\\ b \\'", &["a b", "'"]),
            ("\"\\\" \\\\ \\$ \\` \\n\"", &["\" \\ $ ` \\n"]),
            ("mark #12 # no comment", &["mark", "#12", "#", "no", "comment"]),
        ];
        for (text, expected) in table {
            assert_eq!(words(text).as_deref(), Ok(expected.map_words().as_slice()), "{text}");
        }
    }

    trait MapWords {
        fn map_words(&self) -> Vec<String>;
    }

    impl MapWords for &[&str] {
        fn map_words(&self) -> Vec<String> {
            self.iter().map(|word| (*word).to_owned()).collect()
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in ["a\nb", "a\0b", "a\tb", "a\rb", "\u{1b}[2J", "a\u{85}b", "'a\nb'"] {
            assert_eq!(words(text), Err(GateRefusal::ControlCharacter), "{text:?}");
        }
        for text in ["'a", "\"a", "a\\", "\"a\\", "'a\\'b'"] {
            assert_eq!(words(text), Err(GateRefusal::OpenQuote), "{text}");
        }
    }

    proptest! {
        /// Another splitter of the shell's rules gives the same words, but for comments, which there are none of
        /// here.
        #[test]
        fn as_shells_split(text in "[ a-c'\"\\\\$`~*;é]{0,24}") {
            prop_assert_eq!(words(&text).ok(), shlex::split(&text));
        }

        #[test]
        fn whatever_is_quoted_comes_back(list in prop::collection::vec("[^\\x00-\\x1f\\x7f-\\x9f]{0,8}", 0..6)) {
            let text: Vec<String> =
                list.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
            prop_assert_eq!(words(&text.join(" ")), Ok(list));
        }
    }
}
