//! The enrolment prompt: a name and an identifier, a shot from the live picture, confirmation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Step, draw_field, draw_lines, window};
use crate::attendance::roster::{NAME_LIMIT, NameError};
use crate::attendance::{Identifier, PersonId, PersonName};
use crate::engine::command::{EnrolmentSource, EnrolmentTarget, Shot};
use crate::engine::{Command, CommandError, RosterState};
use crate::tui::keymap::{Action, Mode};
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::picture::Pixels;
use crate::tui::theme::{Role, Theme};

/// Which field has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Identifier,
}

/// How far the enrolment has come.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// The name is written.
    Naming,
    /// A shot was asked for.
    Taking,
    /// There was no shot; another can be taken.
    NoShot,
    /// A shot is there to be looked at.
    Shown(Box<Shot>),
    /// It was confirmed and is being saved.
    Saving(Box<Shot>),
}

/// Whom the picture is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whom {
    New,
    Existing(PersonId, PersonName),
}

/// The enrolment prompt.
#[derive(Debug, Clone)]
pub struct EnrolDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    whom: Whom,
    name: Input,
    identifier: Input,
    field: Field,
    stage: Stage,
    error: Option<String>,
}

impl EnrolDialog {
    /// The prompt for somebody new.
    pub fn new(id: DialogId) -> Self {
        let (name, identifier) = (Input::default(), Input::default());
        Self { id, whom: Whom::New, name, identifier, field: Field::Name, stage: Stage::Naming, error: None }
    }

    /// The prompt for a further picture of somebody, with the first shot asked for.
    pub fn for_person(id: DialogId, person: PersonId, name: PersonName) -> (Self, Vec<Effect>) {
        let mut dialog = Self { whom: Whom::Existing(person, name), ..Self::new(id) };
        let effects = dialog.shoot();
        (dialog, effects)
    }

    /// What the keys mean.
    pub fn mode(&self) -> Mode {
        if self.stage == Stage::Naming { Mode::EnrolName } else { Mode::EnrolShot }
    }

