//! With the nets that `make setup` fetches.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::{Graph, Graphs, PermissionsExt, folder, names};
use crate::inference::Pack;
use crate::inference::card::NetFile;
use crate::inference::net::{Loader, Net, verified_bytes};
use crate::inference::runtime::{LibrarySearch, Runtime};

/// Loads without keeping anything; none, and a line that says so, where `make setup` has not run.
fn loader() -> Option<(Loader, PathBuf)> {
    let models_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for needed in ["runtime/manifest.toml", "fr_feature.onnx", "pnet.onnx"] {
        let path = models_dir.join(needed);
        if !path.is_file() {
            println!("SKIPPED: {} is not there; `make setup` fetches it", path.display());
            return None;
        }
    }
    let search = LibrarySearch { flag: None, environment: None, models_dir: models_dir.clone() };
    Some((Loader::cpu(&Runtime::open(&search).unwrap(), &models_dir), models_dir))
}

fn files(models_dir: &Path, packs: &[&str]) -> Vec<NetFile> {
    let mut files: Vec<NetFile> = Vec::new();
    for pack in packs {
        for file in Pack::read(models_dir, pack).unwrap().files() {
            if !files.iter().any(|known| known.name == file.name) {
                files.push(file.clone());
            }
        }
    }
    files
}

/// All outputs of a run on the same noise every time.
fn outputs(net: &mut Net, file: &NetFile) -> Vec<Vec<f32>> {
    let side = |(at, size): (usize, &i64)| match (at, usize::try_from(*size)) {
        (_, Ok(size)) => size,
        (0, Err(_)) => 1,
        (_, Err(_)) => 96,
    };
    let shape: Vec<usize> = file.inputs[0].shape.iter().enumerate().map(side).collect();
    let mut noise = 1u32;
    for value in net.input(shape.try_into().unwrap()).unwrap() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (noise >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    net.run(|read| (0..file.outputs.len()).map(|n| Ok(read.tensor(n)?.1.to_vec())).collect()).unwrap()
}

#[test]
fn kept_nets_say_to_the_bit_what_their_own_files_say() {
    let Some((plain, models_dir)) = loader() else { return };
    let (_home, folder) = folder();
    let keeping = plain.clone().with_graphs(folder.clone());
    let files = files(&models_dir, &["default", "mtcnn"]);
    for file in &files {
        let own = outputs(&mut plain.net(file).unwrap(), file);
        assert!(own.iter().flatten().any(|value| *value != 0.0), "{} says nothing", file.name);
        for start in 1..=2 {
            let kept = outputs(&mut keeping.net(file).unwrap(), file);
            let bits = |all: &[Vec<f32>]| all.iter().flatten().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert!(bits(&own) == bits(&kept), "{}, start {start}: it says something else", file.name);
        }
    }
    assert_eq!(names(&folder).len(), 2 * files.len(), "{:?}", names(&folder));
    for name in names(&folder) {
        let mode = std::fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// What lies there is read again at each load, and so is the net's own file.
#[test]
fn a_damaged_kept_net_is_made_anew_and_a_damaged_own_file_is_refused() {
    let Some((plain, models_dir)) = loader() else { return };
    let (_home, folder) = folder();
    let keeping = plain.clone().with_graphs(folder.clone());
    let files = files(&models_dir, &["default"]);
    let file = &files[0];
    let own = outputs(&mut plain.net(file).unwrap(), file);
    keeping.net(file).unwrap();
    let graph = folder.join(names(&folder).into_iter().find(|name| name.ends_with(".onnx")).unwrap());
    let whole = std::fs::read(&graph).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bytes in [&flipped[..], &whole[..whole.len() / 2], b""] {
        std::fs::write(&graph, bytes).unwrap();
        assert!(own == outputs(&mut keeping.net(file).unwrap(), file));
        assert!(std::fs::read(&graph).unwrap() == whole, "it was not made anew");
    }
    // The card's own file is looked at as ever.
    let elsewhere = Loader { models_dir: folder.clone(), ..keeping };
    std::fs::write(folder.join(&file.name), b"short").unwrap();
    let error = elsewhere.net(file).unwrap_err().to_string();
    assert!(error.contains("is not the file its card describes"), "{error}");
}

#[test]
fn two_loads_at_once_say_the_same() {
    let Some((plain, models_dir)) = loader() else { return };
    let (_home, folder) = folder();
    let files = files(&models_dir, &["default"]);
    let file = files.last().unwrap();
    let own = outputs(&mut plain.net(file).unwrap(), file);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let keeping = plain.clone().with_graphs(folder.clone());
            let own = &own;
            scope.spawn(move || assert!(*own == outputs(&mut keeping.net(file).unwrap(), file)));
        }
    });
    assert_eq!(names(&folder).len(), 2, "{:?}", names(&folder));
}

