//! The panes: plain structs that keep what a person chose (a selected line, how far they scrolled),
//! take actions, and draw themselves from the engine's state.

pub mod detail;
pub mod log;
pub mod picture;
pub mod preview;
pub mod roster;
pub mod status;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};

use crate::attendance::zone::SiteZone;

use super::keymap::Action;
use super::message::Effect;
use super::text;
use super::theme::{Role, Theme};

/// What a pane did with an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is not for this pane.
    Ignored,
    /// It was done, and asks for this.
    Consumed(Vec<Effect>),
}

/// What every pane draws with.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Roles to styles.
    pub theme: &'a Theme,
    /// Whether this pane has the keys.
    pub focused: bool,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// A time as the clock on the wall shows it.
    pub zone: SiteZone,
}

/// Draws the border of a pane with `title`, and `summary` on the right where there is room; the
/// inside.
pub fn frame(title: &str, summary: &str, look: &Look, area: Rect, buffer: &mut Buffer) -> Rect {
    let (border, heading) =
        if look.focused { (Role::FocusedBorder, Role::FocusedTitle) } else { (Role::Border, Role::Title) };
    let theme = look.theme;
    let mut block = Block::bordered()
        .border_type(theme.border_type(look.focused))
        .border_style(theme.style(border))
        .title(Line::from(Span::styled(format!(" {title} "), theme.style(heading))));
    if text::width(title) + text::width(summary) + 8 <= usize::from(area.width) && !summary.is_empty() {
        let summary = Span::styled(format!(" {summary} "), theme.style(Role::Dim));
        block = block.title(Line::from(summary).right_aligned());
    }
    block.render(area, buffer);
    super::layout::inside(area)
}

/// Which lines of a list are seen, and a rule that keeps the selected one among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first line that is seen.
    pub offset: usize,
    /// How many fit.
    pub height: usize,
}

impl Window {
    /// Moves as little as needed so that `selected` of `count` lines is seen and no line is wasted.
    pub fn follow(&mut self, selected: usize, count: usize) {
        let height = self.height.max(1);
        self.offset = self.offset.min(selected).max((selected + 1).saturating_sub(height));
        self.offset = self.offset.min(count.saturating_sub(height));
    }
}

/// Where `action` moves a selection at `index` in a list of `count` lines; none where it is no
/// movement.
pub fn moved(action: Action, index: usize, count: usize, page: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    let page = page.max(2) - 1;
    let to = match action {
        Action::Up => index.saturating_sub(1),
        Action::Down => index.saturating_add(1),
        Action::PageUp => index.saturating_sub(page),
        Action::PageDown => index.saturating_add(page),
        Action::HalfUp => index.saturating_sub(page.div_ceil(2)),
        Action::HalfDown => index.saturating_add(page.div_ceil(2)),
        Action::First => 0,
        Action::Last => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// Where `action` scrolls a text of `count` lines to.
pub fn scrolled(action: Action, window: &Window, count: usize) -> usize {
    let furthest = count.saturating_sub(window.height);
    let page = window.height.max(2) - 1;
    let offset = window.offset;
    let to = match action {
        Action::Up => offset.saturating_sub(1),
        Action::Down => offset.saturating_add(1),
        Action::PageUp => offset.saturating_sub(page),
        Action::PageDown => offset.saturating_add(page),
        Action::HalfUp => offset.saturating_sub(page.div_ceil(2)),
        Action::HalfDown => offset.saturating_add(page.div_ceil(2)),
        Action::First => 0,
        Action::Last => furthest,
        _ => offset,
    };
    to.min(furthest)
}

/// Draws `lines` in the middle of `area`: what a pane says when it has nothing to show.
pub fn draw_message(lines: &[(String, Role)], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    let limit = usize::from(area.width.saturating_sub(2));
    let wrapped: Vec<(String, Role)> = lines
        .iter()
        .flat_map(|(text, role)| text::wrapped(text, limit).into_iter().map(|line| (line, *role)))
        .collect();
    let height = area.height as usize;
    let skipped = height.saturating_sub(wrapped.len()) / 2;
    for (row, (line, role)) in wrapped.iter().take(height).enumerate() {
        let indent = (usize::from(area.width)).saturating_sub(text::width(line)) / 2;
        let (x, y) = (area.x + indent as u16, area.y + (skipped + row) as u16);
        buffer.set_stringn(x, y, line, limit, theme.style(*role));
    }
}

/// Draws a bar at the right border of `area` where not all of `count` lines are seen.
pub fn draw_scroll_bar(window: &Window, count: usize, look: &Look, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    if count <= height || height == 0 {
        return;
    }
    let thumb = (height * height / count).max(1);
    let travel = height - thumb;
    let top = (window.offset * travel).div_ceil((count - height).max(1)).min(travel);
    let role = if look.focused { Role::FocusedBorder } else { Role::Border };
    for row in top..top + thumb {
        if let Some(cell) = buffer.cell_mut((area.right(), area.y + row as u16)) {
            cell.set_symbol("┃").set_style(look.theme.style(role));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_selected_line_is_always_seen(
            offset in 0usize..100, height in 0usize..30, count in 1usize..80, at in 0usize..80,
        ) {
            let selected = at.min(count - 1);
            let mut window = Window { offset, height };
            window.follow(selected, count);
            prop_assert!(window.offset <= selected && selected < window.offset + height.max(1));
            prop_assert!(window.offset == 0 || window.offset + height.max(1) <= count);
        }
    }
}
