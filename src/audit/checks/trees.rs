//! Checks of every entry's owner and mode.

use crate::audit::{Cx, Findings, Severity};
use crate::tree::{Id, Kind};

const SET_ID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;

/// Directories of commands and libraries, in which lists ask for the group root.
const COMMANDS: [&[u8]; 7] =
    [b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin", b"/usr/local/bin", b"/usr/local/sbin", b"/usr/lib"];

/// Entries of a kind that are part of the image.
fn of<'c>(cx: &'c Cx<'_>, kind: Kind) -> impl Iterator<Item = Id> + 'c {
    cx.tree.ids().filter(move |&id| cx.tree.kind(id) == kind && cx.is_part(id))
}

pub(super) fn world_writable(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::File).filter(|&id| cx.tree.permissions(id) & OTHERS_WRITE != 0) {
        let system = cx.zones.system.contains(id);
        let finding =
            findings.at(cx.tree, id, b"", format!("every user may write it: mode 0o{:o}", cx.tree.permissions(id)));
        if !system {
            finding.at_most(Severity::Medium);
        }
        if !system && !cx.zones.variable.contains(id) {
            finding.no_rule();
        }
    }
}

pub(super) fn world_writable_directory(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::Directory) {
        let mode = cx.tree.permissions(id);
        let (open, system) = (mode & OTHERS_WRITE != 0, cx.zones.system.contains(id));
        if open && (mode & STICKY == 0 || system) {
            let text = if mode & STICKY == 0 {
                "every user may replace its entries"
            } else {
                "every user may write in a system directory"
            };
            let finding = findings.at(cx.tree, id, b"", format!("{text}: mode 0o{mode:o}"));
            if !system {
                finding.at_most(Severity::Medium);
            }
            if cx.zones.application.contains(id) {
                finding.no_rule();
            }
        }
    }
}

pub(super) fn world_writable_owner(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::Directory).filter(|&id| cx.tree.permissions(id) & OTHERS_WRITE != 0) {
        let uid = cx.tree.meta(id).uid;
        if uid != 0 {
            findings.at(cx.tree, id, b"", format!("every user may write in it, and it belongs to uid {uid}"));
        }
    }
}

pub(super) fn system_owner(cx: &Cx<'_>, findings: &mut Findings) {
    for id in cx.tree.ids().filter(|&id| cx.zones.system.contains(id) && cx.is_part(id)) {
        let uid = cx.tree.meta(id).uid;
        if uid != 0 {
            let finding = findings.at(cx.tree, id, b"", format!("belongs to uid {uid} instead of root"));
            match cx.tree.kind(id) {
                Kind::Directory => {}
                Kind::Link => {
                    finding.at_most(Severity::Low).no_rule();
                }
                _ => {
                    finding.no_rule();
                }
            }
        }
    }
}

pub(super) fn system_group(cx: &Cx<'_>, findings: &mut Findings) {
    let mut seen = crate::tree::set::IdSet::default();
    for top in COMMANDS.iter().filter_map(|path| cx.tree.resolve(path).ok()) {
        for id in cx.tree.subtree(top.node) {
            let gid = cx.tree.meta(id).gid;
            // A set-gid program's group is the other check's business, and so is a number without a group.
            let setgid = cx.tree.is_file(id) && cx.tree.permissions(id) & 0o2000 != 0;
            if gid != 0
                && !setgid
                && !cx.tree.is_link(id)
                && cx.groups.contains(&gid)
                && seen.insert(id)
                && cx.is_part(id)
            {
                let finding = findings.at(cx.tree, id, b"", format!("belongs to the group {gid} instead of root"));
                if !cx.tree.is_dir(id) {
                    finding.no_rule();
                }
            }
        }
    }
}

pub(super) fn system_writable(cx: &Cx<'_>, findings: &mut Findings) {
    for id in cx.tree.ids().filter(|&id| cx.zones.system.contains(id) && cx.is_part(id)) {
        let (mode, gid) = (cx.tree.permissions(id), cx.tree.meta(id).gid);
        // World-writable entries were found already.
        if !cx.tree.is_link(id) && mode & GROUP_WRITE != 0 && mode & OTHERS_WRITE == 0 {
            let finding = findings.at(cx.tree, id, b"", format!("the group {gid} may write it: mode 0o{mode:o}"));
            // Root's group has no member but root, unless one was added.
            if gid == 0 {
                finding.at_most(Severity::Low);
            }
        }
    }
}

pub(super) fn unowned(cx: &Cx<'_>, findings: &mut Findings) {
    for id in cx.tree.ids().filter(|&id| cx.is_part(id)) {
        let meta = cx.tree.meta(id);
        let what = match (cx.users.contains(&meta.uid), cx.groups.contains(&meta.gid)) {
            (true, true) => continue,
            (false, true) => format!("no account has its uid {}", meta.uid),
            (true, false) => format!("no group has its gid {}", meta.gid),
            (false, false) => format!("no account has its uid {}, and no group its gid {}", meta.uid, meta.gid),
        };
        let finding = findings.at(cx.tree, id, b"", what);
        if !cx.zones.system.contains(id) {
            finding.at_most(Severity::Low).no_rule();
        }
    }
}

