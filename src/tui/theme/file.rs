//! Themes as files: a style for each role.

use std::path::PathBuf;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::{ROLES, Role};

/// The themes that are part of the program, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("ansi16", include_str!("ansi16.toml")),
    ("dark", include_str!("dark.toml")),
    ("light", include_str!("light.toml")),
    ("high-contrast", include_str!("high-contrast.toml")),
];

/// A theme's text, and where it was read, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeFile {
    /// Where.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl ThemeFile {
    /// The built-in theme called `name`.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self { path: PathBuf::from(format!("the theme {name}")), text: (*text).to_owned() })
    }
}

/// Why a theme cannot be used, with the file and its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct ThemeError {
    /// File and line.
    pub place: String,
    /// What is wrong.
    pub detail: String,
}

/// What a theme says.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    /// In a few words.
    pub about: String,
    /// What is behind everything; none for the terminal's own.
    pub ground: Style,
    /// By the number of the role.
    pub styles: [Style; ROLES.len()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    about: String,
    #[serde(default)]
    ground: Entry,
    roles: Vec2,
}

/// The roles with their names, in the order of the file.
type Vec2 = std::collections::BTreeMap<Spanned<String>, Entry>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Entry {
    fg: Option<Spanned<String>>,
    bg: Option<Spanned<String>>,
    #[serde(default)]
    modifiers: Vec<Spanned<String>>,
}

impl Palette {
    /// Reads a theme. Every role must be there.
    ///
    /// # Errors
    /// [`ThemeError`] for a role, colour or modifier that is not known, and for a role that is missing.
    pub fn read(file: &ThemeFile) -> Result<Self, ThemeError> {
        let error = |at: usize, detail: String| {
            let line = file.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            ThemeError { place: format!("{} line {line}", file.path.display()), detail }
        };
        let document: Document = toml::from_str(&file.text)
            .map_err(|wrong| error(wrong.span().map_or(0, |span| span.start), wrong.message().to_owned()))?;
        let style = |entry: &Entry| -> Result<Style, ThemeError> {
            let mut style = Style::new();
            for (word, is_ground) in [(&entry.fg, false), (&entry.bg, true)] {
                let Some(word) = word else { continue };
                let colour = colour(word.get_ref()).ok_or_else(|| {
                    let detail = format!(
                        "`{}` is no colour: expected #rrggbb or a name such as cyan or light-red",
                        word.get_ref().escape_debug()
                    );
                    error(word.span().start, detail)
                })?;
                style = if is_ground { style.bg(colour) } else { style.fg(colour) };
            }
            for word in &entry.modifiers {
                let modifier = modifier(word.get_ref()).ok_or_else(|| {
                    let detail = format!(
                        "`{}` is no modifier: expected bold, dim, italic, underlined or reversed",
                        word.get_ref().escape_debug()
                    );
                    error(word.span().start, detail)
                })?;
                style = style.add_modifier(modifier);
            }
            Ok(style)
        };
        let mut styles = [None; ROLES.len()];
        for (name, entry) in &document.roles {
            let found = ROLES.iter().position(|(_, known)| known == name.get_ref());
            let place = found.ok_or_else(|| {
                let names: Vec<&str> = ROLES.iter().map(|(_, name)| *name).collect();
                let nearest = names
                    .iter()
                    .map(|known| (strsim::jaro_winkler(known, name.get_ref()), known))
                    .filter(|(alike, _)| *alike > 0.75)
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                let hint = nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default();
                error(
                    name.span().start,
                    format!("there is no role `{}`{hint}", name.get_ref().escape_debug()),
                )
            })?;
            styles[place] = Some(style(entry)?);
        }
        let mut whole = [Style::new(); ROLES.len()];
        for ((slot, style), (_, name)) in whole.iter_mut().zip(styles).zip(ROLES) {
            *slot = style.ok_or_else(|| error(0, format!("the role `{name}` is missing")))?;
        }
        Ok(Self { about: document.about, ground: style(&document.ground)?, styles: whole })
    }

    /// The style of `role`.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// With every colour in the 256-colour palette of xterm, for a terminal that has no more.
    pub fn reduced(mut self) -> Self {
        let reduce = |style: &mut Style| {
            style.fg = style.fg.map(indexed);
            style.bg = style.bg.map(indexed);
        };
        reduce(&mut self.ground);
        self.styles.iter_mut().for_each(reduce);
        self
    }
}

