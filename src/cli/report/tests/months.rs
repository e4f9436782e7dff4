use super::*;

#[test]
fn a_map_of_more_than_one_month_says_which_month_a_day_is_of() {
    let map = report_of(put_right(), "--since 2026-02-20 --until 2026-03-31 --format heatmap").out;
    let blocks: Vec<&str> = map.lines().filter(|line| line.starts_with("2026-")).collect();
    assert_eq!(blocks.len(), 2, "{map}");
    assert!(
        blocks[0].starts_with("2026-02-20       2 2 2") && blocks[1].starts_with("2026-03-23       2 2 2"),
        "{map}"
    );
    assert!(map.contains("c  corrected by an operator: Ana: 03-02\n"), "{map}");
    assert!(map.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80), "{map}");
    let years = report_of(put_right(), "--since 2025-12-20 --until 2026-03-03 --format heatmap").out;
    assert!(years.contains("c  corrected by an operator: Ana: 2026-03-02\n"), "{years}");
}

#[test]
fn a_session_in_csv_names_the_entry_that_corrected_a_standing_as_json_does() {
    let mut all = entries();
    all.extend(session());
    let csv = report_of(all, "--week --format csv --rows sessions").out;
    let mut reader = ::csv::ReaderBuilder::new().from_reader(csv.as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "corrected_by");
    let line = reader.records().next().unwrap().unwrap();
    assert_eq!(column.and_then(|column| line.get(column)), Some("23"), "{csv}");
}
