//! The challenge, in words that can be read from where the person stands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Step, draw_lines, window};
use crate::engine::command::ChallengeOrder;
use crate::engine::state::ChallengeView;
use crate::engine::{Command, CommandError, LiveState};
use crate::face::challenge::{ChallengeOutcome, ChallengePrompt, ChallengeTask};
use crate::tui::big::{Letters, Scale};
use crate::tui::keymap::Action;
use crate::tui::layout::centred;
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::theme::{Role, Theme};

/// The longest words have this many letters.
const LONGEST: u16 = 10;
/// Rows of a line of capitals.
const LETTER_ROWS: u16 = 5;

/// The challenge as it goes on in the engine.
#[derive(Debug, Clone)]
pub struct ChallengeDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    /// Whether the engine has answered: until then the snapshot may still hold an earlier one.
    has_begun: bool,
    error: Option<String>,
}

impl ChallengeDialog {
    /// The dialog, with a challenge asked for.
    pub fn begin(id: DialogId) -> (Self, Vec<Effect>) {
        let mut dialog = Self { id, has_begun: false, error: None };
        let effects = dialog.ask();
        (dialog, effects)
    }

    fn ask(&mut self) -> Vec<Effect> {
        (self.has_begun, self.error) = (false, None);
        vec![self.order(ChallengeOrder::Begin)]
    }

    fn order(&self, order: ChallengeOrder) -> Effect {
        Effect::Send(Command::Challenge(order), Purpose::Challenge(self.id))
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        match action {
            Action::Cancel => Step::CloseWith(vec![self.order(ChallengeOrder::Close)]),
            Action::Challenge => Step::Stay(self.ask()),
            _ => Step::Stay(Vec::new()),
        }
    }

    /// The engine has begun it.
    pub fn begun(&mut self) {
        self.has_begun = true;
    }

    /// It could not be begun.
    pub fn refused(&mut self, error: &CommandError) {
        self.error = Some(error.to_string());
    }

    /// Draws it over `screen`.
    pub fn draw(&self, live: &LiveState, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
        let shown = self.shown(live.challenge.as_ref().filter(|_| self.has_begun));
        let large = screen.width >= 8 * LONGEST + 8;
        let columns = if large { 8 * LONGEST } else { 4 * LONGEST };
        let area = centred(screen, columns + 6, LETTER_ROWS + 9);
        let inside = window("Challenge", theme, Role::FocusedBorder, area, buffer);
        let words = Rect { y: inside.y + 1, height: LETTER_ROWS, ..inside }.intersection(inside);
        let scale = if large { Scale::Plain } else { Scale::Narrow };
        if let Some(letters) = Letters::of(shown.words) {
            letters.draw(scale, theme.style(shown.role), words, buffer);
        }
        let below = Rect { y: words.bottom() + 1, height: 3, ..inside }.intersection(inside);
        draw_lines(&[(&shown.sentence, Role::Text)], theme, below, buffer);
        let bar = Rect { y: below.bottom(), height: 1, ..inside }.intersection(inside);
        draw_bar(shown.progress, shown.seconds_left, shown.role, theme, bar, buffer);
    }

    fn shown(&self, view: Option<&ChallengeView>) -> Shown {
        if let Some(error) = &self.error {
            let sentence = error.clone();
            return Shown {
                words: "NOT BEGUN",
                sentence,
                role: Role::Fault,
                progress: 0.0,
                seconds_left: None,
            };
        }
        let (words, sentence) = match view {
            None => asked(ChallengePrompt::LookAhead),
            Some(ChallengeView { outcome: None, prompt, .. }) => asked(*prompt),
            Some(ChallengeView { outcome: Some(ChallengeOutcome::Passed), person, .. }) => {
                let who = person.as_ref().map_or("one face", |name| name.as_str());
                ("PASSED", format!("Both tasks were done by {who}. Nothing is written down."))
            }
            Some(ChallengeView { outcome: Some(ChallengeOutcome::Failed(failure)), .. }) => {
                ("NOT PASSED", format!("Nothing is marked: {failure}."))
            }
        };
        let outcome = view.and_then(|view| view.outcome);
        Shown {
            words,
            sentence,
            role: match outcome {
                None => Role::Accent,
                Some(ChallengeOutcome::Passed) => Role::Good,
                Some(ChallengeOutcome::Failed(_)) => Role::Warning,
            },
            progress: view.map_or(0.0, |view| view.progress),
            seconds_left: view.filter(|_| outcome.is_none()).map(|view| view.seconds_left),
        }
    }
}

/// What is drawn.
struct Shown {
    words: &'static str,
    sentence: String,
    role: Role,
    progress: f32,
    seconds_left: Option<f32>,
}

/// What the person is to do, in two words and in a sentence.
fn asked(prompt: ChallengePrompt) -> (&'static str, String) {
    let (words, sentence) = match prompt {
        ChallengePrompt::LookAhead => ("LOOK AHEAD", "Look straight into the camera and keep still."),
        ChallengePrompt::OneFace => ("ONE PERSON", "Only one person may stand before the camera."),
        ChallengePrompt::Do(ChallengeTask::Blink) => ("BLINK", "Close both eyes once and open them again."),
        ChallengePrompt::Do(ChallengeTask::TurnLeft) => ("TURN LEFT", "Turn your head to your own left."),
        ChallengePrompt::Do(ChallengeTask::TurnRight) => ("TURN RIGHT", "Turn your head to your own right."),
        ChallengePrompt::TurnBack => ("TURN BACK", "Good. Now look straight into the camera again."),
    };
    (words, sentence.to_owned())
}

/// A bar of what is done, and the seconds that are left.
fn draw_bar(
    progress: f32,
    seconds_left: Option<f32>,
    role: Role,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let left = seconds_left.map_or_else(String::new, |seconds| format!(" {:>2.0} s", seconds.ceil()));
    let width = usize::from(area.width).saturating_sub(5);
    // Clamped, so that the cast keeps it within the bar.
    let full = (progress.clamp(0.0, 1.0) * width as f32).round() as usize;
    let (x, _) = buffer.set_stringn(area.x, area.y, "█".repeat(full), width, theme.style(role));
    let (x, _) = buffer.set_stringn(x, area.y, "░".repeat(width - full), width, theme.style(Role::Dim));
    buffer.set_stringn(x, area.y, left, 5, theme.style(Role::Text));
}
