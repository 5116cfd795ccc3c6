//! The collector's benchmarks: `cargo bench -p wattledger-collector [-- SECTION...]`, sections `ledger`,
//! `intake`, `year` and `influx`. Alternatives take turns, medians are printed with their ratio to the bar; nothing
//! fails by being slow.
//!
//! `WATTLEDGER_BENCH_METERS` (default 100) and `WATTLEDGER_BENCH_DAYS` (365) set the size of the year, and
//! `WATTLEDGER_BENCH_DIR` where it is made; the default is cargo's directory for such things. `influx` runs a
//! database server, and takes `WATTLEDGER_BENCH_INFLUX_METERS` (1,000) and `WATTLEDGER_BENCH_INFLUX_DAYS` (1).

#[path = "../../../benches/measure/mod.rs"]
mod measure;

mod hall;
mod influx;
mod intake;
mod ledger;
mod year;

use std::path::{Path, PathBuf};

/// Where stores are made.
fn directory() -> PathBuf {
    std::env::var_os("WATTLEDGER_BENCH_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf(), PathBuf::from)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [word, task, dir] = &arguments[..]
        && word == "--task"
    {
        // A task in a process of its own, so that its memory is its own.
        return year::task(task, Path::new(dir));
    }
    let wanted = |section: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == section);
    println!("{}", measure::machine(&directory()));
    if wanted("ledger") {
        measure::print("Ledger core, one core", &ledger::rows());
    }
    if wanted("intake") {
        measure::print("Decode, journal and ledger with durable commits, one core", &intake::rows());
    }
    if wanted("year") {
        year::run();
    }
    if wanted("influx") {
        influx::run();
    }
}
