//! The kept and removed files of each package, for people.

use std::fmt::Write as _;

use super::amount::{number, size as bytes};
use crate::console::Volume;
use crate::diag::escape::escaped;
use crate::inventory::sizes::{Amount, Size, sizes, sum};
use crate::pipeline::Examined;

/// Packages of each list shown without `-v`.
const SHOWN: usize = 12;

/// Two tables, largest first, and the sum; nothing unless the mode is minimal.
pub(super) fn text(out: &mut String, examined: &Examined, volume: Volume) {
    let mut all = sizes(examined);
    if all.is_empty() {
        return;
    }
    let [stays, goes] = sum(&all);
    let limit = if volume == Volume::Verbose { usize::MAX } else { SHOWN };
    table(out, "stays", &all, limit, |size| size.stays, because);
    all.sort_by_key(|size| std::cmp::Reverse(size.goes.bytes));
    table(
        out,
        "removed",
        &all,
        limit,
        |size| size.goes,
        |size| {
            if size.stays.files == 0 {
                "as a whole".to_owned()
            } else {
                format!("{} of it stay", bytes(size.stays.bytes))
            }
        },
    );
    on_purpose(out, &all);
    let gone = all.iter().filter(|size| size.stays.files == 0).count();
    let packages = all.iter().filter(|size| !size.package.is_empty()).count();
    let _ = writeln!(
        out,
        "files: {} -> {}; {gone} of {packages} packages are removed completely\n",
        number(stays.files + goes.files),
        number(stays.files)
    );
}

/// Packages that stay only because they were installed on purpose, each with the line that lets it go.
fn on_purpose(out: &mut String, all: &[Size]) {
    let mut rows: Vec<&Size> = all.iter().filter(|size| size.on_purpose).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|size| (std::cmp::Reverse(size.stays.bytes), &size.package));
    let _ = writeln!(
        out,
        "installed on purpose, but not needed by a kept file; to remove them, add their names to [minimal] drop:"
    );
    for size in rows {
        let name = name(size);
        let Amount { files, bytes: count } = size.stays;
        let _ = writeln!(out, "{:>12} {files:>6}  {name}: drop = [\"{name}\"]", bytes(count));
    }
    out.push('\n');
}

fn table(
    out: &mut String,
    title: &str,
    all: &[Size],
    limit: usize,
    amount: fn(&Size) -> Amount,
    what: fn(&Size) -> String,
) {
    let rows: Vec<&Size> = all.iter().filter(|size| amount(size).files > 0).collect();
    let _ = writeln!(out, "{title:>12} {:>6}  package", "files");
    for size in rows.iter().take(limit) {
        let Amount { files, bytes: count } = amount(size);
        let _ = writeln!(out, "{:>12} {files:>6}  {}: {}", bytes(count), name(size), what(size));
    }
    if rows.len() > limit {
        let _ = writeln!(out, "{:>19}  … and {} more (-v shows all)", "", rows.len() - limit);
    }
    out.push('\n');
}

fn name(size: &Size) -> String {
    if size.package.is_empty() { "(of no package)".to_owned() } else { escaped(size.package.as_bytes()) }
}

fn because(size: &Size) -> String {
    match &size.because[..] {
        [] if size.package.is_empty() => "the application".to_owned(),
        [] => "single files: data, or files that many programs open by path".to_owned(),
        // The last one is the policy's, and long.
        clauses => clauses.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}
