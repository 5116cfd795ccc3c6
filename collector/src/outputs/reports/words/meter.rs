//! Words of meters: roles, kinds, steps, instruments, and why an uncertainty is not known.

use super::super::content::NotKnown;
use super::super::document::Lang;
use super::super::uncertainty::{Current, Exactness};
use super::{say, told};
use crate::indicators::uncertainty::Unknown;
use wattledger_model::instrument::{Accuracy, CurrentPath};
use wattledger_model::meter::{Form, Kind};
use wattledger_model::minute::StepClass;
use wattledger_model::role::Role;

/// A role by its tag.
pub(in super::super) fn role(lang: Lang, word: &'static str) -> &'static str {
    let Ok(found) = word.parse::<Role>() else { return word };
    let (en, zh) = match found {
        Role::Utility => ("grid supply", "市电"),
        Role::Generator => ("generator output", "自备发电机输出"),
        Role::OnSiteRenewable => ("on-site solar and wind", "现场可再生能源发电"),
        Role::Export => ("export", "外送电量"),
        Role::UpsOutput => ("UPS output", "UPS 输出端"),
        Role::PduOutput => ("PDU output", "PDU 输出端"),
        Role::ItInput => ("input of the IT equipment", "信息设备输入端"),
        Role::Cooling => ("cooling", "制冷系统"),
        Role::Lighting => ("lighting", "照明"),
        Role::PowerPath => ("losses of the power path", "供配电系统损耗"),
        Role::Other => ("other overhead", "其他辅助用能"),
        Role::Water => ("water", "取水总量"),
        Role::ItLoad => ("load of the IT equipment", "信息设备负载率"),
        Role::Outdoor => ("outdoor weather", "室外气象"),
        Role::Fuel => ("fuel", "燃料"),
        Role::GeneratorFuel => ("fuel of generators", "发电机燃料"),
        Role::DistrictCooling => ("district cooling", "外购冷量"),
        Role::DistrictHeat => ("district heat", "外购热量"),
        Role::HeatReuse => ("heat reused outside", "外供余热"),
        Role::HeatRemoved => ("heat removed", "排热量"),
        Role::StorageCharge => ("storage, charge", "储能充电"),
        Role::StorageDischarge => ("storage, discharge", "储能放电"),
        Role::PotableWater => ("potable water", "生活饮用水"),
        Role::RacksInUse => ("racks in use", "在用机架数"),
        Role::ZoneTotal => ("zone total", "分区总能耗"),
        Role::UpsInput => ("UPS input", "UPS 输入端"),
    };
    say(lang, en, zh)
}

/// A kind of meter by its tag.
pub(in super::super) fn kind(lang: Lang, word: &'static str) -> &'static str {
    let Ok(found) = word.parse::<Kind>() else { return word };
    let (en, zh) = match found {
        Kind::Register => ("register", "累计量"),
        Kind::Power => ("power", "功率"),
        Kind::Flow => ("flow", "流量"),
        Kind::Gauge => ("gauge", "状态量"),
    };
    say(lang, en, zh)
}

/// How values stand for time, by the tag.
pub(in super::super) fn form(lang: Lang, word: &'static str) -> &'static str {
    let Ok(found) = word.parse::<Form>() else { return word };
    let (en, zh) = match found {
        Form::Instant => ("instant values", "瞬时值"),
        Form::OnChange => ("on change", "变化上传值"),
        Form::IntervalMean => ("interval means", "时段平均值"),
    };
    say(lang, en, zh)
}

/// A unit of readings, as people write it.
pub(in super::super) fn unit(symbol: &'static str) -> &'static str {
    match symbol {
        "Cel" => "°C",
        "[degF]" => "°F",
        "m3" => "m³",
        "m3/h" => "m³/h",
        "m3/s" => "m³/s",
        other => other,
    }
}

/// A class of steps by its tag; `long` is a forward step beyond the gap limit.
pub(in super::super) fn step(lang: Lang, word: &'static str) -> &'static str {
    if word == "long" {
        return say(lang, "long step", "长读数区间（总量实测，时间分布插值）");
    }
    if word == "entry" {
        return say(lang, "entered by an operator", "人工补录");
    }
    let Some(found) = StepClass::ALL.iter().find(|class| class.word() == word) else { return word };
    let (en, zh) = match found {
        StepClass::Normal => ("normal", "正常"),
        StepClass::Jitter => ("jitter", "示值微小回退"),
        StepClass::Rollover => ("rollover", "示值溢出归零"),
        StepClass::Reset => ("reset", "示值复位"),
        StepClass::Jump => ("jump", "示值跳变"),
        StepClass::Undecidable => ("undecidable", "无法判定"),
        StepClass::Exchange => ("exchange of the instrument", "计量器具更换"),
    };
    say(lang, en, zh)
}

/// How an amount is known, by the tag.
pub(in super::super) fn provenance(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "measured" => say(lang, "measured", "实测"),
        "interpolated" => say(lang, "interpolated", "插值"),
        "estimated" => say(lang, "estimated", "估算"),
        other => other,
    }
}

/// What is not known in a gap.
pub(in super::super) fn not_known(lang: Lang, what: NotKnown) -> &'static str {
    let zh = match what {
        NotKnown::Both => "总能耗和信息设备能耗",
        NotKnown::FacilityEnergy => "总能耗",
        NotKnown::ItEnergy => "信息设备能耗",
        NotKnown::Split => "长读数区间的时间分布",
    };
    say(lang, what.words(), zh)
}

/// How exact an instrument is.
pub(in super::super) fn exactness(lang: Lang, exactness: Exactness) -> String {
    let zh = match exactness.0 {
        Accuracy::Class(class) => format!("{class} 级"),
        Accuracy::LimitPercent(limit) => format!("最大允许误差 ±{limit} %"),
        Accuracy::ChannelPercent(expanded) => format!("整个测量通道 U = {expanded} %（k = 2）"),
    };
    told(lang, exactness.to_string(), zh)
}

/// How current reaches an instrument.
pub(in super::super) fn current(lang: Lang, current: Current) -> String {
    let zh = match current.0 {
        CurrentPath::Direct => "直接接入".to_owned(),
        CurrentPath::Transformer(class) => format!("电流互感器 {class} 级"),
    };
    told(lang, current.to_string(), zh)
}

/// Why an instrument's uncertainty is not known.
pub(in super::super) fn unknown(lang: Lang, why: Unknown) -> String {
    let zh = match why {
        Unknown::NoInstrument => "未登记计量器具".to_owned(),
        Unknown::NoAccuracy => "未登记准确度等级或最大允许误差".to_owned(),
        Unknown::NoCurrentPath => "未说明是否经电流互感器接入及其准确度等级".to_owned(),
        Unknown::NoRatedLoad => "电流互感器的额定负载未知，无法确定其误差限值".to_owned(),
        Unknown::LoadTooLow { what, load, lowest } => {
            let what = if what == "meter" { "电能表" } else { "电流互感器" };
            format!("负载为额定值的 {load:.2} %，{what}准确度等级的误差限值自 {lowest} % 起方有规定")
        }
        Unknown::LoadTooHigh { load, highest } => {
            format!("负载为额定值的 {load:.0} %，电流互感器准确度等级的误差限值至 {highest} % 为止")
        }
        Unknown::NoLimit(percent) => format!("所声明的不确定度 {percent} % 无效"),
    };
    told(lang, why.to_string(), zh)
}

/// A PUE category, with what it is called.
pub(in super::super) fn class(lang: Lang, category: u8) -> String {
    let (en, zh) = match category {
        1 => ("basic", "基本级"),
        2 => ("intermediate", "中级"),
        3 => ("advanced", "高级"),
        _ => return category.to_string(),
    };
    told(lang, format!("{category}, {en}"), format!("{category} 类（{zh}）"))
}
