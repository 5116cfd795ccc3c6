//! A document as one HTML file: nothing is fetched and nothing is run, charts and styles are inside.
//!
//! Sections are anchors by their names. Numbers carry their value for programs beside what people read. Printed from
//! a browser it is A4 with the document's foot line and the number of each page.

mod escape;

use super::document::{Banner, Block, Cell, Chart, Column, Document, Fact, Section, Table, Tone};
use escape::{InStyle, Text};
use std::fmt::{self, Write};

const STYLE: &str = include_str!("html/style.css");

/// The document as HTML, with a line end.
pub fn html(document: &Document) -> String {
    let mut out = String::with_capacity(64 * 1024);
    write_all(document, &mut out).expect("writing to a string cannot fail");
    out
}

fn write_all(document: &Document, out: &mut String) -> fmt::Result {
    head(document, out)?;
    out.write_str("<body>\n")?;
    if let Some(mark) = &document.mark {
        writeln!(out, "<p class=\"mark\">{}</p>", Text(mark))?;
        writeln!(out, "<p class=\"watermark\" aria-hidden=\"true\">{}</p>", Text(mark))?;
    }
    writeln!(out, "<header>\n<h1>{}</h1>", Text(&document.title))?;
    writeln!(out, "<p class=\"subtitle\">{}</p>\n</header>", Text(&document.subtitle))?;
    out.write_str("<main>\n")?;
    banners(&document.banners, out)?;
    contents(&document.sections, out)?;
    document.sections.iter().try_for_each(|one| section(one, out))?;
    out.write_str("</main>\n")?;
    writeln!(out, "<footer>{}</footer>\n</body>\n</html>", Text(&document.foot))
}

fn head(document: &Document, out: &mut String) -> fmt::Result {
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>", document.lang.word())?;
    out.write_str("<meta charset=\"utf-8\">\n")?;
    // A report is opened from disks and mail boxes: whatever came into it, it runs nothing and asks nobody.
    out.write_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    )?;
    out.write_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
    writeln!(out, "<meta name=\"dcterms.created\" content=\"{}\">", document.made_at)?;
    writeln!(out, "<title>{} · {}</title>", Text(&document.title), Text(&document.subtitle))?;
    writeln!(out, "<style>\n{STYLE}")?;
    writeln!(out, "@page {{ @bottom-left {{ content: \"{}\"; }} }}", InStyle(&document.foot))?;
    out.write_str("</style>\n</head>\n")
}

fn banners(banners: &[Banner], out: &mut String) -> fmt::Result {
    for banner in banners {
        writeln!(out, "<div class=\"banner {}\">", tone(banner.tone))?;
        writeln!(out, "<p class=\"headline\">{}</p>", Text(&banner.headline))?;
        if !banner.detail.is_empty() {
            writeln!(out, "<p>{}</p>", Text(&banner.detail))?;
        }
        out.write_str("</div>\n")?;
    }
    Ok(())
}

fn contents(sections: &[Section], out: &mut String) -> fmt::Result {
    if sections.len() < 2 {
        return Ok(());
    }
    out.write_str("<nav>\n<ul>\n")?;
    for section in sections {
        writeln!(out, "<li><a href=\"#{}\">{}</a></li>", Text(section.name), Text(&section.title))?;
    }
    out.write_str("</ul>\n</nav>\n")
}

fn section(section: &Section, out: &mut String) -> fmt::Result {
    writeln!(out, "<section id=\"{}\">\n<h2>{}</h2>", Text(section.name), Text(&section.title))?;
    for block in &section.blocks {
        match block {
            Block::Paragraph { text } => writeln!(out, "<p>{}</p>", Text(text))?,
            Block::Note { tone: of, text } => {
                writeln!(out, "<p class=\"note {}\">{}</p>", tone(*of), Text(text))?;
            }
            Block::Facts { facts: all } => facts(all, out)?,
            Block::Table(one) => table(section.name, one, out)?,
            Block::Chart(one) => chart(section.name, one, out)?,
        }
    }
    out.write_str("</section>\n")
}

