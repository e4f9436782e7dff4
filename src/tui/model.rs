//! Everything the screen knows. Changed by `update` alone and drawn by `view` alone.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use ratatui::layout::{Rect, Size};

use super::clock::Clock;
use super::dialog::Dialog;
use super::dialog::palette::Subcommand;
use super::dialog::stats::StageTimes;
use super::graphics;
use super::graphics::encode::{Encoded, Job};
use super::kept::Kept;
use super::keymap::{Keymap, Mode};
use super::kiosk::{self, Kiosk};
pub use super::layout::Focus;
use super::layout::{Areas, inside};
use super::message::{DialogId, Effect, LineState, Running};
use super::pane::detail::DetailPane;
use super::pane::log::LogPane;
use super::pane::roster::RosterPane;
use super::pane::{preview, status};
use super::theme::Role;
use super::update::{Mouse, Undoable};
use crate::attendance::PersonId;
use crate::attendance::badge::BadgeRules;
use crate::attendance::zone::SiteZone;
use crate::engine::approvals::ApprovalView;
use crate::engine::handle::Snapshot;
use crate::engine::state::{Preview, PreviewRequest, RosterRow, SourceState};

/// A line that says how something went, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What is said.
    pub text: String,
    /// How it is drawn.
    pub role: Role,
    until: DateTime<Utc>,
}

/// How long a notice stays.
const NOTICE_STAYS: TimeDelta = TimeDelta::seconds(8);

/// The largest picture that is asked for where the terminal draws pixels: more is not seen in a pane.
const LARGEST_WIDTH_PX: u32 = 960;
const LARGEST_HEIGHT_PX: u32 = 720;

/// Everything the screen knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// The program's name in the bar.
    pub title: String,
    /// Every key.
    pub keymap: Arc<Keymap>,
    /// A time as the clock on the wall shows it.
    pub zone: SiteZone,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// The terminal's columns and rows.
    pub size: Size,
    /// The engine's state.
    pub snapshot: Snapshot,
    /// The newest small picture.
    pub preview: Arc<Option<Preview>>,
    /// Whether the picture is asked for; the boxes come all the same.
    pub shows_picture: bool,
    /// The newest picture as the terminal takes it, where it draws pixels.
    pub encoded: Option<Encoded>,
    /// What the terminal draws pictures with.
    pub screen: graphics::Screen,
    /// How the line to it is.
    pub line: LineState,
    /// Which pane has the keys where no dialog is open.
    pub focus: Focus,
    /// Who is here.
    pub roster: RosterPane,
    /// What happened.
    pub log: LogPane,
    /// What is known of whom is selected.
    pub detail: DetailPane,
    /// How long the stages of the last frames took.
    pub stages: StageTimes,
    /// When a day begins, on the wall's clock.
    pub rollover: NaiveTime,
    /// What lies over the panes, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// How the last thing went.
    pub notice: Option<Notice>,
    /// What is remembered from one run to the next.
    pub kept: Kept,
    /// The palette's lines, the oldest first: those that are kept, and all of this run.
    pub history: Vec<String>,
    /// The kiosk view, where that is shown in place of the panes.
    pub kiosk: Option<Kiosk>,
    /// Whether there is a PIN that the kiosk view can be left with.
    pub has_pin: bool,
    /// What a badge reader adds to an identifier; none where nobody comes in by one.
    pub badge: Option<BadgeRules>,
    /// What waits until another admin confirms it; nothing for who is none.
    pub approvals: Vec<ApprovalView>,
    /// What runs that was started from the palette.
    pub running: Option<Running>,
    /// What the palette offers besides the actions.
    pub subcommands: Vec<Subcommand>,
    /// How often the next movement is done.
    pub count: Option<u32>,
    pub(super) undoable: Option<Undoable>,
    pub(super) mouse: Mouse,
    pub(super) last_dialog: DialogId,
    /// Whether the detail is about whom the log's selection is about.
    pub(super) detail_of_log: bool,
    pub(super) dirty: bool,
    requested: Option<PreviewRequest>,
}

