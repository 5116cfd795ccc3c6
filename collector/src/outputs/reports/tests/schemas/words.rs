//! The lists of words in the schemas against the words that the program has.

use super::parsed;
use crate::indicators::Indicator;
use crate::indicators::verdict::Verdict;
use crate::outputs::reports::Schema;
use crate::outputs::reports::document::Lang;
use serde_json::Value;
use std::collections::BTreeSet;
use wattledger_model::calendar::Window;
use wattledger_model::carrier::Carrier;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::minute::StepClass;
use wattledger_model::role::Role;
use wattledger_model::target::Operator;

/// The words of a list, without null.
fn listed(schema: Schema, place: &str) -> BTreeSet<String> {
    let schema = parsed(schema);
    let list = schema.pointer(place).and_then(|field| field["enum"].as_array());
    let list = list.unwrap_or_else(|| panic!("{place} is no list of words"));
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn assert_listed<'w>(place: &str, words: impl Iterator<Item = &'w str>) {
    let words: BTreeSet<String> = words.map(str::to_owned).collect();
    assert_eq!(listed(Schema::Report, &format!("/$defs/{place}")), words, "{place}");
}

#[test]
fn the_lists_of_words_are_those_of_the_program() {
    assert_listed("role", Role::ALL.iter().map(|role| role.word()));
    assert_listed("indicator", Indicator::ALL.iter().map(|indicator| indicator.word()));
    assert_listed("figure/properties/unit", Indicator::ALL.iter().map(|indicator| indicator.unit()));
    assert_listed("verdict/properties/verdict", Verdict::ALL.iter().map(|verdict| verdict.word()));
    assert_listed("verdict/properties/operator", Operator::ALL.iter().map(|operator| operator.word()));
    assert_listed("part/properties/carrier", Carrier::ALL.iter().map(|carrier| carrier.word()));
    assert_listed("boundary_meter/properties/kind", Kind::ALL.iter().map(|kind| kind.word()));
    assert_listed("boundary_meter/properties/form", Form::ALL.iter().map(|form| form.word()));
    let classes = StepClass::ALL.iter().filter(|class| **class != StepClass::Normal);
    assert_listed("step_count/properties/class", classes.map(|class| class.word()).chain(["long"]));
    let rolling = Window::ALL.iter().filter(|window| window.is_rolling());
    assert_listed("uncertainty/properties/shortest_resolved", rolling.map(|window| window.label()));
    let measured = Role::ALL.iter().filter(|role| role.it_category().is_some());
    assert_listed("facility/properties/measuring_point", measured.map(|role| role.word()));
    let langs: BTreeSet<String> = Lang::ALL.iter().map(|lang| lang.word().to_owned()).collect();
    assert_eq!(listed(Schema::Document, "/properties/lang"), langs);
}
