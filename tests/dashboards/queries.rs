//! What queries ask for: only what is written, of what was chosen, and no mean of a ratio.

use crate::fill::{Chosen, is_filled};
use crate::read::{Question, dashboards, list, questions, text};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_collector::indicators::Indicator;
use wattledger_collector::outputs::influx::catalog::{self, Measurement};
use wattledger_model::calendar::Window;

/// A query taken apart: what is asked of a measurement, and what is asked of that answer.
#[derive(Debug)]
struct Parts<'a> {
    inner: &'a str,
    outer: String,
    measurement: &'static Measurement,
}

impl Parts<'_> {
    fn of(question: &Question) -> Parts<'_> {
        let place = &question.place;
        let query = question.query.as_str();
        let (inner, outer) = match query.split_once("FROM (") {
            None => (query, String::new()),
            Some((before, rest)) => {
                let end = closing(rest).unwrap_or_else(|| panic!("{place}: no end of the inner query"));
                (&rest[..end], format!("{before}{}", &rest[end + 1..]))
            }
        };
        assert!(!inner.contains("FROM ("), "{place}: queries nest once");
        let name = inner.split("FROM \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let measurement = catalog::ALL.iter().find(|measurement| measurement.name == name);
        let measurement = measurement.unwrap_or_else(|| panic!("{place}: nobody writes `{name}`"));
        Parts { inner, outer, measurement }
    }
}

/// The place of the bracket that closes one that is open.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Names that are given with `AS`, and all other names in double quotes.
fn names(query: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let parts: Vec<&str> = query.split('"').collect();
    let mut aliases = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for pair in parts.windows(2).step_by(2) {
        let set = if pair[0].ends_with(" AS ") { &mut aliases } else { &mut asked };
        set.insert(pair[1]);
    }
    (aliases, asked)
}

/// The values that a query compares a tag with, by `=` or by a pattern of alternatives.
fn compared<'a>(query: &'a str, tag: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for rest in query.split(&format!("\"{tag}\" ")).skip(1) {
        if let Some(value) = rest.strip_prefix("= '") {
            found.extend(value.split('\'').next());
        } else if let Some(pattern) = rest.strip_prefix("=~ /^") {
            let pattern = pattern.split("$/").next().unwrap_or_default();
            found.extend(pattern.trim_start_matches('(').trim_end_matches(')').split('|'));
        }
    }
    found
}

