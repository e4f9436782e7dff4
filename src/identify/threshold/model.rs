//! The card's impostor pairs and the site's own, together.

use serde::{Deserialize, Serialize};

use super::fpir;
use super::pairs::{Exceedances, ImpostorPair};
use super::tail::{RateEstimate, TailFit, TailSpread, ThresholdEstimate};
use crate::identify::Threshold;

/// What of a site's own pairs goes into its tail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SitePairs {
    /// Pairs of different people of the gallery that were compared, one pair of templates each.
    pub pairs: u64,
    /// People they are of.
    pub people: u32,
    /// Pairs above the tail's start.
    pub above: u64,
    /// Pairs at or above the card's threshold: perhaps one person enrolled twice.
    pub suspicious: u64,
    /// The most alike pair.
    pub highest: f32,
    /// How much of the share above the start comes from the site, 0 to 1.
    pub weight: f32,
}

/// The impostor distribution in force: the card's, or the card's and the site's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImpostorModel {
    /// As the card has it.
    pub card: TailFit,
    /// What the site's own pairs added; none where there are none.
    pub site: Option<SitePairs>,
    /// What is in force.
    pub tail: TailFit,
}

/// Exceedances of a site under which their own spread is not believed.
const LEAST_FOR_OWN_SPREAD: u64 = 10;
/// Independent pairs are worth half of themselves in the spread that [`Exceedances::count`] estimates,
/// because each is booked to two people.
const WORTH_OF_A_PAIR: f64 = 0.5;

/// A tail as so many independent observations: what a variance says of a count.
struct Worth {
    /// Pairs.
    pairs: f64,
    /// Of them above the start.
    above: f64,
    /// Observed excesses.
    excesses: f64,
    /// Their sum.
    sum: f64,
    covariance: f64,
}

impl Worth {
    /// `n` independent exceedances give `ln share` and `ln scale` the variance `1 / n` each: what a
    /// card's variances say is how many its pairs are worth.
    fn of_card(card: &TailFit) -> Self {
        let above = 1.0 / card.spread.log_share;
        let excesses = 1.0 / card.spread.log_scale;
        Self {
            pairs: above / card.share,
            above,
            excesses,
            sum: excesses * card.scale,
            covariance: card.spread.covariance,
        }
    }

    fn of_site(site: &Exceedances, card: &TailFit, own: &Self) -> Self {
        let uncapped = site.above - site.capped;
        // Where too few are alike to say how people differ, nobody is worth more than on the card.
        let most = own.pairs * f64::from(site.people) / f64::from(card.people) / site.pairs as f64;
        let (mut share_worth, mut scale_worth, mut covariance) =
            (WORTH_OF_A_PAIR.min(most), WORTH_OF_A_PAIR.min(most), 0.0);
        if uncapped >= LEAST_FOR_OWN_SPREAD {
            let worth = |variance: f64, count: u64| (1.0 / (variance * count as f64)).min(WORTH_OF_A_PAIR);
            share_worth = worth(site.spread.log_share, site.above);
            scale_worth = worth(site.spread.log_scale, uncapped);
            covariance = site.spread.covariance;
        }
        Self {
            pairs: share_worth * site.pairs as f64,
            above: share_worth * site.above as f64,
            excesses: scale_worth * uncapped as f64,
            sum: scale_worth * site.sum,
            covariance,
        }
    }
}

impl ImpostorModel {
    /// The card's pairs alone.
    pub fn of_card(card: TailFit) -> Self {
        Self { card, site: None, tail: card }
    }

    /// The card's pairs with the site's own.
    ///
    /// Exceedances and pairs of both are added up, each weighed by what they are worth: a set's
    /// variance says to how many independent pairs it amounts, and that is its weight. The default
    /// card's 18110 pairs of 23 people are worth about 315. So three people at a site change next to
    /// nothing, thirty (435 pairs, worth at most 218) not quite half, and a few hundred speak for
    /// themselves.
    /// A site's pairs at or above `cap`, the card's threshold, are taken as just that alike.
    pub fn with_site(card: TailFit, pairs: &[ImpostorPair], cap: Threshold) -> Self {
        // A cap below the start would leave nothing to see.
        let cap = f64::from(cap.0.0).max(card.start + card.scale);
        let found = Exceedances::count(pairs, card.start, cap);
        let is_exact = card.spread.log_share <= 0.0 || card.spread.log_scale <= 0.0;
        if found.pairs == 0 || is_exact {
            return Self::of_card(card);
        }
        let own = Worth::of_card(&card);
        let site = Worth::of_site(&found, &card, &own);
        let (above, excesses) = (own.above + site.above, own.excesses + site.excesses);
        let sum = own.sum + site.sum;
        let weight = site.pairs / (own.pairs + site.pairs);
        let mean = card.mean + (found.mean - card.mean) * weight;
        let (log_share, log_scale) = (1.0 / above, 1.0 / excesses);
        let most_covariance = (log_share * log_scale).sqrt();
        let covariance = own.covariance * (own.above / above) * (own.sum / sum)
            + site.covariance * (site.above / above) * (site.sum / sum);
        let tail = TailFit {
            // Under 0.5 by a margin that rounding cannot take; above it, no tail is left.
            share: (above / (own.pairs + site.pairs)).min(0.49),
            scale: (sum / excesses).min(0.99),
            mean: mean.min(card.start - card.scale),
            highest: card.highest.max(found.highest),
            pairs: card.pairs + found.pairs,
            people: card.people.saturating_add(found.people),
            spread: TailSpread {
                log_share,
                log_scale,
                // Of few pairs the sum of two estimates can exceed what two variances allow.
                covariance: covariance.clamp(-most_covariance, most_covariance),
            },
            ..card
        };
        let site = SitePairs {
            pairs: found.pairs,
            people: found.people,
            above: found.above,
            suspicious: found.capped,
            highest: found.highest as f32,
            weight: weight as f32,
        };
        Self { card, site: Some(site), tail }
    }

    /// FMR at `threshold`: one comparison of two templates of different people.
    pub fn fmr_at(&self, threshold: Threshold) -> RateEstimate {
        self.tail.fmr_at(threshold)
    }

    /// The threshold at which FMR is `fmr`.
    pub fn threshold_at_fmr(&self, fmr: f64) -> ThresholdEstimate {
        self.tail.threshold_at_fmr(fmr)
    }

    /// FPIR(N, T): the chance that a search of a stranger in `templates` templates identifies
    /// somebody.
    pub fn fpir_at(&self, threshold: Threshold, templates: u32) -> RateEstimate {
        let fmr = self.fmr_at(threshold);
        RateEstimate {
            value: fpir(fmr.value, templates),
            low: fpir(fmr.low, templates),
            high: fpir(fmr.high, templates),
            extrapolated: fmr.extrapolated,
        }
    }

    /// The threshold at which FPIR of a search in `templates` templates is `target`. More templates
    /// never lower it.
    pub fn threshold_for_fpir(&self, target: f64, templates: u32) -> ThresholdEstimate {
        self.threshold_at_fmr(super::fmr_for_fpir(target, templates))
    }
}
