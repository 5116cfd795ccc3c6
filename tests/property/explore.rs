//! Property runs with a time budget: a few cases in an ordinary test run, and for as long as
//! `WATTLEDGER_FUZZ_SECONDS` says where it is set. A failing input is shrunk and printed as it can be kept:
//! what once failed stays in the tests as a case of its own.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

/// Checks inputs of a strategy: `cases` of them, or as many as the budget allows.
///
/// # Panics
/// With the smallest input found that fails.
pub(crate) fn explore<S: Strategy>(
    what: &str,
    cases: u32,
    strategy: S,
    check: impl Fn(S::Value) -> TestCaseResult,
) {
    let budget = std::env::var("WATTLEDGER_FUZZ_SECONDS").ok().map(|text| {
        Duration::from_secs(text.parse().expect("WATTLEDGER_FUZZ_SECONDS is a whole number of seconds"))
    });
    let (start, slowest, checked) = (Instant::now(), Cell::new(Duration::ZERO), Cell::new(0_u64));
    loop {
        let config = Config {
            cases,
            max_shrink_iters: 100_000,
            max_shrink_time: 60_000,
            failure_persistence: None,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&strategy, |input| {
            let begin = Instant::now();
            let result = check(input);
            slowest.set(slowest.get().max(begin.elapsed()));
            checked.set(checked.get() + 1);
            result
        });
        if let Err(failure) = outcome {
            panic!(
                "{what}: among {} cases one fails; keep it as a case of its own\n{failure}",
                checked.get()
            );
        }
        if budget.is_none_or(|budget| start.elapsed() >= budget) {
            break;
        }
    }
    // Seen where the test passes too: the harness hides only what `print!` prints.
    let told = writeln!(
        std::io::stderr(),
        "{what}: {} cases in {:.1} s, the slowest took {:.1} ms",
        checked.get(),
        start.elapsed().as_secs_f64(),
        slowest.get().as_secs_f64() * 1e3
    );
    told.expect("standard error can be written");
}
