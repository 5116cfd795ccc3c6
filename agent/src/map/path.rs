//! Where something stands in a JSON document: a JSON Pointer (RFC 6901) or a JSONPath (RFC 9535).

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};
use std::borrow::Cow;
use std::str::FromStr;

/// A path into a JSON document: `/ENERGY/Total`, `$.phases[0].power`, or `@.power` for one within the
/// element that a rule with `each` is at. JSONPath is taken without the regular expressions of `match` and
/// `search`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    within_element: bool,
    query: Query,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Query {
    Pointer(String),
    Json(Box<JsonPath>),
}

/// What paths of a rule are followed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'v> {
    /// The whole message.
    pub(super) message: &'v Value,
    /// The element that the rule is at; the message where there is none.
    pub(super) element: &'v Value,
}

/// What stands at a path that should lead to one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found<'v> {
    Nothing,
    One(&'v Value),
    /// So many values.
    Several(usize),
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Path, String> {
        let json = |json: &str| {
            JsonPath::parse(json).map(|path| Query::Json(Box::new(path))).map_err(|error| {
                format!(
                    "`{text}` is not a JSONPath (RFC 9535, without match and search): {}",
                    error.message()
                )
            })
        };
        let query = match text.as_bytes().first() {
            Some(b'/') => Query::Pointer(text.to_owned()),
            Some(b'$') => json(text)?,
            Some(b'@') => json(&format!("${}", &text[1..]))?,
            _ => {
                return Err(format!("`{text}` is not a path such as /ENERGY/Total or $.phases[0].power"));
            }
        };
        Ok(Path { text: text.to_owned(), within_element: text.starts_with('@'), query })
    }
}

impl Path {
    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it begins at the element, so that it needs a rule with `each`.
    pub fn is_within_element(&self) -> bool {
        self.within_element
    }

    /// The value at the path.
    pub(super) fn follow<'v>(&self, scope: &Scope<'v>) -> Found<'v> {
        let start = if self.within_element { scope.element } else { scope.message };
        match &self.query {
            Query::Pointer(pointer) => start.pointer(pointer).map_or(Found::Nothing, Found::One),
            Query::Json(path) => {
                let nodes = path.query(start);
                match nodes.first() {
                    None => Found::Nothing,
                    Some(value) if nodes.len() == 1 => Found::One(value),
                    Some(_) => Found::Several(nodes.len()),
                }
            }
        }
    }

    /// Every value at the path with the key or position it has there. A pointer leads to a list or an
    /// object, and means its members.
    pub(super) fn members<'v>(&self, message: &'v Value) -> Vec<(Cow<'v, str>, &'v Value)> {
        match &self.query {
            Query::Pointer(pointer) => match message.pointer(pointer) {
                Some(Value::Array(list)) => {
                    list.iter().enumerate().map(|(at, value)| (Cow::Owned(at.to_string()), value)).collect()
                }
                Some(Value::Object(object)) => {
                    object.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), value)).collect()
                }
                _ => Vec::new(),
            },
            Query::Json(path) => {
                let located = path.query_located(message);
                let key = |last: Option<&PathElement<'v>>| match last {
                    Some(PathElement::Name(key)) => Cow::Borrowed(*key),
                    Some(PathElement::Index(at)) => Cow::Owned(at.to_string()),
                    None => Cow::Borrowed("0"),
                };
                located.iter().map(|node| (key(node.location().last()), node.node())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> Path {
        text.parse().expect(text)
    }

    #[test]
    fn pointers_and_json_paths_lead_to_values_at_any_depth() {
        let message = json!({"a": {"b c": [{"v": 1}, {"v": 2}]}, "n": null});
        let element = json!({"v": 7});
        let scope = Scope { message: &message, element: &element };
        for (text, found) in [
            ("/a/b c/1/v", Found::One(&json!(2))),
            ("$.a['b c'][0].v", Found::One(&json!(1))),
            ("$..v", Found::Several(2)),
            ("$.a['b c'][?@.v > 1].v", Found::One(&json!(2))),
            ("$.a['b c'][-1].v", Found::One(&json!(2))),
            ("@.v", Found::One(&json!(7))),
            ("@", Found::One(&json!({"v": 7}))),
            ("/n", Found::One(&Value::Null)),
            ("/a/x", Found::Nothing),
            ("$.x", Found::Nothing),
        ] {
            assert_eq!(path(text).follow(&scope), found, "{text}");
        }
    }

    #[test]
    fn members_are_named_by_their_key_or_position() {
        let message = json!({"list": [5, 6], "phases": {"l1": {"p": 1}, "l2": {"p": 2}, "t": 9}});
        let names = |text: &str| {
            let members = path(text).members(&message).into_iter();
            members.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(names("/list"), ["0=5", "1=6"]);
        assert_eq!(names("$.list[1:]"), ["1=6"]);
        assert_eq!(names("$.phases[?@.p]"), [r#"l1={"p":1}"#, r#"l2={"p":2}"#]);
        assert_eq!(names("/phases").len(), 3);
        assert_eq!((names("/nothing"), names("$.list[0]")), (vec![], vec!["0=5".to_owned()]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "ENERGY.Total", "$.", "$[", "@x", "$.a[?match(@, 'x')]", "$ .a b"] {
            assert!(bad.parse::<Path>().is_err(), "{bad}");
        }
    }
}
