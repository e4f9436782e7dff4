//! From a picture and what is said of the faces in it to what a terminal takes. Slow: on a thread of its own.

use std::fmt;
use std::sync::Arc;

use image::{DynamicImage, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;
use ratatui_image::protocol::Protocol;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::kitty::Kitty;
use ratatui_image::protocol::sixel::Sixel;

use super::{CellSize, Graphics, Screen};
use crate::engine::state::Preview;
use crate::face;
use crate::tui::big::Letters;

/// One picture of this number is in the terminal at a time: a new one takes its place.
const KITTY_ID: u32 = 0x6D75;

/// What is drawn on a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// In 0..1 of the picture.
    pub bounds: face::Rect,
    /// Red, green and blue.
    pub colour: [u8; 3],
    /// Beside the box.
    pub label: String,
}

/// What is to be drawn. Two are the same where they show the same frame in the same way.
#[derive(Debug, Clone)]
pub struct Job {
    /// The picture.
    pub preview: Arc<Option<Preview>>,
    /// What is drawn on it.
    pub marks: Vec<Mark>,
    /// The cells it has.
    pub room: Size,
    /// How it reaches the terminal.
    pub screen: Screen,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        let preview = |job: &Self| (*job.preview).as_ref().map(|p| (p.frame, p.width, p.height));
        (preview(self), &self.marks, self.room, self.screen)
            == (preview(other), &other.marks, other.room, other.screen)
    }
}

/// A picture as the terminal takes it. Cheap to clone; `Debug` prints none of it.
#[derive(Clone)]
pub struct Encoded {
    protocol: Arc<Protocol>,
    /// The room it was made for.
    pub room: Size,
    /// The cells it has.
    pub size: Size,
    /// Which frame it shows.
    pub frame: u64,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} for {}, frame {})", self.size, self.room, self.frame)
    }
}

impl Encoded {
    /// Draws it into the middle of `area`.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let area = crate::tui::layout::centred(area, self.size.width, self.size.height);
        Image::new(&self.protocol).render(area, buffer);
    }
}

/// Encodes; none where there is no picture or no room.
pub fn encode(job: &Job) -> Option<Encoded> {
    let preview = (*job.preview).as_ref()?;
    let area = Rect::new(0, 0, job.room.width, job.room.height);
    let fitted = fitted_cells(area, preview.width, preview.height, job.screen.cell);
    if fitted.is_empty() {
        return None;
    }
    let size = Size::new(fitted.width, fitted.height);
    let mut picture = RgbImage::from_raw(preview.width, preview.height, preview.rgb.clone())?;
    let (width, height) = (
        u32::from(size.width) * u32::from(job.screen.cell.width),
        u32::from(size.height) * u32::from(job.screen.cell.height),
    );
    // A picture that was made smaller for a slow line is enlarged by the terminal where it can.
    if job.screen.graphics != Graphics::Kitty && (picture.width(), picture.height()) != (width, height) {
        picture = image::imageops::resize(&picture, width, height, image::imageops::FilterType::Triangle);
    }
    for mark in &job.marks {
        outline(mark, &mut picture);
    }
    for mark in &job.marks {
        write_label(mark, &mut picture);
    }
    let picture = DynamicImage::ImageRgb8(picture);
    let protocol = match job.screen.graphics {
        Graphics::Kitty => Protocol::Kitty(Kitty::new(picture, size, KITTY_ID, false, true).ok()?),
        Graphics::Iterm2 => Protocol::ITerm2(Iterm2::new(picture, size, false).ok()?),
        Graphics::Sixel => Protocol::Sixel(Sixel::new(picture, size, false).ok()?),
        Graphics::HalfBlocks => return None,
    };
    Some(Encoded { protocol: Arc::new(protocol), room: job.room, size, frame: preview.frame })
}

/// The cells of `area` that a picture of `width` by `height` pixels takes, its aspect kept.
pub fn fitted_cells(area: Rect, width: u32, height: u32, cell: CellSize) -> Rect {
    if width == 0 || height == 0 || area.is_empty() || cell.width == 0 || cell.height == 0 {
        return Rect::ZERO;
    }
    let (columns, rows) =
        (u64::from(area.width) * u64::from(cell.width), u64::from(area.height) * u64::from(cell.height));
    let (width, height) = (u64::from(width), u64::from(height));
    let (used_width, used_height) = if columns * height <= rows * width {
        (columns, columns * height / width)
    } else {
        (rows * width / height, rows)
    };
    let cells = |pixels: u64, cell: u16| (pixels.div_ceil(u64::from(cell)).max(1)) as u16;
    Rect {
        width: cells(used_width, cell.width).min(area.width),
        height: cells(used_height, cell.height).min(area.height),
        ..area
    }
}

/// Pixels of a box's line: about as thick on a large picture as on a small one.
fn thickness(picture: &RgbImage) -> u32 {
    (picture.width() / 320).clamp(1, 4)
}

/// The pixels of a box, inside the picture; none where nothing of it is.
fn pixels_of(bounds: &face::Rect, picture: &RgbImage) -> Option<(u32, u32, u32, u32)> {
    if !bounds.is_finite() {
        return None;
    }
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let pixels = bounds.scaled(width, height).clamped(width, height);
    // Clamped to the picture, so that the casts are exact.
    let (left, top) = (pixels.x.floor() as u32, pixels.y.floor() as u32);
    let (right, bottom) = (pixels.right().ceil() as u32, pixels.bottom().ceil() as u32);
    let (right, bottom) = (right.min(picture.width()), bottom.min(picture.height()));
    (right > left && bottom > top).then_some((left, top, right, bottom))
}

