//! What is in place when, and what is left where something fails.

use std::fs;

use super::*;

const CARD: &str = include_str!("../../../models/examples/cards/openface.toml");

struct Site {
    models: tempfile::TempDir,
    card: String,
    net: PathBuf,
    _work: tempfile::TempDir,
}

fn site() -> Site {
    let (models, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let card = work.path().join("openface.toml");
    fs::write(&card, CARD).unwrap();
    let net = work.path().join("mine.onnx");
    fs::write(&net, b"a net").unwrap();
    Site { models, card: card.display().to_string(), net, _work: work }
}

impl Site {
    fn bring(
        &self,
        mut try_out: impl FnMut(&Card, &Path) -> Result<(), InferenceError>,
    ) -> Result<Brought, BringError> {
        let stop = AtomicBool::new(false);
        bring(
            self.models.path(),
            &self.card,
            std::slice::from_ref(&self.net),
            &mut try_out,
            &stop,
            &mut |_| {},
        )
    }

    /// What there is, but for the lock, which stays.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.models.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".staging.lock");
        names.sort();
        names
    }
}

#[test]
fn the_net_is_tried_before_anything_is_in_place() {
    let site = site();
    let brought = site
        .bring(|card, folder| {
            assert_eq!(fs::read(folder.join(&card.files[0].name)).unwrap(), b"a net");
            assert!(!site.models.path().join("cards").exists());
            assert!(!site.models.path().join("openface.onnx").exists());
            Ok(())
        })
        .unwrap();
    assert_eq!(site.names(), ["cards", "openface.onnx"]);
    let text = fs::read_to_string(brought.card_file.unwrap()).unwrap();
    assert!(text.contains("size_bytes = 5") && text.contains("# OpenFace lays a face down"), "{text}");
    assert_eq!(Card::find(site.models.path(), "openface").unwrap(), brought.card);
}

#[test]
fn a_net_that_cannot_run_leaves_nothing() {
    let site = site();
    let refused = site
        .bring(|_, _| Err(InferenceError::Runtime { step: "run it".to_owned(), detail: "no".to_owned() }));
    assert!(matches!(refused, Err(BringError::Inference(_))));
    assert_eq!(site.names(), [""; 0]);
}

/// The card cannot be put in place: the net that was, is taken away again.
#[test]
fn a_card_that_cannot_be_placed_takes_its_net_with_it() {
    let site = site();
    let refused = site.bring(|_, _| {
        fs::write(site.models.path().join("cards"), b"no folder").unwrap();
        Ok(())
    });
    assert!(matches!(refused, Err(BringError::Setup(_))), "{refused:?}");
    assert_eq!(site.names(), ["cards"]);
}

#[test]
fn as_many_files_as_the_card_names() {
    let site = site();
    let stop = AtomicBool::new(false);
    let two = [site.net.clone(), site.net.clone()];
    let refused = bring(site.models.path(), &site.card, &two, &mut |_, _| Ok(()), &stop, &mut |_| {});
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("names 1 files, and 2 were given"), "{message}");
}
