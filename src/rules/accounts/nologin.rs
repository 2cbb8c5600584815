//! The places of the nologin program in distributions.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::facts::accounts::SHELL;

const USR_SBIN: &[u8] = b"/usr/sbin/nologin";
const SBIN: &[u8] = b"/sbin/nologin";
const USR_BIN: &[u8] = b"/usr/bin/nologin";

/// Distributions by `ID` or `ID_LIKE`, as their own packages write passwd lines.
const IN_SBIN: [&str; 12] = [
    "alpine",
    "wolfi",
    "chainguard",
    "rhel",
    "fedora",
    "centos",
    "rocky",
    "almalinux",
    "ol",
    "amzn",
    "photon",
    "gentoo",
];

/// The nologin path for this image: its distribution's, else what its accounts use, else what exists.
#[must_use]
pub(crate) fn path(facts: &Facts) -> Vec<u8> {
    let os = &facts.os;
    // Distroless says ID=debian, yet its accounts are written with /sbin/nologin.
    if os.pretty_name.starts_with("Distroless") {
        return SBIN.to_vec();
    }
    if os.is_like(&["debian", "ubuntu"]) {
        return USR_SBIN.to_vec();
    }
    if os.is_like(&["arch"]) {
        return USR_BIN.to_vec();
    }
    if os.is_like(&IN_SBIN) {
        return SBIN.to_vec();
    }
    let mut used: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in facts.accounts.passwd() {
        let shell = line.field(SHELL);
        if shell.ends_with(b"/nologin") {
            *used.entry(shell).or_default() += 1;
        }
    }
    // SUSE's own accounts changed from /sbin to /usr/sbin with the versions, so what is in use comes first.
    let common = used.iter().max_by_key(|&(_, count)| *count).map(|(&shell, _)| shell);
    let suse = os.is_like(&["suse", "opensuse", "sles"]).then_some(USR_SBIN);
    common
        .or(suse)
        .or_else(|| [SBIN, USR_SBIN, USR_BIN].into_iter().find(|path| facts.tree.resolve(path).is_ok()))
        .unwrap_or(SBIN)
        .to_vec()
}

/// Whether a shell refuses every login, whatever directory it is in.
pub(crate) fn is_nologin(shell: &[u8]) -> bool {
    shell.ends_with(b"/nologin") || shell.ends_with(b"/false")
}
