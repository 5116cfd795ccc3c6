//! Instruments: which device sits at a meter since when, how exact it is, and how its numbers are read.

use super::rating;
use super::span;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Measure, Moment, Place, Placed, Table, Value};
use wattledger_model::instrument::{
    Accuracy, CurrentPath, CurrentTransformerClass, Instrument, MeterClass, VoltageTransformerClass,
};
use wattledger_model::meter::Kind;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::{Quantity, Unit};

/// How the numbers of a device are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reads {
    /// The unit of its values; `None` takes each reading's own.
    pub unit: Option<Unit>,
    /// Multiplies every raw value: the CT or pulse ratio. Above zero.
    pub scale: Decimal,
    /// Where a register starts again from zero, in raw units. Above zero.
    pub modulus: Option<Decimal>,
    /// The smallest step of a register, in raw units. Above zero.
    pub resolution: Option<Decimal>,
    /// The most that the installation can carry (breaker or CT rating): a power, or a flow for a meter of volume.
    /// `rated_power` or `rated_flow`. Above zero.
    pub rated_power: Option<Measure>,
    /// Whether values are sent as IEEE 754 binary32, so that their resolution follows them. `encoding = "binary32"`.
    pub is_binary32: bool,
}

/// A device at a meter, until the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Sitting {
    /// What it is. The first begins at the earliest instant there is, where the file does not say.
    pub instrument: Instrument,
    /// How it is read.
    pub reads: Reads,
    /// Whether it is another device than the one before, with a register of its own.
    pub is_exchange: bool,
    /// Its register at its installation, signed off, in raw units.
    pub first: Option<Decimal>,
    /// Its register at its removal, signed off, in raw units.
    pub last: Option<Decimal>,
    /// Where it is declared.
    pub place: Place,
}

/// What was written of one instrument.
#[derive(Debug, Clone)]
pub(super) struct Written {
    from: Option<Placed<Moment>>,
    serial: Option<Placed<String>>,
    make: Option<String>,
    accuracy: Option<Accuracy>,
    current: Option<CurrentPath>,
    rated_load: Option<Measure>,
    voltage_transformer: Option<VoltageTransformerClass>,
    calibrated: Option<Placed<chrono::NaiveDate>>,
    first: Option<Placed<Decimal>>,
    last: Option<Placed<Decimal>>,
    place: Place,
}

/// A class or rating as a text, or as a bare number where it is one: `"0.5S"`, `1`.
fn class<T: std::str::FromStr<Err = String> + Copy>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl Fn(&Value<'_>) -> Result<T, String> {
    move |value| document::choice(all.iter().map(|class| (word(*class), *class)))(value)
}

/// The keys of an instrument, wherever they stand: in `[[meter]]` or in `[[meter.instrument]]`.
pub(super) fn read(table: &mut Table<'_>) -> Written {
    let serial = table.optional("serial", document::string);
    let make = table.optional("make", document::string);
    let accuracy = read_accuracy(table);
    let current = read_current(table, accuracy.as_ref());
    let rated_load = table.optional("ct_rated_power", document::measure);
    if let Some(load) = rated_load.as_ref().filter(|load| load.unit.kind() != Kind::Power) {
        let message = format!("`ct_rated_power` is a power such as \"800 kW\", not {}", load.value);
        table.document().error(load.place, message);
    }
    let voltage =
        table.optional("vt_class", class(VoltageTransformerClass::ALL, VoltageTransformerClass::word));
    let calibrated = table.optional("calibrated", document::date);
    Written {
        from: None,
        serial,
        make: make.map(|make| make.value),
        accuracy,
        current,
        rated_load: rated_load.map(|load| load.value).filter(|load| load.unit.kind() == Kind::Power),
        voltage_transformer: voltage.map(|class| class.value),
        calibrated,
        first: table.optional("first", document::decimal),
        last: table.optional("last", document::decimal),
        place: table.place(),
    }
}

fn read_accuracy(table: &mut Table<'_>) -> Option<Accuracy> {
    let class = table.optional("class", class(MeterClass::ALL, MeterClass::word));
    let limit = table.optional("limit", document::percent);
    let channel = table.optional("uncertainty", document::percent);
    let given = [
        class.as_ref().map(|given| given.place),
        limit.as_ref().map(|given| given.place),
        channel.as_ref().map(|given| given.place),
    ];
    if let [_, second, ..] = given.into_iter().flatten().collect::<Vec<_>>()[..] {
        let message = "`class`, `limit` and `uncertainty` say the same thing; leave one";
        table.document().error(second, message);
    }
    let class = class.map(|class| Accuracy::Class(class.value));
    let limit = limit.map(|limit| Accuracy::LimitPercent(limit.value));
    class.or(limit).or(channel.map(|channel| Accuracy::ChannelPercent(channel.value)))
}

