//! A screen as an SVG picture, for the docs: cells as rectangles and text in a monospace font, half
//! blocks as rectangles so that no font decides how the preview looks.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::text;

/// A cell's width in SVG units; that of DejaVu Sans Mono at [`FONT_SIZE`] is 8.43.
const CELL_WIDTH: f32 = 8.43;
/// A cell's height.
const CELL_HEIGHT: f32 = 17.0;
const FONT_SIZE: f32 = 14.0;
/// How far the letters' foot lies below the top of the cell.
const BASELINE: f32 = 13.0;
/// Around the screen.
const MARGIN: f32 = 12.0;

/// The colours that the sixteen names and the two defaults stand for.
const FOREGROUND: [u8; 3] = [0xd3, 0xd7, 0xdf];
const BACKGROUND: [u8; 3] = [0x16, 0x18, 0x1d];
const NAMED: [[u8; 3]; 16] = [
    [0x16, 0x18, 0x1d],
    [0xe0, 0x6c, 0x75],
    [0x98, 0xc3, 0x79],
    [0xe5, 0xc0, 0x7b],
    [0x61, 0xaf, 0xef],
    [0xc6, 0x78, 0xdd],
    [0x56, 0xb6, 0xc2],
    [0xab, 0xb2, 0xbf],
    [0x6b, 0x73, 0x80],
    [0xff, 0x7b, 0x86],
    [0xa8, 0xe0, 0x8a],
    [0xf5, 0xd7, 0x8e],
    [0x82, 0xc4, 0xff],
    [0xdb, 0x96, 0xf0],
    [0x6e, 0xd4, 0xe0],
    [0xff, 0xff, 0xff],
];

/// The levels of the 6x6x6 cube of the 256-colour palette.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn indexed(index: u8) -> [u8; 3] {
    match index {
        0..16 => NAMED[usize::from(index)],
        16..232 => {
            let at = usize::from(index - 16);
            [CUBE[at / 36], CUBE[at / 6 % 6], CUBE[at % 6]]
        }
        232.. => [8 + (index - 232) * 10; 3],
    }
}

fn rgb(colour: Color, default: [u8; 3]) -> [u8; 3] {
    match colour {
        Color::Reset => default,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index) => indexed(index),
        Color::Black => NAMED[0],
        Color::Red => NAMED[1],
        Color::Green => NAMED[2],
        Color::Yellow => NAMED[3],
        Color::Blue => NAMED[4],
        Color::Magenta => NAMED[5],
        Color::Cyan => NAMED[6],
        Color::Gray => NAMED[7],
        Color::DarkGray => NAMED[8],
        Color::LightRed => NAMED[9],
        Color::LightGreen => NAMED[10],
        Color::LightYellow => NAMED[11],
        Color::LightBlue => NAMED[12],
        Color::LightMagenta => NAMED[13],
        Color::LightCyan => NAMED[14],
        Color::White => NAMED[15],
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A cell's foreground and background as they are seen.
fn colours(cell: &Cell) -> ([u8; 3], [u8; 3]) {
    let (mut front, mut back) = (rgb(cell.fg, FOREGROUND), rgb(cell.bg, BACKGROUND));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut front, &mut back);
    }
    if cell.modifier.contains(Modifier::DIM) {
        front = [0, 1, 2].map(|i| front[i].midpoint(back[i]));
    }
    (front, back)
}

/// What lies beneath the text: the same colours over a run of cells.
#[derive(PartialEq, Clone, Copy)]
enum Ground {
    Plain([u8; 3]),
    Halves([u8; 3], [u8; 3]),
}

impl Ground {
    fn of(cell: &Cell) -> Self {
        let (front, back) = colours(cell);
        match cell.symbol() {
            "▀" => Self::Halves(front, back),
            "▄" => Self::Halves(back, front),
            "█" => Self::Plain(front),
            _ => Self::Plain(back),
        }
    }
}

fn rect(out: &mut String, x: f32, y: f32, width: f32, height: f32, fill: [u8; 3]) {
    // Writing to a String cannot fail.
    let fill = hex(fill);
    let _ = writeln!(
        out,
        r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" fill="{fill}"/>"#
    );
}

