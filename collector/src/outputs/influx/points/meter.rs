//! Minutes and local days of single meters.

use super::{LONGEST_DAY_MS, MG_PER_KG, Numbering, Points, W_PER_UWH_A_MS, set};
use crate::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH};
use crate::outputs::influx::catalog::{self, FieldSet, meter, meter_day};
use crate::outputs::influx::line::{Fields, Series};
use crate::store::{MeterId, StoreError};
use crate::topology::KnownMeter;
use crate::view::{MeterHour, View};
use std::sync::Arc;
use wattledger_model::meter::Kind;
use wattledger_model::minute::{GaugeMinute, Minute as Booked, Provenance};
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};
use wattledger_model::unit::Quantity;

/// The series of a meter.
#[derive(Debug)]
pub(crate) struct MeterPoints {
    id: MeterId,
    series: Arc<Series>,
    day: Arc<Series>,
    quantity: Quantity,
    /// Steps are of registers.
    has_steps: bool,
}

/// Whether points of an hour may have been written before, and up to which instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeated {
    /// Whether an earlier run, or this one before it forgot, may have written the hour.
    pub(crate) possible: bool,
    /// Minutes after the newest reading cannot have been written.
    pub(crate) newest: Minute,
}

impl MeterPoints {
    pub(crate) fn new(known: &KnownMeter, numbering: &mut Numbering) -> MeterPoints {
        let declared = &known.declared;
        let quantity = match (declared.kind, declared.role, known.interpretation.unit) {
            (Kind::Gauge, ..) => Quantity::Gauge,
            (_, _, Some(unit)) => unit.quantity(),
            (_, Some(role), None) => role.quantity(),
            (Kind::Flow, None, None) => Quantity::Volume,
            (_, None, None) => Quantity::Energy,
        };
        let shares = [meter::COVERAGE, meter::MEASURED, meter::INTERPOLATED, meter::ESTIMATED];
        let own: &[usize] = match quantity {
            Quantity::Gauge => &[meter::MEAN, meter::MIN, meter::MAX],
            Quantity::Energy => &[meter::AMOUNT, meter::POWER],
            Quantity::Volume | Quantity::Mass => &[meter::AMOUNT],
        };
        let tags = || vec![declared.key.meter.to_string(), declared.key.site.to_string()];
        let series = Series::new(&catalog::METER, tags(), set(&shares) | set(own));
        let mut day =
            set(&[meter_day::COVERAGE, meter_day::MEASURED, meter_day::INTERPOLATED, meter_day::ESTIMATED]);
        if quantity != Quantity::Gauge {
            day = day | FieldSet::of(meter_day::AMOUNT);
        }
        if declared.kind == Kind::Register {
            day = day | set(&meter_day::STEPS.map(|(_, field)| field)) | FieldSet::of(meter_day::LONG_STEPS);
        }
        let has_steps = declared.kind == Kind::Register;
        MeterPoints {
            id: known.id,
            series: numbering.add(series, MINUTE_MS),
            day: numbering.add(Series::new(&catalog::METER_DAY, tags(), day), LONGEST_DAY_MS),
            quantity,
            has_steps,
        }
    }

    /// The points of one hour.
    pub(crate) fn hour(&self, hour: i64, minutes: &MeterHour, repeated: Repeated, points: &mut Points) {
        let first = hour * HOUR_MINUTES;
        for at in 0..HOUR_MINUTES as usize {
            let minute = Minute(first + at as i64);
            points.fields.clear();
            match minutes {
                MeterHour::Sums(sums) => self.sum(&sums[at], &mut points.fields),
                MeterHour::Levels(levels) => level(&levels[at], &mut points.fields),
            }
            let may_repeat = repeated.possible && minute <= repeated.newest;
            points.finish(&self.series, minute.start().0, may_repeat);
        }
    }

    /// Withdraws the point of a day that is none of the meter's any more.
    pub(crate) fn no_day(&self, day: Interval, may_repeat: bool, points: &mut Points) {
        points.fields.clear();
        points.finish(&self.day, day.from.start().0, may_repeat);
    }

