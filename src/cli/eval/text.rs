//! The figures in words and tables.

use super::super::output::{columns, printable};
use super::chart;
use super::figures::{Evaluation, FnirObject, PairObject, RateObject, TarObject};
use super::strategies::StrategyRow;
use super::video::VideoFigures;

/// A share as percent, with as many places as a hundredth of a percent needs.
fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn between((least, most): (f64, f64)) -> String {
    format!("{:.2} to {:.2} %", least * 100.0, most * 100.0)
}

/// As `3 of 195, 1.54 % (0.32 to 4.43 %)`.
fn counted(rate: &RateObject) -> String {
    let count = format!("{} of {}", rate.events, rate.trials);
    match (rate.share, rate.interval95) {
        (Some(_), Some((_, most))) if rate.events == 0 => format!("{count}, at most {}", percent(most)),
        (Some(share), Some(interval)) => format!("{count}, {} ({})", percent(share), between(interval)),
        _ => count,
    }
}

/// Everything, paragraph by paragraph.
pub fn paragraphs(figures: &Evaluation) -> Vec<String> {
    let mut all = vec![head(figures), pairs(figures), tars(&figures.tar_at_fmr), searches(figures)];
    all.extend(extremes(figures));
    all.extend(figures.strategies.as_deref().map(strategies));
    all.extend(figures.video.as_ref().map(video));
    if let Some(bars) = &figures.histogram {
        all.push(chart::histogram(bars, figures.card.threshold).join("\n"));
    }
    if !figures.roc.is_empty() {
        all.push(format!("ROC, TAR over FMR\n{}", chart::curve(&figures.roc).join("\n")));
    }
    all.push(times(figures));
    all
}

fn head(figures: &Evaluation) -> String {
    let mut text = format!(
        "{} pictures of {} people; pack {} on {}; seed {}, {} splits\nfailures to acquire: {}",
        figures.pictures,
        figures.people,
        figures.pack,
        figures.provider.to_uppercase(),
        figures.seed,
        figures.splits,
        counted(&figures.failures_to_acquire)
    );
    for fault in &figures.not_acquired {
        text.push_str(&format!("\n  {}", fault.reason));
    }
    if !figures.unreadable.is_empty() {
        text.push_str(&format!("\nunreadable, in no figure: {}", figures.unreadable.len()));
    }
    for fault in figures.unreadable.iter().chain(&figures.empty_folders) {
        text.push_str(&format!("\n  {}", fault.reason));
    }
    if !figures.several_faces.is_empty() {
        let count = figures.several_faces.len();
        text.push_str(&format!("\nseveral faces, the largest taken: {count}"));
    }
    for several in &figures.several_faces {
        text.push_str(&format!("\n  {}: {} faces", several.image, several.faces));
    }
    text
}

fn pairs(figures: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = [("genuine", &figures.genuine), ("impostor", &figures.impostor)]
        .into_iter()
        .map(|(name, distribution)| match distribution {
            None => vec![name.to_owned(), "0".to_owned()],
            Some(d) => {
                let values = [d.least, d.p5, d.median, d.p95, d.most, d.mean, d.deviation];
                let values = values.iter().map(|value| format!("{value:.3}"));
                [name.to_owned(), d.pairs.to_string()].into_iter().chain(values).collect()
            }
        })
        .collect();
    let header = ["similarity", "pairs", "least", "5 %", "median", "95 %", "most", "mean", "deviation"];
    let mut text = columns(&header, &rows);
    match &figures.equal_error {
        Some(point) => text.push_str(&format!(
            "\nequal error rate {} at {:.3}: false matches {}; false non-matches {}",
            percent(point.rate),
            point.threshold,
            counted(&point.fmr),
            counted(&point.fnmr)
        )),
        None => text.push_str("\nequal error rate: not supported, there are no pairs of both kinds"),
    }
    text.push_str(&format!(
        "\nat the card's threshold {:.3}: false matches {}; false non-matches {}",
        figures.card.threshold,
        counted(&figures.card.fmr),
        counted(&figures.card.fnmr)
    ));
    text
}

fn tars(rows: &[TarObject]) -> String {
    let cells = |row: &TarObject| {
        let fmr = format!("{:e}", row.fmr);
        let Some(tar) = row.tar else {
            return vec![fmr, "-".to_owned()];
        };
        let count = |rate: &Option<RateObject>| {
            rate.as_ref().map_or_else(String::new, |r| format!("{} of {}", r.events, r.trials))
        };
        vec![
            fmr,
            percent(tar),
            row.interval95.map(between).unwrap_or_default(),
            row.interval95_over_people.map_or_else(|| "-".to_owned(), between),
            row.threshold.map(|t| format!("{t:.3}")).unwrap_or_default(),
            count(&row.matches),
            count(&row.false_matches),
        ]
    };
    let header =
        ["at FMR", "TAR", "95 % by pairs", "95 % over people", "threshold", "matches", "false matches"];
    let mut text = columns(&header, &rows.iter().map(cells).collect::<Vec<_>>());
    for row in rows {
        if let Some(reason) = &row.reason {
            text.push_str(&format!("\nTAR at FMR {:e}: {reason}", row.fmr));
        }
        if let Some(reason) = &row.reason_over_people {
            text.push_str(&format!("\nover people at FMR {:e}: {reason}", row.fmr));
        }
    }
    text
}

