use super::*;
use proptest::prelude::*;

fn zone(name: &str) -> Tz {
    name.parse().expect(name)
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

fn at(text: &str) -> Minute {
    Timestamp::from_rfc3339(text).expect(text).minute()
}

fn between(from: &str, to: &str) -> Interval {
    Interval::new(at(from), at(to))
}

#[test]
fn days_around_clock_changes_have_their_real_length() {
    // Vectors D01 to D04: zone, date, start, end, hours.
    for (name, local, from, to, hours) in [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 25),
        ("America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z", 23),
        ("Asia/Kathmandu", "2026-06-01", "2026-05-31T18:15:00Z", "2026-06-01T18:15:00Z", 24),
    ] {
        let found = day(zone(name), date(local));
        assert_eq!(found, between(from, to), "{name} {local}");
        assert_eq!(found.minutes(), hours * 60, "{name} {local}");
    }
}

#[test]
fn months_around_clock_changes_have_their_real_length() {
    // Vector D05.
    for (name, local, from, to, hours) in [
        ("Europe/Berlin", "2026-03-01", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 743),
        ("Europe/Berlin", "2026-10-01", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 745),
        ("Asia/Shanghai", "2026-10-01", "2026-09-30T16:00:00Z", "2026-10-31T16:00:00Z", 744),
    ] {
        let found = month(zone(name), date(local));
        assert_eq!(found, between(from, to), "{name} {local}");
        assert_eq!(found.minutes(), hours * 60, "{name} {local}");
    }
}

#[test]
fn weeks_begin_on_monday_and_quarters_in_january() {
    let berlin = zone("Europe/Berlin");
    // 2027-01-01 is a Friday.
    assert_eq!(week(berlin, date("2027-01-01")), between("2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"));
    assert_eq!(quarter(berlin, date("2026-05-31")), between("2026-03-31T22:00:00Z", "2026-06-30T22:00:00Z"));
    assert_eq!(year(berlin, date("2024-02-29")), between("2023-12-31T23:00:00Z", "2024-12-31T23:00:00Z"));
}

#[test]
fn a_date_that_clocks_skip_takes_no_time() {
    let apia = zone("Pacific/Apia");
    assert!(day(apia, date("2011-12-30")).is_empty());
    let before = day(apia, date("2011-12-29"));
    assert_eq!(before.to, day(apia, date("2011-12-31")).from);
    let ends: Vec<_> =
        stamps(Window::Day, apia, Interval::new(before.from, Minute(before.to.0 + 1_440))).collect();
    assert_eq!(ends.iter().map(|stamp| stamp.interval.minutes()).collect::<Vec<_>>(), [1_440, 1_440]);
}

#[test]
fn an_evening_repeated_over_midnight_belongs_to_the_day_that_had_begun() {
    // Newfoundland, until 2011: at 00:01 clocks went back to 23:01 of the day before.
    let st_johns = zone("America/St_Johns");
    let sunday = day(st_johns, date("2010-11-07"));
    assert_eq!(sunday.from, at("2010-11-07T02:30:00Z"));
    let repeated = at("2010-11-07T03:00:00Z");
    assert_eq!(local(st_johns, repeated).date(), date("2010-11-06"));
    assert_eq!(date_of(st_johns, repeated), date("2010-11-07"));
    assert_eq!(interval(Window::Day, st_johns, repeated).from, sunday.from);
}

