//! `make soak`: what takes minutes. The budgets of `make test` come along, as their helpers do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs
)]

use std::time::{Duration, Instant};

mod budgets;

use budgets::{Generated, open_to_everybody, run_well};

#[test]
fn a_million_entries_take_memory_within_the_budget_and_linear_time() {
    let small = Generated::new(10_000);
    let each = plan_time(&small).as_secs_f64() / small.entries as f64;
    drop(small);
    let large = Generated::new(1_000_000);
    large.assert_memory("plan");
    let large_each = plan_time(&large).as_secs_f64() / large.entries as f64;
    // Twice: caches of the machine hold the small tree only. A quadratic part would make it a hundred times.
    assert!(large_each <= each * 2.0, "{:.2} µs an entry instead of {:.2} µs", large_each * 1e6, each * 1e6);
    open_to_everybody(&large.root().join("usr"));
    large.assert_memory("plan");
    large.assert_memory("apply");
}

fn plan_time(tree: &Generated) -> Duration {
    let once = || {
        let begin = Instant::now();
        run_well(&mut tree.harden(&[], "plan"));
        begin.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}
