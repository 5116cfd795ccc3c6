//! The meters of the boundary, how it was reckoned, and from what: what an auditor starts from.

use super::super::content::{BoundaryMeter, Report};
use super::super::document::{Cell, Fact, Lang, Section};
use super::super::issued::Seal;
use super::super::words::{self, say, told};
use super::cells::{
    column, count, exact, fact, facts, if_any, instant, noted, numbers, paragraph, said, table,
};
use super::section;

/// Every meter of the boundary by role.
pub(super) fn meters(report: &Report, lang: Lang) -> Section {
    let columns = vec![
        column(say(lang, "Role", "角色"), 5),
        column(say(lang, "Meter", "计量表"), 5),
        column(say(lang, "Name", "名称"), 6),
        column(say(lang, "Reads", "读数类型"), 6),
        column(say(lang, "Unit", "单位"), 3),
        column(say(lang, "Scale", "倍率"), 3),
        column(say(lang, "Rated", "额定值"), 3),
        numbers(say(lang, "Usual interval", "标称采集间隔"), "s", 3),
        numbers(say(lang, "Gap limit", "缺口判定时限"), "s", 3),
    ];
    let rows: Vec<Vec<Cell>> = report.meters.iter().map(|meter| row(meter, lang)).collect();
    let note = say(
        lang,
        "Steps between readings that are longer than the gap limit are not measured minute by minute.",
        "相邻读数间隔超过缺口判定时限的，不作逐分钟实测处理。",
    );
    let block = noted(table("meters", "", columns, rows), note)
        .unwrap_or_else(|| paragraph(say(lang, "The boundary has no meters.", "核算边界内无计量表。")));
    section("meters", say(lang, "Meters of the boundary", "核算边界内的计量表"), vec![block])
}

fn row(meter: &BoundaryMeter, lang: Lang) -> Vec<Cell> {
    let mut reads = words::kind(lang, meter.kind).to_owned();
    if let Some(form) = meter.form {
        reads = format!("{reads}{}{}", say(lang, ", ", "，"), words::form(lang, form));
    }
    vec![
        if_any(meter.role, |role| Cell::text(words::role(lang, role))),
        Cell::text(meter.meter.clone()),
        Cell::text(meter.title.clone()),
        Cell::text(reads),
        if_any(meter.unit, |unit| Cell::text(words::unit(unit))),
        Cell::text(meter.scale.clone()),
        if_any(meter.rated.as_ref(), |rated| Cell::text(rated.clone())),
        exact(meter.nominal_interval_s),
        exact(meter.gap_limit_s),
    ]
}

/// How it was reckoned.
pub(super) fn method(report: &Report, lang: Lang) -> Section {
    let guarded = report.uncertainty.expanded.is_some();
    let conversions: Vec<String> = report
        .methods
        .non_electric
        .0
        .iter()
        .map(|by| {
            let [what, factors, method] = words::conversion(lang, by);
            format!("{what} × {factors}{}{method}", say(lang, "; ", "；"))
        })
        .collect();
    let non_electric = if conversions.is_empty() {
        say(lang, "none metered: electricity alone is counted", "未计量非电能源，仅计入电能").to_owned()
    } else {
        words::listed(lang, &conversions)
    };
    let lines = vec![
        said(
            say(lang, "ratios", "比值"),
            say(
                lang,
                "energies are summed over the time that both are covered, then divided; no ratio is averaged",
                "分子、分母分别在共同有效时段内求和后相除；任何比值均不取平均",
            ),
        ),
        said(
            say(lang, "gaps", "数据缺口"),
            say(
                lang,
                "what is missing has no energy and is never zero; a register loses nothing in a gap: its total is \
                 measured, and only its split over time is linear",
                "缺失数据不计能耗，也不以零代替；累计量表在缺口期间不丢失电量，其总量为实测值，仅时间分布按线性插值",
            ),
        ),
        said(say(lang, "what is not electricity", "非电能源"), non_electric),
        said(say(lang, "uncertainty", "不确定度"), words::uncertainty(lang, &report.uncertainty)),
        said(say(lang, "decision rule", "判定规则"), words::decision_rule(lang, guarded)),
        said(
            say(lang, "time", "时间"),
            told(
                lang,
                format!(
                    "days, months and years begin by the local time of {}; tables are in UTC",
                    report.period.time_zone
                ),
                format!("日、月、年按 {} 当地时间划分；各表时刻为 UTC", report.period.time_zone),
            ),
        ),
    ];
    section("method", say(lang, "Method", "核算方法"), vec![facts(lines)])
}