#[test]
fn rolling_windows_are_elapsed_time_but_for_twelve_months() {
    let berlin = zone("Europe/Berlin");
    let end = at("2026-03-29T12:00:00Z");
    assert_eq!(
        interval(Window::Hours24, berlin, end),
        between("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z")
    );
    assert_eq!(interval(Window::Days30, berlin, end).minutes(), 30 * 1_440);
    // Summer time has begun: the same clock time a year earlier is an hour later in UTC.
    assert_eq!(interval(Window::Months12, berlin, end).from, at("2025-03-29T13:00:00Z"));
    // 29 February becomes the 28th, midnight stays midnight.
    let leap = day_start(berlin, date("2028-02-29"));
    assert_eq!(interval(Window::Months12, berlin, leap).from, day_start(berlin, date("2027-02-28")));
    // Midnight is missing on 2024-09-08 in Santiago, not a year later.
    let santiago = zone("America/Santiago");
    let later = day_start(santiago, date("2025-09-08"));
    assert_eq!(interval(Window::Months12, santiago, later).from, day_start(santiago, date("2024-09-08")));
    let late = day_start(santiago, date("2024-09-08"));
    assert_eq!(interval(Window::Months12, santiago, late).from, day_start(santiago, date("2023-09-08")));
}

#[test]
fn calendar_windows_hold_the_last_minute_before_their_end() {
    let berlin = zone("Europe/Berlin");
    let noon = at("2026-05-20T10:00:00Z");
    assert_eq!(
        interval(Window::Month, berlin, noon),
        between("2026-04-30T22:00:00Z", "2026-05-20T10:00:00Z")
    );
    assert_eq!(full_interval(Window::Month, berlin, noon), month(berlin, date("2026-05-20")));
    // At midnight the day that has just ended is the one to show, whole.
    let midnight = day_start(berlin, date("2026-05-20"));
    assert_eq!(interval(Window::Day, berlin, midnight), day(berlin, date("2026-05-19")));
    assert_eq!(interval(Window::Day, berlin, Minute(midnight.0 + 1)).minutes(), 1);
}

#[test]
fn publications_follow_the_length_of_the_window() {
    let kathmandu = zone("Asia/Kathmandu");
    let range = between("2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z");
    let count = |window| stamps(window, kathmandu, range).count();
    assert_eq!(count(Window::Hour), 2_880);
    assert_eq!(count(Window::Hours24), 192);
    assert_eq!(count(Window::Days30), 48);
    assert_eq!(count(Window::Months12), 2);
    assert_eq!(count(Window::Month), 2);
    let first = stamps(Window::Hours24, kathmandu, range).next().expect("one");
    assert_eq!(first.at, at("2026-06-01T00:15:00Z"), "an end at the range's start was due before");
    let last = stamps(Window::Hours24, kathmandu, range).last().expect("one");
    assert_eq!((last.at, last.interval.to), (range.to, range.to));
    // To date at each midnight, always stamped at the month's start, whole at its end.
    let months: Vec<_> = stamps(Window::Month, kathmandu, range).collect();
    assert_eq!(months[0].at, at("2026-05-31T18:15:00Z"));
    assert_eq!(months[1].interval, between("2026-05-31T18:15:00Z", "2026-06-02T18:15:00Z"));
}

#[test]
fn a_change_touches_the_publications_that_contain_it() {
    let utc = zone("UTC");
    let changed = between("2026-06-10T12:00:00Z", "2026-06-10T12:05:00Z");
    let horizon = at("2026-06-20T00:00:00Z");
    let touched_by = |window| touched(window, utc, changed, horizon).collect::<Vec<_>>();
    assert_eq!(touched_by(Window::Minute).len(), 5);
    assert_eq!(touched_by(Window::Hour).len(), 64);
    assert_eq!(touched_by(Window::Days7).len(), 168);
    assert_eq!(touched_by(Window::Months12).len(), 10, "each midnight up to the horizon");
    let month = touched_by(Window::Month);
    assert_eq!(
        month,
        [Stamp {
            at: at("2026-06-01T00:00:00Z"),
            interval: between("2026-06-01T00:00:00Z", "2026-06-20T00:00:00Z")
        }]
    );
    let day = touched_by(Window::Day);
    assert_eq!(day.len(), 1);
    assert_eq!(day[0].interval, between("2026-06-10T00:00:00Z", "2026-06-11T00:00:00Z"));
    assert_eq!(
        touched(Window::Hour, utc, changed, changed.from).count(),
        0,
        "beyond the horizon nothing is published"
    );
    assert_eq!(touched(Window::Hour, utc, Interval::new(changed.from, changed.from), horizon).count(), 0);
}

