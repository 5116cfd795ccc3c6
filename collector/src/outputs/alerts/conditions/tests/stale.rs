//! Sources that are silent.

use super::*;

const RULE: &str = "[[alert]]\nname = \"silent\"\ncondition = \"stale\"\n";

/// Both sides and a chiller, each read by the minute in its times.
fn read(hall: &mut Hall, meter: &str, from: &str, to: &str) {
    let readings: Vec<_> = minutes(from, to).into_iter().map(|at| (meter, at, 50.0, "kW", None)).collect();
    hall.take(&readings);
}

fn brought(hall: &mut Hall, agent: &str, meters: &[&str], from: &str, to: &str) {
    let all = minutes(from, to).into_iter();
    let readings: Vec<_> =
        all.flat_map(|at| meters.iter().map(move |meter| (*meter, at, 50.0, "kW"))).collect();
    hall.take_by(agent, &readings);
}

#[test]
fn a_meter_is_stale_beyond_three_intervals_and_back_with_two_readings() {
    let mut hall = hall(RULE);
    read(&mut hall, "ups", "2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z");
    read(&mut hall, "main", "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    read(&mut hall, "main", "2026-06-01T10:30:00Z", "2026-06-01T10:30:00Z");
    read(&mut hall, "main", "2026-06-01T10:32:00Z", "2026-06-01T11:00:00Z");
    let story = turns(&hall, "2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z");
    let main = "hall-1 meter main";
    // Three minutes old it may be; one reading does not clear.
    let expected =
        [turn("2026-06-01T10:14:00Z", "raised", main), turn("2026-06-01T10:32:00Z", "cleared", main)];
    assert_eq!(story, expected);
    let then = seen(&hall, "2026-06-01T10:20:00Z", None);
    let main = of(&then, meter("main"));
    assert_eq!((main.value, main.thresholds.raise, main.unit), (Some(600.0), 180.0, "s"));
    assert_eq!(main.cause, "its last reading is of 2026-06-01T10:10:00Z; one is due every 1 min");
    assert_eq!(of(&then, meter("ups")).value, Some(0.0));
}

#[test]
fn an_hourly_meter_is_not_stale_within_three_hours() {
    let tables = "[[meter]]\nname = \"water\"\nfacility = \"hall-1\"\nrole = \"water\"\nkind = \"register\"\nunit = \"m3\"\n\
                  nominal_interval = \"1h\"\n";
    let mut hall = hall(&format!("{tables}{RULE}"));
    let noon = at("2026-06-01T12:00:00Z");
    hall.take(&[("water", at("2026-06-01T11:00:00Z"), 6.0, "m3", None), ("water", noon, 7.0, "m3", None)]);
    let value = |time: &str| of(&seen(&hall, time, None), meter("water")).value;
    assert_eq!(value("2026-06-01T12:40:00Z"), Some(2_400.0));
    let late = seen(&hall, "2026-06-01T15:00:00Z", None);
    let water = of(&late, meter("water"));
    assert_eq!((water.value, water.thresholds.raise), (Some(10_800.0), 10_800.0), "not yet");
    assert_eq!(value("2026-06-01T15:01:00Z"), Some(10_860.0));
}

#[test]
fn what_was_never_read_is_stale_since_it_is_expected() {
    let claimed = "[[meter]]\nname = \"chiller\"\nsite = \"hall\"\nkind = \"power\"\nunit = \"kW\"\n[[meter.claim]]\nfacility = \
                   \"hall-1\"\nrole = \"cooling\"\nfrom = 2026-06-02\nto = 2026-06-05\n";
    let never = "[[meter]]\nname = \"lights\"\nfacility = \"hall-1\"\nrole = \"lighting\"\nkind = \"power\"\nunit = \"kW\"\n";
    let spare = "[[meter]]\nname = \"spare\"\nsite = \"hall\"\nkind = \"power\"\nunit = \"kW\"\n";
    let mut hall = hall(&format!("{claimed}{never}{spare}{RULE}"));
    read(&mut hall, "main", "2026-06-01T10:00:00Z", "2026-06-01T10:05:00Z");
    let names = |time: &str| -> Vec<String> {
        let of = |sighting: Sighting| sighting.subject.to_string().replace("hall-1 meter ", "");
        seen(&hall, time, None).into_iter().map(of).collect()
    };
    // In Berlin the second of June begins two hours before.
    assert_eq!(names("2026-06-01T21:59:00Z"), ["lights", "main", "ups"], "the chiller is not expected yet");
    assert_eq!(names("2026-06-05T00:00:00Z"), ["lights", "main", "ups"], "nor any more");
    let second = seen(&hall, "2026-06-01T22:10:00Z", None);
    let chiller = of(&second, meter("chiller"));
    assert_eq!(chiller.value, Some(600.0));
    assert_eq!(chiller.cause, "it has never been read, and is expected since 2026-06-01T22:00:00Z");
    // Where nothing says since when, since anything is known of the site.
    assert_eq!(of(&second, meter("lights")).value, Some(12.0 * 3_600.0 + 600.0));
    assert_eq!(of(&seen(&hall, "2026-06-01T09:00:00Z", None), meter("lights")).value, None);
}

#[test]
fn before_its_first_reading_a_meter_was_not_there() {
    let mut hall = hall(RULE);
    read(&mut hall, "main", "2026-06-01T10:00:00Z", "2026-06-01T12:00:00Z");
    read(&mut hall, "ups", "2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z");
    assert_eq!(seen(&hall, "2026-06-01T10:30:00Z", None).len(), 1, "the other is installed later");
    assert_eq!(turns(&hall, "2026-06-01T10:00:00Z", "2026-06-01T12:00:00Z"), []);
}

#[test]
fn an_agent_that_falls_silent_is_told_of_once_for_all_of_its_meters() {
    let chiller = "[[meter]]\nname = \"chiller\"\nfacility = \"hall-1\"\nrole = \"cooling\"\nkind = \"power\"\nunit = \"kW\"\n";
    let mut hall = hall(&format!("{chiller}{RULE}"));
    brought(&mut hall, "hall-agent", &["main", "ups"], "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    brought(&mut hall, "bms", &["chiller"], "2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z");
    brought(&mut hall, "hall-agent", &["main", "ups"], "2026-06-01T10:30:00Z", "2026-06-01T11:00:00Z");
    let found = replay(
        &mut hall.view(),
        &hall.config.alerts,
        at("2026-06-01T10:00:00Z").minute(),
        at("2026-06-01T11:00:00Z").minute(),
    );
    let found = found.expect("the ledger is readable");
    let told: Vec<_> =
        found.iter().map(|turn| (turn.at.as_str(), turn.turn.word(), turn.subject.as_str())).collect();
    assert_eq!(
        told,
        [
            ("2026-06-01T10:14:00Z", "raised", "hall-1 agent hall-agent"),
            ("2026-06-01T10:31:00Z", "cleared", "hall-1 agent hall-agent"),
        ]
    );
    assert_eq!(found[0].cause, "2 meters come by it, the last reading of any is of 2026-06-01T10:10:00Z");
    assert_eq!(found[0].suppresses, ["silent hall-1 meter main", "silent hall-1 meter ups"]);
    let then = seen(&hall, "2026-06-01T10:20:00Z", None);
    assert_eq!(of(&then, meter("main")).derives_from, ["agent hall-agent"]);
}

#[test]
fn one_meter_of_an_agent_that_speaks_is_stale_by_itself() {
    let mut hall = hall(RULE);
    brought(&mut hall, "hall-agent", &["main", "ups"], "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    brought(&mut hall, "hall-agent", &["ups"], "2026-06-01T10:11:00Z", "2026-06-01T11:00:00Z");
    let story = turns(&hall, "2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z");
    assert_eq!(story, [turn("2026-06-01T10:14:00Z", "raised", "hall-1 meter main")]);
}

#[test]
fn a_running_collector_knows_that_an_agent_is_silent_before_its_meters_are() {
    let agent = About::Agent("hall-agent".to_owned());
    let mut hall = hall(RULE);
    brought(&mut hall, "hall-agent", &["main"], "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    let look =
        |time: &str, heard: &str| seen(&hall, time, Some(&snapshot(time, &[("hall-agent", heard, None)])));
    let then = look("2026-06-01T10:12:00Z", "2026-06-01T10:08:00Z");
    let silent = of(&then, agent.clone());
    assert_eq!((silent.value, silent.thresholds.raise), (Some(240.0), 180.0));
    assert_eq!(silent.cause, "it was last heard at 2026-06-01T10:08:00Z; 1 meter comes by it");
    // It speaks, and one meter says nothing of it.
    let speaks = look("2026-06-01T10:20:00Z", "2026-06-01T10:19:30Z");
    assert_eq!(of(&speaks, agent.clone()).value, Some(30.0));
    assert_eq!(of(&speaks, meter("main")).value, Some(600.0));
    let replayed = seen(&hall, "2026-06-01T10:20:00Z", None);
    assert!(replayed.iter().all(|sighting| sighting.subject.about != agent), "{replayed:#?}");
}

#[test]
fn a_rule_of_some_meters_tells_of_no_other() {
    let mut hall = hall(&format!("{RULE}facility = \"hall-1\"\nmeters = [\"ups\"]\nraise_above = 600\n"));
    read(&mut hall, "main", "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    read(&mut hall, "ups", "2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z");
    let then = seen(&hall, "2026-06-01T10:20:00Z", None);
    assert_eq!(then.len(), 1);
    let ups = of(&then, meter("ups"));
    assert_eq!((ups.value, ups.thresholds.raise, ups.thresholds.clear), (Some(600.0), 600.0, 600.0));
}
