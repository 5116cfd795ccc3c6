//! What the demo says at its end: each facility's PUE by window, its verdict, and what was committed.

use super::progress::Filling;
use std::fmt::Write;
use std::path::Path;
use wattledger_collector::outputs::snapshot::{FacilityView, Figure, FigureStatus, Snapshot, Verdict};
use wattledger_model::time::Timestamp;

/// The windows of the summary, as the snapshot names them.
const WINDOWS: [&str; 4] = ["1h", "24h", "30d", "12mo"];

/// The summary as text for a terminal.
pub(crate) fn text(snapshot: &Snapshot, committed: u64, filling: &Filling, dir: &Path) -> String {
    let mut text = "\nSummary\n".to_owned();
    for facility in &snapshot.facilities {
        write_facility(&mut text, facility);
    }
    let _ = write!(text, "\nreadings committed: {}", grouped(committed));
    if !filling.is_done() {
        let _ = match filling.as_of {
            Some(as_of) => write!(text, "\nthe past is filled to {as_of} only; run again to go on"),
            None => write!(text, "\nthe past is not filled yet; run again to go on"),
        };
    }
    let _ = write!(text, "\ndata: {}", dir.display());
    text
}

fn write_facility(text: &mut String, facility: &FacilityView) {
    let as_of = facility.as_of.map_or_else(|| "no data yet".to_owned(), |at| format!("as of {}", minute(at)));
    let _ = writeln!(text, "\n{} ({}), {as_of}", facility.title, facility.name);
    if let Some(problem) = &facility.problem {
        let _ = writeln!(text, "  {problem}");
    }
    let _ = writeln!(text, "  {:<10} {:>7}  {:>8}  verdict", "window", "PUE", "coverage");
    for name in WINDOWS {
        if let Some(window) = facility.windows.iter().find(|window| window.window == name) {
            let _ = writeln!(
                text,
                "  {:<10} {:>7}  {:>8}  {}",
                window.label,
                value(&window.pue),
                percent(window.pue.coverage),
                verdicts(&window.pue, facility)
            );
        }
    }
}

fn value(figure: &Figure) -> String {
    figure.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

/// Never rounded up to a full coverage that is not there.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 10_000.0).floor() / 100.0)
}

fn verdicts(figure: &Figure, facility: &FacilityView) -> String {
    let status = match figure.status {
        FigureStatus::Ok => None,
        FigureStatus::Provisional => Some("provisional".to_owned()),
        FigureStatus::Undefined => Some("undefined: no IT energy".to_owned()),
        FigureStatus::Implausible => Some("implausible".to_owned()),
        FigureStatus::NoData => Some("no data".to_owned()),
    };
    let each = figure.verdicts.iter().map(|verdict| {
        let operator = facility.targets.iter().find(|target| target.id == verdict.target);
        let operator = operator.map_or("", |target| target.operator.as_str());
        let limit = format!("{} (PUE {operator} {})", verdict.target, verdict.limit);
        match verdict.verdict {
            Verdict::Compliant | Verdict::PassUnguarded => format!("meets {limit}"),
            Verdict::NonCompliant | Verdict::FailUnguarded => format!("misses {limit}"),
            Verdict::ConditionalPass => format!("meets {limit} within uncertainty"),
            Verdict::ConditionalFail => format!("misses {limit} within uncertainty"),
            Verdict::NotAssessable => format!("{limit} not assessable: {}", verdict.reasons.join(", ")),
        }
    });
    status.into_iter().chain(each).collect::<Vec<_>>().join("; ")
}

fn minute(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::super::progress::tests::snapshot;
    use super::*;
    use wattledger_collector::outputs::snapshot::{EnergyView, TargetView, VerdictView, WindowView};

    fn figure(value: Option<f64>, coverage: f64, verdict: Verdict, reasons: &[&str]) -> Figure {
        Figure {
            value,
            notation: String::new(),
            status: if value.is_some() { FigureStatus::Ok } else { FigureStatus::NoData },
            numerator: None,
            denominator: None,
            expanded: None,
            resolved: None,
            coverage,
            interpolated: 0.0,
            estimated: 0.0,
            verdicts: vec![VerdictView {
                target: "D130".to_owned(),
                limit: 1.3,
                verdict,
                reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            }],
        }
    }

    fn window(name: &str, pue: Figure) -> WindowView {
        let (window, label) = (name.to_owned(), format!("last {name}"));
        let (from, to) = (Timestamp(0), Timestamp(0));
        let energy = EnergyView::default();
        WindowView {
            window,
            label,
            rolling: true,
            from,
            to,
            pue,
            wue: None,
            cue: None,
            carbon_kg: None,
            energy,
        }
    }

    #[test]
    fn each_facility_has_its_figures_with_coverage_and_verdict() {
        let mut snapshot = snapshot(&[Some(1_700_000_040_000)]);
        let facility = &mut snapshot.facilities[0];
        let target = TargetView { id: "D130".to_owned(), limit: 1.3, operator: "<=".to_owned() };
        facility.targets = vec![target];
        facility.windows = vec![
            window("1h", figure(None, 0.0, Verdict::NotAssessable, &["no data"])),
            window("12mo", figure(Some(1.31449), 0.999_99, Verdict::FailUnguarded, &[])),
        ];
        let filling = Filling { as_of: None, live_from: None, target: Timestamp(0), readings: 0 };
        let text = text(&snapshot, 1_234_567, &filling, Path::new("/data"));
        for part in [
            "Hall (hall), as of 2023-11-14 22:14 UTC",
            "last 1h          -    0.00 %  no data; D130 (PUE <= 1.3) not assessable: no data",
            "last 12mo   1.3145   99.99 %  misses D130 (PUE <= 1.3)",
            "readings committed: 1,234,567",
            "not filled yet",
            "data: /data",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }
}