#[test]
fn words_read_back() {
    for window in Window::ALL {
        assert_eq!(window.word().parse(), Ok(*window));
    }
    assert!("2h".parse::<Window>().is_err());
}

#[test]
fn periods_are_read_as_the_site_writes_its_dates() {
    let berlin = zone("Europe/Berlin");
    let read = |text: &str| Period::parse(text, berlin).map(|period| (period.kind, period.interval));
    assert_eq!(read("2025"), Ok((PeriodKind::Year, year(berlin, date("2025-01-01")))));
    assert_eq!(read("2025-03"), Ok((PeriodKind::Month, month(berlin, date("2025-03-01")))));
    assert_eq!(read("2025-Q2"), Ok((PeriodKind::Quarter, quarter(berlin, date("2025-04-01")))));
    assert_eq!(read("2025-Q4"), Ok((PeriodKind::Quarter, quarter(berlin, date("2025-12-01")))));
    assert_eq!(read("2025-03-30"), Ok((PeriodKind::Day, day(berlin, date("2025-03-30")))));
    let range = between("2025-02-28T23:00:00Z", "2025-04-14T22:00:00Z");
    assert_eq!(read("2025-03-01..2025-04-15"), Ok((PeriodKind::Range, range)));
    let instants = between("2025-02-28T23:00:00Z", "2025-03-01T12:30:00Z");
    assert_eq!(read("2025-03-01..2025-03-01T12:30:00Z"), Ok((PeriodKind::Range, instants)));
}

#[test]
fn twelve_months_end_with_the_date_that_is_named_or_the_last_whole_one() {
    let berlin = zone("Europe/Berlin");
    let read = |text: &str| Period::parse(text, berlin).map(|period| (period.kind, period.interval));
    let to_october =
        Interval::new(day_start(berlin, date("2025-11-01")), day_start(berlin, date("2026-11-01")));
    assert_eq!(read("12m-to-2026-10-31"), Ok((PeriodKind::TwelveMonths, to_october)));
    assert_eq!(to_october.minutes(), 365 * 1_440, "both ends are in winter time");
    assert_eq!(read("12m-to-2025-12-31").map(|(_, of)| of), read("2025").map(|(_, of)| of));
    let leap = read("12m-to-2028-02-29").expect("a leap day").1;
    assert_eq!(leap, interval(Window::Months12, berlin, day_start(berlin, date("2028-03-01"))));
    for wrong in ["12m-to-2026-10", "12m-to-", "12m-to-october"] {
        assert!(matches!(Period::parse(wrong, berlin), Err(PeriodError::Form(_))), "{wrong}");
    }
    assert!(matches!(Period::parse("12m-to-2026-02-30", berlin), Err(PeriodError::Date(_))));

    let rolling = |horizon: &str| Period::parse_at("rolling-12m", berlin, at(horizon)).expect("a period");
    assert_eq!(rolling("2026-10-31T23:00:00Z").interval, to_october, "midnight ends the date");
    assert_eq!(rolling("2026-11-01T22:59:00Z").text, "12m-to-2026-10-31", "the date is not over");
    assert_eq!(Period::parse_at("2025", berlin, at("2026-11-01T00:00:00Z")), Period::parse("2025", berlin));
    assert!(matches!(Period::parse("rolling-12m", berlin), Err(PeriodError::Form(_))), "no horizon is known");
}

