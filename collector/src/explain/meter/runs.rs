//! Joins consecutive plain steps, so that a year of them is read in a few lines.

use super::super::local;
use super::content::Run;
use crate::ledger::explain::{Between, ExplainedStep};
use crate::outputs::reports::Amount;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::unit::Quantity;

/// Each step by itself.
pub(super) fn each(steps: &[ExplainedStep], quantity: Quantity) -> Vec<Run> {
    steps.iter().map(|step| run(std::slice::from_ref(step), quantity)).collect()
}

/// Consecutive plain steps of one kind as one.
pub(super) fn joined(steps: &[ExplainedStep], quantity: Quantity) -> Vec<Run> {
    let goes_on = |earlier: &ExplainedStep, later: &ExplainedStep| {
        is_plain(earlier)
            && earlier.to == later.from
            && (earlier.between, earlier.provenance) == (later.between, later.provenance)
    };
    steps.chunk_by(goes_on).map(|steps| run(steps, quantity)).collect()
}

/// Whether nothing is to be told of a step but how long and how much it was.
fn is_plain(step: &ExplainedStep) -> bool {
    match step.between {
        Between::Step(class) => {
            let known = matches!(step.provenance, Some(Provenance::Measured | Provenance::Interpolated));
            class == StepClass::Normal && known
        }
        Between::Span(_) => true,
        Between::Gap => false,
    }
}

fn run(steps: &[ExplainedStep], quantity: Quantity) -> Run {
    let (first, last) = (&steps[0], &steps[steps.len() - 1]);
    let longest = steps.iter().map(|step| step.to.0 - step.from.0).max().unwrap_or(0);
    let sum = |of: fn(&ExplainedStep) -> Option<i128>| {
        steps.iter().map(of).sum::<Option<i128>>().map(|base| Amount::of(base, quantity))
    };
    Run {
        from: first.from,
        to: last.to,
        count: steps.len(),
        longest_s: longest as f64 / 1_000.0,
        class: match first.between {
            Between::Step(class) => class.word(),
            Between::Span(form) => form.word(),
            Between::Gap => "gap",
        },
        provenance: first.provenance.map(Provenance::word),
        amount: sum(|step| step.amount),
        inside: sum(|step| step.inside),
        rule: if steps.len() == 1 { first.rule.clone() } else { rule(steps, longest) },
    }
}

fn rule(steps: &[ExplainedStep], longest_ms: i64) -> String {
    let many = local::count(steps.len(), "step", "steps");
    let most = local::at_most(longest_ms);
    match (steps[0].between, steps[0].provenance) {
        (Between::Step(_), Some(Provenance::Interpolated)) => format!(
            "{many}, each longer than the gap limit, at most {most}: their totals are measured, their split over time \
             is linear"
        ),
        (Between::Step(_), _) => format!("{many}, each a normal step of at most {most}"),
        _ => format!("{many} of at most {most}, each: {}", steps[0].rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Timestamp;

    fn step(from: i64, to: i64, class: StepClass, provenance: Provenance) -> ExplainedStep {
        ExplainedStep {
            from: Timestamp(from),
            to: Timestamp(to),
            between: Between::Step(class),
            provenance: Some(provenance),
            amount: Some(1_000_000_000),
            inside: Some(500_000_000),
            rule: format!("from {from}"),
            undecided: None,
        }
    }

    #[test]
    fn plain_steps_are_joined_and_what_is_odd_stands_alone() {
        use Provenance::{Estimated, Interpolated, Measured};
        use StepClass::{Normal, Reset};
        let steps = [
            step(0, 60_000, Normal, Measured),
            step(60_000, 120_500, Normal, Measured),
            step(120_500, 9_000_000, Normal, Interpolated),
            step(9_000_000, 9_060_000, Reset, Estimated),
            step(9_060_000, 9_120_000, Reset, Estimated),
        ];
        let runs = joined(&steps, Quantity::Energy);
        let told: Vec<_> = runs.iter().map(|run| (run.count, run.class, run.rule.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "normal", "2 steps, each a normal step of at most 61 s"),
                (1, "normal", "from 120500"),
                (1, "reset", "from 9000000"),
                (1, "reset", "from 9060000"),
            ]
        );
        assert_eq!(runs[0].amount, Some(Amount::kwh(2_000_000_000)));
        assert_eq!(runs[0].inside.map(|amount| amount.to_string()).as_deref(), Some("1"));
        assert_eq!(each(&steps, Quantity::Energy).len(), 5);
    }

    #[test]
    fn steps_with_something_between_them_stay_apart() {
        let steps = [
            step(0, 60_000, StepClass::Normal, Provenance::Measured),
            step(90_000, 150_000, StepClass::Normal, Provenance::Measured),
        ];
        assert_eq!(joined(&steps, Quantity::Energy).len(), 2);
    }
}
