//! The end of the report for people: the image before and after, the largest removals, and the next steps.

use std::fmt::Write as _;

use super::amount::{number, size};
use super::json::{State, Status};
use super::runtime::Runtime;
use crate::diag::escape::escaped;
use crate::inventory::figures::{Balance, balance, figures};
use crate::inventory::parts::Owner;
use crate::pipeline::Examined;

/// Things that go and are listed.
const LARGEST: usize = 5;

/// Write it. After a run that failed, nobody knows the image, and the next step is another run.
pub(super) fn text(out: &mut String, examined: &Examined, runtime: &Runtime, status: &Status) {
    if status.state == State::Failed {
        return;
    }
    if !examined.plan.records.is_empty() {
        before_and_after(out, examined);
    }
    next(out, runtime, status);
}

fn before_and_after(out: &mut String, examined: &Examined) {
    let removed = examined.plan.removed();
    let counted = figures(examined, &removed);
    let Balance { before, after, gone } = balance(examined, &removed);
    let _ = writeln!(out, "\n{:<24} {:>12} -> {:>10}", "", "before", "after");
    let mut row = |name: &str, before: String, after: String| {
        let _ = writeln!(out, "{name:<24} {before:>12} -> {after:>10}");
    };
    row("size of the files", size(before), size(after));
    for (name, figure) in [
        ("commands", counted.commands),
        ("set-id programs", counted.setid),
        ("programs with rights", counted.capabilities),
        ("accounts", counted.accounts),
        ("packages", counted.packages),
    ] {
        if figure.before + figure.after > 0 {
            row(name, number(figure.before), number(figure.after));
        }
    }
    let largest: Vec<_> = gone.iter().filter(|(_, amount)| amount.bytes > 0).take(LARGEST).collect();
    if largest.is_empty() {
        return;
    }
    out.push_str("\nthe largest that go:\n");
    for (owner, amount) in largest {
        let name = match owner {
            Owner::Package(index) => {
                let package = examined.facts.packages.get(*index).map_or("", |package| &package.name);
                format!("package {}", escaped(package.as_bytes()))
            }
            Owner::Directory(id) => format!("in {}", escaped(&examined.facts.tree.path(*id))),
        };
        let files = if amount.files == 1 { "1 file".to_owned() } else { format!("{} files", number(amount.files)) };
        let _ = writeln!(out, "{:>14}  {name}: {files}", size(amount.bytes));
    }
}

/// How the image is to be run.
fn next(out: &mut String, runtime: &Runtime, status: &Status) {
    let paths: Vec<String> = runtime.writable.iter().map(|path| escaped(path.as_bytes())).collect();
    let paths = if paths.is_empty() { "nothing".to_owned() } else { paths.join(" ") };
    let _ = writeln!(out, "\nwritable at run time (readOnlyRootFilesystem): {paths}");
    // `harden image` has written it.
    if let Some(user) = runtime.user.as_ref().filter(|_| status.command != "image") {
        let line = if runtime.starts_as_root {
            "USER root, since the entrypoint starts as root and drops".to_owned()
        } else {
            format!("USER {user}")
        };
        let _ = writeln!(out, "\nDockerfile, after this step:\n  {line}");
    }
    let _ = writeln!(out, "\nDocker and Podman:\n  {}", runtime.docker().join(" \\\n    "));
    out.push_str("\nKubernetes:\n");
    for line in runtime.kubernetes().lines() {
        let _ = writeln!(out, "  {line}");
    }
}
