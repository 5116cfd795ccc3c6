//! All points of one facility, task by task.

use super::balance::BalancePoints;
use super::budget::BudgetPoints;
use super::figures::WindowPoints;
use super::sums::{self, ComponentPoints};
use super::weather::WeatherPoints;
use super::{Numbering, Points};
use crate::outputs::influx::plan::Task;
use crate::store::StoreError;
use crate::view::View;
use std::collections::HashMap;
use wattledger_model::calendar::Window;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute};

/// The series of a facility.
pub(crate) struct FacilityPoints {
    /// The facility's place in the topology.
    at: usize,
    components: Vec<ComponentPoints>,
    windows: HashMap<Window, WindowPoints>,
    budgets: BudgetPoints,
    balances: Vec<BalancePoints>,
    weather: Vec<WeatherPoints>,
}

impl FacilityPoints {
    /// The series of the facility at a place of the view's topology.
    pub(crate) fn new(at: usize, view: &View, numbering: &mut Numbering) -> FacilityPoints {
        let mut of_window = |window: &Window| (*window, WindowPoints::new(at, *window, view, numbering));
        let windows = Window::ALL.iter().map(&mut of_window).collect();
        FacilityPoints {
            at,
            components: ComponentPoints::of(at, view, numbering),
            windows,
            budgets: BudgetPoints::new(at, view, numbering),
            balances: BalancePoints::of(at, view, numbering),
            weather: WeatherPoints::of(at, view, numbering),
        }
    }

    /// Writes what one task asks for.
    ///
    /// # Errors
    /// [`StoreError`] where the ledger cannot be read.
    pub(crate) fn write(
        &self,
        task: Task,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let sums = (self.at, &self.components[..]);
        match task {
            Task::Window(window, stamp) => match self.windows.get(&window) {
                Some(of) => of.write(self.at, (window, stamp), may_repeat, view, points),
                None => Ok(()),
            },
            Task::Budget(stamp) => self.budgets.write(stamp, may_repeat, view, points),
            Task::Minute(minute) => {
                let interval = Interval::new(minute, Minute(minute.0 + 1));
                sums::write(sums, interval, may_repeat, view, points, |of| &of.minute)
            }
            Task::Hour(hour) => {
                let interval = Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
                sums::write(sums, interval, may_repeat, view, points, |of| &of.hour)?;
                self.weather.iter().try_for_each(|of| of.write(hour, may_repeat, view, points))
            }
            Task::Day(day) => {
                sums::write(sums, day, may_repeat, view, points, |of| &of.day)?;
                self.balances.iter().try_for_each(|of| of.write(day, may_repeat, view, points))
            }
        }
    }
}
