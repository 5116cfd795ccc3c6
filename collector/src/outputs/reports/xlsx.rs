//! A document as a workbook: its words on the first sheet, each table on a sheet of its own.
//!
//! Numbers are numbers, shown as the document shows them, with their units in the headings. Instants are dates, in
//! UTC, and their format says so. Drawings stay out, since a workbook takes no SVG: the first sheet says what each
//! shows. The bytes are a function of the document.

mod front;
mod number;
mod sheet_name;
mod styles;
mod table;

use super::document::{Block, Cell, Document, Section, Table};
use number::Pattern;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError as WriterError};
use sheet_name::SheetNames;
use styles::Styles;
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// Days from the day 0 of workbooks to 1970-01-01.
const EPOCH_DAY: f64 = 25_569.0;
const DAY_MS: f64 = 86_400_000.0;
/// A workbook's code for A4.
const A4: u8 = 9;
/// Letters of the foot line: header and footer take 255 with their codes.
const LONGEST_FOOT: usize = 110;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
pub enum XlsxError {
    /// A sheet does not fit.
    #[error(
        "the sheet `{sheet}` does not fit a workbook: {source} Ask for html or csv, or for a shorter period"
    )]
    Sheet {
        /// Its name.
        sheet: String,
        /// What is too large.
        source: WriterError,
    },
    /// The workbook cannot be put together.
    #[error("the workbook cannot be put together: {0}")]
    Workbook(#[from] WriterError),
}

/// A table with the sheet that it stands on.
struct TableSheet<'d> {
    name: String,
    section: &'d Section,
    table: &'d Table,
}

/// The document as an Office Open XML workbook.
///
/// # Errors
/// [`XlsxError`] where a table or a text is larger than a workbook takes.
pub fn xlsx(document: &Document) -> Result<Vec<u8>, XlsxError> {
    let mut names = SheetNames::default();
    let first = names.name(&document.title);
    let sheets = table_sheets(document, &mut names);
    let mut styles = Styles::new();
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(document)?);
    let does_not_fit = |sheet: &str| {
        let sheet = sheet.to_owned();
        move |source| XlsxError::Sheet { sheet, source }
    };
    front::write(workbook.add_worksheet(), &first, document, &sheets, &mut styles)
        .map_err(does_not_fit(&first))?;
    for sheet in &sheets {
        table::write(workbook.add_worksheet(), document, sheet, &mut styles)
            .map_err(does_not_fit(&sheet.name))?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn table_sheets<'d>(document: &'d Document, names: &mut SheetNames) -> Vec<TableSheet<'d>> {
    let mut sheets = Vec::new();
    for section in &document.sections {
        for block in &section.blocks {
            if let Block::Table(table) = block {
                let name = names.name(heading(section, table));
                sheets.push(TableSheet { name, section, table });
            }
        }
    }
    sheets
}

/// The table's title, or its section's.
fn heading<'d>(section: &'d Section, table: &'d Table) -> &'d str {
    if table.title.is_empty() { &section.title } else { &table.title }
}

fn properties(document: &Document) -> Result<DocProperties, WriterError> {
    // Without a date of its own the workbook would have the clock's, and other bytes each time.
    let made_at = ExcelDateTime::from_timestamp(document.made_at.0.div_euclid(1_000))?;
    Ok(DocProperties::new()
        .set_title(&document.title)
        .set_subject(&document.subtitle)
        .set_author("Wattledger")
        .set_creation_datetime(&made_at))
}

/// Paper, and what stands at the edges of each page.
fn print_setup(sheet: &mut Worksheet, document: &Document) {
    sheet
        .set_paper_size(A4)
        .set_print_fit_to_pages(1, 0)
        .set_margins(0.5, 0.5, 0.75, 0.75, 0.3, 0.3)
        .set_footer(format!("&L&8 {}&R&8 &P / &N", at_edge(&document.foot)));
    if let Some(mark) = &document.mark {
        sheet.set_header(format!("&C&B{}", at_edge(mark)));
    }
}

/// A text as header and footer take it.
fn at_edge(text: &str) -> String {
    let flat = |letter: char| if letter.is_control() { ' ' } else { letter };
    let cut: String = text.chars().take(LONGEST_FOOT).map(flat).collect();
    let more = if cut.chars().count() < text.chars().count() { "…" } else { "" };
    format!("{}{more}", cut.replace('&', "&&"))
}

/// Where a cell goes, and how it is set there.
#[derive(Debug, Clone, Copy)]
struct Spot {
    row: u32,
    column: u16,
    right: bool,
}

fn write_cell(sheet: &mut Worksheet, at: Spot, cell: &Cell, styles: &mut Styles) -> Result<(), WriterError> {
    let Spot { row, column, right } = at;
    let (number, pattern) = match cell {
        Cell::Number { value, shown } if value.is_finite() => (*value, number::of_number(*value, shown)),
        Cell::Share { value, shown } if value.is_finite() => (*value, number::of_share(*value, shown)),
        Cell::Instant { at, .. } if at.is_believable() => (date(*at), date_pattern(*at)),
        Cell::Empty => {
            sheet.write_blank(row, column, &styles::cell())?;
            return Ok(());
        }
        words => {
            let format = match words {
                Cell::Told { tone, .. } => styles::told(*tone),
                _ if right => styles::cell_right(),
                _ => styles::cell(),
            };
            sheet.write_string_with_format(row, column, words.shown(), &format)?;
            return Ok(());
        }
    };
    sheet.write_number_with_format(row, column, number, &styles.number(pattern, right))?;
    Ok(())
}

/// An instant as a workbook counts: days, in UTC.
fn date(at: Timestamp) -> f64 {
    // Exact: believable instants have far fewer milliseconds than a double has whole numbers.
    at.0 as f64 / DAY_MS + EPOCH_DAY
}

fn date_pattern(at: Timestamp) -> Pattern {
    let seconds = if at.0.rem_euclid(MINUTE_MS) == 0 { "" } else { ":ss" };
    Pattern::Digits(format!("yyyy\\-mm\\-dd hh:mm{seconds}\" UTC\""))
}
