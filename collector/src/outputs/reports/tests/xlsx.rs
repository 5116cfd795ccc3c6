//! What a spreadsheet is given, read again by another library.

use super::sample::sample;
use crate::outputs::reports::document::{Block, Cell, Document, Lang, Table};
use crate::outputs::reports::xlsx;
use calamine::{Data, Range, Reader, Xlsx};
use std::io::Cursor;

fn sheets(document: &Document) -> Vec<(String, Range<Data>)> {
    let bytes = xlsx(document).expect("a workbook");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("it can be read");
    let names = book.sheet_names();
    let read = |name: String| {
        let range = book.worksheet_range(&name).expect("a sheet");
        (name, range)
    };
    names.into_iter().map(read).collect()
}

/// Row and column of the cell with this text.
fn find(sheet: &Range<Data>, text: &str) -> Option<(u32, u32)> {
    let (top, left) = sheet.start()?;
    let found = sheet.used_cells().find(|(_, _, cell)| matches!(cell, Data::String(own) if own == text));
    found.map(|(row, column, _)| (top + row as u32, left + column as u32))
}

fn at(sheet: &Range<Data>, row: u32, column: u32) -> Data {
    sheet.get_value((row, column)).cloned().unwrap_or_default()
}

fn tables(document: &Document) -> Vec<&Table> {
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    blocks
        .filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
        .collect()
}

#[test]
fn the_first_sheet_has_the_words_and_each_table_a_sheet_of_its_own() {
    let names = |lang| sheets(&sample(lang)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        names(Lang::En),
        ["Hall 1 <north>", "Energies", "Hourly load and PUE- first days", "Meters of the boundary"]
    );
    assert_eq!(names(Lang::Zh), ["一号机房 <北>", "电能", "逐时负载与 PUE：前几日 (当地)", "边界内的计量表"]);
}

#[test]
fn verdicts_come_first_and_facts_are_beside_their_names() {
    for lang in Lang::ALL {
        let document = sample(lang);
        let (_, front) = &sheets(&document)[0];
        let row = |text: &str| find(front, text).unwrap_or_else(|| panic!("no {text}")).0;
        let banners: Vec<u32> = document.banners.iter().map(|banner| row(&banner.headline)).collect();
        assert!(banners.is_sorted(), "{banners:?}");
        assert!(banners[3] < row(&document.sections[0].title));
        assert!(document.sections.iter().all(|section| find(front, &section.title).is_some()));
        let Block::Facts { facts } = &document.sections[0].blocks[1] else { panic!("facts") };
        let value = |name: usize| at(front, row(&facts[name].name), 1);
        assert_eq!(value(0), Data::Float(1.262_284_670_953_401_7));
        assert_eq!(value(1), Data::Float(0.994_631));
        assert!(matches!(value(2), Data::DateTime(_)), "{:?}", value(2));
        assert_eq!(value(3), Data::String(facts[3].is.shown().to_owned()));
        assert_eq!(value(5), Data::Empty, "nothing known is no zero");
        let Block::Chart(chart) = &document.sections[2].blocks[1] else { panic!("a chart") };
        assert!(row(&chart.title) < row(&chart.alt), "what a drawing shows is told");
    }
}

#[test]
fn numbers_are_numbers_dates_are_dates_and_headings_have_units() {
    for lang in Lang::ALL {
        let document = sample(lang);
        let sheets = sheets(&document);
        for (table, (name, sheet)) in tables(&document).into_iter().zip(&sheets[1..]) {
            let titled = |at: usize| match &table.columns[at].unit {
                Some(unit) => format!("{} ({unit})", table.columns[at].heading),
                None => table.columns[at].heading.clone(),
            };
            let (headings, _) = find(sheet, &titled(0)).unwrap_or_else(|| panic!("no headings on {name}"));
            for column in 0..table.columns.len() {
                assert_eq!(at(sheet, headings, column as u32), Data::String(titled(column)), "{name}");
            }
            for (row, cells) in (headings + 1..).zip(&table.rows) {
                for (column, cell) in (0..).zip(cells) {
                    is_as_it_should(cell, &at(sheet, row, column));
                }
            }
        }
    }
}

fn is_as_it_should(cell: &Cell, read: &Data) {
    match (cell, read) {
        (Cell::Number { value, .. } | Cell::Share { value, .. }, Data::Float(read)) => {
            assert_eq!(value, read)
        }
        (Cell::Number { value, shown }, Data::String(read)) => {
            assert!(!value.is_finite(), "{value} is a text");
            assert_eq!(shown, read);
        }
        (Cell::Instant { at, .. }, Data::DateTime(read)) => {
            let ms = (read.as_f64() - 25_569.0) * 86_400_000.0;
            assert!((ms - at.0 as f64).abs() < 1.0, "{ms} is not {at}");
        }
        (Cell::Empty, Data::Empty) => {}
        (Cell::Text { shown } | Cell::Told { shown, .. }, Data::String(read)) => assert_eq!(shown, read),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mark_and_the_foot_line_are_on_each_sheet() {
    let mut document = sample(Lang::Zh);
    for (name, sheet) in sheets(&document) {
        assert!(find(&sheet, "草稿表格，不得用于报送").is_some(), "{name}");
        assert!(find(&sheet, &document.foot).is_some(), "{name}");
    }
    document.mark = None;
    let (_, front) = &sheets(&document)[0];
    assert!(find(front, "草稿表格，不得用于报送").is_none());
}

#[test]
fn the_same_document_is_the_same_bytes() {
    let first = xlsx(&sample(Lang::En)).expect("a workbook");
    for _ in 0..5 {
        assert!(xlsx(&sample(Lang::En)).expect("a workbook") == first, "the bytes differ");
    }
    let mut later = sample(Lang::En);
    later.made_at.0 += 1_000;
    assert!(xlsx(&later).expect("a workbook") != first, "the date of the document is in it");
}

#[test]
fn what_does_not_fit_a_workbook_is_refused_with_the_sheet_and_the_mend() {
    let mut document = sample(Lang::En);
    let Block::Table(table) = &mut document.sections[1].blocks[0] else { panic!("a table") };
    table.rows[0][0] = Cell::text("x".repeat(40_000));
    let error = xlsx(&document).expect_err("longer than a cell takes").to_string();
    assert!(error.starts_with("the sheet `Energies` does not fit a workbook"), "{error}");
    assert!(error.contains("Ask for html or csv"), "{error}");
}

#[test]
fn a_document_of_nothing_is_a_workbook_still() {
    let mut document = sample(Lang::En);
    document.title.clear();
    document.sections.clear();
    document.banners.clear();
    assert_eq!(sheets(&document).len(), 1);
}
