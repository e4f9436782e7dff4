//! Exact intervals for shares: how often something happens, seen from a count.

/// The probability that a 95 % interval misses the true share is at most 5 %, half at each end.
pub const CONFIDENCE_95: f64 = 0.95;

/// The two-sided interval of Clopper and Pearson for a share of which `events` were counted in
/// `trials`: `(least, most)`, both 0 to 1.
///
/// It is exact: whatever the true share is, the interval misses it with a probability of at most
/// `1 - confidence`, and on either side with at most half of that. So 0 of 20 at a confidence of
/// 0.95 is `(0, 0.168)`: at most 16.8 %. It assumes that the trials are independent of each other
/// and alike; where they are not (pairs that share a photograph, frames of one passage) it is too
/// narrow, and whoever quotes it says so.
///
/// Nothing is claimed that was not counted: no trial, or a confidence that is not between 0 and 1,
/// gives `(0, 1)`. More events than trials count as `trials` of them.
///
/// C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in the case
/// of the binomial, Biometrika 26 (1934): the least share is the `alpha / 2` quantile of the beta
/// distribution with `events` and `trials - events + 1`, the most the `1 - alpha / 2` quantile of the
/// one with `events + 1` and `trials - events`.
pub fn clopper_pearson(events: u64, trials: u64, confidence: f64) -> (f64, f64) {
    if trials == 0 || !(confidence > 0.0 && confidence < 1.0) {
        return (0.0, 1.0);
    }
    let events = events.min(trials);
    let tail = (1.0 - confidence) / 2.0;
    let (hits, misses) = (events as f64, (trials - events) as f64);
    let share = hits / trials as f64;
    // Between the share itself and the end, the tail's probability runs one way only.
    let least = if events == 0 {
        0.0
    } else {
        bisect(0.0, share, |p| regularised_beta(p, hits, misses + 1.0) < tail)
    };
    let most = if events == trials {
        1.0
    } else {
        bisect(share, 1.0, |p| regularised_beta(p, hits + 1.0, misses) < 1.0 - tail)
    };
    (least, most)
}

/// The place between `low` and `high` up to which `is_below` holds, as closely as an `f64` tells.
fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    // A hundred halvings resolve shares down to 1e-30.
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function `I_x(a, b)` for `0 < x < 1`, `a, b > 0`: the continued
/// fraction of NIST's Digital Library of Mathematical Functions 8.17.22, on the side where it
/// converges fast.
fn regularised_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let logarithm = a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b);
    if x < (a + 1.0) / (a + b + 2.0) {
        (logarithm.exp() * beta_fraction(x, a, b) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - logarithm.exp() * beta_fraction(1.0 - x, b, a) / b).clamp(0.0, 1.0)
    }
}

