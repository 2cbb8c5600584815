//! What the hardened image needs from the engine that runs it: what it writes, and the securityContext that fits.

use std::collections::BTreeSet;

use crate::diag::escape;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::policy::{Policy, Start};
use crate::tree::set::IdSet;
use crate::tree::{Id, Kind};

/// How to run the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Runtime {
    /// Directories that have to be writable under `readOnlyRootFilesystem`, sorted.
    pub writable: Vec<String>,
    /// Those of them that hold something in the end: an empty volume would hide it.
    pub filled: BTreeSet<String>,
    /// The run user's uid, when there is one.
    pub uid: Option<u32>,
    /// The run user's gid.
    pub gid: Option<u32>,
    /// The entrypoint starts as root and drops.
    pub starts_as_root: bool,
}

impl Runtime {
    /// Read it off a plan's policy and facts.
    #[must_use]
    pub(crate) fn of(examined: &Examined, policy: &Policy) -> Self {
        let tree = &examined.facts.tree;
        let run = examined.ids.run();
        let mut writable: Vec<String> = policy.files.writable.iter().map(|entry| entry.value.clone()).collect();
        writable.extend(policy.volumes.iter().cloned());
        for path in ["/tmp", "/var/tmp"] {
            if tree.resolve(path.as_bytes()).is_ok_and(|found| tree.is_dir(found.node)) {
                writable.push(path.to_owned());
            }
        }
        if let Some(run) = run.filter(|run| run.uid != 0) {
            writable.extend(owned_by(examined, run.uid));
        }
        if policy.start == Start::Root {
            writable.extend(state_of_servers(examined));
        }
        // What lies below another one is covered by it; but what is mounted on /run hides the directories in it.
        let all = BTreeSet::from_iter(writable);
        let mut writable: Vec<String> = all.iter().cloned().collect();
        let covered =
            |path: &str| path.match_indices('/').any(|(at, _)| path.get(..at).is_some_and(|above| all.contains(above)));
        writable.retain(|path| path.starts_with("/run/") || !covered(path));
        let gone: IdSet = examined.plan.steps.iter().filter_map(Step::removed).collect();
        let holds = |path: &&String| {
            let found = tree.resolve(path.as_bytes()).ok();
            found.is_some_and(|found| tree.children(found.node).any(|id| !gone.contains(id)))
        };
        let filled = BTreeSet::from_iter(writable.iter().filter(holds).cloned());
        Self {
            writable,
            filled,
            uid: run.map(|run| run.uid),
            gid: run.map(|run| run.gid),
            starts_as_root: policy.start == Start::Root,
        }
    }

    /// The Kubernetes container fields that fit, as YAML.
    #[must_use]
    pub(crate) fn kubernetes(&self) -> String {
        let mut yaml = String::from("securityContext:\n");
        match (self.uid, self.gid) {
            _ if self.starts_as_root => {
                yaml.push_str(
                    "  # the entrypoint starts as root and drops: start = \"user\" would allow runAsNonRoot\n",
                );
            }
            (Some(uid), Some(gid)) => {
                let non_root = uid != 0;
                yaml.push_str(&format!("  runAsNonRoot: {non_root}\n  runAsUser: {uid}\n  runAsGroup: {gid}\n"));
            }
            _ => {}
        }
        yaml.push_str("  allowPrivilegeEscalation: false\n  readOnlyRootFilesystem: true\n");
        if !self.starts_as_root {
            yaml.push_str("  capabilities:\n    drop: [\"ALL\"]\n");
        }
        yaml.push_str("  seccompProfile:\n    type: RuntimeDefault\n");
        if !self.writable.is_empty() {
            yaml.push_str("volumeMounts:\n");
            for (index, path) in self.writable.iter().enumerate() {
                let volume = if self.filled.contains(path) { "a volume with the existing files" } else { "emptyDir" };
                let path = escape::basic_string(path);
                yaml.push_str(&format!("  - {{ name: writable-{index}, mountPath: {path} }}  # {volume}\n"));
            }
        }
        yaml
    }
}

/// Topmost directories outside the kernel's that belong to the run user, as they are now.
fn owned_by(examined: &Examined, uid: u32) -> Vec<String> {
    let tree = &examined.facts.tree;
    let owns = |id: Id| {
        let meta = tree.meta(id);
        tree.kind(id) == Kind::Directory && meta.uid == uid && meta.mode & 0o200 != 0
    };
    tree.ids()
        .filter(|&id| owns(id) && !examined.zones.kernel.contains(id) && !examined.zones.application.contains(id))
        .filter(|&id| !tree.ancestors(id).skip(1).any(owns))
        .filter_map(|id| String::from_utf8(tree.path(id)).ok())
        .collect()
}

/// Where a server writes before it drops: /run with the directories that are made ready there, and the directories for
/// state, caches and logs that come with the packages of the kept commands (or of the same source package).
fn state_of_servers(examined: &Examined) -> Vec<String> {
    let (tree, packages, closure) = (&examined.facts.tree, &examined.facts.packages, &examined.closure);
    let directory = |path: &[u8]| tree.resolve(path).ok().map(|found| found.node).filter(|&id| tree.is_dir(id));
    let mut found: Vec<Id> = Vec::new();
    if let Some(run) = directory(b"/run") {
        found.push(run);
        found.extend(tree.children(run).filter(|&id| tree.is_dir(id) && tree.name(id) != b"lock"));
    }
    let commands = examined.facts.commands.entries.keys();
    let sources: BTreeSet<&str> = commands
        .filter(|&&id| closure.contains(id) && !closure.only_for_pam(id))
        .flat_map(|&id| packages.owners(id))
        .filter_map(|owner| packages.get(owner).map(|package| package.source.as_str()))
        .collect();
    for place in [&b"/var/lib"[..], b"/var/cache", b"/var/log", b"/var/spool"] {
        let below = directory(place).map(|place| tree.children(place)).into_iter().flatten();
        found.extend(below.filter(|&id| {
            let mut owners = packages.owners(id).filter_map(|owner| packages.get(owner));
            tree.is_dir(id) && owners.any(|package| sources.contains(package.source.as_str()))
        }));
    }
    found.into_iter().filter_map(|id| String::from_utf8(tree.path(id)).ok()).collect()
}
