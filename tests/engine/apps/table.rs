//! docs/matrix.md, one row and one section for each application. `UPDATE_MATRIX=1` writes them as the rows pass;
//! otherwise each row is compared but for what depends on the clock or on the base image's packages.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::census::Census;

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
by their own client from outside. Written by the tests (`UPDATE_MATRIX=1 make engine`); without that word each test
compares its row, but for the columns *before* and *apply*, which depend on the base image's packages and on the clock.

*Serves*: the program did its work after hardening, and every ELF file that is left loads exactly the libraries that it
loaded before, by the answer of the image's own loader. *Commands*: names in the command directories and in PATH
that start something. *GTFOBins*: those of them that <https://gtfobins.github.io> lists. *Apply*: seconds of the build step.

";

const HEAD: &str = "\
| application | base | serves | commands | before | GTFOBins | before | apply |
|---|---|---|---|---|---|---|---|
";

/// What one test found.
pub struct Row<'a> {
    pub name: &'a str,
    pub base: &'a str,
    pub policy: &'a str,
    pub was: &'a Census,
    pub is: &'a Census,
    /// Seconds.
    pub wall: f64,
}

impl Row<'_> {
    fn line(&self) -> String {
        format!(
            "| [{name}](#{name}) | {} | yes | {} | {} | {} | {} | {:.1} s |",
            self.base.trim_start_matches("harden-test/"),
            self.is.commands.len(),
            self.was.commands.len(),
            self.is.gtfobins().len(),
            self.was.gtfobins().len(),
            self.wall,
            name = self.name,
        )
    }

    /// The policy and the names that are left.
    fn section(&self) -> String {
        let names = |names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<&str> = names.collect();
            if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("` `")) }
        };
        format!(
            "## {}\n\n```toml\n{}\n```\n\nLeft: {}. GTFOBins: {}.\n",
            self.name,
            self.policy.trim(),
            names(&mut self.is.commands.iter().map(String::as_str)),
            names(&mut self.is.gtfobins().into_iter()),
        )
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/matrix.md")
}

/// Rows and sections by name, as the page has them.
fn read() -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("| [").and_then(|rest| rest.split_once(']')) {
            found.entry(name.to_owned()).or_default().0 = line.to_owned();
        }
    }
    for section in text.split("\n## ").skip(1) {
        let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
        found.entry(name.to_owned()).or_default().1 = format!("## {name}\n{}\n", rest.trim_end());
    }
    found
}

/// The columns that depend on nothing but harden and the policy.
fn lasting(line: &str) -> Vec<&str> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    [1, 2, 3, 4, 6].iter().filter_map(|at| cells.get(*at).copied()).collect()
}

/// Writes the row, or compares it with the one that is written.
///
/// # Panics
/// When they differ.
pub fn record(row: &Row<'_>) {
    static LOCK: Mutex<()> = Mutex::new(());
    let _alone = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(NAMES.contains(&row.name), "{} is not in the list of applications", row.name);
    let (line, section) = (row.line(), row.section());
    eprintln!("{line}");
    let mut found = read();
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        found.insert(row.name.to_owned(), (line, section));
        let mut text = format!("{INTRODUCTION}{HEAD}");
        let rows = || NAMES.iter().filter_map(|name| found.get(*name));
        for (line, _) in rows() {
            let _ = writeln!(text, "{line}");
        }
        for (_, section) in rows() {
            let _ = write!(text, "\n{section}");
        }
        std::fs::write(path(), text).expect("docs/matrix.md");
        return;
    }
    let (known_line, known_section) = found.remove(row.name).unwrap_or_default();
    assert!(
        lasting(&known_line) == lasting(&line) && known_section == section,
        "docs/matrix.md says otherwise; if this is meant: UPDATE_MATRIX=1 make engine\n{known_line}\n{line}\n\n{known_section}\n{section}"
    );
}

#[test]
fn every_application_has_its_row() {
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        return;
    }
    let found = read();
    let names: Vec<&str> = NAMES.iter().copied().filter(|name| !found.contains_key(*name)).collect();
    assert!(names.is_empty(), "docs/matrix.md has no row of {names:?}: UPDATE_MATRIX=1 make engine");
    let strangers: Vec<&String> = found.keys().filter(|name| !NAMES.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "docs/matrix.md has rows that no test writes: {strangers:?}");
}
