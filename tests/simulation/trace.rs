//! What happened in a world, in order: a hash that two runs of one seed share, and lines for people.

/// Lines printed of a failed world: the last ones.
const SHOWN: usize = 250;

/// The trace.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    now: i64,
    /// Whether lines are kept.
    tells: bool,
    lines: Vec<(i64, &'static str, i64, i64, String)>,
}

impl Trace {
    pub fn new(tells: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, tells, ..Trace::default() }
    }

    /// Time of the world, in ms, for what follows.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
    }

    /// One more thing that happened, with two numbers that say more.
    pub fn note(&mut self, what: &'static str, a: i64, b: i64) {
        self.note_more(what, a, b, String::new);
    }

    /// The same with a remark, made only where somebody reads it.
    pub fn note_more(&mut self, what: &'static str, a: i64, b: i64, remark: impl FnOnce() -> String) {
        self.fold(what.as_bytes());
        for number in [self.now, a, b] {
            self.fold(&number.to_le_bytes());
        }
        if self.tells {
            self.lines.push((self.now, what, a, b, remark()));
        }
    }

    fn fold(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines, one an event; runs of the same event are drawn together.
    pub fn text(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        let mut run: Option<(&str, usize)> = None;
        for (at, what, a, b, remark) in &self.lines {
            let seconds = *at as f64 / 1_000.0;
            match &mut run {
                Some((before, count)) if before == what && remark.is_empty() => {
                    *count += 1;
                    let line = format!("{seconds:>12.3} s  {what} {a} {b} (and {count} more before)");
                    if let Some(last) = told.last_mut() {
                        *last = line;
                    }
                }
                _ => {
                    run = Some((what, 0));
                    told.push(format!("{seconds:>12.3} s  {what} {a} {b} {remark}"));
                }
            }
        }
        let skipped = told.len().saturating_sub(SHOWN);
        let mut text = told.split_off(skipped).join("\n");
        if skipped > 0 {
            text.insert_str(0, &format!("({skipped} lines before)\n"));
        }
        text
    }
}
