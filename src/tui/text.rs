//! Text on its way to the terminal: made harmless, measured in cells, cut with an ellipsis.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

/// Whether `c` could move the cursor or reorder what stands beside it.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// `text` with a line break or tab as a space and every other control character, escape or
/// direction override as `�`, so that what somebody wrote can never drive the terminal.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let replaced = |c: char| match c {
        '\n' | '\t' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_harmful(c) => '\u{FFFD}',
        c => c,
    };
    Cow::Owned(text.chars().map(replaced).collect())
}

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    let span = Span::raw(text);
    span.styled_graphemes(Style::default()).map(|grapheme| grapheme.symbol.width()).sum()
}

/// `text`, harmless and at most `limit` cells wide; what is cut off ends in `…`.
pub fn fitted(text: &str, limit: usize) -> String {
    let text = harmless(text);
    if width(&text) <= limit {
        return text.into_owned();
    }
    let Some(room) = limit.checked_sub(1) else { return String::new() };
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in Span::raw(text.as_ref()).styled_graphemes(Style::default()) {
        used += grapheme.symbol.width();
        if used > room {
            break;
        }
        kept.push_str(grapheme.symbol);
    }
    kept.push('…');
    kept
}

/// [`fitted`], and filled with spaces on the right to exactly `cells`.
pub fn padded(text: &str, cells: usize) -> String {
    let mut text = fitted(text, cells);
    let missing = cells.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// `text`, harmless, in lines of at most `limit` cells, broken at spaces where there are any.
pub fn wrapped(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1);
    let text = harmless(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        if !line.is_empty() && width(&line) + 1 + width(&word) > limit {
            lines.push(std::mem::take(&mut line));
        }
        while line.is_empty() && width(&word) > limit {
            let (head, rest) = split_at_width(&word, limit);
            lines.push(head);
            word = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The graphemes that fit into `limit` cells, at least one, and the rest.
fn split_at_width(word: &str, limit: usize) -> (String, String) {
    let (mut head, mut rest) = (String::new(), String::new());
    let mut used = 0;
    for grapheme in Span::raw(word).styled_graphemes(Style::default()) {
        used += grapheme.symbol.width();
        let target =
            if head.is_empty() || (used <= limit && rest.is_empty()) { &mut head } else { &mut rest };
        target.push_str(grapheme.symbol);
    }
    (head, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_and_overrides_never_get_through() {
        assert_eq!(harmless("a\x1b[2Jb\nc\u{202E}d\u{9b}e"), "a\u{FFFD}[2Jb c\u{FFFD}d\u{FFFD}e");
        assert!(matches!(harmless("Ana Müller"), Cow::Borrowed(_)));
    }

    #[test]
    fn widths_are_counted_in_cells_and_marks_stay_with_their_letter() {
        assert_eq!(fitted("山田太郎", 8), "山田太郎");
        assert_eq!(fitted("山田太郎", 7), "山田太…");
        assert_eq!(fitted("山田太郎", 6), "山田…");
        assert_eq!(fitted("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(fitted("👩‍🔬👩‍🔬", 3), "👩‍🔬…");
        assert_eq!(fitted("abc", 0), "");
        assert_eq!(padded("山", 4), "山  ");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrapped("the camera is gone", 10), ["the camera", "is gone"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("  ", 5), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn what_is_fitted_fits(text in ".{0,40}", limit in 0usize..30) {
            prop_assert!(width(&fitted(&text, limit)) <= limit);
            prop_assert_eq!(width(&padded(&text, limit)), limit);
            // A line is wider than the limit only where a single grapheme is.
            for line in wrapped(&text, limit.max(1)) {
                let graphemes = Span::raw(line.as_str()).styled_graphemes(Style::default()).count();
                prop_assert!(width(&line) <= limit.max(1) || graphemes == 1, "{:?}", line);
            }
        }
    }
}
