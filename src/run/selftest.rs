//! A changed multi-call binary, tried before it replaces the old one: only in the file system that this program runs in.
//!
//! Its bytes have been proved already. This trial finds faults that bytes do not show: a kernel or a loader that does
//! not start the file. A machine that cannot start it proves nothing, and stops nothing.

use crate::applets::{self, Family};
use crate::diag::Diagnostic;
use crate::diag::escape::{escaped, quoted};
use crate::draft::Change;
use crate::facts::multicall;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::root::host;

/// Most names of each kind that are tried.
const TRIED: usize = 16;
/// What busybox exits with when it does not know its name.
const NOT_FOUND: i32 = 127;

/// Start every binary that the plan changes. Returns what does not answer as it should.
pub(super) fn run(examined: &Examined) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &examined.plan.steps {
        let Step::Change(id, Change::Rewrite(new)) = step else { continue };
        let family = multicall::Family::Table(Family::Busybox);
        let program = examined.multicall.iter().find(|one| one.family == family && one.changed == Some(*id));
        let Some(program) = program else { continue };
        // A library starts nothing by itself.
        if examined.facts.tree.name(*id).starts_with(applets::LIBRARY) {
            continue;
        }
        let path = examined.facts.tree.path(*id);
        let Some(new) = host::in_memory(&new.content) else { continue };
        let mut fail = |name: &str, what: &str| {
            let text = format!(
                "harden tried {} without its other applets, and {} {what}",
                quoted(&path),
                escaped(name.as_bytes())
            );
            found.push(
                Diagnostic::new("remove.applets", text)
                    .help("keep every applet, or switch remove.applets off; the binary was not changed"),
            );
        };
        for name in program.applets.iter().take(TRIED) {
            let old = host::answer(&path, name, "--help");
            let now = host::answer(new.path(), name, "--help");
            if old.is_some() && old != now {
                fail(name, "does not answer --help as before");
            }
        }
        // Spread over the alphabet.
        for name in program.disabled.iter().step_by(program.disabled.len() / TRIED + 1) {
            let answer = host::answer(new.path(), name, "--help");
            if answer.is_some_and(|(status, text)| status != NOT_FOUND || !text.ends_with(b"applet not found\n")) {
                fail(name, "still runs");
            }
        }
    }
    found
}
