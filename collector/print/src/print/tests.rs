use super::*;
use crate::fonts;
use crate::request::{self, Lang};
use crate::samples::{self, chart, document, every_block, meters, paragraph};
use serde_json::{Value, json};
use std::io::Read;
use typst::layout::{Frame, FrameItem, Point, Transform};
use typst_layout::Page;

/// A text as it lies on a page, in points from its upper left corner.
struct Laid {
    text: String,
    left: f64,
    right: f64,
    base: f64,
}

fn asked(request: &Value) -> Request {
    request::read(request.to_string().as_bytes()).expect("the sample is a document")
}

/// The pages of a document, or `None` where the font for tests is not installed.
fn pages(document: Value) -> Option<PagedDocument> {
    let fonts = fonts::load(&[samples::fonts()?]).expect("there is a font");
    let (document, remarks) = set(&asked(&json!({"document": document})), fonts).expect("it can be set");
    assert_eq!(remarks, None);
    Some(document)
}

fn printed(request: &Value) -> Option<Result<Vec<u8>, PrintError>> {
    let fonts = fonts::load(&[samples::fonts()?]).expect("there is a font");
    Some(print(&asked(request), fonts).map(|printed| printed.pdf))
}

/// What lies upright on a page; the mark across it does not.
fn laid(page: &Page) -> Vec<Laid> {
    let mut found = Vec::new();
    walk(&page.frame, Transform::identity(), &mut found);
    found
}

fn walk(frame: &Frame, at: Transform, found: &mut Vec<Laid>) {
    for (place, item) in frame.items() {
        let here = at.pre_concat(Transform::translate(place.x, place.y));
        match item {
            FrameItem::Group(group) => walk(&group.frame, here.pre_concat(group.transform), found),
            FrameItem::Text(text) if here.kx.is_zero() => {
                let from = Point::zero().transform(here);
                let left = from.x.to_pt();
                let right = left + text.width().to_pt();
                found.push(Laid { text: text.text.to_string(), left, right, base: from.y.to_pt() });
            }
            _ => {}
        }
    }
}

/// All that can be read on a page, drawings apart, without white space.
fn text_of(page: &Page) -> String {
    bare(&laid(page).iter().map(|laid| laid.text.as_str()).collect::<String>())
}

fn bare(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Every text that a reader is to see, by the names of the fields that hold one.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let seen = [
                    "title", "subtitle", "headline", "detail", "text", "name", "shown", "heading", "unit",
                    "note", "foot",
                ];
                let is_word =
                    name == "name" && (fields.contains_key("blocks") || fields.contains_key("block"));
                match value.as_str() {
                    Some(text) if seen.contains(&name.as_str()) && !is_word => found.push(bare(text)),
                    _ => texts(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn what_the_document_says_is_on_the_paper_in_both_languages() {
    for lang in [Lang::En, Lang::Zh] {
        let document = document(lang, every_block(lang));
        let mut said = Vec::new();
        texts(&document, &mut said);
        assert!(said.len() > 40, "the sample says little");
        let Some(set) = pages(document) else { return };
        let on_paper: String = set.pages().iter().map(text_of).collect();
        for text in said {
            assert!(on_paper.contains(&text), "{text} is not on the paper: {on_paper}");
        }
    }
}

#[test]
fn nothing_lies_beyond_the_margins_or_over_its_neighbour() {
    for lang in [Lang::En, Lang::Zh] {
        let digest = "0893a10d93bbcd28ecda91b685537ea058c41ba51771213670649575b056b1b2";
        let digest = json!({"name": "digest", "is": {"cell": "text", "shown": digest}});
        let facts = json!({"block": "facts", "facts": [digest]});
        let Some(set) = pages(document(lang, vec![meters(lang, 30), facts])) else { return };
        for page in set.pages() {
            let mut laid = laid(page);
            let (least, most) = (17.0 / 25.4 * 72.0 - 0.1, (210.0 - 17.0) / 25.4 * 72.0 + 0.1);
            for text in &laid {
                assert!(
                    text.left >= least && text.right <= most,
                    "{} lies at {}..{}",
                    text.text,
                    text.left,
                    text.right
                );
            }
            laid.sort_by(|a, b| a.base.total_cmp(&b.base).then(a.left.total_cmp(&b.left)));
            for pair in laid.windows(2).filter(|pair| (pair[0].base - pair[1].base).abs() < 0.01) {
                assert!(
                    pair[0].right <= pair[1].left + 0.1,
                    "`{}` lies over `{}`",
                    pair[0].text,
                    pair[1].text
                );
            }
        }
    }
}

#[test]
fn a_number_stays_on_one_line() {
    let Some(set) = pages(document(Lang::En, vec![meters(Lang::En, 2)])) else { return };
    let whole =
        laid(&set.pages()[0]).iter().filter(|laid| laid.text == "1\u{202f}234\u{202f}567.500").count();
    assert_eq!(whole, 2);
}

#[test]
fn a_long_table_repeats_its_headings_and_loses_no_row() {
    let Some(set) = pages(document(Lang::Zh, vec![meters(Lang::Zh, 90)])) else { return };
    assert!(set.pages().len() >= 3, "{} pages", set.pages().len());
    for page in set.pages() {
        let text = text_of(page);
        assert_eq!(text.matches("计量对象").count(), 1, "{text}");
        assert!(text.contains("kWh"), "{text}");
    }
    let all: String = set.pages().iter().map(text_of).collect();
    for row in 1..=90 {
        assert!(all.contains(&format!("hall-1-ups-{row}-output")), "row {row}");
    }
}

#[test]
fn every_page_has_its_number_of_how_many_and_the_foot() {
    let Some(set) = pages(document(Lang::En, vec![meters(Lang::En, 60)])) else { return };
    let count = set.pages().len();
    for (index, page) in set.pages().iter().enumerate() {
        let text = text_of(page);
        assert!(text.contains(&format!("{}/{count}", index + 1)), "{text}");
        assert!(text.contains("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"), "{text}");
    }
}

#[test]
fn a_mark_is_across_and_at_the_head_of_every_page() {
    let mut draft = document(Lang::En, vec![meters(Lang::En, 60)]);
    draft["mark"] = json!("draft form, not for filing");
    let Some(set) = pages(draft) else { return };
    assert!(set.pages().len() > 1);
    for page in set.pages() {
        let mut all = String::new();
        every_text(&page.frame, &mut all);
        assert_eq!(bare(&all).matches("draftform,notforfiling").count(), 2, "{all}");
        assert_eq!(text_of(page).matches("draftform,notforfiling").count(), 1);
    }
}

fn every_text(frame: &Frame, found: &mut String) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => every_text(&group.frame, found),
            FrameItem::Text(text) => found.push_str(&text.text),
            _ => {}
        }
    }
}

