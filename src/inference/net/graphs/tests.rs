//! Without a runtime: what is kept, used, removed and told. With one: that kept nets say the same.

mod nets;

use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::inference::Card;

/// A net of a built-in card; its content does not matter here.
fn net(card: &str) -> NetFile {
    Card::find(Path::new("/nonexistent"), card).unwrap().files[0].clone()
}

fn graphs(folder: &Path, cpu: &str) -> Graphs {
    let machine = Machine { runtime: "a runtime".to_owned(), cpu: cpu.to_owned() };
    Graphs { folder: folder.to_owned(), machine: Some(machine), has_told: Arc::default() }
}

/// The folder, not there yet, in one that goes at the end.
fn folder() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state/graphs");
    (home, folder)
}

fn refused(detail: &str) -> InferenceError {
    InferenceError::Runtime { step: "load it".to_owned(), detail: detail.to_owned() }
}

/// A runtime that optimises `net` to `optimised net`, and says from what it made a session.
fn make(bytes: &[u8], graph: Graph<'_>) -> Result<&'static str, InferenceError> {
    match graph {
        Graph::Own => Ok("own"),
        Graph::WrittenTo(path) => {
            let written = [b"optimised ", bytes].concat();
            std::fs::write(path, written).map_err(|error| refused(&error.to_string()))?;
            Ok("written")
        }
        Graph::Kept if bytes == b"optimised net" => Ok("kept"),
        Graph::Kept => Err(refused("it is no net")),
    }
}

/// The session, and what was told.
fn load(graphs: &Graphs, file: &NetFile) -> (&'static str, Vec<String>) {
    let mut told = Vec::new();
    let session = graphs.load(file, b"net", make, |trouble| told.push(trouble)).unwrap();
    (session, told)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn place(graphs: &Graphs, file: &NetFile) -> Place {
    Place::of(&graphs.folder, file, graphs.machine.as_ref().unwrap(), GRAPH_OPTIONS)
}

/// Whether nothing but the whole pair of `file` is there.
fn has_only_pair(graphs: &Graphs, file: &NetFile) -> bool {
    let place = place(graphs, file);
    let expected = [&place.graph, &place.note].map(|path| path.file_name().unwrap().to_str().unwrap());
    names(&graphs.folder) == expected && matches!(graphs.kept(&place), Ok(Some(_)))
}

/// What a net is written anew to is another net, and made only where it is not kept.
#[test]
fn other_options_are_another_pair_and_bytes_that_are_kept_are_not_made() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    let load_made = |own: &dyn Fn() -> Result<Cow<'static, [u8]>, InferenceError>| {
        graphs.load_made(&file, "slim", own, make, |trouble| panic!("{trouble}"))
    };
    assert_eq!(load(&graphs, &file).0, "kept");
    assert!(load_made(&|| Err(refused("it differs"))).is_err());
    assert!(has_only_pair(&graphs, &file), "what was not made is kept, or something went for it");
    assert_eq!(load_made(&|| Ok(Cow::Borrowed(b"net"))).unwrap(), "kept");
    assert_eq!(load_made(&|| panic!("it is kept")).unwrap(), "kept");
    assert!(!has_only_pair(&graphs, &file), "both pairs have one name");
}

#[test]
fn a_net_is_optimised_once_and_then_only_read() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    let steps = RefCell::new(Vec::new());
    let noting = |bytes: &[u8], graph: Graph<'_>| {
        steps.borrow_mut().push(match graph {
            Graph::Own => "own",
            Graph::WrittenTo(_) => "written",
            Graph::Kept => "kept",
        });
        make(bytes, graph)
    };
    for expected in [&["written", "kept"][..], &["kept"], &["kept"]] {
        assert_eq!(graphs.load(&file, b"net", noting, |trouble| panic!("{trouble}")).unwrap(), "kept");
        assert_eq!(steps.take(), expected);
    }
    assert!(has_only_pair(&graphs, &file), "{:?}", names(&folder));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = place(&graphs, &file);
    assert_eq!((mode(&folder), mode(&place.graph), mode(&place.note)), (0o700, 0o600, 0o600));
    let note = std::fs::read_to_string(&place.note).unwrap();
    assert!(note.contains("net = \"onet.onnx\"") && note.contains("cpu = \"a cpu\""), "{note}");
}

