use std::ffi::OsString;
use std::fs;

use tempfile::TempDir;

use super::*;
use crate::attendance::SourceRole;

/// A machine in a folder: a root, a home, and a place where the process was started.
struct Machine {
    root: TempDir,
    environment: Environment,
}

fn machine() -> Machine {
    let root = tempfile::tempdir().unwrap();
    for folder in ["home/ana", "work", "etc"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let mut environment = Environment {
        current_dir: root.path().join("work"),
        system_root: root.path().to_owned(),
        uid: rustix::process::getuid().as_raw(),
        ..Environment::default()
    };
    let home: OsString = root.path().join("home/ana").into();
    environment.variables.insert("HOME".into(), home);
    Machine { root, environment }
}

impl Machine {
    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.variables.insert(name.into(), value.into());
    }

    fn resolve(&self, flags: &Flags) -> Effective {
        Effective::resolve(flags, &self.environment).unwrap()
    }
}

#[test]
fn the_sample_says_what_the_defaults_are() {
    let machine = machine();
    let defaults = machine.resolve(&Flags::default());
    let path = machine.write("sample.toml", include_str!("../../../data/muster.toml"));
    let sample = machine.resolve(&Flags { config: Some(path), ..Flags::default() });
    let recognition = |r: &Recognition| {
        (
            (r.threshold.value, r.target_fpir.value, r.threshold_floor.value, r.margin.value, r.votes.value),
            (r.undecided_seconds.value, r.debounce_seconds.value),
            (r.passages_a_day.value, r.stranger_share.value),
        )
    };
    let values = |e: &Effective| {
        (
            (e.data_dir.value.clone(), e.models_dir.value.clone(), e.pack.value.clone(), e.device.value),
            (
                e.source().spec.value.clone(),
                e.source().settings.view(),
                e.source().settings.check_certificate.value,
            ),
            (e.source().settings.distance_m.value, e.source().settings.controls.value.clone()),
            recognition(&e.recognition),
            (e.liveness_mode.value, e.liveness_threshold.value, e.shots.value, e.keep_crops.value),
            (e.quality.limits(), e.inbox_hours.value),
            (
                (e.attendance.day_rollover.value, e.attendance.zone.value, e.source().settings.role.value),
                e.attendance.rules.clone(),
                e.log_level.value,
                (e.log_keep_days.value, e.ledger.clone().head_minutes.value, e.ledger.queue_entries.value),
                e.screen.mouse.value,
                e.screen.theme.value.clone(),
                (e.kiosk.sound.value, e.screen.graphics.value, e.screen.picture.value),
            ),
        )
    };
    assert_eq!(values(&sample), values(&defaults));
    // And it names every one of them: a value that is not commented out came from the file.
    assert_eq!(sample.to_toml().matches("# file").count(), 58, "{}", sample.to_toml());
}

#[test]
fn the_sample_is_right_about_keys_that_are_commented_out() {
    let text = include_str!("../../../data/muster.toml")
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with('[') => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    // One source or several.
    let (before, rest) = text.split_once("[source]\n").unwrap();
    let (one, rest) = rest.split_once("[sources.front]\n").unwrap();
    let (several, after) = rest.split_once("[recognition]\n").unwrap();
    let several = format!("{before}[sources.front]\n{several}[recognition]\n{after}");
    assert_eq!(Typed::parse(&several, Path::new("sample")).unwrap().sources.len(), 2);
    let text = format!("{before}[source]\n{one}[recognition]\n{after}");
    let typed = Typed::parse(&text, Path::new("sample")).unwrap();
    assert!(typed.source.controls.is_some());
    assert!(typed.data.dir.is_some() && typed.models.dir.is_some() && typed.recognition.threshold.is_some());
    assert_eq!((typed.group.0.len(), typed.session.len(), typed.holiday.len()), (1, 1, 1));
    assert_eq!(typed.hook.len(), 1);
}

