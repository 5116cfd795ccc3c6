//! A document with one thing more, less or other in it, everywhere in turn.

use super::{assert_described, validator};
use crate::outputs::reports::Schema;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// No shape has a field of this name.
const STRANGE: &str = "not a field";

/// Which of the changes to a document pass: places as names with dots between them, `*` for an element of a list.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Accepted {
    /// Fields that may be left out.
    pub(crate) left_out: BTreeSet<String>,
    /// Values that may be null although they are not.
    pub(crate) null: BTreeSet<String>,
}

/// Which changes to a document its schema lets pass. A field that no shape has passes nowhere, nor does a value of
/// another type: where there is none, values of one type at most.
pub(crate) fn accepted_of(schema: Schema, document: &Value) -> Accepted {
    assert_described(schema, document);
    let validator = validator(schema);
    let mut places = Vec::new();
    walk(document, String::new(), &mut places);
    let (mut document, mut accepted) = (document.clone(), Accepted::default());
    for place in places {
        let passes = |document: &Value| validator.is_valid(document);
        if let Some(of) = at(&mut document, &place).as_object_mut() {
            of.insert(STRANGE.to_owned(), Value::Null);
            assert!(!passes(&document), "{place}: a field passes that is not described");
            remove(&mut document, &place, STRANGE);
        }
        let Some((parent, name)) = place.rsplit_once('/') else { continue };
        let types = types_that_pass(&mut document, &place, &passes);
        let is_null = at(&mut document, &place).is_null();
        if types.contains("null") && !is_null {
            accepted.null.insert(named(&place));
        }
        let others = types.iter().filter(|of_type| **of_type != "null").count();
        assert!(others <= usize::from(is_null), "{place}: also {types:?} pass");
        if at(&mut document, parent).is_object() {
            let name = unescaped(name);
            let kept = remove(&mut document, parent, &name);
            if passes(&document) {
                accepted.left_out.insert(named(&place));
            }
            at(&mut document, parent).as_object_mut().expect("an object").insert(name, kept);
        }
    }
    accepted
}

/// The types of values, other than its own, that pass at a place.
fn types_that_pass(
    document: &mut Value,
    place: &str,
    passes: &impl Fn(&Value) -> bool,
) -> BTreeSet<&'static str> {
    let kept = at(document, place).clone();
    let mut found = BTreeSet::new();
    for probe in [Value::Null, json!(true), json!(7), json!("\u{1}"), json!([]), json!({})] {
        let of_type = type_of(&probe);
        if of_type != type_of(&kept) {
            *at(document, place) = probe;
            if passes(document) {
                found.insert(of_type);
            }
        }
    }
    *at(document, place) = kept;
    found
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The JSON Pointers to everything in a document.
fn walk(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(of) => of.iter().for_each(|(name, below)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            walk(below, format!("{place}/{name}"), places);
        }),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(at, below)| walk(below, format!("{place}/{at}"), places));
        }
        _ => {}
    }
    places.push(place);
}

fn at<'d>(document: &'d mut Value, place: &str) -> &'d mut Value {
    document.pointer_mut(place).expect("the place is in the document")
}

/// Takes a field out of the object at a place.
fn remove(document: &mut Value, place: &str, name: &str) -> Value {
    let field = at(document, place).as_object_mut().expect("an object").remove(name);
    field.expect("the field is there")
}

fn named(place: &str) -> String {
    let name = |name: &str| match name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => "*".to_owned(),
        false => unescaped(name),
    };
    place.split('/').skip(1).map(name).collect::<Vec<_>>().join(".")
}

/// A name as it stands in a document; in a JSON Pointer two of its letters are written otherwise.
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Cuts lists of what is alike to so many elements: the others would only be looked at again.
pub(super) fn cut(document: &mut Value, places: &[&str], to: usize) {
    for place in places {
        if let Value::Array(all) = at(document, place) {
            all.truncate(to);
        }
    }
}
