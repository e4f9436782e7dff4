//! Set-ups of small archives made here, with clients that are shell scripts.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;

fn sha(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

/// A gzipped tar of regular files and, where the content is `Err`, of symbolic links.
fn tgz(files: &[(&str, Result<&[u8], &str>)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match content {
            Ok(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, *bytes).unwrap();
            }
            Err(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, bytes) in files {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A set-up in a folder whose name has spaces: one npm package, one wheel, one sdist, one text.
struct Bench {
    folder: TempDir,
    catalogue: Catalogue,
    wanted: Vec<Wanted>,
    archives: Vec<(String, Vec<u8>)>,
    clients: Clients,
    stop: AtomicBool,
}

const NET: &[u8] = b"the net";
const LIBRARY: &[u8] = b"the library, which is longer";
const JUDGE: &[u8] = b"the judge";
const MANIFEST: &str = "file = \"lib.so\"\n";

impl Bench {
    fn new() -> Self {
        let archives = vec![
            ("net-1.0.0.tgz".to_owned(), tgz(&[("package/x", Ok(b"x")), ("package/net.onnx", Ok(NET))])),
            ("lib-1-py3.whl".to_owned(), wheel(&[("lib/capi/lib.so.1", LIBRARY)])),
            ("judge-2.tar.gz".to_owned(), tgz(&[("judge-2/judge.onnx", Ok(JUDGE))])),
        ];
        Self::with(archives)
    }

    fn with(archives: Vec<(String, Vec<u8>)>) -> Self {
        let folder = tempfile::Builder::new().prefix("a set up ").tempdir().unwrap();
        let mut list = String::new();
        for (file, bytes) in &archives {
            let id = file.split('-').next().unwrap();
            let registry = if file.ends_with(".tgz") { "npm" } else { "pypi" };
            let wheel = match file.ends_with(".whl") {
                true => "wheel = { python = '3.11', platform = 'manylinux_2_28_x86_64' }",
                false => "",
            };
            list += &format!(
                "[[package]]\nid='{id}'\nregistry='{registry}'\nname='{id}'\nversion='1'\nlicence='MIT'\n\
                 provenance=''\n[[package.archive]]\narchitecture='any'\nfile='{file}'\nsha256='{}'\n\
                 size_bytes={}\n{wheel}\n",
                sha(bytes),
                bytes.len()
            );
        }
        let catalogue = Catalogue::parse(&list, Path::new("test.toml")).unwrap();
        let mut bench = Self {
            wanted: Vec::new(),
            catalogue,
            archives,
            clients: Clients::on(""),
            stop: AtomicBool::new(false),
            folder,
        };
        bench.want("net", "package/net.onnx", "net.onnx", NET);
        bench.want("lib", "lib/capi/lib.so.1", "runtime/lib.so", LIBRARY);
        bench.want("judge", "judge-2/judge.onnx", "judge.onnx", JUDGE);
        bench.want("judge", "judge-2/judge.onnx", "again/judge.onnx", JUDGE);
        bench.wanted.push(Wanted {
            source: Source::Text(MANIFEST.into()),
            destination: bench.root().join("runtime/manifest.toml"),
            sha256: sha(MANIFEST.as_bytes()),
            size_bytes: MANIFEST.len() as u64,
        });
        bench.carry_over();
        bench
    }

    fn want(&mut self, package: &str, path: &str, destination: &str, bytes: &[u8]) {
        self.wanted.push(Wanted {
            source: Source::Package { package: package.into(), path: path.into() },
            destination: self.root().join(destination),
            sha256: sha(bytes),
            size_bytes: bytes.len() as u64,
        });
    }

    /// Relative, as `models` is in a checkout: clients run in another folder.
    fn root(&self) -> PathBuf {
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
        up.join(self.folder.path().strip_prefix("/").unwrap()).join("models here")
    }

    /// The folder with the archives.
    fn carried(&self) -> PathBuf {
        self.folder.path().join("carried over")
    }

    fn carry_over(&self) {
        fs::create_dir_all(self.carried()).unwrap();
        for (name, bytes) in &self.archives {
            fs::write(self.carried().join(name), bytes).unwrap();
        }
    }

    fn setup(&self, from: Option<&Path>, watch: &mut dyn FnMut(Step<'_>)) -> Result<Outcome, SetupError> {
        let setup = Setup {
            root: &self.root(),
            wanted: &self.wanted,
            catalogue: &self.catalogue,
            architecture: "x86_64",
            from,
            clients: &self.clients,
            stop: &self.stop,
        };
        setup.run(watch)
    }

    fn run_from_folder(&self) -> Result<Outcome, SetupError> {
        self.setup(Some(&self.carried()), &mut |_| {})
    }

    fn fetched(&self) -> Result<Outcome, SetupError> {
        self.setup(None, &mut |_| {})
    }

    /// Every file below the root, without the empty lock file.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    found.push(format!("{}/", path.strip_prefix(root).unwrap().display()));
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.root(), &self.root(), &mut found);
        found.retain(|name| name != ".staging.lock");
        found.sort();
        found
    }

    fn assert_whole(&self) {
        let expected = [
            "again/",
            "again/judge.onnx",
            "judge.onnx",
            "net.onnx",
            "runtime/",
            "runtime/lib.so",
            "runtime/manifest.toml",
        ];
        assert_eq!(self.files(), expected);
        for wanted in &self.wanted {
            assert_eq!(sha(&fs::read(&wanted.destination).unwrap()), wanted.sha256);
        }
    }

    /// Puts an executable shell script on the clients' search path, before the system's own folders.
    fn client(&mut self, name: &str, script: &str) {
        let bin = self.folder.path().join("bin of mine");
        fs::create_dir_all(&bin).unwrap();
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self.clients = Clients::on(format!("{}:/usr/bin:/bin", bin.display()));
    }

    /// Clients that copy from the folder of archives and note how they were called.
    fn working_clients(&mut self) {
        let (carried, log) = (self.carried(), self.folder.path().join("calls"));
        let (carried, log) = (carried.display(), log.display());
        self.client(
            "npm",
            &format!(
                "echo \"npm $*\" >> '{log}'\nwhile [ \"$1\" != --pack-destination ]; do shift; done\n\
                 cp '{carried}/net-1.0.0.tgz' \"$2\""
            ),
        );
        self.client(
            "python3",
            &format!(
                "[ \"$1\" = -c ] && exit 0\n[ \"$3\" = --version ] && exit 0\necho \"pip $*\" >> '{log}'\n\
                 while [ \"$1\" != --requirement ]; do shift; done\n\
                 id=$(sed 's/==.*//' \"$2\"); cat \"$2\" >> '{log}'\ncp '{carried}/'$id-* \"$4\""
            ),
        );
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }
}

#[test]
fn archives_from_a_folder_are_unpacked_and_a_second_run_does_nothing() {
    let bench = Bench::new();
    assert_eq!(bench.run_from_folder().unwrap(), Outcome { files: 5, placed: 5 });
    bench.assert_whole();
    // Nothing to take it from, no client, and no right to write.
    fs::set_permissions(bench.root(), fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(bench.fetched().unwrap(), Outcome { files: 5, placed: 0 });
    fs::set_permissions(bench.root(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn only_what_is_missing_or_wrong_is_replaced() {
    let bench = Bench::new();
    bench.run_from_folder().unwrap();
    fs::write(bench.root().join("net.onnx"), b"the nit").unwrap();
    fs::write(bench.root().join("judge.onnx"), b"").unwrap();
    let mut placed = Vec::new();
    let outcome = bench.setup(Some(&bench.carried()), &mut |step| {
        if let Step::Placed { destination } = step {
            placed.push(destination.file_name().unwrap().to_owned());
        }
    });
    assert_eq!(outcome.unwrap().placed, 2);
    assert_eq!(placed, ["net.onnx", "judge.onnx"]);
    bench.assert_whole();
}

#[test]
fn bare_files_do_in_place_of_archives() {
    let bench = Bench::new();
    for (name, _) in &bench.archives {
        fs::remove_file(bench.carried().join(name)).unwrap();
    }
    // By the name it gets, by the name in its archive, and laid out as in a models folder.
    fs::write(bench.carried().join("net.onnx"), NET).unwrap();
    fs::write(bench.carried().join("lib.so.1"), LIBRARY).unwrap();
    fs::create_dir(bench.carried().join("again")).unwrap();
    fs::write(bench.carried().join("again/judge.onnx"), JUDGE).unwrap();
    let message = bench.run_from_folder().unwrap_err().to_string();
    assert!(
        message.contains("neither judge-2.tar.gz nor judge.onnx") && message.contains("--list"),
        "{message}"
    );
    assert_eq!(bench.files(), [""; 0], "nothing is placed unless all is there");
    fs::write(bench.carried().join("judge.onnx"), JUDGE).unwrap();
    bench.run_from_folder().unwrap();
    bench.assert_whole();
}

#[test]
fn a_file_that_no_package_has_is_named_or_taken_from_the_folder() {
    let mut bench = Bench::new();
    let destination = bench.root().join("mine.onnx");
    bench.wanted.push(Wanted { source: Source::Brought, destination, sha256: sha(b"mine"), size_bytes: 4 });
    let message = bench.run_from_folder().unwrap_err().to_string();
    assert!(
        message.contains("mine.onnx is missing") && message.contains(&sha(b"mine").to_string()),
        "{message}"
    );
    fs::write(bench.carried().join("mine.onnx"), b"mine").unwrap();
    assert_eq!(bench.run_from_folder().unwrap().placed, 6);
}

#[test]
fn an_archive_or_a_file_that_is_not_the_pinned_one_is_never_placed() {
    // The archive itself: one bit, then its end.
    for damage in [|bytes: &mut Vec<u8>| bytes[20] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(30)] {
        let bench = Bench::new();
        let mut bytes = bench.archives[0].1.clone();
        damage(&mut bytes);
        fs::write(bench.carried().join("net-1.0.0.tgz"), bytes).unwrap();
        let error = bench.run_from_folder().unwrap_err();
        assert!(
            matches!(&error, SetupError::Mismatch { path, .. } if path.ends_with("net-1.0.0.tgz")),
            "{error}"
        );
        assert_eq!(bench.files(), [""; 0]);
    }
    // A file inside a good archive: other, longer, shorter.
    for other in [b"the nut".as_slice(), b"the net and more", b"the"] {
        let mut archives = Bench::new().archives;
        archives[0].1 = tgz(&[("package/net.onnx", Ok(other))]);
        let bench = Bench::with(archives);
        let error = bench.run_from_folder().unwrap_err();
        assert!(matches!(&error, SetupError::Mismatch { .. }), "{error}");
        assert_eq!(bench.files(), [""; 0]);
    }
}

#[test]
fn links_absent_files_and_junk_are_refused_by_name() {
    let archives_with = |first: Vec<u8>| {
        let mut archives = Bench::new().archives;
        archives[0].1 = first;
        archives
    };
    for (first, expected) in [
        (tgz(&[("package/net.onnx", Err("/etc/passwd"))]), "package/net.onnx is a link"),
        (tgz(&[("package/other.onnx", Ok(NET))]), "has no file package/net.onnx"),
        (tgz(&[]), "has no file package/net.onnx"),
        (b"no archive at all".to_vec(), "net-1.0.0.tgz"),
        (Vec::new(), "net-1.0.0.tgz"),
    ] {
        let bench = Bench::with(archives_with(first));
        let error = bench.run_from_folder().unwrap_err();
        assert!(matches!(&error, SetupError::Archive { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(bench.files(), [""; 0]);
    }
    let mut archives = Bench::new().archives;
    archives[1].1 = b"no wheel".to_vec();
    let error = Bench::with(archives).run_from_folder().unwrap_err();
    assert!(error.to_string().contains("lib-1-py3.whl"), "{error}");
}

#[test]
fn a_destination_outside_the_folder_is_refused() {
    for outside in ["../net.onnx", "/etc/net.onnx", "a/../../net.onnx", ""] {
        let mut bench = Bench::new();
        bench.wanted[0].destination = bench.root().join(outside);
        let error = bench.run_from_folder().unwrap_err();
        assert!(matches!(&error, SetupError::Invalid { .. }), "{outside}: {error}");
        assert_eq!(bench.files(), [""; 0]);
    }
}

/// A set-up is asked to stop as each of its steps is announced: either it ends with nothing changed,
/// or the step was one of the renames at the end and it ends whole. The next run completes it.
#[test]
fn stopped_at_any_step_it_leaves_nothing_half() {
    let whole = Bench::new();
    let mut steps = 0;
    whole.setup(Some(&whole.carried()), &mut |_| steps += 1).unwrap();
    assert_eq!(steps, 10, "five staged, five placed");
    for stop_at in 0..steps {
        let bench = Bench::new();
        let mut step = 0;
        let result = bench.setup(Some(&bench.carried()), &mut |_| {
            if step == stop_at {
                bench.stop.store(true, Ordering::Relaxed);
            }
            step += 1;
        });
        match result {
            Err(SetupError::Interrupted) => assert_eq!(bench.files(), [""; 0], "stopped at step {stop_at}"),
            Err(error) => panic!("step {stop_at}: {error}"),
            Ok(_) => bench.assert_whole(),
        }
        bench.stop.store(false, Ordering::Relaxed);
        bench.run_from_folder().unwrap();
        bench.assert_whole();
    }
}

/// The process dies as each step is announced; unwinding stands in for it, with the staging folder
/// of a killed run put back by hand, which unwinding would have removed.
#[test]
fn what_a_killed_run_left_is_removed_and_never_taken_for_whole() {
    for die_at in 0..10 {
        let bench = Bench::new();
        let mut step = 0;
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            bench.setup(Some(&bench.carried()), &mut |_| {
                step += 1;
                assert!(step <= die_at, "dies here");
            })
        }));
        assert!(died.is_err());
        let left = bench.root().join(".staging-1/files");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("0"), b"the n").unwrap();
        for wanted in bench.wanted.iter().filter(|wanted| wanted.destination.exists()) {
            assert_eq!(sha(&fs::read(&wanted.destination).unwrap()), wanted.sha256, "whole or not there");
        }
        bench.run_from_folder().unwrap();
        bench.assert_whole();
    }
}

#[test]
fn a_second_set_up_waits_for_the_first_and_then_finds_its_work_done() {
    let bench = Bench::new();
    let mut waited = false;
    std::thread::scope(|scope| {
        let (held, release) = (crossbeam_channel::bounded::<()>(0), crossbeam_channel::bounded::<()>(0));
        let (bench, signal, gate) = (&bench, held.0, release.1);
        let first = scope.spawn(move || {
            let mut open = true;
            bench.setup(Some(&bench.carried()), &mut |_| {
                if std::mem::take(&mut open) {
                    signal.send(()).unwrap();
                    gate.recv().unwrap();
                }
            })
        });
        held.1.recv().unwrap();
        let second = bench.setup(Some(&bench.carried()), &mut |step| {
            assert!(matches!(step, Step::Waiting { .. }), "{step:?}");
            waited = true;
            release.0.send(()).unwrap();
        });
        assert_eq!(first.join().unwrap().unwrap().placed, 5);
        assert_eq!(second.unwrap().placed, 0);
    });
    assert!(waited);
    bench.assert_whole();
}

#[test]
fn the_clients_are_called_with_pinned_versions_and_hashes() {
    let mut bench = Bench::new();
    bench.working_clients();
    let mut received = 0;
    let outcome = bench.setup(None, &mut |step| {
        if let Step::Received { bytes } = step {
            received = received.max(bytes);
        }
    });
    assert_eq!(outcome.unwrap().placed, 5);
    bench.assert_whole();
    assert!(received > 0);
    let calls = bench.calls();
    let hash = sha(&bench.archives[1].1);
    for expected in [
        "npm pack --ignore-scripts",
        "net@1",
        "download --no-deps --require-hashes",
        "--only-binary=:all: --implementation=cp --python-version 3.11 --platform manylinux_2_28_x86_64",
        "--no-binary judge --no-build-isolation",
        &format!("lib==1 --hash=sha256:{hash}"),
    ] {
        assert!(calls.contains(expected), "{expected} is not in:\n{calls}");
    }
    bench.fetched().unwrap();
    assert_eq!(bench.calls(), calls, "with everything in place no client is run");
}

#[test]
fn a_client_that_fails_is_quoted_with_its_last_lines() {
    let mut bench = Bench::new();
    bench.working_clients();
    bench.client("npm", "i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo \"line $i\"; done\nprintf 'no\\033[2Jroute\\n' >&2; exit 7");
    let message = bench.fetched().unwrap_err().to_string();
    for expected in
        ["net 1 from npm could not be fetched", "exit status: 7", "line 50", "no [2Jroute", "--from"]
    {
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    }
    assert!(!message.contains("line 30"), "{message}");
    assert_eq!(bench.files(), [""; 0]);
    bench.client("npm", "exit 0");
    let message = bench.fetched().unwrap_err().to_string();
    assert!(message.contains("did not bring net-1.0.0.tgz"), "{message}");
    bench.working_clients();
    fs::write(bench.carried().join("net-1.0.0.tgz"), b"something else").unwrap();
    let error = bench.fetched().unwrap_err();
    assert!(matches!(error, SetupError::Mismatch { .. }), "{error}");
    assert_eq!(bench.files(), [""; 0]);
}

#[test]
fn a_client_that_is_not_installed_is_named_with_its_debian_package() {
    let mut bench = Bench::new();
    bench.clients = Clients::on(bench.folder.path());
    let message = bench.fetched().unwrap_err().to_string();
    assert!(
        message.contains("pip is not installed") && message.contains("apt-get install python3-pip"),
        "{message}"
    );
    bench.wanted.remove(3);
    bench.wanted.remove(2);
    bench.wanted.remove(1);
    let message = bench.fetched().unwrap_err().to_string();
    assert!(message.contains("npm is not installed") && message.contains("apt-get install npm"), "{message}");
}

/// The client says that it runs, starts a child of its own, and never ends. Asked to stop, the
/// set-up ends both.
#[test]
fn a_client_is_ended_with_all_it_started() {
    let mut bench = Bench::new();
    let pid = bench.folder.path().join("pid");
    bench.client(
        "npm",
        &format!("sleep 1000 &\necho $! > '{0}.new'; mv '{0}.new' '{0}'\nwait", pid.display()),
    );
    bench.wanted.retain(|wanted| wanted.destination.ends_with("net.onnx"));
    let result = bench.setup(None, &mut |step| {
        if matches!(step, Step::Received { .. }) && pid.exists() {
            bench.stop.store(true, Ordering::Relaxed);
        }
    });
    assert!(matches!(result, Err(SetupError::Interrupted)), "{result:?}");
    assert_eq!(bench.files(), [""; 0]);
    let pid = fs::read_to_string(pid).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // Gone, or dead and waiting for its new parent to notice.
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn the_runtime_ends_with_a_manifest_and_keeps_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::embedded().unwrap();
    assert_eq!(wanted::installed_variant(&catalogue, "x86_64", folder.path()), None);
    for variant in [Variant::Cpu, Variant::Cuda] {
        let wanted = wanted::runtime(&catalogue, variant, "x86_64", folder.path()).unwrap();
        let manifest = wanted.last().unwrap();
        assert!(manifest.destination.ends_with("runtime/manifest.toml"));
        let Source::Text(text) = &manifest.source else { panic!("{manifest:?}") };
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["file"].as_str(), Some("libonnxruntime.so"));
        assert_eq!(table["sha256"].as_str(), Some(wanted[0].sha256.to_string().as_str()));
        assert_eq!(table["size_bytes"].as_integer(), Some(wanted[0].size_bytes as i64));
        fs::create_dir_all(folder.path().join("runtime")).unwrap();
        fs::write(&manifest.destination, text).unwrap();
        assert_eq!(wanted::installed_variant(&catalogue, "x86_64", folder.path()), Some(variant));
    }
    let (cuda, mine) =
        (folder.path().join("runtime/libonnxruntime_providers_cuda.so"), folder.path().join("runtime/mine"));
    fs::write(&cuda, b"").unwrap();
    fs::write(&mine, b"").unwrap();
    let remove =
        |variant| wanted::remove_other_runtimes(&catalogue, variant, "x86_64", folder.path()).unwrap();
    assert_eq!(remove(Variant::Cuda), Vec::<PathBuf>::new());
    assert_eq!(remove(Variant::Cpu), [cuda]);
    assert!(mine.exists());
}
