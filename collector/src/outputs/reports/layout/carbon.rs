//! Carbon by its methods, with each factor, its year and its source. Source: domain.md 4.1, 4.3.

use super::super::content::{Carbon, Factor, Figure, Report};
use super::super::document::{Block, Cell, Lang, Section};
use super::super::words::{self, in_brackets, say};
use super::cells::{column, exact, facts, noted, numbers, paragraph, said, table};
use super::{claims, front};

/// Both methods side by side, then how each was reckoned.
pub(super) fn section(report: &Report, lang: Lang) -> Section {
    let mut blocks = Vec::new();
    let more = report.indicators.iter().filter(|figure| is_carbon(figure));
    let own = report.carbon.iter().chain(&report.market).map(|carbon| &carbon.figure);
    let rows: Vec<Vec<Cell>> =
        own.chain(&report.cue).chain(more).map(|of| super::indicators::row(of, lang)).collect();
    blocks.extend(table("carbon", "", super::indicators::columns(lang), rows));
    for carbon in report.carbon.iter().chain(&report.market) {
        blocks.extend(method(carbon, lang));
    }
    if blocks.is_empty() {
        blocks.push(paragraph(say(
            lang,
            "Carbon is not reckoned: no emission factor is declared.",
            "未核算碳排放：未声明排放因子。",
        )));
    }
    super::section("carbon", say(lang, "Carbon", "碳排放"), blocks)
}

/// Whether a figure stands with carbon, and not with the others.
pub(super) fn is_carbon(figure: &Figure) -> bool {
    matches!(figure.indicator, "cue-market" | "scope1")
}

/// How a figure was reckoned, with its factors by year of consumption.
pub(super) fn method(carbon: &Carbon, lang: Lang) -> Vec<Block> {
    let basis = words::carbon_basis(lang, carbon.basis);
    let mut lines = vec![
        said(say(lang, "basis", "核算方法"), basis),
        said(say(lang, "figure", "数值"), front::named(lang, &carbon.figure)),
        said(say(lang, "method", "核算方式"), words::carbon_method(lang, carbon.method)),
    ];
    if let Some(noted) = &carbon.note {
        lines.push(said(say(lang, "factor", "排放因子"), words::factor_note(lang, noted)));
    }
    let mut blocks = vec![facts(lines)];
    blocks.extend(factors(&carbon.factors, carbon.basis, lang));
    blocks.extend(carbon.claims.iter().flat_map(|of| claims::blocks(of, lang)));
    blocks
}

fn factors(factors: &[Factor], basis: &'static str, lang: Lang) -> Option<Block> {
    let columns = vec![
        column(say(lang, "Year of consumption", "消费年份"), 4),
        numbers(say(lang, "Emission factor", "排放因子"), "kg/kWh", 4),
        column(say(lang, "Year of the factor", "因子年份"), 4),
        column(say(lang, "Source", "来源"), 8),
        column(say(lang, "Remark", "备注"), 8),
    ];
    let row = |factor: &Factor| {
        let mut remarks = Vec::new();
        if factor.substitute {
            remarks.push(say(
                lang,
                "stands in until that of the year is published; restated then",
                "当年因子尚未公布，暂以该年因子代替，公布后重述",
            ));
        }
        if factor.unconfirmed {
            remarks.push(say(lang, "unconfirmed", "待核实"));
        }
        let source = factor.source.as_deref().map_or("", |source| words::named(lang, source));
        vec![
            Cell::text(factor.year.to_string()),
            exact(factor.kg_per_kwh),
            factor.factor_year.map_or(Cell::Empty, |year| Cell::text(year.to_string())),
            Cell::text(source),
            Cell::text(remarks.join(say(lang, "; ", "；"))),
        ]
    };
    let name = if basis == "market-based" { "factors-market" } else { "factors" };
    let title =
        in_brackets(lang, say(lang, "Emission factors", "排放因子"), words::carbon_basis(lang, basis));
    noted(
        table(name, &title, columns, factors.iter().map(row).collect()),
        say(lang, "Factors are in kg of CO₂.", "因子以 CO₂ 计。"),
    )
}
