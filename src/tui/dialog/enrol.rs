//! The enrolment prompt: a name and an identifier, shots from the live picture, confirmation.
//!
//! Of a live source the shots are taken by themselves, with what the person can do now written large;
//! space takes one by hand, and so does a source that stands still.

mod draw;
mod offer;

use tui_input::Input;

use super::Step;
use crate::attendance::roster::{NAME_LIMIT, NameError};
use crate::attendance::{Identifier, PersonId, PersonName};
use crate::engine::command::{EnrolmentSource, EnrolmentTarget, SelfTest, SelfTestOf, ShootingId, Shot};
use crate::engine::consent::{ConsentCommand, ConsentError};
use crate::engine::state::{GaugeView, ShootingView, SourceState, TrackView};
use crate::engine::{Command, CommandError, LiveState, RosterState};
use crate::ledger::Sha256Digest;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{DialogId, Effect, Purpose};
use offer::Offer;

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
    /// Shots are taken by themselves; no run yet where it was only asked for.
    Shooting(Option<ShootingId>),
    /// The run's shots were asked for.
    Ending,
    /// One shot was asked for.
    Taking,
    /// There was no shot; another can be taken.
    NoShot,
    /// At least one shot is there to be looked at.
    Shown(Vec<Shot>),
    /// They were confirmed, and whoever they show must agree first: to this text, with this digest.
    Agreeing(Vec<Shot>, String, Sha256Digest),
    /// They were confirmed and are being saved.
    Saving(Vec<Shot>),
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
    /// People of the roster without a picture who may be meant.
    offer: Offer,
    /// Whether the source moves, so that shots can be taken by themselves.
    is_live: bool,
    view: Option<ShootingView>,
    /// How good the nearest face is, in a few respects.
    gauges: Vec<GaugeView>,
    /// How the shots that are shown do in the live picture.
    test: Option<SelfTest>,
}

impl EnrolDialog {
    /// The prompt for somebody new.
    pub fn new(id: DialogId, live: &LiveState) -> Self {
        let mut dialog = Self {
            id,
            whom: Whom::New,
            name: Input::default(),
            identifier: Input::default(),
            field: Field::Name,
            stage: Stage::Naming,
            error: None,
            offer: Offer::default(),
            is_live: false,
            view: None,
            gauges: Vec::new(),
            test: None,
        };
        dialog.live_changed(live);
        dialog
    }

