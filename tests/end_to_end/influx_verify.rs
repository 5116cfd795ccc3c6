//! The real database held against the ledger: nothing differs after a run, whatever is tampered with is found and
//! named, and what is written again is right again; beside the running collector and without it.

use crate::chain::{Chain, SITE, three_registers};
use crate::esif::LONG;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const QUARTER_MS: i64 = 900_000;
/// A day and two hours.
const READINGS: i64 = 105;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

fn instant(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).expect("an instant");
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Fails unless the command ends with `code` and prints all `words`.
fn expect((code, printed): (Option<i32>, String), wanted: i32, words: &[&str]) -> String {
    assert_eq!(code, Some(wanted), "{printed}");
    for words in words {
        assert!(printed.contains(words), "`{words}` is missing in\n{printed}");
    }
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_holds_is_what_the_ledger_says_and_what_is_not_is_mended() {
    let Some(servers) = Servers::find("what_the_database_holds") else { return };
    let mut chain = Chain::new(&servers, &three_registers()).await;
    chain.start("hall/+").await;
    let last = (now_ms() / QUARTER_MS) * QUARTER_MS;
    let first = last - (READINGS - 1) * QUARTER_MS;
    let messages = (0..READINGS).flat_map(|at| {
        [("main", 130, "kWh"), ("it", 100, "kWh"), ("water", 1, "m3")].map(|(meter, step, unit)| {
            let payload =
                json!({ "time": first + at * QUARTER_MS, "total": 1_000 + at * step, "unit": unit });
            Message::new(format!("hall/{meter}"), payload.to_string())
        })
    });
    publish(chain.sensors.port, messages.collect()).await;
    chain.wait_written("hall", last, LONG).await;
    let equal = "holds what the ledger says";
    expect(chain.influx_command("verify", &[]).await, 0, &[equal]);

    let at = |quarter: i64| first + quarter * QUARTER_MS;
    let tags = format!("site={SITE}");
    chain
        .influx
        .write(format!(
            "wl_meter,meter=main,{tags} amount=2.5 {changed}\n\
             wl_meter,meter=main,{tags} amount=1 {alien}\n\
             wl_component,component=it,facility=hall,{tags} watts=7 {field}\n\
             wl_meter,host=x,meter=main,{tags} amount=1 {foreign}\n\
             wl_meter,meter=former,{tags} amount=1 {foreign}\n",
            changed = at(1),
            alien = at(2) + 30_000,
            field = at(3),
            foreign = at(5),
        ))
        .await;
    let gone = format!("DELETE FROM \"wl_meter\" WHERE \"meter\" = 'it' AND time = {}ms", at(4));
    chain.influx.ask(&gone).await.expect("a point is deleted");

    let of_main = format!("wl_meter meter=main site={SITE} at ");
    let found = expect(
        chain.influx_command("verify", &[]).await,
        1,
        &[
            &format!("{of_main}{}: amount is 2.5, by the ledger ", instant(at(1))),
            &format!("{of_main}{}: not in the ledger", instant(at(2) + 30_000)),
            &format!(
                "wl_component component=it facility=hall site={SITE} at {}: watts is 7, and the ledger has none",
                instant(at(3))
            ),
            &format!("wl_meter meter=it site={SITE} at {}: missing", instant(at(4))),
            &format!("wl_meter host=x meter=main site={SITE} at {}: of a series that", instant(at(5))),
            &format!("history, not compared: 1 points of wl_meter meter=former site={SITE}"),
            "5 points differ among ",
        ],
    );
    let mend = found
        .lines()
        .find_map(|line| line.strip_prefix("to mend it: wattledger influx backfill "))
        .expect("a mend");
    assert!(mend.contains("--measurement wl_meter --measurement wl_component"), "{mend}");
    let in_json = chain.influx_command("verify", &["--json", "--measurement", "wl_meter"]).await.1;
    let lines: Vec<Value> = in_json.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let summary = &lines.last().expect("a summary")["measurements"][0];
    assert_eq!(
        (&summary["missing"], &summary["extra"], &summary["different"]),
        (&1.into(), &2.into(), &1.into())
    );
    assert!(lines[..lines.len() - 1].iter().any(|line| line["fields"][0]["database"] == "2.5"), "{in_json}");

    // Somebody else's series is not ours to delete.
    let foreign = "DELETE FROM \"wl_meter\" WHERE \"host\" = 'x'";
    chain.influx.ask(foreign).await.expect("a series is deleted");
    let (from, to) = (instant(first), instant(last + QUARTER_MS));
    let written = expect(
        chain.influx_command("backfill", &["--from", &from, "--to", &to]).await,
        0,
        &["points written"],
    );
    assert!(written.contains("2 points were deleted first"), "{written}");
    expect(chain.influx_command("verify", &[]).await, 0, &[equal]);

    assert!(chain.collector.stop().await.success());
    expect(chain.influx_command("verify", &[]).await, 0, &[equal]);
    let shorter = "ALTER RETENTION POLICY \"autogen\" ON \"wattledger\" DURATION 5h SHARD DURATION 1h";
    chain.influx.ask(shorter).await.expect("a retention can be changed");
    expect(
        chain.influx_command("verify", &[]).await,
        0,
        &[equal, "keeps 5 hours (retention policy `autogen`)"],
    );
    chain.influx.program.kill();
    expect(chain.influx_command("verify", &[]).await, 2, &["start it, or check `url` of the output"]);
}
