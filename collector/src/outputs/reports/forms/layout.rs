//! Lays a form out: its sections in order, then what is missing, what is to be confirmed, and where it is from.

use super::super::content::Report;
use super::super::document::{
    Banner, Block, Cell, Column, Document, Fact, Lang, SHAPE, Section, Table, Tone,
};
use super::answer::{Is, Source};
use super::form::{Field, Form};
use super::gather::Beside;
use super::tables;
use super::value::Value;
use super::words::{self, COMMA, DRAFT, MISSING, PRELIMINARY, SEMICOLON, Words, YES_NO};
use crate::config::Method;
use crate::indicators::notation::is_twelve_months;

/// Stands behind the name of what is to be confirmed.
const MARK: &str = " †";

/// Digits of the ledger's digest in the foot line.
const DIGEST_SHOWN: usize = 16;

/// One field with its answer.
struct Line<'f> {
    field: &'f Field,
    /// What the document calls it; empty where it has no name for it.
    symbol: Cell,
    value: Cell,
    unit: &'static str,
    basis: String,
    is_missing: bool,
}

/// The form, filled from a report and what stands beside it.
///
/// What the program does not have is named missing, with what would supply it. A form of which anything is to be
/// confirmed bears the mark of a draft and lists that; one over a period that is not over is preliminary.
pub fn lay_out(form: &Form, report: &Report, beside: &Beside, lang: Lang) -> Document {
    let source = Source { report, beside, lang };
    let parts: Vec<(Vec<Line<'_>>, Section)> =
        form.sections.iter().map(|part| section(part, &source)).collect();
    let lines: Vec<&Line<'_>> = parts.iter().flat_map(|(lines, _)| lines).collect();
    let open = open(form, &lines, &source);
    let banners = banners(form, &lines, open.len(), &source);
    let ends = [missing(&lines, lang), unconfirmed(open, lang), Some(provenance(form, &source))];
    let mark =
        if is_draft(form, beside) { Some(DRAFT) } else { (!report.period.complete).then_some(PRELIMINARY) };
    let title = form.title.in_lang(lang);
    let digest: String = report.versions.ledger_digest.chars().take(DIGEST_SHOWN).collect();
    Document {
        document: SHAPE,
        lang,
        title: report.facility.title.clone(),
        subtitle: [title, &report.period.text].join(COMMA.in_lang(lang)),
        mark: mark.map(|mark| mark.in_lang(lang).to_owned()),
        banners,
        sections: parts.into_iter().map(|(_, section)| section).chain(ends.into_iter().flatten()).collect(),
        foot: format!(
            "{} {} · {} · {} · wattledger {} · {digest}",
            form.id, form.edition, report.facility.name, report.period.text, report.versions.engine
        ),
        made_at: report.versions.generated_at,
    }
}

/// Whether the form as filled here rests on anything that is to be confirmed.
fn is_draft(form: &Form, beside: &Beside) -> bool {
    form.is_draft() || rests_on_source_weights(beside)
}

/// The weights' values are to be confirmed. Source: domain.md 2.2.
fn rests_on_source_weights(beside: &Beside) -> bool {
    beside.converts && beside.method == Method::SourceWeighted
}

fn line<'f>(field: &'f Field, source: &Source<'_>) -> Line<'f> {
    let answer = source.answer(field.value);
    let is_missing = answer.is == Is::Missing;
    let (value, unit) = match &answer.is {
        Is::Missing => {
            let shown = MISSING.in_lang(source.lang).to_owned();
            (Cell::Told { tone: Tone::Caution, shown }, "")
        }
        Is::Text(text) => (Cell::text(text), ""),
        Is::Flag(flag) => (Cell::text(YES_NO[usize::from(*flag)].in_lang(source.lang)), ""),
        Is::Number(number) => {
            let (value, shown) = number.shown(field.unit.tens, field.decimals);
            match field.unit.symbol {
                "%" => (Cell::Share { value: value / 100.0, shown: format!("{shown} %") }, ""),
                symbol => (Cell::Number { value, shown }, symbol),
            }
        }
    };
    let needs = field.needs.as_ref().map_or("", |needs| needs.in_lang(source.lang));
    let basis = if is_missing { needs.to_owned() } else { source.basis(&answer) };
    Line { field, symbol: symbol(field, source), value, unit, basis, is_missing }
}

fn label(field: &Field, lang: Lang) -> String {
    let mark = if field.unconfirmed.is_some() { MARK } else { "" };
    format!("{}{mark}", field.label.in_lang(lang))
}

/// The symbol of a field. What a document calls PUE is one of twelve months; any other is an iPUE. Source: domain.md 2.1.
fn symbol(field: &Field, source: &Source<'_>) -> Cell {
    let beside = source.beside;
    match field.symbol.as_deref() {
        None => Cell::Empty,
        Some("PUE") if field.value == Value::Pue && !is_twelve_months(beside.interval, beside.zone) => {
            Cell::text("iPUE")
        }
        Some(symbol) => Cell::text(symbol),
    }
}

fn section<'f>(part: &'f super::form::Part, source: &Source<'_>) -> (Vec<Line<'f>>, Section) {
    let lines: Vec<Line<'f>> = part.fields.iter().map(|field| line(field, source)).collect();
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        blocks.push(Block::Table(fields(part.name, &lines, source.lang)));
    }
    if let Some(listing) = part.table {
        blocks.push(Block::Table(tables::listing(listing, source)));
    }
    let section = Section { name: part.name, title: part.title.in_lang(source.lang).to_owned(), blocks };
    (lines, section)
}

