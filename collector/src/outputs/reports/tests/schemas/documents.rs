//! Laid out documents against their schema: reports, forms, and a sample with every kind of block and cell.

use super::{accepted_of, assert_described, without_value};
use crate::outputs::hall::at;
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::tests::{golden, sample};
use crate::outputs::reports::{Options, Schema, forms};
use serde_json::Value;
use std::collections::BTreeSet;

fn sampled(lang: Lang) -> Value {
    serde_json::to_value(sample::sample(lang)).expect("plain data")
}

#[test]
fn what_is_laid_out_is_as_the_schema_says_and_every_field_of_it_has_a_value_somewhere() {
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
    let mut all = vec![
        read(include_str!("../october.en.document.json")),
        read(include_str!("../october.zh.document.json")),
    ];
    let hall = golden::october();
    let options = Options { generated_at: at("2026-11-02T08:00:00Z"), configuration: &hall.config };
    for lang in Lang::ALL {
        all.push(sampled(lang));
        for form in ["iso-30134-2", "monthly-pue"] {
            let filled = forms::document(&mut hall.view(), "hall-1", "2026-10", options, form, lang);
            all.push(serde_json::to_value(filled.expect("a form")).expect("plain data"));
        }
    }
    all.iter().for_each(|document| assert_described(Schema::Document, document));
    assert_eq!(without_value(Schema::Document, &all), BTreeSet::new());
}

#[test]
fn a_document_with_anything_more_less_or_other_is_refused() {
    let mut document = sampled(Lang::En);
    let sections = document["sections"].as_array_mut().expect("sections");
    for block in sections.iter_mut().flat_map(|section| section["blocks"].as_array_mut().expect("blocks")) {
        if let Some(rows) = block.get_mut("rows").and_then(Value::as_array_mut) {
            rows.truncate(3);
        }
    }
    let accepted = accepted_of(Schema::Document, &document);
    assert_eq!(accepted.left_out, BTreeSet::new());
    let null = [
        "mark",
        "sections.*.blocks.*.columns.*.unit",
        "sections.*.blocks.*.facts.*.is.value",
        "sections.*.blocks.*.note",
        "sections.*.blocks.*.rows.*.*.value",
    ];
    assert_eq!(accepted.null.iter().map(String::as_str).collect::<Vec<_>>(), null);
}
