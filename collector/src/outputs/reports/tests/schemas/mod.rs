//! The published schemas, held against what is printed and against what must not pass.

mod documents;
mod mutated;
mod reports;
mod strict;
mod words;

pub(crate) use mutated::{Accepted, accepted_of};

use crate::outputs::reports::Schema;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;

/// A schema as JSON.
fn parsed(schema: Schema) -> Value {
    serde_json::from_str(schema.text()).expect("the schema is JSON")
}

fn validator(schema: Schema) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&parsed(schema)).unwrap_or_else(|error| panic!("{}: {error}", schema.word()))
}

/// That a document is as its schema says.
pub(crate) fn assert_described(schema: Schema, document: &Value) {
    let validator = validator(schema);
    let faults: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{} is not as its schema says:\n{}", schema.word(), faults.join("\n"));
}

/// That a document is refused.
fn assert_refused(schema: Schema, document: &Value, why: &str) {
    assert!(!validator(schema).is_valid(document), "{}: accepted although {why}", schema.word());
}

/// The names of a schema's fields that have a value in none of the documents.
pub(crate) fn without_value(schema: Schema, documents: &[Value]) -> BTreeSet<String> {
    let (mut described, mut seen) = (BTreeSet::new(), BTreeSet::new());
    fields(&parsed(schema), &mut described);
    documents.iter().for_each(|document| values(document, &mut seen));
    described.difference(&seen).cloned().collect()
}

/// The names of the fields that a schema describes.
fn fields(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::Object(properties)) = keywords.get("properties") {
                names.extend(properties.keys().cloned());
            }
            keywords.values().for_each(|below| fields(below, names));
        }
        Value::Array(all) => all.iter().for_each(|below| fields(below, names)),
        _ => {}
    }
}

/// The names of the fields that have a value in a document.
fn values(document: &Value, names: &mut BTreeSet<String>) {
    match document {
        Value::Object(of) => {
            names.extend(of.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()));
            of.values().for_each(|below| values(below, names));
        }
        Value::Array(all) => all.iter().for_each(|below| values(below, names)),
        _ => {}
    }
}
