//! A month at a glance, drawn with letters; colours say the same once more.

use std::io::Write;

use chrono::{Datelike, NaiveDate};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::attendance::PersonId;
use crate::attendance::summary::heat_map::{Cell, HeatMap, LEGEND};
use crate::attendance::summary::{DayStanding, DayTable, Marks, PersonTotals};

use super::super::exit::CliError;
use super::names::{Names, hours, percent};
use super::sink::Sink;
use super::span::Span;

/// Cells of a line, at most.
const WIDTH: usize = 80;
/// Cells of a name.
const NAME_WIDTH: usize = 17;
/// Cells of a day: its letter and a blank.
const DAY_WIDTH: usize = 2;
/// Days side by side that fit.
const MOST_DAYS: usize = (WIDTH - NAME_WIDTH) / DAY_WIDTH;
/// Cells of a day of one person's week.
const WEEK_DAY_WIDTH: usize = 9;

/// Backgrounds by how long somebody was here, of the 256 colours that terminals share.
const LEVELS: [u8; 4] = [22, 28, 34, 40];

/// Keeps the days until the map is whole.
pub(super) struct Heat<'a> {
    to: &'a mut dyn Write,
    names: &'a Names<'a>,
    span: &'a Span,
    map: HeatMap,
    /// One person: weeks down.
    one: Option<PersonId>,
    colours: bool,
}

impl<'a> Heat<'a> {
    pub(super) fn new(
        to: &'a mut dyn Write,
        names: &'a Names<'a>,
        span: &'a Span,
        one: Option<PersonId>,
        colours: bool,
    ) -> Self {
        Self { to, names, span, map: HeatMap::new(span.dates()), one, colours }
    }

    /// `text` in the colours of `cell`.
    fn painted(&self, text: &str, cell: Option<&Cell>) -> String {
        let Some(cell) = cell.filter(|_| self.colours) else { return text.to_owned() };
        let code = match cell.standing {
            DayStanding::Present => format!("97;48;5;{}", LEVELS[cell.level().min(LEVELS.len() - 1)]),
            DayStanding::Late | DayStanding::LeftEarly | DayStanding::LateAndLeftEarly => "30;43".to_owned(),
            DayStanding::Absent => "97;41".to_owned(),
            DayStanding::Excused => "97;44".to_owned(),
            DayStanding::Besides => "32".to_owned(),
            DayStanding::Uncounted => "2".to_owned(),
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// People down, as many days across as fit; further days in blocks below.
    fn people(&self) -> String {
        let mut text = String::new();
        for dates in self.map.dates().chunks(MOST_DAYS) {
            text += &"\n".repeat(2);
            text += &heading(dates, self.date_format() != "%d");
            for person in self.map.people() {
                text.push('\n');
                text += &clipped(&self.names.name(person), NAME_WIDTH - 1);
                text.push(' ');
                let mut line = String::new();
                for date in dates {
                    let cell = self.map.cell(person, *date);
                    let glyph = cell.map_or(' ', Cell::glyph).to_string();
                    line += &self.painted(&glyph, cell);
                    line.push(' ');
                }
                text += line.trim_end();
            }
        }
        text
    }

    /// Weeks down, days across, with hours.
    fn weeks(&self, person: PersonId) -> String {
        let mut text = format!("\n\n{:12}", "week of");
        for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] {
            text += &format!("{day:WEEK_DAY_WIDTH$}");
        }
        text.truncate(text.trim_end().len());
        for week in self.map.weeks() {
            let Some(first) = week.iter().flatten().next() else { continue };
            text += &format!("\n{first}  ");
            let mut line = String::new();
            for date in week {
                let cell = date.and_then(|date| self.map.cell(person, date));
                let words = cell.map(week_cell).unwrap_or_default();
                let blanks = WEEK_DAY_WIDTH.saturating_sub(words.len());
                line += &self.painted(&words, cell);
                line += &" ".repeat(blanks);
            }
            text += line.trim_end();
        }
        text
    }

    /// As much of a date as tells it from the others of the span.
    fn date_format(&self) -> &'static str {
        let (first, last) = (self.span.first.date, self.span.last.date);
        match (first.year() == last.year(), first.month() == last.month()) {
            (true, true) => "%d",
            (true, false) => "%m-%d",
            (false, _) => "%Y-%m-%d",
        }
    }

