//! Words in letters that are some cells high, from GNU Unifont's bitmaps: every script of the Basic
//! Multilingual Plane whose letters stand one beside another. Words of a script that is written from
//! right to left or whose letters change with their neighbours are left to the terminal, which knows
//! how to join them, and so are pictographs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;
use unifont::Glyph;

use super::text;

/// Rows of dots that every glyph has.
const DOT_ROWS: usize = 16;
/// Dots of a cell that the terminal draws itself.
const PLAIN_DOTS: usize = 8;

/// How large the dots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// Half a cell each way: letters of 4 columns and up to 8 rows, narrow.
    Narrow,
    /// A cell wide and half a cell high: 8 columns and up to 8 rows.
    Plain,
    /// Two cells wide and one high: 16 columns and up to 16 rows.
    Double,
}

impl Scale {
    /// All of them, the largest first.
    pub const ALL: [Self; 3] = [Self::Double, Self::Plain, Self::Narrow];
}

/// Words as dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters {
    /// For each column of dots its rows, the top one in the lowest bit.
    columns: Vec<u16>,
    /// What has no dots: its first column, and itself.
    plain: Vec<(usize, char)>,
    /// The first row with a dot, and the one after the last.
    ink: (usize, usize),
}

/// Whether the letters around a character decide how it is drawn, or it is written from right to left.
/// Blocks of Unicode 15: Hebrew to Arabic Extended-A, the Indic scripts with Thai, Lao, Tibetan and
/// Myanmar, Khmer and Mongolian, and the Arabic and Hebrew presentation forms; and the joiner of emoji.
fn is_joined(c: char) -> bool {
    matches!(u32::from(c), 0x0590..=0x109F | 0x1780..=0x18AF | 0x200D | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE)
}

impl Letters {
    /// The dots of `words`; none where the terminal has to draw them.
    pub fn of(words: &str) -> Option<Self> {
        let words = text::harmless(words);
        if words.chars().any(is_joined) {
            return None;
        }
        let (mut columns, mut plain): (Vec<u16>, Vec<(usize, char)>) = (Vec::new(), Vec::new());
        let mut last = 0;
        for c in words.chars() {
            let cells = c.width().unwrap_or(0);
            match unifont::get_glyph(c) {
                // A mark goes over the letter before it.
                Some(glyph) if cells == 0 => overlay(glyph, &mut columns[last..]),
                Some(glyph) => {
                    last = columns.len();
                    columns.extend((0..glyph.get_width()).map(|x| stroke(glyph, x)));
                }
                None if cells == 0 => {}
                None => {
                    last = columns.len();
                    plain.push((last, c));
                    columns.extend(std::iter::repeat_n(0, cells * PLAIN_DOTS));
                }
            }
        }
        let all = columns.iter().fold(0, |all, column| all | column);
        let ink = (all.trailing_zeros() as usize, DOT_ROWS - all.leading_zeros() as usize);
        let ink = if all == 0 { (DOT_ROWS / 2, DOT_ROWS / 2 + 1) } else { ink };
        Some(Self { columns, plain, ink })
    }

    /// Columns of dots.
    pub fn dots_wide(&self) -> usize {
        self.columns.len()
    }

    /// Whether a dot is lit, rows counted from the top of the letters.
    pub fn is_dot(&self, column: usize, row: usize) -> bool {
        row < DOT_ROWS && self.columns.get(column).is_some_and(|rows| rows >> row & 1 == 1)
    }

    /// Columns and rows of cells that they take.
    pub fn cells(&self, scale: Scale) -> (usize, usize) {
        let (dots, rows) = (self.columns.len(), self.ink.1 - self.ink.0);
        match scale {
            Scale::Narrow => (dots.div_ceil(2), rows.div_ceil(2)),
            Scale::Plain => (dots, rows.div_ceil(2)),
            Scale::Double => (dots * 2, rows),
        }
    }

    /// The largest size that `area` has room for; none where even the smallest is too large.
    pub fn fitting(&self, area: Rect) -> Option<Scale> {
        Scale::ALL.into_iter().find(|scale| {
            let (width, height) = self.cells(*scale);
            width <= usize::from(area.width) && height <= usize::from(area.height)
        })
    }

