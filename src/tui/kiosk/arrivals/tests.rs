use super::*;
use crate::face::{Liveness, Rect, Similarity};
use crate::tui::testing::{now, person};

fn known(id: u64, number: u128, name: &str, recorded: bool) -> TrackView {
    standing(id, number, name, if recorded { Recorded::Yes } else { Recorded::Soon })
}

fn standing(id: u64, number: u128, name: &str, recorded: Recorded) -> TrackView {
    let verdict = TrackVerdict::Identified {
        person: person(number),
        name: name.parse().unwrap(),
        similarity: Similarity(0.7),
        recorded,
    };
    track(id, verdict)
}

fn track(id: u64, verdict: TrackVerdict) -> TrackView {
    TrackView {
        id: TrackId(id),
        bounds: Rect::new(0.1 * id as f32, 0.1, 0.2, 0.3),
        verdict,
        liveness: Liveness::NotRun,
        looks_live: None,
        gauges: Vec::new(),
        guidance: None,
    }
}

fn unknown(id: u64) -> TrackView {
    track(id, TrackVerdict::Unidentified)
}

/// A door where time goes on in milliseconds.
#[derive(Default)]
struct Door(Arrivals);

impl Door {
    fn at(&mut self, millis: i64, tracks: &[TrackView]) -> Vec<Sound> {
        let since = now() - TimeDelta::hours(1);
        let on_record = |id: PersonId| match id.0.0 {
            9 => Some(OnRecord { state: PresenceState::Present, since, session: None }),
            10 => Some(OnRecord { state: PresenceState::Left, since, session: Some(None) }),
            11 => Some(OnRecord { state: PresenceState::Present, since, session: Some(None) }),
            12 => {
                let late = Some(TimeDelta::minutes(7));
                Some(OnRecord { state: PresenceState::Present, since, session: Some(late) })
            }
            _ => None,
        };
        self.0.observe(tracks, on_record, now() + TimeDelta::milliseconds(millis))
    }

    fn shows(&self) -> String {
        match self.0.shown() {
            None => "nothing".to_owned(),
            Some(Told::Welcome(name, _)) => name.to_string(),
            Some(Told::NotSaved(name)) => format!("{name} not saved"),
            Some(Told::NotRecorded(name)) => format!("{name} not recorded"),
            Some(told) => format!("{told:?}"),
        }
    }

    fn recent(&self) -> Vec<String> {
        self.0.recent().map(|arrival| arrival.name.to_string()).collect()
    }
}

#[test]
fn a_track_is_told_once() {
    let mut door = Door::default();
    assert_eq!(door.at(0, &[known(1, 1, "Ana", true)]), [Sound::Success]);
    assert_eq!(door.at(100, &[known(1, 1, "Ana", true)]), []);
    assert_eq!(door.shows(), "Ana");
    // The track breaks off and another begins.
    assert_eq!(door.at(200, &[]), []);
    assert_eq!(door.at(300, &[known(2, 1, "Ana", true)]), []);
    assert_eq!(door.recent(), ["Ana"]);
    assert_eq!(door.at(5_100, &[]), []);
    assert_eq!(door.shows(), "nothing");
    assert_eq!(door.at(11_000, &[known(3, 1, "Ana", true)]), [Sound::Success]);
    assert_eq!(door.recent(), ["Ana"]);
}

#[test]
fn who_was_here_before_is_told_since_when() {
    let mut door = Door::default();
    door.at(0, &[known(1, 9, "Eve", true)]);
    assert_eq!(door.0.shown(), Some(&Told::Welcome("Eve".parse().unwrap(), now() - TimeDelta::hours(1))));
}

#[test]
fn several_people_are_told_in_turn_and_stand_among_the_recent_at_once() {
    let mut door = Door::default();
    let three = [known(1, 1, "Ana", true), known(2, 2, "Bo", true), known(3, 3, "Chidi", true)];
    assert_eq!(door.at(0, &three), [Sound::Success; 3]);
    assert_eq!(door.recent(), ["Chidi", "Bo", "Ana"]);
    let mut shown = Vec::new();
    for millis in [0, 1_499, 1_500, 2_999, 3_000, 7_999, 8_000] {
        door.0.tick(now() + TimeDelta::milliseconds(millis));
        shown.push(door.shows());
    }
    assert_eq!(shown, ["Ana", "Ana", "Bo", "Bo", "Chidi", "Chidi", "nothing"]);
}

