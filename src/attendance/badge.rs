//! What a badge reader types before and after the identifier.

/// What is taken off: readers are often set to put something before or after what they read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BadgeRules {
    /// Before the identifier; nothing where it is empty.
    pub prefix: String,
    /// After it.
    pub suffix: String,
}

impl BadgeRules {
    /// The identifier in what was typed or scanned: without spaces around it, and without prefix and suffix
    /// where it has them. Who types it by hand leaves them out.
    pub fn identifier<'a>(&self, typed: &'a str) -> &'a str {
        let typed = typed.trim();
        let typed = typed.strip_prefix(self.prefix.as_str()).unwrap_or(typed);
        typed.strip_suffix(self.suffix.as_str()).unwrap_or(typed).trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_adds_is_taken_off_once() {
        let rules = BadgeRules { prefix: "%".to_owned(), suffix: "?;".to_owned() };
        for (typed, expected) in [("%4711?;", "4711"), (" 4711\t", "4711"), ("%%1?;?;", "%1?;"), ("", "")] {
            assert_eq!(rules.identifier(typed), expected, "{typed}");
        }
        assert_eq!(rules.identifier("%4711"), "4711");
        assert_eq!(BadgeRules::default().identifier(" Ä-7 "), "Ä-7");
    }
}
