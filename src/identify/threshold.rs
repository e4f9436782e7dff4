//! The threshold that follows the gallery: how alike different people are, what chance of a false
//! identification follows from that, and the threshold that keeps it at a target.
//!
//! A search of a stranger compares them with every template, so that
//!
//! ```text
//! FPIR(N, T) = 1 - (1 - FMR(T))^templates
//! ```
//!
//! (ISO/IEC 19795-1, 1:N from 1:1). **Assumed** is that the comparisons of one search are
//! independent, that there is one search a passage, and that strangers are to the enrolled as the measured
//! people are to each other. Templates of one person are not independent, which makes the formula say
//! too much, never too little; a stranger who resembles the people of a site more than those measured
//! makes it say too little, which is why the site's own pairs are taken in ([`ImpostorModel`]).

mod model;
mod normal;
mod pairs;
mod policy;
mod site;
mod tail;

#[cfg(test)]
mod tests;

pub use model::{ImpostorModel, SitePairs};
pub use pairs::{Exceedances, ImpostorPair, TAIL_QUANTILE};
pub use policy::{GallerySize, ThresholdInForce, ThresholdPolicy};
pub use site::MOST_PAIRS;
pub use tail::{ERRORS_TO_SUPPORT, MOST_SCALE_SPREAD, RateEstimate, TailFit, TailSpread, ThresholdEstimate};

/// FPIR of a search of `templates` independent comparisons, each with the chance `fmr`.
pub fn fpir(fmr: f64, templates: u32) -> f64 {
    // Not `1 - (1 - fmr)^n`: that is 0 for every rate under 1e-16.
    -(f64::from(templates) * (-fmr.clamp(0.0, 1.0)).ln_1p()).exp_m1()
}

/// The FMR at which a search of `templates` comparisons has the FPIR `fpir`: the inverse of [`fpir`].
/// Without templates nobody can be identified: 1.
pub fn fmr_for_fpir(fpir: f64, templates: u32) -> f64 {
    if templates == 0 {
        return 1.0;
    }
    -((-fpir.clamp(0.0, 1.0)).ln_1p() / f64::from(templates)).exp_m1()
}