    /// The prompt for a further picture of somebody, with the first shot asked for.
    pub fn for_person(
        id: DialogId,
        live: &LiveState,
        person: PersonId,
        name: PersonName,
    ) -> (Self, Vec<Effect>) {
        let mut dialog = Self { whom: Whom::Existing(person, name), ..Self::new(id, live) };
        let effects = dialog.begin();
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

    /// Shots by themselves, or one where nothing moves.
    fn begin(&mut self) -> Vec<Effect> {
        if !self.is_live {
            return self.shoot();
        }
        (self.error, self.view, self.stage) = (None, None, Stage::Shooting(None));
        vec![Effect::Send(Command::BeginShooting, Purpose::Shot(self.id))]
    }

    /// One shot by hand; ends the run that is on.
    fn shoot(&mut self) -> Vec<Effect> {
        let mut effects = self.abandon();
        self.error = None;
        self.stage = Stage::Taking;
        effects.push(Effect::Send(Command::TakeShot, Purpose::Shot(self.id)));
        effects
    }

    /// Ends the run that is on; its shots are let go.
    fn abandon(&self) -> Vec<Effect> {
        match self.stage {
            Stage::Shooting(Some(run)) => {
                vec![Effect::Send(Command::EndShooting(run), Purpose::LetGo)]
            }
            _ => Vec::new(),
        }
    }

    /// Ends the run with the shots that it has, or takes one by hand where it has none.
    fn end(&mut self, run: ShootingId) -> Vec<Effect> {
        if self.view.as_ref().is_none_or(|view| view.taken == 0) {
            return self.shoot();
        }
        self.stage = Stage::Ending;
        vec![Effect::Send(Command::EndShooting(run), Purpose::Shot(self.id))]
    }

    /// What moves changed: the shots that were taken meanwhile.
    pub fn live_changed(&mut self, live: &LiveState) -> Vec<Effect> {
        self.is_live = live.source().state == SourceState::Streaming;
        let Stage::Shooting(Some(run)) = self.stage else { return Vec::new() };
        self.view = live.shooting.clone().filter(|view| view.id == run);
        let area = |track: &&TrackView| track.bounds.area();
        let nearest = live.tracks.iter().max_by(|a, b| area(a).total_cmp(&area(b)));
        self.gauges = nearest.map(|track| track.gauges.clone()).unwrap_or_default();
        match &self.view {
            Some(view) if view.complete => self.end(run),
            _ => Vec::new(),
        }
    }

    fn back_to(&mut self, field: Field, error: Option<String>) {
        (self.stage, self.field, self.error) = (Stage::Naming, field, error);
    }

    /// Looks on the roster for whom the name may mean.
    pub fn look_up(&mut self, roster: &RosterState) {
        if self.whom == Whom::New && self.stage == Stage::Naming {
            self.offer.look_up(self.name.value(), roster);
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        let effects = match (action, &self.stage) {
            (Action::Cancel, _) => return Step::CloseWith(self.abandon()),
            (Action::Next | Action::Previous, Stage::Naming) => {
                self.field = if self.field == Field::Name { Field::Identifier } else { Field::Name };
                Vec::new()
            }
            (Action::Complete, Stage::Naming) => {
                if let Some((name, identifier)) = self.offer.next() {
                    self.name = Input::new(name.to_string());
                    self.identifier = Input::new(identifier.map(|id| id.to_string()).unwrap_or_default());
                }
                Vec::new()
            }
            (Action::Confirm, Stage::Naming) => match self.target() {
                Ok(_) => self.begin(),
                Err((field, error)) => {
                    self.back_to(field, Some(error));
                    Vec::new()
                }
            },
            (Action::Shoot, Stage::Shooting(Some(_))) => self.shoot(),
            (Action::Confirm, Stage::Shooting(Some(run))) => {
                let run = *run;
                self.end(run)
            }
            (Action::Shoot, Stage::Shown(_) | Stage::NoShot) => self.begin(),
            (Action::Confirm, Stage::NoShot) => self.begin(),
            (Action::Confirm, Stage::Shown(_)) => self.save(),
            (Action::Agree, Stage::Agreeing(..)) => self.save(),
            (Action::Back, Stage::Agreeing(shots, ..)) => {
                (self.stage, self.error) = (Stage::Shown(shots.clone()), None);
                Vec::new()
            }
            (Action::Back, Stage::Shooting(_) | Stage::Taking | Stage::NoShot | Stage::Shown(_))
                if self.whom == Whom::New =>
            {
                let effects = self.abandon();
                self.back_to(Field::Name, None);
                effects
            }
            _ => Vec::new(),
        };
        Step::Stay(effects)
    }

    fn save(&mut self) -> Vec<Effect> {
        let (shots, agreed) = match std::mem::replace(&mut self.stage, Stage::NoShot) {
            Stage::Shown(shots) => (shots, None),
            Stage::Agreeing(shots, _, digest) => (shots, Some(digest)),
            _ => return Vec::new(),
        };
        match self.target() {
            Ok((name, target)) => {
                let source = EnrolmentSource::Shots(shots.iter().map(|shot| shot.id).collect());
                self.error = None;
                self.stage = Stage::Saving(shots);
                // Whom they look like was on the screen when enter was pressed.
                let command = Command::Enrol { target, source, anyway: true };
                let command = match agreed {
                    None => command,
                    Some(digest) => {
                        Command::Consent(ConsentCommand::With { digest, command: Box::new(command) })
                    }
                };
                vec![Effect::Send(command, Purpose::Enrol(self.id, name))]
            }
            Err((field, error)) => {
                self.back_to(field, Some(error));
                Vec::new()
            }
        }
    }

    /// The run that was asked for has begun; one that nobody waits for any more is ended.
    pub fn shooting_began(&mut self, run: ShootingId) -> Vec<Effect> {
        if self.stage != Stage::Shooting(None) {
            return vec![Effect::Send(Command::EndShooting(run), Purpose::LetGo)];
        }
        self.stage = Stage::Shooting(Some(run));
        Vec::new()
    }

    /// The shots that were asked for.
    pub fn shots_came(&mut self, shots: Vec<Shot>) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Taking | Stage::Ending) {
            return Vec::new();
        }
        self.test = None;
        if shots.is_empty() {
            self.stage = Stage::NoShot;
            return Vec::new();
        }
        let ids = shots.iter().map(|shot| shot.id).collect();
        self.stage = Stage::Shown(shots);
        if !self.is_live {
            return Vec::new();
        }
        vec![Effect::Send(Command::SelfTest(SelfTestOf::Shots(ids)), Purpose::ShotTest(self.id))]
    }

    /// The shots that are shown were tried on the live picture.
    pub fn tested(&mut self, test: SelfTest) {
        if matches!(self.stage, Stage::Shown(_)) {
            self.test = Some(test);
        }
    }

    /// There are no shots.
    pub fn no_shots(&mut self, error: &CommandError) {
        if matches!(self.stage, Stage::Taking | Stage::Ending | Stage::Shooting(_)) {
            self.stage = Stage::NoShot;
            self.error = Some(words(error));
        }
    }

    /// The enrolment was refused.
    pub fn refused(&mut self, error: &CommandError) {
        let Stage::Saving(shots) = std::mem::replace(&mut self.stage, Stage::NoShot) else { return };
        match error {
            CommandError::NameTaken { .. } | CommandError::IdentifierTaken { .. } => {
                self.back_to(Field::Identifier, Some(words(error)));
            }
            CommandError::NoSuchShot => self.error = Some(words(error)),
            CommandError::Consent(ConsentError::Missing { text, digest }) => {
                (self.stage, self.error) = (Stage::Agreeing(shots, text.clone(), *digest), None);
            }
            _ => (self.stage, self.error) = (Stage::Shown(shots), Some(words(error))),
        }
    }

    fn title(&self) -> String {
        match &self.whom {
            Whom::New => "Enrol".to_owned(),
            Whom::Existing(_, name) => format!("Add a picture to {name}"),
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
        CommandError::Consent(ConsentError::Missing { text, .. }) => {
            format!(
                "they must agree to `{text}` first: ask, and write the same line in the palette with --consent, or enrol them \
                 before the camera"
            )
        }
        CommandError::NotAlignable { .. } => "the face could not be aligned: look straight ahead".to_owned(),
        other => other.to_string(),
    }
}
