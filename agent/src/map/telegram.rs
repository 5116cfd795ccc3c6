//! Telegrams of smart meters (DSMR P1: NEN-EN-IEC 62056-21 mode D lines of OBIS codes), read as a document,
//! so that the same rules as for JSON apply. Which fields it has stands in `agent/profiles/README.md`.
//! Source: DSMR 5.0.2 P1 companion standard 5.2 and 6.12; Fluvius e-MUCS P1 1.7.1.

use super::Wrong;
use serde_json::{Map, Value};
use std::borrow::Cow;
use wattledger_model::reading::Cause;

/// Telegrams that say this version or a later one (in tenths) end with a checksum.
const CHECKED_FROM: u32 = 40;
/// A telegram has about 40 lines and a kilobyte; what is far beyond is something else.
const MOST_BYTES: usize = 16 << 10;

/// The document of a telegram whose checksum is right, or that is of a version without one.
pub(super) fn parse(payload: &[u8]) -> Result<Value, Wrong> {
    read(payload).map_err(|detail| Wrong::new(Cause::Payload, detail))
}

fn read(payload: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(payload).map_err(|_| "a telegram is text".to_owned())?.trim();
    if text.len() > MOST_BYTES {
        return Err(format!("a telegram of {} bytes; at most {MOST_BYTES} are read", text.len()));
    }
    let (body, checksum) = match text.rsplit_once('!') {
        Some((body, checksum)) if body.starts_with('/') => (body, checksum.trim()),
        _ => return Err("not a whole telegram: it begins with / and ends with ! and its checksum".to_owned()),
    };
    let objects = objects(body);
    let version = objects.iter().find(|object| object.is("1-3:0.2.8") || object.is("0-0:96.1.4"));
    let version = version.and_then(|version| version.groups.first()).map(|text| &**text);
    if checksum.is_empty() {
        if version.is_some_and(is_checked) {
            return Err("the checksum after ! is missing; the telegram was cut".to_owned());
        }
    } else {
        check(body, checksum)?;
    }
    Ok(document(body, version, &objects))
}

/// Whether a version (`42`, `50`; `50217` of Fluvius, which is 5.0 and its own 2.17) has a checksum.
fn is_checked(version: &str) -> bool {
    version
        .get(..2)
        .and_then(|version| version.parse().ok())
        .is_none_or(|version: u32| version >= CHECKED_FROM)
}

fn check(body: &str, checksum: &str) -> Result<(), String> {
    let said = Some(checksum).filter(|text| text.len() == 4);
    let said = said.and_then(|text| u16::from_str_radix(text, 16).ok());
    let said = said.ok_or_else(|| format!("`{checksum}` is not a checksum of four hexadecimal digits"))?;
    let as_sent = crc16(body.bytes().chain([b'!']));
    // What passed the telegram on may have made its line ends its own; the meter counts CR and LF.
    let whole = || crc16(with_whole_line_ends(body).bytes().chain([b'!']));
    if said != as_sent && said != whole() {
        return Err(format!("the checksum is {said:04X} and should be {as_sent:04X}: damaged on the way"));
    }
    Ok(())
}

fn with_whole_line_ends(body: &str) -> Cow<'_, str> {
    if body.contains('\r') { Cow::Borrowed(body) } else { Cow::Owned(body.replace('\n', "\r\n")) }
}

/// CRC-16 with the polynomial x¹⁶ + x¹⁵ + x² + 1, least significant bit first, from 0.
/// Source: DSMR 5.0.2 P1 5.2.
fn crc16(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

/// One line: an OBIS code and what stands in parentheses after it.
struct Object<'t> {
    code: &'t str,
    groups: Vec<Cow<'t, str>>,
}

impl Object<'_> {
    fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

fn objects(body: &str) -> Vec<Object<'_>> {
    let mut objects: Vec<Object<'_>> = Vec::new();
    for line in body.lines().skip(1).map(str::trim) {
        let Some((code, rest)) = line.split_once('(') else { continue };
        let groups = rest.split('(').map(|group| Cow::Borrowed(group.trim_end_matches(')')));
        match objects.last_mut() {
            // A line without a code goes on with the one before.
            Some(last) if code.is_empty() => last.groups.extend(groups),
            _ => objects.push(Object { code, groups: groups.collect() }),
        }
    }
    objects
}

