//! `wattledger receipts`: what each agent took in and what became of it, hour by hour.

use crate::files;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;
use wattledger_collector::clock;
use wattledger_collector::engine::receipts::{self, HourlyReceipt, Of, Receipt};
use wattledger_collector::store::{self, Layout};

/// What `wattledger receipts` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct ReceiptsArgs {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// The last so many hours
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Instead: which meters' readings were thinned or lost, by day
    #[arg(long)]
    losses: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Reads the store, whether its collector runs or not, and prints what is asked for.
pub(crate) fn run(args: &ReceiptsArgs) -> Result<()> {
    let config = files::collector(&args.config)?;
    let connection = store::open_reader(&Layout::new(&config.data_dir))?;
    if args.losses {
        return losses(&receipts::read_losses(&connection)?, args.json);
    }
    // One hour more: what an hour brought is the difference from the one before.
    let since = clock::now().0 - (i64::from(args.hours) + 1) * 3_600_000;
    let rows = receipts::read(&connection, since)?;
    if args.json {
        print_json(&rows)
    } else {
        print_table(&rows)
    };
    Ok(())
}

const HEADINGS: [&str; 9] = [
    "taken in",
    "sent",
    "committed",
    "came again",
    "quarantined",
    "thinned",
    "lost",
    "waiting",
    "unaccounted",
];

/// What an hour brought, and what was open at its end. What was sent counts from the agent's start: where it is less
/// than before, the agent has started again, and what it sent since is shown.
fn of_hour(before: &Receipt, now: &Receipt) -> [i128; 9] {
    let more = |of: fn(&Receipt) -> u64| i128::from(of(now)) - i128::from(of(before));
    [
        more(|r| r.taken_in),
        i128::from(now.sent.checked_sub(before.sent).unwrap_or(now.sent)),
        more(|r| r.committed),
        more(|r| r.duplicated),
        more(|r| r.quarantined),
        more(|r| r.thinned),
        more(|r| r.lost),
        i128::from(now.waiting),
        now.unaccounted(),
    ]
}

/// Each row with the one before of the same spool; the first of each has nothing to be compared with.
fn hours(rows: &[HourlyReceipt]) -> impl Iterator<Item = (&HourlyReceipt, [i128; 9])> {
    let mut before: BTreeMap<&Of, Receipt> = BTreeMap::new();
    rows.iter().filter_map(move |row| {
        let before = before.insert(&row.of, row.receipt)?;
        Some((row, of_hour(&before, &row.receipt)))
    })
}

fn print_table(rows: &[HourlyReceipt]) {
    let mut agent = None;
    for (row, numbers) in hours(rows) {
        if agent != Some(&row.of) {
            agent = Some(&row.of);
            println!("{} (spool of {})", row.of.0, row.of.1.started);
            let headings: Vec<String> = HEADINGS.iter().map(|heading| format!("{heading:>12}")).collect();
            println!("{:<21}{}", "  hour from", headings.concat());
        }
        let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:>12}")).collect();
        println!("  {:<19}{}", row.hour.to_string(), numbers.concat());
    }
    let mut all: BTreeMap<&Of, &Receipt> = BTreeMap::new();
    all.extend(rows.iter().map(|row| (&row.of, &row.receipt)));
    for (
        (agent, incarnation),
        Receipt { taken_in, committed, waiting, thinned, lost, missing_batches, .. },
    ) in all
    {
        let unaccounted = rows.iter().rev().find(|row| row.of == (agent.clone(), *incarnation));
        let unaccounted = unaccounted.map_or(0, |row| row.receipt.unaccounted());
        println!(
            "{agent} (spool of {}), in all: {taken_in} taken in = {committed} committed + {waiting} waiting + \
             {thinned} thinned + {lost} lost + {unaccounted} unaccounted; {missing_batches} batches missing",
            incarnation.started
        );
    }
}

fn print_json(rows: &[HourlyReceipt]) {
    let row = |(row, numbers): (&HourlyReceipt, [i128; 9])| {
        let mut object = serde_json::json!({
            "site": row.of.0.site.as_str(),
            "agent": row.of.0.agent.as_str(),
            "spool_of": row.of.1.started.to_string(),
            "hour": row.hour.to_string(),
        });
        for (heading, number) in HEADINGS.iter().zip(numbers) {
            object[heading.replace(' ', "_")] = serde_json::json!(i64::try_from(number).unwrap_or(i64::MAX));
        }
        object
    };
    println!("{:#}", serde_json::Value::Array(hours(rows).map(row).collect()));
}

fn losses(all: &[receipts::MeterLoss], json: bool) -> Result<()> {
    if json {
        let row = |of: &receipts::MeterLoss| {
            serde_json::json!({
                "site": of.agent.site.as_str(),
                "agent": of.agent.agent.as_str(),
                "meter": of.loss.meter.as_ref().map(ToString::to_string),
                "cause": of.loss.cause.word(),
                "from": of.loss.from.to_string(),
                "to": of.loss.to.to_string(),
                "readings": of.loss.readings,
            })
        };
        println!("{:#}", serde_json::Value::Array(all.iter().map(row).collect()));
        return Ok(());
    }
    if all.is_empty() {
        println!("no agent has thinned, dropped or damaged readings");
    }
    for of in all {
        let meter = of.loss.meter.as_ref().map_or_else(|| "several meters".to_owned(), ToString::to_string);
        let (cause, readings) = (of.loss.cause.word(), of.loss.readings);
        println!("{} {meter}: {readings} {cause}, {} to {}", of.agent, of.loss.from, of.loss.to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_what_came_since_the_one_before_and_what_is_open() {
        let before = Receipt { taken_in: 100, committed: 90, waiting: 10, ..Receipt::default() };
        let now = Receipt {
            taken_in: 250,
            sent: 175,
            committed: 170,
            duplicated: 5,
            thinned: 40,
            lost: 10,
            waiting: 28,
            ..Receipt::default()
        };
        assert_eq!(of_hour(&before, &now), [150, 175, 80, 5, 0, 40, 10, 28, 2]);
        let later = Receipt { sent: 200, ..now };
        assert_eq!(of_hour(&now, &later)[1], 25);
        assert_eq!(of_hour(&later, &Receipt { sent: 30, ..later })[1], 30, "the agent has started again");
    }
}
