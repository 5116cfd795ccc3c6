//! A document with every kind of block and of cell, in each language.

use crate::outputs::reports::document::{
    Banner, Block, Cell, Chart, Column, Document, Fact, Lang, SHAPE, Section, Table, Tone,
};
use wattledger_model::time::Timestamp;

/// The document; what it says of a facility is made up.
pub(crate) fn sample(lang: Lang) -> Document {
    let say = |en: &str, zh: &str| match lang {
        Lang::En => en.to_owned(),
        Lang::Zh => zh.to_owned(),
    };
    Document {
        document: SHAPE,
        lang,
        title: say("Hall 1 <north>", "一号机房 <北>"),
        subtitle: say("PUE report · hall-1 · October 2026", "电能使用效率报告 · hall-1 · 2026 年 10 月"),
        mark: Some(say("draft form, not for filing", "草稿表格，不得用于报送")),
        banners: banners(say),
        sections: vec![summary(say), energies(say), months(say), meters(say)],
        foot: say(
            "hall-1 · 2026-10 · ledger 9f2c6a1be0 & change 4711 · made 2026-11-02T08:00:00Z",
            "hall-1 · 2026-10 · 账本 9f2c6a1be0 & 变更 4711 · 生成于 2026-11-02T08:00:00Z",
        ),
        made_at: Timestamp(1_793_606_400_000),
    }
}

fn banners(say: impl Fn(&str, &str) -> String) -> Vec<Banner> {
    let banner = |tone, headline: String, detail: String| Banner { tone, headline, detail };
    vec![
        banner(
            Tone::Neutral,
            say(
                "iPUE1 (2026-10-01:2026-10-31) = 1.262 ± 0.013",
                "iPUE1 (2026-10-01:2026-10-31) = 1.262 ± 0.013",
            ),
            say("coverage 99.46 %; a month is no yearly figure", "数据覆盖率 99.46 %；月度值不能代替年度值"),
        ),
        banner(
            Tone::Good,
            say("D130: compliant", "D130：符合"),
            say("1.275 <= 1.3, guarded", "1.275 <= 1.3（含保护带）"),
        ),
        banner(
            Tone::Caution,
            say("D125: conditional fail", "D125：有条件不符合"),
            say("within the uncertainty of the limit", "在限值的不确定度范围内"),
        ),
        banner(Tone::Bad, say("T01: not compliant", "T01：不符合"), String::new()),
    ]
}

fn summary(say: impl Fn(&str, &str) -> String) -> Section {
    let fact = |name: String, is: Cell| Fact { name, is };
    let words = say(
        "Facility energy over IT energy, both as sums over the minutes that both are covered; \"&\" and <tags> are \
         letters like any others.",
        "设施总电能与信息设备电能之比，两者均按共同覆盖的分钟求和；“&”与 <标签> 只是普通字符。",
    );
    let told = Cell::Told { tone: Tone::Caution, shown: say("provisional", "暂定") };
    let facts = vec![
        fact(
            say("PUE, unrounded", "电能使用效率（未修约）"),
            number(1.262_284_670_953_401_7, "1.262 284 671"),
        ),
        fact(say("Coverage", "数据覆盖率"), share(0.994_631, "99.46 %")),
        fact(say("Begins", "起始"), instant(1_790_805_600_000, "2026-10-01 00:00")),
        fact(say("Status", "状态"), told),
        fact(say("Site", "站点"), Cell::text(say("Hall, Berlin", "柏林机房"))),
        fact(say("Market-based", "基于市场"), Cell::Empty),
    ];
    Section {
        name: "summary",
        title: say("Summary", "摘要"),
        blocks: vec![
            Block::Paragraph { text: words },
            Block::Facts { facts },
            Block::Note {
                tone: Tone::Caution,
                text: say("The period is shorter than a year.", "统计周期不足一年。"),
            },
        ],
    }
}

fn energies(say: impl Fn(&str, &str) -> String) -> Section {
    let kwh = || Some("kWh".to_owned());
    let columns = vec![
        column(say("Part", "构成"), None, false, 30),
        column(say("Facility energy E_DC", "设施总电能 E_DC"), kwh(), true, 20),
        column(say("IT energy E_IT", "信息设备电能 E_IT"), kwh(), true, 20),
        column(say("Share", "占比"), None, true, 15),
    ];
    let rows = vec![
        vec![
            Cell::text(say("measured", "实测")),
            number(95_406.0, "95\u{2009}406.000"),
            number(75_582.0, "75\u{2009}582.000"),
            share(0.999_999, "99.99 %"),
        ],
        vec![
            Cell::text(say("estimated", "估算")),
            number(0.000_4, "< 0.001"),
            number(-12.5, "\u{2212}12.500"),
            share(0.000_001, "< 0.01 %"),
        ],
        vec![Cell::text(say("interpolated", "插值")), Cell::Empty, number(f64::NAN, "–"), Cell::Empty],
    ];
    Section {
        name: "energies",
        title: say("Energies", "电能"),
        blocks: vec![Block::Table(Table {
            name: "energies",
            title: String::new(),
            columns,
            rows,
            note: Some(say("Both covered for 741 h of 745 h.", "共同覆盖 741 h，共 745 h。")),
        })],
    }
}

