//! Documents for the tests, as JSON and in both languages, and the font to print them with.

use crate::request::Lang;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Where Debian keeps WenQuanYi Micro Hei; `WATTLEDGER_FONTS` names another place.
const FONTS: &str = "/usr/share/fonts/truetype/wqy";

/// The directory of the font that tests print with. `None`, said loudly, where it is not installed; with `CI=true`
/// that is a failure.
pub(crate) fn fonts() -> Option<PathBuf> {
    let folder = std::env::var_os("WATTLEDGER_FONTS").map_or_else(|| PathBuf::from(FONTS), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!("{} is not there: apt-get install fonts-wqy-microhei", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("!!!! SKIPPED: {missing}");
    None
}

/// The word of this language.
pub(crate) fn say<'a>(lang: Lang, english: &'a str, chinese: &'a str) -> &'a str {
    match lang {
        Lang::En => english,
        Lang::Zh => chinese,
    }
}

/// A document of one section.
pub(crate) fn document(lang: Lang, blocks: Vec<Value>) -> Value {
    json!({
        "document": "wattledger/document/v1",
        "lang": say(lang, "en", "zh"),
        "title": say(lang, "Data hall 1", "一号机房"),
        "subtitle": say(lang, "Energy report, October 2026", "能效报告，2026年10月"),
        "mark": null,
        "banners": [
            {
                "tone": "neutral",
                "headline": "PUE₃ = 1.284 ± 0.009",
                "detail": say(lang, "96.4 % of the period is covered; k = 2", "覆盖率96.4 %；k = 2"),
            },
            {
                "tone": "caution",
                "headline": say(lang, "D130: not assessable", "D130：无法判定"),
                "detail": say(lang, "The interval reaches over the limit of 1.3.", "区间越过限值1.3。"),
            },
        ],
        "sections": [{"name": "summary", "title": say(lang, "Summary", "摘要"), "blocks": blocks}],
        "foot": "hall-1 2026-10 · 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "made_at": "2026-11-01T00:15:00Z",
    })
}

pub(crate) fn paragraph(text: &str) -> Value {
    json!({"block": "paragraph", "text": text})
}

/// A drawing with a text in it.
pub(crate) fn chart(title: &str, label: &str) -> Value {
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"300\" viewBox=\"0 0 640 300\">\
         <rect x=\"40\" y=\"20\" width=\"560\" height=\"240\" fill=\"none\" stroke=\"black\"/>\
         <path d=\"M40 200 L320 90 L600 140\" stroke=\"#1b5e8c\" fill=\"none\"/>\
         <text x=\"320\" y=\"285\" font-family=\"sans-serif\" font-size=\"14\" text-anchor=\"middle\">{label}</text></svg>"
    );
    json!({"block": "chart", "name": "monthly-pue", "title": title, "alt": label, "svg": svg, "note": null})
}

/// A table of meters, as long as asked for, with names that are long too.
pub(crate) fn meters(lang: Lang, rows: usize) -> Value {
    let column = |heading: &str, unit: Option<&str>, right: bool, width: u8| json!({"heading": heading, "unit": unit, "right": right, "width": width});
    let text = |shown: String| json!({"cell": "text", "shown": shown});
    let rows: Vec<Value> = (1..=rows)
        .map(|row| {
            json!([
                text(format!("campus-north/hall-1-ups-{row}-output-active-energy-import")),
                text(say(lang, "UPS output, feed A, room 2.14", "不间断电源输出，A路，2.14室").to_owned()),
                text("0.5 S".to_owned()),
                json!({"cell": "number", "value": 1234567.5, "shown": "1\u{2009}234\u{2009}567.500"}),
                json!({"cell": "share", "value": 0.0123, "shown": "1.23 %"}),
                json!({"cell": "instant", "at": "2026-03-01T00:00:00Z", "shown": "2026-03-01 00:00 +01:00"}),
                json!({"cell": "told", "tone": "good", "shown": say(lang, "calibrated", "已校准")}),
                json!({"cell": "empty"}),
            ])
        })
        .collect();
    json!({
        "block": "table",
        "name": "meters",
        "title": say(lang, "Meters", "计量表"),
        "columns": [
            column(say(lang, "Meter", "电表"), None, false, 5),
            column(say(lang, "What it measures", "计量对象"), None, false, 4),
            column(say(lang, "Class", "准确度等级"), None, false, 1),
            column(say(lang, "Energy", "电量"), Some("kWh"), true, 1),
            column(say(lang, "Estimated", "估算占比"), None, true, 1),
            column(say(lang, "Calibrated", "校准时间"), None, false, 2),
            column(say(lang, "Calibration", "校准状态"), None, false, 1),
            column(say(lang, "Remark", "备注"), None, false, 1),
        ],
        "rows": rows,
        "note": say(lang, "Classes of IEC 62053-22.", "准确度等级依据IEC 62053-22。"),
    })
}

/// One block of each kind.
pub(crate) fn every_block(lang: Lang) -> Vec<Value> {
    let fact = |name: &str, is: Value| json!({"name": name, "is": is});
    vec![
        paragraph(say(
            lang,
            "The figure is a ratio of two energies over the same minutes; *no* mean of ratios, #no code, $no formula$.",
            "本指标为同一时段内两项电量之比，不是比值的平均值；“缺测”的分钟不计为零——*不*作标记，#亦非代码，$亦非公式$。",
        )),
        json!({"block": "note", "tone": "bad", "text": say(lang, "Provisional figures.", "本报告数据为暂定值。")}),
        json!({"block": "facts", "facts": [
            fact(say(lang, "Facility", "设施"), json!({"cell": "text", "shown": "hall-1"})),
            fact(say(lang, "IT energy", "信息设备电量"), json!({"cell": "number", "value": 9, "shown": "9\u{2009}876\u{2009}543.2 kWh"})),
            fact(say(lang, "Verdict", "判定"), json!({"cell": "told", "tone": "bad", "shown": say(lang, "not met", "不符合")})),
            fact(say(lang, "Refrigerant", "制冷剂"), json!({"cell": "empty"})),
            fact("SHA-256", json!({"cell": "text", "shown": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"})),
        ]}),
        meters(lang, 3),
        chart(say(lang, "Monthly PUE", "月度电能使用效率"), say(lang, "Month", "月份")),
    ]
}