/// Functions and the name that each is applied to.
fn applied(query: &str) -> Vec<(&str, &str)> {
    query
        .match_indices("(\"")
        .filter_map(|(at, _)| {
            let function = query[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
            let name = query[at + 2..].split('"').next()?;
            (!function.is_empty()).then_some((function, name))
        })
        .collect()
}

fn every(check: impl Fn(&Question, &Parts)) {
    for (file, dashboard) in dashboards() {
        for question in questions(&file, &dashboard) {
            check(&question, &Parts::of(&question));
        }
    }
}

#[test]
fn every_query_names_only_what_is_written() {
    every(|Question { place, query, .. }, Parts { inner, outer, measurement }| {
        assert!(!query.contains("SELECT *"), "{place}: name the fields");
        let fields: BTreeSet<&str> = measurement.fields.iter().map(|field| field.name).collect();
        let (aliases, asked) = names(inner);
        for word in asked {
            let known = word == measurement.name || measurement.tags.contains(&word) || fields.contains(word);
            assert!(known, "{place}: `{}` has no `{word}`", measurement.name);
        }
        for word in names(outer).1 {
            let known = aliases.contains(word) || measurement.tags.contains(&word);
            assert!(known, "{place}: the inner query gives no `{word}`");
        }
        for indicator in compared(inner, "indicator") {
            let known = match indicator.strip_suffix(".*") {
                Some(start) => Indicator::ALL.iter().any(|known| known.word().starts_with(start)),
                None => Indicator::ALL.iter().any(|known| known.word() == indicator),
            };
            assert!(known, "{place}: no indicator `{indicator}`");
        }
        for window in compared(inner, "window") {
            assert!(Window::ALL.iter().any(|known| known.word() == window), "{place}: no window `{window}`");
        }
    });
}

#[test]
fn no_query_averages_a_ratio() {
    /// Sums and lengths among the fields of measurements that are of ratios otherwise.
    const AMOUNTS: &[&str] = &["numerator", "denominator", "overhead_left_kwh", "days_left"];
    const TAKES_ONE: &[&str] = &["last", "first", "max", "min"];
    /// Shares of time; they may be added where each is of a piece of time as long as the others.
    const SHARES: &[&str] = &["coverage", "measured", "interpolated", "estimated", "coverage_24h"];
    const PIECES: &[&str] = &["wl_meter", "wl_component", "wl_meter_day"];
    every(|Question { place, .. }, Parts { inner, outer, measurement }| {
        let name = measurement.name;
        let of_ratios = ["wl_indicator", "wl_now", "wl_zone", "wl_target", "wl_budget"].contains(&name);
        for (function, field) in applied(inner).into_iter().chain(applied(outer)) {
            if function == "mean" {
                assert!(field == "power_w" || field == "mean", "{place}: mean(\"{field}\")");
            }
            let ratio = of_ratios && !AMOUNTS.contains(&field);
            let share = SHARES.contains(&field) && !PIECES.contains(&name);
            if ratio || share {
                assert!(TAKES_ONE.contains(&function), "{place}: {function}(\"{field}\") of {name}");
            }
        }
        for divided in inner.split(" / ").chain(outer.split(" / ").skip(1)).skip(1) {
            let by = [
                "sum(\"denominator\")",
                "count(\"denominator\")",
                "$__interval_ms",
                "last(\"spool_limit_bytes\")",
            ];
            let known = by.iter().any(|by| divided.starts_with(by)) || divided == *outer;
            assert!(known || !divided.contains('"'), "{place}: divides by {divided}");
        }
    });
}

#[test]
fn windows_that_overlap_are_not_added() {
    every(|Question { place, .. }, Parts { inner, outer, measurement }| {
        if !["wl_indicator", "wl_zone"].contains(&measurement.name) || inner.starts_with("SHOW ") {
            return;
        }
        let windows = compared(inner, "window");
        assert!(!windows.is_empty(), "{place}: windows overlap; choose some");
        if measurement.name == "wl_indicator" {
            let one = compared(inner, "indicator").as_slice().len() == 1
                && !compared(inner, "indicator")[0].contains(".*");
            assert!(
                one || inner.contains("GROUP BY") && inner.contains("\"indicator\""),
                "{place}: indicators"
            );
        }
        let added =
            |query: &str| query.contains("sum(\"numerator\")") || query.contains("sum(\"denominator\")");
        if added(inner) {
            assert!(
                windows == ["1m"] || windows == ["day"],
                "{place}: adds up overlapping windows {windows:?}"
            );
        }
        if added(outer) {
            let each = "GROUP BY \"site\", \"facility\"";
            assert!(inner.contains(each), "{place}: one figure of each facility, then the sum");
            assert!(
                inner.contains("last(\"numerator\")") && inner.contains("last(\"denominator\")"),
                "{place}"
            );
            let apart =
                windows.len() == 1 || inner.contains("\"window\"") && outer.contains("GROUP BY \"window\"");
            assert!(apart, "{place}: adds up several windows");
        }
    });
}

#[test]
fn every_query_is_about_what_was_chosen_and_when() {
    for (file, dashboard) in dashboards() {
        let variables: Vec<&str> =
            list(&dashboard["templating"], "list").iter().map(|v| text(v, "name")).collect();
        for question in questions(&file, &dashboard) {
            let Parts { inner, measurement, .. } = Parts::of(&question);
            let Question { place, query, .. } = &question;
            for tag in measurement.tags {
                // A dashboard that lets choose among a tag's values asks of the chosen ones alone.
                let offered = variables.contains(tag) && !place.ends_with(&format!("variable `{tag}`"));
                let first = inner.starts_with("SHOW ") && ["site", "target", "gauge", "meter"].contains(tag);
                if offered && !first && !(inner.starts_with("SHOW ") && *tag == "facility") {
                    assert!(query.contains(&format!("${{{tag}:regex}}")), "{place}: of any {tag}");
                }
            }
            let timed = query.contains("$timeFilter") || query.contains("${__to}ms");
            assert!(timed || query.starts_with("SHOW TAG VALUES "), "{place}: of any time");
        }
    }
}

#[test]
fn nothing_is_left_of_a_variable_once_it_is_filled() {
    let names = ["site", "facility", "gauge", "meter", "target", "collector", "agent"];
    let variables: BTreeMap<_, _> = names.into_iter().map(|name| (name, vec!["a".to_owned()])).collect();
    let chosen = Chosen { range: (0, 30 * 86_400_000), variables };
    every(|Question { place, query, interval, points }, _| {
        let filled = chosen.fill(query, interval, *points);
        assert!(is_filled(&filled), "{place}: {filled}");
        let grouped = query.contains("GROUP BY time($__interval)");
        assert!(!grouped || !interval.is_empty(), "{place}: groups shorter than what is written");
    });
}
