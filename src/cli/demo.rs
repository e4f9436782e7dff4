//! `muster demo`: people enrolled from one photograph each, and a replay camera that shows their
//! other photographs among strangers.

mod tally;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use crossbeam_channel::Receiver;
use serde::Serialize;

use crate::attendance::PersonId;
use crate::capture::Pace;
use crate::config::Effective;
use crate::demo::{Demo, FaceChoice as DemoFace, FaceRule, folder_beside};
use crate::engine::command::{EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, PictureBytes};
use crate::engine::{Command, EngineEvent, EngineHandle, Reply};

use super::args::{DemoArgs, ScreenArgs};
use super::exit::{CliError, Exit};
use super::nets;
use super::output::Output;
use super::wire::{self, Hosted};
use tally::{Outcome, Tally};

/// Events that may wait: more than a whole run of the demo brings.
const EVENT_ROOM: usize = 1 << 16;

/// Runs the demo: on the screen, or headless where there is no terminal or `args` say so.
///
/// # Errors
/// [`CliError`]: pictures, nets or runtime are missing, or the demo's store is in use.
pub fn run(
    effective: &Effective,
    args: &DemoArgs,
    is_terminal: bool,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let demo = Demo::embedded().map_err(CliError::missing)?;
    let folder = folder_beside(&effective.models_dir.value);
    let paths = scene_paths(&demo, &folder)?;
    let store = StoreFolder::fresh(folder.join("store"), args.keep)?;
    let exit = if is_terminal && !args.headless {
        on_screen(effective, &demo, &folder, &store, paths)
    } else {
        headless(effective, &demo, &folder, &store, paths, out)
    };
    if args.keep {
        out.note(format_args!("the demo's store stays in {}", store.path.display()));
    }
    exit
}

/// A data directory of its own: emptied before, and after unless it is kept.
pub(super) struct StoreFolder {
    path: PathBuf,
    keep: bool,
}

impl StoreFolder {
    /// The one at `path`, emptied.
    ///
    /// # Errors
    /// [`CliError`] where it is in use or cannot be emptied.
    pub(super) fn fresh(path: PathBuf, keep: bool) -> Result<Self, CliError> {
        let failed =
            |error| CliError::missing(format_args!("{}: cannot be emptied: {error}", path.display()));
        if path.exists() {
            // Held while it is emptied, so that a demo that runs keeps its store.
            let patience = std::time::Duration::ZERO;
            let held = crate::engine::DataDirLock::take(&path, patience).map_err(CliError::missing)?;
            fs::remove_dir_all(&path).map_err(failed)?;
            drop(held);
        }
        Ok(Self { path, keep })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StoreFolder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The pictures of the scenes, in order, all of them there.
fn scene_paths(demo: &Demo, folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let enrolled = demo.people.iter().map(|person| &person.picture);
    let shown = demo.scenes.iter().map(|scene| &scene.picture);
    for picture in enrolled.chain(shown.clone()) {
        let path = folder.join(picture);
        if !path.is_file() {
            return Err(CliError::missing(format_args!(
                "{} is missing: run `muster setup --demo`",
                path.display()
            )));
        }
    }
    Ok(shown.map(|picture| folder.join(picture)).collect())
}

/// Enrols everybody from one photograph; their ids with their names.
fn enrol(
    handle: &EngineHandle,
    demo: &Demo,
    folder: &Path,
    mut said: impl FnMut(&str, &str) -> Result<(), CliError>,
) -> Result<Vec<(PersonId, String)>, CliError> {
    let mut people = Vec::new();
    for person in &demo.people {
        let path = folder.join(&person.picture);
        let bytes = fs::read(&path)
            .map_err(|error| CliError::missing(format_args!("{}: {error}", path.display())))?;
        let picture = PictureBytes { label: person.picture.clone(), bytes };
        let face = match person.face {
            DemoFace::Rule(FaceRule::Main) => FaceChoice::Main,
            DemoFace::Rule(FaceRule::Largest) => FaceChoice::Largest,
            DemoFace::Number(number) => FaceChoice::Nth(number.get().into()),
        };
        let name = person.name.parse().map_err(CliError::missing)?;
        let target = EnrolmentTarget::New { name, identifier: None };
        let source =
            EnrolmentSource::Pictures(EnrolmentPictures { pictures: vec![picture], face, leave_out: false });
        let reply = handle.call(Command::Enrol { target, source, anyway: false })?;
        if let Reply::Enrolled { person, .. } = reply {
            people.push((person.id, person.name.to_string()));
        }
        said(&person.name, &person.picture)?;
    }
    Ok(people)
}

fn on_screen(
    effective: &Effective,
    demo: &Demo,
    folder: &Path,
    store: &StoreFolder,
    paths: Vec<PathBuf>,
) -> Result<Exit, CliError> {
    wire::require_terminal()?;
    let hosted = host_live(effective, demo, folder, &store.path, paths)?;
    wire::show(&hosted, effective, "muster demo", &ScreenArgs::default())
}

fn host_live(
    effective: &Effective,
    demo: &Demo,
    folder: &Path,
    data_dir: &Path,
    paths: Vec<PathBuf>,
) -> Result<Hosted, CliError> {
    let hosted = wire::host_demo(effective, data_dir, None)?;
    enrol(hosted.handle(), demo, folder, |_, _| Ok(()))?;
    drop(hosted);
    wire::host_demo(effective, data_dir, Some((paths, Pace::RealTime)))
}

/// The demo's engine as its screen has it, on a store in `data_dir`: everybody enrolled, the stills
/// shown as a camera shows them.
///
/// # Errors
/// [`CliError`]: pictures, nets or runtime are missing, or the store is in use or has people in it.
pub fn live(effective: &Effective, data_dir: &Path) -> Result<Hosted, CliError> {
    let demo = Demo::embedded().map_err(CliError::missing)?;
    let folder = folder_beside(&effective.models_dir.value);
    let paths = scene_paths(&demo, &folder)?;
    host_live(effective, &demo, &folder, data_dir, paths)
}

#[derive(Serialize)]
struct EnrolledObject<'a> {
    kind: &'static str,
    person: &'a str,
    picture: &'a str,
}

#[derive(Serialize)]
struct DecidedObject<'a> {
    kind: &'static str,
    at: String,
    person: Option<&'a str>,
    similarity: Option<f32>,
    picture: Option<&'a str>,
    outcome: Outcome,
}

