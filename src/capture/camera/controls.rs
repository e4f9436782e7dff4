//! A camera's own settings, such as exposure: which there are, and which the configuration asks for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a control is set to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number, true or false, or one of the control's words in quotes"
)]
pub enum ControlValue {
    /// On or off.
    Switch(bool),
    /// A number, also that of a word.
    Number(i64),
    /// One of the words of a menu.
    Word(String),
}

impl fmt::Display for ControlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(f, "{on}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.pad(word),
        }
    }
}

/// Controls by name, with what each is set to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct ControlSettings(pub BTreeMap<String, ControlValue>);

/// `name` as `v4l2-ctl` writes it: `White Balance, Automatic` is `white_balance_automatic`.
pub fn plain_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

/// What kind of value a control takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlKind {
    /// On or off.
    Switch,
    /// A number.
    Number,
    /// One of a list of words, or of numbers.
    Menu,
    /// Something else, which is shown and not set here.
    Other,
}

/// A control that a camera has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CameraControl {
    /// V4L2's number for it.
    #[serde(skip)]
    pub(super) id: u32,
    /// As `v4l2-ctl` writes it.
    pub name: String,
    /// What it takes.
    pub kind: ControlKind,
    /// What it is set to; none where the device does not say.
    pub value: Option<i64>,
    /// What it is set to from the factory.
    pub default: i64,
    /// The least it can be set to.
    pub least: i64,
    /// The most.
    pub most: i64,
    /// The least difference of two values.
    pub step: u64,
    /// The words of a menu, each with its number.
    pub words: Vec<(i64, String)>,
    /// Whether another control governs it now: a time of exposure while exposure is automatic.
    pub inactive: bool,
    /// Whether it can only be read.
    pub read_only: bool,
}

impl CameraControl {
    /// One that can be set to 0 alone.
    pub fn new(name: &str, kind: ControlKind) -> Self {
        Self {
            id: 0,
            name: plain_name(name),
            kind,
            value: None,
            default: 0,
            least: 0,
            most: 0,
            step: 1,
            words: vec![],
            inactive: false,
            read_only: false,
        }
    }

    /// What it can be set to, in words.
    pub fn range(&self) -> String {
        match self.kind {
            ControlKind::Switch => "true or false".to_owned(),
            ControlKind::Menu => {
                let words: Vec<String> =
                    self.words.iter().map(|(number, word)| format!("\"{word}\" ({number})")).collect();
                words.join(", ")
            }
            ControlKind::Number if self.step > 1 => {
                format!("{} to {} in steps of {}", self.least, self.most, self.step)
            }
            ControlKind::Number => format!("{} to {}", self.least, self.most),
            ControlKind::Other => "not set from here".to_owned(),
        }
    }

    /// `number` as the configuration would write it.
    pub fn shown(&self, number: i64) -> String {
        match self.kind {
            ControlKind::Switch => (number != 0).to_string(),
            ControlKind::Menu => {
                let word = self.words.iter().find(|(item, _)| *item == number);
                word.map_or_else(|| number.to_string(), |(_, word)| format!("\"{word}\""))
            }
            ControlKind::Number | ControlKind::Other => number.to_string(),
        }
    }

    /// The number for `value`, or why it is none for this control.
    fn number_for(&self, value: &ControlValue) -> Result<i64, String> {
        let wrong = || format!("{} is set to {value}: expected {}", self.name, self.range());
        let number = match (self.kind, value) {
            (ControlKind::Switch, ControlValue::Switch(on)) => i64::from(*on),
            (ControlKind::Switch, ControlValue::Number(number @ (0 | 1))) => *number,
            (ControlKind::Menu, ControlValue::Word(word)) => {
                let alike = |item: &&(i64, String)| item.1.eq_ignore_ascii_case(word.trim());
                self.words.iter().find(alike).ok_or_else(wrong)?.0
            }
            (ControlKind::Menu, ControlValue::Number(number)) => {
                self.words.iter().find(|(item, _)| item == number).ok_or_else(wrong)?.0
            }
            (ControlKind::Number, ControlValue::Number(number)) => *number,
            _ => return Err(wrong()),
        };
        let off = i128::from(number) - i128::from(self.least);
        let fits = number <= self.most && off >= 0 && off % i128::from(self.step.max(1)) == 0;
        if self.kind == ControlKind::Number && !fits { Err(wrong()) } else { Ok(number) }
    }
}

/// A setting that a camera does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlProblem {
    /// What is the matter.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

const SEE: &str = "`muster cameras SOURCE` lists the controls with their values";