#[test]
fn whatever_is_damaged_is_told_removed_and_made_anew() {
    type Damage = fn(&Place);
    fn change(path: &Path, how: impl Fn(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(path).unwrap();
        how(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }
    fn replace(path: &Path, from: &str, to: &str) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
    let damages: [(Damage, &str); 10] = [
        (|place| change(&place.graph, |bytes| bytes[3] ^= 1), ".onnx cannot be used: 13 bytes with SHA-256"),
        (|place| change(&place.graph, |bytes| bytes.truncate(5)), "and it has 5 with"),
        (|place| change(&place.graph, |bytes| bytes.push(0)), "and it has 14 with"),
        (|place| std::fs::remove_file(&place.graph).unwrap(), ".onnx cannot be used: No such file"),
        (|place| change(&place.note, |bytes| bytes.truncate(40)), ".toml cannot be used: "),
        (|place| change(&place.note, |bytes| bytes.fill(0xff)), ".toml cannot be used: invalid utf-8"),
        (|place| replace(&place.note, "\nsha256 = \"", "\nsha256 = \"0"), "bytes with SHA-256 0"),
        (|place| replace(&place.note, "size_bytes = 13", "size_bytes = 12"), "12 bytes with SHA-256"),
        (|place| replace(&place.note, &place.key, &"0".repeat(64)), "it is about something else"),
        (
            |place| {
                // Whole, by its note, and nothing that the runtime takes.
                let good = digest(b"optimised net").to_string();
                std::fs::write(&place.graph, b"optimised nut").unwrap();
                replace(&place.note, &good, &digest(b"optimised nut").to_string());
            },
            "it is no net",
        ),
    ];
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    load(&graphs, &file);
    for (damage, expected) in damages {
        damage(&place(&graphs, &file));
        let (session, told) = load(&graphs, &file);
        assert_eq!(session, "kept", "{expected}");
        assert!(told.len() == 1 && told[0].contains(expected), "{told:?}: {expected}");
        assert!(told[0].contains("onet.onnx is loaded from its own file"), "{told:?}");
        assert!(has_only_pair(&graphs, &file), "{:?}", names(&folder));
        assert_eq!(load(&graphs, &file), ("kept", Vec::new()));
    }
}

#[test]
fn a_damaged_pair_is_gone_even_where_no_other_can_be_written() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    load(&graphs, &file);
    std::fs::write(&place(&graphs, &file).graph, b"junk").unwrap();
    let full = |bytes: &[u8], graph: Graph<'_>| match graph {
        Graph::WrittenTo(_) => Err(refused("No space left on device")),
        other => make(bytes, other),
    };
    let mut told = Vec::new();
    assert_eq!(graphs.load(&file, b"net", full, |trouble| told.push(trouble)).unwrap(), "own");
    assert!(told.len() == 2 && told[1].contains("No space left on device"), "{told:?}");
    assert_eq!(names(&folder), Vec::<String>::new());
}

#[test]
fn another_processor_runtime_or_content_is_another_net_and_the_older_one_goes() {
    let (_home, folder) = folder();
    let (file, other) = (net("onet"), net("rfb-320"));
    let before = graphs(&folder, "a cpu");
    load(&before, &file);
    load(&before, &other);
    std::fs::write(folder.join("somebody's.onnx"), b"kept").unwrap();
    let orphan = folder.join(format!("{}.onnx", "a".repeat(STEM)));
    std::fs::write(&orphan, b"without its note").unwrap();

    let here = graphs(&folder, "another cpu");
    assert!(matches!(here.kept(&place(&here, &file)), Ok(None)));
    assert_eq!(load(&here, &file), ("kept", Vec::new()));
    assert!(matches!(before.kept(&place(&before, &file)), Ok(None)), "the older pair is there");
    assert!(matches!(before.kept(&place(&before, &other)), Ok(Some(_))), "another net's pair is gone");
    assert!(!orphan.exists());
    assert_eq!(names(&folder).len(), 5, "{:?}", names(&folder));

    let mut newer = here.clone();
    newer.machine.as_mut().unwrap().runtime += " of another build";
    assert_ne!(place(&newer, &file).key, place(&here, &file).key);
    let mut changed = file.clone();
    changed.sha256 = digest(b"another content");
    assert_eq!(load(&here, &changed), ("kept", Vec::new()));
    assert!(matches!(here.kept(&place(&here, &file)), Ok(None)), "the older content's pair is there");
}

