//! RGB pixels into cells: half blocks, two pixels a cell, by averaging the source pixels that each
//! target pixel covers. Cells are taken to be twice as high as wide.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use crate::tui::layout::centred;
use crate::tui::theme::PictureStyle;

/// Characters from dark to light.
const RAMP: [&str; 10] = [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"];

/// A picture to draw; where `rgb` does not fit the sides, nothing is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green and blue of every pixel, rows from the top.
    pub rgb: &'a [u8],
}

/// Where in `area` a picture of `width` by `height` is drawn: in the middle, as large as fits, its
/// aspect kept. Empty where the picture or the area is.
pub fn fitted_area(area: Rect, width: u32, height: u32) -> Rect {
    if width == 0 || height == 0 || area.is_empty() {
        return Rect { width: 0, height: 0, ..area };
    }
    let (columns, rows) = (u64::from(area.width), u64::from(area.height) * 2);
    let (width, height) = (u64::from(width), u64::from(height));
    let (used_columns, used_rows) = if columns * height <= rows * width {
        (columns, (columns * height / width).max(1))
    } else {
        ((rows * width / height).max(1), rows)
    };
    let used_cells = used_rows.div_ceil(2);
    // Neither exceeds the area's own sides, which are u16.
    centred(area, used_columns as u16, used_cells as u16)
}

impl Pixels<'_> {
    /// Whether the bytes are as many as the sides say.
    fn is_whole(&self) -> bool {
        let expected = u64::from(self.width) * u64::from(self.height) * 3;
        expected > 0 && expected == self.rgb.len() as u64
    }

    /// Draws the picture into the part of `area` that keeps its aspect; that part.
    pub fn draw(&self, style: PictureStyle, area: Rect, buffer: &mut Buffer) -> Rect {
        let area = area.intersection(buffer.area);
        let target = fitted_area(area, self.width, self.height);
        if !self.is_whole() || target.is_empty() {
            return Rect { width: 0, height: 0, ..area };
        }
        let columns = spans(self.width, u32::from(target.width));
        let rows = spans(self.height, u32::from(target.height) * 2);
        for y in 0..target.height {
            let (upper, lower) = (rows[usize::from(y) * 2], rows[usize::from(y) * 2 + 1]);
            for x in 0..target.width {
                let column = columns[usize::from(x)];
                let pair = [self.mean(column, upper), self.mean(column, lower)];
                if let Some(cell) = buffer.cell_mut((target.x + x, target.y + y)) {
                    draw_cell(pair, style, cell);
                }
            }
        }
        target
    }

    /// The mean colour of a block of pixels.
    fn mean(&self, (left, right): (u32, u32), (top, bottom): (u32, u32)) -> [u8; 3] {
        let stride = self.width as usize * 3;
        let mut sum = [0u32; 3];
        for y in top..bottom {
            let row = y as usize * stride;
            for pixel in self.rgb[row + left as usize * 3..row + right as usize * 3].chunks_exact(3) {
                for (total, value) in sum.iter_mut().zip(pixel) {
                    *total += u32::from(*value);
                }
            }
        }
        let count = ((right - left) * (bottom - top)).max(1);
        sum.map(|total| (total / count) as u8)
    }
}

/// For each of `parts` target pixels the source pixels it covers, from and until, at least one.
fn spans(length: u32, parts: u32) -> Vec<(u32, u32)> {
    let at = |part: u32| (u64::from(part) * u64::from(length) / u64::from(parts)) as u32;
    (0..parts)
        .map(|part| {
            let from = at(part).min(length - 1);
            (from, at(part + 1).clamp(from + 1, length))
        })
        .collect()
}

