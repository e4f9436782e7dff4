//! Who belongs here, who is here, and since when.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Look, Outcome, Window, draw_message, draw_scroll_bar, frame, moved};
use crate::attendance::{FaceUse, PersonId, PersonName, PresenceState};
use crate::engine::RosterState;
use crate::engine::state::RosterRow;
use crate::tui::keymap::Action;
use crate::tui::text;
use crate::tui::theme::Role;

/// The roster: those present first, then those who left, then those not seen today, then those
/// without a picture; by name among each. The selection is a person, not a line.
#[derive(Debug, Clone, Default)]
pub struct RosterPane {
    sort: Sort,
    /// Whether people are not grouped by where they are.
    is_flat: bool,
    /// What a row must have, in small letters, each word somewhere in name or identifier.
    filter: String,
    /// Indices into the rows of the state, as they are shown.
    order: Vec<u32>,
    selected: Option<(PersonId, PersonName)>,
    /// Where the selected person stands in `order`.
    index: usize,
    window: Window,
}

/// What the roster is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sort {
    #[default]
    Name,
    /// The latest first.
    Time,
    Identifier,
}

/// The groups of the roster, in the order they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Present,
    Left,
    NotSeen,
    NoPicture,
}

impl Standing {
    fn of(row: &RosterRow) -> Self {
        match row.presence.map(|presence| presence.state) {
            Some(PresenceState::Present) => Self::Present,
            Some(PresenceState::Left) => Self::Left,
            None if row.templates == 0 && row.face == FaceUse::On => Self::NoPicture,
            None => Self::NotSeen,
        }
    }

    /// A sign and a word, so that it is not said by colour alone.
    fn words(self) -> (&'static str, &'static str, Role) {
        match self {
            Self::Present => ("●", "present", Role::Good),
            Self::Left => ("○", "left", Role::Text),
            Self::NotSeen => ("·", "not seen", Role::Dim),
            Self::NoPicture => ("+", "no picture", Role::Warning),
        }
    }
}

impl RosterPane {
    /// Takes a new state of the roster over. The name of the selected person comes back where they
    /// are not on it any more; their neighbour is selected then.
    pub fn refresh(&mut self, roster: &RosterState) -> Option<PersonName> {
        let fits = |i: &u32| self.filter.is_empty() || fits(&roster.rows[*i as usize], &self.filter);
        self.order = (0..roster.rows.len() as u32).filter(fits).collect();
        let row = |i: &u32| &roster.rows[*i as usize];
        // Rows come by name, and stable sorts keep that.
        match self.sort {
            Sort::Name => {}
            Sort::Time => {
                self.order.sort_by_key(|i| std::cmp::Reverse(row(i).presence.map(|held| held.since)))
            }
            Sort::Identifier => self.order.sort_by(|a, b| {
                let identifier = |i: &u32| row(i).identifier.as_ref().map(|identifier| identifier.as_str());
                // Who has none comes last.
                (identifier(a).is_none(), identifier(a)).cmp(&(identifier(b).is_none(), identifier(b)))
            }),
        }
        if !self.is_flat {
            self.order.sort_by_key(|i| Standing::of(row(i)));
        }
        let selected = self.selected.take();
        let found = selected.as_ref().and_then(|(id, _)| self.position(roster, |row| row.person == *id));
        self.select(found.unwrap_or(self.index), roster);
        // Whom the filter hides is still on the roster.
        let is_gone = |id: PersonId| roster.rows.iter().all(|row| row.person != id);
        selected.filter(|(id, _)| found.is_none() && is_gone(*id)).map(|(_, name)| name)
    }

    /// Goes on to the next order; what it is called.
    pub fn sort_next(&mut self, roster: &RosterState) -> String {
        self.sort = match self.sort {
            Sort::Name => Sort::Time,
            Sort::Time => Sort::Identifier,
            Sort::Identifier => Sort::Name,
        };
        self.refresh(roster);
        format!("ordered by {}", self.sort_words())
    }

    /// Groups people by where they are, or no more; what is so now.
    pub fn toggle_groups(&mut self, roster: &RosterState) -> String {
        self.is_flat = !self.is_flat;
        self.refresh(roster);
        if self.is_flat { "not grouped".to_owned() } else { "grouped by where people are".to_owned() }
    }

