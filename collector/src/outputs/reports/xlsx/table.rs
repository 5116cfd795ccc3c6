//! A table's sheet: what it is of, headings that stay in sight, and its rows.

use super::super::document::{Cell, Column, Document, Table};
use super::styles::{self, Styles};
use super::{Spot, TableSheet, WriterError, heading, print_setup, write_cell};
use rust_xlsxwriter::{Format, Worksheet};

/// Words in a cell are wrapped beyond so many digits' width.
const WIDEST_WORDS: f64 = 46.0;
/// Narrower than this, no title fits above a table.
const NARROWEST_SHEET: f64 = 64.0;
/// Wider than this, the paper lies on its side.
const WIDEST_UPRIGHT: f64 = 100.0;
/// Room beside the texts of a column.
const PADDING: f64 = 3.0;
/// `2026-10-31 23:00 UTC`, with seconds.
const DATE_WIDTH: f64 = 24.0;

pub(super) fn write(
    sheet: &mut Worksheet,
    document: &Document,
    of: &TableSheet<'_>,
    styles: &mut Styles,
) -> Result<(), WriterError> {
    let table = of.table;
    let widths = widths(table);
    let width: f64 = widths.iter().sum();
    sheet.set_name(&of.name)?;
    for (column, width) in (0..).zip(&widths) {
        sheet.set_column_width(column, *width)?;
    }
    print_setup(sheet, document);
    if width > WIDEST_UPRIGHT {
        sheet.set_landscape();
    }
    let last = u16::try_from(table.columns.len()).unwrap_or(u16::MAX).saturating_sub(1);
    let mut lines = Lines { sheet, last, width, row: 0 };
    lines.across(heading(of.section, table), &styles::title(13.0), 13.0)?;
    lines.across(&format!("{} · {}", document.title, document.subtitle), &styles::quiet(), 11.0)?;
    if let Some(mark) = &document.mark {
        lines.across(mark, &styles::mark(), 11.0)?;
    }
    let headings = lines.row;
    rows(sheet, headings, table, &widths, styles)?;
    sheet.set_freeze_panes(headings + 1, 0)?;
    sheet.set_repeat_rows(headings, headings)?;
    let end = u32::try_from(table.rows.len()).unwrap_or(u32::MAX).saturating_add(headings + 2);
    let mut lines = Lines { sheet, last, width, row: end };
    if let Some(note) = &table.note {
        lines.across(note, &styles::quiet(), 11.0)?;
    }
    lines.across(&document.foot, &styles::quiet(), 11.0)
}

/// Texts over the whole width of the table.
struct Lines<'s> {
    sheet: &'s mut Worksheet,
    last: u16,
    width: f64,
    row: u32,
}

impl Lines<'_> {
    fn across(&mut self, text: &str, format: &Format, points: f64) -> Result<(), WriterError> {
        if self.last == 0 {
            self.sheet.write_string_with_format(self.row, 0, text, format)?;
        } else {
            self.sheet.merge_range(self.row, 0, self.row, self.last, text, format)?;
        }
        self.sheet.set_row_height(self.row, styles::height(text, self.width, points))?;
        self.row += 1;
        Ok(())
    }
}

fn rows(
    sheet: &mut Worksheet,
    headings: u32,
    table: &Table,
    widths: &[f64],
    styles: &mut Styles,
) -> Result<(), WriterError> {
    // Not every program finds the height of wrapped texts by itself.
    let mut height = 0.0_f64;
    for (column, (of, width)) in (0..).zip(table.columns.iter().zip(widths)) {
        let title = titled(of);
        height = height.max(styles::height(&title, width - PADDING, 11.0));
        sheet.write_string_with_format(headings, column, title, &styles::heading(of.right))?;
    }
    sheet.set_row_height(headings, height)?;
    for (row, cells) in (headings + 1..).zip(&table.rows) {
        let mut height = 0.0_f64;
        for (column, ((of, width), cell)) in (0..).zip(table.columns.iter().zip(widths).zip(cells)) {
            write_cell(sheet, Spot { row, column, right: of.right }, cell, styles)?;
            if matches!(cell, Cell::Text { .. } | Cell::Told { .. }) {
                height = height.max(styles::height(cell.shown(), width - PADDING, 11.0));
            }
        }
        if height > styles::height("", 1.0, 11.0) {
            sheet.set_row_height(row, height)?;
        }
    }
    Ok(())
}

/// The heading of a column with its unit.
fn titled(column: &Column) -> String {
    match &column.unit {
        Some(unit) => format!("{} ({unit})", column.heading),
        None => column.heading.clone(),
    }
}

/// Wide enough for each column's numbers, and for its words as far as they are not wrapped.
fn widths(table: &Table) -> Vec<f64> {
    let of_column = |(at, column): (usize, &Column)| {
        let cells = table.rows.iter().filter_map(|row| row.get(at)).map(width);
        cells.fold(heading_width(&titled(column)), f64::max) + PADDING
    };
    let widths: Vec<f64> = table.columns.iter().enumerate().map(of_column).collect();
    let all: f64 = widths.iter().sum();
    let stretch = if all > 0.0 { (NARROWEST_SHEET / all).max(1.0) } else { 1.0 };
    widths.into_iter().map(|width| width * stretch).collect()
}

/// A heading may take two lines, and its words stay whole where they have spaces between them.
fn heading_width(heading: &str) -> f64 {
    let words = heading.split_whitespace().filter(|word| word.is_ascii()).map(styles::width);
    words.fold(styles::width(heading) / 2.0, f64::max).clamp(6.0, WIDEST_WORDS)
}

fn width(cell: &Cell) -> f64 {
    match cell {
        Cell::Instant { .. } => DATE_WIDTH,
        Cell::Number { shown, .. } | Cell::Share { shown, .. } => styles::width(shown),
        words => styles::width(words.shown()).min(WIDEST_WORDS),
    }
}