/// The continued fraction, by the modified method of Lentz.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    /// Keeps a denominator that happens to vanish from dividing by zero.
    const TINY: f64 = 1e-300;
    /// The fraction needs about the square root of `a + b` terms: this is enough for 1e12 trials.
    const MOST_TERMS: u32 = 2_000_000;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..=MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(1.0 + even * d);
        c = kept(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(1.0 + odd * d);
        c = kept(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// `ln B(a, b)` for `a, b > 0`.
fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// `ln Γ(x)` for `x > 0`: Stirling's series (DLMF 5.11.1) with seven terms, from 12 on, where what is
/// left out is below 1e-15; smaller `x` are brought there by `Γ(x + 1) = x Γ(x)`.
fn ln_gamma(x: f64) -> f64 {
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < 12.0 {
        product *= shifted;
        shifted += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let square = shifted * shifted;
    let rest = SERIES.iter().rev().fold(0.0, |sum, term| sum / square + term) / shifted;
    let half_ln_two_pi = 0.5 * std::f64::consts::TAU.ln();
    (shifted - 0.5) * shifted.ln() - shifted + half_ln_two_pi + rest - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(found: (f64, f64), expected: (f64, f64)) {
        let within = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-12) + 1e-15;
        assert!(within(found.0, expected.0) && within(found.1, expected.1), "{found:?}, not {expected:?}");
    }

    #[test]
    fn nothing_in_twenty_is_at_most_sixteen_point_eight_percent() {
        let (least, most) = clopper_pearson(0, 20, CONFIDENCE_95);
        assert_eq!(least, 0.0);
        close((0.0, most), (0.0, 1.0 - 0.025f64.powf(1.0 / 20.0)));
        assert_eq!(format!("{:.1}", most * 100.0), "16.8");
        close(clopper_pearson(20, 20, CONFIDENCE_95), (1.0 - most, 1.0));
    }

    #[test]
    fn nothing_is_claimed_without_a_trial_or_a_confidence() {
        for (events, trials, confidence) in
            [(0, 0, 0.95), (1, 0, 0.95), (1, 2, 0.0), (1, 2, 1.0), (1, 2, f64::NAN), (1, 2, -3.0)]
        {
            assert_eq!(clopper_pearson(events, trials, confidence), (0.0, 1.0));
        }
        assert_eq!(clopper_pearson(9, 3, 0.95), clopper_pearson(3, 3, 0.95));
        let (least, most) = clopper_pearson(u64::MAX / 2, u64::MAX, 0.95);
        assert!(0.0 < least && least <= 0.5 && 0.499 < most && most < 1.0);
    }

    /// The same quantiles from `scipy.stats.beta.ppf` of SciPy 1.17.1.
    #[test]
    fn agrees_with_quantiles_computed_elsewhere() {
        for (events, trials, expected) in [
            (1, 20, (0.0012650894979498038, 0.24873276277202777)),
            (3, 18_110, (3.4163209213592656e-5, 0.00048403518293698984)),
            (0, 18_110, (0.0, 0.00020367221315513198)),
            (17, 1000, (0.009933512592716534, 0.027079496864851366)),
            (500, 1000, (0.46854917297179194, 0.531450827028208)),
            (1, 1_000_000_000, (2.531780798396938e-11, 5.571643429123389e-9)),
            (123_456, 1_000_000_000, (0.00012276833085301321, 0.00012414656552568756)),
        ] {
            let found = clopper_pearson(events, trials, CONFIDENCE_95);
            let within = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b;
            assert!(
                within(found.0, expected.0) && within(found.1, expected.1),
                "{found:?}, not {expected:?}"
            );
        }
    }

    /// The probability of `events` or fewer of `trials`, each with probability `p`, term by term.
    fn at_most(events: u64, trials: u64, p: f64) -> f64 {
        let mut ways = 0.0;
        let mut sum = 0.0;
        for k in 0..=events {
            sum += (ways + k as f64 * p.ln() + (trials - k) as f64 * (-p).ln_1p()).exp();
            ways += ((trials - k) as f64 / (k + 1) as f64).ln();
        }
        sum
    }

    proptest! {
        /// The definition itself: at the least share, `events` or more have the probability of one
        /// tail, and at the most share `events` or fewer have it.
        #[test]
        fn the_ends_are_where_the_count_becomes_too_unlikely(
            trials in 1u64..200, part in 0.0f64..=1.0, confidence in 0.5f64..0.999,
        ) {
            let events = (part * trials as f64) as u64;
            let (least, most) = clopper_pearson(events, trials, confidence);
            let tail = (1.0 - confidence) / 2.0;
            let share = events as f64 / trials as f64;
            prop_assert!((0.0..=share).contains(&least) && (share..=1.0).contains(&most));
            if events > 0 {
                prop_assert!((1.0 - at_most(events - 1, trials, least) - tail).abs() < 1e-9);
            }
            if events < trials {
                prop_assert!((at_most(events, trials, most) - tail).abs() < 1e-9);
            }
        }
    }
}
