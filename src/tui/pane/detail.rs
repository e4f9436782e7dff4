//! What is known of the selected person: their face where it is kept, when they came on the last days, and what the
//! ledger says of them.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::log::corrected::{Corrections, Fate};
use super::picture::Pixels;
use super::{Look, Outcome, Window, draw_message, draw_scroll_bar, frame, log, scrolled};
use crate::attendance::statement::{held, presence_records};
use crate::attendance::{FaceUse, PersonId, PresenceState};
use crate::engine::command::looking_up::{PersonDetails, PersonFacts};
use crate::engine::state::RosterRow;
use crate::engine::{Command, LogEntry};
use crate::tui::keymap::Action;
use crate::tui::message::{Effect, Purpose};
use crate::tui::text;
use crate::tui::theme::Role;

/// Days that the chart has.
const DAYS: usize = 14;
/// Rows of the face.
const FACE_ROWS: u16 = 7;
/// Columns of the face.
const FACE_COLUMNS: u16 = FACE_ROWS * 2;

/// The detail pane.
#[derive(Debug, Clone, Default)]
pub struct DetailPane {
    /// Whom it shows.
    person: Option<PersonId>,
    details: Option<Box<PersonDetails>>,
    /// What became of their entries.
    corrections: Corrections,
    /// Whom an answer is on its way about.
    asked: Option<PersonId>,
    /// Whether what is shown is older than the ledger.
    is_stale: bool,
    window: Window,
}

impl DetailPane {
    /// Shows `person` from now on; what to ask for. One question is on its way at a time, so that somebody who runs
    /// down the roster asks for few.
    pub fn show(&mut self, person: Option<PersonId>) -> Option<Effect> {
        if self.person != person {
            self.person = person;
            self.window.offset = 0;
        }
        let person = person?;
        let is_known = self.details.as_ref().is_some_and(|details| details.person == person);
        if self.asked.is_some() || (is_known && !self.is_stale) {
            return None;
        }
        self.asked = Some(person);
        self.is_stale = false;
        Some(Effect::Send(Command::Person(person), Purpose::Detail(person)))
    }

    /// The answer about somebody; none where it cannot be had.
    pub fn came(&mut self, person: PersonId, details: Option<Box<PersonDetails>>) {
        if self.asked == Some(person) {
            self.asked = None;
        }
        // Nothing is asked again and again where there is no answer.
        let nothing = || {
            Box::new(PersonDetails { person, facts: PersonFacts::default(), entries: Vec::new(), face: None })
        };
        let details = details.unwrap_or_else(nothing);
        self.corrections = Corrections::default();
        details.entries.iter().for_each(|entry| self.corrections.note(entry));
        self.details = Some(details);
    }

    /// An entry was written.
    pub fn heard(&mut self, entry: &LogEntry) {
        self.is_stale |= entry.person.is_some() && entry.person == self.person;
    }

    /// The details of whom it shows, where they have come.
    fn known(&self) -> Option<&PersonDetails> {
        self.details.as_deref().filter(|details| Some(details.person) == self.person)
    }

    /// How many rows are seen.
    pub fn set_height(&mut self, height: u16) {
        self.window.height = usize::from(height.saturating_sub(FACE_ROWS + 1));
        let count = self.known().map_or(0, |details| details.entries.len());
        self.window.offset = self.window.offset.min(count.saturating_sub(self.window.height));
    }

    /// Scrolls the entries.
    pub fn handle(&mut self, action: Action) -> Outcome {
        let Some(details) = self.known() else { return Outcome::Ignored };
        let offset = scrolled(action, &self.window, details.entries.len());
        self.window.offset = offset;
        Outcome::Consumed(Vec::new())
    }

    /// Draws the pane about `row`; none where nobody is selected.
    pub fn draw(
        &self,
        row: Option<&RosterRow>,
        rollover: NaiveTime,
        look: &Look,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let Some(row) = row else {
            let inside = frame("Detail", "", look, area, buffer);
            let words = "select somebody in the roster or the log".to_owned();
            draw_message(&[(words, Role::Dim)], look.theme, inside, buffer);
            return;
        };
        let count = self.known().map_or(0, |details| details.entries.len());
        let summary = if count == 0 { String::new() } else { format!("{count} entries") };
        let inside = frame("Detail", &summary, look, area, buffer);
        let top = Rect { height: FACE_ROWS.min(inside.height), ..inside };
        // A face needs as many columns as words do.
        let has_face = self.known().is_none_or(|details| details.face.is_some());
        let words = if has_face && inside.width >= FACE_COLUMNS + 24 {
            let face = Rect { width: FACE_COLUMNS, ..top };
            self.draw_face(look, face, buffer);
            Rect { x: top.x + FACE_COLUMNS + 1, width: top.width - FACE_COLUMNS - 1, ..top }
        } else {
            Rect { x: top.x + 1, width: top.width.saturating_sub(1), ..top }
        };
        self.draw_words(row, rollover, look, words, buffer);
        let list =
            Rect { y: top.bottom() + 1, height: inside.bottom().saturating_sub(top.bottom() + 1), ..inside };
        self.draw_entries(look, list, buffer);
    }

    fn draw_face(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let Some(PersonDetails { face: Some(face), .. }) = self.known() else {
            draw_message(&[("…".to_owned(), Role::Dim)], look.theme, area, buffer);
            return;
        };
        let pixels = Pixels { width: face.side, height: face.side, rgb: &face.rgb };
        pixels.draw(look.theme.picture, area, buffer);
    }

