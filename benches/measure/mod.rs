//! What the benchmarks share: measuring alternatives by turns, a table with the ratio to each bar, and
//! what kind of machine it was.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// The figure should be at least this.
    AtLeast(f64),
    /// The figure should be below this.
    Below(f64),
    /// Nothing is asked of it.
    None,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &'static str, bar: Bar) -> Row {
        Row { what: what.into(), value, unit, bar }
    }
}

/// Prints rows as a Markdown table. Ratios above 1 are better than the bar.
pub(crate) fn print(title: &str, rows: &[Row]) {
    println!("\n### {title}\n\n| what | measured | bar | ratio to the bar |\n| --- | ---: | ---: | ---: |");
    for Row { what, value, unit, bar } in rows {
        let (bar, ratio) = match bar {
            Bar::AtLeast(bar) => (format!(">= {} {unit}", figure(*bar)), format!("{:.2}", value / bar)),
            Bar::Below(bar) => (format!("< {} {unit}", figure(*bar)), format!("{:.2}", bar / value)),
            Bar::None => (String::new(), String::new()),
        };
        println!("| {what} | {} {unit} | {bar} | {ratio} |", figure(*value));
    }
}

/// Three digits that matter, with thousands apart.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.*}", if value.abs() < 1.0 { 3 } else { 2 });
    }
    let digits = format!("{:.0}", value.abs());
    let apart: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|three| std::str::from_utf8(three).unwrap_or_default())
        .collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, apart.join(","))
}

/// The middle one.
pub(crate) fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

/// Median time of each alternative. They take turns, so that what slows the machine slows all of them.
pub(crate) fn by_turns(
    rounds: usize,
    alternatives: &mut [Box<dyn FnMut() -> Duration + '_>],
) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); alternatives.len()];
    for _ in 0..rounds {
        for (times, run) in times.iter_mut().zip(alternatives.iter_mut()) {
            times.push(run());
        }
    }
    times.into_iter().map(median).collect()
}

/// Processor, cores, memory, and what a durable write costs in the directory of the run.
pub(crate) fn machine(dir: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let entry = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':'))
            .map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let memory: f64 = entry(&read("/proc/meminfo"), "MemTotal")
        .split(' ')
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let sync =
        sync_time(dir).map_or("unknown".to_owned(), |time| format!("{:.2} ms", time.as_secs_f64() * 1e3));
    format!(
        "{}, {cores} cores, {:.1} GiB memory; a write of 4 KiB and its sync to disk take {sync} (median of 100); \
         load before the run {}; {} build",
        entry(&read("/proc/cpuinfo"), "model name"),
        memory / 1_048_576.0,
        load.split(' ').next().unwrap_or("unknown"),
        if cfg!(debug_assertions) { "an unoptimised" } else { "an optimised" }
    )
}

fn sync_time(dir: &Path) -> std::io::Result<Duration> {
    let path = dir.join(format!("sync-time-{}", std::process::id()));
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(median(times))
}

/// Processor time of the main thread so far: on a busy machine the truer figure for work on one core.
pub(crate) fn processor_time() -> Duration {
    let told = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// A number from the environment, or what stands for it.
pub(crate) fn asked(name: &str, otherwise: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}=`{text}` is not a whole number")),
        Err(_) => otherwise,
    }
}
