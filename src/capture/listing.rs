//! Which picture files there are, in the order a person would put them.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::CaptureError;

/// Endings of the formats that [`super::picture`] reads, for finding pictures among other files.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "png", "bmp", "pnm", "ppm", "pgm", "pbm", "pam", "webp"];

/// The picture files of a folder, by their endings, in natural order; not those of folders inside it,
/// and no hidden ones.
///
/// # Errors
/// [`CaptureError::NotFound`] where there is no such folder or no picture in it.
pub fn pictures_in(dir: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let not_found =
        |hint: &str| CaptureError::NotFound { what: dir.display().to_string(), hint: hint.to_owned() };
    if !dir.is_dir() {
        return Err(not_found("expected a folder of pictures"));
    }
    let io = |source| CaptureError::Io { path: dir.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if is_picture_name(&path) && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let what = format!("a picture in {}", dir.display());
        return Err(CaptureError::NotFound {
            what,
            hint: "expected files of JPEG, PNG, BMP, PNM or WebP".into(),
        });
    }
    paths.sort_by(|a, b| natural_order(a, b));
    Ok(paths)
}

/// The files that a pattern names (`*`, `?`, `[a-z]`, `**`), in natural order. A pattern that is the name
/// of a file names that file, whatever signs are in it.
///
/// # Errors
/// [`CaptureError::NotFound`] where there is none, with what to write instead.
pub fn matching(pattern: &str) -> Result<Vec<PathBuf>, CaptureError> {
    let literal = Path::new(pattern);
    if literal.is_file() {
        return Ok(vec![literal.to_owned()]);
    }
    let not_found = |hint: String| CaptureError::NotFound { what: format!("images:{pattern}"), hint };
    if literal.is_dir() {
        return Err(not_found(format!("that is a folder; write images:{}/*", pattern.trim_end_matches('/'))));
    }
    let found = glob::glob(pattern).map_err(|error| {
        not_found(format!("the pattern is wrong at character {}: {}", error.pos + 1, error.msg))
    })?;
    // A folder that may not be read hides what is in it, as it does for a shell.
    let mut paths: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if paths.is_empty() {
        return Err(not_found("no file has such a name; put the pattern in quotes".into()));
    }
    paths.sort_by(|a, b| natural_order(a, b));
    Ok(paths)
}

/// Whether a file is called as a picture is, and not hidden.
pub fn is_picture_name(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    !hidden && ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Folder by folder, with runs of digits compared as numbers: `a2` before `a10`.
pub fn natural_order(a: &Path, b: &Path) -> Ordering {
    let by_part = a
        .components()
        .zip(b.components())
        .map(|(x, y)| natural_bytes(x.as_os_str().as_bytes(), y.as_os_str().as_bytes()))
        .find(|order| order.is_ne());
    by_part.unwrap_or_else(|| a.components().count().cmp(&b.components().count())).then_with(|| a.cmp(b))
}

fn natural_bytes(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let order = match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (take_number(&mut a), take_number(&mut b));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            (Some(x), Some(y)) => {
                let order = x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase());
                (a, b) = (&a[1..], &b[1..]);
                order
            }
            (x, y) => return x.is_some().cmp(&y.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Cuts a run of digits off the front; without its leading zeros, longer is larger.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    let zeros = number.iter().take_while(|&&digit| digit == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let sorted = [
            "a.png",
            "a1.png",
            "a01b.png",
            "a2.png",
            "A3.png",
            "a10.png",
            "b/1.png",
            "b/12/1.png",
            "b-1.png",
        ];
        let mut paths: Vec<PathBuf> = sorted.iter().rev().map(PathBuf::from).collect();
        paths.sort_by(|a, b| natural_order(a, b));
        assert_eq!(paths, sorted.map(PathBuf::from));
    }

    #[test]
    fn a_folder_gives_its_pictures_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["10.JPG", "9.png", "README.md", ".hidden.png", "no-ending"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.png")).unwrap();
        let names: Vec<_> =
            pictures_in(dir.path()).unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["9.png", "10.JPG"]);
        let empty = pictures_in(&dir.path().join("folder.png")).unwrap_err().to_string();
        assert!(empty.contains("a picture in ") && empty.contains("JPEG"), "{empty}");
        assert!(pictures_in(&dir.path().join("none")).unwrap_err().to_string().contains("expected a folder"));
    }

    #[test]
    fn a_pattern_that_finds_nothing_says_what_to_write() {
        let dir = tempfile::tempdir().unwrap();
        let shown = dir.path().display().to_string();
        std::fs::write(dir.path().join("p[1].png"), "x").unwrap();
        assert_eq!(matching(&format!("{shown}/p[1].png")).unwrap().len(), 1);
        assert_eq!(matching(&format!("{shown}/*.png")).unwrap().len(), 1);
        for (pattern, hint) in [
            (shown.clone(), "write images:"),
            (format!("{shown}/*.gif"), "no file"),
            (format!("{shown}/[a"), "wrong at character"),
        ] {
            let message = matching(&pattern).unwrap_err().to_string();
            assert!(message.contains(hint), "{message}");
        }
    }
}
