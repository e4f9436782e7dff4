//! Roles to styles. A theme is a [file](mod@file) of roles; the first one has the terminal's own sixteen colours, so
//! that the screen follows whatever scheme the terminal has. Without colour every role still differs by
//! weight, and no state is said by colour alone.

pub mod file;

use ratatui::style::{Modifier, Style};
use ratatui::widgets::BorderType;

pub use file::{Palette, ThemeError, ThemeFile};

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

/// Every role with its name in a theme, in the order of their numbers.
pub const ROLES: [(Role, &str); 16] = [
    (Role::Text, "text"),
    (Role::Dim, "dim"),
    (Role::Border, "border"),
    (Role::FocusedBorder, "focused-border"),
    (Role::Title, "title"),
    (Role::FocusedTitle, "focused-title"),
    (Role::Selection, "selection"),
    (Role::OtherSelection, "other-selection"),
    (Role::Accent, "accent"),
    (Role::Good, "good"),
    (Role::Warning, "warning"),
    (Role::Fault, "fault"),
    (Role::Key, "key"),
    (Role::Bar, "bar"),
    (Role::Field, "field"),
    (Role::Cursor, "cursor"),
];

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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    colour: bool,
    ground: Style,
    styles: [Style; ROLES.len()],
    /// How pictures are drawn.
    pub picture: PictureStyle,
}

impl Theme {
    /// No colour at all.
    pub fn plain() -> Self {
        let styles = ROLES.map(|(role, _)| plain(role));
        Self { colour: false, ground: Style::new(), styles, picture: PictureStyle::Characters }
    }

    /// `palette` on a terminal: no colour where `no_color` or `NO_COLOR` asks for that; 24-bit colours where
    /// COLORTERM or TERM names a terminal that has them, since ssh passes TERM on but not COLORTERM; else the
    /// 256-colour palette.
    pub fn for_terminal(palette: &Palette, no_color: bool, environment: &Environment) -> Self {
        const TRUE_COLOUR_TERMS: [&str; 6] =
            ["direct", "truecolor", "kitty", "ghostty", "alacritty", "wezterm"];
        if no_color || environment.no_color || environment.term == "dumb" {
            return Self::plain();
        }
        let said = matches!(environment.colorterm.as_str(), "truecolor" | "24bit");
        let known = TRUE_COLOUR_TERMS.iter().any(|term| environment.term.contains(term));
        let (picture, palette) = if said || known {
            (PictureStyle::TrueColour, palette.clone())
        } else {
            (PictureStyle::Palette, palette.clone().reduced())
        };
        Self { colour: true, ground: palette.ground, styles: palette.styles, picture }
    }

    /// `palette` in 24-bit colours.
    pub fn in_colour(palette: &Palette) -> Self {
        let environment = Environment { colorterm: "truecolor".to_owned(), ..Environment::default() };
        Self::for_terminal(palette, false, &environment)
    }

    /// The style for `role`.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// What is behind everything.
    pub fn ground(&self) -> Style {
        self.ground
    }

    /// The border of a pane; without colour, the pane that has the keys has a thick one.
    pub fn border_type(&self, focused: bool) -> BorderType {
        if focused && !self.colour { BorderType::Thick } else { BorderType::Rounded }
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

    fn dark() -> Palette {
        Palette::read(&ThemeFile::built_in("dark").unwrap()).unwrap()
    }

    #[test]
    fn a_role_has_the_number_of_its_place() {
        for (number, (role, _)) in ROLES.iter().enumerate() {
            assert_eq!(*role as usize, number);
        }
    }

    #[test]
    fn no_color_wins_over_what_the_terminal_can_do() {
        let theme = |no_color, environment| Theme::for_terminal(&dark(), no_color, &environment);
        assert_eq!(theme(false, environment(true, "truecolor", "xterm-kitty")), Theme::plain());
        assert_eq!(theme(true, environment(false, "truecolor", "xterm-kitty")), Theme::plain());
    }

    #[test]
    fn colours_are_those_that_the_terminal_says_it_has() {
        let theme =
            |colorterm, term| Theme::for_terminal(&dark(), false, &environment(false, colorterm, term));
        assert_eq!(theme("truecolor", "xterm").picture, PictureStyle::TrueColour);
        assert_eq!(theme("", "xterm-kitty").picture, PictureStyle::TrueColour);
        let reduced = theme("", "xterm-256color");
        assert_eq!(reduced.picture, PictureStyle::Palette);
        assert!(matches!(reduced.style(Role::Good).fg, Some(ratatui::style::Color::Indexed(_))));
    }

    #[test]
    fn the_plain_theme_has_no_colour() {
        for (role, _) in ROLES {
            let style = Theme::plain().style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}