fn draw_cell([upper, lower]: [[u8; 3]; 2], style: PictureStyle, cell: &mut ratatui::buffer::Cell) {
    cell.modifier = Modifier::empty();
    match style {
        PictureStyle::TrueColour => {
            let colour = |[r, g, b]: [u8; 3]| Color::Rgb(r, g, b);
            cell.set_symbol("▀").set_fg(colour(upper)).set_bg(colour(lower));
        }
        PictureStyle::Palette => {
            let colour = |rgb| Color::Indexed(nearest_of_palette(rgb));
            cell.set_symbol("▀").set_fg(colour(upper)).set_bg(colour(lower));
        }
        PictureStyle::Characters => {
            let light = (u32::from(luminance(upper)) + u32::from(luminance(lower))) / 2;
            let step = light as usize * RAMP.len() / 256;
            cell.set_symbol(RAMP[step]).set_fg(Color::Reset).set_bg(Color::Reset);
        }
    }
}

/// Luma by ITU-R BT.601.
fn luminance([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000) as u8
}

/// The entry of xterm's 256 colours that lies nearest: of the 6x6x6 cube (16 to 231, levels 0, 95,
/// 135, 175, 215, 255) and the 24 greys (232 to 255, from 8 in steps of 10).
pub fn nearest_of_palette(rgb: [u8; 3]) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |value: u8| match value {
        0..48 => 0usize,
        48..115 => 1,
        _ => (usize::from(value) - 35) / 40,
    };
    let distance =
        |other: [u8; 3]| -> u32 { rgb.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    let [r, g, b] = rgb.map(level);
    let cube = [LEVELS[r], LEVELS[g], LEVELS[b]];
    let mean = rgb.iter().map(|v| u32::from(*v)).sum::<u32>() / 3;
    let grey_step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = [8 + grey_step * 10; 3];
    if distance(grey) < distance(cube) { 232 + grey_step } else { (16 + 36 * r + 6 * g + b) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_aspect_is_kept_in_half_cells() {
        let area = Rect::new(0, 0, 40, 10);
        assert_eq!(fitted_area(area, 640, 480), Rect::new(7, 0, 26, 10));
        assert_eq!(fitted_area(area, 1600, 100), Rect::new(0, 4, 40, 1));
        assert!(fitted_area(area, 0, 100).is_empty());
    }

    #[test]
    fn each_half_cell_is_the_mean_of_its_pixels() {
        // Two columns and four rows onto one column and two half cells.
        let rgb: Vec<u8> = [0, 100, 0, 100, 200, 250, 200, 250].iter().flat_map(|v| [*v; 3]).collect();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 1, 1));
        let pixels = Pixels { width: 2, height: 4, rgb: &rgb };
        pixels.draw(PictureStyle::TrueColour, buffer.area, &mut buffer);
        let cell = &buffer[(0, 0)];
        assert_eq!(
            (cell.symbol(), cell.fg, cell.bg),
            ("▀", Color::Rgb(50, 50, 50), Color::Rgb(225, 225, 225))
        );
    }

    #[test]
    fn the_palette_holds_its_own_colours() {
        assert_eq!(nearest_of_palette([255, 0, 0]), 196);
        assert_eq!(nearest_of_palette([95, 135, 175]), 67);
        assert_eq!(nearest_of_palette([118, 118, 118]), 243);
        assert_eq!(nearest_of_palette([0, 0, 0]), 16);
    }

    #[test]
    fn bytes_that_do_not_fit_draw_nothing() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 4));
        let pixels = Pixels { width: 9, height: 9, rgb: &[1, 2, 3] };
        assert!(pixels.draw(PictureStyle::TrueColour, buffer.area, &mut buffer).is_empty());
        assert_eq!(buffer, Buffer::empty(buffer.area));
    }

    proptest! {
        #[test]
        fn every_size_into_every_area(
            width in 1u32..50, height in 1u32..50, columns in 0u16..30, rows in 0u16..20,
        ) {
            let rgb = vec![7u8; (width * height * 3) as usize];
            let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 20));
            let area = Rect::new(3, 2, columns, rows);
            let pixels = Pixels { width, height, rgb: &rgb };
            for style in [PictureStyle::TrueColour, PictureStyle::Palette, PictureStyle::Characters] {
                let used = pixels.draw(style, area, &mut buffer);
                prop_assert_eq!(used.intersection(area), used);
            }
        }
    }
}
