//! Draws a month: a letter for how each day reads, a bar for how long somebody was here.

use chrono::Datelike;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{MonthDialog, Of};
use crate::attendance::month::{DayMark, MonthDay, MonthGrid, MonthRow, weeks};
use crate::tui::dialog::window;
use crate::tui::layout::centred;
use crate::tui::pane::{Look, draw_message, draw_scroll_bar};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of the dialog, where the screen has as many.
const WIDTH: u16 = 84;
/// What fills a bar.
const WHOLE_DAY_MINUTES: u32 = 8 * 60;

/// Rows of the dialog at most.
const HEIGHT: u16 = 30;

/// Rows of the list of many on a screen of `height`: without the bar of hints, the air and border around, the
/// line of days and the legend.
pub(super) fn list_height(height: u16) -> u16 {
    height.saturating_sub(7).min(HEIGHT - 4)
}

fn role(mark: DayMark) -> Role {
    match mark {
        DayMark::Present => Role::Good,
        DayMark::Late | DayMark::LeftEarly | DayMark::NoCheckOut => Role::Warning,
        DayMark::Absent => Role::Fault,
        DayMark::Excused => Role::Text,
        DayMark::Nothing => Role::Dim,
    }
}

/// A bar as high as somebody was here for long.
fn bar(minutes: u32) -> &'static str {
    const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    EIGHTHS[(minutes * 8).div_ceil(WHOLE_DAY_MINUTES).min(8) as usize]
}

/// Hours and minutes: 7:45.
fn hours(minutes: u32) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

impl MonthDialog {
    /// Draws it over `screen`.
    pub fn draw(&self, look: &Look, screen: Rect, buffer: &mut Buffer) {
        let who = match self.of() {
            Of::Person(_, name) => name.to_string(),
            Of::Group(group) => format!("group {group}"),
            Of::Everybody => "everybody".to_owned(),
        };
        let month = self.grid.as_ref().map(|grid| grid.first.format("%B %Y: ").to_string());
        let title = format!("{}{}", month.unwrap_or_default(), text::fitted(&who, 40));
        let area = centred(screen, WIDTH, screen.height.saturating_sub(2).min(HEIGHT));
        let inside = window(&title, look.theme, Role::FocusedBorder, area, buffer);
        match (&self.grid, &self.error) {
            (_, Some(error)) => draw_message(&[(error.clone(), Role::Fault)], look.theme, inside, buffer),
            (None, None) => {
                draw_message(&[("reading the month …".to_owned(), Role::Dim)], look.theme, inside, buffer);
            }
            (Some(grid), None) => {
                let body = Rect { height: inside.height.saturating_sub(1), ..inside };
                match (self.of(), grid.rows.first()) {
                    (_, None) => {
                        draw_message(&[("nobody is in it".to_owned(), Role::Dim)], look.theme, body, buffer);
                    }
                    (Of::Person(..), Some(row)) => draw_calendar(grid, row, look, body, buffer),
                    (_, Some(_)) => self.draw_list(grid, look, body, buffer),
                }
                let legend = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
                let is_any_unsure = grid.rows.iter().flat_map(|row| &row.days).any(|day| day.is_time_unsure);
                draw_legend(is_any_unsure, look, legend, buffer);
            }
        }
    }

    /// A line a person, a column a day.
    fn draw_list(&self, grid: &MonthGrid, look: &Look, area: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let days = grid.rows.first().map_or(0, |row| row.days.len());
        // The name, a cell a day, and how long in all where there is room.
        let total_cells = if area.width >= 70 { 8 } else { 0 };
        let name_cells = usize::from(area.width).saturating_sub(days + total_cells + 1);
        let begin = area.x + name_cells as u16 + 1;
        for index in 0..days {
            let date = grid.first + chrono::TimeDelta::days(index as i64);
            let is_marked = date.day().is_multiple_of(5) || date.day() == 1;
            let label = if is_marked { (date.day() % 10).to_string() } else { "·".to_owned() };
            let role = if date == grid.today { Role::Accent } else { Role::Dim };
            buffer.set_stringn(begin + index as u16, area.y, label, 1, theme.style(role));
        }
        let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let seen = grid.rows.iter().skip(self.window.offset);
        for (row, y) in seen.zip(list.y..list.bottom()) {
            let name = text::padded(row.name.as_str(), name_cells);
            buffer.set_stringn(area.x, y, name, name_cells, theme.style(Role::Text));
            for (day, x) in row.days.iter().zip(begin..) {
                let style = theme.style(role(day.mark));
                buffer.set_stringn(x, y, day.mark.letter().to_string(), 1, style);
            }
            if total_cells > 0 {
                let x = begin + days as u16;
                buffer.set_stringn(
                    x,
                    y,
                    format!(
                        "{:>7}{}",
                        hours(row.minutes()),
                        unsure(row.days.iter().any(|day| day.is_time_unsure))
                    ),
                    total_cells,
                    theme.style(Role::Dim),
                );
            }
        }
        let beside = Rect { width: list.width + 1, ..list };
        draw_scroll_bar(&self.window, grid.rows.len(), look, beside, buffer);
    }
}

