//! Roles to styles. The colours are the terminal's own sixteen, so that the screen follows whatever
//! scheme the terminal has; without colour every role still differs by weight, and no state is said
//! by colour alone.

use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::BorderType;

/// What a piece of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Plain text.
    Text,
    /// Text that steps back.
    Dim,
    /// The border of a pane.
    Border,
    /// The border of the pane that has the keys.
    FocusedBorder,
    /// The title of a pane.
    Title,
    /// The title of the pane that has the keys.
    FocusedTitle,
    /// The selected line of the pane that has the keys.
    Selection,
    /// The selected line of another pane.
    OtherSelection,
    /// The program's name and other marks.
    Accent,
    /// Somebody who is here; something that went well.
    Good,
    /// Something to look at.
    Warning,
    /// Something that failed.
    Fault,
    /// A key in the hints.
    Key,
    /// The bar at the top.
    Bar,
    /// The field that text goes into.
    Field,
    /// The cursor in it.
    Cursor,
}

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureStyle {
    /// Half blocks in 24-bit colour.
    TrueColour,
    /// Half blocks in the 256-colour palette.
    Palette,
    /// Characters from light to dark, without colour.
    Characters,
}

/// What the environment says about the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `NO_COLOR` is there and not empty (<https://no-color.org>).
    pub no_color: bool,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `TERM`.
    pub term: String,
}

impl Environment {
    /// This process's environment.
    pub fn read() -> Self {
        let text = |name: &str| std::env::var(name).unwrap_or_default();
        Self {
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            colorterm: text("COLORTERM"),
            term: text("TERM"),
        }
    }
}

/// Styles for roles, and how pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
    /// How pictures are drawn.
    pub picture: PictureStyle,
}

impl Theme {
    /// The sixteen colours, pictures in 24 bits.
    pub const COLOUR: Theme = Theme { colour: true, picture: PictureStyle::TrueColour };
    /// No colour at all.
    pub const PLAIN: Theme = Theme { colour: false, picture: PictureStyle::Characters };

    /// The theme for a terminal: no colour where `no_color` or `NO_COLOR` asks for that; 24-bit
    /// pictures where COLORTERM or TERM names a terminal that has them, since ssh passes TERM on
    /// but not COLORTERM; else the 256-colour palette.
    pub fn detect(no_color: bool, environment: &Environment) -> Self {
        const TRUE_COLOUR_TERMS: [&str; 6] =
            ["direct", "truecolor", "kitty", "ghostty", "alacritty", "wezterm"];
        if no_color || environment.no_color || environment.term == "dumb" {
            return Self::PLAIN;
        }
        let said = matches!(environment.colorterm.as_str(), "truecolor" | "24bit");
        let known = TRUE_COLOUR_TERMS.iter().any(|term| environment.term.contains(term));
        let picture = if said || known { PictureStyle::TrueColour } else { PictureStyle::Palette };
        Self { colour: true, picture }
    }

    /// The style for `role`.
    pub fn style(&self, role: Role) -> Style {
        if self.colour { coloured(role) } else { plain(role) }
    }

    /// The border of a pane; without colour, the pane that has the keys has a thick one.
    pub fn border_type(&self, focused: bool) -> BorderType {
        if focused && !self.colour { BorderType::Thick } else { BorderType::Rounded }
    }
}

fn coloured(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text => style,
        Role::Dim | Role::Border => style.fg(Color::DarkGray),
        Role::Title => style.fg(Color::Gray),
        Role::FocusedBorder => style.fg(Color::Cyan),
        Role::FocusedTitle | Role::Accent => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Selection => style.fg(Color::Black).bg(Color::Cyan),
        Role::OtherSelection => style.add_modifier(Modifier::BOLD),
        Role::Good => style.fg(Color::Green),
        Role::Warning => style.fg(Color::Yellow),
        Role::Fault => style.fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Role::Key => style.fg(Color::Cyan),
        Role::Bar => style,
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
        Role::Cursor => style.add_modifier(Modifier::REVERSED),
    }
}

fn plain(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Border | Role::Good | Role::Bar | Role::Title => style,
        Role::Dim => style.add_modifier(Modifier::DIM),
        Role::FocusedBorder | Role::OtherSelection | Role::Warning | Role::Key => {
            style.add_modifier(Modifier::BOLD)
        }
        Role::FocusedTitle | Role::Accent => style.add_modifier(Modifier::BOLD),
        Role::Selection | Role::Cursor => style.add_modifier(Modifier::REVERSED),
        Role::Fault => style.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(no_color: bool, colorterm: &str, term: &str) -> Environment {
        Environment { no_color, colorterm: colorterm.to_owned(), term: term.to_owned() }
    }

    #[test]
    fn no_color_wins_over_what_the_terminal_can_do() {
        assert_eq!(Theme::detect(false, &environment(true, "truecolor", "xterm-kitty")), Theme::PLAIN);
        assert_eq!(Theme::detect(true, &environment(false, "truecolor", "xterm-kitty")), Theme::PLAIN);
    }

    #[test]
    fn pictures_use_what_the_terminal_says_it_has() {
        let style = |colorterm, term| Theme::detect(false, &environment(false, colorterm, term)).picture;
        assert_eq!(style("truecolor", "xterm"), PictureStyle::TrueColour);
        assert_eq!(style("", "xterm-kitty"), PictureStyle::TrueColour);
        assert_eq!(style("", "xterm-256color"), PictureStyle::Palette);
    }

    #[test]
    fn the_plain_theme_has_no_colour() {
        for role in [Role::Selection, Role::Good, Role::Fault, Role::Key, Role::FocusedBorder] {
            let style = Theme::PLAIN.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}