/// A file system of its own; unmounted at the end.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// None, and a line that says so, where this user may not mount anything.
    fn of(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", size, "muster-test"]).arg(directory.path());
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        println!("SKIPPED: a file system cannot be mounted here; as root it can");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_costs_the_optimising_and_leaves_nothing_behind() {
    let Some((plain, models_dir)) = loader() else { return };
    let Some(disk) = Mounted::of("size=1m") else { return };
    let folder = disk.0.path().join("graphs");
    let graphs = Graphs::new(folder.clone(), &plain.runtime);
    let mut told = Vec::new();
    for file in files(&models_dir, &["default"]).iter().filter(|file| file.size_bytes > 1 << 20) {
        let path = models_dir.join(&file.name);
        let bytes = verified_bytes(&path, file).unwrap();
        let make = |bytes: &[u8], graph: Graph<'_>| plain.session(&path, file, bytes, graph);
        graphs.load(file, &bytes, make, |trouble| told.push(trouble)).unwrap();
        assert_eq!(names(&folder), Vec::<String>::new());
    }
    let expected = format!("optimised nets cannot be kept in {}: ", folder.display());
    assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
    println!("{}", told[0]);
}

/// Figures for the documents: `cargo test --release --lib what_keeping_saves -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn what_keeping_saves() {
    let Some((plain, models_dir)) = loader() else { return };
    let (_home, folder) = folder();
    let keeping = plain.clone().with_graphs(folder.clone());
    let ms = |loader: &Loader, file: &NetFile| {
        let start = Instant::now();
        let net = loader.net(file).unwrap();
        let took = start.elapsed().as_secs_f64() * 1e3;
        drop(net);
        took
    };
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let mut totals = [0.0; 3];
    println!("{:<20} {:>9} {:>9} {:>9}  bytes, own and kept", "net", "own ms", "first ms", "kept ms");
    for file in &files(&models_dir, &["default", "mtcnn"]) {
        let first = ms(&keeping, file);
        // In turn, so that what else the machine does falls on both.
        let both: Vec<(f64, f64)> = (0..21).map(|_| (ms(&plain, file), ms(&keeping, file))).collect();
        let (own, kept) = both.into_iter().unzip();
        let row = [median(own), first, median(kept)];
        let newest = names(&folder)
            .into_iter()
            .filter(|name| name.ends_with(".onnx"))
            .map(|name| std::fs::metadata(folder.join(name)).unwrap())
            .max_by_key(|metadata| metadata.modified().unwrap())
            .unwrap();
        println!(
            "{:<20} {:>9.1} {:>9.1} {:>9.1}  {} {}",
            file.name,
            row[0],
            row[1],
            row[2],
            file.size_bytes,
            newest.len()
        );
        totals.iter_mut().zip(row).for_each(|(total, value)| *total += value);
    }
    println!("{:<20} {:>9.1} {:>9.1} {:>9.1}", "all", totals[0], totals[1], totals[2]);
}
