//! `muster serve`: the engine without a screen, for a service manager.
//!
//! Its sources are cameras, as for the screen. It ends in good order at SIGTERM or SIGINT, reads its configuration
//! again at SIGHUP, and tells the service manager how it goes. What it has to say goes to standard error.

mod notify;
pub mod reload;
mod watchdog;

use std::time::Duration;

use crossbeam_channel::{Receiver, select};

use crate::config::{ConfigError, Effective};
use crate::engine::EngineEvent;
use crate::engine::state::{InferenceStatus, LiveState, SourceState};

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::signals::{self, ServiceSignal};
use super::wire::{self, Hosted};
use reload::Plan;
use watchdog::Watchdog;

/// What `serve --help` ends with.
pub const SERVE_HELP: &str = "\
It takes no source: it watches those of the configuration. SIGTERM and SIGINT end it in good order,
SIGHUP reads the configuration again and says what of it holds at once and what only after a restart.
docs/service.md tells how it is run by systemd, and who reaches it.

Exit status: 0 where it was told to end, 2 where the configuration is wrong, 3 where something is
missing or the engine stopped by itself.";

/// How often what is said of the state is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Room for events between two looks; what overflows changes nothing here.
const EVENT_ROOM: usize = 64;

/// Reads the configuration anew.
pub type Resolve<'a> = dyn Fn() -> Result<Effective, ConfigError> + 'a;

/// Serves until a signal ends it.
///
/// # Errors
/// [`CliError`] where the engine cannot start, or stops by itself.
pub fn serve(effective: Effective, resolve: &Resolve<'_>, out: &mut Output<'_>) -> Result<Exit, CliError> {
    if effective.acting_as.is_some() {
        return Err(CliError::usage("--as is for who asks something; the engine itself serves everybody"));
    }
    // Before the engine starts, so that a signal never finds the default action.
    let signals = signals::of_service().map_err(CliError::missing)?;
    let mut hosted = wire::host_service(&effective)?;
    let ended = run(&mut hosted, effective, resolve, &signals, out);
    notify::stopping();
    drop(hosted);
    if ended.is_ok() {
        out.note("ended in good order");
    }
    ended
}

/// Serves with the engine of `hosted` until a signal says that it is enough, or the engine ends.
///
/// # Errors
/// [`CliError`] where the engine ends by itself.
pub fn run(
    hosted: &mut Hosted,
    effective: Effective,
    resolve: &Resolve<'_>,
    signals: &Receiver<ServiceSignal>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let events = hosted.handle().subscribe(EVENT_ROOM);
    let _watchdog = match hosted.engine() {
        Some(engine) => Watchdog::start(engine.host()).map_err(CliError::missing)?,
        None => None,
    };
    out.note(greeting(&effective));
    let mut service = Service { hosted, in_force: effective.values(), effective, said: String::new() };
    service.said = service.state();
    notify::ready(&service.said);
    loop {
        select! {
            recv(signals) -> signal => match signal {
                Ok(ServiceSignal::Reload) => service.reload(resolve, out)?,
                // Where the hand of signals is gone, nobody could end it in good order any more.
                Ok(ServiceSignal::Stop) | Err(_) => return Ok(Exit::Done),
            },
            recv(events) -> event => if matches!(event, Ok(EngineEvent::Stopped) | Err(_)) {
                return Err(CliError::missing("the engine has stopped by itself"));
            },
            default(LOOK) => {}
        }
        service.say_state();
    }
}

/// What is served, in a line.
fn greeting(effective: &Effective) -> String {
    let sources: Vec<String> = effective.sources.iter().map(|source| source.name()).collect();
    let config = match &effective.file {
        Some(file) => format!("as {} says", file.path.display()),
        None => "without a configuration file".to_owned(),
    };
    let text = format!(
        "muster {} serves {} on {}, {config}",
        env!("CARGO_PKG_VERSION"),
        sources.join(", "),
        effective.data_dir.value.display()
    );
    printable(&text).into_owned()
}

/// A service that runs.
struct Service<'a> {
    hosted: &'a mut Hosted,
    /// The configuration as it was read last; its sources are those that are watched.
    effective: Effective,
    /// The values of it that are in force.
    in_force: Vec<(String, String)>,
    /// What the service manager was told last.
    said: String,
}

impl Service<'_> {
    /// Reads the configuration again. One that is wrong changes nothing.
    fn reload(&mut self, resolve: &Resolve<'_>, out: &mut Output<'_>) -> Result<(), CliError> {
        notify::reloading();
        match resolve() {
            Err(error) => {
                let refused =
                    format!("the configuration is refused, and the one before stays in force: {error}");
                out.note(printable(&refused));
            }
            Ok(read) => {
                let plan = self.take(read)?;
                out.note(printable(&format!("the configuration was read again: {}", plan.sentence())));
            }
        }
        self.said = self.state();
        notify::ready(&self.said);
        Ok(())
    }

    fn take(&mut self, read: Effective) -> Result<Plan, CliError> {
        let plan = Plan::of(&self.in_force, &read.values());
        // What is watched decides some of the settings, and stays.
        let read = Effective { sources: self.effective.sources.clone(), ..read };
        if let Some(engine) = self.hosted.engine() {
            let settings = wire::settings_with(&read, plan.in_force.clone());
            engine.host().reconfigure(settings)?;
        }
        if read.service != self.effective.service {
            self.hosted.write_metrics(&read)?;
        }
        self.hosted.tell_site(&read);
        self.in_force.clone_from(&plan.in_force);
        self.effective = read;
        Ok(plan)
    }

    fn state(&self) -> String {
        state_of(&self.hosted.handle().snapshot().live)
    }

    fn say_state(&mut self) {
        let state = self.state();
        if state != self.said {
            notify::status(&state);
            self.said = state;
        }
    }
}

/// How it is, in a line for the service manager; nothing in it changes with every frame.
fn state_of(live: &LiveState) -> String {
    let mut parts: Vec<String> = live
        .sources
        .iter()
        .map(|source| {
            let state = match &source.state {
                SourceState::None => "not there",
                SourceState::Opening => "being opened",
                SourceState::Streaming if source.trouble.is_some() => "of little use",
                SourceState::Streaming => "watched",
                SourceState::Paused => "paused",
                SourceState::Ended => "over",
                SourceState::Lost { .. } => "lost",
            };
            format!("{} {state}", source.name)
        })
        .collect();
    parts.push(match &live.inference {
        InferenceStatus::Loading => "nets being loaded".to_owned(),
        InferenceStatus::Ready { provider, .. } => format!("nets on {provider}"),
        InferenceStatus::Unavailable { .. } => "no nets".to_owned(),
    });
    if live.store_fault.is_some() {
        parts.push("the store takes nothing".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::SourceStatus;

    #[test]
    fn the_state_is_a_line_that_says_what_is_wrong() {
        let source = |name: &str, state, trouble: Option<&str>| SourceStatus {
            name: name.to_owned(),
            state,
            trouble: trouble.map(str::to_owned),
            ..SourceStatus::default()
        };
        let sources = vec![
            source("front", SourceState::Streaming, None),
            source("yard", SourceState::Lost { reason: "gone".to_owned(), retry_at: None }, None),
            source("hall", SourceState::Streaming, Some("too dark")),
        ];
        let mut live = LiveState { sources, ..LiveState::default() };
        assert_eq!(state_of(&live), "front watched; yard lost; hall of little use; nets being loaded");
        live.store_fault = Some("disk is full".to_owned());
        assert!(state_of(&live).ends_with("the store takes nothing"));
    }
}
