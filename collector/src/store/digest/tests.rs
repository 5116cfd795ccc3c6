use super::*;
use crate::ledger::block::{MINUTES, encode_levels, encode_sums};
use crate::store::{Layout, history, open_writer};
use proptest::prelude::*;
use rusqlite::types::Value;
use wattledger_model::minute::{GaugeMinute, Minute as Sums, Part};
use wattledger_model::time::{Minute, Timestamp};

const HOUR_MS: i64 = 3_600_000;
const METERS: i64 = 3;

/// A store with meters of which nothing is known yet.
fn store() -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().expect("a directory");
    let connection = open_writer(&Layout::new(dir.path())).expect("opens");
    connection.pragma_update(None, "synchronous", "OFF").expect("set");
    for meter in 1..=METERS {
        connection
            .execute("INSERT INTO meter VALUES (?1, 'hall', ?2, '')", params![meter, format!("m{meter}")])
            .expect("a meter");
    }
    (dir, connection)
}

/// An hour with a few minutes of an amount; of a gauge where it is odd.
fn hour_block(amount: i64) -> Vec<u8> {
    if amount % 2 == 0 {
        let mut hour = [Sums::default(); MINUTES];
        for slot in hour.iter_mut().skip(amount.rem_euclid(50) as usize).take(5) {
            slot.parts[0] = Part { amount, ms: 60_000 };
        }
        encode_sums(&hour)
    } else {
        let mut hour = [GaugeMinute::default(); MINUTES];
        let level = amount as f64;
        hour[7] = GaugeMinute { mean: level, min: level, max: level, ms: 1_000 };
        encode_levels(&hour)
    }
}

fn put_hour(connection: &Connection, meter: MeterId, hour: i64, amount: i64) {
    connection
        .execute(
            "INSERT OR REPLACE INTO hour VALUES (?1, ?2, 1, 0, 0, 0, 0, 0, 0, ?3)",
            params![meter, hour, hour_block(amount)],
        )
        .expect("written");
}