    /// The field that text goes into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match (&self.stage, self.field) {
            (Stage::Naming, Field::Name) => Some(&mut self.name),
            (Stage::Naming, Field::Identifier) => Some(&mut self.identifier),
            _ => None,
        }
    }

    /// The name and the identifier as they are written.
    fn target(&self) -> Result<(PersonName, EnrolmentTarget), (Field, String)> {
        if let Whom::Existing(person, name) = &self.whom {
            return Ok((name.clone(), EnrolmentTarget::Existing(*person)));
        }
        let name: PersonName = self.name.value().parse().map_err(|error| (Field::Name, said(error)))?;
        let identifier: Option<Identifier> = match self.identifier.value().trim() {
            "" => None,
            text => Some(text.parse().map_err(|error| (Field::Identifier, said(error)))?),
        };
        Ok((name.clone(), EnrolmentTarget::New { name, identifier }))
    }

    fn shoot(&mut self) -> Vec<Effect> {
        self.error = None;
        self.stage = Stage::Taking;
        vec![Effect::Send(Command::TakeShot, Purpose::Shot(self.id))]
    }

    fn back_to(&mut self, field: Field, error: Option<String>) {
        (self.stage, self.field, self.error) = (Stage::Naming, field, error);
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        let effects = match (action, &self.stage) {
            (Action::Cancel, _) => return Step::Close,
            (Action::Next | Action::Previous, Stage::Naming) => {
                self.field = if self.field == Field::Name { Field::Identifier } else { Field::Name };
                Vec::new()
            }
            (Action::Confirm, Stage::Naming) => match self.target() {
                Ok(_) => self.shoot(),
                Err((field, error)) => {
                    self.back_to(field, Some(error));
                    Vec::new()
                }
            },
            (Action::Shoot, Stage::Shown(_) | Stage::NoShot) => self.shoot(),
            (Action::Confirm, Stage::NoShot) => self.shoot(),
            (Action::Confirm, Stage::Shown(_)) => self.save(),
            (Action::Back, Stage::Taking | Stage::NoShot | Stage::Shown(_)) if self.whom == Whom::New => {
                self.back_to(Field::Name, None);
                Vec::new()
            }
            _ => Vec::new(),
        };
        Step::Stay(effects)
    }

    fn save(&mut self) -> Vec<Effect> {
        let Stage::Shown(shot) = std::mem::replace(&mut self.stage, Stage::NoShot) else {
            return Vec::new();
        };
        match self.target() {
            Ok((name, target)) => {
                let source = EnrolmentSource::Shot(shot.id);
                self.error = None;
                self.stage = Stage::Saving(shot);
                vec![Effect::Send(Command::Enrol { target, source }, Purpose::Enrol(self.id, name))]
            }
            Err((field, error)) => {
                self.back_to(field, Some(error));
                Vec::new()
            }
        }
    }

    /// The shot that was asked for, or why there is none.
    pub fn shot_came(&mut self, shot: Result<Shot, CommandError>) {
        if self.stage != Stage::Taking {
            return;
        }
        match shot {
            Ok(shot) => self.stage = Stage::Shown(Box::new(shot)),
            Err(error) => {
                self.stage = Stage::NoShot;
                self.error = Some(words(&error));
            }
        }
    }

    /// The enrolment was refused.
    pub fn refused(&mut self, error: &CommandError) {
        let Stage::Saving(shot) = std::mem::replace(&mut self.stage, Stage::NoShot) else { return };
        match error {
            CommandError::NameTaken { .. } | CommandError::IdentifierTaken { .. } => {
                self.back_to(Field::Identifier, Some(words(error)));
            }
            CommandError::NoSuchShot => self.error = Some(words(error)),
            _ => (self.stage, self.error) = (Stage::Shown(shot), Some(words(error))),
        }
    }

    fn title(&self) -> String {
        match &self.whom {
            Whom::New => "Enrol".to_owned(),
            Whom::Existing(_, name) => format!("Add a picture to {name}"),
        }
    }

    /// Draws the prompt over `screen`; until a shot is there, over `beside` where that is wide enough,
    /// so that the live picture can be seen.
    pub fn draw(&self, roster: &RosterState, theme: &Theme, screen: Rect, beside: Rect, buffer: &mut Buffer) {
        let over = if beside.width >= 44 { beside } else { screen };
        match &self.stage {
            Stage::Naming => self.draw_naming(theme, over, buffer),
            Stage::Taking | Stage::NoShot => self.draw_waiting(roster, theme, over, buffer),
            Stage::Shown(shot) | Stage::Saving(shot) => self.draw_shot(shot, roster, theme, screen, buffer),
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
        let lines = match &self.error {
            Some(error) => vec![(error.as_str(), Role::Fault)],
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
            Stage::Taking => lines.push(("Look into the camera …".to_owned(), Role::Text)),
            Stage::NoShot => lines.push(("space tries again".to_owned(), Role::Text)),
            Stage::Saving(_) => lines.push(("saving …".to_owned(), Role::Text)),
            Stage::Shown(shot) => {
                lines.extend(self.alike_lines(shot, roster));
                lines.push((String::new(), Role::Text));
                lines.push(("enter enrols with this picture".to_owned(), Role::Text));
                lines.push(("space takes another".to_owned(), Role::Text));
            }
        }
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

/// Why a name or an identifier cannot be used.
pub(super) fn said(error: NameError) -> String {
    match error {
        NameError::Empty { what } => format!("{what} is empty: write it first"),
        NameError::TooLong { what, length, .. } => {
            format!("{what} has {length} characters; at most {NAME_LIMIT} are allowed")
        }
        error => error.to_string(),
    }
}

/// The error for somebody at the screen: keys in the place of command-line options.
pub fn words(error: &CommandError) -> String {
    match error {
        CommandError::NameTaken { name, .. } => {
            format!(
                "{name} is already enrolled: give this person an identifier; or press esc, select {name} and press a"
            )
        }
        CommandError::IdentifierTaken { identifier, name } => {
            format!("the identifier {identifier} belongs to {name}: write another")
        }
        CommandError::NoFace { .. } => "no face was found: look into the camera, a little closer".to_owned(),
        CommandError::AmbiguousFace { faces, .. } => {
            format!("{} faces could be meant: only one person should be near", faces.len())
        }
        CommandError::NotAlignable { .. } => "the face could not be aligned: look straight ahead".to_owned(),
        other => other.to_string(),
    }
}
