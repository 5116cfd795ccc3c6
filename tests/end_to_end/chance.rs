//! Chance that can be repeated: everything random in a test comes from one printed seed.

use std::io::Write;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator of uniform numbers (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Seeded by `WATTLEDGER_SEED`, else by the clock; prints the seed whatever becomes of the test.
    pub(crate) fn seeded(test: &str) -> Chance {
        let seed = match std::env::var("WATTLEDGER_SEED") {
            Ok(text) => text.parse().expect("WATTLEDGER_SEED is a whole number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64,
        };
        say(&format!("{test}: seed {seed} (WATTLEDGER_SEED={seed} repeats it)"));
        Chance::of(seed)
    }

    /// From this seed.
    pub(crate) fn of(seed: u64) -> Chance {
        Chance(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number inside the range.
    pub(crate) fn among(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() % (range.end - range.start) as u64) as usize
    }

    /// A number in `[0, 1)`.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// `count` different positions of `0..of`, in any order.
    pub(crate) fn choose(&mut self, count: usize, of: usize) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..of).collect();
        for at in 0..count {
            let other = self.among(at..of);
            positions.swap(at, other);
        }
        positions.truncate(count);
        positions
    }
}

/// Says something that is seen even where the test passes: the test harness hides only what `print!` prints.
pub(crate) fn say(line: &str) {
    let written = writeln!(std::io::stderr(), "{line}");
    written.expect("standard error can be written");
}
