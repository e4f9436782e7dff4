//! The kiosk view: what it shows, and that nothing but the PIN leads out of it.

use chrono::TimeDelta;
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::keys::{Case, case};
use crate::attendance::PresenceState;
use crate::attendance::badge::BadgeRules;
use crate::engine::command::door::{DoorCommand, DoorReply};
use crate::engine::state::{SourceState, TrackVerdict};
use crate::engine::{Command, Reply};
use crate::face::quality::Guidance;
use crate::tui::keymap::{Action, Mode};
use crate::tui::kiosk::Sound;
use crate::tui::message::{Effect, Message, Purpose};
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

/// A kiosk that takes identifiers, as a reader with a prefix types them.
fn with_identifiers(width: u16, height: u16) -> Scene {
    let mut quiet = live();
    quiet.tracks.clear();
    let mut scene = Scene::sized(width, height);
    scene.model.has_pin = true;
    scene.model.badge = Some(BadgeRules { prefix: "%".to_owned(), suffix: String::new() });
    scene.state(quiet, roster());
    scene.press("K")
}

/// Types as a reader does: every character at once.
fn scanned(mut scene: Scene, text: &str) -> Scene {
    for c in text.chars() {
        scene.tell(Message::Key(KeyCode::Char(c).into()));
    }
    scene
}

fn sent_at_door(scene: &Scene) -> Option<(String, Option<String>)> {
    match scene.effects.last() {
        Some(Effect::Send(Command::Door(DoorCommand::CheckIn { identifier, pin }), Purpose::CheckIn)) => {
            Some((identifier.0.clone(), pin.as_ref().map(|pin| pin.0.to_string())))
        }
        _ => None,
    }
}

fn told(scene: &mut Scene, reply: DoorReply) {
    scene.tell(Message::Reply(Purpose::CheckIn, Box::new(Ok(Reply::Door(reply)))));
}

fn recorded(state: PresenceState) -> DoorReply {
    DoorReply::Recorded { name: "Ana Müller".parse().unwrap(), state, since: now(), again: false }
}

fn asked_for_pin(width: u16, height: u16) -> Scene {
    let mut scene = scanned(with_identifiers(width, height), "%qK-7").press("enter");
    told(&mut scene, DoorReply::PinWanted);
    scanned(scene, "24")
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
    case(
        Mode::KioskEntry,
        Action::Confirm,
        || scanned(with_identifiers(80, 24), "%4711"),
        |s| assert_eq!(sent_at_door(s), Some(("4711".to_owned(), None))),
    ),
    case(
        Mode::KioskEntry,
        Action::Cancel,
        || scanned(with_identifiers(80, 24), "4711"),
        |s| {
            assert!(s.model.mode() == Mode::Kiosk && s.text().contains("type your identifier"));
        },
    ),
];

#[test]
fn an_identifier_and_then_a_pin_lead_to_a_welcome() {
    // A character that opens the question for the kiosk's own PIN elsewhere is part of an identifier here.
    let mut scene = scanned(with_identifiers(80, 24), "%qK-7").press("enter");
    assert_eq!(sent_at_door(&scene), Some(("qK-7".to_owned(), None)));
    // While the answer is on its way nothing is sent twice.
    let count = scene.effects.len();
    scene = scanned(scene, "8").press("enter");
    assert_eq!(scene.effects.len(), count);
    told(&mut scene, DoorReply::PinWanted);
    assert!(scene.text().contains("type your PIN"), "{}", scene.text());
    scene = scanned(scene, "2468").press("enter");
    assert_eq!(sent_at_door(&scene), Some(("qK-7".to_owned(), Some("2468".to_owned()))));
    told(&mut scene, recorded(PresenceState::Present));
    assert_eq!(scene.effects.last(), Some(&Effect::Ring(Sound::Success)));
    assert!(scene.text().contains("recorded") && scene.model.mode() == Mode::Kiosk);
    // The next one need not wait until that is gone.
    let scene = scanned(scene, "9");
    assert!(scene.text().contains("enter goes on"), "{}", scene.text());
}

