//! What the typesetter may see: the template, what is to be printed, and fonts. No file, no package, no clock.

use crate::fonts::Fonts;
use typst::diag::{FileError, FileResult, PackageError};
use typst::foundations::{Bytes, Datetime, Dict, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

/// How a paper looks.
const TEMPLATE: &str = include_str!("template.typ");

/// The world of one paper.
pub(crate) struct Paper {
    library: LazyHash<Library>,
    fonts: Fonts,
    template: Source,
}

impl Paper {
    /// A paper of what stands in `inputs`, which the template reads as data.
    pub(crate) fn new(inputs: Dict, fonts: Fonts) -> Paper {
        Paper::of(TEMPLATE, inputs, fonts)
    }

    fn of(template: &str, inputs: Dict, fonts: Fonts) -> Paper {
        let path = VirtualPath::new("template.typ").expect("a plain name is a path");
        let id = RootedPath::new(VirtualRoot::Project, path).intern();
        let library = Library::builder().with_inputs(inputs).build();
        Paper { library: LazyHash::new(library), fonts, template: Source::new(id, template.to_owned()) }
    }
}

impl World for Paper {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(refusal(id)) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        Err(refusal(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn refusal(id: FileId) -> FileError {
    match id.get().root() {
        VirtualRoot::Project => FileError::AccessDenied,
        VirtualRoot::Package(package) => FileError::Package(PackageError::NotFound(package.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use typst_layout::PagedDocument;

    fn refused(template: &str) -> String {
        let paper = Paper::of(template, Dict::new(), Fonts::none());
        let errors = typst::compile::<PagedDocument>(&paper).output.expect_err("it is refused");
        errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn no_file_of_the_disk_can_be_read() {
        for template in [
            "#read(\"/etc/passwd\")",
            "#include \"other.typ\"",
            "#image(\"/logo.png\")",
            "#import \"template.typ\": paper\n#read(\"template.typ\")",
        ] {
            let told = refused(template);
            assert!(told.contains("access denied") || told.contains("cyclic"), "{template}: {told}");
        }
    }

    #[test]
    fn no_package_is_fetched() {
        let told = refused("#import \"@preview/cetz:0.4.0\"");
        assert!(told.contains("package not found"), "{told}");
    }

    #[test]
    fn there_is_no_clock() {
        let told = refused("#datetime.today()");
        assert!(told.contains("current date"), "{told}");
    }
}
