use std::sync::Arc;

use chrono::FixedOffset;
use ulid::Ulid;

use super::*;
use crate::attendance::StrangerId;
use crate::cli::fake::{Fake, Ran, Script, at, entry, id, person, ran, row};
use crate::engine::CommandError;
use crate::engine::inbox::{InboxError, InboxState, StrangerPicture};
use crate::face::QualityScore;
use crate::ledger::{ClockState, EntryKind};

fn item(n: u128, tracks: u64) -> StrangerRow {
    let track =
        |k| StrangerTrack { sequence: Sequence(k), at: at(60 * k as i64), clock: ClockState::Synchronised };
    StrangerRow {
        id: StrangerId(Ulid(n)),
        person: None,
        track_count: tracks as u32,
        tracks: (1..=tracks).map(track).collect(),
        first_seen: at(60),
        last_seen: at(60 * tracks as i64),
        score: Some(QualityScore(0.75)),
        finding: None,
    }
}

/// Two items and a known one, and an engine that answers `reply`.
fn fake(reply: fn(&InboxCommand) -> Result<InboxReply, InboxError>) -> Fake {
    let fake = Fake::start(Script {
        roster: vec![row(1, "Ana", Some("7"))],
        respond: Box::new(move |command| match command {
            Command::Inbox(command) => reply(command).map(Reply::Inbox).map_err(CommandError::from),
            _ => Ok(Reply::Done),
        }),
        ..Script::default()
    });
    let poor = StrangerRow { finding: Some("the face is too small".to_owned()), ..item(0x2222, 1) };
    let known = StrangerRow { person: Some((id(1), "Ana".parse().unwrap())), score: None, ..item(0x3333, 1) };
    fake.board.inbox.set(InboxState { rows: vec![item(0x1111, 2), poor, known], keep_hours: 8 });
    fake
}

fn never(_: &InboxCommand) -> Result<InboxReply, InboxError> {
    Err(InboxError::NoSuchItem)
}

fn inbox(fake: &Fake, args: InboxArgs, json: bool) -> Ran {
    let zone = FixedOffset::east_opt(3600).unwrap();
    ran(json, |out| run(&fake.handle, &args, &zone, &mut |_| None, out))
}

fn name(n: u128) -> String {
    StrangerId(Ulid(n)).to_string()
}

#[test]
fn the_list_says_how_often_when_and_how_good() {
    let fake = fake(never);
    let text = inbox(&fake, InboxArgs::List, false).out;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].contains("2     2026-03-02 01:01:00  2026-03-02 01:02:00  0.75"), "{text}");
    assert!(lines[2].contains("cannot be enrolled: the face is too small"), "{text}");
    assert!(lines[3].contains("Ana by now"), "{text}");
    let json = inbox(&fake, InboxArgs::List, true).out;
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["item"], &rows[0]["tracks"]), (&name(0x1111).into(), &2.into()));
    assert_eq!((&rows[1]["can_be_enrolled"], &rows[2]["person"]), (&false.into(), &"Ana".into()));
    assert_eq!(rows[0]["entries"][1]["at"], "2026-03-02T01:02:00+01:00");
    fake.board.inbox.set(InboxState::default());
    assert!(inbox(&fake, InboxArgs::List, false).out.contains("keep_hours is 0"));
}

#[test]
fn an_item_is_named_by_the_end_of_its_id() {
    let fake = fake(never);
    let named = |text: &str| find(&fake.handle, text).map(|row| row.id).map_err(|error| error.to_string());
    let end = &name(0x1111)[22..];
    assert_eq!(named(&end.to_lowercase()), Ok(StrangerId(Ulid(0x1111))));
    assert_eq!(named(&name(0x2222)), Ok(StrangerId(Ulid(0x2222))));
    assert!(named(&end[1..]).unwrap_err().contains("inbox list"), "three characters are too few");
    assert!(!named("\u{1b}[2J").unwrap_err().contains('\u{1b}'));
    let twins = vec![item(0x1111, 1), item(0x1111 | 1 << 100, 1)];
    fake.board.inbox.set(InboxState { rows: twins, keep_hours: 8 });
    assert!(named(end).unwrap_err().contains("2 items"));
}