    fn sort_words(&self) -> &'static str {
        match self.sort {
            Sort::Name => "name",
            Sort::Time => "time, the latest first",
            Sort::Identifier => "identifier",
        }
    }

    /// How many people are shown.
    pub fn shown(&self) -> usize {
        self.order.len()
    }

    /// What it is filtered by.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows those alone who have every word of `text` in their name or identifier. Whoever was selected stays
    /// so where they are shown.
    pub fn set_filter(&mut self, text: &str, roster: &RosterState) {
        self.filter = text.to_lowercase();
        self.refresh(roster);
    }

    /// Selects the line that is seen as `line`, from the top.
    pub fn select_line(&mut self, line: usize, roster: &RosterState) {
        if self.window.offset + line < self.order.len() {
            self.select(self.window.offset + line, roster);
        }
    }

    fn position(&self, roster: &RosterState, is: impl Fn(&RosterRow) -> bool) -> Option<usize> {
        self.order.iter().position(|i| is(&roster.rows[*i as usize]))
    }

    fn select(&mut self, index: usize, roster: &RosterState) {
        self.index = index.min(self.order.len().saturating_sub(1));
        let row = self.order.get(self.index).map(|i| &roster.rows[*i as usize]);
        self.selected = row.map(|row| (row.person, row.name.clone()));
        self.window.follow(self.index, self.order.len());
    }

    /// How many lines are seen.
    pub fn set_height(&mut self, height: u16) {
        self.window.height = usize::from(height);
        self.window.follow(self.index, self.order.len());
    }

    /// The selected person.
    pub fn selected(&self) -> Option<PersonId> {
        self.selected.as_ref().map(|(id, _)| *id)
    }

    /// Selects `person`; whether they are on the roster.
    pub fn select_person(&mut self, person: PersonId, roster: &RosterState) -> bool {
        let Some(index) = self.position(roster, |row| row.person == person) else { return false };
        self.select(index, roster);
        true
    }

    /// Moves the selection.
    pub fn handle(&mut self, action: Action, roster: &RosterState) -> Outcome {
        match moved(action, self.index, self.order.len(), self.window.height) {
            Some(index) => {
                self.select(index, roster);
                Outcome::Consumed(Vec::new())
            }
            None => Outcome::Ignored,
        }
    }

    /// Draws the pane. `roster` is the state that was last taken over.
    pub fn draw(&self, roster: &RosterState, look: &Look, area: Rect, buffer: &mut Buffer) {
        let present = roster.rows.iter().filter(|row| Standing::of(row) == Standing::Present).count();
        let enrolled = roster.rows.iter().filter(|row| row.templates > 0).count();
        let mut summary = format!("{present} present · {enrolled} enrolled");
        if area.width < 40 {
            summary = format!("{present} of {} here", roster.rows.len());
        }
        let title = if self.filter.is_empty() {
            match (self.sort, self.is_flat) {
                (Sort::Name, false) => "Roster".to_owned(),
                (Sort::Name, true) => "Roster by name".to_owned(),
                (Sort::Time, _) => "Roster by time".to_owned(),
                (Sort::Identifier, _) => "Roster by identifier".to_owned(),
            }
        } else {
            format!("Roster /{} ({})", text::fitted(&self.filter, 16), self.order.len())
        };
        let inside = frame(&title, &summary, look, area, buffer);
        if self.order.is_empty() && !self.filter.is_empty() {
            let lines = [
                (format!("nobody fits /{}", text::fitted(&self.filter, 24)), Role::Text),
                ("esc shows everybody".to_owned(), Role::Dim),
            ];
            draw_message(&lines, look.theme, inside, buffer);
            return;
        }
        if roster.rows.is_empty() {
            let lines = [
                ("nobody is enrolled yet".to_owned(), Role::Text),
                ("look into the camera and press e".to_owned(), Role::Dim),
            ];
            draw_message(&lines, look.theme, inside, buffer);
            return;
        }
        let seen = self.order.iter().enumerate().skip(self.window.offset);
        for ((line, index), y) in seen.zip(inside.y..inside.bottom()) {
            let Some(row) = roster.rows.get(*index as usize) else { continue };
            draw_row(row, line == self.index, look, Rect { y, height: 1, ..inside }, buffer);
        }
        draw_scroll_bar(&self.window, self.order.len(), look, inside, buffer);
    }
}

/// Whether every word of `filter` is in the name or the identifier of `row`.
fn fits(row: &RosterRow, filter: &str) -> bool {
    let name = row.name.as_str().to_lowercase();
    let identifier = row.identifier.as_ref().map(|id| id.as_str().to_lowercase()).unwrap_or_default();
    filter.split_whitespace().all(|word| name.contains(word) || identifier.contains(word))
}

fn draw_row(row: &RosterRow, selected: bool, look: &Look, area: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let standing = Standing::of(row);
    let (sign, word, role) = standing.words();
    let since = row.presence.map(|presence| look.zone.local(presence.since).format("%H:%M").to_string());
    let state = since.map_or_else(|| word.to_owned(), |since| format!("{word} {since}"));
    let width = usize::from(area.width);
    let identifier_cells = if width >= 46 { 12 } else { 0 };
    let identifier = row.identifier.as_ref().map_or("", |identifier| identifier.as_str());
    let marker = if selected { "▸" } else { " " };
    let state_cells = 13;
    let name_cells = width.saturating_sub(4 + identifier_cells + state_cells + 2);
    let pieces = [
        (format!("{marker}{sign} "), role),
        (text::padded(row.name.as_str(), name_cells), name_role(standing)),
        (text::padded(&format!(" {identifier}"), identifier_cells), Role::Dim),
        (format!(" {state:>state_cells$} "), role),
    ];
    let line_style = match (selected, look.focused) {
        (true, true) => Some(theme.style(Role::Selection)),
        _ => None,
    };
    let mut x = area.x;
    for (piece, role) in pieces {
        let mut style = line_style.unwrap_or_else(|| theme.style(role));
        if selected && line_style.is_none() {
            style = style.patch(theme.style(Role::OtherSelection));
        }
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = buffer.set_stringn(x, area.y, piece, room, style);
    }
    if let Some(style) = line_style {
        buffer.set_style(area, style);
    }
}

fn name_role(standing: Standing) -> Role {
    match standing {
        Standing::Present | Standing::Left => Role::Text,
        Standing::NotSeen | Standing::NoPicture => Role::Dim,
    }
}
