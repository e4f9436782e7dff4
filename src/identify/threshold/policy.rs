//! From what is configured, the card and the gallery to the threshold in force.

use serde::{Deserialize, Serialize};

use super::model::ImpostorModel;
use crate::identify::{Threshold, ThresholdBasis};

/// What a site asks of its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdPolicy {
    /// A threshold that holds whatever the gallery holds.
    pub fixed: Option<Threshold>,
    /// The FPIR that the threshold is derived from, above 0 and at most 0.1.
    pub target_fpir: f32,
    /// The least threshold that is derived; none for the card's.
    pub floor: Option<Threshold>,
}

impl Default for ThresholdPolicy {
    /// One stranger in a thousand, and never below the card's threshold.
    fn default() -> Self {
        Self { fixed: None, target_fpir: 1e-3, floor: None }
    }
}

/// How much is searched.
///
/// The threshold is derived from the templates, as if each were compared by itself, although a
/// person's are searched as their mean ([`crate::identify::Gallery`]). That errs to the safe side: three
/// templates compared by themselves need 0.028 more for the same FMR than one, their mean 0.007 more
/// ([`crate::identify::evaluation::strategy`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GallerySize {
    /// Templates.
    pub templates: u32,
    /// N: people whose templates those are.
    pub people: u32,
}

/// The threshold in force and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdInForce {
    /// The least similarity that identifies.
    pub threshold: Threshold,
    /// Where it comes from.
    pub basis: ThresholdBasis,
}

impl ThresholdPolicy {
    /// The threshold for a gallery of `size`:
    ///
    /// 1. the configured one, where there is one;
    /// 2. without a `model`, the card's or the configured floor, whichever is higher;
    /// 3. else the one at which FPIR is the target, or the floor (the configured one, else the card's)
    ///    where that is higher.
    ///
    /// The point estimate is taken, not an end of its interval: the tail's form is chosen to err to the
    /// safe side already.
    pub fn in_force(
        &self,
        card: Threshold,
        model: Option<&ImpostorModel>,
        size: GallerySize,
    ) -> ThresholdInForce {
        if let Some(threshold) = self.fixed {
            return ThresholdInForce { threshold, basis: ThresholdBasis::Configured };
        }
        let Some(model) = model else {
            let floor = self.floor.filter(|floor| *floor > card);
            return ThresholdInForce { threshold: floor.unwrap_or(card), basis: ThresholdBasis::Card };
        };
        let floor = self.floor.unwrap_or(card);
        let derived = model.threshold_for_fpir(f64::from(self.target_fpir), size.templates);
        let at_floor = derived.threshold <= floor;
        let basis = ThresholdBasis::Derived {
            target_fpir: self.target_fpir,
            templates: size.templates,
            people: size.people,
            at_floor,
            extrapolated: derived.extrapolated,
        };
        ThresholdInForce { threshold: if at_floor { floor } else { derived.threshold }, basis }
    }
}
