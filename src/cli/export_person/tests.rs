use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::attendance::PersonId;
use crate::cli::fake::{Fake, Script, id, person, ran};
use crate::engine::CommandError;
use crate::engine::export::{PersonExport, TemplateExport};
use crate::face::{Embedding, EmbeddingSpace, EncodedCrop, Template, TemplateId};
use crate::ledger::Sequence;

fn export() -> PersonExport {
    let template = Template {
        id: TemplateId(ulid::Ulid(9)),
        person: id(1),
        space: EmbeddingSpace([1; 32]),
        embedding: Embedding::normalised(vec![0.6, 0.8]).unwrap(),
    };
    let crop = Some(EncodedCrop::from(vec![0x89, b'P', b'N', b'G', 1]));
    PersonExport {
        person: person(1, "Ana", Some("7")),
        has_pin: true,
        templates: vec![TemplateExport { template, crop }],
        strangers: vec![],
        entries: vec![],
        candidacies: vec![],
        sessions: Default::default(),
        noted: Sequence(12),
        at: crate::cli::fake::at(0),
    }
}

fn fake(refuses: bool) -> Fake {
    Fake::start(Script {
        respond: Box::new(move |command| match command {
            Command::People => Ok(Reply::People(vec![person(1, "Ana", Some("7"))])),
            Command::ExportPerson(PersonId(_)) if refuses => {
                Err(CommandError::NotAllowed { needs: crate::access::Role::Admin, has: None })
            }
            Command::ExportPerson(_) => Ok(Reply::PersonExport(Box::new(export()))),
            other => panic!("{other:?}"),
        }),
        ..Script::default()
    })
}

fn args(output: &std::path::Path) -> ExportPersonArgs {
    ExportPersonArgs { who: "7".to_owned(), output: output.to_owned() }
}

#[test]
fn a_folder_holds_it_all_for_its_owner_alone_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ana");
    let fake = fake(false);
    let done = ran(false, |out| run(&fake.handle, &args(&place), out));
    assert!(done.code == 0 && done.out.contains("entry 12"), "{}{}", done.out, done.err);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("person.json"))), (0o700, 0o600));
    assert_eq!(mode(&place.join("pictures")), 0o700);
    let held = fs::read_to_string(place.join("person.json")).unwrap();
    assert!(held.contains("\"pin_is_set\": true") && held.contains("Ana"), "{held}");
    let templates = fs::read_to_string(place.join("templates.json")).unwrap();
    assert!(templates.contains("0.6") && templates.contains("pictures/"), "{templates}");
    assert_eq!(fs::read_dir(place.join("pictures")).unwrap().count(), 1);
    let again = ran(false, |out| run(&fake.handle, &args(&place), out));
    assert!(again.code == 2 && again.err.contains("cannot be written"), "{}", again.err);
    let asked = fake.commands().iter().filter(|command| matches!(command, Command::ExportPerson(_))).count();
    assert_eq!(asked, 1, "what cannot be written is not asked for");
}

#[test]
fn an_archive_holds_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ana.zip");
    let fake = fake(false);
    assert_eq!(ran(true, |out| run(&fake.handle, &args(&place), out)).code, 0);
    let mut archive = zip::ZipArchive::new(fs::File::open(&place).unwrap()).unwrap();
    let mut names: Vec<String> = (0..archive.len())
        .map(|index| archive.by_index(index).unwrap().name().unwrap().into_owned())
        .collect();
    names.sort();
    assert!(names.contains(&"README.txt".to_owned()) && names.len() == 8, "{names:?}");
    let mut text = String::new();
    archive.by_name("README.txt").unwrap().read_to_string(&mut text).unwrap();
    assert!(names.iter().filter(|name| !name.contains('/')).all(|name| text.contains(name.as_str())));
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ana", "ana.zip"] {
        let place = folder.path().join(name);
        let refused = ran(false, |out| run(&fake(true).handle, &args(&place), out));
        assert!(refused.code == 1 && refused.err.contains("needs the role admin"), "{}", refused.err);
        assert!(!place.exists());
    }
}

#[test]
fn an_archive_goes_to_standard_output_alone_where_that_is_asked() {
    let fake = fake(false);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output { out: &mut out, err: &mut err, json: false, progress: None };
    run(&fake.handle, &args(std::path::Path::new("-")), &mut output).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(out)).unwrap();
    assert_eq!(archive.len(), 8);
    assert!(archive.by_name("person.json").is_ok());
    assert!(String::from_utf8(err).unwrap().contains("entry 12"));
}
