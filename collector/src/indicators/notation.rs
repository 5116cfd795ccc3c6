//! How a figure is written so that nobody can take it for another. Source: domain.md 2.1.

use super::category::Category;
use super::indicator::Indicator;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::{Interval, Minute};

/// The name of a figure: `PUE2 (2025-12-31)` for twelve months of PUE, `iPUE1 (2026-10-01:2026-10-31)` for
/// less or other, with local dates, the last one inclusive; with times where the interval is not of whole days.
/// The category is the facility's; an indicator that names its own, such as `pue2`, keeps that.
pub fn notation(indicator: Indicator, category: Option<u8>, interval: Interval, zone: Tz) -> String {
    let name = indicator.meaning().name;
    if !indicator.is_pue() {
        return format!("{name} ({})", period(interval, zone));
    }
    let category = indicator.own_category().map(Category::number).or(category);
    let category = category.map_or(String::new(), |category| category.to_string());
    if is_twelve_months(interval, zone) {
        return format!("{name}{category} ({})", calendar::date_of(zone, Minute(interval.to.0 - 1)));
    }
    format!("i{name}{category} ({})", period(interval, zone))
}

/// The name of a zone's partial PUE: `pPUE_hall-2 (2026-10-01:2026-10-31)`.
pub fn zone_notation(declared: &str, interval: Interval, zone: Tz) -> String {
    format!("pPUE_{declared} ({})", period(interval, zone))
}

fn period(interval: Interval, zone: Tz) -> String {
    let (first, last) =
        (calendar::date_of(zone, interval.from), calendar::date_of(zone, Minute(interval.to.0 - 1)));
    if calendar::day_start(zone, first) == interval.from
        && last.succ_opt().is_some_and(|next| calendar::day_start(zone, next) == interval.to)
    {
        return format!("{first}:{last}");
    }
    let time = |minute| calendar::local(zone, minute).format("%Y-%m-%dT%H:%M");
    format!("{}:{}", time(interval.from), time(interval.to))
}

/// Whether the interval runs from one local midnight to that of the same date a year later.
pub fn is_twelve_months(interval: Interval, zone: Tz) -> bool {
    let end = calendar::date_of(zone, interval.to);
    calendar::day_start(zone, end) == interval.to
        && calendar::interval(calendar::Window::Months12, zone, interval.to) == interval
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Timestamp;

    fn named(from: &str, to: &str) -> String {
        let at = |text| Timestamp::from_rfc3339(text).expect("time").minute();
        let zone: Tz = "Asia/Shanghai".parse().expect("zone");
        notation(Indicator::Pue, Some(2), Interval::new(at(from), at(to)), zone)
    }

    #[test]
    fn a_year_is_pue_and_all_else_is_ipue() {
        assert_eq!(named("2024-12-31T16:00:00Z", "2025-12-31T16:00:00Z"), "PUE2 (2025-12-31)");
        assert_eq!(named("2026-09-30T16:00:00Z", "2026-10-31T16:00:00Z"), "iPUE2 (2026-10-01:2026-10-31)");
        assert_eq!(
            named("2025-01-01T03:00:00Z", "2026-01-01T03:00:00Z"),
            "iPUE2 (2025-01-01T11:00:2026-01-01T11:00)"
        );
        assert_eq!(
            named("2026-10-01T02:00:00Z", "2026-10-01T03:00:00Z"),
            "iPUE2 (2026-10-01T10:00:2026-10-01T11:00)"
        );
    }

    #[test]
    fn derivatives_carry_their_names_and_their_own_categories() {
        let zone = Tz::UTC;
        let october = calendar::month(zone, "2026-10-01".parse().expect("a date"));
        let named = |indicator| notation(indicator, Some(2), october, zone);
        assert_eq!(named(Indicator::Pue3), "iPUE3 (2026-10-01:2026-10-31)");
        assert_eq!(named(Indicator::PpueCooling), "pPUE_cooling (2026-10-01:2026-10-31)");
        assert_eq!(named(Indicator::Dcie), "DCiE (2026-10-01:2026-10-31)");
        assert_eq!(named(Indicator::CueMarket), "CUE_market (2026-10-01:2026-10-31)");
        assert_eq!(zone_notation("hall-2", october, zone), "pPUE_hall-2 (2026-10-01:2026-10-31)");
    }
}
