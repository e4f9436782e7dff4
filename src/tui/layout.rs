//! Where the panes lie, from the size of the terminal and what somebody wants.

use ratatui::layout::{Constraint, Layout, Position, Rect};
use serde::{Deserialize, Serialize};

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
    /// What is known of whom is selected; no cell where there is no room.
    pub detail: Rect,
    /// The keys: one row.
    pub hints: Rect,
    /// Between left and right.
    pub column: Option<Divide>,
    /// Between above and below.
    pub row: Option<Divide>,
}

/// A pane that can have the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Focus {
    /// Who is here.
    #[default]
    Roster,
    /// What happened.
    Log,
    /// The live picture.
    Preview,
    /// What is known of whom is selected.
    Detail,
}

impl Focus {
    /// All of them, in the order in which the keys go through them.
    pub const ALL: [Self; 4] = [Self::Roster, Self::Log, Self::Preview, Self::Detail];
}

/// How somebody wants the panes to lie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// Percent of the columns that the left side has; 0 for what the size of the screen suggests.
    pub columns: u16,
    /// Percent of the rows that the upper side has; 0 likewise.
    pub rows: u16,
    /// Panes that are not shown. Never all.
    pub hidden: Vec<Focus>,
    /// The pane that has the whole screen.
    pub zoomed: Option<Focus>,
}

/// The least and the most percent of a side.
const LEAST_SHARE: u16 = 20;
const MOST_SHARE: u16 = 80;

impl Arrangement {
    /// Itself with every number in its range and a pane to see, whatever a file said.
    pub fn sane(mut self) -> Self {
        for share in [&mut self.columns, &mut self.rows] {
            if *share != 0 {
                *share = (*share).clamp(LEAST_SHARE, MOST_SHARE);
            }
        }
        // The detail has no room on a small screen: it is no pane to rely on.
        let others = Focus::ALL.into_iter().filter(|pane| *pane != Focus::Detail);
        if others.into_iter().all(|pane| self.hidden.contains(&pane)) {
            self.hidden.clear();
        }
        self
    }

    /// Whether `pane` is seen.
    pub fn shows(&self, pane: Focus) -> bool {
        match self.zoomed {
            Some(zoomed) => zoomed == pane,
            None => !self.hidden.contains(&pane),
        }
    }
}

/// A line between panes that can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divide {
    /// What it divides.
    pub whole: Rect,
    /// The first column or row of the second side.
    pub at: u16,
}

/// Where panes lie, and the lines between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Panes {
    preview: Rect,
    in_view: Option<Rect>,
    roster: Rect,
    log: Rect,
    detail: Rect,
    column: Option<Divide>,
    row: Option<Divide>,
}

impl Areas {
    /// The areas of a screen of `size`, with `alert_rows` for what is wrong; none where the screen
    /// is too small. A pane that is not shown has no cell.
    pub fn of(size: Rect, alert_rows: u16, arrangement: &Arrangement) -> Option<Self> {
        if size.width < LEAST_WIDTH || size.height < LEAST_HEIGHT {
            return None;
        }
        let alert_rows = Constraint::Length(alert_rows.min(2));
        let rows = [Constraint::Length(1), alert_rows, Constraint::Fill(1), Constraint::Length(1)];
        let [status, alert, body, hints] = size.layout(&Layout::vertical(rows));
        let Panes { preview, in_view, roster, log, detail, column, row } = panes(body, arrangement);
        Some(Self { status, alert, preview, in_view, roster, log, detail, hints, column, row })
    }

    /// Where `pane` lies.
    pub fn pane(&self, pane: Focus) -> Rect {
        match pane {
            Focus::Roster => self.roster,
            Focus::Log => self.log,
            Focus::Preview => self.preview,
            Focus::Detail => self.detail,
        }
    }

    /// The pane with the cell at `position`.
    pub fn pane_at(&self, position: Position) -> Option<Focus> {
        Focus::ALL.into_iter().find(|pane| self.pane(*pane).contains(position))
    }
}

/// The two sides of `whole`, of which the first has `first` cells of it, and the line between them. A side
/// that is not shown leaves its cells to the other.
fn split(whole: Rect, beside: bool, first: u16, shown: [bool; 2]) -> ([Rect; 2], Option<Divide>) {
    match shown {
        [false, false] => ([Rect::ZERO; 2], None),
        [true, false] => ([whole, Rect::ZERO], None),
        [false, true] => ([Rect::ZERO, whole], None),
        [true, true] => {
            let sides = [Constraint::Length(first), Constraint::Fill(1)];
            let layout = if beside { Layout::horizontal(sides) } else { Layout::vertical(sides) };
            let [one, other] = whole.layout(&layout);
            let at = if beside { other.x } else { other.y };
            ([one, other], Some(Divide { whole, at }))
        }
    }
}

/// The share of `cells` that somebody wants, or what the size suggests.
fn share(cells: u16, wanted: u16, suggested: u16) -> u16 {
    if wanted == 0 { suggested } else { (u32::from(cells) * u32::from(wanted) / 100) as u16 }
}

