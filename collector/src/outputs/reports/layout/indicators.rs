//! Every other indicator, each with how well it is known. Source: domain.md 2.

use super::super::content::{Figure, Report};
use super::super::document::{Cell, Column, Lang, Section};
use super::super::words::{self, say};
use super::carbon;
use super::cells::{column, if_any, numbers, share, status, table, value};

/// Water, partial PUEs and all else that there are meters or facts for.
pub(super) fn section(report: &Report, lang: Lang) -> Option<Section> {
    let others = report.indicators.iter().filter(|figure| !carbon::is_carbon(figure));
    let rows: Vec<Vec<Cell>> = report.wue.iter().chain(others).map(|figure| row(figure, lang)).collect();
    let table = table("indicators", "", columns(lang), rows)?;
    Some(super::section("indicators", say(lang, "Other indicators", "其他指标"), vec![table]))
}

/// The columns of a table of figures. The unit has one of its own, since each row has another.
pub(super) fn columns(lang: Lang) -> Vec<Column> {
    vec![
        column(say(lang, "Indicator", "指标"), 7),
        column(say(lang, "Notation", "符号及报告期"), 8),
        numbers(say(lang, "Value", "数值"), "", 4),
        column(say(lang, "Unit", "单位"), 3),
        column(say(lang, "Status", "数据状态"), 4),
        numbers(say(lang, "Coverage", "数据覆盖率"), "", 3),
        numbers(say(lang, "Needed", "判定所需覆盖率"), "", 3),
        numbers(say(lang, "Interpolated", "插值占比"), "", 3),
        numbers(say(lang, "Estimated", "估算占比"), "", 3),
    ]
}

/// A figure as a row.
pub(super) fn row(figure: &Figure, lang: Lang) -> Vec<Cell> {
    let unit = (!figure.unit.is_empty()).then_some(figure.unit);
    vec![
        Cell::text(words::indicator(lang, figure.indicator)),
        Cell::text(figure.notation.clone()),
        value(figure),
        if_any(unit, Cell::text),
        status(lang, figure),
        share(figure.coverage),
        share(figure.coverage_needed),
        share(figure.interpolated),
        share(figure.estimated),
    ]
}
