//! The CSV against its description.

use crate::indicators::Indicator;
use wattledger_model::time::Timestamp;

const DESCRIPTION: &str = include_str!("../schema/report.csv.md");
const OCTOBER: &str = include_str!("october.csv");

/// Cells of the description's rows that begin with a name in backquotes: the columns have five.
fn described(cells: usize) -> Vec<Vec<&'static str>> {
    let rows = DESCRIPTION.lines().filter(|line| line.starts_with("| `"));
    let split = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    rows.map(split).filter(|row| row.len() == cells).collect()
}

fn name(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// What is wrong with a field of a type, by the description.
fn fault(kind: &str, field: &str) -> Option<&'static str> {
    let number = || field.parse::<f64>().ok().filter(|_| !field.contains(['e', 'E', ' ']));
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let fits = match kind {
        "name" => {
            field.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        }
        "word" => is_word(field),
        "text" => true,
        "instant" => field.ends_with('Z') && Timestamp::from_rfc3339(field).is_some(),
        "number" => number().is_some(),
        "percent" => number().is_some_and(|percent| (0.0..=100.0).contains(&percent)),
        "verdicts" => field.split(';').all(|one| {
            one.split_once('=')
                .is_some_and(|(target, verdict)| !target.is_empty() && is_word(&verdict.replace('_', "-")))
        }),
        _ => return Some("the description has an unknown type"),
    };
    (!fits).then_some("is not of its type")
}

#[test]
fn the_columns_are_those_of_the_description_in_its_order() {
    let columns: Vec<&str> = described(5).iter().map(|row| name(row[0])).collect();
    let heading: Vec<&str> = OCTOBER.lines().next().expect("a heading").split(',').collect();
    assert_eq!(columns, heading);
}

#[test]
fn every_field_is_of_the_type_that_the_description_says() {
    let columns = described(5);
    for line in OCTOBER.lines().skip(1) {
        // No field of this report has a comma.
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), columns.len(), "{line}");
        for (field, column) in fields.iter().zip(&columns) {
            let found = match *field {
                "" if column[3] == "yes" => None,
                "" => Some("is empty"),
                field => fault(column[1], field),
            };
            assert_eq!(found, None, "{} of {line}", column[0]);
        }
    }
}

#[test]
fn every_figure_is_one_of_the_description_or_an_indicator() {
    let described: Vec<&str> = described(2).iter().flat_map(|row| row[0].split(", ")).map(name).collect();
    let is_described = |figure: &str| {
        described.iter().any(|one| match one.strip_suffix('*') {
            Some(beginning) => figure.starts_with(beginning),
            None => *one == figure,
        })
    };
    let figures: Vec<&str> = OCTOBER.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(figures.first(), Some(&"pue"));
    for figure in &figures {
        assert!(is_described(figure) || figure.parse::<Indicator>().is_ok(), "{figure}");
    }
    assert!(figures.contains(&"carbon-market") && figures.contains(&"component-utility"), "{figures:?}");
}

#[test]
fn a_field_of_another_type_is_found() {
    assert_eq!(fault("number", "1.5e3"), Some("is not of its type"));
    assert_eq!(fault("percent", "100.5"), Some("is not of its type"));
    assert_eq!(fault("instant", "2026-10-01T00:00:00+02:00"), Some("is not of its type"));
    assert_eq!(fault("verdicts", "D130"), Some("is not of its type"));
    assert_eq!(fault("verdicts", "D130=pass_unguarded;D125=not_assessable"), None);
}