fn document(body: &str, version: Option<&str>, objects: &[Object<'_>]) -> Value {
    let mut document = Map::new();
    let header = body.lines().next().unwrap_or_default().trim_start_matches('/').trim();
    document.insert("header".to_owned(), header.into());
    document.extend(version.map(|version| ("version".to_owned(), version.into())));
    let first =
        |code: &str| objects.iter().find(|object| object.is(code)).and_then(|object| object.groups.first());
    if let Some(time) = first("0-0:1.0.0").and_then(|text| time(text)) {
        document.insert("time".to_owned(), time.into());
    }
    if let Some(serial) = first("0-0:96.1.1").filter(|serial| !serial.is_empty()) {
        document.insert("serial".to_owned(), (&**serial).into());
    }
    let values = objects.iter().filter_map(|object| Some((object.code.to_owned(), value(object)?)));
    document.insert("objects".to_owned(), Value::Object(values.collect()));
    let channels = (1..=9).filter_map(|channel| device(channel, objects));
    document.insert("mbus".to_owned(), Value::Array(channels.collect()));
    Value::Object(document)
}

/// `(00.244*kW)` or `(200509134558S)(02.589*kW)`; histories and texts are no values, and neither is what was
/// never measured: an empty text, or a number beside the time of an unset clock.
fn value(object: &Object<'_>) -> Option<Value> {
    let (time_text, measured) = match &object.groups[..] {
        [measured] => (None, measured),
        [at, measured] => (Some(time(at)?), measured),
        _ => return None,
    };
    let (number, unit) = match measured.split_once('*') {
        Some((number, unit)) => (number, Some(unit)),
        None => (&**measured, None),
    };
    if number.is_empty() {
        return None;
    }
    Some(measurement(time_text, number, unit))
}

fn measurement(at: Option<String>, number: &str, unit: Option<&str>) -> Value {
    let mut fields = Map::from_iter([("value".to_owned(), number.into())]);
    fields.extend(at.map(|at| ("time".to_owned(), at.into())));
    fields.extend(unit.map(|unit| ("unit".to_owned(), unit.into())));
    Value::Object(fields)
}

/// What a meter behind this one (gas, water, heat) said last, by its M-Bus channel.
fn device(channel: u8, objects: &[Object<'_>]) -> Option<Value> {
    let of = |rest: &str| objects.iter().find(|object| object.is(&format!("0-{channel}:{rest}")));
    let kind = of("24.1.0")?.groups.first()?.trim_start_matches('0');
    let last = ["24.2.1", "24.2.3"].iter().find_map(|code| of(code)).and_then(value);
    let mut fields = last.or_else(|| of("24.3.0").and_then(old_reading)).unwrap_or(Value::Object(Map::new()));
    let known = fields.as_object_mut()?;
    known.insert("channel".to_owned(), channel.into());
    known.insert("medium".to_owned(), medium(kind).into());
    let serial = ["96.1.0", "96.1.1"].iter().find_map(|code| of(code)?.groups.first());
    if let Some(serial) = serial.filter(|serial| !serial.is_empty()) {
        known.insert("serial".to_owned(), (&**serial).into());
    }
    Some(fields)
}

/// Version 2.2 and 3: `(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)` and the value on a line of its own.
fn old_reading(object: &Object<'_>) -> Option<Value> {
    let [at, _, _, _, _, unit, number] = &object.groups[..] else { return None };
    Some(measurement(Some(time(at)?), number, Some(unit)))
}

/// Kinds of devices. Water is warm (6), of any temperature (7), hot (21), cold (22), or hot and cold in two
/// registers (23). Source: EN 13757-3, the device types of M-Bus.
fn medium(kind: &str) -> &'static str {
    match kind {
        "2" => "electricity",
        "3" => "gas",
        "4" | "12" | "13" => "heat",
        "6" | "7" | "21" | "22" | "23" => "water",
        "10" | "11" => "cold",
        _ => "other",
    }
}

/// `YYMMDDhhmmss` with `W` for the standard time of the meters' countries, UTC+1, or `S` for their summer
/// time; versions before 4 say neither, and the rule's time zone decides. `None` for what is no time, and for
/// what a clock shows that was never set.
fn time(text: &str) -> Option<String> {
    let (digits, offset) = match text.as_bytes().last()? {
        b'S' => (&text[..text.len() - 1], "+02:00"),
        b'W' => (&text[..text.len() - 1], "+01:00"),
        _ => (text, ""),
    };
    if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_digit()) || is_unset(digits) {
        return None;
    }
    let two = |at: usize| &digits[at..at + 2];
    Some(format!("20{}-{}-{}T{}:{}:{}{offset}", two(0), two(2), two(4), two(6), two(8), two(10)))
}

