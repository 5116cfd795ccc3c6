//! How well the data are known: coverage, gaps, and steps that are not simply measured. Source: domain.md 5.3, 5.4.

use super::super::content::{BoundaryMeter, Gap, Report};
use super::super::document::{Block, Cell, Lang, Section};
use super::super::shares::ShareRow;
use super::super::words::{self, say, told};
use super::cells::{
    amount, column, count, exact, fact, facts, instant, noted, numbers, paragraph, share, status, table,
};
use super::section as titled;

/// Coverage and shares, then why: steps by meter, gaps.
pub(super) fn section(report: &Report, lang: Lang) -> Section {
    let pue = &report.pue;
    let mut blocks = vec![facts(vec![
        fact(say(lang, "status", "数据状态"), status(lang, pue)),
        fact(say(lang, "coverage", "数据覆盖率"), share(pue.coverage)),
        fact(say(lang, "coverage that a verdict needs", "判定所需覆盖率"), share(pue.coverage_needed)),
        fact(say(lang, "interpolated share", "插值占比"), share(pue.interpolated)),
        fact(say(lang, "estimated share", "估算占比"), share(pue.estimated)),
        fact(say(lang, "gaps", "数据缺口数"), count(report.gaps.count as u64)),
        fact(say(lang, "gaps, min", "数据缺口合计（min）"), exact(report.gaps.minutes as f64)),
    ])];
    blocks.extend(shares(&report.shares, lang));
    blocks.extend(steps(&report.meters, lang));
    blocks.push(gaps(report, lang));
    titled("data-quality", say(lang, "Data quality", "数据质量"), blocks)
}

/// What is interpolated or estimated, by meter and reason.
fn shares(rows: &[ShareRow], lang: Lang) -> Option<Block> {
    let columns = vec![
        column(say(lang, "Sum", "所属能耗"), 2),
        column(say(lang, "Meter", "计量表"), 4),
        column(say(lang, "How it is known", "数据性质"), 3),
        column(say(lang, "Reason", "原因"), 7),
        numbers(say(lang, "Steps", "读数区间数"), "", 2),
        numbers(say(lang, "Amount", "能耗"), "kWh", 4),
        numbers(say(lang, "Share", "占比"), "", 3),
    ];
    let row = |of: &ShareRow| {
        vec![
            Cell::text(if of.sum == "it" { "E_IT" } else { "E_DC" }),
            Cell::text(of.meter.clone()),
            Cell::text(words::provenance(lang, of.provenance)),
            Cell::text(words::step(lang, of.reason)),
            count(of.steps as u64),
            amount(of.amount),
            share(of.share),
        ]
    };
    let title = say(lang, "Interpolated and estimated energy, with reasons", "插值和估算的能耗及其原因");
    table("shares", title, columns, rows.iter().map(row).collect())
}

/// Steps that are not simply measured: the reasons of what is interpolated and estimated.
fn steps(meters: &[BoundaryMeter], lang: Lang) -> Option<Block> {
    let row = |meter: &BoundaryMeter, class: &'static str, many: usize| {
        vec![
            Cell::text(meter.meter.clone()),
            Cell::text(meter.role.map_or("", |role| words::role(lang, role))),
            Cell::text(words::step(lang, class)),
            count(many as u64),
        ]
    };
    let mut rows = Vec::new();
    for meter in meters {
        rows.extend(meter.steps.iter().map(|step| row(meter, step.class, step.count)));
        if meter.pending > 0 {
            let mut pending = row(meter, "", meter.pending);
            pending[2] = Cell::text(say(lang, "of them still pending", "其中：尚待后续读数确认"));
            rows.push(pending);
        }
    }
    let columns = vec![
        column(say(lang, "Meter", "计量表"), 4),
        column(say(lang, "Role", "角色"), 4),
        column(say(lang, "Step", "区间类别"), 7),
        numbers(say(lang, "How many", "次数"), "", 2),
    ];
    let title = say(lang, "Steps that are not simply measured", "非正常读数区间");
    table("steps", title, columns, rows)
}

fn gaps(report: &Report, lang: Lang) -> Block {
    let row = |gap: &Gap| {
        vec![
            instant(gap.from),
            instant(gap.to),
            exact(gap.minutes as f64),
            Cell::text(words::not_known(lang, gap.unknown)),
        ]
    };
    let columns = vec![
        column(say(lang, "From (UTC)", "起（UTC）"), 4),
        column(say(lang, "To (UTC)", "止（UTC）"), 4),
        numbers(say(lang, "Length", "时长"), "min", 3),
        column(say(lang, "Not known", "缺失内容"), 6),
    ];
    let (count, listed) = (report.gaps.count, report.gaps.longest.len());
    let all =
        table("gaps", say(lang, "Gaps", "数据缺口"), columns, report.gaps.longest.iter().map(row).collect());
    let shown = if listed < count {
        noted(
            all,
            told(
                lang,
                format!("The longest {listed} of {count} gaps."),
                format!("共 {count} 处缺口，表中为最长的 {listed} 处。"),
            ),
        )
    } else {
        all
    };
    shown.unwrap_or_else(|| paragraph(say(lang, "There are no gaps.", "报告期内无数据缺口。")))
}
