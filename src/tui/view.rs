//! Draws the model. Borrows it and changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog::Dialog;
use super::kiosk;
use super::layout::{Areas, LEAST_HEIGHT, LEAST_WIDTH};
use super::line::Detail;
use super::model::{Focus, Model};
use super::pane::preview::Ground;
use super::pane::{Look, draw_message, preview, status};
use super::text;
use super::theme::{Role, Theme};

/// Draws the whole screen into `area` of `buffer`.
pub fn view(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    buffer.set_style(area, theme.ground());
    let Some(areas) = model.areas(area) else {
        draw_too_small(theme, area, buffer);
        return;
    };
    if let Some(kiosk) = &model.kiosk {
        let look = Look { theme, focused: false, now: model.now, zone: model.zone };
        kiosk::draw(kiosk, &model.snapshot, ground(model), &look, area, buffer);
        return;
    }
    let look = |focused: bool| Look {
        theme,
        focused: focused && model.dialogs.is_empty(),
        now: model.now,
        zone: model.zone,
    };
    let (live, roster) = (&model.snapshot.live, &model.snapshot.roster);
    status::draw(&model.title, &model.snapshot, &model.line, &look(false), areas.status, buffer);
    if let Some(alert) = model.alert() {
        status::draw_alert(&alert, &look(false), areas.alert, buffer);
    }
    if !areas.preview.is_empty() {
        preview::draw(
            live,
            ground(model),
            model.line.detail,
            &look(model.focus == Focus::Preview),
            areas.preview,
            buffer,
        );
    }
    if let Some(in_view) = areas.in_view {
        preview::draw_in_view(live, &look(false), in_view, buffer);
    }
    if !areas.roster.is_empty() {
        model.roster.draw(roster, &look(model.focus == Focus::Roster), areas.roster, buffer);
    }
    if !areas.log.is_empty() {
        model.log.draw(&look(model.focus == Focus::Log), areas.log, buffer);
    }
    if !areas.detail.is_empty() {
        let look = look(model.focus == Focus::Detail);
        model.detail.draw(model.selected_row(), model.rollover, &look, areas.detail, buffer);
    }
    for dialog in &model.dialogs {
        draw_dialog(dialog, model, theme, &areas, area, buffer);
    }
    draw_hints(model, theme, areas.hints, buffer);
}

/// What the boxes are drawn on.
fn ground(model: &Model) -> Ground<'_> {
    match model.line.detail {
        Detail::Off => Ground::Nothing,
        _ if !model.shows_picture => Ground::Empty,
        Detail::Boxes => Ground::Empty,
        _ => match model.encoded_picture() {
            Some(encoded) => Ground::Pixels(encoded),
            None => Ground::Picture((*model.preview).as_ref()),
        },
    }
}

fn draw_dialog(
    dialog: &Dialog,
    model: &Model,
    theme: &Theme,
    areas: &Areas,
    area: Rect,
    buffer: &mut Buffer,
) {
    let look = Look { theme, focused: true, now: model.now, zone: model.zone };
    // The bar of hints stays in sight.
    let screen = Rect { height: area.height - areas.hints.height, ..area };
    match dialog {
        Dialog::Enrol(dialog) => {
            dialog.draw(&model.snapshot.roster, theme, screen, areas.roster, buffer);
        }
        Dialog::Mark(dialog) => dialog.draw(theme, screen, buffer),
        Dialog::Remove(dialog) => dialog.draw(theme, screen, buffer),
        Dialog::Leave(dialog) => dialog.draw(theme, screen, buffer),
        Dialog::Challenge(dialog) => dialog.draw(&model.snapshot.live, theme, screen, buffer),
        Dialog::Why(dialog) => {
            dialog.draw(&look, screen, buffer);
        }
        Dialog::Inbox(dialog) => {
            dialog.draw(&look, screen, buffer);
        }
        Dialog::Help(dialog) => {
            dialog.draw(&model.keymap, model.snapshot.role, &look, screen, buffer);
        }
        Dialog::RollCall(dialog) => {
            dialog.draw(&look, screen, buffer);
        }
        Dialog::Stats(dialog) => {
            dialog.draw(&model.stages, model.rollover, &look, screen, buffer);
        }
        Dialog::Sessions(dialog) => dialog.draw(&look, screen, buffer),
        Dialog::Correct(dialog) => dialog.draw(&look, screen, buffer),
        Dialog::Excuse(dialog) => dialog.draw(theme, screen, buffer),
        Dialog::Approvals(dialog) => dialog.draw(&look, screen, buffer),
        Dialog::Month(dialog) => dialog.draw(&look, screen, buffer),
        Dialog::Filter(prompt) => prompt.draw(theme, areas.pane(prompt.pane), buffer),
        Dialog::Palette(dialog) => {
            dialog.draw(&look, screen, buffer);
        }
        Dialog::Output(dialog) => {
            dialog.draw(model.running.as_ref(), &look, screen, buffer);
        }
    }
}