fn headless(
    effective: &Effective,
    demo: &Demo,
    folder: &Path,
    store: &StoreFolder,
    paths: Vec<PathBuf>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let hosted = wire::host_demo(effective, &store.path, None)?;
    let people = enrol(hosted.handle(), demo, folder, |name, picture| {
        let object = EnrolledObject { kind: "enrolled", person: name, picture };
        Ok(out.either(&object, format_args!("enrolled   {name}, from {picture}"))?)
    })?;
    drop(hosted);
    let hosted = wire::host_demo(effective, &store.path, Some((paths, Pace::Lossless)))?;
    let mut tally = Tally::new(demo, people);
    let events = hosted.handle().subscribe(EVENT_ROOM);
    let running = nets::wait(hosted.handle())?;
    follow(&events, &mut tally, out)?;
    summarise(&hosted, &tally, &running.provider_name(), out)
}

fn follow(
    events: &Receiver<EngineEvent>,
    tally: &mut Tally<'_>,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    for event in events {
        match event {
            EngineEvent::Decided { at, person, similarity, label, .. } => {
                let decided = tally.take(person, label.as_deref());
                let similarity = similarity.map(|similarity| similarity.0);
                let object = DecidedObject {
                    kind: "decided",
                    at: utc(at),
                    person: decided.name,
                    similarity,
                    picture: decided.picture,
                    outcome: decided.outcome,
                };
                let who = decided.name.unwrap_or("unidentified");
                let alike = similarity.map(|s| format!("{s:.3}")).unwrap_or_default();
                let picture = decided.picture.unwrap_or("");
                let text = format!("{:<10} {who:<16} {alike:>6}  {picture}", decided.outcome.to_string());
                out.either(&object, text.trim_end())?;
            }
            EngineEvent::SourceEnded => return Ok(()),
            EngineEvent::SourceFailed(reason) => return Err(CliError::missing(reason)),
            EngineEvent::Stopped => return Err(CliError::missing("the engine stopped before the end")),
            EngineEvent::Lagged(missed) => {
                return Err(CliError::missing(format_args!("{missed} events were missed; run it again")));
            }
            EngineEvent::Entry(_)
            | EngineEvent::StateChanged
            | EngineEvent::RoleChanged
            | EngineEvent::ApprovalsChanged
            | EngineEvent::ChallengeEnded { .. } => {}
        }
    }
    Err(CliError::missing("the engine stopped before the end"))
}

#[derive(Serialize)]
struct SummaryObject<'a> {
    kind: &'static str,
    expected: usize,
    recognised: usize,
    wrong: usize,
    strangers_shown: usize,
    strangers_accepted: usize,
    frames: u64,
    provider: &'a str,
    missed: Vec<String>,
    same_photograph_only: Vec<&'a str>,
}

fn summarise(
    hosted: &Hosted,
    tally: &Tally<'_>,
    provider: &str,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let frames = hosted.handle().snapshot().live.source().frames;
    let object = SummaryObject {
        kind: "summary",
        expected: tally.expected(),
        recognised: tally.recognised(),
        wrong: tally.wrong(),
        strangers_shown: tally.strangers_shown(),
        strangers_accepted: tally.strangers_accepted(),
        frames,
        provider,
        missed: tally.missed(),
        same_photograph_only: tally.same_photograph_only(),
    };
    if out.json {
        out.object(&object)?;
    } else {
        out.line(format_args!(
            "\n{} of {} appearances recognised, {} wrong; {} strangers shown, {} accepted; {frames} frames, on {}",
            object.recognised,
            object.expected,
            object.wrong,
            object.strangers_shown,
            object.strangers_accepted,
            provider.to_uppercase(),
        ))?;
        if !object.same_photograph_only.is_empty() {
            let names = object.same_photograph_only.join(", ");
            out.line(format_args!("Only the photograph they were enrolled from, moving: {names}"))?;
        }
        for missed in &object.missed {
            out.line(format_args!("Not recognised: {missed}"))?;
        }
    }
    Ok(if tally.is_as_expected() { Exit::Done } else { Exit::Negative })
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
