//! The screen's settings.

use std::path::{Path, PathBuf};

use super::{Origin, Setting};
use crate::config::environment::Environment;
use crate::config::typed::ScreenTable;
use crate::config::values::GraphicsName;
use crate::face::PicturePolicy;

/// How the screen behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ScreenSettings {
    /// The file that changes the keys; none where there is none.
    pub keymap: Setting<Option<PathBuf>>,
    /// Whether the mouse is taken.
    pub mouse: Setting<bool>,
    /// The theme's name, or the path of its file.
    pub theme: Setting<String>,
    /// How pictures are drawn.
    pub graphics: Setting<GraphicsName>,
    /// Whether anybody is given pictures of people.
    pub picture: Setting<PicturePolicy>,
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
        let theme = match &typed.theme {
            // A name has no dot and no slash in it.
            Some(file) if file.contains(['.', '/']) => {
                Setting::new(from_file(Path::new(file)).display().to_string(), Origin::File)
            }
            theme => Setting::typed(theme.clone(), "ansi16".to_owned()),
        };
        Self {
            keymap,
            mouse: Setting::typed(typed.mouse, true),
            theme,
            graphics: Setting::typed(typed.graphics, GraphicsName::default()),
            picture: Setting::typed(typed.picture, PicturePolicy::default()),
        }
    }
}