#[test]
fn a_chart_is_on_the_page_of_its_title() {
    let blocks =
        (0..9).flat_map(|number| [chart(&format!("Chart {number}"), "x"), paragraph("Between them.")]);
    let Some(set) = pages(document(Lang::En, blocks.collect())) else { return };
    assert!(set.pages().len() > 2);
    for page in set.pages() {
        assert_eq!(text_of(page).matches("Chart").count(), drawings(&page.frame));
    }
}

fn drawings(frame: &Frame) -> usize {
    let of = |item: &FrameItem| match item {
        FrameItem::Group(group) => drawings(&group.frame),
        FrameItem::Image(..) => 1,
        _ => 0,
    };
    frame.items().map(|(_, item)| of(item)).sum()
}

#[test]
fn a_sign_that_no_font_has_is_named_and_nothing_is_printed() {
    let hieroglyph = "\u{13000}";
    let mut marked = document(Lang::En, vec![]);
    marked["mark"] = json!(format!("draft {hieroglyph}"));
    let told = format!("hall {hieroglyph} 1");
    for document in [
        document(Lang::En, vec![paragraph(&told)]),
        document(Lang::Zh, vec![chart("PUE", &told)]),
        document(Lang::Zh, vec![chart(&told, "PUE")]),
        marked,
    ] {
        let Some(printed) = printed(&json!({"document": document})) else { return };
        let error = printed.expect_err("it has a sign that WenQuanYi lacks").to_string();
        assert!(error.contains("U+13000") && error.contains("fonts-wqy-microhei"), "{error}");
        assert!(!error.contains("U+0068"), "only that sign is missing: {error}");
    }
}

#[test]
fn the_same_document_and_fonts_give_the_same_bytes() {
    let request = json!({"document": document(Lang::Zh, every_block(Lang::Zh))});
    let Some(first) = printed(&request) else { return };
    let first = first.expect("it is printed");
    for _ in 0..3 {
        let again = printed(&request).expect("the font is there").expect("it is printed");
        assert!(again == first, "two prints of one document differ");
    }
}

/// What stands in the streams of a PDF, each unpacked.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = pdf;
    while let Some(from) = position(rest, b"stream\n").or_else(|| position(rest, b"stream\r\n")) {
        let body = &rest[from + 7..];
        let to = position(body, b"endstream").expect("a stream ends");
        let mut plain = Vec::new();
        let packed = flate2::read::ZlibDecoder::new(&body[..to]).read_to_end(&mut plain).is_ok();
        found.push(if packed { plain } else { body[..to].to_vec() });
        rest = &body[to + 9..];
    }
    found
}

fn position(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[test]
fn a_pdf_carries_its_attachments_title_language_and_date() {
    let report = br#"{"report":"wattledger/report/v2","facility":"hall-1"}"#;
    let request = json!({
        "document": document(Lang::Zh, every_block(Lang::Zh)),
        "attachments": [{
            "name": "report.json",
            "mime": "application/json",
            "about": "the figures as data",
            "base64": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, report),
        }],
    });
    let Some(pdf) = printed(&request) else { return };
    let pdf = pdf.expect("it is printed");
    assert!(pdf.starts_with(b"%PDF-1.7") && pdf.len() > 10_000, "{} bytes", pdf.len());
    let mut all = streams(&pdf);
    assert!(all.iter().any(|stream| stream.starts_with(report)), "the attachment is not in the PDF");
    all.push(pdf);
    let says = |word: &str| all.iter().any(|part| position(part, word.as_bytes()).is_some());
    for word in
        ["report.json", "一号机房", "2026-11-01T00:15:00", "<pdfaid:part>3", "<rdf:li>zh", "StructTreeRoot"]
    {
        assert!(says(word), "{word} is not in the PDF");
    }
}

#[test]
fn a_thousand_rows_are_printed() {
    let Some(set) = pages(document(Lang::En, vec![meters(Lang::En, 1000)])) else { return };
    assert!(set.pages().len() > 20, "{} pages", set.pages().len());
}
