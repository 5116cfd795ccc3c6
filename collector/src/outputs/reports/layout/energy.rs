//! The boundary and the energies in it: period, both sums, their parts, the months, what is not electricity.

use super::super::content::{Component, MonthRow, Report};
use super::super::document::{Block, Cell, Lang, Section};
use super::super::parts::PartRow;
use super::super::words::{self, say, told};
use super::cells::{
    amount, column, exact, fact, facts, if_any, instant, noted, number, numbers, paragraph, said, share,
    status, table, value,
};
use super::{front, section};

/// Over which time, of what, measured where.
pub(super) fn boundary(report: &Report, lang: Lang) -> Section {
    let (facility, period) = (&report.facility, &report.period);
    let mut lines = vec![
        said(say(lang, "facility", "数据中心"), &facility.title),
        said(say(lang, "name in the configuration", "配置名称"), &facility.name),
        said(say(lang, "site", "场地"), &facility.site),
        said(say(lang, "period", "报告期"), &period.text),
        said(say(lang, "local time", "当地时间"), front::span(report, lang)),
        said(say(lang, "time zone", "时区"), period.time_zone),
        fact(say(lang, "first instant, UTC", "起始时刻（UTC）"), instant(period.from)),
        fact(say(lang, "first instant after it, UTC", "截止时刻（UTC，不含）"), instant(period.to)),
        fact(say(lang, "elapsed hours, h", "历时（h）"), exact(period.hours)),
        said(say(lang, "period is over", "报告期已结束"), words::yes_or_no(lang, period.complete)),
    ];
    if let Some(cut) = &period.cut {
        lines.push(fact(
            say(lang, "the period's own end, UTC", "报告期应止时刻（UTC）"),
            instant(cut.would_end),
        ));
    }
    let not_measured = say(lang, "none: IT energy is not measured", "无：未计量信息设备能耗");
    lines.extend([
        said(
            say(lang, "PUE category", "PUE 类别"),
            facility.category.map_or(not_measured.to_owned(), |category| words::class(lang, category)),
        ),
        said(
            say(lang, "IT energy is measured at", "信息设备能耗测量点"),
            facility.measuring_point.map_or(not_measured, |role| words::role(lang, role)),
        ),
    ]);
    let title = say(lang, "Period and boundary", "报告期与核算边界");
    section("period-and-boundary", title, vec![facts(lines)])
}

/// Numerator and denominator, with how they are known.
pub(super) fn energies(report: &Report, lang: Lang) -> Section {
    let (facility, it) = (&report.energies.facility, &report.energies.it);
    let row = |words: &str, facility, it| vec![Cell::text(words), amount(facility), amount(it)];
    let columns = vec![
        column(say(lang, "Energy", "能耗"), 6),
        numbers(say(lang, "Facility (E_DC)", "总能耗 E_DC"), "kWh", 4),
        numbers(say(lang, "IT (E_IT)", "信息设备能耗 E_IT"), "kWh", 4),
    ];
    let rows = vec![
        row(say(lang, "where both are covered", "共同有效时段"), facility.common, it.common),
        row(say(lang, "all that is booked", "全部入账"), facility.total, it.total),
        row(say(lang, "of that, measured", "其中：实测"), facility.measured, it.measured),
        row(say(lang, "of that, interpolated", "其中：插值"), facility.interpolated, it.interpolated),
        row(say(lang, "of that, estimated", "其中：估算"), facility.estimated, it.estimated),
    ];
    let (common, hours) = (report.energies.common_hours, report.period.hours);
    let note = told(
        lang,
        format!(
            "Both are covered for {common} h of {hours} h: ratios are made of that time. Interpolated is measured in \
             total and spread evenly over a gap in time; estimated is resets and jumps of registers and what operators \
             entered."
        ),
        format!(
            "共同有效时段为 {common} h（报告期共 {hours} h），比值按该时段的能耗计算。插值：总量为实测值，仅在缺口时段内按时间均匀分摊；\
             估算：示值复位、跳变以及人工录入的电量。"
        ),
    );
    let mut blocks: Vec<Block> = noted(table("energies", "", columns, rows), note).into_iter().collect();
    blocks.push(facts(vec![
        fact(
            say(lang, "E_DC, electricity less what leaves, kWh", "总能耗 E_DC 中的电能（扣除外送，kWh）"),
            amount(report.energies.electricity),
        ),
        fact(
            say(
                lang,
                "E_DC, fuel, delivered cooling and heat as they count, kWh",
                "总能耗 E_DC 中折算的非电能源（kWh）",
            ),
            amount(report.energies.non_electric),
        ),
    ]));
    section("energies", say(lang, "Energy", "能耗"), blocks)
}

