//! Numbers where people would rather look than read: arrivals over the day, and how long each stage of a frame takes.

use std::collections::{BTreeSet, VecDeque};

use chrono::{NaiveTime, Timelike};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Sparkline, Widget};

use super::{Step, window};
use crate::attendance::{PersonId, PresenceState};
use crate::engine::command::looking_up::DayLog;
use crate::engine::{Command, LiveState};
use crate::tui::keymap::Action;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::{Look, draw_message};
use crate::tui::text;
use crate::tui::theme::Role;

/// Frames that a sparkline shows.
const FRAMES: usize = 120;

/// How long each stage took, of the last frames.
#[derive(Debug, Clone, Default)]
pub struct StageTimes {
    stages: Vec<(String, VecDeque<f32>)>,
    frames: u64,
}

impl StageTimes {
    /// Takes a frame over, once.
    pub fn take(&mut self, live: &LiveState) {
        if live.source().frames == self.frames || live.stage_times_ms.is_empty() {
            return;
        }
        self.frames = live.source().frames;
        for (name, _) in &live.stage_times_ms {
            if !self.stages.iter().any(|(known, _)| known == name) {
                self.stages.push((name.clone(), VecDeque::new()));
            }
        }
        for (name, times) in &mut self.stages {
            let now = live.stage_times_ms.iter().find(|(stage, _)| stage == name);
            times.push_back(now.map_or(0.0, |(_, ms)| *ms));
            if times.len() > FRAMES {
                times.pop_front();
            }
        }
    }
}

/// The numbers.
#[derive(Debug, Clone)]
pub struct StatsDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    back: u32,
    day: Option<Box<DayLog>>,
    error: Option<String>,
}

impl StatsDialog {
    /// Today, asked for.
    pub fn new(id: DialogId) -> (Self, Vec<Effect>) {
        let dialog = Self { id, back: 0, day: None, error: None };
        let effects = vec![dialog.ask()];
        (dialog, effects)
    }

    fn ask(&self) -> Effect {
        Effect::Send(Command::Day { back: self.back }, Purpose::Day(self.id))
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => return Step::Close,
            Action::Month => return Step::CloseAndAct(Action::Month),
            Action::Older => self.back += 1,
            Action::Newer if self.back > 0 => self.back -= 1,
            _ => return Step::Stay(Vec::new()),
        }
        self.day = None;
        Step::Stay(vec![self.ask()])
    }

    /// The day that was asked for, or why not.
    pub fn came(&mut self, day: Result<Box<DayLog>, String>) {
        match day {
            Ok(day) => (self.day, self.error) = (Some(day), None),
            Err(error) => self.error = Some(error),
        }
    }

    /// Draws it over `screen`.
    pub fn draw(
        &self,
        stages: &StageTimes,
        rollover: NaiveTime,
        look: &Look,
        screen: Rect,
        buffer: &mut Buffer,
    ) {
        let title = match &self.day {
            Some(day) => format!("Arrivals on {}", day.date.format("%A, %Y-%m-%d")),
            None => "Arrivals".to_owned(),
        };
        let area = crate::tui::layout::centred(screen, 104, screen.height.saturating_sub(2).min(34));
        let inside = window(&title, look.theme, Role::FocusedBorder, area, buffer);
        let stage_rows = (2 * stages.stages.len() as u16 + 1).min(inside.height / 2);
        let chart = Rect { height: inside.height.saturating_sub(stage_rows + 1), ..inside };
        match (&self.day, &self.error) {
            (_, Some(error)) => {
                draw_message(&[(error.clone(), Role::Fault)], look.theme, chart, buffer);
            }
            (None, None) => {
                draw_message(&[("reading the day …".to_owned(), Role::Dim)], look.theme, chart, buffer);
            }
            (Some(day), None) => draw_arrivals(&arrivals(day, look), rollover, look, chart, buffer),
        }
        let below = Rect { y: chart.bottom() + 1, height: stage_rows, ..inside }.intersection(inside);
        draw_stages(stages, look, below, buffer);
    }
}

/// How many people came in each hour of the day, each where they first came.
fn arrivals(day: &DayLog, look: &Look) -> [u32; 24] {
    let mut hours = [0; 24];
    let mut seen: BTreeSet<PersonId> = BTreeSet::new();
    for entry in &day.entries {
        if entry.state == Some(PresenceState::Present)
            && entry.person.is_some_and(|person| seen.insert(person))
        {
            hours[look.zone.local(entry.at).hour() as usize] += 1;
        }
    }
    hours
}

