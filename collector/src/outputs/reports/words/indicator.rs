//! Words of indicators, and of what targets are about.

use super::super::document::Lang;
use super::say;
use crate::indicators::Indicator;

/// What an indicator is, by its tag.
pub(in super::super) fn indicator(lang: Lang, word: &'static str) -> &'static str {
    let Ok(found) = word.parse::<Indicator>() else { return word };
    let zh = match found {
        Indicator::Pue => "电能使用效率",
        Indicator::Pue1 => "电能使用效率（1 类）",
        Indicator::Pue2 => "电能使用效率（2 类）",
        Indicator::Pue3 => "电能使用效率（3 类）",
        Indicator::PpueCooling => "制冷系统局部电能使用效率",
        Indicator::PpuePowerPath => "供配电系统局部电能使用效率",
        Indicator::PpueLighting => "照明局部电能使用效率",
        Indicator::PpueOther => "其他用能局部电能使用效率",
        Indicator::PpueZone => "分区局部电能使用效率",
        Indicator::Dcie => "数据中心基础设施效率",
        Indicator::EnergyRatio => "电能比（GB 40879）",
        Indicator::Wue => "水资源利用效率（总用水）",
        Indicator::WuePotable => "水资源利用效率（生活饮用水）",
        Indicator::Cue => "碳利用效率（基于位置法）",
        Indicator::CueMarket => "碳利用效率（基于市场法）",
        Indicator::Carbon => "范围二二氧化碳排放量（基于位置法）",
        Indicator::CarbonMarket => "范围二二氧化碳排放量（基于市场法）",
        Indicator::Scope1 => "范围一二氧化碳排放量（现场燃料燃烧）",
        Indicator::Ref => "可再生能源利用率",
        Indicator::Erf => "能源再利用率",
        Indicator::Ere => "能源再利用效率",
        Indicator::Cer => "制冷能效比",
        Indicator::Ce => "算效",
        Indicator::RackUtilisation => "上架率",
        Indicator::Iteu => "服务器利用率",
        Indicator::CoalEquivalent => "综合能耗",
    };
    say(lang, found.meaning().title, zh)
}

/// The short name of what a target is about: a symbol, or words where there is none.
pub(super) fn short(lang: Lang, word: &str) -> String {
    let known = match word {
        "pue" | "pue1" | "pue2" | "pue3" | "dpue" | "wue" | "cue" | "ref" | "erf" | "ere" | "cer" | "ce" => {
            return if word == "dpue" { "dPUE".to_owned() } else { word.to_uppercase() };
        }
        "energy-ratio" => say(lang, "energy ratio", "电能比"),
        "rack-utilisation" => say(lang, "rack utilisation", "上架率"),
        "tce" | "coal-equivalent" => say(lang, "tce a year", "年综合能耗（tce）"),
        "standard-racks" => say(lang, "standard racks", "标准机架数"),
        "it-rated-power" => say(lang, "installed IT power, kW,", "信息设备额定功率（kW）"),
        "green-low-carbon-grade" => say(lang, "green low-carbon grade", "绿色低碳等级"),
        "gbt-44989-level" => say(lang, "level of GB/T 44989", "GB/T 44989 级别"),
        other => return other.to_owned(),
    };
    known.to_owned()
}