    fn draw_words(&self, row: &RosterRow, rollover: NaiveTime, look: &Look, area: Rect, buffer: &mut Buffer) {
        let time = |at| look.zone.local(at).format("%H:%M").to_string();
        let state = match row.presence {
            None => ("· not seen today".to_owned(), Role::Dim),
            Some(presence) if presence.state == PresenceState::Present => {
                (format!("● present since {}", time(presence.since)), Role::Good)
            }
            Some(presence) => (format!("○ left at {}", time(presence.since)), Role::Text),
        };
        let facts = self.known().map(|details| &details.facts);
        let mut lines = vec![
            (row.name.to_string(), Role::Accent),
            (belonging(row), Role::Dim),
            state,
            ways_in(row, facts),
        ];
        if let Some(details) = self.known() {
            lines.push((agreed(&details.facts, look), Role::Dim));
            let (days, marks) = days(details, rollover, look);
            lines.extend([(days, Role::Dim), (marks, Role::Good)]);
            if details.face.is_none() && row.templates > 0 {
                lines.push(("their picture is not kept".to_owned(), Role::Dim));
            }
        }
        lines.retain(|(line, _)| !line.is_empty());
        for ((line, role), y) in lines.iter().zip(area.y..area.bottom()) {
            let room = usize::from(area.width);
            buffer.set_stringn(area.x, y, text::fitted(line, room), room, look.theme.style(*role));
        }
    }

    fn draw_entries(&self, look: &Look, area: Rect, buffer: &mut Buffer) {
        let Some(details) = self.known() else { return };
        let room = usize::from(area.width.saturating_sub(1));
        let seen = details.entries.iter().skip(self.window.offset);
        for (entry, y) in seen.zip(area.y..area.bottom()) {
            let at = look.zone.local(entry.at).format("%Y-%m-%d %H:%M");
            let words = log::about(entry, look.zone);
            let style = look.theme.style(Role::Text);
            let (words, style) = match self.corrections.fate(entry) {
                Fate::Stands => (words, style),
                Fate::Corrected(by) => (format!("{words} (corrected by {by})"), look.theme.style(Role::Dim)),
                Fate::Struck(by) => {
                    let style = look.theme.style(Role::Dim).add_modifier(Modifier::CROSSED_OUT);
                    (format!("{words} (struck by {by})"), style)
                }
            };
            let unsure = if log::words::is_time_unsure(entry) { "?" } else { " " };
            let line = text::fitted(&format!(" {at}{unsure} {words}"), room);
            buffer.set_stringn(area.x, y, line, room, style);
        }
        draw_scroll_bar(&self.window, details.entries.len(), look, area, buffer);
    }
}

/// What the site calls somebody by, and their groups.
fn belonging(row: &RosterRow) -> String {
    let identifier = row.identifier.iter().map(ToString::to_string);
    let groups: Vec<String> = row.groups.iter().map(ToString::to_string).collect();
    let groups = (!groups.is_empty()).then(|| groups.join(", "));
    identifier.chain(groups).collect::<Vec<_>>().join(" · ")
}

/// What somebody is known by: pictures, unless their face may not be used, and a PIN.
fn ways_in(row: &RosterRow, facts: Option<&PersonFacts>) -> (String, Role) {
    let pin = if facts.is_some_and(|facts| facts.has_pin) { " · PIN set" } else { "" };
    match (row.face, row.templates) {
        (FaceUse::Off, _) => (format!("face off{pin}"), Role::Dim),
        (FaceUse::On, 0) => (format!("+ no picture yet: a takes one{pin}"), Role::Warning),
        (FaceUse::On, 1) => (format!("1 picture{pin}"), Role::Dim),
        (FaceUse::On, count) => (format!("{count} pictures{pin}"), Role::Dim),
    }
}

/// Where mail reaches somebody, and what they agreed to.
fn agreed(facts: &PersonFacts, look: &Look) -> String {
    let consent = facts.consent.as_ref().map(|consent| {
        let at = look.zone.local(consent.given_at).format("%Y-%m-%d");
        format!("consent {} of {at}", consent.text)
    });
    let email = facts.email.iter().map(ToString::to_string);
    email.chain(consent).collect::<Vec<_>>().join(" · ")
}

/// The letters of the last days' weekdays, and below each a full block where a record that holds says that the person
/// was here, else a dot. A corrected record is of the day on which it holds by now. Today is the last.
fn days(details: &PersonDetails, rollover: NaiveTime, look: &Look) -> (String, String) {
    let date = |at| {
        let local = look.zone.local(at);
        (local - rollover.signed_duration_since(NaiveTime::MIN)).date()
    };
    let today = date(look.now);
    let records = presence_records(&held(details.entries.iter().filter_map(LogEntry::statement)));
    let present = records.iter().filter(|record| record.state == PresenceState::Present);
    let came: BTreeSet<NaiveDate> = present.map(|record| date(record.at)).collect();
    let last = (0..DAYS).rev().map(|back| today - TimeDelta::days(back as i64));
    let (mut letters, mut marks) = (String::new(), String::new());
    for day in last {
        letters.push_str(["M", "T", "W", "T", "F", "S", "S"][day.weekday().num_days_from_monday() as usize]);
        marks.push(if came.contains(&day) { '█' } else { '·' });
    }
    (letters, marks)
}