fn searches(figures: &Evaluation) -> String {
    let rank = &figures.rank_one;
    let mut text = format!("rank 1, one photograph a person: {}", counted(&rank.first_photograph));
    if let (Some(mean), Some(least)) = (rank.mean, rank.least) {
        let drawn = format!("mean {}, least {}", percent(mean), percent(least));
        text.push_str(&format!("; {} draws of that photograph: {drawn}", rank.draws));
    }
    for pair in &rank.wrong {
        text.push_str(&format!("\n  wrong: {}", named(pair)));
    }
    let cells = |row: &FnirObject| {
        let mut cells = vec![format!("{:e}", row.fpir), format!("{:.1}", row.gallery)];
        match row.fnir {
            None => cells.push("-".to_owned()),
            Some(fnir) => cells.extend([
                percent(fnir),
                row.spread95_over_splits.map(between).unwrap_or_default(),
                row.threshold.map(|t| format!("{t:.3}")).unwrap_or_default(),
                format!("{} and {}", row.mated_searches.unwrap_or(0), row.non_mated_searches.unwrap_or(0)),
            ]),
        }
        cells
    };
    let header = ["at FPIR", "N", "FNIR", "95 % of the splits", "threshold", "mated and other searches"];
    text.push_str("\nhalf the people not enrolled, one photograph each\n");
    text.push_str(&columns(&header, &figures.fnir_at_fpir.iter().map(cells).collect::<Vec<_>>()));
    for row in &figures.fnir_at_fpir {
        if let Some(reason) = &row.reason {
            text.push_str(&format!("\nFNIR at FPIR {:e}: {reason}", row.fpir));
        }
    }
    text
}

fn named(pair: &PairObject) -> String {
    let (a, b) = (printable(&pair.images.0), printable(&pair.images.1));
    format!("{:.3}  {a}  {b}", pair.similarity)
}

fn extremes(figures: &Evaluation) -> Option<String> {
    let part = |title: &str, pairs: &[PairObject]| {
        let lines: Vec<String> = pairs.iter().map(|pair| format!("  {}", named(pair))).collect();
        (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
    };
    let parts = [
        part("genuine pairs that are least alike", &figures.least_alike_genuine),
        part("impostor pairs that are most alike", &figures.most_alike_impostor),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn strategies(rows: &[StrategyRow]) -> String {
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    let cells = |row: &StrategyRow| {
        let mut cells = vec![row.strategy.clone(), row.searches.to_string(), share(row.rank_one)];
        cells.push(share(row.equal_error));
        cells.extend(row.tar_at_fmr.iter().map(|point| share(point.tar)));
        cells.push(row.separation.map_or_else(|| "-".to_owned(), |d| format!("{d:.2}")));
        cells
    };
    let header = ["strategy", "searches", "rank 1", "EER", "TAR at 1e-2", "1e-3", "1e-4", "d'"];
    let draws = rows.first().map_or(0, |row| row.draws);
    let table = columns(&header, &rows.iter().map(cells).collect::<Vec<_>>());
    format!("strategies, {draws} draws, a search compared with each person (-: not supported)\n{table}")
}

fn video(figures: &VideoFigures) -> String {
    let mut text = format!(
        "{}: {} frames, {} with a face, {} faces, {} of them unidentified",
        printable(&figures.video),
        figures.frames,
        figures.frames_with_face,
        figures.faces,
        figures.unidentified
    );
    if let Some(most) = figures.most_alike_unidentified {
        text.push_str(&format!(" (at most {most:.3} alike; threshold {:.3})", figures.threshold));
    }
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let cells = |row: &super::video::VideoPerson| {
        vec![
            row.person.clone(),
            row.templates.to_string(),
            row.frames.to_string(),
            number(row.first_frame),
            number(row.last_frame),
            row.most_alike.map_or_else(|| "-".to_owned(), |most| format!("{most:.3}")),
        ]
    };
    let header = ["person", "stills", "named in frames", "first", "last", "most alike"];
    text.push('\n');
    text.push_str(&columns(&header, &figures.people.iter().map(cells).collect::<Vec<_>>()));
    text
}

fn times(figures: &Evaluation) -> String {
    let cells = |stage: &super::figures::StageObject| {
        vec![stage.stage.clone(), format!("{:.2}", stage.median_ms), format!("{:.2}", stage.p95_ms)]
    };
    let rows: Vec<Vec<String>> = figures.stages.iter().map(cells).collect();
    columns(&["milliseconds a picture", "median", "95 %"], &rows)
}
