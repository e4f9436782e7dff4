//! Lists as people and programs write them.

use super::*;
use crate::attendance::import::{RowOutcome, plan};
use crate::attendance::{Particulars, PersonId, Roster};
use chrono::DateTime;
use proptest::prelude::*;
use ulid::Ulid;

fn import_row(name: &str, identifier: Option<&str>) -> ImportRow {
    ImportRow::new(name.parse().unwrap(), identifier.map(|i| i.parse().unwrap()))
}

/// The rows without the lines that they are on.
fn parsed(text: &str) -> Vec<ImportRow> {
    let rows = parse(text.as_bytes()).unwrap();
    rows.into_iter().map(|row| ImportRow { line: 0, ..row }).collect()
}

fn message(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_spreadsheets_write_is_read() {
    let expected = vec![import_row("Müller, Ana", Some("7")), import_row("Bo", None)];
    for text in [
        "name,identifier\n\"Müller, Ana\",7\nBo,\n",
        "\u{FEFF}Name;Identifier\r\nMüller, Ana;7\r\nBo;\r\n",
        "\n\nidentifier , class, NAME\n7,4b,\" Müller, Ana \"\n\n,,\n,4c,Bo",
        "name;identifier\n\"Müller, Ana\";'7\n'Bo;\n".replace('\'', "").as_str(),
    ] {
        assert_eq!(parsed(text), expected, "{text}");
    }
    assert_eq!(parsed("name\nAna\n"), [import_row("Ana", None)]);
    assert_eq!(parse(b"name\n").unwrap(), []);
}

#[test]
fn pictures_are_named_in_a_column_of_their_own() {
    for header in ["name,Pictures", "name,picture"] {
        let text = format!("{header}\nAna,a.jpg| b c.png |\nBo,\n");
        let rows = parse_pictured(text.as_bytes()).unwrap();
        assert_eq!((rows[0].pictures.join("+").as_str(), rows[1].pictures.len()), ("a.jpg+b c.png", 0));
    }
    assert!(message("name,picture,pictures\nAna,a,b\n").contains("two columns are called `pictures`"));
}

#[test]
fn every_mistake_is_named_by_its_line() {
    let text = "name,identifier\nAna,7\n,8\nBo,7\n\"A\tb\",9\nC,D,E\n";
    let lines: Vec<String> = message(text).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "line 3: the name is empty");
    assert_eq!(lines[1], "line 4: the identifier 7 is on line 2 already");
    assert!(lines[2].starts_with("line 5: the name has a control character"));
    assert!(lines[3].starts_with("line 6: it has 3 cells, and the first line has 2"));
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_file_that_is_no_roster_is_refused() {
    assert!(matches!(parse(b""), Err(RosterFileError::Empty)));
    assert!(message("nom,id\nAna,7\n").contains("the columns are: nom, id"));
    assert!(message("name,name\nAna,7\n").contains("two columns are called `name`"));
    assert!(matches!(parse(b"name\nAna\xFF\n"), Err(RosterFileError::Rows { mistakes, .. })
        if mistakes[0].line == 2 && mistakes[0].detail.contains("UTF-8")));
    // A quote that is never closed swallows the rest, which cannot be a name.
    assert!(message("name\n\"Ana\nBo\nCarl\n").starts_with("line 2: the name has a control character"));
    assert!(matches!(parse(&vec![b'x'; SIZE_LIMIT_BYTES + 1]), Err(RosterFileError::TooLarge { .. })));
}

#[test]
fn a_thousand_mistakes_are_counted() {
    let text = format!("name\n{}", "\"\t\t\"x\u{1}\n".repeat(1000));
    assert!(message(&text).ends_with("and 980 more"), "{}", message(&text));
}

#[test]
fn groups_mail_and_face_are_read_however_they_are_laid_out() {
    let groups = |names: &[&str]| Some(names.iter().map(|name| name.parse().unwrap()).collect());
    let ana = ImportRow {
        groups: groups(&["4b", "choir"]),
        email: Wanted::Put("a@b.org".parse().unwrap()),
        ..import_row("Ana", Some("7"))
    };
    for text in [
        "name,identifier,groups,E-Mail\nAna,7,4b;choir,a@b.org\n",
        "name;identifier;group;email\r\nAna;7;\"4b ; choir\";a@b.org\r\n",
        "name,group,identifier,group,mail\nAna,4b,7,choir,a@b.org\n",
        "name,identifier,group,email\nAna,7,| choir | 4b,a@b.org\n",
    ] {
        assert_eq!(parsed(text), std::slice::from_ref(&ana), "{text}");
    }
    let cleared = parsed("name,groups,email,face\nAna,,,OFF\n");
    assert_eq!((&cleared[0].groups, &cleared[0].email), (&groups(&[]), &Wanted::Clear));
    assert_eq!(cleared[0].face, Some(FaceUse::Off));
    for ends in ["\n", "\r\n", "\r"] {
        let text = ["", "name", "", "Ana", "\"Bo\"", "", "Cy"].join(ends);
        let lines: Vec<u64> = parse(text.as_bytes()).unwrap().iter().map(|row| row.line).collect();
        assert_eq!(lines, [4, 5, 7], "{ends:?}");
    }
    for (text, expected) in [
        ("name,email\nAna,ana\n", "line 2: this is no e-mail address"),
        ("name,face\nAna,maybe\n", "line 2: `maybe` is no use of a face"),
        ("name,email,mail\nAna,,\n", "two columns are called `email`"),
    ] {
        assert!(message(text).contains(expected), "{}", message(text));
    }
}

fn text() -> impl Strategy<Value = String> {
    // What breaks lists: separators, quotes, formulas, spaces, letters of any script.
    let c = prop_oneof![
        4 => prop::sample::select(vec![',', ';', '|', '"', '\'', '=', '+', '-', '@', ' ', '\\', 'a', '7']),
        1 => any::<char>(),
    ];
    proptest::collection::vec(c, 1..8).prop_map(|letters| letters.into_iter().collect())
}

fn person() -> impl Strategy<Value = Person> {
    let names =
        (text(), proptest::option::of(text()), proptest::collection::vec(text(), 0..3), any::<bool>());
    names.prop_filter_map("no name", |(name, identifier, groups, is_off)| {
        let groups = groups.iter().map(|name| name.parse()).collect::<Result<_, _>>().ok()?;
        let identifier: Option<Identifier> = identifier.map(|text| text.parse()).transpose().ok()?;
        let email = identifier.as_ref().and_then(|i| format!("{i}@example.org").parse().ok());
        let face = if is_off { FaceUse::Off } else { FaceUse::On };
        let particulars = Particulars { groups, email, face, ..Particulars::default() };
        let id = PersonId(Ulid(0));
        let person = Person::new(id, name.parse().ok()?, identifier, DateTime::UNIX_EPOCH);
        Some(Person { particulars, ..person })
    })
}

proptest! {
    /// What is exported and imported again changes nothing, and on an empty roster makes the same people.
    #[test]
    fn an_export_is_read_back_whole(people in proptest::collection::vec(person(), 0..12)) {
        let mut roster = Roster::default();
        for (n, person) in people.into_iter().enumerate() {
            let is_taken = person.identifier.as_ref().is_some_and(|i| roster.by_identifier(i).is_some());
            let identifier = person.identifier.clone().filter(|_| !is_taken);
            roster.put(Person { id: PersonId(Ulid(n as u128 + 1)), identifier, ..person });
        }
        let all: Vec<Person> = roster.iter().cloned().collect();
        let text = write(&all);
        let rows = parse(text.as_bytes()).unwrap();
        let same = plan(&roster, &rows, DateTime::UNIX_EPOCH, || PersonId(Ulid(999)));
        prop_assert!(same.rows.iter().all(|row| row.outcome == RowOutcome::Unchanged), "{text}\n{same:?}");
        prop_assert!(same.people.is_empty() && same.rows.len() == all.len());
        let empty = Roster::default();
        let anew = plan(&empty, &rows, DateTime::UNIX_EPOCH, || PersonId(Ulid(999)));
        for put in &anew.people {
            let particulars = &put.after.particulars;
            let is_there = all.iter().any(|p| p.name == put.after.name && p.particulars == *particulars);
            prop_assert!(is_there, "{text}");
        }
    }
}

/// Seeded: bytes of a roster are changed, cut and doubled; whatever comes, no panic, and what is
/// read is bounded by what there is.
#[test]
fn mutations_never_panic() {
    let seed = 0x0c5f_u64;
    println!("seed {seed:#x}");
    let sample = "\u{FEFF}name;identifier\r\n\"Müller; Ana\";7\r\nBo;'=8\r\n\"C \"\"x\"\"\";\r\n";
    let mut state = seed;
    let mut next = |below: usize| {
        // Knuth's linear congruential generator (MMIX); the high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..5_000 {
        let mut bytes = sample.as_bytes().to_vec();
        for _ in 0..=next(6) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = next(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, b"\",;'\r\n\0=\xFFn"[next(10)]),
                _ => bytes.extend_from_within(at..),
            }
            if bytes.is_empty() {
                bytes.push(b'"');
            }
        }
        if let Ok(rows) = parse(&bytes) {
            assert!(rows.len() <= bytes.len());
        }
    }
}