/// A table longer than a page, and a drawing.
fn months(say: impl Fn(&str, &str) -> String) -> Section {
    let columns = vec![
        column(say("From", "起始"), None, false, 24),
        column(say("IT load", "信息设备负载"), Some("kW".to_owned()), true, 18),
        column("PUE".to_owned(), None, true, 12),
        column(say("Verdict", "结论"), None, false, 30),
    ];
    let row = |hour: i64| {
        let load = 100.0 + (hour % 24) as f64 * 1.25;
        let pue = 1.2 + (hour % 7) as f64 * 0.031;
        let tone = if pue <= 1.3 { Tone::Good } else { Tone::Bad };
        let shown = if pue <= 1.3 { say("compliant", "符合") } else { say("not compliant", "不符合") };
        vec![
            instant(1_790_805_600_000 + hour * 3_600_000 + i64::from(hour == 5) * 30_000, "2026-10-01 00:00"),
            number(load, &format!("{load:.1}")),
            number(pue, &format!("{pue:.3}")),
            Cell::Told { tone, shown },
        ]
    };
    let svg = "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"180\" viewBox=\"0 0 720 180\">\
               <rect x=\"40\" y=\"20\" width=\"660\" height=\"130\" fill=\"none\" stroke=\"#444\"/>\
               <polyline points=\"40,120 150,80 260,95 370,60 480,88 590,70 700,40\" fill=\"none\" stroke=\"#0b4f8a\" \
               stroke-width=\"2\"/><text x=\"44\" y=\"168\" font-family=\"sans-serif\" font-size=\"12\">PUE</text></svg>";
    Section {
        name: "monthly",
        title: say("Hours", "逐时"),
        blocks: vec![
            Block::Table(Table {
                name: "hours",
                title: say("Hourly load and PUE: first days [local]", "逐时负载与 PUE：前几日 [当地]"),
                columns,
                rows: (0..96).map(row).collect(),
                note: None,
            }),
            Block::Chart(Chart {
                name: "pue",
                title: say("PUE by hour", "逐时 PUE"),
                alt: say("a line that rises from 1.20 to 1.39", "由 1.20 升至 1.39 的折线"),
                svg: svg.to_owned(),
                note: Some(say("Band: uncertainty U, k = 2.", "带：扩展不确定度 U，k = 2。")),
            }),
        ],
    }
}

/// A table that is wide.
fn meters(say: impl Fn(&str, &str) -> String) -> Section {
    let columns = vec![
        column(say("Role", "用途"), None, false, 10),
        column(say("Meter", "电表"), None, false, 14),
        column(say("Title", "名称"), None, false, 20),
        column(say("Accuracy class", "准确度等级"), None, false, 8),
        column(say("Current transformer", "电流互感器"), None, false, 8),
        column(say("Share of the energy", "电能占比"), None, true, 8),
        column(say("Relative standard uncertainty", "相对标准不确定度"), Some("%".to_owned()), true, 10),
        column(say("Remarks", "备注"), None, false, 30),
    ];
    let row = |at: i32| {
        vec![
            Cell::text("ups-output"),
            Cell::text(format!("ups-{at}")),
            Cell::text(say("Output of the uninterruptible supply", "不间断电源输出")),
            Cell::text("0.5S"),
            Cell::text("0.2"),
            share(0.125, "12.50 %"),
            number(0.29, "0.290"),
            Cell::text(say(
                "calibrated 2024-05-17, serial 4711-0815, read every 10 s, gap limit 120 s; 3 resets",
                "校准 2024-05-17，编号 4711-0815，每 10 s 读数，缺口限值 120 s；复位 3 次",
            )),
        ]
    };
    Section {
        name: "meters",
        title: say("Meters of the boundary", "边界内的计量表"),
        blocks: vec![Block::Table(Table {
            name: "meters",
            title: String::new(),
            columns,
            rows: (1..=8).map(row).collect(),
            note: None,
        })],
    }
}

fn column(heading: String, unit: Option<String>, right: bool, width: u8) -> Column {
    Column { heading, unit, right, width }
}

fn number(value: f64, shown: &str) -> Cell {
    Cell::Number { value, shown: shown.to_owned() }
}

fn share(value: f64, shown: &str) -> Cell {
    Cell::Share { value, shown: shown.to_owned() }
}

fn instant(ms: i64, shown: &str) -> Cell {
    Cell::Instant { at: Timestamp(ms), shown: shown.to_owned() }
}