/// As what it was issued: with this, paper is held against its statement.
fn issued(seal: &Seal, lang: Lang) -> Vec<Fact> {
    let key = seal.public_key.clone();
    vec![
        said(say(lang, "issued as", "签发编号"), &seal.id),
        said(say(lang, "issued by", "签发人"), &seal.who),
        said(
            say(lang, "Merkle root of the ledger (SHA-256, RFC 6962)", "台账默克尔树根（SHA-256，RFC 6962）"),
            &seal.merkle_root,
        ),
        fact(
            say(
                lang,
                "blocks under the root (a meter's UTC day each)",
                "树根所含数据块数（每块为一表一个 UTC 日）",
            ),
            count(seal.merkle_leaves),
        ),
        said(
            say(lang, "signed with the public key (Ed25519)", "签名公钥（Ed25519）"),
            key.unwrap_or_else(|| say(lang, "not signed", "未签名").to_owned()),
        ),
    ]
}

/// From what and by which program.
pub(super) fn provenance(report: &Report, lang: Lang) -> Section {
    let versions = &report.versions;
    let mut lines = report.seal.as_ref().map(|seal| issued(seal, lang)).unwrap_or_default();
    lines.extend([
        fact(say(lang, "made at, UTC", "生成时刻（UTC）"), instant(versions.generated_at)),
        said(say(lang, "program", "程序"), format!("wattledger {}", versions.engine)),
        said(say(lang, "shape of the data", "数据格式"), report.report),
        fact(say(lang, "change number of the ledger", "台账变更号"), count(versions.change)),
        said(say(lang, "digest of the ledger (SHA-256)", "台账哈希值（SHA-256）"), &versions.ledger_digest),
        fact(say(lang, "minutes in the digest", "哈希所含分钟数"), count(versions.ledger_minutes)),
        fact(say(lang, "steps in the digest", "哈希所含读数区间数"), count(versions.ledger_steps)),
        fact(say(lang, "entries in the audit chain", "审计链条目数"), count(report.audit.entries)),
        said(
            say(lang, "head of the audit chain (SHA-256)", "审计链末端哈希值（SHA-256）"),
            &report.audit.hash,
        ),
    ]);
    if let Some(known_at) = versions.known_at {
        lines.push(fact(
            say(
                lang,
                "as it was known at, UTC, by the configuration then in force",
                "按该时刻（UTC）已知数据及当时生效的配置",
            ),
            instant(known_at),
        ));
    }
    let row = |what: &str, name: &str, version: &str| [what, name, version].map(Cell::text).to_vec();
    let mut rows: Vec<Vec<Cell>> = versions
        .targets
        .iter()
        .map(|table| row(say(lang, "targets", "目标限值"), &table.name, &table.version))
        .collect();
    rows.push(row(
        say(lang, "emission factors", "排放因子"),
        &versions.factors.name,
        &versions.factors.version,
    ));
    let columns = vec![
        column(say(lang, "Table", "数据表"), 4),
        column(say(lang, "Name", "名称"), 4),
        column(say(lang, "Version", "版本"), 4),
    ];
    let mut blocks = vec![facts(lines)];
    blocks.extend(table("tables", say(lang, "Tables that were used", "所用数据表"), columns, rows));
    section("provenance", say(lang, "Provenance", "数据来源与版本"), blocks)
}
