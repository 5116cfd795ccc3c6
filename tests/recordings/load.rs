//! A year of hourly mean power, newest first, with a byte-order mark, gaps, and a line that is no row.

use crate::path::{Ledger, Order, agent, minute, play, recorded, reordered, replay};
use std::path::Path;
use wattledger_model::time::Interval;

const METERS: [(&str, &str, &str); 3] =
    [("powerave", "mean", "W"), ("powermin", "least", "W"), ("powermax", "greatest", "W")];
const HOURS: i64 = 8_694;

async fn ledger(file: &Path) -> Ledger {
    let time = "time_column = \"timestamp\"\ntime_format = \"%Y-%m-%d %H:%M:%S%.3f\"\ntime_zone = \"UTC\"";
    let said = play(&agent(&replay(file, time, &METERS, "interval = \"1h\""))).await;
    assert_eq!((said.readings.len() as i64, said.refused.len()), (3 * HOURS, 0));
    let meter = |(_, meter, _): &(&str, &str, &str)| {
        format!(
            "[[meter]]\nname = \"{meter}\"\nkind = \"power\"\nunit = \"W\"\nform = \"interval-mean\"\nnominal_interval = \"1h\"\n\n"
        )
    };
    Ledger::of(&METERS.iter().map(meter).collect::<String>(), &said.readings)
}

#[tokio::test]
async fn covered_energy_is_the_sum_of_the_hours_in_any_order_and_inside_its_own_bounds() {
    let file = recorded("it-load/cbsugpu10_usage_stats.tsv");
    let newest_first = ledger(&file).await;
    let year = Interval::new(minute("2024-10-30T00:00:00Z"), minute("2025-11-01T00:00:00Z"));
    let kwh = |meter: &str| {
        let [measured, interpolated, estimated] = newest_first.sums(meter, year);
        // Hours without a row are missing: nothing is integrated across them, nothing made up.
        assert_eq!((measured.1, interpolated, estimated), (HOURS * 3_600_000, (0, 0), (0, 0)), "{meter}");
        measured.0 as f64 / 1e9
    };
    let (mean, least, greatest) = (kwh("mean"), kwh("least"), kwh("greatest"));
    assert!((mean - 486.338_910_416_666_7).abs() < 1e-6, "{mean}");
    assert_eq!(format!("{mean:.3} {least:.2} {greatest:.2}"), "486.339 291.17 559.00");
    assert!(least <= mean && mean <= greatest);

    let folder = tempfile::tempdir().expect("a directory");
    for order in [Order::Reversed, Order::Shuffled(11)] {
        let other = ledger(&reordered(folder.path(), &file, order)).await;
        assert_eq!(other.digest, newest_first.digest, "{order:?}");
    }
}