/// What of `settings` can be set on a camera that has `controls`: each control with its number, the ones
/// first that may put others into force; and what cannot.
fn plan<'c>(
    settings: &ControlSettings,
    controls: &'c [CameraControl],
) -> (Vec<(&'c CameraControl, i64)>, Vec<ControlProblem>) {
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in &settings.0 {
        let plain = plain_name(name);
        let Some(control) = controls.iter().find(|control| control.name == plain) else {
            problems.push(ControlProblem {
                detail: format!("the camera has no control {name}"),
                hint: nearest(&plain, controls)
                    .map_or_else(|| SEE.to_owned(), |near| format!("did you mean `{near}`? {SEE}")),
            });
            continue;
        };
        match control.number_for(value) {
            _ if control.read_only => problems.push(ControlProblem {
                detail: format!("{plain} can only be read"),
                hint: format!("take it out of [source.controls]; {SEE}"),
            }),
            Ok(number) => steps.push((control, number)),
            Err(detail) => problems.push(ControlProblem { detail, hint: SEE.to_owned() }),
        }
    }
    steps.sort_by_key(|(control, _)| control.kind == ControlKind::Number);
    (steps, problems)
}

fn nearest<'c>(name: &str, controls: &'c [CameraControl]) -> Option<&'c str> {
    let alike = controls.iter().map(|control| (strsim::jaro_winkler(name, &control.name), &control.name));
    let near = alike.filter(|(alike, _)| *alike > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    near.map(|(_, name)| name.as_str())
}

/// What of `settings` a camera with `controls` would not take, without trying.
pub(super) fn foreseen(settings: &ControlSettings, controls: &[CameraControl]) -> Vec<ControlProblem> {
    let (steps, mut problems) = plan(settings, controls);
    let switches = steps.iter().any(|(control, _)| control.kind != ControlKind::Number);
    if !switches {
        let governed = steps.iter().filter(|(control, _)| control.inactive);
        problems.extend(governed.map(|(control, _)| ControlProblem {
            detail: format!("{} has no effect now: another control governs it", control.name),
            hint: format!("switch off what is automatic about it first; {SEE}"),
        }));
    }
    problems
}

/// What takes settings: a device, or a test.
pub(super) trait ControlPort {
    /// The controls that there are.
    fn controls(&mut self) -> std::io::Result<Vec<CameraControl>>;
    /// Sets one to a number that lies in its range.
    fn set(&mut self, control: &CameraControl, number: i64) -> std::io::Result<()>;
}

