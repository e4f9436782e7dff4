use super::*;

fn message(text: &str) -> String {
    Typed::parse(text, Path::new("m.toml")).unwrap_err().to_string()
}

#[test]
fn every_known_key_is_read() {
    for (table, key) in all_keys() {
        // A value of a wrong type, so that a key which serde does not know would differ.
        let error = message(&format!("{}\n{key} = [[]]\n", heading(table)));
        assert!(error.starts_with(&format!("m.toml, line 2: `{}`: ", full(table, key))), "{error}");
    }
}

/// Every key with its table, those of lists and of tables that the site names among them.
fn all_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = KEYS.iter().chain(LISTS).chain(MAPS);
    tables.flat_map(|(table, keys)| keys.iter().map(move |key| (*table, *key)))
}

fn heading(table: &str) -> String {
    match (LISTS.iter().any(|(list, _)| *list == table), MAPS.iter().any(|(map, _)| *map == table)) {
        (true, _) => format!("[[{table}]]"),
        (_, true) => format!("[{table}.x]"),
        _ => format!("[{table}]"),
    }
}

fn full(table: &str, key: &str) -> String {
    if MAPS.iter().any(|(map, _)| *map == table) {
        format!("{table}.x.{key}")
    } else {
        format!("{table}.{key}")
    }
}

#[test]
fn unknown_keys_of_lists_and_groups_are_refused_with_a_suggestion() {
    let unknown = message("[group.\"3b\"]\nclok = \"toggle\"\n");
    assert!(unknown.contains("line 2") && unknown.contains("group.3b.clok") && unknown.contains("`clock`"));
    let session = "[[session]]\nname = \"a\"\ndays = [\"mon\"]\nfrom = \"08:00\"\nuntil = \"09:00\"\n";
    let second = format!("{session}[[session]]\ngruop = \"b\"\n");
    let unknown = message(&second);
    assert!(unknown.contains("line 7") && unknown.contains("session.gruop") && unknown.contains("`group`"));
}

#[test]
fn a_schedule_that_contradicts_itself_names_the_key_and_the_line() {
    let with = |lines: &str| message(&format!("[[session]]\nname = \"a\"\n{lines}\nfrom = \"08:00\"\n"));
    let until = "until = \"09:00\"";
    for (text, line, key, said) in [
        (with(&format!("{until}\ndays = [\"mon\"]\ndate = \"2026-03-02\"")), 5, "session.date", "not both"),
        (with(until), 2, "session.name", "`days`"),
        (with(&format!("{until}\ndays = []")), 4, "session.days", "no day"),
        (with("until = \"08:00\"\ndays = [\"mon\"]"), 3, "session.until", "when it begins"),
        (with(&format!("{until}\ndays = [\"moon\"]")), 4, "session.days", "mon to sun"),
        (with("until = \"25:00\""), 3, "session.until", "HH:MM"),
        (
            message("[[holiday]]\ndate = \"2026-12-24\"\nuntil = \"2026-12-23\"\n"),
            3,
            "holiday.until",
            "before",
        ),
        (message("[[holiday]]\ndate = \"24.12.2026\"\n"), 2, "holiday.date", "YYYY-MM-DD"),
        (message("[attendance]\nzone = \"Berlin\"\n"), 2, "attendance.zone", "Europe/Berlin"),
        (message("[group.\"3b\"]\nclock = \"turns\"\n"), 2, "group.3b.clock", "toggle"),
    ] {
        assert!(text.starts_with(&format!("m.toml, line {line}: `{key}`: ")), "{text}");
        assert!(text.contains(said), "{text}");
    }
}

