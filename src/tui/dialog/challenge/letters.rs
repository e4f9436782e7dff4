//! Letters that are some cells high, of 3 by 5 dots each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Dots of a letter, and the gap after it.
const ADVANCE: u16 = 4;
const DOT_ROWS: u16 = 5;
/// The longest words have this many letters.
const LETTERS: u16 = 10;

/// How large the dots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A dot is a cell wide and half a cell high: the letters are square-dotted, three rows high.
    Small,
    /// A dot is two cells wide and one high: five rows.
    Large,
}

impl Size {
    /// The largest that a screen of `width` columns has room for, with a border.
    pub fn of(width: u16) -> Self {
        if width >= Self::Large.cells() + 8 { Self::Large } else { Self::Small }
    }

    /// Columns of the longest words.
    pub fn cells(self) -> u16 {
        LETTERS * ADVANCE * self.dot_width()
    }

    /// Rows of a line of letters.
    pub fn rows(self) -> u16 {
        match self {
            Self::Small => DOT_ROWS.div_ceil(2),
            Self::Large => DOT_ROWS,
        }
    }

    fn dot_width(self) -> u16 {
        match self {
            Self::Small => 1,
            Self::Large => 2,
        }
    }
}

/// Draws `words`, capitals and spaces, in the middle of `area`; what does not fit is left out.
pub fn draw(words: &str, size: Size, style: Style, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    let count = u16::try_from(words.chars().count()).unwrap_or(u16::MAX);
    let width = count.saturating_mul(ADVANCE).saturating_sub(1).saturating_mul(size.dot_width());
    let left = area.x + area.width.saturating_sub(width) / 2;
    for (index, letter) in (0u16..).zip(words.chars()) {
        let dots = dots(letter);
        for (column, row) in (0..3u16).flat_map(|column| (0..size.rows()).map(move |row| (column, row))) {
            let lit = |y: u16| dots.get(usize::from(y)).is_some_and(|line| line >> (2 - column) & 1 == 1);
            let symbol = match size {
                Size::Large if lit(row) => "█",
                Size::Large => continue,
                Size::Small => match (lit(2 * row), lit(2 * row + 1)) {
                    (true, true) => "█",
                    (true, false) => "▀",
                    (false, true) => "▄",
                    (false, false) => continue,
                },
            };
            for part in 0..size.dot_width() {
                let x = left + (index * ADVANCE + column) * size.dot_width() + part;
                let y = area.y + row;
                if x < area.right() && y < area.bottom() {
                    buffer[(x, y)].set_symbol(symbol).set_style(style);
                }
            }
        }
    }
}

/// Five rows of three dots, the left one the highest bit; nothing for what is no letter of the words.
fn dots(letter: char) -> [u8; 5] {
    match letter {
        'A' => [0b010, 0b101, 0b111, 0b101, 0b101],
        'B' => [0b110, 0b101, 0b110, 0b101, 0b110],
        'C' => [0b011, 0b100, 0b100, 0b100, 0b011],
        'D' => [0b110, 0b101, 0b101, 0b101, 0b110],
        'E' => [0b111, 0b100, 0b110, 0b100, 0b111],
        'F' => [0b111, 0b100, 0b110, 0b100, 0b100],
        'G' => [0b011, 0b100, 0b101, 0b101, 0b011],
        'H' => [0b101, 0b101, 0b111, 0b101, 0b101],
        'I' => [0b111, 0b010, 0b010, 0b010, 0b111],
        'K' => [0b101, 0b101, 0b110, 0b101, 0b101],
        'L' => [0b100, 0b100, 0b100, 0b100, 0b111],
        'N' => [0b110, 0b101, 0b101, 0b101, 0b101],
        'O' => [0b010, 0b101, 0b101, 0b101, 0b010],
        'P' => [0b110, 0b101, 0b110, 0b100, 0b100],
        'R' => [0b110, 0b101, 0b110, 0b101, 0b101],
        'S' => [0b011, 0b100, 0b010, 0b001, 0b110],
        'T' => [0b111, 0b010, 0b010, 0b010, 0b010],
        'U' => [0b101, 0b101, 0b101, 0b101, 0b011],
        _ => [0; 5],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word a challenge says has all its letters and fits.
    #[test]
    fn every_letter_of_the_words_has_dots() {
        for words in [
            "LOOK AHEAD",
            "ONE PERSON",
            "BLINK",
            "TURN LEFT",
            "TURN RIGHT",
            "TURN BACK",
            "PASSED",
            "NOT PASSED",
            "NOT BEGUN",
        ] {
            assert!(words.chars().count() <= usize::from(LETTERS));
            for letter in words.chars().filter(|letter| *letter != ' ') {
                assert_ne!(dots(letter), [0; 5], "{letter}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 4));
        for size in [Size::Small, Size::Large] {
            draw("TURN RIGHT", size, Style::new(), Rect::new(3, 1, 9, 2), &mut buffer);
        }
        for (x, y) in (0..20u16).flat_map(|x| (0..4u16).map(move |y| (x, y))) {
            let inside = (3..12).contains(&x) && (1..3).contains(&y);
            assert!(inside || buffer[(x, y)].symbol() == " ", "{x},{y}");
        }
    }
}
