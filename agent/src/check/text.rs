//! The report as text: a line for each thing looked at, and a table for each source.

use super::report::{Finding, Report, Row, SourceReport, State};

/// The page that a terminal of ordinary size shows; tables grow up to [`WIDEST`].
const WIDTH: usize = 100;
/// A table is never wider: topics and meters are shortened first.
const WIDEST: usize = 120;
/// The least that is left of a shortened column.
const LEAST: usize = 14;
const HEAD: [&str; 9] = ["RULE", "TOPIC", "METER", "KIND", "VALUE", "UNIT", "CONVERTED", "TIME", "STATUS"];
const TOPIC: usize = 1;
const METER: usize = 2;
/// Numbers are set to the right.
const RIGHT: [usize; 2] = [4, 6];

/// The whole report.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    for line in &report.certificates {
        out.push_str(&format!("{line}\n"));
    }
    let Some(listened) = report.listened else {
        out.push_str(&format!("{}: ok\n", report.file));
        return out;
    };
    out.push_str(&format!("{}: the configuration can be used\n\n", report.file));
    findings(&mut out, &report.findings);
    for source in &report.sources {
        of_source(&mut out, source);
    }
    out.push_str(&match report.wrongs() {
        0 => format!("\nall well, within {listened:?}\n"),
        1 => format!("\n1 thing is wrong, within {listened:?}\n"),
        wrongs => format!("\n{wrongs} things are wrong, within {listened:?}\n"),
    });
    out
}

fn findings(out: &mut String, findings: &[Finding]) {
    for Finding { part, state, says } in findings {
        let head = format!("{part:<7} {:<6} ", state.word());
        wrapped(out, &head, says);
    }
}

fn of_source(out: &mut String, source: &SourceReport) {
    out.push_str(&format!("\n{}\n", source.name));
    findings(out, &source.findings);
    if source.rows.is_empty() {
        return;
    }
    let cells: Vec<[String; 9]> = source.rows.iter().map(cells).collect();
    let mut widths: [usize; 9] = std::array::from_fn(|at| {
        let longest = cells.iter().map(|row| length(&row[at])).max().unwrap_or_default();
        longest.max(HEAD[at].len())
    });
    // Two spaces between columns.
    let gaps = 2 * (HEAD.len() - 1);
    for column in [TOPIC, METER] {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(WIDEST);
        widths[column] = widths[column].saturating_sub(over).max(LEAST.min(widths[column]));
    }
    line(out, &HEAD.map(str::to_owned), &widths);
    let mut told: Vec<&str> = Vec::new();
    for (row, cells) in source.rows.iter().zip(&cells) {
        line(out, cells, &widths);
        // What is the same of many rules is said once.
        if !row.why.is_empty() && !told.contains(&row.why.as_str()) {
            told.push(&row.why);
            wrapped(out, "      ", &row.why);
        }
    }
}

fn cells(row: &Row) -> [String; 9] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    // To the second, which is what people compare with a clock on a wall.
    let time = row.at.map(|at| at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let time = time.or_else(|| row.value.as_ref().map(|_| "arrival".to_owned()));
    [
        row.rule.clone(),
        row.from.clone(),
        or_dash(row.meter.as_ref().map(ToString::to_string)),
        or_dash(row.kind.map(str::to_owned)),
        or_dash(row.value.clone()),
        or_dash(row.unit.clone()),
        or_dash(row.converted.clone()),
        or_dash(time),
        if row.state == State::Wrong { row.status.to_uppercase() } else { row.status.to_owned() },
    ]
}

fn line(out: &mut String, cells: &[String; 9], widths: &[usize; 9]) {
    let mut made = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = shortened(cell, *width);
        let room = " ".repeat(width - length(&cell));
        let gap = if at == 0 { "" } else { "  " };
        let cell = if RIGHT.contains(&at) { room + &cell } else { cell + &room };
        made.push_str(&format!("{gap}{cell}"));
    }
    out.push_str(made.trim_end());
    out.push('\n');
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The beginning and the end: topics differ in either.
fn shortened(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_owned();
    }
    let head = (width - 1) / 2;
    let tail = width - 1 - head;
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}

/// Words after a head, on as many lines as they need; what is longer than a line stays whole.
fn wrapped(out: &mut String, head: &str, text: &str) {
    let mut column = length(head);
    let indent = " ".repeat(column);
    out.push_str(head);
    let mut is_first = true;
    for word in text.split_whitespace() {
        if !is_first && column + 1 + length(word) > WIDTH {
            out.push_str(&format!("\n{indent}"));
            column = length(head);
            is_first = true;
        }
        if !is_first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length(word);
        is_first = false;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_and_topics_do_not_break_the_page() {
        assert_eq!(shortened("sensors/hall/SENSOR", 11), "senso…ENSOR");
        assert_eq!(shortened("déjà-vu", 7), "déjà-vu");
        let mut out = String::new();
        wrapped(&mut out, "link    ok     ", &format!("{} {}", "word ".repeat(30), "x".repeat(150)));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 3, "{out}");
        assert!(lines[..2].iter().all(|line| length(line) <= WIDTH), "{out}");
        assert!(lines[1..].iter().all(|line| line.starts_with(&" ".repeat(15))), "{out}");
    }

    #[test]
    fn a_table_keeps_to_the_page_whatever_topics_are_called() {
        let topic = "very/long/topic/of/a/building/with/many/levels/and/devices/SENSOR".repeat(2);
        let mut row =
            Row::without("1 energy", &topic, State::Wrong, "refused", "payload: no number".to_owned());
        row.meter =
            Some("a-meter-with-quite-a-long-name-of-fifty-eight-letters-or-so".parse().expect("name"));
        row.value = Some("123456789.123456".to_owned());
        let source = SourceReport { name: "plugs".to_owned(), findings: Vec::new(), rows: vec![row] };
        let mut out = String::new();
        of_source(&mut out, &source);
        assert!(out.lines().all(|line| length(line) <= WIDEST), "{out}");
        assert!(out.contains("REFUSED") && out.contains("      payload: no number"), "{out}");
    }
}