#[test]
fn what_is_no_period_is_refused_with_its_reason() {
    let read = |text: &str| Period::parse(text, zone("UTC")).expect_err(text);
    for text in [
        "",
        "25",
        "2025-3",
        "2025-Q",
        "2025-Q22",
        "2025-03-01-1",
        "march",
        "2025..",
        "2025-01..2025-03",
        "+025",
    ] {
        assert!(matches!(read(text), PeriodError::Form(_)), "{text}");
    }
    for text in [
        "2025-13",
        "2025-02-30",
        "2025-Q5",
        "1999",
        "2200",
        "2025-02-30..2025-03-01",
        "1999-01-01T00:00:00Z..2025-01-01",
    ] {
        assert!(matches!(read(text), PeriodError::Date(_)), "{text}");
    }
    for text in ["2025-03-01..2025-03-01", "2025-03-02..2025-03-01"] {
        assert!(matches!(read(text), PeriodError::Empty(_)), "{text}");
    }
    assert!(matches!(read("2025-03-01T00:00:30Z..2025-03-02"), PeriodError::Seconds(_)));
}

/// Every local date of every zone that both databases know, up to the last year in which they are of one edition.
#[test]
fn an_independent_calendar_agrees_in_every_zone() {
    let database = jiff::tz::TimeZoneDatabase::bundled();
    let mut compared = 0;
    for zone in chrono_tz::TZ_VARIANTS {
        let Ok(theirs) = database.get(zone.name()) else { continue };
        for year in 2010..2026 {
            let mut expected = jiff::civil::date(year, 1, 1);
            let mut local = NaiveDate::from_ymd_opt(year as i32, 1, 1).expect("a date");
            while local.year() == year as i32 {
                let start =
                    theirs.to_zoned(expected.to_datetime(jiff::civil::Time::midnight())).expect("in range");
                let start = start.start_of_day().expect("in range").timestamp().as_second();
                let found = day_start(zone, local).start().0 / 1_000;
                assert_eq!(found, start, "{} {local}", zone.name());
                expected = expected.tomorrow().expect("in range");
                local = next_day(local);
                compared += 1;
            }
        }
    }
    assert!(compared > 3_000_000, "{compared}");
}

proptest! {
    #[test]
    fn calendar_windows_tile_time(minute in 15_778_080..73_000_000_i64, at in 0..600_usize, window in 7..12_usize) {
        let zone = chrono_tz::TZ_VARIANTS[at % chrono_tz::TZ_VARIANTS.len()];
        let window = Window::ALL[window];
        let end = Minute(minute);
        let full = full_interval(window, zone, end);
        prop_assert!(full.contains(Minute(minute - 1)));
        prop_assert_eq!(full_interval(window, zone, full.to), full);
        prop_assert_eq!(full_interval(window, zone, Minute(full.to.0 + 1)).from, full.to);
        prop_assert_eq!(interval(window, zone, end), Interval::new(full.from, end));
    }

    #[test]
    fn publications_do_not_depend_on_how_time_is_cut(
        from in 27_000_000..31_000_000_i64, a in 0..20_000_i64, b in 0..20_000_i64, at in 0..600_usize, window in 0..12_usize,
    ) {
        let zone = chrono_tz::TZ_VARIANTS[at % chrono_tz::TZ_VARIANTS.len()];
        let window = Window::ALL[window];
        let (cut, end) = (Minute(from + a), Minute(from + a + b));
        let whole: Vec<_> = stamps(window, zone, Interval::new(Minute(from), end)).collect();
        let mut parts: Vec<_> = stamps(window, zone, Interval::new(Minute(from), cut)).collect();
        parts.extend(stamps(window, zone, Interval::new(cut, end)));
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn no_minute_and_no_text_panics(minute in any::<i64>(), text in "[0-9Qq.TZ:+-]{0,25}", window in 0..12_usize) {
        let zone = zone("America/St_Johns");
        let _ = full_interval(Window::ALL[window], zone, Minute(minute));
        let _ = stamps(Window::ALL[window], zone, Interval::new(Minute(minute), Minute(minute.saturating_add(9_000)))).take(9).count();
        let _ = Period::parse(&text, zone);
    }
}
