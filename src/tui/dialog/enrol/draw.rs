//! Draws the enrolment prompt.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{EnrolDialog, Field, Stage, Whom};
use crate::engine::RosterState;
use crate::engine::command::Shot;
use crate::engine::state::GaugeView;
use crate::tui::dialog::{draw_field, draw_lines, window};
use crate::tui::layout::centred;
use crate::tui::pane::picture::Pixels;
use crate::tui::pane::preview::bar_of_five;
use crate::tui::theme::{Role, Theme};

/// Two gauges a line, each a bar of five; what is not good enough has a sign before it.
fn gauge_lines(gauges: &[GaugeView]) -> Vec<(String, Role)> {
    let words = |gauge: &GaugeView| {
        let sign = if gauge.tenths < 5 { "!" } else { "" };
        format!("{} {sign}{}", bar_of_five(gauge.tenths), gauge.name)
    };
    let line = |pair: &[GaugeView]| {
        let is_good = pair.iter().all(|gauge| gauge.tenths >= 5);
        let words: Vec<String> = pair.iter().map(words).collect();
        (words.join(" · "), if is_good { Role::Good } else { Role::Warning })
    };
    gauges.chunks(2).map(line).collect()
}

impl EnrolDialog {
    /// Draws the prompt over `screen`; until a shot is there, over `beside` where that is wide enough,
    /// so that the live picture can be seen.
    pub fn draw(&self, roster: &RosterState, theme: &Theme, screen: Rect, beside: Rect, buffer: &mut Buffer) {
        let over = if beside.width >= 44 { beside } else { screen };
        // Whoever moves before the camera needs to be seen, too; the words are few.
        let narrow = if beside.width >= 32 { beside } else { screen };
        match &self.stage {
            Stage::Naming => self.draw_naming(theme, over, buffer),
            Stage::Shooting(_) | Stage::Ending | Stage::Taking | Stage::NoShot => {
                self.draw_waiting(roster, theme, narrow, buffer);
            }
            Stage::Shown(shots) | Stage::Agreeing(shots, ..) | Stage::Saving(shots) => {
                if let Some(shot) = shots.first() {
                    self.draw_shot(shot, roster, theme, screen, buffer);
                }
            }
        }
    }

