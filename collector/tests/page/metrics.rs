//! `/metrics` as Prometheus reads it.

use crate::exposition::Exposition;
use crate::over_http::Served;
use crate::{fixture, hostile, now};
use std::collections::BTreeSet;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use wattledger_collector::outputs::snapshot::{MeterState, Snapshot, WorkView};

async fn scraped(snapshot: Snapshot) -> (String, Exposition) {
    let served = Served::start().await;
    served.show(snapshot);
    let answer = served.get("/metrics").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.expect("text");
    let read = Exposition::read(&text).unwrap_or_else(|wrong| panic!("{wrong}"));
    (text, read)
}

#[tokio::test]
async fn figures_and_health_are_exposed_in_base_units() {
    let snapshot = fixture::rich(now());
    let hall = snapshot.facilities[0].clone();
    let hour = hall.windows.iter().find(|window| window.window == "1h").expect("an hour").clone();
    let (_, read) = scraped(snapshot).await;
    let of = [("facility", &*hall.name), ("site", &*hall.site), ("window", "1h")];
    let near = |name: &str, expected: Option<f64>| {
        let (seen, expected) = (read.value(name, &of), expected.expect("the fixture has it"));
        assert!(
            seen.is_some_and(|seen| (seen / expected - 1.0).abs() < 1e-12),
            "{name}: {seen:?}, {expected}"
        );
    };
    near("wattledger_pue_ratio", hour.pue.value);
    near("wattledger_pue_coverage_ratio", Some(hour.pue.coverage));
    near("wattledger_pue_expanded_uncertainty_ratio", hour.pue.expanded);
    near("wattledger_pue_facility_energy_joules", hour.pue.numerator.map(|kwh| kwh * 3.6e6));
    near("wattledger_pue_it_energy_joules", hour.pue.denominator.map(|kwh| kwh * 3.6e6));
    near("wattledger_wue_liters_per_kilowatthour", hour.wue.as_ref().and_then(|wue| wue.value));
    near(
        "wattledger_cue_grams_per_kilowatthour",
        hour.cue.as_ref().and_then(|cue| cue.value.map(|kg| kg * 1e3)),
    );
    near("wattledger_carbon_grams", hour.carbon_kg.as_ref().and_then(|kg| kg.value.map(|kg| kg * 1e3)));

    let target = [("facility", &*hall.name), ("site", &*hall.site), ("target", "D130")];
    assert_eq!(read.value("wattledger_target_limit_ratio", &target), Some(1.3));
    let verdict = |word: &str| {
        let labels = [&target[..], &[("verdict", word), ("window", "12mo")]].concat();
        read.value("wattledger_target_verdict", &labels)
    };
    assert_eq!((verdict("pass_unguarded"), verdict("non_compliant")), (Some(1.0), Some(0.0)));
    assert_eq!(read.value("process_resident_memory_bytes", &[]), Some(187_695_104.0));
    assert_eq!(read.value("process_start_time_seconds", &[]), Some(now().0 as f64 / 1e3 - 1_038_211.0));
    assert_eq!(read.value("wattledger_flush_duration_seconds_count", &[]), Some(1_904_233.0));
    assert_eq!(read.value("wattledger_quarantined_total", &[("cause", "clock-skew")]), Some(311.0));
    let archive = [("kind", "influx"), ("output", "archive")];
    assert_eq!(read.value("wattledger_output_up", &archive), Some(0.0));
    assert_eq!(read.value("wattledger_output_behind_changes", &archive), Some(2_913.0));
    assert_eq!(read.value("wattledger_alerts", &[]), Some(2.0));
    assert_eq!(read.kinds["wattledger_agent_lost_readings_total"], "counter");
}

