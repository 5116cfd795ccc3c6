//! Lays the report of a portfolio out.

use super::super::amount::Amount;
use super::super::document::{
    Banner, Block, Cell, Column, Document, Fact, Lang, SHAPE, Section, Table, Tone,
};
use super::super::forms::tables::{number, numbers, share};
use super::super::forms::words::{self, COMMA, SEMICOLON, Words};
use super::super::forms::{Number, column, percent};
use super::{Energies, Portfolio, Row, Why};

const PUE_DECIMALS: u8 = 3;

/// The report of a portfolio in one language.
pub fn document(portfolio: &Portfolio, lang: Lang) -> Document {
    let every = Words("All facilities", "全部数据中心").in_lang(lang);
    let title = if portfolio.title.is_empty() { every } else { &portfolio.title };
    let kind = Words("report of a portfolio", "数据中心群报告").in_lang(lang);
    let mut sections = vec![summary(portfolio, lang), facilities(portfolio, lang)];
    sections.extend(verdicts(portfolio, lang));
    sections.extend(without(portfolio, lang));
    sections.push(provenance(portfolio, lang));
    Document {
        document: SHAPE,
        lang,
        title: title.to_owned(),
        subtitle: [kind, &portfolio.period].join(COMMA.in_lang(lang)),
        mark: None,
        banners: banners(portfolio, lang),
        sections,
        foot: format!(
            "{} · {} · wattledger {} · {}",
            portfolio.name,
            portfolio.period,
            portfolio.versions.engine,
            portfolio.versions.ledger_digest.chars().take(16).collect::<String>()
        ),
        made_at: portfolio.versions.generated_at,
    }
}

fn shown(portfolio: &Portfolio) -> Option<String> {
    portfolio.pue.map(|pue| Number::Float(pue).shown(0, PUE_DECIMALS).1)
}

/// Names of several categories.
fn categories(portfolio: &Portfolio, lang: Lang) -> String {
    let all: Vec<String> = portfolio.categories.iter().map(u8::to_string).collect();
    match (all.len(), lang) {
        (0, Lang::En) => "no category".to_owned(),
        (0, Lang::Zh) => "无类别".to_owned(),
        (1, Lang::En) => format!("category {}", all[0]),
        (1, Lang::Zh) => format!("第{}类", all[0]),
        (_, Lang::En) => format!("categories {}: a figure of no one category", all.join(", ")),
        (_, Lang::Zh) => format!("第{}类混合，不属于单一类别", all.join("、")),
    }
}

fn banners(portfolio: &Portfolio, lang: Lang) -> Vec<Banner> {
    let (tone, status) = words::status(portfolio.status);
    let value = shown(portfolio);
    let headline = match (&value, lang) {
        (Some(value), Lang::En) => format!("{} of all: {value}", portfolio.figure),
        (Some(value), Lang::Zh) => format!("整体{}：{value}", portfolio.figure),
        (None, _) => status.in_lang(lang).to_owned(),
    };
    let count = portfolio.facilities.len();
    let members = match lang {
        Lang::En => format!("facilities with figures: {count}"),
        Lang::Zh => format!("有数据的数据中心：{count}个"),
    };
    let covered = match lang {
        Lang::En => format!("least coverage {}", percent(portfolio.coverage)),
        Lang::Zh => format!("最低数据覆盖率{}", percent(portfolio.coverage)),
    };
    let known = status.in_lang(lang).to_owned();
    let detail = [
        SUMMED.in_lang(lang).to_owned(),
        portfolio.period.clone(),
        members,
        categories(portfolio, lang),
        covered,
        known,
    ];
    let tone = if tone == Tone::Good { Tone::Neutral } else { tone };
    let mut banners = vec![Banner { tone, headline, detail: detail.join(SEMICOLON.in_lang(lang)) }];
    if !portfolio.without.is_empty() {
        let count = portfolio.without.len();
        let names: Vec<&str> = portfolio.without.iter().map(|one| one.title.as_str()).collect();
        banners.push(Banner {
            tone: Tone::Caution,
            headline: match lang {
                Lang::En => format!("{count} without data"),
                Lang::Zh => format!("{count}个数据中心无数据"),
            },
            detail: names.join(COMMA.in_lang(lang)),
        });
    }
    banners
}

const SUMMED: Words = Words("Σ E_DC / Σ E_IT, never a mean of PUEs", "Σ E_DC / Σ E_IT，不对PUE取平均");

