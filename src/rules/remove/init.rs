//! remove.init: init systems and the units and scripts they would start.
//!
//! Libraries stay: only configuration, scripts and units go; what the closure needs below these paths stays too.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

const TABLE: &[&str] = &[
    // System V and LSB
    "/etc/init.d /etc/rc.d /etc/rc*.d /etc/rc.local /etc/inittab /etc/insserv*",
    // OpenRC
    "/etc/runlevels /etc/rc.conf /etc/conf.d /etc/local.d /lib/rc /usr/lib/rc /usr/libexec/rc",
    // systemd
    "/etc/systemd /etc/tmpfiles.d /etc/sysusers.d /etc/binfmt.d /usr/lib/systemd/system /usr/lib/systemd/user \
     /usr/lib/systemd/system-generators /usr/lib/systemd/user-generators /usr/lib/systemd/system-preset \
     /usr/lib/systemd/user-preset /usr/lib/systemd/system-sleep /usr/lib/systemd/system-shutdown \
     /usr/lib/systemd/network /usr/lib/systemd/ntp-units.d /usr/lib/systemd/catalog /lib/systemd/system \
     /lib/systemd/user /lib/systemd/system-generators /lib/systemd/system-preset /lib/systemd/system-sleep \
     /lib/systemd/system-shutdown /lib/systemd/network /usr/lib/tmpfiles.d /usr/lib/sysusers.d \
     /usr/lib/environment.d /usr/lib/binfmt.d /var/lib/systemd",
    // upstart, runit
    "/etc/init /etc/runit /etc/sv",
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "a container has no init system");
}
