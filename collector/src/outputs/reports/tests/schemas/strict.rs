//! What the schemas themselves must be: closed, complete and told in words.

use super::{parsed, validator};
use crate::outputs::reports::Schema;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The keywords that the schemas use. A misspelt one would say nothing, and no validator would complain.
const KEYWORDS: &[&str] = &[
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// What is a JSON Schema.
fn schemas() -> impl Iterator<Item = Schema> {
    Schema::ALL.into_iter().filter(|schema| *schema != Schema::Csv)
}

/// Calls on every schema in a schema, with its place. Conditions between fields that are described elsewhere are left
/// out: they say only what must not stand together.
fn each(schema: &Value, place: &str, told: &mut impl FnMut(&str, &Value)) {
    told(place, schema);
    for list in ["properties", "$defs", "patternProperties"] {
        for (name, below) in schema[list].as_object().into_iter().flatten() {
            each(below, &format!("{place}/{list}/{name}"), told);
        }
    }
    for one in ["items", "additionalProperties"] {
        if schema[one].is_object() {
            each(&schema[one], &format!("{place}/{one}"), told);
        }
    }
    for (at, below) in schema["anyOf"].as_array().into_iter().flatten().enumerate() {
        each(below, &format!("{place}/anyOf/{at}"), told);
    }
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn each_is_a_schema_of_its_draft_under_a_name_of_its_own_and_fetches_nothing() {
    let mut ids = BTreeSet::new();
    for schema in schemas() {
        validator(schema);
        let text = parsed(schema);
        assert_eq!(text["$schema"], "https://json-schema.org/draft/2020-12/schema", "{}", schema.word());
        assert!(ids.insert(text["$id"].as_str().expect("an id").to_owned()), "{}", schema.word());
        each(&text, "", &mut |place, below| {
            let Some(to) = below["$ref"].as_str() else { return };
            let within = to.strip_prefix('#').and_then(|to| text.pointer(to));
            assert!(within.is_some(), "{}{place}: {to} leads nowhere", schema.word());
        });
    }
}

#[test]
fn every_object_is_closed_and_every_field_says_what_it_is() {
    for schema in schemas() {
        let word = schema.word();
        each(&parsed(schema), "", &mut |place, below| {
            let keywords = below.as_object().unwrap_or_else(|| panic!("{word}{place} is no schema"));
            for keyword in keywords.keys() {
                assert!(KEYWORDS.contains(&keyword.as_str()), "{word}{place}: {keyword} is no keyword");
            }
            if below["type"] == "object" {
                // Or it says what every further value is, as of files by their names.
                let further = &below["additionalProperties"];
                assert!(*further == false || further.is_object(), "{word}{place} is open");
                assert!(keywords.contains_key("required") || further.is_object(), "{word}{place}");
            }
            for (name, field) in below["properties"].as_object().into_iter().flatten() {
                let says = |what: &str| field[what].as_str().is_some_and(|text| !text.is_empty());
                assert!(says("description") || says("$ref"), "{word}{place}: {name} says nothing of itself");
            }
        });
        for (name, defined) in parsed(schema)["$defs"].as_object().expect("definitions") {
            assert!(defined["description"].is_string(), "{word}: {name} says nothing of itself");
        }
    }
}

#[test]
fn all_fields_are_required_but_those_that_are_told_to_be_absent() {
    let mut optional: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for schema in schemas() {
        each(&parsed(schema), "", &mut |place, below| {
            let required = names(&below["required"]);
            for (name, field) in below["properties"].as_object().into_iter().flatten() {
                if !required.contains(name.as_str()) {
                    let told = field["description"].as_str().unwrap_or_default();
                    assert!(told.contains("absent where"), "{place}: {name} does not say where it is absent");
                    optional.entry(schema.word()).or_default().insert(format!("{place}/properties/{name}"));
                }
            }
            let described: BTreeSet<&str> = below["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            assert!(required.is_subset(&described), "{place}: what is required is not described");
        });
    }
    let of_report = ["/$defs/versions/properties/known_at", "/properties/restatement"].map(str::to_owned);
    assert_eq!(optional, BTreeMap::from([("report", BTreeSet::from(of_report))]));
}

#[test]
fn what_two_schemas_have_in_common_they_define_alike() {
    let (report, portfolio) = (parsed(Schema::Report), parsed(Schema::Portfolio));
    for name in ["name", "instant", "local_time", "share", "count", "amount", "status", "indicator", "figure"]
    {
        assert_eq!(report["$defs"][name], portfolio["$defs"][name], "{name}");
    }
    for schema in [Schema::Issued, Schema::Document] {
        assert_eq!(parsed(schema)["$defs"]["instant"], report["$defs"]["instant"], "{}", schema.word());
    }
    let verdict = |schema: &Value, of: &str| schema["$defs"][of]["properties"]["verdict"]["enum"].clone();
    assert_eq!(verdict(&report, "verdict"), verdict(&portfolio, "held"));
}
