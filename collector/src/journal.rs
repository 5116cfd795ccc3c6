//! The journal: what arrived, durable before it is acknowledged, in the order of arrival.
//!
//! It holds payloads as they came, so what the ledger is made from after a crash is what it was made from
//! before. Readings that are in the raw store are taken out of it.

use wattledger_model::batch::AgentKey;
use wattledger_model::time::Timestamp;

/// One payload that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the collector received it, by its own clock.
    pub received: Timestamp,
    /// The agent that its topic names.
    pub agent: AgentKey,
    /// How the payload is written.
    pub form: PayloadForm,
    /// The payload.
    pub payload: Vec<u8>,
}

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadForm {
    /// The wire format of batches.
    Batch,
    /// Readings written by hand, as JSON.
    Json,
}

impl Record {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (site, agent) = (self.agent.site.as_str(), self.agent.agent.as_str());
        let mut out = Vec::with_capacity(self.payload.len() + site.len() + agent.len() + 11);
        out.push(match self.form {
            PayloadForm::Batch => 1,
            PayloadForm::Json => 2,
        });
        out.extend(self.received.0.to_le_bytes());
        for name in [site, agent] {
            // A name has at most 64 bytes.
            out.push(name.len() as u8);
            out.extend(name.as_bytes());
        }
        out.extend(&self.payload);
        out
    }

    /// Reads a record; `None` for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Option<Record> {
        let (form, rest) = bytes.split_first()?;
        let form = match form {
            1 => PayloadForm::Batch,
            2 => PayloadForm::Json,
            _ => return None,
        };
        let (received, rest) = rest.split_first_chunk::<8>()?;
        let (site, rest) = name(rest)?;
        let (agent, rest) = name(rest)?;
        Some(Record {
            received: Timestamp(i64::from_le_bytes(*received)),
            agent: AgentKey { site, agent },
            form,
            payload: rest.to_vec(),
        })
    }
}

fn name(bytes: &[u8]) -> Option<(wattledger_model::name::Name, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let text = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    Some((text.parse().ok()?, &rest[usize::from(*length)..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip_and_nonsense_is_none() {
        let key = AgentKey { site: "hall".parse().expect("name"), agent: "a-1".parse().expect("name") };
        let record =
            Record { received: Timestamp(17), agent: key, form: PayloadForm::Json, payload: b"{}".to_vec() };
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Some(record));
        for cut in 0..bytes.len() - 2 {
            assert_eq!(Record::decode(&bytes[..cut]), None, "cut at {cut}");
        }
    }
}
