//! An independent look at a hardened tree: what must be gone, what must be untouched.
//!
//! Shares no code and no path list with harden: it judges the result of a run from a tree before and a tree after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::Command;
use crate::tree::{Entry, Kind, Tree};

/// What is expected to be left.
pub struct Expected<'a> {
    /// Every name in a command directory that starts a program, links included.
    pub programs: &'a [&'a str],
    /// The accounts, in any order.
    pub accounts: &'a [&'a str],
    /// The groups, in any order.
    pub groups: &'a [&'a str],
    /// Files and directories of cron, init and tunables that were kept knowingly.
    pub kept: &'a [&'a str],
}

const COMMAND_DIRECTORIES: &[&str] =
    &["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "usr/games", "usr/local/games"];

const CRON: &[&str] = &[
    "etc/crontab",
    "etc/crontabs",
    "etc/cron.d",
    "etc/cron.hourly",
    "etc/cron.daily",
    "etc/cron.weekly",
    "etc/cron.monthly",
    "etc/cron.yearly",
    "etc/periodic",
    "etc/anacrontab",
    "var/spool/cron",
    "var/spool/at",
    "var/spool/anacron",
    "etc/at.deny",
];

const INIT: &[&str] = &[
    "etc/init.d",
    "etc/init",
    "etc/rc.d",
    "etc/rc0.d",
    "etc/rc1.d",
    "etc/rc2.d",
    "etc/rc3.d",
    "etc/rc4.d",
    "etc/rc5.d",
    "etc/rc6.d",
    "etc/rcS.d",
    "etc/inittab",
    "etc/runlevels",
    "etc/rc.conf",
    "etc/conf.d",
    "etc/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "lib/rc",
];

const TUNABLES: &[&str] = &[
    "etc/sysctl.conf",
    "etc/sysctl.d",
    "usr/lib/sysctl.d",
    "lib/sysctl.d",
    "etc/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
    "etc/modules",
    "etc/modules-load.d",
    "usr/lib/modules-load.d",
    "lib/modules-load.d",
    "etc/mdev.conf",
    "etc/acpi",
];

/// Names that a package manager starts by; looked for as whole names, anywhere but in documentation.
const PACKAGE_MANAGERS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "apt-cache",
    "apt-config",
    "apt-mark",
    "apt-key",
    "apt-cdrom",
    "aptitude",
    "dpkg",
    "dpkg-deb",
    "dpkg-query",
    "dpkg-divert",
    "dpkg-split",
    "dpkg-trigger",
    "dpkg-statoverride",
    "rpm",
    "rpmdb",
    "dnf",
    "microdnf",
    "yum",
    "zypper",
    "tdnf",
    "pacman",
    "opkg",
];

/// Every complaint about `after`, which a run made of `before`. Empty: all is well.
pub fn complaints(before: &Tree, after: &Tree, expected: &Expected<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let after = &after.without_hardlinks();
    let before = &before.without_hardlinks();
    programs(after, expected, &mut found);
    privileges(after, &mut found);
    accounts(after, expected, &mut found);
    services(after, expected, &mut found);
    package_managers(after, &mut found);
    owners(after, &mut found);
    links(before, after, &mut found);
    modes(before, after, &mut found);
    truth(before, after, &mut found);
    found.sort();
    found
}

/// The names in command directories that start something, as the directory itself spells them.
pub fn found_programs(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for directory in COMMAND_DIRECTORIES {
        // Through links like /bin -> usr/bin; counted once, under the real name.
        let Some(real) = tree.resolve(directory) else {
            continue;
        };
        for path in children(tree, &real) {
            let target = tree.resolve(path).and_then(|target| tree.get(&target));
            if target.is_some_and(Entry::is_program) {
                names.insert(path.to_owned());
            }
        }
    }
    names
}

fn programs(after: &Tree, expected: &Expected<'_>, found: &mut Vec<String>) {
    let names = found_programs(after);
    for name in &names {
        if !expected.programs.contains(&name.as_str()) {
            found.push(format!("programs: /{name} is left"));
        }
    }
    for name in expected.programs {
        if !names.contains(*name) {
            found.push(format!("programs: /{name} should be there"));
        }
    }
}

fn privileges(after: &Tree, found: &mut Vec<String>) {
    for (path, entry) in &after.entries {
        if entry.is_file() && entry.mode & 0o6000 != 0 {
            found.push(format!("set-id: /{path} has mode {:04o}", entry.mode));
        }
        if entry.xattrs.contains_key("security.capability") {
            found.push(format!("capabilities: /{path}"));
        }
        let system = ["etc", "usr", "bin", "sbin", "lib", "boot"]
            .iter()
            .any(|top| path == top || path.starts_with(&format!("{top}/")));
        let real = !matches!(entry.kind, Kind::Symlink(_));
        if system && real && entry.mode & 0o022 != 0 {
            found.push(format!("modes: /{path} has mode {:04o}", entry.mode));
        }
        if system && entry.is_dir() && (entry.uid, entry.gid) != (0, 0) {
            found.push(format!("owners: /{path} belongs to {}:{}", entry.uid, entry.gid));
        }
    }
}

