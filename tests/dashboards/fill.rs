//! Variables in queries, filled as Grafana fills them.

use std::collections::BTreeMap;

/// Intervals that Grafana rounds to, in ms, and how it writes them.
const INTERVALS: &[(i64, &str)] = &[
    (10_000, "10s"),
    (30_000, "30s"),
    (60_000, "1m"),
    (300_000, "5m"),
    (900_000, "15m"),
    (1_800_000, "30m"),
    (3_600_000, "1h"),
    (10_800_000, "3h"),
    (21_600_000, "6h"),
    (43_200_000, "12h"),
    (86_400_000, "1d"),
];

/// What a reader has chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    /// First and last instant of the time range, ms since the epoch.
    pub(crate) range: (i64, i64),
    /// The values of each variable; none for All.
    pub(crate) variables: BTreeMap<&'static str, Vec<String>>,
}

impl Chosen {
    /// A query as it is sent, of a panel with at most so many points. `least` is the panel's least interval; empty
    /// for none.
    pub(crate) fn fill(&self, query: &str, least: &str, points: i64) -> String {
        let (from, to) = self.range;
        let (interval_ms, interval) = interval((to - from) / points, least);
        let mut filled = query
            .replace("$timeFilter", &format!("time >= {from}ms and time <= {to}ms"))
            .replace("$__interval_ms", &interval_ms.to_string())
            .replace("$__interval", interval)
            .replace("${__from}", &from.to_string())
            .replace("${__to}", &to.to_string());
        for (name, values) in &self.variables {
            filled = filled.replace(&format!("${{{name}:regex}}"), &pattern(values));
        }
        filled
    }
}

/// Whether a variable is left; a pattern's end is none.
pub(crate) fn is_filled(query: &str) -> bool {
    let begins = |c: char| c == '{' || c == '_' || c.is_ascii_alphabetic();
    !query.split('$').skip(1).any(|rest| rest.starts_with(begins))
}

/// The interval of a chart's groups: that of its points, rounded up, and not below the least.
fn interval(point_ms: i64, least: &str) -> (i64, &'static str) {
    let least = INTERVALS.iter().find(|(_, word)| *word == least).map_or(0, |(ms, _)| *ms);
    let needed = point_ms.max(least);
    *INTERVALS.iter().find(|(ms, _)| *ms >= needed).unwrap_or(&INTERVALS[INTERVALS.len() - 1])
}

/// Grafana's format `regex`: All is the variable's own pattern, one value is escaped, several are alternatives.
fn pattern(values: &[String]) -> String {
    let escaped: Vec<String> = values.iter().map(|value| escaped(value)).collect();
    match escaped.as_slice() {
        [] => ".*".to_owned(),
        [one] => one.clone(),
        several => format!("({})", several.join("|")),
    }
}

fn escaped(value: &str) -> String {
    let special = |c: char| r"\^$.*+?()[]{}|/".contains(c);
    value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[test]
fn variables_are_filled_as_grafana_does() {
    let variables = BTreeMap::from([
        ("site", vec![]),
        ("facility", vec!["hall-1".to_owned()]),
        ("meter", vec!["a.b".to_owned(), "c".to_owned()]),
    ]);
    let chosen = Chosen { range: (1_000, 1_000 + 7 * 86_400_000), variables };
    let query = "/^${site:regex}$/ /^${facility:regex}$/ /^${meter:regex}$/ $timeFilter ${__to}ms - 3d \
                 time($__interval) $__interval_ms";
    assert_eq!(
        chosen.fill(query, "1m", 1_000),
        "/^.*$/ /^hall-1$/ /^(a\\.b|c)$/ time >= 1000ms and time <= 604801000ms 604801000ms - 3d time(15m) 900000"
    );
    assert!(chosen.fill("time($__interval)", "1h", 1_000).contains("time(1h)"));
    assert!(chosen.fill("time($__interval)", "", 1_000).contains("time(15m)"));
    assert!(chosen.fill("time($__interval)", "", 80).contains("time(3h)"));
}