const OWN_ZONES: Words = Words(
    "Each facility has the period in its own time zone. Energies are over the time that both are covered; ratios are \
     quotients of these sums.",
    "各数据中心的统计期按其所在时区划定。能耗为两项均有数据时段内的合计，比值由合计值相除得出。",
);

const POOLED: Words = Words(
    "The uncertainty is that of one quotient of all meters: instruments of one make, and of all whose make is not known, \
     are taken as correlated within one sum, in whichever facility they are; others as independent.",
    "不确定度按全部计量表的合计比值计算：同一求和内，同一制造厂（及制造厂不明）的计量器具不论属于哪个数据中心均视为完全相关，\
     其余视为相互独立。",
);

fn summary(portfolio: &Portfolio, lang: Lang) -> Section {
    let fact = |name: Words, is: Cell| Fact { name: name.in_lang(lang).to_owned(), is };
    let kwh = |amount: Amount| number(Number::from(amount), 0);
    let Energies { facility, it, facility_total, it_total, .. } = portfolio.energies;
    let stated = portfolio.stated.as_ref();
    let unknown = Words("not known of every facility", "并非各数据中心均已知").in_lang(lang);
    let nothing_read = portfolio.facilities.is_empty();
    let sum = |amount: Amount| if nothing_read { Cell::Empty } else { kwh(amount) };
    let facts = vec![
        fact(Words("Facility energy (kWh)", "数据中心总能耗（kWh）"), sum(facility)),
        fact(Words("IT energy (kWh)", "信息设备能耗（kWh）"), sum(it)),
        fact(
            Words("PUE", "PUE"),
            portfolio.pue.map_or(Cell::Empty, |pue| number(Number::Float(pue), PUE_DECIMALS)),
        ),
        fact(
            Words("With expanded uncertainty", "含扩展不确定度"),
            Cell::text(stated.map_or(unknown, String::as_str)),
        ),
        fact(Words("All facility energy booked (kWh)", "已入账数据中心总能耗（kWh）"), sum(facility_total)),
        fact(Words("All IT energy booked (kWh)", "已入账信息设备能耗（kWh）"), sum(it_total)),
        fact(
            Words("Scope 2, location-based (kg CO₂)", "范围二排放，基于位置（kg CO₂）"),
            portfolio.carbon_kg.map_or(Cell::text(unknown), |kg| number(Number::Float(kg), 0)),
        ),
        fact(
            Words("Of the grid energy behind it, covered at least", "其电网电量的最低数据覆盖率"),
            portfolio.carbon_kg.map_or(Cell::Empty, |_| share(portfolio.carbon_coverage)),
        ),
    ];
    let mut blocks =
        vec![Block::Facts { facts }, Block::Paragraph { text: OWN_ZONES.in_lang(lang).to_owned() }];
    if stated.is_some() {
        blocks.push(Block::Paragraph { text: POOLED.in_lang(lang).to_owned() });
    }
    if !portfolio.complete {
        let text = Words(
            "The period is not over for every facility, or one has no data: the sums are not those of the whole period.",
            "统计期尚未全部结束，或有数据中心无数据：合计值并非整个统计期的数值。",
        );
        blocks.insert(0, Block::Note { tone: Tone::Caution, text: text.in_lang(lang).to_owned() });
    }
    Section { name: "summary", title: Words("Summary", "概要").in_lang(lang).to_owned(), blocks }
}

fn facilities(portfolio: &Portfolio, lang: Lang) -> Section {
    let columns: Vec<Column> = vec![
        column(Words("Facility", "数据中心"), lang, 18),
        column(Words("Period, local time", "统计期（当地时间）"), lang, 20),
        column(Words("Time zone", "时区"), lang, 13),
        numbers(Words("Facility energy", "数据中心总能耗"), Some("kWh"), lang, 13),
        numbers(Words("IT energy", "信息设备能耗"), Some("kWh"), lang, 13),
        numbers(Words("Category", "类别"), None, lang, 8),
        numbers(Words("PUE", "PUE"), None, lang, 8),
        numbers(Words("U (k = 2)", "U（k = 2）"), None, lang, 8),
        numbers(Words("Covered", "数据覆盖率"), None, lang, 9),
        numbers(Words("Interpolated", "插值"), None, lang, 9),
        numbers(Words("Estimated", "估算"), None, lang, 9),
        column(Words("Status", "状态"), lang, 12),
    ];
    let table = Table {
        name: "facilities",
        title: String::new(),
        columns,
        rows: portfolio.facilities.iter().map(|row| of_facility(row, lang)).collect(),
        note: Some(SUMMED.in_lang(lang).to_owned()),
    };
    let title = Words("Facilities", "各数据中心").in_lang(lang).to_owned();
    Section { name: "facilities", title, blocks: vec![Block::Table(table)] }
}

