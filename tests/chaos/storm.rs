//! Faults of every kind at once, and in the end what a run without any has.

use crate::chance::{Chance, say};
use crate::load::{FILTER, Load, RULES, meters};
use crate::plan::plan;
use crate::publish::publish;
use crate::rig::{Reads, Rig, asked, check_printed_receipt};
use crate::wait::turn;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Instants whose readings are published together.
const TOGETHER: i64 = 10;

fn duration() -> Duration {
    let seconds = std::env::var("WATTLEDGER_CHAOS_SECONDS");
    let seconds =
        seconds.map_or(60, |text| text.parse().expect("WATTLEDGER_CHAOS_SECONDS is a whole number"));
    Duration::from_secs(seconds)
}

/// Publishes, about a second's worth a second, until told to stop; all that was published.
async fn feed(port: u16, mut load: Load, stop: watch::Receiver<bool>) -> Load {
    let mut pace = interval(Duration::from_secs(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = 0;
    while !*stop.borrow() {
        pace.tick().await;
        publish(port, load.messages(tick..tick + TOGETHER)).await;
        tick += TOGETHER;
    }
    load
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_cut_and_killed_every_reading_is_committed_once() {
    let _turn = turn().await;
    let reads = Reads { rules: RULES.to_owned(), meters: meters(), filter: FILTER, limits: "" };
    let Some(mut rig) = Rig::started("chaos", reads).await else { return };
    let long = duration();
    let mut chance = Chance::seeded("chaos");
    let moments = plan(&mut chance, long);
    say(&format!("chaos: {} faults within {} s", moments.len(), long.as_secs()));

    let (stop, stopped) = watch::channel(false);
    let feeding = tokio::spawn(feed(rig.sensors.port, Load::new(), stopped));
    let began = Instant::now();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for moment in moments {
        sleep(moment.after).await;
        let (event, lasts) = (moment.event, moment.lasts.as_millis());
        say(&format!("chaos: {:>7} ms: {event:?}, {lasts} ms", began.elapsed().as_millis()));
        rig.inflict(moment).await;
        *counts.entry(event.kind()).or_default() += 1;
    }
    stop.send_replace(true);
    let known = feeding.await.expect("feeding does not panic").known;
    rig.calm_down();
    say(&format!("chaos: {} readings within {} s; {counts:?}", known.len(), began.elapsed().as_secs()));

    rig.settle(known.len()).await;
    let (calm, struck) = (rig.calm.receipt().expect("settled"), rig.struck.receipt().expect("settled"));
    say(&format!("chaos: settled after {} s: {struck:?}", began.elapsed().as_secs()));
    assert_eq!((calm.taken_in, calm.committed), (known.len() as u64, known.len() as u64), "{calm:?}");
    let gone = [struck.thinned, struck.lost, struck.quarantined, struck.missing_batches];
    assert_eq!((gone, struck.unaccounted()), ([0; 4], 0), "{struck:?}");
    check_printed_receipt(&rig.struck).await;

    rig.stop().await;
    let digest = asked(&rig.calm, &["ledger", "digest"]).await;
    assert!(digest.len() >= 32, "`{digest}` is no digest");
    assert_eq!(asked(&rig.struck, &["ledger", "digest"]).await, digest);
    assert_eq!(asked(&rig.struck, &["rebuild"]).await, digest);
    for pair in [&rig.calm, &rig.struck] {
        let readings = pair.readings();
        let missing: Vec<_> = known.iter().filter(|(of, value)| readings.get(of) != Some(value)).collect();
        assert!(missing.is_empty(), "{} of {} are missing: {missing:?}", missing.len(), known.len());
        assert_eq!(readings.len(), known.len());
    }
    say(&format!("chaos: {} readings, each committed once; ledger {digest}", known.len()));
}
