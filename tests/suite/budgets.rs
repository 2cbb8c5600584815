//! The budgets that do not depend on the clock: memory and system calls for an entry, on trees whose shape is known.
//! Times are `make bench`'s; the size of the binary is checked where it is built, the layer's in the engine tests.

use std::fs;
use std::path::Path;

use crate::common::generated::{Generated, open_to_everybody, run_well};

/// System calls that plan may make for one entry, on average: two to examine a file, and what a directory takes.
const CALLS_AN_ENTRY: f64 = 2.5;

#[test]
fn memory_stays_within_the_budget_at_a_hundred_thousand_entries() {
    let tree = Generated::new(100_000);
    tree.assert_memory("plan");
    // Every entry of the distribution's half changes, by more than one rule.
    open_to_everybody(&tree.root().join("usr"));
    tree.assert_memory("plan");
    tree.assert_memory("apply");
}

#[test]
fn system_calls_of_a_plan_stay_within_the_budget() {
    let tree = Generated::new(10_000);
    let report = tree.beside("calls");
    // How often a thread waits for another one is up to the machine and its load.
    let counted = ["strace", "-f", "-qq", "-c", "-e", "trace=!futex,sched_yield", "-o", report.to_str().unwrap()];
    run_well(&mut tree.harden(&counted, "plan"));
    let table = fs::read_to_string(&report).unwrap();
    let total = table.lines().find(|line| line.ends_with(" total")).unwrap();
    let calls: usize = total.split_whitespace().nth(3).unwrap().parse().unwrap();
    let each = calls as f64 / tree.entries as f64;
    assert!(each <= CALLS_AN_ENTRY, "{calls} system calls for {} entries: {each:.2} each", tree.entries);
    assert!(each >= 1.0, "{calls} system calls cannot examine {} entries", tree.entries);
}

/// The generator is part of the measure: it makes what it says.
#[test]
fn a_generated_tree_has_the_entries_that_it_says() {
    fn count(dir: &Path) -> usize {
        let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
        entries.map(|entry| 1 + if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 0 }).sum()
    }
    let tree = Generated::new(3_000);
    assert_eq!(count(&tree.root()) + 1, tree.entries);
    assert!((3_000..3_100).contains(&tree.entries));
}
