//! Pictures in pixels, where the terminal has them: the kitty protocol, iTerm2's, and sixels. Everywhere else,
//! and wherever a dialog lies over the picture, half blocks are drawn.

pub mod encode;
pub mod query;

use std::fmt;
use std::str::FromStr;

/// How pictures reach the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Graphics {
    /// The kitty protocol with its placeholders.
    Kitty,
    /// iTerm2's inline pictures.
    Iterm2,
    /// Sixels.
    Sixel,
    /// Half blocks, in every terminal.
    HalfBlocks,
}

impl Graphics {
    /// Whether the terminal draws pixels.
    pub fn has_pixels(self) -> bool {
        self != Self::HalfBlocks
    }
}

impl fmt::Display for Graphics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kitty => "kitty",
            Self::Iterm2 => "iterm2",
            Self::Sixel => "sixel",
            Self::HalfBlocks => "half-blocks",
        })
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GraphicsChoice {
    /// The best that the terminal says it has.
    #[default]
    Auto,
    /// This one, whatever the terminal says.
    Use(Graphics),
}

impl FromStr for GraphicsChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Graphics::Kitty, Graphics::Iterm2, Graphics::Sixel, Graphics::HalfBlocks];
        match all.into_iter().find(|graphics| graphics.to_string() == text) {
            Some(graphics) => Ok(Self::Use(graphics)),
            None if text == "auto" => Ok(Self::Auto),
            None => Err(format!(
                "`{}` is no way to draw pictures: expected auto, kitty, iterm2, sixel or half-blocks",
                text.escape_debug()
            )),
        }
    }
}

impl fmt::Display for GraphicsChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Use(graphics) => graphics.fmt(f),
        }
    }
}

/// Pixels of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellSize {
    /// Columns of pixels.
    pub width: u16,
    /// Rows of pixels.
    pub height: u16,
}

impl Default for CellSize {
    /// Where the terminal does not say: a usual one.
    fn default() -> Self {
        Self { width: 10, height: 20 }
    }
}

/// What the terminal shows pictures with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// How.
    pub graphics: Graphics,
    /// How large a cell is.
    pub cell: CellSize,
}

impl Default for Screen {
    fn default() -> Self {
        Self { graphics: Graphics::HalfBlocks, cell: CellSize::default() }
    }
}
