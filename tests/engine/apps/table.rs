//! docs/matrix.md, one row and one section for each application. `UPDATE_MATRIX=1` writes them as the rows pass;
//! otherwise each row is compared but for what depends on the base image's packages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::census::Census;
use super::minimal::Packages;
use super::missed;

/// The applications, in the table's order.
const NAMES: &[&str] = &[
    "nginx",
    "redis",
    "postgres",
    "python",
    "python-venv",
    "node",
    "node-bin",
    "java",
    "php-fpm",
    "ruby",
    "dotnet",
    "sftp-internal",
    "sftp-server",
    "git",
    "tini",
    "supervisord",
    "bash",
    "healthcheck",
    "busybox-httpd",
    "static-musl",
];

const INTRODUCTION: &str = "\
# Applications

Real programs as distributions package them, hardened with the policies below, then used through their own protocol
by their own client from outside. The tests write this page (`UPDATE_MATRIX=1 make engine`); without that variable each test
compares its row, except for the column *before*, which depends on the base image's packages.

*Serves*: the program did its work after hardening, also with the policy that `harden init` writes of its image, and every ELF
file that is left loads exactly the libraries that it loaded before, by the answer of the image's own loader. *Asked for and
removed*: paths that the checks of the policy asked for in the hardened root and that harden had removed, each with the reason why
the program does without. *Commands*: names in the command directories and in PATH
that start something. *GTFOBins*: those of them that <https://gtfobins.github.io> lists.

";

const MINIMAL: &str = "
## Minimal mode

The same policies with `mode = \"minimal\"`, copied into an empty image ([minimal.md](minimal.md)), and the same work by the
same clients; the same commands are left. *Size*: content of all files, a file of several names once. *Packages*: what the
database lists, and scanners with it. *By file*: size with `granularity = \"file\"` and the entries that `harden learn` wrote during this work; the clients then used the image again.

| application | size before | after | files before | after | ELF before | after | packages before | after | gone | by file |
|---|---|---|---|---|---|---|---|---|---|---|
";

const HEAD: &str = "\
| application | base | serves | commands | before | GTFOBins | before |
|---|---|---|---|---|---|---|
";

/// Columns of the second table.
const SIZE: usize = 3;
const BY_FILE: usize = 11;

/// What one test found.
pub struct Row<'a> {
    pub name: &'a str,
    pub base: &'a str,
    pub policy: &'a str,
    /// What its checks asked for in vain, with the rule.
    pub missed: BTreeSet<(String, String)>,
    pub was: &'a Census,
    pub is: &'a Census,
    /// In minimal mode.
    pub least: &'a Census,
    pub packages: Packages,
    /// Bytes by file.
    pub learned: Option<u64>,
}

/// What the page says of an application: its line in each table, and its section.
#[derive(Default)]
struct Known {
    line: String,
    small: String,
    section: String,
}

impl Row<'_> {
    fn line(&self) -> String {
        format!(
            "| [{name}](#{name}) | {} | yes | {} | {} | {} | {} |",
            self.base.trim_start_matches("harden-test/"),
            self.is.commands.len(),
            self.was.commands.len(),
            self.is.gtfobins().len(),
            self.was.gtfobins().len(),
            name = self.name,
        )
    }

    /// The line of the second table; `known` is what the page says of what was not measured this time.
    fn small(&self, known: &str) -> String {
        let size = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let mut cells = Vec::new();
        for what in ["bytes", "files", "objects"] {
            for census in [self.was, self.least] {
                let sum = census.sum(what);
                cells.push(if what == "bytes" { size(sum) } else { sum.to_string() });
            }
        }
        let (before, after) = (self.packages.before, self.packages.after.len());
        cells.extend([before.to_string(), after.to_string(), format!("{} %", (before - after) * 100 / before)]);
        let learned = cell(known, BY_FILE).map_or("-", |known| known);
        cells.push(self.learned.map_or_else(|| learned.to_owned(), size));
        format!("| [{name}](#{name}) | {} |", cells.join(" | "), name = self.name)
    }

    /// The policy and the names that are left.
    fn section(&self) -> String {
        let names = |names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<&str> = names.collect();
            if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("` `")) }
        };
        format!(
            "## {}\n\n```toml\n{}\n```\n\nLeft: {}. GTFOBins: {}.\n\nAsked for and removed: {}.\n\nPackages in minimal mode: {}.\n",
            self.name,
            self.policy.trim(),
            names(&mut self.is.commands.iter().map(String::as_str)),
            names(&mut self.is.gtfobins().into_iter()),
            missed::shown(&self.missed),
            names(&mut self.packages.after.iter().map(String::as_str)),
        )
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/matrix.md")
}