#[test]
fn what_is_said_of_a_source_goes_for_that_source() {
    let machine = machine();
    let text = "[source]\ndefault = \"camera:1\"\nname = \"yard\"\nrotate = 90\nregion = \"0,0,0.5,1\"\nmirror = true\n";
    machine.write("etc/muster/muster.toml", text);
    let seen = |source: Option<&str>, source_flags: SourceFlags| {
        let source = source.map(|source| source.parse().unwrap());
        let effective = machine.resolve(&Flags { source, source_flags, ..Flags::default() });
        let settings = &effective.source().settings;
        (effective.source().name(), settings.view().turn.degrees(), settings.view().mirrored)
    };
    let none = SourceFlags::default;
    assert_eq!(seen(None, none()), ("yard".into(), 90, true));
    assert_eq!(seen(Some("camera:1"), none()), ("yard".into(), 90, true));
    assert_eq!(seen(Some("camera:2"), none()), ("camera:2".into(), 0, false));
    let flags = SourceFlags { mirror: Some(false), rotate: Some(180.try_into().unwrap()), ..none() };
    assert_eq!(seen(None, flags.clone()), ("yard".into(), 180, false));
    assert_eq!(seen(Some("camera:2"), flags), ("camera:2".into(), 180, false));
}

#[test]
fn a_camera_is_opened_as_the_file_says_and_that_is_shown() {
    let machine = machine();
    let text = "[source]\ndistance_m = 1.5\n[source.controls]\ngain = 3\nauto_exposure = \"Manual Mode\"\n[quality]\n\
                least_inter_eye_px = 20\n";
    machine.write("etc/muster/muster.toml", text);
    let effective = machine.resolve(&Flags::default());
    let options = effective.source().settings.camera_options();
    assert_eq!((options.wanted.distance_m, options.wanted.least_inter_eye_px), (1.5, 20.0));
    assert_eq!(options.controls.0.len(), 2);
    let shown = effective.to_toml();
    assert!(
        shown.contains("controls = { \"auto_exposure\" = \"Manual Mode\", \"gain\" = 3 }  # file"),
        "{shown}"
    );
    assert_eq!(Typed::parse(&shown, Path::new("shown")).unwrap().source.controls, Some(options.controls));
    // Another source than the file's has neither.
    let other = machine.resolve(&Flags { source: Some("camera:7".parse().unwrap()), ..Flags::default() });
    assert!(other.source().settings.controls.value.0.is_empty());
}

#[test]
fn the_first_file_that_is_found_is_read_and_no_other() {
    let mut machine = machine();
    let pack_and_origin = |machine: &Machine, flags: &Flags| {
        let effective = machine.resolve(flags);
        (effective.pack.value.to_string(), effective.file.map(|file| file.origin))
    };
    let none = Flags::default();
    assert_eq!(pack_and_origin(&machine, &none), ("default".into(), None));

    machine.write("etc/muster/muster.toml", "[models]\npack = \"system\"\n");
    assert_eq!(pack_and_origin(&machine, &none).0, "system");
    machine.write("home/ana/.config/muster/muster.toml", "[models]\npack = \"home\"\n");
    assert_eq!(pack_and_origin(&machine, &none).0, "home");
    machine.write("xdg/muster/muster.toml", "[models]\npack = \"xdg\"\n");
    machine.set("XDG_CONFIG_HOME", machine.path("xdg"));
    assert_eq!(pack_and_origin(&machine, &none).0, "xdg");
    machine.write("work/named.toml", "[models]\npack = \"variable\"\n");
    machine.set("MUSTER_CONFIG", "named.toml");
    let variable = Some(Origin::Environment("MUSTER_CONFIG"));
    assert_eq!(pack_and_origin(&machine, &none), ("variable".into(), variable));
    let flag = machine.write("flag.toml", "[models]\npack = \"flag\"\n");
    let flags = Flags { config: Some(flag), ..none };
    assert_eq!(pack_and_origin(&machine, &flags), ("flag".into(), Some(Origin::Flag("--config"))));
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let mut machine = machine();
    let flags = Flags { config: Some("missing.toml".into()), ..Flags::default() };
    let error = Effective::resolve(&flags, &machine.environment).unwrap_err().to_string();
    assert!(error.contains("missing.toml") && error.contains("--config"), "{error}");
    machine.set("MUSTER_CONFIG", "/nowhere/x.toml");
    let error = Effective::resolve(&Flags::default(), &machine.environment).unwrap_err().to_string();
    assert!(error.contains("/nowhere/x.toml") && error.contains("MUSTER_CONFIG"), "{error}");
}

