//! A time limit for the tracer's waits, so that it and the traced processes never wait for each other.
//!
//! A path may lie on a file system that a traced process itself serves (FUSE), or in memory that such a file system
//! fills: looking at it waits for that process, whose own next call waits for the tracer. Nothing the tracer can do
//! before shows that, and nothing but the end of that process ends it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Between two looks at the tracer.
const PAUSE: Duration = Duration::from_millis(500);

/// What the tracer tells its watcher.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    /// Counts up when an event begins and when it ends: odd while one is looked at.
    steps: Arc<AtomicU64>,
    alive: Arc<Mutex<Vec<i32>>>,
    /// The image is being read, which takes its time.
    pub(super) reads: Arc<AtomicBool>,
    /// The limit was passed, and every process was ended.
    passed: Arc<AtomicBool>,
    /// There is nothing to watch any more.
    over: Arc<AtomicBool>,
}

impl Watch {
    /// Watch from here on. Signals have to be held back by now: a thread inherits that.
    pub(super) fn begin(&self) {
        self.begin_with(LIMIT);
    }

    fn begin_with(&self, limit: Duration) {
        let watch = self.clone();
        thread::spawn(move || {
            let mut since = (0, Instant::now());
            while !watch.over.load(Ordering::SeqCst) {
                thread::sleep(PAUSE);
                let step = watch.steps.load(Ordering::SeqCst);
                let waits = step % 2 == 1 && !watch.reads.load(Ordering::SeqCst);
                if !waits || step != since.0 {
                    since = (step, Instant::now());
                } else if since.1.elapsed() > limit {
                    watch.passed.store(true, Ordering::SeqCst);
                    watch.end_all();
                }
            }
        });
    }

    /// An event begins, or has been dealt with.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::SeqCst);
    }

    /// A process or thread is there.
    pub(super) fn born(&self, number: i32) {
        if let Ok(mut alive) = self.alive.lock() {
            alive.push(number);
        }
    }

    /// It is gone.
    pub(super) fn gone(&self, number: i32) {
        if let Ok(mut alive) = self.alive.lock() {
            alive.retain(|&one| one != number);
        }
    }

    /// Watch no longer.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether the limit was passed.
    pub(super) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::SeqCst)
    }

    fn end_all(&self) {
        let Ok(alive) = self.alive.lock() else { return };
        for pid in alive.iter().filter_map(|&number| Pid::from_raw(number)) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_ends_every_process_and_what_does_not_ends_none() {
        let watch = Watch::default();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        watch.born(i32::try_from(child.id()).unwrap());
        watch.begin_with(Duration::from_secs(1));
        // Many short looks, and reading the image, are no long one.
        for _ in 0..30 {
            watch.step();
            thread::sleep(Duration::from_millis(60));
            watch.step();
        }
        watch.reads.store(true, Ordering::SeqCst);
        watch.step();
        thread::sleep(Duration::from_secs(2));
        assert!(!watch.has_passed() && child.try_wait().unwrap().is_none());
        watch.reads.store(false, Ordering::SeqCst);
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
        assert!(watch.has_passed());
    }
}