/// What anybody may do to minutes and steps, whole statements at a time; and digests made in between.
#[derive(Debug, Clone)]
enum Deed {
    Hour { meter: i64, hour: i64, amount: i64 },
    Block { meter: i64, hour: i64, amount: i64 },
    MoveHour { meter: i64, hour: i64, by: i64 },
    DeleteHour { meter: i64, hour: i64 },
    Step { meter: i64, from: i64, hours: i64, amount: Option<i64> },
    MoveStep { meter: i64, from: i64, by: i64 },
    Class { meter: i64, from: i64 },
    DeleteStep { meter: i64, from: i64 },
    MoveMeter { from: i64, to: i64 },
    Make { limit: usize },
    RolledBack { meter: i64, hour: i64, amount: i64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    let meter = || 1..=METERS;
    // Three days on either side of the epoch.
    let hour = || -72_i64..72;
    prop_oneof![
        4 => (meter(), hour(), 0_i64..9).prop_map(|(meter, hour, amount)| Deed::Hour { meter, hour, amount }),
        2 => (meter(), hour(), 0_i64..9).prop_map(|(meter, hour, amount)| Deed::Block { meter, hour, amount }),
        1 => (meter(), hour(), -30_i64..30).prop_map(|(meter, hour, by)| Deed::MoveHour { meter, hour, by }),
        1 => (meter(), hour()).prop_map(|(meter, hour)| Deed::DeleteHour { meter, hour }),
        3 => (meter(), hour(), 1_i64..50, prop::option::of(0_i64..3))
            .prop_map(|(meter, from, hours, amount)| Deed::Step { meter, from, hours, amount }),
        1 => (meter(), hour(), -30_i64..30).prop_map(|(meter, from, by)| Deed::MoveStep { meter, from, by }),
        1 => (meter(), hour()).prop_map(|(meter, from)| Deed::Class { meter, from }),
        1 => (meter(), hour()).prop_map(|(meter, from)| Deed::DeleteStep { meter, from }),
        1 => (meter(), meter()).prop_map(|(from, to)| Deed::MoveMeter { from, to }),
        5 => (1_usize..20).prop_map(|limit| Deed::Make { limit }),
        1 => (meter(), hour(), 0_i64..9)
            .prop_map(|(meter, hour, amount)| Deed::RolledBack { meter, hour, amount }),
    ]
}

impl Deed {
    fn act(self, connection: &Connection) {
        let run = |text: &str, values: &[Option<i64>]| {
            connection.execute(text, rusqlite::params_from_iter(values.iter().copied())).expect(text);
        };
        // Within a range of hours, so that a deed often meets something.
        let near = |of: &str| format!("meter = ?1 AND {of} BETWEEN ?2 AND ?2 + ?3");
        let ms = |hours: i64| Some(hours * HOUR_MS + 123);
        match self {
            Deed::Hour { meter, hour, amount } => put_hour(connection, meter, hour, amount),
            Deed::Block { meter, hour, amount } => {
                let values = [meter.into(), hour.into(), 10.into(), Value::Blob(hour_block(amount))];
                let text = format!("UPDATE hour SET block = ?4 WHERE {}", near("hour"));
                connection.execute(&text, rusqlite::params_from_iter(values)).expect("written");
            }
            Deed::MoveHour { meter, hour, by } => run(
                &format!("UPDATE OR REPLACE hour SET hour = hour + ?4 WHERE {}", near("hour")),
                &[Some(meter), Some(hour), Some(10), Some(by)],
            ),
            Deed::DeleteHour { meter, hour } => {
                run(&format!("DELETE FROM hour WHERE {}", near("hour")), &[Some(meter), Some(hour), Some(3)])
            }
            Deed::Step { meter, from, hours, amount } => run(
                "INSERT OR REPLACE INTO step VALUES (?1, ?2, ?3, 'reset', ?4, 'estimated', 1)",
                &[Some(meter), ms(from), ms(from + hours), amount],
            ),
            Deed::MoveStep { meter, from, by } => run(
                &format!("UPDATE OR REPLACE step SET from_ms = from_ms + ?4 WHERE {}", near("from_ms")),
                &[Some(meter), ms(from), Some(20 * HOUR_MS), Some(by * HOUR_MS)],
            ),
            Deed::Class { meter, from } => run(
                &format!("UPDATE step SET class = 'jump', provenance = NULL WHERE {}", near("from_ms")),
                &[Some(meter), ms(from), Some(20 * HOUR_MS)],
            ),
            Deed::DeleteStep { meter, from } => run(
                &format!("DELETE FROM step WHERE {}", near("from_ms")),
                &[Some(meter), ms(from), Some(20 * HOUR_MS)],
            ),
            Deed::MoveMeter { from, to } => {
                run("UPDATE OR REPLACE hour SET meter = ?2 WHERE meter = ?1", &[Some(from), Some(to)]);
                run("UPDATE OR REPLACE step SET meter = ?2 WHERE meter = ?1", &[Some(from), Some(to)]);
            }
            Deed::Make { limit } => make(connection, limit),
            Deed::RolledBack { meter, hour, amount } => {
                let transaction = connection.unchecked_transaction().expect("begun");
                put_hour(&transaction, meter, hour, amount);
                make(&transaction, 100);
                transaction.rollback().expect("rolled back");
            }
        }
    }
}

fn make(connection: &Connection, limit: usize) {
    for meter_day in waiting(connection, None, i64::MAX, limit).expect("read") {
        keep(connection, meter_day, 1, &mut Vec::new()).expect("kept");
    }
}

fn count_kept(connection: &Connection) -> i64 {
    let count = "SELECT count(*) FROM day_digest WHERE digest IS NOT NULL";
    connection.query_row(count, [], |row| row.get(0)).expect("counted")
}

fn interval(from: i64, to: i64) -> Option<Interval> {
    Some(Interval::new(Minute(from), Minute(to)))
}

/// With the digests that are kept, and without.
fn both(connection: &Connection, part: Option<Interval>) -> (Digest, Digest) {
    (of(connection, part).expect("read"), afresh(connection, part).expect("read"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kept_digest_is_never_that_of_other_minutes_or_steps(
        deeds in prop::collection::vec(deed(), 1..60),
        (from, length) in (-4_400_i64..4_400, 0_i64..8_000),
    ) {
        let (_dir, connection) = store();
        for deed in deeds {
            let said = format!("{deed:?}");
            deed.act(&connection);
            for part in [None, interval(from, from + length)] {
                let (kept, fresh) = both(&connection, part);
                prop_assert_eq!(kept, fresh, "of {:?} after {}", part, said);
            }
        }
        make(&connection, 1_000);
        let (kept, fresh) = both(&connection, None);
        prop_assert_eq!(kept, fresh, "all of them kept");
    }
}

#[test]
fn what_is_written_as_it_was_voids_nothing_but_its_own_day() {
    let (_dir, connection) = store();
    for hour in [-25, -24, -1, 0, 23, 24, 47] {
        put_hour(&connection, 1, hour, 4);
        put_hour(&connection, 2, hour, 4);
    }
    make(&connection, 100);
    assert_eq!(count_kept(&connection), 8, "four days of two meters");
    for (hour, left) in [(-1, 7), (-24, 7), (0, 6), (23, 6), (24, 5), (-25, 4)] {
        put_hour(&connection, 1, hour, 6);
        assert_eq!(count_kept(&connection), left, "after hour {hour}");
    }
    // Of a block only the change number is written when the coverage beside it changed.
    connection.execute("UPDATE hour SET change = 9", []).expect("written");
    assert_eq!(count_kept(&connection), 4);
}

#[test]
fn digests_that_are_kept_are_read_and_not_made_again() {
    let (_dir, connection) = store();
    put_hour(&connection, 1, 5, 4);
    put_hour(&connection, 1, 30, 4);
    make(&connection, 100);
    let good = of(&connection, None).expect("read");
    connection.execute("UPDATE day_digest SET digest = zeroblob(32) WHERE day = 0", []).expect("forged");
    assert_ne!(of(&connection, None).expect("read"), good);
    assert_eq!(afresh(&connection, None).expect("read"), good);
    // A part of the day is made from the minutes, and so is what is no digest.
    let part = interval(60, 2 * DAY_MINUTES);
    let (kept, fresh) = both(&connection, part);
    assert_eq!(kept, fresh);
    connection.execute("UPDATE day_digest SET digest = zeroblob(31) WHERE day = 0", []).expect("cut");
    assert_eq!(of(&connection, None).expect("read"), good);
    forget_all(&connection).expect("forgotten");
    assert_eq!((count_kept(&connection), of(&connection, None).expect("read")), (0, good));
}

#[test]
fn days_wait_in_order_and_only_until_their_digest_is_made() {
    let (_dir, connection) = store();
    for (meter, hour) in [(2, 0), (1, 0), (1, 24), (3, -1), (1, 1)] {
        put_hour(&connection, meter, hour, 4);
    }
    let all = [(-1, 3), (0, 1), (0, 2), (1, 1)];
    let look = |after, before, limit| waiting(&connection, after, before, limit).expect("read");
    assert_eq!(look(None, i64::MAX, 10), all);
    assert_eq!(look(None, 1, 10), all[..3], "days before a day");
    assert_eq!(look(Some((0, 1)), i64::MAX, 10), all[2..]);
    assert_eq!(look(None, i64::MAX, 2), all[..2]);
    make(&connection, 3);
    assert_eq!(look(None, i64::MAX, 10), all[3..]);
}

#[test]
fn no_amount_is_not_the_amount_zero() {
    let digests = [None, Some(0)].map(|amount| {
        let (_dir, connection) = store();
        Deed::Step { meter: 1, from: 3, hours: 2, amount }.act(&connection);
        of(&connection, None).expect("read").hex
    });
    assert_ne!(digests[0], digests[1]);
}

/// Day 0 is written at change 1 and its digest made at change 2; day 1 at change 3.
#[test]
fn a_digest_tells_of_earlier_knowledge_only_where_nothing_of_the_day_changed_since() {
    let (dir, connection) = store();
    put_hour(&connection, 1, 5, 4);
    for meter_day in waiting(&connection, None, 1, 10).expect("read") {
        keep(&connection, meter_day, 2, &mut Vec::new()).expect("kept");
    }
    connection.execute("UPDATE day_digest SET digest = zeroblob(32)", []).expect("marked");
    let forged = of(&connection, None).expect("read").hex;
    let as_known = |change, hours: i64| {
        let reader = crate::store::open_reader(&Layout::new(dir.path())).expect("opens");
        let edge = Timestamp(hours * HOUR_MS + history::QUARTER_MS);
        history::shadow(&reader, history::Known { edge, change }).expect("shadowed");
        of(&reader, None).expect("read").hex
    };
    assert_eq!(as_known(2, 24), forged, "made then, and the day was over");
    assert_eq!(as_known(3, 100), forged, "nor void since");
    assert_ne!(as_known(1, 24), forged, "made later");
    assert_ne!(as_known(2, 23), forged, "the last hour was not closed");
    // A step that starts in the day and ends after what was known.
    Deed::Step { meter: 1, from: 20, hours: 10, amount: None }.act(&connection);
    make(&connection, 10);
    connection.execute("UPDATE day_digest SET digest = zeroblob(32)", []).expect("marked");
    assert_ne!(as_known(2, 30), as_known(2, 31));
    assert_eq!(as_known(2, 31), of(&connection, None).expect("read").hex);
}