/// Every key of the whole configuration that takes a number, found by asking each key for one: a key
/// that says what numbers it wants when it is given a text is one of them.
fn numeric_keys() -> Vec<(&'static str, &'static str, String)> {
    all_keys()
        .filter_map(|(table, key)| {
            let text = format!("{}\n{key} = \"text\"\n", heading(table));
            let error = Typed::parse(&text, Path::new("m.toml")).err()?;
            let error = error.to_string();
            let (_, expected) = error.split_once("invalid type: string \"text\", expected ")?;
            // What wants `true` or `false`, or a list of words, wants no number.
            let is_number =
                ["a boolean", "a sequence", "a map"].iter().all(|other| !expected.starts_with(other));
            is_number.then(|| (table, key, expected.to_owned()))
        })
        .collect()
}

#[test]
fn controls_are_whatever_a_camera_calls_them() {
    let text = "[source]\ndistance_m = 0.5\n[source.controls]\ngain = 3\n\"Auto Exposure\" = \"Manual Mode\"\nx = true\n";
    let controls = Typed::parse(text, Path::new("m.toml")).unwrap().source.controls.unwrap();
    assert_eq!(controls.0.len(), 3);
    let error = message("[source.controls]\ngain = [1]\n");
    assert!(
        error.starts_with("m.toml, line 2: `source.controls.gain`: expected a whole number, true or"),
        "{error}"
    );
    let error = message("[source]\ncontrol = { gain = 1 }\n");
    assert!(error.contains("did you mean `controls`?"), "{error}");
}

#[test]
fn every_number_out_of_range_names_its_key_and_line() {
    let keys = numeric_keys();
    for (table, key, expected) in &keys {
        for value in
            ["-1", "-0.001", "nan", "-nan", "inf", "-inf", "1e9", "9223372036854775807", "4294967297"]
        {
            let error = message(&format!("# a comment\n\n{}\n{key} = {value}\n", heading(table)));
            assert!(error.starts_with(&format!("m.toml, line 4: `{}`: ", full(table, key))), "{error}");
            assert!(error.contains(expected.as_str()), "{table}.{key} = {value}: {error}");
        }
        // What lies just outside of what the key itself says it wants.
        for outside in just_outside(expected) {
            let error = message(&format!("{}\n{key} = {outside}\n", heading(table)));
            assert!(error.contains(expected.as_str()), "{table}.{key} = {outside}: {error}");
        }
    }
    let names: Vec<String> = keys.iter().map(|(table, key, _)| format!("{table}.{key}")).collect();
    // So that a change of the parser's words does not empty the list: every number of the sample is in it.
    let sample = include_str!("../../../data/muster.toml");
    let mut table = "";
    for line in sample.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            // Of what the site names, and of lists, the table alone.
            table = match name {
                "source.controls" => name,
                _ => name.trim_matches(['[', ']']).split('.').next().unwrap_or_default(),
            };
        } else if let Some((key, value)) = line.split_once(" = ")
            && value.parse::<f64>().is_ok()
            // What a camera names is in no list.
            && table != "source.controls"
        {
            assert!(names.contains(&format!("{table}.{key}")), "{table}.{key} is not among {names:?}");
        }
    }
}

/// Numbers outside of `a share above 0 and at most 1` or `pixels from 0 to 500`.
fn just_outside(expected: &str) -> Vec<String> {
    let numbers: Vec<f64> = expected.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [least, most] = numbers[..] else { panic!("`{expected}` does not name its least and its most") };
    let whole = expected.starts_with("a whole number");
    let step = if whole { 1.0 } else { (most - least) / 1000.0 };
    let mut outside = vec![least - step, most + step];
    outside.extend(expected.contains("above").then_some(least));
    outside.iter().map(|value| if whole { format!("{value:.0}") } else { format!("{value:?}") }).collect()
}

#[test]
fn numbers_at_their_ends_are_taken() {
    for (table, key, expected) in numeric_keys() {
        let numbers: Vec<f64> = expected.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let ends = numbers.iter().skip(usize::from(expected.contains("above")));
        for end in ends {
            // A session or a hook needs more than one key: whatever else is wrong with it, this one is not.
            let parsed = Typed::parse(&format!("{}\n{key} = {end}\n", heading(table)), Path::new("m.toml"));
            let said = parsed.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!said.contains(&full(table, key)), "{said}");
            assert!(said.is_empty() || ["session", "hook", "sources"].contains(&table), "{said}");
        }
    }
}