pub(in crate::outputs::reports) fn column(words: Words, lang: Lang, width: u8) -> Column {
    Column { heading: words.in_lang(lang).to_owned(), unit: None, right: false, width }
}

fn fields(name: &'static str, lines: &[Line<'_>], lang: Lang) -> Table {
    let has_symbols = lines.iter().any(|line| line.field.symbol.is_some());
    let of_numbers = lines
        .iter()
        .all(|line| line.is_missing || matches!(line.value, Cell::Number { .. } | Cell::Share { .. }));
    let symbols = has_symbols.then(|| column(Words("Symbol", "符号"), lang, 14));
    let columns = [
        column(Words("Item", "项目"), lang, 34),
        Column { right: of_numbers, ..column(Words("Value", "数值"), lang, 22) },
        column(Words("Unit", "单位"), lang, 9),
        column(Words("Basis", "依据"), lang, 35),
    ];
    let row = |line: &Line<'_>| -> Vec<Cell> {
        let unit = if line.unit.is_empty() { Cell::Empty } else { Cell::text(line.unit) };
        let basis = if line.basis.is_empty() { Cell::Empty } else { Cell::text(&line.basis) };
        let cells = [Cell::text(label(line.field, lang)), line.value.clone(), unit, basis];
        has_symbols.then(|| line.symbol.clone()).into_iter().chain(cells).collect()
    };
    Table {
        name,
        title: String::new(),
        columns: symbols.into_iter().chain(columns).collect(),
        rows: lines.iter().map(row).collect(),
        note: None,
    }
}

/// What is to be confirmed: symbol, item, and against what.
type Open = (Cell, String, String);

