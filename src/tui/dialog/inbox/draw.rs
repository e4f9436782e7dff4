//! How the inbox looks: the list on the left, the face of the selected item on the right, and the
//! prompts over it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::prompt::{Choosing, Naming};
use super::{InboxDialog, Known, Stage};
use crate::engine::inbox::StrangerRow;
use crate::tui::dialog::{draw_field, draw_lines, window};
use crate::tui::layout::centred;
use crate::tui::pane::picture::Pixels;
use crate::tui::pane::{Look, draw_message, draw_scroll_bar};
use crate::tui::text;
use crate::tui::theme::Role;

/// The window at most.
const WIDTH: u16 = 100;
const HEIGHT: u16 = 26;
/// Rows of the screen that are no line of the list: hints, borders, heading, and what is said below.
const OTHER_ROWS: u16 = 6;
/// Columns of a prompt.
const PROMPT_WIDTH: u16 = 58;

/// Lines of the list on a screen of `height` rows.
pub(super) fn list_height(height: u16) -> u16 {
    height.min(HEIGHT + 1).saturating_sub(OTHER_ROWS)
}

/// Said where the configuration gives no pictures.
const NO_PICTURES: &str = "no pictures here";

impl InboxDialog {
    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let area = centred(screen, WIDTH, HEIGHT.min(screen.height));
        let inside = window("Inbox: who is not known", theme, Role::FocusedBorder, area, buffer);
        if self.rows.is_empty() {
            let why = match self.keep_hours {
                0 => "the configuration says that nobody is kept ([inbox] keep_hours)".to_owned(),
                hours => format!("who comes and is not known is kept here for {hours} hours"),
            };
            let lines = [("the inbox is empty".to_owned(), Role::Text), (why, Role::Dim)];
            draw_message(&lines, theme, inside, buffer);
        } else {
            // The face is square, and a cell is twice as high as wide.
            let face_width = (inside.width * 2 / 5).min(inside.height.saturating_sub(6) * 2);
            let list = Rect {
                width: inside.width.saturating_sub(face_width + 2),
                height: inside.height.saturating_sub(2),
                ..inside
            };
            // What is said of the face may go on where no message stands.
            let face_height = if self.message.is_some() { list.height } else { inside.height };
            let face = Rect { x: list.right() + 2, width: face_width, height: face_height, ..list };
            self.draw_list(look, list, buffer);
            self.draw_face(look, face, buffer);
        }
        if let Some((message, role)) = &self.message {
            let below =
                Rect { y: inside.bottom().saturating_sub(2), height: 2, ..inside }.intersection(inside);
            draw_lines(&[(message.as_str(), *role)], theme, below, buffer);
        }
        self.draw_prompt(look, screen, buffer);
    }

    fn draw_list(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let heading = "   seen  first  last   quality";
        buffer.set_stringn(area.x, area.y, heading, usize::from(area.width), theme.style(Role::Dim));
        let lines = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let seen = self.rows.iter().enumerate().skip(self.window.offset);
        for ((index, row), y) in seen.zip(lines.y..lines.bottom()) {
            let is_selected = index == self.index;
            let marker = if is_selected { "▸" } else { " " };
            let style = theme.style(if is_selected { Role::Selection } else { line_role(row) });
            let line = format!("{marker} {}", line_text(row, look));
            let line = text::padded(&line, usize::from(lines.width));
            buffer.set_stringn(lines.x, y, line, usize::from(lines.width), style);
        }
        draw_scroll_bar(&self.window, self.rows.len(), look, lines, buffer);
    }

    fn draw_face(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let Some(row) = self.rows.get(self.index) else { return };
        let picture = Rect { height: (area.width / 2).min(area.height), ..area };
        match &self.picture {
            Some(shown) if shown.row.id == row.id => {
                let pixels = Pixels { width: shown.side, height: shown.side, rgb: &shown.rgb };
                if pixels.draw(theme.picture, picture, buffer).is_empty() && shown.side == 0 {
                    draw_message(&[(NO_PICTURES.to_owned(), Role::Dim)], theme, picture, buffer);
                }
            }
            _ if row.person.is_some() => {
                draw_message(&[("no picture is kept".to_owned(), Role::Dim)], theme, picture, buffer);
            }
            _ => {}
        }
        let below = Rect {
            y: picture.bottom() + 1,
            height: area.bottom().saturating_sub(picture.bottom() + 1),
            ..area
        };
        let words = match (&row.person, &row.finding) {
            (Some(_), _) => ("enter adds the passages to the record".to_owned(), Role::Text),
            (None, Some(finding)) => (format!("cannot be enrolled: {finding}"), Role::Warning),
            (None, None) => ("can be enrolled".to_owned(), Role::Dim),
        };
        let alike = self.picture.as_ref().and_then(|shown| shown.alike.as_ref()).map(|alike| {
            let found = format!("{} ({:.2})", alike.name, alike.similarity.0);
            match alike.reaches_threshold {
                true => (format!("! looks like {found}: press a"), Role::Warning),
                false => (format!("closest: {found}"), Role::Dim),
            }
        });
        let lines = [Some(words), alike];
        let lines: Vec<(&str, Role)> =
            lines.iter().flatten().map(|(words, role)| (words.as_str(), *role)).collect();
        draw_lines(&lines, theme, below, buffer);
    }

    fn draw_prompt(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let saving = self.saving;
        match &self.stage {
            Stage::List => {}
            Stage::Naming(naming) => draw_naming(naming, saving, self.error(), look, screen, buffer),
            Stage::Choosing(choosing) => {
                draw_choosing(choosing, &self.people, self.error(), look, screen, buffer);
            }
            Stage::AskDiscard => {
                let lines = [
                    ("Discard this item?", Role::Accent),
                    ("", Role::Text),
                    (
                        "Its picture and what it is recognised by go at once. The log keeps its entries.",
                        Role::Dim,
                    ),
                ];
                draw_question("Discard", &lines, saving, look, screen, buffer);
            }
            Stage::AskBackFill(_, name, count) => {
                let (was, passages) = match count {
                    1 => ("was", "1 time".to_owned()),
                    n => ("was", format!("{n} times")),
                };
                let question = format!("{name} {was} seen {passages} before it was known who it is.");
                let lines = [
                    (question.as_str(), Role::Accent),
                    ("", Role::Text),
                    ("Add these passages to the record? They are marked as added later.", Role::Text),
                ];
                draw_question("Add to the record", &lines, saving, look, screen, buffer);
            }
        }
    }

    /// Why the last try was refused, for a prompt that stays open.
    fn error(&self) -> Option<&str> {
        self.message.as_ref().filter(|(_, role)| *role == Role::Fault).map(|(words, _)| words.as_str())
    }
}

