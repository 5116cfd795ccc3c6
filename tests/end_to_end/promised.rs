//! Lines of version 2 of the catalogue that the collector of this state does not write yet, so that the dashboards'
//! queries can be tried on them.

use crate::chain::SITE;
use std::fmt::Write;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The lines of the plant between two instants, and what is live up to now.
pub(crate) fn lines(first: i64, last: i64, now: i64) -> String {
    let mut text = String::new();
    for at in (first.div_euclid(HOUR_MS) * HOUR_MS..=last).step_by(HOUR_MS as usize) {
        let turn = ((at as f64 / DAY_MS as f64 + 0.9) * std::f64::consts::TAU).sin();
        let pue = 1.19 + 0.05 * turn;
        let _ = writeln!(
            text,
            "wl_indicator,facility=hall,indicator=pue,site={SITE},window=24h expanded=0.009 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-cooling,site={SITE},window=24h value={},coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-power-path,site={SITE},window=24h value=1.062,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-lighting,site={SITE},window=24h value=1.021,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-cooling,site={SITE},window=30d value=1.1,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-power-path,site={SITE},window=30d value=1.062,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=ppue-lighting,site={SITE},window=30d value=1.021,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=cue-market,site={SITE},window=30d value=0.11,coverage=1 {at}\n\
             wl_indicator,facility=hall,indicator=wue-potable,site={SITE},window=30d value=0.03,coverage=1 {at}\n\
             wl_zone,facility=hall,site={SITE},window=24h,zone=room-1 value={},coverage=1 {at}\n\
             wl_weather,facility=hall,meter=outdoor,site={SITE} mean={},min={},max={},coverage=1 {at}",
            1.06 + 0.04 * (1.0 + turn),
            pue + 0.01,
            11.0 + 7.0 * turn,
            10.0 + 7.0 * turn,
            12.0 + 7.0 * turn,
        );
    }
    for (number, at) in
        (first.div_euclid(DAY_MS) * DAY_MS + 7 * HOUR_MS..=last).step_by(DAY_MS as usize).enumerate()
    {
        day(&mut text, at, number as f64);
    }
    for at in (now - 30 * 60_000..=now).step_by(10_000) {
        live(&mut text, at, (at - now) as f64 / 1_000.0 + 2_000.0);
    }
    text
}

fn day(text: &mut String, at: i64, number: f64) {
    let (value, left) = (1.21 + 0.001 * number, 90_000.0 - 1_500.0 * number);
    for indicator in
        ["ref", "erf", "ere", "cer", "cue", "cue-market", "wue", "wue-potable", "coal-equivalent"]
    {
        let _ = writeln!(
            text,
            "wl_indicator,facility=hall,indicator={indicator},site={SITE},window=12mo value=0.4,coverage=0.9 {at}"
        );
    }
    for indicator in ["carbon-market", "scope1"] {
        let kg = if indicator == "scope1" { 32.0 } else { 1_150.0 };
        let _ = writeln!(
            text,
            "wl_indicator,facility=hall,indicator={indicator},site={SITE},window=day numerator={kg},value={kg},coverage=1 {at}"
        );
    }
    for (target, limit) in [("D130", 1.3), ("D125", 1.25)] {
        let _ = writeln!(
            text,
            "wl_budget,facility=hall,site={SITE},target={target} limit={limit},value={value},coverage=0.1,permitted={},\
             overhead_left_kwh={left},days_left={},burn_rate={},burn_rate_1d=0.9,burn_rate_7d=0.8,burn_rate_30d=0.75,\
             forecast={} {at}",
            limit + 0.03,
            left / 2_200.0,
            (value - 1.0) / (limit - 1.0),
            value + 0.005,
        );
    }
    for meter in ["main", "ups-in", "ups"] {
        let residual = if meter == "main" { 72.0 } else { 0.5 };
        let _ = writeln!(
            text,
            "wl_balance,facility=hall,meter={meter},site={SITE} parent_kwh=12000,children_kwh={},residual_kwh={residual},\
             allowed_kwh=90,coverage=1 {at}",
            12_000.0 - residual
        );
    }
    for meter in ["main", "pdu", "chillers", "annex-cooling"] {
        let measured = if meter == "annex-cooling" { 0.75 } else { 1.0 };
        let _ = writeln!(
            text,
            "wl_meter_day,meter={meter},site={SITE} coverage={measured},measured={measured},interpolated=0.1,estimated=0,\
             amount=1000,resets=0i,rollovers=1i,exchanges=0i,jumps=0i,jitters=2i,undecidable=0i,long_steps=1i {at}"
        );
    }
}

fn live(text: &mut String, at: i64, seconds: f64) {
    for meter in ["main", "pdu", "chillers", "annex-cooling"] {
        let live = u8::from(meter != "annex-cooling");
        let _ = writeln!(
            text,
            "wl_meter_state,meter={meter},site={SITE} live={live},age_s=42,coverage_24h=0.99,resets=0,pending=0,\
             duplicates=3,conflicts=0,refused=1 {at}"
        );
    }
    let _ = writeln!(
        text,
        "wl_quarantine,cause=unknown-meter count=4,held=4 {at}\n\
         wl_quarantine,cause=clock-ahead count=1,held=1 {at}\n\
         wl_collector,collector=campus uptime_s={seconds},readings={0},batches={seconds},commits={seconds},\
         readings_per_s=210,lag_s=0.4,flush_s=0.02,change={seconds},store_bytes=91000000,memory_bytes=61000000,problems=0 {at}\n\
         wl_output,collector=campus,output=history ok=1,behind=0,points={0},refused_points=0 {at}\n\
         wl_channel,channel=bus,collector=campus ok=1,delivered=1,failed=0,given_up=0 {at}\n\
         wl_horizon,facility=hall,site={SITE} lag_s=70 {at}\n\
         wl_alert,facility=hall,rule=hall-high,severity=warning raised=1,value=1.2,limit=1.01,coverage=1 {at}",
        seconds * 210.0
    );
    if at % 600_000 < 10_000 {
        for kind in ["alert-raised", "correction", "configuration", "exchange"] {
            let _ = writeln!(
                text,
                "wl_event,facility=hall,kind={kind},site={SITE} title=\"A title\",text=\"What it was\",who=\"uid 0\" {at}"
            );
        }
    }
}