fn facts(facts: &[Fact], out: &mut String) -> fmt::Result {
    out.write_str("<dl>\n")?;
    for fact in facts {
        write!(out, "<dt>{}</dt><dd>", Text(&fact.name))?;
        content(&fact.is, out)?;
        out.write_str("</dd>\n")?;
    }
    out.write_str("</dl>\n")
}

fn table(section: &str, table: &Table, out: &mut String) -> fmt::Result {
    writeln!(out, "<div class=\"wide\">\n<table id=\"{}-{}\">", Text(section), Text(table.name))?;
    if !table.title.is_empty() {
        writeln!(out, "<caption>{}</caption>", Text(&table.title))?;
    }
    widths(&table.columns, out)?;
    out.write_str("<thead>\n<tr>")?;
    for column in &table.columns {
        write!(out, "<th scope=\"col\"{}>{}", side(column), Text(&column.heading))?;
        if let Some(unit) = &column.unit {
            write!(out, " <span class=\"unit\">{}</span>", Text(unit))?;
        }
        out.write_str("</th>")?;
    }
    out.write_str("</tr>\n</thead>\n<tbody>\n")?;
    for row in &table.rows {
        out.write_str("<tr>")?;
        for (column, cell) in table.columns.iter().zip(row) {
            write!(out, "<td{}>", side(column))?;
            content(cell, out)?;
            out.write_str("</td>")?;
        }
        out.write_str("</tr>\n")?;
    }
    out.write_str("</tbody>\n</table>\n</div>\n")?;
    below(table.note.as_deref(), out)
}

/// Columns share the width as the document says.
fn widths(columns: &[Column], out: &mut String) -> fmt::Result {
    let all: f64 = columns.iter().map(|column| f64::from(column.width)).sum();
    if all == 0.0 {
        return Ok(());
    }
    out.write_str("<colgroup>")?;
    for column in columns {
        write!(out, "<col style=\"width:{:.1}%\">", 100.0 * f64::from(column.width) / all)?;
    }
    out.write_str("</colgroup>\n")
}

fn side(column: &Column) -> &'static str {
    if column.right { " class=\"right\"" } else { "" }
}

fn content(cell: &Cell, out: &mut String) -> fmt::Result {
    let shown = Text(cell.shown());
    match cell {
        Cell::Empty => Ok(()),
        Cell::Text { .. } => write!(out, "{shown}"),
        Cell::Number { value, .. } | Cell::Share { value, .. } if value.is_finite() => {
            write!(out, "<data value=\"{value}\">{shown}</data>")
        }
        Cell::Number { .. } | Cell::Share { .. } => write!(out, "{shown}"),
        Cell::Instant { at, .. } => write!(out, "<time datetime=\"{at}\">{shown}</time>"),
        Cell::Told { tone: of, .. } => write!(out, "<span class=\"told {}\">{shown}</span>", tone(*of)),
    }
}

fn chart(section: &str, chart: &Chart, out: &mut String) -> fmt::Result {
    writeln!(out, "<figure id=\"{}-{}\">", Text(section), Text(chart.name))?;
    writeln!(out, "<figcaption>{}</figcaption>", Text(&chart.title))?;
    // Inside HTML an SVG has neither an XML declaration nor a document type.
    let drawing = chart.svg.find("<svg").map_or("", |at| &chart.svg[at..]);
    writeln!(out, "<div role=\"img\" aria-label=\"{}\">{drawing}</div>", Text(&chart.alt))?;
    below(chart.note.as_deref(), out)?;
    out.write_str("</figure>\n")
}

fn below(note: Option<&str>, out: &mut String) -> fmt::Result {
    note.map_or(Ok(()), |note| writeln!(out, "<p class=\"below\">{}</p>", Text(note)))
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "neutral",
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
    }
}
