//! What the mouse does: it chooses panes and lines, scrolls what is under it, and moves the lines between panes.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::tui::keymap::Action;
use crate::tui::layout::{Areas, Divide, Focus, inside};
use crate::tui::message::Effect;
use crate::tui::model::Model;

/// Lines that the wheel scrolls.
const WHEEL: usize = 3;
/// Within this, a second click on the same cell is a double click.
const DOUBLE: TimeDelta = TimeDelta::milliseconds(400);

/// What the mouse is in the middle of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mouse {
    /// Which line between panes it holds: that between columns, or that between rows.
    dragged: Option<bool>,
    last_click: Option<(Position, DateTime<Utc>)>,
}

impl Model {
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        let at = Position::new(event.column, event.row);
        let screen = Rect::new(0, 0, self.size.width, self.size.height);
        let Some(areas) = self.areas(screen) else { return Vec::new() };
        match event.kind {
            MouseEventKind::ScrollUp => self.wheel(Action::Up, at, &areas),
            MouseEventKind::ScrollDown => self.wheel(Action::Down, at, &areas),
            // A dialog has the keys, and the panes below it none.
            _ if !self.dialogs.is_empty() => Vec::new(),
            MouseEventKind::Down(MouseButton::Left) => self.click(at, &areas),
            MouseEventKind::Drag(MouseButton::Left) => {
                self.drag(at, &areas);
                Vec::new()
            }
            MouseEventKind::Up(MouseButton::Left) if self.mouse.dragged.take().is_some() => {
                vec![Effect::Keep(self.kept.clone())]
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, action: Action, at: Position, areas: &Areas) -> Vec<Effect> {
        let mut effects = Vec::new();
        for _ in 0..WHEEL {
            if !self.dialogs.is_empty() {
                effects.extend(self.act(action));
            } else if let Some(pane) = areas.pane_at(at) {
                let focus = std::mem::replace(&mut self.focus, pane);
                effects.extend(self.act(action));
                self.focus = focus;
            }
        }
        effects
    }

    fn click(&mut self, at: Position, areas: &Areas) -> Vec<Effect> {
        let is_on = |divide: Option<Divide>, cell: u16| {
            // The borders of both panes are the line.
            divide.is_some_and(|divide| {
                divide.whole.contains(at) && (cell == divide.at || cell + 1 == divide.at)
            })
        };
        let last = self.mouse.last_click.replace((at, self.now));
        let double = last.is_some_and(|(cell, then)| cell == at && self.now - then <= DOUBLE);
        if is_on(areas.column, at.x) || is_on(areas.row, at.y) {
            self.mouse.dragged = Some(is_on(areas.column, at.x));
            return Vec::new();
        }
        let Some(pane) = areas.pane_at(at) else { return Vec::new() };
        self.focus = pane;
        let lines = inside(areas.pane(pane));
        if !lines.contains(at) {
            return Vec::new();
        }
        let line = usize::from(at.y - lines.y);
        let effects = match pane {
            Focus::Roster => {
                self.roster.select_line(line, &self.snapshot.roster);
                Vec::new()
            }
            Focus::Log => self.log.select_line(line),
            Focus::Preview | Focus::Detail => Vec::new(),
        };
        if double && matches!(pane, Focus::Roster | Focus::Log) {
            self.mouse.last_click = None;
            return self.act(Action::Open);
        }
        effects
    }

    fn drag(&mut self, at: Position, areas: &Areas) {
        let Some(columns) = self.mouse.dragged else { return };
        let Some(divide) = (if columns { areas.column } else { areas.row }) else { return };
        let (begin, length, cell) = if columns {
            (divide.whole.x, divide.whole.width, at.x)
        } else {
            (divide.whole.y, divide.whole.height, at.y)
        };
        // Half of a cell more, so that the line is drawn where the mouse is.
        let cells = u32::from(cell.saturating_sub(begin)) * 100 + 50;
        let share = (cells / u32::from(length.max(1))).max(1) as u16;
        let mut arrangement = std::mem::take(&mut self.kept.arrangement);
        if columns {
            arrangement.columns = share;
        } else {
            arrangement.rows = share;
        }
        self.kept.arrangement = arrangement.sane();
    }
}
