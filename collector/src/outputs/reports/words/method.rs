//! Words of how figures were reckoned.

use super::super::document::Lang;
use super::super::figures::{BY_INTERVAL, BY_YEAR};
use super::super::market::{REST_BY_LOCATION, REST_BY_RESIDUAL, REST_BY_SUPPLIER};
use super::super::uncertainty::Uncertainty;
use super::{in_brackets, named, say, told, unknown, with};
use crate::config::Method;
use crate::topology::Conversion;
use wattledger_model::carrier::{Carrier, Cited};

/// The method of a carbon figure.
pub(in super::super) fn carbon_method(lang: Lang, method: &'static str) -> &'static str {
    let zh = match method {
        BY_YEAR => {
            "范围二：以市电计量表所计电量，逐小时乘以消费当年的电力二氧化碳排放因子求和，不使用年均因子乘以总电量"
        }
        BY_INTERVAL => {
            "范围二：以市电计量表所计电量，逐时段乘以该时段的排放因子求和；无时段因子的，采用消费当年的电力二氧化碳排放因子"
        }
        REST_BY_SUPPLIER => {
            "范围二：同一外购电量，先扣除凭证和合同已覆盖的电量（不计 CO₂），其余逐小时乘以供电商排放因子"
        }
        REST_BY_RESIDUAL => {
            "范围二：同一外购电量，先扣除凭证和合同已覆盖的电量（不计 CO₂），其余逐小时乘以剩余电力组合因子"
        }
        REST_BY_LOCATION => {
            "范围二：同一外购电量，先扣除凭证和合同已覆盖的电量（不计 CO₂），其余逐小时乘以基于位置法的因子（未声明供电商因子或剩余电力组合因子）"
        }
        other => other,
    };
    say(lang, method, zh)
}

/// The basis of a carbon figure by its tag. Source: GHG Protocol Scope 2 guidance.
pub(in super::super) fn carbon_basis(lang: Lang, basis: &'static str) -> &'static str {
    match basis {
        "location-based" => say(lang, "location-based", "基于位置法"),
        "market-based" => say(lang, "market-based", "基于市场法"),
        other => other,
    }
}

/// How verdicts are made.
pub(in super::super) fn decision_rule(lang: Lang, guarded: bool) -> &'static str {
    if guarded {
        say(
            lang,
            "guard band w = U (JCGM 106): compliant only where the limit is met with all of the expanded uncertainty, \
             non-compliant only where it is missed with all of it; otherwise conditional",
            "保护带规则，w = U（JCGM 106，GB/T 27430）：计入全部扩展不确定度后仍满足限值的判为符合，仍不满足的判为不符合，\
             其余为有条件判定",
        )
    } else {
        say(
            lang,
            "simple acceptance without guard band, since the uncertainty is unknown: the verdict is named so, and is \
             never `compliant`",
            "不确定度未知，按简单接受规则判定（无保护带，w = 0）；判定结果据此注明，不得称为“符合”",
        )
    }
}

/// How uncertain the figure is, and by which rules.
pub(in super::super) fn uncertainty(lang: Lang, of: &Uncertainty) -> String {
    if let Some(stated) = &of.stated {
        let rules = say(
            lang,
            "classes as rectangular limits, one make correlated, others independent",
            "准确度等级误差限按均匀分布；同一制造厂的计量器具视为完全相关，不同制造厂的视为独立",
        );
        return in_brackets(lang, stated, rules);
    }
    let not_known = say(lang, "unknown", "未知");
    match of.unknown.as_slice() {
        [] => with(lang, not_known, say(lang, "nothing is covered", "报告期内无有效数据")),
        [first, rest @ ..] => {
            let first = with(lang, &first.meter, &unknown(lang, first.why));
            let more = match rest.len() {
                0 => String::new(),
                more => told(lang, format!("; and {more} more"), format!("；另有 {more} 只计量表")),
            };
            with(lang, not_known, &format!("{first}{more}"))
        }
    }
}

fn carrier(lang: Lang, carrier: Carrier) -> &'static str {
    let (en, zh) = match carrier {
        Carrier::Diesel => ("diesel", "柴油"),
        Carrier::Gas => ("natural gas", "天然气"),
        Carrier::Hydrogen => ("hydrogen", "氢气"),
        Carrier::Bioethanol => ("bioethanol", "生物乙醇"),
        Carrier::FuelOil => ("fuel oil", "燃料油"),
        Carrier::Petrol => ("petrol", "汽油"),
    };
    say(lang, en, zh)
}

/// A value with its unit, source and year.
fn cited(lang: Lang, cited: &Cited) -> String {
    let per = cited.per.map_or(String::new(), |per| format!(" {}/{}", cited.of, super::unit(per.symbol())));
    let mut source = vec![named(lang, &cited.source).to_owned()];
    source.extend(
        cited.year.filter(|year| !source[0].contains(&year.to_string())).map(|year| year.to_string()),
    );
    source.extend(cited.unconfirmed.then(|| say(lang, "unconfirmed", "待核实").to_owned()));
    in_brackets(lang, &format!("{}{per}", cited.value), &source.join(say(lang, ", ", "，")))
}

/// What is converted into energy: `(what, by which factors, by which method)`.
pub(in super::super) fn conversion(lang: Lang, by: &Conversion) -> [String; 3] {
    let what = match by.carrier {
        Some(of) => in_brackets(lang, carrier(lang, of), super::role(lang, by.role.word())),
        None => super::role(lang, by.role.word()).to_owned(),
    };
    let mut factors = cited(lang, &by.factor);
    if let Some(weight) = &by.weight {
        factors = format!("{factors} × {}", cited(lang, weight));
    }
    let method = match by.method {
        Method::EnIso => say(
            lang,
            "EN/ISO: fuel by its energy content, delivered cooling and heat by the factor of the supplying system",
            "EN/ISO 法：燃料按热值折算，外购冷（热）量按供能系统的折算系数",
        ),
        Method::SourceWeighted => {
            say(lang, "source weighting (The Green Grid WP49)", "能源加权法（The Green Grid WP49）")
        }
    };
    [what, factors, method.to_owned()]
}

/// What made a restated report differ: a kind of entry of the audit chain, or what else changed.
pub(in super::super) fn cause(lang: Lang, kind: &str) -> String {
    match kind {
        "configuration" => say(lang, "configuration", "配置变更"),
        "correction" => say(lang, "correction", "人工更正"),
        "withdrawal" => say(lang, "withdrawal of a correction", "撤回更正"),
        "admission" => say(lang, "admission of refused readings", "补录被拒读数"),
        "rebuild" => say(lang, "rebuild", "重新计算"),
        "ledger" => say(lang, "late data", "迟到数据"),
        "engine" => say(lang, "version of the program", "程序版本"),
        "table" => say(lang, "table", "数据表"),
        other => other,
    }
    .to_owned()
}
