//! Readings written by hand, as JSON on the topic `readings-json`.

use serde::Deserialize;
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Quality, Reading, Refused};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    readings: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    meter: String,
    at: Option<String>,
    value: serde_json::Value,
    unit: Option<String>,
    interval_s: Option<u32>,
}

/// More entries than this in one message are refused.
const MOST_READINGS: usize = 100_000;

/// Reads `{"readings":[{"meter":"m","at":"2026-01-01T00:00:00Z","value":12.5,"unit":"kWh"}]}`.
///
/// `at` may be left out, `value` may be a string, `interval_s` makes it an interval mean. One bad entry
/// does not harm the others: it comes back as refused.
pub fn parse(payload: &[u8], received: Timestamp, origin: &str) -> (Vec<(Name, Reading)>, Vec<Refused>) {
    let refuse = |cause, detail: String, sample: &[u8]| Refused {
        at: received,
        cause,
        origin: origin.to_owned(),
        meter: None,
        detail,
        sample: sample[..sample.len().min(1_024)].to_vec(),
        count: 1,
    };
    // Serde takes a list for an object, by the order of its fields; people do not.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        let detail = "not the JSON of readings: it must begin with {\"readings\": [".to_owned();
        return (Vec::new(), vec![refuse(Cause::Payload, detail, payload)]);
    }
    let entries = match serde_json::from_slice::<Payload>(payload) {
        Ok(payload) if payload.readings.len() <= MOST_READINGS => payload.readings,
        Ok(_) => {
            let detail = format!("more than {MOST_READINGS} readings in one message; send fewer at a time");
            return (Vec::new(), vec![refuse(Cause::Payload, detail, payload)]);
        }
        Err(error) => {
            let detail = format!("not the JSON of readings: {error}");
            return (Vec::new(), vec![refuse(Cause::Payload, detail, payload)]);
        }
    };
    let (mut readings, mut refused) = (Vec::new(), Vec::new());
    for entry in entries {
        let sample = entry.to_string();
        match reading(entry, received) {
            Ok(reading) => readings.push(reading),
            Err((cause, detail)) => refused.push(refuse(cause, detail, sample.as_bytes())),
        }
    }
    (readings, refused)
}

fn reading(entry: serde_json::Value, received: Timestamp) -> Result<(Name, Reading), (Cause, String)> {
    if !entry.is_object() {
        return Err((Cause::Payload, format!("{entry} is no reading; write {{\"meter\": …, \"value\": …}}")));
    }
    let entry: Entry = serde_json::from_value(entry).map_err(|error| (Cause::Payload, error.to_string()))?;
    let meter: Name = entry
        .meter
        .parse()
        .map_err(|error: wattledger_model::name::NameError| (Cause::Name, error.to_string()))?;
    let text = match &entry.value {
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) => text.clone(),
        other => return Err((Cause::Payload, format!("`value` is {other}, not a number"))),
    };
    let value: Decimal = text
        .parse()
        .map_err(|error: wattledger_model::decimal::DecimalError| (Cause::NotFinite, error.to_string()))?;
    let at = match &entry.at {
        None => received,
        Some(text) => Timestamp::from_rfc3339(text)
            .ok_or_else(|| (Cause::Time, format!("`{text}` is not a time such as 2026-01-01T00:00:00Z")))?,
    };
    let unit: Option<Unit> = match &entry.unit {
        None => None,
        Some(text) => Some(text.parse().map_err(|error| (Cause::Unit, error))?),
    };
    let interval_ms = entry.interval_s.map(|s| s.saturating_mul(1_000));
    let reading = Reading {
        at,
        arrived: received,
        value,
        unit,
        interval_ms,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    Ok((meter, reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_no_object() {
        for (payload, taken) in [(&b"[[]]"[..], 1), (b" [[{\"meter\":\"main\",\"value\":1}]]", 1), (b"", 1)] {
            let (readings, refused) = parse(payload, Timestamp(1_800_000_000_000), "topic");
            assert_eq!((readings.len(), refused.len()), (0, taken));
        }
        let entries = br#"{"readings":[["main",null,1,null,null],{"meter":"main","value":1}]}"#;
        let (readings, refused) = parse(entries, Timestamp(1_800_000_000_000), "topic");
        assert_eq!((readings.len(), refused.len()), (1, 1));
    }

    #[test]
    fn one_bad_entry_harms_only_itself() {
        let payload = br#"{"readings":[
            {"meter":"main","at":"2026-01-01T00:00:00Z","value":12345.678,"unit":"kWh"},
            {"meter":"Main","value":1},
            {"meter":"main","value":"NaN"},
            {"meter":"main","value":1,"unit":"furlong"},
            {"meter":"main","value":1,"at":"yesterday"},
            {"meter":"main","value":true},
            {"meter":"main","value":"7.50"}]}"#;
        let (readings, refused) = parse(payload, Timestamp(1_800_000_000_000), "topic");
        let values: Vec<_> = readings.iter().map(|(_, r)| r.value.to_string()).collect();
        assert_eq!(values, ["12345.678", "7.50"]);
        let causes: Vec<_> = refused.iter().map(|r| r.cause.word()).collect();
        assert_eq!(causes, ["name", "not-finite", "unit", "time", "payload"]);
        let (none, refused) = parse(b"12", Timestamp(0), "topic");
        assert!(none.is_empty() && refused[0].detail.contains("not the JSON"));
    }
}
