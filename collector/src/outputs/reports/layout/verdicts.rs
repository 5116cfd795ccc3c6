//! Each target with its document, whom it binds, its time, and what the figure says about it. Source: domain.md 1, 6.3.

use super::super::content::{Report, Verdict};
use super::super::document::{Cell, Lang, Section};
use super::super::words::{self, in_brackets, listed, say, told};
use super::cells::{column, fact, facts, if_any, noted, number, paragraph, said, table};

/// The verdicts with the rule that made them.
pub(super) fn section(report: &Report, lang: Lang) -> Section {
    let rows: Vec<Vec<Cell>> = report.verdicts.iter().map(|verdict| row(verdict, lang)).collect();
    let columns = vec![
        column(say(lang, "Target", "目标"), 4),
        column(say(lang, "Requirement", "要求"), 6),
        column(say(lang, "Verdict", "判定"), 6),
        column(say(lang, "Why", "说明"), 11),
        column(say(lang, "Binds", "适用对象"), 8),
        column(say(lang, "Document", "依据文件"), 12),
        column(say(lang, "Time", "适用期限"), 6),
    ];
    let unrounded = say(lang, "Unrounded values are compared with the limits.", "与限值比较时采用未修约值。");
    let mut blocks = vec![match noted(table("verdicts", "", columns, rows), unrounded) {
        Some(table) => table,
        None => paragraph(say(lang, "No targets are set for this facility.", "未为该数据中心设置目标限值。")),
    }];
    let guarded = report.uncertainty.expanded.is_some();
    blocks.push(facts(vec![
        said(say(lang, "decision rule", "判定规则"), words::decision_rule(lang, guarded)),
        fact(say(lang, "guard band w", "保护带 w"), if_any(report.uncertainty.expanded, |u| number(u, 4))),
    ]));
    super::section("verdicts", say(lang, "Verdicts", "达标判定"), blocks)
}

fn row(verdict: &Verdict, lang: Lang) -> Vec<Cell> {
    let reasons: Vec<String> = verdict.reasons.iter().map(|reason| words::reason(lang, reason)).collect();
    let mut kind = words::target_kind(lang, verdict.kind).to_owned();
    if verdict.aspirational {
        kind = format!("{kind}{}", say(lang, ", aspirational", "，力争"));
    }
    let document = words::named(lang, &verdict.document);
    let document = match &verdict.quote {
        Some(quote) => told(lang, format!("{document}: “{quote}”"), format!("{document}：“{quote}”")),
        None => document.to_owned(),
    };
    vec![
        Cell::text(verdict.target.clone()),
        Cell::text(words::requirement(lang, &verdict.indicator, verdict.operator, verdict.limit)),
        Cell::Told {
            tone: words::tone(verdict.verdict),
            shown: words::verdict(lang, verdict.verdict).to_owned(),
        },
        Cell::text(listed(lang, &reasons)),
        Cell::text(in_brackets(lang, words::named(lang, &verdict.scope), &kind)),
        Cell::text(document),
        Cell::text(words::horizon(lang, verdict)),
    ]
}
