//! What a reader sees first: title, banners, summary, and the line at the foot of each page.

use super::super::content::{Figure, Report, Verdict};
use super::super::document::{Banner, Block, Lang, Section, Tone};
use super::super::text::percent;
use super::super::words::{self, in_brackets, listed, say, told, with};
use super::cells::{amount, exact, fact, facts, grouped, if_any, note, said, share, status};
use super::section;

/// What kind of paper it is, of whom and over which period.
pub(super) fn subtitle(report: &Report, lang: Lang) -> String {
    let (facility, period) = (&report.facility.name, &report.period);
    let kind = say(lang, "Energy efficiency report", "数据中心能效报告");
    let span = in_brackets(lang, &span(report, lang), period.time_zone);
    told(
        lang,
        format!("{kind} of {facility}, {}: {span}", period.text),
        format!("{kind}，{facility}，{}：{span}", period.text),
    )
}

/// From when until when, by local clocks.
pub(super) fn span(report: &Report, lang: Lang) -> String {
    let (from, to) = (&report.period.from_local, &report.period.to_local);
    told(lang, format!("{from} to {to}"), format!("{from} 至 {to}"))
}

/// Which report this is, and of which ledger.
pub(super) fn foot(report: &Report, lang: Lang) -> String {
    let (versions, period) = (&report.versions, &report.period.text);
    let digest: String = versions.ledger_digest.chars().take(16).collect();
    let change = told(
        lang,
        format!("ledger change {}, digest {digest}…", versions.change),
        format!("台账变更号 {}，哈希值 {digest}…", versions.change),
    );
    match &report.seal {
        Some(seal) => format!("{} · {change}", seal.id),
        None => format!("{} · {period} · {change}", report.facility.name),
    }
}

/// The headline figure, the cut of a period that is not over, and each verdict.
pub(super) fn banners(report: &Report, lang: Lang) -> Vec<Banner> {
    let mut banners = vec![headline(report, lang)];
    banners.extend(cut(report, lang).map(|(headline, detail)| Banner {
        tone: Tone::Caution,
        headline,
        detail,
    }));
    banners.extend(report.verdicts.iter().map(|verdict| of_verdict(verdict, lang)));
    if report.verdicts.is_empty() {
        banners.push(Banner {
            tone: Tone::Neutral,
            headline: say(lang, "No target", "未设目标").to_owned(),
            detail: say(lang, "no targets are set for this facility", "未为该数据中心设置目标限值")
                .to_owned(),
        });
    }
    banners
}

/// A figure with its name and unit: `PUE2 (2025-12-31) = 1.27`.
pub(super) fn named(lang: Lang, figure: &Figure) -> String {
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
    match &figure.rounded {
        Some(rounded) => format!("{} = {}{unit}", figure.notation, grouped(rounded)),
        None => with(lang, &figure.notation, words::status(lang, figure.status).1),
    }
}

/// Coverage and the shares that are not measured.
pub(super) fn known(lang: Lang, figure: &Figure) -> String {
    let [coverage, needed, interpolated, estimated] =
        [figure.coverage, figure.coverage_needed, figure.interpolated, figure.estimated].map(percent);
    told(
        lang,
        format!(
            "coverage {coverage} (at least {needed} is needed), interpolated {interpolated}, estimated {estimated}"
        ),
        format!(
            "数据覆盖率 {coverage}（判定要求不低于 {needed}），插值占比 {interpolated}，估算占比 {estimated}"
        ),
    )
}

fn headline(report: &Report, lang: Lang) -> Banner {
    let figure = &report.pue;
    let (tone, status) = words::status(lang, figure.status);
    let name = named(lang, figure);
    let mut details = Vec::new();
    if let Some(problem) = report.facility.problem {
        details.push(words::problem(lang, problem));
    }
    let expanded = say(lang, "with its expanded uncertainty", "含扩展不确定度");
    details.push(match &report.uncertainty.stated {
        Some(stated) => with(lang, expanded, stated),
        None => say(lang, "the expanded uncertainty U is not known", "扩展不确定度 U 未知").to_owned(),
    });
    details.extend(not_resolved(report, lang));
    details.push(known(lang, figure));
    Banner {
        tone: if tone == Tone::Good { Tone::Neutral } else { tone },
        headline: if figure.rounded.is_some() && figure.status != "ok" {
            in_brackets(lang, &name, status)
        } else {
            name
        },
        detail: listed(lang, &details),
    }
}

