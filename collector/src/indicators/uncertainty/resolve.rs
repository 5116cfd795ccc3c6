//! Windows that are too short for their meters. Source: domain.md 6.1.

use super::COVERAGE_FACTOR;
use wattledger_model::calendar::Window;

/// A figure whose U exceeds this share of its value is shown as not resolved.
pub const MOST_RELATIVE: f64 = 0.05;

/// Minutes in twelve months, for telling which window is long enough.
const YEAR_MINUTES: i64 = 365 * 1_440;

/// The shortest rolling window in which a figure is resolved, when over `minutes` its channels add
/// `u_channels` and its readings `u_readings`, both relative to the value. In a window of `w` minutes the
/// channels add the same share, and the readings `minutes/w` of theirs. `None` where no window is long enough.
pub fn shortest_window(u_channels: f64, u_readings: f64, minutes: i64) -> Option<Window> {
    Window::ALL.iter().copied().filter(|window| window.is_rolling()).find(|window| {
        let length = window.elapsed_minutes().unwrap_or(YEAR_MINUTES);
        let readings = u_readings * minutes as f64 / length as f64;
        COVERAGE_FACTOR * u_channels.hypot(readings) <= MOST_RELATIVE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_fade_with_length_and_channels_do_not() {
        assert_eq!(shortest_window(0.0, 0.0, 1), Some(Window::Minute));
        assert_eq!(shortest_window(0.0, 0.245, 1), Some(Window::QuarterHour));
        assert_eq!(shortest_window(0.02, 1.0, 1), Some(Window::Hours24));
        assert_eq!(shortest_window(0.0, 0.1, 30 * 1_440), Some(Window::Months12));
        assert_eq!(shortest_window(0.03, 0.0, 1), None);
        assert_eq!(shortest_window(f64::NAN, 0.0, 1), None);
    }
}
