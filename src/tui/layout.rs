//! Where the panes lie, from the size of the terminal alone.

use ratatui::layout::{Constraint, Layout, Rect};

/// The least number of columns.
pub const LEAST_WIDTH: u16 = 60;
/// The least number of rows.
pub const LEAST_HEIGHT: u16 = 16;

/// Where everything is drawn; panes with their borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Areas {
    /// The bar at the top: one row.
    pub status: Rect,
    /// What is wrong: no row where nothing is.
    pub alert: Rect,
    /// The live picture.
    pub preview: Rect,
    /// Who is in view, in words; only on a large screen.
    pub in_view: Option<Rect>,
    /// Who is here.
    pub roster: Rect,
    /// What happened.
    pub log: Rect,
    /// The keys: one row.
    pub hints: Rect,
}

impl Areas {
    /// The areas of a screen of `size`, with `alert_rows` for what is wrong; none where the screen
    /// is too small.
    pub fn of(size: Rect, alert_rows: u16) -> Option<Self> {
        if size.width < LEAST_WIDTH || size.height < LEAST_HEIGHT {
            return None;
        }
        let alert_rows = Constraint::Length(alert_rows.min(2));
        let rows = [Constraint::Length(1), alert_rows, Constraint::Fill(1), Constraint::Length(1)];
        let [status, alert, body, hints] = size.layout(&Layout::vertical(rows));
        let (preview, in_view, roster, log) = panes(body);
        Some(Self { status, alert, preview, in_view, roster, log, hints })
    }
}

/// Preview, who is in view, roster and log. Four arrangements: side by side on a very wide screen;
/// picture beside roster and the log under both; the same with a large picture; and, where there
/// are too few rows for that, picture beside roster over log.
fn panes(body: Rect) -> (Rect, Option<Rect>, Rect, Rect) {
    if body.width >= 180 && body.height >= 36 {
        let columns = [Constraint::Fill(1), Constraint::Length(body.width * 2 / 5)];
        let [left, right] = body.layout(&Layout::horizontal(columns));
        let in_view_rows = Constraint::Length((body.height / 6).clamp(6, 14));
        let [preview, in_view] = left.layout(&Layout::vertical([Constraint::Fill(1), in_view_rows]));
        let [roster, log] =
            right.layout(&Layout::vertical([Constraint::Percentage(45), Constraint::Fill(1)]));
        return (preview, Some(in_view), roster, log);
    }
    if body.height < 18 {
        let [preview, right] =
            body.layout(&Layout::horizontal([Constraint::Length(body.width * 9 / 20), Constraint::Fill(1)]));
        let [roster, log] =
            right.layout(&Layout::vertical([Constraint::Length(body.height / 2), Constraint::Fill(1)]));
        return (preview, None, roster, log);
    }
    let top_rows = body.height * 62 / 100;
    let [top, log] = body.layout(&Layout::vertical([Constraint::Length(top_rows), Constraint::Fill(1)]));
    // As wide as a picture of 16:9 would be, cells being twice as high as wide, up to half.
    let wanted = u32::from(top_rows.saturating_sub(2)) * 2 * 16 / 9 + 2;
    let width = wanted.min(u32::from(body.width / 2)) as u16;
    let [preview, roster] = top.layout(&Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]));
    (preview, None, roster, log)
}

/// The inside of a pane with a border.
pub fn inside(pane: Rect) -> Rect {
    Rect {
        x: pane.x.saturating_add(1),
        y: pane.y.saturating_add(1),
        width: pane.width.saturating_sub(2),
        height: pane.height.saturating_sub(2),
    }
}

/// A rectangle of at most `width` by `height` in the middle of `area`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_tile_the_screen_at_every_size() {
        for (width, height) in (60..320).flat_map(|w| (16..90).map(move |h| (w, h))) {
            let size = Rect::new(0, 0, width, height);
            let areas = Areas::of(size, 1).unwrap();
            let all = [areas.status, areas.alert, areas.preview, areas.roster, areas.log, areas.hints];
            let all = all.into_iter().chain(areas.in_view);
            let covered: u32 = all.map(|area| area.area()).sum();
            assert_eq!(covered, size.area(), "{width}x{height}");
            for pane in [areas.preview, areas.roster, areas.log] {
                assert!(pane.width >= 26 && pane.height >= 6, "{width}x{height}: {pane}");
            }
        }
    }

    #[test]
    fn below_the_least_size_there_are_no_panes() {
        assert_eq!(Areas::of(Rect::new(0, 0, 59, 16), 0), None);
        assert_eq!(Areas::of(Rect::new(0, 0, 60, 15), 0), None);
        assert!(Areas::of(Rect::new(0, 0, 60, 16), 0).is_some());
    }
}