#[test]
fn a_number_with_a_fraction_is_no_whole_number() {
    let error = message("[recognition]\nvotes = 1.5\n");
    assert!(
        error.starts_with("m.toml, line 2: `recognition.votes`: ") && error.contains("from 1 to 60"),
        "{error}"
    );
}

#[test]
fn texts_that_name_nothing_are_refused_with_what_is_expected() {
    for (table, key, value, expected) in [
        ("inference", "device", "gpu", "expected auto, cpu, cuda or cuda:N, tensorrt"),
        ("source", "default", "screen:0", "expected camera:N"),
        ("source", "region", "0,0,2,1", "expected X,Y,WIDTH,HEIGHT"),
        ("source", "name", "", "1 to 40 signs"),
        ("attendance", "day_rollover", "24:00", "expected HH:MM"),
        ("attendance", "day_rollover", "4:00", "expected HH:MM"),
        ("log", "level", "loud", "expected error, warn"),
        ("models", "pack", "../x", "expected 1 to 64 letters"),
    ] {
        let error = message(&format!("[{table}]\n{key} = \"{value}\"\n"));
        assert!(error.starts_with(&format!("m.toml, line 2: `{table}.{key}`: ")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn unknown_keys_are_refused_with_the_line_and_a_suggestion() {
    assert_eq!(
        message("[recognition]\ntreshold = 0.5\n"),
        "m.toml, line 2: unknown key `recognition.treshold`; did you mean `threshold`?"
    );
    assert_eq!(
        message("[recogniton]\nthreshold = 0.5\n"),
        "m.toml, line 1: unknown key `recogniton`; did you mean `recognition`?"
    );
    assert_eq!(
        message("votes = 3\n"),
        "m.toml, line 1: unknown key `votes`; `votes` belongs under [recognition]"
    );
    assert_eq!(
        message("[models]\nzzz = 1\n"),
        "m.toml, line 2: unknown key `models.zzz`; known here: dir, pack"
    );
    // The first one in the file, whatever the order of the tables.
    assert!(message("[source]\nxyz = 1\n[data]\nabc = 1\n").contains("source.xyz"));
}

#[test]
fn a_table_that_is_none_and_broken_syntax_are_refused() {
    assert!(message("log = 3\n").starts_with("m.toml, line 1: `log`: "), "{}", message("log = 3\n"));
    assert!(message("[log]\nlevel = \"info\n").starts_with("m.toml, line 2: not valid TOML: "));
    assert!(message(&" ".repeat(SIZE_LIMIT_BYTES + 1)).contains("at most"));
}

#[test]
fn a_byte_order_mark_is_no_key() {
    assert_eq!(Typed::parse("\u{FEFF}", Path::new("m.toml")).unwrap(), Typed::default());
}

/// Seeded: bytes of a valid file are changed, cut and doubled; whatever comes, no panic.
#[test]
fn mutations_of_the_sample_never_panic() {
    let seed = 0x6d75_7374_6572_u64;
    println!("seed {seed:#x}");
    let sample = include_str!("../../../data/muster.toml").replace("# ", "");
    let mut state = seed;
    let mut next = |below: usize| {
        // Knuth's linear congruential generator (MMIX); the high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..2_000 {
        let mut bytes = sample.clone().into_bytes();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = next(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, b"[]=\"'\n.#-0"[next(10)]),
                _ => bytes.extend_from_within(at..),
            }
            if bytes.is_empty() {
                bytes.push(b'=');
            }
        }
        let _ = Typed::parse(&String::from_utf8_lossy(&bytes), Path::new("m.toml"));
    }
}
