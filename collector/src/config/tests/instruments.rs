//! Instruments: short form, exchanges, changed ratios, accuracy.

use super::*;
use wattledger_model::instrument::{
    Accuracy, CurrentPath, CurrentTransformerClass, MeterClass, VoltageTransformerClass,
};
use wattledger_model::time::Timestamp;

const REGISTER: &str = "kind = \"register\"\nunit = \"kWh\"\nrated_power = \"1 MW\"\n";

fn sittings(lines: &str) -> Vec<Sitting> {
    let text = format!("{LEAST}[[meter]]\nname = \"m\"\nfacility = \"f\"\n{REGISTER}{lines}\n");
    good(&text).meters.pop().expect("declared").instruments
}

fn of_register(lines: &str) -> Vec<String> {
    of_meter(&format!("{REGISTER}{lines}"))
}

#[test]
fn a_meter_without_a_word_of_it_has_one_instrument_of_which_nothing_is_known() {
    let all = sittings("");
    assert_eq!(all.len(), 1);
    let only = &all[0].instrument;
    assert_eq!((only.from, &only.serial, only.accuracy), (Timestamp(i64::MIN), &None, None));
    assert_eq!(only.rated_load, Some(1_000_000_000_000), "the rated power, in µW");
    assert_eq!(
        all[0].unknown(wattledger_model::unit::Quantity::Energy),
        Some("no `class`, `limit` or `uncertainty`")
    );
}

#[test]
fn the_short_form_describes_the_only_instrument() {
    let all = sittings(
        "serial = \"A1\"\nmake = \"M\"\nclass = \"0.5S\"\nct_class = \"0.5\"\nct_rated_power = \"800 kW\"\nvt_class = \"0.2\"\ncalibrated = 2025-02-03",
    );
    let only = &all[0].instrument;
    assert_eq!(only.serial.as_deref(), Some("A1"));
    assert_eq!(only.accuracy, Some(Accuracy::Class(MeterClass::S05)));
    assert_eq!(only.current, Some(CurrentPath::Transformer(CurrentTransformerClass::Half)));
    assert_eq!(only.voltage_transformer, Some(VoltageTransformerClass::C02));
    assert_eq!(only.rated_load, Some(800_000_000_000));
    assert_eq!(only.calibrated.map(|date| date.to_string()).as_deref(), Some("2025-02-03"));
    assert_eq!(all[0].unknown(wattledger_model::unit::Quantity::Energy), None);
    assert_eq!(sittings("limit = \"2 %\"\nct = \"none\"")[0].instrument.current, Some(CurrentPath::Direct));
    let channel = &sittings("uncertainty = \"0.8 %\"")[0];
    assert_eq!(channel.instrument.accuracy, Some(Accuracy::ChannelPercent(0.8)));
    assert_eq!(channel.unknown(wattledger_model::unit::Quantity::Energy), None, "transformers included");
}

#[test]
fn a_later_instrument_is_an_exchange_if_its_serial_differs_or_registers_are_signed_off() {
    let all = sittings(
        "serial = \"A\"\nclass = \"1\"\nct_class = \"1\"\nscale = 40\nlast = \"900.5\"\n\
         [[meter.instrument]]\nfrom = \"2026-03-02T08:58:00Z\"\nserial = \"B\"\nfirst = \"0.0\"\n\
         [[meter.instrument]]\nfrom = 2026-05-01\nscale = 80\n\
         [[meter.instrument]]\nfrom = 2026-06-01\ncalibrated = 2026-06-01",
    );
    assert_eq!(
        all.iter().map(|sitting| sitting.is_exchange).collect::<Vec<_>>(),
        [false, true, false, false]
    );
    let b = &all[1];
    assert_eq!((all[0].last, b.first), (Some(Decimal::new(9_005, -1)), Some(Decimal::new(0, -1))));
    assert_eq!(b.instrument.accuracy, None, "the accuracy of the old device says nothing of the new one");
    assert_eq!(b.instrument.current, all[0].instrument.current, "the transformers stay");
    assert_eq!(b.reads.scale, Decimal::new(40, 0), "and so does their ratio, until it changes");
    assert_eq!(all[2].instrument.serial.as_deref(), Some("B"), "the same device");
    assert_eq!((all[2].reads.scale, all[3].reads.scale), (Decimal::new(80, 0), Decimal::new(80, 0)));
    assert_eq!(all[3].instrument.from.to_string(), "2026-06-01T00:00:00Z");
}

#[test]
fn the_first_of_a_list_may_leave_its_beginning_open() {
    let all = sittings(
        "[[meter.instrument]]\nserial = \"A\"\nscale = 2\n[[meter.instrument]]\nfrom = 2026-01-01\nscale = 4",
    );
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].instrument.from.0, all[0].reads.scale), (i64::MIN, Decimal::new(2, 0)));
    assert!(!all[1].is_exchange);
}

#[test]
fn instruments_that_make_no_sense_are_reported() {
    let next = |lines: &str| of_register(&format!("serial = \"A\"\n[[meter.instrument]]\n{lines}"));
    says(&next("serial = \"B\""), &["`from` is missing: since when does this instrument sit there?"]);
    says(
        &next("from = 2026-01-01\nserial = \"B\""),
        &["warning: neither the `last` register of the instrument before nor the `first`"],
    );
    says(&next("from = 2026-01-01\nserial = \"B\"\nfirst = 1"), &["warning: no signed-off `last` register"]);
    says(
        &next("from = 2026-01-01\ncalibrated = 2026-02-01"),
        &["calibrated on 2026-02-01, after it was installed"],
    );
    says(&next("from = 2026-01-01\nunit = \"kW\""), &["the meter is a register; kW does not fit it"]);
    says(&next("from = 2026-01-01\nunit = \"m3\""), &["m3 does not fit it"]);
    says(&next("from = \"2026-13-01\""), &["`from`: needs an instant such as"]);
    says(
        &next("from = 2026-02-01\nscale = 2\n[[meter.instrument]]\nfrom = 2026-01-01\nscale = 3"),
        &["write them in the order of time"],
    );
    says(&of_register("class = \"0.5S\"\nlimit = \"1 %\""), &["say the same thing; leave one"]);
    says(&of_register("ct = \"none\"\nct_class = \"1\""), &["exclude each other"]);
    says(&of_register("uncertainty = \"1 %\"\nct_class = \"1\""), &["that of the whole channel"]);
    says(&of_register("class = \"0.5X\""), &["`class`: `0.5X` is not known; did you mean `0.5S`?"]);
    says(&of_register("limit = \"0.5\""), &["needs a percentage such as"]);
    says(&of_register("ct_rated_power = \"5 kWh\""), &["is a power such as \"800 kW\""]);
    says(&of_meter("kind = \"power\"\nencoding = \"binary32\""), &["only a register has an `encoding`"]);
    says(&of_meter("kind = \"power\"\ndirection = \"both\""), &["only a register has a `direction`"]);
    says(&of_meter("[[meter.instrument]]\nserial = \"A\""), &["`kind` is missing"]);
}

#[test]
fn binary32_and_both_directions_are_declared_never_guessed() {
    let text = |lines: &str| format!("{LEAST}[[meter]]\nname = \"m\"\n{REGISTER}{lines}\n");
    let plain = good(&text("")).meters.pop().expect("declared");
    assert!(!plain.is_binary32 && !plain.is_bidirectional);
    let told = good(&text("encoding = \"binary32\"\ndirection = \"both\"")).meters.pop().expect("declared");
    assert!(told.is_binary32 && told.is_bidirectional);
}
