//! One rule, several readings: the elements of a message, and what each is called.

use super::path::{Found, Path, Scope};
use super::{Wrong, text_of};
use serde_json::Value;
use std::borrow::Cow;
use wattledger_model::reading::Cause;

/// Elements of one message that a rule takes at most; a message of a mebibyte could hold 500 000.
const MOST_ELEMENTS: usize = 1_000;

/// Which parts of a message a rule is applied to, each for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Each {
    /// The elements.
    pub path: Path,
    /// Where an element says its own name; otherwise its key or its position from 0 is its name.
    pub name: Option<Path>,
    /// Where an element says what tells it from others of its name; put behind the name.
    pub id: Option<Path>,
    /// Names by position, from 0; a position beyond them is its own name.
    pub names: Vec<String>,
}

/// One part of a message, and its name.
pub(super) struct Element<'v> {
    pub(super) name: Result<Cow<'v, str>, Wrong>,
    pub(super) value: &'v Value,
}

impl Each {
    /// The elements of a message; none where there is nothing at the path.
    pub(super) fn elements<'v>(&'v self, message: &'v Value) -> Result<Vec<Element<'v>>, Wrong> {
        let members = self.path.members(message);
        if members.len() > MOST_ELEMENTS {
            let (path, found) = (self.path.as_str(), members.len());
            return Err(Wrong::new(
                Cause::Payload,
                format!("{path} gives {found} elements; at most {MOST_ELEMENTS} are taken"),
            ));
        }
        let named = |(key, value)| Element { name: self.name_of(key, value, message), value };
        Ok(members.into_iter().map(named).collect())
    }

    fn name_of<'v>(
        &'v self,
        key: Cow<'v, str>,
        value: &'v Value,
        message: &'v Value,
    ) -> Result<Cow<'v, str>, Wrong> {
        let scope = Scope { message, element: value };
        let said = |path: &Path, what: &str| {
            let text = match path.follow(&scope) {
                Found::One(text) => text_of(text),
                _ => None,
            };
            let detail = || format!("{} gives no {what} for element {key}", path.as_str());
            text.ok_or_else(|| Wrong::new(Cause::Name, detail()))
        };
        let id = self.id.as_ref().map(|path| said(path, "id")).transpose()?;
        let name = match &self.name {
            Some(path) => said(path, "name")?,
            None => {
                let listed = key.parse().ok().and_then(|at: usize| self.names.get(at));
                listed.map_or_else(|| key.clone(), |name| Cow::Borrowed(name.as_str()))
            }
        };
        Ok(match id {
            Some(id) => Cow::Owned(format!("{name}-{id}")),
            None => name,
        })
    }
}