    /// Before there is a shot: why not, and what to do.
    fn draw_waiting(&self, roster: &RosterState, theme: &Theme, over: Rect, buffer: &mut Buffer) {
        let inside = window(&self.title(), theme, Role::FocusedBorder, centred(over, 58, 11), buffer);
        self.draw_text(
            roster,
            theme,
            Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside },
            buffer,
        );
    }

    fn draw_text(&self, roster: &RosterState, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(roster);
        let lines: Vec<(&str, Role)> = lines.iter().map(|(line, role)| (line.as_str(), *role)).collect();
        draw_lines(&lines, theme, area, buffer);
    }

    fn draw_naming(&self, theme: &Theme, over: Rect, buffer: &mut Buffer) {
        let area = centred(over, 58, 11);
        let inside = window(&self.title(), theme, Role::FocusedBorder, area, buffer);
        let row = |y: u16| Rect { y: inside.y + y, height: 1, ..inside }.intersection(inside);
        draw_field("name      ", &self.name, self.field == Field::Name, theme, row(1), buffer);
        let active = self.field == Field::Identifier;
        draw_field("identifier", &self.identifier, active, theme, row(3), buffer);
        let below = Rect { y: inside.y + 5, height: inside.height.saturating_sub(5), ..inside };
        let offered = self.offer.lines();
        let lines = match &self.error {
            Some(error) => vec![(error.as_str(), Role::Fault)],
            None if !offered.is_empty() => offered.iter().map(|line| (line.as_str(), Role::Accent)).collect(),
            None => vec![
                ("The identifier may be left empty; it tells people of one name apart.", Role::Dim),
                ("Look into the camera, then press enter.", Role::Dim),
            ],
        };
        draw_lines(&lines, theme, below, buffer);
    }

    fn draw_shot(&self, shot: &Shot, roster: &RosterState, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        // The crop is square and a cell is twice as high as wide.
        let rows = (screen.height.saturating_sub(5)).clamp(8, 26).min((screen.width / 2).saturating_sub(18));
        let crop_width = rows * 2;
        let area = centred(screen, crop_width + 42, rows + 2);
        let inside = window(&self.title(), theme, Role::FocusedBorder, area, buffer);
        let crop_area = Rect { width: crop_width.min(inside.width), ..inside };
        let beside = Rect {
            x: crop_area.right() + 2,
            width: inside.right().saturating_sub(crop_area.right() + 2),
            y: inside.y + 1,
            height: inside.height.saturating_sub(1),
        };
        let pixels = Pixels { width: shot.crop_side, height: shot.crop_side, rgb: &shot.crop };
        pixels.draw(theme.picture, crop_area, buffer);
        self.draw_text(roster, theme, beside, buffer);
    }

    /// What stands beside the picture.
    fn lines(&self, roster: &RosterState) -> Vec<(String, Role)> {
        let mut lines = match &self.whom {
            Whom::New => vec![(self.name.value().trim().to_owned(), Role::Accent)],
            Whom::Existing(_, name) => vec![(name.to_string(), Role::Accent)],
        };
        let identifier = self.identifier.value().trim();
        if !identifier.is_empty() {
            lines.push((identifier.to_owned(), Role::Dim));
        }
        lines.push((String::new(), Role::Text));
        if let Some(error) = &self.error {
            lines.push((error.clone(), Role::Fault));
            lines.push((String::new(), Role::Text));
        }
        match &self.stage {
            Stage::Naming => {}
            Stage::Shooting(_) => lines.extend(self.coach_lines()),
            Stage::Ending | Stage::Taking => lines.push(("Look into the camera …".to_owned(), Role::Text)),
            Stage::NoShot => lines.push(("space tries again".to_owned(), Role::Text)),
            Stage::Saving(_) => lines.push(("saving …".to_owned(), Role::Text)),
            Stage::Agreeing(_, text, _) => {
                lines.push(("nobody is enrolled here who has not agreed to".to_owned(), Role::Text));
                lines.push((text.clone(), Role::Accent));
                lines.push((String::new(), Role::Text));
                lines.push(("y: they were asked, and agree".to_owned(), Role::Text));
                lines.push(("backspace: they do not; nothing is saved".to_owned(), Role::Text));
            }
            Stage::Shown(shots) => {
                // The one that is most like somebody says most.
                let similarity = |shot: &&Shot| shot.alike.best.map_or(-1.0, |best| best.similarity.0);
                if let Some(shot) = shots.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))) {
                    lines.extend(self.alike_lines(shot, roster));
                }
                let worst = shots.iter().find_map(|shot| shot.findings.first());
                lines.extend(worst.map(|finding| (format!("! {}", finding.sentence), Role::Warning)));
                lines.extend(self.test_line());
                lines.push((String::new(), Role::Text));
                let with = match shots.len() {
                    1 => "enter enrols with this picture".to_owned(),
                    count => format!("enter enrols with {count} pictures"),
                };
                lines.push((with, Role::Text));
                lines.push(("space begins again".to_owned(), Role::Text));
            }
        }
        lines
    }

    /// Whether the shots are recognised in the live picture.
    fn test_line(&self) -> Option<(String, Role)> {
        let line = match (&self.test, self.is_live) {
            (None, true) => ("trying it on the live picture …".to_owned(), Role::Dim),
            (Some(test), _) if test.frames > 0 => {
                let text = format!("recognised in {} of {} frames", test.identified, test.frames);
                match 2 * test.identified > test.frames {
                    true => (format!("✓ {text}"), Role::Good),
                    false => (format!("! only {text}"), Role::Warning),
                }
            }
            _ => return None,
        };
        Some(line)
    }

    /// What the person before the camera can do now, and how far it is.
    fn coach_lines(&self) -> Vec<(String, Role)> {
        let Some(view) = &self.view else {
            return vec![("Look into the camera …".to_owned(), Role::Text)];
        };
        let done = |taken: u32| if taken < view.taken { "●" } else { "○" };
        let dots: Vec<&str> = (0..view.wanted).map(done).collect();
        let many = if view.wanted <= 12 { dots.join(" ") } else { String::new() };
        let mut lines = vec![(view.said.clone(), Role::Accent)];
        lines.extend(gauge_lines(&self.gauges));
        lines.extend([
            (format!("{many} {} of {} pictures", view.taken, view.wanted).trim().to_owned(), Role::Text),
            ("they are taken by themselves; space takes one now".to_owned(), Role::Dim),
        ]);
        lines
    }

    /// Whether the face is like somebody who is enrolled already.
    fn alike_lines(&self, shot: &Shot, roster: &RosterState) -> Vec<(String, Role)> {
        let Some(best) = shot.alike.best else {
            return vec![("the first face of the gallery".to_owned(), Role::Dim)];
        };
        let row = roster.rows.iter().find(|row| row.person == best.person);
        let name = row.map_or_else(|| "somebody enrolled".to_owned(), |row| row.name.to_string());
        let alike = format!("{name} ({:.2})", best.similarity.0);
        let same = matches!(&self.whom, Whom::Existing(person, _) if *person == best.person);
        let reaches = best.similarity >= shot.threshold.0;
        match (reaches, same) {
            (true, true) => vec![(format!("✓ looks like {alike}"), Role::Good)],
            (true, false) => vec![
                (format!("! looks like {alike}"), Role::Warning),
                ("Is this person enrolled already?".to_owned(), Role::Warning),
            ],
            (false, true) => vec![(format!("! unlike the earlier pictures: {alike}"), Role::Warning)],
            (false, false) => vec![
                ("✓ like nobody who is enrolled".to_owned(), Role::Good),
                (format!("closest: {alike}"), Role::Dim),
            ],
        }
    }
}