fn colour(text: &str) -> Option<Color> {
    if text.starts_with('#') && text.len() != 7 {
        return None;
    }
    // A name, or #rrggbb; a bare number would be an index into a palette that nobody sees.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Color::from_str(text).ok()
}

fn modifier(text: &str) -> Option<Modifier> {
    Some(match text {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        _ => return None,
    })
}

/// The nearest of xterm's colours 16 to 255: a cube of six steps a channel, and a ramp of 24 greys.
fn indexed(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |value: u8| {
        let distance = |step: &u8| step.abs_diff(value);
        (0..STEPS.len()).min_by_key(|index| distance(&STEPS[*index])).unwrap_or(0)
    };
    let (x, y, z) = (nearest(r), nearest(g), nearest(b));
    let cube = (16 + 36 * x + 6 * y + z, [STEPS[x], STEPS[y], STEPS[z]]);
    let level = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3).saturating_sub(3) / 10;
    let level = level.min(23);
    let grey = (232 + usize::from(level), [(8 + 10 * level) as u8; 3]);
    let distance = |rgb: [u8; 3]| -> u32 {
        rgb.iter().zip([r, g, b]).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let (index, _) = if distance(grey.1) < distance(cube.1) { grey } else { cube };
    Color::Indexed(index as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(name: &str) -> Palette {
        Palette::read(&ThemeFile::built_in(name).unwrap()).unwrap()
    }

    /// Relative luminance (WCAG 2.2, "relative luminance").
    fn luminance(colour: Color) -> f64 {
        let Color::Rgb(r, g, b) = colour else { panic!("{colour:?} has no luminance of its own") };
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// WCAG 2.2: 4.5 to 1 for text (AA), 7 to 1 for more (AAA), 3 to 1 for what is no text.
    #[test]
    fn every_role_can_be_read_on_its_ground() {
        for (name, text_ratio) in [("dark", 4.5), ("light", 4.5), ("high-contrast", 7.0)] {
            let palette = built_in(name);
            let (fg, bg) = (palette.ground.fg.unwrap(), palette.ground.bg.unwrap());
            // A selected line and the bar are under other roles too.
            let grounds = [bg, palette.style(Role::Bar).bg.unwrap_or(bg)];
            for (role, role_name) in ROLES {
                let style = palette.style(role);
                let wanted =
                    if matches!(role, Role::Border | Role::FocusedBorder) { 3.0 } else { text_ratio };
                let behind = style.bg.map_or(grounds.to_vec(), |own| vec![own]);
                for behind in behind {
                    let found = contrast(style.fg.unwrap_or(fg), behind);
                    assert!(found >= wanted, "{name}: {role_name} has {found:.2} to 1, {wanted} is needed");
                }
            }
        }
    }

    #[test]
    fn what_differs_by_colour_differs_without_it_too_or_is_said() {
        // Signs and words say the state; these roles must not look alike for themselves either.
        for (name, _) in BUILT_IN {
            let palette = built_in(name);
            for (one, other) in
                [(Role::Selection, Role::Text), (Role::Good, Role::Fault), (Role::Warning, Role::Fault)]
            {
                assert_ne!(palette.style(one), palette.style(other), "{name}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        let whole = ThemeFile::built_in("dark").unwrap().text;
        for (from, to, expected) in [
            ("[roles.good]", "[roles.god]", "there is no role `god`; did you mean `good`?"),
            ("#7fd18b", "#7fd18", "`#7fd18` is no colour"),
            ("#7fd18b", "greenish", "`greenish` is no colour"),
            ("\"bold\"", "\"fat\"", "`fat` is no modifier"),
            ("[roles.key]\nfg = \"#5fc3e4\"\n", "", "the role `key` is missing"),
            ("about", "abuot", "abuot"),
        ] {
            let file = ThemeFile { path: "mine.toml".into(), text: whole.replacen(from, to, 1) };
            let error = Palette::read(&file).unwrap_err().to_string();
            assert!(error.starts_with("mine.toml line ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn colours_are_reduced_to_the_nearest() {
        for (rgb, index) in
            [((0, 0, 0), 16), ((255, 255, 255), 231), ((128, 128, 128), 244), ((95, 175, 215), 74)]
        {
            assert_eq!(indexed(Color::Rgb(rgb.0, rgb.1, rgb.2)), Color::Indexed(index));
        }
        assert_eq!(indexed(Color::Cyan), Color::Cyan);
        let reduced = built_in("dark").reduced();
        assert!(reduced.styles.iter().all(|style| !matches!(style.fg, Some(Color::Rgb(..)))));
    }
}
