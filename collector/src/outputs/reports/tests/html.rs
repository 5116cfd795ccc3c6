//! What a browser is given.

use super::sample::sample;
use crate::outputs::reports::document::{Block, Document, Lang};
use crate::outputs::reports::html;

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "col"];

/// The words outside of tags, and all tags that begin an element. Panics where one is not closed in its turn.
fn read(page: &str) -> (String, Vec<String>) {
    let (mut words, mut tags, mut open) = (String::new(), Vec::new(), Vec::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        words.push_str(&rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{words}");
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("a name");
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("it ends")..];
        }
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        tags.push(format!("{tag} "));
    }
    assert!(open.is_empty(), "still open: {open:?}");
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    (plain.into_iter().fold(words, |words, (from, to)| words.replace(from, to)), tags)
}

fn has(tags: &[String], element: &str) -> bool {
    tags.iter().any(|tag| tag.starts_with(&format!("{element} ")))
}

/// Everything that the document says in words.
fn all_words(document: &Document) -> Vec<&str> {
    let mut words: Vec<&str> = vec![&document.title, &document.subtitle, &document.foot];
    words.extend(document.mark.as_deref());
    words.extend(document.banners.iter().flat_map(|banner| [banner.headline.as_str(), &banner.detail]));
    for section in &document.sections {
        words.push(&section.title);
        for block in &section.blocks {
            match block {
                Block::Paragraph { text } | Block::Note { text, .. } => words.push(text),
                Block::Facts { facts } => {
                    words.extend(facts.iter().flat_map(|fact| [fact.name.as_str(), fact.is.shown()]));
                }
                Block::Table(table) => {
                    words.extend([table.title.as_str(), table.note.as_deref().unwrap_or_default()]);
                    words.extend(table.columns.iter().map(|column| column.heading.as_str()));
                    words.extend(table.columns.iter().filter_map(|column| column.unit.as_deref()));
                    words.extend(table.rows.iter().flatten().map(|cell| cell.shown()));
                }
                Block::Chart(chart) => {
                    words.extend([chart.title.as_str(), chart.note.as_deref().unwrap_or_default()]);
                }
            }
        }
    }
    words
}

#[test]
fn every_word_of_the_document_is_on_the_page_and_every_element_is_closed() {
    for lang in Lang::ALL {
        let document = sample(lang);
        let page = html(&document);
        let (words, tags) = read(&page);
        for expected in all_words(&document) {
            assert!(words.contains(expected), "{expected} is not in {words}");
        }
        assert!(page.contains(&format!("<html lang=\"{}\">", lang.word())));
        for element in ["h1", "nav", "section", "dl", "table", "thead", "time", "data", "figure", "svg"] {
            assert!(has(&tags, element), "no {element}");
        }
    }
}

#[test]
fn nothing_is_run_and_nothing_is_fetched() {
    let page = html(&sample(Lang::En));
    let (_, tags) = read(&page);
    for element in ["script", "link", "iframe", "img", "tags", "north"] {
        assert!(!has(&tags, element), "{element}");
    }
    for way in [" src=", " href=\"http", " onload=", " onclick="] {
        assert!(!tags.iter().any(|tag| tag.contains(way)), "{way}");
    }
    assert!(!page.contains("url(") && !page.contains("@import"), "a style that fetches");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn sections_are_anchors_and_numbers_have_their_value_for_programs() {
    let page = html(&sample(Lang::Zh));
    for section in &sample(Lang::Zh).sections {
        assert!(page.contains(&format!("<section id=\"{}\">", section.name)));
        assert!(page.contains(&format!("<a href=\"#{}\">", section.name)));
    }
    assert!(page.contains("<table id=\"energies-energies\">"));
    assert!(page.contains("<data value=\"1.2622846709534017\">1.262 284 671</data>"));
    assert!(page.contains("<data value=\"0.000001\">&lt; 0.01 %</data>"));
    assert!(page.contains("<time datetime=\"2026-09-30T22:00:00Z\">2026-10-01 00:00</time>"));
    assert!(page.contains("信息设备电能 E_IT <span class=\"unit\">kWh</span></th>"));
    assert!(!page.contains("NaN"), "what is no number has no value");
}

#[test]
fn a_drawing_stands_in_the_page_without_its_xml_declaration_and_is_told_to_who_does_not_see_it() {
    let page = html(&sample(Lang::En));
    assert!(!page.contains("<?xml"));
    assert!(page.contains("role=\"img\" aria-label=\"a line that rises from 1.20 to 1.39\"><svg xmlns="));
}

#[test]
fn the_foot_line_is_on_each_printed_page_and_cannot_leave_the_style() {
    let mut document = sample(Lang::En);
    document.foot = "a\"; } </style><p>\\".to_owned();
    let page = html(&document);
    assert!(page.contains("content: \"a\\22 ; } \\3c /style\\3e \\3c p\\3e \\5c \""), "{page}");
    read(&page);
}