fn draw_too_small(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = [
        ("the terminal is too small".to_owned(), Role::Warning),
        (format!("it has {} x {}", area.width, area.height), Role::Text),
        (format!("muster needs {LEAST_WIDTH} x {LEAST_HEIGHT}"), Role::Text),
        ("ctrl-c quits".to_owned(), Role::Dim),
    ];
    draw_message(&lines, theme, area, buffer);
}

/// The keys of the mode, as many as fit with help and quit first to stay, and on the right how the
/// last thing went.
fn draw_hints(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut end = area.right();
    let away = model.running.as_ref().filter(|running| {
        // Its own dialog says it where that is open.
        !model.dialogs.iter().any(|dialog| dialog.id() == Some(running.id))
    });
    if let (Some(running), None) = (away, &model.notice) {
        let words = format!("⧗ {} ", running.words(model.now));
        let start = area.right().saturating_sub(text::width(&words) as u16);
        buffer.set_stringn(start, area.y, words, usize::from(area.width), theme.style(Role::Accent));
        end = start.saturating_sub(2).max(area.x);
    } else if let Some(count) = model.count {
        let words = format!("{count} ");
        let start = area.right().saturating_sub(text::width(&words) as u16);
        buffer.set_stringn(start, area.y, words, usize::from(area.width), theme.style(Role::Accent));
        end = start.saturating_sub(2).max(area.x);
    } else if let Some(notice) = &model.notice {
        let words = text::fitted(&notice.text, usize::from(area.width.saturating_sub(2)));
        let start = area.right().saturating_sub(text::width(&words) as u16 + 1);
        buffer.set_stringn(start, area.y, words, usize::from(area.width), theme.style(notice.role));
        end = start.saturating_sub(2).max(area.x);
    }
    let hints: Vec<(String, &str)> = model.keymap.hints(model.mode()).collect();
    let cells = |(key, word): &(String, &str)| text::width(key) + text::width(word) + 3;
    // The gap after the last hint needs no room.
    let mut room = usize::from(end.saturating_sub(area.x + 1)) + 2;
    // The last hints of each mode (cancel, help, quit) are the ones that a lost person needs.
    let (first, last) = hints.split_at(hints.len().saturating_sub(2));
    let kept = room.saturating_sub(last.iter().map(cells).sum());
    let mut used = 0;
    let shown = first.iter().take_while(|hint| {
        used += cells(hint);
        used <= kept
    });
    let mut x = area.x + 1;
    for hint in shown.chain(last) {
        if cells(hint) > room {
            break;
        }
        room = room.saturating_sub(cells(hint));
        (x, _) = buffer.set_stringn(x, area.y, &hint.0, usize::MAX, theme.style(Role::Key));
        (x, _) = buffer.set_stringn(x + 1, area.y, hint.1, usize::MAX, theme.style(Role::Dim));
        x = x.saturating_add(2);
    }
}
