//! The self-test on presentations that are made up: what is counted, said and noted.

use std::collections::HashMap;
use std::io::Cursor;

use clap::Parser;
use proptest::prelude::*;
use serde_json::Value;

use super::super::args::{Cli, Command as Subcommand};
use super::super::fake::{Fake, Ran, Script, entry, ran};
use super::*;
use crate::engine::Command as Asked;
use crate::ledger::EntryKind;

/// Scores by file name, and those of the live presentations in their order.
struct Made {
    subject: Subject,
    files: HashMap<&'static str, Option<f32>>,
    live: std::collections::VecDeque<Option<f32>>,
}

impl Made {
    fn new(files: &[(&'static str, Option<f32>)], live: &[Option<f32>]) -> Self {
        let subject = Subject {
            pack: "default".into(),
            model: "minifasnet-3".into(),
            provider: "CPU".into(),
            threshold: 0.5,
        };
        Self { subject, files: files.iter().copied().collect(), live: live.iter().copied().collect() }
    }
}

fn tally(score: Option<f32>) -> Tally {
    let mut tally = Tally::default();
    tally.add(None);
    tally.add(Some(score.map_or(Liveness::NotMeasurable, Liveness::Score)));
    tally
}

impl Presenter for Made {
    fn subject(&self) -> &Subject {
        &self.subject
    }
    fn watch(&mut self, _frames: u32) -> Result<Tally, CliError> {
        Ok(tally(self.live.pop_front().expect("no more was shown than was made up")))
    }
    fn play(&mut self, path: &Path, _frames: u32) -> Result<Tally, CliError> {
        let name = path.file_name().unwrap().to_str().unwrap();
        let score = self.files.get(name).ok_or_else(|| CliError::usage(format!("{name}: no picture")))?;
        Ok(tally(*score))
    }
}

fn engine() -> Fake {
    let respond = |command: &Asked| match command {
        Asked::NotePadTest { .. } => Ok(Reply::Written(entry(9, 0, EntryKind::PadTested, None))),
        _ => Ok(Reply::Done),
    };
    Fake::start(Script { respond: Box::new(respond), ..Script::default() })
}

fn test(fake: &Fake, made: &mut Made, words: &[&str], typed: &str) -> Ran {
    let words = ["muster", "pad-test"].iter().chain(words);
    let cli = Cli::try_parse_from(words).unwrap();
    let Some(Subcommand::PadTest(args)) = &cli.command else { panic!("{cli:?}") };
    ran(cli.global.json, |out| run(&fake.handle, args, made, &mut Cursor::new(typed.to_owned()), out))
}

fn noted(fake: &Fake) -> Vec<String> {
    let figures = |command| match command {
        Asked::NotePadTest { figures } => figures,
        other => panic!("{other:?}"),
    };
    fake.commands().into_iter().map(figures).collect()
}

#[test]
fn live_presentations_are_asked_for_one_by_one_and_counted_by_kind() {
    let fake = engine();
    let mut made = Made::new(&[], &[Some(0.9), Some(0.4), Some(0.1), Some(0.7), None, Some(0.02)]);
    let typed = "genuine\n\nprint\n\nScreen!\nscreen\nprint\ndone\n";
    let ran = test(&fake, &mut made, &["--source", "camera:0"], typed);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in [
        "genuine: looks live 0.90, 1 of 2 frames",
        "genuine: looks like an attack 0.40, 1 of 2 frames",
        "screen: could not be measured, 0 of 2 frames",
        "BPCER 1 of 2, 1.3 to 98.7 %",
        "APCER 1 of 3, 0.8 to 90.6 %",
        "APCER 0 of 0, says nothing",
        "1 of 1, at least 2.5 %",
        "see APNRR as attacks that passed",
        "entry 9. No picture was kept.",
    ] {
        assert!(ran.out.contains(line), "no `{line}` in\n{}", ran.out);
    }
    assert!(ran.err.contains("`Screen!` is no kind of presentation"), "{}", ran.err);
    assert!(ran.err.contains("presentation 2: what is before the camera? [genuine]"), "{}", ran.err);
    assert_eq!(
        noted(&fake),
        [
            "pack default, minifasnet-3 at 0.50, live presentations of 10 frames; BPCER 1 of 2, 1.3 to 98.7 %; BPNRR 0 \
             of 2, at most 84.2 %; print: APCER 1 of 3, 0.8 to 90.6 %; APNRR 0 of 3, at most 70.8 %; screen: APCER 0 of \
             0, says nothing; APNRR 1 of 1, at least 2.5 %"
        ]
    );
}

/// The figures of the standard example: twenty without an error are at most 16.8 %.
#[test]
fn twenty_without_an_error_are_at_most_16_8_percent() {
    let fake = engine();
    let mut made = Made::new(&[], &[Some(0.0); 20]);
    let typed = format!("print\n{}", "\n".repeat(19));
    let ran = test(&fake, &mut made, &["--source", "camera:0", "--json"], &typed);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, each) = lines.split_last().unwrap();
    assert_eq!(each.len(), 20);
    assert!(each.iter().all(|line| line["outcome"] == "attack" && line["presented"] == "print"));
    let apcer = &last["attacks"][0]["apcer"];
    assert_eq!((&apcer["events"], &apcer["of"]), (&0.into(), &20.into()));
    assert!((apcer["most"].as_f64().unwrap() - 0.168).abs() < 0.001, "{apcer}");
    assert_eq!(
        (&last["genuine"], &last["sequence"], &last["recorded"]),
        (&Value::Null, &9.into(), &false.into())
    );
    assert!(noted(&fake)[0].contains("print: APCER 0 of 20, at most 16.8 %"));
}

#[test]
fn folders_and_scripts_name_recorded_presentations() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["g/b2.jpg", "g/b10.jpg", "g/.hidden", "p/a.jpg", "p/folder/1.jpg"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(
        folder.path().join("s.toml"),
        "[[presentation]]\nkind = 'mask'\npath = 'p/a.jpg'\n[[presentation]]\nkind = 'genuine'\npath = 'g/b2.jpg'\n",
    )
    .unwrap();
    let files = [("b2.jpg", Some(0.8)), ("b10.jpg", None), ("a.jpg", Some(0.6)), ("folder", Some(0.1))];
    let fake = engine();
    let (script, genuine, attack) = (at("s.toml"), at("g"), format!("print={}", at("p")));
    let words = ["--script", &script, "--genuine", &genuine, "--attack", &attack, "--json"];
    let ran = test(&fake, &mut Made::new(&files, &[]), &words, "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<(&str, &str)> = lines[..lines.len() - 1]
        .iter()
        .map(|line| (line["presented"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("mask", "live"),
            ("genuine", "live"),
            ("genuine", "live"),
            ("genuine", "not_measurable"),
            ("print", "live"),
            ("print", "attack"),
        ]
    );
    assert_eq!(lines.last().unwrap()["genuine"]["bpnrr"]["of"], 3);
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("kind.toml", "[[presentation]]\nkind = 'Ma sk'\npath = 'kind.toml'\n");
    write("gone.toml", "[[presentation]]\nkind = 'mask'\npath = 'gone.jpg'\n");
    write("key.toml", "[[presentation]]\nkind = 'mask'\npath = 'key.toml'\nfile = 3\n");
    write("empty.toml", "presentation = []\n");
    std::fs::create_dir(folder.path().join("none")).unwrap();
    for (flag, name, said) in [
        ("--script", "kind.toml", "`Ma sk` is no kind of presentation"),
        ("--script", "gone.toml", "gone.jpg: it is not there"),
        ("--script", "key.toml", "unknown field `file`"),
        ("--script", "empty.toml", "nothing was presented"),
        ("--script", "missing.toml", "missing.toml: No such file"),
        ("--genuine", "none", "there is no presentation in it"),
        ("--genuine", "kind.toml", "kind.toml: Not a directory"),
    ] {
        let fake = engine();
        let ran = test(&fake, &mut Made::new(&[], &[]), &[flag, &at(name)], "");
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(ran.err.contains(said), "{name}: {}", ran.err);
        assert!(noted(&fake).is_empty(), "{name}");
    }
    let fake = engine();
    let ran = test(&fake, &mut Made::new(&[], &[]), &["--source", "camera:0"], "");
    assert!(ran.code == 2 && noted(&fake).is_empty(), "{}", ran.err);
}

proptest! {
    /// Every presentation is in exactly one count, and every interval holds its share.
    #[test]
    fn nothing_is_counted_twice_or_lost(shown in prop::collection::vec((0usize..4, prop::option::of(any::<bool>())), 1..60)) {
        let kinds: Vec<Kind> = ["genuine", "print", "screen", "mask"].map(|kind| kind.parse().unwrap()).into();
        let mut figures = Figures::new();
        for (kind, looks_live) in &shown {
            figures.add(&kinds[*kind], *looks_live);
        }
        let shares: Vec<(Share, Share)> = figures
            .genuine()
            .map(|genuine| (genuine.bpcer, genuine.bpnrr))
            .into_iter()
            .chain(figures.attacks().iter().map(|attack| (attack.apcer, attack.apnrr)))
            .collect();
        prop_assert_eq!(shares.iter().map(|(_, all)| all.of).sum::<u32>() as usize, shown.len());
        for (error, silence) in shares {
            prop_assert_eq!(error.of + silence.events, silence.of);
            for share in [error, silence] {
                let value = if share.of == 0 { 0.0 } else { f64::from(share.events) / f64::from(share.of) };
                prop_assert!(share.least <= value + 1e-9 && value <= share.most + 1e-9, "{:?}", share);
            }
        }
    }
}
