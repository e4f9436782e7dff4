//! Whole screens as text at the sizes that matter, and what holds at all sizes.

use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use crate::engine::LiveState;
use crate::engine::Reply;
use crate::engine::state::{DiskState, InferenceStatus, Recorded, SourceState, TrackVerdict};
use crate::face::challenge::{ChallengeFailure, ChallengeOutcome, ChallengePrompt, ChallengeTask};
use crate::tui::testing::{
    RUN, Scene, colour, live, now, roster, several_sources, shot, stranger_picture, text_of, whole_stranger,
};
use crate::tui::theme::Theme;
use crate::tui::view::view;

/// The store takes nothing, and so many records found no room to wait.
fn unsaved(disk: DiskState, now: Recorded, lost: u64) -> LiveState {
    let mut live = live();
    live.store_fault = Some(format!("the store could not write: the {}: {}", disk.words(), disk.remedy()));
    live.store_disk = Some(disk);
    live.store_queue = 12;
    live.not_recorded = lost;
    for track in &mut live.tracks {
        if let TrackVerdict::Identified { recorded, .. } = &mut track.verdict {
            *recorded = now;
        }
    }
    live
}

screens! {
    panes: Scene::sized;
    empty_site: Scene::empty;
    enrol_name: |w, h| Scene::sized(w, h).press("e").press("Eve").press("tab").press("S-9");
    enrol_coach: |w, h| Scene::sized(w, h).press("e").press("Eve").press("enter")
        .then(|s| s.answer(Ok(Reply::Shooting(RUN))))
        .shooting(2, "turn a little to your left", false);
    enrol_shot: |w, h| Scene::sized(w, h).press("e").press("Eve").press("enter")
        .then(|s| s.answer(Ok(Reply::Shooting(RUN))))
        .shooting(1, "done", true)
        .then(|s| s.answer(Ok(Reply::Shots(vec![shot(Some((1, 0.71)))]))));
    mark: |w, h| Scene::sized(w, h).press("m").press("dentist");
    remove: |w, h| Scene::sized(w, h).press("d");
    why: |w, h| Scene::sized(w, h).press("tab j w").then(|s| s.explain(Some(whole_stranger())));
    challenge_turn: |w, h| Scene::challenged(w, h, ChallengePrompt::Do(ChallengeTask::TurnRight), None);
    challenge_passed: |w, h| {
        Scene::challenged(w, h, ChallengePrompt::LookAhead, Some(ChallengeOutcome::Passed))
    };
    challenge_failed: |w, h| {
        let outcome = ChallengeOutcome::Failed(ChallengeFailure::SecondFace);
        Scene::challenged(w, h, ChallengePrompt::TurnBack, Some(outcome))
    };
    help: |w, h| Scene::sized(w, h).press("?");
    inbox: |w, h| Scene::sized(w, h).press("i").then(|s| s.answer(Ok(stranger_picture(1))));
    inbox_poor: |w, h| Scene::sized(w, h).press("i j").then(|s| s.answer(Ok(stranger_picture(2)))).press("enter");
    inbox_name: |w, h| Scene::sized(w, h).press("i enter Eve");
    inbox_who: |w, h| Scene::sized(w, h).press("i a o");
    inbox_discard: |w, h| Scene::sized(w, h).press("i d");
    inbox_back_fill: |w, h| Scene::sized(w, h).press("i j j enter");
    inbox_empty: |w, h| Scene::empty(w, h).press("i");
    log_selected: |w, h| Scene::sized(w, h).press("tab").press("j").press("j");
    faults: |w, h| Scene::sized(w, h).then(|s| {
        let mut live = live();
        live.store_fault = Some("the store could not write: the file is gone".to_owned());
        live.store_queue = 2;
        live.tracks.clear();
        live.source_mut().state = SourceState::Lost {
            reason: "camera 0 was not found: plug one in, or choose another with --source".to_owned(),
            retry_at: Some(now() + TimeDelta::seconds(4)),
        };
        s.state(live, roster());
    });
    disk_full: |w, h| Scene::sized(w, h).then(|s| s.state(unsaved(DiskState::Full, Recorded::NotYet, 0), roster()));
    disk_read_only: |w, h| Scene::sized(w, h)
        .then(|s| s.state(unsaved(DiskState::ReadOnly, Recorded::No, 3), roster()));
    kiosk_not_saved: |w, h| super::kiosk::kiosk(w, h)
        .then(|s| s.state(unsaved(DiskState::Full, Recorded::NotYet, 0), roster()));
    kiosk_not_recorded: |w, h| super::kiosk::kiosk(w, h)
        .then(|s| s.state(unsaved(DiskState::Full, Recorded::No, 3), roster()));
    sources: |w, h| Scene::sized(w, h).then(|s| s.state(several_sources(), roster()));
    source_impaired: |w, h| Scene::sized(w, h).then(|s| {
        let mut live = live();
        live.source_mut().trouble = Some("too dark: 12 of 255; more light on the faces".to_owned());
        s.state(live, roster());
    });
    no_nets: |w, h| Scene::sized(w, h).then(|s| {
        let mut live = live();
        live.tracks.clear();
        live.inference = InferenceStatus::Unavailable {
            reason: "models/fr_feature.onnx is missing: run `muster setup`".to_owned(),
        };
        s.state(live, roster());
    });
}

#[test]
fn below_the_least_size_the_screen_says_what_it_needs() {
    let text = Scene::sized(59, 16).text();
    assert!(text.contains("it has 59 x 16") && text.contains("muster needs 60 x 16"), "{text}");
}