#[test]
fn show_writes_the_picture_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fake = fake(|_| {
        let file = vec![1, 2, 3].into();
        Ok(InboxReply::Shown(Box::new(StrangerPicture {
            row: item(0x1111, 2),
            file,
            rgb: vec![],
            side: 0,
            alike: None,
        })))
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("face.png");
    let args = InboxArgs::Show { item: name(0x1111), output: Some(path.clone()) };
    let Ran { code, out, .. } = inbox(&fake, args, false);
    assert_eq!(code, 0);
    assert!(out.contains("seen 2 times") && out.contains("face.png"), "{out}");
    assert_eq!(std::fs::read(&path).unwrap(), [1, 2, 3]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let nowhere = InboxArgs::Show { item: name(0x1111), output: Some("/nowhere/face.png".into()) };
    assert_eq!(inbox(&fake, nowhere, false).code, 2);
}

#[test]
fn enrolling_offers_the_passages_and_adds_them_where_it_is_told_to() {
    let respond: fn(&InboxCommand) -> Result<InboxReply, InboxError> = |command| match command {
        InboxCommand::Enrol { .. } => {
            Ok(InboxReply::Enrolled { person: person(5, "Eve", None), waiting: item(1, 2).tracks })
        }
        InboxCommand::BackFill { .. } => Ok(InboxReply::BackFilled {
            entries: vec![entry(9, 60, EntryKind::BackFilled, Some((5, "Eve")))],
            joined: 1,
        }),
        _ => Err(InboxError::NoSuchItem),
    };
    let enrol = |back_fill| InboxArgs::Enrol {
        item: name(0x1111),
        name: "Eve".parse().unwrap(),
        id: None,
        back_fill,
        consent: false,
    };
    let first = fake(respond);
    let offered = inbox(&first, enrol(false), false).out;
    assert!(offered.contains("entry 2") && offered.contains("muster inbox back-fill"), "{offered}");
    assert_eq!(first.commands().len(), 1);
    let second = fake(respond);
    let added = inbox(&second, enrol(true), false).out;
    assert!(added.contains("1 passage of Eve added") && added.contains("1 more belong"), "{added}");
    let json = inbox(&fake(respond), enrol(true), true).out;
    let objects: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&objects[0]["kind"], &objects[1]["kind"]), (&"enrolled".into(), &"back_filled".into()));
    assert_eq!((&objects[0]["person"], &objects[1]["person"]), (&"Eve".into(), &"Eve".into()));
}

#[test]
fn refusals_are_negative_and_say_what_to_do() {
    let fake = fake(|command| match command {
        InboxCommand::Enrol { .. } => {
            Err(InboxError::TooPoor { finding: "the face is too small".to_owned() })
        }
        _ => Err(InboxError::NothingWaits { name: "Ana".parse().unwrap() }),
    });
    let eve = "Eve".parse().unwrap();
    let args = InboxArgs::Enrol { item: name(0x2222), name: eve, id: None, back_fill: false, consent: false };
    let Ran { code, err, .. } = inbox(&fake, args, false);
    assert_eq!(code, 1);
    assert!(err.contains("too small") && err.contains("another photograph"), "{err}");
    let back_fill = |entries| InboxArgs::BackFill { who: "7".to_owned(), entries };
    assert_eq!(inbox(&fake, back_fill(vec![3, 4]), false).code, 1);
    let expected = InboxCommand::BackFill { person: id(1), sequences: vec![Sequence(3), Sequence(4)] };
    assert_eq!(fake.commands().last(), Some(&Command::Inbox(expected)));
    assert_eq!(inbox(&fake, InboxArgs::Discard { item: "zzzz".to_owned(), yes: true }, false).code, 1);
}

#[test]
fn discarding_asks_and_needs_a_terminal_to_ask_on() {
    let fake =
        Arc::new(fake(|_| Ok(InboxReply::Discarded(entry(9, 60, EntryKind::StrangerDiscarded, None)))));
    let discard = |yes| InboxArgs::Discard { item: name(0x1111), yes };
    assert_eq!(inbox(&fake, discard(false), false).code, 2);
    assert!(fake.commands().is_empty());
    assert_eq!(inbox(&fake, discard(true), false).out, format!("item {} is discarded\n", name(0x1111)));
}
