//! remove.tunables: settings of the kernel and its modules, which belong to the host.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

const TABLE: &[&str] =
    &["/etc/sysctl.conf /etc/sysctl.d /lib/sysctl.d /usr/lib/sysctl.d /usr/local/lib/sysctl.d /etc/modprobe.conf \
     /etc/modprobe.d /lib/modprobe.d /usr/lib/modprobe.d /etc/modules /etc/modules-load.d /lib/modules-load.d \
     /usr/lib/modules-load.d /etc/depmod.d /lib/depmod.d /usr/lib/depmod.d /etc/mdev.conf /etc/mdev /lib/mdev \
     /etc/acpi /etc/udev"];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "kernel settings belong to the host");
}
