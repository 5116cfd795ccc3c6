//! What people read: a line and a text about what is brought to them.

use super::decide::Turn;
use super::group::Parcel;
use super::message::Message;
use std::fmt::Write as _;

/// Letters of a line at most.
const LONGEST_TITLE: usize = 200;

/// One line: what happened, how bad, to what, and why.
pub(super) fn title(parcel: &Parcel) -> String {
    let line = match parcel.alerts.as_slice() {
        [only] => {
            let turn = turned(only, parcel.repeated);
            format!("[{turn}] {}: {}: {}", only.severity, only.subject, only.reason)
        }
        all => {
            let count = |turn: Turn| all.iter().filter(|alert| alert.state == turn).count();
            let counts: Vec<String> = [Turn::Raised, Turn::Cleared]
                .into_iter()
                .filter(|turn| count(*turn) > 0)
                .map(|turn| format!("{} {}", count(turn), turn.word()))
                .collect();
            let mut named: Vec<String> =
                all.iter().map(|alert| format!("{} ({})", alert.rule, alert.subject)).collect();
            named.dedup();
            format!("[{}] {}", counts.join(", "), named.join(", "))
        }
    };
    one_line(&line)
}

/// All that is known, a line for each thing.
pub(super) fn text(parcel: &Parcel, page: Option<&str>) -> String {
    let mut text = String::new();
    for (at, alert) in parcel.alerts.iter().enumerate() {
        if at > 0 {
            text.push_str("\n----\n\n");
        }
        if parcel.alerts.len() > 1 {
            let _ =
                writeln!(text, "[{}] {}: {}", turned(alert, parcel.repeated), alert.severity, alert.subject);
        }
        describe(alert, &mut text);
    }
    if let Some(page) = page {
        let _ = writeln!(text, "\nPage: {page}");
    }
    text
}

/// Writing to a text never fails.
fn describe(alert: &Message, text: &mut String) {
    let _ = writeln!(text, "{}", alert.reason);
    if !alert.cause.is_empty() {
        let _ = writeln!(text, "{}", alert.cause);
    }
    for (name, words) in &alert.annotations {
        let _ = writeln!(text, "{name}: {words}");
    }
    let unit = match alert.unit.as_str() {
        "" | "1" => String::new(),
        unit => format!(" {unit}"),
    };
    let _ = writeln!(
        text,
        "\nRule: {} ({})\nSubject: {}\nValue: {:.3}{unit}, limit {}{unit}\nCoverage: {:.1} %",
        alert.rule,
        alert.severity,
        alert.subject,
        alert.value,
        alert.limit,
        alert.coverage * 100.0
    );
    if !alert.window.is_empty() {
        let _ = writeln!(text, "Window: {}", alert.window);
    }
    let _ = writeln!(text, "Since: {}\nAs of: {}", alert.since, alert.as_of);
    for (title, lines) in [("Changed", &alert.changed), ("Not alerted because of this", &alert.suppresses)] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}:");
            lines.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
        }
    }
    if !alert.look_at.is_empty() {
        let _ = writeln!(text, "\nLook at: {}", alert.look_at);
    }
    let _ = writeln!(text, "Alert: {}", alert.id);
}

fn turned(alert: &Message, repeated: u32) -> &'static str {
    match alert.state {
        Turn::Raised if repeated > 0 => "still raised",
        turn => turn.word(),
    }
}

/// A text on one line, not longer than a line of mail ought to be.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = line.char_indices().nth(LONGEST_TITLE) {
        line.truncate(end);
        line.push('…');
    }
    line
}