#[test]
fn a_folder_that_takes_nothing_is_told_once_and_hinders_nothing() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), b"no folder").unwrap();
    let open = home.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    // This one takes no files from anybody, root neither.
    let read_only = PathBuf::from("/proc/self");
    for folder in [home.path().join("file/graphs"), home.path().join("file"), open.clone(), read_only] {
        let graphs = graphs(&folder, "a cpu");
        let (session, told) = load(&graphs, &net("onet"));
        assert_eq!(session, "own", "{}", folder.display());
        let expected = format!("optimised nets cannot be kept in {}: ", folder.display());
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
        assert_eq!(load(&graphs, &net("rfb-320")), ("own", Vec::new()));
    }
    assert_eq!(names(&open), Vec::<String>::new());
}

#[test]
fn a_pair_that_others_may_write_is_not_used() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    load(&graphs, &file);
    let graph = place(&graphs, &file).graph;
    std::fs::set_permissions(&graph, PermissionsExt::from_mode(0o666)).unwrap();
    let (session, told) = load(&graphs, &file);
    assert_eq!(session, "kept");
    assert!(told.len() == 1 && told[0].contains("another user owns it or may write it"), "{told:?}");
    assert_eq!(std::fs::metadata(&graph).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_loaded_again_is_not_kept() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    let short = |bytes: &[u8], graph: Graph<'_>| match graph {
        Graph::WrittenTo(path) => {
            std::fs::write(path, b"optim").unwrap();
            Ok("written")
        }
        other => make(bytes, other),
    };
    let mut told = Vec::new();
    assert_eq!(graphs.load(&file, b"net", short, |trouble| told.push(trouble)).unwrap(), "written");
    assert!(told.len() == 1 && told[0].contains("it is no net"), "{told:?}");
    assert_eq!(names(&folder), Vec::<String>::new());
}

#[test]
fn a_net_that_is_wrong_itself_is_the_error_that_it_always_was() {
    let (_home, folder) = folder();
    let graphs = graphs(&folder, "a cpu");
    let never = |_: &[u8], _: Graph<'_>| Err::<(), _>(refused("it is wrong"));
    let error = graphs.load(&net("onet"), b"net", never, |trouble| panic!("{trouble}")).unwrap_err();
    assert!(error.to_string().contains("it is wrong"), "{error}");
    assert_eq!(names(&folder), Vec::<String>::new());
}

#[test]
fn what_a_killed_process_left_is_not_used_and_does_not_stay() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    let place = place(&graphs, &file);
    let left = Unfinished::new(&folder);
    for path in [&left.graph, &left.note, &place.graph] {
        std::fs::write(path, b"optimised net").unwrap();
    }
    std::mem::forget(left);
    assert!(matches!(graphs.kept(&place), Ok(None)));
    assert_eq!(load(&graphs, &file), ("kept", Vec::new()));
    assert!(has_only_pair(&graphs, &file), "{:?}", names(&folder));
}

#[test]
fn while_another_process_writes_the_net_comes_from_its_own_file() {
    let (_home, folder) = folder();
    let (graphs, file) = (graphs(&folder, "a cpu"), net("onet"));
    let lock = graphs.locked().unwrap().expect("nobody has it");
    assert_eq!(load(&graphs, &file), ("own", Vec::new()));
    assert_eq!(names(&folder), Vec::<String>::new());
    drop(lock);
    assert_eq!(load(&graphs, &file), ("kept", Vec::new()));
}

#[test]
fn many_at_once_leave_one_whole_pair() {
    let (_home, folder) = folder();
    let file = net("onet");
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // As of processes of their own.
                let graphs = graphs(&folder, "a cpu");
                start.wait();
                for _ in 0..20 {
                    let (session, told) = load(&graphs, &file);
                    assert!(["own", "kept"].contains(&session) && told.is_empty(), "{session}: {told:?}");
                }
            });
        }
    });
    assert!(has_only_pair(&graphs(&folder, "a cpu"), &file), "{:?}", names(&folder));
}