#[test]
fn a_relative_xdg_variable_does_not_count() {
    let mut machine = machine();
    machine.set("XDG_DATA_HOME", "relative");
    let effective = machine.resolve(&Flags::default());
    assert_eq!(effective.data_dir.value, machine.path("home/ana/.local/share/muster"));
}

#[test]
fn the_data_directory_is_found_in_the_documented_order() {
    let mut machine = machine();
    let at = |machine: &Machine, flags: &Flags| {
        let data_dir = machine.resolve(flags).data_dir;
        (data_dir.value, data_dir.origin)
    };
    let none = Flags::default();
    let home = machine.path("home/ana/.local/share/muster");
    assert_eq!(at(&machine, &none), (home.clone(), Origin::Default));
    machine.set("XDG_DATA_HOME", machine.path("share"));
    assert_eq!(at(&machine, &none).0, machine.path("share/muster"));
    // The system's counts only for its owner.
    fs::create_dir_all(machine.path("var/lib/muster")).unwrap();
    machine.environment.uid += 1;
    assert_eq!(at(&machine, &none).0, machine.path("share/muster"));
    machine.environment.uid -= 1;
    assert_eq!(at(&machine, &none).0, machine.path("var/lib/muster"));
    machine.write("etc/muster/muster.toml", "[data]\ndir = \"here\"\n");
    assert_eq!(at(&machine, &none), (machine.path("etc/muster/here"), Origin::File));
    machine.set("MUSTER_DATA_DIR", "variable");
    assert_eq!(at(&machine, &none), (machine.path("work/variable"), Origin::Environment("MUSTER_DATA_DIR")));
    let flags = Flags { data_dir: Some("/flag".into()), ..none };
    assert_eq!(at(&machine, &flags), ("/flag".into(), Origin::Flag("--data-dir")));
}

#[test]
fn the_models_folder_is_found_in_the_documented_order() {
    let mut machine = machine();
    let at = |machine: &Machine, flags: &Flags| machine.resolve(flags).models_dir.value;
    let none = Flags::default();
    assert_eq!(at(&machine, &none), machine.path("var/lib/muster/models"));
    // A program in a checkout's target folder finds that checkout's models from anywhere.
    fs::create_dir_all(machine.path("checkout/models/cards")).unwrap();
    machine.environment.executable = Some(machine.path("checkout/target/release/muster"));
    assert_eq!(at(&machine, &none), machine.path("checkout/models"));
    // A folder called models without cards is none of ours.
    fs::create_dir_all(machine.path("work/models")).unwrap();
    assert_eq!(at(&machine, &none), machine.path("checkout/models"));
    fs::create_dir_all(machine.path("work/models/cards")).unwrap();
    assert_eq!(at(&machine, &none), machine.path("work/models"));
    machine.write("etc/muster/muster.toml", "[models]\ndir = \"~/nets\"\n");
    assert_eq!(at(&machine, &none), machine.path("home/ana/nets"));
    machine.set("MUSTER_MODELS_DIR", machine.path("variable"));
    assert_eq!(at(&machine, &none), machine.path("variable"));
    let flags = Flags { models_dir: Some("flag".into()), ..none };
    assert_eq!(at(&machine, &flags), machine.path("work/flag"));
}

#[test]
fn without_a_home_a_data_directory_must_be_named() {
    let mut machine = machine();
    machine.environment.variables.clear();
    let error = Effective::resolve(&Flags::default(), &machine.environment).unwrap_err();
    assert!(matches!(error, ConfigError::NoHome));
    let flags = Flags { data_dir: Some("/d".into()), ..Flags::default() };
    assert_eq!(machine.resolve(&flags).state_dir, PathBuf::from("/d/log"));
}