/// `ct_class`, or `ct = "none"`.
fn read_current(table: &mut Table<'_>, accuracy: Option<&Accuracy>) -> Option<CurrentPath> {
    let transformer =
        table.optional("ct_class", class(CurrentTransformerClass::ALL, CurrentTransformerClass::word));
    let direct = table.optional("ct", document::choice([("none", CurrentPath::Direct)]));
    if let (Some(transformer), Some(_)) = (&transformer, &direct) {
        table.document().error(transformer.place, "`ct = \"none\"` and `ct_class` exclude each other");
    }
    if let (Some(transformer), Some(Accuracy::ChannelPercent(_))) = (&transformer, accuracy) {
        let message =
            "`uncertainty` is that of the whole channel, transformers included; leave `ct_class` out";
        table.document().error(transformer.place, message);
    }
    transformer.map(|class| CurrentPath::Transformer(class.value)).or(direct.map(|direct| direct.value))
}

impl Written {
    /// Whether it tells anything of the device itself, not only of how the meter is connected.
    fn tells_of_a_device(&self) -> bool {
        self.serial.is_some()
            || self.make.is_some()
            || self.accuracy.is_some()
            || self.calibrated.is_some()
            || self.last.is_some()
    }

    /// The instrument, before it has any past.
    fn sitting(&self, document: &Document<'_>, reads: &Reads, zone: Tz) -> Sitting {
        let since_ever = Timestamp(i64::MIN);
        let from = self.from.as_ref().and_then(|from| span::instant(document, from, zone));
        let from = from.unwrap_or(since_ever);
        if let Some(calibrated) = self.calibrated.as_ref().filter(|_| from > since_ever)
            && calendar::day_start(zone, calibrated.value).start() > from
        {
            let message = format!(
                "calibrated on {}, after it was installed; give each calibration its own `[[meter.instrument]]` with the `from` of that date",
                calibrated.value
            );
            document.error(calibrated.place, message);
        }
        Sitting {
            instrument: Instrument {
                from,
                serial: self.serial.as_ref().map(|serial| serial.value.clone()),
                make: self.make.clone(),
                accuracy: self.accuracy,
                current: self.current,
                rated_load: self.rated_load.or(reads.rated_power).and_then(rating::base_per_hour),
                voltage_transformer: self.voltage_transformer,
                calibrated: self.calibrated.as_ref().map(|date| date.value),
            },
            reads: reads.clone(),
            is_exchange: false,
            first: self.first.as_ref().map(|first| first.value),
            last: self.last.as_ref().map(|last| last.value),
            place: self.place,
        }
    }

    /// The instrument that follows another. What it does not say goes on: of the same device everything, of an
    /// exchanged one only how the meter is connected and read.
    fn after(&self, document: &Document<'_>, before: &Sitting, reads: &Reads, zone: Tz) -> Sitting {
        let mut next = self.sitting(document, reads, zone);
        let serial_differs =
            next.instrument.serial.is_some() && next.instrument.serial != before.instrument.serial;
        next.is_exchange = serial_differs || before.last.is_some() || next.first.is_some();
        let (now, old) = (&mut next.instrument, &before.instrument);
        now.current = now.current.or(old.current);
        now.voltage_transformer = now.voltage_transformer.or(old.voltage_transformer);
        if self.rated_load.is_none() && reads.rated_power == before.reads.rated_power {
            now.rated_load = old.rated_load;
        }
        if !next.is_exchange {
            now.serial = now.serial.take().or_else(|| old.serial.clone());
            now.make = now.make.take().or_else(|| old.make.clone());
            now.accuracy = now.accuracy.or(old.accuracy);
            now.calibrated = now.calibrated.or(old.calibrated);
        }
        next
    }
}

/// What a meter itself says, before its instruments.
pub(super) struct Base<'a> {
    /// Of the device: the short form of a single instrument.
    pub(super) own: &'a Written,
    /// How it is read.
    pub(super) reads: &'a Reads,
    pub(super) kind: Kind,
    pub(super) quantity: Option<Quantity>,
    pub(super) zone: Tz,
}