/// Meters say `632525252525` where a time is not specified, as for an M-Bus meter that was never read; clocks
/// that were never set count from 1970 or 2000, years before there were such meters.
fn is_unset(digits: &str) -> bool {
    digits == "632525252525" || ["70", "00"].iter().any(|year| digits.starts_with(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V5: &str = include_str!("../../tests/recorded/dsmr_v5_iskra.txt");
    const V2: &str = include_str!("../../tests/recorded/dsmr_v2_2_no_crc.txt");
    const FLUVIUS: &str = include_str!("../../tests/recorded/dsmr_fluvius_v171_be.txt");

    fn said(telegram: &str) -> Value {
        read(telegram.as_bytes()).expect("a telegram")
    }

    #[test]
    fn recorded_telegrams_pass_their_checksum() {
        for (telegram, checksum) in [(V5, 0x6EEE_u16), (FLUVIUS, 0x3AD7)] {
            let (body, _) = telegram.rsplit_once('!').expect("whole");
            assert_eq!(crc16(body.bytes().chain([b'!'])), checksum);
            let without_cr = telegram.replace('\r', "");
            assert_eq!(said(&without_cr), said(telegram), "the line ends of a bridge");
        }
    }

    #[test]
    fn any_changed_or_lost_byte_of_a_checked_telegram_is_found() {
        for at in 1..V5.len() - 6 {
            let mut damaged = V5.as_bytes().to_vec();
            damaged[at] ^= 1;
            assert!(read(&damaged).is_err(), "byte {at}");
            let mut shorter = V5.as_bytes().to_vec();
            shorter.remove(at);
            // A lost CR is what bridges do; the checksum counts it as it was only if all are lost.
            assert!(read(&shorter).is_err(), "without byte {at}");
        }
        let cut = V5.trim_end().trim_end_matches("6EEE");
        assert!(read(cut.as_bytes()).expect_err("cut").contains("checksum after ! is missing"));
        assert!(read(&V5.as_bytes()[..300]).expect_err("cut").contains("not a whole telegram"));
    }

    #[test]
    fn a_telegram_of_version_5_has_time_values_and_the_gas_meter() {
        let said = said(V5);
        assert_eq!(said["time"], "2017-01-02T19:20:02+01:00");
        assert_eq!((&said["version"], &said["header"]), (&"50".into(), &r"ISk5\2MT382-1000".into()));
        assert_eq!(said["objects"]["1-0:1.8.1"], serde_json::json!({"value": "000004.426", "unit": "kWh"}));
        assert_eq!(said["objects"]["1-0:99.97.0"], Value::Null, "a history is no value");
        let gas = &said["mbus"][0];
        assert_eq!((&gas["medium"], &gas["value"]), (&"gas".into(), &"00000.107".into()));
        assert_eq!(gas["time"], "2017-01-02T16:10:05+01:00");
        assert_eq!(said["mbus"][1]["value"], Value::Null, "a channel that has never said anything");
    }

    /// The document of a version 5 telegram with these lines.
    fn with(lines: &str) -> Value {
        let body = format!("/X5\r\n\r\n1-3:0.2.8(50)\r\n{lines}\r\n");
        let checksum = crc16(body.bytes().chain([b'!']));
        said(&format!("{body}!{checksum:04X}\r\n"))
    }

    #[test]
    fn an_mbus_channel_that_was_never_read_has_no_value() {
        for never in [
            "0-1:24.2.1(632525252525S)(00000.000)",
            "0-1:24.2.1(632525252525W)(00000.000*m3)",
            "0-1:24.2.1(700101010000W)(00000000)",
            "0-1:24.2.1(000101010000W)(00000.000*m3)",
            "0-1:24.2.1()",
            "0-1:24.2.1()()",
            "0-1:24.2.1(170102161005W)()",
            "0-1:24.3.0(632525252525)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00000.000)",
        ] {
            let said = with(&format!("0-1:24.1.0(003)\r\n0-1:96.1.0(4730)\r\n{never}"));
            assert_eq!(
                (&said["mbus"][0]["medium"], &said["mbus"][0]["serial"]),
                (&"gas".into(), &"4730".into())
            );
            assert_eq!((said["mbus"][0].get("value"), said["mbus"][0].get("time")), (None, None), "{never}");
            assert!(said["objects"].get("0-1:24.2.1").is_none(), "{never}");
        }
    }

    #[test]
    fn the_time_of_a_clock_that_was_never_set_is_none() {
        for unset in ["000101010000W", "000101013007W", "700101010000W", "632525252525S"] {
            let said = with(&format!("0-0:1.0.0({unset})\r\n1-0:1.8.1(000427.708*kWh)"));
            assert_eq!(said.get("time"), None, "{unset}");
            assert_eq!(said["objects"]["1-0:1.8.1"]["value"], "000427.708");
        }
    }

    #[test]
    fn water_is_water_at_any_temperature() {
        let media = [("003", "gas"), ("6", "water"), ("007", "water"), ("021", "water"), ("022", "water")];
        for (kind, expected) in media.into_iter().chain([("023", "water"), ("012", "heat"), ("000", "other")])
        {
            let said = with(&format!("0-1:24.1.0({kind})\r\n0-1:24.2.1(170102161005W)(00000.107*m3)"));
            assert_eq!(said["mbus"][0]["medium"], expected, "{kind}");
        }
    }

    #[test]
    fn a_telegram_of_version_2_2_has_neither_checksum_nor_time() {
        let said = said(V2);
        assert_eq!((said.get("time"), said.get("version")), (None, None));
        assert_eq!(said["objects"]["1-0:1.7.0"]["value"], "0001.01");
        let gas = &said["mbus"][0];
        assert_eq!((&gas["value"], &gas["unit"]), (&"00001.001".into(), &"m3".into()));
        assert_eq!(gas["time"], "2016-11-07T19:00:00", "its zone is the rule's to say");
    }

    #[test]
    fn a_telegram_of_fluvius_has_water_too() {
        let said = said(FLUVIUS);
        let media: Vec<&Value> = (0..2).map(|at| &said["mbus"][at]["medium"]).collect();
        assert_eq!(media, ["gas", "water"]);
        assert_eq!(said["mbus"][1]["value"], "00872.234");
        assert_eq!(said["objects"]["1-0:1.6.0"]["time"], "2020-05-09T13:45:58+02:00");
    }
}