#[test]
fn what_is_shown_as_effective_reads_back_as_itself() {
    let machine = machine();
    let text = "[data]\ndir = \"/a \\\"b\\\"\"\n[source]\ndefault = \"images:/x/*.jpg\"\n\
                [recognition]\nthreshold = 0.35\nvotes = 5\n[attendance]\nday_rollover = \"00:00\"\n";
    machine.write("etc/muster/muster.toml", text);
    let flags = Flags { device: Some(DeviceChoice::Cuda(1)), ..Flags::default() };
    let shown = machine.resolve(&flags).to_toml();
    assert!(shown.contains("device = \"cuda:1\"  # flag --device"), "{shown}");
    assert!(shown.contains("votes = 5  # file"), "{shown}");
    assert!(shown.contains("keep_days = 7  # default"), "{shown}");
    let typed = Typed::parse(&shown, Path::new("shown")).unwrap();
    assert_eq!(typed.data.dir, Some("/a \"b\"".into()));
    assert_eq!(typed.recognition.threshold.unwrap().threshold().0.0, 0.35);
    assert_eq!(typed.inference.device.unwrap().0, DeviceChoice::Cuda(1));
    assert_eq!(typed.attendance.day_rollover.unwrap().0.to_string(), "00:00");
}

#[test]
fn what_the_ledger_notes_of_the_configuration_has_every_key_and_no_secret() {
    let machine = machine();
    let text = concat!(
        "[store]\nkey = \"file:/elsewhere/my.key\"\n",
        "[source]\ndefault = \"rtsp://door:hunter2@cam/1\"\n",
        "[kiosk]\npin = \"$argon2id$v=19$m=19456,t=2,p=1$6HJ2cMll4eFRF/2sygfZSg$2FOjil8s57v71uc4E+n8HY7xpQy2KwOw7O1KUMrGtlg\"\n",
    );
    let path = machine.write("muster.toml", text);
    let effective = machine.resolve(&Flags { config: Some(path), ..Flags::default() });
    let values = effective.values();
    let of = |wanted: &str| values.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    assert_eq!(
        (of("recognition.votes"), of("recognition.threshold")),
        (Some("3"), Some("derived from target_fpir"))
    );
    assert_eq!((of("store.key"), of("retention.notes_days")), (Some("(not noted)"), Some("0")));
    assert!(of("kiosk.pin").is_some_and(|pin| pin.starts_with("set, ")), "{values:?}");
    let all = format!("{values:?}");
    for secret in ["hunter2", "argon2", "my.key"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    // Where a value came from is not part of it.
    assert!(
        values.iter().all(|(_, value)| !value.contains("# file") && !value.ends_with("default")),
        "{all}"
    );
}

#[test]
fn a_text_to_consent_to_must_be_there_and_have_a_version() {
    let machine = machine();
    let refused = |text: &str| {
        let path = machine.write("muster.toml", text);
        Effective::resolve(&Flags { config: Some(path), ..Flags::default() }, &machine.environment)
            .unwrap_err()
            .to_string()
    };
    assert!(refused("[consent]\nrequired = true\n").contains("consent.text"));
    assert!(refused("[consent]\ntext = \"no.md\"\nversion = \"1\"\n").contains("no.md cannot be read"));
    machine.write("empty.md", " \n");
    assert!(refused("[consent]\ntext = \"empty.md\"\nversion = \"1\"\n").contains("is empty"));
    machine.write("consent.md", "May we?\n");
    assert!(refused("[consent]\ntext = \"consent.md\"\n").contains("consent.version"));
    let path = machine.write("muster.toml", "[consent]\ntext = \"consent.md\"\nversion = \"2026-01\"\n");
    let effective = machine.resolve(&Flags { config: Some(path), ..Flags::default() });
    assert_eq!(effective.consent.name().as_deref(), Some("consent.md, version 2026-01"));
    assert_eq!(effective.consent.body.as_deref(), Some("May we?\n"));
}

#[test]
fn several_sources_are_watched_each_as_it_is_said() {
    let text = "[sources.yard]\nfrom = \"rtsp://u:secret@yard/1\"\nrole = \"out\"\nrotate = 90\n\
        [sources.front]\nfrom = \"camera:1\"\nname = \"front door\"\nrole = \"in\"\n";
    let machine = machine();
    machine.write("home/ana/.config/muster/muster.toml", text);
    let seen = |flags: &Flags| -> Vec<(String, String, SourceRole, u32)> {
        let watched = machine.resolve(flags).sources;
        let row = |source: &WatchedSource| {
            let settings = &source.settings;
            let turn = settings.view().turn.degrees();
            (source.name(), source.spec.value.to_string(), settings.role.value, turn)
        };
        watched.iter().map(row).collect()
    };
    let front = ("front door".to_owned(), "camera:1".to_owned(), SourceRole::In, 0);
    let yard = ("yard".to_owned(), "rtsp://***@yard/1".to_owned(), SourceRole::Out, 90);
    assert_eq!(seen(&Flags::default()), [front, yard.clone()]);
    let only = |name: &str| {
        let only = Some(name.parse().unwrap());
        Flags { source_flags: SourceFlags { only, ..SourceFlags::default() }, ..Flags::default() }
    };
    assert_eq!(seen(&only("yard")), [yard]);
    let one = Flags { source: Some("camera:7".parse().unwrap()), ..Flags::default() };
    assert_eq!(seen(&one), [("camera:7".to_owned(), "camera:7".to_owned(), SourceRole::Both, 0)]);
    let error = Effective::resolve(&only("gate"), &machine.environment).unwrap_err().to_string();
    assert!(error.contains("called gate: expected front, yard"), "{error}");
    // What is shown can be read back, and what is noted in the ledger holds no password.
    let shown = machine.resolve(&Flags::default()).to_toml();
    assert!(shown.contains("[sources.\"yard\"]") && shown.contains("from = \"camera:1\""), "{shown}");
    assert!(!format!("{:?}", machine.resolve(&Flags::default()).values()).contains("secret"));
}

#[test]
fn sources_that_are_not_clear_are_refused_with_the_line() {
    let error = |text: &str| Typed::parse(text, Path::new("m.toml")).unwrap_err().to_string();
    let both = error("[source]\ndefault = \"camera:0\"\n[sources.a]\nfrom = \"camera:1\"\n");
    assert!(both.starts_with("m.toml, line 1: `source`: ") && both.contains("one of the two"), "{both}");
    let twice = error("[sources.a]\nfrom = \"camera:1\"\n[sources.b]\nfrom = \"camera:2\"\nname = \"a\"\n");
    assert!(twice.starts_with("m.toml, line 3: `sources.b`: another source is called the same"), "{twice}");
    let nowhere = error("[sources.a]\nfrom = \"camera:1\"\n[sources.b]\nrole = \"in\"\n");
    assert!(nowhere.starts_with("m.toml, line 3: `sources.b`: expected `from`"), "{nowhere}");
}

#[test]
fn what_is_noted_has_groups_sessions_holidays_and_hooks_and_no_secret_of_them() {
    let machine = machine();
    let text = "[group.\"night shift\"]\nclock = \"toggle\"\ngrace_minutes = 15\n\
                [[session]]\nname = \"maths\"\ngroup = \"3b\"\ndays = [\"mon\", \"thu\"]\nfrom = \"08:00\"\nuntil = \"09:30\"\n\
                [[holiday]]\ndate = \"2026-12-24\"\nuntil = \"2027-01-06\"\n\
                [[hook]]\nname = \"a\"\ncommand = [\"/usr/bin/send\", \"hunter2\"]\nnames = true\n\
                [[hook]]\nname = \"b\"\nurl = \"https://pay.example/in?token=hunter2\"\nevents = [\"all\"]\n";
    machine.write("etc/muster/muster.toml", text);
    let values = machine.resolve(&Flags::default()).values();
    let of = |wanted: &str| values.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    assert_eq!(of("group.night shift"), Some("clock toggle, grace_minutes 15"));
    assert_eq!(of("session.1"), Some("maths for 3b, mon thu, 08:00 to 09:30, minutes 30 5 5"));
    assert_eq!(of("holiday.1"), Some("2026-12-24 to 2027-01-06"));
    assert_eq!(of("hook.a"), Some("to the program /usr/bin/send, records, with names"));
    assert_eq!(of("hook.b"), Some("to https://pay.example, all, without names"));
    assert!(!format!("{values:?}").contains("hunter2"));
}

#[test]
fn what_an_engine_says_of_its_site_is_enough_for_who_has_nothing() {
    let effective = Effective::of_site("[attendance]\nzone = \"Europe/Berlin\"\n").unwrap();
    assert_eq!(effective.attendance.zone.value.to_string(), "Europe/Berlin");
    assert_eq!(effective.data_dir.value, Path::new("/var/lib/muster"));
    assert!(Effective::of_site("").is_ok());
    assert!(Effective::of_site("[nonsense]\n").is_err());
}
