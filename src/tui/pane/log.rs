//! What happened, newest first; older entries are fetched a page at a time as they come into view.

pub mod corrected;
mod wanted;
pub mod words;

pub use words::{about, words};

use std::collections::VecDeque;

use chrono::{DateTime, NaiveDate, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::{Look, Outcome, Window, draw_message, draw_scroll_bar, frame, moved};
use crate::attendance::PersonId;
use crate::engine::LogEntry;
use crate::ledger::Sequence;
use crate::tui::clock::Clock;
use crate::tui::keymap::Action;
use crate::tui::message::{Effect, LOG_PAGE, LogQuery};
use crate::tui::text;
use crate::tui::theme::Role;
use corrected::{Corrections, Fate};
use wanted::Wanted;
use words::{Context, actor_words, fits, is_time_unsure, kind_words, subject};

/// Entries that are kept while the newest are followed; who scrolls back keeps what they scroll.
const KEPT: usize = 2_000;

/// Entries that a filter looks through by itself.
const SEARCHED: usize = 20_000;

/// The log. Entries are newest first and without doubles; the selection is an entry, not a line.
#[derive(Debug, Clone, Default)]
pub struct LogPane {
    entries: VecDeque<LogEntry>,
    /// As it was written.
    filter: String,
    /// What an entry must have, in small letters, each word somewhere in what is shown of it.
    words: Vec<String>,
    /// The times that entries are looked for between; then `entries` are those alone.
    range: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// What is held of the whole log while a range is looked at, and whether that is all of it.
    aside: Option<(VecDeque<LogEntry>, bool)>,
    /// Where the entries that fit lie among `entries`; not kept without a filter.
    fitting: Vec<usize>,
    /// None while the newest entry is followed.
    selected: Option<Sequence>,
    window: Window,
    /// Whether the first entry of the ledger is among `entries`.
    complete: bool,
    /// Whether a page of older entries was asked for and has not come.
    loading: bool,
    /// What became of entries, of all that were seen.
    corrections: Corrections,
    /// After which entry some were missed that could not be asked for.
    missed_since: Option<Sequence>,
}

impl LogPane {
    /// What to fetch first.
    pub fn start(&mut self) -> Effect {
        self.loading = true;
        Effect::LoadLog(LogQuery::Before(Sequence(u64::MAX)))
    }

    /// An entry that has just been written.
    pub fn add(&mut self, entry: LogEntry) -> Vec<Effect> {
        self.corrections.note(&entry);
        if let (Some((from, until)), Some((aside, _))) = (self.range, &mut self.aside) {
            insert(aside, entry.clone());
            if (from..until).contains(&entry.at) {
                self.insert(entry);
                self.settle();
            }
            return Vec::new();
        }
        let newest = self.newest();
        let mut effects = Vec::new();
        // Sequences have no gaps: one that is skipped was missed, and what lies between is fetched.
        let skipped = newest.is_some_and(|newest| entry.sequence.0 > newest.0.saturating_add(1));
        if skipped || self.missed_since.is_some() {
            effects.push(self.catch_up());
        }
        self.insert(entry);
        self.trim();
        self.settle();
        effects
    }

    /// What to fetch where events were missed.
    pub fn catch_up(&mut self) -> Effect {
        let known = self.missed_since.take().or(self.newest()).unwrap_or_default();
        Effect::LoadLog(LogQuery::Since(known))
    }

    /// Entries that were asked for.
    pub fn take_page(&mut self, query: LogQuery, page: Vec<LogEntry>) -> Vec<Effect> {
        page.iter().for_each(|entry| self.corrections.note(entry));
        if let LogQuery::Between(from, until) = query {
            if self.range == Some((from, until)) {
                self.entries = VecDeque::new();
                page.into_iter().for_each(|entry| self.insert(entry));
                (self.loading, self.complete) = (false, true);
                self.settle();
            }
            return Vec::new();
        }
        if let Some((aside, complete)) = &mut self.aside {
            *complete |= matches!(query, LogQuery::Before(_)) && page.len() < LOG_PAGE;
            page.into_iter().for_each(|entry| insert(aside, entry));
            return Vec::new();
        }
        let full = page.len() >= LOG_PAGE;
        let newest_of_page = page.iter().map(|entry| entry.sequence).max();
        for entry in page {
            self.insert(entry);
        }
        let mut effects = Vec::new();
        match query {
            LogQuery::Before(_) => {
                self.loading = false;
                self.complete |= !full;
                if !self.filter.is_empty() {
                    self.settle();
                    effects.extend(self.load_older());
                }
            }
            LogQuery::Since(_) if full => {
                effects.extend(newest_of_page.map(|newest| Effect::LoadLog(LogQuery::Since(newest))));
            }
            LogQuery::Since(_) | LogQuery::Between(..) => {}
        }
        self.trim();
        self.settle();
        effects
    }

    /// A page will not come. One of older entries is asked for again when somebody scrolls, one
    /// that was missed with the next entry.
    pub fn refused(&mut self, query: LogQuery) {
        match query {
            LogQuery::Before(_) | LogQuery::Between(..) => self.loading = false,
            LogQuery::Since(sequence) => self.missed_since = Some(sequence),
        }
    }

    fn newest(&self) -> Option<Sequence> {
        self.entries.front().map(|entry| entry.sequence)
    }

    fn insert(&mut self, entry: LogEntry) {
        insert(&mut self.entries, entry);
    }

    fn trim(&mut self) {
        if self.selected.is_none() && self.filter.is_empty() && self.entries.len() > KEPT {
            self.entries.truncate(KEPT);
            self.complete = false;
        }
    }

    /// How many lines there are.
    fn count(&self) -> usize {
        if self.filter.is_empty() { self.entries.len() } else { self.fitting.len() }
    }

    /// The entry of a line.
    fn at(&self, line: usize) -> Option<&LogEntry> {
        let index = if self.filter.is_empty() { line } else { *self.fitting.get(line)? };
        self.entries.get(index)
    }

    /// The line of the selected entry, or of the one before which it would be.
    fn index(&self) -> usize {
        let Some(selected) = self.selected else { return 0 };
        let found = self.entries.binary_search_by(|held| selected.cmp(&held.sequence));
        let index = found.unwrap_or_else(|at| at);
        let line =
            if self.filter.is_empty() { index } else { self.fitting.partition_point(|held| *held < index) };
        line.min(self.count().saturating_sub(1))
    }

    fn settle(&mut self) {
        if !self.filter.is_empty() {
            let fits = |(index, entry): (usize, &LogEntry)| fits(entry, &self.words).then_some(index);
            self.fitting = self.entries.iter().enumerate().filter_map(fits).collect();
        }
        let index = self.index();
        self.window.follow(index, self.count());
    }

    /// What it is filtered by.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows the entries alone that fit what is written: every word of it in what is shown of them, and in the times
    /// that `on:`, `since:` and `until:` say. Older ones are fetched until the pane is full.
    pub fn set_filter(&mut self, text: &str, clock: &Clock) -> Vec<Effect> {
        let wanted = Wanted::read(text, clock);
        self.filter = text.to_owned();
        self.words = wanted.words;
        self.fitting.clear();
        let effects = if wanted.range == self.range { Vec::new() } else { self.look_between(wanted.range) };
        self.settle();
        if self.range.is_some() {
            return effects;
        }
        effects.into_iter().chain(self.load_older()).collect()
    }

    /// Looks at the entries between two times, or at the whole log again.
    fn look_between(&mut self, range: Option<(DateTime<Utc>, DateTime<Utc>)>) -> Vec<Effect> {
        self.range = range;
        self.selected = None;
        let Some((from, until)) = range else {
            let (entries, complete) = self.aside.take().unwrap_or_default();
            (self.entries, self.complete, self.loading) = (entries, complete, false);
            return vec![self.catch_up()];
        };
        let entries = std::mem::take(&mut self.entries);
        self.aside.get_or_insert((entries, self.complete));
        self.loading = true;
        vec![Effect::LoadLog(LogQuery::Between(from, until))]
    }

    /// Selects the line that is seen as `line`, from the top.
    pub fn select_line(&mut self, line: usize) -> Vec<Effect> {
        self.select(self.window.offset + line)
    }

    fn select(&mut self, line: usize) -> Vec<Effect> {
        let Some(entry) = self.at(line) else { return Vec::new() };
        self.selected = if line == 0 { None } else { Some(entry.sequence) };
        self.settle();
        self.load_older().into_iter().collect()
    }

    /// How many lines are seen.
    pub fn set_height(&mut self, height: u16) {
        self.window.height = usize::from(height);
        self.settle();
    }

    /// The selected entry.
    pub fn selected(&self) -> Option<&LogEntry> {
        self.at(self.index())
    }

    /// What is known of corrections and sessions.
    pub fn corrections(&self) -> &Corrections {
        &self.corrections
    }

    /// The person the selected entry is about.
    pub fn selected_person(&self) -> Option<PersonId> {
        self.selected().and_then(|entry| entry.person)
    }

    /// Moves the selection; asks for older entries where less than a page of them is left.
    pub fn handle(&mut self, action: Action) -> Outcome {
        match moved(action, self.index(), self.count(), self.window.height) {
            Some(line) => Outcome::Consumed(self.select(line)),
            None => Outcome::Ignored,
        }
    }

    /// What to fetch where the end of what is held comes near.
    fn load_older(&mut self) -> Option<Effect> {
        let left = self.count() - self.count().min(self.window.offset + self.window.height);
        // A filter that finds little asks for pages until one more line is there; not for ever.
        let wanted = if self.filter.is_empty() { self.window.height.max(LOG_PAGE / 4) } else { 0 };
        let is_searched_enough = !self.filter.is_empty() && self.entries.len() >= SEARCHED && left > 0;
        if self.complete || self.loading || left > wanted || is_searched_enough {
            return None;
        }
        let oldest = self.entries.back()?.sequence;
        self.loading = true;
        Some(Effect::LoadLog(LogQuery::Before(oldest)))
    }

    /// Draws the pane.
    pub fn draw(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let summary = match (self.selected, self.entries.is_empty()) {
            (_, true) => "",
            (None, _) => "following",
            (Some(_), _) => "scrolled back: g follows",
        };
        let title = if self.filter.is_empty() {
            "Log".to_owned()
        } else {
            format!("Log /{} ({})", text::fitted(&self.filter, 16), self.count())
        };
        let inside = frame(&title, summary, look, area, buffer);
        if self.count() == 0 && !self.filter.is_empty() {
            let words = match (self.loading, self.entries.back()) {
                (true, _) => "searching the log …".to_owned(),
                (false, Some(oldest)) if !self.complete => {
                    let at = look.zone.local(oldest.at).format("%Y-%m-%d %H:%M");
                    format!("no entry since {at} fits")
                }
                _ => "no entry fits".to_owned(),
            };
            let lines = [(words, Role::Text), ("esc shows all".to_owned(), Role::Dim)];
            draw_message(&lines, look.theme, inside, buffer);
            return;
        }
        if self.entries.is_empty() {
            let words = if self.loading { "reading the log …" } else { "nothing has happened yet" };
            draw_message(&[(words.to_owned(), Role::Dim)], look.theme, inside, buffer);
            return;
        }
        let index = self.index();
        let today = look.zone.local(look.now).date();
        for (line, y) in (self.window.offset..self.count()).zip(inside.y..inside.bottom()) {
            let Some(entry) = self.at(line) else { break };
            let row = Rect { y, height: 1, ..inside };
            draw_entry(entry, &self.corrections, line == index, today, look, row, buffer);
        }
        draw_scroll_bar(&self.window, self.count(), look, inside, buffer);
    }
}

fn insert(entries: &mut VecDeque<LogEntry>, entry: LogEntry) {
    match entries.binary_search_by(|held| entry.sequence.cmp(&held.sequence)) {
        Ok(at) => entries[at] = entry,
        Err(at) => entries.insert(at, entry),
    }
}

fn draw_entry(
    entry: &LogEntry,
    corrections: &Corrections,
    selected: bool,
    today: NaiveDate,
    look: &Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    let at = look.zone.local(entry.at);
    let width = usize::from(area.width);
    // A wide pane has room for the date; a narrow one shows it instead of the time of another day.
    let time = match (width >= 58, at.date() == today) {
        (true, _) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        (false, true) => at.format("%H:%M:%S").to_string(),
        (false, false) => at.format("%d %b  ").to_string(),
    };
    let (sign, what, role) = kind_words(entry);
    let context = Context { zone: look.zone, session: corrections.session_of(entry) };
    let (who, who_role) = subject(entry, &context);
    let fate = corrections.fate(entry);
    let (sign, role, who) = match fate {
        Fate::Stands => (sign, role, who),
        Fate::Corrected(by) => ("~", Role::Dim, format!("{who} (corrected by {by})")),
        Fate::Struck(by) => ("×", Role::Dim, format!("{who} (struck by {by})")),
    };
    let unsure = if is_time_unsure(entry) { "?" } else { " " };
    let similarity = entry.similarity.map_or_else(String::new, |similarity| format!("{:.2}", similarity.0));
    let actor_cells = if width >= 90 { 12 } else { 0 };
    let what_cells = if width >= 44 { 16 } else { 2 };
    let used = 1 + text::width(&time) + 2 + 2 + what_cells + actor_cells + 6;
    let who_cells = width.saturating_sub(used);
    let what = if what_cells > 2 { what } else { "" };
    let narrow_who = if what_cells > 2 || !who.is_empty() { who } else { kind_words(entry).1.to_owned() };
    let pieces = [
        (format!("{}{time}{unsure} ", if selected { "▸" } else { " " }), Role::Dim),
        (format!("{sign} {}", text::padded(what, what_cells)), role),
        (text::padded(&narrow_who, who_cells), who_role),
        (
            text::padded(
                &if actor_cells > 0 { actor_words(&entry.actor) } else { String::new() },
                actor_cells,
            ),
            Role::Dim,
        ),
        (format!("{similarity:>5} "), role),
    ];
    let selection = (selected && look.focused).then(|| look.theme.style(Role::Selection));
    let mut x = area.x;
    for (piece, role) in pieces {
        let mut style = selection.unwrap_or_else(|| look.theme.style(role));
        if selected && !look.focused {
            style = style.patch(look.theme.style(Role::OtherSelection));
        }
        if matches!(fate, Fate::Struck(_)) {
            style = style.add_modifier(Modifier::CROSSED_OUT);
        }
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = buffer.set_stringn(x, area.y, piece, room, style);
    }
    if let Some(style) = selection {
        buffer.set_style(area, style);
    }
}