/// Preview, who is in view, roster and log. Four arrangements: side by side on a very wide screen;
/// picture beside roster and the log under both; the same with a large picture; and, where there
/// are too few rows for that, picture beside roster over log.
fn panes(body: Rect, arrangement: &Arrangement) -> Panes {
    let [roster, log, preview, detail] = Focus::ALL.map(|pane| arrangement.shows(pane));
    if arrangement.zoomed == Some(Focus::Detail) {
        return Panes { detail: body, ..Panes::default() };
    }
    let right = roster || log;
    let (columns, rows) = (arrangement.columns, arrangement.rows);
    if body.width >= 180 && body.height >= 36 {
        let left = share(body.width, columns, body.width - body.width * 2 / 5);
        let ([left, right], column) = split(body, true, left, [preview, right]);
        let lower = if detail { (body.height / 3).clamp(14, 26) } else { (body.height / 6).clamp(6, 14) };
        let ([preview, below], _) = split(left, false, left.height.saturating_sub(lower), [preview, preview]);
        let ([in_view, detail], _) = split(below, true, below.width * 2 / 5, [true, detail]);
        let upper = share(right.height, rows, right.height * 45 / 100);
        let ([roster, log], row) = split(right, false, upper, [roster, log]);
        return Panes {
            preview,
            in_view: (!in_view.is_empty()).then_some(in_view),
            roster,
            log,
            detail,
            column,
            row,
        };
    }
    if body.height < 18 {
        let left = share(body.width, columns, body.width * 9 / 20);
        let ([preview, right], column) = split(body, true, left, [preview, right]);
        let ([roster, log], row) =
            split(right, false, share(right.height, rows, right.height / 2), [roster, log]);
        return Panes { preview, in_view: None, roster, log, detail: Rect::ZERO, column, row };
    }
    let upper = share(body.height, rows, body.height * 62 / 100);
    let ([top, log], row) = split(body, false, upper, [preview || roster, log]);
    // As wide as a picture of 16:9 would be, cells being twice as high as wide, up to half.
    let wanted = u32::from(top.height.saturating_sub(2)) * 2 * 16 / 9 + 2;
    let width = wanted.min(u32::from(body.width / 2)) as u16;
    let ([preview, roster], column) = split(top, true, share(top.width, columns, width), [preview, roster]);
    // Beside the log, where both have room for their lines.
    let has_room = detail && log.width >= 116 && log.height >= 13;
    let ([log, detail], _) = split(log, true, log.width * 3 / 5, [true, has_room]);
    Panes { preview, in_view: None, roster, log, detail, column, row }
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

    fn tiled(size: Rect, arrangement: &Arrangement) -> Areas {
        let areas = Areas::of(size, 1, arrangement).unwrap();
        let all =
            [areas.status, areas.alert, areas.preview, areas.roster, areas.log, areas.detail, areas.hints];
        let all: Vec<Rect> = all.into_iter().chain(areas.in_view).filter(|area| !area.is_empty()).collect();
        let covered: u32 = all.iter().map(|area| area.area()).sum();
        assert_eq!(covered, size.area(), "{size}: {arrangement:?}");
        for (index, area) in all.iter().enumerate() {
            assert!(all[index + 1..].iter().all(|other| !area.intersects(*other)), "{size}: {arrangement:?}");
        }
        areas
    }

    #[test]
    fn panes_tile_the_screen_at_every_size() {
        for (width, height) in (60..320).flat_map(|w| (16..90).map(move |h| (w, h))) {
            let areas = tiled(Rect::new(0, 0, width, height), &Arrangement::default());
            for pane in [areas.preview, areas.roster, areas.log] {
                assert!(pane.width >= 26 && pane.height >= 6, "{width}x{height}: {pane}");
            }
        }
    }

    #[test]
    fn however_they_are_wanted_they_tile_the_screen() {
        let hidden = [vec![], vec![Focus::Log], vec![Focus::Preview], vec![Focus::Roster, Focus::Log]];
        for (width, height) in [(60, 16), (80, 24), (120, 40), (300, 80)] {
            for hidden in &hidden {
                for zoomed in [None, Some(Focus::Log), Some(Focus::Preview)] {
                    for (columns, rows) in [(0, 0), (20, 80), (80, 20), (50, 50)] {
                        let hidden = hidden.clone();
                        let arrangement = Arrangement { columns, rows, hidden, zoomed };
                        let areas = tiled(Rect::new(0, 0, width, height), &arrangement);
                        for pane in Focus::ALL {
                            // The detail has no room everywhere.
                            let is_seen = arrangement.shows(pane) && pane != Focus::Detail;
                            assert!(!is_seen || !areas.pane(pane).is_empty(), "{pane:?} {arrangement:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn whatever_a_file_says_there_is_a_pane_to_see() {
        let wrong = Arrangement { columns: 5, rows: 99, hidden: Focus::ALL.to_vec(), zoomed: None };
        let sane = wrong.sane();
        assert_eq!((sane.columns, sane.rows, sane.hidden), (LEAST_SHARE, MOST_SHARE, vec![]));
    }

    #[test]
    fn below_the_least_size_there_are_no_panes() {
        let of = |width, height| Areas::of(Rect::new(0, 0, width, height), 0, &Arrangement::default());
        assert_eq!(of(59, 16), None);
        assert_eq!(of(60, 15), None);
        assert!(of(60, 16).is_some());
    }
}
