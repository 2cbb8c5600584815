//! Progress for a person who waits: one line on a terminal, rewritten again and again, with counts and the time that is
//! left. A build log does not have this line: there each phase has a line of its own.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Volume;

/// What takes less is not shown, and how often the line is written.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);

/// Back to the begin of the line, and nothing to its end.
const CLEAR: &str = "\r\x1b[K";

/// Whether anybody looks, and whether the line is there. Of the process, as standard error is.
static ON: AtomicBool = AtomicBool::new(false);
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Show progress from here on, if standard error is a terminal.
pub(crate) fn show(volume: Volume) {
    ON.store(volume > Volume::Quiet && io::stderr().is_terminal(), Ordering::Relaxed);
}

/// Take the line away: something else is written.
pub(super) fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        let _ = io::stderr().lock().write_all(CLEAR.as_bytes());
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Bytes.
    Bytes,
    /// Things of that name.
    Things(&'static str),
}

/// One piece of work. Its line goes with it.
#[derive(Debug)]
pub(crate) struct Progress {
    doing: &'static str,
    unit: Unit,
    /// How much it is in all, where that is known.
    total: Option<u64>,
    done: Cell<u64>,
    begun: Instant,
    written: Cell<Option<Instant>>,
}

impl Progress {
    /// Begin.
    pub(crate) fn new(doing: &'static str, unit: Unit, total: Option<u64>) -> Self {
        Self { doing, unit, total, done: Cell::new(0), begun: Instant::now(), written: Cell::new(None) }
    }

    /// So much more is done.
    pub(crate) fn advance(&self, amount: u64) {
        if !ON.load(Ordering::Relaxed) {
            return;
        }
        self.done.set(self.done.get().saturating_add(amount));
        let now = Instant::now();
        let since = now.saturating_duration_since(self.begun);
        if since < PATIENCE || self.written.get().is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            return;
        }
        self.written.set(Some(now));
        SHOWN.store(true, Ordering::Relaxed);
        // Nobody may be there to see it, which is no reason to stop.
        let _ = write!(io::stderr().lock(), "{CLEAR}{}", self.line(since));
    }

    fn line(&self, since: Duration) -> String {
        let amount = |number: u64| match self.unit {
            Unit::Bytes => format!("{} MiB", number >> 20),
            Unit::Things(_) => number.to_string(),
        };
        let name = if let Unit::Things(name) = self.unit { format!(" {name}") } else { String::new() };
        let done = self.done.get();
        let Some(total) = self.total.filter(|&total| done <= total) else {
            return format!("harden: {}: {}{name}", self.doing, amount(done));
        };
        let left = match since.as_secs().saturating_mul(total - done) / done.max(1) {
            seconds @ 0..120 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        };
        format!("harden: {}: {} of {}{name}, {left} left", self.doing, amount(done), amount(total))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written.get().is_some() {
            clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_counts_and_the_time_that_is_left() {
        let line = |unit, total, done, seconds| {
            let progress = Progress::new("reading", unit, total);
            progress.done.set(done);
            progress.line(Duration::from_secs(seconds))
        };
        let entries = Unit::Things("entries");
        assert_eq!(line(entries, None, 12, 3), "harden: reading: 12 entries");
        assert_eq!(line(entries, Some(100), 25, 3), "harden: reading: 25 of 100 entries, 9 s left");
        assert_eq!(line(Unit::Bytes, Some(1 << 30), 1 << 20, 1), "harden: reading: 1 MiB of 1024 MiB, 17 min left");
        // What is more than was expected has no end.
        assert_eq!(line(entries, Some(10), 11, 3), "harden: reading: 11 entries");
    }
}