impl Model {
    /// A screen of no size yet over `snapshot`.
    pub fn new(
        title: String,
        keymap: Arc<Keymap>,
        zone: SiteZone,
        now: DateTime<Utc>,
        snapshot: Snapshot,
    ) -> Self {
        let mut model = Self {
            title,
            keymap,
            zone,
            now,
            size: Size::ZERO,
            snapshot,
            preview: Arc::default(),
            shows_picture: true,
            encoded: None,
            screen: graphics::Screen::default(),
            line: LineState::default(),
            focus: Focus::default(),
            roster: RosterPane::default(),
            log: LogPane::default(),
            detail: DetailPane::default(),
            stages: StageTimes::default(),
            rollover: NaiveTime::MIN,
            dialogs: Vec::new(),
            notice: None,
            kept: Kept::default(),
            history: Vec::new(),
            kiosk: None,
            has_pin: false,
            badge: None,
            approvals: Vec::new(),
            running: None,
            subcommands: Vec::new(),
            count: None,
            undoable: None,
            mouse: Mouse::default(),
            last_dialog: DialogId::default(),
            detail_of_log: false,
            dirty: true,
            requested: None,
        };
        model.roster.refresh(&model.snapshot.roster);
        model
    }

    /// What the keys mean now.
    pub fn mode(&self) -> Mode {
        match &self.kiosk {
            Some(kiosk) => kiosk.mode(),
            None => self.dialogs.last().map_or(Mode::Panes, Dialog::mode),
        }
    }

