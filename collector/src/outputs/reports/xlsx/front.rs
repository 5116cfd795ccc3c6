//! The first sheet: what the reader wants to know first, and all that is not a table.

use super::super::document::{Banner, Block, Chart, Document, Fact, Section};
use super::styles::{self, Styles};
use super::{Spot, TableSheet, WriterError, heading, print_setup, write_cell};
use rust_xlsxwriter::{Format, Worksheet};

/// Widths of its two columns, in digits.
const WIDTHS: [f64; 2] = [34.0, 76.0];

struct Front<'s, 'd> {
    sheet: &'s mut Worksheet,
    styles: &'s mut Styles,
    row: u32,
    /// The tables that were not come to yet.
    tables: std::slice::Iter<'d, TableSheet<'d>>,
}

pub(super) fn write<'d>(
    sheet: &mut Worksheet,
    name: &str,
    document: &Document,
    tables: &'d [TableSheet<'d>],
    styles: &mut Styles,
) -> Result<(), WriterError> {
    sheet.set_name(name)?;
    for (column, width) in (0..).zip(WIDTHS) {
        sheet.set_column_width(column, width)?;
    }
    sheet.set_screen_gridlines(false);
    print_setup(sheet, document);
    let mut front = Front { sheet, styles, row: 0, tables: tables.iter() };
    front.across(&document.title, &styles::title(18.0), 18.0)?;
    front.across(&document.subtitle, &styles::quiet(), 11.0)?;
    if let Some(mark) = &document.mark {
        front.across(mark, &styles::mark(), 11.0)?;
    }
    front.row += 1;
    document.banners.iter().try_for_each(|banner| front.banner(banner))?;
    document.sections.iter().try_for_each(|section| front.section(section))?;
    front.row += 1;
    front.across(&document.foot, &styles::quiet(), 11.0)
}

impl Front<'_, '_> {
    /// A text over both columns, as high as it needs to be.
    fn across(&mut self, text: &str, format: &Format, points: f64) -> Result<(), WriterError> {
        self.sheet.merge_range(self.row, 0, self.row, 1, text, format)?;
        self.sheet.set_row_height(self.row, styles::height(text, WIDTHS.iter().sum(), points))?;
        self.row += 1;
        Ok(())
    }

    fn banner(&mut self, banner: &Banner) -> Result<(), WriterError> {
        self.across(&banner.headline, &styles::headline(banner.tone), 14.0)?;
        if !banner.detail.is_empty() {
            self.across(&banner.detail, &styles::washed(banner.tone), 11.0)?;
        }
        self.row += 1;
        Ok(())
    }

    fn section(&mut self, section: &Section) -> Result<(), WriterError> {
        self.row += 1;
        self.across(&section.title, &styles::section(), 13.0)?;
        section.blocks.iter().try_for_each(|block| self.block(section, block))
    }

    fn block(&mut self, section: &Section, block: &Block) -> Result<(), WriterError> {
        match block {
            Block::Paragraph { text } => self.across(text, &styles::paragraph(), 11.0),
            Block::Note { tone, text } => self.across(text, &styles::washed(*tone), 11.0),
            Block::Facts { facts } => facts.iter().try_for_each(|fact| self.fact(fact)),
            Block::Table(table) => self.link(heading(section, table)),
            Block::Chart(chart) => self.chart(chart),
        }
    }

    fn fact(&mut self, fact: &Fact) -> Result<(), WriterError> {
        self.sheet.write_string_with_format(self.row, 0, &fact.name, &styles::name())?;
        let at = Spot { row: self.row, column: 1, right: false };
        write_cell(self.sheet, at, &fact.is, self.styles)?;
        // Not every program finds the height of wrapped texts by itself.
        let heights =
            [styles::height(&fact.name, WIDTHS[0], 11.0), styles::height(fact.is.shown(), WIDTHS[1], 11.0)];
        self.sheet.set_row_height(self.row, heights[0].max(heights[1]))?;
        self.row += 1;
        Ok(())
    }

    /// The way to a table's own sheet.
    fn link(&mut self, title: &str) -> Result<(), WriterError> {
        if let Some(table) = self.tables.next() {
            let target = format!("internal:'{}'!A1", table.name.replace('\'', "''"));
            self.sheet.write_url_with_text(self.row, 0, target.as_str(), title)?;
            self.row += 1;
        }
        Ok(())
    }

    fn chart(&mut self, chart: &Chart) -> Result<(), WriterError> {
        self.across(&chart.title, &styles::title(11.0), 11.0)?;
        self.across(&chart.alt, &styles::paragraph(), 11.0)?;
        chart.note.as_deref().map_or(Ok(()), |note| self.across(note, &styles::quiet(), 11.0))
    }
}
