//! What a hall's sensors say: a message for each meter and instant, ten seconds apart, of which a test knows all.

use crate::pair::Readings;
use crate::publish::Message;
use std::ops::Range;
use wattledger_collector::clock;

const REGISTERS: i64 = 8;
const POWERS: i64 = 3;
/// Between two readings of a meter.
const STEP_MS: i64 = 10_000;
const HOUR_MS: i64 = 3_600_000;

/// The agent's rules for these messages.
pub(crate) const RULES: &str = r#"
[[source.mqtt.rule]]
topic = "hall/register/{meter}"
meter = "{meter}"
value = "/value"
time = "/time"
time_format = "epoch-ms"
unit = "Wh"
[[source.mqtt.rule]]
topic = "hall/power/{meter}"
meter = "{meter}"
value = "/value"
time = "/time"
time_format = "epoch-ms"
unit = "W"
[[source.mqtt.rule]]
topic = "hall/inlet/{meter}"
meter = "{meter}"
value = "/value"
time = "/time"
time_format = "epoch-ms"
unit = "°C"
"#;

/// One of the filters that follow from the rules.
pub(crate) const FILTER: &str = "hall/power/+";

/// The collector's `[[meter]]` tables.
pub(crate) fn meters() -> String {
    let meter = |name: String, kind: &str, unit: &str, role: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"hall\"\nfacility = \"hall-1\"\nrole = \"{role}\"\n\
             kind = \"{kind}\"\nunit = \"{unit}\"\nnominal_interval = \"10s\"\n"
        )
    };
    let role = |at: i64| if at == 0 { "utility" } else { "it-input" };
    let registers = (0..REGISTERS).map(|at| meter(format!("register-{at}"), "register", "Wh", role(at)));
    let powers = (0..POWERS).map(|at| meter(format!("power-{at}"), "power", "W", "cooling"));
    let inlet = "[[meter]]\nname = \"inlet\"\nsite = \"hall\"\nkind = \"gauge\"\nunit = \"Cel\"\n";
    registers.chain(powers).collect::<String>() + inlet
}

/// The messages of a run, and the readings that they hold.
pub(crate) struct Load {
    pub(crate) begin_ms: i64,
    /// Every reading so far.
    pub(crate) known: Readings,
}

impl Load {
    /// Begins two days ago, at a whole hour.
    pub(crate) fn new() -> Load {
        let begin_ms = (clock::now().0 - 48 * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
        Load { begin_ms, known: Readings::new() }
    }

    /// The messages of these instants, counted from the begin.
    pub(crate) fn messages(&mut self, ticks: Range<i64>) -> Vec<Message> {
        let mut messages = Vec::new();
        for tick in ticks {
            let at = self.begin_ms + tick * STEP_MS;
            for (kind, meter, value) in shown(tick) {
                let payload = format!(r#"{{"time":{at},"value":{value}}}"#);
                messages.push(Message::new(format!("hall/{kind}/{meter}"), payload));
                self.known.insert((meter, at), value);
            }
        }
        messages
    }
}

/// What every meter shows at a tick, with the kind of it in its topic.
fn shown(tick: i64) -> Vec<(&'static str, String, String)> {
    let registers = (0..REGISTERS).map(|at| {
        let value = match at {
            // Begins at zero again, about once an hour.
            0 => tick % 400 * 57,
            // Moves on only now and then.
            1 => tick / 30 * 1_500,
            _ => 1_000_000 * at + tick * (40 + at) + tick * tick % 17,
        };
        ("register", format!("register-{at}"), value.to_string())
    });
    let powers = (0..POWERS).map(|at| {
        let value = 5_000 + 700 * at + (tick * 37 + at * 501) % 400;
        ("power", format!("power-{at}"), value.to_string())
    });
    let inlet = ("inlet", "inlet".to_owned(), format!("{}.5", 18 + tick * 7 % 9));
    registers.chain(powers).chain([inlet]).collect()
}