/// That the figure is more uncertain than is worth showing. Source: domain.md 6.1.
pub(super) fn not_resolved(report: &Report, lang: Lang) -> Option<String> {
    if report.uncertainty.resolved != Some(false) {
        return None;
    }
    let longer = report.uncertainty.shortest_resolved.map(|window| words::window(lang, window));
    let (en, zh) = match longer {
        Some(longer) => (format!("; {longer} would do"), format!("；报告期至少需 {longer}")),
        None => Default::default(),
    };
    Some(told(
        lang,
        format!("not resolved: the uncertainty is more than 5 % of the value{en}"),
        format!("分辨不足：扩展不确定度超过数值的 5 %{zh}"),
    ))
}

/// That the period is not over, and where it was cut.
fn cut(report: &Report, lang: Lang) -> Option<(String, String)> {
    let cut = report.period.cut.as_ref()?;
    let (to, end) = (report.period.to, cut.would_end);
    let headline = say(lang, "The period is not over", "报告期尚未结束");
    let detail = told(
        lang,
        format!("all meters are known up to {to}, and the report ends there; the period ends at {end}"),
        format!("各计量表数据截至 {to}，本报告统计至该时刻；报告期应于 {end} 结束"),
    );
    Some((headline.to_owned(), detail))
}

fn of_verdict(verdict: &Verdict, lang: Lang) -> Banner {
    let asked = words::requirement(lang, &verdict.indicator, verdict.operator, verdict.limit);
    let asked = with(
        lang,
        &format!("{}{}{asked}", verdict.target, say(lang, ", ", "，")),
        words::verdict(lang, verdict.verdict),
    );
    let mut details: Vec<String> = verdict.reasons.iter().map(|reason| words::reason(lang, reason)).collect();
    details.push(words::named(lang, &verdict.document).to_owned());
    Banner { tone: words::tone(verdict.verdict), headline: asked, detail: listed(lang, &details) }
}

/// The figure with what it is made of.
pub(super) fn summary(report: &Report, lang: Lang) -> Section {
    let (pue, energies) = (&report.pue, &report.energies);
    let mut blocks = Vec::new();
    blocks.extend(pitfalls(report, lang));
    let mut lines = vec![
        said(words::indicator(lang, pue.indicator), named(lang, pue)),
        fact(
            say(lang, "unrounded value, which targets are compared with", "未修约值（用于与限值比较）"),
            if_any(pue.value, exact),
        ),
        said(
            say(lang, "with expanded uncertainty", "含扩展不确定度"),
            report.uncertainty.stated.clone().unwrap_or_else(|| say(lang, "not known", "未知").to_owned()),
        ),
        fact(say(lang, "status", "数据状态"), status(lang, pue)),
        fact(say(lang, "coverage", "数据覆盖率"), share(pue.coverage)),
        fact(say(lang, "coverage that a verdict needs", "判定所需覆盖率"), share(pue.coverage_needed)),
        fact(say(lang, "interpolated share", "插值占比"), share(pue.interpolated)),
        fact(say(lang, "estimated share", "估算占比"), share(pue.estimated)),
    ];
    if pue.numerator.is_some() {
        lines.extend([
            fact(
                say(lang, "E_DC where both are covered, kWh", "共同有效时段的总能耗 E_DC（kWh）"),
                amount(energies.facility.common),
            ),
            fact(
                say(lang, "E_IT where both are covered, kWh", "共同有效时段的信息设备能耗 E_IT（kWh）"),
                amount(energies.it.common),
            ),
        ]);
    }
    blocks.push(facts(lines));
    section("summary", say(lang, "Summary", "概要"), blocks)
}

/// What keeps the figure from being handed on as it stands.
fn pitfalls(report: &Report, lang: Lang) -> Vec<Block> {
    let mut notes = Vec::new();
    if let Some(problem) = report.facility.problem {
        notes.push(note(Tone::Bad, words::problem(lang, problem)));
    }
    notes.extend(cut(report, lang).map(|(head, detail)| note(Tone::Caution, with(lang, &head, &detail))));
    match report.pue.status {
        "provisional" => notes.push(note(
            Tone::Caution,
            say(
                lang,
                "Provisional: less of the period is covered than a verdict needs; the value may still move.",
                "暂定值：数据覆盖率低于判定要求，数值可能变动，不得作为最终结果引用。",
            ),
        )),
        "implausible" => notes.push(note(
            Tone::Bad,
            say(
                lang,
                "Implausible: a PUE below 1 means that a meter is missing or mislabelled. It is reported as it is.",
                "数值不合理：PUE 小于 1，表明计量器具缺失或角色标注有误；按原值报告，不作修正。",
            ),
        )),
        _ => {}
    }
    notes.extend(not_resolved(report, lang).map(|text| note(Tone::Caution, text)));
    notes
}