    /// Whether something that is drawn is different since this was last asked.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Whether something that is drawn is different since [`Model::take_dirty`].
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// When the screen changes by itself, with nothing happening: a notice ends, a countdown goes
    /// on. None where it does not.
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let notice = self.notice.as_ref().map(|notice| notice.until);
        let countdown = match &self.snapshot.live.source().state {
            SourceState::Lost { retry_at: Some(retry_at), .. } if *retry_at > self.now => {
                Some(self.now + TimeDelta::seconds(1))
            }
            _ => None,
        };
        let kiosk = self.kiosk.as_ref().map(|kiosk| {
            // The clock at the door shows minutes.
            let second = self.now.timestamp().rem_euclid(60);
            let minute = self.now + TimeDelta::seconds(60 - second);
            kiosk.next_tick().map_or(minute, |at| at.min(minute))
        });
        notice.into_iter().chain(countdown).chain(kiosk).min()
    }

    /// Takes a new time over; the screen changes with it only as [`Model::next_tick`] says.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) {
        let counting = |at: DateTime<Utc>, state: &SourceState| match state {
            SourceState::Lost { retry_at: Some(retry_at), .. } => {
                super::pane::preview::seconds_until(*retry_at, at)
            }
            _ => 0,
        };
        let state = &self.snapshot.live.source().state;
        self.dirty |= counting(now, state) != counting(self.now, state);
        if let Some(kiosk) = &mut self.kiosk {
            self.dirty |= kiosk.tick(now) || now.timestamp() / 60 != self.now.timestamp() / 60;
        }
        self.now = now;
        if self.notice.as_ref().is_some_and(|notice| notice.until <= now) {
            self.notice = None;
            self.dirty = true;
        }
    }

    /// The clock on the wall.
    pub(super) fn clock(&self) -> Clock {
        Clock { now: self.now, zone: self.zone, rollover: self.rollover }
    }

    /// Says something for a while.
    pub(super) fn say(&mut self, role: Role, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), role, until: self.now + NOTICE_STAYS });
    }

    /// The areas of a screen of `size`; none where it is too small.
    pub fn areas(&self, size: Rect) -> Option<Areas> {
        let alert = self.alert();
        Areas::of(size, status::alert_rows(alert.as_deref(), size.width), &self.kept.arrangement)
    }

    /// Gives the panes their heights and asks for the size of preview that fits, where that is
    /// different.
    pub(super) fn settle(&mut self) -> Vec<Effect> {
        let screen = Rect::new(0, 0, self.size.width, self.size.height);
        let areas = self.areas(screen);
        if let Some(areas) = areas {
            self.roster.set_height(inside(areas.roster).height);
            self.log.set_height(inside(areas.log).height);
            self.detail.set_height(inside(areas.detail).height);
        }
        let clock = self.clock();
        for dialog in &mut self.dialogs {
            match dialog {
                Dialog::Help(help) => help.settle(&self.keymap, screen.height),
                Dialog::Enrol(enrol) => enrol.look_up(&self.snapshot.roster),
                Dialog::Why(why) => why.set_screen(self.size),
                Dialog::Inbox(inbox) => inbox.set_screen_height(screen.height),
                Dialog::Palette(palette) => palette.set_screen_height(screen.height),
                Dialog::Output(output) => output.set_screen(self.size),
                Dialog::RollCall(roll_call) => roll_call.set_screen_height(screen.height),
                Dialog::Sessions(sessions) => {
                    sessions.settle(screen.height, clock);
                    sessions.set_groups(&self.snapshot.roster);
                }
                Dialog::Month(month) => month.set_screen_height(screen.height),
                _ => {}
            }
        }
        let wanted = self.wanted_picture();
        let mut effects: Vec<Effect> = Vec::new();
        if areas.is_some_and(|areas| !areas.detail.is_empty()) && self.kiosk.is_none() {
            let person = self.selected_row().map(|row| row.person);
            effects.extend(self.detail.show(person));
        }
        if let Some(Dialog::Inbox(inbox)) = self.dialogs.last_mut() {
            effects.extend(inbox.wanted());
        }
        for dialog in &mut self.dialogs {
            if let Dialog::Sessions(sessions) = dialog {
                effects.extend(sessions.wanted());
            }
        }
        if wanted != self.requested {
            self.requested = wanted;
            effects.push(Effect::RequestPreview(wanted));
        }
        effects
    }

    /// Where the picture lies; none where it is not seen.
    pub fn picture_area(&self) -> Option<Rect> {
        let screen = Rect::new(0, 0, self.size.width, self.size.height);
        let areas = self.areas(screen)?;
        let area = match &self.kiosk {
            Some(_) => kiosk::picture_area(screen),
            None => inside(areas.preview),
        };
        (!area.is_empty()).then_some(area)
    }

    /// The picture that is asked for: as large as it is seen, and as the line bears it.
    fn wanted_picture(&self) -> Option<PreviewRequest> {
        let area = self.picture_area().filter(|_| self.shows_picture)?;
        let max_fps = self.line.detail.pictures_per_second()?;
        let (width, height) = (u32::from(area.width), u32::from(area.height));
        let (width, height) = if self.screen.graphics.has_pixels() {
            let cell = self.screen.cell;
            let (width, height) = (width * u32::from(cell.width), height * u32::from(cell.height));
            (width.min(LARGEST_WIDTH_PX), height.min(LARGEST_HEIGHT_PX))
        } else {
            (width, height * 2)
        };
        let shrinks_by = self.line.detail.shrinks_by();
        Some(PreviewRequest { max_width: width / shrinks_by, max_height: height / shrinks_by, max_fps })
    }

    /// What is to be encoded for a terminal that draws pixels; none where it draws none, or something lies over
    /// the picture.
    pub fn picture_job(&self) -> Option<Job> {
        let area = self.picture_area()?;
        let is_covered = !self.dialogs.is_empty() || self.kiosk.as_ref().is_some_and(Kiosk::is_asking);
        let is_wanted = self.shows_picture && self.line.detail.pictures_per_second().is_some();
        let shows = preview::shows_picture(&self.snapshot.live.source().state);
        if !self.screen.graphics.has_pixels() || is_covered || !is_wanted || !shows || self.preview.is_none()
        {
            return None;
        }
        let labelled = self.kiosk.is_none();
        let marks = self.snapshot.live.tracks.iter().map(|track| preview::mark(track, labelled)).collect();
        let room = Size::new(area.width, area.height);
        Some(Job { preview: Arc::clone(&self.preview), marks, room, screen: self.screen })
    }

    /// The picture as the terminal takes it, where that is what is to be drawn.
    pub fn encoded_picture(&self) -> Option<&Encoded> {
        let job = self.picture_job()?;
        self.encoded.as_ref().filter(|encoded| encoded.room == job.room)
    }

    /// A name for a dialog that is opened now.
    pub(super) fn next_dialog(&mut self) -> DialogId {
        self.last_dialog = DialogId(self.last_dialog.0 + 1);
        self.last_dialog
    }

    /// Whom a key is about: the person of the selected log line while the log has the keys, else
    /// the one selected in the roster. None for somebody who is not on the roster.
    pub fn selected_row(&self) -> Option<&RosterRow> {
        let person: PersonId = match self.focus {
            Focus::Log => self.log.selected_person()?,
            Focus::Detail if self.detail_of_log => self.log.selected_person()?,
            Focus::Roster | Focus::Preview | Focus::Detail => self.roster.selected()?,
        };
        self.snapshot.roster.rows.iter().find(|row| row.person == person)
    }
}
