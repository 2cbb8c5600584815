//! Owner and mode of files with a fixed place, as one table.

use crate::audit::{Cx, Findings, Severity};
use crate::facts::tree::{Id, Kind};
use crate::rules::remove::paths::expand;

/// Which groups a file may have besides root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// None.
    Root,
    /// The group `shadow`; on Red Hat's distributions none, and no mode bits at all.
    Shadow,
    /// Any: the program that reads it has one of its own.
    Any,
}

/// Check, pattern, group, and the mode bits that may be set.
type Row = (&'static str, &'static str, Group, u32);

/// Sources: compliance lists as the registry names them; absent files are no finding.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("accounts.file-mode", "/etc/passwd", Group::Root, 0o644),
    ("accounts.file-mode", "/etc/group", Group::Root, 0o644),
    ("accounts.shadow-mode", "/etc/shadow", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/gshadow", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/shadow-", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/gshadow-", Group::Shadow, 0o640),
    ("accounts.opasswd-mode", "/etc/security/opasswd*", Group::Root, 0o600),
    ("etc.banner-mode", "/etc/issue", Group::Root, 0o644),
    ("etc.banner-mode", "/etc/issue.net", Group::Root, 0o644),
    ("etc.banner-mode", "/etc/motd", Group::Root, 0o644),
    ("etc.sudo-mode", "/etc/sudoers", Group::Root, 0o440),
    ("etc.sudo-mode", "/etc/sudoers.d", Group::Root, 0o750),
    ("etc.sudo-mode", "/etc/sudoers.d/*", Group::Root, 0o440),
    ("etc.ssh-mode", "/etc/ssh/sshd_config", Group::Root, 0o600),
    ("etc.ssh-mode", "/etc/ssh/sshd_config.d/*", Group::Root, 0o600),
    ("etc.ssh-mode", "/etc/ssh/ssh_host_*_key", Group::Any, 0o640),
    ("etc.ssh-mode", "/etc/ssh/ssh_host_*_key.pub", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/login.defs", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/sysctl.d", Group::Root, 0o755),
    ("etc.sensitive-mode", "/etc/selinux", Group::Root, 0o755),
    ("etc.sensitive-mode", "/etc/sestatus.conf", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/iptables", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/nftables", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/ipsec.d", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/audit", Group::Root, 0o750),
    ("etc.sensitive-mode", "/etc/audit/*", Group::Root, 0o750),
    ("etc.sensitive-mode", "/etc/chrony.keys", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/chrony/chrony.keys", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/crypttab", Group::Root, 0o600),
    ("etc.sensitive-mode", "/etc/hosts.allow", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/hosts.deny", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/at.allow", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/at.deny", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/cron.allow", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/cron.deny", Group::Any, 0o640),
    ("jobs.mode", "/etc/crontab", Group::Root, 0o600),
    ("jobs.mode", "/etc/anacrontab", Group::Root, 0o600),
    ("jobs.mode", "/etc/cron.hourly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.daily", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.weekly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.monthly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.yearly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.d", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.*/*", Group::Root, 0o755),
    ("jobs.mode", "/var/spool/cron/crontabs/*", Group::Any, 0o600),
    ("jobs.mode", "/etc/periodic/*/*", Group::Root, 0o755),
];

/// Distributions whose password files have no mode bits (root reads them all the same).
const NO_BITS: [&str; 5] = ["rhel", "fedora", "centos", "amzn", "rocky"];

/// Checks whose files are not for others to read.
const PRIVATE: [&str; 3] = ["accounts.shadow-mode", "accounts.opasswd-mode", "etc.ssh-mode"];

/// Compare every row of the check that speaks.
pub(super) fn table(cx: &Cx<'_>, findings: &mut Findings) {
    let check = findings.check().id;
    for &(_, pattern, group, mask) in TABLE.iter().filter(|row| row.0 == check) {
        for id in expand(cx.tree, pattern) {
            if cx.is_part(id) && !cx.tree.is_link(id) {
                one(cx, findings, id, group, mask);
            }
        }
        // The C library follows the link; who may change where it leads may change who exists.
        if check == "accounts.file-mode"
            && let Some(id) = cx.tree.lookup(pattern.as_bytes())
            && cx.tree.kind(id) != Kind::File
        {
            findings.at(cx.tree, id, b"kind", "is no regular file").no_rule();
        }
    }
}

fn one(cx: &Cx<'_>, findings: &mut Findings, id: Id, group: Group, mask: u32) {
    let (check, meta, mode) = (findings.check().id, cx.tree.meta(id), cx.tree.permissions(id));
    let bare = group == Group::Shadow && cx.facts.os.is_like(&NO_BITS);
    let extra = mode & !(if bare { 0 } else { mask });
    let mut wrong = Vec::new();
    if meta.uid != 0 {
        wrong.push(format!("belongs to uid {} instead of root", meta.uid));
    }
    let fits = match group {
        _ if meta.gid == 0 => true,
        Group::Root => false,
        Group::Shadow => cx.group_name(meta.gid) == b"shadow",
        Group::Any => true,
    };
    if !fits {
        wrong.push(format!("belongs to the group {} instead of root", meta.gid));
    }
    if extra != 0 {
        wrong.push(format!("has mode 0o{mode:o}; 0o{extra:o} of it is too much"));
    }
    if wrong.is_empty() {
        return;
    }
    // Root's own execute bits and a group's right to read are what lists ask about, and open nothing.
    let open = if PRIVATE.contains(&check) { extra & 0o026 | extra & 0o004 } else { extra & 0o022 };
    let grave = meta.uid != 0 || open != 0 || (!fits && mode & 0o060 != 0 && PRIVATE.contains(&check));
    let finding = findings.at(cx.tree, id, b"", wrong.join(" and "));
    if !grave {
        finding.at_most(Severity::Low);
    }
}
