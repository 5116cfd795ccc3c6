//! Where the letters come from: directories that are named, or those of the system.
//!
//! No font is in the program. One file is enough for both languages, such as WenQuanYi Micro Hei, which has Latin
//! letters too. Which fonts are there decides how a paper looks, so they are taken in an order of their own and not
//! in that of the disk: the same fonts give the same bytes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use typst::foundations::Bytes;
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;

/// How to get a font that has all signs of both languages.
pub(crate) const HOW_TO_GET: &str = "on Debian and Ubuntu `apt-get install fonts-wqy-microhei` brings one (WenQuanYi \
     Micro Hei, 5 MB, under Apache-2.0 or GPL-3 with the exception for embedding); elsewhere put a font that has them, \
     such as Noto Sans CJK SC (OFL-1.1, 16 MB), into a directory and name it with --fonts, or as `fonts` in [reports] of \
     the collector's configuration";

/// Families for Latin letters, digits and symbols, the best first: upright and bold, digits of one width.
const LATIN: &[&str] = &["Noto Sans", "Liberation Sans", "Arimo", "DejaVu Sans", "Arial", "Helvetica"];

/// Families for simplified Chinese, the best first.
const CHINESE: &[&str] = &[
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
];

/// Why there are no fonts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FontsError {
    #[error("`{}` is not a directory that can be read, and --fonts needs one: {why}", path.display())]
    Directory { path: PathBuf, why: std::io::Error },
    #[error("no font was found in {place}: {HOW_TO_GET}")]
    None { place: String },
}

/// The fonts of one run.
pub(crate) struct Fonts {
    /// What each of them has.
    pub(crate) book: LazyHash<FontBook>,
    faces: Vec<Face>,
    /// The family to set Latin letters in. What it lacks is taken from any other.
    pub(crate) latin: Option<String>,
    /// The family to set Chinese in.
    pub(crate) chinese: Option<String>,
    /// Where they were looked for, for messages.
    pub(crate) place: String,
}

/// One face of a file, read when something is set in it.
struct Face {
    path: PathBuf,
    index: u32,
    font: OnceLock<Option<Font>>,
}

impl Fonts {
    /// The font of this number in the book.
    pub(crate) fn font(&self, number: usize) -> Option<Font> {
        let face = self.faces.get(number)?;
        let read = || Font::new(Bytes::new(std::fs::read(&face.path).ok()?), face.index);
        face.font.get_or_init(read).clone()
    }

    /// A family that is there, whatever it has.
    pub(crate) fn any(&self) -> Option<String> {
        self.book.families().map(|(family, _)| family.to_owned()).min()
    }

    /// No font at all.
    #[cfg(test)]
    pub(crate) fn none() -> Fonts {
        collected(Vec::new(), String::new())
    }
}

/// The fonts in these directories and those below them, or those of the system where none is named.
pub(crate) fn load(directories: &[PathBuf]) -> Result<Fonts, FontsError> {
    let mut found = Vec::new();
    for path in directories {
        readable(path)?;
        found.extend(ordered(|database| database.load_fonts_dir(path)));
    }
    let place = if directories.is_empty() {
        found = ordered(fontdb::Database::load_system_fonts);
        "the system's directories of fonts".to_owned()
    } else {
        directories.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    if found.is_empty() { Err(FontsError::None { place }) } else { Ok(collected(found, place)) }
}

fn collected(found: Vec<(Face, FontInfo)>, place: String) -> Fonts {
    let mut book = FontBook::new();
    let mut faces = Vec::new();
    for (face, info) in found {
        book.push(info);
        faces.push(face);
    }
    let first = |families: &[&str]| {
        let there = families.iter().find(|family| book.contains_family(&family.to_lowercase()));
        there.map(|family| (*family).to_owned())
    };
    let (latin, chinese) = (first(LATIN), first(CHINESE));
    Fonts { book: LazyHash::new(book), faces, latin, chinese, place }
}

fn readable(path: &Path) -> Result<(), FontsError> {
    match std::fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(why) => Err(FontsError::Directory { path: path.to_owned(), why }),
    }
}

/// What a search finds, in the order of the files' names.
fn ordered(search: impl FnOnce(&mut fontdb::Database)) -> Vec<(Face, FontInfo)> {
    let mut database = fontdb::Database::new();
    search(&mut database);
    let mut found: Vec<(Face, FontInfo)> = database
        .faces()
        .filter_map(|face| {
            let (fontdb::Source::File(path) | fontdb::Source::SharedFile(path, _)) = &face.source else {
                return None;
            };
            let info = database.with_face_data(face.id, FontInfo::new)??;
            Some((Face { path: path.clone(), index: face.index, font: OnceLock::new() }, info))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| (&a.path, a.index).cmp(&(&b.path, b.index)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_directory_that_is_not_there_is_refused_by_name() {
        let error = load(&[PathBuf::from("/nowhere/fonts")]).err().expect("it is not there").to_string();
        assert!(error.contains("`/nowhere/fonts`") && error.contains("--fonts"), "{error}");
    }

    #[test]
    fn a_directory_without_fonts_is_refused_with_how_to_get_one() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let error = load(std::slice::from_ref(&sources)).err().expect("no font is there").to_string();
        assert!(
            error.contains("fonts-wqy-microhei") && error.contains(&sources.display().to_string()),
            "{error}"
        );
    }

    #[test]
    fn one_chinese_font_is_enough() {
        let Some(folder) = samples::fonts() else { return };
        let fonts = load(&[folder]).expect("it has fonts");
        assert_eq!((fonts.latin, fonts.chinese.as_deref()), (None, Some("WenQuanYi Micro Hei")));
    }
}