/// What the page says, by name.
fn read() -> BTreeMap<String, Known> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let mut found: BTreeMap<String, Known> = BTreeMap::new();
    let (rows, small) = text.split_once(MINIMAL).unwrap_or((&text, ""));
    for (lines, is_small) in [(rows, false), (small, true)] {
        for line in lines.lines() {
            if let Some((name, _)) = line.strip_prefix("| [").and_then(|rest| rest.split_once(']')) {
                let known = found.entry(name.to_owned()).or_default();
                *if is_small { &mut known.small } else { &mut known.line } = line.to_owned();
            }
        }
    }
    for section in small.split("\n## ").skip(1) {
        let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
        found.entry(name.to_owned()).or_default().section = format!("## {name}\n{}\n", rest.trim_end());
    }
    found
}

/// A cell of a line, counted from 1.
fn cell(line: &str, at: usize) -> Option<&str> {
    line.split('|').nth(at).map(str::trim)
}

/// The columns that depend on nothing but harden and the policy.
fn lasting(line: &str) -> Vec<&str> {
    [1, 2, 3, 4, 6].into_iter().filter_map(|at| cell(line, at)).collect()
}

/// Writes the row, or compares it with the one that is written.
///
/// # Panics
/// When they differ.
pub fn record(row: &Row<'_>) {
    static LOCK: Mutex<()> = Mutex::new(());
    let _alone = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(NAMES.contains(&row.name), "{} is not in the list of applications", row.name);
    let mut found = read();
    let known = found.remove(row.name).unwrap_or_default();
    let (line, small, section) = (row.line(), row.small(&known.small), row.section());
    eprintln!("{line}\n{small}");
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        found.insert(row.name.to_owned(), Known { line, small, section });
        let rows = || NAMES.iter().filter_map(|name| found.get(*name));
        let mut text = format!("{INTRODUCTION}{HEAD}");
        rows().for_each(|known| text += &format!("{}\n", known.line));
        text += MINIMAL;
        rows().for_each(|known| text += &format!("{}\n", known.small));
        rows().for_each(|known| text += &format!("\n{}", known.section));
        std::fs::write(path(), text).expect("docs/matrix.md");
        return;
    }
    assert!(
        lasting(&known.line) == lasting(&line) && known.section == section,
        "docs/matrix.md says otherwise; if this is meant: UPDATE_MATRIX=1 make engine\n{}\n{line}\n\n{}\n{section}",
        known.line,
        known.section,
    );
    // Releases of packages differ in size, but not by much.
    for at in [SIZE, BY_FILE] {
        let [was, is] = [&known.small, &small].map(|line| cell(line, at).and_then(|cell| cell.split(' ').next()));
        let [was, is] = [was, is].map(|cell| cell.and_then(|cell| cell.parse::<f64>().ok()));
        assert!(
            was.is_none_or(|was| is.is_some_and(|is| is <= was * 1.1 + 0.1)),
            "docs/matrix.md says less; if this is meant: UPDATE_MATRIX=1 make engine\n{}\n{small}",
            known.small,
        );
    }
}

#[test]
fn every_application_has_its_row() {
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        return;
    }
    let found = read();
    let whole = |known: &Known| ![&known.line, &known.small, &known.section].iter().any(|part| part.is_empty());
    let names: Vec<&str> = NAMES.iter().copied().filter(|name| !found.get(*name).is_some_and(whole)).collect();
    assert!(names.is_empty(), "docs/matrix.md has no row of {names:?}: UPDATE_MATRIX=1 make engine");
    let strangers: Vec<&String> = found.keys().filter(|name| !NAMES.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "docs/matrix.md has rows that no test writes: {strangers:?}");
}