fn of_facility(row: &Row, lang: Lang) -> Vec<Cell> {
    let (tone, status) = words::status(row.pue.status);
    let covered = row.pue.coverage > 0.0;
    let energy = |amount: Amount| if covered { number(Number::from(amount), 0) } else { Cell::Empty };
    let float = |value: Option<f64>, decimals| {
        value.map_or(Cell::Empty, |value| number(Number::Float(value), decimals))
    };
    vec![
        Cell::text(&row.title),
        Cell::text(format!("{} – {}", row.from_local, row.to_local)),
        Cell::text(row.time_zone),
        energy(row.energies.facility),
        energy(row.energies.it),
        row.category.map_or(Cell::Empty, |category| number(Number::count(category.into()), 0)),
        float(row.pue.value, PUE_DECIMALS),
        float(row.expanded.filter(|_| row.pue.value.is_some()), PUE_DECIMALS),
        share(row.pue.coverage),
        share(row.pue.interpolated),
        share(row.pue.estimated),
        Cell::Told { tone, shown: status.in_lang(lang).to_owned() },
    ]
}

fn verdicts(portfolio: &Portfolio, lang: Lang) -> Option<Section> {
    let held = portfolio.facilities.iter().flat_map(|row| row.verdicts.iter().map(move |held| (row, held)));
    let rows: Vec<Vec<Cell>> = held
        .map(|(row, held)| {
            let (tone, said) = words::verdict(held.verdict);
            let verdict = Cell::Told { tone, shown: said.in_lang(lang).to_owned() };
            vec![Cell::text(&row.title), Cell::text(&held.target), verdict]
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let table = Table {
        name: "verdicts",
        title: String::new(),
        columns: vec![
            column(Words("Facility", "数据中心"), lang, 40),
            column(Words("Target", "目标"), lang, 20),
            column(Words("Verdict", "判定"), lang, 40),
        ],
        rows,
        note: None,
    };
    let title = Words("Each facility's own targets", "各数据中心的目标").in_lang(lang).to_owned();
    Some(Section { name: "verdicts", title, blocks: vec![Block::Table(table)] })
}

fn without(portfolio: &Portfolio, lang: Lang) -> Option<Section> {
    if portfolio.without.is_empty() {
        return None;
    }
    let rows = portfolio.without.iter().map(|one| {
        let why = match one.why {
            Why::NothingRead => Words("nothing has been read of it yet", "尚无读数"),
            Why::Ahead => Words("the period lies ahead of what is known of it", "统计期晚于已有数据"),
        };
        vec![Cell::text(&one.title), Cell::text(why.in_lang(lang))]
    });
    let table = Table {
        name: "without",
        title: String::new(),
        columns: vec![
            column(Words("Facility", "数据中心"), lang, 40),
            column(Words("Why", "原因"), lang, 60),
        ],
        rows: rows.collect(),
        note: Some(Words("They are in no sum.", "未计入任何合计。").in_lang(lang).to_owned()),
    };
    let title = Words("Without data", "无数据的数据中心").in_lang(lang).to_owned();
    Some(Section { name: "without", title, blocks: vec![Block::Table(table)] })
}

fn provenance(portfolio: &Portfolio, lang: Lang) -> Section {
    let versions = &portfolio.versions;
    let fact = |name: Words, is: String| Fact { name: name.in_lang(lang).to_owned(), is: Cell::text(is) };
    let facts = vec![
        fact(Words("Portfolio", "数据中心群"), portfolio.name.clone()),
        fact(Words("Program", "程序版本"), format!("wattledger {}", versions.engine)),
        fact(Words("Digest of the ledger", "账本摘要（SHA-256）"), versions.ledger_digest.clone()),
        Fact {
            name: Words("Made at", "生成时间").in_lang(lang).to_owned(),
            is: Cell::Instant { at: versions.generated_at, shown: versions.generated_at.to_string() },
        },
    ];
    let title = Words("Provenance", "数据来源").in_lang(lang).to_owned();
    Section { name: "provenance", title, blocks: vec![Block::Facts { facts }] }
}
