//! The document as the template reads it: texts in pieces that lines may be broken between, drawings as bytes, and for
//! each column of a table what is widest in it.

use crate::fonts::Fonts;
use crate::request::{Banner, Block, Cell, Chart, Document, Fact, Lang, Request, Section, Table, Tone};
use crate::words;
use typst::foundations::{Array, Bytes, Dict, IntoValue, Value, dict};

/// What the template finds as `sys.inputs`.
pub(crate) fn of(request: &Request, fonts: &Fonts) -> Dict {
    let attachments: Array = request
        .attachments
        .iter()
        .map(|file| {
            dict! {
                "name" => file.name.as_str(),
                "mime" => file.mime.as_str(),
                "about" => file.about.as_str(),
                "data" => Bytes::new(file.bytes.clone()),
            }
            .into_value()
        })
        .collect();
    dict! { "paper" => paper(&request.document, fonts), "attachments" => attachments }
}

fn paper(document: &Document, fonts: &Fonts) -> Dict {
    dict! {
        "lang" => match document.lang { Lang::En => "en", Lang::Zh => "zh" },
        "region" => match document.lang { Lang::En => Value::None, Lang::Zh => "cn".into_value() },
        "families" => families(document.lang, fonts),
        "name" => clean(&document.title),
        "about" => clean(&document.subtitle),
        "title" => runs(&document.title),
        "subtitle" => runs(&document.subtitle),
        "mark" => document.mark.as_deref().map(clean),
        "foot" => runs(&document.foot),
        "banners" => document.banners.iter().map(banner).collect::<Array>(),
        "sections" => document.sections.iter().map(section).collect::<Array>(),
    }
}

/// Latin letters in a Chinese text are of the Latin family, its quotation marks and dashes are not.
fn families(lang: Lang, fonts: &Fonts) -> Array {
    let latin = fonts.latin.as_deref().map(|name| match lang {
        Lang::En => name.into_value(),
        Lang::Zh => dict! { "name" => name, "covers" => "latin-in-cjk" }.into_value(),
    });
    let chinese = fonts.chinese.as_deref().map(IntoValue::into_value);
    let found: Array = latin.into_iter().chain(chinese).collect();
    if found.is_empty() { fonts.any().into_iter().map(IntoValue::into_value).collect() } else { found }
}

fn banner(banner: &Banner) -> Value {
    dict! {
        "tone" => tone(banner.tone),
        "headline" => runs(&banner.headline),
        "detail" => runs(&banner.detail),
    }
    .into_value()
}

fn section(section: &Section) -> Value {
    dict! {
        "name" => section.name.as_str(),
        "title" => runs(&section.title),
        "blocks" => section.blocks.iter().map(block).collect::<Array>(),
    }
    .into_value()
}

fn block(block: &Block) -> Value {
    match block {
        Block::Paragraph { text } => dict! { "block" => "paragraph", "text" => runs(text) },
        Block::Note { tone: how, text } => {
            dict! { "block" => "note", "tone" => tone(*how), "text" => runs(text) }
        }
        Block::Facts { facts } => {
            dict! { "block" => "facts", "facts" => facts.iter().map(fact).collect::<Array>() }
        }
        Block::Table(inner) => table(inner),
        Block::Chart(inner) => chart(inner),
    }
    .into_value()
}

fn fact(fact: &Fact) -> Value {
    dict! { "name" => runs(&fact.name), "is" => cell(&fact.is) }.into_value()
}

fn table(table: &Table) -> Dict {
    let columns: Array = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = table.rows.iter().filter_map(|row| row.get(index));
            let heading = column.heading.as_str();
            dict! {
                "heading" => runs(heading),
                "unit" => column.unit.as_deref().map(clean),
                "right" => column.right,
                "share" => i64::from(column.width.max(1)),
                "heads" => strings(words::widest([heading])),
                "units" => strings(column.unit.as_deref().map(clean).into_iter().collect()),
                "widest" => strings(widest(cells)),
            }
            .into_value()
        })
        .collect();
    let rows: Array =
        table.rows.iter().map(|row| row.iter().map(cell).collect::<Array>().into_value()).collect();
    dict! {
        "block" => "table",
        "title" => title(&table.title),
        "columns" => columns,
        "rows" => rows,
        "note" => table.note.as_deref().map(runs),
    }
}

/// What of a column must fit on one line: numbers whole, of words the longest.
fn widest<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<String> {
    let mut found = Vec::new();
    for cell in cells {
        let text = shown(cell);
        if is_whole(cell) {
            found.push(clean(text))
        } else {
            found.extend(words::widest([clean(text).as_str()]))
        }
    }
    words::longest(found)
}

fn chart(chart: &Chart) -> Dict {
    dict! {
        "block" => "chart",
        "name" => chart.name.as_str(),
        "title" => title(&chart.title),
        "alt" => clean(&chart.alt),
        "svg" => Bytes::new(chart.svg.clone().into_bytes()),
        "note" => chart.note.as_deref().map(runs),
    }
}

fn cell(cell: &Cell) -> Value {
    let how = if let Cell::Told { tone: how, .. } = cell { tone(*how) } else { "plain" };
    let text = shown(cell);
    dict! { "tone" => how, "whole" => is_whole(cell), "digest" => is_digest(text), "text" => runs(text) }
        .into_value()
}

fn shown(cell: &Cell) -> &str {
    match cell {
        Cell::Empty => "",
        Cell::Text { shown }
        | Cell::Number { shown, .. }
        | Cell::Share { shown, .. }
        | Cell::Instant { shown, .. }
        | Cell::Told { shown, .. } => shown,
    }
}

/// Whether a cell stays on one line whatever the width of its column. A number in two lines is two numbers.
fn is_whole(cell: &Cell) -> bool {
    match cell {
        Cell::Number { shown, .. } | Cell::Share { shown, .. } => shown.chars().count() <= 24,
        _ => false,
    }
}

/// Whether a text is a SHA-256 in hexadecimal digits.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "neutral",
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
    }
}

fn title(text: &str) -> Value {
    if text.is_empty() { Value::None } else { runs(text).into_value() }
}

fn runs(text: &str) -> Array {
    strings(words::pieces(&clean(text)))
}

fn strings(texts: Vec<String>) -> Array {
    texts.into_iter().map(IntoValue::into_value).collect()
}

/// A text without signs that print nothing, and with numbers that no line breaks apart: the thin space between
/// thousands becomes the one that binds.
fn clean(text: &str) -> String {
    let letters: Vec<char> = text.replace("\r\n", "\n").chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
    let bind = |at: usize| is_digit(at.checked_sub(1)) && is_digit(at.checked_add(1));
    letters
        .iter()
        .enumerate()
        .map(|(at, letter)| match letter {
            '\u{2009}' if bind(at) => '\u{202f}',
            '\n' => '\n',
            letter if letter.is_control() => ' ',
            letter => *letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use typst::foundations::array;

    #[test]
    fn thin_spaces_between_digits_bind_and_others_stay() {
        assert_eq!(clean("12\u{2009}345\u{2009}kWh"), "12\u{202f}345\u{2009}kWh");
        assert_eq!(clean("a\tb\r\nc\u{7}"), "a b\nc ");
    }

    #[test]
    fn empty_titles_are_left_out() {
        assert_eq!(title(""), Value::None);
        assert_eq!(title("PUE"), array!["PUE"].into_value());
    }
}
