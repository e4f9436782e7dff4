//! Where the store's key is: `[store] key`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::effective::{Origin, Setting};
use super::environment::Environment;

/// Where the key is, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// `file:PATH`
    File(PathBuf),
    /// `credential:NAME`, handed over by the service manager
    Credential(String),
}

impl FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("credential", name)) if is_name(name) && !name.starts_with('.') => {
                Ok(Self::Credential(name.to_owned()))
            }
            _ => Err(format!(
                "`{}` names no place of a key: expected file:PATH or credential:NAME",
                text.escape_debug()
            )),
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

/// The credential that is looked for where nothing is said.
const CREDENTIAL: &str = "muster-store-key";

/// Where the key of the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreKey {
    /// As it is written.
    pub place: KeyPlace,
    /// The file.
    pub path: PathBuf,
}

/// The place that is configured, or else: the credential `muster-store-key` where the service manager hands
/// one over, `store.key` in the user's configuration folder, or `/etc/muster/store.key` where there is no
/// home or it lies in the data directory: a key beside what it opens protects nothing.
pub(super) fn store_key(
    typed: Option<KeyPlace>,
    data_dir: &Path,
    environment: &Environment,
    from_file: impl Fn(&Path) -> PathBuf,
) -> Setting<StoreKey> {
    let credential = |name: &str| {
        let folder = environment.variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        folder.unwrap_or_else(|| environment.system("run/credentials")).join(name)
    };
    let (place, path, origin) = match typed {
        Some(KeyPlace::File(path)) => {
            let absolute = from_file(&path);
            (KeyPlace::File(path), absolute, Origin::File)
        }
        Some(KeyPlace::Credential(name)) => {
            let path = credential(&name);
            (KeyPlace::Credential(name), path, Origin::File)
        }
        None if credential(CREDENTIAL).exists() => {
            let place = KeyPlace::Credential(CREDENTIAL.to_owned());
            (place, credential(CREDENTIAL), Origin::Found("the service manager's"))
        }
        None => {
            let home = environment.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("muster/store.key"));
            let apart = home.filter(|path| !path.starts_with(data_dir));
            let path = apart.unwrap_or_else(|| environment.system("etc/muster/store.key"));
            (KeyPlace::File(path.clone()), path, Origin::Default)
        }
    };
    Setting { value: StoreKey { place, path }, origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_or_a_credential() {
        for text in ["file:/etc/muster/store.key", "credential:muster-store-key"] {
            assert_eq!(text.parse::<KeyPlace>().unwrap().to_string(), text);
        }
        for text in ["", "file:", "credential:", "credential:../x", "credential:a/b", "/etc/key", "x:y\n"] {
            let message = text.parse::<KeyPlace>().unwrap_err();
            assert!(message.contains("expected file:PATH") && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn without_a_word_it_is_never_beside_what_it_opens() {
        let environment = |home: &str| Environment {
            variables: [("HOME".into(), home.into())].into(),
            system_root: "/root-of-test".into(),
            ..Environment::default()
        };
        let found = |home: &str, data: &str| {
            store_key(None, Path::new(data), &environment(home), Path::to_owned).value.path
        };
        let path = found("/home/ana", "/home/ana/.local/share/muster");
        assert_eq!(path, Path::new("/home/ana/.config/muster/store.key"));
        let path = found("/var/lib/muster", "/var/lib/muster");
        assert_eq!(path, Path::new("/root-of-test/etc/muster/store.key"));
    }
}