    /// Draws them in the middle of `area`; what does not fit is left out.
    pub fn draw(&self, scale: Scale, style: Style, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        let (width, height) = self.cells(scale);
        let left = area.x + (usize::from(area.width).saturating_sub(width) / 2) as u16;
        let top = area.y + (usize::from(area.height).saturating_sub(height) / 2) as u16;
        let rows = (top..area.bottom()).take(height).enumerate();
        for (row, y) in rows {
            for (column, x) in (left..area.right()).take(width).enumerate() {
                let symbol = self.symbol(scale, column, row);
                if symbol != " " {
                    buffer[(x, y)].set_symbol(symbol).set_style(style);
                }
            }
        }
        for (column, c) in &self.plain {
            let cell = match scale {
                Scale::Narrow => column / 2,
                Scale::Plain => *column,
                Scale::Double => column * 2,
            };
            let (x, y) = (usize::from(left) + cell, top + (height / 2) as u16);
            if x + 1 < usize::from(area.right()) && y < area.bottom() {
                buffer.set_stringn(x as u16, y, c.to_string(), 2, style);
            }
        }
    }

    /// Whether the dot is lit, rows counted from the first with ink.
    fn is_lit(&self, column: usize, row: usize) -> bool {
        self.is_dot(column, row + self.ink.0)
    }

    fn symbol(&self, scale: Scale, column: usize, row: usize) -> &'static str {
        const HALVES: [&str; 4] = [" ", "▀", "▄", "█"];
        // Bits: upper left, upper right, lower left, lower right.
        const QUARTERS: [&str; 16] =
            [" ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█"];
        let lit = |column, row| usize::from(self.is_lit(column, row));
        match scale {
            Scale::Double => HALVES[3 * lit(column / 2, row)],
            Scale::Plain => HALVES[lit(column, 2 * row) + 2 * lit(column, 2 * row + 1)],
            Scale::Narrow => {
                let (x, y) = (2 * column, 2 * row);
                QUARTERS[lit(x, y) + 2 * lit(x + 1, y) + 4 * lit(x, y + 1) + 8 * lit(x + 1, y + 1)]
            }
        }
    }
}

/// A column of a glyph. The strokes of narrow glyphs are made two dots wide, to be read from afar; those of
/// wide ones lie too close together for that.
fn stroke(glyph: &Glyph, x: usize) -> u16 {
    let left = if glyph.is_fullwidth() { 0 } else { x.checked_sub(1).map_or(0, |left| column(glyph, left)) };
    left | column(glyph, x)
}

fn column(glyph: &Glyph, x: usize) -> u16 {
    (0..DOT_ROWS).filter(|y| glyph.get_pixel(x, *y)).fold(0, |rows, y| rows | 1 << y)
}

fn overlay(glyph: &Glyph, columns: &mut [u16]) {
    for (x, rows) in columns.iter_mut().enumerate() {
        *rows |= stroke(glyph, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(words: &str, scale: Scale, width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        Letters::of(words).unwrap().draw(scale, Style::new(), buffer.area, &mut buffer);
        crate::tui::testing::text_of(&buffer)
    }

    #[test]
    fn letters_are_drawn_at_every_scale() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false,
            snapshot_path => "snapshots" }, {
            let scales = [(Scale::Narrow, 30), (Scale::Plain, 50), (Scale::Double, 90)];
            let all = scales.map(|(scale, width)| drawn("ANÉ 山é", scale, width, 14));
            insta::assert_snapshot!("big-letters", all.join("\n"));
        });
    }

    #[test]
    fn a_mark_lies_over_its_letter() {
        let (composed, marked) = (Letters::of("é").unwrap(), Letters::of("e\u{301}").unwrap());
        assert_eq!(composed.columns.len(), marked.columns.len());
        assert!(marked.columns.iter().map(|rows| rows.count_ones()).sum::<u32>() > 10);
    }

    #[test]
    fn joined_scripts_are_left_to_the_terminal() {
        for name in ["محمد", "שרה", "अनीता", "👩\u{200D}🚀"] {
            assert_eq!(Letters::of(name), None, "{name}");
        }
        for name in ["Ana Müller", "Łukasz", "Ольга", "山田 太郎", "김민준", "Νίκος", "Zoë 🌻"]
        {
            assert!(Letters::of(name).is_some(), "{name}");
        }
    }

    proptest! {
        /// Whatever the words, and wherever they go: nothing is drawn outside of the area.
        #[test]
        fn nothing_is_drawn_outside(
            words in any::<String>(), x in 0u16..12, y in 0u16..6, width in 0u16..40, height in 0u16..12,
        ) {
            let Some(letters) = Letters::of(&words) else { return Ok(()) };
            let mut buffer = Buffer::empty(Rect::new(0, 0, 50, 16));
            let area = Rect::new(x, y, width, height);
            for scale in Scale::ALL {
                letters.draw(scale, Style::new(), area, &mut buffer);
            }
            for position in buffer.area.positions() {
                let is_blank = buffer[position].symbol() == " ";
                prop_assert!(is_blank || area.contains(position), "{position}");
            }
        }
    }
}