fn draw_ground(out: &mut String, ground: Ground, x: f32, y: f32, width: f32) {
    match ground {
        Ground::Plain(BACKGROUND) => {}
        Ground::Plain(fill) => rect(out, x, y, width, CELL_HEIGHT, fill),
        Ground::Halves(upper, lower) => {
            rect(out, x, y, width, CELL_HEIGHT / 2.0, upper);
            rect(out, x, y + CELL_HEIGHT / 2.0, width, CELL_HEIGHT / 2.0, lower);
        }
    }
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn is_drawn_as_ground(symbol: &str) -> bool {
    matches!(symbol, "" | " " | "▀" | "▄" | "█")
}

/// Columns after `x` that hold the rest of the wide character there.
fn cells_of(cell: &Cell) -> u16 {
    text::width(cell.symbol()).clamp(1, 2) as u16
}

fn draw_row_grounds(buffer: &Buffer, row: u16, out: &mut String) {
    let area = buffer.area;
    let top = MARGIN + f32::from(row - area.y) * CELL_HEIGHT;
    let mut x = area.x;
    while x < area.right() {
        let ground = Ground::of(&buffer[(x, row)]);
        let from = x;
        while x < area.right() && Ground::of(&buffer[(x, row)]) == ground {
            x += cells_of(&buffer[(x, row)]);
        }
        let left = MARGIN + f32::from(from - area.x) * CELL_WIDTH;
        draw_ground(out, ground, left, top, f32::from(x.min(area.right()) - from) * CELL_WIDTH);
    }
}

/// Letters of one look are one element. `textLength` holds them to the grid where the reader's font
/// is a little wider or narrower than the one this was measured with.
fn draw_row_text(buffer: &Buffer, row: u16, out: &mut String) {
    let area = buffer.area;
    let foot = MARGIN + f32::from(row - area.y) * CELL_HEIGHT + BASELINE;
    let look = |cell: &Cell| (colours(cell).0, cell.modifier.difference(Modifier::REVERSED | Modifier::DIM));
    let mut x = area.x;
    while x < area.right() {
        let cell = &buffer[(x, row)];
        let (from, (fill, modifier)) = (x, look(cell));
        let mut run = String::new();
        while x < area.right() {
            let cell = &buffer[(x, row)];
            let alone = !cell.symbol().is_ascii();
            if is_drawn_as_ground(cell.symbol()) || look(cell) != (fill, modifier) || (alone && x > from) {
                break;
            }
            run.push_str(cell.symbol());
            x += cells_of(cell);
            if alone {
                break;
            }
        }
        if run.is_empty() {
            x += 1;
            continue;
        }
        let left = MARGIN + f32::from(from - area.x) * CELL_WIDTH;
        let length = f32::from(x - from) * CELL_WIDTH;
        let weight = if modifier.contains(Modifier::BOLD) { r#" font-weight="bold""# } else { "" };
        let (fill, run) = (hex(fill), escaped(&run));
        let _ = writeln!(
            out,
            r#"<text x="{left:.2}" y="{foot:.2}" textLength="{length:.2}" lengthAdjust="spacingAndGlyphs" fill="{fill}"{weight}>{run}</text>"#
        );
    }
}

/// Underlines, also of cells without a letter: that is how an empty field is seen.
fn draw_row_underlines(buffer: &Buffer, row: u16, out: &mut String) {
    let area = buffer.area;
    let top = MARGIN + f32::from(row - area.y) * CELL_HEIGHT + BASELINE + 2.0;
    let line = |x: u16| {
        let cell = &buffer[(x, row)];
        cell.modifier.contains(Modifier::UNDERLINED).then(|| colours(cell).0)
    };
    let mut x = area.x;
    while x < area.right() {
        let (from, fill) = (x, line(x));
        while x < area.right() && line(x) == fill {
            x += 1;
        }
        if let Some(fill) = fill {
            let left = MARGIN + f32::from(from - area.x) * CELL_WIDTH;
            rect(out, left, top, f32::from(x - from) * CELL_WIDTH, 1.0, fill);
        }
    }
}

/// `buffer` as an SVG picture with `title` for readers who cannot see it.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let width = f32::from(area.width) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f32::from(area.height) * CELL_HEIGHT + 2.0 * MARGIN;
    let (title, background) = (escaped(&text::harmless(title)), hex(BACKGROUND));
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.2} {height:.2}" width="{width:.0}" height="{height:.0}" role="img">
<title>{title}</title>
<rect width="100%" height="100%" rx="8" fill="{background}"/>
<g font-family="'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace" font-size="{FONT_SIZE}" xml:space="preserve" shape-rendering="crispEdges">
"#
    );
    for row in area.top()..area.bottom() {
        draw_row_grounds(buffer, row, &mut out);
        draw_row_text(buffer, row, &mut out);
        draw_row_underlines(buffer, row, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn text_is_escaped_and_half_blocks_are_rectangles() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b>&", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
        buffer.set_string(0, 1, "▀▀", Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(4, 5, 6)));
        let svg = svg(&buffer, "<t>");
        assert!(svg.contains(r#"font-weight="bold">a&lt;b&gt;&amp;</text>"#), "{svg}");
        assert!(svg.contains("<title>&lt;t&gt;</title>"));
        assert!(svg.contains(r##"width="16.86" height="8.50" fill="#010203""##), "{svg}");
        assert!(svg.contains(r##"fill="#040506""##) && !svg.contains('▀'));
    }

    #[test]
    fn every_palette_entry_has_a_colour() {
        assert_eq!(indexed(196), [255, 0, 0]);
        assert_eq!(indexed(232), [8, 8, 8]);
        assert_eq!(indexed(255), [238, 238, 238]);
        assert_eq!(indexed(9), NAMED[9]);
    }
}
