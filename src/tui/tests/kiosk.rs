//! The kiosk view: what it shows, and that nothing but the PIN leads out of it.

use chrono::TimeDelta;
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::keys::{Case, case};
use crate::engine::state::{SourceState, TrackVerdict};
use crate::face::quality::Guidance;
use crate::tui::keymap::{Action, Mode};
use crate::tui::kiosk::Sound;
use crate::tui::message::{Effect, Message};
use crate::tui::testing::{Scene, live, now, roster};

/// The site's kiosk.
pub(super) fn kiosk(width: u16, height: u16) -> Scene {
    let mut scene = Scene::sized(width, height);
    scene.model.has_pin = true;
    scene.press("K")
}

fn empty_kiosk(width: u16, height: u16) -> Scene {
    let mut quiet = live();
    quiet.tracks.clear();
    let mut scene = Scene::sized(width, height);
    scene.model.has_pin = true;
    scene.state(quiet, roster());
    scene.press("K")
}

fn asking() -> Scene {
    kiosk(80, 24).press("q 2468")
}

fn is_left(scene: &Scene) -> bool {
    scene.model.kiosk.is_none()
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::Panes,
        Action::Kiosk,
        || Scene::new().then(|s| s.model.has_pin = true),
        |s| assert!(!is_left(s) && s.text().contains("Last here")),
    ),
    case(Mode::Panes, Action::Kiosk, Scene::new, |s| {
        assert!(is_left(s) && s.notice().contains("muster kiosk-pin"), "{}", s.notice());
    }),
    case(
        Mode::Kiosk,
        Action::Leave,
        || kiosk(80, 24),
        |s| {
            assert!(s.text().contains("Kiosk PIN") && !s.effects.contains(&Effect::Quit));
        },
    ),
    case(Mode::KioskPin, Action::Cancel, asking, |s| {
        assert_eq!(s.model.mode(), Mode::Kiosk);
    }),
    case(Mode::KioskPin, Action::Confirm, asking, |s| {
        assert_eq!(s.effects.last(), Some(&Effect::CheckPin("2468".to_owned().into())));
    }),
];

#[test]
fn the_right_pin_leads_out_and_a_wrong_one_does_not() {
    let mut scene = asking().press("enter");
    scene.tell(Message::PinChecked(false));
    assert!(!is_left(&scene) && scene.text().contains("that was wrong"), "{}", scene.text());
    let mut scene = scene.press("1357 enter");
    assert_eq!(scene.effects.last(), Some(&Effect::CheckPin("1357".to_owned().into())));
    scene.tell(Message::PinChecked(true));
    assert!(is_left(&scene) && scene.text().contains("Roster"));
    // One that comes late finds nothing to leave.
    scene.tell(Message::PinChecked(false));
    assert!(is_left(&scene));
}

#[test]
fn the_pin_is_never_on_the_screen() {
    let scene = asking();
    assert!(scene.text().contains("••••") && !scene.text().contains("2468"), "{}", scene.text());
}

#[test]
fn arrivals_are_heard_and_shown() {
    let scene = kiosk(120, 40);
    let sounds: Vec<_> =
        scene.effects.iter().filter(|effect| matches!(effect, Effect::Ring(_))).cloned().collect();
    assert_eq!(sounds, [Effect::Ring(Sound::Success), Effect::Ring(Sound::Refusal)]);
    let text = scene.text();
    assert!(text.contains("Ana Müller") && text.contains("07:58"), "{text}");
    assert!(!text.contains("0.71"), "no score is anybody's business at the door");
}

#[test]
fn it_says_what_would_help_and_what_is_out_of_order() {
    let mut scene = empty_kiosk(80, 24);
    let mut one = live();
    one.tracks.truncate(1);
    one.tracks[0].verdict = TrackVerdict::Undecided;
    one.tracks[0].guidance = Some(Guidance::Closer);
    scene.state(one.clone(), roster());
    scene.tell(Message::Tick(now() + TimeDelta::seconds(2)));
    scene.state(one, roster());
    assert!(scene.text().contains("then it works"), "{}", scene.text());
    let mut scene = empty_kiosk(80, 24);
    scene.source(SourceState::Lost { reason: "gone".to_owned(), retry_at: None });
    assert!(scene.text().contains("the camera is not available"), "{}", scene.text());
}

#[test]
fn the_clock_goes_on_by_the_minute() {
    let mut scene = empty_kiosk(80, 24);
    scene.model.take_dirty();
    let next = scene.model.next_tick().unwrap();
    assert!(next - now() <= TimeDelta::seconds(60));
    scene.tell(Message::Tick(next));
    assert!(scene.model.take_dirty());
}

macro_rules! screens {
    ($($name:ident: $scene:expr;)*) => {
        $(#[test]
        fn $name() {
            let scene: fn(u16, u16) -> Scene = $scene;
            for (width, height) in [(60, 16), (80, 24), (120, 40)] {
                let name = format!("{}-{width}x{height}", stringify!($name));
                insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false,
                    snapshot_path => "../snapshots" }, {
                    insta::assert_snapshot!(name, scene(width, height).text());
                });
            }
        })*
    };
}

screens! {
    kiosk_welcome: kiosk;
    kiosk_waits: empty_kiosk;
    kiosk_refuses: |w, h| {
        let mut scene = empty_kiosk(w, h);
        let mut one = live();
        one.tracks.remove(0);
        scene.state(one, roster());
        scene
    };
    kiosk_pin: |w, h| kiosk(w, h).press("esc 1234");
    kiosk_joined_script: |w, h| {
        let mut scene = empty_kiosk(w, h);
        let mut one = live();
        if let TrackVerdict::Identified { name, .. } = &mut one.tracks[0].verdict {
            *name = "محمد الأحمد".parse().unwrap();
        }
        scene.state(one, roster());
        scene
    };
}

proptest! {
    /// Whatever is typed, without the right PIN nothing leads out: not quit, not suspend, no dialog.
    #[test]
    fn no_keys_lead_out(keys in prop::collection::vec((any::<char>(), 0u8..12, 0u8..4), 0..60)) {
        let mut scene = kiosk(80, 24);
        for (c, kind, modifiers) in keys {
            let code = match kind {
                0 => KeyCode::Esc,
                1 => KeyCode::Enter,
                2 => KeyCode::F(1),
                3 => KeyCode::Tab,
                4 => KeyCode::Char('c'),
                5 => KeyCode::Char('z'),
                6 => KeyCode::Char(':'),
                _ => KeyCode::Char(c),
            };
            let modifiers = [
                KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::SHIFT,
            ][usize::from(modifiers)];
            scene.tell(Message::Key(KeyEvent::new(code, modifiers)));
            scene.tell(Message::Paste("q\n".to_owned()));
            if let Some(Effect::CheckPin(_)) = scene.effects.last() {
                scene.tell(Message::PinChecked(false));
            }
            prop_assert!(!is_left(&scene) && scene.model.dialogs.is_empty());
            let leads_out = |effect: &Effect| matches!(effect, Effect::Quit | Effect::Suspend | Effect::Run(..));
            prop_assert!(!scene.effects.iter().any(leads_out));
        }
    }
}