#[test]
fn what_is_refused_says_no_more_and_what_is_left_alone_is_cleared() {
    for (reply, words) in [
        (DoorReply::Refused, "please go to the desk"),
        (DoorReply::Wait { seconds: 15 }, "too many wrong tries"),
        (DoorReply::NotSaved { name: "Ana".parse().unwrap() }, "could not be saved"),
    ] {
        let mut scene = scanned(with_identifiers(80, 24), "7").press("enter");
        told(&mut scene, reply);
        assert!(scene.text().contains(words), "{}", scene.text());
        assert_eq!(scene.effects.last(), Some(&Effect::Ring(Sound::Refusal)));
        scene.tell(Message::Tick(now() + TimeDelta::seconds(6)));
        assert!(scene.text().contains("type your identifier"), "{}", scene.text());
    }
    let mut scene = asked_for_pin(80, 24);
    let next = scene.model.next_tick().unwrap();
    assert!(next <= now() + TimeDelta::seconds(20));
    scene.tell(Message::Tick(now() + TimeDelta::seconds(20)));
    assert_eq!(scene.model.mode(), Mode::Kiosk);
    // An answer that comes after esc asks nothing of the next person.
    let mut scene = scanned(with_identifiers(80, 24), "7").press("enter esc");
    told(&mut scene, DoorReply::PinWanted);
    assert_eq!(scene.model.mode(), Mode::Kiosk);
}

#[test]
fn a_persons_pin_is_never_on_the_screen_and_never_leads_out() {
    let mut scene = scanned(asked_for_pin(80, 24), "68");
    assert!(!scene.text().contains("2468") && !format!("{:?}", scene.model.kiosk).contains("2468"));
    scene = scene.press("enter");
    let leads_out = |effect: &Effect| matches!(effect, Effect::CheckPin(_) | Effect::Quit);
    assert!(!scene.effects.iter().any(leads_out) && !is_left(&scene));
    // The kiosk's own PIN is asked for as ever.
    told(&mut scene, DoorReply::Refused);
    let scene = scene.press("esc 2468 enter");
    assert_eq!(scene.effects.last(), Some(&Effect::CheckPin("2468".to_owned().into())));
}

#[test]
fn the_right_pin_leads_out_and_a_wrong_one_does_not() {
    let mut scene = asking().press("enter");
    scene.tell(Message::PinChecked(false));
    assert!(!is_left(&scene) && scene.text().contains("that was wrong"), "{}", scene.text());
    let mut scene = scene.press("1357 enter");
    assert_eq!(scene.effects.last(), Some(&Effect::CheckPin("1357".to_owned().into())));
    scene.tell(Message::PinChecked(true));
    let noted = scene.sent().map(|(command, _)| command);
    assert_eq!(noted, Some(crate::engine::Command::NoteAct(crate::engine::command::Act::KioskLeft)));
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
    kiosk_identifier: |w, h| scanned(with_identifiers(w, h), "%S-0471");
    kiosk_identifier_pin: asked_for_pin;
    kiosk_identifier_welcome: |w, h| {
        let mut scene = scanned(with_identifiers(w, h), "7").press("enter");
        told(&mut scene, recorded(PresenceState::Left));
        scene
    };
    kiosk_identifier_long: |w, h| scanned(with_identifiers(w, h), &"山田-محمد-".repeat(9));
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
    fn no_keys_lead_out(
        keys in prop::collection::vec((any::<char>(), 0u8..12, 0u8..4), 0..60),
        takes_identifiers in any::<bool>(),
    ) {
        let mut scene = if takes_identifiers { with_identifiers(80, 24) } else { kiosk(80, 24) };
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
            if let Some((_, pin)) = sent_at_door(&scene) {
                let reply = if pin.is_none() { DoorReply::PinWanted } else { DoorReply::Refused };
                told(&mut scene, reply);
            }
            prop_assert!(!is_left(&scene) && scene.model.dialogs.is_empty());
            let leads_out = |effect: &Effect| matches!(effect, Effect::Quit | Effect::Suspend | Effect::Run(..));
            prop_assert!(!scene.effects.iter().any(leads_out));
        }
    }
}