pub(super) fn setid(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::File).filter(|&id| cx.tree.permissions(id) & SET_ID != 0 && !cx.setid.contains(id)) {
        let (mode, meta) = (cx.tree.permissions(id), cx.tree.meta(id));
        let mut who = Vec::new();
        if mode & 0o4000 != 0 {
            who.push(format!("uid {}", meta.uid));
        }
        if mode & 0o2000 != 0 {
            who.push(format!("gid {}", meta.gid));
        }
        let finding = findings.at(cx.tree, id, b"", format!("runs as {}: mode 0o{mode:o}", who.join(" and ")));
        if mode & 0o111 == 0 {
            finding.at_most(Severity::Low);
        }
    }
}

pub(super) fn setgid_directory(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::Directory).filter(|&id| cx.tree.permissions(id) & SET_ID != 0) {
        let gid = cx.tree.meta(id).gid;
        let finding = findings.at(cx.tree, id, b"", format!("new files in it inherit the group {gid}"));
        if !cx.zones.system.contains(id) {
            finding.no_rule();
        }
    }
}

pub(super) fn capabilities(cx: &Cx<'_>, findings: &mut Findings) {
    for id in of(cx, Kind::File).filter(|&id| cx.tree.meta(id).capability && !cx.setid.contains(id)) {
        let finding = findings.at(cx.tree, id, b"", "has file capabilities (security.capability)");
        if cx.tree.permissions(id) & 0o111 == 0 {
            // Nothing executes it as it is, and the rule leaves it alone.
            finding.at_most(Severity::Low).no_rule();
        }
    }
}

pub(super) fn device(cx: &Cx<'_>, findings: &mut Findings) {
    for id in cx.tree.ids().filter(|&id| cx.is_part(id)) {
        let (what, severity) = match cx.tree.kind(id) {
            Kind::CharDevice | Kind::BlockDevice => ("a device node", Severity::High),
            Kind::Fifo => ("a fifo", Severity::Low),
            Kind::Socket => ("a socket", Severity::Low),
            Kind::File | Kind::Directory | Kind::Link => continue,
        };
        // A character device 0:0 is overlayfs's whiteout in an unpacked layer; a tree shows it as a device too.
        findings.at(cx.tree, id, b"", what).at_most(severity);
    }
}

/// Logs that a group of their own may read, or that hold nothing secret: name, and the mode bits that may be set.
const LOG_MODES: [(&[u8], u32); 6] = [
    (b"lastlog", 0o664),
    (b"wtmp", 0o664),
    (b"btmp", 0o664),
    (b"faillog", 0o644),
    (b"apt", 0o755),
    (b"private", 0o700),
];

pub(super) fn log_mode(cx: &Cx<'_>, findings: &mut Findings) {
    let Ok(log) = cx.tree.resolve(b"/var/log") else { return };
    if !cx.tree.is_dir(log.node) {
        return;
    }
    let (mode, meta) = (cx.tree.permissions(log.node), cx.tree.meta(log.node));
    let syslog = matches!(cx.group_name(meta.gid), b"syslog");
    if meta.uid != 0 || (meta.gid != 0 && !syslog) || mode & 0o022 & !(if syslog { 0o020 } else { 0 }) != 0 {
        let text = format!("belongs to {}:{} with mode 0o{mode:o}", meta.uid, meta.gid);
        findings.at(cx.tree, log.node, b"", text).no_rule();
    }
    for id in cx.tree.subtree(log.node).filter(|&id| cx.tree.is_file(id)) {
        let in_apt = cx.tree.name(cx.tree.parent(id)) == b"apt";
        let named = LOG_MODES.iter().find(|(name, _)| *name == cx.tree.name(id)).map(|&(_, mask)| mask);
        let mask = named.unwrap_or(if in_apt { 0o644 } else { 0o640 });
        let extra = cx.tree.permissions(id) & !mask;
        if extra != 0 {
            let mode = cx.tree.permissions(id);
            findings.at(cx.tree, id, b"", format!("has mode 0o{mode:o}, but should not have 0o{extra:o}"));
        }
    }
}

pub(super) fn run_files(cx: &Cx<'_>, findings: &mut Findings) {
    let Some(run) = cx.tree.lookup(b"/run").filter(|&id| cx.is_part(id)) else { return };
    for id in cx.tree.subtree(run).filter(|&id| cx.tree.is_file(id) && cx.is_part(id)) {
        // A builder's marks of its own are no part of the image.
        if !cx.tree.path(id).starts_with(b"/run/.containerenv") {
            findings.at(cx.tree, id, b"", "a file of a program that is not running");
        }
    }
}

pub(super) fn dangling(cx: &Cx<'_>, findings: &mut Findings) {
    use crate::tree::Unresolved;
    for id in of(cx, Kind::Link) {
        let target = cx.tree.link_target(id).unwrap_or_default();
        let kernel = [&b"/proc"[..], b"/dev", b"/sys", b"/run"].iter().any(|top| target.starts_with(top));
        if matches!(cx.tree.follow(id), Err(Unresolved::Missing | Unresolved::Loop)) && !kernel {
            let target = crate::diag::escape::quoted(target);
            findings.at(cx.tree, id, b"", format!("a link to {target}, which does not exist"));
        }
    }
}

pub(super) fn names(cx: &Cx<'_>, findings: &mut Findings) {
    for id in cx.tree.ids() {
        let name = cx.tree.name(id);
        let odd = match std::str::from_utf8(name) {
            Err(_) => "its name is not UTF-8",
            Ok(name) if name.chars().any(char::is_control) => "its name has control characters",
            Ok(_) => continue,
        };
        findings.at(cx.tree, id, b"", odd);
    }
}
