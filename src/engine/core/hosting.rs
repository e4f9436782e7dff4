//! What the process that hosts the engine asks of it.

use crate::engine::hosting::HostCall;
use crate::engine::settings::{EngineSettings, LivenessSettings};
use crate::face::LivenessMode;
use crate::ledger::Actor;

use super::Core;

impl Core {
    /// Nobody but the system itself is listened to.
    pub(super) fn take_host_call(&mut self, actor: &Actor, call: HostCall) {
        if *actor != Actor::System {
            return;
        }
        match call {
            HostCall::Answer(to_host) => drop(to_host.send(())),
            HostCall::Reconfigure(settings, to_host) => {
                self.reconfigure(*settings);
                let _ = to_host.send(());
            }
        }
    }

    fn reconfigure(&mut self, settings: EngineSettings) {
        let EngineSettings {
            debounce,
            threshold,
            liveness,
            quality,
            keep_crops,
            inbox_keep,
            shots,
            rules,
            queue_entries,
            consent,
            retention,
            configuration,
            approvals,
            // Other threads, clients and the list of operators hold copies of these, or rest on them.
            tracks: _,
            pictures: _,
            looks_closely: _,
            takes_attendance: _,
            owner_uid: _,
        } = settings;
        if retention != self.settings.retention {
            // What is mistyped deletes nothing before somebody can see it: the limits hold from the next day on.
            self.retention_waits_for_tomorrow();
        }
        self.policy.set_debounce(debounce);
        let liveness = liveness_while_running(self.settings.liveness, liveness);
        let own = &mut self.settings;
        (own.debounce, own.threshold, own.liveness) = (debounce, threshold, liveness);
        (own.quality, own.keep_crops, own.inbox_keep, own.shots) = (quality, keep_crops, inbox_keep, shots);
        (own.rules, own.queue_entries) = (rules, queue_entries);
        (own.consent, own.retention, own.configuration) = (consent, retention, configuration);
        own.approvals = approvals;
        self.note_configuration();
        self.thresholds.reconsider();
        self.follow_gallery();
        self.note_threshold_now();
        self.follow_schedule();
        self.sweep_inbox();
        self.publish_roster();
        self.publish_live();
    }
}

/// What of `wanted` can hold now: a net that was not loaded cannot be run, and one that was loaded to be run goes
/// on running.
fn liveness_while_running(held: LivenessSettings, wanted: LivenessSettings) -> LivenessSettings {
    let runs = |settings: LivenessSettings| settings.mode != LivenessMode::Off;
    let mode = if runs(held) == runs(wanted) { wanted.mode } else { held.mode };
    LivenessSettings { mode, ..wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_liveness_net_is_neither_begun_nor_ended_while_the_engine_runs() {
        let settings = |mode| LivenessSettings { mode, threshold: Some(0.25) };
        let after = |held, wanted| liveness_while_running(settings(held), settings(wanted)).mode;
        assert_eq!(after(LivenessMode::Warn, LivenessMode::Require), LivenessMode::Require);
        assert_eq!(after(LivenessMode::Warn, LivenessMode::Off), LivenessMode::Warn);
        assert_eq!(after(LivenessMode::Off, LivenessMode::Require), LivenessMode::Off);
    }
}
