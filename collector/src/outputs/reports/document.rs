//! A report, or a form, as people read it: in one language, in order, as headings, tables and charts.
//!
//! What a reader sees is decided once, where a [`Document`] is laid out. HTML, workbook and PDF print the same
//! document and add nothing to it, so no format says more, less or anything else than another. Serialized, it is
//! what the printer reads: `wattledger/document/v1`.

use serde::{Deserialize, Serialize};
use std::str::FromStr;
use wattledger_model::time::Timestamp;

/// The shape of a serialized document.
pub const SHAPE: &str = "wattledger/document/v1";

/// A language that documents are laid out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Lang {
    /// Every language.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];

    /// The word on the command line; it is the BCP 47 tag too.
    pub const fn word(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }
}

impl FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Lang, String> {
        Lang::ALL
            .into_iter()
            .find(|lang| lang.word() == text)
            .ok_or_else(|| format!("`{text}` is not a language of reports; there are en and zh"))
    }
}

/// What is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// [`SHAPE`].
    pub document: &'static str,
    /// The language of all its words.
    pub lang: Lang,
    /// Its title, such as the facility's.
    pub title: String,
    /// What kind of paper it is, of whom and over which period.
    pub subtitle: String,
    /// A mark over every page, such as that of a draft form; `None` for a paper that may be handed in.
    pub mark: Option<String>,
    /// What the reader wants to know first: one banner a verdict, the headline figure before them.
    pub banners: Vec<Banner>,
    /// The parts, in order.
    pub sections: Vec<Section>,
    /// One line at the foot of each page: which report this is and of which ledger.
    pub foot: String,
    /// When it was made: printed nowhere by itself, but what a PDF states as its date.
    #[serde(serialize_with = "instant")]
    pub made_at: Timestamp,
}

/// A statement that is seen before all else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Banner {
    /// How it is to be taken.
    pub tone: Tone,
    /// The statement, such as a figure with its unit, or a verdict.
    pub headline: String,
    /// What has to be known with it.
    pub detail: String,
}

/// How something is to be taken. Never said by colour alone: the words say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Nothing to decide.
    Neutral,
    /// As it should be.
    Good,
    /// To be looked at.
    Caution,
    /// Not as it should be.
    Bad,
}

/// One part of a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// A word that is the same in every language and edition: anchors, sheets and tests go by it.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// What is in it, in order.
    pub blocks: Vec<Block>,
}

/// Something in a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "block", rename_all = "kebab-case")]
pub enum Block {
    /// Running text.
    Paragraph {
        /// The text.
        text: String,
    },
    /// A statement that must not be missed.
    Note {
        /// How it is to be taken.
        tone: Tone,
        /// The statement.
        text: String,
    },
    /// Names with what they are, one a line.
    Facts {
        /// The lines.
        facts: Vec<Fact>,
    },
    /// Rows under headings.
    Table(Table),
    /// A drawing.
    Chart(Chart),
}

/// A name with what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// What it is.
    pub is: Cell,
}

/// Rows under headings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// A word that is the same in every language and edition; a workbook's sheet is named by its title.
    pub name: &'static str,
    /// Its heading; empty where that of its section is enough.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with one cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// What has to be said below it.
    pub note: Option<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its heading, without the unit.
    pub heading: String,
    /// The unit of its numbers.
    pub unit: Option<String>,
    /// Whether its cells are set to the right, as numbers are.
    pub right: bool,
    /// Its share of the width by the shares of all.
    pub width: u8,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "cell", rename_all = "kebab-case")]
pub enum Cell {
    /// Nothing is known, or nothing applies. Never zero.
    Empty,
    /// Words.
    Text {
        /// The words.
        shown: String,
    },
    /// A number: a workbook computes with `value`, people read `shown`.
    Number {
        /// The number as nearly as a double has it.
        value: f64,
        /// The number as it is printed, without its unit.
        shown: String,
    },
    /// A share of a whole, 0 to 1.
    Share {
        /// The share.
        value: f64,
        /// As it is printed, with its percent sign.
        shown: String,
    },
    /// An instant.
    Instant {
        /// The instant.
        #[serde(serialize_with = "instant")]
        at: Timestamp,
        /// As it is printed.
        shown: String,
    },
    /// Words that are to be taken in some way, such as a verdict.
    Told {
        /// How.
        tone: Tone,
        /// The words.
        shown: String,
    },
}

/// A drawing, as SVG without fonts, scripts or references.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// A word that is the same in every language and edition.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// What it shows, for who does not see it.
    pub alt: String,
    /// The drawing.
    pub svg: String,
    /// What has to be said below it.
    pub note: Option<String>,
}

impl Cell {
    /// Words.
    pub fn text(shown: impl Into<String>) -> Cell {
        Cell::Text { shown: shown.into() }
    }

    /// The cell as people read it; empty where there is nothing.
    pub fn shown(&self) -> &str {
        match self {
            Cell::Empty => "",
            Cell::Text { shown }
            | Cell::Number { shown, .. }
            | Cell::Share { shown, .. }
            | Cell::Instant { shown, .. }
            | Cell::Told { shown, .. } => shown,
        }
    }
}

fn instant<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
