//! Whether a figure meets a target, as far as that can be said. Source: JCGM 106; domain.md 6.1, 6.3.
//!
//! The decision rule is guard-banded with w = U: a figure is compliant only where it meets the limit with all
//! of its expanded uncertainty, and fails only where it misses it with all of it. Where U is not known, or
//! where simple acceptance (w = 0) is configured, the verdict is called unguarded, and never compliant.

mod reason;

pub use reason::Reason;

use super::figure::{Figure, Status, needed_coverage};
use chrono::NaiveDate;
use wattledger_model::target::{Limit, Operator, Target, TargetKind};
use wattledger_model::time::Interval;

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The value meets the limit with all of its uncertainty.
    Compliant,
    /// The value meets the limit, but not with all of its uncertainty.
    ConditionalPass,
    /// The value misses the limit, but not with all of its uncertainty.
    ConditionalFail,
    /// The value misses the limit with all of its uncertainty.
    NonCompliant,
    /// The value meets the limit; no guard band.
    PassUnguarded,
    /// The value does not meet the limit; no guard band.
    FailUnguarded,
    /// No verdict may be given, for the reasons that stand beside it.
    NotAssessable,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 7] = [
        Verdict::Compliant,
        Verdict::ConditionalPass,
        Verdict::ConditionalFail,
        Verdict::NonCompliant,
        Verdict::PassUnguarded,
        Verdict::FailUnguarded,
        Verdict::NotAssessable,
    ];

    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Compliant => "compliant",
            Verdict::ConditionalPass => "conditional_pass",
            Verdict::ConditionalFail => "conditional_fail",
            Verdict::NonCompliant => "non_compliant",
            Verdict::PassUnguarded => "pass_unguarded",
            Verdict::FailUnguarded => "fail_unguarded",
            Verdict::NotAssessable => "not_assessable",
        }
    }

    /// Whether the value itself meets the limit; `None` where there is no verdict.
    pub const fn meets(self) -> Option<bool> {
        match self {
            Verdict::Compliant | Verdict::ConditionalPass | Verdict::PassUnguarded => Some(true),
            Verdict::NonCompliant | Verdict::ConditionalFail | Verdict::FailUnguarded => Some(false),
            Verdict::NotAssessable => None,
        }
    }
}

/// How a value is held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DecisionRule {
    /// With a guard band of U, the expanded uncertainty.
    #[default]
    Guarded,
    /// By the value alone; the verdict is named so.
    SimpleAcceptance,
}

impl DecisionRule {
    /// The word used in configuration and reports.
    pub const fn word(self) -> &'static str {
        match self {
            DecisionRule::Guarded => "guard-band",
            DecisionRule::SimpleAcceptance => "simple-acceptance",
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
    /// Stretches without support, for figures over a year; empty where they were not looked at. Those that an
    /// operator explained are not among them.
    pub gaps: &'a [Interval],
    /// Expanded uncertainty U (k = 2) in the figure's unit; `None` where it is not known.
    pub expanded: Option<f64>,
    /// How the value is held against the limit.
    pub rule: DecisionRule,
    /// When it is judged: a target whose last date lies before that has passed.
    pub on: NaiveDate,
}

/// A verdict with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why there is none, or what has to be said with it.
    pub reasons: Vec<Reason>,
    /// The guard band w, in the figure's unit; 0 where there is none.
    pub guard_band: f64,
    /// Whether the target's time is over.
    pub horizon_passed: bool,
}

/// Gaps longer than this make a yearly verdict impossible. Source: domain.md 5.4.
const LONGEST_GAP_MINUTES: i64 = 24 * 60;

/// Whether a verdict over so long an interval is guard-banded: from a day on. Shorter windows are for alarms, not for
/// conformity, and outputs name them unguarded alike.
pub fn is_guarded(interval: Interval) -> bool {
    // The shortest local day has 21 hours.
    interval.minutes() >= 21 * 60
}

