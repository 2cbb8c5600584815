//! remove.init: init systems and the units and scripts they would start.
//!
//! Libraries stay: only configuration, scripts and units go; what the closure needs below these paths stays too.

use super::paths::{self, Extent, Row};
use crate::plan::Draft;
use crate::rules::Context;

const TABLE: &[Row] = &[
    // System V and LSB
    ("/etc/init.d", Extent::Whole),
    ("/etc/rc.d", Extent::Whole),
    ("/etc/rc*.d", Extent::Whole),
    ("/etc/rc.local", Extent::Whole),
    ("/etc/inittab", Extent::Whole),
    ("/etc/insserv*", Extent::Whole),
    // OpenRC
    ("/etc/runlevels", Extent::Whole),
    ("/etc/rc.conf", Extent::Whole),
    ("/etc/conf.d", Extent::Whole),
    ("/etc/local.d", Extent::Whole),
    ("/lib/rc", Extent::Whole),
    ("/usr/lib/rc", Extent::Whole),
    ("/usr/libexec/rc", Extent::Whole),
    // systemd
    ("/etc/systemd", Extent::Whole),
    ("/etc/tmpfiles.d", Extent::Whole),
    ("/etc/sysusers.d", Extent::Whole),
    ("/etc/binfmt.d", Extent::Whole),
    ("/usr/lib/systemd/system", Extent::Whole),
    ("/usr/lib/systemd/user", Extent::Whole),
    ("/usr/lib/systemd/system-generators", Extent::Whole),
    ("/usr/lib/systemd/user-generators", Extent::Whole),
    ("/usr/lib/systemd/system-preset", Extent::Whole),
    ("/usr/lib/systemd/user-preset", Extent::Whole),
    ("/usr/lib/systemd/system-sleep", Extent::Whole),
    ("/usr/lib/systemd/system-shutdown", Extent::Whole),
    ("/usr/lib/systemd/network", Extent::Whole),
    ("/usr/lib/systemd/ntp-units.d", Extent::Whole),
    ("/usr/lib/systemd/catalog", Extent::Whole),
    ("/lib/systemd/system", Extent::Whole),
    ("/lib/systemd/user", Extent::Whole),
    ("/lib/systemd/system-generators", Extent::Whole),
    ("/lib/systemd/system-preset", Extent::Whole),
    ("/lib/systemd/system-sleep", Extent::Whole),
    ("/lib/systemd/system-shutdown", Extent::Whole),
    ("/lib/systemd/network", Extent::Whole),
    ("/usr/lib/tmpfiles.d", Extent::Whole),
    ("/usr/lib/sysusers.d", Extent::Whole),
    ("/usr/lib/environment.d", Extent::Whole),
    ("/usr/lib/binfmt.d", Extent::Whole),
    ("/var/lib/systemd", Extent::Whole),
    // upstart, runit
    ("/etc/init", Extent::Whole),
    ("/etc/runit", Extent::Whole),
    ("/etc/sv", Extent::Whole),
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "a container has no init system");
}
