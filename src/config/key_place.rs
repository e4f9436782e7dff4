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
    /// `passphrase`, asked for on the terminal; the key is made of it
    Passphrase,
    /// `passphrase-credential:NAME`, a passphrase that the service manager hands over
    PassphraseCredential(String),
    /// `passphrase-fd:N`, a passphrase that is read from an open file descriptor
    PassphraseFd(u32),
}

/// What a place of a key looks like.
pub const KEY_PLACES: &str =
    "file:PATH, credential:NAME, passphrase, passphrase-credential:NAME or passphrase-fd:N";

impl FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |name: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !name.is_empty() && name.bytes().all(fits) && !name.starts_with('.')
        };
        let of_terminal = (text == "passphrase").then_some(Self::Passphrase);
        let place = of_terminal.or_else(|| match text.split_once(':')? {
            ("file", path) if !path.is_empty() => Some(Self::File(PathBuf::from(path))),
            ("credential", name) if is_name(name) => Some(Self::Credential(name.to_owned())),
            ("passphrase-credential", name) if is_name(name) => {
                Some(Self::PassphraseCredential(name.to_owned()))
            }
            ("passphrase-fd", number) => number.parse().ok().map(Self::PassphraseFd),
            _ => None,
        });
        place.ok_or_else(|| {
            format!("`{}` names no place of a key: expected {KEY_PLACES}", text.escape_debug())
        })
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Passphrase => f.write_str("passphrase"),
            Self::PassphraseCredential(name) => write!(f, "passphrase-credential:{name}"),
            Self::PassphraseFd(number) => write!(f, "passphrase-fd:{number}"),
        }
    }
}

/// The credential that is looked for where nothing is said.
const CREDENTIAL: &str = "muster-store-key";

/// Where the service manager takes credentials from.
const CREDENTIAL_STORE: &str = "etc/credstore";

/// Where the key of the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreKey {
    /// As it is written.
    pub place: KeyPlace,
    /// The file that holds the key or the passphrase; none where it is asked for.
    pub path: Option<PathBuf>,
}

impl StoreKey {
    /// The place `place`, whose file lies where `from_file` and `environment` say.
    pub fn at(place: KeyPlace, environment: &Environment, from_file: impl Fn(&Path) -> PathBuf) -> Self {
        let path = match &place {
            KeyPlace::File(path) => Some(from_file(path)),
            KeyPlace::Credential(name) | KeyPlace::PassphraseCredential(name) => {
                Some(credential(name, environment))
            }
            KeyPlace::Passphrase => None,
            KeyPlace::PassphraseFd(number) => Some(PathBuf::from(format!("/proc/self/fd/{number}"))),
        };
        Self { place, path }
    }
}

fn credential(name: &str, environment: &Environment) -> PathBuf {
    let folder = environment.variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    folder.unwrap_or_else(|| environment.system("run/credentials")).join(name)
}

/// The place that is configured, or else: the credential `muster-store-key` where the service manager hands
/// one over, the file that it takes it from for the service's own store, `store.key` in the user's configuration folder, or `/etc/muster/store.key` where there is no
/// home or it lies in the data directory: a key beside what it opens protects nothing.
pub(super) fn store_key(
    typed: Option<KeyPlace>,
    data_dir: &Path,
    environment: &Environment,
    from_file: impl Fn(&Path) -> PathBuf,
) -> Setting<StoreKey> {
    let (place, origin) = match typed {
        Some(place) => (place, Origin::File),
        None if credential(CREDENTIAL, environment).exists() => {
            (KeyPlace::Credential(CREDENTIAL.to_owned()), Origin::Found("the service manager's"))
        }
        None if *data_dir == environment.system("var/lib/muster")
            && environment.system(CREDENTIAL_STORE).join(CREDENTIAL).exists() =>
        {
            // Root alone sees it: whoever else runs muster goes on below.
            let path = environment.system(CREDENTIAL_STORE).join(CREDENTIAL);
            (KeyPlace::File(path), Origin::Found("the service's"))
        }
        None => {
            let home = environment.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("muster/store.key"));
            let apart = home.filter(|path| !path.starts_with(data_dir));
            let path = apart.unwrap_or_else(|| environment.system("etc/muster/store.key"));
            (KeyPlace::File(path), Origin::Default)
        }
    };
    Setting { value: StoreKey::at(place, environment, from_file), origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_a_credential_or_a_passphrase() {
        for text in [
            "file:/etc/muster/store.key",
            "credential:muster-store-key",
            "passphrase",
            "passphrase-credential:words",
            "passphrase-fd:3",
        ] {
            assert_eq!(text.parse::<KeyPlace>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "file:",
            "credential:",
            "credential:../x",
            "credential:a/b",
            "/etc/key",
            "x:y\n",
            "passphrase:secret",
            "passphrase-fd:-1",
        ] {
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
            store_key(None, Path::new(data), &environment(home), Path::to_owned).value.path.unwrap()
        };
        let path = found("/home/ana", "/home/ana/.local/share/muster");
        assert_eq!(path, Path::new("/home/ana/.config/muster/store.key"));
        let path = found("/var/lib/muster", "/var/lib/muster");
        assert_eq!(path, Path::new("/root-of-test/etc/muster/store.key"));
    }

    #[test]
    fn for_the_services_store_it_is_what_the_service_manager_hands_to_the_service() {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment {
            variables: [("HOME".into(), "/root".into())].into(),
            system_root: root.path().to_owned(),
            ..Environment::default()
        };
        let store = root.path().join("etc/credstore");
        std::fs::create_dir_all(&store).unwrap();
        let found = |data: &Path| store_key(None, data, &environment, Path::to_owned).value.path.unwrap();
        let services = root.path().join("var/lib/muster");
        let own = Path::new("/root/.config/muster/store.key");
        assert_eq!(found(&services), own);
        std::fs::write(store.join(CREDENTIAL), "").unwrap();
        assert_eq!(found(&services), store.join(CREDENTIAL));
        assert_eq!(found(Path::new("/root/.local/share/muster")), own);
    }
}
