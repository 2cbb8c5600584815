//! How large an image of one program has to be: what the distribution says its packages need. Computed from dpkg's status
//! file alone, by code that shares nothing with `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::docker::Image;

/// What an image may be larger than its packages, in percent.
const ALLOWANCE: u64 = 125;

/// What every image gets: accounts, protocols, time zones, certificates.
const BASE: &[&str] = &["base-files", "netbase", "tzdata", "ca-certificates"];

/// Only maintainer scripts call them; nothing that is reached through them alone counts either.
const MAINTAINERS: &[&str] = &[
    "adduser",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "iproute2",
    "lsb-base",
    "openssl",
    "passwd",
    "perl-base",
    "sysvinit-utils",
    "ucf",
];

/// The rows that are held to it, with their program's packages, and where the program lies that no package owns. The
/// runtime of .NET is not packaged by Debian: Microsoft's package depends on these.
const ROWS: &[(&str, &[&str], &str)] = &[
    ("nginx", &["nginx"], ""),
    ("redis", &["redis-server"], ""),
    ("python", &["python3"], ""),
    (
        "dotnet",
        &["libc6", "libgcc-s1", "libgssapi-krb5-2", "libicu72", "libssl3", "libstdc++6", "zlib1g"],
        "usr/share/dotnet",
    ),
];

/// One installed package.
struct Package {
    /// KiB, as recorded.
    size: u64,
    /// Each with its alternatives.
    depends: Vec<Vec<String>>,
}

/// A row's flattened image is not much larger than what its packages need; the list is printed.
///
/// # Panics
/// When it is.
pub fn holds(row: &str, before: &Image, bytes: u64) {
    let Some((_, programs, tree)) = ROWS.iter().find(|(name, ..)| *name == row) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let wanted = ["var/lib/dpkg/status", tree];
    assert!(before.unpack_part(directory.path(), if tree.is_empty() { &wanted[..1] } else { &wanted }));
    let installed = installed(&fs::read_to_string(directory.path().join(wanted[0])).expect("a status file"));
    let closure = closure(&installed, programs.iter().chain(BASE));
    let unowned = crate::apps::host("du", &["-sb", "--apparent-size", &directory.path().join(tree).to_string_lossy()]);
    let unowned = unowned.expect("a size").split('\t').next().and_then(|size| size.parse::<u64>().ok());
    let unowned = if tree.is_empty() { 0 } else { unowned.expect("a size") };
    let sum = closure.iter().map(|name| installed[name].size * 1024).sum::<u64>() + unowned;
    let list: Vec<String> = closure.iter().map(|name| format!("{name} {} KiB", installed[name].size)).collect();
    eprintln!(
        "{row}: {:.1} MB of {:.1} MB that its packages take ({} %): {}{}",
        bytes as f64 / 1e6,
        sum as f64 / 1e6,
        bytes * 100 / sum,
        list.join(", "),
        if unowned == 0 { String::new() } else { format!(", /{tree} {} KiB", unowned / 1024) },
    );
    assert!(bytes * 100 <= sum * ALLOWANCE, "{row}: {bytes} bytes, and its packages take {sum}");
}

/// Installed packages by name, and by what they provide.
fn installed(status: &str) -> BTreeMap<String, Package> {
    let mut found = BTreeMap::new();
    let mut provided = Vec::new();
    for record in status.split("\n\n") {
        let field = |name: &str| record.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let Some(name) = field("Package").filter(|_| field("Status") == Some("install ok installed")) else { continue };
        let bare = |word: &str| word.trim().split([' ', ':', '(']).next().unwrap_or_default().to_owned();
        let list = |name: &str| field(name).unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>();
        let depends = [list("Depends"), list("Pre-Depends")].concat();
        let depends = depends.iter().map(|clause| clause.split('|').map(bare).collect()).collect();
        let size = field("Installed-Size").and_then(|size| size.parse().ok()).unwrap_or_default();
        let provides = list("Provides").iter().map(|what| (bare(what), name.to_owned())).collect::<Vec<_>>();
        provided.extend(provides.into_iter().filter(|(what, _)| !what.is_empty()));
        found.insert(name.to_owned(), Package { size, depends });
    }
    for (what, by) in provided {
        found.entry(what).or_insert_with(|| Package { size: 0, depends: vec![vec![by]] });
    }
    found
}

/// The packages, and what they depend on.
fn closure<'a>(installed: &BTreeMap<String, Package>, start: impl Iterator<Item = &'a &'a str>) -> BTreeSet<String> {
    let mut closure = BTreeSet::new();
    let mut todo: Vec<String> =
        start.map(|name| (*name).to_owned()).filter(|name| installed.contains_key(name)).collect();
    while let Some(name) = todo.pop() {
        if MAINTAINERS.contains(&name.as_str()) || !closure.insert(name.clone()) {
            continue;
        }
        for clause in &installed[&name].depends {
            todo.extend(clause.iter().find(|name| installed.contains_key(*name)).cloned());
        }
    }
    closure
}

#[test]
fn the_yardstick_follows_what_is_declared() {
    let record =
        |name: &str, rest: &str| format!("Package: {name}\nStatus: install ok installed\nInstalled-Size: 10\n{rest}\n");
    let status = [
        record("server", "Depends: libc (>= 2), gone | web-data, adduser\nPre-Depends: tool:any"),
        record("libc", ""),
        record("data", "Provides: web-data (= 1)"),
        record("adduser", "Depends: perl"),
        record("perl", ""),
        record("tool", "Recommends: perl"),
        "Package: gone\nStatus: deinstall ok config-files\n".to_owned(),
    ]
    .join("\n");
    let installed = installed(&status);
    let names = closure(&installed, ["server", "netbase"].iter());
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["data", "libc", "server", "tool", "web-data"]);
}