/// Judges a figure against a target; reasons are given wherever there is no verdict or no guard band.
pub fn judge(figure: &Figure, target: &Target, circumstances: Circumstances<'_>) -> Judgement {
    let mut reasons = obstacles(figure, target, circumstances);
    let horizon_passed = target.has_passed(circumstances.on);
    let expanded = circumstances.expanded.filter(|u| u.is_finite() && *u >= 0.0);
    let (verdict, guard_band) = match (figure.value, expanded, circumstances.rule) {
        (Some(value), Some(u), DecisionRule::Guarded) if reasons.is_empty() => {
            (decide(target.limit, value, u), u)
        }
        (Some(value), _, rule) if reasons.is_empty() => {
            reasons.push(match rule {
                DecisionRule::Guarded => Reason::UncertaintyUnknown,
                DecisionRule::SimpleAcceptance => Reason::SimpleAcceptance,
            });
            (decide_unguarded(target.limit, value), 0.0)
        }
        _ => (Verdict::NotAssessable, 0.0),
    };
    if horizon_passed {
        reasons.push(Reason::HorizonPassed);
    }
    Judgement { verdict, reasons, guard_band, horizon_passed }
}

/// The guard-banded verdict on a value with its expanded uncertainty. Both bounds of the value are compared
/// unrounded with the limit, by the limit's own operator.
pub fn decide(limit: Limit, value: f64, expanded: f64) -> Verdict {
    let (worst, best) = match limit.operator {
        Operator::AtMost | Operator::Below => (value + expanded, value - expanded),
        Operator::AtLeast | Operator::Above => (value - expanded, value + expanded),
    };
    if limit.meets(worst) {
        Verdict::Compliant
    } else if !limit.meets(best) {
        Verdict::NonCompliant
    } else if limit.meets(value) {
        Verdict::ConditionalPass
    } else {
        Verdict::ConditionalFail
    }
}

/// The verdict by simple acceptance, named so.
pub fn decide_unguarded(limit: Limit, value: f64) -> Verdict {
    if limit.meets(value) { Verdict::PassUnguarded } else { Verdict::FailUnguarded }
}

