//! Dialogs: what lies over the panes and takes the keys.

pub mod approvals;
pub mod challenge;
pub mod correct;
pub mod enrol;
pub mod excuse;
pub mod filter;
pub mod help;
pub mod inbox;
pub mod leave;
pub mod mark;
pub mod month;
pub mod output;
pub mod palette;
pub mod remove;
pub mod roll_call;
pub mod sessions;
pub mod stats;
pub mod why;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};
use tui_input::{Input, InputRequest};

use super::keymap::{Action, Mode};
use super::message::{DialogId, Effect};
use super::text;
use super::theme::{Role, Theme};
use crate::attendance::roster::NAME_LIMIT;
use crate::attendance::{PersonId, PersonName, SessionId};

/// What lies over the panes.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// The enrolment prompt.
    Enrol(Box<enrol::EnrolDialog>),
    /// The manual mark.
    Mark(mark::MarkDialog),
    /// The question before an enrolment is ended.
    Remove(remove::RemoveDialog),
    /// The challenge.
    Challenge(challenge::ChallengeDialog),
    /// Why an entry says what it says.
    Why(why::WhyDialog),
    /// The inbox.
    Inbox(Box<inbox::InboxDialog>),
    /// The help.
    Help(help::HelpDialog),
    /// A filter of a pane, while it is written.
    Filter(filter::FilterPrompt),
    /// The palette.
    Palette(Box<palette::PaletteDialog>),
    /// What a subcommand printed.
    Output(Box<output::OutputDialog>),
    /// The roll call.
    RollCall(Box<roll_call::RollCallDialog>),
    /// The numbers.
    Stats(Box<stats::StatsDialog>),
    /// The sessions.
    Sessions(Box<sessions::SessionsDialog>),
    /// The correction of an entry.
    Correct(Box<correct::CorrectDialog>),
    /// The excuse.
    Excuse(Box<excuse::ExcuseDialog>),
    /// The question before a screen ends whose engine others use.
    Leave(leave::LeaveDialog),
    /// What waits until another admin confirms it.
    Approvals(Box<approvals::ApprovalsDialog>),
    /// A month.
    Month(Box<month::MonthDialog>),
}

/// What a dialog wants opened over itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// The mark of somebody.
    Mark(PersonId),
    /// The excuse of somebody, from one session where that is given.
    Excuse(PersonId, Option<(SessionId, PersonName)>),
}

/// What becomes of a dialog after an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It stays.
    Stay(Vec<Effect>),
    /// It stays, and this is opened over it.
    Open(Opening),
    /// It closes.
    Close,
    /// It closes, and that has consequences.
    CloseWith(Vec<Effect>),
    /// It closes, and the panes do this.
    CloseAndAct(Action),
    /// It closes, and this line is run.
    CloseAndRun(String),
    /// It closes, and this person is selected.
    CloseAndSelect(PersonId),
}

impl Dialog {
    /// What the keys mean in it.
    pub fn mode(&self) -> Mode {
        match self {
            Dialog::Enrol(dialog) => dialog.mode(),
            Dialog::Mark(_) => Mode::Mark,
            Dialog::Remove(_) => Mode::Remove,
            Dialog::Challenge(_) => Mode::Challenge,
            Dialog::Why(_) => Mode::Why,
            Dialog::Inbox(dialog) => dialog.mode(),
            Dialog::Help(dialog) => dialog.mode(),
            Dialog::Filter(_) => Mode::Filter,
            Dialog::Palette(_) => Mode::Palette,
            Dialog::Output(_) => Mode::Output,
            Dialog::RollCall(_) => Mode::RollCall,
            Dialog::Stats(_) => Mode::Stats,
            Dialog::Sessions(dialog) => dialog.mode(),
            Dialog::Correct(_) => Mode::Correct,
            Dialog::Excuse(_) => Mode::Excuse,
            Dialog::Month(_) => Mode::Month,
            Dialog::Approvals(_) => Mode::Approvals,
            Dialog::Leave(_) => Mode::Leave,
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match self {
            Dialog::Enrol(dialog) => dialog.handle(action),
            Dialog::Mark(dialog) => dialog.handle(action),
            Dialog::Remove(dialog) => dialog.handle(action),
            Dialog::Challenge(dialog) => dialog.handle(action),
            Dialog::Why(dialog) => dialog.handle(action),
            Dialog::Inbox(dialog) => dialog.handle(action),
            Dialog::Help(dialog) => dialog.handle(action),
            Dialog::Filter(dialog) => dialog.handle(action),
            Dialog::Palette(dialog) => dialog.handle(action),
            Dialog::Output(dialog) => dialog.handle(action),
            Dialog::RollCall(dialog) => dialog.handle(action),
            Dialog::Stats(dialog) => dialog.handle(action),
            Dialog::Sessions(dialog) => dialog.handle(action),
            Dialog::Correct(dialog) => dialog.handle(action),
            Dialog::Excuse(dialog) => dialog.handle(action),
            Dialog::Month(dialog) => dialog.handle(action),
            Dialog::Approvals(dialog) => dialog.handle(action),
            Dialog::Leave(dialog) => dialog.handle(action),
        }
    }

    /// Which dialog it is, where a reply can come for it.
    pub fn id(&self) -> Option<DialogId> {
        match self {
            Dialog::Enrol(dialog) => Some(dialog.id),
            Dialog::Mark(dialog) => Some(dialog.id),
            Dialog::Remove(dialog) => Some(dialog.id),
            Dialog::Challenge(dialog) => Some(dialog.id),
            Dialog::Why(dialog) => Some(dialog.id),
            Dialog::Inbox(dialog) => Some(dialog.id),
            Dialog::Palette(dialog) => Some(dialog.id),
            Dialog::Output(dialog) => Some(dialog.id),
            Dialog::RollCall(dialog) => Some(dialog.id),
            Dialog::Stats(dialog) => Some(dialog.id),
            Dialog::Sessions(dialog) => Some(dialog.id),
            Dialog::Correct(dialog) => Some(dialog.id),
            Dialog::Excuse(dialog) => Some(dialog.id),
            Dialog::Month(dialog) => Some(dialog.id),
            Dialog::Approvals(dialog) => Some(dialog.id),
            Dialog::Help(_) | Dialog::Filter(_) | Dialog::Leave(_) => None,
        }
    }

    /// The field that text goes into, where there is one.
    pub fn field(&mut self) -> Option<&mut Input> {
        match self {
            Dialog::Enrol(dialog) => dialog.field(),
            Dialog::Mark(dialog) => dialog.field(),
            Dialog::Inbox(dialog) => dialog.field(),
            Dialog::Help(dialog) => dialog.field(),
            Dialog::Filter(dialog) => Some(dialog.field()),
            Dialog::Palette(dialog) => Some(dialog.field()),
            Dialog::Sessions(dialog) => dialog.field(),
            Dialog::Correct(dialog) => dialog.field(),
            Dialog::Excuse(dialog) => dialog.field(),
            Dialog::Remove(_)
            | Dialog::Why(_)
            | Dialog::Challenge(_)
            | Dialog::Output(_)
            | Dialog::RollCall(_)
            | Dialog::Stats(_)
            | Dialog::Approvals(_)
            | Dialog::Leave(_)
            | Dialog::Month(_) => None,
        }
    }
}

/// Does `request` in a field: no control character, and at most as many as a name may have.
pub fn edit(field: &mut Input, request: InputRequest) {
    if let InputRequest::InsertChar(c) = request
        && (c.is_control() || field.value().chars().count() >= NAME_LIMIT)
    {
        return;
    }
    field.handle(request);
}

/// Puts pasted text into a field, a line break as a space.
pub fn paste(field: &mut Input, pasted: &str) {
    for c in pasted.trim().chars().take(NAME_LIMIT) {
        edit(field, InputRequest::InsertChar(if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }));
    }
}