/// A line a week, a column a day of the week.
fn draw_calendar(grid: &MonthGrid, row: &MonthRow, look: &Look, area: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let cells = (area.width / 7).min(11);
    let room = usize::from(area.width);
    for (weekday, name) in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter().enumerate() {
        let x = area.x + weekday as u16 * cells;
        buffer.set_stringn(x, area.y, name, usize::from(cells), theme.style(Role::Dim));
    }
    let weeks = weeks(grid.first, row.days.len());
    // Air between the weeks where there is room.
    let step = if usize::from(area.height) >= 2 * weeks.len() + 3 { 2 } else { 1 };
    for (week, y) in weeks.iter().zip((area.y + 1..area.bottom()).step_by(step)) {
        for (weekday, index) in week.iter().enumerate() {
            let Some(index) = *index else { continue };
            let Some(day) = row.days.get(index) else { continue };
            let x = area.x + weekday as u16 * cells;
            let date = grid.first + chrono::TimeDelta::days(index as i64);
            draw_day(
                day,
                date.day(),
                date == grid.today,
                look,
                Rect { x, y, width: cells, height: 1 },
                buffer,
            );
        }
    }
    let y = area.y + 1 + (weeks.len() * step) as u16;
    let said = DayMark::SAID.into_iter().filter_map(|mark| {
        let count = row.count(mark);
        (count > 0).then(|| format!("{count} {}", mark.words()))
    });
    let counts: Vec<String> = said.collect();
    if y < area.bottom() {
        let said = format!("{} h in all: {}", hours(row.minutes()), counts.join(", "));
        let words = text::fitted(said.trim_end_matches(": "), room);
        buffer.set_stringn(area.x, y, words, room, theme.style(Role::Accent));
    }
}

fn draw_day(day: &MonthDay, number: u32, is_today: bool, look: &Look, area: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let room = usize::from(area.width);
    let number_role = if is_today { Role::Accent } else { Role::Dim };
    let sign = if is_today { "▸" } else { " " };
    let (x, _) =
        buffer.set_stringn(area.x, area.y, format!("{sign}{number:>2}"), room, theme.style(number_role));
    let time = match (day.minutes, room) {
        (0, _) | (_, ..10) => String::new(),
        (minutes, 10) => format!("{}h", (minutes + 30) / 60),
        (minutes, _) => hours(minutes),
    };
    let words = format!(" {}{}{}{time}", day.mark.letter(), bar(day.minutes), unsure(day.is_time_unsure));
    let left = usize::from(area.right().saturating_sub(x));
    buffer.set_stringn(x, area.y, text::fitted(&words, left), left, theme.style(role(day.mark)));
}

/// The mark of what rests on a record whose time is unsure, as the log has it.
fn unsure(is_unsure: bool) -> &'static str {
    if is_unsure { "?" } else { " " }
}

fn draw_legend(is_any_unsure: bool, look: &Look, area: Rect, buffer: &mut Buffer) {
    let unsure = is_any_unsure.then(|| ("? unsure".to_owned(), Role::Warning));
    let marks =
        DayMark::SAID.into_iter().map(|mark| (format!("{} {}", mark.letter(), mark.words()), role(mark)));
    // With the mark of what is unsure all of it just fits in 80 columns.
    let gap = if is_any_unsure { 1 } else { 2 };
    let mut x = area.x;
    for (words, role) in unsure.into_iter().chain(marks) {
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = buffer.set_stringn(x, area.y, text::fitted(&words, room), room, look.theme.style(role));
        x = x.saturating_add(gap).min(area.right());
    }
}