/// Why no verdict may be given.
fn obstacles(figure: &Figure, target: &Target, circumstances: Circumstances<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match target.kind {
        TargetKind::Facility => {}
        TargetKind::Average | TargetKind::Gate => reasons.push(Reason::NotForOneFacility),
    }
    let is_same = target.indicator == figure.indicator.word()
        || (figure.indicator.is_pue() && target.indicator == super::Indicator::Pue.word());
    if !is_same {
        reasons.push(Reason::About { indicator: target.indicator.clone() });
    }
    match figure.indicator.own_category().map(super::category::Category::number).or(circumstances.category) {
        Some(0) => reasons.push(Reason::Category0),
        Some(_) => {}
        None => reasons.push(Reason::NoCategory),
    }
    if !circumstances.complete {
        reasons.push(Reason::NotOver);
    }
    match figure.status {
        Status::NoData => reasons.push(Reason::NothingCovered),
        Status::Undefined => reasons.push(Reason::NoItEnergy),
        Status::Implausible if figure.indicator.is_pue() => reasons.push(Reason::BelowOne),
        Status::Implausible => reasons.push(Reason::Implausible),
        Status::Ok | Status::Provisional => {}
    }
    let needed = needed_coverage(figure.interval);
    if figure.coverage < needed && figure.status != Status::NoData {
        reasons.push(Reason::Coverage { is: figure.coverage, needed });
    }
    let long = circumstances.gaps.iter().filter(|gap| gap.minutes() > LONGEST_GAP_MINUTES).count();
    if long > 0 {
        reasons.push(Reason::LongGaps { count: long });
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::Indicator;
    use super::super::account::Account;
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::target::TargetTable;
    use wattledger_model::time::Minute;

    fn on() -> NaiveDate {
        "2026-11-21".parse().expect("a date")
    }

    fn usual(expanded: Option<f64>) -> Circumstances<'static> {
        Circumstances {
            category: Some(1),
            complete: true,
            gaps: &[],
            expanded,
            rule: DecisionRule::Guarded,
            on: on(),
        }
    }

    fn figure(total: i128, it: i128, minutes: i64) -> Figure {
        let account = Account { minutes, numerator: total, denominator: it, ..Account::default() };
        Figure::of(Indicator::Pue, Interval::new(Minute(0), Minute(1_440)), &account)
    }

    fn target() -> Target {
        TargetTable::find("D130").expect("the default target").1.clone()
    }

    fn words(judgement: &Judgement) -> Vec<String> {
        judgement.reasons.iter().map(ToString::to_string).collect()
    }

    fn judged(total: i128, it: i128, minutes: i64, complete: bool) -> (Verdict, Vec<String>) {
        let judgement =
            judge(&figure(total, it, minutes), &target(), Circumstances { complete, ..usual(None) });
        (judgement.verdict, words(&judgement))
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

    #[test]
    fn what_is_not_known_or_not_guarded_is_never_called_compliant() {
        let low = figure(110, 100, 1_440);
        let known = judge(&low, &target(), usual(Some(0.01)));
        assert_eq!((known.verdict, known.guard_band), (Verdict::Compliant, 0.01));
        assert!(known.reasons.is_empty());
        for unknown in [None, Some(f64::NAN), Some(-0.1)] {
            let judgement = judge(&low, &target(), usual(unknown));
            assert_eq!((judgement.verdict, judgement.guard_band), (Verdict::PassUnguarded, 0.0));
            assert_eq!(words(&judgement), ["simple acceptance: the meters' uncertainty is not known"]);
        }
        let simple = Circumstances { rule: DecisionRule::SimpleAcceptance, ..usual(Some(0.01)) };
        let judgement = judge(&low, &target(), simple);
        assert_eq!(judgement.verdict, Verdict::PassUnguarded);
        assert_eq!(words(&judgement), ["simple acceptance, as configured"]);
    }

    #[test]
    fn a_target_that_is_over_says_so() {
        let over = Target { until: Some("2025-12-31".parse().expect("a date")), ..target() };
        let judgement = judge(&figure(110, 100, 1_440), &over, usual(Some(0.01)));
        assert_eq!((judgement.verdict, judgement.horizon_passed), (Verdict::Compliant, true));
        assert_eq!(words(&judgement), ["horizon passed"]);
    }

    #[test]
    fn averages_gates_category_0_and_long_gaps_make_no_verdict() {
        let low = figure(110, 100, 1_440);
        for kind in [TargetKind::Average, TargetKind::Gate] {
            let group = Target { kind, ..target() };
            assert_eq!(judge(&low, &group, usual(Some(0.01))).verdict, Verdict::NotAssessable);
        }
        for category in [None, Some(0)] {
            let circumstances = Circumstances { category, ..usual(Some(0.01)) };
            assert_eq!(judge(&low, &target(), circumstances).verdict, Verdict::NotAssessable);
        }
        let gaps = [Interval::new(Minute(0), Minute(24 * 60 + 1)), Interval::new(Minute(0), Minute(24 * 60))];
        let judgement = judge(&low, &target(), Circumstances { gaps: &gaps, ..usual(Some(0.01)) });
        assert_eq!(words(&judgement), ["1 gaps longer than 24 h are not explained"]);
    }

    #[test]
    fn a_lower_limit_is_guarded_from_the_other_side() {
        let limit = Limit { operator: Operator::AtLeast, value: 55.0 };
        let verdicts = [57.0, 55.5, 54.5, 53.0].map(|value| decide(limit, value, 1.0));
        assert_eq!(
            verdicts,
            [Verdict::Compliant, Verdict::ConditionalPass, Verdict::ConditionalFail, Verdict::NonCompliant]
        );
    }

    proptest! {
        /// Less uncertainty never takes a verdict back, and the value's own side never changes.
        #[test]
        fn the_guard_band_moves_verdicts_only_towards_conditional(
            value in 1.0_f64..2.0, wide in 0.0_f64..0.5, share in 0.0_f64..1.0, operator in 0_usize..4,
        ) {
            let limit = Limit { operator: Operator::ALL[operator], value: 1.3 };
            let (wide, narrow) = (decide(limit, value, wide), decide(limit, value, wide * share));
            prop_assert_eq!(wide.meets(), Some(limit.meets(value)));
            prop_assert_eq!(narrow.meets(), wide.meets());
            if matches!(wide, Verdict::Compliant | Verdict::NonCompliant) {
                prop_assert_eq!(narrow, wide);
            }
        }
    }
}
