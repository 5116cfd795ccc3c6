//! What stands beside an issued report: its statement, what it restates, and how it is listed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use wattledger_model::time::Timestamp;

/// The shape of a statement.
pub const SHAPE: &str = "wattledger/issue/v1";

/// What is said of an issued report, and signed: enough to make it again and to tell whether it is what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`SHAPE`].
    pub issue: String,
    /// Its name: `FACILITY_PERIOD_NUMBER`.
    pub id: String,
    /// The facility.
    pub facility: String,
    /// The period, as it was asked for.
    pub period: String,
    /// First instant of the period.
    #[serde(with = "instant")]
    pub from: Timestamp,
    /// First instant after it.
    #[serde(with = "instant")]
    pub to: Timestamp,
    /// When it was issued: what verdicts take for today.
    #[serde(with = "instant")]
    pub issued_at: Timestamp,
    /// The quarter-hour edge as of which ledger, configuration and audit chain were read.
    #[serde(with = "instant")]
    pub known_at: Timestamp,
    /// Who issued it.
    pub who: String,
    /// Why, in their words; a first issue needs no reason.
    pub reason: String,
    /// The issued report that it restates.
    pub restates: Option<String>,
    /// SHA-256, hexadecimal, of each frozen file by its name: `report.json` and what it was made with.
    pub files: BTreeMap<String, String>,
    /// The ledger that it was made from.
    pub ledger: LedgerState,
    /// The audit chain that it was made with.
    pub audit: ChainState,
    /// The configuration that it was made by.
    pub configuration: ConfigurationState,
    /// Series of emission factors: the files as the configuration names them, and which frozen file holds each.
    pub series: BTreeMap<String, String>,
    /// The program's version.
    pub engine: String,
    /// The tables of targets and factors that came with the program.
    pub tables: Vec<TableState>,
    /// The Ed25519 key that it is signed with, 32 bytes, hexadecimal; `None` where it is not signed.
    pub public_key: Option<String>,
    /// The signature, 64 bytes, hexadecimal: over this statement as JSON without this field, with sorted keys and without
    /// spaces.
    pub signature: Option<String>,
}

/// A state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerState {
    /// Its change number.
    pub change: u64,
    /// Digest of its minutes and steps in the period, of all meters.
    pub digest: String,
    /// Root of the Merkle tree over its blocks in the period.
    pub merkle_root: String,
    /// Blocks under the root.
    pub merkle_leaves: u64,
}

/// A state of the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainState {
    /// How many entries it had.
    pub entries: u64,
    /// The hash of the last one.
    pub hash: String,
}

/// A version of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationState {
    /// Its entry in the audit chain.
    pub entry: u64,
    /// SHA-256 of its text, hexadecimal.
    pub digest: String,
}

/// A table that came with the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableState {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of it as JSON, as a bundle of evidence holds it.
    pub sha256: String,
}

impl Statement {
    /// The statement as JSON, with sorted keys.
    pub fn value(&self) -> Value {
        serde_json::to_value(self).expect("a statement is plain data")
    }

    /// The statement as it stands in a file.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.value()).expect("a value is plain data");
        text.push('\n');
        text
    }

    /// What is signed.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut value = self.value();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("signature");
        }
        value.to_string().into_bytes()
    }
}

/// What is printed of an issued report beside its content, so that paper can be held against its statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its name.
    pub id: String,
    /// Who issued it.
    pub who: String,
    /// Root of the Merkle tree over the ledger's blocks in the period.
    pub merkle_root: String,
    /// Blocks under the root.
    pub merkle_leaves: u64,
    /// The Ed25519 key that it is signed with, hexadecimal; `None` where it is not signed.
    pub public_key: Option<String>,
}

impl Seal {
    /// That of a statement.
    pub fn of(statement: &Statement) -> Seal {
        let LedgerState { merkle_root, merkle_leaves, .. } = &statement.ledger;
        Seal {
            id: statement.id.clone(),
            who: statement.who.clone(),
            merkle_root: merkle_root.clone(),
            merkle_leaves: *merkle_leaves,
            public_key: statement.public_key.clone(),
        }
    }
}

/// What is other than in the issued report that this one restates, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restatement {
    /// The report that is restated.
    pub of: String,
    /// When that was issued.
    #[serde(with = "instant")]
    pub issued_at: Timestamp,
    /// Why it is restated, in the words of who did.
    pub reason: String,
    /// What is other than it was.
    pub changes: Vec<Change>,
    /// How many more changes there are than are listed.
    pub more: usize,
    /// What happened between the two.
    pub causes: Vec<Cause>,
}

/// Something that is other than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What: its place in the report's JSON, such as `pue.value`.
    pub what: String,
    /// What it was; `None` where there was nothing.
    pub before: Option<String>,
    /// What it is; `None` where there is nothing.
    pub after: Option<String>,
}

/// Something that may have changed a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The kind of an entry of the audit chain, `ledger` for hours that are other than they were, `engine` or `table`.
    pub kind: String,
    /// What happened.
    pub what: String,
    /// When, where that is known.
    #[serde(with = "instant_if_any")]
    pub at: Option<Timestamp>,
    /// Who did it, where somebody did.
    pub who: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// An issued report in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its name.
    pub id: String,
    /// The facility.
    pub facility: String,
    /// The period, as it was asked for.
    pub period: String,
    /// First instant of the period.
    #[serde(with = "instant")]
    pub from: Timestamp,
    /// First instant after it.
    #[serde(with = "instant")]
    pub to: Timestamp,
    /// When it was issued.
    #[serde(with = "instant")]
    pub issued_at: Timestamp,
    /// The report that it restates.
    pub restates: Option<String>,
    /// The report that restates it.
    pub restated_by: Option<String>,
    /// Its main figure with its name; empty where it cannot be read.
    pub headline: String,
    /// Each target with its verdict.
    pub verdicts: Vec<(String, String)>,
    /// Whether it says that it is signed. Whether the signature holds, `verify` tells.
    pub signed: bool,
    /// Its files.
    pub files: Vec<IssuedFile>,
    /// What is wrong with what is kept of it, at a look.
    pub trouble: Option<String>,
}

/// A file of an issued report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// Instants as RFC 3339.
pub(super) mod instant {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use wattledger_model::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let shown =
            || de::Error::custom(format!("`{}` is not a time", text.chars().take(40).collect::<String>()));
        Timestamp::from_rfc3339(&text).ok_or_else(shown)
    }
}

/// The same where there may be none.
mod instant_if_any {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use wattledger_model::time::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let read = |text: String| {
            Timestamp::from_rfc3339(&text).ok_or_else(|| de::Error::custom("an instant is not one"))
        };
        text.map(read).transpose()
    }
}