#[test]
fn no_size_panics_and_nothing_is_drawn_outside() {
    let scenes = [
        Scene::sized(80, 24),
        Scene::sized(80, 24).press("e Eve"),
        Scene::sized(80, 24).press("e Eve enter").then(|s| s.answer(Ok(Reply::Shooting(RUN)))).shooting(
            2,
            "too dark: 38 of 255",
            false,
        ),
        Scene::sized(80, 24)
            .press("e Eve enter")
            .then(|s| s.answer(Ok(Reply::Shooting(RUN))))
            .shooting(1, "done", true)
            .then(|s| s.answer(Ok(Reply::Shots(vec![shot(None)])))),
        Scene::sized(80, 24).press("m"),
        Scene::sized(80, 24).press("d ?"),
        Scene::sized(80, 24).press("tab j w"),
        Scene::sized(80, 24).press("tab j w").then(|s| s.explain(Some(whole_stranger()))),
        Scene::challenged(80, 24, ChallengePrompt::LookAhead, None),
        Scene::sized(80, 24).press("e ?").press("F1"),
        Scene::sized(80, 24).press("i").then(|s| s.answer(Ok(stranger_picture(1)))),
        Scene::sized(80, 24).press("i enter"),
        Scene::sized(80, 24).press("i a"),
        Scene::sized(80, 24).press("i d"),
        super::kiosk::kiosk(80, 24),
        super::looking::detailed(80, 24),
        super::looking::stats(80, 24),
        super::record::sessions(80, 24),
        super::record::sessions(80, 24).press("n x"),
        super::record::sessions(80, 24).press("c"),
        super::record::sessions(80, 24).press("tab tab"),
        super::record::correcting(80, 24),
        super::record::excusing(80, 24),
        super::record::month(80, 24),
        super::record::month_of_all(80, 24),
        Scene::sized(80, 24).press("r"),
        super::kiosk::kiosk(80, 24).press("q 12"),
    ];
    for scene in &scenes {
        for (width, height) in (1..=200u16).step_by(7).flat_map(|w| (1..=60u16).map(move |h| (w, h))) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            view(&scene.model, &colour(), buffer.area, &mut buffer);
        }
        // An area beside the corner of a larger buffer: the rest stays untouched.
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 40));
        view(&scene.model, &colour(), Rect::new(13, 7, 80, 24), &mut buffer);
        for (at, cell) in buffer.content().iter().enumerate() {
            let (x, y) = (at % 100, at / 100);
            let inside = (13..93).contains(&x) && (7..31).contains(&y);
            assert!(inside || cell.symbol() == " ", "{x},{y}: {:?}", cell.symbol());
        }
    }
}

#[test]
fn control_characters_in_a_note_never_reach_the_terminal() {
    let scene = Scene::sized(120, 40).press("tab z");
    let buffer = scene.draw(&colour());
    assert!(text_of(&buffer).contains("dentist\u{FFFD}[2J, back at 10"));
    for cell in buffer.content() {
        assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
    }
}

#[test]
fn without_colour_no_cell_has_one_and_every_state_is_still_said() {
    let buffer = Scene::sized(120, 40).draw(&Theme::plain());
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let text = text_of(&buffer);
    for word in
        ["● ", "present 07:58", "left 07:43", "not seen", "no picture", "✓ Ana Müller 0.71", "? unknown"]
    {
        assert!(text.contains(word), "{word}\n{text}");
    }
}

#[test]
fn the_pane_with_the_keys_looks_different_and_so_does_its_selection() {
    let border = |scene: &Scene, x: u16, y: u16| scene.draw(&colour())[(x, y)].fg;
    let (roster, log) = (Scene::new(), Scene::new().press("tab"));
    let corner = (79, 1);
    assert_eq!(border(&roster, corner.0, corner.1), Color::Cyan);
    assert_eq!(border(&log, corner.0, corner.1), Color::DarkGray);
    let plain = |scene: &Scene| scene.draw(&Theme::plain())[corner].symbol().to_owned();
    assert_ne!(plain(&roster), plain(&log));
}

/// A picture that came before it was given up is not shown either.
#[test]
fn without_the_picture_the_boxes_stand_on_an_empty_ground() {
    let pictured = Scene::sized(80, 24);
    assert!(pictured.text().contains("::::"), "{}", pictured.text());
    let mut scene = Scene::sized(80, 24);
    scene.model.shows_picture = false;
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false,
        snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("no_preview-80x24", scene.text());
    });
    let corners = |scene: &Scene| -> Vec<usize> {
        let text = scene.text();
        text.char_indices()
            .filter(|(_, c)| "┌┐└┘".contains(*c))
            .map(|(at, _)| text[..at].chars().count())
            .collect()
    };
    assert_eq!(corners(&pictured), corners(&scene));
    let nobody = scene.then(|scene| {
        let live = crate::engine::LiveState { tracks: Vec::new(), ..live() };
        scene.state(live, roster());
    });
    assert!(nobody.text().contains("nobody is in view"), "{}", nobody.text());
}

#[test]
fn wide_names_keep_the_columns_straight() {
    let text = Scene::sized(120, 40).text();
    let column = |needle: &str| {
        let line = text.lines().find(|line| line.contains(needle) && line.contains("present")).unwrap();
        crate::tui::text::width(&line[..line.rfind("present").unwrap()])
    };
    assert_eq!(column("Ana Müller"), column("山田 太郎"));
    assert_eq!(column("Ana Müller"), column("E\u{301}lodie"));
}