fn outline(mark: &Mark, picture: &mut RgbImage) {
    let Some((left, top, right, bottom)) = pixels_of(&mark.bounds, picture) else { return };
    let thick = thickness(picture);
    for y in top..bottom {
        for x in left..right {
            if x < left + thick || x + thick >= right || y < top + thick || y + thick >= bottom {
                picture.put_pixel(x, y, image::Rgb(mark.colour));
            }
        }
    }
}

/// Rows of pixels of a label's letters.
const LETTER_ROWS: u32 = 16;

/// Writes a label above its box, or inside where there is no room, dark on the box's colour. A name whose letters the
/// terminal would have to join is left out here: the other panes have it.
fn write_label(mark: &Mark, picture: &mut RgbImage) {
    let Some((left, top, ..)) = pixels_of(&mark.bounds, picture) else { return };
    let Some(letters) = Letters::of(&mark.label) else { return };
    let scale = (picture.width() / 640).clamp(1, 3);
    let width = (letters.dots_wide() as u32 + 4) * scale;
    let height = LETTER_ROWS * scale;
    let x0 = left.min(picture.width().saturating_sub(width));
    let y0 = top.checked_sub(height).unwrap_or(top);
    for y in 0..height.min(picture.height().saturating_sub(y0)) {
        for x in 0..width.min(picture.width() - x0) {
            let dot = (x / scale).checked_sub(2).map(|x| x as usize);
            let is_lit = dot.is_some_and(|dot| letters.is_dot(dot, (y / scale) as usize));
            let colour = if is_lit { [16, 16, 16] } else { mark.colour };
            picture.put_pixel(x0 + x, y0 + y, image::Rgb(colour));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(graphics: Graphics) -> Job {
        let preview = Preview { width: 80, height: 60, rgb: vec![90; 80 * 60 * 3], frame: 7 };
        let mark = Mark {
            bounds: face::Rect::new(0.25, 0.4, 0.5, 0.5),
            colour: [0, 255, 0],
            label: "✓ Ana".to_owned(),
        };
        Job {
            preview: Arc::new(Some(preview)),
            marks: vec![mark],
            room: Size::new(10, 4),
            screen: Screen { graphics, cell: CellSize { width: 8, height: 16 } },
        }
    }

    fn symbols(graphics: Graphics) -> String {
        let encoded = encode(&job(graphics)).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 4));
        encoded.draw(buffer.area, &mut buffer);
        buffer.content().iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn each_protocol_is_written_as_it_is_defined() {
        // APC G ... ST and placeholders; OSC 1337; DCS ... q ... ST.
        let kitty = symbols(Graphics::Kitty);
        assert!(kitty.contains("\x1b_G") && kitty.contains('\u{10EEEE}'), "{kitty:?}");
        assert!(symbols(Graphics::Iterm2).contains("\x1b]1337;File=inline=1;"));
        let sixel = symbols(Graphics::Sixel);
        let data = sixel.split("\x1bP").nth(1).unwrap();
        assert!(data.contains('q') && sixel.contains("\x1b\\"), "{sixel:?}");
        assert!(encode(&job(Graphics::HalfBlocks)).is_none());
    }

    /// What iTerm2's protocol carries is a PNG: read back, it has the box and the letters.
    #[test]
    fn boxes_and_names_are_in_the_picture() {
        let mut picture = RgbImage::from_pixel(80, 64, image::Rgb([90; 3]));
        let job = job(Graphics::Iterm2);
        outline(&job.marks[0], &mut picture);
        assert_eq!(picture.get_pixel(20, 50).0, [0, 255, 0]);
        assert_eq!(picture.get_pixel(40, 45).0, [90; 3]);
        write_label(&job.marks[0], &mut picture);
        let dark = picture.pixels().filter(|pixel| pixel.0 == [16; 3]).count();
        assert!((40..400).contains(&dark), "{dark} pixels of letters");
    }

    #[test]
    fn the_aspect_is_kept_in_the_terminals_own_cells() {
        let area = Rect::new(0, 0, 40, 20);
        let square = fitted_cells(area, 100, 100, CellSize { width: 10, height: 20 });
        assert_eq!((square.width, square.height), (40, 20));
        let wide = fitted_cells(area, 160, 90, CellSize { width: 8, height: 16 });
        assert_eq!((wide.width, wide.height), (40, 12));
        assert!(fitted_cells(area, 0, 9, CellSize::default()).is_empty());
    }

    /// Boxes that lie outside, are no numbers or are tiny, and labels of any text.
    #[test]
    fn no_mark_panics() {
        let mut job = job(Graphics::Sixel);
        let bounds = [
            (-1.0, -1.0, 0.5, 0.5),
            (0.9, 0.9, 5.0, 5.0),
            (f32::NAN, 0.0, 1.0, 1.0),
            (0.5, 0.5, 0.0, 0.0),
            (0.99, 0.0, 0.5, 0.01),
        ];
        let labels = ["", "محمد", "a very long name that is wider than the whole picture is", "\x1b[2J"];
        job.marks = bounds
            .iter()
            .flat_map(|(x, y, w, h)| labels.map(|label| (face::Rect::new(*x, *y, *w, *h), label)))
            .map(|(bounds, label)| Mark { bounds, colour: [1, 2, 3], label: label.to_owned() })
            .collect();
        assert!(encode(&job).is_some());
    }
}