/// A column an hour, from the hour in which the day begins.
fn draw_arrivals(hours: &[u32; 24], rollover: NaiveTime, look: &Look, area: Rect, buffer: &mut Buffer) {
    const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let total: u32 = hours.iter().sum();
    let most = hours.iter().copied().max().unwrap_or(0);
    if total == 0 || area.height < 4 {
        draw_message(&[("nobody came".to_owned(), Role::Dim)], look.theme, area, buffer);
        return;
    }
    let cells = (area.width / 24).clamp(2, 4);
    let bars = u32::from(area.height - 3);
    let first = rollover.hour() as usize;
    let words = match total {
        1 => "1 person".to_owned(),
        count => format!("{count} people"),
    };
    let room = usize::from(area.width);
    buffer.set_stringn(area.x, area.y, words, room, look.theme.style(Role::Accent));
    for column in 0..24u16 {
        let hour = (first + usize::from(column)) % 24;
        let count = hours[hour];
        let x = area.x + column * cells;
        let eighths = (count * bars * 8).div_ceil(most);
        for row in 0..bars {
            let filled = eighths.saturating_sub(row * 8).min(8) as usize;
            let y = area.bottom() - 2 - row as u16;
            let width = usize::from(cells - 1);
            buffer.set_stringn(x, y, EIGHTHS[filled].repeat(width), width, look.theme.style(Role::Good));
        }
        if count > 0 {
            let y = area.bottom().saturating_sub(2 + eighths.div_ceil(8) as u16).max(area.y + 1);
            let number = text::fitted(&count.to_string(), usize::from(cells));
            buffer.set_stringn(x, y, number, usize::from(cells), look.theme.style(Role::Text));
        }
        if column % 2 == 0 {
            let label = format!("{hour:02}");
            buffer.set_stringn(x, area.bottom() - 1, label, 2, look.theme.style(Role::Dim));
        }
    }
}

/// A line a stage: its name, its median, its worst, and the last frames.
fn draw_stages(stages: &StageTimes, look: &Look, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let theme = look.theme;
    let room = usize::from(area.width);
    if stages.stages.is_empty() {
        let words = "no frame was looked at yet";
        buffer.set_stringn(area.x, area.y, words, room, theme.style(Role::Dim));
        return;
    }
    let head = format!("{:<12} {:>8} {:>8}  the last {FRAMES} frames", "stage", "median", "most");
    buffer.set_stringn(area.x, area.y, head, room, theme.style(Role::Dim));
    for ((name, times), y) in stages.stages.iter().zip(area.y + 1..area.bottom()) {
        let mut sorted: Vec<f32> = times.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let most = sorted.last().copied().unwrap_or(0.0);
        let words = format!("{} {median:>5.1} ms {most:>5.1} ms  ", text::padded(name, 12));
        let (x, _) = buffer.set_stringn(area.x, y, words, room, theme.style(Role::Text));
        let line = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
        let shown = times.len().saturating_sub(usize::from(line.width));
        let data: Vec<u64> = times.iter().skip(shown).map(|ms| (ms * 10.0) as u64).collect();
        Sparkline::default().data(&data).style(theme.style(Role::Accent)).render(line, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::live;

    #[test]
    fn a_frame_counts_once_and_the_oldest_goes() {
        let mut stages = StageTimes::default();
        let mut state = live();
        for frame in 0..200 {
            state.source_mut().frames = 1_000 + frame;
            state.stage_times_ms = vec![("detect".to_owned(), frame as f32)];
            stages.take(&state);
            stages.take(&state);
        }
        let (name, times) = &stages.stages[0];
        assert_eq!((name.as_str(), times.len(), times.front().copied()), ("detect", FRAMES, Some(80.0)));
    }

    #[test]
    fn a_stage_that_did_not_run_took_nothing() {
        let mut stages = StageTimes::default();
        let mut state = live();
        state.stage_times_ms = vec![("detect".to_owned(), 5.0), ("embed".to_owned(), 7.0)];
        stages.take(&state);
        state.source_mut().frames += 1;
        state.stage_times_ms.pop();
        stages.take(&state);
        assert_eq!(stages.stages[1].1, [7.0, 0.0]);
    }
}
