//! What the kernel and upsd say, under any bytes: numbers, lines and names are read or turned away, and
//! nothing of it panics.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::prelude::*;
use wattledger_agent::source::host::sysfs;
use wattledger_agent::source::names::NameTemplate;
use wattledger_agent::source::nut::protocol;
use wattledger_model::name::Name;

const WORDS: &[&str] = &[
    "\"",
    "\\",
    "\\\"",
    " ",
    "\t",
    "\n",
    "\0",
    "-",
    "9223372036854775808",
    "é",
    "\u{feff}",
    "٣",
    "{ups}",
    "*",
];

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn an_attribute_is_the_number_it_shows_or_none() {
    let attributes = bytes(&["262143328850\n", "-5000\n", "0\n", "52250", "9223372036854775807\n", "N/A\n"]);
    explore("attributes", 20_000, mutated(attributes, WORDS), |said| {
        match sysfs::number(&said) {
            Ok(number) => {
                let shown = String::from_utf8(said).expect("a number is text");
                let digits = shown.trim_ascii().trim_start_matches('-').trim_start_matches('0');
                let printed = number.unsigned_abs().to_string();
                prop_assert_eq!(if digits.is_empty() { "0" } else { digits }, printed);
                prop_assert!(number >= 0 || shown.trim_ascii().starts_with('-'));
            }
            Err(why) => prop_assert!(why.len() < 300, "{why}"),
        }
        Ok(())
    });
}

#[test]
fn any_line_is_taken_apart_and_any_words_come_back() {
    let lines = bytes(&[
        r#"VAR rack1 ups.status "OL CHRG""#,
        r#"UPS rack1 "Rack \"one\" \\ two""#,
        "BEGIN LIST VAR rack1",
        "ERR DATA-STALE",
        r#"VAR rack1 output.L1.current "5.65""#,
    ]);
    explore("lines of upsd", 20_000, mutated(lines, WORDS), |line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Ok(words) = protocol::words(&line) else { return Ok(()) };
        prop_assert!(words.iter().map(String::len).sum::<usize>() <= line.len());
        // White space between quotes may be any; a word with a control character cannot be sent.
        let quoted: Option<Vec<String>> = words.iter().map(|word| protocol::quoted(word)).collect();
        if let Some(quoted) = quoted {
            prop_assert_eq!(protocol::words(&quoted.join(" ")), Ok(words.clone()));
        }
        for word in &words {
            let _unit = protocol::unit_of(word);
            prop_assert_eq!(protocol::states(word).count(), protocol::STATES.len());
            prop_assert!(protocol::is_meant("*", word));
        }
        Ok(())
    });
}

#[test]
fn whatever_a_thing_is_called_its_meter_has_a_name() {
    let templates =
        bytes(&["{source}-{ups}-{variable}", "{ups}", "x", "ups-{variable}-of-{ups}", "{a}{", "}-{"]);
    let values =
        bytes(&["Rack_1", "ups.status.on-battery", "", "Package id 0", "ünï", "{variable}", "0000:00:18.3"]);
    let input = (mutated(templates, WORDS), mutated(values.clone(), WORDS), mutated(values, WORDS));
    explore("names", 20_000, input, |(template, ups, variable)| {
        let [template, ups, variable] =
            [template, ups, variable].map(|b| String::from_utf8_lossy(&b).into_owned());
        let Ok(template) = NameTemplate::parse(&template, &["source", "ups", "variable"], "variable") else {
            return Ok(());
        };
        let name = template.name(&[("source", "room"), ("ups", &ups), ("variable", &variable)]);
        prop_assert_eq!(name.as_str().parse::<Name>(), Ok(name.clone()));
        Ok(())
    });
}
