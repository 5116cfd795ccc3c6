//! The names that a file declares, to find duplicates and references to nothing.

use std::collections::BTreeMap;
use wattledger_model::document::{Document, Place, Placed};
use wattledger_model::name::Name;

/// The names of one kind of thing.
#[derive(Debug)]
pub(super) struct Declared<'d> {
    document: &'d Document<'d>,
    what: &'static str,
    names: BTreeMap<Name, Place>,
}

impl<'d> Declared<'d> {
    pub(super) fn new(document: &'d Document<'d>, what: &'static str) -> Declared<'d> {
        Declared { document, what, names: BTreeMap::new() }
    }

    /// Takes a name; a second one of the same name is reported.
    pub(super) fn declare(&mut self, name: &Placed<Name>) {
        match self.names.get(&name.value) {
            None => {
                self.names.insert(name.value.clone(), name.place);
            }
            Some(first) => {
                let Declared { what, document, .. } = self;
                let message = format!("{what} `{}` is declared already, in line {}", name.value, first.line);
                document.error(name.place, message);
            }
        }
    }

    /// Whether there is such a name; if not, that is reported with the nearest one.
    pub(super) fn refers(&self, name: &Placed<Name>) -> bool {
        let known = self.names.contains_key(&name.value);
        if !known {
            let exist = self.names.keys().map(Name::as_str);
            self.document.dangling(name.place, self.what, name.value.as_str(), exist);
        }
        known
    }

    /// The only name, where there is exactly one.
    pub(super) fn only(&self) -> Option<&Name> {
        self.names.keys().next().filter(|_| self.names.len() == 1)
    }
}