/// The instruments of a meter in the order of time, at least one; `None` where one cannot be read.
pub(super) fn sittings(
    tables: Vec<Table<'_>>,
    base: &Base<'_>,
    document: &Document<'_>,
) -> Option<Vec<Sitting>> {
    let only_one = tables.is_empty();
    let mut all: Vec<Sitting> = Vec::new();
    let mut whole = true;
    if only_one || base.own.tells_of_a_device() {
        all.push(base.own.sitting(document, base.reads, base.zone));
    }
    for mut table in tables {
        let reads_before = all.last().map_or(base.reads, |before| &before.reads).clone();
        let (written, reads) = read_later(&mut table, base, &reads_before);
        let Some(before) = all.last() else {
            let mut first = written.sitting(document, &reads, base.zone);
            first.instrument.current = first.instrument.current.or(base.own.current);
            first.instrument.voltage_transformer =
                first.instrument.voltage_transformer.or(base.own.voltage_transformer);
            all.push(first);
            continue;
        };
        if written.from.is_none() {
            whole = false;
            if !table.has("from") {
                document
                    .missing(table.place(), "`from` is missing: since when does this instrument sit there?");
            }
            continue;
        }
        let next = written.after(document, before, &reads, base.zone);
        check_order(document, before, &next, &written);
        check_exchange(document, before, &next, base.kind);
        all.push(next);
    }
    check_serials(document, &all);
    whole.then_some(all)
}

fn read_later(table: &mut Table<'_>, base: &Base<'_>, before: &Reads) -> (Written, Reads) {
    let from = table.optional("from", document::moment);
    let written = Written { from, ..read(table) };
    let unit = table.optional("unit", document::unit);
    if let Some(unit) = &unit
        && (unit.kind() != base.kind || base.quantity.is_some_and(|quantity| quantity != unit.quantity()))
    {
        let message = format!("the meter is a {}; {} does not fit it", base.kind, unit.value);
        table.document().error(unit.place, message);
    }
    let scale = table.optional("scale", document::positive(document::decimal));
    let unit = unit.map(|unit| unit.value).or(before.unit);
    let (modulus, resolution) = rating::read_register(table, Some(base.kind), unit);
    let encoding = read_encoding(table, Some(base.kind));
    let rated = rating::read_measures(table, base.quantity);
    let reads = Reads {
        unit,
        scale: scale.map_or(before.scale, |scale| scale.value),
        modulus: modulus.or(before.modulus),
        resolution: resolution.or(before.resolution),
        rated_power: rated.or(before.rated_power),
        is_binary32: encoding.unwrap_or(before.is_binary32),
    };
    (written, reads)
}

/// `encoding = "binary32"` or `"exact"`.
pub(super) fn read_encoding(table: &mut Table<'_>, kind: Option<Kind>) -> Option<bool> {
    let encoding = table.optional("encoding", document::choice([("binary32", true), ("exact", false)]))?;
    if kind.is_some_and(|kind| kind != Kind::Register) {
        table
            .document()
            .error(encoding.place, "only a register has an `encoding`: its resolution follows from it");
    }
    Some(encoding.value)
}

fn check_order(document: &Document<'_>, before: &Sitting, next: &Sitting, written: &Written) {
    let Some(from) = &written.from else { return };
    if next.instrument.from <= before.instrument.from && next.instrument.from.0 != i64::MIN {
        let message = format!(
            "an instrument since {} stands after one since {}; write them in the order of time",
            next.instrument.from, before.instrument.from
        );
        document.error(from.place, message);
    }
}

fn check_exchange(document: &Document<'_>, before: &Sitting, next: &Sitting, kind: Kind) {
    if !next.is_exchange || kind != Kind::Register {
        return;
    }
    let missing = match (before.last, next.first) {
        (Some(_), Some(_)) => return,
        (None, Some(_)) => "no signed-off `last` register of the instrument before",
        (Some(_), None) => "no signed-off `first` register",
        (None, None) => {
            "neither the `last` register of the instrument before nor the `first` of this one is signed off"
        }
    };
    let message = format!("{missing}: what passed at this exchange will be estimated");
    document.warning(next.place, message);
}

/// A device that comes back later is another sitting; two of one serial in a row with an exchange between are not.
fn check_serials(document: &Document<'_>, all: &[Sitting]) {
    for pair in all.windows(2) {
        let same =
            pair[1].instrument.serial.is_some() && pair[0].instrument.serial == pair[1].instrument.serial;
        if same && pair[1].is_exchange {
            let message =
                "the serial is that of the instrument before: `first` and `last` belong to an exchange";
            document.error(pair[1].place, message);
        }
    }
}

impl Sitting {
    /// Why the uncertainty of what it measures is unknown; `None` where it is known. Source: domain.md 6.1.
    pub fn unknown(&self, quantity: Quantity) -> Option<&'static str> {
        let instrument = &self.instrument;
        match instrument.accuracy {
            None => Some("no `class`, `limit` or `uncertainty`"),
            Some(Accuracy::ChannelPercent(_)) => None,
            Some(_) if quantity != Quantity::Energy => None,
            Some(_) => match instrument.current {
                None => Some("neither `ct_class` nor `ct = \"none\"`"),
                Some(CurrentPath::Transformer(_)) if instrument.rated_load.is_none() => {
                    Some("no `ct_rated_power` and no `rated_power`, so the load of its CT is not known")
                }
                Some(_) => None,
            },
        }
    }
}
