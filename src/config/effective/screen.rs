//! The screen's settings.

use std::path::{Path, PathBuf};

use super::{Origin, Setting};
use crate::config::environment::Environment;
use crate::config::typed::ScreenTable;

/// How the screen behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ScreenSettings {
    /// The file that changes the keys; none where there is none.
    pub keymap: Setting<Option<PathBuf>>,
    /// Whether the mouse is taken.
    pub mouse: Setting<bool>,
}

impl ScreenSettings {
    pub(super) fn resolve(
        typed: &ScreenTable,
        environment: &Environment,
        from_file: impl Fn(&Path) -> PathBuf,
    ) -> Self {
        let own = environment.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("muster/keymap.toml"));
        let keymap = match (&typed.keymap, own.filter(|path| path.exists())) {
            (Some(path), _) => Setting::new(Some(from_file(path)), Origin::File),
            (None, Some(own)) => Setting::new(Some(own), Origin::Found("the user's")),
            (None, None) => Setting::new(None, Origin::Default),
        };
        Self { keymap, mouse: Setting::typed(typed.mouse, true) }
    }
}