/// The sums of the meters of each role: energy, and water by itself, since its unit is another.
pub(super) fn parts(report: &Report, lang: Lang) -> Option<Section> {
    let of = |name, title, unit: &'static str| {
        let rows: Vec<Vec<Cell>> = report
            .components
            .iter()
            .filter(|component| component.unit == unit)
            .map(|component| component_row(component, lang))
            .collect();
        let columns = vec![
            column(say(lang, "Part", "分项"), 6),
            numbers(say(lang, "All booked", "全部入账"), unit, 4),
            numbers(say(lang, "Measured", "实测"), unit, 4),
            numbers(say(lang, "Interpolated", "插值"), unit, 4),
            numbers(say(lang, "Estimated", "估算"), unit, 4),
            numbers(say(lang, "Coverage", "数据覆盖率"), "", 3),
        ];
        table(name, title, columns, rows)
    };
    let energy = of("components-energy", say(lang, "Energy by role", "分项能耗"), "kWh");
    let water = of("components-water", say(lang, "Water", "用水量"), "L");
    let blocks: Vec<Block> = made_of(report, lang).into_iter().chain(energy).chain(water).collect();
    let title = say(lang, "Parts", "分项计量");
    (!blocks.is_empty()).then(|| section("parts", title, blocks))
}

/// What `E_DC` is made of: what was metered, and what it counts as.
fn made_of(report: &Report, lang: Lang) -> Option<Block> {
    let columns = vec![
        column(say(lang, "Part of E_DC", "总能耗 E_DC 的构成"), 6),
        numbers(say(lang, "Metered", "计量值"), "", 4),
        column(say(lang, "Unit", "单位"), 2),
        numbers(say(lang, "Counts as", "计入"), "kWh", 4),
        column(say(lang, "Factor, with its source", "折算系数及其来源"), 7),
    ];
    let row = |part: &PartRow| {
        let converted = part.factor.as_ref().map(|by| words::conversion(lang, by));
        let [what, factor, _] = converted
            .unwrap_or_else(|| [words::role(lang, part.role).to_owned(), String::new(), String::new()]);
        vec![
            Cell::text(what),
            amount(part.metered),
            Cell::text(part.unit),
            amount(part.counted),
            if_any(part.factor.as_ref(), |_| Cell::text(factor)),
        ]
    };
    let title = say(lang, "What E_DC is made of", "总能耗 E_DC 的构成");
    table("made-of", title, columns, report.parts.iter().map(row).collect())
}

fn component_row(component: &Component, lang: Lang) -> Vec<Cell> {
    // Of what nothing is known there is no amount, and no zero.
    let is_known = component.coverage > 0.0 || component.total.to_f64() != 0.0;
    let amount = |of| if is_known { amount(of) } else { Cell::Empty };
    vec![
        Cell::text(words::role(lang, component.role)),
        amount(component.total),
        amount(component.measured),
        amount(component.interpolated),
        amount(component.estimated),
        share(component.coverage),
    ]
}

/// The calendar months of a longer period.
pub(super) fn monthly(report: &Report, lang: Lang) -> Option<Section> {
    let columns = vec![
        column(say(lang, "Month", "月份"), 3),
        numbers(say(lang, "Elapsed", "历时"), "h", 3),
        numbers("E_DC", "kWh", 5),
        numbers("E_IT", "kWh", 5),
        numbers("iPUE", "", 3),
        numbers(say(lang, "U (k = 2)", "U（k = 2）"), "", 3),
        numbers(say(lang, "Coverage", "数据覆盖率"), "", 4),
        numbers(say(lang, "Interpolated", "插值占比"), "", 4),
        numbers(say(lang, "Estimated", "估算占比"), "", 4),
        column(say(lang, "Status", "数据状态"), 5),
    ];
    let rows: Vec<Vec<Cell>> = report.months.iter().map(|month| month_row(month, lang)).collect();
    let note = say(
        lang,
        "Energies are those of the time that both are covered. The value of the period is their sum over their sum, \
         not the mean of the months.",
        "各月能耗为共同有效时段的能耗。报告期的数值为各月能耗之和相除，不是各月数值的平均。",
    );
    let table = noted(table("monthly", "", columns, rows), note)?;
    Some(section("monthly", say(lang, "Months", "分月数据"), vec![table]))
}

fn month_row(month: &MonthRow, lang: Lang) -> Vec<Cell> {
    let pue = &month.pue;
    // Over no time at all an energy is not known, and no zero.
    let covered = |energy| if pue.coverage > 0.0 { amount(energy) } else { Cell::Empty };
    vec![
        Cell::text(month.month.clone()),
        exact(month.hours),
        covered(month.facility_kwh),
        covered(month.it_kwh),
        value(pue),
        if_any(month.expanded, |u| number(u, 4)),
        share(pue.coverage),
        share(pue.interpolated),
        share(pue.estimated),
        status(lang, pue),
    ]
}

/// Fuel, delivered cooling and heat, by which factors they count.
pub(super) fn non_electric(report: &Report, lang: Lang) -> Section {
    let conversions = &report.methods.non_electric.0;
    let rows: Vec<Vec<Cell>> =
        conversions.iter().map(|by| words::conversion(lang, by).map(Cell::text).to_vec()).collect();
    let columns = vec![
        column(say(lang, "What", "能源种类"), 4),
        column(say(lang, "Factor, with its source", "折算系数及其来源"), 7),
        column(say(lang, "Method", "折算方法"), 7),
    ];
    let none = say(lang, "None is metered: electricity alone is counted.", "未计量非电能源，仅计入电能。");
    let block = table("conversions", "", columns, rows).unwrap_or_else(|| paragraph(none));
    section("non-electric", say(lang, "What is not electricity", "非电能源"), vec![block])
}
