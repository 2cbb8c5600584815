//! Run-time needs of the hardened image: the paths that it writes, and the engine options and the pod specification
//! that fit.

use std::collections::BTreeSet;

use crate::diag::escape;
use crate::facts::accounts::{PRIMARY_GID, UID};
use crate::inventory::figures::lenders;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::policy::{Policy, RunUser, Start};
use crate::rules::ids::RunIds;
use crate::shell;
use crate::tree::set::IdSet;
use crate::tree::{Id, Kind};

/// How to run the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Runtime {
    /// Directories that have to be writable under `readOnlyRootFilesystem`, sorted.
    pub writable: Vec<String>,
    /// Those of them that hold something in the end: an empty volume would hide it.
    pub filled: BTreeSet<String>,
    /// Those of them that need no owner: everyone can write there, or the program starts as root.
    pub scratch: BTreeSet<String>,
    /// The run user's uid, when there is one.
    pub uid: Option<u32>,
    /// The run user's gid.
    pub gid: Option<u32>,
    /// The user as USER and `--user` name it.
    pub user: Option<String>,
    /// Kept programs that lend rights, which nothing may take from them.
    pub lenders: Vec<String>,
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
        let shared = |path: &&String| match path.as_str() {
            "/tmp" | "/var/tmp" => !filled.contains(*path),
            "/run" => policy.start == Start::Root,
            _ => false,
        };
        let scratch = BTreeSet::from_iter(writable.iter().filter(shared).cloned());
        Self {
            writable,
            filled,
            scratch,
            uid: run.map(|run| run.uid),
            gid: run.map(|run| run.gid),
            user: run.map(|run| user(examined, policy, run)),
            lenders: lenders(examined).into_iter().map(|id| escape::escaped(&tree.path(id))).collect(),
            starts_as_root: policy.start == Start::Root,
        }
    }

    /// What `docker run` and `podman run` take, line by line. A new volume takes over what the image has there, owners and
    /// modes included; a tmpfs is root's.
    #[must_use]
    pub(crate) fn docker(&self) -> Vec<String> {
        let mut options = "docker run --read-only".to_owned();
        if let Some(user) = self.user.as_ref().filter(|_| !self.starts_as_root) {
            options += &format!(" --user {user}");
        }
        if self.lenders.is_empty() {
            options += if self.starts_as_root { "" } else { " --cap-drop ALL" };
            options += " --security-opt no-new-privileges";
        }
        let mount = |path: &String| {
            if self.scratch.contains(path) {
                format!("--tmpfs {path}")
            } else if path.contains(':') {
                format!("--mount {}", shell::quoted(&format!("type=volume,\"dst={}\"", path.replace('"', "\"\""))))
            } else {
                format!("-v {}", shell::quoted(path))
            }
        };
        let mut lines = vec![options];
        lines.extend(self.writable.iter().map(mount));
        lines.push("IMAGE".to_owned());
        lines
    }

    /// The `spec` of a pod of Kubernetes, as YAML.
    #[must_use]
    pub(crate) fn kubernetes(&self) -> String {
        let claimed = |path: &String| self.filled.contains(path) && !self.scratch.contains(path);
        let mut yaml = String::from("spec:\n");
        if let Some(gid) = self.gid.filter(|_| self.writable.iter().any(claimed)) {
            yaml += &format!("  securityContext:\n    fsGroup: {gid}\n");
        }
        yaml += "  containers:\n    - name: app\n      image: IMAGE\n      securityContext:\n";
        let mut line = |text: &str| yaml.extend(["        ", text, "\n"]);
        match (self.uid, self.gid) {
            _ if self.starts_as_root => {
                line("# the entrypoint starts as root and drops: start = \"user\" would allow runAsNonRoot");
            }
            (Some(uid), Some(gid)) => {
                line(&format!("runAsNonRoot: {}", uid != 0));
                line(&format!("runAsUser: {uid}"));
                line(&format!("runAsGroup: {gid}"));
            }
            _ => {}
        }
        if self.lenders.is_empty() {
            line("allowPrivilegeEscalation: false");
        } else {
            line(&format!("# these lend rights, as [keep] says: {}", self.lenders.join(" ")));
            line("allowPrivilegeEscalation: true");
        }
        line("readOnlyRootFilesystem: true");
        if !self.starts_as_root && self.lenders.is_empty() {
            line("capabilities:\n          drop: [\"ALL\"]");
        }
        line("seccompProfile:\n          type: RuntimeDefault");
        if self.writable.is_empty() {
            return yaml;
        }
        let (mut mounts, mut volumes) = (String::new(), String::new());
        for (index, path) in self.writable.iter().enumerate() {
            let path_shown = escape::basic_string(path);
            mounts += &format!("        - {{ name: writable-{index}, mountPath: {path_shown} }}\n");
            // An empty volume would hide files without a word; a claim that is not there keeps the pod from starting.
            let volume = if claimed(path) {
                format!(
                    "persistentVolumeClaim: {{ claimName: writable-{index} }} }}  # with the files that the image has there"
                )
            } else {
                "emptyDir: {} }".to_owned()
            };
            volumes += &format!("    - {{ name: writable-{index}, {volume}\n");
        }
        yaml + "      volumeMounts:\n" + &mounts + "  volumes:\n" + &volumes
    }
}

/// The run user as USER names it: by the number, which Kubernetes' runAsNonRoot wants, with the group only where no account
/// gives it, because engines take supplementary groups from the account only without it.
pub(crate) fn user(examined: &Examined, policy: &Policy, run: &RunIds) -> String {
    let account = examined.facts.accounts.passwd().find(|line| line.id(UID) == Some(run.uid));
    // One that the plan makes has the group that was asked for.
    let made = matches!(policy.user, Some(RunUser::Named { .. })) && account.is_none();
    if made || account.is_some_and(|line| line.id(PRIMARY_GID) == Some(run.gid)) {
        run.uid.to_string()
    } else {
        format!("{}:{}", run.uid, run.gid)
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
