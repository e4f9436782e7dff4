//! With the nets that `make setup` fetches.

use std::path::{Path, PathBuf};

use super::super::{agrees, slimmed};
use crate::inference::Pack;
use crate::inference::card::NetFile;
use crate::inference::net::graphs::Graph;
use crate::inference::net::slim::graph;
use crate::inference::net::{Loader, Net, verified_bytes};
use crate::inference::runtime::{LibrarySearch, Runtime};

/// The embedding and the liveness net; none, and a line that says so, where `make setup` has not run.
fn nets() -> Option<(Loader, PathBuf, Vec<NetFile>)> {
    let models_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for needed in ["runtime/manifest.toml", "fr_feature.onnx", "fr_liveness.onnx"] {
        let path = models_dir.join(needed);
        if !path.is_file() {
            println!("SKIPPED: {} is not there; `make setup` fetches it", path.display());
            return None;
        }
    }
    let search = LibrarySearch { flag: None, environment: None, models_dir: models_dir.clone() };
    let pack = Pack::read(&models_dir, "default").unwrap();
    let files = vec![pack.embedding.files[0].clone(), pack.liveness.unwrap().files[0].clone()];
    Some((Loader::cpu(&Runtime::open(&search).unwrap(), &models_dir), models_dir, files))
}

fn shape(file: &NetFile) -> [usize; 4] {
    let sides: Vec<usize> = file.inputs[0].shape.iter().map(|side| usize::try_from(*side).unwrap()).collect();
    sides.try_into().unwrap()
}

fn columns(file: &NetFile) -> usize {
    file.outputs[0].shape.iter().map(|side| usize::try_from(*side).unwrap()).product()
}

/// Made of bytes, without looking whether they are the card's.
fn net(loader: &Loader, file: &NetFile, bytes: &[u8]) -> Net {
    let path = Path::new("of bytes");
    let session = loader.session(path, file, bytes, Graph::Own).unwrap();
    Net::new(session, path.to_owned(), file.clone(), loader)
}

/// What it says of noise.
fn said(net: &mut Net, file: &NetFile) -> Vec<f32> {
    let mut noise = super::Noise(1);
    let input = net.input(shape(file)).unwrap();
    let values = noise.values(input.len());
    input.copy_from_slice(&values);
    net.run(|outputs| Ok(outputs.values(0, columns(file))?.to_vec())).unwrap()
}

#[test]
fn slim_nets_say_what_the_plain_ones_say_and_one_that_does_not_is_found_out() {
    let Some((loader, models_dir, files)) = nets() else { return };
    for file in &files {
        let bytes = verified_bytes(&models_dir.join(&file.name), file).unwrap();
        let slim = slimmed(&bytes).unwrap();
        assert!(slim.len() < bytes.len(), "{}: {} bytes of {}", file.name, slim.len(), bytes.len());
        let (mut plain, mut slim_net) = (net(&loader, file, &bytes), net(&loader, file, &slim));
        assert!(agrees(&mut plain, &mut slim_net, shape(file), columns(file)).unwrap(), "{}", file.name);
        let (one, other) = (said(&mut plain, file), said(&mut slim_net, file));
        let apart = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let largest = one.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        println!("{}: {apart:e} apart, the largest is {largest}", file.name);

        // One channel of one slope, a hundredth steeper.
        let mut wrong = graph::Graph::read(&slim).unwrap();
        let name = wrong.nodes[1].inputs.first().cloned().unwrap();
        let name = wrong.nodes.iter().find(|node| node.output == name).unwrap().inputs[1].clone();
        let mut weights = wrong.own_weights(&name).unwrap().clone();
        let steepest = weights.values.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        *steepest *= 1.01;
        wrong.set_weights(&name, weights);
        let mut wrong = net(&loader, file, &wrong.written().unwrap());
        assert!(!agrees(&mut plain, &mut wrong, shape(file), columns(file)).unwrap(), "{}", file.name);
    }
}

#[test]
fn a_slim_net_is_kept_under_a_key_of_its_own_and_is_the_same_from_start_to_start() {
    let Some((plain, _, files)) = nets() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("graphs");
    let plain_keeping = plain.clone().with_graphs(folder.clone());
    let slim_keeping = plain_keeping.clone().with_slim_nets(true);
    let notes = || -> Vec<String> {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let notes = entries.filter(|path| path.extension().is_some_and(|end| end == "toml"));
        notes.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    };
    for file in &files {
        let own = said(&mut plain.net_of_rows(file).unwrap(), file);
        let runs = slim_keeping.meter().inside().runs;
        let first = said(&mut slim_keeping.net_of_rows(file).unwrap(), file);
        assert_eq!(slim_keeping.meter().inside().runs, runs + 1, "what is tried counts for nothing");
        let again = said(&mut slim_keeping.net_of_rows(file).unwrap(), file);
        assert!(first == again, "{}", file.name);
        assert!(first != own, "{}: it is the plain one", file.name);
        // Neither is taken for the other.
        assert!(own == said(&mut plain_keeping.net_of_rows(file).unwrap(), file));
        assert!(first == said(&mut slim_keeping.net_of_rows(file).unwrap(), file));
    }
    let notes = notes();
    assert_eq!(notes.len(), files.len());
    assert!(notes.iter().all(|note| note.contains("slim 1")), "{notes:?}");
}
