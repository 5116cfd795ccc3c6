//! Readings written by hand under any bytes: each entry is a reading or a refusal, and none costs another.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use wattledger_collector::{admit, by_hand};
use wattledger_model::time::Timestamp;

const RECEIVED: Timestamp = Timestamp(1_800_000_000_000);

const PAYLOADS: &[&str] = &[
    r#"{"readings":[{"meter":"main","at":"2026-01-01T00:00:00Z","value":12345.678,"unit":"kWh"},{"meter":"it","value":"7.50","interval_s":900}]}"#,
    r#"{"readings":[{"meter":"main","value":1e-7},{"meter":"Main","value":true},{"meter":"main","value":"NaN"},{}]}"#,
    r#"{"readings":[]}"#,
];

const WORDS: &[&str] = &[
    "null",
    "1e999",
    "-0.0",
    "9223372036854775808",
    "4294967295",
    "4294967296",
    "\"",
    "{",
    "[[[[",
    "}]}",
    ",",
    "\\u0000",
    "\\ud800",
    "9999-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "kWh",
    "°C",
    "é",
    "\"interval_s\":",
    "\"at\":",
];

#[test]
fn any_payload_gives_a_reading_or_a_refusal_for_each_entry() {
    let payloads = PAYLOADS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let payload = prop_oneof![1 => vec(any::<u8>(), 0..100), 8 => mutated(payloads, WORDS)];
    explore("readings by hand", 50_000, payload, |payload| {
        let (readings, refused) = by_hand::parse(&payload, RECEIVED, "topic");
        let entries = serde_json::from_slice::<serde_json::Value>(&payload).ok();
        let entries = entries.and_then(|all| Some(all.get("readings")?.as_array()?.len()));
        // Where the whole is not understood there is one refusal for all of it.
        let whole = readings.is_empty() && refused.len() == 1;
        prop_assert!(whole || entries == Some(readings.len() + refused.len()), "{readings:?} {refused:?}");
        for (_, reading) in &readings {
            // Whether it may enter the ledger is said where it enters, so that what may not is kept whole.
            let admitted = admit::admit(reading, RECEIVED, i64::MAX);
            prop_assert!(admitted.is_err() || reading.at.is_believable(), "{reading:?}");
        }
        prop_assert!(
            refused.iter().all(|refused| !refused.detail.is_empty() && refused.sample.len() <= 1_024)
        );
        Ok(())
    });
}
