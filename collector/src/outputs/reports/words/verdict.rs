//! Words of targets, verdicts and the reasons beside them.

use super::super::content::{Horizon, Verdict};
use super::super::document::{Lang, Tone};
use super::{in_brackets, indicator, say, told};
use crate::indicators::verdict::Reason;
use crate::topology::Problem;
use wattledger_model::calendar::Window;

/// A verdict by its tag.
pub(in super::super) fn verdict(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "compliant" => say(lang, "compliant", "符合"),
        "conditional_pass" => say(lang, "conditional pass", "有条件通过"),
        "conditional_fail" => say(lang, "conditional fail", "有条件不通过"),
        "non_compliant" => say(lang, "non-compliant", "不符合"),
        "pass_unguarded" => say(lang, "pass, without guard band", "通过（简单接受，无保护带）"),
        "fail_unguarded" => say(lang, "fail, without guard band", "不通过（简单接受，无保护带）"),
        "not_assessable" => say(lang, "not assessable", "不予判定"),
        other => other,
    }
}

/// How a verdict is to be taken.
pub(in super::super) fn tone(word: &str) -> Tone {
    match word {
        "compliant" | "pass_unguarded" => Tone::Good,
        "non_compliant" | "fail_unguarded" => Tone::Bad,
        _ => Tone::Caution,
    }
}

/// How a figure is compared, as people write it.
fn operator(word: &'static str) -> &'static str {
    match word {
        "<=" => "≤",
        ">=" => "≥",
        other => other,
    }
}

/// What a target asks for: `PUE ≤ 1.3`.
pub(in super::super) fn requirement(lang: Lang, of: &str, comparison: &'static str, limit: f64) -> String {
    format!("{} {} {limit}", indicator::short(lang, of), operator(comparison))
}

/// Whom a target binds, by its tag.
pub(in super::super) fn target_kind(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "facility" => say(lang, "each facility", "单个数据中心"),
        "average" => say(lang, "average of a group", "群体平均值"),
        "gate" => say(lang, "gate or duty", "准入条件或义务"),
        other => other,
    }
}

/// The time that a target is for, and whether it is over.
pub(in super::super) fn horizon(lang: Lang, verdict: &Verdict) -> String {
    let Horizon { from, until } = verdict.horizon;
    let zh = match (from, until) {
        (None, None) => "长期有效".to_owned(),
        (Some(from), None) => format!("自 {from} 起，长期有效"),
        (None, Some(until)) => format!("至 {until}"),
        (Some(from), Some(until)) => format!("{from} 至 {until}"),
    };
    let time = told(lang, verdict.horizon.to_string(), zh);
    if verdict.horizon_passed { in_brackets(lang, &time, say(lang, "passed", "已过")) } else { time }
}

/// Why there is no verdict, or what has to be said with it.
pub(in super::super) fn reason(lang: Lang, reason: &Reason) -> String {
    if lang == Lang::En {
        return reason.to_string();
    }
    let fixed = match reason {
        Reason::NotForOneFacility => "该指标限值不针对单个数据中心",
        Reason::About { indicator: of } => {
            return format!("该限值针对的指标为{}", indicator::short(lang, of));
        }
        Reason::Category0 => {
            "PUE0 为峰值需量（kW）之比，仅见于 The Green Grid，ISO/IEC 30134-2 各版均未采用，不得用于判定"
        }
        Reason::NoCategory => "未计量信息设备能耗，无法确定 PUE 类别",
        Reason::NotOver => "报告期尚未结束",
        Reason::NothingCovered => "报告期内无有效数据",
        Reason::NoItEnergy => "信息设备能耗为零",
        Reason::BelowOne => "PUE 小于 1，不合理：计量器具缺失或角色标注有误",
        Reason::Implausible => "数值不合理",
        Reason::Coverage { is, needed } => {
            let (is, needed) = (is * 100.0, needed * 100.0);
            return format!("数据覆盖率 {is:.2} %，低于判定所需的 {needed:.0} %");
        }
        Reason::LongGaps { count } => return format!("有 {count} 处超过 24 h 的数据缺口未作说明"),
        Reason::UncertaintyUnknown => "按简单接受规则判定：计量器具的不确定度未知",
        Reason::SimpleAcceptance => "按配置采用简单接受规则",
        Reason::HorizonPassed => "适用期限已过",
    };
    fixed.to_owned()
}

/// Why there is no PUE.
pub(in super::super) fn problem(lang: Lang, problem: Problem) -> String {
    let zh = match problem {
        Problem::NothingMetered => "未计量进入数据中心的能源，也未计量信息设备能耗",
        Problem::NoTotal => "未计量进入数据中心的能源；请将相应计量表的角色设为 `utility`（市电）",
        Problem::NoItEnergy => {
            "未计量信息设备能耗；请将相应计量表的角色设为 `ups-output`、`pdu-output` 或 `it-input`"
        }
    };
    told(lang, problem.to_string(), zh.to_owned())
}

/// A rolling window by its English label.
pub(in super::super) fn window(lang: Lang, label: &'static str) -> &'static str {
    let found = Window::ALL.iter().find(|window| window.label() == label);
    let zh = match found {
        Some(Window::Minute) => "1 分钟",
        Some(Window::QuarterHour) => "15 分钟",
        Some(Window::Hour) => "1 小时",
        Some(Window::Hours24) => "24 小时",
        Some(Window::Days7) => "7 天",
        Some(Window::Days30) => "30 天",
        Some(Window::Months12) => "12 个月",
        Some(Window::Day) => "当日累计",
        Some(Window::Week) => "本周累计",
        Some(Window::Month) => "本月累计",
        Some(Window::Quarter) => "本季度累计",
        Some(Window::Year) => "本年累计",
        None => label,
    };
    say(lang, label, zh)
}