#[tokio::test]
async fn what_is_not_known_is_absent() {
    let (_, read) = scraped(fixture::rich(now())).await;
    // The third facility has no data, and so no horizon.
    let without = fixture::rich(now()).facilities[2].clone();
    assert!(without.as_of.is_none(), "{}", without.name);
    let of_it: BTreeSet<&str> = read
        .samples
        .keys()
        .filter(|(_, labels)| labels.get("facility") == Some(&without.name))
        .map(|(name, _)| name.as_str())
        .collect();
    let known = [
        "wattledger_facility_power_watts",
        "wattledger_pue_coverage_ratio",
        "wattledger_target_limit_ratio",
        "wattledger_target_verdict",
    ];
    assert_eq!(of_it, BTreeSet::from(known), "that nothing is covered is known");
    let power = |component| {
        let labels = [("component", component), ("facility", "annex"), ("site", &*without.site)];
        read.value("wattledger_facility_power_watts", &labels)
    };
    assert_eq!((power("total"), power("it")), (Some(41_300.0), None));
    let never = [("agent", "annex-agent"), ("site", "campus-north")];
    assert_eq!(read.value("wattledger_agent_up", &never), Some(0.0));
    assert_eq!(read.value("wattledger_agent_spool_limit_bytes", &never), None, "it never said so");

    let (_, before) = scraped(Snapshot { work: WorkView::default(), ..fixture::empty(now()) }).await;
    for name in ["wattledger_readings_total", "process_start_time_seconds", "wattledger_problems"] {
        assert_eq!(before.value(name, &[]), None, "{name} before anything is known");
    }
    assert!(before.kinds.contains_key("wattledger_build_info"));
}

#[tokio::test]
async fn texts_from_outside_stay_in_their_labels() {
    let mut snapshot = hostile::snapshot(now());
    // All have the same name there.
    snapshot.agents.truncate(1);
    snapshot.alerts.truncate(1);
    snapshot.alerts[0].rule = "a \\ \"b\"\n} 1\nwattledger_alerts 7".to_owned();
    let rule = snapshot.alerts[0].rule.clone();
    let (_, read) = scraped(snapshot).await;
    let labels = [("facility", "hall-2"), ("rule", &*rule), ("severity", hostile::TEXT)];
    assert_eq!(read.value("wattledger_alert_raised", &labels), Some(1.0));
    assert_eq!(read.value("wattledger_alerts", &[]), Some(1.0));
}

#[tokio::test]
async fn meters_have_no_more_series_than_ten_thousand() {
    let mut snapshot = fixture::rich(now());
    let one = snapshot.meters[0].clone();
    snapshot.meters = (0..10_007)
        .map(|number| {
            let mut meter = one.clone();
            meter.meter = format!("made-up-{number}");
            (meter.assigned, meter.state) = (number >= 10_000, MeterState::Fresh);
            meter
        })
        .collect();
    let (text, read) = scraped(snapshot).await;
    assert_eq!(text.matches("\nwattledger_meter_coverage_ratio{").count(), 10_000);
    let site = one.site.as_str();
    let shown =
        |meter: &str| read.value("wattledger_meter_coverage_ratio", &[("meter", meter), ("site", site)]);
    assert!(shown("made-up-10006").is_some(), "those of facilities come first");
    assert!(shown("made-up-9999").is_none());
    assert_eq!(read.value("wattledger_meters_without_series", &[]), Some(7.0));
    assert_eq!(read.value("wattledger_meters", &[("state", "fresh")]), Some(10_007.0));
}

#[tokio::test]
async fn it_can_be_read_as_the_page_can_and_no_otherwise() {
    let served = Served::start().await;
    assert_eq!(served.status_as("host", "collector.example", "/metrics").await, 403, "a foreign name");
    assert_eq!(served.status_as("origin", "http://evil.example", "/metrics").await, 403);
    assert_eq!(served.status_as("sec-fetch-site", "cross-site", "/metrics").await, 403);
    assert_eq!(
        served.status_as("accept", "application/openmetrics-text; version=1.0.0", "/metrics").await,
        200
    );
}

#[tokio::test]
async fn promtool_has_no_complaint() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(promtool) =
        std::env::split_paths(&path).map(|dir| dir.join("promtool")).find(|file| file.is_file())
    else {
        let missing = "promtool is not installed (Debian: prometheus)";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        eprintln!("SKIPPED: {missing}, so the exposition was not linted");
        return;
    };
    let (text, _) = scraped(fixture::rich(now())).await;
    let mut child = tokio::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).await.expect("promtool reads");
    drop(input);
    let done = child.wait_with_output().await.expect("promtool ends");
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