/// Clears `area` and draws a border with `title`; the inside, one column in from the border.
pub fn window(title: &str, theme: &Theme, role: Role, area: Rect, buffer: &mut Buffer) -> Rect {
    let area = area.intersection(buffer.area);
    clear(area, buffer);
    buffer.set_style(area, theme.ground());
    Block::bordered()
        .border_type(theme.border_type(true))
        .border_style(theme.style(role))
        .title(Line::from(Span::styled(format!(" {title} "), theme.style(role).add_modifier(Modifier::BOLD))))
        .render(area, buffer);
    let inside = super::layout::inside(area);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Clears `area`, and the left half of a wide character that its edge would cut in two.
fn clear(area: Rect, buffer: &mut Buffer) {
    if area.x > buffer.area.x {
        for y in area.top()..area.bottom() {
            if let Some(cell) = buffer.cell_mut((area.x - 1, y))
                && text::width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
        }
    }
    Clear.render(area, buffer);
}

/// Draws a field: its label, and its text with the cursor where it has the keys.
pub fn draw_field(label: &str, field: &Input, active: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let label_role = if active { Role::Accent } else { Role::Dim };
    let marker = if active { "▸ " } else { "  " };
    let room = usize::from(area.width);
    let (x, y) =
        buffer.set_stringn(area.x, area.y, format!("{marker}{label} "), room, theme.style(label_role));
    let width = area.right().saturating_sub(x);
    if width < 2 || area.height == 0 {
        return;
    }
    buffer.set_style(Rect { x, y, width, height: 1 }, theme.style(Role::Field));
    let shown = usize::from(width) - 1;
    let skipped = if active { field.visual_scroll(shown) } else { 0 };
    let value = skip_cells(field.value(), skipped);
    buffer.set_stringn(x, y, text::harmless(value), usize::from(width), theme.style(Role::Field));
    if active {
        let column = field.visual_cursor().saturating_sub(skipped).min(shown);
        if let Some(cell) = buffer.cell_mut((x + column as u16, y)) {
            cell.set_style(theme.style(Role::Cursor));
        }
    }
}

/// `value` without the graphemes that lie in its first `cells` cells.
fn skip_cells(value: &str, cells: usize) -> &str {
    let span = Span::raw(value);
    let mut used = 0;
    let mut bytes = 0;
    for grapheme in span.styled_graphemes(ratatui::style::Style::default()) {
        if used >= cells {
            break;
        }
        used += text::width(grapheme.symbol);
        bytes += grapheme.symbol.len();
    }
    value.get(bytes..).unwrap_or_default()
}

/// Draws `lines` from the top of `area`, wrapped; the rows that were used.
pub fn draw_lines(lines: &[(&str, Role)], theme: &Theme, area: Rect, buffer: &mut Buffer) -> u16 {
    let wrapped = lines.iter().flat_map(|(line, role)| {
        let mut wrapped = text::wrapped(line, usize::from(area.width));
        if wrapped.is_empty() {
            wrapped.push(String::new());
        }
        wrapped.into_iter().map(|line| (line, *role))
    });
    let mut rows = 0;
    for ((line, role), y) in wrapped.zip(area.y..area.bottom()) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width), theme.style(role));
        rows += 1;
    }
    rows
}