fn open(form: &Form, lines: &[&Line<'_>], source: &Source<'_>) -> Vec<Open> {
    let lang = source.lang;
    let of_form = form
        .open
        .iter()
        .map(|open| (Cell::Empty, open.what.in_lang(lang).to_owned(), open.confirm.in_lang(lang).to_owned()));
    let of_fields = lines.iter().filter_map(|line| {
        let confirm = line.field.unconfirmed.as_ref()?;
        Some((
            line.symbol.clone(),
            line.field.label.in_lang(lang).to_owned(),
            confirm.in_lang(lang).to_owned(),
        ))
    });
    let weights = rests_on_source_weights(source.beside).then(|| {
        let what = words::non_electric(Method::SourceWeighted, true).in_lang(lang).to_owned();
        let confirm =
            Words("the values of the weights: WP49 of The Green Grid", "权重数值：The Green Grid WP49");
        (Cell::Empty, what, confirm.in_lang(lang).to_owned())
    });
    of_form.chain(of_fields).chain(weights).collect()
}

fn banners(form: &Form, lines: &[&Line<'_>], open: usize, source: &Source<'_>) -> Vec<Banner> {
    let lang = source.lang;
    let mut banners = Vec::new();
    if open > 0 {
        let detail = match lang {
            Lang::En => {
                format!("{open} of its items are to be confirmed: they are listed under “To be confirmed”")
            }
            Lang::Zh => format!("有{open}项待核实，见“待核实事项”"),
        };
        banners.push(Banner { tone: Tone::Caution, headline: DRAFT.in_lang(lang).to_owned(), detail });
    }
    if !source.report.period.complete {
        let until = &source.report.period.to_local;
        let detail = match lang {
            Lang::En => format!("figures are up to {until} ({})", source.report.period.time_zone),
            Lang::Zh => format!("数据截至{until}（{}）", source.report.period.time_zone),
        };
        banners.push(Banner { tone: Tone::Caution, headline: PRELIMINARY.in_lang(lang).to_owned(), detail });
    }
    let first = form.headline.iter().filter_map(|id| lines.iter().find(|line| line.field.id == *id));
    banners.extend(first.map(|line| headline(line, source)));
    banners.push(filled(lines, lang));
    banners
}

/// One of the fields that the reader wants to know first, with what must stand beside a PUE: category and period.
fn headline(line: &Line<'_>, source: &Source<'_>) -> Banner {
    let (lang, report) = (source.lang, source.report);
    let name = label(line.field, lang);
    let shown = [line.value.shown(), line.unit].join(" ");
    let headline = match lang {
        Lang::En => format!("{name}: {}", shown.trim_end()),
        Lang::Zh => format!("{name}：{}", shown.trim_end()),
    };
    // What an authority wants measured at the UPS output is not what the facility's own PUE is made of.
    let point = match line.field.value {
        Value::RatioPue | Value::RatioWue => source.beside.it_at_ups().map(|(role, _)| role),
        _ => source.beside.measuring_point,
    };
    let point = point.and_then(|role| Some((role, role.it_category()?))).map(|(role, category)| {
        let at = words::role(role).in_lang(lang);
        match lang {
            Lang::En => format!("IT energy at the {at} (category {category})"),
            Lang::Zh => format!("信息设备能耗测量点：{at}（第{category}类）"),
        }
    });
    let period = format!("{} – {}", report.period.from_local, report.period.to_local);
    let basis = Some(line.basis.clone()).filter(|basis| !basis.is_empty());
    let notation = (line.field.value == Value::Pue).then(|| report.pue.notation.clone());
    let detail: Vec<String> = [notation, Some(period), point, basis].into_iter().flatten().collect();
    let tone = if line.is_missing { Tone::Caution } else { Tone::Neutral };
    Banner { tone, headline, detail: detail.join(SEMICOLON.in_lang(lang)) }
}

fn filled(lines: &[&Line<'_>], lang: Lang) -> Banner {
    let missing = lines.iter().filter(|line| line.is_missing).count();
    let (all, there) = (lines.len(), lines.len() - missing);
    let headline = match lang {
        Lang::En => format!("{there} of {all} items are filled"),
        Lang::Zh => format!("共{all}项，已填{there}项"),
    };
    let detail = match (missing, lang) {
        (0, Lang::En) => "nothing is missing".to_owned(),
        (0, Lang::Zh) => "无缺失项".to_owned(),
        (_, Lang::En) => format!("{missing} are missing: what would supply each stands under “Missing”"),
        (_, Lang::Zh) => format!("缺失{missing}项，补齐办法见“缺失项”"),
    };
    Banner { tone: if missing == 0 { Tone::Good } else { Tone::Caution }, headline, detail }
}

fn missing(lines: &[&Line<'_>], lang: Lang) -> Option<Section> {
    let missing: Vec<&&Line<'_>> = lines.iter().filter(|line| line.is_missing).collect();
    if missing.is_empty() {
        return None;
    }
    let rows = missing.iter().map(|line| {
        vec![line.symbol.clone(), Cell::text(line.field.label.in_lang(lang)), Cell::text(&line.basis)]
    });
    let table = Table {
        name: "missing",
        title: String::new(),
        columns: vec![
            column(Words("Symbol", "符号"), lang, 14),
            column(Words("Item", "项目"), lang, 36),
            column(Words("What would supply it", "补齐办法"), lang, 50),
        ],
        rows: rows.collect(),
        note: None,
    };
    let title = Words("Missing", "缺失项").in_lang(lang).to_owned();
    Some(Section { name: "missing", title, blocks: vec![Block::Table(table)] })
}

fn unconfirmed(open: Vec<Open>, lang: Lang) -> Option<Section> {
    if open.is_empty() {
        return None;
    }
    let rows =
        open.into_iter().map(|(symbol, item, confirm)| vec![symbol, Cell::text(item), Cell::text(confirm)]);
    let table = Table {
        name: "unconfirmed",
        title: String::new(),
        columns: vec![
            column(Words("Symbol", "符号"), lang, 14),
            column(Words("Item", "项目"), lang, 40),
            column(Words("What has to be confirmed", "待核实内容"), lang, 46),
        ],
        rows: rows.collect(),
        note: None,
    };
    let text = Words(
        "These rest on what was found in no consulted source. They are confirmed by changing the form's template, \
         which takes the mark away.",
        "以下内容在已查阅的资料中未得到证实。核实后修改表单模板，即可去除草表标记。",
    );
    let note = Block::Note { tone: Tone::Caution, text: text.in_lang(lang).to_owned() };
    let title = Words("To be confirmed", "待核实事项").in_lang(lang).to_owned();
    Some(Section { name: "unconfirmed", title, blocks: vec![note, Block::Table(table)] })
}

fn provenance(form: &Form, source: &Source<'_>) -> Section {
    let (lang, report) = (source.lang, source.report);
    let versions = &report.versions;
    let fact = |name: Words, is: String| Fact { name: name.in_lang(lang).to_owned(), is: Cell::text(is) };
    let tables: Vec<String> =
        versions.targets.iter().map(|table| format!("{} {}", table.name, table.version)).collect();
    let made = Fact {
        name: Words("Made at", "生成时间").in_lang(lang).to_owned(),
        is: Cell::Instant { at: versions.generated_at, shown: versions.generated_at.to_string() },
    };
    let facts = vec![
        fact(Words("Form", "表单"), format!("{} {} ({})", form.id, form.edition, form.file)),
        fact(Words("Asked for by", "依据文件"), form.document.in_lang(lang).to_owned()),
        fact(Words("Facility", "数据中心"), report.facility.name.clone()),
        fact(Words("Program", "程序版本"), format!("wattledger {}", versions.engine)),
        fact(Words("Tables of targets", "目标表版本"), tables.join(COMMA.in_lang(lang))),
        fact(
            Words("Table of emission factors", "排放因子表版本"),
            format!("{} {}", versions.factors.name, versions.factors.version),
        ),
        fact(Words("Digest of the ledger", "账本摘要（SHA-256）"), versions.ledger_digest.clone()),
        made,
    ];
    let title = Words("Provenance", "数据来源").in_lang(lang).to_owned();
    Section { name: "provenance", title, blocks: vec![Block::Facts { facts }] }
}