fn line_role(row: &StrangerRow) -> Role {
    match (&row.person, &row.finding) {
        (Some(_), _) => Role::Good,
        (None, Some(_)) => Role::Dim,
        (None, None) => Role::Text,
    }
}

fn line_text(row: &StrangerRow, look: &Look) -> String {
    let time = |at| look.zone.local(at).format("%H:%M").to_string();
    if let Some((_, name)) = &row.person {
        return format!("{:>4}x {}  {}", row.tracks.len(), time(row.first_seen), name);
    }
    let quality = row.score.map(|score| format!("{:.2}", score.0)).unwrap_or_default();
    format!("{:>4}x  {}  {}  {quality}", row.track_count, time(row.first_seen), time(row.last_seen))
}

fn draw_question(
    title: &str,
    lines: &[(&str, Role)],
    saving: bool,
    look: &Look,
    screen: Rect,
    buffer: &mut Buffer,
) {
    let theme = look.theme;
    let inside = window(title, theme, Role::Accent, centred(screen, PROMPT_WIDTH, 10), buffer);
    let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let last = if saving { "saving …" } else { "y does it, n leaves it" };
    let lines: Vec<(&str, Role)> =
        lines.iter().copied().chain([("", Role::Text), (last, Role::Text)]).collect();
    draw_lines(&lines, theme, below, buffer);
}

fn draw_naming(
    naming: &Naming,
    saving: bool,
    refused: Option<&str>,
    look: &Look,
    screen: Rect,
    buffer: &mut Buffer,
) {
    let theme = look.theme;
    let area = centred(screen, PROMPT_WIDTH, 11);
    let inside = window("Enrol from the inbox", theme, Role::Accent, area, buffer);
    let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
    draw_field("name      ", &naming.name, !naming.in_identifier, theme, row(1), buffer);
    draw_field("identifier", &naming.identifier, naming.in_identifier, theme, row(3), buffer);
    let below = Rect { y: inside.y + 5, height: inside.height.saturating_sub(5), ..inside };
    let words = match (naming.error.as_deref().or(refused), saving) {
        (Some(error), _) => (error, Role::Fault),
        (None, true) => ("saving …", Role::Text),
        (None, false) => ("The identifier may be left empty; it tells people of one name apart.", Role::Dim),
    };
    draw_lines(&[words], theme, below, buffer);
}

fn draw_choosing(
    choosing: &Choosing,
    people: &[Known],
    refused: Option<&str>,
    look: &Look,
    screen: Rect,
    buffer: &mut Buffer,
) {
    let theme = look.theme;
    let inside = window("Add to a person", theme, Role::Accent, centred(screen, PROMPT_WIDTH, 14), buffer);
    let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
    draw_field("who", &choosing.typed, true, theme, row(1), buffer);
    let found = choosing.found(people);
    let selected = choosing.selected(found.len());
    let lines = Rect { y: inside.y + 3, height: inside.height.saturating_sub(5), ..inside };
    let height = usize::from(lines.height);
    let offset = (selected + 1).saturating_sub(height.max(1));
    for ((index, known), y) in found.iter().enumerate().skip(offset).zip(lines.y..lines.bottom()) {
        let is_selected = index == selected;
        let marker = if is_selected { "▸" } else { " " };
        let line = format!("{marker} {}  {}", known.name, known.identifier);
        let role = if is_selected { Role::Selection } else { Role::Text };
        buffer.set_stringn(
            lines.x,
            y,
            text::fitted(&line, usize::from(lines.width)),
            usize::from(lines.width),
            theme.style(role),
        );
    }
    let words = match (refused, found.is_empty()) {
        (Some(refused), _) => (refused, Role::Fault),
        (None, true) => ("nobody on the roster is called that", Role::Warning),
        (None, false) => return,
    };
    let below = Rect { y: lines.bottom(), height: inside.bottom().saturating_sub(lines.bottom()), ..inside };
    draw_lines(&[words], theme, below, buffer);
}