/// Sets what can be set, and says what cannot. What is refused is tried once more at the end, when
/// every other control has its value.
pub(super) fn apply(port: &mut dyn ControlPort, settings: &ControlSettings) -> Vec<ControlProblem> {
    if settings.0.is_empty() {
        return Vec::new();
    }
    let controls = match port.controls() {
        Ok(controls) => controls,
        Err(error) => {
            let detail = format!("the camera does not say which controls it has: {error}");
            return vec![ControlProblem { detail, hint: "take [source.controls] out".to_owned() }];
        }
    };
    let (steps, mut problems) = plan(settings, &controls);
    let refused: Vec<_> =
        steps.into_iter().filter(|(control, number)| port.set(control, *number).is_err()).collect();
    for (control, number) in refused {
        if let Err(error) = port.set(control, number) {
            let detail = format!("{} could not be set to {}: {error}", control.name, control.shown(number));
            problems.push(ControlProblem { detail, hint: SEE.to_owned() });
        }
    }
    problems
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::capture::camera) fn control(name: &str, kind: ControlKind) -> CameraControl {
        CameraControl { most: 10, ..CameraControl::new(name, kind) }
    }

    fn controls() -> Vec<CameraControl> {
        let menu = |name: &str, words: &[(i64, &str)]| CameraControl {
            words: words.iter().map(|(number, word)| (*number, (*word).to_owned())).collect(),
            ..control(name, ControlKind::Menu)
        };
        vec![
            CameraControl { least: -64, most: 64, ..control("brightness", ControlKind::Number) },
            control("white_balance_automatic", ControlKind::Switch),
            menu("power_line_frequency", &[(0, "Disabled"), (1, "50 Hz"), (2, "60 Hz")]),
            // A camera leaves numbers out.
            menu("auto_exposure", &[(1, "Manual Mode"), (3, "Aperture Priority Mode")]),
            CameraControl {
                least: 3,
                most: 2047,
                step: 2,
                inactive: true,
                ..control("exposure_time_absolute", ControlKind::Number)
            },
            CameraControl { read_only: true, ..control("serial", ControlKind::Number) },
            control("pan_reset", ControlKind::Other),
        ]
    }

    fn settings(text: &str) -> ControlSettings {
        toml::from_str(text).unwrap()
    }

    struct Port {
        set: Vec<(String, i64)>,
        is_manual: bool,
    }

    impl ControlPort for Port {
        fn controls(&mut self) -> std::io::Result<Vec<CameraControl>> {
            Ok(controls())
        }

        fn set(&mut self, control: &CameraControl, number: i64) -> std::io::Result<()> {
            match control.name.as_str() {
                "auto_exposure" => self.is_manual = number == 1,
                "exposure_time_absolute" if !self.is_manual => {
                    return Err(std::io::Error::from_raw_os_error(13));
                }
                _ => {}
            }
            self.set.push((control.name.clone(), number));
            Ok(())
        }
    }

    fn applied(text: &str) -> (Vec<(String, i64)>, Vec<ControlProblem>) {
        let mut port = Port { set: vec![], is_manual: false };
        let problems = apply(&mut port, &settings(text));
        (port.set, problems)
    }

    #[test]
    fn names_are_those_of_v4l2_ctl() {
        for (given, plain) in [
            ("White Balance, Automatic", "white_balance_automatic"),
            ("Power Line Frequency", "power_line_frequency"),
            ("Exposure (Absolute)", "exposure_absolute"),
            ("gain", "gain"),
            ("Auto_Exposure", "auto_exposure"),
        ] {
            assert_eq!(plain_name(given), plain);
        }
    }

    #[test]
    fn what_governs_is_set_before_what_is_governed() {
        let (set, problems) = applied(
            "exposure_time_absolute = 101\nauto_exposure = \"manual mode\"\nPower_Line_Frequency = \"50 Hz\"\n\
             brightness = -3\n\"White Balance, Automatic\" = false",
        );
        assert_eq!(problems, []);
        let set: Vec<(&str, i64)> = set.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        assert_eq!(
            set,
            [
                ("power_line_frequency", 1),
                ("white_balance_automatic", 0),
                ("auto_exposure", 1),
                ("brightness", -3),
                ("exposure_time_absolute", 101)
            ]
        );
    }

    #[test]
    fn what_cannot_be_set_is_said_with_what_could_be() {
        for (text, expected) in [
            ("auto_exposure = 2", "expected \"Manual Mode\" (1), \"Aperture Priority Mode\" (3)"),
            ("power_line_frequency = \"55 Hz\"", "expected \"Disabled\" (0), \"50 Hz\" (1), \"60 Hz\" (2)"),
            ("brightness = 65", "brightness is set to 65: expected -64 to 64"),
            ("brightness = 9223372036854775807", "expected -64 to 64"),
            ("brightness = \"high\"", "expected -64 to 64"),
            ("exposure_time_absolute = 4", "expected 3 to 2047 in steps of 2"),
            ("white_balance_automatic = 2", "expected true or false"),
            ("serial = 1", "can only be read"),
            ("pan_reset = 1", "not set from here"),
            ("exposure_time_absolute = 101", "could not be set to 101: Permission denied"),
        ] {
            let (set, problems) = applied(text);
            assert!(set.is_empty() && problems.len() == 1, "{text}: {set:?}");
            assert!(problems[0].detail.contains(expected), "{text}: {problems:?}");
        }
        let (set, problems) = applied("exposure_auto = 1\nbrightnes = 1\nbrightness = 1");
        assert_eq!(set, [("brightness".to_owned(), 1)]);
        assert_eq!(problems[0].detail, "the camera has no control brightnes");
        assert!(problems[0].hint.starts_with("did you mean `brightness`?"), "{problems:?}");
        assert!(!problems[1].hint.contains("did you mean `brightness`"), "{problems:?}");
    }

    #[test]
    fn what_has_no_effect_is_foreseen() {
        let foresee = |text: &str| foreseen(&settings(text), &controls());
        assert!(foresee("exposure_time_absolute = 101")[0].detail.contains("another control governs it"));
        assert_eq!(foresee("exposure_time_absolute = 101\nauto_exposure = 1"), []);
        assert_eq!(foresee("brightness = 99").len(), 1);
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        let all = controls();
        let shown = |name: &str, number| all.iter().find(|c| c.name == name).unwrap().shown(number);
        assert_eq!(shown("auto_exposure", 3), "\"Aperture Priority Mode\"");
        assert_eq!(
            (shown("auto_exposure", 2), shown("white_balance_automatic", 1)),
            ("2".into(), "true".into())
        );
        let error = toml::from_str::<ControlSettings>("gain = 1.5").unwrap_err();
        assert!(error.message().contains("expected a whole number"), "{error}");
    }
}
