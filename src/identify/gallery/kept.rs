//! What a gallery keeps of an embedding: each value in 16 bits, with one step for all of a row.
//!
//! A value is `number * step`, where the number is a whole one and the step a power of two. So what is kept
//! is exactly a 32-bit float, and keeping it a second time changes nothing. Of a row whose largest value is
//! `m`, no value is off by more than `m / 32 000`, or by half the smallest normal float where that is more; of
//! a unit vector of 512 values, that moves a cosine by a few millionths.
//!
//! A number is `256 * high + low`. The high bytes lie together, so that a first look at all rows reads one
//! byte a value.

use super::scan::STRIDE;

/// The largest number: with it and below, both bytes are within -128..=127.
const MOST: f32 = 32_639.0;
/// Added to a float that is much smaller, it leaves the nearest whole number in the last bits.
const WHOLE: f32 = 12_582_912.0;
/// Beyond this length nothing is bounded: such a row is always compared value by value.
const LONGEST: f64 = 1_048_576.0;
/// The exponents a step may have: no kept value is subnormal, and none is infinite.
const EXPONENTS: std::ops::RangeInclusive<i32> = -126..=112;

/// What is known of a row besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    /// What 1 stands for; a power of two.
    pub(super) step: f32,
    /// At least the length of what the low bytes stand for; infinite where nothing can be said.
    pub(super) lost: f32,
    /// At least the length of the row, and of what the high bytes stand for.
    pub(super) reach: f32,
}

/// The step that `values` are kept with. What is not finite is kept as 0.
fn step_of(values: &[f32]) -> f32 {
    let finite = values.iter().map(|value| if value.is_finite() { value.abs() } else { 0.0 });
    let most = finite.fold(0.0f32, |most, value| if value > most { value } else { most });
    // The exponent as it stands in the float; 15 bits of a number lie under it.
    let exponent = (most.to_bits() >> 23) as i32 - 127 - 14;
    let exponent = exponent.clamp(*EXPONENTS.start(), *EXPONENTS.end());
    let step = power_of_two(exponent);
    let fits = most / step < MOST + 0.5;
    if fits { step } else { power_of_two((exponent + 1).min(*EXPONENTS.end())) }
}

/// `2^exponent` for an exponent of a normal float.
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

/// The number of a value. Without a branch, so that the compiler does many at once.
#[inline(always)]
fn number(value: f32, per_step: f32) -> i16 {
    let value = if value.is_finite() { value } else { 0.0 };
    // The product is exact, as a step is a power of two; the number is within 16 bits, as MOST is.
    let near = (value * per_step).clamp(-MOST, MOST) + WHOLE;
    (near.to_bits() as i32 - WHOLE.to_bits() as i32) as i16
}

/// Whole numbers that make up `number` as `256 * high + low`.
#[inline(always)]
fn split(number: i16) -> (i8, i8) {
    // 32 639 + 128 is the last number of 16 bits.
    let high = (number + 128) >> 8;
    (high as i8, (number - 256 * high) as i8)
}

fn join(high: i8, low: i8) -> f32 {
    (256 * i32::from(high) + i32::from(low)) as f32
}

/// A float that is at least `value`.
pub(super) fn at_least(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) < value { near.next_up() } else { near }
}

/// Appends the bytes of a row: the high ones with zeros up to a whole number of [`STRIDE`], the low ones.
pub(super) fn keep(values: &[f32], high: &mut Vec<i8>, low: &mut Vec<i8>) -> Mark {
    let step = step_of(values);
    let per_step = 1.0 / step;
    let (high_begin, low_begin) = (high.len(), low.len());
    high.resize(high_begin + values.len().next_multiple_of(STRIDE), 0);
    low.resize(low_begin + values.len(), 0);
    let (high, low) = (&mut high[high_begin..], &mut low[low_begin..]);
    let (mut high_square, mut low_square) = (0i64, 0i64);
    // Squares of 16 384 bytes at most are summed in 32 bits.
    for ((values, high), low) in values.chunks(4096).zip(high.chunks_mut(4096)).zip(low.chunks_mut(4096)) {
        let (mut high_sum, mut low_sum) = (0i32, 0i32);
        for ((value, high), low) in values.iter().zip(high).zip(low) {
            (*high, *low) = split(number(*value, per_step));
            high_sum += i32::from(*high) * i32::from(*high);
            low_sum += i32::from(*low) * i32::from(*low);
        }
        high_square += i64::from(high_sum);
        low_square += i64::from(low_sum);
    }
    mark(step, high_square, low_square)
}

