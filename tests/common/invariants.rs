//! What DESIGN promises of every tree that was hardened: exactly what the report names differs, times stay, and no mode
//! is loosened but where the policy asks for it.

use std::collections::BTreeSet;

use super::snapshot::Snapshot;

pub(crate) fn assert_invariants(before: &Snapshot, after: &Snapshot, report: &serde_json::Value) {
    let changes = report["changes"].as_array().unwrap();
    let named: BTreeSet<String> = changes.iter().map(|change| change["path"].as_str().unwrap().to_owned()).collect();
    let asked: BTreeSet<String> = changes
        .iter()
        .filter(|change| {
            let reason = change["reason"].as_str().unwrap();
            reason.starts_with("[files]") || reason.starts_with("every user may create files here")
        })
        .map(|change| change["path"].as_str().unwrap().to_owned())
        .collect();
    for (path, old) in &before.0 {
        let shown = escaped(path);
        let Some(new) = after.0.get(path) else {
            assert!(named.contains(&shown), "{shown} is gone, and no change names it");
            continue;
        };
        let same = (&old.content, old.mode, old.uid, old.gid, &old.xattrs)
            == (&new.content, new.mode, new.uid, new.gid, &new.xattrs);
        let linked = before
            .0
            .iter()
            .any(|(other, entry)| entry.ino == old.ino && other != path && named.contains(&escaped(other)));
        assert_eq!(!same, named.contains(&shown) || (linked && !same), "{shown}: change and report differ");
        if new.kind != "link" && !asked.contains(&shown) {
            assert_eq!(new.mode & !old.mode & 0o777, 0, "{shown}: {:o} -> {:o} is loosened", old.mode, new.mode);
        }
        let rewritten = old.content != new.content;
        let wanted = (old.mtime.0 + i64::from(rewritten), old.mtime.1);
        assert_eq!(new.mtime, wanted, "{shown}: time (rewritten: {rewritten})");
    }
    for path in after.0.keys() {
        assert!(before.0.contains_key(path) || named.contains(&escaped(path)), "{} is new", escaped(path));
    }
    assert_no_temporary_but(after, before, "after the run");
    assert_eq!(report["schema"], "harden-report-1");
    assert_eq!(report["state"], "applied");
}

/// No temporary file of any run is left.
pub(crate) fn assert_no_temporary(after: &Snapshot, said: &str) {
    assert_no_temporary_but(after, &Snapshot(std::collections::BTreeMap::new()), said);
}

/// None but what was there before.
fn assert_no_temporary_but(after: &Snapshot, before: &Snapshot, said: &str) {
    let is_temporary =
        |path: &[u8]| path.rsplit(|&b| b == b'/').next().is_some_and(harden::testing::root::is_temporary);
    let left = after.0.keys().find(|path| is_temporary(path) && !before.0.contains_key(*path));
    assert!(left.is_none(), "{} stays: {said}", escaped(left.unwrap()));
}

/// A path as it is in JSON.
fn escaped(path: &[u8]) -> String {
    std::str::from_utf8(path).map_or_else(|_| harden::testing::diag::escape::escaped(path), str::to_owned)
}