fn accounts(after: &Tree, expected: &Expected<'_>, found: &mut Vec<String>) {
    let passwd = table(after, "etc/passwd");
    let users: BTreeSet<&str> = passwd.iter().map(|line| line[0].as_str()).collect();
    let wanted: BTreeSet<&str> = expected.accounts.iter().copied().collect();
    if users != wanted {
        found.push(format!("accounts: {users:?} instead of {wanted:?}"));
    }
    let groups: BTreeSet<String> = table(after, "etc/group").into_iter().map(|line| line[0].clone()).collect();
    let wanted: BTreeSet<String> = expected.groups.iter().map(|name| (*name).to_owned()).collect();
    if groups != wanted {
        found.push(format!("accounts: groups {groups:?} instead of {wanted:?}"));
    }
    for (file, known) in [
        ("etc/shadow", users.iter().map(|name| (*name).to_owned()).collect()),
        ("etc/gshadow", groups),
        ("etc/subuid", users.iter().map(|name| (*name).to_owned()).collect()),
        ("etc/subgid", users.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>()),
    ] {
        for line in table(after, file) {
            if !known.contains(&line[0]) {
                found.push(format!("accounts: /{file} still has a line for '{}'", line[0]));
            }
        }
    }
    for file in ["etc/group", "etc/gshadow"] {
        for line in table(after, file) {
            for member in line.last().into_iter().flat_map(|list| list.split(',')).filter(|name| !name.is_empty()) {
                if !users.contains(member) {
                    found.push(format!("accounts: /{file}: '{}' lists '{member}', who is gone", line[0]));
                }
            }
        }
    }
    let shadow: BTreeMap<String, String> = table(after, "etc/shadow")
        .into_iter()
        .map(|line| (line[0].clone(), line.get(1).cloned().unwrap_or_default()))
        .collect();
    for line in &passwd {
        let [name, password, .., shell] = line.as_slice() else {
            found.push(format!("accounts: a short line in /etc/passwd: {line:?}"));
            continue;
        };
        if !["nologin", "false"].contains(&shell.rsplit('/').next().unwrap_or("")) {
            found.push(format!("shells: '{name}' has '{shell}'"));
        }
        if password != "x" {
            found.push(format!("passwords: '{name}' has '{password}' in /etc/passwd"));
        }
        let hash = shadow.get(name).map_or("(no line)", String::as_str);
        if !hash.starts_with(['*', '!']) {
            found.push(format!("passwords: '{name}' has '{hash}' in /etc/shadow"));
        }
    }
    for name in ["passwd-", "shadow-", "group-", "gshadow-", "subuid-", "subgid-", ".pwd.lock"] {
        if after.get(&format!("etc/{name}")).is_some() {
            found.push(format!("accounts: /etc/{name} is left"));
        }
    }
    found.extend(check_accounts_with_shadow_utils(after));
}

/// What `pwck` and `grpck` say about the account files.
fn check_accounts_with_shadow_utils(after: &Tree) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("etc")).expect("a directory");
    for name in ["passwd", "group", "shadow", "gshadow"] {
        if let Some(content) = after.get(&format!("etc/{name}")).and_then(|entry| entry.content.as_ref()) {
            fs::write(dir.path().join("etc").join(name), content).expect("a file");
        }
    }
    let mut found = Vec::new();
    for args in [["pwck", "-qr"], ["grpck", "-r"]] {
        if args[0] == "grpck" && after.get("etc/gshadow").is_none() && after.get("etc/group").is_none() {
            continue;
        }
        let output = Command::new(args[0])
            .args([args[1], "-R"])
            .arg(dir.path())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}; run: make setup", args[0]));
        if !output.status.success() {
            found.push(format!("{} {}: {}", args[0], args[1], crate::docker::both(&output).trim()));
        }
    }
    found
}

fn services(after: &Tree, expected: &Expected<'_>, found: &mut Vec<String>) {
    for (what, places) in [("cron", CRON), ("init", INIT), ("tunables", TUNABLES)] {
        for place in places {
            for (path, entry) in &after.entries {
                let inside = path == place || path.starts_with(&format!("{place}/"));
                if inside && !entry.is_dir() && !expected.kept.iter().any(|kept| path.starts_with(kept)) {
                    found.push(format!("{what}: /{path} is left"));
                }
            }
        }
    }
    for path in after.entries.keys() {
        if path.starts_with("root/") {
            found.push(format!("root's home: /{path} is left"));
        }
    }
    if after.get("root").is_none() {
        found.push("root's home: /root itself is gone".into());
    }
    if after.get("etc/fstab").is_some() {
        found.push("fstab: /etc/fstab is left".into());
    }
}

