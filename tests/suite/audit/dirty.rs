//! A Debian tree with one violation for each thing that a check can tell, and what has to be found of it.

use super::found;
use crate::common::Rootfs;
use crate::common::dirty::Dirty;
pub(crate) use crate::common::dirty::{key, secret};

fn build() -> Dirty {
    Dirty::on(Rootfs::debian_like())
}

#[test]
fn every_seeded_violation_is_found_with_its_path() {
    let dirty = build();
    assert!(dirty.seeded.len() >= 60, "only {} violations", dirty.seeded.len());
    let run = dirty.tree.run("audit", &["--checksums", "--format", "json"]);
    assert_eq!(run.status, 1, "{}", run.all());
    let found = found(&run, "info");
    let missing: Vec<_> = dirty
        .seeded
        .iter()
        .filter(|(check, path)| !found.contains(&((*check).to_owned(), (*path).to_owned())))
        .collect();
    assert!(missing.is_empty(), "not found: {missing:#?}\nfound: {found:#?}");
}

#[test]
fn each_line_of_an_account_file_is_named() {
    let dirty = build();
    let report = dirty.tree.run("audit", &["--format", "json"]).json();
    let passwd = dirty.tree.read("/etc/passwd");
    let line = |text: &str| passwd.lines().position(|line| line.starts_with(text)).unwrap() + 1;
    let findings = report["findings"].as_array().unwrap();
    for (check, start) in
        [("accounts.uid-0", "toor:"), ("accounts.missing-group", "lost:"), ("accounts.legacy-plus", "+")]
    {
        let of_check = || findings.iter().filter(|f| f["check"] == check && f["path"] == "/etc/passwd");
        assert!(of_check().any(|f| f["line"] == line(start)), "{check}: {:?}", of_check().collect::<Vec<_>>());
    }
}

#[test]
fn an_audit_changes_nothing_and_says_the_same_twice() {
    let dirty = build();
    dirty.tree.stamp();
    let before = crate::common::Snapshot::of(dirty.tree.path());
    let first = dirty.tree.run("audit", &["--checksums", "--format", "json"]);
    let second = dirty.tree.run("audit", &["--checksums", "--format", "json"]);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(before, crate::common::Snapshot::of(dirty.tree.path()));
    let report = first.json();
    let prints: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].as_str().unwrap()).collect();
    let unique: std::collections::BTreeSet<&str> = prints.iter().copied().collect();
    let twice: Vec<_> = prints.iter().filter(|p| prints.iter().filter(|q| q == p).count() > 1).collect();
    assert_eq!(prints.len(), unique.len(), "fingerprints that are there twice: {twice:?}");
}

#[test]
fn what_apply_mends_is_not_found_again() {
    let tree = Rootfs::debian_like();
    let before = tree.run("audit", &["--format", "json"]);
    assert_eq!(before.status, 1);
    let args = ["--user", "app:1000:1000", "--command", "/app/server"];
    let applied = tree.run("apply", &args);
    assert_eq!(applied.status, 0, "{}", applied.all());
    let mut audit = args.to_vec();
    audit.extend(["--format", "json", "--fail-on", "medium"]);
    let after = tree.run("audit", &audit);
    assert_eq!(after.status, 0, "{:#?}", found(&after, "medium"));
    assert!(!found(&after, "info").iter().any(|(check, _)| check == "plan.pending"));
}
