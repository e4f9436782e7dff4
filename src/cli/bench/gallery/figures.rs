//! What was measured, as an object and as a table.

use std::time::Duration;

use serde::Serialize;

use crate::cli::output::columns;

/// All of one size.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) kind: &'static str,
    pub(super) size: usize,
    pub(super) dim: usize,
    /// At most.
    pub(super) threads: usize,
    pub(super) build_s: f64,
    pub(super) memory_mb: f64,
    pub(super) bytes_per_person: f64,
    pub(super) search_ms: Vec<Searches>,
    pub(super) plain_ms: Spread,
    pub(super) second_pass_rows: Rows,
    pub(super) enrol_us: Spread,
    pub(super) erase_us: Spread,
    pub(super) search_meanwhile_ms: Spread,
}

/// Searches with so many probes together on so many threads.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Searches {
    pub(super) probes: usize,
    pub(super) threads: usize,
    #[serde(flatten)]
    pub(super) time: Spread,
}

/// How long something takes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) most: f64,
}

/// How many rows were looked at exactly for a probe.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Rows {
    pub(super) p50: f64,
    pub(super) most: f64,
}

/// The value that so much of `sorted` is at most; 0 of nothing.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

impl Spread {
    /// Of `times`, in a unit of which a second has `a_second`.
    pub(super) fn of(times: &[Duration], a_second: f64) -> Self {
        let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * a_second).collect();
        sorted.sort_by(f64::total_cmp);
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| quantile(&sorted, share));
        Self { p50, p99, most }
    }
}

impl Rows {
    pub(super) fn of(counts: &mut [f64]) -> Self {
        counts.sort_by(f64::total_cmp);
        Self { p50: quantile(counts, 0.5), most: quantile(counts, 1.0) }
    }
}

/// A row a size; times are medians, and the 99th percentile after the stroke.
pub(super) fn table(all: &[Figures]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let mut header: Vec<String> = ["people", "built s", "MB", "bytes each"].map(str::to_owned).to_vec();
    for searches in &first.search_ms {
        let (probes, threads) = (searches.probes, searches.threads);
        header.push(format!("{probes} x {threads} ms"));
    }
    header.extend(["plain ms", "exact rows", "enrol us", "erase us", "meanwhile ms"].map(str::to_owned));
    let pair = |spread: &Spread| format!("{:.3}/{:.3}", spread.p50, spread.p99);
    let change = |spread: &Spread| format!("{:.1}/{:.1}/{:.0}", spread.p50, spread.p99, spread.most);
    let row = |figures: &Figures| {
        let mut cells = vec![
            figures.size.to_string(),
            format!("{:.2}", figures.build_s),
            format!("{:.1}", figures.memory_mb),
            format!("{:.0}", figures.bytes_per_person),
        ];
        cells.extend(figures.search_ms.iter().map(|searches| pair(&searches.time)));
        cells.push(pair(&figures.plain_ms));
        cells.push(format!("{}/{}", figures.second_pass_rows.p50, figures.second_pass_rows.most));
        cells.push(change(&figures.enrol_us));
        cells.push(change(&figures.erase_us));
        cells.push(pair(&figures.search_meanwhile_ms));
        cells
    };
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let dim = first.dim;
    format!(
        "{}\n{dim} values a person. PROBES x THREADS: median/99th percentile of a search; of enrolling and erasing the longest too.",
        columns(&header, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(&times, 1e3);
        assert_eq!((spread.p50.round(), spread.p99.round(), spread.most.round()), (100.0, 198.0, 200.0));
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(Rows::of(&mut [3.0, 1.0, 2.0]).p50, 2.0);
    }
}
