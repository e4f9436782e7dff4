//! The threshold in force, and how it follows the gallery.

use crate::identify::threshold::{GallerySize, MOST_PAIRS};
use crate::identify::{Gallery, ImpostorModel, Threshold, ThresholdBasis, ThresholdInForce, ThresholdPolicy};
use crate::inference::MatchingFacts;

use super::super::state::{AlikePeople, ThresholdState};
use super::{Core, GalleryState};

/// The site's pairs are compared again when more than one template in so many came or went since.
/// Below that number of templates, that is with every change; of a large gallery it moves the fit by
/// less than its own uncertainty. What a search is derived for, the number of templates, is always that
/// of now.
const TEMPLATES_A_CHANGE: usize = 20;

/// Pairs of people who are named as alike, at most.
const ALIKE_NAMED: usize = 5;

/// What is known of the threshold between two changes of the gallery.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// Whether the gallery or the facts are different since the threshold was derived.
    outdated: bool,
    /// Templates that came or went since the site's pairs were compared.
    changes: usize,
    model: Option<ImpostorModel>,
    in_force: Option<ThresholdInForce>,
}

impl Follower {
    /// A template came or went.
    pub(super) fn note_change(&mut self) {
        self.outdated = true;
        self.changes += 1;
    }

    /// The policy may be another.
    pub(super) fn reconsider(&mut self) {
        self.outdated = true;
    }

    fn follow(&mut self, gallery: &Gallery, facts: &MatchingFacts, policy: &ThresholdPolicy) {
        if self.in_force.is_some() && !self.outdated {
            return;
        }
        if self.in_force.is_none() || self.changes * TEMPLATES_A_CHANGE > gallery.len() {
            self.model = model(gallery, facts);
            self.changes = 0;
        }
        self.outdated = false;
        self.in_force = Some(policy.in_force(facts.threshold, self.model.as_ref(), gallery.size()));
    }
}

/// The card's impostors with the gallery's own pairs.
fn model(gallery: &Gallery, facts: &MatchingFacts) -> Option<ImpostorModel> {
    let pairs = || gallery.impostor_pairs(MOST_PAIRS);
    facts.impostors.map(|card| ImpostorModel::with_site(card, &pairs(), facts.threshold))
}

impl Core {
    /// The threshold in force: derived, configured, or the card's. None before the nets are known,
    /// unless it is configured.
    pub(super) fn threshold(&self) -> Option<Threshold> {
        self.threshold_in_force().map(|in_force| in_force.threshold)
    }

    /// Where the threshold in force came from.
    pub(super) fn threshold_basis(&self) -> ThresholdBasis {
        self.threshold_in_force().map_or(ThresholdBasis::Card, |in_force| in_force.basis)
    }

    fn threshold_in_force(&self) -> Option<ThresholdInForce> {
        let policy = self.threshold_policy();
        let fixed = || Some(ThresholdInForce { threshold: policy.fixed?, basis: ThresholdBasis::Configured });
        let card = || Some(policy.in_force(self.facts.as_ref()?.threshold, None, GallerySize::default()));
        self.thresholds.in_force.or_else(fixed).or_else(card)
    }

    /// Brings the threshold up to date with the gallery.
    pub(super) fn follow_gallery(&mut self) {
        let policy = self.threshold_policy();
        if let (GalleryState::Ready(gallery), Some(facts)) = (&self.gallery, &self.facts) {
            self.thresholds.follow(gallery, &facts.matching(), &policy);
        }
    }

    /// All that is known of the threshold. Where no nets are loaded, the templates are taken to be
    /// those of `facts`.
    pub(super) fn threshold_state(&self, facts: &MatchingFacts) -> ThresholdState {
        match (&self.gallery, &self.facts) {
            (GalleryState::Ready(gallery), Some(own)) => self.threshold_state_of(gallery, &own.matching()),
            (GalleryState::Waiting(waiting), _) => {
                self.threshold_state_of(&waiting.as_decided(facts.space, facts.dimension), facts)
            }
            (GalleryState::Ready(gallery), None) => self.threshold_state_of(gallery, facts),
        }
    }

    fn threshold_state_of(&self, gallery: &Gallery, facts: &MatchingFacts) -> ThresholdState {
        // What is in force may rest on pairs from a few changes ago; what is said of it must too.
        let model = self.thresholds.in_force.map_or_else(|| model(gallery, facts), |_| self.thresholds.model);
        let size = gallery.size();
        let policy = self.threshold_policy();
        let in_force = self
            .thresholds
            .in_force
            .unwrap_or_else(|| policy.in_force(facts.threshold, model.as_ref(), size));
        let name = |person| self.roster.get(person).map(|person| person.name.clone());
        let alike = gallery.most_alike_people(MOST_PAIRS, ALIKE_NAMED).into_iter();
        let alike = alike
            .filter_map(|(a, b, similarity)| Some(AlikePeople { people: [name(a)?, name(b)?], similarity }));
        ThresholdState {
            in_force,
            policy,
            card: facts.threshold,
            size,
            foreign_templates: u32::try_from(gallery.foreign_templates()).unwrap_or(u32::MAX),
            model,
            alike: alike.collect(),
        }
    }
}
