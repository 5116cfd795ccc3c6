//! Whether a figure meets a target, as far as that can be said. Source: domain.md 6.3.
//!
//! The uncertainty of the meters is not known here, so verdicts are by simple acceptance and say so.

use super::figure::{Figure, Status, needed_coverage};
use wattledger_model::target::{Target, TargetKind};
use wattledger_model::time::Interval;

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The value meets the limit; no guard band, since the uncertainty is unknown.
    PassUnguarded,
    /// The value does not meet the limit; no guard band.
    FailUnguarded,
    /// No verdict may be given, for the reasons that stand beside it.
    NotAssessable,
}

impl Verdict {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::PassUnguarded => "pass_unguarded",
            Verdict::FailUnguarded => "fail_unguarded",
            Verdict::NotAssessable => "not_assessable",
        }
    }
}

/// What a figure is judged with.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where IT energy is measured: 1 to 3; `None` where it is not.
    pub category: Option<u8>,
    /// Whether the interval is over; a window to date is not.
    pub complete: bool,
    /// Stretches without support, for figures over a year; empty where they were not looked at.
    pub gaps: &'a [Interval],
}

/// Gaps longer than this make a yearly verdict impossible. Source: domain.md 5.4.
const LONGEST_GAP_MINUTES: i64 = 24 * 60;

/// Judges a figure against a target; reasons are given wherever there is no verdict.
pub fn judge(figure: &Figure, target: &Target, circumstances: Circumstances<'_>) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    if target.kind != TargetKind::Facility {
        reasons.push("the target is not one for a single facility".to_owned());
    }
    if target.indicator != figure.indicator.word() {
        reasons.push(format!("the target is about {}", target.indicator));
    }
    if circumstances.category.is_none() {
        reasons.push("no meter measures IT energy, so there is no PUE category".to_owned());
    }
    if !circumstances.complete {
        reasons.push("the period is not over".to_owned());
    }
    match figure.status {
        Status::NoData => reasons.push("nothing is covered".to_owned()),
        Status::Undefined => reasons.push("IT energy is zero".to_owned()),
        Status::Implausible => {
            reasons.push("a PUE below 1 is implausible: a meter is missing or mislabelled".to_owned())
        }
        Status::Ok | Status::Provisional => {}
    }
    let needed = needed_coverage(figure.interval);
    if figure.coverage < needed && figure.status != Status::NoData {
        reasons.push(format!(
            "coverage {:.2} % is below the {:.0} % that a verdict needs",
            figure.coverage * 100.0,
            needed * 100.0
        ));
    }
    let long = circumstances.gaps.iter().filter(|gap| gap.minutes() > LONGEST_GAP_MINUTES).count();
    if long > 0 {
        reasons.push(format!("{long} gaps longer than 24 h are not explained"));
    }
    let verdict = match figure.value {
        Some(value) if reasons.is_empty() => {
            if target.limit.meets(value) {
                Verdict::PassUnguarded
            } else {
                Verdict::FailUnguarded
            }
        }
        _ => Verdict::NotAssessable,
    };
    if verdict != Verdict::NotAssessable {
        reasons.push("simple acceptance: the meters' uncertainty is not known".to_owned());
    }
    (verdict, reasons)
}

#[cfg(test)]
mod tests {
    use super::super::account::Account;
    use super::super::figure::Indicator;
    use super::*;
    use wattledger_model::target::TargetTable;
    use wattledger_model::time::Minute;

    fn judged(total: i128, it: i128, minutes: i64, complete: bool) -> (Verdict, Vec<String>) {
        let account = Account { minutes, numerator: total, denominator: it, ..Account::default() };
        let figure = Figure::of(Indicator::Pue, Interval::new(Minute(0), Minute(1_440)), &account);
        let target = TargetTable::embedded().get("D130").expect("the default target");
        judge(&figure, target, Circumstances { category: Some(1), complete, gaps: &[] })
    }

    #[test]
    fn the_unrounded_value_is_compared() {
        assert_eq!(judged(1_300_000, 1_000_000, 1_440, true).0, Verdict::PassUnguarded);
        assert_eq!(
            judged(1_300_001, 1_000_000, 1_440, true).0,
            Verdict::FailUnguarded,
            "1.300001 is not 1.30"
        );
    }

    #[test]
    fn no_verdict_without_coverage_or_before_the_end() {
        let (verdict, reasons) = judged(120, 100, 1_300, false);
        assert_eq!(verdict, Verdict::NotAssessable);
        assert_eq!(
            reasons,
            ["the period is not over", "coverage 90.28 % is below the 95 % that a verdict needs"]
        );
        assert_eq!(judged(90, 100, 1_440, true).0, Verdict::NotAssessable);
    }
}