    /// Base units in the unit that is written.
    fn size(&self) -> f64 {
        match self.quantity {
            Quantity::Volume => ML_PER_LITRE,
            Quantity::Mass => MG_PER_KG,
            Quantity::Energy | Quantity::Gauge => UWH_PER_KWH,
        }
    }

    /// The point of one local day, whether or not anything is known of it. Coverage is what is measured and the long
    /// steps that lie wholly inside. Source: domain.md 5.4.
    ///
    /// # Errors
    /// [`StoreError`] where the ledger cannot be read.
    pub(crate) fn day(
        &self,
        day: Interval,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let (m, fields) = (&catalog::METER_DAY, &mut points.fields);
        let of_day = |ms: i64| ms as f64 / (day.minutes() * MINUTE_MS) as f64;
        fields.clear();
        if self.quantity == Quantity::Gauge {
            let known = of_day(view.level_ms(self.id, day)?);
            fields.float(m, meter_day::COVERAGE, known);
            fields.float(m, meter_day::MEASURED, known);
            fields.float(m, meter_day::INTERPOLATED, 0.0);
            fields.float(m, meter_day::ESTIMATED, 0.0);
            points.finish(&self.day, day.from.start().0, may_repeat);
            return Ok(());
        }
        let parts = view.booked(self.id, day)?;
        let steps = if self.has_steps { view.steps(self.id, day)? } else { Vec::new() };
        let inside = steps.iter().filter(|step| step.is_long() && step.to <= day.to.start());
        let inside: i64 = inside.map(|step| step.to.0 - step.from.0).sum();
        let [measured, interpolated, estimated] = parts.map(|(_, ms)| ms);
        fields.float(m, meter_day::COVERAGE, of_day(measured + inside));
        fields.float(m, meter_day::MEASURED, of_day(measured));
        fields.float(m, meter_day::INTERPOLATED, of_day(interpolated));
        fields.float(m, meter_day::ESTIMATED, of_day(estimated));
        if parts.iter().any(|(amount, ms)| *ms > 0 || *amount != 0) {
            let amount = parts.iter().map(|(amount, _)| amount).sum::<i128>() as f64;
            fields.float(m, meter_day::AMOUNT, amount / self.size());
        }
        if self.has_steps {
            for (class, field) in meter_day::STEPS {
                let count = steps.iter().filter(|step| step.class == class).count();
                fields.integer(m, field, count as i64);
            }
            let long = steps.iter().filter(|step| step.is_long()).count();
            fields.integer(m, meter_day::LONG_STEPS, long as i64);
        }
        points.finish(&self.day, day.from.start().0, may_repeat);
        Ok(())
    }

    fn sum(&self, minute: &Booked, fields: &mut Fields) {
        if minute.is_missing() {
            return;
        }
        let m = &catalog::METER;
        let amount = minute.amount() as f64;
        fields.float(m, meter::AMOUNT, amount / self.size());
        let ms: i64 = minute.parts.iter().map(|part| i64::from(part.ms)).sum();
        if self.quantity == Quantity::Energy && ms > 0 {
            fields.float(m, meter::POWER, amount * W_PER_UWH_A_MS / ms as f64);
        }
        let share = |provenance| f64::from(minute.part(provenance).ms) / MINUTE_MS as f64;
        let (measured, interpolated) = (share(Provenance::Measured), share(Provenance::Interpolated));
        fields.float(m, meter::COVERAGE, measured + interpolated);
        fields.float(m, meter::MEASURED, measured);
        fields.float(m, meter::INTERPOLATED, interpolated);
        fields.float(m, meter::ESTIMATED, share(Provenance::Estimated));
    }
}

fn level(minute: &GaugeMinute, fields: &mut Fields) {
    if minute.ms == 0 {
        return;
    }
    let m = &catalog::METER;
    let share = f64::from(minute.ms) / MINUTE_MS as f64;
    fields.float(m, meter::MEAN, minute.mean);
    fields.float(m, meter::MIN, minute.min);
    fields.float(m, meter::MAX, minute.max);
    fields.float(m, meter::COVERAGE, share);
    fields.float(m, meter::MEASURED, share);
    fields.float(m, meter::INTERPOLATED, 0.0);
    fields.float(m, meter::ESTIMATED, 0.0);
}
