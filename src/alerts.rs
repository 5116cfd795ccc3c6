//! `wattledger alerts`: what is up, what is silent, who looks after it, and what a rule would have raised.

mod list;
mod silence;
mod test;

use anyhow::Result;
use std::path::PathBuf;

/// What `wattledger alerts` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    command: AlertsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AlertsCommand {
    /// Show the alerts that are up, and with --all those of the past
    List(list::ListArgs),
    /// Have nobody told of some alerts for a time; list silences, end one
    Silence(silence::SilenceArgs),
    /// Say that somebody looks after an alert: it is not repeated while it is up
    Ack(silence::AckArgs),
    /// Replay a past time against a rule, and print when it would have fired and cleared
    Test(test::TestArgs),
}

/// The collector's configuration, as each of them asks for it.
#[derive(Debug, clap::Args)]
struct Configured {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Does what is asked.
pub(crate) fn run(args: AlertsArgs) -> Result<()> {
    match args.command {
        AlertsCommand::List(args) => list::run(&args),
        AlertsCommand::Silence(args) => silence::run(args),
        AlertsCommand::Ack(args) => silence::acknowledge(args),
        AlertsCommand::Test(args) => test::run(&args),
    }
}

/// A time span in words, in its two largest units: `2 d 4 h`, `35 min`.
fn span(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    let (days, hours, rest) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        (0, 0, 0) => format!("{} s", ms.max(0) / 1_000),
        (0, 0, rest) => format!("{rest} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, rest) => format!("{hours} h {rest} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A value or limit with as many decimals as its unit has use for.
fn value(value: f64, unit: &str) -> String {
    match unit {
        "" | "1" => format!("{value:.3}"),
        "s" => span((value * 1_000.0) as i64),
        "%" => format!("{value:.1} %"),
        unit => format!("{value:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_their_two_largest_units() {
        let said = [40_000, 60_000, 3_599_999, 3_600_000, 5_400_000, 90_000_000, 172_800_000].map(span);
        assert_eq!(said, ["40 s", "1 min", "59 min", "1 h", "1 h 30 min", "1 d 1 h", "2 d"]);
    }

    #[test]
    fn values_are_said_in_their_unit() {
        assert_eq!(value(1.41249, "1"), "1.412");
        assert_eq!(value(7_260.0, "s"), "2 h 1 min");
        assert_eq!(value(12.34, "%"), "12.3 %");
        assert_eq!(value(120.0, "kW"), "120.00 kW");
    }
}
