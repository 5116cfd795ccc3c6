//! The Sparkplug B payload, as far as it says numbers. Field numbers: Eclipse Sparkplug 3.0, 6.4.

use prost::{Message, Oneof};

/// What a payload says it is where its body is a compressed payload.
const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

/// One message of an edge node or a device.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    /// When it was sent, in ms since the epoch.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
    /// 0 to 255, one more than that of the node's message before.
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
    #[prost(string, optional, tag = "4")]
    pub(super) uuid: Option<String>,
}

/// One value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    /// Its name: in a birth always, later only where it has no alias.
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    /// When it was measured, in ms since the epoch.
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    /// Whether it is told late, from the node's memory.
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    /// Whether nobody is to keep it.
    #[prost(bool, optional, tag = "6")]
    pub(super) is_transient: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(super) properties: Option<Properties>,
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub(super) value: Option<Value>,
}

/// The kinds of values on the wire; what integers mean is said by the data type.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
    #[prost(bytes, tag = "16")]
    Bytes(Vec<u8>),
    /// Not looked into, like templates.
    #[prost(bytes, tag = "17")]
    DataSet(Vec<u8>),
    #[prost(bytes, tag = "18")]
    Template(Vec<u8>),
}

/// Properties of a metric, key by key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Properties {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<Property>,
}

/// The value of a property.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Property {
    #[prost(oneof = "Said", tags = "3, 4, 8")]
    pub(super) value: Option<Said>,
}

/// The kinds of properties that are looked at.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Said {
    #[prost(uint32, tag = "3")]
    Int(u32),
    #[prost(uint64, tag = "4")]
    Long(u64),
    #[prost(string, tag = "8")]
    Text(String),
}

/// Data types, by their number on the wire.
pub(super) mod datatype {
    pub(in super::super) const INT8: u32 = 1;
    pub(in super::super) const INT16: u32 = 2;
    pub(in super::super) const INT32: u32 = 3;
    pub(in super::super) const INT64: u32 = 4;
    pub(in super::super) const BOOLEAN: u32 = 11;
}

impl Payload {
    /// Reads a payload.
    pub(super) fn read(bytes: &[u8]) -> Result<Payload, String> {
        let payload =
            Payload::decode(bytes).map_err(|error| format!("not a Sparkplug B payload: {error}"))?;
        if payload.uuid.as_deref() == Some(COMPRESSED) {
            return Err(
                "the payload is compressed, which is not read; switch that off at the node".to_owned()
            );
        }
        Ok(payload)
    }
}

impl Metric {
    fn property(&self, key: &str) -> Option<&Said> {
        let properties = self.properties.as_ref()?;
        let at = properties.keys.iter().position(|known| known == key)?;
        properties.values.get(at)?.value.as_ref()
    }

    /// The unit it says it has.
    pub(super) fn unit(&self) -> Option<&str> {
        match self.property("engUnit") {
            Some(Said::Text(unit)) if !unit.trim().is_empty() => Some(unit.trim()),
            _ => None,
        }
    }

    /// Whether its node says that it is not to be trusted: bad is 0, stale 500, good 192.
    pub(super) fn is_doubtful(&self) -> bool {
        match self.property("Quality") {
            Some(Said::Int(code)) => *code != 192,
            Some(Said::Long(code)) => *code != 192,
            _ => false,
        }
    }
}

impl Value {
    /// A number or a word as text. Signed integers come as their bits, in whatever width the node took.
    pub(super) fn text(&self, datatype: u32) -> Result<String, &'static str> {
        let bits = match self {
            Value::Int(bits) => u64::from(*bits),
            Value::Long(bits) => *bits,
            // The shortest digits that are this value and no other of its width.
            Value::Float(number) => return Ok(number.to_string()),
            Value::Double(number) => return Ok(number.to_string()),
            Value::Boolean(word) => return Ok(word.to_string()),
            Value::Text(text) => return Ok(text.clone()),
            Value::Bytes(_) => return Err("bytes"),
            Value::DataSet(_) => return Err("a data set"),
            Value::Template(_) => return Err("a template"),
        };
        Ok(match datatype {
            datatype::INT8 => (bits as i8).to_string(),
            datatype::INT16 => (bits as i16).to_string(),
            datatype::INT32 => (bits as i32).to_string(),
            datatype::INT64 => (bits as i64).to_string(),
            _ => bits.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_put_together_by_hand_are_read_by_their_field_numbers() {
        let bytes = [
            &b"\x08\x90\x4e"[..],                   // 1: timestamp 10000
            b"\x12\x17",                            // 2: a metric of 23 bytes
            b"\x0a\x03kWh\x10\x07\x18\x05\x20\x03", //   name, alias 7, timestamp 5, datatype 3
            b"\x28\x01\x30\x00\x38\x00",            //   historical, not transient, not null
            b"\x50\xfe\xff\xff\xff\x0f",            //   int_value 2^32 - 2
            b"\x18\xff\x01",                        // 3: seq 255
        ]
        .concat();
        let payload = Payload::read(&bytes).expect("valid");
        assert_eq!((payload.timestamp, payload.seq), (Some(10_000), Some(255)));
        let [metric] = &payload.metrics[..] else { panic!("one metric") };
        assert_eq!((metric.name.as_deref(), metric.alias, metric.timestamp), (Some("kWh"), Some(7), Some(5)));
        assert_eq!((metric.datatype, metric.is_historical), (Some(datatype::INT32), Some(true)));
        assert_eq!(metric.value.as_ref().map(|value| value.text(datatype::INT32)), Some(Ok("-2".to_owned())));
    }

    #[test]
    fn integers_mean_what_their_data_type_says_in_any_width() {
        for (value, datatype, text) in [
            (Value::Int(0xFF), datatype::INT8, "-1"),
            (Value::Int(0xFFFF_FFFF), datatype::INT8, "-1"),
            (Value::Int(0x8000), datatype::INT16, "-32768"),
            (Value::Long(u64::MAX), datatype::INT32, "-1"),
            (Value::Long(u64::MAX), datatype::INT64, "-1"),
            (Value::Int(4_294_967_295), 7, "4294967295"),
            (Value::Long(4_294_967_295), 7, "4294967295"),
            (Value::Long(u64::MAX), 8, "18446744073709551615"),
            (Value::Float(0.1), 9, "0.1"),
            (Value::Double(14.68792), 10, "14.68792"),
        ] {
            assert_eq!(value.text(datatype), Ok(text.to_owned()), "{value:?} as {datatype}");
        }
        assert_eq!(Value::DataSet(vec![]).text(16), Err("a data set"));
    }

    #[test]
    fn what_is_compressed_or_no_payload_is_refused() {
        let compressed = Payload { uuid: Some(COMPRESSED.to_owned()), ..Payload::default() };
        assert!(Payload::read(&compressed.encode_to_vec()).expect_err("compressed").contains("compressed"));
        assert!(Payload::read(b"\xff\xff").is_err());
    }
}