#[test]
fn a_welcome_goes_before_a_refusal() {
    let mut door = Door::default();
    assert_eq!(door.at(0, &[unknown(1)]), [Sound::Refusal]);
    assert_eq!(door.shows(), "NotRecognised");
    door.at(100, &[unknown(1), unknown(2), known(3, 1, "Ana", true)]);
    assert_eq!(door.shows(), "Ana");
    door.at(200, &[unknown(1), unknown(2), known(3, 1, "Ana", true), known(4, 2, "Bo", true)]);
    door.0.tick(now() + TimeDelta::milliseconds(1_600));
    assert_eq!(door.shows(), "Bo");
    door.0.tick(now() + TimeDelta::milliseconds(3_200));
    assert_eq!(door.shows(), "NotRecognised");
}

#[test]
fn a_refusal_whose_face_has_gone_is_not_shown() {
    let mut door = Door::default();
    door.at(0, &[known(1, 1, "Ana", true), unknown(2)]);
    assert_eq!(door.0.waiting(), 1);
    door.at(500, &[known(1, 1, "Ana", true)]);
    assert_eq!(door.0.waiting(), 0);
}

#[test]
fn an_unknown_face_that_is_known_later_is_welcomed() {
    let mut door = Door::default();
    door.at(0, &[unknown(1)]);
    assert_eq!(door.at(400, &[known(1, 1, "Ana", true)]), [Sound::Success]);
    assert_eq!(door.shows(), "Ana");
}

#[test]
fn what_is_not_on_disk_is_not_said_to_be() {
    let mut door = Door::default();
    assert_eq!(door.at(0, &[known(1, 1, "Ana", false)]), []);
    assert_eq!(door.at(1_999, &[known(1, 1, "Ana", false)]), []);
    assert_eq!((door.shows().as_str(), door.recent().len()), ("nothing", 0));
    assert_eq!(door.at(2_000, &[known(1, 1, "Ana", false)]), [Sound::Refusal]);
    assert_eq!(door.shows(), "Ana not saved");
    assert_eq!(door.at(2_100, &[known(1, 1, "Ana", true)]), [Sound::Success]);
    assert_eq!((door.shows(), door.recent()), ("Ana".to_owned(), vec!["Ana".to_owned()]));
}

#[test]
fn the_largest_face_that_stays_is_told_what_would_help() {
    let mut door = Door::default();
    let mut small = track(1, TrackVerdict::Undecided);
    small.guidance = Some(Guidance::Closer);
    door.at(0, &[small.clone()]);
    assert_eq!(door.0.guidance(), None);
    assert!(door.0.is_looking());
    door.at(1_000, &[small.clone()]);
    assert_eq!(door.0.guidance(), Some(Guidance::Closer));
    let mut large = known(2, 1, "Ana", true);
    large.bounds = Rect::new(0.0, 0.0, 0.8, 0.8);
    door.at(1_100, &[small.clone(), large.clone()]);
    door.at(2_100, &[small, large]);
    assert_eq!(door.0.guidance(), None, "the largest is recognised");
}

#[test]
fn who_checks_out_is_told_goodbye_and_who_is_expected_how_late_they_are() {
    let since = now() - TimeDelta::hours(1);
    let eve = || "Eve".parse().unwrap();
    let shown = |number: u128| {
        let mut door = Door::default();
        door.at(0, &[known(1, number, "Eve", true)]);
        (door.0.shown().cloned().unwrap(), door.recent().len())
    };
    assert_eq!(shown(10), (Told::Goodbye(eve(), since), 0));
    assert_eq!(shown(11), (Told::Attending(eve(), since, None), 1));
    assert_eq!(shown(12), (Told::Attending(eve(), since, Some(TimeDelta::minutes(7))), 1));
    // What an operator marks later is no news for somebody who stands there still.
    let mut door = Door::default();
    assert_eq!(door.at(0, &[known(1, 9, "Eve", true)]), [Sound::Success]);
    assert_eq!(door.at(11_000, &[known(1, 10, "Eve", true)]), []);
    // Who leaves is among those who came last no more.
    let mut door = Door::default();
    door.at(0, &[known(1, 10, "Eve", false)]);
    door.at(100, &[known(2, 9, "Ana", true), known(3, 10, "Eve", true)]);
    assert_eq!(door.recent(), ["Ana"]);
}

#[test]
fn what_waits_or_is_lost_is_said_at_once_and_put_right_when_it_is_saved() {
    let mut door = Door::default();
    assert_eq!(door.at(0, &[standing(1, 1, "Ana", Recorded::NotYet)]), [Sound::Refusal]);
    assert_eq!(door.shows(), "Ana not saved");
    assert_eq!(door.at(100, &[standing(1, 1, "Ana", Recorded::Yes)]), [Sound::Success]);
    assert_eq!(door.shows(), "Ana");
    let mut door = Door::default();
    assert_eq!(door.at(0, &[standing(2, 2, "Bo", Recorded::No)]), [Sound::Refusal]);
    assert_eq!((door.shows(), door.recent()), ("Bo not recorded".to_owned(), vec![]));
}