    /// What the letters mean, in lines that fit.
    fn legend(&self) -> String {
        let mut lines = vec![String::new()];
        for (glyph, meaning) in LEGEND {
            let words = format!("{glyph} {meaning}");
            let last = lines.last().map_or(0, |line| line.width());
            if last > 0 && last + 3 + words.width() > WIDTH {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(if line.is_empty() { "" } else { "   " });
                line.push_str(&words);
            }
        }
        lines.join("\n")
    }

    /// Whose days rest on records that there is something to know of: a letter has no room beside it.
    fn notes(&self) -> String {
        let mut text = String::new();
        for (letter, meaning) in Marks::LEGEND {
            for person in self.map.people() {
                let is_marked = |date: &&NaiveDate| {
                    let cell = self.map.cell(person, **date);
                    cell.is_some_and(|cell| cell.marks.letters().contains(letter))
                };
                let marked = self.map.dates().iter().filter(is_marked);
                let days: Vec<String> =
                    marked.map(|date| date.format(self.date_format()).to_string()).collect();
                if !days.is_empty() {
                    text +=
                        &format!("\n{letter}  {meaning}: {}: {}", self.names.name(person), days.join(" "));
                }
            }
        }
        if text.is_empty() { text } else { format!("\n{text}") }
    }
}

/// `L 7:30+`: what the day is, how long, and the marks.
fn week_cell(cell: &Cell) -> String {
    let glyph = cell.standing.glyph();
    match cell.standing {
        DayStanding::Absent | DayStanding::Excused | DayStanding::Uncounted => {
            format!("{glyph}{}", cell.marks.letters())
        }
        _ => format!("{glyph} {}{}", hours(cell.hours), cell.marks.letters()),
    }
}

/// The days' numbers, one digit above the other; with the first date where they do not tell it.
fn heading(dates: &[NaiveDate], has_date: bool) -> String {
    let line = |of: fn(u32) -> u32, hides_zero: bool| {
        let digits: Vec<String> = dates
            .iter()
            .map(|date| of(date.day()))
            .map(|digit| if hides_zero && digit == 0 { " ".to_owned() } else { digit.to_string() })
            .collect();
        digits.join(" ")
    };
    let first = dates.first().filter(|_| has_date).map(ToString::to_string).unwrap_or_default();
    let above = format!("{first:NAME_WIDTH$}{}", line(|day| day / 10, true));
    let below = format!("{:NAME_WIDTH$}{}", "", line(|day| day % 10, false));
    format!("{}\n{}", above.trim_end(), below.trim_end())
}

/// `text` in exactly `width` cells.
fn clipped(text: &str, width: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    let is_whole = text.width() <= width;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > if is_whole { width } else { width - 1 } {
            break;
        }
        kept.push(c);
        used += wide;
    }
    if !is_whole {
        kept.push('…');
        used += 1;
    }
    kept + &" ".repeat(width - used)
}

impl Sink for Heat<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        self.map.add(table);
        Ok(())
    }

    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError> {
        let mut text = self.span.words();
        match (self.one, totals) {
            (Some(person), [one]) => {
                let share = percent(one.days.share(one.days.present));
                let name = self.names.name(person);
                text += &format!(": {name}, {} of {} days", one.days.present, one.days.counted);
                text += &if share.is_empty() { share } else { format!(" ({share})") };
                text += &format!(", {} hours", hours(one.hours));
                text += &self.weeks(person);
            }
            _ => text += &self.people(),
        }
        writeln!(self.to, "{text}\n\n{}{}", self.legend(), self.notes())?;
        Ok(self.to.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_the_room_it_has() {
        assert_eq!(clipped("Ana", 5), "Ana  ");
        assert_eq!(clipped("Anastasia", 5), "Anas…");
        // Two cells each: the third would stick out.
        assert_eq!(clipped("山田太郎", 5), "山田…");
        assert_eq!(clipped("山田太郎", 4), "山… ");
    }

    #[test]
    fn the_longest_month_fits_in_eighty_cells() {
        let dates: Vec<NaiveDate> =
            NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().iter_days().take(31).collect();
        assert!(dates.len() <= MOST_DAYS);
        let heading = heading(&dates, false);
        assert!(heading.lines().all(|line| line.len() <= WIDTH), "{heading}");
        assert!(heading.ends_with("8 9 0 1") && heading.contains("1 1 1"), "{heading}");
    }
}
