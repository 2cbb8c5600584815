//! remove.tunables: settings of the kernel and its modules, which belong to the host.

use super::paths::{self, Extent, Row};
use crate::plan::Draft;
use crate::rules::Context;

const TABLE: &[Row] = &[
    ("/etc/sysctl.conf", Extent::Whole),
    ("/etc/sysctl.d", Extent::Whole),
    ("/lib/sysctl.d", Extent::Whole),
    ("/usr/lib/sysctl.d", Extent::Whole),
    ("/usr/local/lib/sysctl.d", Extent::Whole),
    ("/etc/modprobe.conf", Extent::Whole),
    ("/etc/modprobe.d", Extent::Whole),
    ("/lib/modprobe.d", Extent::Whole),
    ("/usr/lib/modprobe.d", Extent::Whole),
    ("/etc/modules", Extent::Whole),
    ("/etc/modules-load.d", Extent::Whole),
    ("/lib/modules-load.d", Extent::Whole),
    ("/usr/lib/modules-load.d", Extent::Whole),
    ("/etc/depmod.d", Extent::Whole),
    ("/lib/depmod.d", Extent::Whole),
    ("/usr/lib/depmod.d", Extent::Whole),
    ("/etc/mdev.conf", Extent::Whole),
    ("/etc/mdev", Extent::Whole),
    ("/lib/mdev", Extent::Whole),
    ("/etc/acpi", Extent::Whole),
    ("/etc/udev", Extent::Whole),
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "kernel settings belong to the host");
}
