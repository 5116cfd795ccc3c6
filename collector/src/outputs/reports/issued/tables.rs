//! The tables of targets and factors that come with the program, in an open format.

use super::content::TableState;
use super::sign::hex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wattledger_model::factor::FactorTable;
use wattledger_model::target::TargetTable;

/// One of them.
pub(crate) struct Table {
    /// The name of its file, without a folder.
    pub(crate) file: String,
    /// The table as JSON.
    pub(crate) text: String,
    /// What a statement says of it.
    pub(crate) state: TableState,
}

/// All of them, in the order of the program.
pub(crate) fn all() -> Vec<Table> {
    let (factors, text) = FactorTable::source();
    let mut sources = TargetTable::sources().to_vec();
    sources.push((factors, text));
    sources.into_iter().map(|(file, text)| table(file, text)).collect()
}

fn table(file: &str, text: &str) -> Table {
    let read: toml::Table = text.parse().expect("a test reads the embedded tables");
    let value = json(&toml::Value::Table(read));
    let head = |key: &str| value["table"][key].as_str().unwrap_or_default().to_owned();
    let (name, version) = (head("name"), head("version"));
    let mut text = serde_json::to_string_pretty(&value).expect("a value is plain data");
    text.push('\n');
    let sha256 = hex(&Sha256::digest(&text));
    // `config/targets/cn-policy.toml` is `targets-cn-policy.json`.
    let short = file.trim_start_matches("config/").trim_end_matches(".toml").replace('/', "-");
    Table { file: format!("{short}.json"), text, state: TableState { name, version, sha256 } }
}

fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(is) => Value::Bool(*is),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(all) => Value::Array(all.iter().map(json).collect()),
        toml::Value::Table(all) => {
            Value::Object(all.iter().map(|(key, value)| (key.clone(), json(value))).collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_program_is_there_with_its_version() {
        let all = all();
        assert_eq!(all.len(), TargetTable::embedded().len() + 1);
        for (table, embedded) in all.iter().zip(TargetTable::embedded()) {
            assert_eq!((&table.state.name, &table.state.version), (&embedded.name, &embedded.version));
            let targets = serde_json::from_str::<Value>(&table.text).expect("JSON")["target"].clone();
            assert_eq!(targets.as_array().map(Vec::len), Some(embedded.targets.len()), "{}", table.file);
        }
        let factors = all.last().expect("the factors");
        assert_eq!(factors.state.name, FactorTable::embedded().name);
        assert_eq!(factors.file, "factors-cn.json");
    }
}