fn package_managers(after: &Tree, found: &mut Vec<String>) {
    for (path, entry) in &after.entries {
        let name = path.rsplit('/').next().unwrap_or("");
        if entry.is_program() && PACKAGE_MANAGERS.contains(&name) {
            found.push(format!("package manager: /{path} is left"));
        }
        let methods = path.starts_with("usr/lib/apt/") || path.starts_with("usr/lib/dpkg/methods/");
        if methods && entry.is_file() {
            found.push(format!("package manager: /{path} is left"));
        }
        let cache = path.starts_with("var/lib/apt/lists/") || path.starts_with("var/cache/apt/");
        if cache && entry.is_file() && entry.size > 0 {
            found.push(format!("package manager: /{path} is left"));
        }
    }
}

fn owners(after: &Tree, found: &mut Vec<String>) {
    let ids = |file: &str| -> BTreeSet<u64> {
        table(after, file).iter().filter_map(|line| line.get(2)?.parse().ok()).collect()
    };
    let (uids, gids) = (ids("etc/passwd"), ids("etc/group"));
    for (path, entry) in &after.entries {
        if !uids.contains(&entry.uid) || !gids.contains(&entry.gid) {
            found.push(format!("ownerless: /{path} belongs to {}:{}", entry.uid, entry.gid));
        }
    }
}

fn links(before: &Tree, after: &Tree, found: &mut Vec<String>) {
    for (path, entry) in &after.entries {
        let Kind::Symlink(target) = &entry.kind else {
            continue;
        };
        if after.resolve(path).is_none() && before.resolve(path).is_some() {
            found.push(format!("links: /{path} -> {target} was broken"));
        }
    }
    for (path, entry) in &before.entries {
        if !path.contains('/') && matches!(entry.kind, Kind::Symlink(_)) {
            let now = after.get(path).map(|entry| &entry.kind);
            if now != Some(&entry.kind) {
                found.push(format!("links: the top-level link /{path} became {now:?}"));
            }
        }
    }
}

fn modes(before: &Tree, after: &Tree, found: &mut Vec<String>) {
    for path in ["tmp", "var/tmp"] {
        match (before.get(path), after.get(path)) {
            (None, None) => {}
            (_, Some(entry)) if entry.mode == 0o1777 && entry.uid == 0 && entry.gid == 0 => {}
            (_, now) => found.push(format!("modes: /{path} is {now:?}")),
        }
    }
    for (path, old) in &before.entries {
        let Some(new) = after.get(path) else { continue };
        if path == "tmp" || path == "var/tmp" || matches!(old.kind, Kind::Symlink(_)) {
            continue;
        }
        let loosened = new.mode & !old.mode & 0o777;
        // The application's directories are what [files] asks for.
        if loosened != 0 && !path.starts_with("app") {
            found.push(format!("modes: /{path} went from {:04o} to {:04o}", old.mode, new.mode));
        }
    }
}

/// What scanners and people read to learn what the image is.
fn truth(before: &Tree, after: &Tree, found: &mut Vec<String>) {
    for (path, old) in &before.entries {
        let name = path.rsplit('/').next().unwrap_or("");
        let identity = path.starts_with("etc/") && (name.ends_with("-release") || name == "debian_version")
            || path == "usr/lib/os-release"
            || path == "etc/apk/repositories";
        let database = ["var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/apk/db/installed"]
            .contains(&path.as_str())
            || path.starts_with("var/lib/dpkg/info/") && (path.ends_with(".list") || path.ends_with(".md5sums"));
        if (identity || database) && after.get(path) != Some(old) {
            found.push(format!("truth: /{path} was changed: {old:?} {:?}", after.get(path)));
        }
    }
}

/// The entries directly in a directory.
fn children<'a>(tree: &'a Tree, directory: &str) -> impl Iterator<Item = &'a String> {
    let prefix = format!("{directory}/");
    tree.entries
        .range(prefix.clone()..)
        .map(|(path, _)| path)
        .take_while({
            let prefix = prefix.clone();
            move |path| path.starts_with(&prefix)
        })
        .filter(move |path| !path[prefix.len()..].contains('/'))
}

fn table(tree: &Tree, file: &str) -> Vec<Vec<String>> {
    tree.text(file)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split(':').map(str::to_owned).collect())
        .collect()
}
