//! The files of what is held about a person, in a folder or in an archive.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use crate::attendance::Stranger;
use crate::engine::export::{PersonExport, TemplateExport};
use crate::face::EncodedCrop;

/// A file: its name, with folders, and what is in it.
pub(super) type Named = (String, Vec<u8>);

const README: &str = "\
This is everything that muster, the attendance terminal of this site, holds about you.

person.json        your name, identifier, groups, e-mail, whether your face is used, whether a PIN is set (the PIN
                   itself is not kept, and what it is checked with is not given out), and the consent that is recorded
templates.json     what your face is recognised by: numbers that were computed from pictures of you, and the name of
                   the space that they lie in; they are of use only to the same program with the same nets
pictures/          the pictures beside your templates, where the site keeps them, and those of the inbox
inbox.json         times at which you were seen and not recognised, where they are still kept
entries.jsonl      the entries of the ledger about you, one a line: what happened, when, who caused it, how it was
                   decided, what somebody wrote, and which entry corrects which; a part that was deleted is missing
candidacies.jsonl  entries about somebody else, or about nobody, for which your face was compared and was among the
                   most alike: the time, your place among them, and how alike you were
sessions.json      the sessions that your entries speak of
README.txt         this file

Times are UTC. Other people are not in these files: where your face was compared, only your own likeness is given.
An entry's record, evidence and note are its parts; the head of an entry stays for ever and names nobody.
Not here, because muster does not have them: emotions, age, gender, origin, and pictures of whole frames.
";

fn pretty(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn lines<T: Serialize>(values: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// What a picture's file is called: by what its bytes say.
fn picture_name(stem: &str, crop: &EncodedCrop) -> String {
    let ending = match crop.as_bytes() {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        _ => "bin",
    };
    format!("pictures/{stem}.{ending}")
}

fn template(export: &TemplateExport) -> Value {
    let template = &export.template;
    json!({
        "id": template.id,
        "space": template.space.to_string(),
        "dimension": template.embedding.dimension(),
        "values": template.embedding.as_slice(),
        "picture": export.crop.as_ref().map(|crop| picture_name(&template.id.0.to_string(), crop)),
    })
}

fn stranger(item: &Stranger) -> Value {
    let appearance = item.appearance();
    json!({
        "id": item.id,
        "first_seen": item.first_seen,
        "last_seen": item.last_seen,
        "tracks": item.tracks,
        "picture": appearance.map(|held| picture_name(&item.id.to_string(), &held.crop)),
        "templates": appearance.map(|held| {
            held.embeddings.iter().map(|embedding| embedding.as_slice().to_vec()).collect::<Vec<_>>()
        }),
    })
}

/// All files.
///
/// # Errors
/// What cannot be written as JSON.
pub(super) fn all(export: &PersonExport) -> Result<Vec<Named>, serde_json::Error> {
    let mut person = serde_json::to_value(&export.person)?;
    if let Value::Object(fields) = &mut person {
        fields.insert("pin_is_set".to_owned(), Value::Bool(export.has_pin));
        fields.insert("given_out_at".to_owned(), json!(export.at));
        fields.insert("given_out_in_entry".to_owned(), json!(export.noted));
    }
    let templates: Vec<Value> = export.templates.iter().map(template).collect();
    let strangers: Vec<Value> = export.strangers.iter().map(stranger).collect();
    let sessions: Vec<&crate::attendance::session::Session> = export.sessions.values().collect();
    let mut files = vec![
        ("README.txt".to_owned(), README.as_bytes().to_vec()),
        ("person.json".to_owned(), pretty(&person)?),
        ("templates.json".to_owned(), pretty(&templates)?),
        ("inbox.json".to_owned(), pretty(&strangers)?),
        ("entries.jsonl".to_owned(), lines(&export.entries)?),
        ("candidacies.jsonl".to_owned(), lines(&export.candidacies)?),
        ("sessions.json".to_owned(), pretty(&sessions)?),
    ];
    let crops = export.templates.iter().filter_map(|held| {
        let crop = held.crop.as_ref()?;
        Some((picture_name(&held.template.id.0.to_string(), crop), crop.as_bytes().to_vec()))
    });
    let seen = export.strangers.iter().filter_map(|item| {
        let crop = &item.appearance()?.crop;
        Some((picture_name(&item.id.to_string(), crop), crop.as_bytes().to_vec()))
    });
    files.extend(crops.chain(seen));
    Ok(files)
}

/// Where the files go; made when it is taken, so that nothing that is there is written over.
#[derive(Debug)]
pub(super) enum Place {
    Folder(PathBuf),
    Archive(PathBuf, File),
}

impl Place {
    /// Makes a folder, or an archive where the name ends in `.zip`: for its owner alone.
    ///
    /// # Errors
    /// What the system says, also where something is there already.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let is_archive = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
        if is_archive {
            return Ok(Self::Archive(path.to_owned(), new_file(path)?));
        }
        DirBuilder::new().mode(0o700).create(path)?;
        Ok(Self::Folder(path.to_owned()))
    }

    /// Takes away what was made; nothing was written into it.
    pub(super) fn give_up(self) {
        // That it stays, empty, harms nobody.
        let _ = match self {
            Self::Folder(path) => fs::remove_dir(path),
            Self::Archive(path, _) => fs::remove_file(path),
        };
    }

    /// Writes `files`.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(self, files: Vec<Named>) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                for (name, bytes) in files {
                    let path = folder.join(&name);
                    if let Some(parent) = path.parent() {
                        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
                    }
                    new_file(&path)?.write_all(&bytes)?;
                }
                Ok(())
            }
            Self::Archive(_, file) => archive(file, files)?.sync_all(),
        }
    }
}

/// Writes `files` as an archive.
///
/// # Errors
/// What the system says.
pub(super) fn archive<W: Write + io::Seek>(to: W, files: Vec<Named>) -> io::Result<W> {
    let mut archive = zip::ZipWriter::new(to);
    let options = SimpleFileOptions::default().unix_permissions(0o600);
    for (name, bytes) in files {
        archive.start_file(name, options).map_err(io::Error::other)?;
        archive.write_all(&bytes)?;
    }
    archive.finish().map_err(io::Error::other)
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
