//! Agent, collector and database are killed with `kill -9` at random moments while the recorded year passes
//! through. What is known at the end is what is known without any of it.

use crate::chain::Chain;
use crate::chance::{Chance, say};
use crate::esif::{FACILITY, LONG, as_means, means};
use crate::influx::compare;
use crate::publish::publish;
use crate::servers::Servers;
use crate::wait::{turn, until};
use crate::year::{HOUR_MS, Year};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Agent,
    Collector,
    Influx,
}

/// Each victim twice, at shares of the undisturbed run's time, ascending; and for how long it stays down.
fn moments(chance: &mut Chance) -> Vec<(f64, Victim, Duration)> {
    let mut moments: Vec<_> = [Victim::Agent, Victim::Collector, Victim::Influx]
        .into_iter()
        .flat_map(|victim| [victim, victim])
        .map(|victim| (chance.share(), victim, Duration::from_millis(chance.among(0..3_000) as u64)))
        .collect();
    moments.sort_by(|a, b| a.0.total_cmp(&b.0));
    moments
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed() {
    let Some(servers) = Servers::find("killed") else { return };
    let _turn = turn().await;
    let mut chance = Chance::seeded("killed");
    let year = Year::recorded(&mut chance);
    let end = year.end_ms() + HOUR_MS;

    let mut calm = Chain::new(&servers, &means()).await;
    calm.start("esif/+/power").await;
    let started = Instant::now();
    publish(calm.sensors.port, as_means(&year)).await;
    calm.wait_written(FACILITY, end, LONG).await;
    let undisturbed = started.elapsed();
    let digest = calm.digest().await;
    assert!(digest.len() >= 32, "`{digest}` is no digest");
    // The database stays for the comparison; the rest would only take time from the other chain.
    assert!(calm.agent.stop().await.success());
    assert!(calm.collector.stop().await.success());

    let mut struck = Chain::new(&servers, &means()).await;
    struck.start("esif/+/power").await;
    let started = Instant::now();
    let publishing = tokio::spawn(publish(struck.sensors.port, as_means(&year)));
    for (share, victim, down) in moments(&mut chance) {
        sleep_until(started + undisturbed.mul_f64(share)).await;
        say(&format!(
            "killed: {victim:?} after {} ms, for {} ms",
            started.elapsed().as_millis(),
            down.as_millis()
        ));
        strike(&mut struck, victim, down).await;
    }
    publishing.await.expect("publishing does not panic");

    until("the ledger is the same", LONG, async || {
        struck.snapshot().await?;
        let seen = struck.digest().await;
        if seen == digest { Ok(()) } else { Err(format!("{seen}, undisturbed {digest}")) }
    })
    .await;
    struck.wait_written(FACILITY, end, LONG).await;
    let rows = compare(&calm.influx, &struck.influx, year.start_ms(), end).await;
    assert!(rows > 7_550 * 60 * 2, "only {rows} rows were compared");
    say(&format!("killed: {rows} rows are the same"));
}

async fn strike(chain: &mut Chain, victim: Victim, down: Duration) {
    let program = match victim {
        Victim::Agent => &mut chain.agent,
        Victim::Collector => &mut chain.collector,
        Victim::Influx => &mut chain.influx.program,
    };
    program.kill();
    sleep_until(Instant::now() + down).await;
    match victim {
        Victim::Agent => chain.agent.start(),
        Victim::Collector => chain.start_collector().await,
        Victim::Influx => chain.influx.start().await,
    }
}
