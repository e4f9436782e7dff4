use std::fs;
use std::path::Path;

use super::wanted::{Wanted, of_folder, of_roster};

fn touch(folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

fn listed(wanted: &[Wanted], folder: &Path) -> Vec<String> {
    let one = |wanted: &Wanted| {
        let pictures = match &wanted.pictures {
            Ok(paths) => paths
                .iter()
                .map(|path| path.strip_prefix(folder).unwrap().display().to_string())
                .collect::<Vec<_>>()
                .join(" "),
            Err(reason) => format!("! {reason}"),
        };
        let who = match &wanted.who {
            Ok((name, Some(identifier))) => format!("{name} ({identifier})"),
            Ok((name, None)) => name.to_string(),
            Err(reason) => format!("! {reason}"),
        };
        format!("{who}: {pictures}")
    };
    wanted.iter().map(one).collect()
}

#[test]
fn a_folder_has_people_as_folders_and_as_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "Bo/10.jpg",
        "Bo/2.png",
        "Bo/notes.txt",
        "Bo.jpg",
        "Ana Müller.JPG",
        ".hidden/1.jpg",
        ".x.jpg",
        "list.csv",
        "Empty/readme.txt",
    ] {
        touch(folder.path(), name);
    }
    let found = of_folder(folder.path()).unwrap();
    assert_eq!(
        listed(&found, folder.path()),
        ["Ana Müller: Ana Müller.JPG", "Bo: Bo/2.png Bo/10.jpg Bo.jpg", "Empty: ! its folder has no picture"]
    );
    let long = "x".repeat(200);
    touch(folder.path(), &format!("{long}.jpg"));
    let found = of_folder(folder.path()).unwrap();
    assert!(found.iter().any(|wanted| wanted.who.as_ref().is_err_and(|reason| reason.contains("200"))));
}

#[test]
fn an_empty_folder_and_a_missing_one_are_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(of_folder(folder.path()).unwrap_err().to_string().contains("expected NAME/*.jpg or NAME.jpg"));
    let missing = folder.path().join("nowhere");
    assert!(of_folder(&missing).unwrap_err().to_string().contains("nowhere cannot be read"));
}

#[test]
fn a_roster_names_pictures_beside_itself() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["p/1.jpg", "p/2.jpg", "ana.jpg"] {
        touch(folder.path(), name);
    }
    let file = folder.path().join("staff.csv");
    fs::write(&file, "name;identifier;pictures\nAna;7;ana.jpg | p\nBo;8;\nCy;9;gone.jpg\n").unwrap();
    assert_eq!(
        listed(&of_roster(&file).unwrap(), folder.path()),
        ["Ana (7): ana.jpg p/1.jpg p/2.jpg", "Bo (8): ! the row names no picture", "Cy (9): gone.jpg"]
    );
    fs::write(&file, "name\nAna\n").unwrap();
    assert!(of_roster(&file).unwrap_err().to_string().contains("roster import"));
    fs::write(&file, "name,pictures\n,a.jpg\n").unwrap();
    let wrong = of_roster(&file).unwrap_err().to_string();
    assert!(wrong.contains("nobody was enrolled") && wrong.contains("line 2: the name is empty"), "{wrong}");
}
