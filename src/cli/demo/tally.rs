//! What the demo expected, against what was decided.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::attendance::PersonId;
use crate::demo::{Demo, Scene};

/// How one decision fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Somebody who is in the picture.
    Right,
    /// Somebody enrolled, in a picture without strangers and without them.
    Wrong,
    /// Somebody enrolled, in a picture that shows strangers and not them.
    Accepted,
    /// Nobody: a stranger, or somebody enrolled who was not recognised in this track.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Right => "right",
            Self::Wrong => "WRONG",
            Self::Accepted => "ACCEPTED",
            Self::Unknown => "unknown",
        })
    }
}

/// A decision with its names.
pub(super) struct Decided<'t> {
    pub(super) outcome: Outcome,
    pub(super) name: Option<&'t str>,
    pub(super) picture: Option<&'t str>,
}

/// The demo's book.
pub(super) struct Tally<'d> {
    demo: &'d Demo,
    names: BTreeMap<PersonId, String>,
    recognised: BTreeSet<(usize, String)>,
    wrong: usize,
    strangers_accepted: usize,
}

impl<'d> Tally<'d> {
    pub(super) fn new(demo: &'d Demo, people: Vec<(PersonId, String)>) -> Self {
        let names = people.into_iter().collect();
        Self { demo, names, recognised: BTreeSet::new(), wrong: 0, strangers_accepted: 0 }
    }

    /// Takes a decision in; `label` is the file name of the picture that was shown.
    pub(super) fn take(&mut self, person: Option<PersonId>, label: Option<&str>) -> Decided<'_> {
        let scene = label.and_then(|label| {
            let found = self.demo.scenes.iter().position(|scene| file_name(scene) == Some(label));
            found.map(|index| (index, &self.demo.scenes[index]))
        });
        let picture = scene.map(|(_, scene)| scene.picture.as_str());
        let Some(name) = person.and_then(|person| self.names.get(&person)) else {
            return Decided { outcome: Outcome::Unknown, name: None, picture };
        };
        let outcome = match scene {
            Some((index, scene)) if scene.expects.contains(name) => {
                self.recognised.insert((index, name.clone()));
                Outcome::Right
            }
            Some((_, scene)) if scene.strangers > 0 => {
                self.strangers_accepted += 1;
                Outcome::Accepted
            }
            _ => {
                self.wrong += 1;
                Outcome::Wrong
            }
        };
        Decided { outcome, name: Some(name), picture }
    }

    /// Appearances of enrolled people, each once a picture.
    pub(super) fn expected(&self) -> usize {
        self.demo.scenes.iter().map(|scene| scene.expects.len()).sum()
    }

    pub(super) fn recognised(&self) -> usize {
        self.recognised.len()
    }

    pub(super) fn wrong(&self) -> usize {
        self.wrong
    }

    pub(super) fn strangers_shown(&self) -> usize {
        self.demo.strangers()
    }

    pub(super) fn strangers_accepted(&self) -> usize {
        self.strangers_accepted
    }

    /// "NAME in PICTURE" for every appearance that was not recognised.
    pub(super) fn missed(&self) -> Vec<String> {
        let scenes = self.demo.scenes.iter().enumerate();
        let appearances =
            scenes.flat_map(|(i, scene)| scene.expects.iter().map(move |name| (i, scene, name)));
        appearances
            .filter(|(i, _, name)| !self.recognised.contains(&(*i, (*name).clone())))
            .map(|(_, scene, name)| format!("{name} in {}", scene.picture))
            .collect()
    }

    /// Who was only shown in the photograph they were enrolled from.
    pub(super) fn same_photograph_only(&self) -> Vec<&'d str> {
        let elsewhere = self.demo.people_in_other_photographs();
        let names = self.demo.people.iter().map(|person| person.name.as_str());
        names.filter(|name| !elsewhere.contains(name)).collect()
    }

    pub(super) fn is_as_expected(&self) -> bool {
        self.recognised() == self.expected() && self.wrong == 0 && self.strangers_accepted == 0
    }
}

fn file_name(scene: &Scene) -> Option<&str> {
    Path::new(&scene.picture).file_name().and_then(|name| name.to_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    const DEMO: &str = r#"
        [[picture]]
        file = "enrol/a.jpg"
        package = "p"
        path = "a.jpg"
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        size_bytes = 1
        [[picture]]
        file = "show/b.jpg"
        package = "p"
        path = "b.jpg"
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        size_bytes = 1
        [[picture]]
        file = "show/c.jpg"
        package = "p"
        path = "c.jpg"
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        size_bytes = 1
        [[person]]
        name = "Ana"
        picture = "enrol/a.jpg"
        face = "main"
        [[person]]
        name = "Bo"
        picture = "enrol/a.jpg"
        face = 2
        [[scene]]
        picture = "show/b.jpg"
        expects = ["Ana"]
        strangers = 0
        [[scene]]
        picture = "show/c.jpg"
        expects = ["Bo"]
        strangers = 2
        same_photograph = ["Bo"]
    "#;

    #[test]
    fn every_outcome_is_told_apart() {
        let demo = Demo::parse(DEMO, Path::new("demo.toml")).unwrap();
        let (ana, bo) = (PersonId(Ulid(1)), PersonId(Ulid(2)));
        let mut tally = Tally::new(&demo, vec![(ana, "Ana".to_owned()), (bo, "Bo".to_owned())]);
        assert_eq!((tally.expected(), tally.strangers_shown()), (2, 2));
        assert_eq!(tally.same_photograph_only(), ["Bo"]);
        assert_eq!(tally.take(Some(ana), Some("b.jpg")).outcome, Outcome::Right);
        assert_eq!(tally.take(None, Some("c.jpg")).outcome, Outcome::Unknown);
        assert!(!tally.is_as_expected());
        assert_eq!(tally.missed(), ["Bo in show/c.jpg"]);
        assert_eq!(tally.take(Some(bo), Some("c.jpg")).outcome, Outcome::Right);
        assert!(tally.is_as_expected());
        assert_eq!(tally.take(Some(ana), Some("c.jpg")).outcome, Outcome::Accepted);
        assert!(!tally.is_as_expected());
        assert_eq!(tally.take(Some(bo), Some("b.jpg")).outcome, Outcome::Wrong);
        assert_eq!(tally.take(Some(bo), None).outcome, Outcome::Wrong);
        assert_eq!((tally.wrong(), tally.strangers_accepted(), tally.recognised()), (2, 1, 2));
    }
}
