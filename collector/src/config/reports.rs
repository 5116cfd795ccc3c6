//! `[reports]`: how reports are printed and signed, and where they and further forms are.

use std::path::PathBuf;
use wattledger_model::document::{self, Placed, Table};

/// How reports are printed and signed, and where they and further forms are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The program that prints PDF; `None` to look for `wattledger-print` beside our own program and on `PATH`.
    pub printer: Option<Placed<PathBuf>>,
    /// Directories with fonts for it; none for those of the system.
    pub fonts: Vec<Placed<PathBuf>>,
    /// The Ed25519 key, PKCS#8 in PEM, that issued reports are signed with; `None` where they are not signed.
    pub signing_key_file: Option<PathBuf>,
    /// A folder with templates of forms beside those that come with the program.
    pub forms_dir: Option<PathBuf>,
    /// The folder of scheduled reports; `None` for `reports` in the data directory.
    pub folder: Option<PathBuf>,
}

impl Reports {
    /// What is named and not there on this machine, each with its place.
    pub(super) fn missing(&self) -> impl Iterator<Item = (document::Place, String)> {
        let printer = self.printer.iter().filter(|printer| !printer.value.is_file()).map(|printer| {
            let path = printer.value.display();
            (printer.place, format!("`printer`: there is no program {path}, and no PDF without it"))
        });
        let fonts = self.fonts.iter().filter(|folder| !folder.value.is_dir()).map(|folder| {
            (folder.place, format!("`fonts`: there is no directory {}", folder.value.display()))
        });
        printer.chain(fonts)
    }
}

pub(super) fn read(table: &mut Table<'_>) -> Reports {
    let path = |value: &document::Value<'_>| document::string(value).map(PathBuf::from);
    let signing_key_file = table.optional("signing_key_file", path).map(|file| file.value);
    let forms_dir = table.optional("forms_dir", path).map(|folder| folder.value);
    let (printer, fonts) = (table.optional("printer", path), table.values("fonts", path));
    let folder = table.optional("folder", path).map(|folder| folder.value);
    Reports { printer, fonts, signing_key_file, forms_dir, folder }
}