fn mark(step: f32, high_square: i64, low_square: i64) -> Mark {
    // Squares of whole numbers are exact below 2^53; what a root is off by is far less than the allowance.
    let length = |square: i64, unit: f64| (square as f64).sqrt() * unit * (1.0 + 1e-12);
    let unit = f64::from(step);
    let lost = length(low_square, unit);
    // A row is the sum of its two parts.
    let reach = length(high_square, 256.0 * unit) + lost;
    let lost = if reach > LONGEST { f32::INFINITY } else { at_least(lost) };
    Mark { step, lost, reach: at_least(reach * (1.0 + 1e-12)) }
}

/// The values of a row; `high` may go on behind them.
pub(super) fn values(step: f32, high: &[i8], low: &[i8], into: &mut Vec<f32>) {
    into.clear();
    into.extend(high.iter().zip(low).map(|(high, low)| join(*high, *low) * step));
}

/// One template of several of a person, in as many bits as a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packed {
    step: f32,
    numbers: Box<[i16]>,
}

impl Packed {
    pub(super) fn of(values: &[f32]) -> Self {
        let step = step_of(values);
        let per_step = 1.0 / step;
        Self { step, numbers: values.iter().map(|value| number(*value, per_step)).collect() }
    }

    pub(super) fn values(&self) -> Vec<f32> {
        self.numbers.iter().map(|number| f32::from(*number) * self.step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(values: &[f32]) -> (Vec<f32>, Mark) {
        let (mut high, mut low, mut back) = (Vec::new(), Vec::new(), Vec::new());
        let mark = keep(values, &mut high, &mut low);
        assert_eq!(high.len() % STRIDE, 0);
        super::values(mark.step, &high, &low, &mut back);
        (back, mark)
    }

    #[test]
    fn whole_directions_and_zeros_are_kept_to_the_bit() {
        for values in [vec![1.0f32], vec![0.0, -1.0, 0.5], vec![0.0; 5], vec![0.25; 16]] {
            assert_eq!(kept(&values).0, values);
            assert_eq!(Packed::of(&values).values(), values);
        }
    }

    #[test]
    fn what_no_embedding_holds_is_kept_as_something_finite() {
        let odd = [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN, 1e-45, f32::MIN_POSITIVE, 0.5];
        let (back, mark) = kept(&odd);
        assert!(back.iter().all(|value| value.is_finite()), "{back:?}");
        assert!(mark.lost.is_infinite(), "nothing is said of such a row: {mark:?}");
        let (back, _) = kept(&[1e-45, f32::MIN_POSITIVE]);
        assert_eq!(back, [0.0, f32::MIN_POSITIVE]);
        // Too small for 15 bits above the smallest step: kept to that step.
        let (back, _) = kept(&[-7.233_037e-37]);
        assert!((back[0] + 7.233_037e-37).abs() <= f32::MIN_POSITIVE / 2.0, "{back:?}");
    }

    proptest! {
        #[test]
        fn a_kept_row_is_near_is_kept_again_as_it_is_and_is_within_its_mark(
            values in prop::collection::vec(prop_oneof![-1.0f32..1.0, Just(0.0), Just(-1.0), -1e-6f32..1e-6], 1..80),
            scale in prop_oneof![Just(1.0f32), Just(127.4), Just(1e-30), 0.01f32..1.0],
        ) {
            let values: Vec<f32> = values.iter().map(|value| value * scale).collect();
            let (back, mark) = kept(&values);
            let most = values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            let off = (f64::from(most) / 32_000.0).max(f64::from(f32::MIN_POSITIVE) / 2.0);
            for (value, back) in values.iter().zip(&back) {
                prop_assert!((f64::from(*value) - f64::from(*back)).abs() <= off);
            }
            prop_assert_eq!(&kept(&back).0, &back);
            prop_assert_eq!(Packed::of(&values).values(), back.clone());
            let (mut high, mut low) = (Vec::new(), Vec::new());
            keep(&values, &mut high, &mut low);
            let length = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
            let unit = f64::from(mark.step);
            let lost = length(&mut low.iter().map(|low| f64::from(*low) * unit));
            let coarse = length(&mut high.iter().map(|high| f64::from(*high) * 256.0 * unit));
            let whole = length(&mut back.iter().map(|value| f64::from(*value)));
            prop_assert!(lost <= f64::from(mark.lost));
            prop_assert!(coarse <= f64::from(mark.reach) && whole <= f64::from(mark.reach));
            // Or where everything is in the low bytes of the smallest step.
            let least = 128.0 * f32::MIN_POSITIVE;
            prop_assert!(mark.lost <= (most / 120.0 + least) * (values.len() as f32).sqrt());
        }
    }
}
